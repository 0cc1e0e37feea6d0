//! Under which secrets an organisation reads and writes the log: its own, and those of the namespaces that it shares with others.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::{Epoch, EpochSecret, Epochs, MasterSecret};
use crate::log::Namespace;

/// An organisation's own secret, and those of the namespaces that it shares. Clones share what becomes known of the shared namespaces' epochs.
#[derive(Clone)]
pub struct LogSecrets {
    own: MasterSecret,
    shared: BTreeMap<Namespace, SharedSecret>,
}

/// The secret of a namespace that several organisations share: all of them hold it. Its streams' names and keys come from it as those of an
/// organisation's own namespace come from the master secret. What concerns persons is under each organisation's own keys.
#[derive(Clone)]
pub(crate) struct SharedSecret {
    /// The secret of the first epoch.
    pub(crate) first: MasterSecret,
    /// The later ones.
    pub(crate) later: Arc<Epochs>,
}

/// Which secrets these are, by values in hexadecimal that say nothing about them: members who compare them know whether they have the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckValues {
    /// That of the organisation's own secret.
    pub own: String,
    /// Those of the namespaces that are shared, of the first secret of each.
    pub shared: Vec<(Namespace, String)>,
}

impl LogSecrets {
    /// An organisation's own secret, where it shares no namespace.
    pub const fn new(own: MasterSecret) -> Self {
        Self {
            own,
            shared: BTreeMap::new(),
        }
    }

    /// The same, with a namespace that is shared under this secret. `later` are the secrets of its later epochs, from 1 on.
    #[must_use]
    pub fn sharing(mut self, namespace: Namespace, first: MasterSecret, later: Vec<EpochSecret>) -> Self {
        let epochs = Epochs::default();
        for (number, secret) in (1..).zip(later) {
            epochs.hold(&Epoch { number, secret });
        }
        let later = Arc::new(epochs);
        self.shared.insert(namespace, SharedSecret { first, later });
        self
    }

    /// The organisation's own.
    pub const fn own(&self) -> &MasterSecret {
        &self.own
    }

    /// Which secrets these are.
    pub fn check_values(&self) -> CheckValues {
        let shared = self.shared.iter();
        let shared = shared.map(|(namespace, secret)| (*namespace, hex::encode(secret.first.org_key_id())));
        CheckValues {
            own: hex::encode(self.own.org_key_id()),
            shared: shared.collect(),
        }
    }

    pub(crate) const fn shared_secrets(&self) -> &BTreeMap<Namespace, SharedSecret> {
        &self.shared
    }
}

impl From<MasterSecret> for LogSecrets {
    fn from(own: MasterSecret) -> Self {
        Self::new(own)
    }
}

impl From<&MasterSecret> for LogSecrets {
    fn from(own: &MasterSecret) -> Self {
        Self::new(own.clone())
    }
}

impl From<&Self> for LogSecrets {
    fn from(secrets: &Self) -> Self {
        secrets.clone()
    }
}

impl fmt::Debug for LogSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogSecrets")
    }
}
