//! The header `traceparent` of the W3C Trace Context.

/// Whether a text is a `traceparent` that may be continued. Another one must be ignored: some services would continue
/// its trace and others begin a new one, so that the request stood in two traces.
pub(crate) fn is_traceparent(text: &str) -> bool {
    let mut parts = text.split('-');
    let version = parts.next();
    let ids = [
        is_id(parts.next(), 32),
        is_id(parts.next(), 16),
        parts.next().is_some_and(|flags| is_hex(flags, 2)),
    ];
    let has_more = parts.next().is_some();
    // Only later versions may add parts.
    let is_version = match version {
        Some("00") => !has_more,
        Some(later) => is_hex(later, 2) && later != "ff",
        None => false,
    };
    is_version && ids == [true; 3]
}

fn is_hex(text: &str, length: usize) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == length && text.bytes().all(is_digit)
}

/// Hexadecimal digits that are not all zero.
fn is_id(text: Option<&str>, length: usize) -> bool {
    text.is_some_and(|text| is_hex(text, length) && text.bytes().any(|byte| byte != b'0'))
}

#[cfg(test)]
mod tests {
    use super::is_traceparent;

    #[test]
    fn only_what_every_service_continues_is_taken() {
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        let upper = trace.to_uppercase();
        let zero = "0".repeat(32);
        for (text, is_good) in [
            (format!("00-{trace}-{span}-01"), true),
            (format!("01-{trace}-{span}-01-more"), true),
            (format!("00-{trace}-{span}-01-more"), false),
            (format!("ff-{trace}-{span}-01"), false),
            (format!("00-{upper}-{span}-01"), false),
            (format!("00-{zero}-{span}-01"), false),
            (format!("00-{trace}-0000000000000000-01"), false),
            (format!("00-{trace}-{span}"), false),
            (format!("00_{trace}_{span}_01"), false),
            (String::new(), false),
        ] {
            assert_eq!(is_traceparent(&text), is_good, "{text}");
        }
    }
}
