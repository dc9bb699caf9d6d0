//! How often what goes wrong.

/// How often something goes wrong, as a part of the calls of the store: 0.0 is never and 1.0 is always.
///
/// ```
/// use es_testkit::sim::Faults;
///
/// let rough = Faults::default().crash(0.1).unknown(0.2);
/// let quiet = Faults::none().switch(0.5);
/// # let _ = (rough, quiet);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Faults {
    pub(super) switch: f64,
    pub(super) unavailable: f64,
    pub(super) unknown: f64,
    pub(super) crash: f64,
    pub(super) jump: f64,
    pub(super) delay: f64,
    pub(super) handler: f64,
    pub(super) step: f64,
    pub(super) most: usize,
}

impl Default for Faults {
    /// Another task goes on at half of the calls, each of the others happens at one to three of a hundred, and a step of a
    /// saga goes wrong at one of ten.
    fn default() -> Self {
        Self {
            switch: 0.5,
            unavailable: 0.02,
            unknown: 0.03,
            crash: 0.02,
            jump: 0.01,
            delay: 0.01,
            handler: 0.03,
            step: 0.1,
            most: 50,
        }
    }
}

impl Faults {
    /// Nothing goes wrong, and no task waits for another one.
    pub const fn none() -> Self {
        Self {
            switch: 0.0,
            unavailable: 0.0,
            unknown: 0.0,
            crash: 0.0,
            jump: 0.0,
            delay: 0.0,
            handler: 0.0,
            step: 0.0,
            most: 50,
        }
    }

    /// Another task goes on at a call.
    #[must_use]
    pub const fn switch(mut self, part: f64) -> Self {
        self.switch = part;
        self
    }

    /// The store does not answer, and nothing was written.
    #[must_use]
    pub const fn unavailable(mut self, part: f64) -> Self {
        self.unavailable = part;
        self
    }

    /// A write fails, and the caller does not know whether it took effect. In half of these cases it did.
    #[must_use]
    pub const fn unknown(mut self, part: f64) -> Self {
        self.unknown = part;
        self
    }

    /// The process dies at a write, half of the time after it.
    #[must_use]
    pub const fn crash(mut self, part: f64) -> Self {
        self.crash = part;
        self
    }

    /// The clock jumps by up to an hour, in a quarter of these cases backwards.
    #[must_use]
    pub const fn jump(mut self, part: f64) -> Self {
        self.jump = part;
        self
    }

    /// A call of the store takes up to a minute. Other tasks go on meanwhile, and leases of the process may end.
    #[must_use]
    pub const fn delay(mut self, part: f64) -> Self {
        self.delay = part;
        self
    }

    /// A handler of a projection fails or panics, before or after its statements, or a delivery to a subscription fails,
    /// before or after it was made. This is a part of the events that are handled and delivered.
    #[must_use]
    pub const fn handler(mut self, part: f64) -> Self {
        self.handler = part;
        self
    }

    /// A step of a saga fails, panics, is done late, or is done and its answer lost. This is a part of the calls of steps.
    #[must_use]
    pub const fn step(mut self, part: f64) -> Self {
        self.step = part;
        self
    }

    /// At most so many faults in a history, so that it comes to an end; 50 by default.
    #[must_use]
    pub const fn most(mut self, faults: usize) -> Self {
        self.most = faults;
        self
    }
}
