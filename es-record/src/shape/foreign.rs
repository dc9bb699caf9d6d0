//! The shapes of types of other crates. Each crate has a feature of its name.
//!
//! The features add shapes only. The crates themselves decide how their types are serialized.

use super::{Node, Shape, impls::scalars};

#[cfg(feature = "chrono")]
impl<Tz: chrono::TimeZone> Shape for chrono::DateTime<Tz> {
    const SHAPE: Node = Node::Scalar("timestamp");
}

#[cfg(feature = "chrono")]
scalars! {
    chrono::NaiveDate => "date", chrono::NaiveTime => "time",
    chrono::NaiveDateTime => "datetime", chrono::Weekday => "weekday", chrono::Month => "month",
    chrono::TimeDelta => "secs_nanos",
}

#[cfg(feature = "jiff")]
scalars! {
    jiff::Timestamp => "timestamp", jiff::Zoned => "zoned",
    jiff::civil::Date => "date", jiff::civil::Time => "time", jiff::civil::DateTime => "datetime",
    jiff::Span => "span", jiff::SignedDuration => "span",
}

// Its wire form follows a feature of the crate, so these names are its own.
#[cfg(feature = "time")]
scalars! {
    time::Date => "time.date", time::Time => "time.time",
    time::PrimitiveDateTime => "time.datetime", time::OffsetDateTime => "time.offset_datetime",
    time::UtcOffset => "time.offset", time::Duration => "time.duration",
    time::Weekday => "time.weekday", time::Month => "time.month",
}

#[cfg(feature = "rust_decimal")]
scalars! { rust_decimal::Decimal => "decimal", }
