//! Pieces of text that several messages share.

pub(super) fn words(keys: &[&str]) -> String {
    let quoted: Vec<_> = keys.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// `OrderPlaced` to `order.placed`, for examples.
pub(super) fn dotted(ident: &str) -> String {
    let mut name = String::new();
    for c in ident.chars().filter(char::is_ascii_alphanumeric) {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('.');
        }
        name.push(c.to_ascii_lowercase());
    }
    if name.is_empty() {
        "order.placed".to_owned()
    } else {
        name
    }
}
