//! What texts of a record may not have.

/// The greatest length of either half of a stream id, in bytes.
pub const MAX_STREAM_ID_BYTES: usize = 256;

/// Whether a text has a control character. Those of ASCII text are found without decoding it.
pub fn has_control(text: &str) -> bool {
    let plain = |byte: u8| (b' '..=b'~').contains(&byte);
    !text.bytes().all(plain) && text.chars().any(char::is_control)
}

/// What to say of a store whose tables have this version, if it is one that no application may open yet: until `es` has filled and compared
/// one, the version is negative.
pub fn being_filled(tables_version: i64) -> Option<&'static str> {
    (tables_version < 0).then_some(
        "it is being filled by `es copy` or `es import`, which has not ended: wait for it, or if it was interrupted, run that \
         again, or use an empty store instead",
    )
}
