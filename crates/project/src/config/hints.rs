//! `generate:` of columns, resolved: every hint that could not be met is told here, not by the generator.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, DataType, Diagnostics};

use super::at::At;
use super::file::generate::{AfterFile, ChoiceFile, DistributionName, HintFile};
use super::{ColumnDecl, SourceTable, size};
use crate::generate::{ColumnHint, Distribution, HintKind};

/// The digits after the point of a decimal whose column says nothing.
const DEFAULT_SCALE: u8 = 2;

/// The hint below `generate:` of a column of that type.
pub(super) fn resolve(
    at: At<'_>,
    file: HintFile,
    data_type: Option<&DataType>,
    found: &mut Diagnostics,
) -> Option<ColumnHint> {
    let keys: Vec<&str> =
        at.node.entries().iter().map(|entry| entry.key.as_str()).filter(|key| *key != "null").collect();
    let [key] = keys.as_slice() else {
        // With something wrong below, the message about that is the better one.
        if at.node.told.is_empty() {
            let have = if keys.is_empty() { "none".to_owned() } else { format!("`{}`", keys.join("`, `")) };
            let message = format!("a generated column has exactly one kind of value, not {have}");
            let wrong = at.error(Code::InvalidGenerator, message);
            found.push(wrong.help("such as `generate: { integer: { min: 0, max: 9 } }`"));
        }
        return None;
    };
    let null = file.null.unwrap_or(0.0);
    let kind = Resolve { at: at.at(key), key, data_type, found }.kind(file)?;
    if let Some(wrong) = data_type.and_then(|data_type| misfit(&kind, data_type)) {
        found.push(at.error(Code::InvalidGenerator, format!("`{key}` does not fit the column: {wrong}")));
        return None;
    }
    Some(ColumnHint { kind, null })
}

struct Resolve<'a> {
    at: At<'a>,
    key: &'a str,
    data_type: Option<&'a DataType>,
    found: &'a mut Diagnostics,
}

impl Resolve<'_> {
    fn kind(&mut self, file: HintFile) -> Option<HintKind> {
        let words = [
            (file.first_name, HintKind::FirstName),
            (file.last_name, HintKind::LastName),
            (file.full_name, HintKind::FullName),
            (file.company, HintKind::Company),
            (file.email, HintKind::Email),
            (file.phone, HintKind::Phone),
            (file.street, HintKind::Street),
            (file.city, HintKind::City),
            (file.state, HintKind::State),
            (file.zip, HintKind::Zip),
        ];
        if let Some((on, kind)) = words.into_iter().find_map(|(on, kind)| Some((on?, kind))) {
            if !on {
                self.wrong(self.at, format!("`{}` can only be `true`", self.key));
            }
            return on.then_some(kind);
        }
        if let Some(file) = file.sequence {
            let step = file.step.unwrap_or(1);
            if step == 0 {
                self.wrong(self.at.at("step"), "`step` must not be 0");
                return None;
            }
            return Some(HintKind::Sequence { start: file.start.unwrap_or(1), step, prefix: file.prefix });
        }
        if let Some(file) = file.integer {
            self.ordered(&file.min, &file.max, "min", "max")?;
            let distribution = distribution(file.distribution);
            return Some(HintKind::Integer { min: file.min, max: file.max, distribution });
        }
        if let Some(file) = file.decimal {
            return self.decimal(file.scale);
        }
        if let Some(file) = file.choice {
            return self.choice(file);
        }
        if let Some(file) = file.date {
            let (from, to) = (self.day("from", &file.from), self.day("to", &file.to));
            let (from, to) = (from?, to?);
            self.ordered(&from, &to, "from", "to")?;
            return Some(HintKind::Date { from, to });
        }
        if let Some(file) = file.timestamp {
            let (from, to) = (self.instant("from", &file.from), self.instant("to", &file.to));
            let step = self.step(file.step.as_deref(), TimeDelta::seconds(1));
            let (from, to) = (from?, to?);
            self.ordered(&from, &to, "from", "to")?;
            return Some(HintKind::Timestamp { from, to, step: step? });
        }
        if let Some(file) = file.after {
            return self.after(file);
        }
        if let Some(file) = file.reference {
            let distribution = distribution(file.distribution);
            return Some(HintKind::Reference { table: file.table, column: file.column, distribution });
        }
        file.hex.map(HintKind::Hex).or(file.pattern.map(HintKind::Pattern)).or(file.template.map(HintKind::Template))
    }

    fn wrong(&mut self, at: At<'_>, message: impl Into<String>) {
        self.found.push(at.error(Code::InvalidGenerator, message));
    }

    fn ordered<T: PartialOrd>(&mut self, low: &T, high: &T, low_key: &str, high_key: &str) -> Option<()> {
        if low <= high {
            return Some(());
        }
        let (low, high) = (self.at.at(low_key).text(), self.at.at(high_key).text());
        self.wrong(self.at.at(low_key), format!("`{low_key}` (`{low}`) is after `{high_key}` (`{high}`)"));
        None
    }

    fn decimal(&mut self, scale: Option<u8>) -> Option<HintKind> {
        let of_type = match self.data_type {
            Some(DataType::Decimal { scale, .. }) => Some(*scale),
            _ => None,
        };
        let scale = scale.or(of_type).unwrap_or(DEFAULT_SCALE);
        let (min, max) = (self.units("min", scale), self.units("max", scale));
        let step = self.at.get("step").map_or(Some(1), |_| self.units("step", scale));
        if step.is_some_and(|step| step < 1) {
            self.wrong(self.at.at("step"), "`step` must be above 0");
            return None;
        }
        let (min, max, step) = (min?, max?, step?);
        self.ordered(&min, &max, "min", "max")?;
        Some(HintKind::Decimal { min, max, step, scale })
    }

    /// A number as it is written, in units of its last digit: no digit passes through a float.
    fn units(&mut self, key: &str, scale: u8) -> Option<i128> {
        let at = self.at.at(key);
        let units = units(at.text(), scale);
        if units.is_none() {
            let message =
                format!("`{key}` (`{}`) is not a decimal with at most {scale} digits after the point", at.text());
            self.wrong(at, message);
        }
        units
    }

    fn choice(&mut self, file: ChoiceFile) -> Option<HintKind> {
        let weighted: Vec<(String, f64)> = match file {
            // The text as it is written: `1.10` stays `1.10`.
            ChoiceFile::List(_) => {
                self.at.node.items().iter().map(|node| (node.text().unwrap_or_default().to_owned(), 1.0)).collect()
            }
            ChoiceFile::Weights(weights) => weights.into_iter().collect(),
        };
        if weighted.is_empty() {
            self.wrong(self.at, "`choice` has no value to choose");
            return None;
        }
        let wrong: Vec<_> = weighted.iter().filter(|(_, weight)| !weight.is_finite() || *weight <= 0.0).collect();
        for (value, weight) in &wrong {
            self.wrong(self.at.at(value), format!("the weight of `{value}` must be above 0, not {weight}"));
        }
        wrong.is_empty().then_some(HintKind::Choice(weighted))
    }

    fn day(&mut self, key: &str, text: &str) -> Option<NaiveDate> {
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
        if day.is_none() {
            self.wrong(self.at.at(key), format!("`{key}` must be a day such as `2024-12-31`, not `{text}`"));
        }
        day
    }

    fn instant(&mut self, key: &str, text: &str) -> Option<DateTime<Utc>> {
        let instant = instant(text);
        if instant.is_none() {
            let message = format!("`{key}` must be an instant such as `2024-12-31 08:30:00`, not `{text}`");
            self.wrong(self.at.at(key), message);
        }
        instant
    }

    fn duration(&mut self, key: &str, text: &str) -> Option<TimeDelta> {
        let duration = size::duration(text);
        if duration.is_none() {
            self.wrong(self.at.at(key), format!("`{key}` must be a duration such as `90s` or `1h30m`, not `{text}`"));
        }
        duration
    }

    fn step(&mut self, text: Option<&str>, default: TimeDelta) -> Option<TimeDelta> {
        let step = text.map_or(Some(default), |text| self.duration("step", text))?;
        if step.is_zero() {
            self.wrong(self.at.at("step"), "`step` must be above 0");
            return None;
        }
        Some(step)
    }

    fn after(&mut self, file: AfterFile) -> Option<HintKind> {
        let default = match self.data_type {
            Some(DataType::Date) => TimeDelta::days(1),
            _ => TimeDelta::seconds(1),
        };
        let min = file.min.as_deref().map_or(Some(TimeDelta::zero()), |text| self.duration("min", text));
        let max = self.duration("max", &file.max);
        let step = self.step(file.step.as_deref(), default);
        let (min, max, step) = (min?, max?, step?);
        self.ordered(&min, &max, "min", "max")?;
        Some(HintKind::After { column: file.column, min, max, step })
    }
}

fn distribution(name: DistributionName) -> Distribution {
    match name {
        DistributionName::Uniform => Distribution::Uniform,
        DistributionName::Zipf => Distribution::Zipf,
    }
}

/// A decimal text in units of 10^-`scale`; `None` for more digits than that, or what is no decimal.
fn units(text: &str, scale: u8) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let part = part.trim_end_matches('0');
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(part) || part.len() > usize::from(scale) {
        return None;
    }
    let units: i128 = format!("{whole}{part:0<width$}", width = usize::from(scale)).parse().ok()?;
    Some(if negative { -units } else { units })
}

/// The instant that a text stands for.
pub(super) fn instant(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim_end_matches('Z');
    let of_day = || Some(NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_time(chrono::NaiveTime::MIN));
    ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .or_else(of_day)
        .map(|instant| instant.and_utc())
}

/// Why values of a kind cannot be in a column of a type.
fn misfit(kind: &HintKind, data_type: &DataType) -> Option<String> {
    let whole = data_type.is_integral();
    let fraction = data_type.is_fractional();
    let text = matches!(data_type, DataType::String);
    let fits = match kind {
        HintKind::Sequence { prefix, .. } => text || (prefix.is_empty() && (whole || fraction)),
        HintKind::Integer { .. } => text || whole || fraction,
        HintKind::Decimal { scale, .. } => text || fraction || (whole && *scale == 0),
        HintKind::Date { .. } | HintKind::Timestamp { .. } | HintKind::After { .. } => text || data_type.is_time(),
        // What it gives is known only when it is made.
        HintKind::Choice(_) | HintKind::Reference { .. } | HintKind::Template(_) | HintKind::Pattern(_) => true,
        _ => text,
    };
    if !fits {
        return Some(format!("its type is `{data_type}`"));
    }
    match (kind, data_type) {
        (HintKind::Decimal { scale, .. }, DataType::Decimal { scale: most, .. }) if scale > most => {
            Some(format!("its type `{data_type}` has {most} digits after the point, the hint {scale}"))
        }
        _ => None,
    }
}

/// The columns of the same table that hints name.
pub(super) fn check_columns(table: At<'_>, columns: &[ColumnDecl], found: &mut Diagnostics) {
    let find = |name: &str| columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
    for at in table.items("columns") {
        let hint = columns.iter().find(|column| column.location == at.at("name").location());
        let Some(hint) = hint.and_then(|column| column.generate.as_ref()) else { continue };
        let at = at.at("generate");
        match &hint.kind {
            HintKind::After { column, .. } => match find(column) {
                Some(other) if other.data_type.as_ref().is_some_and(|kind| !kind.is_time()) => {
                    let message = format!("`after` needs a date or a timestamp, and `{column}` is neither");
                    found.push(at.at("after").at("column").error(Code::InvalidGenerator, message));
                }
                Some(_) => {}
                None => found.push(absent(at.at("after").at("column"), column, columns)),
            },
            HintKind::Template(template) => {
                for name in placeholders(template) {
                    if find(name).is_none() {
                        found.push(absent(at.at("template"), name, columns));
                    }
                }
            }
            _ => {}
        }
    }
}

/// The names in braces.
fn placeholders(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

fn absent(at: At<'_>, name: &str, columns: &[ColumnDecl]) -> headwater_plan::Diagnostic {
    let wrong = at.error(Code::InvalidGenerator, format!("the table has no column `{name}`"));
    match did_you_mean(name, columns.iter().map(|column| column.name.as_str())) {
        Some(near) => wrong.help(format!("did you mean `{near}`?")),
        None => wrong,
    }
}

/// The tables and columns of the same source that hints name, once all files are read.
pub(super) fn check_references(tables: &[SourceTable], found: &mut Diagnostics) {
    for table in tables {
        for column in &table.columns {
            let Some(ColumnHint { kind: HintKind::Reference { table: to, column: field, .. }, .. }) = &column.generate
            else {
                continue;
            };
            let siblings = || tables.iter().filter(|other| other.source == table.source);
            let target = siblings().find(|other| other.table.eq_ignore_ascii_case(to));
            let (message, near) = match target {
                None => (
                    format!("the source `{}` has no table `{to}` to refer to", table.source),
                    did_you_mean(to, siblings().map(|other| other.table.as_str())),
                ),
                Some(other) if other.ingest.is_none() && other.sound => {
                    (format!("the table `{to}` has no `ingest:`, so it is not generated"), None)
                }
                Some(other) if !other.sound => continue,
                Some(other) if !other.columns.iter().any(|column| column.name.eq_ignore_ascii_case(field)) => (
                    format!("the table `{to}` has no column `{field}` to refer to"),
                    did_you_mean(field, other.columns.iter().map(|column| column.name.as_str())),
                ),
                Some(_) => continue,
            };
            let wrong = headwater_plan::Diagnostic::error(Code::InvalidGenerator, message).at(column.location.clone());
            found.push(match near {
                Some(near) => wrong.help(format!("did you mean `{near}`?")),
                None => wrong,
            });
        }
    }
}
