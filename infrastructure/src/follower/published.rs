//! What owners of namespaces have published, as the log tells it: in which formats and epochs entries may be written. Pure, but for what is read when a
//! follower begins.
//!
//! Anybody can tell, of any namespace. So whoever follows one of the namespaces that a commit spans comes to the same.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use application::log::{Position, StreamId};
use sqlx::{PgExecutor, PgPool};

use super::numbers::from_sql;
use super::tables;
use crate::chain::administration::{Act, subject_of};
use crate::keys::{EpochCommitment, EpochNumber};
use crate::log::{AppendedEntry, Namespace};
use crate::sealing::{FORMAT, Opener, Profile, Void, Written};

/// What was published up to one moment of the log. Clones are cheap.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Published(Arc<HashMap<Namespace, OfNamespace>>);

#[derive(Clone, PartialEq, Eq, Default, Debug)]
struct OfNamespace {
    /// The later epochs, each with the position from which on it is published, and what its secret commits to. They have no gap.
    epochs: BTreeMap<EpochNumber, (Position, EpochCommitment)>,
    /// The formats that are published beside the one that every namespace has, each with the position from which on it is.
    formats: BTreeMap<u8, Position>,
}

impl OfNamespace {
    fn latest_epoch(&self) -> EpochNumber {
        self.epochs.last_key_value().map_or(0, |(number, _)| *number)
    }
}

impl Published {
    /// As the journal has it.
    pub(super) async fn load(executor: impl PgExecutor<'_>) -> Result<Self, sqlx::Error> {
        let [from, to] = Namespace::ADMINISTRATION.streams();
        let sql = "SELECT position, stream, payload FROM journal WHERE stream BETWEEN $1 AND $2
                   AND substring(payload FROM 1 FOR 1) = '\\x06' ORDER BY position";
        let acts: Vec<(i64, [u8; 32], Vec<u8>)> = sqlx::query_as(sql)
            .bind(from.0.as_slice())
            .bind(to.0.as_slice())
            .fetch_all(executor)
            .await?;
        let mut published = Self::default();
        for (position, stream, payload) in acts {
            published.take_in(from_sql(position), &StreamId(stream), &payload);
        }
        Ok(published)
    }

    /// The same, where there may be no journal yet: then nothing is known to be published.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn of_journal(pool: &PgPool) -> Result<Self, sqlx::Error> {
        let mut connection = pool.acquire().await?;
        if tables::has_table(&mut connection, "journal").await? {
            Self::load(&mut *connection).await
        } else {
            Ok(Self::default())
        }
    }

    /// Takes the log's next entry in, which is an administrative act. Says whether it publishes anything.
    pub(super) fn take_in(&mut self, position: Position, stream: &StreamId, payload: &[u8]) -> bool {
        let Some(Act::Published { profile }) = Act::read(payload) else {
            return false;
        };
        let published = subject_of(stream).zip(Profile::read(&profile));
        let is_any = published.is_some();
        if let Some((namespace, profile)) = published {
            let of = Arc::make_mut(&mut self.0).entry(namespace).or_default();
            for (number, commitment) in profile.epochs {
                // Otherwise a slip of the owner's could leave no number for the next one.
                if number == of.latest_epoch().saturating_add(1) {
                    of.epochs.insert(number, (position, commitment));
                }
            }
            for format in profile.formats {
                of.formats.entry(format).or_insert(position);
            }
        }
        is_any
    }

    /// Why the commit of an entry means nothing, as far as the entry itself shows: it is written in a way that nobody has published in its namespace. What is no
    /// payload by its form says nothing about the others of its commit.
    pub(super) fn void(&self, entry: &AppendedEntry) -> Option<Void> {
        let namespace = Namespace::of(&entry.stream);
        let Written { format, epoch } = Written::of(&entry.payload)?;
        if namespace == Namespace::ADMINISTRATION || (format, epoch) == (FORMAT, Some(0)) {
            return None;
        }
        let of = self.0.get(&namespace);
        if format != FORMAT {
            let since = of.and_then(|of| of.formats.get(&format));
            let is_published = since.is_some_and(|since| *since < entry.position);
            return (!is_published).then_some(Void::UnknownFormat(format));
        }
        let epoch = epoch.filter(|epoch| *epoch > 0)?;
        let since = of.and_then(|of| of.epochs.get(&epoch));
        // Who begins again at an earlier block knows what was published since.
        let is_published = since.is_some_and(|(since, _)| *since < entry.position);
        (!is_published).then_some(Void::UnknownEpoch(epoch))
    }

    /// The later epochs of a namespace and what their secrets commit to, in order.
    pub fn epochs(&self, namespace: Namespace) -> impl Iterator<Item = (EpochNumber, EpochCommitment)> {
        let epochs = self.0.get(&namespace).into_iter().flat_map(|of| &of.epochs);
        epochs.map(|(number, (_, commitment))| (*number, *commitment))
    }

    /// The latest epoch of a namespace that was published up to a position.
    pub(super) fn latest_epoch(&self, namespace: Namespace, up_to: Position) -> EpochNumber {
        let epochs = self.0.get(&namespace).into_iter().flat_map(|of| &of.epochs);
        let published = epochs.filter(|(_, (position, _))| *position <= up_to);
        published.map(|(number, _)| *number).max().unwrap_or_default()
    }

    /// Tells an opener that there are these epochs and no others: blocks were undone.
    pub(super) fn tell_all(&self, opener: &Opener) {
        opener.publish_only_epochs(|namespace| self.epochs(namespace));
    }

    /// Tells an opener which epochs there are: it must know before it opens what is sealed in one.
    pub(super) fn tell(&self, opener: &Opener) {
        opener.publish_epochs(|namespace| self.epochs(namespace));
    }
}

/// The namespace whose profiles say whether an entry counts, if its format and its epoch are not those that are used everywhere.
pub fn rests_on_profiles(entry: &AppendedEntry) -> Option<Namespace> {
    let is_published = Published::default().void(entry).is_none();
    (!is_published).then(|| Namespace::of(&entry.stream))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Namespace = Namespace(3);

    fn profile(epochs: &[EpochNumber], formats: &[u8]) -> Vec<u8> {
        let profile = Profile {
            epochs: epochs.iter().map(|number| (*number, [7; 32])).collect(),
            formats: formats.to_vec(),
            endpoint: None,
        };
        [vec![6], profile.write()].concat()
    }

    fn after(acts: &[(Namespace, Vec<u8>)]) -> Published {
        let mut published = Published::default();
        for (position, (namespace, act)) in (1..).zip(acts) {
            published.take_in(position, &Namespace::about(*namespace), act);
        }
        published
    }

    fn void(published: &Published, namespace: Namespace, payload: &[u8]) -> Option<Void> {
        published.void(&entry(namespace, payload))
    }

    fn entry(namespace: Namespace, payload: &[u8]) -> AppendedEntry {
        AppendedEntry::alone(namespace, 9, 1, payload)
    }

    #[test]
    fn the_first_epoch_and_the_format_of_today_are_used_everywhere() {
        let published = Published::default();
        assert_eq!(void(&published, OURS, &[FORMAT << 6, 0]), None);
        assert_eq!(void(&published, OURS, &[FORMAT << 6, 1]), Some(Void::UnknownEpoch(1)));
        assert_eq!(void(&published, OURS, &[0xff, 0]), Some(Void::UnknownFormat(3)));
        // Neither says how it is written.
        assert_eq!(void(&published, OURS, &[]), None);
        assert_eq!(void(&published, OURS, &[FORMAT << 6]), None);
        assert_eq!(void(&published, Namespace::ADMINISTRATION, &[1, 2]), None);
    }

    #[test]
    fn what_is_published_is_published_for_its_namespace_and_for_good() {
        let published = after(&[(OURS, profile(&[1], &[])), (OURS, profile(&[], &[3]))]);
        assert_eq!(void(&published, OURS, &[FORMAT << 6, 1]), None);
        assert_eq!(void(&published, OURS, &[0xff, 9]), None);
        assert_eq!(void(&published, OURS, &[FORMAT << 6, 2]), Some(Void::UnknownEpoch(2)));
        let elsewhere = void(&published, Namespace(4), &[FORMAT << 6, 1]);
        assert_eq!(elsewhere, Some(Void::UnknownEpoch(1)));
    }

    #[test]
    fn of_two_commitments_the_first_counts_and_an_epoch_is_sealed_under_from_its_position_on() {
        let mut other = profile(&[1, 2], &[]);
        other.iter_mut().rev().take(32).for_each(|byte| *byte = 8);
        let published = after(&[(OURS, profile(&[1], &[])), (OURS, other)]);
        let epochs: Vec<_> = published.epochs(OURS).collect();
        assert_eq!(epochs, [(1, [7; 32]), (2, [8; 32])]);
        let latest = [0, 1, 2, 3].map(|position| published.latest_epoch(OURS, position));
        assert_eq!(latest, [0, 1, 2, 2]);
        assert_eq!(published.latest_epoch(Namespace(4), 9), 0);
    }

    #[test]
    fn what_comes_before_a_publication_is_not_published_for_whoever_knows_of_it() {
        let published = after(&[(OURS, profile(&[], &[])), (OURS, profile(&[1], &[3]))]);
        for (payload, void) in [
            ([FORMAT << 6, 1], Void::UnknownEpoch(1)),
            ([0xff, 0], Void::UnknownFormat(3)),
        ] {
            let at = |position| {
                let entry = entry(OURS, &payload);
                published.void(&AppendedEntry { position, ..entry })
            };
            assert_eq!([at(1), at(2), at(3)], [Some(void), Some(void), None]);
        }
    }

    #[test]
    fn epochs_follow_each_other_without_a_gap() {
        let acts = [2, u64::MAX, 0, 1, 1, 3, 2, 4].map(|number| (OURS, profile(&[number], &[])));
        let published = after(&acts);
        let epochs: Vec<_> = published.epochs(OURS).map(|(number, _)| number).collect();
        assert_eq!(epochs, [1, 2]);
        assert_eq!(published.latest_epoch(OURS, 6), 1);
        assert_eq!(after(&[(OURS, profile(&[3, 1, 2, 3], &[]))]).epochs(OURS).count(), 3);
    }

    #[test]
    fn what_is_no_profile_publishes_nothing() {
        for act in [vec![6, 9], vec![6], vec![2, 0, 0, 0, 1], profile(&[0], &[])] {
            let published = after(&[(OURS, act)]);
            assert_eq!(void(&published, OURS, &[FORMAT << 6, 1]), Some(Void::UnknownEpoch(1)));
            assert_eq!(published.epochs(OURS).count(), 0);
        }
    }
}
