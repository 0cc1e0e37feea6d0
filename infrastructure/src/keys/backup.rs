//! The backup of everything that a log alone does not give back: one sealed file.
//!
//! It holds the master secret, the key-encryption keys, and the data subjects' keys and the epochs' secrets as they rest in the database, wrapped; and who has read what, as far as
//! the log does not say it yet. All of it is sealed under a passphrase. What stands beside it in the open (which log, which organisation, when, how many keys) is bound to
//! it: who changes it has a file that does not open. `docs/adr/0019` says why.

use application::log::Position;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use domain::kernel::{PatientId, SubjectId};
use ring::aead::{Aad, NONCE_LEN, Nonce};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::data_key::aes_256_gcm;

use super::{
    EpochNumber, KeyEncryptionKey, KeyEncryptionKeys, MasterSecret, RestingEpoch, RestingRead, SecretError, UnwrapError,
};
use crate::log::{KeyId, LogLocation, Namespace};

/// What the file says it is.
const FORMAT: &str = "medconnect keys";

/// The version that is written. The first one names no namespace: it is of a log of the former edition, and not read.
const VERSION: u32 = 4;

/// Those before, which are read as well: the second knows no epochs, the third no noted reads.
const FORMER: [u32; 2] = [2, 3];

/// The shortest passphrase.
pub const SHORTEST_PASSPHRASE: usize = 12;

/// How much work it is to try a passphrase: 2^17 blocks of 1 KiB, so 128 MiB.
const WORK: Work = Work { log_n: 17, r: 8, p: 1 };

/// The most work that a file may ask for: 1 GiB. Who forges a file must not make us run out of memory.
const MOST_LOG_N: u8 = 20;

/// Why there is no backup, or why it cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The passphrase is too short.
    #[error("the passphrase must have at least {SHORTEST_PASSPHRASE} characters")]
    ShortPassphrase,
    /// The file is no backup.
    #[error("this is not a backup of keys")]
    NotABackup,
    /// A newer or older program wrote it.
    #[error("this backup has format {0}, which this version of the program does not know")]
    UnknownVersion(u32),
    /// It does not open.
    #[error("the backup does not open: the passphrase is another one, or the file was changed or cut off")]
    DoesNotOpen,
    /// It is of another log.
    #[error(
        "the backup belongs to the namespace {namespace} of the log {contract} on chain {chain_id}, not to the one that is configured"
    )]
    OtherLog {
        /// The chain.
        chain_id: u64,
        /// The contract.
        contract: String,
        /// The namespace.
        namespace: Namespace,
    },
    /// It is another organisation's, or the configured secret is not the right one.
    #[error("`keys.master_secret` is not the one that the backup or the database is used with")]
    OtherSecret,
    /// A key does not open under the key-encryption keys.
    #[error(transparent)]
    Unwrap(#[from] UnwrapError),
    /// There is another key of the same name in the database.
    #[error("the database has another key under the name {name}: nothing was restored", name = hex::encode(.0))]
    OtherKey(KeyId),
    /// A secret cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Postgres does not answer.
    #[error("the database cannot be used")]
    Database(#[from] sqlx::Error),
}

/// A data subject's key as it rests: wrapped, or destroyed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RestingKey {
    /// Its name.
    pub key_id: KeyId,
    /// Whose it is.
    pub subject: SubjectId,
    /// Its bytes, wrapped; `None` when it is destroyed.
    pub wrapped: Option<Vec<u8>>,
    /// The name of the key-encryption key.
    pub kek_id: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// When it was destroyed.
    pub destroyed_at: Option<DateTime<Utc>>,
}

/// A backup, opened.
pub struct Backup {
    /// The log that it belongs to.
    pub log: LogLocation,
    /// The position of the journal when it was taken; everything that was applied by then has its key here.
    pub position: Position,
    /// When it was taken.
    pub taken_at: DateTime<Utc>,
    /// The organisation's master secret.
    pub master: MasterSecret,
    /// The key-encryption keys, the current one first.
    pub encryption: Vec<KeyEncryptionKey>,
    /// The data subjects' keys.
    pub keys: Vec<RestingKey>,
    /// The secrets of the namespace's later epochs.
    pub epochs: Vec<RestingEpoch>,
    /// The reads that are noted.
    pub reads: Vec<RestingRead>,
}

impl std::fmt::Debug for Backup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backup")
            .field("taken_at", &self.taken_at)
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    header: Header,
    /// In base64.
    sealed: String,
}

/// What may be read without the passphrase. It is bound to what is sealed.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Header {
    format: String,
    version: u32,
    chain_id: u64,
    contract: String,
    #[serde(default)]
    namespace: u32,
    organisation: String,
    position: Position,
    taken_at: DateTime<Utc>,
    keys: u64,
    work: Work,
    salt: String,
    nonce: String,
}

/// The parameters of scrypt.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Work {
    log_n: u8,
    r: u32,
    p: u32,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Content {
    master_secret: String,
    encryption_keys: Vec<NamedKey>,
    #[zeroize(skip)]
    data_keys: Vec<Row>,
    #[zeroize(skip)]
    #[serde(default)]
    epochs: Vec<EpochRow>,
    #[zeroize(skip)]
    #[serde(default)]
    reads: Vec<ReadRow>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NamedKey {
    name: String,
    key: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Row {
    key: String,
    subject: Uuid,
    wrapped: Option<String>,
    under: String,
    created_at: DateTime<Utc>,
    destroyed_at: Option<DateTime<Utc>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EpochRow {
    number: EpochNumber,
    commitment: String,
    wrapped: String,
    under: String,
    created_at: DateTime<Utc>,
}

/// A noted read, sealed as it is.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ReadRow {
    patient: Uuid,
    noted_at: DateTime<Utc>,
    sealed: String,
}

impl Backup {
    /// The file.
    ///
    /// # Errors
    /// When the passphrase is too short, or the system gives no random bytes.
    pub fn seal(&self, passphrase: &SecretString) -> Result<String, BackupError> {
        let header = Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            chain_id: self.log.chain_id,
            contract: hex::encode(self.log.contract),
            namespace: self.log.namespace.0,
            organisation: hex::encode(self.master.org_key_id()),
            position: self.position,
            taken_at: self.taken_at,
            keys: self.keys.len() as u64,
            work: WORK,
            salt: hex::encode(random::<16>()?),
            nonce: hex::encode(random::<NONCE_LEN>()?),
        };
        let mut sealed = Zeroizing::new(json(&self.content())?);
        let (cipher, nonce, associated) = header.cipher(passphrase)?;
        cipher
            .seal_in_place_append_tag(nonce, associated, &mut *sealed)
            .map_err(|_| SecretError::Sealing)?;
        let sealed = STANDARD.encode(&*sealed);
        let file = serde_json::to_string_pretty(&File { header, sealed }).map_err(|_| SecretError::Sealing)?;
        Ok(file + "\n")
    }

    /// Opens a file: all of it is as it was written, or it does not open.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn open(file: &str, passphrase: &SecretString) -> Result<Self, BackupError> {
        let file: File = serde_json::from_str(file).map_err(|_| BackupError::NotABackup)?;
        let header = &file.header;
        if header.format != FORMAT {
            return Err(BackupError::NotABackup);
        }
        if header.version != VERSION && !FORMER.contains(&header.version) {
            return Err(BackupError::UnknownVersion(header.version));
        }
        let (cipher, nonce, associated) = header.cipher(passphrase)?;
        let sealed = STANDARD.decode(&file.sealed).map_err(|_| BackupError::NotABackup)?;
        let mut sealed = Zeroizing::new(sealed);
        let opened = cipher
            .open_in_place(nonce, associated, &mut sealed)
            .map_err(|_| BackupError::DoesNotOpen)?;
        let content: Content = serde_json::from_slice(opened).map_err(|_| BackupError::NotABackup)?;
        let rows = content.data_keys.iter().map(Row::read);
        let epochs = content.epochs.iter().map(EpochRow::read);
        let reads = content.reads.iter().map(ReadRow::read);
        let encryption = content.encryption_keys.iter();
        let encryption = encryption.map(|key| KeyEncryptionKey::from_hex(&key.name, &key.key));
        Ok(Self {
            log: LogLocation {
                chain_id: header.chain_id,
                contract: fixed(&header.contract).ok_or(BackupError::NotABackup)?,
                namespace: Namespace(header.namespace),
            },
            position: header.position,
            taken_at: header.taken_at,
            master: MasterSecret::from_hex(&content.master_secret)?,
            encryption: encryption.collect::<Result<_, _>>()?,
            keys: rows.collect::<Option<_>>().ok_or(BackupError::NotABackup)?,
            epochs: epochs.collect::<Option<_>>().ok_or(BackupError::NotABackup)?,
            reads: reads.collect::<Option<_>>().ok_or(BackupError::NotABackup)?,
        })
    }

    /// Makes sure that it belongs to this log and to who has this secret.
    ///
    /// # Errors
    /// When it does not.
    pub fn belongs(&self, log: LogLocation, master: &MasterSecret) -> Result<(), BackupError> {
        if self.log != log {
            return Err(BackupError::OtherLog {
                chain_id: self.log.chain_id,
                contract: format!("0x{}", hex::encode(self.log.contract)),
                namespace: self.log.namespace,
            });
        }
        if self.master.is(master) {
            Ok(())
        } else {
            Err(BackupError::OtherSecret)
        }
    }

    /// Its key-encryption keys, as a ring has them. `None` when it has none, which no backup has.
    pub fn encryption_keys(&self) -> Option<KeyEncryptionKeys> {
        let (current, older) = self.encryption.split_first()?;
        Some(KeyEncryptionKeys::new(current.clone(), older.to_vec()))
    }

    fn content(&self) -> Content {
        Content {
            master_secret: self.master.to_hex(),
            encryption_keys: self
                .encryption
                .iter()
                .map(|key| NamedKey {
                    name: key.id().to_owned(),
                    key: key.to_hex(),
                })
                .collect(),
            data_keys: self.keys.iter().map(Row::of).collect(),
            epochs: self.epochs.iter().map(EpochRow::of).collect(),
            reads: self.reads.iter().map(ReadRow::of).collect(),
        }
    }
}

impl Header {
    fn cipher(&self, passphrase: &SecretString) -> Result<(ring::aead::LessSafeKey, Nonce, Aad<Vec<u8>>), BackupError> {
        let passphrase = passphrase.expose_secret();
        if passphrase.chars().count() < SHORTEST_PASSPHRASE {
            return Err(BackupError::ShortPassphrase);
        }
        let Work { log_n, r, p } = self.work;
        if log_n > MOST_LOG_N || r > 8 || p > 4 {
            return Err(BackupError::NotABackup);
        }
        let parameters = scrypt::Params::new(log_n, r, p).map_err(|_| BackupError::NotABackup)?;
        let salt: [u8; 16] = fixed(&self.salt).ok_or(BackupError::NotABackup)?;
        let mut key = Zeroizing::new([0; 32]);
        scrypt::scrypt(passphrase.as_bytes(), &salt, &parameters, key.as_mut_slice())
            .map_err(|_| BackupError::NotABackup)?;
        let nonce: [u8; NONCE_LEN] = fixed(&self.nonce).ok_or(BackupError::NotABackup)?;
        Ok((
            aes_256_gcm(&key).map_err(|_| SecretError::Sealing)?,
            Nonce::assume_unique_for_key(nonce),
            Aad::from(json(self)?),
        ))
    }
}

impl Row {
    fn of(key: &RestingKey) -> Self {
        Self {
            key: hex::encode(key.key_id),
            subject: key.subject.uuid(),
            wrapped: key.wrapped.as_ref().map(|wrapped| STANDARD.encode(wrapped)),
            under: key.kek_id.clone(),
            created_at: key.created_at,
            destroyed_at: key.destroyed_at,
        }
    }

    fn read(&self) -> Option<RestingKey> {
        let wrapped = self.wrapped.as_ref().map(|wrapped| STANDARD.decode(wrapped));
        Some(RestingKey {
            key_id: fixed(&self.key)?,
            subject: SubjectId::new(self.subject),
            wrapped: wrapped.transpose().ok()?,
            kek_id: self.under.clone(),
            created_at: self.created_at,
            destroyed_at: self.destroyed_at,
        })
    }
}

impl EpochRow {
    fn of(epoch: &RestingEpoch) -> Self {
        Self {
            number: epoch.number,
            commitment: hex::encode(epoch.commitment),
            wrapped: STANDARD.encode(&epoch.wrapped),
            under: epoch.kek_id.clone(),
            created_at: epoch.created_at,
        }
    }

    fn read(&self) -> Option<RestingEpoch> {
        Some(RestingEpoch {
            number: self.number,
            commitment: fixed(&self.commitment)?,
            wrapped: STANDARD.decode(&self.wrapped).ok()?,
            kek_id: self.under.clone(),
            created_at: self.created_at,
        })
    }
}

impl ReadRow {
    fn of(read: &RestingRead) -> Self {
        Self {
            patient: read.patient.uuid(),
            noted_at: read.noted_at,
            sealed: STANDARD.encode(&read.sealed),
        }
    }

    fn read(&self) -> Option<RestingRead> {
        Some(RestingRead {
            patient: PatientId::new(self.patient),
            noted_at: self.noted_at,
            sealed: STANDARD.decode(&self.sealed).ok()?,
        })
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, SecretError> {
    serde_json::to_vec(value).map_err(|_| SecretError::Sealing)
}

fn random<const N: usize>() -> Result<[u8; N], SecretError> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| SecretError::NoRandomness)?;
    Ok(bytes)
}

fn fixed<const N: usize>(text: &str) -> Option<[u8; N]> {
    hex::decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backup() -> Backup {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let key = |number: u8, wrapped: Option<Vec<u8>>| RestingKey {
            key_id: [number; 8],
            subject: SubjectId::new(Uuid::from_u128(u128::from(number))),
            destroyed_at: wrapped.is_none().then_some(now),
            wrapped,
            kek_id: "2026".to_owned(),
            created_at: now,
        };
        Backup {
            log: LogLocation {
                chain_id: 7,
                contract: [3; 20],
                namespace: Namespace(5),
            },
            position: 42,
            taken_at: now,
            master: MasterSecret::new([0x5a; 32]),
            encryption: vec![
                KeyEncryptionKey::new("2026", [0xc3; 32]),
                KeyEncryptionKey::new("2025", [0xd4; 32]),
            ],
            keys: vec![key(1, Some(vec![0xe5; 60])), key(2, None)],
            epochs: vec![RestingEpoch {
                number: 1,
                commitment: [0xf6; 32],
                wrapped: vec![0xa7; 60],
                kek_id: "2026".to_owned(),
                created_at: now,
            }],
            reads: vec![RestingRead {
                patient: PatientId::new(Uuid::from_u128(9)),
                noted_at: now,
                sealed: vec![0xb8; 60],
            }],
        }
    }

    #[test]
    fn what_was_sealed_opens_again_and_shows_nothing_before() {
        let (backup, passphrase) = (backup(), SecretString::from("correct horse"));
        let file = backup.seal(&passphrase).unwrap();
        for secret in [
            "5a5a5a", "c3c3c3", "d4d4d4", "e5e5e5", "WlpaWl", "5eXl5e", "a7a7a7", "p6enp6", "uLi4uL",
        ] {
            assert!(!file.contains(secret), "{file}");
        }
        let opened = Backup::open(&file, &passphrase).unwrap();
        assert_eq!(
            (opened.log, opened.position, &opened.keys, &opened.epochs, &opened.reads),
            (backup.log, 42, &backup.keys, &backup.epochs, &backup.reads)
        );
        assert!(opened.master.is(&backup.master));
        let names: Vec<_> = opened.encryption.iter().map(|key| (key.id(), key.to_hex())).collect();
        assert_eq!(names, [("2026", "c3".repeat(32)), ("2025", "d4".repeat(32))]);
        opened.belongs(backup.log, &backup.master).unwrap();
        let refused = opened.belongs(backup.log, &MasterSecret::new([1; 32]));
        assert!(matches!(refused, Err(BackupError::OtherSecret)));
        let elsewhere = LogLocation {
            chain_id: 8,
            ..backup.log
        };
        let refused = opened.belongs(elsewhere, &backup.master);
        assert!(matches!(refused, Err(BackupError::OtherLog { chain_id: 7, .. })));
    }

    #[test]
    fn what_is_wrong_is_told_apart_and_nothing_that_was_changed_opens() {
        let passphrase = SecretString::from("correct horse");
        let file = backup().seal(&passphrase).unwrap();
        let open = |file: &str, passphrase: &str| Backup::open(file, &passphrase.into()).unwrap_err();
        assert!(matches!(open(&file, "another horse"), BackupError::DoesNotOpen));
        assert!(matches!(open(&file, "short"), BackupError::ShortPassphrase));
        assert!(matches!(
            open(&file[..file.len() / 2], "correct horse"),
            BackupError::NotABackup
        ));
        assert!(matches!(open("{}", "correct horse"), BackupError::NotABackup));
        let newer = file.replace("\"version\": 4", "\"version\": 5");
        assert!(matches!(open(&newer, "correct horse"), BackupError::UnknownVersion(5)));
        let older = file.replace("\"version\": 4", "\"version\": 1");
        let older: String = older.lines().filter(|line| !line.contains("\"namespace\"")).collect();
        assert!(matches!(open(&older, "correct horse"), BackupError::UnknownVersion(1)));
        for (from, to) in [
            ("\"version\": 4", "\"version\": 2"),
            ("\"version\": 4", "\"version\": 3"),
            ("\"chainId\": 7", "\"chainId\": 8"),
            ("\"keys\": 2", "\"keys\": 1"),
            ("\"position\": 42", "\"position\": 43"),
        ] {
            let changed = file.replace(from, to);
            assert_ne!(changed, file);
            assert!(
                matches!(open(&changed, "correct horse"), BackupError::DoesNotOpen),
                "{from}"
            );
        }
        let greedy = file.replace("\"logN\": 17", "\"logN\": 30");
        assert!(matches!(open(&greedy, "correct horse"), BackupError::NotABackup));
        assert!(matches!(
            backup().seal(&"short".into()),
            Err(BackupError::ShortPassphrase)
        ));
    }
}
