//! `headwater quarantine`.

use headwater_ops::quarantine;

use super::{Outcome, show};
use crate::cli::{ListArgs, QuarantineArg, QuarantineDropArgs, QuarantineShowArgs};
use crate::console::Console;
use crate::interrupt;
use crate::render::quarantine as render;
use crate::world::World;

pub(super) async fn list(console: &Console, world: &World, args: &ListArgs) -> Outcome {
    let list = quarantine::list(&world.context(&args.project, None)?).await?;
    show(console, &list, |list| render::list(list, console.out))
}

pub(super) async fn show_rows(console: &Console, world: &World, args: &QuarantineShowArgs) -> Outcome {
    let rows = quarantine::show(&world.context(&args.project, None)?, &args.name, args.limit).await?;
    show(console, &rows, |rows| render::rows(rows, console.out))
}

pub(super) async fn replay(console: &Console, world: &World, args: &QuarantineArg) -> Outcome {
    let context = world.context(&args.project, None)?;
    let told = || console.say("stopping: press Ctrl-C again to stop at once\n");
    let done = interrupt::cancelling(&context.cancel, told, quarantine::replay(&context, &args.name)).await?;
    show(console, &done, |done| render::replayed(done, console.out))
}

pub(super) async fn drop_rows(console: &Console, world: &World, args: &QuarantineDropArgs) -> Outcome {
    let context = world.context(&args.project, None)?;
    let told = || console.say("stopping: press Ctrl-C again to stop at once\n");
    let dropping = quarantine::drop(&context, &args.name, args.file.as_deref());
    let done = interrupt::cancelling(&context.cancel, told, dropping).await?;
    show(console, &done, |done| render::dropped(done, console.out))
}
