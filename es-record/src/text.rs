//! What texts of a record may not have.

/// Whether a text has a control character. Those of ASCII text are found without decoding it.
pub fn has_control(text: &str) -> bool {
    let plain = |byte: u8| (b' '..=b'~').contains(&byte);
    !text.bytes().all(plain) && text.chars().any(char::is_control)
}
