//! The key ring: the data subjects' keys, at rest in Postgres, in use in memory.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use domain::kernel::SubjectId;
use ring::rand::{SecureRandom, SystemRandom};
use sqlx::PgPool;
use tokio::sync::Notify;

use super::rows::{self, KeyRow};
use super::{DataKey, EpochNumber, Epochs, KeyEncryptionKeys, SecretError, UnwrapError};
use crate::log::{KeyId, NewKey};
use crate::postgres::{Answering, TRANSACTION, within};

/// How many keys are kept open in memory.
const CACHED: u64 = 200_000;

/// How long a key stays open in memory before it is read again, so that a destruction on another server gets here even if
/// nobody tells.
const CACHED_FOR: Duration = Duration::from_secs(15 * 60);

/// How long a key's absence is believed before it is looked for again: a grant, or a backup, may bring it.
const ABSENT_FOR: Duration = Duration::from_secs(10);

/// How many keys are wrapped again in one transaction of a rotation.
const ROTATED_AT_ONCE: i64 = 500;

/// How long to wait before it is looked again whether another rotation has done what is left.
const OTHERS_ROTATE: Duration = Duration::from_millis(100);

/// Why the ring has no answer.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// Postgres does not answer.
    #[error("the keys cannot be read")]
    Database(#[from] sqlx::Error),
    /// A key does not unwrap.
    #[error(transparent)]
    Unwrap(#[from] UnwrapError),
    /// No key can be made.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The subject has a history, and their key is not here: it is in a backup, or lost. They never get another.
    #[error("the key of this data subject is not here")]
    Missing,
    /// The subject's key was destroyed: nothing is ever sealed for them again.
    #[error("the key of this data subject is destroyed")]
    Destroyed,
    /// The log has published an epoch of the namespace whose secret is not here: it is in a backup of the database that made it.
    #[error("the secret of epoch {0} is not here")]
    EpochMissing(EpochNumber),
    /// Another task that asked for the same key failed.
    #[error("{0}")]
    Shared(#[source] Arc<KeyRingError>),
}

impl KeyRingError {
    /// Whether somebody has a history and no key.
    pub fn is_missing(&self) -> bool {
        match self {
            Self::Missing => true,
            Self::Shared(shared) => shared.is_missing(),
            _ => false,
        }
    }

    /// Whether somebody's key was destroyed.
    pub fn is_destroyed(&self) -> bool {
        match self {
            Self::Destroyed => true,
            Self::Shared(shared) => shared.is_destroyed(),
            _ => false,
        }
    }
}

/// A key that is held here, and whose data it seals.
#[derive(Clone, Debug)]
pub struct HeldKey {
    /// The data subject.
    pub subject: SubjectId,
    /// Their key.
    pub key: DataKey,
}

/// What the ring knows about a key by its name.
#[derive(Clone, Debug)]
pub enum KeyLookup {
    /// It is here.
    Held(Arc<HeldKey>),
    /// It was here and is destroyed.
    Destroyed,
    /// It was never here.
    Unknown,
}

/// What the ring knows about the keys of a data subject.
#[derive(Debug)]
pub enum SubjectKeys<'a> {
    /// They are here.
    Held(Vec<&'a HeldKey>),
    /// All that were here are destroyed.
    Destroyed,
    /// There never were any here.
    Unknown,
}

/// Keys taken out of the ring for a batch of events, so that opening them asks nobody.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: HashMap<KeyId, KeyLookup>,
    /// The names of the keys of each data subject who was asked for; `None` for who is erased, whatever is here.
    of_subjects: HashMap<SubjectId, Option<Arc<[KeyId]>>>,
}

impl KeySet {
    /// A key by its name.
    pub fn get(&self, key_id: &KeyId) -> &KeyLookup {
        self.keys.get(key_id).unwrap_or(&KeyLookup::Unknown)
    }

    /// The keys of a data subject.
    pub fn of_subject(&self, subject: &SubjectId) -> SubjectKeys<'_> {
        let names = match self.of_subjects.get(subject) {
            None => return SubjectKeys::Unknown,
            Some(None) => return SubjectKeys::Destroyed,
            Some(Some(names)) if names.is_empty() => return SubjectKeys::Unknown,
            Some(Some(names)) => names,
        };
        let held = names.iter().filter_map(|key_id| match self.get(key_id) {
            KeyLookup::Held(held) => Some(held.as_ref()),
            KeyLookup::Destroyed | KeyLookup::Unknown => None,
        });
        let held: Vec<&HeldKey> = held.collect();
        if held.is_empty() {
            SubjectKeys::Destroyed
        } else {
            SubjectKeys::Held(held)
        }
    }

    /// Takes the keys for destroyed of which this is so, and those of subjects of whom it is.
    pub(crate) fn destroy(&mut self, is_destroyed: impl Fn(&KeyId) -> bool, is_erased: impl Fn(&SubjectId) -> bool) {
        for (_, lookup) in self.keys.iter_mut().filter(|(key_id, _)| is_destroyed(key_id)) {
            *lookup = KeyLookup::Destroyed;
        }
        for (_, names) in self.of_subjects.iter_mut().filter(|(subject, _)| is_erased(subject)) {
            *names = None;
        }
    }
}

impl FromIterator<(KeyId, KeyLookup)> for KeySet {
    fn from_iter<I: IntoIterator<Item = (KeyId, KeyLookup)>>(keys: I) -> Self {
        let mut set = Self::default();
        for (key_id, lookup) in keys {
            if let KeyLookup::Held(held) = &lookup {
                set.of_subjects.insert(held.subject, Some(Arc::from([key_id])));
            }
            set.keys.insert(key_id, lookup);
        }
        set
    }
}

/// The key to seal under.
#[derive(Clone, Debug)]
pub struct SealingKey {
    /// Its name, for the header.
    pub key_id: KeyId,
    /// The key.
    pub held: Arc<HeldKey>,
    /// The row to make durable with the commit, if that may not have happened yet.
    pub new: Option<NewKey>,
}

/// The newest key of a subject.
#[derive(Clone)]
enum Current {
    Key(KeyId, Arc<HeldKey>),
    Destroyed,
}

/// The key ring of one server. Cheap to share behind an `Arc`.
pub struct KeyRing {
    pub(super) pool: Answering,
    pub(super) keks: KeyEncryptionKeys,
    pub(super) epochs: Arc<Epochs>,
    /// Keys that may not be in the database yet. They stand in no cache that could evict them.
    undurable: DashMap<SubjectId, SealingKey>,
    undurable_ids: DashMap<KeyId, Arc<HeldKey>>,
    current: moka::future::Cache<SubjectId, Current>,
    by_id: moka::sync::Cache<KeyId, KeyLookup>,
    absent: moka::sync::Cache<KeyId, ()>,
    missed: Notify,
    /// How often a key was forgotten, for whoever remembers what rests on it.
    forgotten: AtomicU64,
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing")
            .field("keks", &self.keks)
            .finish_non_exhaustive()
    }
}

impl KeyRing {
    /// A ring over the table `data_keys`.
    pub fn new(pool: PgPool, keks: KeyEncryptionKeys) -> Self {
        Self {
            pool: Answering::new(pool),
            keks,
            epochs: Arc::default(),
            undurable: DashMap::new(),
            undurable_ids: DashMap::new(),
            current: moka::future::Cache::builder()
                .max_capacity(CACHED)
                .time_to_live(CACHED_FOR)
                .build(),
            by_id: moka::sync::Cache::builder()
                .max_capacity(CACHED)
                .time_to_live(CACHED_FOR)
                .build(),
            absent: moka::sync::Cache::builder()
                .max_capacity(CACHED)
                .time_to_live(ABSENT_FOR)
                .build(),
            missed: Notify::new(),
            forgotten: AtomicU64::new(0),
        }
    }

    /// Sees to it that a subject has a key whose own stream is about to begin: nobody has sealed anything for them yet. A new key is
    /// made in memory: it comes with the row that must become durable together with the first commit, and keeps coming with it
    /// until [`Self::mark_durable`].
    ///
    /// However many tasks ask at once, they get the same key.
    ///
    /// # Errors
    /// [`KeyRingError`].
    pub async fn begin(&self, subject: SubjectId) -> Result<SealingKey, KeyRingError> {
        loop {
            match self.current_of(subject, self.load_or_make(subject)).await {
                // Somebody who asked at the same moment was told so, and we with them.
                Err(error) if error.is_missing() => {}
                begun => return begun,
            }
        }
    }

    /// The key to seal a subject's data under. None is ever made here: whoever has a history has a key, and another one would hide
    /// that theirs is lost.
    ///
    /// # Errors
    /// [`KeyRingError`].
    pub async fn for_sealing(&self, subject: SubjectId) -> Result<SealingKey, KeyRingError> {
        let missed = || {
            self.missed.notify_one();
            KeyRingError::Missing
        };
        let load = async { self.current_at_rest(subject).await?.ok_or_else(missed) };
        self.current_of(subject, load).await
    }

    async fn current_of(
        &self,
        subject: SubjectId,
        load: impl Future<Output = Result<Current, KeyRingError>>,
    ) -> Result<SealingKey, KeyRingError> {
        if let Some(undurable) = self.undurable.get(&subject) {
            return Ok(undurable.clone());
        }
        let current = self.current.try_get_with(subject, load).await;
        match current.map_err(KeyRingError::Shared)? {
            Current::Key(key_id, held) => {
                let new = self.undurable.get(&subject).and_then(|undurable| undurable.new.clone());
                Ok(SealingKey { key_id, held, new })
            }
            Current::Destroyed => Err(KeyRingError::Destroyed),
        }
    }

    /// A key has been made durable: commits need not carry it any more.
    pub fn mark_durable(&self, key_id: &KeyId) {
        if let Some((_, held)) = self.undurable_ids.remove(key_id) {
            self.by_id.insert(*key_id, KeyLookup::Held(Arc::clone(&held)));
            self.undurable.remove_if(&held.subject, |_, key| key.key_id == *key_id);
        }
    }

    /// A key has been destroyed, here or by another server: it is let go of, and the table is asked when somebody wants it.
    pub async fn forget(&self, key_id: KeyId, subject: SubjectId) {
        self.by_id.invalidate(&key_id);
        self.current.invalidate(&subject).await;
        self.forgotten.fetch_add(1, Ordering::Release);
    }

    /// How often a key was forgotten: as long as it is the same, what rests on keys may stay in memory.
    pub fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Acquire)
    }

    /// Writes new keys to the table at once, for whoever appends without an outbox.
    ///
    /// # Errors
    /// When the database refuses; then none is written.
    pub async fn make_durable(&self, new_keys: &[NewKey]) -> Result<(), KeyRingError> {
        let insert = async {
            let mut connection = self.pool.pool().acquire().await?;
            rows::insert_keys(&mut connection, new_keys).await
        };
        within(TRANSACTION, insert).await?;
        for key in new_keys {
            self.mark_durable(&key.key_id);
        }
        Ok(())
    }

    /// Keys by their names, and all keys of data subjects. Names are looked up in memory, and those not there with one query; subjects with
    /// another, for a server on the same database may have made one of them a key at the same moment as this one.
    ///
    /// # Errors
    /// [`KeyRingError`].
    pub async fn load(&self, key_ids: &[KeyId], subjects: &[SubjectId]) -> Result<KeySet, KeyRingError> {
        let mut set = self.load_by_ids(key_ids).await?;
        self.load_of_subjects(subjects, &mut set).await?;
        Ok(set)
    }

    async fn load_of_subjects(&self, subjects: &[SubjectId], set: &mut KeySet) -> Result<(), KeyRingError> {
        let wanted: HashSet<SubjectId> = subjects.iter().copied().collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let mut names: HashMap<SubjectId, Vec<KeyId>> = HashMap::new();
        let wanted: Vec<SubjectId> = wanted.into_iter().collect();
        for row in rows::of_subjects(&self.pool, &wanted).await? {
            let Some(key_id) = row.key_id() else { continue };
            names.entry(row.subject()).or_default().push(key_id);
            let lookup = match self.by_id.get(&key_id) {
                Some(known @ KeyLookup::Held(_)) if row.wrapped.is_some() => known,
                _ => {
                    let lookup = self.open(&row)?;
                    self.by_id.insert(key_id, lookup.clone());
                    lookup
                }
            };
            set.keys.insert(key_id, lookup);
        }
        for subject in &wanted {
            let names = names.entry(*subject).or_default();
            if let Some(undurable) = self.undurable.get(subject)
                && !names.contains(&undurable.key_id)
            {
                names.push(undurable.key_id);
                let held = KeyLookup::Held(Arc::clone(&undurable.held));
                set.keys.insert(undurable.key_id, held);
            }
        }
        let names = names
            .into_iter()
            .map(|(subject, names)| (subject, Some(Arc::from(names))));
        set.of_subjects.extend(names);
        Ok(())
    }

    async fn load_by_ids(&self, key_ids: &[KeyId]) -> Result<KeySet, KeyRingError> {
        let mut found = HashMap::with_capacity(key_ids.len());
        let mut missing = Vec::new();
        for key_id in key_ids {
            if found.contains_key(key_id) {
                continue;
            }
            let lookup = self.in_memory(key_id);
            if lookup.is_none() {
                missing.push(*key_id);
            }
            found.insert(*key_id, lookup.unwrap_or(KeyLookup::Unknown));
        }
        if !missing.is_empty() {
            for row in rows::by_ids(&self.pool, &missing).await? {
                let Some(key_id) = row.key_id() else { continue };
                let lookup = self.open(&row)?;
                self.by_id.insert(key_id, lookup.clone());
                found.insert(key_id, lookup);
            }
            for key_id in missing {
                if matches!(found.get(&key_id), Some(KeyLookup::Unknown)) {
                    self.absent.insert(key_id, ());
                }
            }
        }
        Ok(KeySet {
            keys: found,
            ..KeySet::default()
        })
    }

    /// A key is not here under which something is.
    pub fn miss(&self) {
        self.missed.notify_one();
    }

    /// Lets go of the keys in memory that are durable: where one is gone from the table others may be, and what is sealed under them now could be
    /// read by nobody once this server stops.
    pub fn let_go(&self) {
        self.by_id.invalidate_all();
        self.current.invalidate_all();
    }

    /// Waits until a key was missed.
    pub async fn missed(&self) {
        self.missed.notified().await;
    }

    /// Believes of no key any more that it is not here: somebody may have restored it.
    pub fn look_again(&self) {
        self.absent.invalidate_all();
    }

    /// Wraps every key, and every epoch's secret, under the current key-encryption key again: the rotation. It goes on where an interrupted one stopped,
    /// may run on several servers, and while they work. `progress` hears how many are done, of how many. Afterwards no key is
    /// under another one, whoever wrapped it.
    ///
    /// # Errors
    /// [`KeyRingError`]; what was done until then stays done.
    pub async fn rewrap(&self, mut progress: impl FnMut(u64, u64)) -> Result<u64, KeyRingError> {
        let mut done = self.rewrap_epochs().await?;
        let total = done + rows::count_outdated(&self.pool, self.keks.current_id()).await?;
        progress(done, total);
        loop {
            let rewrapped = within(TRANSACTION, self.rewrap_some()).await?;
            if rewrapped > 0 {
                done += rewrapped;
                progress(done, total.max(done));
            } else if rows::count_outdated(&self.pool, self.keks.current_id()).await? == 0 {
                return Ok(done);
            } else {
                // Another rotation is about to do the rest.
                tokio::time::sleep(OTHERS_ROTATE).await;
            }
        }
    }

    /// Some of them in one transaction; how many.
    async fn rewrap_some(&self) -> Result<u64, KeyRingError> {
        let mut transaction = self.pool.pool().begin().await?;
        let outdated = rows::outdated(&mut transaction, self.keks.current_id(), ROTATED_AT_ONCE).await?;
        let mut rewrapped = Vec::with_capacity(outdated.len());
        for row in &outdated {
            let (Some(key_id), Some(wrapped)) = (row.key_id(), &row.wrapped) else {
                continue;
            };
            let key = self.keks.unwrap(&row.kek_id, &key_id, row.subject(), wrapped)?;
            rewrapped.push((key_id, self.keks.wrap(&key_id, row.subject(), &key)?));
        }
        rows::replace(&mut transaction, self.keks.current_id(), &rewrapped).await?;
        transaction.commit().await?;
        Ok(rewrapped.len() as u64)
    }

    async fn load_or_make(&self, subject: SubjectId) -> Result<Current, KeyRingError> {
        match self.current_at_rest(subject).await? {
            Some(current) => Ok(current),
            None => self.make(subject),
        }
    }

    /// The newest key of a subject that is not destroyed; `None` when they have never had any here.
    async fn current_at_rest(&self, subject: SubjectId) -> Result<Option<Current>, KeyRingError> {
        if let Some(undurable) = self.undurable.get(&subject) {
            return Ok(Some(Current::Key(undurable.key_id, Arc::clone(&undurable.held))));
        }
        let rows = rows::of_subjects(&self.pool, &[subject]).await?;
        for row in &rows {
            if let (Some(key_id), KeyLookup::Held(held)) = (row.key_id(), self.open(row)?) {
                self.by_id.insert(key_id, KeyLookup::Held(Arc::clone(&held)));
                return Ok(Some(Current::Key(key_id, held)));
            }
        }
        Ok((!rows.is_empty()).then_some(Current::Destroyed))
    }

    fn make(&self, subject: SubjectId) -> Result<Current, KeyRingError> {
        let mut key_id = KeyId::default();
        SystemRandom::new()
            .fill(&mut key_id)
            .map_err(|_| SecretError::NoRandomness)?;
        let key = DataKey::random()?;
        let wrapped = self.keks.wrap(&key_id, subject, &key)?;
        let new = NewKey {
            key_id,
            subject,
            wrapped,
            kek_id: self.keks.current_id().to_owned(),
        };
        let held = Arc::new(HeldKey { subject, key });
        self.undurable_ids.insert(key_id, Arc::clone(&held));
        self.undurable.insert(
            subject,
            SealingKey {
                key_id,
                held: Arc::clone(&held),
                new: Some(new),
            },
        );
        Ok(Current::Key(key_id, held))
    }

    fn in_memory(&self, key_id: &KeyId) -> Option<KeyLookup> {
        if let Some(held) = self.undurable_ids.get(key_id) {
            return Some(KeyLookup::Held(Arc::clone(&held)));
        }
        self.by_id
            .get(key_id)
            .or_else(|| self.absent.contains_key(key_id).then_some(KeyLookup::Unknown))
    }

    fn open(&self, row: &KeyRow) -> Result<KeyLookup, KeyRingError> {
        let (Some(key_id), Some(wrapped)) = (row.key_id(), &row.wrapped) else {
            return Ok(KeyLookup::Destroyed);
        };
        let subject = row.subject();
        let key = self.keks.unwrap(&row.kek_id, &key_id, subject, wrapped)?;
        Ok(KeyLookup::Held(Arc::new(HeldKey { subject, key })))
    }
}

#[cfg(test)]
impl KeyRing {
    /// A ring that has keys for these subjects and never asks a database.
    pub(crate) async fn offline(subjects: &[impl Into<SubjectId> + Copy]) -> Self {
        let pool = crate::postgres::pool("postgres://nobody@localhost:1/none", crate::postgres::LIVE, 1);
        let keks = KeyEncryptionKeys::new(super::KeyEncryptionKey::new("test", [0; 32]), Vec::new());
        let ring = Self::new(pool.expect("a URL"), keks);
        for subject in subjects {
            let subject = (*subject).into();
            let current = ring.make(subject).expect("randomness");
            ring.current.insert(subject, current).await;
        }
        ring
    }

    /// Believes that it never had these keys.
    pub(crate) fn without(&self, key_ids: &[KeyId]) {
        for key_id in key_ids {
            self.absent.insert(*key_id, ());
        }
    }

    /// The names of its keys that are not durable yet.
    pub(crate) fn undurable(&self) -> Vec<KeyId> {
        self.undurable_ids.iter().map(|entry| *entry.key()).collect()
    }
}
