//! `headwater infer`.

use std::path::Path;

use headwater_ops::infer::{InferRequest, infer as ops};

use super::{Outcome, show};
use crate::cli::InferArgs;
use crate::console::Console;
use crate::render::number::counted;
use crate::world::World;

pub(super) async fn infer(console: &Console, world: &World, args: InferArgs) -> Outcome {
    // As the user stands, whichever project is asked for.
    let absolute = |file: &String| match file.contains("://") {
        true => file.clone(),
        false => world.path(Path::new(file)).display().to_string(),
    };
    let request =
        InferRequest { files: args.files.iter().map(absolute).collect(), source: args.source, table: args.table };
    let report = ops(&world.context(&args.project, None)?, &request).await?;
    show(console, &report, |report| report.yaml.clone())?;
    let files = counted(report.sampled_files as u64, "file");
    let looked = match report.sampled_records {
        0 => files,
        records => format!("{} of {files}", counted(records, "record")),
    };
    console.say(&format!("looked at {looked}; keep it as `models/bronze/{}.yml`\n", report.source));
    Ok(0)
}
