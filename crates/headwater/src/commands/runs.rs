//! `headwater runs`.

use headwater_ops::runs;

use super::{Outcome, show};
use crate::cli::{RunArg, RunsListArgs};
use crate::console::Console;
use crate::render::{report, runs as render};
use crate::world::World;

pub(super) fn list(console: &Console, world: &World, args: &RunsListArgs) -> Outcome {
    let list = runs::list(&world.context(&args.project, None)?, args.limit)?;
    show(console, &list, |list| render::list(list, console.out))
}

pub(super) fn show_run(console: &Console, world: &World, args: &RunArg) -> Outcome {
    let run = runs::show(&world.context(&args.project, None)?, &args.id)?;
    show(console, &run, |run| render::show(run, console.out))?;
    console.tell(&report::told(&run));
    Ok(0)
}
