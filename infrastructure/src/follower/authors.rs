//! Who has written in namespaces that are shared: this organisation or another one, as the log tells. Pure, but for what is read when a follower begins.
//!
//! An account is this organisation's if it was admitted in its own namespace before: nobody but the organisation admits there. Under which account an entry of
//! a shared namespace was written its writer's number says, which is given once.

use std::collections::HashMap;

use application::log::{Author, Position, StreamId};
use sqlx::PgExecutor;

use super::numbers::from_sql;
use crate::chain::Address;
use crate::chain::administration::{Act, subject_of};
use crate::log::{AppendedEntry, Namespace};
use crate::sealing::Opener;

/// What the log has told of the accounts up to one moment.
#[derive(Clone, Default, Debug)]
pub(super) struct Authors {
    own: Option<Namespace>,
    shared: Vec<Namespace>,
    /// The accounts that were ever admitted in the own namespace, each with the position at which it first was.
    ours: HashMap<Address, Position>,
    /// Under which account others' numbers in shared namespaces are.
    accounts: HashMap<(Namespace, u32), Address>,
}

impl Authors {
    /// Before the log has any entry, of the namespaces of an opener.
    pub(super) fn at_first(opener: &Opener) -> Self {
        Self {
            own: Some(opener.location().namespace),
            shared: opener.shared().iter().map(|(namespace, _)| *namespace).collect(),
            ..Self::default()
        }
    }

    /// As the journal has it. Where nothing is shared nothing is asked.
    pub(super) async fn load(executor: impl PgExecutor<'_>, opener: &Opener) -> Result<Self, sqlx::Error> {
        let mut authors = Self::at_first(opener);
        if authors.shared.is_empty() {
            return Ok(authors);
        }
        let namespaces = authors.own.iter().chain(&authors.shared);
        let streams: Vec<_> = namespaces
            .map(|namespace| Namespace::about(*namespace).0.to_vec())
            .collect();
        let sql = "SELECT position, stream, payload FROM journal WHERE stream = ANY ($1) ORDER BY position";
        let acts: Vec<(i64, [u8; 32], Vec<u8>)> = sqlx::query_as(sql).bind(streams).fetch_all(executor).await?;
        for (position, stream, payload) in acts {
            authors.take_in(from_sql(position), &StreamId(stream), &payload);
        }
        Ok(authors)
    }

    /// Takes the log's next entry in.
    pub(super) fn take_in(&mut self, position: Position, stream: &StreamId, payload: &[u8]) {
        let Some(about) = subject_of(stream).filter(|_| !self.shared.is_empty()) else {
            return;
        };
        let Some(Act::Admitted { writer, account }) = Act::read(payload) else {
            return;
        };
        if Some(about) == self.own {
            self.ours.entry(account).or_insert(position);
        } else if self.shared.contains(&about) {
            self.accounts.insert((about, writer), account);
        }
    }

    /// Who has written an entry. What comes later in the log makes no difference.
    pub(super) fn of(&self, entry: &AppendedEntry) -> Author {
        self.of_writer(Namespace::of(&entry.stream), entry.origin.writer, entry.position)
    }

    /// Who the writer of this number in a namespace was at a position.
    pub(super) fn of_writer(&self, namespace: Namespace, writer: u32, position: Position) -> Author {
        if !self.shared.contains(&namespace) {
            return Author::Ours;
        }
        let account = self.accounts.get(&(namespace, writer));
        let since = account.and_then(|account| self.ours.get(account));
        if since.is_some_and(|since| *since < position) {
            Author::Ours
        } else {
            Author::Another
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Namespace = Namespace(1);
    const SHARED: Namespace = Namespace(2);

    fn admitted(writer: u8, account: u8) -> Vec<u8> {
        [&[2, 0, 0, 0, writer][..], &[account; 20]].concat()
    }

    fn after(acts: &[(Namespace, Vec<u8>)]) -> Authors {
        let mut authors = Authors {
            own: Some(OWN),
            shared: vec![SHARED],
            ..Authors::default()
        };
        for (position, (namespace, act)) in (1..).zip(acts) {
            authors.take_in(position, &Namespace::about(*namespace), act);
        }
        authors
    }

    fn entry(namespace: Namespace, position: Position, writer: u32) -> AppendedEntry {
        AppendedEntry::alone(namespace, position, writer, b"booked")
    }

    #[test]
    fn our_own_servers_are_those_that_our_own_namespace_admitted_before() {
        let authors = after(&[
            (SHARED, admitted(1, 0xaa)),
            (SHARED, admitted(2, 0xbb)),
            (OWN, admitted(1, 0xaa)),
        ]);
        assert_eq!(authors.of(&entry(SHARED, 4, 1)), Author::Ours);
        assert_eq!(authors.of(&entry(SHARED, 4, 2)), Author::Another);
        assert_eq!(authors.of(&entry(SHARED, 4, 3)), Author::Another);
        // Before it was admitted here it was somebody's.
        assert_eq!(authors.of(&entry(SHARED, 2, 1)), Author::Another);
        assert_eq!(authors.of(&entry(OWN, 4, 9)), Author::Ours);
    }

    #[test]
    fn whom_another_namespace_admits_is_not_ours_for_that() {
        let authors = after(&[
            (Namespace(3), admitted(1, 0xaa)),
            (SHARED, admitted(1, 0xaa)),
            (Namespace(3), admitted(1, 0xbb)),
        ]);
        assert_eq!(authors.of(&entry(SHARED, 9, 1)), Author::Another);
    }
}
