//! A moment in the life of a stream: a version or a time.

use crate::time;
use es_record::Timestamp;

#[derive(Clone, Copy, Debug)]
pub(crate) enum At {
    Version(i64),
    Time(Timestamp),
}

pub(super) fn at(text: &str) -> Result<At, String> {
    if let Ok(version) = text.parse() {
        return Ok(At::Version(version));
    }
    time::moment(text).map(At::Time)
}
