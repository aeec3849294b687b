//! A column's type down to its leaves, each with the parser of its texts: what nested types are built by.

use arrow::datatypes::DataType as ArrowType;
use headwater_plan::{Contract, ContractColumn, DataType, FileFormat};

use super::contract::{self, Column, ContractProblem, arrow_type};

/// A type and what reads it.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) data_type: ArrowType,
    pub(crate) node: Node,
}

/// What a type is made of.
#[derive(Debug)]
pub(crate) enum Node {
    /// What text stands for.
    Text(Box<Column>),
    Binary,
    List(Box<Tree>),
    Map(Box<Tree>, Box<Tree>),
    Struct(Vec<(String, Tree)>),
}

/// The parts of a `timestamp` and the like know the column's formats; nullability and defaults are the whole column's.
fn part(column: &ContractColumn, name: &str, data_type: &DataType) -> ContractColumn {
    let dated = matches!(data_type, DataType::Date | DataType::Timestamp | DataType::TimestampNtz);
    ContractColumn {
        format: if dated { column.format.clone() } else { Vec::new() },
        trim: column.trim,
        null_values: column.null_values.clone(),
        ..ContractColumn::new(format!("{}.{name}", column.name), data_type.clone(), column.location.clone())
    }
}

impl Tree {
    /// The tree of a column; problems are those of its leaves.
    pub(crate) fn of(column: ContractColumn, format: &FileFormat) -> Result<Self, Vec<ContractProblem>> {
        let data_type = arrow_type(&column.data_type);
        let node = match &column.data_type {
            DataType::Binary => Node::Binary,
            DataType::Array(element) => Node::List(Box::new(Self::of(part(&column, "element", element), format)?)),
            DataType::Map(key, value) => Node::Map(
                Box::new(Self::of(part(&column, "key", key), format)?),
                Box::new(Self::of(part(&column, "value", value), format)?),
            ),
            DataType::Struct(fields) => {
                let mut children = Vec::with_capacity(fields.len());
                for field in fields {
                    let child = part(&column, &field.name, &field.data_type);
                    children.push((field.name.clone(), Self::of(child, format)?));
                }
                Node::Struct(children)
            }
            _ => {
                let alone = Contract { columns: vec![column], constraints: Vec::new() };
                match contract::compile(&alone, format, false)?.pop() {
                    Some(column) => Node::Text(Box::new(column)),
                    None => Node::Binary,
                }
            }
        };
        Ok(Self { data_type, node })
    }
}
