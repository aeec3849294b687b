//! `headwater tables`.

use headwater_ops::tables;

use super::{Outcome, show};
use crate::cli::{ListArgs, TableArgs};
use crate::console::Console;
use crate::render::lake as render;
use crate::world::World;

pub(super) async fn list(console: &Console, world: &World, args: &ListArgs) -> Outcome {
    let list = tables::list(&world.context(&args.project, None)?).await?;
    show(console, &list, |list| render::list(list, console.out))
}

pub(super) async fn show_table(console: &Console, world: &World, args: &TableArgs) -> Outcome {
    let details = tables::show(&world.context(&args.project, None)?, &args.name).await?;
    show(console, &details, |details| render::details(details, console.out))
}

pub(super) async fn history(console: &Console, world: &World, args: &TableArgs) -> Outcome {
    let history = tables::history(&world.context(&args.project, None)?, &args.name).await?;
    show(console, &history, |history| render::history(history, console.out))
}
