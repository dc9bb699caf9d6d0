//! Strategies for the shapes that the derives write.

use super::{
    made::{Made, Pool},
    scalars,
};
use es_runtime::schema::{Layout, Member, Node};
use es_schema_lock::__private::{Tag, is_recursive};
use proptest::{
    collection::vec,
    prelude::{BoxedStrategy, Just, Strategy},
    prop_oneof, sample,
    strategy::Union,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// How often a type that contains itself does so in one value.
const DEPTH: usize = 2;
/// How many values of one kind the commands of a history share.
const SHARED: usize = 3;

/// Values that the user gives, by the name of a field, of a scalar with its unit, or of a scalar.
pub(super) type Given = BTreeMap<String, Vec<Value>>;

/// Makes strategies for shapes.
#[derive(Clone, Copy)]
pub(super) struct Shapes<'g> {
    given: &'g Given,
    /// Which form scalars have whose types are stored in several.
    form: usize,
    /// Whether scalars come from the values that a history shares.
    shares: bool,
}

/// The type around a value, which it may contain again.
#[derive(Clone, Copy)]
enum Around {
    Struct(&'static [Member]),
    Enum(&'static [Member], Tag),
}

/// Where in a value.
#[derive(Clone, Default)]
struct At {
    around: Vec<Around>,
    /// How often a type contains itself up to here.
    again: usize,
    /// How many sequences are around.
    sequences: usize,
}

impl At {
    fn within(&self, around: Around) -> Self {
        let mut within = self.clone();
        within.around.push(around);
        within
    }

    /// The type that contains itself: the innermost enum, or else the innermost struct.
    fn itself(&self) -> Option<Around> {
        let of_enum = |around: &&Around| matches!(around, Around::Enum(..));
        let around = self.around.iter().rev();
        around
            .clone()
            .find(of_enum)
            .or(around.clone().next())
            .copied()
    }
}

impl<'g> Shapes<'g> {
    pub(super) fn new(given: &'g Given, form: usize) -> Self {
        Self {
            given,
            form,
            shares: false,
        }
    }

    /// The same, with most scalars from the values that a history shares.
    pub(super) fn sharing(self) -> Self {
        Self {
            shares: true,
            ..self
        }
    }

    pub(super) fn value(self, node: &'static Node) -> BoxedStrategy<Made> {
        self.node(node, &At::default())
    }

    /// The value of a field of a struct at the top.
    pub(super) fn field(self, field: &'static Member) -> BoxedStrategy<Made> {
        self.member(field, &At::default())
    }

    fn given(self, name: &str) -> Option<BoxedStrategy<Made>> {
        let values = self.given.get(name).filter(|values| !values.is_empty())?;
        let values: Vec<_> = values.iter().map(Made::value).collect();
        Some(sample::select(values).boxed())
    }

    fn member(self, field: &'static Member, at: &At) -> BoxedStrategy<Made> {
        self.given(field.name)
            .unwrap_or_else(|| self.node(&field.node, at))
    }

    fn node(self, node: &'static Node, at: &At) -> BoxedStrategy<Made> {
        // The innermost level of a type that contains itself.
        let ends = at.again >= DEPTH && is_recursive(node);
        match node {
            Node::Scalar(name) | Node::Unit(Node::Scalar(name), _) => self.scalar(node, name),
            Node::Unit(Node::Enum(variants), unit) => self.variants(variants, Tag::of(unit), at),
            Node::Unit(inner, _) => self.node(inner, at),
            Node::Option(_) if ends => Just(Made::null()).boxed(),
            Node::Option(inner) => prop_oneof![
                1 => Just(Made::null()),
                3 => self.node(inner, at),
            ]
            .boxed(),
            Node::Seq(_) | Node::Set(_) if ends => Just(Made::List(Vec::new())).boxed(),
            Node::Seq(inner) | Node::Set(inner) => {
                several(self.node(inner, &at.within_sequence()), at)
                    .prop_map(Made::List)
                    .boxed()
            }
            Node::Map(..) if ends => Just(Made::Entries(Vec::new())).boxed(),
            Node::Map(key, value) => {
                let within = at.within_sequence();
                let entry = (self.node(key, &within), self.node(value, &within));
                several(entry.boxed(), at).prop_map(Made::Entries).boxed()
            }
            Node::Tuple(nodes) => {
                let nodes: Vec<_> = nodes.iter().map(|node| self.node(node, at)).collect();
                nodes.prop_map(Made::List).boxed()
            }
            Node::Struct(fields) => self.fields(fields, at),
            Node::Enum(variants) => self.variants(variants, Tag::Outside, at),
            Node::Again(_) => {
                let deeper = At {
                    again: at.again.saturating_add(1),
                    ..at.clone()
                };
                match at.itself() {
                    Some(_) if at.again >= DEPTH => Just(Made::null()).boxed(),
                    Some(Around::Enum(variants, tag)) => self.variants(variants, tag, &deeper),
                    Some(Around::Struct(fields)) => self.fields(fields, &deeper),
                    None => Just(Made::null()).boxed(),
                }
            }
            Node::Nothing => Just(Made::null()).boxed(),
        }
    }

    fn scalar(self, node: &'static Node, name: &'static str) -> BoxedStrategy<Made> {
        let kind = node.render(Layout::ByName);
        let given = self.given(&kind).or_else(|| self.given(name));
        if let Some(given) = given {
            return given;
        }
        let own = scalars::strategy(name, self.form).prop_map(Made::Text);
        if !self.shares || matches!(name, "bool" | "unit") {
            return own.boxed();
        }
        let shared = (0..SHARED).prop_map(move |index| Made::Shared {
            kind: kind.clone(),
            index,
        });
        prop_oneof![3 => shared, 1 => own].boxed()
    }

    fn fields(self, fields: &'static [Member], at: &At) -> BoxedStrategy<Made> {
        let within = at.within(Around::Struct(fields));
        let values: Vec<_> = fields
            .iter()
            .map(|field| self.member(field, &within))
            .collect();
        values
            .prop_map(move |values| Made::Object(named(fields, values)))
            .boxed()
    }

    fn variants(self, variants: &'static [Member], tag: Tag, at: &At) -> BoxedStrategy<Made> {
        let within = at.within(Around::Enum(variants, tag));
        let innermost = at.again >= DEPTH;
        let usable = variants
            .iter()
            .filter(|variant| !innermost || !is_recursive(&variant.node));
        let strategies: Vec<_> = usable
            .map(|variant| {
                let name = variant.name;
                let content = self.node(&variant.node, &within);
                let is_plain = matches!(variant.node, Node::Nothing);
                content
                    .prop_map(move |content| tagged(name, content, is_plain, tag))
                    .boxed()
            })
            .collect();
        if strategies.is_empty() {
            return Just(Made::null()).boxed();
        }
        Union::new(strategies).boxed()
    }
}

/// None, a few, and now and then many.
fn several<T: std::fmt::Debug + Clone + 'static>(
    one: BoxedStrategy<T>,
    at: &At,
) -> BoxedStrategy<Vec<T>> {
    let few = vec(one.clone(), 0..4);
    if at.sequences > 0 || at.again > 0 {
        return few.boxed();
    }
    prop_oneof![15 => few, 1 => vec(one, 20..60)].boxed()
}

/// Values that the commands of a history share, for each kind of scalar in these shapes, with its form.
pub(super) fn pool(nodes: &[(&'static Node, usize)]) -> BoxedStrategy<Pool> {
    let mut kinds = BTreeMap::new();
    for (node, form) in nodes {
        scalars_of(node, *form, &mut kinds);
    }
    let values: Vec<_> = kinds
        .into_iter()
        .map(|(kind, (name, form))| (Just(kind), vec(scalars::strategy(name, form), SHARED)))
        .collect();
    values
        .prop_map(|values| values.into_iter().collect())
        .boxed()
}

impl At {
    fn within_sequence(&self) -> Self {
        Self {
            sequences: self.sequences.saturating_add(1),
            ..self.clone()
        }
    }
}

/// The fields of an object. The derive of `Shape` gives fields with serde's `flatten` a name of its own.
pub(super) fn named(fields: &'static [Member], values: Vec<Made>) -> Vec<(Option<String>, Made)> {
    let names = fields.iter().map(|field| field.name);
    names
        .zip(values)
        .map(|(name, value)| {
            let own = Some(name).filter(|name| !name.starts_with("flatten("));
            (own.map(str::to_owned), value)
        })
        .collect()
}

fn tagged(name: &'static str, content: Made, is_plain: bool, tag: Tag) -> Made {
    let named = |name: &str| Some(name.to_owned());
    match tag {
        Tag::Outside if is_plain => Made::name(name),
        Tag::Outside => Made::Object(vec![(named(name), content)]),
        Tag::Inside(tag) => {
            let mut fields = vec![(named(tag), Made::name(name))];
            if !is_plain {
                fields.push((None, content));
            }
            Made::Object(fields)
        }
        Tag::Adjacent(tag, field) => {
            let mut fields = vec![(named(tag), Made::name(name))];
            if !is_plain {
                fields.push((named(field), content));
            }
            Made::Object(fields)
        }
        Tag::Untagged => content,
    }
}

type Kinds = BTreeMap<String, (&'static str, usize)>;

fn scalars_of(node: &'static Node, form: usize, kinds: &mut Kinds) {
    match node {
        Node::Scalar(name) | Node::Unit(Node::Scalar(name), _) => {
            kinds.insert(node.render(Layout::ByName), (name, form));
        }
        Node::Unit(inner, _) | Node::Option(inner) | Node::Seq(inner) | Node::Set(inner) => {
            scalars_of(inner, form, kinds);
        }
        Node::Map(key, value) => {
            scalars_of(key, form, kinds);
            scalars_of(value, form, kinds);
        }
        Node::Tuple(nodes) => {
            for node in *nodes {
                scalars_of(node, form, kinds);
            }
        }
        Node::Struct(members) | Node::Enum(members) => {
            for member in *members {
                scalars_of(&member.node, form, kinds);
            }
        }
        Node::Nothing | Node::Again(_) => {}
    }
}
