//! Where an attribute stands, and which keys exist there.

/// A place for `#[event(..)]` or `#[aggregate(..)]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    EventStruct,
    EventEnum,
    EventVariant,
    EventField,
    VariantField,
    AggregateStruct,
    AggregateField,
}

impl Place {
    const ALL: [Self; 7] = [
        Self::EventStruct,
        Self::EventEnum,
        Self::EventVariant,
        Self::EventField,
        Self::VariantField,
        Self::AggregateStruct,
        Self::AggregateField,
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
        }
    }

    /// The keys that can be written here.
    pub(crate) const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::EventStruct => &["version", "removed", "crate"],
            Self::EventVariant => &["version", "removed"],
            Self::EventEnum => &["crate"],
            Self::EventField | Self::VariantField => &["since", "default", "was"],
            Self::AggregateField => &[],
            Self::AggregateStruct => &[
                "id",
                "error",
                "events",
                "commands",
                "snapshot",
                "codec",
                "event_enum",
                "command_enum",
                "crate",
            ],
        }
    }

    /// Whether a stored name stands here.
    pub(crate) const fn has_name(self) -> bool {
        matches!(
            self,
            Self::EventStruct | Self::EventVariant | Self::AggregateStruct
        )
    }

    /// What the attribute stands on, with its article.
    pub(crate) const fn item(self) -> &'static str {
        match self {
            Self::EventStruct => "an event struct",
            Self::EventEnum => "an enum of events",
            Self::EventVariant => "a variant",
            Self::EventField | Self::VariantField => "a field",
            Self::AggregateStruct => "an aggregate",
            Self::AggregateField => "a field of an aggregate",
        }
    }

    /// The place as the target of a move.
    pub(crate) const fn the_item(self) -> &'static str {
        match self {
            Self::EventStruct | Self::AggregateStruct => "the struct",
            Self::EventEnum => "the enum",
            Self::EventVariant => "each variant",
            Self::EventField | Self::VariantField | Self::AggregateField => "the field",
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
