//! Identifiers that are being given to somebody: each to one at a time.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use domain::kernel::{AggregateType, Identifier};
use tokio::sync::Notify;

/// What kind of thing an identifier names, and the identifier: one person may be a patient and a practitioner by the same.
type Name = (AggregateType, Identifier);

/// The identifiers that commands which are being executed here give to somebody.
#[derive(Debug, Default)]
pub(crate) struct NamesUnderWay {
    held: Mutex<HashSet<Name>>,
    freed: Notify,
}

impl NamesUnderWay {
    /// Waits until nobody else holds any of these for the same kind of thing, and holds them until the answer is dropped. All of them at
    /// once: whoever waits holds nothing that another waits for.
    pub(crate) async fn hold(&self, kind: AggregateType, identifiers: HashSet<Identifier>) -> HeldNames<'_> {
        let names: HashSet<Name> = identifiers.into_iter().map(|one| (kind, one)).collect();
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

    fn try_hold(&self, names: &HashSet<Name>) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = names.is_disjoint(&held);
        if is_free {
            held.extend(names.iter().cloned());
        }
        is_free
    }
}

/// Identifiers that nobody else is given meanwhile.
#[derive(Debug)]
pub(crate) struct HeldNames<'a> {
    all: &'a NamesUnderWay,
    names: HashSet<Name>,
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
        let hold = |values: &[&str]| all.hold(AggregateType::Patient, names(values));
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

    #[tokio::test]
    async fn what_is_held_for_a_patient_is_free_for_a_practitioner() {
        let all = NamesUnderWay::default();
        let soon = Duration::from_millis(20);
        let patient = all.hold(AggregateType::Patient, names(&["a"])).await;
        let practitioner = timeout(soon, all.hold(AggregateType::Practitioner, names(&["a"])));
        let practitioner = practitioner.await.unwrap();
        drop(patient);
        assert!(
            timeout(soon, all.hold(AggregateType::Practitioner, names(&["a"])))
                .await
                .is_err()
        );
        drop(practitioner);
        assert!(all.held.lock().unwrap().is_empty());
    }
}
