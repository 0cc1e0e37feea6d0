//! The door to the appender's queues: places, of which there are so many, and who waits for what went through it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use application::ports::command::Unavailable;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

use super::status::Shared;

/// The door to one queue. Cheap to clone.
#[derive(Clone)]
pub(super) struct Door {
    places: Arc<Semaphore>,
    patience: Duration,
    shared: Arc<Shared>,
}

/// A place in the queue, which is free again when this is dropped: when what has it is durable, or never will be.
#[derive(Debug)]
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    /// Of a call: it counts among those to its contract.
    pub(super) among: Option<Counted>,
}

impl Door {
    /// A door to so many places, at which one waits so long.
    pub(super) fn new(places: usize, patience: Duration, shared: Arc<Shared>) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            patience,
            shared,
        }
    }

    /// Waits for a place.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn enter(&self) -> Result<Place, Unavailable> {
        let permit = timeout(self.patience, Arc::clone(&self.places).acquire_owned())
            .await
            .map_err(|_| self.shared.why_full())?
            .map_err(|_| Unavailable::Stopping)?;
        Ok(Place {
            _permit: permit,
            among: None,
        })
    }
}

/// Who waits for something that was handed over: the other end of a ticket. It holds a place in the queue until that is durable.
#[derive(Debug)]
pub(super) struct Waiter<W> {
    accepted: Option<oneshot::Sender<()>>,
    word: oneshot::Sender<W>,
    pub(super) place: Option<Place>,
}

impl<W> Waiter<W> {
    /// A waiter without a place, and the ends at which it hears that it is accepted, and the last word.
    pub(super) fn new() -> (Self, oneshot::Receiver<()>, oneshot::Receiver<W>) {
        let (accepted_by, accepted) = oneshot::channel();
        let (word_by, word) = oneshot::channel();
        let waiter = Self {
            accepted: Some(accepted_by),
            word: word_by,
            place: None,
        };
        (waiter, accepted, word)
    }

    /// What it waits for is durable.
    pub(super) fn accept(&mut self) {
        self.place = None;
        if let Some(accepted) = self.accepted.take() {
            let _ = accepted.send(());
        }
    }

    /// The last word.
    pub(super) fn resolve(self, word: W) {
        let _ = self.word.send(word);
    }
}

/// How many calls this process was handed for each contract that are not known to be durable. What is durable the table of calls tells.
#[derive(Clone, Default)]
pub(super) struct NotDurable(Arc<Mutex<HashMap<[u8; 20], usize>>>);

/// One of them, until it is dropped.
pub(super) struct Counted {
    target: [u8; 20],
    among: NotDurable,
}

impl NotDurable {
    /// One more for this contract.
    pub(super) fn count(&self, target: [u8; 20]) -> Counted {
        *self.lock().entry(target).or_default() += 1;
        let among = self.clone();
        Counted { target, among }
    }

    /// Whether there is any for this contract.
    pub(super) fn any_to(&self, target: &[u8; 20]) -> bool {
        self.lock().contains_key(target)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 20], usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut among = self.among.lock();
        if let Some(count) = among.get_mut(&self.target) {
            *count -= 1;
            if *count == 0 {
                among.remove(&self.target);
            }
        }
    }
}

impl std::fmt::Debug for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Counted")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Address;

    #[tokio::test]
    async fn a_call_counts_among_those_to_its_contract_until_it_is_durable_or_its_waiter_has_the_last_word() {
        let handed = NotDurable::default();
        let door = Door::new(2, Duration::ZERO, Arc::new(Shared::new(Address::default())));
        let waiting = async || {
            let (mut waiter, ..) = Waiter::<()>::new();
            let mut place = door.enter().await.unwrap();
            place.among = Some(handed.count([7; 20]));
            waiter.place = Some(place);
            waiter
        };
        let (mut first, second) = (waiting().await, waiting().await);
        assert!(door.enter().await.is_err(), "there are two places");
        assert!(handed.any_to(&[7; 20]) && !handed.any_to(&[8; 20]));
        first.accept();
        assert!(handed.any_to(&[7; 20]));
        second.resolve(());
        assert!(!handed.any_to(&[7; 20]));
        assert!(door.enter().await.is_ok());
    }
}
