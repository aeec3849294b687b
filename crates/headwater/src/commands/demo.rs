//! `headwater demo`: the car-rental project, run and asked.

use std::path::Path;
use std::sync::Arc;

use futures::StreamExt;
use headwater_ops::Choice;
use headwater_ops::demo::{self as ops, Demo, QUESTIONS, Question};
use headwater_ops::run::Verb;
use headwater_ops::{Context, query};

use super::Outcome;
use super::run::{Run, close, watched};
use crate::cli::DemoArgs;
use crate::console::{Console, Failure};
use crate::render::number::{bytes, count};
use crate::render::{chart, project, rows};
use crate::world::World;
use crate::{interrupt, progress};

pub(super) async fn demo(console: &Console, world: &World, args: DemoArgs) -> Outcome {
    let dir = world.path(&args.dir);
    let outside = world.bare_context(dir.clone());
    let (bar, told) = progress::generating(*console);
    let say = || bar.suspend(|| console.say("\nstopping\n"));
    let demo = interrupt::cancelling(&outside.cancel, say, ops::prepare(&outside, &dir, Arc::new(told))).await;
    bar.finish_and_clear();
    let demo = demo?;
    if !console.is_json() {
        console.data(&prepared(console, world, &demo))?;
    }
    let run = Run { verb: Verb::Run, choice: Choice::default(), command: "run".to_owned(), events: None };
    let outcome = watched(console, &outside, run).await?;
    let code = close(console, &outcome)?;
    if code != 0 || console.is_json() {
        return Ok(code);
    }
    for question in &QUESTIONS {
        interrupt::dropping(ask(console, &outside, question)).await?;
    }
    console.say(&format!("\n{}", next(console, world, &demo.dir)));
    Ok(0)
}

fn prepared(console: &Console, world: &World, demo: &Demo) -> String {
    let style = console.out;
    let folder = project::shown(&demo.dir, &world.folder);
    let mark = style.green("✓");
    let mut text = if demo.created {
        format!("{mark} made the project {} ({} files)\n", style.bold(&folder), demo.files)
    } else {
        format!("{mark} found the project {} of an earlier demo\n", style.bold(&folder))
    };
    if let Some(report) = &demo.generated {
        let total = bytes(report.files.iter().map(|file| file.bytes).sum());
        text += &format!("{mark} generated its source files ({total})\n");
        for file in &report.files {
            let name = file.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            text += &format!("{}\n", style.dim(format_args!("    {:>10} rows  {name}", count(file.rows))));
        }
    }
    text + "\n"
}

async fn ask(console: &Console, context: &Context, question: &Question) -> Result<(), Failure> {
    let style = console.out;
    let mut answer = query::query(context, question.sql).await?;
    let mut batches = Vec::new();
    while let Some(batch) = answer.stream.next().await {
        batches.push(batch?);
    }
    let title = format!("\n{}\n\n", style.bold(question.title));
    let position = |name: &str| answer.schema.fields.iter().position(|field| field.name == name);
    let columns = question.bars.and_then(|(x, y)| Some((position(x)?, position(y)?)));
    let text = match (question.bars, columns) {
        (Some((x, y)), Some(columns)) => chart::bars(&format!("{y} by {x}"), &rows::bars(&batches, columns), style),
        _ => rows::table(&answer.schema, &batches).render(style).0,
    };
    console.data(&(title + &text))?;
    Ok(())
}

fn next(console: &Console, world: &World, dir: &Path) -> String {
    let enter = format!("cd {}", project::shown(dir, &world.folder));
    let alias = world.alias();
    let mut steps = vec![
        (enter.as_str(), ""),
        ("headwater run", "nothing is new, so nothing is done"),
        ("headwater query 'SELECT * FROM gold.daily_metrics'", ""),
        ("headwater tables", "what the lake holds"),
        ("headwater runs show", "the report, node by node"),
        ("headwater run --vars '{incoming: /your/folder}'", "your own files"),
    ];
    if let Some(alias) = &alias {
        steps.insert(0, (alias, ""));
    }
    project::next(&steps, console.err)
}
