//! The shapes of types that serde knows without a derive.

use super::{Node, Shape};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque},
    rc::Rc,
    sync::Arc,
};

macro_rules! scalars {
    ($($type:ty => $name:literal,)+) => {
        $(impl Shape for $type {
            const SHAPE: Node = Node::Scalar($name);
        })+
    };
}

#[cfg(any(
    feature = "chrono",
    feature = "jiff",
    feature = "rust_decimal",
    feature = "time"
))]
pub(super) use scalars;

scalars! {
    bool => "bool", char => "char", str => "str", String => "str", () => "unit",
    u8 => "u8", u16 => "u16", u32 => "u32", u64 => "u64", u128 => "u128", usize => "u64",
    i8 => "i8", i16 => "i16", i32 => "i32", i64 => "i64", i128 => "i128", isize => "i64",
    f32 => "f32", f64 => "f64",
    std::num::NonZeroU8 => "u8", std::num::NonZeroU16 => "u16", std::num::NonZeroU32 => "u32",
    std::num::NonZeroU64 => "u64", std::num::NonZeroU128 => "u128",
    std::num::NonZeroI8 => "i8", std::num::NonZeroI16 => "i16", std::num::NonZeroI32 => "i32",
    std::num::NonZeroI64 => "i64", std::num::NonZeroI128 => "i128",
    std::path::PathBuf => "str", std::net::IpAddr => "ip", std::net::Ipv4Addr => "ipv4",
    std::net::Ipv6Addr => "ipv6", std::net::SocketAddr => "socket",
    std::time::Duration => "duration", std::time::SystemTime => "systemtime",
    uuid::Uuid => "uuid", crate::EventId => "uuid",
    crate::Position => "position", crate::Timestamp => "timestamp",
}

macro_rules! transparent {
    ($($type:ty),+ $(,)?) => {
        $(impl<T: Shape + ?Sized> Shape for $type {
            const SHAPE: Node = T::SHAPE;
        })+
    };
}

transparent!(&T, Box<T>, Rc<T>, Arc<T>);

impl<T: Shape + ToOwned + ?Sized> Shape for Cow<'_, T> {
    const SHAPE: Node = T::SHAPE;
}

impl<T: Shape> Shape for Option<T> {
    const SHAPE: Node = Node::Option(&T::SHAPE);
}

macro_rules! sequences {
    ($($type:ty),+ $(,)?) => {
        $(impl<T: Shape> Shape for $type {
            const SHAPE: Node = Node::Seq(&T::SHAPE);
        })+
    };
}

sequences!(
    [T],
    Vec<T>,
    VecDeque<T>,
    LinkedList<T>,
    BTreeSet<T>,
    BinaryHeap<T>
);

impl<T: Shape, S> Shape for HashSet<T, S> {
    const SHAPE: Node = Node::Set(&T::SHAPE);
}

impl<K: Shape, V: Shape> Shape for BTreeMap<K, V> {
    const SHAPE: Node = Node::Map(&K::SHAPE, &V::SHAPE);
}

impl<K: Shape, V: Shape, S> Shape for HashMap<K, V, S> {
    const SHAPE: Node = Node::Map(&K::SHAPE, &V::SHAPE);
}

impl<T: Shape, const N: usize> Shape for [T; N] {
    const SHAPE: Node = Node::Tuple(&[T::SHAPE; N]);
}

macro_rules! tuples {
    ($(($($name:ident),+))+) => {
        $(impl<$($name: Shape),+> Shape for ($($name,)+) {
            const SHAPE: Node = Node::Tuple(&[$($name::SHAPE),+]);
        })+
    };
}

tuples! {
    (A) (A, B) (A, B, C) (A, B, C, D) (A, B, C, D, E) (A, B, C, D, E, F) (A, B, C, D, E, F, G)
    (A, B, C, D, E, F, G, H)
}
