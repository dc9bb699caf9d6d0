//! Waits between attempts.

use es_runtime::RetryPolicy;
use std::time::Duration;

#[test]
fn waits_grow_to_a_bound() {
    let policy = RetryPolicy::default();
    for failed in 1..100 {
        let most = Duration::from_millis(2_u64.saturating_pow(failed)).min(policy.longest);
        assert!(policy.wait(failed) <= most, "after {failed}");
    }
    assert_eq!(RetryPolicy::never().wait(1), Duration::ZERO);
}
