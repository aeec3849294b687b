//! A run as it goes: bars for the running nodes on a terminal, a line for each that ended everywhere.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use headwater_ops::generate::GenerateProgress;
use headwater_ops::plan::Action;
use headwater_ops::run::{Beginning, Event, Observer, RunObserver};
use headwater_plan::{NodeId, Progress};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::console::Console;
use crate::render::number::{bytes, count};
use crate::render::report::{self, Lines};

const TICK: Duration = Duration::from_millis(100);
const SPINNER: &str = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ";

/// Shows a run on the console.
pub(crate) struct Watch {
    console: Console,
    bars: MultiProgress,
    /// Whether the passed tests of a table share a line.
    together: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    lines: Option<Lines>,
    running: HashMap<NodeId, ProgressBar>,
    /// The tables of the nodes, for the bars.
    names: HashMap<NodeId, String>,
}

impl Watch {
    pub(crate) fn new(console: Console, together: bool) -> Self {
        Self { bars: bars(console), console, together, state: Mutex::default() }
    }

    /// Says something above the bars.
    pub(crate) fn say(&self, text: &str) {
        self.bars.suspend(|| self.console.say(text));
    }

    /// Takes what is left of the bars away.
    pub(crate) fn clear(&self) {
        for (_, bar) in self.state().running.drain() {
            bar.finish_and_clear();
        }
        let _ = self.bars.clear();
    }

    /// A run goes on when nobody reads its lines any more.
    fn print(&self, text: &str) {
        if !self.console.is_json() {
            self.bars.suspend(|| {
                let mut out = io::stdout().lock();
                let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            });
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin_node(&self, node: &NodeId, name: &str, step: &str) {
        let mut state = self.state();
        let name = state.names.get(node).map_or(name, String::as_str);
        let bar = self.bars.add(ProgressBar::new_spinner().with_style(style("{spinner:.cyan} {prefix}  {msg:.dim}")));
        bar.set_prefix(format!("{step:<6}  {name}"));
        bar.enable_steady_tick(TICK);
        state.running.insert(node.clone(), bar);
    }

    fn progress(&self, node: &NodeId, progress: Progress) {
        let state = self.state();
        let Some(bar) = state.running.get(node) else { return };
        if progress.total_bytes > 0 {
            if bar.length() != Some(progress.total_bytes) {
                bar.set_style(style("{spinner:.cyan} {prefix}  {bar:20.cyan/dim}  {msg:.dim}"));
                bar.set_length(progress.total_bytes);
            }
            bar.set_position(progress.bytes);
            let (done, all) = (bytes(progress.bytes), bytes(progress.total_bytes));
            bar.set_message(format!("{done} of {all}, {} rows", count(progress.rows)));
        } else if progress.rows > 0 {
            bar.set_message(format!("{} rows", count(progress.rows)));
        }
    }
}

impl RunObserver for Watch {
    fn waits(&self, why: &str) {
        self.say(&format!("{why}\n"));
    }

    fn begins(&self, beginning: &Beginning) {
        let to_run = beginning.nodes.iter().filter(|node| node.decision.action != Action::UpToDate);
        let lines = Lines::new(to_run, self.together, self.console.out);
        self.print(&(report::opening(beginning, self.console.out) + &lines.heading()));
        let mut state = self.state();
        state.lines = Some(lines);
        for node in &beginning.nodes {
            if let Some(relation) = &node.relation {
                state.names.insert(node.decision.node.clone(), relation.to_string());
            }
        }
    }
}

impl Observer for Watch {
    fn event(&self, event: &Event) {
        match event {
            Event::RunStarted { .. } | Event::RunFinished { .. } => {}
            Event::NodeStarted { node, name, step, .. } => self.begin_node(node, name, step),
            Event::NodeProgress { node, progress } => self.progress(node, *progress),
            Event::NodeFinished { report } => {
                let (bar, line) = {
                    let mut state = self.state();
                    (state.running.remove(&report.id), state.lines.as_mut().and_then(|lines| lines.line(report)))
                };
                if let Some(bar) = bar {
                    bar.finish_and_clear();
                    self.bars.remove(&bar);
                }
                if let Some(line) = line {
                    self.print(&line);
                }
            }
        }
    }
}

/// A bar for files that are generated, one table after another.
pub(crate) fn generating(console: Console) -> (ProgressBar, impl Fn(&GenerateProgress<'_>) + Send + Sync + 'static) {
    let bar = bars(console)
        .add(ProgressBar::new(0).with_style(style("{spinner:.cyan} {prefix}  {bar:20.cyan/dim}  {msg:.dim}")));
    let told = bar.clone();
    let show = move |progress: &GenerateProgress<'_>| {
        told.set_length(progress.total_rows);
        told.set_position(progress.rows);
        told.set_prefix(format!("generating {}", progress.table));
        told.set_message(format!("{} rows, {}", count(progress.rows), bytes(progress.bytes)));
    };
    (bar, show)
}

fn bars(console: Console) -> MultiProgress {
    let target = if console.err.terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    MultiProgress::with_draw_target(target)
}

fn style(template: &str) -> ProgressStyle {
    // A template that does not parse is a fault that the tests find; a plain spinner is no worse a spinner.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
    style.tick_chars(SPINNER).progress_chars("━╸─")
}
