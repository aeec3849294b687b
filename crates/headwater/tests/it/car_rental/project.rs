//! A copy of the example in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use tempfile::TempDir;

/// What the example makes, as `schema.table`: tables, then the view.
pub(super) const TABLES: [&str; 15] = [
    "bronze.locations",
    "bronze.rental_transactions",
    "bronze.users",
    "bronze.vehicles",
    "gold.brand_metrics",
    "gold.daily_metrics",
    "gold.day_of_week_metrics",
    "gold.hourly_metrics",
    "gold.location_metrics",
    "gold.user_metrics",
    "gold.vehicle_type_metrics",
    "seeds.spending_categories",
    "silver.rentals",
    "silver.users",
    "silver.vehicles",
];

pub(super) const VIEWS: [&str; 1] = ["silver.locations"];

/// A project of a test.
pub(super) struct Project {
    folder: TempDir,
    incoming: PathBuf,
}

impl Project {
    /// The example, reading the files of a folder.
    pub(super) fn reading(incoming: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/car-rental");
        copy(&example, folder.path());
        Self { folder, incoming: incoming.to_owned() }
    }

    pub(super) fn lake(&self) -> PathBuf {
        self.folder.path().join("lake")
    }

    pub(super) fn incoming(&self) -> &Path {
        &self.incoming
    }

    /// The command of a verb on this project.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
        let vars = serde_json::json!({ "incoming": self.incoming });
        command.args(arguments).arg("--project-dir").arg(self.folder.path()).args(["--vars", &vars.to_string()]);
        command
    }

    /// Runs a verb that must succeed, and gives its standard output.
    pub(super) fn headwater(&self, arguments: &[&str]) -> Vec<u8> {
        succeed(self.command(arguments).output().unwrap(), arguments)
    }
}

fn succeed(output: Output, arguments: &[&str]) -> Vec<u8> {
    assert!(
        output.status.success(),
        "headwater {arguments:?}: {}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// Generated files, a few thousand rentals, made once for all tests.
pub(super) fn generated() -> &'static Path {
    static GENERATED: OnceLock<TempDir> = OnceLock::new();
    let folder = GENERATED.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let project = Project::reading(folder.path());
        project.headwater(&["generate", "--seed", "1", "--rows", "4000"]);
        folder
    });
    folder.path()
}

/// Generated files of a few hundred rows, for tests that run often.
pub(super) fn few() -> &'static Path {
    static FEW: OnceLock<TempDir> = OnceLock::new();
    let folder = FEW.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let project = Project::reading(folder.path());
        let sources = project.folder.path().join("models/bronze/sources.yml");
        let text = fs::read_to_string(&sources).unwrap();
        let fewer = text.replace("rows: 5000 ", "rows: 200 ").replace("rows: 20000 ", "rows: 300 ");
        assert_ne!(text, fewer);
        fs::write(&sources, fewer).unwrap();
        project.headwater(&["generate", "--seed", "2", "--rows", "500"]);
        folder
    });
    folder.path()
}

/// A project that has loaded the generated files, made once for all tests that only look at it.
pub(super) fn built() -> &'static Project {
    static BUILT: OnceLock<Project> = OnceLock::new();
    BUILT.get_or_init(|| {
        let project = Project::reading(generated());
        project.headwater(&["run"]);
        project
    })
}

/// Copies the example without what a run of it in the clone may have made.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if ["incoming", "lake", ".headwater", ".env"].contains(&name) {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}
