use arrow::array::{Int64Array, StringArray};
use headwater_plan::{ContractColumn, DataType, Location};

use super::*;

fn contract(rules: &[&str]) -> Contract {
    let location = Location::line("sources.yml", 1);
    let column = |name, data_type| ContractColumn::new(name, data_type, location.clone());
    let rule = |sql: &&str| Constraint {
        written: (*sql).to_owned(),
        column: None,
        sql: (*sql).to_owned(),
        location: location.clone(),
    };
    Contract {
        columns: vec![column("Id", DataType::Long), column("text", DataType::String)],
        constraints: rules.iter().map(rule).collect(),
    }
}

fn batch(ids: &[Option<i64>], texts: &[Option<&str>]) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from(ids.to_vec()));
    let texts: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
    RecordBatch::try_from_iter([("Id", ids), ("text", texts)]).unwrap()
}

/// The broken rules, as pairs of row and rule.
fn broken(rules: &[&str], batch: &RecordBatch) -> Vec<(usize, usize)> {
    let check = check(&contract(rules), DateTime::UNIX_EPOCH).unwrap().unwrap();
    check.check(batch).unwrap().into_iter().map(|broken| (broken.row, broken.constraint)).collect()
}

#[test]
fn a_rule_that_is_false_is_broken_and_one_that_is_null_is_not() {
    let rows = batch(&[Some(1), None, Some(200)], &[Some("AB"), Some("ab"), None]);
    assert_eq!(broken(&["id between 0 and 100"], &rows), [(2, 0)]);
    assert_eq!(broken(&["text rlike '^[A-Z]+$'"], &rows), [(1, 0)]);
    assert_eq!(broken(&["ID > 0", "text in ('AB', 'x')"], &rows), [(1, 1)]);
    assert_eq!(broken(&["text in ('AB', 'x') or id > 100"], &rows), [], "false or null is null");
    assert_eq!(broken(&["id is not null and text is not null"], &rows), [(1, 0), (2, 0)]);
    assert!(check(&contract(&[]), DateTime::UNIX_EPOCH).unwrap().is_none());
}

#[test]
fn a_rule_without_columns_holds_for_all_rows_or_for_none() {
    let rows = batch(&[Some(1), None], &[None, None]);
    assert_eq!(broken(&["1 = 1", "1 = 2", "current_date() < date'2000-01-01'"], &rows), [(0, 1), (1, 1)]);
}

#[test]
fn a_rule_that_cannot_be_evaluated_costs_its_row_only() {
    let texts = [Some("5"), Some("x"), Some("7"), Some("0"), None];
    let rows = batch(&[Some(1), Some(1), Some(1), Some(1), Some(1)], &texts);
    assert_eq!(broken(&["cast(text as int) > 5"], &rows), [(0, 0), (1, 0), (3, 0)]);
    assert_eq!(broken(&["10 / cast(text as int) >= 1"], &rows), [(1, 0), (3, 0)]);
}

#[test]
fn a_rule_of_another_contract_is_told() {
    let error = check(&contract(&["amount > 0"]), DateTime::UNIX_EPOCH).unwrap_err();
    let told = error.diagnostic();
    assert_eq!(told.code, headwater_plan::Code::UnknownColumn);
    assert!(told.message.contains("amount > 0"), "{}", told.message);
}
