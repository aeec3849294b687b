//! Random histories: in each round the source changes, runs are started and killed, and one goes to its end.

use std::time::Duration;

use chrono::Datelike;

use super::kill::{Aim, Hits, Opening, Ran, run};
use super::kind::{Asked, Kind, Round, Sort, Years};
use super::source::Source;
use super::subject::{Subject, now};
use crate::moments::Random;
use crate::s3::intake::Place;

/// New files in a table's folder after which a run is killed, at most: few are written before a commit.
const MANY_FILES: u64 = 3;

/// How long after it sees a new file a kill waits, at most: about as long as a commit takes.
const COMMIT: Duration = Duration::from_millis(8);

/// Rounds of a history, at most.
const ROUNDS: u64 = 6;

/// Runs that are started to be killed, for each that is to be killed: one that ends before its moment is not counted.
const STARTS: usize = 20;

/// How long runs take: the moments are chosen by it.
#[derive(Clone, Copy)]
struct Pace {
    whole: Duration,
    step: Duration,
}

impl Pace {
    /// What a run shows, if it had all to do.
    fn learn(&mut self, ran: &Ran, opening: Opening, table: &str) {
        if let Some(step) = ran.step(opening, table) {
            *self = Self { whole: ran.whole(), step };
        }
    }

    /// A moment: anywhere in the run, in the table's step, or close to a commit.
    fn aim(self, random: &mut Random) -> Aim {
        match random.below(8) {
            0 => Aim::Anywhere(random.moment(self.whole)),
            1..=3 => Aim::Step(random.moment(self.step + self.step / 10)),
            _ => {
                let after = random.moment(COMMIT);
                Aim::Files(1 + usize::try_from(random.below(MANY_FILES)).unwrap(), random.moment(after))
            }
        }
    }
}

/// A history that is going on.
struct History<K: Kind> {
    kind: K,
    sort: Sort,
    years: Years,
    source: Source,
    subject: Subject,
    /// The rounds so far.
    number: usize,
    /// What the table may hold: more than one where nobody looked since a run was killed.
    possible: Vec<K::State>,
    /// Whether the table was built.
    is_there: bool,
    told: String,
}

/// What all histories of a kind share.
struct Killing<'a> {
    random: &'a mut Random,
    hits: &'a mut Hits,
    pace: Pace,
    /// Kills inside of the step that are wanted.
    wanted: usize,
    starts: usize,
}

/// Kills so many runs in their steps, and compares after every round.
pub(super) fn killed<K: Kind>(kind: K, place: Place, wanted: usize, random: &mut Random, told: &str) -> Hits {
    let mut hits = Hits::default();
    // The first run of all is not aimed at: it shows how long one takes.
    let pace = Pace { whole: Duration::from_mins(1), step: Duration::from_mins(1) };
    let mut killing = Killing { random, hits: &mut hits, pace, wanted, starts: wanted * STARTS };
    for number in 0.. {
        if killing.hits.inside() >= wanted {
            break;
        }
        let sort = if number % 2 == 0 { Sort::Any } else { Sort::Seen };
        History::new(kind, sort, place, format!("{told}, history {number}")).live(&mut killing);
    }
    hits
}

impl<K: Kind> History<K> {
    fn new(kind: K, sort: Sort, place: Place, told: String) -> Self {
        let this = now().year();
        let years = Years { first: Source::first_year(this), this };
        Self {
            kind,
            sort,
            years,
            source: Source::new(this),
            subject: Subject::new(place, kind.file((sort, 0), years)),
            number: 0,
            possible: vec![K::State::default()],
            is_there: false,
            told,
        }
    }

    /// Round after round; at the end the table is that of one that nobody interrupted.
    fn live(mut self, killing: &mut Killing<'_>) {
        let rounds = 2 + killing.random.below(ROUNDS - 1);
        let mut clean = (self.sort == Sort::Seen).then(|| self.twin());
        for round in 1..=rounds {
            let is_last = round == rounds;
            self.round(is_last, killing);
            if let Some(clean) = &mut clean {
                clean.follow(&self, is_last);
            }
        }
        let ran = self.run(Asked::Plain, (Aim::Nowhere, Opening::Run));
        let is_idle = !ran.has(|line| line.contains(self.subject.table()));
        assert!(is_idle || K::IS_HISTORY, "{}: the last run left something to do", self.told);
    }

    /// A round: changes, runs that are killed, and mostly one that goes to its end.
    fn round(&mut self, is_last: bool, killing: &mut Killing<'_>) {
        self.number += 1;
        self.source.change(self.kind.manners(self.sort), killing.random);
        self.subject.seed(&self.source.csv());
        self.subject.declare(self.kind.file((self.sort, self.number), self.years));
        let asks = if self.is_there { self.kind.asks(self.years) } else { vec![Asked::Plain] };
        let asked = asks[usize::try_from(killing.random.below(asks.len() as u64)).unwrap()];
        let loaded = self.subject.traces().seed_versions;
        for _ in 0..=killing.random.below(3) {
            if !self.kill(asked, loaded, killing) {
                break;
            }
        }
        // Nobody comes back before the source has changed again.
        if self.sort == Sort::Any && !is_last && killing.random.below(4) == 0 {
            return;
        }
        if asked != Asked::Plain && killing.random.below(2) == 0 {
            self.run(asked, (Aim::Nowhere, self.opening(asked, loaded)));
        }
        let opening = self.opening(Asked::Plain, loaded);
        let ran = self.run(Asked::Plain, (Aim::Nowhere, opening));
        killing.pace.learn(&ran, opening, self.subject.table());
        self.is_there = true;
        self.look(&format!("{}, round {}", self.told, self.number));
    }

    /// Starts a run to kill it, and sometimes looks at what it left; false if it ended before its moment.
    fn kill(&mut self, asked: Asked, loaded: usize, killing: &mut Killing<'_>) -> bool {
        if killing.hits.inside() >= killing.wanted {
            return false;
        }
        assert!(killing.starts > 0, "{}: too many runs ended before they could be killed", self.told);
        killing.starts -= 1;
        let aim = killing.pace.aim(killing.random);
        let opening = self.opening(asked, loaded);
        let before = self.subject.traces();
        let ran = self.run(asked, (aim, opening));
        if !ran.killed {
            killing.pace.learn(&ran, opening, self.subject.table());
            return false;
        }
        let after = self.subject.traces();
        killing.hits.add(&ran, (opening, self.subject.table()), &before, &after);
        if after.versions > 0 && killing.random.below(4) == 0 {
            self.look(&format!("{}, round {}, after a kill {aim:?}", self.told, self.number));
        }
        true
    }

    /// By what a run tells that the step of the table begins, if the seed's table had so many versions at first.
    fn opening(&self, asked: Asked, loaded: usize) -> Opening {
        let is_loaded = asked != Asked::Refresh && self.subject.traces().seed_versions > loaded;
        if is_loaded { Opening::Run } else { Opening::Seed }
    }

    /// Runs, and notes what the table may hold then.
    fn run(&mut self, asked: Asked, aim: (Aim, Opening)) -> Ran {
        let began = now();
        let told = format!("{}, round {}, {asked:?}, {:?}", self.told, self.number, aim.0);
        let ran = run(&self.subject, asked, aim, &told);
        self.subject.moments.ran(self.number, began);
        let (source, sort, years) = (&self.source, self.sort, self.years);
        let round = Round { number: self.number, source, asked, sort, years };
        let mut possible = if ran.killed { self.possible.clone() } else { Vec::new() };
        for state in &self.possible {
            let commits = self.kind.commits(state, round);
            let seen = if ran.killed { 0 } else { commits.len() - 1 };
            for commit in &commits[seen..] {
                if !possible.contains(commit) {
                    possible.push(commit.clone());
                }
            }
        }
        self.possible = possible;
        ran
    }

    /// The table's rows.
    fn lines(&self, told: &str) -> Vec<String> {
        let rows = self.subject.rows(&self.kind.query(), told);
        let mut lines: Vec<String> = rows.iter().map(|row| self.kind.line(row, &self.subject.moments)).collect();
        lines.sort_unstable();
        lines
    }

    /// Compares the table with what it may hold.
    fn look(&mut self, told: &str) {
        let found = self.lines(told);
        let possible: Vec<Vec<String>> = self.possible.iter().map(|state| self.kind.lines(state)).collect();
        let mut are_so = possible.iter().map(|lines| *lines == found);
        self.possible.retain(|_| are_so.next().unwrap());
        assert!(!self.possible.is_empty(), "{told}: {:?}\nfound {found:#?}\npossible {possible:#?}", self.kind);
    }

    /// The same history in a lake of its own, where nobody interrupts it.
    fn twin(&self) -> Clean<K> {
        let place = self.subject.place();
        Clean(Self::new(self.kind, self.sort, place, format!("{}, uninterrupted", self.told)))
    }
}

/// A history that nobody interrupts.
struct Clean<K: Kind>(History<K>);

impl<K: Kind> Clean<K> {
    /// Does what the round of another does. A snapshot is what all rounds made of it; every other table is to be what
    /// the last one makes anew.
    fn follow(&mut self, other: &History<K>, is_last: bool) {
        let clean = &mut self.0;
        clean.number = other.number;
        clean.subject.seed(&other.source.csv());
        let asked = if K::IS_HISTORY { Asked::Plain } else { Asked::Refresh };
        if K::IS_HISTORY || is_last {
            let began = now();
            run(&clean.subject, asked, (Aim::Nowhere, Opening::Run), &clean.told);
            clean.subject.moments.ran(clean.number, began);
            let told = &clean.told;
            assert_eq!(other.lines(told), clean.lines(told), "{told}, round {}: {:?}", clean.number, clean.kind);
        }
    }
}
