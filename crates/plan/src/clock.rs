//! Time, passed in, so that a run can be repeated exactly and a test can choose its hour.

use chrono::{DateTime, Utc};

/// Tells the time. The binary hands in the system's clock; tests hand in a fixed one.
pub trait Clock: Send + Sync {
    /// The present instant, in UTC.
    fn now(&self) -> DateTime<Utc>;
}

/// A clock that stands still.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub DateTime<Utc>);

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}
