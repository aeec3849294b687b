//! A run of the binary that is killed at a moment, and where that was.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::kind::Asked;
use super::subject::{Subject, Traces};

/// When a run is killed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Aim {
    /// So long after it was started.
    Anywhere(Duration),
    /// So long after the table's step began.
    Step(Duration),
    /// So long after the table's folder got so many new files: close to a commit.
    Files(usize, Duration),
    /// Never.
    Nowhere,
}

/// A run that is over.
pub(super) struct Ran {
    began: Instant,
    /// What it said, and when.
    lines: Vec<(Instant, String)>,
    pub(super) killed: bool,
}

/// By which line a run says that the step of the table begins: the seed is loaded, or nothing comes before.
#[derive(Clone, Copy)]
pub(super) enum Opening {
    Seed,
    Run,
}

impl Opening {
    fn is(self, line: &str) -> bool {
        match self {
            Self::Seed => line.contains(" seeds.events "),
            Self::Run => line.starts_with("run "),
        }
    }
}

impl Ran {
    /// How long it took to its end.
    pub(super) fn whole(&self) -> Duration {
        self.began.elapsed()
    }

    /// How long the table's step took, if it was begun and ended.
    pub(super) fn step(&self, opening: Opening, table: &str) -> Option<Duration> {
        let at = |is: &dyn Fn(&str) -> bool| self.lines.iter().find(|(_, line)| is(line)).map(|(at, _)| *at);
        Some(at(&|line| line.contains(table))? - at(&|line| opening.is(line))?)
    }

    /// Whether it said such a line.
    pub(super) fn has(&self, is: impl Fn(&str) -> bool) -> bool {
        self.lines.iter().any(|(_, line)| is(line))
    }
}

/// A run that is going.
struct Going<'a> {
    subject: &'a Subject,
    child: Child,
    said: Receiver<(Instant, String)>,
    aim: Aim,
    opening: Opening,
    /// The files of the table when the run began.
    files: usize,
    /// When it is killed, once that is known.
    moment: Option<Instant>,
    ran: Ran,
}

/// How long a run that nobody kills may say nothing.
const PATIENCE: Duration = Duration::from_mins(5);

/// How often the table's files are counted.
const WATCH: Duration = Duration::from_micros(300);

/// Starts a run, and kills it when it is time.
pub(super) fn run(subject: &Subject, asked: Asked, (aim, opening): (Aim, Opening), told: &str) -> Ran {
    let files = if matches!(aim, Aim::Files(..)) { subject.files().len() } else { 0 };
    let talk = File::create(subject.path("talk")).unwrap();
    let began = Instant::now();
    let mut child = subject.run(asked).stdout(Stdio::piped()).stderr(talk).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (say, said) = channel();
    thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if say.send((Instant::now(), line)).is_err() {
                return;
            }
        }
    });
    let moment = if let Aim::Anywhere(after) = aim { Some(began + after) } else { None };
    let ran = Ran { began, lines: Vec::new(), killed: false };
    Going { subject, child, said, aim, opening, files, moment, ran }.end(told)
}

impl Going<'_> {
    fn end(mut self, told: &str) -> Ran {
        let mut last = Instant::now();
        loop {
            match self.said.recv_timeout(self.pause()) {
                Ok((at, line)) => {
                    if let (Aim::Step(after), None, true) = (self.aim, self.moment, self.opening.is(&line)) {
                        self.moment = Some(at + after);
                    }
                    self.ran.lines.push((at, line));
                    last = at;
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) if self.moment.is_some_and(|moment| moment <= Instant::now()) => {
                    self.child.kill().unwrap();
                    self.ran.lines.extend(self.said.iter());
                    break;
                }
                Err(RecvTimeoutError::Timeout) => {
                    assert!(last.elapsed() < PATIENCE, "{told}: a run does not end: {:?}", self.ran.lines);
                    self.watch();
                }
            }
        }
        let status = self.child.wait().unwrap();
        self.ran.killed = status.signal().is_some();
        let talk = || std::fs::read_to_string(self.subject.path("talk")).unwrap_or_default();
        assert!(self.ran.killed || status.success(), "{told}: {status}\n{:?}\n{}", self.ran.lines, talk());
        assert!(!self.ran.killed || self.moment.is_some(), "{told}: a run that nobody killed ended with {status}");
        self.ran
    }

    /// How long to wait for the next line.
    fn pause(&self) -> Duration {
        match (self.moment, self.aim) {
            (Some(moment), _) => moment.saturating_duration_since(Instant::now()),
            (None, Aim::Files(..)) => WATCH,
            (None, _) => PATIENCE,
        }
    }

    /// Looks whether the files are there that it is aimed at.
    fn watch(&mut self) {
        if let Aim::Files(count, after) = self.aim
            && self.subject.files().len() >= self.files + count
        {
            self.moment = Some(Instant::now() + after);
        }
    }
}

/// Where runs were killed, as what they said and the lake tell right after.
#[derive(Debug, Default)]
pub(super) struct Hits {
    pub(super) kills: usize,
    /// The table's step was going and had written nothing.
    computing: usize,
    /// It had written data files that no commit names yet.
    staged: usize,
    /// It had committed, and the run was going on: with the next commit, or with the books.
    committed: usize,
}

impl Hits {
    /// Counts a kill.
    pub(super) fn add(&mut self, ran: &Ran, (opening, table): (Opening, &str), before: &Traces, after: &Traces) {
        self.kills += 1;
        let is_in_step = ran.has(|line| opening.is(line)) && !ran.has(|line| line.contains(table));
        if !is_in_step {
            return;
        }
        if after.versions > before.versions {
            self.committed += 1;
        } else if after.data.is_subset(&before.data) {
            self.computing += 1;
        } else {
            self.staged += 1;
        }
    }

    /// Those that fell into the table's step.
    pub(super) fn inside(&self) -> usize {
        self.computing + self.staged + self.committed
    }

    /// All of them in words.
    pub(super) fn told(&self) -> String {
        format!(
            "{} kills, {} of them inside the step: {} while it computed, {} between its first file and its commit, {} \
             behind a commit",
            self.kills,
            self.inside(),
            self.computing,
            self.staged,
            self.committed
        )
    }
}
