//! Who writes in a namespace, as the log itself tells: by what its owner did, which stands in namespace 0. Pure.

use std::collections::HashSet;

use application::log::StreamId;

use crate::chain::Address;
use crate::log::Namespace;

/// What an administrative entry begins with that makes an account a writer. `number:u32 account:20` follow.
pub(super) const ADMITTED: u8 = 2;

/// As [`ADMITTED`], for an account that is a writer no longer.
const DISMISSED: u8 = 3;

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
            stream: Self::stream_of(namespace),
            accounts: HashSet::new(),
        }
    }

    /// The stream on which stands what was done to a namespace: 32 bytes that end in its number.
    pub fn stream_of(namespace: Namespace) -> StreamId {
        let mut stream = [0; 32];
        if let Some(number) = stream.last_chunk_mut() {
            *number = namespace.0.to_be_bytes();
        }
        StreamId(stream)
    }

    /// Takes the log's next entry in.
    pub fn take_in(&mut self, stream: &StreamId, payload: &[u8]) {
        if *stream != self.stream {
            return;
        }
        let account = payload.last_chunk().map(|account| Address(*account));
        match (payload.first(), account) {
            (Some(&ADMITTED), Some(account)) => {
                self.accounts.insert(account);
            }
            (Some(&DISMISSED), Some(account)) => {
                self.accounts.remove(&account);
            }
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

    fn act(kind: u8, account: u8) -> Vec<u8> {
        [&[kind, 0, 0, 0, 1][..], &[account; 20]].concat()
    }

    #[test]
    fn an_account_writes_from_its_admission_to_its_dismissal() {
        let (ours, others) = (Namespace(7), Namespace(8));
        let mut writers = Writers::none(ours);
        let account = Address([5; 20]);
        writers.take_in(&Writers::stream_of(others), &act(ADMITTED, 5));
        assert!(!writers.have(&account), "in another namespace");
        writers.take_in(&Writers::stream_of(ours), &act(ADMITTED, 5));
        assert!(writers.have(&account));
        writers.take_in(&Writers::stream_of(others), &act(DISMISSED, 5));
        writers.take_in(&Writers::stream_of(ours), &act(DISMISSED, 6));
        assert!(writers.have(&account));
        writers.take_in(&Writers::stream_of(ours), &act(DISMISSED, 5));
        assert!(!writers.have(&account));
    }

    #[test]
    fn what_is_none_of_this_changes_nothing() {
        let mut writers = Writers::none(Namespace(7));
        for payload in [&[][..], &[ADMITTED], &[1; 26], &[6, 2, 3]] {
            writers.take_in(&Writers::stream_of(Namespace(7)), payload);
        }
        assert_eq!(writers, Writers::none(Namespace(7)));
    }
}
