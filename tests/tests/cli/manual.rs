//! The commands of the page on operations do what it says.

use crate::place::{Place, es};
use std::fs;

const PAGE: &str = include_str!("../../../docs/operations.md");

/// The words of a line, as a shell finds them.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in line.chars() {
        match c {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            c => words.last_mut().expect("one").push(c),
        }
    }
    words
}

/// Its own store in place of the one that a command names.
fn runs(command: &str, store: &str) -> Result<String, String> {
    let words = words(command);
    let mut args = vec!["--store".to_owned(), store.to_owned()];
    let mut given = words.into_iter().skip(1);
    while let Some(word) = given.next() {
        if word == "--store" {
            given.next();
        } else {
            args.push(word);
        }
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let ran = es(&args);
    match (ran.code, ran.out.is_empty()) {
        (0, false) => Ok(ran.out),
        (code, _) => Err(format!("`{command}`: {code}, {}", ran.err)),
    }
}

#[test]
fn every_command_of_the_page_runs() {
    let place = Place::copy();
    let store = place.address();
    let before = fs::read(place.file()).expect("the file");
    let blocks = PAGE.split("```sh\n").skip(1);
    let code = blocks.filter_map(|block| block.split("```").next());
    let commands: Vec<&str> = code.flat_map(str::lines).collect();
    assert!(commands.len() > 20, "{commands:?}");
    for command in commands {
        assert!(command.starts_with("es "), "{command}");
        // A store that is whole has no lines of damage, and this one is new.
        let is_quiet = ["verify", "--overdue", "--at 2h"]
            .iter()
            .any(|word| command.contains(word));
        match runs(command, &store) {
            Ok(_) => {}
            Err(said) if is_quiet && said.contains(": 0, ") => {}
            Err(said) => panic!("{said}"),
        }
    }
    assert!(
        before == fs::read(place.file()).expect("the file"),
        "nothing was written"
    );
    // The control: a command that is none.
    assert!(runs("es nothing", &store).is_err());
}
