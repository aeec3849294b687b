//! Values to text: what the user sees, without knowing where it goes.

pub(crate) mod chart;
pub(crate) mod dbt;
pub(crate) mod diagnostic;
pub(crate) mod doctor;
pub(crate) mod lake;
pub(crate) mod maintain;
pub(crate) mod number;
pub(crate) mod plan;
pub(crate) mod project;
pub(crate) mod quarantine;
pub(crate) mod report;
pub(crate) mod rows;
pub(crate) mod runs;
pub(crate) mod sources;
pub(crate) mod style;
pub(crate) mod table;
