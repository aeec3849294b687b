//! A set of row numbers.

/// A set of row numbers: a bit for each.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowSet(Vec<u64>);

impl RowSet {
    pub(crate) fn insert(&mut self, row: u64) {
        let word = usize::try_from(row / 64).unwrap_or(usize::MAX);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << (row % 64);
        }
    }

    pub(crate) fn contains(&self, row: u64) -> bool {
        let word = usize::try_from(row / 64).ok().and_then(|word| self.0.get(word));
        word.is_some_and(|word| word & (1 << (row % 64)) != 0)
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word |= other);
    }

    /// How many rows are in it.
    pub(crate) fn len(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_into_it() {
        let (mut one, mut other) = (RowSet::default(), RowSet::default());
        [0, 63, 64, 1_000].into_iter().for_each(|row| one.insert(row));
        [5, 5, 70_000].into_iter().for_each(|row| other.insert(row));
        one.extend(&other);
        other.extend(&one);
        assert_eq!((one.len(), other.len()), (6, 6));
        assert!([0, 5, 63, 64, 1_000, 70_000].into_iter().all(|row| one.contains(row)));
        assert!(!one.contains(1) && !one.contains(u64::MAX));
    }
}
