//! The commands of the page do what they say.

use super::{copy, es, location, node, shop, stream};
use std::{collections::HashMap, fs};

const PAGE: &str = include_str!("../../../../docs/jetstream-operations.md");

#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn every_command_of_the_page_runs() {
    let place = shop();
    let folder = place.file().parent().expect("a folder").to_owned();
    let mut streams: HashMap<String, String> = HashMap::new();
    let mut moved = |word: &str| -> String {
        if let Some(rest) = word.strip_prefix("nats://") {
            let (_, place) = rest.split_once('/').expect("a stream");
            let (name, options) = place.split_once('?').unwrap_or((place, ""));
            let is_new = !streams.contains_key(name);
            let own = streams
                .entry(name.to_owned())
                .or_insert_with(stream)
                .clone();
            if is_new && name == "SHOP" {
                copy(&shop().address(), &location(&own));
            }
            return format!("{}/{own}?{options}", node().url());
        }
        let (kind, file) = match word.strip_prefix("sqlite:") {
            Some(file) => ("sqlite:", file),
            None => ("", word),
        };
        if file.ends_with(".db") || file.ends_with(".ndjson") {
            return format!("{kind}{}", folder.join(file).display());
        }
        word.to_owned()
    };
    let blocks = PAGE.split("```sh jetstream\n").skip(1);
    let lines = blocks.filter_map(|block| block.split("```").next());
    let lines: Vec<&str> = lines.flat_map(str::lines).collect();
    assert!(lines.len() > 10, "{lines:?}");
    for line in lines {
        // No quoted text of the page has a space, but for the condition.
        let line = line.replace("'$.cents > 1000'", "$.cents>1000");
        let mut args = Vec::new();
        let mut output = None;
        let mut words = line
            .split(' ')
            .skip(1)
            .map(|word| moved(word.trim_matches('\'')));
        while let Some(word) = words.next() {
            match word.as_str() {
                "<" => args.extend(words.next()),
                ">" => output = words.next(),
                _ => args.push(word),
            }
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let ran = es(&args);
        assert_eq!(ran.code, 0, "{line}: {}{}", ran.out, ran.err);
        let is_quiet = line.ends_with(" verify");
        assert!(
            is_quiet || !ran.out.is_empty(),
            "{line} says something: {}",
            ran.err
        );
        if let Some(output) = output {
            fs::write(output, ran.out).expect("written");
        }
    }
}
