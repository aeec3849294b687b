//! Chance that can be repeated: a test prints its seed.

use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// How many kills a test that kills at random makes: as many as usual, or as `HEADWATER_KILLS` says.
pub(crate) fn kills(usual: usize) -> usize {
    number("HEADWATER_KILLS").map_or(usual, |kills| usize::try_from(kills).unwrap())
}

#[expect(clippy::disallowed_methods, reason = "what a test is to do is told by the environment of the test command")]
fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// A generator that is good enough to choose moments (Marsaglia, 'Xorshift RNGs', 2003).
pub(crate) struct Random(u64);

impl Random {
    /// One that goes on from a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A seed that nobody chose, or that of `HEADWATER_SEED`, by which a test is repeated.
    pub(crate) fn seed() -> u64 {
        number("HEADWATER_SEED").unwrap_or_else(|| std::hash::RandomState::new().build_hasher().finish() | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }

    /// A number below another.
    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }

    /// A moment before another.
    pub(crate) fn moment(&mut self, most: Duration) -> Duration {
        most.mul_f64(self.next() as f64 / (1_u64 << 53) as f64)
    }
}
