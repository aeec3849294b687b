//! The projects that `init` and `demo` write: files of this repository, kept in the binary.
//!
//! `car-rental` is `examples/car-rental`, the project that the end-to-end tests run; a test sees to it that no file of
//! it is left out.

/// A project to begin with.
#[derive(Debug, PartialEq, Eq)]
pub struct Template {
    /// Its name, for `--template`.
    pub name: &'static str,
    /// What it is, in a few words.
    pub description: &'static str,
    /// Its files: path in the project, text.
    pub files: &'static [(&'static str, &'static str)],
}

/// A file of the template's folder under its own name.
macro_rules! files {
    ($folder:literal, $($path:literal),+ $(,)?) => {
        &[$(($path, include_str!(concat!("../", $folder, "/", $path)))),+]
    };
}

const EMPTY: Template = Template {
    name: "empty",
    description: "a seed and a model, to begin from",
    files: files!(
        "templates/empty",
        ".gitignore",
        "README.md",
        "headwater.yml",
        "models/gold/gold.yml",
        "models/gold/orders_by_country.sql",
        "seeds/orders.csv",
        "seeds/seeds.yml",
    ),
};

const CAR_RENTAL: Template = Template {
    name: "car-rental",
    description: "four sources to seven gold tables, with tests and generated data",
    files: files!(
        "../../examples/car-rental",
        ".gitignore",
        "README.md",
        "headwater.yml",
        "macros/hours_between.sql",
        "models/bronze/sources.yml",
        "models/gold/brand_metrics.sql",
        "models/gold/daily_metrics.sql",
        "models/gold/day_of_week_metrics.sql",
        "models/gold/gold.yml",
        "models/gold/hourly_metrics.sql",
        "models/gold/location_metrics.sql",
        "models/gold/user_metrics.sql",
        "models/gold/vehicle_type_metrics.sql",
        "models/silver/locations.sql",
        "models/silver/rentals.sql",
        "models/silver/silver.yml",
        "models/silver/users.sql",
        "models/silver/vehicles.sql",
        "seeds/seeds.yml",
        "seeds/spending_categories.csv",
        "tests/pickup_revenue_is_rental_revenue.sql",
        "tests/rentals_end_after_they_start.sql",
    ),
};

/// All templates, the default first.
pub fn all() -> &'static [Template] {
    const ALL: &[Template] = &[EMPTY, CAR_RENTAL];
    ALL
}

/// The template of that name.
pub fn find(name: &str) -> Option<&'static Template> {
    all().iter().find(|template| template.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The files under a folder but those that a run of the project makes there.
    fn files_under(folder: &Path, root: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if ["incoming", "lake", ".headwater", ".env"].contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                files_under(&path, root, found);
            } else {
                found.insert(name);
            }
        }
    }

    #[test]
    fn no_file_of_a_template_is_left_out() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (name, folder) in [("empty", "templates/empty"), ("car-rental", "../../examples/car-rental")] {
            let mut found = BTreeSet::new();
            files_under(&here.join(folder), &here.join(folder), &mut found);
            let listed: BTreeSet<String> =
                find(name).unwrap().files.iter().map(|(path, _)| (*path).to_owned()).collect();
            assert_eq!(listed, found, "{name}");
        }
    }
}
