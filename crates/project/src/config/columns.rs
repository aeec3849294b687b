//! Columns of sources, seeds, models and snapshots.

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, DataType, Diagnostic, Diagnostics};
use serde_json::{Map, Value};

use super::ColumnDecl;
use super::at::At;
use super::file::OneOrMany;
use super::file::column::{ColumnFile, ModelColumnFile};
use super::{Reading, constraints, generic_tests, hints, reading};

/// What a Delta table cannot have in a column's name without column mapping, which needs a newer reader.
const NOT_IN_NAMES: &[char] = &[' ', ',', ';', '{', '}', '(', ')', '\n', '\t', '='];

/// Spark's types that a column's declaration cannot have yet.
const UNSUPPORTED: &[&str] = &["interval", "variant", "char", "varchar", "geometry", "geography"];

/// Whose columns they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// A table that is loaded from files: the columns are its contract.
    Loaded,
    /// Anything else.
    Other,
}

/// The columns below `columns:` of `owner`; every error is told.
pub(super) fn resolve(owner: At<'_>, files: Vec<ColumnFile>, kind: Owner, found: &mut Diagnostics) -> Vec<ColumnDecl> {
    let mut columns: Vec<ColumnDecl> = Vec::with_capacity(files.len());
    for (at, file) in owner.items("columns").zip(files) {
        if let Some(twin) = twin(&columns, at, &file.name) {
            found.push(twin);
            continue;
        }
        columns.push(column(at, file, kind, found));
    }
    columns
}

fn column(at: At<'_>, file: ColumnFile, kind: Owner, found: &mut Diagnostics) -> ColumnDecl {
    let before = found.0.len();
    let name = file.name.clone();
    if kind == Owner::Loaded && name.contains(NOT_IN_NAMES) {
        let message = format!("the column `{name}` cannot be in a table: spaces and `,;{{}}()=` need column mapping");
        let wrong = at.at("name").error(Code::Unsupported, message);
        let help = "column mapping is not supported yet: name it otherwise, and keep the files' name as `source_name:`";
        found.push(wrong.help(help));
    }
    let wanted = file.data_type.is_some();
    let data_type = file.data_type.as_ref().and_then(|text| {
        let parsed = data_type(at.at("data_type"), text);
        parsed.map_err(|wrong| found.push(wrong)).ok()
    });
    if kind == Owner::Loaded && !wanted {
        let message = format!("the column `{name}` of a table with `ingest:` needs a `data_type`");
        found.push(at.at("name").error(Code::MissingKey, message).help("such as `string`, `bigint` or `timestamp`"));
    }
    let (mut how, mut rules) = (Reading::default(), Vec::new());
    match kind {
        Owner::Loaded => {
            how = reading::resolve(at, &file, data_type.as_ref(), found);
            let not_null;
            (rules, not_null) = constraints::of_column(at, file.constraints, data_type.as_ref(), found);
            if not_null && file.nullable == Some(true) {
                let wrong = at.at("nullable").error(Code::InvalidValue, "`nullable: true` beside `type: not_null`");
                found.push(wrong.help("leave one of the two out"));
            }
            how.nullable &= !not_null;
        }
        Owner::Other => reading::refuse(at, found),
    }
    let format = file.format.map(super::file::OneOrMany::into_vec).unwrap_or_default();
    if let Some(other) = data_type.as_ref().filter(|_| !format.is_empty()).filter(|kind| !kind.is_time()) {
        let message = format!("`format` is for dates and timestamps: `{name}` is of the type `{other}`");
        found.push(at.at("format").error(Code::InvalidValue, message));
    }
    let tests = generic_tests::resolve(at, [("tests", file.tests), ("data_tests", file.data_tests)], true, found);
    let (tags, meta) = described(file.tags, file.meta, &file.config);
    let generate = file.generate.and_then(|hint| hints::resolve(at.at("generate"), hint, data_type.as_ref(), found));
    ColumnDecl {
        location: at.at("name").location(),
        sound: found.0.len() == before,
        name,
        data_type,
        format,
        reading: how,
        constraints: rules,
        dbt_constraints: Vec::new(),
        meta,
        tags,
        description: file.description,
        tests,
        generate,
    }
}

/// Tags and `meta` beside and under those of `config:`.
pub(super) fn described(
    tags: Option<OneOrMany>,
    mut meta: Map<String, Value>,
    config: &Map<String, Value>,
) -> (Vec<String>, Map<String, Value>) {
    let mut all = tags.map(OneOrMany::into_vec).unwrap_or_default();
    let more = match config.get("tags") {
        Some(Value::String(tag)) => vec![tag.as_str()],
        Some(Value::Array(tags)) => tags.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    for tag in more {
        if !all.iter().any(|known| known == tag) {
            all.push(tag.to_owned());
        }
    }
    if let Some(Value::Object(more)) = config.get("meta") {
        meta.extend(more.clone());
    }
    (all, meta)
}

/// Whose columns of a query they are: it says how much a type counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Types {
    /// A type that Spark has not is an error.
    Checked,
    /// dbt reads the types of a model without a contract to nobody but people: a warning.
    Told,
}

/// The columns of a model or a snapshot.
pub(super) fn of_query(
    owner: At<'_>,
    files: Vec<ModelColumnFile>,
    types: Types,
    found: &mut Diagnostics,
) -> Vec<ColumnDecl> {
    let mut columns: Vec<ColumnDecl> = Vec::with_capacity(files.len());
    for (at, file) in owner.items("columns").zip(files) {
        if let Some(twin) = twin(&columns, at, &file.name) {
            found.push(twin);
            continue;
        }
        let before = found.0.len();
        let data_type = match file.data_type.as_ref().map(|text| data_type(at.at("data_type"), text)) {
            Some(Err(wrong)) if types == Types::Told => {
                let help = "a model's types count once its `contract` is enforced".to_owned();
                let help = wrong.help.clone().map_or(help.clone(), |better| format!("{better}; {help}"));
                found.push(Diagnostic { severity: headwater_plan::Severity::Warning, help: Some(help), ..wrong });
                None
            }
            Some(Err(wrong)) => {
                found.push(wrong);
                None
            }
            Some(Ok(data_type)) => Some(data_type),
            None => None,
        };
        let errors = found.0[before..].iter().any(|wrong| wrong.severity == headwater_plan::Severity::Error);
        let tests = generic_tests::resolve(at, [("tests", file.tests), ("data_tests", file.data_tests)], true, found);
        let (tags, meta) = described(file.tags, file.meta, &file.config);
        columns.push(ColumnDecl {
            name: file.name,
            data_type,
            dbt_constraints: at.items("constraints").map(|at| at.node.to_json()).collect(),
            description: file.description,
            meta,
            tags,
            tests,
            sound: !errors,
            ..ColumnDecl::new("", at.at("name").location())
        });
    }
    columns
}

fn twin(columns: &[ColumnDecl], at: At<'_>, name: &str) -> Option<Diagnostic> {
    let twin = columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))?;
    let message = format!("two columns are named `{name}`: the other one is at {}", twin.location);
    Some(at.at("name").error(Code::DuplicateName, message).help("upper and lower case are the same"))
}

/// The type that a text names.
pub(super) fn data_type(at: At<'_>, text: &str) -> Result<DataType, Diagnostic> {
    if let Some(data_type) = DataType::parse(text) {
        return Ok(data_type);
    }
    let head = text.split(['(', '<', ' ']).next().unwrap_or_default().trim().to_lowercase();
    if ["decimal", "dec", "numeric"].contains(&head.as_str()) {
        let message = format!("`{text}` is not a decimal type");
        let help = "`decimal(precision, scale)` with a precision of 1 to 38 and a scale of 0 to the precision";
        return Err(at.error(Code::UnknownType, message).help(help));
    }
    if ["array", "map", "struct"].contains(&head.as_str()) {
        let wrong = at.error(Code::UnknownType, format!("`{text}` is not a nested type"));
        return Err(wrong.help("such as `array<string>`, `map<string,int>` or `struct<a:int,b:date>`"));
    }
    if UNSUPPORTED.contains(&head.as_str()) {
        let wrong = at.error(Code::Unsupported, format!("the type `{text}` cannot be declared yet"));
        let is_text = head.ends_with("char");
        return Err(wrong.help(if is_text {
            "use `string`: lengths are not checked"
        } else {
            "use `string` and take it apart in a model"
        }));
    }
    let wrong = at.error(Code::UnknownType, format!("`{text}` is not a type of Spark's"));
    Err(match did_you_mean(&head, DataType::NAMES.iter().copied()) {
        Some(near) if near != head => wrong.help(format!("did you mean `{near}`?")),
        Some(near) => wrong.help(format!("write `{near}`, without arguments")),
        None => wrong.help(format!("one of `{}`", DataType::NAMES.join("`, `"))),
    })
}
