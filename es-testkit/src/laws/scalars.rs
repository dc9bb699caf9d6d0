//! Random values of the scalars that shapes name, as JSON text: plain ones, and those at the bounds.

use es_schema_lock::__private::scalar;
use proptest::{
    arbitrary::{Arbitrary, any},
    prelude::{BoxedStrategy, Just, Strategy},
    prop_oneof, sample,
};
use serde_json::Value;
use std::{
    fmt::Debug,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// Values of a scalar. `form` chooses where types of one name are stored in several forms.
pub(super) fn strategy(name: &'static str, form: usize) -> BoxedStrategy<String> {
    match name {
        "bool" => any::<bool>().prop_map(|truth| truth.to_string()).boxed(),
        "char" => any::<char>().prop_map(quoted).boxed(),
        "str" => texts(),
        "unit" => Just("null".to_owned()).boxed(),
        "u8" => integers::<u8>(&[0, u8::MAX]),
        "u16" => integers::<u16>(&[0, u16::MAX]),
        "u32" => integers::<u32>(&[0, u32::MAX]),
        "u64" => integers::<u64>(&[0, u64::MAX]),
        "u128" => integers::<u128>(&[0, u128::MAX]),
        "i8" => integers::<i8>(&[0, -1, i8::MIN, i8::MAX]),
        "i16" => integers::<i16>(&[0, -1, i16::MIN, i16::MAX]),
        "i32" => integers::<i32>(&[0, -1, i32::MIN, i32::MAX]),
        "i64" => integers::<i64>(&[0, -1, i64::MIN, i64::MAX]),
        "i128" => integers::<i128>(&[0, -1, i128::MIN, i128::MAX]),
        "f32" => floats::<f32>(&[0.0, -0.0, f32::MIN, f32::MAX, f32::MIN_POSITIVE]),
        "f64" => floats::<f64>(&[0.0, -0.0, f64::MIN, f64::MAX, f64::MIN_POSITIVE]),
        "ip" => any::<IpAddr>().prop_map(quoted).boxed(),
        "ipv4" => any::<Ipv4Addr>().prop_map(quoted).boxed(),
        "ipv6" => any::<Ipv6Addr>().prop_map(quoted).boxed(),
        "socket" => any::<(Ipv4Addr, u16)>()
            .prop_map(|(ip, port)| quoted(format_args!("{ip}:{port}")))
            .boxed(),
        "duration" => seconds("secs", "nanos"),
        "systemtime" => seconds("secs_since_epoch", "nanos_since_epoch"),
        "position" => (0_u64..1_000_000).prop_map(quoted).boxed(),
        "uuid" => any::<u64>()
            .prop_map(|n| {
                let (high, low) = (n >> 48, n & 0xffff_ffff_ffff);
                quoted(format_args!("018f8c00-{high:04x}-7000-8000-{low:012x}"))
            })
            .boxed(),
        "date" => dates().prop_map(quoted).boxed(),
        "time" => times().prop_map(quoted).boxed(),
        "datetime" => (dates(), times())
            .prop_map(|(date, time)| quoted(format_args!("{date}T{time}")))
            .boxed(),
        "timestamp" => (dates(), times())
            .prop_map(|(date, time)| quoted(format_args!("{date}T{time}Z")))
            .boxed(),
        other => (0_u64..1_000)
            .prop_map(move |number| scalar(other, number, form).to_string())
            .boxed(),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "strategies pass their values on"
)]
fn quoted(value: impl ToString) -> String {
    Value::from(value.to_string()).to_string()
}

/// Small ones first: a failure shrinks to them.
fn integers<T>(bounds: &'static [T]) -> BoxedStrategy<String>
where
    T: Arbitrary + Clone + Debug + ToString + 'static,
{
    prop_oneof![
        5 => (0_u8..100).prop_map(|small| small.to_string()),
        2 => any::<T>().prop_map(|number| number.to_string()),
        1 => sample::select(bounds).prop_map(|number| number.to_string()),
    ]
    .boxed()
}

/// Finite ones: JSON has no others. What a command computes of them may be infinite, or no number.
fn floats<T>(bounds: &'static [T]) -> BoxedStrategy<String>
where
    T: Arbitrary + Clone + Debug + Into<f64> + 'static,
{
    let finite = any::<T>().prop_filter("not finite", |number| {
        Into::<f64>::into(number.clone()).is_finite()
    });
    prop_oneof![
        5 => (0_u32..100_000).prop_map(|cents| format!("{}.{:02}", cents / 100, cents % 100)),
        2 => finite.prop_map(|number| format!("{number:?}")),
        1 => sample::select(bounds).prop_map(|number| format!("{number:?}")),
    ]
    .boxed()
}

/// What programs stumble over: nothing, spaces, quotes, control characters, letters that grow in lower case,
/// signs of several scalars, writing from the right, and the longest that is still readable.
const AWKWARD: &[&str] = &[
    "",
    " ",
    "\t\r\n",
    "\0",
    "\"\\'",
    "'; --",
    "null",
    "0",
    "-1",
    "İ",
    "ß",
    "e\u{301}",
    "\u{1f469}\u{200d}\u{1f467}",
    "\u{202e}",
    "\u{feff}",
    "\u{ffff}",
];

fn texts() -> BoxedStrategy<String> {
    let words = proptest::collection::vec(proptest::char::range('a', 'z'), 1..8);
    prop_oneof![
        5 => words.prop_map(|letters| quoted(String::from_iter(letters))),
        2 => any::<String>().prop_map(quoted),
        2 => sample::select(AWKWARD).prop_map(quoted),
        1 => (100_usize..2_000).prop_map(|length| quoted("long ".repeat(length / 5))),
    ]
    .boxed()
}

fn seconds(seconds: &'static str, nanos: &'static str) -> BoxedStrategy<String> {
    (0_u32..=u32::MAX, 0_u32..1_000_000_000)
        .prop_map(move |(whole, part)| format!("{{\"{seconds}\":{whole},\"{nanos}\":{part}}}"))
        .boxed()
}

/// Days that every calendar type has, and those at the ends of months and of what four digits can name.
fn dates() -> BoxedStrategy<String> {
    let ends = sample::select(vec![
        "1969-12-31",
        "1970-01-01",
        "2000-02-29",
        "2023-12-31",
        "2024-02-29",
        "9999-12-31",
    ]);
    prop_oneof![
        4 => (1970_u32..2100, 1_u32..=12, 1_u32..=28)
            .prop_map(|(year, month, day)| format!("{year:04}-{month:02}-{day:02}")),
        1 => ends.prop_map(str::to_owned),
    ]
    .boxed()
}

fn times() -> BoxedStrategy<String> {
    prop_oneof![
        4 => (0_u32..24, 0_u32..60, 0_u32..60)
            .prop_map(|(hour, minute, second)| format!("{hour:02}:{minute:02}:{second:02}")),
        1 => (0_u32..1_000_000).prop_map(|micros| format!("23:59:59.{micros:06}")),
    ]
    .boxed()
}
