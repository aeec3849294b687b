//! How long the checking of a small model takes: `cargo run --release -p headwater-sql --example check_speed`.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a measurement for the terminal")]

use std::collections::BTreeMap;
use std::time::Instant;

use headwater_plan::{DataType, Field, Schema, TableName};
use headwater_sql::{RelationSource, Relations, SparkSql};

struct Tables(BTreeMap<TableName, Schema>);

impl Relations for Tables {
    fn relation(&self, name: &TableName) -> Option<RelationSource> {
        self.0.get(name).cloned().map(RelationSource::Schema)
    }

    fn names(&self) -> Vec<TableName> {
        self.0.keys().cloned().collect()
    }
}

const MODELS: &[(&str, &str)] = &[
    (
        "select of ten columns",
        "select id, name, email, city, amount, created_at, updated_at, status, kind, note from silver.a",
    ),
    (
        "staging model",
        "with source as (select * from silver.a), renamed as (select id as customer_id, upper(name) as name, \
         cast(amount as decimal(10,2)) as amount, coalesce(status, 'none') as status, \
         date_trunc('day', created_at) as day from source where id is not null) select * from renamed",
    ),
    (
        "join with a group",
        "with orders as (select * from silver.a), items as (select * from silver.b) \
         select o.id, o.city, count(*) as n, sum(i.amount) as total, max(i.created_at) as latest \
         from orders o left join items i on o.id = i.id where o.kind = 'x' group by o.id, o.city",
    ),
];

fn main() {
    let columns = ["id", "name", "email", "city", "amount", "created_at", "updated_at", "status", "kind", "note"];
    let types = [
        "bigint",
        "string",
        "string",
        "string",
        "decimal(12,2)",
        "timestamp",
        "timestamp",
        "string",
        "string",
        "string",
    ];
    let fields = columns
        .iter()
        .zip(types)
        .map(|(name, data_type)| Field::new(*name, DataType::parse(data_type).expect("a type")));
    let schema = Schema::new(fields.collect());
    let names = ["a", "b"].map(|name| TableName::new("silver", name));
    let tables = Tables(names.into_iter().map(|name| (name, schema.clone())).collect());
    let sql = SparkSql::for_checking();
    let measure = || {
        for (name, model) in MODELS {
            let count = 5000_u32;
            sql.plan(model, &tables).expect("a right model");
            let start = Instant::now();
            for _ in 0..count {
                sql.plan(model, &tables).expect("a right model");
            }
            let planned = start.elapsed() / count;
            let query = sql.plan(model, &tables).expect("a right model");
            let start = Instant::now();
            for _ in 0..count {
                std::hint::black_box(query.lineage());
            }
            println!("{name}: {planned:?} to plan, {:?} for its lineage", start.elapsed() / count);
        }
    };
    println!("on the main thread:");
    measure();
    println!("on a thread with a large stack:");
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(headwater_sql::STACK).spawn_scoped(scope, measure);
        thread.expect("a thread").join().expect("a measurement");
    });
}
