use std::collections::BTreeMap;

use arrow::array::{
    BooleanArray, Date32Array, Decimal128Array, Int64Array, StringViewArray, TimestampMicrosecondArray,
};
use headwater_plan::Field;
use proptest::prelude::*;

use super::*;

fn partitioning(columns: &[&str]) -> Result<Partitioning, LakeError> {
    let schema = Schema::new(vec![
        Field::new("id", DataType::Long),
        Field::new("Region", DataType::String),
        Field::new("flag", DataType::Boolean),
        Field::new("ratio", DataType::Double),
    ]);
    let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
    Partitioning::of(&TableName::new("gold", "things"), &schema, &columns)
}

#[test]
fn columns_that_cannot_be_folders_are_refused() {
    assert_eq!(partitioning(&["region"]).unwrap().names(), ["Region"]);
    for (columns, why) in [
        (&["colour"][..], "the table has no such column"),
        (&["ratio"], "a value of type `double` cannot be a folder"),
        (&["flag", "FLAG"], "it is named twice"),
    ] {
        let error = partitioning(columns).unwrap_err();
        assert!(error.to_string().ends_with(why), "{error}");
    }
    let all = Schema::new(vec![Field::new("id", DataType::Long)]);
    let error = Partitioning::of(&TableName::new("gold", "x"), &all, &["id".to_string()]).unwrap_err();
    assert!(error.to_string().ends_with("the files would have no column left"), "{error}");
}

#[test]
fn values_are_written_as_delta_writes_them() {
    let columns: [(ArrayRef, &str); 5] = [
        (Arc::new(BooleanArray::from(vec![true])), "true"),
        (Arc::new(Date32Array::from(vec![-1])), "1969-12-31"),
        (Arc::new(Decimal128Array::from(vec![-5]).with_precision_and_scale(9, 2).unwrap()), "-0.05"),
        (
            Arc::new(TimestampMicrosecondArray::from(vec![1_715_000_000_123_456]).with_timezone("UTC")),
            "2024-05-06T12:53:20.123456Z",
        ),
        (Arc::new(Int64Array::from(vec![i64::MIN])), "-9223372036854775808"),
    ];
    for (column, text) in columns {
        assert_eq!(value(&column, 0).unwrap().as_deref(), Some(text));
    }
    let texts: ArrayRef = Arc::new(arrow::array::StringArray::from(vec![Some(""), None, Some(" ")]));
    assert_eq!([0, 1, 2].map(|row| value(&texts, row).unwrap()), [None, None, Some(" ".to_string())]);
}

#[test]
fn folders_hold_no_letter_that_means_something() {
    let region = partitioning(&["region", "flag"]).unwrap();
    let folder = |value: Option<&str>| region.folder(&vec![value.map(ToString::to_string), Some("true".to_string())]);
    assert_eq!(folder(None), "Region=__HIVE_DEFAULT_PARTITION__/flag=true/");
    assert_eq!(folder(Some("a/b=c%d:e\\..\u{7}")), "Region=a%2Fb%3Dc%25d%3Ae%5C..%07/flag=true/");
    assert_eq!(folder(Some("größe 1")), "Region=größe 1/flag=true/");
    assert!(folder(Some(&"é".repeat(500))).len() < 200);
}

proptest! {
    #[test]
    fn every_row_is_in_its_partition_once_and_in_order(
        rows in prop::collection::vec((prop::option::of("[abc]"), any::<Option<bool>>()), 1..200)
    ) {
        let ids = Int64Array::from_iter_values(0..i64::try_from(rows.len()).unwrap());
        let regions: StringViewArray = rows.iter().map(|(region, _)| region.as_deref()).collect();
        let flags: BooleanArray = rows.iter().map(|(_, flag)| *flag).collect();
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("id", Arc::new(ids) as ArrayRef, true),
            ("region", Arc::new(regions), true),
            ("flag", Arc::new(flags), true),
        ]).unwrap();
        let mut expected: BTreeMap<Values, Vec<i64>> = BTreeMap::new();
        for (id, (region, flag)) in (0_i64..).zip(&rows) {
            let values = vec![region.clone(), flag.map(|flag| flag.to_string())];
            expected.entry(values).or_default().push(id);
        }
        let mut found: BTreeMap<Values, Vec<i64>> = BTreeMap::new();
        for (values, part) in partitioning(&["region", "flag"]).unwrap().split(&batch).unwrap() {
            prop_assert_eq!(part.num_columns(), 1);
            let ids = part.column(0).as_primitive::<arrow::datatypes::Int64Type>();
            found.entry(values).or_default().extend(ids.values());
        }
        prop_assert_eq!(found, expected);
    }
}
