//! What DataFusion says of a query that failed, in words for the user.

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use headwater_plan::{Code, Diagnostic, Fault};

/// The situation in a few words.
pub(super) fn what_failed(error: &DataFusionError) -> String {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => "it needs more memory than it may have".to_owned(),
        DataFusionError::ArrowError(arrow, _) if matches!(**arrow, ArrowError::DivideByZero) => {
            "division by zero".to_owned()
        }
        root => clean(root),
    }
}

pub(super) fn query(source: &DataFusionError, memory_limit: u64) -> Diagnostic {
    let message = what_failed(source);
    let error = Diagnostic::error(Code::ExecutionFailed, &message);
    match source.find_root() {
        DataFusionError::ResourcesExhausted(why) => {
            let mut diagnostic = error.help(format!(
                "queries may hold {} MB together: raise `memory_limit` of the environment, or run fewer nodes at once \
                 with `--threads 1`",
                memory_limit / 1_000_000
            ));
            diagnostic.causes.push(first_line(why));
            diagnostic
        }
        DataFusionError::ArrowError(arrow, _) => match &**arrow {
            ArrowError::DivideByZero => error.help("`try_divide(a, b)` or `a / nullif(b, 0)` gives null instead"),
            ArrowError::CastError(_) | ArrowError::ParseError(_) => {
                error.help("`try_cast(x as type)` gives null instead")
            }
            ArrowError::ArithmeticOverflow(_) => error.help("cast to a wider type before the operation"),
            ArrowError::IoError(_, io) => disk(error, io),
            _ => error,
        },
        DataFusionError::IoError(io) => disk(error, io),
        DataFusionError::ObjectStore(object_store) => {
            Diagnostic::error(Code::LakeUnavailable, message).fault(Fault::Outside).caused_by(object_store.as_ref())
        }
        DataFusionError::Internal(_) => Diagnostic::internal(message),
        _ => error,
    }
}

fn disk(error: Diagnostic, io: &std::io::Error) -> Diagnostic {
    let error = error.fault(Fault::Outside).retryable();
    match io.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            error.help("free some space on the disk, then run again")
        }
        _ => error,
    }
}

/// DataFusion's text without what only its developers need: the names of its layers, the invitation to report.
fn clean(error: &DataFusionError) -> String {
    const LAYERS: &[&str] = &[
        "Arrow error: ",
        "Execution error: ",
        "External error: ",
        "Cast error: ",
        "Parser error: ",
        "Compute error: ",
        "Invalid argument error: ",
        "Arithmetic overflow: ",
        "Internal error: ",
        "Error during planning: ",
        "This feature is not implemented: ",
        "Parquet error: ",
        "IO error: ",
        "Io error: ",
        "Object Store error: ",
        "Optimizer rule ",
    ];
    let text = error.strip_backtrace();
    let mut text = text.split("\nThis issue was likely caused by").next().unwrap_or_default();
    while let Some(rest) = LAYERS.iter().find_map(|layer| text.strip_prefix(layer)) {
        text = rest;
    }
    first_line(text).trim_end_matches('.').to_owned()
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
