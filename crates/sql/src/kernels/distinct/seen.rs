//! Pairs of a group and a value's number, each once: a bit for each that could be, or a hash set of those that are.
//!
//! Of 20,000 customers and 5,000 vehicles, 20 million pairs are 12 megabytes of bits, or 400 of a hash set. Of five million
//! orders with a seller or two each, bits would be gigabytes. What is smaller is told from the pairs so far.

use datafusion::common::HashSet;

/// Up to so many words there is nothing to save.
const FEW_WORDS: usize = 16 << 10;
/// The words of a pair in a hash set: its eight bytes and one more, in a table that is half full.
const PAIR_WORDS: usize = 2;
/// The bytes of a place in the hash set.
const PLACE_BYTES: usize = size_of::<u64>() + 1;

/// A set of pairs.
pub(super) enum Seen {
    Bits(Bits),
    Hashed {
        /// A group in the upper half, a number in the lower.
        pairs: HashSet<u64>,
        /// How many pairs there must be before bits are thought of again.
        wait: usize,
    },
}

/// A row of bits for each group.
#[derive(Default)]
pub(super) struct Bits {
    words: Vec<u64>,
    /// The words of a group.
    width: usize,
    count: usize,
}

impl Default for Seen {
    fn default() -> Self {
        Self::Bits(Bits::default())
    }
}

impl FromIterator<(usize, u32)> for Seen {
    fn from_iter<T: IntoIterator<Item = (usize, u32)>>(pairs: T) -> Self {
        Self::Hashed { pairs: pairs.into_iter().map(|(group, number)| pair(group, number)).collect(), wait: 0 }
    }
}

impl Seen {
    /// Makes room for groups and numbers below these, in the form that takes less.
    pub(super) fn make_room(&mut self, groups: usize, numbers: usize) {
        let width = numbers.div_ceil(64).next_power_of_two();
        let words = groups.saturating_mul(width);
        match self {
            Self::Bits(bits) if words <= FEW_WORDS.max(PAIR_WORDS * bits.count) => bits.grow(groups, width),
            Self::Bits(bits) => {
                let pairs: HashSet<u64> = bits.pairs().map(|(group, number)| pair(group, number)).collect();
                *self = Self::Hashed { wait: 2 * pairs.len(), pairs };
            }
            Self::Hashed { pairs, wait } if pairs.len() >= *wait => {
                // Half of what would turn them back into a hash set.
                if words <= FEW_WORDS.max(PAIR_WORDS * pairs.len() / 2) {
                    let mut bits = Bits::default();
                    bits.grow(groups, width);
                    for pair in pairs.drain() {
                        bits.insert(group_of(pair), number_of(pair));
                    }
                    *self = Self::Bits(bits);
                } else {
                    *wait = 2 * pairs.len();
                }
            }
            Self::Hashed { .. } => {}
        }
    }

    /// Whether a pair is new. There must be room for it.
    pub(super) fn insert(&mut self, group: usize, number: u32) -> bool {
        match self {
            Self::Bits(bits) => bits.insert(group, number),
            Self::Hashed { pairs, .. } => pairs.insert(pair(group, number)),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Bits(bits) => bits.count,
            Self::Hashed { pairs, .. } => pairs.len(),
        }
    }

    /// All pairs.
    pub(super) fn pairs(&self) -> Box<dyn Iterator<Item = (usize, u32)> + '_> {
        match self {
            Self::Bits(bits) => Box::new(bits.pairs()),
            Self::Hashed { pairs, .. } => Box::new(pairs.iter().map(|pair| (group_of(*pair), number_of(*pair)))),
        }
    }

    /// The numbers of the first groups, group after group, and how many each has.
    pub(super) fn lists(&self, groups: usize) -> (Vec<u32>, Vec<usize>) {
        let mut lengths = vec![0; groups];
        for (group, _) in self.pairs() {
            if let Some(length) = lengths.get_mut(group) {
                *length += 1;
            }
        }
        let mut places: Vec<usize> = Vec::with_capacity(groups);
        let mut count = 0;
        for length in &lengths {
            places.push(count);
            count += length;
        }
        let mut numbers = vec![0; count];
        for (group, number) in self.pairs() {
            if let Some(place) = places.get_mut(group) {
                numbers[*place] = number;
                *place += 1;
            }
        }
        (numbers, lengths)
    }

    /// The bytes that it holds.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Bits(bits) => bits.words.capacity() * size_of::<u64>(),
            Self::Hashed { pairs, .. } => pairs.capacity() * PLACE_BYTES,
        }
    }
}

impl Bits {
    fn grow(&mut self, groups: usize, width: usize) {
        if width > self.width {
            let mut wider = vec![0; width * (self.words.len() / self.width.max(1)).max(groups)];
            for (to, from) in wider.chunks_exact_mut(width).zip(self.words.chunks_exact(self.width.max(1))) {
                to[..from.len()].copy_from_slice(from);
            }
            (self.words, self.width) = (wider, width);
        }
        if groups * self.width > self.words.len() {
            self.words.resize(groups * self.width, 0);
        }
    }

    fn insert(&mut self, group: usize, number: u32) -> bool {
        let word = &mut self.words[group * self.width + number as usize / 64];
        let bit = 1_u64 << (number % 64);
        let new = *word & bit == 0;
        *word |= bit;
        self.count += usize::from(new);
        new
    }

    fn pairs(&self) -> impl Iterator<Item = (usize, u32)> + '_ {
        self.words.chunks_exact(self.width.max(1)).enumerate().flat_map(|(group, words)| {
            let numbers =
                words.iter().zip(0_u32..).flat_map(|(word, place)| bits(*word).map(move |bit| 64 * place + bit));
            numbers.map(move |number| (group, number))
        })
    }
}

/// The places of a word's bits that are set.
fn bits(mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = word.trailing_zeros();
        word &= word.wrapping_sub(1);
        (bit < 64).then_some(bit)
    })
}

fn pair(group: usize, number: u32) -> u64 {
    (group as u64) << 32 | u64::from(number)
}

fn group_of(pair: u64) -> usize {
    (pair >> 32) as usize
}

fn number_of(pair: u64) -> u32 {
    pair as u32
}
