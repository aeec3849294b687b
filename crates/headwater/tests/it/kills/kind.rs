//! What a model or a snapshot makes of its source, told from its meaning alone.

use std::fmt::Debug;

use super::source::{Manners, Source};
use super::subject::Moments;

/// What a run is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// What there is to do.
    Plain,
    /// Everything anew.
    Refresh,
    /// These years anew, the last left out.
    Years(i32, i32),
}

/// Of which sort the changes and the runs of a history are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// Everything happens, and what the table holds is told by the strategy's meaning.
    Any,
    /// Only what the strategy can see happens, and every round is finished, so that the table is what one makes that
    /// is not interrupted.
    Seen,
}

/// What the years are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Years {
    pub(super) first: i32,
    pub(super) this: i32,
}

/// What of a round its runs make something of.
#[derive(Clone, Copy)]
pub(super) struct Round<'a> {
    pub(super) number: usize,
    pub(super) source: &'a Source,
    pub(super) asked: Asked,
    pub(super) sort: Sort,
    pub(super) years: Years,
}

/// A kind of table that runs go on with.
pub(super) trait Kind: Copy + Debug {
    /// What the table holds; at first nothing.
    type State: Clone + PartialEq + Debug + Default;

    /// Whether the table is what all runs made of it, and is never made anew.
    const IS_HISTORY: bool;

    /// The table, and the file of the project that says what it is from a round on.
    fn file(self, round: (Sort, usize), years: Years) -> (&'static str, &'static str, String);

    /// What may happen to the rows of the source.
    fn manners(self, sort: Sort) -> Manners;

    /// What a run may be asked for once the table is there.
    fn asks(self, years: Years) -> Vec<Asked>;

    /// What the table holds after each commit of a run, in their order.
    fn commits(self, state: &Self::State, round: Round<'_>) -> Vec<Self::State>;

    /// The state's rows, sorted, as [`Kind::line`] tells them.
    fn lines(self, state: &Self::State) -> Vec<String>;

    /// What asks for the table's rows.
    fn query(self) -> String;

    /// A row that was found.
    fn line(self, cells: &[String], moments: &Moments) -> String;
}
