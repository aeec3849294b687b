//! What stands in the way of a run.

use headwater_ops::doctor::{DoctorReport, Outcome};

use super::style::{Style, left, width};

/// Every check, a line each; what is wrong is told in full afterwards.
pub(crate) fn render(report: &DoctorReport, style: Style) -> String {
    let place = format!("· {} · engine {} · lake {}", report.environment, report.engine, report.lake);
    let mut text = format!("{} {}\n\n", style.bold("doctor"), style.dim(place));
    let longest = report.checks.iter().map(|check| width(check.name)).max().unwrap_or(0);
    for check in &report.checks {
        let (word, found) = match &check.outcome {
            Outcome::Sound(found) => (style.green("ok     "), found.clone()),
            Outcome::Warning(told) => (style.yellow("warning"), told.message.clone()),
            Outcome::Problem(told) => (style.red("problem"), told.message.clone()),
        };
        text += &format!("{word}  {}  {found}\n", left(check.name, longest));
    }
    text
}
