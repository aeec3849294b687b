//! `unit_tests:`, `exposures:`, `groups:` and `macros:`, resolved.

use std::path::Path;

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, Diagnostics};
use serde_json::{Map, Value};

use super::at::At;
use super::discover::Place;
use super::file::OneOrMany;
use super::file::described::{ExposureFile, GroupFile, MacroFile, OwnerFile, RowsFile, RowsFormat, UnitTestFile};
use super::source::Source;
use super::{
    ArgumentDecl, ExposureDecl, FixtureRows, GivenDecl, GroupDecl, MacroProperties, Overrides, UnitTestDecl, columns,
};

/// The files that rows of unit tests may lie in.
pub(super) struct Fixtures<'a> {
    /// The project's folder, absolute.
    pub(super) dir: &'a Path,
    /// `tests/fixtures/**`.
    pub(super) files: &'a [Place],
}

/// The rows of one side of a unit test, as they are written.
struct Written {
    rows: Option<RowsFile>,
    format: Option<RowsFormat>,
    fixture: Option<String>,
}

/// The tests below `unit_tests:`.
pub(super) fn unit_tests(
    file: At<'_>,
    tests: Vec<UnitTestFile>,
    fixtures: &Fixtures<'_>,
    found: &mut Diagnostics,
) -> Vec<UnitTestDecl> {
    let mut decls = Vec::new();
    for (at, test) in file.items("unit_tests").zip(tests) {
        let mut given = Vec::with_capacity(test.given.len());
        let mut whole = true;
        for (at, file) in at.items("given").zip(test.given) {
            let written = Written { rows: file.rows, format: file.format, fixture: file.fixture };
            match fixtures.rows(at, written, found) {
                Some(rows) => given.push(GivenDecl { input: file.input, rows, location: at.at("input").location() }),
                None => whole = false,
            }
        }
        let expect = test.expect;
        let written = Written { rows: expect.rows, format: expect.format, fixture: expect.fixture };
        let expect = fixtures.rows(at.at("expect"), written, found);
        let Some(expect) = expect.filter(|_| whole) else { continue };
        decls.push(UnitTestDecl {
            name: test.name,
            model: test.model,
            description: test.description,
            given,
            expect,
            overrides: Overrides {
                macros: test.overrides.macros,
                vars: test.overrides.vars,
                env_vars: test.overrides.env_vars,
            },
            config: test.config,
            location: at.at("name").location(),
        });
    }
    decls
}

impl Fixtures<'_> {
    fn rows(&self, at: At<'_>, written: Written, found: &mut Diagnostics) -> Option<FixtureRows> {
        let format = written.format.unwrap_or(RowsFormat::Dict);
        let (word, extension) = match format {
            RowsFormat::Dict => ("dict", None),
            RowsFormat::Csv => ("csv", Some("csv")),
            RowsFormat::Sql => ("sql", Some("sql")),
        };
        if let Some(fixture) = written.fixture {
            if at.get("rows").is_some() {
                let message = "`fixture` beside `rows`: the rows are in one of the two";
                found.push(at.at("fixture").error(Code::DuplicateName, message));
                return None;
            }
            let Some(extension) = extension else {
                let message = "rows of the format `dict` cannot be in a file";
                let wrong = at.at("fixture").error(Code::InvalidValue, message);
                found.push(wrong.help("write `format: csv` or `format: sql`"));
                return None;
            };
            let text = self.read(at.at("fixture"), &fixture, extension, found)?;
            return Some(if extension == "csv" { FixtureRows::Csv(text) } else { FixtureRows::Sql(text) });
        }
        match (format, written.rows) {
            (RowsFormat::Dict, None) => Some(FixtureRows::Rows(Vec::new())),
            (RowsFormat::Dict, Some(RowsFile::Rows(rows))) => Some(FixtureRows::Rows(rows)),
            (RowsFormat::Csv, Some(RowsFile::Text(text))) => Some(FixtureRows::Csv(text)),
            (RowsFormat::Sql, Some(RowsFile::Text(text))) => Some(FixtureRows::Sql(text)),
            (RowsFormat::Csv | RowsFormat::Sql, None) => {
                if at.node.told.is_empty() {
                    let wrong = at.error(Code::MissingKey, format!("rows of the format `{word}` need the key `rows`"));
                    found.push(wrong.help("or `fixture:` with a file of `tests/fixtures/`"));
                }
                None
            }
            (_, Some(rows)) => {
                let (is, be) = match rows {
                    RowsFile::Text(_) => ("a text", "write `format: csv` or `format: sql`, or a list of mappings"),
                    RowsFile::Rows(_) => ("a list", "leave `format` out, or write the rows as a text"),
                };
                let message = format!("`rows` of the format `{word}` cannot be {is}");
                found.push(at.at("rows").error(Code::InvalidValue, message).help(be));
                None
            }
        }
    }

    fn read(&self, at: At<'_>, name: &str, extension: &str, found: &mut Diagnostics) -> Option<String> {
        let of_kind = |place: &&Place| place.path.extension().is_some_and(|found| found == extension);
        let stem = |place: &Place| place.path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let Some(place) = self.files.iter().filter(of_kind).find(|place| stem(place).as_deref() == Some(name)) else {
            let known: Vec<String> = self.files.iter().filter(of_kind).filter_map(stem).collect();
            let message = format!("there is no fixture `{name}.{extension}`");
            let wrong = at.error(Code::UnreadableFile, message);
            found.push(match did_you_mean(name, known.iter().map(String::as_str)) {
                Some(near) => wrong.help(format!("did you mean `{near}`?")),
                None => wrong.help(format!("it would be `tests/fixtures/{name}.{extension}`")),
            });
            return None;
        };
        let read = Source::read(self.dir, &place.path);
        read.map(|source| source.text).map_err(|wrong| found.push(wrong)).ok()
    }
}

/// The exposures below `exposures:`; `folders` are those that the file lies in.
pub(super) fn exposures(file: At<'_>, exposures: Vec<ExposureFile>, folders: &[String]) -> Vec<ExposureDecl> {
    let exposure = |(at, file): (At<'_>, ExposureFile)| {
        let (tags, meta) = columns::described(file.tags, file.meta, &file.config);
        let owner = owner(file.owner);
        ExposureDecl {
            name: file.name,
            label: file.label,
            kind: file.kind.word().to_owned(),
            maturity: file.maturity.map(|maturity| maturity.word().to_owned()),
            url: file.url,
            description: file.description,
            depends_on: file.depends_on,
            owner,
            config: file.config,
            tags,
            meta,
            folders: folders.to_vec(),
            location: at.at("name").location(),
        }
    };
    file.items("exposures").zip(exposures).map(exposure).collect()
}

/// The groups below `groups:`.
pub(super) fn groups(file: At<'_>, groups: Vec<GroupFile>) -> Vec<GroupDecl> {
    let group = |(at, file): (At<'_>, GroupFile)| GroupDecl {
        name: file.name,
        owner: owner(file.owner),
        location: at.at("name").location(),
    };
    file.items("groups").zip(groups).map(group).collect()
}

fn owner(file: OwnerFile) -> Map<String, Value> {
    let mut owner = file.others;
    if let Some(email) = file.email {
        let email = match email {
            OneOrMany::One(email) => Value::from(email),
            OneOrMany::Many(emails) => Value::from(emails),
        };
        owner.insert("email".into(), email);
    }
    owner.extend(file.name.map(|name| ("name".to_owned(), Value::from(name))));
    owner
}

/// The macros below `macros:`.
pub(super) fn macros(file: At<'_>, macros: Vec<MacroFile>) -> Vec<MacroProperties> {
    let one = |(at, file): (At<'_>, MacroFile)| {
        let (_, meta) = columns::described(None, file.meta, &file.config);
        let argument = |argument: super::file::described::ArgumentFile| ArgumentDecl {
            name: argument.name,
            data_type: argument.data_type,
            description: argument.description,
        };
        MacroProperties {
            name: file.name,
            description: file.description,
            arguments: file.arguments.into_iter().map(argument).collect(),
            meta,
            location: at.at("name").location(),
        }
    };
    file.items("macros").zip(macros).map(one).collect()
}
