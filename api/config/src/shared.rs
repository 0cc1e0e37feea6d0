//! Namespaces that are shared with other organisations.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use infrastructure::keys::{LogSecrets, MasterSecret};
use infrastructure::log::Namespace;
use serde::{Deserialize, Serialize};

use super::{ChainConfig, Config, ConfigError};

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
    /// When a file cannot be used, two secrets are the same, or the organisation's own namespace is said to be shared.
    pub fn log_secrets(&self) -> Result<LogSecrets, ConfigError> {
        self.chain.log_secrets(self.keys.master_secret()?)
    }
}

impl ChainConfig {
    /// The same, where the organisation's own secret is known.
    ///
    /// # Errors
    /// As [`Config::log_secrets`].
    pub fn log_secrets(&self, own: MasterSecret) -> Result<LogSecrets, ConfigError> {
        let mut read = Vec::<(&PathBuf, MasterSecret)>::new();
        let mut secrets = LogSecrets::new(own.clone());
        for SharedNamespace {
            namespace,
            secret_files,
        } in &self.shared
        {
            if *namespace == self.namespace {
                return Err(ConfigError::OwnNamespaceShared(*namespace));
            }
            let before = read.len();
            for file in secret_files {
                let secret = another(file, &own, &read)?;
                read.push((file, secret));
            }
            let mut of_this = read.iter().skip(before).map(|(_, secret)| secret.clone());
            let first = of_this.next().ok_or(ConfigError::NoSharedSecret(*namespace))?;
            let later = of_this.map(|secret| secret.first_epoch()).collect();
            secrets = secrets.sharing(*namespace, first, later);
        }
        Ok(secrets)
    }
}

/// The secret in a file. It must be another one than the organisation's own, which nobody else may have, and than those of all other files.
fn another(file: &Path, own: &MasterSecret, others: &[(&PathBuf, MasterSecret)]) -> Result<MasterSecret, ConfigError> {
    let file = || file.to_owned();
    let secret =
        MasterSecret::from_file(&file()).map_err(|source| ConfigError::SharedSecret { file: file(), source })?;
    if secret.is(own) {
        return Err(ConfigError::OwnSecretShared(file()));
    }
    match others.iter().find(|(_, other)| other.is(&secret)) {
        None => Ok(secret),
        Some((other, _)) => Err(ConfigError::SharedSecretTwice {
            one: (*other).clone(),
            other: file(),
        }),
    }
}
