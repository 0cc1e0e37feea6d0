//! Keys between the database and a backup: taking one, restoring it, and whether everything is there that the log needs.

use std::collections::{HashMap, HashSet};

use application::log::{Position, StreamId};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use super::backup::{Backup, BackupError, RestingKey};
use super::{EpochCommitment, KeyEncryptionKeys, MasterSecret, RestingEpoch, UnwrapError};
use super::{epoch_rows, read_rows, rows};
use crate::log::{KeyId, LogLocation, Need, Origin};
use crate::postgres::{ANSWER, LONG_STEP, within};

/// How many entries of the journal are looked at in one step.
const PAGE: i64 = 20_000;

/// Takes a backup: all keys as they are at one moment. Every one of them opens under the keys that go with it.
///
/// # Errors
/// [`BackupError`]; also when a key does not open.
pub async fn back_up(
    pool: &PgPool,
    log: LogLocation,
    master: &MasterSecret,
    encryption: &KeyEncryptionKeys,
    now: DateTime<Utc>,
) -> Result<Backup, BackupError> {
    confirm(pool, master).await?;
    // The position first: whatever was applied by then has its key among those that are read afterwards.
    let position = within(ANSWER, rows::applied_position(pool)).await?;
    let keys = within(LONG_STEP, rows::all(pool)).await?;
    let epochs = within(ANSWER, epoch_rows::all(pool)).await?;
    let reads = within(LONG_STEP, read_rows::all(pool)).await?;
    for key in &keys {
        opens(encryption, key)?;
    }
    for epoch in &epochs {
        encryption.unwrap_epoch(epoch)?;
    }
    Ok(Backup {
        log,
        position,
        taken_at: now,
        master: master.clone(),
        encryption: encryption.all().cloned().collect(),
        keys,
        epochs,
        reads,
    })
}

/// Makes sure that the keys of a backup open under these key-encryption keys.
///
/// # Errors
/// [`UnwrapError`].
pub fn confirm_opens(backup: &Backup, encryption: &KeyEncryptionKeys) -> Result<(), UnwrapError> {
    backup.keys.iter().try_for_each(|key| opens(encryption, key))?;
    let mut epochs = backup.epochs.iter();
    epochs.try_for_each(|epoch| encryption.unwrap_epoch(epoch).map(drop))
}

/// What a restoration came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Restored {
    /// Keys that were not there.
    pub added: u64,
    /// Keys that were there, and are the same.
    pub known: u64,
    /// Keys that are destroyed, by the backup, and were not.
    pub destroyed: u64,
    /// Keys that were destroyed before, and stay so though the backup still holds them.
    pub outlived: u64,
    /// Epochs' secrets that were not there.
    pub epochs: u64,
    /// Noted reads that were not there. The log may have them: whoever puts them there looks.
    pub reads: u64,
}

/// Puts the keys of a backup into the database, all or nothing. What is there stays: another key of the same name is refused, and a
/// destroyed key stays destroyed. Again changes nothing.
///
/// # Errors
/// [`BackupError`].
pub async fn restore(pool: &PgPool, backup: &Backup, encryption: &KeyEncryptionKeys) -> Result<Restored, BackupError> {
    confirm(pool, &backup.master).await?;
    let own = backup.encryption_keys().ok_or(BackupError::NotABackup)?;
    confirm_opens(backup, &own)?;
    let restoring = async {
        let mut transaction = pool.begin().await?;
        rows::lock(&mut transaction).await?;
        let there = rows::all(&mut *transaction).await?;
        let there: HashMap<KeyId, RestingKey> = there.into_iter().map(|key| (key.key_id, key)).collect();
        let mut restored = Restored::default();
        let (mut added, mut destroyed) = (Vec::new(), Vec::new());
        for key in &backup.keys {
            match there.get(&key.key_id) {
                None => added.push(key),
                Some(found) if !is_same(found, encryption, key, &own)? => {
                    return Err(BackupError::OtherKey(key.key_id));
                }
                Some(found) if found.wrapped.is_some() && key.wrapped.is_none() => destroyed.push(key),
                Some(found) if found.wrapped.is_none() && key.wrapped.is_some() => restored.outlived += 1,
                Some(_) => restored.known += 1,
            }
        }
        restored.added = added.len() as u64;
        restored.destroyed = destroyed.len() as u64;
        write(&mut transaction, &added, &destroyed).await?;
        restored.epochs = restore_epochs(&mut transaction, backup, encryption).await?;
        restored.reads = read_rows::insert(&mut transaction, &backup.reads).await?;
        transaction.commit().await?;
        Ok(restored)
    };
    within(LONG_STEP, restoring).await
}

/// Writes secrets of epochs that are not there, or do not open as they are. Answers with how many. They are told by what they commit to, so none can be another
/// than the one that is there.
async fn restore_epochs(
    connection: &mut PgConnection,
    backup: &Backup,
    encryption: &KeyEncryptionKeys,
) -> Result<u64, sqlx::Error> {
    epoch_rows::lock(&mut *connection).await?;
    let there = epoch_rows::all(&mut *connection).await?;
    let opens = |epoch: &RestingEpoch| encryption.unwrap_epoch(epoch).is_ok();
    let is_well = |kept: &RestingEpoch| {
        let mut same = there.iter().filter(|found| found.commitment == kept.commitment);
        same.any(opens)
    };
    let mut restored = 0_u64;
    for kept in backup.epochs.iter().filter(|kept| !is_well(kept)) {
        if epoch_rows::insert(&mut *connection, &[kept]).await? == 0 {
            epoch_rows::replace(&mut *connection, kept).await?;
        }
        restored = restored.saturating_add(1);
    }
    Ok(restored)
}

async fn write(
    connection: &mut PgConnection,
    added: &[&RestingKey],
    destroyed: &[&RestingKey],
) -> Result<(), sqlx::Error> {
    rows::insert_resting(connection, added).await?;
    rows::destroy(connection, destroyed).await
}

/// What a look at everything has found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Findings {
    /// Data subjects' keys in the database, the destroyed ones included.
    pub keys: u64,
    /// Those of them, and of the secrets of epochs, that do not open under the keys that are configured.
    pub unopened: u64,
    /// Events of ours in the journal.
    pub events: u64,
    /// Keys in the database that are destroyed.
    pub destroyed: u64,
    /// Events in the journal that are not ours.
    pub foreign_events: u64,
    /// Events in the journal that others have written in namespaces that are shared.
    pub shared_events: u64,
    /// Keys that events of ours are under and that the database does not have.
    pub missing: u64,
    /// Secrets of epochs in the database.
    pub epochs: u64,
    /// Epochs that the log has published and whose secrets the database does not have.
    pub missing_epochs: u64,
    /// As far as there is a backup: what it lacks and has.
    pub backup: Option<BackupFindings>,
}

/// What a look at a backup has found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BackupFindings {
    /// Keys in it.
    pub keys: u64,
    /// Those of them, and of the secrets of epochs, that do not open under the keys in it.
    pub unopened: u64,
    /// Keys in the database that it does not have: they are newer.
    pub newer: u64,
    /// Keys that it has and the database does not.
    pub restorable: u64,
    /// Keys that events of ours are under and that neither has.
    pub lost: u64,
    /// Secrets of epochs in it.
    pub epochs: u64,
    /// Secrets of epochs that the database has and it does not.
    pub newer_epochs: u64,
    /// Epochs that the log has published and whose secrets neither has.
    pub lost_epochs: u64,
}

impl Findings {
    /// Whether everything is as it should be. That a backup is not the newest is no fault.
    pub fn all_is_well(&self) -> bool {
        let backup = self.backup.unwrap_or_default();
        let nothing_is_ours = self.events == 0 && self.foreign_events > 0;
        let missing = self.missing + self.missing_epochs + backup.lost + backup.lost_epochs;
        self.unopened + backup.unopened + missing == 0 && !nothing_is_ours
    }
}

/// Looks at every key, at every entry of the journal, and at a backup. `need` says what an entry needs to be opened, by its position, its stream, its origin and the
/// start of its payload; `published` has what the epochs commit to that the log has published.
///
/// # Errors
/// When the database refuses, or the configured secret is not this database's.
pub async fn check(
    pool: &PgPool,
    need: impl Fn(Position, &StreamId, Origin, &[u8]) -> Need,
    published: &[EpochCommitment],
    master: &MasterSecret,
    encryption: &KeyEncryptionKeys,
    backup: Option<&Backup>,
) -> Result<Findings, BackupError> {
    confirm(pool, master).await?;
    let keys = within(LONG_STEP, rows::all(pool)).await?;
    let epochs = within(ANSWER, epoch_rows::all(pool)).await?;
    let epochs_here: HashSet<EpochCommitment> = epochs.iter().map(|epoch| epoch.commitment).collect();
    let here: HashSet<KeyId> = keys.iter().map(|key| key.key_id).collect();
    let mut findings = Findings {
        keys: keys.len() as u64,
        unopened: unopened(encryption, &keys, &epochs),
        epochs: epochs.len() as u64,
        missing_epochs: published.iter().filter(|epoch| !epochs_here.contains(*epoch)).count() as u64,
        destroyed: keys.iter().filter(|key| key.wrapped.is_none()).count() as u64,
        ..Findings::default()
    };
    let needed = within(LONG_STEP, needed(pool, need, &mut findings)).await?;
    findings.missing = needed.difference(&here).count() as u64;
    findings.backup = backup.map(|backup| {
        let kept: HashSet<KeyId> = backup.keys.iter().map(|key| key.key_id).collect();
        let own = backup.encryption_keys();
        let all = kept.len().saturating_add(backup.epochs.len()) as u64;
        let epochs_kept: HashSet<EpochCommitment> = backup.epochs.iter().map(|epoch| epoch.commitment).collect();
        let is_lost = |epoch: &&EpochCommitment| !epochs_here.contains(*epoch) && !epochs_kept.contains(*epoch);
        BackupFindings {
            keys: kept.len() as u64,
            unopened: own.map_or(all, |own| unopened(&own, &backup.keys, &backup.epochs)),
            epochs: backup.epochs.len() as u64,
            newer_epochs: epochs_here.difference(&epochs_kept).count() as u64,
            lost_epochs: published.iter().filter(is_lost).count() as u64,
            newer: here.difference(&kept).count() as u64,
            restorable: kept.difference(&here).count() as u64,
            lost: needed
                .iter()
                .filter(|id| !here.contains(*id) && !kept.contains(*id))
                .count() as u64,
        }
    });
    Ok(findings)
}

/// The keys that events of ours are under.
async fn needed(
    pool: &PgPool,
    need: impl Fn(Position, &StreamId, Origin, &[u8]) -> Need,
    findings: &mut Findings,
) -> Result<HashSet<KeyId>, sqlx::Error> {
    let (mut needed, mut after) = (HashSet::new(), 0);
    loop {
        let page = rows::journal_after(pool, after, PAGE).await?;
        let Some((last, ..)) = page.last() else {
            return Ok(needed);
        };
        after = *last;
        for (position, stream, origin, start) in &page {
            let (position, origin) = (position.unsigned_abs(), Origin::from_sql(*origin));
            match need(position, &StreamId(*stream), origin, start) {
                Need::Public => {}
                Need::Foreign => findings.foreign_events += 1,
                Need::Others => findings.shared_events += 1,
                // Where a chapter begins its key has a name.
                Need::Nothing | Need::KeyOf(_) => findings.events += 1,
                Need::Key(key_id) => {
                    findings.events += 1;
                    needed.insert(key_id);
                }
            }
        }
    }
}

/// Whether a database is used with this master secret. The first one is remembered, by its check value.
///
/// # Errors
/// When the database refuses.
pub async fn is_used_with(pool: &PgPool, master: &MasterSecret) -> Result<bool, sqlx::Error> {
    let ours = master.org_key_id();
    Ok(within(ANSWER, rows::organisation(pool, &ours)).await? == ours)
}

/// Whether a database is used with another master secret than this, as far as it remembers one. Nothing is written.
///
/// # Errors
/// When the database refuses.
pub async fn is_used_with_another(pool: &PgPool, master: &MasterSecret) -> Result<bool, sqlx::Error> {
    let known = within(ANSWER, rows::known_organisation(pool)).await?;
    Ok(known.is_some_and(|known| known != master.org_key_id()))
}

/// As [`is_used_with`], for what needs it to be so.
async fn confirm(pool: &PgPool, master: &MasterSecret) -> Result<(), BackupError> {
    let ours = is_used_with(pool, master).await?;
    ours.then_some(()).ok_or(BackupError::OtherSecret)
}

/// Whether the key-encryption keys are those that wrapped what the database holds: one key of each is tried, and every epoch's secret. Answers with what is
/// wrong, if anything is.
///
/// # Errors
/// When the database refuses.
pub async fn wrong_encryption_key(
    pool: &PgPool,
    encryption: &KeyEncryptionKeys,
) -> Result<Option<UnwrapError>, sqlx::Error> {
    let names: Vec<&str> = encryption.all().map(super::KeyEncryptionKey::id).collect();
    let samples = within(LONG_STEP, rows::samples(pool, &names)).await?;
    let epochs = within(ANSWER, epoch_rows::all(pool)).await?;
    let of_keys = samples.iter().find_map(|key| opens(encryption, key).err());
    Ok(of_keys.or_else(|| epochs.iter().find_map(|epoch| encryption.unwrap_epoch(epoch).err())))
}

fn unopened(encryption: &KeyEncryptionKeys, keys: &[RestingKey], epochs: &[RestingEpoch]) -> u64 {
    let keys = keys.iter().filter(|key| opens(encryption, key).is_err()).count();
    let epochs = epochs.iter().filter(|epoch| encryption.unwrap_epoch(epoch).is_err());
    keys.saturating_add(epochs.count()) as u64
}

fn opens(encryption: &KeyEncryptionKeys, key: &RestingKey) -> Result<(), UnwrapError> {
    let Some(wrapped) = &key.wrapped else { return Ok(()) };
    encryption.unwrap(&key.kek_id, &key.key_id, key.subject, wrapped)?;
    Ok(())
}

/// Whether two resting keys are one key, however it is wrapped. A destroyed one is as good as any.
fn is_same(
    found: &RestingKey,
    under: &KeyEncryptionKeys,
    kept: &RestingKey,
    kept_under: &KeyEncryptionKeys,
) -> Result<bool, UnwrapError> {
    if found.subject != kept.subject {
        return Ok(false);
    }
    let (Some(one), Some(other)) = (&found.wrapped, &kept.wrapped) else {
        return Ok(true);
    };
    let one = under.unwrap(&found.kek_id, &found.key_id, found.subject, one)?;
    let other = kept_under.unwrap(&kept.kek_id, &kept.key_id, kept.subject, other)?;
    Ok(one.bytes() == other.bytes())
}
