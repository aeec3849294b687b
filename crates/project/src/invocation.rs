//! The command that a project is compiled for: what its templates may ask of it, and what it changes in the plan.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use headwater_plan::{NodeId, TableName};

/// One call of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Its name: `invocation_id` in Jinja, and in dbt's artefacts.
    pub id: String,
    /// When it began: `run_started_at`.
    pub started_at: DateTime<Utc>,
    /// The verb: `flags.WHICH`.
    pub command: String,
    /// `--full-refresh`.
    pub full_refresh: bool,
    /// `--store-failures`: every test keeps the rows that it finds, unless its own settings say otherwise.
    pub store_failures: bool,
    /// `--event-time-start` and `--event-time-end`: the spans that microbatch models are asked for.
    pub event_time: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// `--defer`: the nodes that are read from where an earlier state has them, and not from where this project would
    /// make them. A `ref` of such a node means that relation.
    pub deferred: BTreeMap<NodeId, TableName>,
    /// The ids of the nodes that the user selected, as far as they are known: `selected_resources`.
    pub selected: Vec<String>,
    /// SQL with Jinja that the user typed: compiled with the project as a node of its own,
    /// `sql_operation.<project>.inline`, whose step is `ephemeral` and which nothing reads.
    pub inline: Option<String>,
}

impl Default for Invocation {
    fn default() -> Self {
        Self {
            id: String::new(),
            started_at: DateTime::UNIX_EPOCH,
            command: "build".to_owned(),
            full_refresh: false,
            store_failures: false,
            event_time: None,
            deferred: BTreeMap::new(),
            selected: Vec::new(),
            inline: None,
        }
    }
}
