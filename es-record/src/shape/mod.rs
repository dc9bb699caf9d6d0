//! The shape of a type as a constant. It describes the serialized form, not the Rust names.

#![allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a const function has no other way, and each index is below a length"
)]

#[cfg(any(
    feature = "chrono",
    feature = "jiff",
    feature = "rust_decimal",
    feature = "time"
))]
mod foreign;
mod impls;

/// A type whose shape is known at compile time.
///
/// `#[derive(Shape)]` implements it; derive it on the types inside events. The types of the standard
/// library that serde knows implement it, and with features those of `chrono`, `jiff`, `rust_decimal`
/// and `time`.
///
/// ```
/// use es_record::{Layout, Shape};
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

/// The shape of a value in a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// A value without parts: `u64`, `str`, `bool`, ...
    Scalar(&'static str),
    /// A value with a unit: `u64@cents`.
    Unit(&'static Node, &'static str),
    /// A value that may be absent: `T?`.
    Option(&'static Node),
    /// Any number of values: `[T]`.
    Seq(&'static Node),
    /// Any number of values without an order. Its text is that of [`Seq`](Node::Seq), because it is stored
    /// in the same way.
    Set(&'static Node),
    /// Keys and values: `{K=>V}`.
    Map(&'static Node, &'static Node),
    /// A fixed number of values: `(A,B)`.
    Tuple(&'static [Node]),
    /// Named fields in the order of declaration: `{a:T,b:U}`.
    Struct(&'static [Member]),
    /// One of several variants in the order of declaration: `<A|B(T)|C{..}>`.
    Enum(&'static [Member]),
    /// The content of a variant without data.
    Nothing,
    /// A type that contains itself, by its Rust name: `^Tree`.
    Again(&'static str),
}

/// A field of a struct, or a variant of an enum with its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its stored name.
    pub name: &'static str,
    /// Its shape.
    pub node: Node,
}

/// Whether the order of fields and variants is part of the shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// It is not, because names identify the values: JSON.
    ByName,
    /// It is, because the order identifies the values: postcard.
    ByOrder,
}

impl Layout {
    /// The layout of payloads of `codec`.
    pub const fn of(codec: crate::Codec) -> Self {
        match codec {
            crate::Codec::Json => Self::ByName,
            #[cfg(feature = "postcard")]
            crate::Codec::Postcard => Self::ByOrder,
        }
    }
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

    /// Writes the text into `to` from `at` on, as far as there is room. Returns the end of the whole text.
    ///
    /// It is `const`, so that the compiler and tests write the same text.
    pub const fn write(&self, layout: Layout, to: &mut [u8], at: usize) -> usize {
        self.walk(layout, &mut Sink::Write(to), at)
    }

    /// Whether this is the text of the shape. In constants it is cheaper than [`write`](Node::write).
    ///
    /// ```
    /// use es_record::{Layout, Shape};
    ///
    /// const SAME: bool = <Option<u32>>::SHAPE.has_text(Layout::ByName, b"u32?");
    /// assert!(SAME);
    /// assert!(!u32::SHAPE.has_text(Layout::ByName, b"u32?"));
    /// ```
    pub const fn has_text(&self, layout: Layout, text: &[u8]) -> bool {
        let mut sink = Sink::Compare(Some(text));
        self.walk(layout, &mut sink, 0);
        matches!(sink, Sink::Compare(Some([])))
    }

    const fn walk(&self, layout: Layout, to: &mut Sink<'_>, at: usize) -> usize {
        match self {
            Self::Scalar(name) => put_name(name, to, at),
            Self::Unit(node, unit) => {
                let at = node.walk(layout, to, at);
                let at = put(b"@", to, at);
                put_name(unit, to, at)
            }
            Self::Option(node) => {
                let at = node.walk(layout, to, at);
                put(b"?", to, at)
            }
            Self::Seq(node) | Self::Set(node) => {
                let at = put(b"[", to, at);
                let at = node.walk(layout, to, at);
                put(b"]", to, at)
            }
            Self::Map(key, value) => {
                let at = put(b"{", to, at);
                let at = key.walk(layout, to, at);
                let at = put(b"=>", to, at);
                let at = value.walk(layout, to, at);
                put(b"}", to, at)
            }
            Self::Tuple(nodes) => write_tuple(nodes, layout, to, at),
            Self::Struct(fields) => {
                let at = put(b"{", to, at);
                let at = write_members(fields, layout, false, to, at);
                put(b"}", to, at)
            }
            Self::Enum(variants) => {
                let at = put(b"<", to, at);
                let at = write_members(variants, layout, true, to, at);
                put(b">", to, at)
            }
            Self::Nothing => at,
            Self::Again(name) => {
                let at = put(b"^", to, at);
                put_name(name, to, at)
            }
        }
    }
}

/// Receives the text of a shape: writes it into a buffer, or compares it with the rest of another text,
/// which is `None` after a difference.
///
/// The comparison is written for the interpreter of the compiler, where calls cost most: it loops over
/// slice patterns and avoids `len` and `split_at`.
enum Sink<'a> {
    Write(&'a mut [u8]),
    Compare(Option<&'a [u8]>),
}

#[expect(clippy::needless_bitwise_bool, reason = "`|` is no branch")]
const fn put(text: &[u8], to: &mut Sink<'_>, at: usize) -> usize {
    let mut at = at;
    let mut text = text;
    match to {
        Sink::Write(to) => {
            while let [byte, rest @ ..] = text {
                if at < to.len() {
                    to[at] = *byte;
                }
                at += 1;
                text = rest;
            }
        }
        Sink::Compare(None) => {}
        Sink::Compare(with @ Some(_)) => {
            // Four bytes at a time: each turn of a loop costs the interpreter more than they do.
            let Some(mut left) = *with else { return at };
            while let ([a, b, c, d, rest @ ..], [e, f, g, h, tail @ ..]) = (text, left) {
                if (*a != *e) | (*b != *f) | (*c != *g) | (*d != *h) {
                    *with = None;
                    return at;
                }
                at += 4;
                text = rest;
                left = tail;
            }
            while let [byte, rest @ ..] = text {
                match left {
                    [other, tail @ ..] if *other == *byte => left = tail,
                    _ => {
                        *with = None;
                        return at;
                    }
                }
                at += 1;
                text = rest;
            }
            *with = Some(left);
        }
    }
    at
}

/// The bytes that need no quotes in names. It is a table because branches are slow in the interpreter.
const PLAIN: &[bool; 256] = &{
    let mut plain = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        plain[byte] = byte >= 0x80
            || (byte as u8).is_ascii_alphanumeric()
            || matches!(byte as u8, b'_' | b'-' | b'.' | b'$' | b'/');
        byte += 1;
    }
    plain
};

/// Writes a name, in quotes where it could be read as something else.
const fn put_name(name: &str, to: &mut Sink<'_>, at: usize) -> usize {
    let name = name.as_bytes();
    let mut left = name;
    let mut is_plain = matches!(name, [_, ..]);
    while let [byte, rest @ ..] = left {
        is_plain &= PLAIN[*byte as usize];
        left = rest;
    }
    if is_plain {
        return put(name, to, at);
    }
    let mut at = put(b"\"", to, at);
    left = name;
    while let [byte, rest @ ..] = left {
        at = match *byte {
            b'"' => put(b"\\\"", to, at),
            b'\\' => put(b"\\\\", to, at),
            b'\n' => put(b"\\n", to, at),
            b'\r' => put(b"\\r", to, at),
            other => put(&[other], to, at),
        };
        left = rest;
    }
    put(b"\"", to, at)
}

const fn write_tuple(nodes: &[Node], layout: Layout, to: &mut Sink<'_>, at: usize) -> usize {
    let mut at = put(b"(", to, at);
    let mut left = nodes;
    while let [node, rest @ ..] = left {
        at = node.walk(layout, to, at);
        if !rest.is_empty() {
            at = put(b",", to, at);
        }
        left = rest;
    }
    put(b")", to, at)
}

const fn write_members(
    members: &[Member],
    layout: Layout,
    variants: bool,
    to: &mut Sink<'_>,
    at: usize,
) -> usize {
    let mut at = at;
    let mut written = 0;
    let mut last = None;
    let sorted = sort(members, layout);
    while written < members.len() {
        let index = match layout {
            Layout::ByOrder => written,
            Layout::ByName if members.len() <= SORTED => sorted[written] as usize,
            Layout::ByName => next(members, last),
        };
        let Member { name, node } = &members[index];
        if written > 0 {
            at = put(if variants { b"|" } else { b"," }, to, at);
        }
        at = put_name(name, to, at);
        at = match node {
            Node::Nothing => at,
            Node::Struct(_) | Node::Tuple(_) if variants => node.walk(layout, to, at),
            _ if variants => {
                let at = put(b"(", to, at);
                let at = node.walk(layout, to, at);
                put(b")", to, at)
            }
            _ => {
                let at = put(b":", to, at);
                node.walk(layout, to, at)
            }
        };
        last = Some(index);
        written += 1;
    }
    at
}

/// The greatest number of members that are sorted. Longer lists are searched for each next name.
const SORTED: usize = 64;

/// The indexes of the members in the order of their names.
const fn sort(members: &[Member], layout: Layout) -> [u8; SORTED] {
    let mut sorted = [0; SORTED];
    let mut index = 0;
    while index < members.len() && members.len() <= SORTED && matches!(layout, Layout::ByName) {
        let mut at = index;
        let name = members[index].name.as_bytes();
        while at > 0 && is_before(name, members[sorted[at - 1] as usize].name.as_bytes()) {
            sorted[at] = sorted[at - 1];
            at -= 1;
        }
        sorted[at] = index as u8;
        index += 1;
    }
    sorted
}

/// The index of the member whose name follows that of `last`; names are distinct.
const fn next(members: &[Member], last: Option<usize>) -> usize {
    let mut best = 0;
    let mut found = false;
    let mut index = 0;
    while index < members.len() {
        let name = members[index].name;
        let is_later = match last {
            None => true,
            Some(last) => less(members[last].name, name),
        };
        if is_later && (!found || less(name, members[best].name)) {
            best = index;
            found = true;
        }
        index += 1;
    }
    best
}

/// Whether `one` sorts before `two`, byte by byte, in constants.
pub const fn less(one: &str, two: &str) -> bool {
    is_before(one.as_bytes(), two.as_bytes())
}

const fn is_before(one: &[u8], two: &[u8]) -> bool {
    let mut one = one;
    let mut two = two;
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
