//! The keys: the organisation's master secret, the key-encryption key, and one random key per data subject.
//!
//! - [`MasterSecret`]: from outside the database. Stream names, the streams' own keys and derived identities come from it.
//! - [`LogSecrets`]: that, and the secrets of namespaces that are shared with other organisations.
//! - [`KeyEncryptionKeys`]: from outside the database. Wrap the data subjects' keys where they rest; can be rotated.
//! - [`EpochSecret`]: what the streams' own keys come from in a later epoch of a namespace: of the organisation's own in Postgres, wrapped; of a shared one in a file.
//! - [`KeyRing`]: the data subjects' keys, in Postgres wrapped, in memory open. Destroying one is what erasure means.
//! - [`backup`], [`keeping`]: all of them in one sealed file, and back; and whether everything is there that the log needs.
//!
//! Nothing here is ever printed: `Debug` hides every secret, and secrets are wiped when they are dropped.

pub mod backup;
mod data_key;
mod derived;
mod epoch_rows;
mod epochs;
mod epochs_at_rest;
mod hex_secret;
mod interim;
pub mod keeping;
mod master;
mod read_rows;
mod ring;
mod rows;
mod secrets;
mod wrapping;

pub use data_key::{CategoryKey, DataKey};
pub use epoch_rows::RestingEpoch;
pub use epochs::{Epoch, EpochCommitment, EpochNumber, EpochSecret};
pub(crate) use epochs::{EpochKey, Epochs};
pub use epochs_at_rest::Prepared;
pub use hex_secret::SecretError;
pub(crate) use interim::InterimKey;
pub use master::MasterSecret;
pub(crate) use master::{FingerprintKey, IdentityKey};
pub use read_rows::RestingRead;
pub use ring::{HeldKey, KeyLookup, KeyRing, KeyRingError, KeySet, SealingKey, SubjectKeys};
pub(crate) use rows::{KeyColumns, insert_keys};
pub use secrets::{CheckValues, LogSecrets};
pub use wrapping::{KeyEncryptionKey, KeyEncryptionKeys, UnwrapError};
