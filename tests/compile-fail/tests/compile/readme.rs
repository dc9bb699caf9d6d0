//! The README shows the quickstart as it is.

#[test]
fn the_example_of_the_readme_is_the_quickstart() {
    let readme = include_str!("../../../../README.md");
    let example = include_str!("../../../../examples/quickstart/main.rs");
    let code = example.split_once("\n\n").map_or(example, |(_, code)| code);
    assert!(
        readme.contains(code),
        "copy examples/quickstart/main.rs without its first line into README.md"
    );
    assert!(
        code.lines().count() <= 45,
        "the first example has at most 45 lines"
    );
    let lines = readme.lines().count();
    assert!((120..=180).contains(&lines), "the README has {lines} lines");
}

#[test]
fn the_bank_account_is_as_short_as_promised() {
    let example = include_str!("../../../../examples/bank/main.rs");
    let domain = example
        .lines()
        .skip_while(|line| !line.starts_with("#[derive(Event"))
        .take_while(|line| !line.starts_with("#[tokio::main]"));
    let lines = domain.filter(|line| !line.trim().is_empty()).count();
    assert_eq!(lines, 50);
}
