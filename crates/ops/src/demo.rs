//! `demo`: the car-rental project in a folder, ready to run, and three questions for its gold tables.
//!
//! A second `demo` in the folder of a first goes on with it: files that are there are neither written over nor
//! generated again, so that the run finds nothing new.

use std::path::{Path, PathBuf};

use headwater_plan::Diagnostics;
use serde::Serialize;

use crate::generate::GenerateReport;
use crate::init::{is_empty, template_named, write_project};
use crate::sample::{SampleOptions, Told, sample_once};
use crate::templates::Template;
use crate::{Context, OpsError};

/// The template that the demo shows.
const TEMPLATE: &str = "car-rental";
/// Everybody's demo shows the same rows.
const SEED: u64 = 42;

/// A demo project that is ready to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Demo {
    /// Its folder.
    pub dir: PathBuf,
    /// Whether this demo made the project; an earlier one did if not.
    pub created: bool,
    /// How many files the project has.
    pub files: usize,
    /// The generated data; `None` when an earlier demo generated it.
    pub generated: Option<GenerateReport>,
}

/// A question for the gold tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// The question, in words.
    pub title: &'static str,
    /// The question, in Spark SQL.
    pub sql: &'static str,
    /// The columns of labels and values, if the answer is drawn as bars.
    pub bars: Option<(&'static str, &'static str)>,
}

/// Three questions, the last answered with a chart.
pub const QUESTIONS: [Question; 3] = [
    Question {
        title: "which vehicle types earn the most?",
        sql: "SELECT vehicle_type, total_rentals, total_revenue, avg_rental_amount,\n\
              avg_rental_duration_hours AS avg_hours\n\
              FROM gold.vehicle_type_metrics ORDER BY total_revenue DESC",
        bars: None,
    },
    Question {
        title: "where do the busiest trips begin?",
        sql: "SELECT location_name, city, state, total_pickups, pickup_revenue\n\
              FROM gold.location_metrics ORDER BY total_pickups DESC, location_id LIMIT 5",
        bars: None,
    },
    Question {
        title: "which brands earn the most?",
        sql: "SELECT brand, total_revenue FROM gold.brand_metrics ORDER BY total_revenue DESC",
        bars: Some(("brand", "total_revenue")),
    },
];

/// Makes the project and generates its files, or finds those of an earlier demo.
///
/// # Errors
/// A folder that holds something else, or that cannot be written.
pub async fn prepare(context: &Context, dir: &Path, told: Told) -> Result<Demo, Diagnostics> {
    let template = template_named(TEMPLATE)?;
    let created = is_empty(dir)?;
    if created {
        write_project(dir, template)?;
    } else if !holds(dir, template) {
        return Err(OpsError::FolderNotEmpty { folder: dir.to_owned(), command: "demo" }.into());
    }
    let options = SampleOptions { rows: None, seed: SEED, dirty: 0.0, force: false };
    let generated = sample_once(&context.in_folder(dir.to_owned()), options, told).await?;
    Ok(Demo { dir: dir.to_owned(), created, files: template.files.len(), generated })
}

/// Whether a folder has every file of the template: then an earlier demo made it, whatever the user changed since.
fn holds(dir: &Path, template: &Template) -> bool {
    template.files.iter().all(|(path, _)| dir.join(path).is_file())
}
