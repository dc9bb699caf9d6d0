//! The wire shape of a type, as a constant: what its serialized form looks like, whatever its Rust
//! names are.

#![allow(
    clippy::indexing_slicing,
    reason = "a const function has no other way, and each index is below a length"
)]

/// A type whose wire shape is known at compile time.
///
/// Derive it on types inside events. It is implemented for the types of the standard library that
/// serde knows, and behind features for those of other crates.
///
/// ```
/// use es_runtime::schema::{Layout, Shape};
///
/// assert_eq!(<Vec<Option<u32>>>::SHAPE.render(Layout::ByName), "[u32?]");
/// ```
#[diagnostic::on_unimplemented(
    message = "the wire shape of `{Self}` is not known",
    label = "`{Self}` does not implement `Shape`",
    note = "add `#[derive(es_runtime::Shape)]` to `{Self}`; for a type of another crate write `#[shape(as = \"..\")]` on the field"
)]
pub trait Shape {
    /// The shape.
    const SHAPE: Node;
}

/// The shape of one place in a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Node {
    /// A value without parts: `u64`, `str`, `bool`, ...
    Scalar(&'static str),
    /// A value with a unit that gives it its meaning: `u64@cents`.
    Unit(&'static Node, &'static str),
    /// A value that may be absent: `T?`.
    Option(&'static Node),
    /// Any number of values: `[T]`.
    Seq(&'static Node),
    /// Keys and values: `{K=>V}`.
    Map(&'static Node, &'static Node),
    /// A fixed number of values: `(A,B)`.
    Tuple(&'static [Node]),
    /// Named fields in the order of declaration: `{a:T,b:U}`.
    Struct(&'static [Member]),
    /// One of several variants in the order of declaration: `<A|B(T)|C{..}>`.
    Enum(&'static [Member]),
    /// What a variant without data holds.
    Nothing,
    /// A type that contains itself, by its Rust name: `^Tree`.
    Again(&'static str),
}

/// A field of a struct, or a variant of an enum with what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name on the wire.
    pub name: &'static str,
    /// Its shape.
    pub node: Node,
}

/// What counts as a change of shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Names find their values, so the order does not count: JSON.
    ByName,
    /// The order finds the values, so it counts: postcard.
    ByOrder,
}

impl Node {
    /// The text of the shape.
    pub fn render(&self, layout: Layout) -> String {
        let mut bytes = vec![0; self.len(layout)];
        self.write(layout, &mut bytes, 0);
        String::from_utf8(bytes).unwrap_or_default()
    }

    /// The length of the text in bytes.
    pub const fn len(&self, layout: Layout) -> usize {
        self.write(layout, &mut [], 0)
    }

    /// Always `false`: every shape has a text.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Writes the text from `at` on as far as `to` reaches; says where it would end.
    ///
    /// One function for the compiler and for tests: it is `const`, so there is one text.
    pub const fn write(&self, layout: Layout, to: &mut [u8], at: usize) -> usize {
        match self {
            Self::Scalar(name) => put(name, to, at),
            Self::Unit(node, unit) => {
                let at = node.write(layout, to, at);
                let at = put("@", to, at);
                put(unit, to, at)
            }
            Self::Option(node) => {
                let at = node.write(layout, to, at);
                put("?", to, at)
            }
            Self::Seq(node) => {
                let at = put("[", to, at);
                let at = node.write(layout, to, at);
                put("]", to, at)
            }
            Self::Map(key, value) => {
                let at = put("{", to, at);
                let at = key.write(layout, to, at);
                let at = put("=>", to, at);
                let at = value.write(layout, to, at);
                put("}", to, at)
            }
            Self::Tuple(nodes) => write_tuple(nodes, layout, to, at),
            Self::Struct(fields) => {
                let at = put("{", to, at);
                let at = write_members(fields, layout, false, to, at);
                put("}", to, at)
            }
            Self::Enum(variants) => {
                let at = put("<", to, at);
                let at = write_members(variants, layout, true, to, at);
                put(">", to, at)
            }
            Self::Nothing => at,
            Self::Again(name) => {
                let at = put("^", to, at);
                put(name, to, at)
            }
        }
    }
}

const fn put(text: &str, to: &mut [u8], at: usize) -> usize {
    let mut left = text.as_bytes();
    let mut at = at;
    while let [byte, rest @ ..] = left {
        if at < to.len() {
            to[at] = *byte;
        }
        at += 1;
        left = rest;
    }
    at
}

const fn write_tuple(nodes: &[Node], layout: Layout, to: &mut [u8], at: usize) -> usize {
    let mut at = put("(", to, at);
    let mut left = nodes;
    while let [node, rest @ ..] = left {
        at = node.write(layout, to, at);
        if !rest.is_empty() {
            at = put(",", to, at);
        }
        left = rest;
    }
    put(")", to, at)
}

const fn write_members(
    members: &[Member],
    layout: Layout,
    variants: bool,
    to: &mut [u8],
    at: usize,
) -> usize {
    let mut at = at;
    let mut written = 0;
    let mut last = None;
    while written < members.len() {
        let index = match layout {
            Layout::ByOrder => written,
            Layout::ByName => next(members, last),
        };
        let Member { name, node } = &members[index];
        if written > 0 {
            at = put(if variants { "|" } else { "," }, to, at);
        }
        at = put(name, to, at);
        at = match node {
            Node::Nothing => at,
            Node::Struct(_) | Node::Tuple(_) if variants => node.write(layout, to, at),
            _ if variants => {
                let at = put("(", to, at);
                let at = node.write(layout, to, at);
                put(")", to, at)
            }
            _ => {
                let at = put(":", to, at);
                node.write(layout, to, at)
            }
        };
        last = Some(index);
        written += 1;
    }
    at
}

/// The index of the member whose name follows that of `last`; names are distinct.
const fn next(members: &[Member], last: Option<usize>) -> usize {
    let mut best = 0;
    let mut found = false;
    let mut index = 0;
    while index < members.len() {
        let name = members[index].name;
        let behind = match last {
            None => true,
            Some(last) => less(members[last].name, name),
        };
        if behind && (!found || less(name, members[best].name)) {
            best = index;
            found = true;
        }
        index += 1;
    }
    best
}

const fn less(one: &str, two: &str) -> bool {
    let mut one = one.as_bytes();
    let mut two = two.as_bytes();
    loop {
        match (one, two) {
            ([a, rest_one @ ..], [b, rest_two @ ..]) => {
                if *a != *b {
                    return *a < *b;
                }
                one = rest_one;
                two = rest_two;
            }
            ([], [_, ..]) => return true,
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: Node = Node::Struct(&[
        Member {
            name: "sku",
            node: Node::Scalar("str"),
        },
        Member {
            name: "qty",
            node: Node::Option(&Node::Scalar("u32")),
        },
    ]);
    const ORDER: Node = Node::Struct(&[
        Member {
            name: "total",
            node: Node::Unit(&Node::Scalar("i64"), "cents"),
        },
        Member {
            name: "lines",
            node: Node::Seq(&LINE),
        },
        Member {
            name: "kind",
            node: Node::Enum(&[
                Member {
                    name: "Web",
                    node: Node::Nothing,
                },
                Member {
                    name: "Shop",
                    node: Node::Tuple(&[Node::Scalar("u8"), Node::Scalar("str")]),
                },
                Member {
                    name: "Mail",
                    node: Node::Scalar("str"),
                },
                Member {
                    name: "Fax",
                    node: LINE,
                },
            ]),
        },
        Member {
            name: "by",
            node: Node::Map(&Node::Scalar("str"), &Node::Again("Order")),
        },
    ]);

    #[test]
    fn a_shape_has_one_text_for_each_layout() {
        assert_eq!(
            ORDER.render(Layout::ByName),
            "{by:{str=>^Order},kind:<Fax{qty:u32?,sku:str}|Mail(str)|Shop(u8,str)|Web>,\
             lines:[{qty:u32?,sku:str}],total:i64@cents}"
        );
        assert_eq!(
            ORDER.render(Layout::ByOrder),
            "{total:i64@cents,lines:[{sku:str,qty:u32?}],\
             kind:<Web|Shop(u8,str)|Mail(str)|Fax{sku:str,qty:u32?}>,by:{str=>^Order}}"
        );
    }

    #[test]
    fn the_compiler_writes_the_same_text() {
        const LEN: usize = ORDER.len(Layout::ByName);
        const TEXT: [u8; LEN] = {
            let mut text = [0; LEN];
            ORDER.write(Layout::ByName, &mut text, 0);
            text
        };
        assert_eq!(ORDER.render(Layout::ByName).as_bytes(), TEXT);
    }
}
