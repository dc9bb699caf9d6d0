//! Source text, the text under each error, and the beginning of its message.

use super::faults;

type Expected = &'static [(&'static str, &'static str)];

fn check(derive: &str, table: &[(&str, Expected)]) {
    for (source, expected) in table {
        let found = faults(derive, source);
        let matches = found.len() == expected.len()
            && found
                .iter()
                .zip(*expected)
                .all(|(found, expected)| found.0 == expected.0 && found.1.starts_with(expected.1));
        assert!(
            matches,
            "in {source}\nexpected {expected:#?}\nfound {found:#?}"
        );
    }
}

#[test]
fn events_without_a_fault() {
    check(
        "Event",
        &[
            (r#"#[event("a")] struct A {}"#, &[]),
            (r#"#[event("a", version = 1,)] struct A {}"#, &[]),
            (r#"#[event(version = 1, "a")] struct A {}"#, &[]),
            (
                r#"#[event("a")] #[event(version = 65535)] struct A {}"#,
                &[("65535", "versions 1 and 2 of `a` have the same shape")],
            ),
            (r#"#[event("a", version = 0x1)] struct A {}"#, &[]),
            (
                r#"#[event("a", version = 1_0)] struct A {}"#,
                &[("1_0", "versions 1 and 2 of `a` have the same shape")],
            ),
            (r#"#[event { "a" }] struct A {}"#, &[]),
            (r#"#[event("a", crate = crate::es)] struct A {}"#, &[]),
            (r#"#[event("a", crate = ::es)] struct A {}"#, &[]),
            (r#"#[event("a", crate = "crate")] struct A {}"#, &[]),
            (r#"#[event("a", r#version = 1)] struct A {}"#, &[]),
            (r##"#[event(r#"a.b"#)] struct A { b: u8 }"##, &[]),
            (r#"#[event("a")] #[event()] struct A {}"#, &[]),
            (
                r#"#[other] #[event("a")] #[serde(rename_all = "camelCase")] struct A {}"#,
                &[],
            ),
            (
                r#"enum A { #[event("a")] A, #[event("b", version = 2)] B { #[event(since = 2)] c: Option<u8> } }"#,
                &[],
            ),
            (
                r#"#[event(crate = "::es")] enum A { #[event("a")] A {} }"#,
                &[],
            ),
        ],
    );
}

#[test]
fn histories_of_events() {
    let one = |field: &str| format!("#[event(\"a\", version = 3)] struct A {{ {field} }}");
    for (field, place, message) in [
        (
            "#[event(was(name = \"x\", before = 3), was(type = u8, before = 2))] a: u16",
            "",
            "",
        ),
        (
            "#[event(since = 2, default = {1}, was(type = u8, before = 3))] a: u16",
            "",
            "",
        ),
        (
            "#[event(since = 3, default = m::<u8, u8>(1, 2))] #[event(was(name = \"x\", before = 4))] a: u16",
            "4",
            "`before = 4` is later than the event's version 3",
        ),
        (
            "#[event(since = 0)] a: Option<u8>",
            "0",
            "`since` takes a version number",
        ),
        (
            "#[event(since = 2u16)] a: Option<u8>",
            "2u16",
            "`since` takes a version number",
        ),
        (
            "#[event(since = N, default = 1)] a: u8",
            "N",
            "`since` takes a version number",
        ),
        (
            "#[event(since(2))] a: Option<u8>",
            "since",
            "`since` takes its value after `=`",
        ),
        (
            "#[event(was(name = \"x\", before = 0))] a: u8",
            "0",
            "`before` takes a version number",
        ),
        (
            "#[event(was(type = u8, with = move |x| x, before = 2))] a: u16",
            "move",
            "`with` takes the path of a function, not a closure",
        ),
        (
            "#[event(was(type = u8, with = , before = 2))] a: u16",
            "with",
            "there is no value after `with =`",
        ),
        (
            "#[event(since = 2, since = 3)] a: Option<u8>",
            "since",
            "`since` is given twice",
        ),
        (
            "#[event(default = 1, default = 2, since = 2)] a: u8",
            "default",
            "`default` is given twice",
        ),
        (
            "#[event(sinse = 2)] a: u8",
            "sinse",
            "unknown key `sinse` in `#[event(..)]`\nhelp: a key with a similar name exists: `since`",
        ),
        (
            "#[event(renamed(from = \"x\"))] a: u8",
            "renamed",
            "unknown key `renamed`",
        ),
        (
            "#[event(\"x\")] a: u8",
            "\"x\"",
            "a field has no stored name",
        ),
    ] {
        let found = faults("Event", &one(field));
        let expected = usize::from(!place.is_empty());
        assert_eq!(found.len(), expected, "in {field}: {found:#?}");
        for (text, said) in found {
            assert_eq!(text, place, "in {field}: {said}");
            assert!(said.starts_with(message), "in {field}: {said}");
        }
    }
}

#[test]
fn upcasters_of_events() {
    check(
        "Event",
        &[
            (
                r#"#[event("a", version = 3, upcast(1 => a), upcast_json(2 => b))] struct A {}"#,
                &[],
            ),
            (
                r#"#[event("a", version = 3, upcast(4 => a), try_upcast(1 => |a| a))] struct A {}"#,
                &[
                    (
                        "4",
                        "there is no version 4: the newest is 3\nhelp: an upcaster can start from versions 1 to 2",
                    ),
                    (
                        "|",
                        "`try_upcast` takes the path of a function, not a closure",
                    ),
                ],
            ),
        ],
    );
}

#[test]
fn unique_values_of_events() {
    let field = |on: &str| format!("#[event(\"a.b\", version = 2)] struct A {{ a: u8, {on} }}");
    for (on, place, message) in [
        ("#[unique] #[event(since = 2)] b: Option<u8>", "", ""),
        (
            "#[unique] #[event(since = 2, default = None)] b: Option<u8>",
            "",
            "",
        ),
        (
            "#[unique] #[event(since = 2, default = Some(1))] b: Option<u8>",
            "unique",
            "all events that are older than version 2",
        ),
        (
            "#[unique(claims_default)] #[event(since = 2, default = 1)] b: u8",
            "",
            "",
        ),
        (
            "#[unique(\"x\", keep = \"0s\")] #[event(since = 2)] b: Option<u8>",
            "\"0s\"",
            "the value of `keep` is not a duration",
        ),
        (
            "#[unique(\"x\" form = f)] #[event(since = 2)] b: Option<u8>",
            "form = f",
            "expected `,` before this",
        ),
        (
            "#[unique(.)] #[event(since = 2)] b: Option<u8>",
            ".",
            "expected a key of `unique(..)`",
        ),
        (
            "#[unique] #[unique(\"a.b\")] #[event(since = 2)] b: Option<u8>",
            "\"a.b\"",
            "the rule `a.b` is on this event already",
        ),
        (
            "#[unique] #[serde(rename = \"b b\")] #[event(since = 2)] b: Option<u8>",
            "unique",
            "this rule needs a name",
        ),
    ] {
        let source = field(on);
        let found = faults("Event", &source);
        let expected: Vec<_> = (!place.is_empty()).then_some(place).into_iter().collect();
        let places: Vec<_> = found.iter().map(|(place, _)| place.as_str()).collect();
        assert_eq!(places, expected, "in {source}");
        assert!(
            found.iter().all(|(_, text)| text.starts_with(message)),
            "{found:?}"
        );
    }
    check(
        "Event",
        &[
            // Without a stored name the event gives no name of a rule, which is no second fault.
            (
                "struct A { #[unique] b: u8 }",
                &[("A", "event `A` has no stored name")],
            ),
            (
                r#"enum A { #[event("a.b")] B { #[unique] c: u8 }, #[event("a.d")] D { #[unique("a.C")] c: u8 } }"#,
                &[("\"a.C\"", "the rule `a.C` differs from the rule `a.c`")],
            ),
            (
                r#"#[event("a.b", releases("a.c"), releases("a.c"))] struct A {}"#,
                &[("\"a.c\"", "the rule `a.c` is on this event already")],
            ),
        ],
    );
}

#[test]
fn keys_and_names_of_events() {
    check(
        "Event",
        &[
            (
                "#[event()] struct A {}",
                &[(
                    "A",
                    "event `A` has no stored name\nhelp: write it first: `#[event(\"a\", ..)]`",
                )],
            ),
            (
                "struct OrderPlaced {}",
                &[(
                    "OrderPlaced",
                    "event `OrderPlaced` has no stored name\nhelp: add `#[event(\"order.placed\")]`",
                )],
            ),
            (
                "struct r#Match {}",
                &[(
                    "r#Match",
                    "event `Match` has no stored name\nhelp: add `#[event(\"match\")]`",
                )],
            ),
            (
                "struct Ä {}",
                &[(
                    "Ä",
                    "event `Ä` has no stored name\nhelp: add `#[event(\"order.placed\")]`",
                )],
            ),
            (
                r#"#[event("a",, version = 1)] struct A {}"#,
                &[(",", "expected a key of `#[event(..)]`")],
            ),
            (
                r#"#[event(b"a")] struct A {}"#,
                &[(r#"b"a""#, "the stored name must be a string literal")],
            ),
            (
                r#"#[event('a')] struct A {}"#,
                &[("'a'", "the stored name must be a string literal")],
            ),
            (
                "#[event(placed)] struct A {}",
                &[(
                    "placed",
                    "the stored name must be a string literal\nhelp: write `#[event(\"placed\")]`",
                )],
            ),
            (
                "#[event(versoin)] struct A {}",
                &[
                    (
                        "versoin",
                        "unknown key `versoin` in `#[event(..)]`\nhelp: a key with a similar name",
                    ),
                    ("A", "event `A` has no stored name"),
                ],
            ),
            (
                r#"#[event("-")] struct A {}"#,
                &[(
                    r#""-""#,
                    "a stored name starts and ends with a letter or a digit, not with `-`",
                )],
            ),
            (
                r#"#[event("a b\tc")] struct A {}"#,
                &[(
                    r#""a b\tc""#,
                    "a stored name may contain only ASCII letters",
                )],
            ),
            (
                r#"#[event("a", version = 1, version)] struct A {}"#,
                &[
                    ("version", "`version` is given twice"),
                    ("version", "`version` needs a value"),
                ],
            ),
            (
                r#"#[event("a", version == 2)] struct A {}"#,
                &[("version", "`version` takes its value after `=`")],
            ),
            (
                r#"#[event("a", version = 2, versoin = 3, label = 4, crate = es)] struct A {}"#,
                &[
                    ("versoin", "unknown key `versoin`"),
                    ("label", "unknown key `label`"),
                    ("es", "`crate` needs an absolute path"),
                ],
            ),
            (
                r#"#[event("a", crate = "")] struct A {}"#,
                &[("\"\"", "`crate` takes the path of the crate")],
            ),
            (
                r#"#[event("a", crate = "self::es")] struct A {}"#,
                &[("\"self::es\"", "`crate` needs an absolute path")],
            ),
            (
                "enum A { #[event(name = 7)] B }",
                &[(
                    "name",
                    "the stored name is written without a key\nhelp: write `#[event(\"order.placed\")]`",
                )],
            ),
            (
                r#"#[event(flag)] enum A { #[event("a")] B }"#,
                &[(
                    "flag",
                    "unknown key `flag` in `#[event(..)]`\nhelp: the keys on an enum of events are `drop`, `alias`, `split` and `crate`",
                )],
            ),
            (
                r#"enum A { #[event("a", colour)] B }"#,
                &[(
                    "colour",
                    "unknown key `colour` in `#[event(..)]`\nhelp: the keys on a variant are `version`, `write`, `removed`",
                )],
            ),
            (
                r#"enum A { #[event("a")] B { #[event(was = 1)] c: u8 } }"#,
                &[("was", "`was` takes its arguments in parentheses")],
            ),
            (
                r#"#[event] enum A { #[event("a")] B }"#,
                &[("event", "`#[event]` is empty\nhelp: remove it")],
            ),
            (
                "#[event = 3] struct A {}",
                &[(
                    "event = 3",
                    "`event` takes its arguments in parentheses\nhelp: write `#[event(..)]`",
                )],
            ),
        ],
    );
}

#[test]
fn versions() {
    for (value, message) in [
        ("0", "event versions start at 1"),
        ("00", "event versions start at 1"),
        ("-1", "`version` must be a whole number from 1 to 65535"),
        ("70000", "`version` must be a whole number from 1 to 65535"),
        (
            "99999999999999999999",
            "`version` must be a whole number from 1 to 65535",
        ),
        ("1.0", "`version` must be a whole number from 1 to 65535"),
        ("true", "`version` must be a whole number from 1 to 65535"),
        ("(1)", "`version` must be a whole number from 1 to 65535"),
        ("1 + 1", "expected `,` before this"),
        ("x + 1", "`version` must be a whole number from 1 to 65535"),
        ("CURRENT", "`version` must be a literal"),
        ("a::CURRENT", "`version` must be a literal"),
        (
            "\"3\"",
            "`version` must be a number, not a string\nhelp: write `version = 3`",
        ),
        (
            "\"x\"",
            "`version` must be a number, not a string\nhelp: write `version = 1`",
        ),
        (
            "2u16",
            "`version` takes a plain number\nhelp: write `version = 2` without `u16`",
        ),
        ("[1]", "`version` must be a whole number from 1 to 65535"),
    ] {
        let found = faults(
            "Event",
            &format!("#[event(\"a\", version = {value})] struct A {{}}"),
        );
        let [(text, found)] = found.as_slice() else {
            panic!("{value} has the faults {found:?}");
        };
        assert!(found.starts_with(message), "{value}: {found}");
        assert!(value.ends_with(text.as_str()), "{value}: under {text}");
    }
}

#[test]
fn shapes_of_events() {
    check(
        "Event",
        &[
            (
                r#"#[event("a")] struct A;"#,
                &[(
                    "A",
                    "the payload of an event needs named fields\nhelp: write `struct A {}`",
                )],
            ),
            (
                r#"#[event("a")] struct A();"#,
                &[(
                    "()",
                    "the payload of an event needs named fields\nhelp: write `struct A { name: Type }`",
                )],
            ),
            (
                r#"#[event("a")] struct A<const N: usize> {}"#,
                &[("const N: usize", "an event cannot be generic")],
            ),
            (
                r#"#[event("a")] struct A<'a, 'b, T, U> {}"#,
                &[
                    (
                        "'a",
                        "an event must own its data\nhelp: use `String` instead of `&'a str`",
                    ),
                    ("'b", "an event must own its data"),
                    ("T", "an event cannot be generic"),
                ],
            ),
            (
                "enum A {}",
                &[("A", "an enum of events needs at least one variant")],
            ),
            (
                r#"enum A { #[event("a")] B, #[event("a")] C, #[event("a")] D }"#,
                &[
                    ("\"a\"", "`a` is already the stored name of `B`"),
                    ("\"a\"", "`a` is already the stored name of `B`"),
                ],
            ),
            (
                "union A { b: u8 }",
                &[
                    ("union", "`Event` can be derived for structs and enums only"),
                    ("A", "event `A` has no stored name"),
                ],
            ),
        ],
    );
}

#[test]
fn serde_attributes_that_break_the_stored_form() {
    for (place, keys) in [
        (
            "#[event(\"a\")] #[serde(KEY)] struct A { b: u8 }",
            &[
                "untagged",
                "tag",
                "content",
                "default",
                "transparent",
                "from",
                "try_from",
                "into",
                "remote",
                "variant_identifier",
                "field_identifier",
            ][..],
        ),
        (
            "#[serde(KEY)] enum A { #[event(\"a\")] B }",
            &[
                "untagged", "tag", "content", "default", "from", "try_from", "into", "remote",
            ],
        ),
        (
            "enum A { #[event(\"a\")] #[serde(KEY)] B }",
            &[
                "skip",
                "skip_serializing",
                "skip_deserializing",
                "other",
                "untagged",
                "alias",
                "with",
                "serialize_with",
                "deserialize_with",
            ],
        ),
        (
            "#[event(\"a\")] struct A { #[serde(KEY)] b: u8 }",
            &[
                "flatten",
                "alias",
                "default",
                "skip",
                "skip_serializing",
                "skip_deserializing",
                "skip_serializing_if",
                "getter",
            ],
        ),
        (
            "enum A { #[event(\"a\")] B { #[serde(KEY)] b: u8 } }",
            &["flatten", "alias", "default", "skip"],
        ),
    ] {
        for key in keys {
            for value in ["", " = \"x\"", " = \"x\", bound = \"\""] {
                let source = place.replace("KEY", &format!("bound = \"\", {key}{value}"));
                let found = faults("Event", &source);
                let [(text, message)] = found.as_slice() else {
                    panic!("{source} has the faults {found:?}");
                };
                assert_eq!(text, key, "{source}");
                let start = format!("`#[serde({key})]` is not allowed on an event: ");
                assert!(message.starts_with(&start), "{source}: {message}");
                assert!(message.contains("\nhelp: "), "{source}: {message}");
            }
        }
    }
    check(
        "Event",
        &[
            (
                r#"#[event("a")] #[serde(rename_all(serialize = "x", deserialize = "y"))] struct A { }"#,
                &[(
                    "rename_all",
                    "`#[serde(rename_all(..))]` is not allowed on an event",
                )],
            ),
            (
                r#"#[event("a")] struct A { #[serde(rename(serialize = "x"))] b: u8 }"#,
                &[(
                    "rename",
                    "`#[serde(rename(..))]` is not allowed on an event",
                )],
            ),
            (
                r#"#[event("a")] struct A { #[serde(rename = "x", with = "y", bound = "", serialize_with = "f", deserialize_with = "g", borrow)] b: u8 }"#,
                &[],
            ),
            (r#"#[event("a")] #[serde = "x"] #[serde] struct A {}"#, &[]),
            (r#"#[event("a")] #[serde(+, 3)] struct A {}"#, &[]),
        ],
    );
}

#[test]
fn aggregates_without_a_fault() {
    let base = r#"#[aggregate("a", id = u8, error = E, REST)] struct A;"#;
    for rest in [
        "events(B)",
        "events(B,), commands(C, d::D as Dee,)",
        "events(b::B as Bee, ignore(C, ::d::D,), E)",
        "events = B",
        "events = Vec<(A, B)>",
        "events(B), snapshot(every = 1)",
        "events(B), snapshot(every = 1, apply_revision = 0)",
        "events(B), snapshot(apply_revision = 4_294_967_295, every = 1,)",
        "events(B), snapshot(every = 1_000,), codec = \"postcard\"",
        "events(B), event_enum = F, commands(C), command_enum = \"G\"",
        "events(r#ignore)",
        "crate = \"::es\", events(B)",
    ] {
        let source = base.replace("REST", rest);
        assert_eq!(faults("Aggregate", &source), [], "{source}");
    }
}

#[test]
fn keys_of_aggregates() {
    check(
        "Aggregate",
        &[
            (
                "#[aggregate()] struct A;",
                &[
                    (
                        "A",
                        "aggregate `A` has no stored name\nhelp: write it first",
                    ),
                    ("A", "aggregate `A` has no id type"),
                    ("A", "aggregate `A` has no error type"),
                    ("A", "aggregate `A` has no events"),
                ],
            ),
            (
                "struct A;",
                &[("A", "aggregate `A` has no `#[aggregate(..)]`")],
            ),
            (
                r#"#[aggregate("a", idd = u8, eror = E, evnts(B), comands(C))] struct A;"#,
                &[
                    (
                        "idd",
                        "unknown key `idd` in `#[aggregate(..)]`\nhelp: a key with a similar name exists: `id`",
                    ),
                    ("eror", "unknown key `eror`"),
                    ("evnts", "unknown key `evnts`"),
                    ("comands", "unknown key `comands`"),
                ],
            ),
            (
                r#"#[aggregate("a", id = u8, error = E, event = B, command(C))] struct A;"#,
                &[
                    (
                        "event",
                        "unknown key `event` in `#[aggregate(..)]`\nhelp: list the events",
                    ),
                    (
                        "command",
                        "unknown key `command` in `#[aggregate(..)]`\nhelp: list the commands: `commands(PlaceOrder)`",
                    ),
                ],
            ),
            (
                r#"#[aggregate("a", id = u8, id = u8, error = E, events(B), commands(C), commands(D))] struct A;"#,
                &[
                    ("id", "`id` is given twice"),
                    ("commands", "`commands` is given twice"),
                ],
            ),
            (
                r#"#[aggregate("a", id = Vec<, error = E, events(B))] struct A;"#,
                &[(
                    "Vec<",
                    "`id` takes a type\nhelp: write it like `id = OrderId`",
                )],
            ),
            (
                r#"#[aggregate("a", id = &'static str, error = (E, F), events(B))] struct A;"#,
                &[],
            ),
            (
                r#"#[aggregate("a", id = u8, error = E, events(B), event_enum = 3, command_enum = a::B)] struct A;"#,
                &[
                    ("3", "`event_enum` takes the name of the enum to generate"),
                    (
                        "command_enum",
                        "`command_enum` names a generated enum, and without",
                    ),
                    (
                        "a::B",
                        "`command_enum` takes the name of the enum to generate",
                    ),
                ],
            ),
            (
                r#"#[aggregate("a", id = u8, error = E, events(B), codec = "jsno")] struct A;"#,
                &[(
                    "\"jsno\"",
                    "there is no codec `jsno`\nhelp: a codec with a similar name exists: `\"json\"`",
                )],
            ),
            (
                r#"#[aggregate("a", id = u8, error = E, events(B), codec = "xml")] struct A;"#,
                &[("\"xml\"", "there is no codec `xml`\nhelp: the codecs are")],
            ),
            (
                r#"#[aggregate("a", id = u8, error = E, events(B))] struct A { #[aggregate(size = 3)] b: u8 }"#,
                &[(
                    "size",
                    "unknown key `size` in `#[aggregate(..)]`\nhelp: a field of an aggregate takes no keys; write them on the struct",
                )],
            ),
            (
                r#"#[aggregate("a", id = u8, error = E, events(B))] struct A { #[aggregate("b")] b: u8 }"#,
                &[("\"b\"", "a field of an aggregate has no stored name")],
            ),
            (
                r#"#[aggregate("a", id = u8, error = E, events(B))] enum A<'a, T> { B(&'a T) }"#,
                &[
                    ("enum", "`Aggregate` can only be derived for structs"),
                    ("'a, T", "an aggregate cannot be generic"),
                ],
            ),
        ],
    );
}

#[test]
fn lists_of_aggregates() {
    let base = r#"#[aggregate("a", id = u8, error = E, REST)] struct A;"#;
    let table: &[(&str, Expected)] = &[
        (
            "events(B, B, c::B, ignore(D, D), D)",
            &[
                ("B", "`B` is already in this list"),
                (
                    "c::B",
                    "two variants would be called `B`\nhelp: give this one another name: `c::B as OtherB`",
                ),
                ("D", "`D` is both applied and ignored"),
                ("D", "`D` is already in this list"),
            ],
        ),
        (
            "events(B, c::D as B)",
            &[("B", "two variants would be called `B`")],
        ),
        ("events(B, ignore)", &[]),
        (
            "events(B, ignoer(C))",
            &[(
                "ignoer",
                "expected the path of an event, found `ignoer(..)`\nhelp: a group with a similar name exists",
            )],
        ),
        (
            "events(B, other(C))",
            &[(
                "other",
                "expected the path of an event, found `other(..)`\nhelp: the only group here is `ignore(..)`",
            )],
        ),
        (
            "events(B, ignore(ignore(C)))",
            &[(
                "ignore",
                "expected the path of an event, found `ignore(..)`\nhelp: write just `ignore`",
            )],
        ),
        (
            "events(B, C<D, E>, F { g: H }, i = J, 3, \"k\", ,)",
            &[
                (
                    "C",
                    "an event in a list cannot have type arguments\nhelp: name it first: `type Name = C<..>;`",
                ),
                ("F", "an event is listed by its type only"),
                ("i", "expected the path of an event, found the key `i`"),
                (
                    "3",
                    "expected the path of an event\nhelp: list types, separated by commas",
                ),
                (
                    "\"k\"",
                    "an event is listed by its type, not by a stored name\nhelp: write the type whose name is `\"k\"`",
                ),
                (",", "expected the path of an event"),
            ],
        ),
        (
            "events(B as)",
            &[(
                "as",
                "`as` takes the name of the variant\nhelp: write it like `B as OtherName`",
            )],
        ),
        (
            "events(B as c::D)",
            &[("c::D", "`as` takes the name of the variant")],
        ),
        ("events(&B)", &[("&", "expected the path of an event")]),
        ("events(B C)", &[("C", "expected `,` before this")]),
        ("events(+)", &[("+", "expected the path of an event")]),
        (
            "events(), commands()",
            &[
                ("events", "an aggregate needs at least one event"),
                ("commands", "the list of commands is empty"),
            ],
        ),
        (
            "events(ignore())",
            &[("events", "an aggregate needs at least one event")],
        ),
        (
            "events(B), commands(C, C, D as C)",
            &[
                ("C", "`C` is already in this list"),
                ("C", "two variants would be called `C`"),
            ],
        ),
        (
            "events(B), commands(ignore(C))",
            &[(
                "ignore",
                "expected the path of a command, found `ignore(..)`\nhelp: write just `ignore`",
            )],
        ),
        (
            "events(B), commands = C",
            &[("C", "`commands` takes a list\nhelp: write `commands(C)`")],
        ),
        (
            "events(B), commands",
            &[(
                "commands",
                "`commands` takes a list\nhelp: write `commands(PlaceOrder)`",
            )],
        ),
        (
            "events",
            &[("events", "`events` takes a list of events or an enum")],
        ),
        (
            "events = \"B\"",
            &[("\"B\"", "`events` takes a type, not a string")],
        ),
        (
            "events(B), events = C",
            &[("events", "`events` is given twice\nhelp: keep one: a list")],
        ),
        (
            "events = B, event_enum = C",
            &[(
                "event_enum",
                "`event_enum` names a generated enum, and `events = ..`",
            )],
        ),
        (
            "events(B), commands(C), event_enum = D, command_enum = D",
            &[("D", "two generated enums would be called `D`")],
        ),
        (
            "events(B), snapshot()",
            &[("snapshot", "`snapshot()` does not say how often")],
        ),
        (
            "events(B), snapshot",
            &[("snapshot", "`snapshot` does not say how often")],
        ),
        (
            "events(B), snapshot(\"x\")",
            &[("\"x\"", "`snapshot(\"x\")` does not say how often")],
        ),
        (
            "events(B), snapshot(every = 0)",
            &[("0", "a snapshot every 0 events is impossible")],
        ),
        (
            "events(B), snapshot(every = 5u8)",
            &[("5u8", "`every` must be a number of events, 1 or more")],
        ),
        (
            "events(B), snapshot(every = N)",
            &[("N", "`every` must be a number of events, 1 or more")],
        ),
        (
            "events(B), snapshot(every = 1, every = 2)",
            &[("every", "`every` is given twice")],
        ),
        (
            "events(B), snapshot(evrey = 1)",
            &[(
                "evrey",
                "unknown key `evrey` in `snapshot(..)`\nhelp: a key with a similar name",
            )],
        ),
        (
            "events(B), snapshot(days = 1, every = 2)",
            &[(
                "days",
                "unknown key `days` in `snapshot(..)`\nhelp: its keys are `every` and `apply_revision`",
            )],
        ),
        (
            "events(B), snapshot(every = 1, apply_revison = 2)",
            &[(
                "apply_revison",
                "unknown key `apply_revison` in `snapshot(..)`\nhelp: a key with a similar name exists: `apply_revision`",
            )],
        ),
        (
            "events(B), snapshot(every = 1, apply_revision = \"2\")",
            &[(
                "\"2\"",
                "`apply_revision` must be a number from 0 to 4294967295",
            )],
        ),
        (
            "events(B), snapshot(every = 1, apply_revision = -1)",
            &[(
                "-1",
                "`apply_revision` must be a number from 0 to 4294967295",
            )],
        ),
        (
            "events(B), snapshot(every = 1, apply_revision = 4294967296)",
            &[(
                "4294967296",
                "`apply_revision` must be a number from 0 to 4294967295",
            )],
        ),
        (
            "events(B), snapshot(every = 1, apply_revision = 2u8)",
            &[(
                "2u8",
                "`apply_revision` must be a number from 0 to 4294967295",
            )],
        ),
        (
            "events(B), snapshot(every = 1, apply_revision)",
            &[(
                "apply_revision",
                "`apply_revision` needs a value\nhelp: write `apply_revision = 1`",
            )],
        ),
        (
            "events(B), snapshot(every = 1, apply_revision = 1, apply_revision = 2)",
            &[("apply_revision", "`apply_revision` is given twice")],
        ),
        (
            "events(B), snapshot(apply_revision = 2)",
            &[(
                "snapshot",
                "`snapshot(apply_revision = ..)` does not say how often",
            )],
        ),
        (
            "events(B), apply_revision = 2",
            &[(
                "apply_revision",
                "`apply_revision` belongs inside `snapshot(..)`",
            )],
        ),
        (
            "events(B), every = 3",
            &[("every", "`every` belongs inside `snapshot(..)`")],
        ),
        (
            "events(B), ignore(C)",
            &[("ignore", "`ignore(..)` belongs inside `events(..)`")],
        ),
        (
            "events(B), version = 2",
            &[("version", "an aggregate has no version")],
        ),
    ];
    for (rest, expected) in table {
        let source = base.replace("REST", rest);
        check("Aggregate", &[(&source, expected)]);
    }
}

#[test]
fn serde_attributes_are_refused_with_a_reason() {
    check(
        "Event",
        &[
            (
                r#"#[event("a")] #[serde(remote = "B", field_identifier)] struct A {}"#,
                &[
                    (
                        "remote",
                        "`#[serde(remote)]` is not allowed on an event: it describes another type, and the event would have no stored form\nhelp: define the event as a struct of its own",
                    ),
                    (
                        "field_identifier",
                        "`#[serde(field_identifier)]` is not allowed on an event: the event would be read as a name\nhelp: remove it",
                    ),
                ],
            ),
            (
                r#"#[event("a")] struct A { #[serde(getter = "f")] b: u8 }"#,
                &[(
                    "getter",
                    "`#[serde(getter)]` is not allowed on an event: it belongs to a description of another type",
                )],
            ),
            (
                r#"enum A { #[event("a")] #[serde(other)] B, #[event("b")] #[serde(with = "m")] C {} }"#,
                &[
                    (
                        "other",
                        "`#[serde(other)]` is not allowed on an event: unknown events are refused, never guessed",
                    ),
                    (
                        "with",
                        "`#[serde(with)]` is not allowed on an event: the payload would no longer be the variant's fields\nhelp: use it on a field",
                    ),
                ],
            ),
        ],
    );
}

#[test]
fn keys_of_projections() {
    check(
        "Projection",
        &[
            (
                r#"#[projection("a", events(B, c::D), schema(E = F, g::H = i()))] struct A { b: u8 }"#,
                &[],
            ),
            (
                r#"#[projection("a", version = 7, events(B), schema(E = "{t}")) ] #[projection(on_unknown_version = stop, partitions = 1024, key = b::c)] struct A;"#,
                &[],
            ),
            (
                r#"#[projection("a", events(B), schema(E = "{t}"), from = now)] struct A;"#,
                &[("from", "unknown key `from` in `#[projection(..)]`")],
            ),
            (
                r#"#[projection("a", events(B), schema(E = "{t}"), partitions = 1025)] struct A;"#,
                &[("1025", "`partitions` is a whole number from 1 to 1024")],
            ),
            (
                r#"#[projection("a", events(B), schema(E = "{t}"), key = |e| e)] struct A;"#,
                &[("|", "`key` takes the path of a function")],
            ),
            (
                r#"#[projection("a", events(B), schema())] union A { a: u8 }"#,
                &[
                    (
                        "schema",
                        "`schema` takes the statements that create the tables",
                    ),
                    ("union", "a projection must be a struct"),
                ],
            ),
            (
                r#"#[projection("a", events(B), schema(sqlite = "{t}"))] struct A;"#,
                &[(
                    "sqlite",
                    "portable handlers need tables in both databases, and `schema(..)` has none for `postgres`\nhelp: add `postgres = \"..\"`; for handlers of one database write its type instead of `sqlite`",
                )],
            ),
            (
                r#"#[projection(name = "a", events("b"), schema(E = "{t}"))] struct A;"#,
                &[
                    ("name", "the stored name is written without a key"),
                    ("\"b\"", "an event is listed by its type"),
                ],
            ),
        ],
    );
    check(
        "Subscription",
        &[
            (
                r#"#[subscription("a", events(B), from = start, on_unknown_version = skip)] struct A;"#,
                &[],
            ),
            (
                r#"#[subscription("a", events(B), version = 2, schema = "{t}")] struct A;"#,
                &[("schema", "unknown key `schema`")],
            ),
        ],
    );
}

#[test]
fn keys_of_process_managers() {
    check(
        "ProcessManager",
        &[
            (
                r#"#[process_manager(reacts(B, c::D), timers)] #[process_manager(rejections)] struct A;"#,
                &[],
            ),
            (
                r#"#[process_manager] struct A;"#,
                &[("process_manager", "`#[process_manager]` is empty")],
            ),
            (
                r#"#[process_manager(reacts(B, B))] struct A;"#,
                &[("B", "`B` is already in this list")],
            ),
            (
                r#"#[process_manager(reacts())] struct A;"#,
                &[("reacts", "the list of events is empty")],
            ),
            (
                r#"#[process_manager(reacts = B)] struct A;"#,
                &[("reacts", "`reacts` takes a list")],
            ),
            (
                r#"#[process_manager("a", reacts(B))] struct A;"#,
                &[("\"a\"", "a process manager uses the name of its aggregate")],
            ),
            (
                r#"#[process_manager(reacts(B), sends(C::{D, e::F}, G::{D}))] struct A;"#,
                &[],
            ),
            (
                r#"#[process_manager(reacts(B), sends)] struct A;"#,
                &[("sends", "`sends` takes a list")],
            ),
            (
                r#"#[process_manager(reacts(B), sends())] struct A;"#,
                &[("sends", "the list of commands is empty")],
            ),
            (
                r#"#[process_manager(reacts(B), sends(D, C::{}, E::{F, F}))] struct A;"#,
                &[
                    ("D", "`sends` does not say which aggregate `D` goes to"),
                    ("{}", "the braces after `C::` are empty"),
                    ("F", "`F` is already in this list"),
                ],
            ),
            (
                r#"#[process_manager(reacts(B), sends(C::{D as E}))] struct A;"#,
                &[("E", "`as` names the variant of a generated enum")],
            ),
            (
                r#"#[process_manager(reacts(B), timer)] struct A;"#,
                &[("timer", "unknown key `timer`")],
            ),
            (
                r#"#[process_manager(reacts(B), events(C))] enum A {}"#,
                &[("events", "unknown key `events`")],
            ),
            (
                r#"#[process_manager(reacts(B), timers = true)] struct A<T>(T);"#,
                &[("timers", "`timers`")],
            ),
        ],
    );
}

#[test]
fn tags_of_events_and_folds() {
    check(
        "Decision",
        &[
            (
                r#"#[decision("a", error = E, reads(b: B(c, d), e: B(c, d), f: F()), emits(G, blind(H, I)))] struct A { c: u8, d: u8 }"#,
                &[(
                    "c",
                    "this is the same read as `b`: the `B` of `c` and `d`\nhelp: remove it and use `read.b`",
                )],
            ),
            (
                r#"#[decision("a", error = E, reads(f: F(), g: F()))] struct A { c: u8 }"#,
                &[(
                    "g",
                    "this is the same read as `f`: the `F`\nhelp: remove it and use `read.f`",
                )],
            ),
            (
                r#"#[decision("a", error = E, reads(B(c, d)))] struct A { c: u8, d: u8 }"#,
                &[(
                    "B(c, d)",
                    "this read has no name\nhelp: write `c: B(c, d)`; `decide` finds it as `read.c`",
                )],
            ),
            (
                r#"#[decision("a", error = E, reads(b: B(c)), emits)] struct A { c: u8 }"#,
                &[(
                    "emits",
                    "`emits` takes a list of events\nhelp: write `emits(StudentSubscribed)`",
                )],
            ),
        ],
    );
    check(
        "Fold",
        &[
            (
                r#"#[fold("a", by(B, c::D), events(E, f::G, H::{I}))] struct A {}"#,
                &[],
            ),
            (
                r#"#[fold("a", by(B), events(E), initial = Self::of)] struct A;"#,
                &[],
            ),
            (
                r#"#[fold("a", by(B), last, events(E), last)] struct A {}"#,
                &[("last", "`last` is given twice\nhelp: ")],
            ),
            (
                r#"#[fold("a", by(B), events(E), last(C))] struct A {}"#,
                &[("last", "`last` takes no value\nhelp: write just `last`")],
            ),
            (
                r#"#[fold("a", by, events(E as F))] union A { b: u8 }"#,
                &[
                    (
                        "by",
                        "`by` takes a list of tags\nhelp: write `by(CourseId)`",
                    ),
                    ("F", "`as` names the variant"),
                    ("union", "`Fold` can only be derived for structs"),
                ],
            ),
        ],
    );
    check(
        "Tag",
        &[
            (r#"#[tag("a.b-c")] struct A(u8);"#, &[]),
            (r#"#[tag("a", crate = "::es")] struct A { b: u8 }"#, &[]),
            (
                r#"#[tag("a:b")] union A { b: u8 }"#,
                &[
                    ("\"a:b\"", "the kind of a tag ends at the first colon"),
                    ("union", "a tag is a struct"),
                ],
            ),
            (
                r#"#[tag] struct A();"#,
                &[
                    ("tag", "`#[tag]` is empty\nhelp: write `#[tag(\"course\")]`"),
                    ("()", "a tag without a field is written without parentheses"),
                ],
            ),
        ],
    );
    check(
        "Event",
        &[
            (
                r#"#[event("a", tag(B, c::D), tag(E), home = c::D)] struct A { #[tag] f: F, #[tag(as = G)] h: Option<F> }"#,
                &[],
            ),
            (
                r#"#[event("a", home = g)] struct A { #[tag] f: F, #[tag] h: H }"#,
                &[(
                    "g",
                    "the event has no tag `g`\nhelp: a tag with a similar name exists: `f`",
                )],
            ),
            (
                r#"#[event("a", home = student)] struct A { #[tag] f: F, #[tag] h: H }"#,
                &[(
                    "student",
                    "the event has no tag `student`\nhelp: its tags are `f` and `h`",
                )],
            ),
            (
                r#"enum A { #[event("a", tag(B))] #[tag] C { #[tag] f: F } }"#,
                &[("tag", "`#[tag]` stands on the field that has the value")],
            ),
        ],
    );
}

#[test]
fn keys_of_decisions() {
    let one = |reads: &str| {
        let source = format!(
            "#[decision(\"a\", error = E, reads({reads}))] struct A {{ from: B, to: B, r#type: B }}"
        );
        let found = faults("Decision", &source);
        let shown: Vec<_> = found
            .into_iter()
            .map(|(text, said)| (text, said.lines().next().unwrap_or_default().to_owned()))
            .collect();
        shown
    };
    for legal in [
        "a: B(from)",
        "a: B(from), b: B(to),",
        "from: B(to), to: B(from)",
        "a: crate::b::B(from), b: ::b::B(to)",
        "a: B(from), b: C(from)",
        "r#type: B(r#type)",
        "a: r#mod::r#B(from)",
    ] {
        assert_eq!(one(legal), [], "{legal}");
    }
    for (reads, place, message) in [
        ("", "reads", "a decision reads at least one aggregate"),
        ("a", "a", "expected an aggregate or a fold to read"),
        (
            "a:",
            ":",
            "expected the type of an aggregate or a fold and a field",
        ),
        (": B(from)", ":", "expected an aggregate or a fold to read"),
        ("a: B", "B", "`a` does not say which `B` to read"),
        (
            "a: b::B{from}",
            "b::B{from}",
            "the field with the id stands in parentheses",
        ),
        (
            "a: B(from) c",
            "B(from) c",
            "expected the type of an aggregate or a fold and a field",
        ),
        (
            "a: B(from.id)",
            "from.id",
            "expected names of fields of the decision",
        ),
        ("b::B(from)", "b::B(from)", "this read has no name"),
        (
            "a: B::<C>(from)",
            "B::<C>(from)",
            "a type in `reads(..)` cannot have type arguments",
        ),
        ("_: B(from)", "_", "`_` cannot be the name of a field"),
        ("a: B(type)", "type", "`type` cannot be the name of a field"),
        (
            "a: B(from), r#a: B(to)",
            "r#a",
            "two reads are called `r#a`",
        ),
        ("a: B(types)", "types", "the decision has no field `types`"),
        (
            "a: B(r#type), b: B(r#type)",
            "r#type",
            "this is the same read as `a`: the `B` of `type`",
        ),
        ("a: B(from) b: B(to)", "B(from) b: B(to)", "expected"),
    ] {
        let found = one(reads);
        assert_eq!(found.len(), 1, "in {reads}: {found:?}");
        for (text, said) in found {
            assert_eq!(text, place, "in {reads}: {said}");
            assert!(said.starts_with(message), "in {reads}: {said}");
        }
    }
    check(
        "Decision",
        &[
            (
                r#"#[decision("a", error = E)] #[decision(reads(b: B(c)), reads_struct = R, crate = "::es")] struct A { c: u8 }"#,
                &[],
            ),
            (
                "struct A { b: u8 }",
                &[("A", "decision `A` has no `#[decision(..)]`")],
            ),
            (
                r#"#[decision("a", error = E, reads(b: B(c)))] struct A {}"#,
                &[(
                    "c",
                    "the decision has no field `c`\nhelp: add a field with the id of the aggregate",
                )],
            ),
            (
                r#"#[decision("a", error = E, reads(b: B(to)))] struct A { account: u8 }"#,
                &[(
                    "to",
                    "the decision has no field `to`\nhelp: its only field is `account`",
                )],
            ),
            (
                r#"#[decision("a", reads(b: B(c), b: B))] union A { c: u8 }"#,
                &[
                    ("B", "`b` does not say which `B` to read"),
                    ("union", "a decision must be a struct"),
                    ("A", "decision `A` has no error type"),
                ],
            ),
            (
                r#"#[decision("a", error = E, reads(b: B(c)), crate = es, reads_struct)] struct A<T> { c: T }"#,
                &[
                    ("es", "`crate` needs an absolute path"),
                    ("reads_struct", "`reads_struct` needs a value"),
                    ("T", "a decision cannot be generic"),
                ],
            ),
            (
                r#"#[decision("a", error = E, reads(b: B(c)))] struct A { #[decision("c")] c: u8 }"#,
                &[("\"c\"", "a field of a decision has no stored name")],
            ),
        ],
    );
}
