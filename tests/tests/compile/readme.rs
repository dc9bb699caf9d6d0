//! The README shows the bank account as it is.

#[test]
fn the_bank_account_of_the_readme_is_the_example() {
    let readme = include_str!("../../../README.md");
    let example = include_str!("../../../examples/bank/main.rs");
    // The first line of the example says what the README's heading says.
    let code = example.split_once("\n\n").map_or(example, |(_, code)| code);
    assert!(
        readme.contains(code),
        "copy examples/bank/main.rs without its first line into README.md"
    );
}

#[test]
fn the_bank_account_is_as_short_as_promised() {
    let example = include_str!("../../../examples/bank/main.rs");
    let domain = example
        .lines()
        .skip_while(|line| !line.starts_with("#[derive(Event"))
        .take_while(|line| !line.starts_with("#[tokio::main]"));
    let lines = domain.filter(|line| !line.trim().is_empty()).count();
    assert_eq!(lines, 50);
}
