//! `headwater doctor`, and the hidden `execute-step`, which a job of Spark calls.

use headwater_ops::doctor::{self as ops, Outcome as Found};
use headwater_ops::execute_step::{self as step, StepOptions};
use headwater_plan::Diagnostic;

use super::{Outcome, show};
use crate::cli::{CheckArgs, ExecuteStepArgs};
use crate::console::Console;
use crate::interrupt;
use crate::render::doctor as render;
use crate::world::World;

pub(super) async fn doctor(console: &Console, world: &World, args: &CheckArgs) -> Outcome {
    let report = ops::doctor(&world.context(&args.project, None)?).await?;
    show(console, &report, |report| render::render(report, console.out))?;
    let told: Vec<Diagnostic> = report
        .checks
        .iter()
        .filter_map(|check| match &check.outcome {
            Found::Sound(_) => None,
            Found::Warning(told) | Found::Problem(told) => Some((**told).clone()),
        })
        .collect();
    if !told.is_empty() {
        console.say("\n");
        console.tell(&told);
    }
    Ok(u8::from(report.has_problems()))
}

pub(super) async fn execute_step(world: &World, args: &ExecuteStepArgs) -> Outcome {
    let context = world.context(&args.project, None)?;
    let options =
        StepOptions { bundle: world.path(&args.bundle), node: args.node.clone(), answer: world.path(&args.answer) };
    let executing = step::execute_step(&context, &options);
    let is_done = interrupt::cancelling(&context.cancel, || {}, executing).await?;
    Ok(u8::from(!is_done))
}
