//! A span of time in an attribute.

use super::{
    Value,
    value::{equals, error},
    value_of_item,
};
use crate::{diag::Diag, ident, messages};
use proc_macro2::Ident;
use syn::{LitStr, parse::ParseStream};

/// A span of time such as `"200ms"`, in milliseconds.
#[derive(Clone, Copy)]
pub(crate) struct Time(pub(crate) u64);

impl Value for Time {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        let word = ident::text(key);
        equals(key, input, &format!("{word} = \"20s\""))?;
        let tokens = value_of_item(input);
        let text = syn::parse2::<LitStr>(tokens.clone()).ok();
        text.and_then(|text| milliseconds(&text.value()))
            .map(Self)
            .ok_or_else(|| error(&tokens, key, messages::attribute::not_a_time(&word)))
    }
}

fn milliseconds(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().ok()?;
    let unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(unit).filter(|time| *time > 0)
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn times_have_a_number_and_a_unit() {
        for (text, time) in [
            ("200ms", 200),
            ("20s", 20_000),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(milliseconds(text), Some(time), "{text}");
        }
        for text in [
            "",
            "20",
            "s",
            "0s",
            "2 h",
            "-1s",
            "1.5s",
            "99999999999999999999s",
        ] {
            assert_eq!(milliseconds(text), None, "{text}");
        }
    }
}
