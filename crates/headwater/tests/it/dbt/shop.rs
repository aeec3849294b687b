//! A classic shop in dbt's conventions, without a `headwater.yml`.

use crate::project::Project;

const FILES: &[(&str, &str)] = &[
    (
        "dbt_project.yml",
        "\
name: jaffle
version: '1.0'
config-version: 2
profile: jaffle
model-paths: [models]
models:
  jaffle:
    staging:
      +materialized: view
      +tags: [staging]
    marts:
      +materialized: table
      +meta: { owner: ada }
seeds:
  jaffle:
    +schema: raw
",
    ),
    ("seeds/raw_customers.csv", "id,first_name,last_name\n1,Ada,L\n2,Bo,M\n3,Cy,N\n"),
    (
        "seeds/raw_orders.csv",
        "id,user_id,order_date,status,amount\n1,1,2024-01-01,returned,1000\n2,3,2024-01-02,completed,2000\n3,1,2024-01-04,completed,100\n4,2,2024-01-05,placed,50\n",
    ),
    (
        "macros/cents.sql",
        "{% macro cents_to_euros(column, scale=2) -%}\n  cast({{ column }} / 100 as decimal(16, {{ scale }}))\n{%- endmacro %}\n",
    ),
    (
        "models/staging/stg_customers.sql",
        "select id as customer_id, first_name, last_name from {{ ref('raw_customers') }}\n",
    ),
    (
        "models/staging/stg_orders.sql",
        "select id as order_id, user_id as customer_id, order_date, status, {{ cents_to_euros('amount') }} as amount\nfrom {{ ref('raw_orders') }}\n",
    ),
    (
        "models/staging/schema.yml",
        "\
models:
  - name: stg_customers
    columns:
      - { name: customer_id, data_tests: [unique, not_null] }
  - name: stg_orders
    description: Orders, one a row.
    columns:
      - { name: order_id, data_tests: [unique, not_null] }
      - name: status
        data_tests:
          - accepted_values: { values: [placed, completed, returned] }
",
    ),
    (
        "models/marts/customers.sql",
        "\
with orders as (
    select customer_id, min(order_date) as first_order, count(*) as number_of_orders, sum(amount) as total
    from {{ ref('stg_orders') }} where status <> 'returned' group by customer_id
),
final as (
    select c.customer_id, c.first_name, o.first_order, coalesce(o.number_of_orders, 0) as number_of_orders, o.total
    from {{ ref('stg_customers') }} c left join orders o on o.customer_id = c.customer_id
)
select * from final
",
    ),
    (
        "models/marts/top_customers.sql",
        "select first_name, total from {{ ref('customers') }} where number_of_orders > 0\n",
    ),
    (
        "models/marts/marts.yml",
        "\
models:
  - name: customers
    description: '{{ doc(\"customers\") }}'
    columns:
      - { name: customer_id, description: The `id` of a customer., data_tests: [unique, not_null] }
unit_tests:
  - name: returned_orders_do_not_count
    model: customers
    given:
      - input: ref('stg_customers')
        rows: [{ customer_id: 1, first_name: A }]
      - input: ref('stg_orders')
        rows:
          - { order_id: 1, customer_id: 1, status: returned, amount: 5 }
          - { order_id: 2, customer_id: 1, status: placed, amount: 7 }
    expect:
      rows: [{ customer_id: 1, number_of_orders: 1, total: 7 }]
exposures:
  - name: weekly_report
    type: dashboard
    owner: { name: Ada, email: ada@example.com }
    depends_on: [ref('top_customers')]
",
    ),
    ("models/docs.md", "{% docs customers %}\nCustomers, with what <they> ordered.\n{% enddocs %}\n"),
    ("tests/totals_are_not_negative.sql", "select * from {{ ref('customers') }} where total < 0\n"),
];

/// The shop.
pub(super) fn shop() -> Project {
    Project::with(FILES)
}

/// The shop, built.
pub(super) fn built() -> Project {
    let project = shop();
    project.output(&["build"]);
    project
}
