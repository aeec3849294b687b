//! The memory that the operators of all running queries may hold together.
//!
//! The risk is a query that fails for want of memory although it could spill. DataFusion's `FairSpillPool` gives those
//! that can spill an even share of everything, so that together they may leave nothing; then a merge that needs half a
//! megabyte and cannot spill fails, whatever the limit is. Here a part is kept back for those that cannot spill.

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
        if consumer.can_spill() {
            self.state().spillers += 1;
        }
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        if consumer.can_spill() {
            let mut state = self.state();
            state.spillers = state.spillers.saturating_sub(1);
        }
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        let mut state = self.state();
        if reservation.consumer().can_spill() {
            state.spillable += additional;
        } else {
            state.unspillable += additional;
        }
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        let mut state = self.state();
        let held = if reservation.consumer().can_spill() { &mut state.spillable } else { &mut state.unspillable };
        *held = held.saturating_sub(shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<(), DataFusionError> {
        let consumer = reservation.consumer();
        let mut state = self.state();
        let available = if consumer.can_spill() {
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
        if consumer.can_spill() {
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
}
