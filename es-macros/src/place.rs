//! What an attribute stands on, and which keys exist there. The reader of the attributes and the
//! messages both use it.

/// A place for `#[event(..)]`, `#[aggregate(..)]`, `#[shape(..)]` or another attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    EventStruct,
    EventEnum,
    EventVariant,
    EventField,
    VariantField,
    AggregateStruct,
    AggregateField,
    DecisionStruct,
    DecisionField,
    FoldStruct,
    FoldField,
    /// A type whose values are tags.
    TagType,
    Projection,
    Subscription,
    ProcessManager,
    ShapeType,
    ShapeVariant,
    /// A named field of a struct with `#[derive(Shape)]`.
    ShapeField,
    /// A field of an event, of an enum or without a name.
    ShapePart,
    /// An `impl` block.
    Saga,
    SagaStep,
    SagaCommand,
    SagaUndo,
    SagaStart,
    SagaCancel,
}

impl Place {
    const ALL: [Self; 25] = [
        Self::EventStruct,
        Self::EventEnum,
        Self::EventVariant,
        Self::EventField,
        Self::VariantField,
        Self::AggregateStruct,
        Self::AggregateField,
        Self::DecisionStruct,
        Self::DecisionField,
        Self::FoldStruct,
        Self::FoldField,
        Self::TagType,
        Self::Projection,
        Self::Subscription,
        Self::ProcessManager,
        Self::ShapeType,
        Self::ShapeVariant,
        Self::ShapeField,
        Self::ShapePart,
        Self::Saga,
        Self::SagaStep,
        Self::SagaCommand,
        Self::SagaUndo,
        Self::SagaStart,
        Self::SagaCancel,
    ];

    /// The attribute's name.
    pub(crate) const fn attribute(self) -> &'static str {
        match self {
            Self::EventStruct
            | Self::EventEnum
            | Self::EventVariant
            | Self::EventField
            | Self::VariantField => "event",
            Self::AggregateStruct | Self::AggregateField => "aggregate",
            Self::DecisionStruct | Self::DecisionField => "decision",
            Self::FoldStruct | Self::FoldField => "fold",
            Self::TagType => "tag",
            Self::Projection => "projection",
            Self::Subscription => "subscription",
            Self::ProcessManager => "process_manager",
            Self::ShapeType | Self::ShapeVariant | Self::ShapeField | Self::ShapePart => "shape",
            Self::Saga => "saga",
            Self::SagaStep => "step",
            Self::SagaCommand => "command",
            Self::SagaUndo => "undo",
            Self::SagaStart => "start",
            Self::SagaCancel => "cancel",
        }
    }

    /// The keys that can be written here.
    pub(crate) const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::EventStruct => &[
                "version",
                "write",
                "removed",
                "previous",
                "upcast",
                "try_upcast",
                "upcast_json",
                "releases",
                "tag",
                "home",
                "crate",
            ],
            Self::EventVariant => &[
                "version",
                "write",
                "removed",
                "previous",
                "upcast",
                "try_upcast",
                "upcast_json",
                "releases",
                "tag",
            ],
            Self::EventEnum => &["drop", "alias", "split", "crate"],
            Self::EventField | Self::VariantField => &["since", "default", "was"],
            Self::AggregateField | Self::DecisionField | Self::FoldField | Self::ShapeVariant => {
                &[]
            }
            Self::DecisionStruct => &["error", "reads", "emits", "reads_struct", "crate"],
            Self::FoldStruct => &["by", "events", "initial", "crate"],
            Self::TagType => &["crate"],
            Self::ShapeType => &["as", "unit", "version", "removed", "crate"],
            Self::ShapeField => &["as", "unit", "recursive", "since", "default", "was"],
            Self::ShapePart => &["as", "unit", "recursive"],
            Self::Projection => &[
                "version",
                "events",
                "schema",
                "on_unknown_version",
                "partitions",
                "key",
                "crate",
            ],
            Self::Subscription => &[
                "version",
                "events",
                "on_unknown_version",
                "partitions",
                "key",
                "from",
                "crate",
            ],
            Self::ProcessManager => &["reacts", "sends", "timers", "rejections", "crate"],
            Self::AggregateStruct => &[
                "id",
                "error",
                "events",
                "commands",
                "drop",
                "alias",
                "split",
                "snapshot",
                "codec",
                "event_enum",
                "command_enum",
                "crate",
            ],
            Self::Saga => &[
                "version",
                "deps",
                "deadline",
                "timeout",
                "retry",
                "undo_retry",
                "on_undo_exhausted",
                "frozen",
                "crate",
            ],
            Self::SagaStep => &["undo", "no_undo", "pivot", "reconcile", "timeout", "retry"],
            Self::SagaCommand => &["undo", "no_undo", "pivot", "retry"],
            Self::SagaUndo => &["timeout", "retry"],
            Self::SagaStart | Self::SagaCancel => &["aggregate"],
        }
    }

    /// Whether a stored name stands here.
    pub(crate) const fn has_name(self) -> bool {
        matches!(
            self,
            Self::EventStruct
                | Self::EventVariant
                | Self::AggregateStruct
                | Self::DecisionStruct
                | Self::FoldStruct
                | Self::TagType
                | Self::Projection
                | Self::Subscription
                | Self::Saga
        )
    }

    /// What the attribute stands on, with its article.
    pub(crate) const fn item(self) -> &'static str {
        match self {
            Self::EventStruct => "an event struct",
            Self::EventEnum => "an enum of events",
            Self::EventVariant | Self::ShapeVariant => "a variant",
            Self::EventField | Self::VariantField | Self::ShapeField | Self::ShapePart => "a field",
            Self::ShapeType => "a type",
            Self::AggregateStruct => "an aggregate",
            Self::DecisionStruct => "a decision",
            Self::DecisionField => "a field of a decision",
            Self::FoldStruct => "a fold",
            Self::FoldField => "a field of a fold",
            Self::TagType => "a tag",
            Self::Projection => "a projection",
            Self::Subscription => "a subscription",
            Self::ProcessManager => "a process manager",
            Self::AggregateField => "a field of an aggregate",
            Self::Saga => "a saga",
            Self::SagaStep => "a step",
            Self::SagaCommand => "a command",
            Self::SagaUndo => "an undo",
            Self::SagaStart => "a start",
            Self::SagaCancel => "a cancel",
        }
    }

    /// The place as the target of a move.
    pub(crate) const fn the_item(self) -> &'static str {
        match self {
            Self::EventStruct
            | Self::AggregateStruct
            | Self::DecisionStruct
            | Self::FoldStruct
            | Self::TagType
            | Self::Projection
            | Self::Subscription
            | Self::ProcessManager => "the struct",
            Self::EventEnum => "the enum",
            Self::EventVariant | Self::ShapeVariant => "each variant",
            Self::ShapeType => "the type",
            Self::Saga => "the `impl` block",
            Self::SagaStep
            | Self::SagaCommand
            | Self::SagaUndo
            | Self::SagaStart
            | Self::SagaCancel => "the method",
            Self::EventField
            | Self::VariantField
            | Self::AggregateField
            | Self::DecisionField
            | Self::FoldField
            | Self::ShapeField
            | Self::ShapePart => "the field",
        }
    }

    /// Another place of the same attribute where this key exists.
    pub(crate) fn belongs(self, key: &str) -> Option<Self> {
        let near = match self {
            Self::EventEnum => [Self::EventVariant, Self::EventStruct],
            Self::VariantField => [Self::EventVariant, Self::EventEnum],
            Self::EventVariant => [Self::EventEnum, Self::EventStruct],
            _ => [Self::EventStruct, Self::AggregateStruct],
        };
        near.into_iter()
            .chain(Self::ALL)
            .filter(|place| *place != self && place.attribute() == self.attribute())
            .find(|place| place.keys().contains(&key))
    }
}

/// What a serde attribute stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    Container,
    Variant,
    Field,
    /// A struct inside of events that has versions of its own, and a field of it.
    Versioned,
    VersionedField,
    /// A field of a state with snapshots, and of one that is stored by a binary codec.
    StateField,
    BinaryStateField,
}
