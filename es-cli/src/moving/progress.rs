//! How far a long verb is, for people who watch.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Shows nothing unless somebody watches.
    pub(crate) fn new(is_person: bool) -> Self {
        let target = if is_person {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) =
            ProgressStyle::with_template("{msg} {bar:30} {human_pos} of {human_len} {per_sec}")
        {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Begins with something that has about so many steps.
    pub(crate) fn begin(&self, what: &str, steps: i64) {
        self.0.set_length(u64::try_from(steps).unwrap_or(0));
        self.0.set_position(0);
        self.0.set_message(what.to_owned());
    }

    pub(crate) fn at(&self, step: i64) {
        self.0.set_position(u64::try_from(step).unwrap_or(0));
    }

    pub(crate) fn step(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
