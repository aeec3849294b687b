//! `headwater tables optimize|vacuum|restore`.

use headwater_ops::maintain::{self, RestoreTo};
use headwater_plan::{Code, Diagnostic};

use super::{Outcome, show};
use crate::cli::{OptimizeArgs, RestoreArgs, VacuumArgs};
use crate::console::Console;
use crate::render::maintain as render;
use crate::world::World;

pub(super) async fn optimize(console: &Console, world: &World, args: &OptimizeArgs) -> Outcome {
    let done = maintain::optimize(&world.context(&args.project, None)?, &args.names, args.dry_run).await?;
    show(console, &done, |done| render::optimized(done, console.out))
}

pub(super) async fn vacuum(console: &Console, world: &World, args: &VacuumArgs) -> Outcome {
    let context = world.context(&args.project, None)?;
    let done = maintain::vacuum(&context, &args.names, args.retain, args.dry_run).await?;
    show(console, &done, |done| render::vacuumed(done, console.out))
}

pub(super) async fn restore(console: &Console, world: &World, args: &RestoreArgs) -> Outcome {
    let to = args.to_version.map(RestoreTo::Version).or(args.to_timestamp.map(RestoreTo::Timestamp));
    // The command line asks for one of the two.
    let to = to.ok_or_else(|| Diagnostic::error(Code::InvalidArgument, "to which version is not said"))?;
    let done = maintain::restore(&world.context(&args.project, None)?, &args.name, to, args.dry_run).await?;
    show(console, &done, |done| render::restored(done, console.out))
}
