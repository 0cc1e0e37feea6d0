//! Names of encounters that are being filed: each by one at a time.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use domain::kernel::Identifier;
use tokio::sync::Notify;

/// The names by which encounters are told of in commands that are being executed here.
#[derive(Debug, Default)]
pub(crate) struct NamesUnderWay {
    held: Mutex<HashSet<Identifier>>,
    freed: Notify,
}

impl NamesUnderWay {
    /// Waits until nobody else holds any of these, and holds them until the answer is dropped. All of them at once: whoever waits holds
    /// nothing that another waits for.
    pub(crate) async fn hold(&self, names: HashSet<Identifier>) -> HeldNames<'_> {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // From here on nothing that is freed is missed.
            freed.as_mut().enable();
            if self.try_hold(&names) {
                return HeldNames { all: self, names };
            }
            freed.await;
        }
    }

    fn try_hold(&self, names: &HashSet<Identifier>) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = names.is_disjoint(&held);
        if is_free {
            held.extend(names.iter().cloned());
        }
        is_free
    }
}

/// Names that nobody else tells of an encounter by meanwhile.
#[derive(Debug)]
pub(crate) struct HeldNames<'a> {
    all: &'a NamesUnderWay,
    names: HashSet<Identifier>,
}

impl Drop for HeldNames<'_> {
    fn drop(&mut self) {
        let mut held = self.all.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|name| !self.names.contains(name));
        drop(held);
        self.all.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn names(values: &[&str]) -> HashSet<Identifier> {
        let name = |value: &&str| Identifier {
            system: "https://clinic.test/mrn".to_owned(),
            value: (*value).to_owned(),
        };
        values.iter().map(name).collect()
    }

    #[tokio::test]
    async fn a_name_is_held_by_one_and_whoever_waits_holds_nothing() {
        let all = NamesUnderWay::default();
        let hold = |values: &[&str]| all.hold(names(values));
        let soon = Duration::from_millis(20);
        let one = hold(&["a", "b"]).await;
        assert!(timeout(soon, hold(&["b", "c"])).await.is_err());
        let other = timeout(soon, hold(&["c"])).await.unwrap();
        let waits = hold(&["b", "c"]);
        let frees = async {
            drop(one);
            tokio::task::yield_now().await;
            drop(other);
        };
        let (held, ()) = tokio::join!(waits, frees);
        assert_eq!(held.names.len(), 2);
        drop(held);
        assert!(all.held.lock().unwrap().is_empty());
    }
}
