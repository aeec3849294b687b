//! The names of a record's fields to the columns that they fill.

use std::collections::HashMap;

use headwater_plan::{Contract, Field};

/// What a field fills.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// A column, by its number; those that were added come behind the contract's.
    pub(crate) column: Option<usize>,
    /// Columns that lie inside the field, each by the names on the way and its number.
    pub(crate) inside: Vec<(Vec<String>, usize)>,
}

/// All fields that fill something, by their names in lower case.
#[derive(Debug)]
pub(crate) struct Names(HashMap<String, Target>);

impl Names {
    pub(crate) fn new(contract: &Contract, added: &[Field]) -> Self {
        let mut names: HashMap<String, Target> = HashMap::new();
        let declared = contract.columns.iter().map(|column| (column.name_in_file(), column.source_name.is_some()));
        let added = added.iter().map(|field| (field.name.as_str(), false));
        for (number, (name, may_be_path)) in declared.chain(added).enumerate() {
            match name.split_once('.').filter(|_| may_be_path) {
                Some((first, rest)) => {
                    let way = rest.split('.').map(str::to_owned).collect();
                    names.entry(first.to_ascii_lowercase()).or_default().inside.push((way, number));
                }
                None => names.entry(name.to_ascii_lowercase()).or_default().column = Some(number),
            }
        }
        Self(names)
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Target> {
        // Most names are in lower case already.
        if let Some(target) = self.0.get(name) {
            return Some(target);
        }
        self.0.get(&name.to_ascii_lowercase())
    }
}
