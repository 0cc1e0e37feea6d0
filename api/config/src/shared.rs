//! Namespaces that are shared with other organisations.

use std::collections::HashSet;
use std::path::PathBuf;

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
    /// When one is missing or none, or the organisation's own namespace is said to be shared.
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
        let mut secrets = LogSecrets::new(own);
        for shared in &self.shared {
            if shared.namespace == self.namespace {
                return Err(ConfigError::OwnNamespaceShared(shared.namespace));
            }
            let mut read = shared.secrets()?.into_iter();
            let Some(first) = read.next() else { continue };
            let later = read.map(|secret| secret.first_epoch()).collect();
            secrets = secrets.sharing(shared.namespace, first, later);
        }
        Ok(secrets)
    }
}

impl SharedNamespace {
    /// What its files hold, each something else: an epoch with the secret of another one would be none.
    fn secrets(&self) -> Result<Vec<MasterSecret>, ConfigError> {
        let mut secrets = Vec::<MasterSecret>::new();
        for file in &self.secret_files {
            let secret = MasterSecret::from_file(file).map_err(|source| ConfigError::SharedSecret {
                file: file.clone(),
                source,
            })?;
            let same = secrets
                .iter()
                .zip(&self.secret_files)
                .find(|(other, _)| other.is(&secret));
            if let Some((_, other)) = same {
                let (one, other) = (other.clone(), file.clone());
                return Err(ConfigError::SharedSecretTwice { one, other });
            }
            secrets.push(secret);
        }
        Ok(secrets)
    }
}
