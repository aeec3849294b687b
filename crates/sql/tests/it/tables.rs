//! The relations that the tests read, and the execution of a query.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::physical_plan::collect;
use datafusion::prelude::SessionConfig;
use headwater_plan::{DataType, Field, Schema, TableName};
use headwater_sql::{RelationSource, Relations, SparkSql, TypedQuery};

#[derive(Default)]
pub(crate) struct Tables(pub(crate) BTreeMap<TableName, RelationSource>);

impl Relations for Tables {
    fn relation(&self, name: &TableName) -> Option<RelationSource> {
        self.0.get(name).cloned()
    }

    fn names(&self) -> Vec<TableName> {
        self.0.keys().cloned().collect()
    }
}

impl Tables {
    pub(crate) fn with(mut self, name: (&str, &str), source: RelationSource) -> Self {
        self.0.insert(TableName::new(name.0, name.1), source);
        self
    }

    /// The tables of a car rental, as schemas.
    pub(crate) fn rental() -> Self {
        let rentals = schema(&[
            ("rental_id", "string"),
            ("user_id", "string"),
            ("vehicle_id", "string"),
            ("rental_start_time", "timestamp"),
            ("rental_end_time", "timestamp"),
            ("pickup_location", "int"),
            ("total_amount", "decimal(12,2)"),
        ]);
        let users = schema(&[("user_id", "string"), ("first_name", "string"), ("Email", "string")]);
        Self::default()
            .with(("bronze", "rentals"), RelationSource::Schema(rentals))
            .with(("bronze", "users"), RelationSource::Schema(users))
            .with(("silver", "named"), RelationSource::View { sql: "select user_id, Email from bronze.users".into() })
    }
}

pub(crate) fn schema(columns: &[(&str, &str)]) -> Schema {
    let field = |(name, data_type): &(&str, &str)| Field::new(*name, DataType::parse(data_type).unwrap());
    Schema::new(columns.iter().map(field).collect())
}

pub(crate) fn session() -> SparkSql {
    SparkSql::new(SessionConfig::new().with_target_partitions(1), Arc::new(RuntimeEnv::default()))
}

/// Runs a typed query, and checks that its rows have the columns that were promised.
pub(crate) fn run(sql: &SparkSql, query: &TypedQuery) -> Result<Vec<RecordBatch>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let plan = sql.state().create_physical_plan(&query.plan).await.map_err(|error| error.to_string())?;
        let batches = collect(plan, sql.state().task_ctx()).await.map_err(|error| error.to_string())?;
        for batch in &batches {
            let found = headwater_sql::types::from_arrow(&batch.schema()).unwrap();
            let types = |schema: &Schema| {
                schema.fields.iter().map(|field| (field.name.clone(), field.data_type.clone())).collect::<Vec<_>>()
            };
            assert_eq!(types(&found), types(&query.schema));
        }
        Ok(batches)
    })
}
