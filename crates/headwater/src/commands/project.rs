//! `headwater init`, `check`, `plan`, `generate`.

use std::sync::Arc;

use headwater_ops::sample::SampleOptions;
use headwater_ops::{Choice, check as check_op, init as init_op, plan as plan_op, sample};

use super::run::{choice, with_state};
use super::{Outcome, show, warn};
use crate::cli::{CheckArgs, GenerateArgs, InitArgs, PlanArgs};
use crate::console::Console;
use crate::render::{plan as render_plan, project as render};
use crate::world::World;
use crate::{interrupt, progress};

pub(super) fn init(console: &Console, world: &World, args: &InitArgs) -> Outcome {
    let dir = world.path(&args.dir);
    let report = init_op::init(&dir, &args.template)?;
    show(console, &report, |report| render::made(report, &world.folder, console.out))?;
    if !console.is_json() {
        let enter = format!("cd {}", render::shown(&dir, &world.folder));
        let mut steps = vec![("headwater run", "build the tables"), ("headwater tables", "see them")];
        if report.template == "car-rental" {
            steps.insert(0, ("headwater generate", "make source files, or put your own into incoming/"));
        }
        if dir != world.folder {
            steps.insert(0, (&enter, ""));
        }
        console.say(&format!("\n{}", render::next(&steps, console.err)));
    }
    Ok(0)
}

pub(super) async fn check(console: &Console, world: &World, args: &CheckArgs) -> Outcome {
    let report = check_op::check(&world.context(&args.project, None)?).await?;
    warn(console, &report.warnings);
    show(console, &report, |report| render::checked(report, console.out))
}

pub(super) async fn plan(console: &Console, world: &World, args: PlanArgs) -> Outcome {
    let context = world.context(&args.project, None)?;
    let choice = Choice { full_refresh: args.full_refresh, ..with_state(choice(args.selection), &args.state, world) };
    let report = plan_op::plan(&context, &choice).await?;
    warn(console, &report.warnings);
    show(console, &report, |report| render_plan::render(report, console.out))
}

pub(super) async fn generate(console: &Console, world: &World, args: &GenerateArgs) -> Outcome {
    let context = world.context(&args.project, None)?;
    let options = SampleOptions { rows: args.rows, seed: args.seed, dirty: args.dirty, force: args.force };
    let (bar, told) = progress::generating(*console);
    let say = || bar.suspend(|| console.say("\nstopping\n"));
    let generating = sample::sample(&context, options, Arc::new(told));
    let report = interrupt::cancelling(&context.cancel, say, generating).await;
    bar.finish_and_clear();
    show(console, &report?, |report| render::generated(report, &world.folder, console.out))
}
