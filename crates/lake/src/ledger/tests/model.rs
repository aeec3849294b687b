//! The ledger's promise under every order of events: every record of every file is in the table or in the quarantine,
//! exactly once.
//!
//! Processes are futures that give way before every request to the store, so that a schedule of random polls plays any
//! interleaving, and one that is dropped has died there. The two tables are in memory: a commit is atomic, as a log entry
//! is, and refuses as `write::commit` does. Files arrive and change, contracts are mended, and all of it at any time.

mod doubles;

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures::FutureExt;
use object_store::ObjectStore;
use proptest::prelude::*;

use self::doubles::{Patient, Table, give_way};
use super::*;

/// A record: of a file in one of its states, by its number in it.
type Record = (LedgerFile, u32);

/// What all processes share.
struct World {
    lake: Lake,
    files: RefCell<Vec<LedgerFile>>,
    target: RefCell<Table>,
    quarantine: RefCell<Table>,
    /// Whether the contract is mended, so that no record is bad any more.
    mended: RefCell<bool>,
    /// Which of the next loads find that their files cannot be loaded.
    broken: RefCell<Vec<bool>>,
    /// How often each file was forgotten.
    forgotten: RefCell<BTreeMap<LedgerFile, usize>>,
}

/// What a process was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Run,
    FullRefresh,
    Replay,
    Drop,
    Forget(usize),
}

/// How a batch ended.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Committed,
    Overtaken,
    Refused,
}

impl World {
    async fn new() -> Self {
        let store: Arc<dyn ObjectStore> = Arc::new(Patient::default());
        Self {
            lake: Lake::open("s3://bucket/lake", "lake", Some(store)).await.unwrap(),
            files: RefCell::default(),
            target: RefCell::default(),
            quarantine: RefCell::default(),
            mended: RefCell::default(),
            broken: RefCell::default(),
            forgotten: RefCell::default(),
        }
    }

    /// Every third record is bad until the contract is mended.
    fn is_bad(&self, record: &Record) -> bool {
        (record.0.size + u64::from(record.1)).is_multiple_of(3) && !*self.mended.borrow()
    }

    fn commit(&self, ledger: &Ledger, batch: &Batch, attempt: Uuid, rows: Vec<Record>) -> Ended {
        let table = &mut *self.target.borrow_mut();
        let retires = ledger.retires(batch);
        let in_turn = |app: &AppTransaction| table.stands(&app.app_id) == app.version;
        if table.stands(&ledger.app_id()) != batch.follows || !retires.iter().all(in_turn) {
            return Ended::Overtaken;
        }
        if batch.replace {
            table.rows.clear();
        }
        table.rows.extend(rows);
        for app in retires {
            table.transactions.insert(app.app_id, RETIRED);
        }
        table.transactions.insert(ledger.app_id(), batch.number);
        table.attempts.insert((ledger.app_id(), batch.number), attempt);
        Ended::Committed
    }

    fn commit_quarantine(&self, app_id: String, batch: i64, change: &QuarantineChange) {
        let table = &mut *self.quarantine.borrow_mut();
        if table.stands(&app_id) >= batch {
            return;
        }
        if change.replace {
            table.rows.clear();
        }
        table.rows.extend(change.add.iter().map(unstaged));
        table.transactions.insert(app_id, batch);
    }

    async fn finish(&self, ledger: &mut Ledger, ended: &Unfinished, table_id: u32) -> Result<(), LakeError> {
        give_way().await;
        if let Some(change) = &ended.attempt.quarantine {
            let app_id = ledger.quarantine_app_id(ended.generation, &table_id.to_string());
            self.commit_quarantine(app_id, ended.batch.number, change);
        }
        give_way().await;
        ledger.finish(ended).await
    }

    /// Loads a batch as the engine does.
    async fn load(&self, ledger: &mut Ledger, batch: Batch) -> Result<Ended, LakeError> {
        give_way().await;
        let records: Vec<Record> = match &batch.contents {
            Contents::Files(files) => {
                let is_there = |file: &LedgerFile| self.files.borrow().contains(file);
                if !files.iter().all(is_there) || self.broken.borrow_mut().pop() == Some(true) {
                    ledger.withdraw(batch.number, withdrawal("its files cannot be loaded")).await?;
                    return Ok(Ended::Refused);
                }
                files.iter().flat_map(|file| (0..3).map(|record| (file.clone(), record))).collect()
            }
            Contents::Replay | Contents::Drop => self.quarantine.borrow().rows.clone(),
        };
        give_way().await;
        let (bad, good): (Vec<Record>, Vec<Record>) = match batch.contents {
            // What the user drops is gone for good: the model keeps it, so that it can be counted.
            Contents::Drop => (records, Vec::new()),
            _ => records.into_iter().partition(|record| self.is_bad(record)),
        };
        let replace = batch.replace || !matches!(batch.contents, Contents::Files(_));
        let change = QuarantineChange { replace, add: bad.iter().map(staged).collect() };
        let quarantine = (replace || !bad.is_empty()).then_some(change);
        let tried = Attempt { quarantine, ..attempt(batch.number) };
        ledger.stage(&tried).await?;
        give_way().await;
        let ended = self.commit(ledger, &batch, tried.id, good);
        if ended == Ended::Committed {
            ledger.note_committed(&batch);
            let (generation, table_id) = (ledger.generation(), self.target.borrow().id);
            self.finish(ledger, &Unfinished { generation, batch, attempt: tried }, table_id).await?;
        } else {
            ledger.discard(&tried).await?;
        }
        Ok(ended)
    }

    async fn process(self: Rc<Self>, mut verb: Verb) -> Result<(), LakeError> {
        let mut begun_in = None;
        loop {
            let table = self.target.borrow().clone();
            give_way().await;
            let mut ledger = Ledger::read(&self.lake, &target(), &table).await?;
            let unfinished = ledger.unfinished_in(&table).await?;
            if !unfinished.is_empty() {
                for ended in &unfinished {
                    self.finish(&mut ledger, ended, table.id).await?;
                }
                continue;
            }
            // Another process's full refresh in the meantime is as good as one's own.
            if verb == Verb::FullRefresh && *begun_in.get_or_insert(ledger.generation()) == ledger.generation() {
                ledger.next_generation();
            }
            let listed = self.files.borrow().clone();
            give_way().await;
            let arrivals = ledger.sort_out(&listed);
            let contents = match (arrivals.pending.first(), verb) {
                (Some(pending), _) => {
                    let batch = ledger.batch(*pending).unwrap().clone();
                    if matches!(batch.contents, Contents::Files(_)) {
                        self.load(&mut ledger, batch).await?;
                    } else {
                        ledger.withdraw(batch.number, withdrawal("nothing was promised")).await?;
                    }
                    continue;
                }
                (None, Verb::Replay | Verb::Drop) if ledger.through() > 0 => {
                    if verb == Verb::Drop {
                        Contents::Drop
                    } else {
                        Contents::Replay
                    }
                }
                (None, Verb::Forget(which)) => {
                    let loaded: Vec<LedgerFile> = ledger.loaded().iter().map(|(file, _)| (*file).clone()).collect();
                    if let Some(file) = loaded.get(which % loaded.len().max(1)) {
                        *self.forgotten.borrow_mut().entry(file.clone()).or_default() += 1;
                        ledger.forget(&run(), AT, vec![file.clone()]).await?;
                    }
                    return Ok(());
                }
                _ => {
                    let new = arrivals.new.into_iter().chain(arrivals.changed).take(2).collect::<Vec<_>>();
                    if new.is_empty() {
                        return Ok(());
                    }
                    Contents::Files(new)
                }
            };
            match ledger.write_ahead(&run(), AT, contents.clone()).await {
                Ok(batch) => match self.load(&mut ledger, batch).await? {
                    // A run that is refused ends; the user has to do something.
                    Ended::Refused => return Ok(()),
                    Ended::Committed if contents == Contents::Replay || contents == Contents::Drop => return Ok(()),
                    Ended::Committed if verb == Verb::FullRefresh => verb = Verb::Run,
                    Ended::Committed | Ended::Overtaken => {}
                },
                Err(LakeError::BatchTaken { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn staged((file, record): &Record) -> StagedFile {
    StagedFile {
        path: format!("{}#{record}", file.path),
        size: file.size,
        rows: 1,
        modified: AT,
        stats: file.tag.clone(),
        partition: BTreeMap::new(),
    }
}

fn unstaged(staged: &StagedFile) -> Record {
    let (path, record) = staged.path.split_once('#').unwrap();
    let file = LedgerFile { path: path.to_string(), size: staged.size, tag: staged.stats.clone() };
    (file, record.parse().unwrap())
}

/// What happens next.
#[derive(Debug, Clone)]
enum Event {
    /// Files arrive.
    Arrive(u32),
    /// A file gets other content.
    Change(usize),
    /// The contract is mended.
    Mend,
    /// A process begins.
    Start(Verb),
    /// One of the processes goes on for so many steps.
    GoOn(usize, u32),
    /// One of the processes dies.
    Die(usize),
    /// The next loads find bad files, or do not.
    Break(bool),
    /// Somebody removes the table, and the quarantine with it or not, while nobody works on them.
    Lose(bool),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let verb = prop_oneof![
        6 => Just(Verb::Run),
        1 => Just(Verb::FullRefresh),
        2 => Just(Verb::Replay),
        1 => Just(Verb::Drop),
        1 => (0..9usize).prop_map(Verb::Forget),
    ];
    let event = prop_oneof![
        4 => (1..4u32).prop_map(Event::Arrive),
        1 => (0..9usize).prop_map(Event::Change),
        1 => Just(Event::Mend),
        6 => verb.prop_map(Event::Start),
        24 => ((0..9usize), (1..12u32)).prop_map(|(which, steps)| Event::GoOn(which, steps)),
        // Far enough to commit, so that there is something to be overtaken.
        6 => ((0..9usize), (20..60u32)).prop_map(|(which, steps)| Event::GoOn(which, steps)),
        4 => (0..9usize).prop_map(Event::Die),
        1 => any::<bool>().prop_map(Event::Break),
        1 => any::<bool>().prop_map(Event::Lose),
    ];
    prop::collection::vec(event, 1..90)
}

type Process = Pin<Box<dyn Future<Output = Result<(), LakeError>>>>;

/// Lets a process go on; whether it has ended.
fn go_on(process: &mut Process, steps: u32) -> bool {
    for _ in 0..steps {
        if let Poll::Ready(ended) = process.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            ended.unwrap();
            return true;
        }
    }
    false
}

impl World {
    /// No row twice at any moment, but for what is being replayed.
    fn check(&self) {
        let forgotten = self.forgotten.borrow();
        for table in [&self.target, &self.quarantine] {
            for (record, times) in counted(&table.borrow().rows) {
                let most = 1 + forgotten.get(&record.0).copied().unwrap_or(0);
                assert!(times <= most, "{record:?} is there {times} times");
            }
        }
    }

    /// When all is quiet: every record of the files that are there, once, here or there.
    fn check_all(&self) {
        self.check();
        let rows = [self.target.borrow().rows.clone(), self.quarantine.borrow().rows.clone()].concat();
        let counts = counted(&rows);
        for file in &*self.files.borrow() {
            let most = 1 + self.forgotten.borrow().get(file).copied().unwrap_or(0);
            for record in 0..3 {
                let times = counts.get(&(file.clone(), record)).copied().unwrap_or(0);
                assert!((1..=most).contains(&times), "record {record} of {file:?} is there {times} times");
            }
        }
    }
}

fn counted(rows: &[Record]) -> BTreeMap<Record, usize> {
    let mut counts = BTreeMap::new();
    for record in rows {
        *counts.entry(record.clone()).or_default() += 1;
    }
    counts
}

/// Plays the events, then lets one last run put everything right. Gives how many commits there were.
fn play(events: Vec<Event>) -> i64 {
    let world = Rc::new(World::new().now_or_never().unwrap());
    let mut processes: Vec<Process> = Vec::new();
    let mut states = 0;
    for event in events {
        match event {
            Event::Arrive(count) => {
                let mut files = world.files.borrow_mut();
                let next = u32::try_from(files.len()).unwrap();
                let path = |number| format!("s3://in/{number}.csv");
                files.extend((next..next + count).map(|number| LedgerFile { path: path(number), ..file(number) }));
            }
            Event::Change(which) => {
                let files = &mut *world.files.borrow_mut();
                let count = files.len().max(1);
                if let Some(file) = files.get_mut(which % count) {
                    states += 1;
                    file.tag = format!("t{states}");
                }
            }
            Event::Mend => *world.mended.borrow_mut() = true,
            Event::Start(verb) => processes.push(Box::pin(Rc::clone(&world).process(verb))),
            Event::Break(broken) => world.broken.borrow_mut().push(broken),
            Event::GoOn(which, steps) if !processes.is_empty() => {
                let which = which % processes.len();
                if go_on(&mut processes[which], steps) {
                    drop(processes.swap_remove(which));
                }
                world.check();
            }
            Event::Die(which) if !processes.is_empty() => drop(processes.swap_remove(which % processes.len())),
            Event::Lose(both) => {
                processes.clear();
                let id = world.target.borrow().id + 1;
                world.target.replace(Table { id, ..Table::default() });
                if both {
                    world.quarantine.replace(Table::default());
                }
            }
            Event::GoOn(..) | Event::Die(_) => {}
        }
    }
    processes.clear();
    world.broken.borrow_mut().clear();
    let mut last: Process = Box::pin(Rc::clone(&world).process(Verb::Run));
    assert!(go_on(&mut last, 20_000), "the last run does not end");
    world.check_all();
    let mended = *world.mended.borrow();
    if mended {
        // The contract is right: a replay empties the quarantine.
        let mut replay: Process = Box::pin(Rc::clone(&world).process(Verb::Replay));
        assert!(go_on(&mut replay, 20_000), "the replay does not end");
        world.check_all();
        assert_eq!(world.quarantine.borrow().rows, []);
    }
    let target = world.target.borrow();
    target.transactions.values().filter(|version| **version != RETIRED).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, max_shrink_iters: 20_000, ..ProptestConfig::default() })]
    #[test]
    fn every_record_is_there_exactly_once(events in events()) {
        play(events);
    }
}

/// The play is worth something only if processes do get in each other's way.
#[test]
fn processes_overtake_each_other() {
    let run = Event::Start(Verb::Run);
    let mut events = vec![Event::Arrive(3), run.clone(), run.clone(), run];
    // All three come to hold a batch that they are about to commit; then one after another does.
    for step in 0..60 {
        events.push(Event::GoOn(step % 3, 1));
    }
    assert!(play(events) >= 2);
}
