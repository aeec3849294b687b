//! What a selection is made of: criteria, put together.

use headwater_plan::Diagnostic;

use super::criterion::Criterion;

/// A tree of criteria.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Definition {
    /// What one selector selects.
    One(Criterion),
    /// What any of them selects.
    Union(Vec<Definition>),
    /// What all of them select.
    Intersection(Vec<Definition>),
    /// What the first selects and none of the others does.
    Difference(Box<Definition>, Vec<Definition>),
}

impl Definition {
    /// `a,b`
    pub(super) fn parse(words: &str) -> Result<Self, Diagnostic> {
        let mut parts =
            words.split(',').map(|part| Criterion::parse(part).map(Self::One)).collect::<Result<Vec<_>, _>>()?;
        Ok(match parts.len() {
            1 => parts.swap_remove(0),
            _ => Self::Intersection(parts),
        })
    }

    /// `a,b c`
    pub(super) fn parse_all(text: &str) -> Result<Self, Diagnostic> {
        let mut parts = text.split_whitespace().map(Self::parse).collect::<Result<Vec<_>, _>>()?;
        Ok(match parts.len() {
            1 => parts.swap_remove(0),
            _ => Self::Union(parts),
        })
    }

    /// Its criteria, from left to right.
    pub(super) fn criteria(&self) -> Vec<&Criterion> {
        match self {
            Self::One(criterion) => vec![criterion],
            Self::Union(parts) | Self::Intersection(parts) => parts.iter().flat_map(Self::criteria).collect(),
            Self::Difference(base, without) => {
                base.criteria().into_iter().chain(without.iter().flat_map(Self::criteria)).collect()
            }
        }
    }
}
