//! `headwater completions`, and the hidden `headwater schema`.

use clap::CommandFactory;
use headwater_ops::init;
use headwater_plan::Diagnostic;

use super::Outcome;
use crate::cli::{Cli, CompletionsArgs, SchemaArgs};
use crate::console::Console;
use crate::world::World;

pub(super) fn completions(console: &Console, args: &CompletionsArgs) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "headwater", &mut script);
    console.data(&String::from_utf8_lossy(&script))?;
    Ok(0)
}

/// Writes the schemas into a folder, or prints them all as one object by file name.
pub(super) fn schema(console: &Console, world: &World, args: &SchemaArgs) -> Outcome {
    if let Some(folder) = &args.output {
        init::write_schemas(&world.path(folder)).map_err(Diagnostic::from)?;
        return Ok(0);
    }
    let mut all = serde_json::Map::new();
    for (name, text) in init::schemas() {
        let schema = serde_json::from_str(&text)
            .map_err(|error| Diagnostic::internal(format!("the schema `{name}` is not JSON")).caused_by(&error))?;
        all.insert(name.to_owned(), schema);
    }
    console.json(&all)?;
    Ok(0)
}
