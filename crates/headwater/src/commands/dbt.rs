//! `headwater compile`, `show`, `list`, `lineage`, `diff`, `docs`, `deps`, `clean`, and dbt's verbs that are refused.

use headwater_ops::deps::DepsOptions;
use headwater_ops::docs::serve;
use headwater_ops::{Choice, lineage as lineage_op, list as list_op, show as show_op};
use headwater_ops::{clean as clean_op, compile as compile_op, deps as deps_op, diff as diff_op, docs as docs_op};
use headwater_plan::{Cancel, Code, Diagnostic};

use super::run::{choice, with_state};
use super::{Outcome, query, show, warn};
use crate::cli::{
    CompileArgs, DepsArgs, DiffArgs, DocsGenerateArgs, DocsServeArgs, LineageArgs, LineageFormat, ListArgs,
    LoweredEngine, NodeForm, NodesArgs, RefusedArgs, ShowArgs,
};
use crate::console::Console;
use crate::interrupt;
use crate::render::dbt as render;
use crate::world::World;

pub(super) async fn compile(console: &Console, world: &World, args: CompileArgs) -> Outcome {
    let context = world.context(&args.project, None)?;
    let choice = Choice { full_refresh: args.full_refresh, ..with_state(choice(args.selection), &args.state, world) };
    if args.engine == Some(LoweredEngine::Spark) {
        let report = compile_op::bundle(&context, &choice).await?;
        warn(console, &report.warnings);
        return show(console, &report.bundle, |bundle| format!("{}\n", bundle.readable().trim_end()));
    }
    let report = match &args.inline {
        Some(sql) => compile_op::inline(&context, &choice, sql).await?,
        None => compile_op::compile(&context, &choice).await?,
    };
    warn(console, &report.warnings);
    show(console, &report, |report| render::compiled(report, console.out))
}

pub(super) async fn show_rows(console: &Console, world: &World, args: ShowArgs) -> Outcome {
    let context = world.context(&args.project, None)?;
    let choice = with_state(choice(args.selection), &args.state, world);
    let rows = show_op::show(&context, &choice, args.inline.as_deref(), args.limit).await?;
    query::write(console, rows, args.format).await
}

pub(super) async fn list(console: &Console, world: &World, args: NodesArgs) -> Outcome {
    let context = world.context(&args.project, None)?;
    let choice = with_state(choice(args.selection), &args.state, world);
    let listing = list_op::list(&context, &choice).await?;
    warn(console, &listing.warnings);
    show(console, &listing, |listing| {
        let line = |node: &list_op::Listed| match args.output {
            NodeForm::Selector => node.selector.clone(),
            NodeForm::Name => node.name.clone(),
            NodeForm::Path => node.path.clone(),
            NodeForm::Json => serde_json::Value::Object(node.keys(&args.output_keys)).to_string(),
        };
        listing.nodes.iter().map(|node| line(node) + "\n").collect()
    })
}

pub(super) async fn lineage(console: &Console, world: &World, args: LineageArgs) -> Outcome {
    let context = world.context(&args.project, None)?;
    if args.format == LineageFormat::Openlineage {
        let events = lineage_op::openlineage(&context).await?;
        console.data(&events.iter().map(|event| format!("{event}\n")).collect::<String>())?;
        return Ok(0);
    }
    match &args.column {
        Some(column) => {
            let trace = lineage_op::trace(&context, column, args.downstream).await?;
            show(console, &trace, |trace| render::trace(trace, console.out))
        }
        None => {
            let report = lineage_op::lineage(&context, &choice(args.selection)).await?;
            warn(console, &report.warnings);
            show(console, &report, |report| render::lineage(report, console.out))
        }
    }
}

pub(super) async fn diff(console: &Console, world: &World, args: &DiffArgs) -> Outcome {
    let report = diff_op::diff(&world.context(&args.project, None)?, &args.base).await?;
    warn(console, &report.warnings);
    show(console, &report, |report| render::diff(report, console.out))
}

pub(super) async fn docs_generate(console: &Console, world: &World, args: DocsGenerateArgs) -> Outcome {
    let context = world.context(&args.project, None)?;
    let report = docs_op::generate(&context, &choice(args.selection), args.samples).await?;
    warn(console, &report.warnings);
    show(console, &report, |report| render::documented(report, &world.folder, console.out))
}

pub(super) async fn docs_serve(console: &Console, world: &World, args: &DocsServeArgs) -> Outcome {
    let context = world.context(&args.project, None)?;
    let server = serve::listen(&context, &args.host, args.port).await?;
    console.data(&format!("{}\n", server.address))?;
    console.say("press Ctrl-C to stop\n");
    let stop = Cancel::default();
    interrupt::cancelling(&stop, || {}, server.run(&stop)).await;
    Ok(0)
}

pub(super) async fn deps(console: &Console, world: &World, args: DepsArgs) -> Outcome {
    let context = world.context(&args.project, None)?;
    let options = DepsOptions { upgrade: args.upgrade, lock_only: args.lock, add: args.add_package };
    let report = deps_op::deps(&context, &options).await?;
    warn(console, &report.warnings);
    show(console, &report, |report| render::packages(report, &world.folder, console.out))
}

pub(super) fn clean(console: &Console, world: &World, args: &ListArgs) -> Outcome {
    let report = clean_op::clean(&world.context(&args.project, None)?)?;
    show(console, &report, |report| render::cleaned(report, console.out))
}

/// dbt's verbs that Headwater does not have, each with what to do in its place.
pub(super) fn refused(verb: &str, args: &RefusedArgs) -> Outcome {
    let (verb, help) = match (verb, args.rest.first().map(String::as_str)) {
        ("source", Some("freshness") | None) => {
            ("source freshness", "`headwater sources` says what of each source has arrived, is loaded and waits")
        }
        ("source", Some(_)) => ("source", "`headwater sources` tells of the sources"),
        ("run-operation", _) => {
            ("run-operation", "put the statement into a hook: `on-run-start`, `pre_hook` or `post_hook`")
        }
        ("retry", _) => ("retry", "`headwater run` goes on where the last run stopped: what is built stays built"),
        (other, _) => (other, "tables of one lake are read in place: `--defer --state DIR`"),
    };
    Err(Diagnostic::error(Code::Unsupported, format!("`headwater {verb}` is not supported")).help(help).into())
}
