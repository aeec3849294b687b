//! `exceptions`: errors and warnings that templates raise.

use std::sync::Arc;

use headwater_plan::{Code, Diagnostic};
use minijinja::value::{Kwargs, Object, ObjectRepr, Rest, Value, from_args};
use minijinja::{Error, State};

use super::ask::Call;
use super::error::{refuse, refuse_caller};
use super::names::Names;

/// `exceptions`
#[derive(Debug)]
pub(super) struct Exceptions(pub(super) Arc<Names>);

impl Object for Exceptions {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let (Rest(given), named): (Rest<Value>, Kwargs) = from_args(args)?;
        let message = given.first().cloned().or(named.get("msg")?);
        let text = message.map(|message| message.to_string()).unwrap_or_default();
        let raised = |code, text: String| Err(refuse_caller(Diagnostic::error(code, text.trim())));
        match method {
            "warn" => {
                self.0.record(Call::Warn(text.trim().to_string()))?;
                Ok(Value::from(""))
            }
            "raise_compiler_error"
            | "raise_database_error"
            | "raise_dependency_error"
            | "raise_fail_fast_error"
            | "raise_parsing_error"
            | "invalid_materialization_argument"
            | "raise_contract_error"
            | "CompilationError"
            | "DbtRuntimeError" => raised(Code::InvalidTemplate, text),
            "raise_not_implemented" => raised(Code::Unsupported, format!("not implemented: {}", text.trim())),
            "missing_config" => {
                let key = given.get(1).map(Value::to_string).unwrap_or_default();
                raised(Code::MissingKey, format!("the setting `{key}` is required and has no value"))
            }
            "missing_relation" => raised(Code::UnknownTable, format!("there is no relation `{text}`")),
            "relation_wrong_type" => {
                let expected = given.get(1).map(Value::to_string).unwrap_or_default();
                raised(Code::InvalidTemplate, format!("expected `{text}` to be a {expected}"))
            }
            "column_type_missing" => raised(Code::InvalidTemplate, format!("columns have no `data_type`: {text}")),
            _ => Err(refuse(
                Diagnostic::error(Code::InvalidTemplate, format!("`exceptions` has no `{method}`"))
                    .help("`exceptions.raise_compiler_error('…')` and `exceptions.warn('…')` are there"),
            )),
        }
    }
}
