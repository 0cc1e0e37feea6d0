//! What is authentic in a namespace that several organisations share is held against the rules before it counts: whoever shares it could append anything.
//!
//! It rests on the sections alone that all of them read, in the order of the log. So they come to the same, whoever has which persons' keys, whatever became of
//! these since, and however the log was cut into blocks.

use std::collections::{BTreeMap, HashMap, HashSet};

use application::log::{AnyEvent, Position, StreamId};
use domain::calendar::{Calendar, contradicts_sharing, moves_are_whole};
use domain::kernel::{AggregateRef, Contradiction};
use domain::state::AnyState;
use sqlx::PgConnection;
use sqlx::postgres::PgRow;

use super::FollowerError;
use super::journaled::journaled;
use super::numbers::to_sql;
use crate::keys::KeySet;
use crate::log::{AppendedEntry, JournaledEntry, Namespace};
use crate::sealing::{Opener, Opening, Overruled, PersonalPart, Void};

/// The aggregates of shared namespaces, as what counted leaves them. One that is not here is taken for new.
#[derive(Clone, PartialEq, Default, Debug)]
pub(super) struct SharedStates {
    states: HashMap<StreamId, AnyState>,
    /// Streams that have an entry which another server of the organisation has read, and for which a secret is not here: they are held back.
    unreadable: HashSet<StreamId>,
}

/// An entry of a shared namespace, and what opening it came to; after it was judged, what it comes to.
pub(super) struct InShared<'a> {
    pub(super) entry: &'a AppendedEntry,
    pub(super) opening: &'a mut Opening,
}

impl InShared<'_> {
    fn namespace(&self) -> Namespace {
        Namespace::of(&self.entry.stream)
    }

    /// Whether it is not known yet what to make of it. (Of what does not decode in a shared namespace the opener says that it is void, and never the third or the fourth of these.)
    const fn waits(&self) -> bool {
        match self.opening {
            Opening::EpochMissing { .. }
            | Opening::KeyMissing
            | Opening::Undecodable(_)
            | Opening::Newer { .. }
            | Opening::Opened {
                personal: PersonalPart::Missing,
                ..
            } => true,
            Opening::Opened { .. } | Opening::Public | Opening::Foreign | Opening::Void(_) | Opening::Sealed => false,
        }
    }
}

impl SharedStates {
    /// Those of these streams, as the journal has them up to a position: another server may have applied more than the one that asks.
    pub(super) async fn load(
        connection: &mut PgConnection,
        opener: &Opener,
        streams: &HashSet<StreamId>,
        up_to: Position,
    ) -> Result<Self, FollowerError> {
        let streams: Vec<&[u8]> = streams.iter().map(|stream| stream.0.as_slice()).collect();
        let sql = format!("{COUNTED} AND stream = ANY ($1) AND position <= $2 ORDER BY stream, version");
        let rows = sqlx::query(&sql).bind(streams).bind(to_sql(up_to));
        Self::folded(&rows.fetch_all(connection).await?, opener)
    }

    /// All of them.
    pub(super) async fn all(connection: &mut PgConnection, opener: &Opener) -> Result<Self, FollowerError> {
        let mut states = Self::default();
        for (namespace, _) in opener.shared() {
            let [first, last] = namespace.streams();
            let sql = format!("{COUNTED} AND stream BETWEEN $1 AND $2 ORDER BY stream, version");
            let rows = sqlx::query(&sql)
                .bind(first.0.as_slice())
                .bind(last.0.as_slice())
                .fetch_all(&mut *connection)
                .await?;
            let found = Self::folded(&rows, opener)?;
            states.states.extend(found.states);
            states.unreadable.extend(found.unreadable);
        }
        Ok(states)
    }

    /// Without any person's key: so nothing personal is in memory, nor can anything rest on it.
    fn folded(rows: &[PgRow], opener: &Opener) -> Result<Self, FollowerError> {
        let (mut states, keys) = (Self::default(), KeySet::default());
        for row in rows {
            let journaled = journaled(row)?;
            let Some(of) = opener.aggregate(&journaled.entry.stream) else {
                continue;
            };
            let JournaledEntry { entry, .. } = &journaled;
            match opener.open_again(&journaled, of, &keys) {
                Opening::Opened { event, .. } => states.take_in(entry, event.event),
                _ => drop(states.unreadable.insert(entry.stream)),
            }
        }
        Ok(states)
    }

    fn take_in(&mut self, entry: &AppendedEntry, event: AnyEvent) {
        let of = event.aggregate();
        let state = self.states.entry(entry.stream).or_insert_with(|| new(of));
        // A stream of a shared namespace has one aggregate.
        let _ = state.take_in(event, entry.version);
    }

    /// Holds against the rules what a commit says in shared namespaces, in each of them apart: others may share only one. What contradicts them is void from then on, with
    /// all that the commit says in that namespace; all else is taken in. If an entry waits, or one before it does, then all of these wait.
    ///
    /// Answers with the streams that are held back from now on.
    pub(super) fn judge_commit(
        &mut self,
        mut commit: Vec<InShared<'_>>,
        held: &HashSet<StreamId>,
    ) -> HashSet<StreamId> {
        let mut newly_held = HashSet::new();
        commit.sort_by_key(InShared::namespace);
        for in_one in commit.chunk_by_mut(|one, next| one.namespace() == next.namespace()) {
            let is_held =
                |one: &InShared<'_>| held.contains(&one.entry.stream) || self.unreadable.contains(&one.entry.stream);
            if in_one.iter().any(|one| one.waits() || is_held(one)) {
                let waiting = in_one.iter().filter(|one| !matches!(one.opening, Opening::Void(_)));
                newly_held.extend(
                    waiting
                        .map(|one| one.entry.stream)
                        .filter(|stream| !held.contains(stream)),
                );
            } else if let Err(rule) = self.take_in_all(in_one) {
                for InShared { opening, .. } in in_one {
                    if matches!(opening, Opening::Opened { .. }) {
                        **opening = Opening::Void(Void::Overruled(Overruled::Contradiction(rule)));
                    }
                }
            }
        }
        newly_held
    }

    /// Takes in what entries say, or nothing of it.
    fn take_in_all(&mut self, entries: &[InShared<'_>]) -> Result<(), Contradiction> {
        let said = entries.iter().filter_map(|one| match &*one.opening {
            Opening::Opened { event, .. } => event.event.of_aggregate::<Calendar>(),
            _ => None,
        });
        if !moves_are_whole(said.clone()) {
            return Err(Contradiction::HalfOfAMove);
        }
        if let Some(rule) = said.clone().find_map(|(of, event)| contradicts_sharing(of, event)) {
            return Err(rule);
        }
        let mut after: BTreeMap<StreamId, AnyState> = BTreeMap::new();
        for InShared { entry, opening } in entries {
            let Opening::Opened { event, .. } = &**opening else {
                continue;
            };
            // What a person's key opens is none of it.
            let event = event.event.without_personal().map_err(|_| Contradiction::Impossible)?;
            let before = || self.states.get(&entry.stream).cloned();
            let state = after
                .entry(entry.stream)
                .or_insert_with(|| before().unwrap_or_else(|| new(event.aggregate())));
            match state.contradiction(&event) {
                Ok(None) => {}
                Ok(Some(rule)) => return Err(rule),
                Err(_) => return Err(Contradiction::Impossible),
            }
            let taken_in = state.take_in(event, entry.version);
            taken_in.map_err(|_| Contradiction::Impossible)?;
        }
        self.states.extend(after);
        Ok(())
    }
}

#[cfg(test)]
impl SharedStates {
    /// How everything stands.
    pub(super) fn all_states(&self) -> impl Iterator<Item = &AnyState> {
        self.states.values()
    }
}

fn new(of: AggregateRef) -> AnyState {
    AnyState::new(of.aggregate_type())
}

/// The entries of the journal that count. Those that are parked are held against the rules when they are read.
const COUNTED: &str = "SELECT position, stream, version, transaction, origin, payload, before, 0 FROM journal
    WHERE void IS NULL AND NOT EXISTS (SELECT FROM parked WHERE parked.position = journal.position)";
