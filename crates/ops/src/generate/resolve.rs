//! The hints of a table to what makes its cells, everything checked: all that is wrong is told at once.

use headwater_plan::DataType;
use headwater_plan::diagnostic::did_you_mean;
use headwater_project::generate::{ColumnHint, Distribution, GenerateColumn, GenerateTable, HintKind};

use super::datetime::TimeFormat;
use super::dirty::Dirt;
use super::error::GenerateError;
use super::random::{self, Permutation, key, threshold};
use super::row::{Column, Filler, Part, PlacePart};
use super::slots::{Draw, Slots, Value};

const MICROSECONDS_A_DAY: i64 = 86_400_000_000;

/// A problem with a hint, and what to do about it.
type Problem = (String, Option<String>);

fn problem<T>(text: impl Into<String>) -> Result<T, Problem> {
    Err((text.into(), None))
}

/// What a table's columns are resolved against: all tables with their rows, and the seed.
pub(super) struct Resolver<'a> {
    pub(super) tables: &'a [GenerateTable],
    pub(super) rows: &'a [u64],
    pub(super) seed: u64,
    pub(super) dirty: f64,
}

/// A table's columns, the order in which their cells are made, and how its rows are spoiled.
pub(super) type Resolved = (Vec<Column>, Vec<usize>, Dirt);

impl Resolver<'_> {
    /// Resolves the table at that position.
    pub(super) fn resolve(&self, position: usize) -> Result<Resolved, Vec<GenerateError>> {
        let table = &self.tables[position];
        let mut columns = Vec::new();
        let mut errors = Vec::new();
        let mut dirt = Dirt {
            share: threshold(self.dirty),
            wide: table.columns.len() > 1,
            typed: Vec::new(),
            required: Vec::new(),
            references: Vec::new(),
        };
        for (number, column) in table.columns.iter().enumerate() {
            match self.column(position, column) {
                Ok(resolved) => {
                    describe_dirt(number, column, &resolved.filler, &mut dirt);
                    columns.push(resolved);
                }
                Err(problem) => errors.push(hint_error(table, column, problem)),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let order = order(table, &columns).map_err(|error| vec![error])?;
        Ok((columns, order, dirt))
    }

    fn column(&self, position: usize, column: &GenerateColumn) -> Result<Column, Problem> {
        let table = &self.tables[position];
        let hint = self.hint(table, column);
        if column.not_null && hint.null > 0.0 {
            return problem("it has a `not_null` test, and its hint asks for empty cells");
        }
        fits(&hint.kind, &column.column.data_type)?;
        let filler = match countable(table, column, &hint.kind, self.seed)? {
            Some((slots, draw)) => {
                let rows = self.rows[position];
                if draw.is_unique() {
                    enough(rows, slots.count)?;
                }
                Filler::Slots { slots, draw }
            }
            None => self.filler(position, column, &hint.kind)?,
        };
        let unique = match &filler {
            Filler::Slots { draw, .. } | Filler::Reference { draw, .. } => draw.is_unique(),
            Filler::Email { numbered, .. } => *numbered,
            // Whether the cells in it are unique is for the user to know.
            Filler::Template(_) => true,
            _ => false,
        };
        if column.unique && !unique {
            let help = "unique values come from `sequence`, `hex`, `integer`, `decimal`, `pattern`, `date`, `timestamp`, \
                        `choice`, `reference` and `email`";
            return Err(("it has a `unique` test, and its hint repeats values".into(), Some(help.into())));
        }
        Ok(Column { filler, null: threshold(hint.null) })
    }

    /// The user's hint; without one, what the column's tests say.
    fn hint(&self, table: &GenerateTable, column: &GenerateColumn) -> ColumnHint {
        let default = ColumnHint::default_for(&column.column.data_type);
        if column.hint != default {
            return column.hint.clone();
        }
        let referred = column.references.as_ref().and_then(|(relation, name)| {
            let target =
                self.tables.iter().find(|other| other.relation == *relation && other.source == table.source)?;
            Some((target.table.clone(), name.clone()))
        });
        let whole = matches!(column.column.data_type, DataType::Short | DataType::Int | DataType::Long);
        let kind = match (referred, &column.accepted) {
            (Some((table, column)), _) => HintKind::Reference { table, column, distribution: Distribution::Uniform },
            (None, Some(values)) => HintKind::Choice(values.iter().map(|value| (value.clone(), 1.0)).collect()),
            (None, None) if column.unique && whole => HintKind::Sequence { start: 1, step: 1, prefix: String::new() },
            (None, None) => default.kind,
        };
        ColumnHint { kind, null: default.null }
    }

    /// What makes the cells of a column whose values cannot be counted.
    fn filler(&self, position: usize, column: &GenerateColumn, kind: &HintKind) -> Result<Filler, Problem> {
        let table = &self.tables[position];
        let place = |part| {
            let of = (part != PlacePart::City).then(|| position_of_kind(table, &HintKind::City)).flatten();
            Filler::Place { part, of }
        };
        let filler = match kind {
            HintKind::Choice(choices) => Filler::Choice(cumulate(choices)),
            HintKind::FirstName => Filler::FirstName,
            HintKind::LastName => Filler::LastName,
            HintKind::FullName => Filler::FullName,
            HintKind::Company => Filler::Company,
            HintKind::Email => Filler::Email {
                first: position_of_kind(table, &HintKind::FirstName),
                last: position_of_kind(table, &HintKind::LastName),
                numbered: column.unique,
            },
            HintKind::Phone => Filler::Phone,
            HintKind::Street => Filler::Street,
            HintKind::City => place(PlacePart::City),
            HintKind::State => place(PlacePart::State),
            HintKind::Zip => place(PlacePart::Zip),
            HintKind::After { column: base, min, max, step } => {
                let position = position_of(table, base)?;
                let kind = &table.columns[position].hint.kind;
                if !matches!(kind, HintKind::Date { .. } | HintKind::Timestamp { .. } | HintKind::After { .. }) {
                    return problem(format!("`{base}` is neither a `date`, a `timestamp` nor `after` another column"));
                }
                let micros = |delta: &chrono::TimeDelta| delta.num_microseconds().unwrap_or(i64::MAX);
                let step = micros(step).max(1);
                let count = ((micros(max) - micros(min)).max(0) / step + 1) as u64;
                Filler::After { column: position, min: micros(min), step, count, format: time_format(column)? }
            }
            HintKind::Reference { table: target, column: name, distribution } => {
                self.reference((position, column), target, name, *distribution)?
            }
            HintKind::Template(template) => Filler::Template(parts(table, template)?),
            countable => return problem(format!("`{countable:?}` has no values")),
        };
        Ok(filler)
    }

    fn reference(
        &self,
        (from, referring): (usize, &GenerateColumn),
        target: &str,
        name: &str,
        distribution: Distribution,
    ) -> Result<Filler, Problem> {
        let table = &self.tables[from];
        let siblings = || self.tables.iter().filter(|other| other.source == table.source);
        let Some(position) = self.tables.iter().position(|other| other.source == table.source && other.table == target)
        else {
            let help = did_you_mean(target, siblings().map(|other| other.table.as_str()));
            let text = format!("source `{}` has no table `{target}` that is generated", table.source);
            return Err((text, help.map(|name| format!("did you mean `{name}`?"))));
        };
        let other = &self.tables[position];
        let column = &other.columns[position_of(other, name)?];
        let hint = self.hint(other, column);
        let key = countable(other, column, &hint.kind, self.seed)?.filter(|(_, draw)| draw.is_unique());
        let Some((slots, key)) = key.filter(|_| hint.null == 0.0) else {
            let help = format!("give `{target}.{name}` a `unique` test, or the hint `hex` or `sequence`");
            return Err((format!("`{target}.{name}` is not unique, so nothing can refer to it"), Some(help)));
        };
        let rows = self.rows[position];
        if rows == 0 {
            return problem(format!("`{target}` has no rows to refer to"));
        }
        if !referring.unique {
            return Ok(Filler::Reference { slots, key, rows, draw: draw(distribution) });
        }
        enough(self.rows[from], u128::from(rows))?;
        let names = [table.source.as_str(), &table.table, &referring.column.name];
        let once = Permutation::new(random::key(self.seed, &names), u128::from(rows));
        Ok(Filler::Reference { slots, key, rows, draw: Draw::Permuted(once) })
    }
}

/// Whether each row can have a value of its own.
fn enough(rows: u64, values: u128) -> Result<(), Problem> {
    if u128::from(rows) <= values {
        return Ok(());
    }
    let text = format!("its values must be unique, and there are {values} for {rows} rows");
    Err((text, Some("widen the hint, or ask for fewer rows".into())))
}

fn hint_error(table: &GenerateTable, column: &GenerateColumn, (problem, help): Problem) -> GenerateError {
    GenerateError::Hint {
        table: table.table.clone(),
        column: column.column.name.clone(),
        problem,
        help,
        location: Box::new(column.column.location.clone()),
    }
}

fn draw(distribution: Distribution) -> Draw {
    match distribution {
        Distribution::Uniform => Draw::Uniform,
        Distribution::Zipf => Draw::Zipf,
    }
}

/// The values of a hint that can be counted, and which of them a row gets; `None` for the other hints.
fn countable(
    table: &GenerateTable,
    column: &GenerateColumn,
    kind: &HintKind,
    seed: u64,
) -> Result<Option<(Slots, Draw)>, Problem> {
    let mut distribution = Distribution::Uniform;
    let (count, value) = match kind {
        HintKind::Sequence { start, step, prefix } => {
            let value = Value::Integer { prefix: prefix.clone(), start: *start, step: *step };
            return Ok(Some((Slots { count: 1 << 64, value }, Draw::Row)));
        }
        // One after another, so that two such columns of a table stay together.
        HintKind::Choice(choices) if column.unique => {
            let texts: Vec<String> = choices.iter().map(|(text, _)| text.clone()).collect();
            return Ok(Some((Slots { count: texts.len() as u128, value: Value::Text(texts) }, Draw::Row)));
        }
        HintKind::Hex(width) => (1_u128 << (4 * u32::from(*width).min(16)), Value::Hex(*width)),
        HintKind::Integer { min, max, distribution: given } => {
            distribution = *given;
            let count = u128::try_from(i128::from(*max) - i128::from(*min) + 1).unwrap_or(0);
            (count, Value::Integer { prefix: String::new(), start: *min, step: 1 })
        }
        HintKind::Decimal { min, max, step, scale } => {
            let count = max.checked_sub(*min).map_or(0, |span| span / (*step).max(1) + 1);
            (u128::try_from(count).unwrap_or(0), Value::Decimal { min: *min, step: *step, scale: *scale })
        }
        HintKind::Pattern(pattern) => (Slots::count_of_pattern(pattern), Value::Pattern(pattern.clone())),
        HintKind::Date { from, to } => {
            let days = u128::try_from((*to - *from).num_days() + 1).unwrap_or(0);
            let from = from.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros();
            (days, Value::Time { from, step: MICROSECONDS_A_DAY, format: time_format(column)? })
        }
        HintKind::Timestamp { from, to, step } => {
            let step = step.num_microseconds().unwrap_or(i64::MAX).max(1);
            let span = to.timestamp_micros() - from.timestamp_micros();
            let count = u128::try_from(span / step + 1).unwrap_or(0);
            (count, Value::Time { from: from.timestamp_micros(), step, format: time_format(column)? })
        }
        _ => return Ok(None),
    };
    if count == 0 {
        return problem("its hint allows no value: the greatest is below the least");
    }
    if count > 1 << 64 {
        return problem("its hint allows more than 2^64 values");
    }
    let unique = column.unique || matches!(kind, HintKind::Hex(_));
    let key = || key(seed, &[&table.source, &table.table, &column.column.name]);
    let draw = if unique { Draw::Permuted(Permutation::new(key(), count)) } else { draw(distribution) };
    Ok(Some((Slots { count, value }, draw)))
}

/// The first format of the contract, or ISO 8601 for the column's type.
fn time_format(column: &GenerateColumn) -> Result<TimeFormat, Problem> {
    let with_time = column.column.data_type != DataType::Date;
    let Some(pattern) = column.column.format.first() else { return Ok(TimeFormat::iso(with_time)) };
    TimeFormat::parse(pattern).map_err(|letters| {
        let help = "`generate` writes `y`, `M`, `d`, `H`, `m`, `s` and `S`, in digits".to_owned();
        (format!("`generate` cannot write `{letters}` of the format `{pattern}`"), Some(help))
    })
}

/// Whether what the hint makes reads as the column's type.
fn fits(kind: &HintKind, data_type: &DataType) -> Result<(), Problem> {
    let number = |text: &str| text.trim().parse::<f64>().is_ok();
    let fits = match (data_type, kind) {
        (DataType::String | DataType::Binary, _) | (_, HintKind::Reference { .. } | HintKind::Template(_)) => true,
        (DataType::Boolean, HintKind::Choice(choices)) => {
            choices.iter().all(|(text, _)| text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false"))
        }
        (DataType::Byte | DataType::Short | DataType::Int | DataType::Long, kind) => match kind {
            HintKind::Sequence { prefix, .. } => prefix.is_empty(),
            HintKind::Integer { .. } => true,
            HintKind::Decimal { scale, .. } => *scale == 0,
            HintKind::Choice(choices) => choices.iter().all(|(text, _)| text.trim().parse::<i64>().is_ok()),
            HintKind::Pattern(pattern) => pattern.chars().all(|letter| letter == '#' || letter.is_ascii_digit()),
            _ => false,
        },
        (DataType::Float | DataType::Double | DataType::Decimal { .. }, kind) => match kind {
            HintKind::Sequence { prefix, .. } => prefix.is_empty(),
            HintKind::Integer { .. } => true,
            HintKind::Decimal { scale, .. } => match data_type {
                DataType::Decimal { scale: most, .. } => scale <= most,
                _ => true,
            },
            HintKind::Choice(choices) => choices.iter().all(|(text, _)| number(text)),
            _ => false,
        },
        (DataType::Date | DataType::Timestamp | DataType::TimestampNtz, kind) => matches!(
            kind,
            HintKind::Date { .. } | HintKind::Timestamp { .. } | HintKind::After { .. } | HintKind::Choice(_)
        ),
        _ => false,
    };
    if fits { Ok(()) } else { problem(format!("what its hint makes does not always read as `{data_type}`")) }
}

fn position_of(table: &GenerateTable, name: &str) -> Result<usize, Problem> {
    let names = || table.columns.iter().map(|column| column.column.name.as_str());
    names().position(|known| known.eq_ignore_ascii_case(name)).ok_or_else(|| {
        let help = did_you_mean(name, names()).map(|name| format!("did you mean `{name}`?"));
        (format!("`{}` has no column `{name}`", table.table), help)
    })
}

fn position_of_kind(table: &GenerateTable, kind: &HintKind) -> Option<usize> {
    table.columns.iter().position(|column| column.hint.kind == *kind)
}

/// Weights to bounds out of 2^53.
fn cumulate(choices: &[(String, f64)]) -> Vec<(u64, String)> {
    let total: f64 = choices.iter().map(|(_, weight)| weight).sum();
    let mut sum = 0.0;
    let bounds = choices.iter().map(|(text, weight)| {
        sum += weight;
        (threshold(sum / total), text.clone())
    });
    bounds.collect()
}

fn parts(table: &GenerateTable, template: &str) -> Result<Vec<Part>, Problem> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            return problem(format!("`{{` in the template `{template}` has no `}}`"));
        };
        parts.push(Part::Text(text.to_owned()));
        parts.push(Part::Cell(position_of(table, name.trim())?));
        rest = after;
    }
    parts.push(Part::Text(rest.to_owned()));
    Ok(parts)
}

/// The columns, each after those that it needs.
fn order(table: &GenerateTable, columns: &[Column]) -> Result<Vec<usize>, GenerateError> {
    let needs = |column: &Column| match &column.filler {
        Filler::After { column, .. } => vec![*column],
        Filler::Email { first, last, .. } => first.iter().chain(last).copied().collect(),
        Filler::Place { of, .. } => of.iter().copied().collect(),
        Filler::Template(parts) => parts
            .iter()
            .filter_map(|part| match part {
                Part::Cell(column) => Some(*column),
                Part::Text(_) => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    let mut order: Vec<usize> = Vec::new();
    while order.len() < columns.len() {
        let mut waiting = (0..columns.len()).filter(|position| !order.contains(position)).peekable();
        let first = waiting.peek().copied();
        let next = waiting.find(|position| needs(&columns[*position]).iter().all(|need| order.contains(need)));
        match (next, first) {
            (Some(next), _) => order.push(next),
            (None, Some(stuck)) => {
                let text = "it is made of columns that are made of it".to_owned();
                return Err(hint_error(table, &table.columns[stuck], (text, None)));
            }
            (None, None) => break,
        }
    }
    Ok(order)
}

/// Notes in which ways a row can be spoiled at a column.
fn describe_dirt(number: usize, column: &GenerateColumn, filler: &Filler, dirt: &mut Dirt) {
    let text = match column.column.data_type {
        DataType::Byte | DataType::Short | DataType::Int | DataType::Long => Some("1O0"),
        DataType::Float | DataType::Double | DataType::Decimal { .. } => Some("12.3.4"),
        DataType::Date | DataType::Timestamp | DataType::TimestampNtz => Some("31 foo 2024"),
        DataType::Boolean => Some("maybe"),
        _ => None,
    };
    dirt.typed.extend(text.map(|text| (number, text)));
    if column.not_null {
        dirt.required.push(number);
    }
    if let Filler::Reference { slots, key, rows, .. } = filler
        && u128::from(*rows) + 1000 <= slots.count
    {
        dirt.references.push((number, slots.clone(), key.clone(), *rows));
    }
}
