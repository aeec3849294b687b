//! Spark's data types, fields and schemas: the types of every engine.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A Spark SQL data type. `Display` writes Spark's own short form (`decimal(12,2)`, `array<string>`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataType {
    /// True or false.
    Boolean,
    /// 8-bit signed integer, `tinyint`.
    Byte,
    /// 16-bit signed integer, `smallint`.
    Short,
    /// 32-bit signed integer, `int`.
    Int,
    /// 64-bit signed integer, `bigint`.
    Long,
    /// 32-bit IEEE 754.
    Float,
    /// 64-bit IEEE 754.
    Double,
    /// Exact decimal: precision 1 to 38, scale 0 to precision.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// UTF-8 text.
    String,
    /// Bytes.
    Binary,
    /// A day.
    Date,
    /// An instant, microseconds, stored in UTC.
    Timestamp,
    /// A wall-clock time without zone, microseconds.
    TimestampNtz,
    /// A list.
    Array(Box<DataType>),
    /// Keys to values.
    Map(Box<DataType>, Box<DataType>),
    /// Named fields.
    Struct(Vec<Field>),
    /// The type of a bare `NULL` (Spark's `void`); never a column of a table.
    Null,
}

impl DataType {
    /// Whether it is one value, which can be compared and grouped by.
    pub fn is_atomic(&self) -> bool {
        !matches!(self, Self::Array(_) | Self::Map(..) | Self::Struct(_) | Self::Null)
    }

    /// Whether it is a whole number.
    pub fn is_integral(&self) -> bool {
        matches!(self, Self::Byte | Self::Short | Self::Int | Self::Long)
    }

    /// Whether it is a number with a fraction.
    pub fn is_fractional(&self) -> bool {
        matches!(self, Self::Float | Self::Double | Self::Decimal { .. })
    }

    /// Whether it is a number.
    pub fn is_numeric(&self) -> bool {
        self.is_integral() || self.is_fractional()
    }

    /// Whether it is a day or an instant.
    pub fn is_time(&self) -> bool {
        matches!(self, Self::Date | Self::Timestamp | Self::TimestampNtz)
    }

    /// Reads a type as a user writes it in YAML, Spark's synonyms included: `decimal(12,2)`, `array<string>`,
    /// `map<string,int>`, `struct<a:int,b:string>`; `None` for what is not a type.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(inner) = text.strip_suffix('>') {
            return Self::parse_nested(inner);
        }
        let text = text.to_lowercase();
        let plain = match text.as_str() {
            "boolean" | "bool" => Self::Boolean,
            "byte" | "tinyint" => Self::Byte,
            "short" | "smallint" => Self::Short,
            "int" | "integer" => Self::Int,
            "long" | "bigint" => Self::Long,
            "float" | "real" => Self::Float,
            "double" => Self::Double,
            "decimal" | "dec" | "numeric" => Self::Decimal { precision: 10, scale: 0 },
            "string" | "text" | "varchar" => Self::String,
            "binary" => Self::Binary,
            "date" => Self::Date,
            "timestamp" | "timestamp_ltz" => Self::Timestamp,
            "timestamp_ntz" => Self::TimestampNtz,
            _ => return Self::parse_with_arguments(&text),
        };
        Some(plain)
    }

    /// A nested type, its last `>` taken away. The names of a struct's fields keep their case.
    fn parse_nested(text: &str) -> Option<Self> {
        let (head, inner) = text.split_once('<')?;
        let parts = split_top(inner, ',')?;
        match (head.trim().to_lowercase().as_str(), parts.as_slice()) {
            ("array", [element]) => Some(Self::Array(Box::new(Self::parse(element)?))),
            ("map", [key, value]) => Some(Self::Map(Box::new(Self::parse(key)?), Box::new(Self::parse(value)?))),
            ("struct", fields) => {
                let field = |field: &&str| {
                    // Spark takes `a: int` and `a int`.
                    let (name, data_type) = field.trim().split_once([':', ' '])?;
                    let name = name.trim().trim_matches('`');
                    let data_type = Self::parse(data_type.trim_start().trim_start_matches(':'))?;
                    (!name.is_empty()).then(|| Field::new(name, data_type))
                };
                Some(Self::Struct(fields.iter().map(field).collect::<Option<_>>()?))
            }
            _ => None,
        }
    }

    fn parse_with_arguments(text: &str) -> Option<Self> {
        let (head, rest) = text.split_once('(')?;
        let arguments: Vec<u8> =
            rest.strip_suffix(')')?.split(',').map(|a| a.trim().parse().ok()).collect::<Option<_>>()?;
        match (head.trim(), arguments.as_slice()) {
            ("decimal" | "dec" | "numeric", [precision]) => Self::decimal(*precision, 0),
            ("decimal" | "dec" | "numeric", [precision, scale]) => Self::decimal(*precision, *scale),
            _ => None,
        }
    }

    fn decimal(precision: u8, scale: u8) -> Option<Self> {
        ((1..=38).contains(&precision) && scale <= precision).then_some(Self::Decimal { precision, scale })
    }

    /// The names that [`DataType::parse`] knows, for 'did you mean'.
    pub const NAMES: &'static [&'static str] = &[
        "boolean",
        "byte",
        "tinyint",
        "short",
        "smallint",
        "int",
        "integer",
        "long",
        "bigint",
        "float",
        "real",
        "double",
        "decimal",
        "numeric",
        "string",
        "text",
        "varchar",
        "binary",
        "date",
        "timestamp",
        "timestamp_ntz",
    ];
}

/// The parts between separators that stand in no brackets; `None` if the brackets do not match.
fn split_top(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut parts, mut begin, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, letter) in text.char_indices() {
        match letter {
            '<' | '(' => depth += 1,
            '>' | ')' => depth = depth.checked_sub(1)?,
            _ if letter == separator && depth == 0 => {
                parts.push(&text[begin..at]);
                begin = at + letter.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    (depth == 0).then_some(parts)
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("boolean"),
            Self::Byte => f.write_str("tinyint"),
            Self::Short => f.write_str("smallint"),
            Self::Int => f.write_str("int"),
            Self::Long => f.write_str("bigint"),
            Self::Float => f.write_str("float"),
            Self::Double => f.write_str("double"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::String => f.write_str("string"),
            Self::Binary => f.write_str("binary"),
            Self::Date => f.write_str("date"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::TimestampNtz => f.write_str("timestamp_ntz"),
            Self::Array(element) => write!(f, "array<{element}>"),
            Self::Map(key, value) => write!(f, "map<{key},{value}>"),
            Self::Struct(fields) => {
                f.write_str("struct<")?;
                for (position, field) in fields.iter().enumerate() {
                    let comma = if position == 0 { "" } else { "," };
                    write!(f, "{comma}{}:{}", field.name, field.data_type)?;
                }
                f.write_str(">")
            }
            Self::Null => f.write_str("void"),
        }
    }
}

/// A column: its name as the user wrote it, its type, whether it may be null.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Field {
    /// The name, in the user's own case; looked up without regard to case.
    pub name: String,
    /// The type.
    pub data_type: DataType,
    /// Whether a row may lack it.
    pub nullable: bool,
}

impl Field {
    /// A nullable column.
    pub fn new(name: impl Into<String>, data_type: DataType) -> Self {
        Self { name: name.into(), data_type, nullable: true }
    }
}

/// The columns of a table or a query, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schema {
    /// The columns.
    pub fields: Vec<Field>,
}

impl Schema {
    /// A schema of these columns.
    pub fn new(fields: Vec<Field>) -> Self {
        Self { fields }
    }

    /// The column of that name, without regard to case.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| field.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_display_writes_parse_reads() {
        for name in DataType::NAMES {
            let parsed = DataType::parse(name).unwrap();
            assert_eq!(DataType::parse(&parsed.to_string()), Some(parsed));
        }
        assert_eq!(DataType::parse("Decimal( 12 , 2 )").unwrap().to_string(), "decimal(12,2)");
        let nested = "struct<Id:bigint,tags:array<string>,prices:map<string,decimal(12,2)>>";
        assert_eq!(DataType::parse(nested).unwrap().to_string(), nested);
        let spaced = "STRUCT< Id: bigint, tags ARRAY<string> , prices: map<string, decimal(12, 2)> >";
        assert_eq!(DataType::parse(spaced).unwrap().to_string(), nested);
        for wrong in ["decimal(39,2)", "decimal(3,4)", "decimal(1,2,3)", "strin", "int(4)", ""] {
            assert_eq!(DataType::parse(wrong), None, "{wrong}");
        }
    }
}
