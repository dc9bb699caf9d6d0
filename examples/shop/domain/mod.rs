//! What the shop is about: customers and orders, exact money, real dates.

pub mod customer;
pub mod order;

use es_runtime::Shape;
use serde::{Deserialize, Serialize};
use std::{fmt, iter::Sum, ops::Add};

/// An exact amount of money in US cents.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Shape,
)]
#[serde(transparent)]
#[shape(unit = "cents")]
pub struct Cents(pub i64);

impl Cents {
    pub const ZERO: Self = Self(0);

    /// The sum, `None` when it is more than an amount can be.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }
}

impl Add for Cents {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sum for Cents {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let cents = self.0.unsigned_abs();
        write!(f, "{sign}${}.{:02}", cents / 100, cents % 100)
    }
}

/// Makes a text type for ids, with the two conversions that an aggregate's id needs.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Shape,
        )]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::convert::Infallible;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Ok(Self(text.to_owned()))
            }
        }
    };
}

text_id! {
    /// A customer, by the number in the full data: `00004`.
    CustomerId
}
text_id! {
    /// An order: `00004-19970118-2-2973`.
    OrderId
}

/// A currency by its three letters: `USD`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Shape)]
#[serde(transparent)]
pub struct Currency(String);

impl From<&str> for Currency {
    fn from(letters: &str) -> Self {
        Self(letters.to_owned())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Cents;

    #[test]
    fn money_prints_exactly() {
        for (cents, text) in [
            (0, "$0.00"),
            (5, "$0.05"),
            (2933, "$29.33"),
            (-150, "-$1.50"),
        ] {
            assert_eq!(Cents(cents).to_string(), text);
        }
    }
}
