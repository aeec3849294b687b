//! The memory that the operators of all running queries may hold together.
//!
//! The risk is a query that fails for want of memory although it could spill. DataFusion's `FairSpillPool` gives those
//! that can spill an even share of everything, so that together they may leave nothing; then a merge that needs half a
//! megabyte and cannot spill fails, whatever the limit is. Here a part is kept back for those that cannot spill.
//!
//! A second risk is a query that waits for ever. DataFusion's `RepartitionExec` spills what it cannot hold to several files
//! and reads them back in an order that may wait for a batch whose writer waits for the reader
//! (<https://github.com/apache/datafusion/issues/24883>, in 55.2 and before). So it is never refused: what is on its way
//! between operators is counted, and takes room from those that cannot spill, but does not spill.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use datafusion::common::DataFusionError;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};

/// One part of so many is kept back.
const KEPT_BACK: usize = 4;

/// A pool that shares most of its memory evenly among what can spill, and keeps the rest for what cannot.
#[derive(Debug)]
pub(crate) struct SharedMemory {
    limit: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    spillers: usize,
    spillable: usize,
    unspillable: usize,
}

impl SharedMemory {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, state: Mutex::default() }
    }

    /// Whether it is to be held to its share, and spills where that is not enough.
    fn spills(consumer: &MemoryConsumer) -> bool {
        consumer.can_spill() && !Self::passes_on(consumer)
    }

    /// Whether it only hands rows from one operator to the next.
    fn passes_on(consumer: &MemoryConsumer) -> bool {
        consumer.name().starts_with("RepartitionExec")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What one that can spill may hold.
    fn share(&self, state: &State) -> usize {
        let kept_back = state.unspillable.max(self.limit / KEPT_BACK);
        self.limit.saturating_sub(kept_back) / state.spillers.max(1)
    }
}

impl MemoryPool for SharedMemory {
    fn name(&self) -> &str {
        "shared"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        if Self::spills(consumer) {
            self.state().spillers += 1;
        }
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        if Self::spills(consumer) {
            let mut state = self.state();
            state.spillers = state.spillers.saturating_sub(1);
        }
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        let mut state = self.state();
        if Self::spills(reservation.consumer()) {
            state.spillable += additional;
        } else {
            state.unspillable += additional;
        }
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        let mut state = self.state();
        let held = if Self::spills(reservation.consumer()) { &mut state.spillable } else { &mut state.unspillable };
        *held = held.saturating_sub(shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<(), DataFusionError> {
        let consumer = reservation.consumer();
        let mut state = self.state();
        let available = if Self::passes_on(consumer) {
            usize::MAX
        } else if Self::spills(consumer) {
            self.share(&state).saturating_sub(reservation.size())
        } else {
            self.limit.saturating_sub(state.spillable + state.unspillable)
        };
        if additional > available {
            return Err(DataFusionError::ResourcesExhausted(format!(
                "`{}` holds {} kB, needs {} kB more, and may have {} kB",
                consumer.name(),
                reservation.size() / 1000,
                additional / 1000,
                available / 1000
            )));
        }
        if Self::spills(consumer) {
            state.spillable += additional;
        } else {
            state.unspillable += additional;
        }
        Ok(())
    }

    fn reserved(&self) -> usize {
        let state = self.state();
        state.spillable + state.unspillable
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.limit)
    }
}

impl fmt::Display for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shared({} bytes)", self.limit)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_cannot_spill_finds_room_beside_those_that_can() {
        let pool: Arc<dyn MemoryPool> = Arc::new(SharedMemory::new(800));
        let spiller = |name| MemoryConsumer::new(name).with_can_spill(true).register(&pool);
        let (sort, aggregate) = (spiller("sort"), spiller("aggregate"));
        // An even share of what is not kept back.
        sort.try_grow(300).unwrap();
        aggregate.try_grow(300).unwrap();
        let refused = sort.try_grow(1).unwrap_err();
        assert!(matches!(refused, DataFusionError::ResourcesExhausted(_)), "{refused}");
        let merge = MemoryConsumer::new("merge").register(&pool);
        merge.try_grow(200).unwrap();
        assert!(merge.try_grow(1).is_err());
        assert_eq!(pool.reserved(), 800);
        drop((sort, aggregate));
        // With the others gone, what cannot spill may have everything.
        merge.try_grow(600).unwrap();
        drop(merge);
        assert_eq!(pool.reserved(), 0);
    }

    #[test]
    fn what_is_on_its_way_is_never_refused_and_takes_nobody_s_share() {
        let pool: Arc<dyn MemoryPool> = Arc::new(SharedMemory::new(800));
        let spiller = |name| MemoryConsumer::new(name).with_can_spill(true).register(&pool);
        let (sort, way) = (spiller("sort"), spiller("RepartitionExec[1] Input[0]"));
        sort.try_grow(600).unwrap();
        way.try_grow(1000).unwrap();
        assert_eq!(pool.reserved(), 1600);
        drop(way);
        assert!(sort.try_grow(1).is_err(), "the part that is kept back");
        drop(sort);
        assert_eq!(pool.reserved(), 0);
    }
}
