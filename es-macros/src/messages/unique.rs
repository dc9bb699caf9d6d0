//! `#[unique(..)]` and `releases(..)`.

use crate::attr::NameFault;

pub(crate) fn unique_with_equals(value: &str) -> String {
    let inside = if value.starts_with('"') {
        value
    } else {
        "\"customer.email\""
    };
    format!("`unique` takes its arguments in parentheses\nhelp: write `#[unique({inside})]`")
}

pub(crate) fn releases_without_rule() -> String {
    "`releases` needs the name of a rule\nhelp: write it like `releases(\"customer.email\")`"
        .to_owned()
}

pub(crate) fn rule_not_a_text(example: &str) -> String {
    format!("the name of a rule is a text in quotes\nhelp: write it like `{example}`")
}

pub(crate) fn rule_behind_key(key: &str, example: &str) -> String {
    format!("the name of a rule stands alone, without `{key} =`\nhelp: write it like `{example}`")
}

pub(crate) fn second_rule() -> String {
    "this is a second name of a rule\nhelp: keep one; for a second rule write a second attribute"
        .to_owned()
}

pub(crate) fn rule_name_at_fault(fault: NameFault) -> String {
    let what = match fault {
        NameFault::Empty => "the name of the rule is empty".to_owned(),
        NameFault::TooLong { bytes } => {
            format!("the name of the rule has {bytes} bytes, and the limit is 128")
        }
        NameFault::Character(character) => format!(
            "the name of a rule may contain only ASCII letters, digits and `. _ - : /`, not {character:?}"
        ),
        NameFault::Edge(character) => format!(
            "the name of a rule starts and ends with a letter or a digit, not with `{character}`"
        ),
    };
    format!("{what}\nhelp: write one such as `\"customer.email\"`")
}

/// The event's name has another number of dots than one.
pub(crate) fn rule_without_name(event: &str, field: &str) -> String {
    format!(
        "this rule needs a name: only an event with one dot in its name, like `customer.registered`, gives one, and this is `{event}`\n\
         help: write it, the same in every event of the aggregate: `#[unique(\"customer.{field}\")]`"
    )
}

pub(crate) fn rule_twice(rule: &str) -> String {
    format!(
        "the rule `{rule}` is on this event already, and an event does one thing by a rule\n\
         help: remove one of the two, or give it another rule"
    )
}

pub(crate) fn claim_and_release(rule: &str) -> String {
    format!(
        "this event claims a value by the rule `{rule}`, so it cannot release one by it\n\
         help: remove `releases`: the claim of another value gives the earlier one back"
    )
}

pub(crate) fn rules_alike(rule: &str, other: &str) -> String {
    format!(
        "the rule `{rule}` differs from the rule `{other}` only in upper and lower case\n\
         help: write the same name; two rules do not see each other's values"
    )
}

pub(crate) fn claims_of_default(field: &str, since: u16) -> String {
    format!(
        "all events that are older than version {since} have the same default in `{field}`, and only one stream can have a value\n\
         help: make the field an `Option` without `default`, which claims nothing in older events, or write `claims_default` in `#[unique(..)]` if there is one such stream at most"
    )
}

pub(crate) fn claims_default_without_default() -> String {
    "`claims_default` has no meaning here: this field has no `default` for older events\nhelp: remove it"
        .to_owned()
}

pub(crate) fn unique_of_the_past() -> String {
    "an older version has no unique values of its own: a rule sees the newest form of each event\n\
     help: remove it here; `#[unique]` stands on a field of the newest version"
        .to_owned()
}

pub(crate) fn unique_on_item() -> String {
    "`#[unique]` stands on the field that has the value\n\
     help: move it to a field; to give a value back, write `releases(..)` in `#[event(..)]`"
        .to_owned()
}

pub(crate) fn unique_on_aggregate() -> String {
    "a value is claimed by an event, not by the state of an aggregate\n\
     help: move `#[unique]` to the field of each event that sets the value"
        .to_owned()
}

pub(crate) fn unique_on_part() -> String {
    "a value is claimed by an event, not by a part of one\n\
     help: move `#[unique]` to the field of the event that has this type, and write `form = ..` there"
        .to_owned()
}
