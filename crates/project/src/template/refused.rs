//! What dbt has and templates here may not use, refused by name; and the names that are there.

use std::sync::Arc;

use headwater_plan::{Code, Diagnostic};
use minijinja::value::{Object, ObjectRepr, Value};
use minijinja::{Error, State};

use super::error::refuse;

/// The names that a template may use, for 'did you mean'.
pub(super) const GIVEN: &[&str] = &[
    "ref",
    "source",
    "var",
    "env_var",
    "config",
    "log",
    "print",
    "this",
    "target",
    "exceptions",
    "range",
    "namespace",
    "dict",
    "adapter",
    "api",
    "execute",
    "graph",
    "model",
    "modules",
    "flags",
    "return",
    "run_query",
    "statement",
    "load_result",
    "is_incremental",
    "fromjson",
    "tojson",
    "fromyaml",
    "toyaml",
    "set",
    "zip",
    "local_md5",
    "run_started_at",
    "invocation_id",
    "project_name",
    "dbt_version",
    "selected_resources",
];

pub(super) fn not_in_yaml(key: &str) -> Diagnostic {
    Diagnostic::error(Code::InvalidTemplate, format!("`{key}` has no meaning in a YAML string"))
        .help("`var`, `env_var` and `target` are there")
}

/// A function of dbt's that is refused: calling it says so.
#[derive(Debug)]
pub(super) struct Refused(pub(super) Diagnostic);

impl Object for Refused {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, _args: &[Value]) -> Result<Value, Error> {
        Err(refuse(self.0.clone()))
    }
}

/// The refusal of a name of dbt's that only its materializations need; `None` for a name that dbt has not either.
pub(super) fn refused(name: &str) -> Option<Diagnostic> {
    let help = match name {
        "create_table_as"
        | "create_view_as"
        | "get_create_table_as_sql"
        | "get_create_view_as_sql"
        | "drop_relation_if_exists"
        | "truncate_relation"
        | "rename_relation"
        | "make_temp_relation"
        | "make_intermediate_relation"
        | "make_backup_relation"
        | "get_merge_sql"
        | "get_delete_insert_merge_sql"
        | "get_insert_overwrite_merge_sql"
        | "get_incremental_append_sql"
        | "get_incremental_merge_sql"
        | "create_schema"
        | "drop_schema"
        | "alter_column_type"
        | "alter_relation_add_remove_columns"
        | "create_indexes"
        | "apply_grants"
        | "persist_docs"
        | "run_hooks"
        | "incremental_validate_on_schema_change"
        | "process_schema_changes"
        | "snapshot_merge_sql"
        | "load_csv_rows"
        | "create_csv_table"
        | "reset_csv_table"
        | "create_or_replace_view"
        | "handle_existing_table"
        | "drop_relation" => {
            "headwater builds tables itself: set `materialized`, and use hooks for statements of your own"
        }
        "submit_python_job" | "pre_hooks" | "post_hooks" | "sql" | "compiled_code" | "write" | "render"
        | "create_test_schema" | "cli_args" => "it has a meaning in a materialization only",
        _ => return None,
    };
    let message = format!("`{name}` of dbt's Jinja is not supported in a template");
    Some(Diagnostic::error(Code::Unsupported, message).help(help))
}
