//! Namespaces that are shared with other organisations.

use std::collections::HashSet;
use std::path::PathBuf;

use infrastructure::keys::{LogSecrets, MasterSecret, SecretError};
use infrastructure::log::Namespace;
use serde::{Deserialize, Serialize};

use super::{Config, ConfigError};

/// A namespace that is shared. All who share it have the same secrets.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedNamespace {
    /// Its number.
    pub namespace: Namespace,
    /// Files with its secrets, 64 hexadecimal digits in each: the first is that of its first epoch, the next that of epoch 1, and so on.
    pub secret_files: Vec<PathBuf>,
}

/// Shared namespaces, none of them twice, and each with a secret.
pub(super) fn each_once<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<SharedNamespace>, D::Error> {
    let shared = Vec::<SharedNamespace>::deserialize(deserializer)?;
    let mut before = HashSet::from([Namespace::ADMINISTRATION]);
    for SharedNamespace {
        namespace,
        secret_files,
    } in &shared
    {
        if secret_files.is_empty() {
            let error = format!("the namespace {namespace} has no secret");
            return Err(serde::de::Error::custom(error));
        }
        if !before.insert(*namespace) {
            let error = if *namespace == Namespace::ADMINISTRATION {
                "nobody shares the namespace 0".to_owned()
            } else {
                format!("the namespace {namespace} is named twice")
            };
            return Err(serde::de::Error::custom(error));
        }
    }
    Ok(shared)
}

impl Config {
    /// The secrets under which the log is read and written: the organisation's own, and those of the namespaces that it shares.
    ///
    /// # Errors
    /// When one is missing or none, or the organisation's own namespace is said to be shared.
    pub fn log_secrets(&self) -> Result<LogSecrets, ConfigError> {
        let mut secrets = LogSecrets::new(self.keys.master_secret()?);
        for shared in &self.chain.shared {
            if shared.namespace == self.chain.namespace {
                return Err(ConfigError::OwnNamespaceShared(shared.namespace));
            }
            let unusable = |source: SecretError| ConfigError::Secret {
                name: "chain.shared",
                source,
            };
            let read = shared.secret_files.iter().map(|file| MasterSecret::from_file(file));
            let mut read = read.collect::<Result<Vec<_>, _>>().map_err(unusable)?.into_iter();
            let Some(first) = read.next() else { continue };
            let later = read.map(|secret| secret.first_epoch()).collect();
            secrets = secrets.sharing(shared.namespace, first, later);
        }
        Ok(secrets)
    }
}
