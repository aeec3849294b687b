//! The same work for many things, by all threads of the machine.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Fewer than this are done by the calling thread: starting others would cost more.
const WORTH_IT: usize = 16;
/// How many a thread takes at a time, at most: few at the end, so that none waits long for another.
const CHUNK: usize = 8;

/// What `work` gives for each of `inputs`, in their order.
pub(crate) fn map<T: Sync, R: Send>(inputs: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    if threads == 1 || inputs.len() < WORTH_IT {
        return inputs.iter().map(work).collect();
    }
    let chunk = (inputs.len() / (threads * CHUNK)).clamp(1, CHUNK);
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let start = next.fetch_add(chunk, Ordering::Relaxed);
            if start >= inputs.len() {
                return done;
            }
            let end = inputs.len().min(start + chunk);
            done.push((start, inputs[start..end].iter().map(&work).collect::<Vec<R>>()));
        }
    };
    let mut chunks = thread::scope(|scope| {
        let start = |_| thread::Builder::new().stack_size(headwater_sql::STACK).spawn_scoped(scope, worker);
        let others: Vec<_> = (1..threads).map(start).collect();
        let mut chunks = worker();
        for other in others {
            // A thread that could not be started leaves its share to the others; one that panicked panics here.
            match other.map(thread::ScopedJoinHandle::join) {
                Ok(Ok(done)) => chunks.extend(done),
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                Err(_) => {}
            }
        }
        chunks
    });
    chunks.sort_unstable_by_key(|(start, _)| *start);
    chunks.into_iter().flat_map(|(_, done)| done).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_keep_their_order() {
        let inputs: Vec<usize> = (0..1000).collect();
        assert_eq!(super::map(&inputs, |input| input * 2), inputs.iter().map(|input| input * 2).collect::<Vec<_>>());
    }
}
