//! The differences of two shapes, found in their texts, since a lock has nothing else.

use crate::tree::{Kind, Tree, parse};
use std::fmt;

/// A difference between the shape in a lock and the shape that the code derives.
///
/// A path looks like `lines[].qty`: the field `qty` of each element of `lines`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// A value has another type.
    Type {
        /// The path.
        at: String,
        /// The type in the lock.
        locked: String,
        /// The type in the code.
        derived: String,
    },
    /// The lock has a field that the code does not have.
    Missing {
        /// The path.
        at: String,
        /// Its shape in the lock.
        locked: String,
    },
    /// The code has a field that the lock does not have.
    Added {
        /// The path.
        at: String,
        /// Its shape in the code.
        derived: String,
    },
    /// A field or variant of the same shape has another name.
    Renamed {
        /// The path in the lock.
        locked: String,
        /// The path in the code.
        derived: String,
    },
    /// The lock has a variant that the code does not have.
    MissingVariant {
        /// The path.
        at: String,
    },
    /// The code has a variant that the lock does not have.
    AddedVariant {
        /// The path.
        at: String,
    },
    /// Fields or variants have another order, and the codec is positional.
    Order {
        /// The path.
        at: String,
        /// The order in the lock.
        locked: String,
        /// The order in the code.
        derived: String,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type {
                at,
                locked,
                derived,
            } if at.is_empty() => write!(f, "{locked} -> {derived}"),
            Self::Type {
                at,
                locked,
                derived,
            } => write!(f, "{at}:{locked} -> {at}:{derived}"),
            Self::Missing { at, locked } => write!(f, "{at}:{locked} is not in the code"),
            Self::Added { at, derived } => write!(f, "{at}:{derived} is not in the lock"),
            Self::Renamed { locked, derived } => {
                write!(f, "{locked} is called {derived} in the code")
            }
            Self::MissingVariant { at } => write!(f, "the variant {at} is not in the code"),
            Self::AddedVariant { at } => write!(f, "the variant {at} is not in the lock"),
            Self::Order {
                at,
                locked,
                derived,
            } => {
                let of = if at.is_empty() { "" } else { " of " };
                write!(f, "the order{of}{at}: {locked} -> {derived}")
            }
        }
    }
}

/// Every difference between two texts of shapes; none when they are equal.
pub(super) fn between(locked: &str, derived: &str) -> Vec<Difference> {
    let mut found = Vec::new();
    if locked != derived {
        match (parse(locked), parse(derived)) {
            (Some(locked), Some(derived)) => compare("", &locked, &derived, &mut found),
            _ => found.push(Difference::Type {
                at: String::new(),
                locked: locked.to_owned(),
                derived: derived.to_owned(),
            }),
        }
    }
    found
}

fn compare(at: &str, locked: &Tree<'_>, derived: &Tree<'_>, found: &mut Vec<Difference>) {
    if locked.text == derived.text {
        return;
    }
    match (&locked.kind, &derived.kind) {
        (Kind::Seq(one), Kind::Seq(two)) => compare(&format!("{at}[]"), one, two, found),
        (Kind::Option(one), Kind::Option(two)) => compare(at, one, two, found),
        (Kind::Map(key, value), Kind::Map(new_key, new_value)) => {
            compare(&format!("{at}{{key}}"), key, new_key, found);
            compare(&format!("{at}{{value}}"), value, new_value, found);
        }
        (Kind::Tuple(one), Kind::Tuple(two)) if one.len() == two.len() => {
            for (index, (one, two)) in one.iter().zip(two).enumerate() {
                compare(&join(at, ".", &index.to_string()), one, two, found);
            }
        }
        (Kind::Struct(one), Kind::Struct(two)) => members(at, one, two, false, found),
        (Kind::Enum(one), Kind::Enum(two)) => members(at, one, two, true, found),
        _ => found.push(Difference::Type {
            at: at.to_owned(),
            locked: locked.text.to_owned(),
            derived: derived.text.to_owned(),
        }),
    }
}

/// The path of a part.
pub(super) fn join(at: &str, separator: &str, name: &str) -> String {
    if at.is_empty() {
        name.to_owned()
    } else {
        format!("{at}{separator}{name}")
    }
}

type Members<'a> = [(&'a str, Tree<'a>)];

fn members(
    at: &str,
    locked: &Members<'_>,
    derived: &Members<'_>,
    variants: bool,
    found: &mut Vec<Difference>,
) {
    let place = |name: &str| join(at, if variants { "::" } else { "." }, name);
    let has = |all: &Members<'_>, name: &str| all.iter().any(|(other, _)| *other == name);
    let before = found.len();
    let mut added: Vec<_> = derived
        .iter()
        .filter(|(name, _)| !has(locked, name))
        .collect();
    for (name, tree) in locked {
        if let Some((_, new)) = derived.iter().find(|(other, _)| other == name) {
            compare(&place(name), tree, new, found);
            continue;
        }
        let renamed = added.iter().position(|(_, new)| new.text == tree.text);
        found.push(match renamed {
            Some(index) => Difference::Renamed {
                locked: place(name),
                derived: place(added.remove(index).0),
            },
            None if variants => Difference::MissingVariant { at: place(name) },
            None => Difference::Missing {
                at: place(name),
                locked: tree.text.to_owned(),
            },
        });
    }
    for (name, tree) in added {
        found.push(if variants {
            Difference::AddedVariant { at: place(name) }
        } else {
            Difference::Added {
                at: place(name),
                derived: tree.text.to_owned(),
            }
        });
    }
    if found.len() == before {
        let names = |all: &Members<'_>| {
            let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
            names.join(", ")
        };
        found.push(Difference::Order {
            at: at.to_owned(),
            locked: names(locked),
            derived: names(derived),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(locked: &str, derived: &str) -> Vec<String> {
        between(locked, derived)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn each_kind_of_difference_is_told_apart() {
        let cases: &[(&str, &str, &[&str])] = &[
            ("{a:u8}", "{a:u8}", &[]),
            ("{total:f64}", "{total:f32}", &["total:f64 -> total:f32"]),
            (
                "{lines:[{qty:u32,sku:str}]}",
                "{lines:[{qty:u64,sku:str}]}",
                &["lines[].qty:u32 -> lines[].qty:u64"],
            ),
            ("{a:str,b:u8}", "{a:str}", &["b:u8 is not in the code"]),
            ("{a:str}", "{a:str,b:u8?}", &["b:u8? is not in the lock"]),
            (
                "{a:str,b:u8}",
                "{c:str,b:u8}",
                &["a is called c in the code"],
            ),
            ("<A|B(u8)>", "<B(u8)|C>", &["A is called C in the code"]),
            (
                "{k:<A|B>}",
                "{k:<A>}",
                &["the variant k::B is not in the code"],
            ),
            ("<A>", "<A|B(u8)>", &["the variant B is not in the lock"]),
            ("<A|B>", "<B|A>", &["the order: A, B -> B, A"]),
            (
                "{x:{b:u8,a:u8}}",
                "{x:{a:u8,b:u8}}",
                &["the order of x: b, a -> a, b"],
            ),
            (
                "{a:{str=>u8}}",
                "{a:{str=>u16}}",
                &["a{value}:u8 -> a{value}:u16"],
            ),
            ("{a:(u8,u8)}", "{a:(u8,u16)}", &["a.1:u8 -> a.1:u16"]),
            ("u64@cents", "u64@euros", &["u64@cents -> u64@euros"]),
            ("{a:u8?}", "{a:u8}", &["a:u8? -> a:u8"]),
            (
                r#"{"a, \"b":u8}"#,
                r#"{"a, \"b":u16}"#,
                &[r#""a, \"b":u8 -> "a, \"b":u16"#],
            ),
            ("{a:^Tree?}", "{a:^Wood?}", &["a:^Tree -> a:^Wood"]),
            ("not { a shape", "{}", &["not { a shape -> {}"]),
            (
                "<Fax{qty:u32?}|Mail(str)>",
                "<Fax{qty:u32?}|Mail(u8)>",
                &["Mail.0:str -> Mail.0:u8"],
            ),
        ];
        for (locked, derived, expected) in cases {
            assert_eq!(texts(locked, derived), *expected, "{locked} {derived}");
        }
    }

    #[test]
    fn a_text_that_nests_without_end_is_compared_as_a_whole() {
        let deep = "[".repeat(100_000);
        assert_eq!(between(&deep, "u8").len(), 1);
    }
}
