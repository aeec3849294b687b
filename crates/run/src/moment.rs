//! The statements that run before or after everything else: dbt's `on-run-start` and `on-run-end`.

use headwater_plan::{Node, NodeKind};

/// The tag, as in dbt's manifest, of a statement that runs after everything else.
const END: &str = "on-run-end";

/// When a statement runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before everything else. When it fails, nothing else runs.
    Start,
    /// After everything else, however that ended.
    End,
}

impl Moment {
    /// When a node runs; `None` for one that runs in its turn.
    pub(crate) fn of(node: &Node) -> Option<Self> {
        if node.kind != NodeKind::Operation {
            return None;
        }
        Some(if node.tags.iter().any(|tag| tag == END) { Self::End } else { Self::Start })
    }
}
