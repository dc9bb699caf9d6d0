//! Fingerprints: a hash of the stored shape of a type, found through its own `Deserialize`.
//!
//! A snapshot must not be decoded into a state whose shape has changed. The user does not describe the
//! shape. Instead `T::deserialize` runs on a deserializer without data, which records each request:
//! structs with their fields, enums with their variants, and the types of leaves. It takes another
//! branch of the type in each run, until it has walked them all. So it sees the types of fields, aliases
//! and other crates as they are. A type that rejects a made-up value ends only its own branch.

use crate::Codec;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use std::fmt;

/// The greatest number of branches. Of a state with more only the first ones count.
const MAX_WALKS: usize = 10_000;
/// The greatest depth. Recursive types end here at the latest.
const MAX_DEPTH: usize = 48;

/// A hash of the shape of a state. Collisions are assumed not to occur.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// The fingerprint of the shape in which `T` is stored by `codec`, found by running `T`'s own
    /// `Deserialize`.
    pub fn of<T: DeserializeOwned>(codec: Codec) -> Self {
        Self(walk_all::<T>(codec))
    }

    /// The fingerprint with this number.
    pub const fn from_u64(value: u64) -> Self {
        Self(value)
    }

    /// Its number.
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// A fingerprint for each revision of what is made of the shape. Revision 0 is the fingerprint itself.
    #[must_use]
    pub const fn revised(self, revision: u32) -> Self {
        // The factor is odd, so no two revisions of one shape collide, and its bits are well spread.
        Self(self.0 ^ (revision as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// The hash over every branch of the type.
fn walk_all<T: DeserializeOwned>(codec: Codec) -> u64 {
    let mut walk = Walk {
        hash: Fnv::new(),
        choices: Vec::new(),
        next_choice: 0,
        human_readable: codec == Codec::Json,
        quiet: false,
        depth: 0,
        open: Vec::new(),
    };
    for _ in 0..MAX_WALKS {
        walk.next_choice = 0;
        walk.depth = 0;
        walk.quiet = false;
        walk.open.clear();
        walk.note("walk");
        // The result of the walk is what it noted, whether it ends with an error or not.
        let _ = T::deserialize(Tracer { walk: &mut walk });
        if !walk.choose_next() {
            break;
        }
    }
    walk.hash.0
}

/// FNV-1a, 64 bits: small, stable, and good enough to distinguish shapes.
/// Source: <http://www.isthe.com/chongo/tech/comp/fnv/>.
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

/// A branching of the type: the branch that this walk takes, and the number of branches.
struct Choice {
    taken: usize,
    of: usize,
}

struct Walk {
    hash: Fnv,
    choices: Vec<Choice>,
    next_choice: usize,
    human_readable: bool,
    /// Set while a value is only needed to continue. Nothing is noted and no branch is taken.
    quiet: bool,
    depth: usize,
    /// The names of the structs and enums around the current value.
    open: Vec<&'static str>,
}

impl Walk {
    fn note(&mut self, text: &str) {
        if !self.quiet {
            self.hash.write(text.as_bytes());
            self.hash.write(&[0]);
        }
    }

    fn note_all(&mut self, kind: &str, names: &[&str]) {
        self.note(kind);
        for name in names {
            self.note(name);
        }
    }

    /// The branch to take of `of` branches, 0 when there is only one or the walk is quiet.
    fn choose(&mut self, of: usize) -> usize {
        if self.quiet || of < 2 {
            return 0;
        }
        let at = self.next_choice;
        self.next_choice += 1;
        if let Some(choice) = self.choices.get(at) {
            return choice.taken;
        }
        self.choices.push(Choice { taken: 0, of });
        0
    }

    /// Prepares the next walk, depth first. Returns `false` after the last one.
    fn choose_next(&mut self) -> bool {
        self.choices.truncate(self.next_choice);
        while let Some(mut last) = self.choices.pop() {
            last.taken += 1;
            if last.taken < last.of {
                self.choices.push(last);
                return true;
            }
        }
        false
    }

    /// Enters a named type. Fails when the type contains itself.
    fn enter(&mut self, name: &'static str) -> Result<(), Stop> {
        self.depth += 1;
        let nested = self.open.iter().filter(|open| **open == name).count();
        if self.depth > MAX_DEPTH || (nested > 1 && !self.quiet) {
            self.note("again");
            return Err(Stop);
        }
        self.open.push(name);
        Ok(())
    }
}

/// Ends a walk.
#[derive(Debug)]
struct Stop;

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the walk over a shape ended")
    }
}

impl std::error::Error for Stop {}

impl de::Error for Stop {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

struct Tracer<'w> {
    walk: &'w mut Walk,
}

macro_rules! leaves {
    ($($method:ident, $visit:ident, $value:expr;)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
            self.walk.note(stringify!($visit));
            visitor.$visit($value)
        })+
    };
}

impl<'de> de::Deserializer<'de> for Tracer<'_> {
    type Error = Stop;

    leaves! {
        deserialize_bool, visit_bool, false;
        deserialize_i8, visit_i8, 0;
        deserialize_i16, visit_i16, 0;
        deserialize_i32, visit_i32, 0;
        deserialize_i64, visit_i64, 0;
        deserialize_i128, visit_i128, 0;
        deserialize_u8, visit_u8, 0;
        deserialize_u16, visit_u16, 0;
        deserialize_u32, visit_u32, 0;
        deserialize_u64, visit_u64, 0;
        deserialize_u128, visit_u128, 0;
        deserialize_f32, visit_f32, 0.0;
        deserialize_f64, visit_f64, 0.0;
        deserialize_char, visit_char, ' ';
        deserialize_str, visit_str, "";
        deserialize_string, visit_str, "";
        deserialize_bytes, visit_bytes, &[];
        deserialize_byte_buf, visit_bytes, &[];
        deserialize_identifier, visit_str, "";
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.walk.note("unit");
        visitor.visit_unit()
    }

    fn is_human_readable(&self) -> bool {
        self.walk.human_readable
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.walk.note("any");
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.walk.note("option");
        if self.walk.quiet {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.walk.enter(name)?;
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.walk.note("seq");
        let elements = usize::from(!self.walk.quiet);
        visitor.visit_seq(Elements::new(self.walk, elements, 0))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        self.walk.note(&format!("tuple {len}"));
        let traced = self.walk.choose(len);
        visitor.visit_seq(Elements::new(self.walk, len, traced))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.walk.enter(name)?;
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.walk.note("map");
        let trace_value = self.walk.choose(2) == 1;
        let left = usize::from(!self.walk.quiet);
        visitor.visit_map(Entries {
            walk: self.walk,
            left,
            trace_value,
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.walk.enter(name)?;
        self.walk.note_all("struct", fields);
        visitor.visit_map(Fields::new(self.walk, fields))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.walk.enter(name)?;
        self.walk.note_all("enum", variants);
        let taken = self.walk.choose(variants.len());
        let variant = variants.get(taken).ok_or(Stop)?;
        visitor.visit_enum(Variant {
            walk: self.walk,
            variant,
        })
    }
}

/// The elements of a sequence. Those other than the traced one are made quietly.
struct Elements<'w> {
    walk: &'w mut Walk,
    left: usize,
    until_traced: Option<usize>,
}

impl<'w> Elements<'w> {
    fn new(walk: &'w mut Walk, len: usize, traced: usize) -> Self {
        Self {
            walk,
            left: len,
            until_traced: Some(traced),
        }
    }
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Stop;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Stop> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        let traced = self.until_traced == Some(0);
        self.until_traced = self.until_traced.and_then(|n| n.checked_sub(1));
        make(self.walk, seed, traced).map(Some)
    }
}

/// Deserializes one value and notes its shape if it is traced.
fn make<'de, T: DeserializeSeed<'de>>(
    walk: &mut Walk,
    seed: T,
    traced: bool,
) -> Result<T::Value, Stop> {
    let (quiet, depth, open) = (walk.quiet, walk.depth, walk.open.len());
    walk.quiet = quiet || !traced;
    let made = seed.deserialize(Tracer { walk });
    walk.quiet = quiet;
    walk.depth = depth;
    walk.open.truncate(open);
    made
}

/// One entry of a map. Its key or its value is traced.
struct Entries<'w> {
    walk: &'w mut Walk,
    left: usize,
    trace_value: bool,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Stop;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Stop> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        make(self.walk, seed, !self.trace_value).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Stop> {
        let traced = self.trace_value;
        make(self.walk, seed, traced)
    }
}

/// The fields of a struct: the one that this walk traces, or all of them quietly.
struct Fields<'w> {
    walk: &'w mut Walk,
    names: std::slice::Iter<'static, &'static str>,
}

impl<'w> Fields<'w> {
    fn new(walk: &'w mut Walk, fields: &'static [&'static str]) -> Self {
        let names = if walk.quiet {
            fields.iter()
        } else {
            let taken = walk.choose(fields.len());
            fields.get(taken..).unwrap_or(&[]).iter()
        };
        Self { walk, names }
    }
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Stop;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Stop> {
        let Some(name) = self.names.next() else {
            return Ok(None);
        };
        self.walk.note(name);
        seed.deserialize((*name).into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Stop> {
        let made = make(self.walk, seed, true)?;
        if !self.walk.quiet {
            // Each walk traces one field.
            self.names = [].iter();
        }
        Ok(made)
    }
}

/// The variant that this walk takes.
struct Variant<'w> {
    walk: &'w mut Walk,
    variant: &'static str,
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Stop;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Stop> {
        self.walk.note(self.variant);
        let value = seed.deserialize(self.variant.into_deserializer())?;
        Ok((value, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Stop;

    fn unit_variant(self) -> Result<(), Stop> {
        self.walk.note("unit");
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Stop> {
        self.walk.note("newtype");
        make(self.walk, seed, true)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        de::Deserializer::deserialize_tuple(Tracer { walk: self.walk }, len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.walk.note_all("struct", fields);
        visitor.visit_map(Fields::new(self.walk, fields))
    }
}
