//! Seeds: CSV files of the project, whose columns are as declared or as the file shows.

use std::collections::HashMap;
use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};
use headwater_connect::files::{self, ContractProblem, ContractProblemKind, SourceFile};
use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{
    Code, Contract, CsvOptions, Diagnostic, Diagnostics, Field, FileFormat, Location, NodeId, NodeKind, Schema, Seed,
    TableName,
};
use sha2::{Digest, Sha256};

use super::fingerprint::hex;
use super::item::{Body, Item, SeedBody, check_relation};
use super::models::by_name;
use super::sources::check_columns;
use crate::config::{Loaded, Properties};

/// The schema of a seed whose YAML names none.
const SCHEMA: &str = "seeds";

/// The seeds of the project, with their columns.
pub(super) fn gather<'a>(loaded: &'a Loaded, dir: &'a Path, diagnostics: &mut Diagnostics) -> Vec<Item<'a>> {
    let mut properties = by_name(&loaded.seeds, "seed", diagnostics);
    let mut items: Vec<Item<'a>> = Vec::new();
    let mut paths: HashMap<&str, &Path> = HashMap::new();
    for path in &loaded.seed_files {
        let Some(name) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
        if let Some(first) = paths.insert(name, path) {
            let message = format!("two seeds are named `{name}`: the other one is `{}`", first.display());
            diagnostics.push(Diagnostic::error(Code::DuplicateName, message).at(Location::line(path, 1)));
            continue;
        }
        let seed = Found { name, path, dir, properties: properties.remove(name) };
        items.push(seed.item(loaded, diagnostics));
    }
    let mut orphans: Vec<&Properties> = properties.into_values().collect();
    orphans.sort_by_key(|orphan| (&orphan.location.file, orphan.location.line));
    for orphan in orphans {
        let help = match did_you_mean(&orphan.name, paths.keys().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("a seed is a file `seeds/**/{}.csv`", orphan.name),
        };
        let message = format!("there is no seed `{}` to describe", orphan.name);
        diagnostics.push(Diagnostic::error(Code::UnknownModel, message).at(orphan.location.clone()).help(help));
    }
    items
}

struct Found<'a> {
    name: &'a str,
    path: &'a Path,
    dir: &'a Path,
    properties: Option<&'a Properties>,
}

impl<'a> Found<'a> {
    fn setting(&self, key: &str) -> Option<&'a serde_json::Value> {
        self.properties?.config.get(key)
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        self.setting(key)?.as_str()
    }

    fn item(&self, loaded: &Loaded, diagnostics: &mut Diagnostics) -> Item<'a> {
        let id = NodeId(format!("seed.{}.{}", loaded.name, self.name));
        let relation = TableName::new(self.text("schema").unwrap_or(SCHEMA), self.text("alias").unwrap_or(self.name));
        let enabled = self.setting("enabled").and_then(serde_json::Value::as_bool).unwrap_or(true);
        let location = Location::line(self.path, 1);
        let mut csv = CsvOptions::default();
        if let Some(sep) = self.text("delimiter").and_then(|text| text.chars().next()) {
            csv.sep = sep.to_string();
        }
        let mut wrong: Vec<Diagnostic> = check_relation(&relation, &location).into_iter().collect();
        let read = if enabled { self.read(&csv, &mut wrong) } else { None };
        let schema = read.as_ref().filter(|_| wrong.is_empty()).map(|(contract, _)| columns(contract));
        diagnostics.extend(wrong.into_iter().map(|wrong| wrong.node(id.clone())));
        let (contract, content) = read.unwrap_or((Contract::default(), String::new()));
        let seed = Seed { file: self.dir.join(self.path), csv, contract };
        Item {
            id,
            name: self.name.to_string(),
            kind: NodeKind::Seed,
            location,
            relation,
            tags: self.tags(),
            description: self.properties.and_then(|properties| properties.description.as_deref()),
            columns: self.properties.map_or(&[], |properties| &properties.columns),
            tests: self.properties.map_or(&[], |properties| &properties.tests),
            enabled,
            body: Body::Seed(Box::new(SeedBody { seed, content })),
            reads: Vec::new(),
            schema,
        }
    }

    fn tags(&self) -> Vec<String> {
        match self.setting("tags") {
            Some(serde_json::Value::String(tag)) => vec![tag.clone()],
            Some(serde_json::Value::Array(tags)) => {
                tags.iter().filter_map(|tag| tag.as_str().map(str::to_string)).collect()
            }
            _ => Vec::new(),
        }
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
