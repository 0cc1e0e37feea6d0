//! Who writes in a namespace, as the log itself tells: by what its owner did, which stands in namespace 0. Pure.

use std::collections::HashSet;

use application::log::StreamId;

use crate::chain::Address;
use crate::chain::administration::{Act, subject_of};
use crate::log::Namespace;

/// What an administrative entry begins with that makes an account a writer. `number:u32 account:20` follow.
pub(super) const ADMITTED: u8 = 2;

/// The accounts that write in some namespaces, at one moment of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Writers {
    namespaces: Vec<Namespace>,
    accounts: HashSet<(Namespace, Address)>,
}

impl Writers {
    /// Of namespaces that nobody has opened yet.
    pub fn none(namespaces: impl IntoIterator<Item = Namespace>) -> Self {
        Self {
            namespaces: namespaces.into_iter().collect(),
            accounts: HashSet::new(),
        }
    }

    /// Takes the log's next entry in.
    pub fn take_in(&mut self, stream: &StreamId, payload: &[u8]) {
        let Some(namespace) = subject_of(stream).filter(|about| self.namespaces.contains(about)) else {
            return;
        };
        match Act::read(payload) {
            Some(Act::Admitted { account, .. }) => drop(self.accounts.insert((namespace, account))),
            Some(Act::Dismissed { account, .. }) => drop(self.accounts.remove(&(namespace, account))),
            _ => {}
        }
    }

    /// Those of some accounts that do not write in a namespace, with the namespace, for each of them.
    pub fn lacking<'a>(&self, accounts: impl Iterator<Item = &'a Address>) -> Vec<(Namespace, Address)> {
        let places = accounts.flat_map(|account| self.namespaces.iter().map(|namespace| (*namespace, *account)));
        places.filter(|place| !self.accounts.contains(place)).collect()
    }

    /// Whether an account is among them.
    pub fn have(&self, namespace: Namespace, account: &Address) -> bool {
        self.accounts.contains(&(namespace, *account))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DISMISSED: u8 = 3;

    fn act(kind: u8, account: u8) -> Vec<u8> {
        [&[kind, 0, 0, 0, 1][..], &[account; 20]].concat()
    }

    #[test]
    fn an_account_writes_from_its_admission_to_its_dismissal() {
        let (ours, others) = (Namespace(7), Namespace(8));
        let mut writers = Writers::none([ours]);
        let account = Address([5; 20]);
        writers.take_in(&Namespace::about(others), &act(ADMITTED, 5));
        assert!(!writers.have(ours, &account), "in another namespace");
        writers.take_in(&Namespace::about(ours), &act(ADMITTED, 5));
        assert!(writers.have(ours, &account));
        writers.take_in(&Namespace::about(others), &act(DISMISSED, 5));
        writers.take_in(&Namespace::about(ours), &act(DISMISSED, 6));
        assert!(writers.have(ours, &account));
        writers.take_in(&Namespace::about(ours), &act(DISMISSED, 5));
        assert!(!writers.have(ours, &account));
    }

    #[test]
    fn what_is_none_of_this_changes_nothing() {
        let mut writers = Writers::none([Namespace(7)]);
        for payload in [&[][..], &[ADMITTED], &[1; 26], &[6, 2, 3]] {
            writers.take_in(&Namespace::about(Namespace(7)), payload);
        }
        assert_eq!(writers, Writers::none([Namespace(7)]));
    }
}
