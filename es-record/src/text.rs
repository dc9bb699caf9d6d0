//! What texts of a record may not have.

/// The greatest length of either half of a stream id, in bytes.
pub const MAX_STREAM_ID_BYTES: usize = 256;

/// Whether a text has a control character. Those of ASCII text are found without decoding it.
pub fn has_control(text: &str) -> bool {
    let plain = |byte: u8| (b' '..=b'~').contains(&byte);
    !text.bytes().all(plain) && text.chars().any(char::is_control)
}
