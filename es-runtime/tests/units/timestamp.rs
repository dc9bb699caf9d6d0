//! Every moment has a text that is read back as the same moment.

use es_runtime::Timestamp;
use std::time::{Duration, SystemTime};

#[test]
fn a_moment_is_read_back_from_its_text_even_at_the_ends() {
    let epoch = Timestamp::from_unix_micros(0).expect("in range");
    let moments = [
        epoch,
        Timestamp::now(),
        epoch.after(Duration::MAX),
        Timestamp::now().after(Duration::MAX),
        epoch.after(Duration::MAX).after(Duration::from_micros(1)),
        epoch.after(Duration::from_nanos(1_999)),
    ];
    let far = |secs| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(secs));
    let early = |secs| SystemTime::UNIX_EPOCH.checked_sub(Duration::from_secs(secs));
    let system = [far(1 << 40), early(1 << 40), far(1 << 30), early(1 << 30)];
    for moment in moments
        .into_iter()
        .chain(system.into_iter().flatten().map(Timestamp::from))
    {
        let text = moment.to_string();
        assert_eq!(text.parse(), Ok(moment), "{text}");
        let micros = moment.unix_micros();
        assert_eq!(Timestamp::from_unix_micros(micros), Some(moment), "{text}");
        assert_eq!(Timestamp::from(SystemTime::from(moment)), moment, "{text}");
        let json = serde_json::to_string(&moment).expect("encodes");
        assert_eq!(
            serde_json::from_str::<Timestamp>(&json).expect("decodes"),
            moment
        );
    }
    assert!(epoch.after(Duration::MAX) > Timestamp::now().after(Duration::from_secs(1 << 33)));
}
