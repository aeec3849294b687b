//! Randomness that is the same on every machine: ChaCha8 and integer arithmetic, no floating-point functions.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The 32 bytes that start the generator of a named thing under a seed.
pub(super) fn key(seed: u64, names: &[&str]) -> [u8; 32] {
    let mut state = mix(seed);
    for name in names {
        for byte in name.bytes() {
            state = mix(state ^ u64::from(byte));
        }
        // Two lists of names that differ only in where one name ends get different keys.
        state = mix(state ^ 0x100);
    }
    let mut key = [0; 32];
    for part in key.as_chunks_mut::<8>().0 {
        state = mix(state);
        *part = state.to_le_bytes();
    }
    key
}

/// The generator of one block of rows: blocks are independent, so that any thread can make any of them.
pub(super) fn block_random(key: [u8; 32], block: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::from_seed(key);
    random.set_stream(block);
    random
}

/// A number below `count`, each as likely as any other but for one part in 2^64 / `count`; 0 for a count of 0.
pub(super) fn below(random: &mut impl Rng, count: u64) -> u64 {
    ((u128::from(random.next_u64()) * u128::from(count)) >> 64) as u64
}

/// A number below `count`, where number n is as likely as 1 / (n + 1).
///
/// Rejection sampling: an octave (1, 2-3, 4-7, …) is drawn evenly, then a rank in it, which is kept with the
/// probability `octave's first rank / rank`. So each rank n is kept as often as 1 / n, without a logarithm.
pub(super) fn zipf(random: &mut impl Rng, count: u64) -> u64 {
    let count = count.max(1);
    let octaves = u64::from(64 - count.leading_zeros());
    loop {
        let first = 1_u64 << below(random, octaves);
        let rank = first + below(random, first);
        let kept = u128::from(random.next_u64()) * u128::from(rank) < u128::from(first) << 64;
        if rank <= count && kept {
            return rank - 1;
        }
    }
}

/// A share between 0 and 1 as a threshold for [`hit`].
pub(super) fn threshold(share: f64) -> u64 {
    (share.clamp(0.0, 1.0) * (1_u64 << 53) as f64) as u64
}

/// True as often as the share behind the threshold says.
pub(super) fn hit(random: &mut impl Rng, threshold: u64) -> bool {
    threshold > 0 && random.next_u64() >> 11 < threshold
}

/// A bijection of the numbers below a count: row n's unique value, without memory of the others.
///
/// A Feistel network over the next even number of bits, walked until it lands below the count (Black and Rogaway,
/// 'Ciphers with Arbitrary Finite Domains', 2002).
#[derive(Debug, Clone)]
pub(super) struct Permutation {
    count: u128,
    half: u32,
    keys: [u64; 4],
}

impl Permutation {
    /// A bijection of the numbers below `count`, at most 2^64.
    pub(super) fn new(key: [u8; 32], count: u128) -> Self {
        let bits = 128 - count.saturating_sub(1).leading_zeros();
        let mut keys = [0; 4];
        for (part, bytes) in keys.iter_mut().zip(key.as_chunks::<8>().0) {
            *part = u64::from_le_bytes(*bytes);
        }
        Self { count, half: bits.div_ceil(2).max(1), keys }
    }

    /// Where a number below the count goes. A number that is not below the count stays where it is.
    pub(super) fn at(&self, number: u64) -> u64 {
        if u128::from(number) >= self.count {
            return number;
        }
        let mut image = self.round_trip(number);
        // Ends: the walk is a cycle of a bijection, and the number it began with is below the count.
        while u128::from(image) >= self.count {
            image = self.round_trip(image);
        }
        image
    }

    fn round_trip(&self, number: u64) -> u64 {
        let mask = (1_u64 << self.half) - 1;
        let (mut left, mut right) = (number >> self.half, number & mask);
        for key in self.keys {
            (left, right) = (right, left ^ (mix(right ^ key) & mask));
        }
        (left << self.half) | right
    }
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
fn mix(state: u64) -> u64 {
    let mut state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permutation_takes_every_number_once() {
        for count in [1_u64, 2, 3, 7, 16, 1000, 4097] {
            let permutation = Permutation::new(key(7, &["t"]), u128::from(count));
            let mut seen: Vec<u64> = (0..count).map(|number| permutation.at(number)).collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..count).collect::<Vec<_>>());
        }
        let whole = Permutation::new(key(7, &["t"]), 1 << 64);
        assert_ne!(whole.at(u64::MAX), whole.at(u64::MAX - 1));
    }

    #[test]
    fn zipf_is_as_likely_as_one_over_the_rank() {
        let mut random = block_random(key(1, &["zipf"]), 0);
        let mut counts = [0_u32; 100];
        for _ in 0..200_000 {
            counts[zipf(&mut random, 100) as usize] += 1;
        }
        let harmonic: f64 = (1..=100).map(|rank| 1.0 / f64::from(rank)).sum();
        for rank in [1_u32, 2, 3, 10, 50, 100] {
            let expected = 200_000.0 / harmonic / f64::from(rank);
            let found = f64::from(counts[rank as usize - 1]);
            assert!((found - expected).abs() < 5.0 * expected.sqrt(), "rank {rank}: {found}, expected {expected}");
        }
    }

    #[test]
    fn names_are_told_apart() {
        assert_ne!(key(1, &["ab", "c"]), key(1, &["a", "bc"]));
        assert_ne!(key(1, &["a"]), key(2, &["a"]));
    }
}
