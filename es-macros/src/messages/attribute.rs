//! What is wrong with an attribute as a whole, with a key, a stored name or a value, on any item.

use super::words::words;
use crate::place::Place;

/// Which stored name an example shows.
fn example_name(place: Place) -> &'static str {
    match place {
        Place::AggregateStruct | Place::AggregateField => "order",
        Place::DecisionStruct | Place::DecisionField => "transfer",
        Place::FoldStruct | Place::FoldField => "seats",
        Place::TagType => "course",
        Place::Projection => "order_summaries",
        Place::Subscription => "mailer",
        Place::Saga => "fulfil-order",
        _ => "order.placed",
    }
}

pub(crate) fn bare_attribute(place: Place) -> String {
    let attribute = place.attribute();
    if place == Place::DecisionStruct {
        format!(
            "`#[{attribute}]` is empty\nhelp: write `#[{attribute}(\"transfer\", error = .., reads(from: Account(from)))]`"
        )
    } else if place == Place::FoldStruct {
        format!(
            "`#[{attribute}]` is empty\nhelp: write `#[{attribute}(\"seats\", by(CourseId), events(StudentSubscribed))]`"
        )
    } else if place.has_name() {
        let name = example_name(place);
        format!("`#[{attribute}]` is empty\nhelp: write `#[{attribute}(\"{name}\")]`")
    } else if place == Place::ProcessManager {
        format!("`#[{attribute}]` is empty\nhelp: write `#[{attribute}(reacts(OrderPlaced))]`")
    } else {
        format!("`#[{attribute}]` is empty\nhelp: remove it")
    }
}

pub(crate) fn attribute_with_equals(place: Place, value: &str) -> String {
    let attribute = place.attribute();
    let inside = if value.starts_with('"') { value } else { ".." };
    format!(
        "`{attribute}` takes its arguments in parentheses\nhelp: write `#[{attribute}({inside})]`"
    )
}

pub(crate) fn expected_comma() -> String {
    "expected `,` before this".to_owned()
}

pub(crate) fn expected_key(place: Place) -> String {
    format!(
        "expected a key of `#[{}(..)]`\n{}",
        place.attribute(),
        keys_help(place)
    )
}

fn keys_help(place: Place) -> String {
    let keys = place.keys();
    let item = place.item();
    match keys {
        [] => format!("help: {item} takes no keys; write them on the struct"),
        many => format!("help: the keys on {item} are {}", words(many)),
    }
}

pub(crate) fn unknown_key(
    place: Place,
    word: &str,
    guess: Option<&'static str>,
    rest: &str,
) -> String {
    let attribute = place.attribute();
    let item = place.item();
    if place == Place::ShapePart && Place::ShapeField.keys().contains(&word) {
        return format!(
            "`{word}` does not belong here: only named fields of a struct have a history in `#[shape(..)]`\n\
             help: on a field of an event, write `#[event({word} ..)]`"
        );
    }
    if place == Place::EventVariant && word == "home" {
        return "a decision writes events that are structs, so a variant has no `home`\n\
                help: remove it, or make the variant a struct of its own"
            .to_owned();
    }
    if matches!(place, Place::EventField | Place::VariantField) && word == "tag" {
        return "the tag of a field has an attribute of its own\n\
                help: write `#[tag]`"
            .to_owned();
    }
    if let Some(other) = place.belongs(word) {
        return format!(
            "`{word}` does not belong on {item}\nhelp: move it to the `#[{attribute}(..)]` on {}",
            match (place, other) {
                (Place::VariantField, Place::EventVariant) => "the variant",
                _ => other.the_item(),
            }
        );
    }
    let value = rest.trim_start_matches('=').trim();
    match (attribute, word) {
        (_, "name") if place.has_name() => {
            let value = if value.starts_with('"') {
                value.to_owned()
            } else {
                format!("\"{}\"", example_name(place))
            };
            return format!(
                "the stored name is written without a key\nhelp: write `#[{attribute}({value})]`"
            );
        }
        ("event", "name") if place == Place::EventEnum => return no_name_here(place),
        ("event", "id") => {
            return "an event has no `id` of its own: it belongs to the stream of its aggregate\n\
                    help: write `id = ..` on the aggregate, or make the id a field of the event if readers need it"
                .to_owned();
        }
        ("decision", "event" | "events") => {
            return format!(
                "a decision stores events of the aggregates that it reads, which need no list, and those in `emits(..)`\n\
                 help: write `emits(..)` instead of `{word}` for events with tags, or remove it"
            );
        }
        ("projection" | "subscription", "ignore") => {
            return "`ignore` has no meaning here: events that are not listed are not read\n\
                    help: remove it"
                .to_owned();
        }
        ("aggregate", "event") => {
            return "unknown key `event` in `#[aggregate(..)]`\nhelp: list the events: `events(OrderPlaced)`"
                .to_owned();
        }
        ("aggregate", "command") => {
            return "unknown key `command` in `#[aggregate(..)]`\nhelp: list the commands: `commands(PlaceOrder)`"
                .to_owned();
        }
        ("aggregate", "every") => {
            return "`every` belongs inside `snapshot(..)`\nhelp: write `snapshot(every = 100)`"
                .to_owned();
        }
        ("aggregate", "apply_revision") => {
            return "`apply_revision` belongs inside `snapshot(..)`\n\
                    help: write `snapshot(every = 100, apply_revision = 1)`"
                .to_owned();
        }
        ("aggregate", "ignore") => {
            return "`ignore(..)` belongs inside `events(..)`\nhelp: write `events(OrderPlaced, ignore(ReceiptSent))`"
                .to_owned();
        }
        ("aggregate", "version") => {
            return "an aggregate has no version: its state is rebuilt from events\n\
                    help: remove it; events have versions"
                .to_owned();
        }
        _ => {}
    }
    let help = match guess {
        Some(guess) => format!("help: a key with a similar name exists: `{guess}`"),
        None => keys_help(place),
    };
    format!("unknown key `{word}` in `#[{attribute}(..)]`\n{help}")
}

pub(crate) fn duplicate_key(name: &str, keep_one: &str) -> String {
    format!("`{name}` is given twice\nhelp: {keep_one}")
}

pub(crate) fn key_needs_equals(name: &str, example: &str) -> String {
    format!("`{name}` needs a value\nhelp: write `{example}`")
}

pub(crate) fn key_with_parentheses(name: &str, example: &str) -> String {
    format!("`{name}` takes its value after `=`\nhelp: write it like `{example}`")
}

pub(crate) fn key_without_value(name: &str, example: &str) -> String {
    format!("there is no value after `{name} =`\nhelp: write `{example}`")
}

pub(crate) fn no_name_here(place: Place) -> String {
    match place {
        Place::EventEnum => "an enum of events has no stored name: each variant has one\n\
             help: move it to `#[event(..)]` on the variant"
            .to_owned(),
        Place::ProcessManager => "a process manager uses the name of its aggregate\n\
             help: move it to `#[aggregate(..)]`"
            .to_owned(),
        other => format!("{} has no stored name\nhelp: remove it", other.item()),
    }
}

pub(crate) fn name_not_a_string(place: Place, given: &str) -> String {
    format!(
        "the stored name must be a string literal\nhelp: write `#[{}(\"{}\")]` instead of `{given}`",
        place.attribute(),
        example_name(place)
    )
}

pub(crate) fn name_without_quotes(place: Place, given: &str) -> String {
    let name = if given.contains("::") || given.contains('(') {
        example_name(place)
    } else {
        given
    };
    format!(
        "the stored name must be a string literal\nhelp: write `#[{}(\"{name}\")]`",
        place.attribute()
    )
}

pub(crate) fn second_name(place: Place) -> String {
    format!(
        "{} has only one stored name, and this is a second one\nhelp: keep one of them",
        place.item()
    )
}

pub(crate) fn empty_name(place: Place) -> String {
    format!(
        "the stored name is empty\nhelp: write one such as `\"{}\"`",
        example_name(place)
    )
}

pub(crate) fn long_name(bytes: usize) -> String {
    format!(
        "the stored name has {bytes} bytes, and the limit is 128\nhelp: shorten it; it is stored with every event"
    )
}

pub(crate) fn name_with(place: Place, name: &str, character: char) -> String {
    let help = if character.is_whitespace() {
        format!("help: write `\"{}\"`", joined(name))
    } else {
        format!("help: write one such as `\"{}\"`", example_name(place))
    };
    format!(
        "a stored name may contain only ASCII letters, digits and `. _ - : /`, not {character:?}\n{help}"
    )
}

fn joined(name: &str) -> String {
    let words: Vec<_> = name.split_whitespace().collect();
    words.join("-")
}

pub(crate) fn name_edge(name: &str, character: char) -> String {
    let inner = name.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let help = if inner.is_empty() {
        String::new()
    } else {
        format!("\nhelp: write `\"{inner}\"`")
    };
    format!("a stored name starts and ends with a letter or a digit, not with `{character}`{help}")
}

pub(crate) fn version_zero() -> String {
    "event versions start at 1\nhelp: write `version = 1` for the first stored shape".to_owned()
}

pub(crate) fn version_too_large() -> String {
    "`version` must be a whole number from 1 to 65535".to_owned()
}

pub(crate) fn version_not_a_number() -> String {
    "`version` must be a whole number from 1 to 65535\nhelp: write `version = 1`".to_owned()
}

pub(crate) fn version_quoted(text: &str) -> String {
    let number = match text.trim().parse::<u16>() {
        Ok(number) if number > 0 => number,
        _ => 1,
    };
    format!(
        "`version` must be a number, not a string\nhelp: write `version = {number}` without quotes"
    )
}

pub(crate) fn version_suffixed(digits: &str, suffix: &str) -> String {
    format!("`version` takes a plain number\nhelp: write `version = {digits}` without `{suffix}`")
}

pub(crate) fn version_not_a_literal() -> String {
    "`version` must be a literal: derives run before constants are evaluated\n\
     help: write the number itself, such as `version = 1`"
        .to_owned()
}

pub(crate) fn crate_not_a_path() -> String {
    "`crate` takes the path of the crate that exports this macro\nhelp: write it like `crate = \"::es_runtime\"`".to_owned()
}

pub(crate) fn crate_path_is_relative(path: &str) -> String {
    format!(
        "`crate` needs an absolute path, because generated code uses it in several modules\nhelp: write `crate = \"::{path}\"` for a dependency, `crate = \"crate::{path}\"` for a module of this crate"
    )
}

pub(crate) fn not_a_type(key: &str, example: &str) -> String {
    format!("`{key}` takes a type\nhelp: write it like `{example}`")
}

pub(crate) fn type_quoted(key: &str, text: &str) -> String {
    format!("`{key}` takes a type, not a string\nhelp: write `{key} = {text}` without quotes")
}

pub(crate) fn not_a_new_name(key: &str, example: &str) -> String {
    let what = if key == "reads_struct" {
        "struct"
    } else {
        "enum"
    };
    format!("`{key}` takes the name of the {what} to generate\nhelp: write it like `{example}`")
}

pub(crate) fn flag_with_value(key: &str) -> String {
    format!("`{key}` takes no value\nhelp: write just `{key}`")
}

pub(crate) fn group_form(group: &str, example: &str) -> String {
    format!("`{group}` takes its arguments in parentheses\nhelp: write it like `{example}`")
}

pub(crate) fn expected_key_of_group(group: &str, known: &[&str]) -> String {
    format!(
        "expected a key of `{group}(..)`\nhelp: its keys are {}",
        words(known)
    )
}

pub(crate) fn unknown_key_of_group(
    group: &str,
    word: &str,
    guess: Option<&str>,
    known: &[&str],
) -> String {
    let help = match guess {
        Some(guess) => format!("help: a key with a similar name exists: `{guess}`"),
        None => format!("help: its keys are {}", words(known)),
    };
    format!("unknown key `{word}` in `{group}(..)`\n{help}")
}

pub(crate) fn reserved_name(name: &str) -> String {
    format!(
        "`{name}` is a name for generated code: it begins with `__es`\n\
         help: use a name that does not begin with `__es` or `__Es`"
    )
}

pub(crate) fn not_a_time(word: &str) -> String {
    format!(
        "the value of `{word}` is not a duration: a whole number with ms, s, m, h or d, in quotes\n\
         help: write it like `{word} = \"20s\"`"
    )
}
