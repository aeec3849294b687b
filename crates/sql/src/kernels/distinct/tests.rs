//! Every way in which DataFusion may lead groups through an accumulator, beside sets that are kept one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, StringViewArray, StructArray,
};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::functions_aggregate as native;
use datafusion::logical_expr::{AggregateUDF, EmitTo, GroupsAccumulator};
use datafusion::physical_expr::aggregate::AggregateExprBuilder;
use datafusion::physical_expr::expressions::Column;
use proptest::prelude::*;

use super::distinct;
use super::seen::Seen;

/// A row: its group, its value, and whether the filter takes it.
type Row = (u8, Option<u8>, Option<bool>);

/// What happens to the rows of one thread.
#[derive(Debug, Clone)]
enum Step {
    Update(Vec<Row>),
    /// The rows become states without a table.
    Convert(Vec<Row>),
    /// So many groups leave as states; all if there are not more.
    Emit(usize),
}

fn accumulator(function: Arc<AggregateUDF>, data_type: &DataType) -> Box<dyn GroupsAccumulator> {
    let schema = Arc::new(Schema::new(vec![Field::new("value", data_type.clone(), true)]));
    let built = AggregateExprBuilder::new(distinct(function), vec![Arc::new(Column::new("value", 0))])
        .schema(schema)
        .alias("answer")
        .distinct()
        .build()
        .unwrap();
    assert!(built.groups_accumulator_supported());
    built.create_groups_accumulator().unwrap()
}

/// The groups that an accumulator knows, by their places.
#[derive(Default)]
struct Places {
    groups: Vec<u8>,
}

impl Places {
    fn of(&mut self, groups: impl IntoIterator<Item = u8>) -> Vec<usize> {
        let place = |group| {
            self.groups.iter().position(|known| *known == group).unwrap_or_else(|| {
                self.groups.push(group);
                self.groups.len() - 1
            })
        };
        groups.into_iter().map(place).collect()
    }

    fn take(&mut self, count: usize) -> (EmitTo, Vec<u8>) {
        if count >= self.groups.len() {
            return (EmitTo::All, std::mem::take(&mut self.groups));
        }
        (EmitTo::First(count), self.groups.drain(..count).collect())
    }
}

type States = Vec<(Vec<u8>, ArrayRef)>;

fn condition(rows: &[Row]) -> Option<BooleanArray> {
    let all = rows.iter().all(|(_, _, taken)| *taken == Some(true));
    (!all).then(|| rows.iter().map(|(_, _, taken)| *taken).collect())
}

/// The states that one thread gives.
fn partial(mut table: Box<dyn GroupsAccumulator>, steps: &[Step], array: fn(&[Option<u8>]) -> ArrayRef) -> States {
    let (mut places, mut states) = (Places::default(), States::new());
    let mut emit = |table: &mut Box<dyn GroupsAccumulator>, places: &mut Places, count| {
        if places.groups.is_empty() {
            return;
        }
        let (emit_to, groups) = places.take(count);
        let [state] = table.state(emit_to).unwrap().try_into().unwrap();
        assert_eq!((state.len(), state.null_count()), (groups.len(), 0));
        states.push((groups, state));
    };
    for step in steps {
        match step {
            Step::Emit(count) => emit(&mut table, &mut places, *count),
            Step::Update(rows) => {
                let groups = places.of(rows.iter().map(|(group, ..)| *group));
                let values = array(&rows.iter().map(|(_, value, _)| *value).collect::<Vec<_>>());
                table.update_batch(&[values], &groups, condition(rows).as_ref(), places.groups.len()).unwrap();
            }
            Step::Convert(_) => {}
        }
    }
    emit(&mut table, &mut places, usize::MAX);
    for step in steps {
        let Step::Convert(rows) = step else { continue };
        let values = array(&rows.iter().map(|(_, value, _)| *value).collect::<Vec<_>>());
        let [state] = table.convert_to_state(&[values], condition(rows).as_ref()).unwrap().try_into().unwrap();
        states.push((rows.iter().map(|(group, ..)| *group).collect(), state));
    }
    states
}

/// The answers of all groups, by states that were spilled once in between, taken out a few groups at a time.
fn merged(
    mut table: Box<dyn GroupsAccumulator>,
    states: States,
    few: usize,
    spills: bool,
) -> BTreeMap<u8, Option<i128>> {
    let mut places = Places::default();
    let mut answers = BTreeMap::new();
    for (groups, state) in states {
        let indices = places.of(groups.iter().copied());
        table.merge_batch(&[state], &indices, places.groups.len()).unwrap();
        if spills && !places.groups.is_empty() {
            let (emit_to, groups) = places.take(usize::MAX);
            let state = table.state(emit_to).unwrap();
            assert!(table.size() < 100_000);
            let indices = places.of(groups);
            table.merge_batch(&state, &indices, places.groups.len()).unwrap();
        }
    }
    while !places.groups.is_empty() {
        let (emit_to, groups) = places.take(few);
        let given = table.evaluate(emit_to).unwrap();
        let given = cast(&given, &DataType::Decimal128(38, 0)).unwrap();
        let given = given.as_any().downcast_ref::<Decimal128Array>().unwrap();
        assert_eq!(given.len(), groups.len());
        answers.extend(groups.into_iter().zip(given.iter()));
    }
    answers
}

fn expected(threads: &[Vec<Step>], answer: fn(&BTreeSet<u8>) -> Option<i128>) -> BTreeMap<u8, Option<i128>> {
    let mut sets: BTreeMap<u8, BTreeSet<u8>> = BTreeMap::new();
    for step in threads.iter().flatten() {
        let (Step::Update(rows) | Step::Convert(rows)) = step else { continue };
        for (group, value, taken) in rows {
            let set = sets.entry(*group).or_default();
            set.extend(value.filter(|_| *taken == Some(true)));
        }
    }
    sets.into_iter().map(|(group, set)| (group, answer(&set))).collect()
}

fn count(set: &BTreeSet<u8>) -> Option<i128> {
    Some(set.len() as i128)
}

fn sum(set: &BTreeSet<u8>) -> Option<i128> {
    (!set.is_empty()).then(|| set.iter().map(|value| i128::from(*value)).sum())
}

fn texts(values: &[Option<u8>]) -> ArrayRef {
    // Some fit into a view, some do not.
    let text = |value: u8| format!("{value}{}", "x".repeat(usize::from(value)));
    Arc::new(values.iter().map(|value| value.map(text)).collect::<StringViewArray>())
}

fn decimals(values: &[Option<u8>]) -> ArrayRef {
    let values: Decimal128Array = values.iter().map(|value| value.map(i128::from)).collect();
    Arc::new(values.with_precision_and_scale(10, 0).unwrap())
}

/// Two columns, null where one would be.
fn structs(values: &[Option<u8>]) -> ArrayRef {
    let columns =
        vec![texts(values), Arc::new(values.iter().map(|value| value.map(i64::from)).collect::<Int64Array>())];
    let fields = vec![Field::new("a", DataType::Utf8View, true), Field::new("b", DataType::Int64, true)];
    let nulls = values.iter().map(Option::is_some).collect::<Vec<bool>>();
    Arc::new(StructArray::new(fields.into(), columns, Some(nulls.into())))
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let taken = prop_oneof![8 => Just(Some(true)), 1 => Just(Some(false)), 1 => Just(None)];
    let plain =
        (0..30_u8, proptest::option::weighted(0.9, 0..20_u8)).prop_map(|(group, value)| (group, value, Some(true)));
    let filtered = (0..30_u8, proptest::option::weighted(0.9, 0..20_u8), taken);
    prop_oneof![proptest::collection::vec(plain, 0..40), proptest::collection::vec(filtered, 0..40)]
}

fn threads() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let step = prop_oneof![
        4 => rows().prop_map(Step::Update),
        1 => rows().prop_map(Step::Convert),
        2 => (1..40_usize).prop_map(Step::Emit),
    ];
    proptest::collection::vec(proptest::collection::vec(step, 0..12), 1..4)
}

fn check(
    function: &Arc<AggregateUDF>,
    array: fn(&[Option<u8>]) -> ArrayRef,
    threads: &[Vec<Step>],
    answer: fn(&BTreeSet<u8>) -> Option<i128>,
) {
    let new = || accumulator(Arc::clone(function), array(&[]).data_type());
    for spills in [false, true] {
        let states: States = threads.iter().flat_map(|steps| partial(new(), steps, array)).collect();
        assert_eq!(merged(new(), states, 3, spills), expected(threads, answer));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn counts_are_those_of_sets(threads in threads()) {
        let count_udaf = native::count::count_udaf();
        check(&count_udaf, texts, &threads, count);
        check(&count_udaf, decimals, &threads, count);
        check(&count_udaf, structs, &threads, count);
    }

    #[test]
    fn sums_are_those_of_sets(threads in threads()) {
        check(&native::sum::sum_udaf(), decimals, &threads, sum);
    }
}

#[test]
fn many_pairs_of_few_are_bits_and_few_pairs_of_many_are_not() {
    let (mut many, mut few) = (Seen::default(), Seen::default());
    let mut expected = BTreeSet::new();
    for step in 0..200_000_u32 {
        // Both numbers grow while pairs come.
        let (group, number) = ((step * 7 % (step / 500 + 1)) as usize, step * 31 % (step / 900 + 1));
        many.make_room(group + 1, number as usize + 1);
        assert_eq!(many.insert(group, number), expected.insert((group, number)), "{step}");
        few.make_room(step as usize + 1, 3000);
        assert!(few.insert(step as usize, number));
        assert!(!few.insert(step as usize, number));
    }
    assert!(matches!(many, Seen::Bits(_)) && many.size() < 200_000, "{}", many.size());
    assert!(matches!(few, Seen::Hashed { .. }) && few.size() < 10_000_000, "{}", few.size());
    assert_eq!(many.len(), expected.len());
    assert_eq!(many.pairs().collect::<BTreeSet<_>>(), expected);
    let (numbers, lengths) = many.lists(10);
    let first: Vec<(usize, u32)> = expected.iter().copied().filter(|(group, _)| *group < 10).collect();
    assert_eq!(numbers, first.iter().map(|(_, number)| *number).collect::<Vec<_>>());
    assert_eq!(lengths.iter().sum::<usize>(), first.len());
    assert_eq!(few.pairs().count(), 200_000);
}

#[test]
fn values_leave_with_their_groups() {
    let mut table = accumulator(native::count::count_udaf(), &DataType::Utf8View);
    let mut largest = 0;
    for batch in 0..200_u32 {
        let values: ArrayRef =
            Arc::new((0..1000).map(|row| Some(format!("value {batch} of row {row}"))).collect::<StringViewArray>());
        // One group from the batch before, whose end could not be known, and one more.
        let first = usize::from(batch > 0);
        table.update_batch(&[values], &vec![first; 1000], None, first + 1).unwrap();
        largest = largest.max(table.size());
        if batch > 0 {
            assert_eq!(*table.evaluate(EmitTo::First(1)).unwrap(), Int64Array::from(vec![1000]));
        }
    }
    assert!(largest < 10_000_000, "{largest}");
}

#[test]
fn all_that_is_no_number_is_one_value() {
    let mut table = accumulator(native::count::count_udaf(), &DataType::Float64);
    let values = Float64Array::from(vec![f64::NAN, -f64::NAN, 0.0, -0.0, 1.0]);
    table.update_batch(&[Arc::new(values)], &[0; 5], None, 1).unwrap();
    assert_eq!(*table.evaluate(EmitTo::All).unwrap(), Int64Array::from(vec![3]));
}

#[test]
fn a_part_of_a_list_is_merged_alone() {
    let count_udaf = native::count::count_udaf();
    let states: Vec<ArrayRef> = [[1, 2], [3, 3]]
        .map(|values| {
            let mut table = accumulator(Arc::clone(&count_udaf), &DataType::Utf8View);
            table.update_batch(&[texts(&values.map(Some))], &[0, 1], None, 2).unwrap();
            table.state(EmitTo::All).unwrap().remove(0)
        })
        .into();
    let all = concat(&states.iter().map(AsRef::as_ref).collect::<Vec<&dyn Array>>()).unwrap();
    let mut table = accumulator(count_udaf, &DataType::Utf8View);
    table.merge_batch(&[all.slice(1, 2)], &[0, 0], 1).unwrap();
    assert_eq!(*table.evaluate(EmitTo::All).unwrap(), Int64Array::from(vec![2]));
}
