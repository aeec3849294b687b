//! Seeds: CSV files of the project, whose columns are as declared or as the file shows.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};
use headwater_connect::files::{self, ContractProblem, ContractProblemKind, SourceFile};
use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{
    Code, Contract, CsvOptions, Diagnostic, Diagnostics, Field, FileFormat, Location, NodeKind, Schema, Seed,
};
use sha2::{Digest, Sha256};

use super::fingerprint::hex;
use super::item::{Body, Item, SeedBody};
use super::layers::{Layers, Place};
use super::models::{by_name, layers};
use super::settings::{Owner, Settings};
use super::sources::check_columns;
use crate::config::{Loaded, Package, Properties, SeedPath, SettingsKind};

/// The seeds of the project and its packages, with their columns. Their relations are named later.
pub(super) fn gather<'a>(loaded: &'a Loaded, dir: &'a Path, diagnostics: &mut Diagnostics) -> Vec<Item<'a>> {
    let mut items: Vec<Item<'a>> = Vec::new();
    for package in &loaded.packages {
        let mut properties = by_name(&package.seeds, "seed", diagnostics);
        let mut paths: HashMap<&str, &Path> = HashMap::new();
        for SeedPath { path, folders } in &package.seed_files {
            let Some(name) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
            if let Some(first) = paths.insert(name, path) {
                let message = format!("two seeds are named `{name}`: the other one is `{}`", first.display());
                diagnostics.push(Diagnostic::error(Code::DuplicateName, message).at(Location::line(path, 1)));
                continue;
            }
            let mut fqn = vec![package.name.clone()];
            fqn.extend(folders.iter().cloned());
            fqn.push(name.to_owned());
            let properties = properties.remove(name);
            let layers = layers(loaded, package, SettingsKind::Seeds, &fqn, properties);
            let seed = Found { name, path, dir, properties, layers };
            items.push(seed.item(loaded, package, fqn, diagnostics));
        }
        let mut orphans: Vec<&Properties> = properties.into_values().collect();
        orphans.sort_by_key(|orphan| (&orphan.location.file, orphan.location.line));
        for orphan in orphans {
            let help = match did_you_mean(&orphan.name, paths.keys().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("a seed is a file `seeds/**/{}.csv`", orphan.name),
            };
            let message = format!("there is no seed `{}` to describe", orphan.name);
            // dbt only tells.
            let wrong = if loaded.dbt { Diagnostic::warning } else { Diagnostic::error };
            diagnostics.push(wrong(Code::UnknownModel, message).at(orphan.location.clone()).help(help));
        }
    }
    items
}

struct Found<'a> {
    name: &'a str,
    path: &'a Path,
    dir: &'a Path,
    properties: Option<&'a Properties>,
    layers: Layers,
}

impl<'a> Found<'a> {
    fn item(self, loaded: &Loaded, package: &'a Package, fqn: Vec<String>, diagnostics: &mut Diagnostics) -> Item<'a> {
        let location = Location::line(self.path, 1);
        let mut wrong: Vec<Diagnostic> = Vec::new();
        let (settings, told) = Settings::read(&self.layers, Owner::Seed, !loaded.dbt);
        wrong.extend(told.into_iter().map(|(key, wrong)| match self.layers.place(&key) {
            Some(Place::At(location)) => wrong.at(location.clone()),
            _ => wrong.at(location.clone()),
        }));
        let mut csv = CsvOptions::default();
        let delimiter = self.layers.get("delimiter").and_then(serde_json::Value::as_str);
        if let Some(sep) = delimiter.and_then(|text| text.chars().next()) {
            csv.sep = sep.to_string();
        }
        let read = if settings.enabled { self.read(&csv, &mut wrong) } else { None };
        let sound = !wrong.iter().any(Diagnostic::is_error);
        let schema = read.as_ref().filter(|_| sound).map(|(contract, _)| columns(contract));
        let (contract, content) = read.unwrap_or((Contract::default(), String::new()));
        let seed = Seed { file: self.dir.join(self.path), csv, contract };
        let properties = self.properties;
        let item = Item {
            fqn,
            enabled: settings.enabled,
            layers: self.layers,
            settings,
            description: properties.and_then(|properties| properties.description.as_deref()).map(Cow::Borrowed),
            columns: properties.map_or(&[], |properties| &properties.columns),
            tests: properties.map_or(&[], |properties| &properties.tests),
            patch: properties.map(|properties| properties.patch.as_path()),
            schema,
            ..Item::new(
                NodeKind::Seed,
                &package.name,
                self.name,
                location,
                Body::Seed(Box::new(SeedBody { seed, content })),
            )
        };
        diagnostics.extend(wrong.into_iter().map(|wrong| wrong.node(item.id.clone())));
        item
    }

    /// The contract and a hash of the file. A declared type wins over what the values look like.
    fn read(&self, csv: &CsvOptions, wrong: &mut Vec<Diagnostic>) -> Option<(Contract, String)> {
        let path = self.dir.join(self.path);
        let (file, content) = match listed(&path) {
            Ok(listed) => listed,
            Err(error) => {
                let message = format!("cannot read `{}`", self.path.display());
                wrong.push(
                    Diagnostic::error(Code::UnreadableFile, message).at(Location::line(self.path, 1)).caused_by(&error),
                );
                return None;
            }
        };
        let mut contract = match files::infer_contract(&file, csv) {
            Ok(contract) => contract,
            Err(error) => {
                wrong.extend(error.diagnostics().into_iter().map(|wrong| at_file(wrong, &file.path, self.path)));
                return None;
            }
        };
        for column in &mut contract.columns {
            column.location.file = self.path.to_path_buf();
        }
        let declared = self.properties.map_or(&[][..], |properties| &properties.columns);
        for column in declared {
            let found = contract.columns.iter_mut().find(|found| found.name.eq_ignore_ascii_case(&column.name));
            let Some(found) = found else { continue };
            found.location = column.location.clone();
            found.format.clone_from(&column.format);
            if let Some(data_type) = &column.data_type {
                found.data_type = data_type.clone();
            }
        }
        wrong.extend(check_columns(declared, &columns(&contract), self.name));
        if let Err(problems) = files::check_contract(&contract, &FileFormat::Csv(csv.clone())) {
            // A seed gets no columns of its own, so no name is taken.
            let problems = problems.iter().filter(|problem| problem.kind != ContractProblemKind::Reserved);
            wrong.extend(problems.map(ContractProblem::diagnostic));
        }
        Some((contract, content))
    }
}

fn columns(contract: &Contract) -> Schema {
    Schema::new(contract.columns.iter().map(|column| Field::new(&column.name, column.data_type.clone())).collect())
}

/// The file as the connector lists files, and a hash of what it holds.
fn listed(path: &Path) -> std::io::Result<(SourceFile, String)> {
    let bytes = std::fs::read(path)?;
    let modified: DateTime<Utc> = std::fs::metadata(path)?.modified()?.into();
    let tag = modified.to_rfc3339_opts(SecondsFormat::Nanos, true);
    let file = SourceFile { path: path.display().to_string(), size: bytes.len() as u64, tag };
    Ok((file, hex(&Sha256::digest(&bytes))))
}

/// The connector knows the absolute path; the reader knows the project's.
fn at_file(mut diagnostic: Diagnostic, absolute: &str, path: &Path) -> Diagnostic {
    diagnostic.message = diagnostic.message.replace(absolute, &path.display().to_string());
    match diagnostic.location.clone() {
        Some(location) => diagnostic.at(Location { file: path.to_path_buf(), ..location }),
        None => diagnostic.at(Location::line(path, 1)),
    }
}
