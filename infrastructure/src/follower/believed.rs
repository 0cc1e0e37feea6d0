//! Which plain entries are believed: those of configured contracts, in the namespaces that they have opened themselves, as the log tells. Pure,
//! but for what is read when a follower begins.

use std::collections::HashSet;

use application::log::StreamId;
use sqlx::PgExecutor;

use crate::chain::Recorder;
use crate::chain::administration::{Act, subject_of};
use crate::log::{AppendedEntry, Namespace, Origin};

/// The configured contracts, and under which numbers each has written in its namespace up to one moment of the log.
///
/// A number is given once: whoever is admitted later, or admitted again, gets another. So what was written under a number is for ever of the
/// account that got it, whatever the owner of the namespace does. It does not matter whether others write there, too: they are not believed.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Believed(Vec<Believing>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Believing {
    recorder: Recorder,
    /// Whether the contract itself opened the namespace, for plain entries.
    opened: bool,
    writers: HashSet<u32>,
}

impl Believed {
    /// Before the log has any entry.
    pub(super) fn at_first(recorders: &[Recorder]) -> Self {
        let believing = recorders.iter().map(|recorder| Believing {
            recorder: *recorder,
            opened: false,
            writers: HashSet::new(),
        });
        Self(believing.collect())
    }

    /// As the journal has it.
    pub(super) async fn load(executor: impl PgExecutor<'_>, recorders: &[Recorder]) -> Result<Self, sqlx::Error> {
        let mut believed = Self::at_first(recorders);
        if recorders.is_empty() {
            return Ok(believed);
        }
        let about = |recorder: &Recorder| Namespace::about(recorder.namespace).0.to_vec();
        let streams: Vec<_> = recorders.iter().map(about).collect();
        let sql = "SELECT stream, payload FROM journal WHERE stream = ANY ($1) ORDER BY position";
        let acts: Vec<([u8; 32], Vec<u8>)> = sqlx::query_as(sql).bind(streams).fetch_all(executor).await?;
        acts.iter()
            .for_each(|(stream, payload)| believed.take_in(&StreamId(*stream), payload));
        Ok(believed)
    }

    /// Takes the log's next entry in.
    pub(super) fn take_in(&mut self, stream: &StreamId, payload: &[u8]) {
        let about = subject_of(stream);
        let ours = self.0.iter_mut().filter(|one| Some(one.recorder.namespace) == about);
        for Believing {
            recorder,
            opened,
            writers,
        } in ours
        {
            match Act::read(payload) {
                Some(Act::Opened { is_sealed, owner, .. }) => *opened = !is_sealed && owner == recorder.contract,
                Some(Act::Admitted { writer, account }) if account == recorder.contract => drop(writers.insert(writer)),
                _ => {}
            }
        }
    }

    /// The configured contract that wrote an entry, if one did.
    pub(super) fn recorder_of(&self, entry: &AppendedEntry) -> Option<&Recorder> {
        self.recorder_behind(&entry.stream, entry.origin)
    }

    /// As [`Self::recorder_of`], of an entry's stream and where it comes from. What comes later in the log makes no difference: nobody writes before they
    /// are admitted, nor in a namespace that is not open yet.
    pub(super) fn recorder_behind(&self, stream: &StreamId, origin: Origin) -> Option<&Recorder> {
        let namespace = Namespace::of(stream);
        let wrote = |one: &&Believing| {
            one.recorder.namespace == namespace && one.opened && one.writers.contains(&origin.writer)
        };
        self.0.iter().find(wrote).map(|one| &one.recorder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Address;

    const CONTRACT: Address = Address([7; 20]);
    const OTHER: Address = Address([8; 20]);
    const THERE: Namespace = Namespace(3);
    const RECORDER: Recorder = Recorder {
        contract: CONTRACT,
        namespace: THERE,
        registry: None,
    };

    fn opened(is_sealed: u8, owner: Address) -> Vec<u8> {
        [&[1, is_sealed, 0, 0, 0, 0][..], &owner.0].concat()
    }

    fn admitted(writer: u8, account: Address) -> Vec<u8> {
        [&[2, 0, 0, 0, writer][..], &account.0].concat()
    }

    fn after(acts: &[Vec<u8>]) -> Believed {
        let mut believed = Believed::at_first(&[RECORDER]);
        acts.iter()
            .for_each(|act| believed.take_in(&Namespace::about(THERE), act));
        believed
    }

    fn contract_of(believed: &Believed, entry: &AppendedEntry) -> Option<Address> {
        believed.recorder_of(entry).map(|recorder| recorder.contract)
    }

    fn entry(namespace: Namespace, writer: u32) -> AppendedEntry {
        AppendedEntry::alone(namespace, 9, writer, b"granted")
    }

    #[test]
    fn a_configured_contract_is_believed_in_the_namespace_that_it_has_opened() {
        let believed = after(&[opened(0, CONTRACT), admitted(1, CONTRACT)]);
        assert_eq!(contract_of(&believed, &entry(THERE, 1)), Some(CONTRACT));
        assert_eq!(contract_of(&believed, &entry(Namespace(4), 1)), None);
    }

    #[test]
    fn nobody_else_who_writes_there_is_believed() {
        let believed = after(&[opened(0, CONTRACT), admitted(1, CONTRACT), admitted(2, OTHER)]);
        assert_eq!(contract_of(&believed, &entry(THERE, 2)), None);
        assert_eq!(contract_of(&believed, &entry(THERE, 1)), Some(CONTRACT));
    }

    #[test]
    fn it_is_believed_under_every_number_that_it_was_given() {
        let dismissed = [&[3, 0, 0, 0, 1][..], &CONTRACT.0].concat();
        let acts = [
            opened(0, CONTRACT),
            admitted(1, CONTRACT),
            dismissed,
            admitted(2, CONTRACT),
        ];
        let believed = after(&acts);
        for writer in [1, 2] {
            assert_eq!(
                contract_of(&believed, &entry(THERE, writer)),
                Some(CONTRACT),
                "{writer}"
            );
        }
        assert_eq!(contract_of(&believed, &entry(THERE, 3)), None);
    }

    #[test]
    fn a_namespace_that_somebody_else_has_opened_or_that_is_sealed_is_not_believed() {
        for act in [opened(0, OTHER), opened(1, CONTRACT)] {
            let believed = after(&[act, admitted(1, CONTRACT)]);
            assert_eq!(contract_of(&believed, &entry(THERE, 1)), None);
        }
    }

    #[test]
    fn what_was_done_to_another_namespace_says_nothing() {
        let mut believed = after(&[opened(0, CONTRACT)]);
        believed.take_in(&Namespace::about(Namespace(4)), &admitted(1, CONTRACT));
        // Nobody but the log itself writes in namespace 0.
        believed.take_in(&THERE.stream(&[0; 28]), &admitted(1, CONTRACT));
        assert_eq!(contract_of(&believed, &entry(THERE, 1)), None);
    }
}
