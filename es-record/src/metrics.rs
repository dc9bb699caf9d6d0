//! How the crates above record metrics. Each of them names its own.
//!
//! They go to the recorder of the crate `metrics` that the application installs. Without the feature nothing is done.
//! Labels are names of the program, never ids or values, so that their number is bounded.
#![cfg_attr(
    not(feature = "metrics"),
    allow(unused_variables, reason = "nothing is recorded")
)]

#[cfg(feature = "metrics")]
use ::metrics::{Label, Unit};

/// A metric: its name and its meaning.
pub type Metric = (&'static str, &'static str);

/// Names and values of labels.
pub type Labels<'a, const N: usize> = [(&'static str, &'a str); N];

/// Describes the metrics of a crate to the recorder.
pub fn describe(histograms: &[Metric], counters: &[Metric], gauges: &[Metric]) {
    #[cfg(feature = "metrics")]
    {
        for (name, what) in histograms {
            ::metrics::describe_histogram!(*name, unit(name), *what);
        }
        for (name, what) in counters {
            ::metrics::describe_counter!(*name, unit(name), *what);
        }
        for (name, what) in gauges {
            ::metrics::describe_gauge!(*name, unit(name), *what);
        }
    }
}

#[cfg(feature = "metrics")]
fn unit(name: &str) -> Unit {
    if name.ends_with("_seconds") {
        Unit::Seconds
    } else {
        Unit::Count
    }
}

#[cfg(feature = "metrics")]
fn owned<const N: usize>(labels: Labels<'_, N>) -> Vec<Label> {
    labels
        .map(|(key, value)| Label::new(key, value.to_owned()))
        .into()
}

/// The recorder is foreign code, and may run on the thread of a store. Its panic must not end what is measured.
#[cfg(feature = "metrics")]
fn guarded(recorder: impl FnOnce()) {
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(recorder));
}

/// Raises a counter.
pub fn count<const N: usize>(metric: Metric, labels: Labels<'_, N>, by: usize) {
    #[cfg(feature = "metrics")]
    guarded(|| {
        let by = u64::try_from(by).unwrap_or(u64::MAX);
        ::metrics::counter!(metric.0, owned(labels)).increment(by);
    });
}

/// Sets a gauge.
pub fn set<const N: usize>(metric: Metric, labels: Labels<'_, N>, value: f64) {
    #[cfg(feature = "metrics")]
    guarded(|| ::metrics::gauge!(metric.0, owned(labels)).set(value));
}

/// Adds a value to a histogram.
pub fn record<const N: usize>(metric: Metric, labels: Labels<'_, N>, value: f64) {
    #[cfg(feature = "metrics")]
    guarded(|| ::metrics::histogram!(metric.0, owned(labels)).record(value));
}

/// When something began. It is empty without the feature.
#[derive(Clone, Copy, Debug)]
pub struct Timer(#[cfg(feature = "metrics")] std::time::Instant);

impl Timer {
    /// Starts now.
    pub fn start() -> Self {
        Self(
            #[cfg(feature = "metrics")]
            std::time::Instant::now(),
        )
    }

    /// Adds the time since then to a histogram.
    pub fn stop<const N: usize>(self, metric: Metric, labels: Labels<'_, N>) {
        #[cfg(feature = "metrics")]
        record(metric, labels, self.0.elapsed().as_secs_f64());
    }
}
