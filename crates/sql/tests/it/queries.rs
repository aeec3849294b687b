//! Whole queries: their columns, what they read, and that checking and execution agree.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Decimal128Array, Int32Array, RecordBatch, StringArray, StringViewArray, StructArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::util::pretty::pretty_format_batches;
use datafusion::datasource::MemTable;
use headwater_sql::{RelationSource, SparkSql};

use crate::tables::{Tables, run, session};

/// The columns of a query, as `name type`.
fn columns(sql: &str) -> Vec<String> {
    let query =
        SparkSql::for_checking().plan(sql, &Tables::rental()).unwrap_or_else(|errors| panic!("{sql}: {errors:?}"));
    query.schema.fields.iter().map(|field| format!("{} {}", field.name, field.data_type)).collect()
}

#[test]
fn columns_keep_the_users_case_and_sparks_types() {
    let sql =
        "select USER_ID, u.Email, Total_Amount as Total from bronze.rentals r join bronze.users u using (user_id)";
    assert_eq!(columns(sql), ["USER_ID string", "Email string", "Total decimal(12,2)"]);
    assert_eq!(columns("select * from silver.NAMED"), ["user_id string", "Email string"]);
    assert_eq!(columns("select EMAIL from silver.named"), ["EMAIL string"]);
    assert_eq!(columns("select * from (select user_id as Id from bronze.users)"), ["Id string"]);
}

#[test]
fn columns_without_an_alias_are_called_as_in_spark() {
    let sql = "select count(*), sum(total_amount), pickup_location + 1, cast(user_id as string), \
               case when true then 1 end, 'abc', -pickup_location from bronze.rentals group by all";
    let names: Vec<String> = columns(sql).iter().map(|column| column.rsplit_once(' ').unwrap().0.to_owned()).collect();
    let expected = [
        "count(1)",
        "sum(total_amount)",
        "(pickup_location + 1)",
        "user_id",
        "CASE WHEN true THEN 1 END",
        "abc",
        "(- pickup_location)",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_query_says_what_it_names_and_not_what_is_behind_a_view() {
    let sql = "with a as (select * from silver.named) select * from a join Bronze.Rentals r on a.user_id = r.user_id \
               where r.user_id in (select user_id from bronze.users)";
    let sql = sql.replace("select * from a", "select a.email from a");
    let query = SparkSql::for_checking().plan(&sql, &Tables::rental()).unwrap();
    let reads: Vec<String> = query.reads.iter().map(ToString::to_string).collect();
    assert_eq!(reads, ["bronze.rentals", "bronze.users", "silver.named"]);
}

#[test]
fn the_gold_tables_of_a_car_rental_are_typed() {
    let hourly = "select hour(rental_start_time) as hour_of_day, count(*) as total_transactions, \
                  sum(total_amount) as total_revenue, round(avg(total_amount), 2) as avg_transaction_amount \
                  from bronze.rentals group by hour(rental_start_time) order by hour_of_day";
    let expected = [
        "hour_of_day int",
        "total_transactions bigint",
        "total_revenue decimal(22,2)",
        "avg_transaction_amount decimal(13,2)",
    ];
    assert_eq!(columns(hourly), expected);
    let durations = "with timed as (select vehicle_id, total_amount, \
                     round((unix_timestamp(rental_end_time) - unix_timestamp(rental_start_time)) / 3600, 2) as hours \
                     from bronze.rentals) \
                     select vehicle_id, max(hours) as longest, round(avg(hours), 2) as mean, \
                     round(percent_rank() over (order by sum(total_amount)) * 100, 2) as percentile \
                     from timed group by vehicle_id";
    let expected = ["vehicle_id string", "longest double", "mean double", "percentile double"];
    assert_eq!(columns(durations), expected);
}

fn providers() -> Tables {
    let schema = Arc::new(Schema::new(vec![
        Field::new("ID", DataType::Int32, true),
        Field::new("Amount", DataType::Decimal128(12, 2), true),
        Field::new("name", DataType::Utf8, true),
    ]));
    let batch = RecordBatch::try_new(
        Arc::clone(&schema),
        vec![
            Arc::new(Int32Array::from(vec![Some(1), Some(2), None])),
            Arc::new(
                Decimal128Array::from(vec![Some(1050), Some(2075), None]).with_precision_and_scale(12, 2).unwrap(),
            ),
            Arc::new(StringArray::from(vec![Some("a"), None, Some("c")])),
        ],
    )
    .unwrap();
    let table = MemTable::try_new(schema, vec![vec![batch]]).unwrap();
    Tables::default().with(("bronze", "mixed"), RelationSource::Provider(Arc::new(table))).with(
        ("silver", "doubled"),
        RelationSource::View { sql: "select Id, amount * 2 as Twice from bronze.MIXED".into() },
    )
}

fn answer(sql: &str) -> String {
    let session = session();
    let query = session.plan(sql, &providers()).unwrap_or_else(|errors| panic!("{sql}: {errors:?}"));
    let batches = run(&session, &query).unwrap();
    pretty_format_batches(&batches).unwrap().to_string()
}

#[test]
fn tables_and_views_are_read() {
    insta::assert_snapshot!(answer(
        "select v.ID, twice, upper(Name) as NAME, row_number() over (order by v.id) as n \
         from silver.doubled v left join bronze.mixed m on v.id = m.id order by v.id nulls last"
    ));
}

#[test]
fn an_unsigned_bigint_is_refused() {
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::UInt64, true)]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(UInt64Array::from(vec![1]))]).unwrap();
    let table = MemTable::try_new(schema, vec![vec![batch]]).unwrap();
    let tables = Tables::default().with(("a", "b"), RelationSource::Provider(Arc::new(table)));
    let errors = session().plan("select * from a.b", &tables).unwrap_err();
    assert!(errors[0].message.contains("UInt64"), "{errors:?}");
}

#[test]
fn a_view_that_reads_itself_is_a_cycle() {
    let view = |sql: &str| RelationSource::View { sql: sql.into() };
    let tables =
        Tables::default().with(("a", "x"), view("select * from a.y")).with(("a", "y"), view("select * from a.x"));
    let errors = SparkSql::for_checking().plan("select * from a.x", &tables).unwrap_err();
    assert_eq!(errors[0].code, headwater_plan::Code::Cycle, "{errors:?}");
}

#[test]
fn a_long_chain_of_terms_does_not_exhaust_the_stack() {
    let terms: Vec<String> = (0..2000).map(|number| format!("pickup_location = {number}")).collect();
    columns(&format!("select user_id from bronze.rentals where {}", terms.join(" or ")));
}

#[test]
fn one_session_plans_on_several_threads() {
    let sql = SparkSql::for_checking();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| sql.plan("select user_id from bronze.users", &Tables::rental()).unwrap().lineage());
        }
    });
}

/// A table whose second column is a struct: `id int, st struct<a: int, b: struct<c: int>>`.
fn nested() -> Tables {
    let inner = StructArray::from(vec![(
        Arc::new(Field::new("c", DataType::Utf8View, true)),
        Arc::new(StringViewArray::from(vec!["7", "8", "7"])) as ArrayRef,
    )]);
    let structs = StructArray::from(vec![
        (
            Arc::new(Field::new("a", DataType::Int32, true)),
            Arc::new(Int32Array::from(vec![Some(2), Some(1), None])) as ArrayRef,
        ),
        (Arc::new(Field::new("b", inner.data_type().clone(), true)), Arc::new(inner) as ArrayRef),
    ]);
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int32, true),
        Field::new("st", structs.data_type().clone(), true),
    ]));
    let ids = Arc::new(Int32Array::from(vec![1, 2, 3]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![ids, Arc::new(structs)]).unwrap();
    let table = MemTable::try_new(schema, vec![vec![batch]]).unwrap();
    Tables::default().with(("main", "t"), RelationSource::Provider(Arc::new(table)))
}

#[test]
fn fields_of_a_tables_structs_are_read_in_every_clause() {
    let shown = |sql: &str| {
        let session = session();
        let query = session.plan(sql, &nested()).unwrap_or_else(|errors| panic!("{sql}: {errors:?}"));
        let batches = run(&session, &query).unwrap_or_else(|error| panic!("{sql}: {error}"));
        format!("{sql}\n{}\n", pretty_format_batches(&batches).unwrap())
    };
    let queries = [
        "select id, st.a from main.t",
        "select id, st.b.c as c, st.a + 1 as more from main.t where st.b.c = '7'",
        "select st.b.c, count(*) as n, sum(st.a) as s from main.t group by st.b.c order by c",
        "select id from main.t order by st.a nulls last, st.b.c",
        "select l.id, r.st.a as a from main.t l join main.t r on l.st.b.c = r.st.b.c and l.id < r.id order by l.id",
        "select id, row_number() over (partition by st.b.c order by st.a) as n from main.t order by id",
        "select id from (select id, st from main.t order by id limit 2) where st.a is not null order by st.a",
        "select distinct st.b.c as c from main.t order by c",
        "select id from main.t where st.a in (select st.a from main.t where st.b.c = '8')",
    ];
    insta::assert_snapshot!(queries.map(shown).concat());
}
