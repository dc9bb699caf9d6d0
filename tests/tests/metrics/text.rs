//! The text that Prometheus reads, parsed strictly: what its format does not allow is an error.

use std::collections::BTreeMap;

/// A metric with its series.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) help: String,
    pub(crate) samples: Vec<Sample>,
}

#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// All metrics of a text by their names.
pub(crate) fn parse(text: &str) -> Result<BTreeMap<String, Family>, String> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    if !text.ends_with('\n') {
        return Err("the last line has no end".to_owned());
    }
    for line in text.lines().filter(|line| !line.is_empty()) {
        let wrong = |why: &str| format!("{why}: {line}");
        if let Some(comment) = line.strip_prefix("# ") {
            let (what, rest) = comment.split_once(' ').ok_or_else(|| wrong("a comment"))?;
            let (name, text) = rest.split_once(' ').ok_or_else(|| wrong("no text"))?;
            is_name(name, true)
                .then_some(())
                .ok_or_else(|| wrong("no name"))?;
            if current != name && families.contains_key(name) {
                return Err(wrong("a second group of one metric"));
            }
            name.clone_into(&mut current);
            let family = families.entry(current.clone()).or_default();
            let field = match what {
                "HELP" => &mut family.help,
                "TYPE" if family.samples.is_empty() => &mut family.kind,
                _ => return Err(wrong("neither HELP nor TYPE before the samples")),
            };
            if !std::mem::replace(field, text.to_owned()).is_empty() {
                return Err(wrong("said twice"));
            }
            continue;
        }
        let sample = sample(line).ok_or_else(|| wrong("no sample"))?;
        let family = families
            .get_mut(&current)
            .ok_or_else(|| wrong("no TYPE before it"))?;
        let suffix = sample.name.strip_prefix(&current);
        let fits = match family.kind.as_str() {
            "counter" | "gauge" => suffix == Some(""),
            "histogram" => matches!(suffix, Some("_bucket" | "_sum" | "_count")),
            _ => false,
        };
        let has_le = sample.labels.contains_key("le");
        if !fits || has_le != (suffix == Some("_bucket")) {
            return Err(wrong("not of the metric before it"));
        }
        let mut others = family.samples.iter();
        if others.any(|other| other.name == sample.name && other.labels == sample.labels) {
            return Err(wrong("a second value of one series"));
        }
        family.samples.push(sample);
    }
    Ok(families)
}

fn is_name(text: &str, colons: bool) -> bool {
    let fits = |c: char| c.is_ascii_alphabetic() || c == '_' || (colons && c == ':');
    text.starts_with(fits) && text.chars().all(|c| fits(c) || c.is_ascii_digit())
}

fn sample(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    let mut rest = rest;
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"")?;
            let mut value = String::new();
            let mut chars = after.char_indices();
            let end = loop {
                match chars.next()? {
                    (end, '"') => break end,
                    (_, '\\') => value.push(match chars.next()?.1 {
                        'n' => '\n',
                        c @ ('\\' | '"') => c,
                        _ => return None,
                    }),
                    (_, c) => value.push(c),
                }
            };
            let is_new = labels.insert(label.to_owned(), value).is_none();
            is_name(label, false).then_some(())?;
            is_new.then_some(())?;
            rest = &after[end + 1..];
            rest = match rest.strip_prefix(',') {
                Some(more) => more,
                None if rest.starts_with('}') => rest,
                None => return None,
            };
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ')?.parse().ok()?;
    is_name(name, true).then(|| Sample {
        name: name.to_owned(),
        labels,
        value,
    })
}

/// The controls: what is no such text.
#[test]
fn a_text_with_a_mistake_is_refused() {
    let good = "# HELP a_total What.\n# TYPE a_total counter\na_total{b=\"c\"} 1\n";
    parse(good).expect("a text");
    for (from, to) in [
        ("c\"} 1\n", "c\"} 1"),
        ("c\"} 1", "c\"} one"),
        ("{b=", "{b-c="),
        ("\"c\"", "\"c"),
        ("# TYPE a_total counter\n", ""),
        ("\na_total", "\nb_total"),
        ("# TYPE", "# KIND"),
        ("c\"} 1\n", "c\"} 1\na_total{b=\"c\"} 2\n"),
        ("c\"} 1\n", "c\"} 1\n# TYPE a_total counter\n"),
        ("{b=\"c\"}", "{b=\"c\",b=\"d\"}"),
        ("counter", "histogram"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert!(parse(&bad).is_err(), "{bad}");
    }
}
