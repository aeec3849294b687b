//! A lake that goes from the embedded engine to Spark and back: the ledger, incremental models and snapshots are those of
//! a lake that never did.

use super::Spark;
use crate::project::Project;

const TOTALS: &str = "\
{{ config(materialized='incremental', unique_key='country', incremental_strategy='merge') }}
select c.country, count(*) as orders, sum(o.amount) as revenue, max(o.ordered_on) as last_order
from {{ source('shop', 'orders') }} o
join {{ source('shop', 'customers') }} c on c.customer_id = o.customer_id
{% if is_incremental() %}
where c.country in (
  select c2.country from {{ source('shop', 'orders') }} o2
  join {{ source('shop', 'customers') }} c2 on c2.customer_id = o2.customer_id
  where o2.ordered_on >= (select max(last_order) from {{ this }}))
{% endif %}
group by c.country
";

const LINES: &str = "\
{{ config(materialized='incremental', incremental_strategy='append') }}
select order_id, amount from {{ source('shop', 'orders') }}
{% if is_incremental() %}
where order_id > (select max(order_id) from {{ this }})
{% endif %}
";

const HISTORY: &str = "\
{% snapshot best_customers %}
{{ config(schema='gold', unique_key='country', strategy='timestamp', updated_at='last_order') }}
select country, orders, cast(last_order as timestamp) as last_order from {{ ref('totals') }}
{% endsnapshot %}
";

/// Each delivery is a file of orders; those of one country only, so that the others' versions stay.
const DELIVERIES: [&str; 2] =
    ["20,2,2024-03-01,5.00\n21,2,2024-03-02,6.50\n", "30,1,2024-04-01,9.99\n31,3,2024-04-02,1.01\n"];

fn shop() -> Project {
    let project = Project::shop();
    project.write("models/gold/totals.sql", TOTALS);
    project.write("models/gold/lines.sql", LINES);
    project.write("snapshots/best_customers.sql", HISTORY);
    project
}

fn deliver(project: &Project, number: usize) {
    let text = format!("order_id,customer_id,ordered_on,amount\n{}", DELIVERIES[number]);
    project.write(&format!("incoming/orders_{number}.csv"), &text);
}

/// All that the lake says, in order.
fn rows(project: &Project) -> String {
    let queries = [
        "select order_id, customer_id, ordered_on, amount from bronze.orders order by order_id",
        "select * from gold.totals order by country",
        "select order_id, amount from gold.lines order by order_id",
        "select country, orders, last_order, dbt_valid_from, dbt_valid_to from gold.best_customers order by 1, 4",
        "select * from gold.revenue order by country",
    ];
    queries.map(|sql| project.output(&["query", sql, "--format", "csv"])).join("\n")
}

#[test]
fn a_lake_goes_to_spark_and_back() {
    let Some(spark) = Spark::newest("a_lake_goes_to_spark_and_back") else { return };
    let (travelled, stayed) = (shop(), shop());
    spark.environment(&travelled, "./lake");
    for (number, environment) in ["local", "spark", "local"].into_iter().enumerate() {
        if number > 0 {
            deliver(&travelled, number - 1);
            deliver(&stayed, number - 1);
        }
        travelled.output(&["run", "--env", environment]);
        stayed.output(&["run"]);
        assert_eq!(rows(&travelled), rows(&stayed), "after {environment}");
    }
    // Each engine knows what the other built.
    let models = ["--select", "gold.revenue", "gold.lines", "--resource-type", "model"];
    let planned = |environment| travelled.output(&[&["plan", "--env", environment], &models[..]].concat());
    assert!(planned("local").contains("nothing to do"));
    assert_eq!(planned("local"), planned("spark"));
}
