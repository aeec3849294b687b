//! What the user chose: which nodes, and how they are to be built.

use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use headwater_plan::{Code, Diagnostic};
use headwater_project::Request;

use crate::Context;

/// What the user asked to plan, run or list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// dbt selectors of what to take; empty takes everything.
    pub select: Vec<String>,
    /// dbt selectors of what to leave out.
    pub exclude: Vec<String>,
    /// A selector of `selectors.yml`.
    pub selector: Option<String>,
    /// The kinds of node to keep; empty keeps all.
    pub kinds: Vec<String>,
    /// The kinds of node to leave out.
    pub without_kinds: Vec<String>,
    /// Which tests come with what is selected: `eager`, `cautious`, `buildable`, `empty`.
    pub indirect: Option<String>,
    /// The folder of an earlier `manifest.json`, absolute.
    pub state: Option<PathBuf>,
    /// Read what is not selected from where the earlier state has it.
    pub defer: Option<Defer>,
    /// Build everything anew.
    pub full_refresh: bool,
    /// Stop at the first failure.
    pub fail_fast: bool,
    /// Keep the rows that tests find.
    pub store_failures: bool,
    /// The first instant of the spans that microbatch models are asked for.
    pub event_time_start: Option<String>,
    /// The instant after them.
    pub event_time_end: Option<String>,
}

/// How to read what is not selected from another place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defer {
    /// Where this environment's lake has none of it.
    Missing,
    /// In any case.
    Always,
}

impl Choice {
    /// The project, asked for a command with this choice.
    ///
    /// # Errors
    /// No project, or a flag that does not hold.
    pub(crate) fn request(&self, context: &Context, command: &str) -> Result<Request, Diagnostic> {
        let mut request = context.request()?;
        command.clone_into(&mut request.invocation.command);
        request.invocation.full_refresh = self.full_refresh;
        request.invocation.store_failures = self.store_failures;
        request.invocation.event_time = self.event_time()?;
        Ok(request)
    }

    fn event_time(&self) -> Result<Option<Span>, Diagnostic> {
        let (start, end) = match (&self.event_time_start, &self.event_time_end) {
            (None, None) => return Ok(None),
            (Some(start), Some(end)) => (start, end),
            (start, _) => {
                let (given, missing) = match start {
                    Some(_) => ("--event-time-start", "--event-time-end"),
                    None => ("--event-time-end", "--event-time-start"),
                };
                let message = format!("`{given}` goes with `{missing}`");
                return Err(Diagnostic::error(Code::InvalidArgument, message)
                    .help("the spans from the first to the last before the second are built anew"));
            }
        };
        let (start, end) = (instant("--event-time-start", start)?, instant("--event-time-end", end)?);
        if start >= end {
            let message = "`--event-time-start` must be before `--event-time-end`";
            return Err(Diagnostic::error(Code::InvalidArgument, message));
        }
        Ok(Some((start, end)))
    }
}

/// From an instant up to another.
type Span = (DateTime<Utc>, DateTime<Utc>);

/// A day or an instant in UTC.
fn instant(flag: &str, text: &str) -> Result<DateTime<Utc>, Diagnostic> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.with_timezone(&Utc));
    }
    let naive = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let naive = naive.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    naive.or_else(day).map(|at| at.and_utc()).ok_or_else(|| {
        Diagnostic::error(Code::InvalidArgument, format!("`{flag}` must be a day or an instant, not `{text}`"))
            .help("write `2024-09-01` or `2024-09-01T12:00:00`; times are UTC")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(start: Option<&str>, end: Option<&str>) -> Choice {
        Choice {
            event_time_start: start.map(str::to_owned),
            event_time_end: end.map(str::to_owned),
            ..Choice::default()
        }
    }

    #[test]
    fn spans_of_event_time() {
        let (start, end) = choice(Some("2024-09-01"), Some("2024-09-02T06:30:00")).event_time().unwrap().unwrap();
        assert_eq!(start.to_rfc3339(), "2024-09-01T00:00:00+00:00");
        assert_eq!(end.to_rfc3339(), "2024-09-02T06:30:00+00:00");
        assert_eq!(choice(None, None).event_time().unwrap(), None);
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for (start, end) in [
            (Some("2024-09-01"), None),
            (None, Some("2024-09-01")),
            (Some("yesterday"), Some("2024-09-01")),
            (Some("2024-09-02"), Some("2024-09-01")),
            (Some("2024-02-30"), Some("2024-09-01")),
        ] {
            let refused = choice(start, end).event_time().unwrap_err();
            assert_eq!(refused.code, Code::InvalidArgument, "{start:?} {end:?}");
        }
    }
}
