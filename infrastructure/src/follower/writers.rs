//! Who writes in a namespace, as the log itself tells: by what its owner did, which stands in namespace 0. Pure.

use std::collections::HashSet;

use application::log::StreamId;

use crate::chain::Address;
use crate::chain::administration::Act;
use crate::log::Namespace;

/// What an administrative entry begins with that makes an account a writer. `number:u32 account:20` follow.
pub(super) const ADMITTED: u8 = 2;

/// The accounts that write in a namespace, at one moment of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Writers {
    stream: StreamId,
    accounts: HashSet<Address>,
}

impl Writers {
    /// Of a namespace that nobody has opened yet.
    pub fn none(namespace: Namespace) -> Self {
        Self {
            stream: Namespace::about(namespace),
            accounts: HashSet::new(),
        }
    }

    /// Takes the log's next entry in.
    pub fn take_in(&mut self, stream: &StreamId, payload: &[u8]) {
        if *stream != self.stream {
            return;
        }
        match Act::read(payload) {
            Some(Act::Admitted { account, .. }) => drop(self.accounts.insert(account)),
            Some(Act::Dismissed { account, .. }) => drop(self.accounts.remove(&account)),
            _ => {}
        }
    }

    /// Whether an account is among them.
    pub fn have(&self, account: &Address) -> bool {
        self.accounts.contains(account)
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
        let mut writers = Writers::none(ours);
        let account = Address([5; 20]);
        writers.take_in(&Namespace::about(others), &act(ADMITTED, 5));
        assert!(!writers.have(&account), "in another namespace");
        writers.take_in(&Namespace::about(ours), &act(ADMITTED, 5));
        assert!(writers.have(&account));
        writers.take_in(&Namespace::about(others), &act(DISMISSED, 5));
        writers.take_in(&Namespace::about(ours), &act(DISMISSED, 6));
        assert!(writers.have(&account));
        writers.take_in(&Namespace::about(ours), &act(DISMISSED, 5));
        assert!(!writers.have(&account));
    }

    #[test]
    fn what_is_none_of_this_changes_nothing() {
        let mut writers = Writers::none(Namespace(7));
        for payload in [&[][..], &[ADMITTED], &[1; 26], &[6, 2, 3]] {
            writers.take_in(&Namespace::about(Namespace(7)), payload);
        }
        assert_eq!(writers, Writers::none(Namespace(7)));
    }
}
