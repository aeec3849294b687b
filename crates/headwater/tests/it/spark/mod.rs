//! The same project on Spark, started for real: same rows, same report, whatever is killed.
//!
//! | file | shows |
//! |---|---|
//! | `parity` | every example makes the same tables, views, quarantine and reports on both engines |
//! | `switching` | a lake that goes from one engine to the other and back is exact |
//! | `kills` | a Headwater or a Spark that is killed, and the run after it |
//! | `wrong` | a Spark that is not there, and a statement that fails inside one |
//! | `compare.py` | two lakes beside each other, as another reader sees them |

mod kills;
mod parity;
mod switching;
mod wrong;

use std::path::PathBuf;

use crate::car_rental::python::{interpreter, variable};
use crate::project::Project;

/// A Spark to test with: its Python and its Delta Lake.
pub(super) struct Spark {
    python: PathBuf,
    jars: PathBuf,
}

impl Spark {
    /// The newest Spark that has a Delta Lake. Without it a test on a developer's machine says what it left out; in CI it
    /// fails.
    pub(super) fn newest(test: &str) -> Option<Self> {
        let python = interpreter(test)?;
        Some(Self { python, jars: folder(test, "HEADWATER_TEST_DELTA_JARS")? })
    }

    /// Spark 3.5, the generation that EMR 7 and Glue 5 run.
    pub(super) fn of_3_5(test: &str) -> Option<Self> {
        let python = folder(test, "HEADWATER_TEST_SPARK35_PYTHON")?;
        Some(Self { python, jars: folder(test, "HEADWATER_TEST_SPARK35_DELTA_JARS")? })
    }

    /// An environment `spark` on that lake, beside `local`.
    pub(super) fn environment(&self, project: &Project, lake: &str) {
        let name = std::fs::read_to_string(project.path("headwater.yml")).unwrap();
        let name = name.lines().find(|line| line.starts_with("name:")).unwrap();
        let (python, jars) = (self.python.display(), self.jars.display());
        let text = format!(
            "\
{name}
vars: {{ incoming: incoming }}
environments:
  local: {{ lake: ./lake }}
  spark:
    lake: {lake}
    engine:
      kind: spark
      on: spark-submit
      python: {python}
      master: \"local[2]\"
      jars: [\"{jars}/delta-*.jar\"]
"
        );
        project.write("headwater.yml", &text);
    }
}

fn folder(test: &str, name: &str) -> Option<PathBuf> {
    let path = variable(name).map(PathBuf::from);
    if path.is_none() {
        let message = format!("{name} is not set: `cargo xtask test` fetches what it names");
        assert!(variable("CI").is_none(), "{test}: {message}");
        eprintln!("SKIPPED {test}: {message}");
    }
    path
}
