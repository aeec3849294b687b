//! `headwater sources`.

use headwater_ops::sources;

use super::{Outcome, show};
use crate::cli::{ForgetArgs, ListArgs, ReloadArgs, SourceShowArgs};
use crate::console::Console;
use crate::render::sources as render;
use crate::world::World;

pub(super) async fn list(console: &Console, world: &World, args: &ListArgs) -> Outcome {
    let list = sources::list(&world.context(&args.project, None)?).await?;
    show(console, &list, |list| render::list(list, console.out))?;
    // A source that cannot be loaded now is no reason not to see the others.
    let problems: Vec<_> = list.sources.iter().filter_map(|source| source.state.problem.clone()).collect();
    console.tell(&problems);
    Ok(0)
}

pub(super) async fn show_source(console: &Console, world: &World, args: &SourceShowArgs) -> Outcome {
    let details = sources::show(&world.context(&args.project, None)?, &args.name).await?;
    show(console, &details, |details| render::details(details, args.limit, console.out))?;
    console.tell(details.history.state.problem.as_slice());
    Ok(0)
}

pub(super) async fn forget(console: &Console, world: &World, args: &ForgetArgs) -> Outcome {
    let done = sources::forget(&world.context(&args.project, None)?, &args.files).await?;
    show(console, &done, |done| render::forgotten(done, console.out))
}

pub(super) async fn reload(console: &Console, world: &World, args: &ReloadArgs) -> Outcome {
    let done = sources::reload(&world.context(&args.project, None)?, &args.name, args.since).await?;
    show(console, &done, |done| render::forgotten(done, console.out))
}
