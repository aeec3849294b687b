//! Snapshots: both strategies, and what they make of rows that are gone.

use super::kind::{Asked, Kind, Round, Sort, Years};
use super::source::{Manners, Row};
use super::subject::Moments;

/// What a snapshot makes of rows that are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gone {
    Ignore,
    Invalidate,
    NewRecord,
}

/// A kind of snapshot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Snapshot {
    /// By the columns' values; otherwise by the time that the row tells.
    pub(super) checks: bool,
    pub(super) gone: Gone,
}

/// When a version begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// When the row says.
    Minute(i64),
    /// When the round was run.
    Round(usize),
}

impl When {
    fn told(self) -> String {
        match self {
            Self::Minute(minute) => format!("minute {minute}"),
            Self::Round(round) => format!("round {round}"),
        }
    }
}

/// A version of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    id: i64,
    name: String,
    from: When,
    to: Option<When>,
    deleted: bool,
    /// What its id is made of.
    made_of: Vec<String>,
}

impl Snapshot {
    /// Whether a row is another than its version.
    fn differs(self, version: &Version, row: &Row) -> bool {
        let changed = match version.from {
            When::Minute(minute) => minute < row.changed,
            When::Round(_) => version.name != row.name,
        };
        changed || version.deleted
    }

    /// A run of dbt's snapshot: the rows against the versions that are valid, then the merge by the versions' ids.
    fn take(self, history: &[Version], round: Round<'_>) -> Vec<Version> {
        let rows = &round.source.rows;
        let now = When::Round(round.number);
        let mut begun: Vec<Version> = Vec::new();
        let mut ended: Vec<(Vec<String>, When)> = Vec::new();
        let valid: Vec<&Version> = history.iter().filter(|version| version.to.is_none()).collect();
        for (id, row) in rows {
            let from = if self.checks { now } else { When::Minute(row.changed) };
            let known = valid.iter().find(|version| version.id == *id);
            if known.is_none_or(|version| self.differs(version, row)) {
                let made_of = vec![id.to_string(), from.told()];
                begun.push(Version { id: *id, name: row.name.clone(), from, to: None, deleted: false, made_of });
                ended.extend(known.map(|version| (version.made_of.clone(), from)));
            }
        }
        for version in valid.iter().filter(|version| !rows.contains_key(&version.id) && !version.deleted) {
            if self.gone != Gone::Ignore {
                ended.push((version.made_of.clone(), now));
            }
            if self.gone == Gone::NewRecord {
                let made_of = [version.made_of.clone(), vec![now.told()]].concat();
                begun.push(Version { from: now, deleted: true, made_of, ..(*version).clone() });
            }
        }
        begun.retain(|version| !history.iter().any(|known| known.made_of == version.made_of));
        let mut history = history.to_vec();
        for version in history.iter_mut().filter(|version| version.to.is_none()) {
            if let Some((_, at)) = ended.iter().find(|(made_of, _)| *made_of == version.made_of) {
                version.to = Some(*at);
            }
        }
        history.extend(begun);
        history
    }
}

impl Kind for Snapshot {
    type State = Vec<Version>;

    const IS_HISTORY: bool = true;

    fn file(self, _: (Sort, usize), _: Years) -> (&'static str, &'static str, String) {
        let strategy = if self.checks {
            "strategy: check, check_cols: [name]"
        } else {
            "strategy: timestamp, updated_at: changed"
        };
        let gone = match self.gone {
            Gone::Ignore => "ignore",
            Gone::Invalidate => "invalidate",
            Gone::NewRecord => "new_record",
        };
        let text = format!(
            "snapshots:\n  - name: things\n    relation: ref('events')\n    config: {{ unique_key: id, {strategy}, \
             hard_deletes: {gone} }}\n"
        );
        ("snapshots.things", "snapshots/things.yml", text)
    }

    fn manners(self, _: Sort) -> Manners {
        Manners::Any
    }

    fn asks(self, _: Years) -> Vec<Asked> {
        // A history is never made anew, whatever is asked for.
        vec![Asked::Plain, Asked::Plain, Asked::Plain, Asked::Refresh]
    }

    fn commits(self, history: &Vec<Version>, round: Round<'_>) -> Vec<Vec<Version>> {
        vec![self.take(history, round)]
    }

    fn lines(self, history: &Vec<Version>) -> Vec<String> {
        let line = |version: &Version| {
            let to = version.to.map(When::told).unwrap_or_default();
            format!("{} {}: {} to {to}, deleted {}, 1", version.id, version.name, version.from.told(), version.deleted)
        };
        let mut lines: Vec<String> = history.iter().map(line).collect();
        lines.sort_unstable();
        lines
    }

    fn query(self) -> String {
        let deleted = if self.gone == Gone::NewRecord { "lower(dbt_is_deleted)" } else { "'false'" };
        format!(
            "select id, name, unix_micros(dbt_valid_from), unix_micros(dbt_valid_to), {deleted}, \
             count(*) over (partition by dbt_scd_id) from snapshots.things"
        )
    }

    fn line(self, cells: &[String], moments: &Moments) -> String {
        let when = |micros: &String| match micros.parse::<i64>() {
            Err(_) => String::new(),
            Ok(micros) => match moments.minute(micros) {
                Some(minute) => When::Minute(minute).told(),
                None => When::Round(moments.round(micros)).told(),
            },
        };
        let [id, name, from, to, deleted, times] = cells else { panic!("{cells:?}") };
        format!("{id} {name}: {} to {}, deleted {deleted}, {times}", when(from), when(to))
    }
}
