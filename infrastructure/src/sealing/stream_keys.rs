//! The streams' own keys, derived as they are needed: that is as cheap as looking one up.

use std::collections::BTreeMap;
use std::sync::Arc;

use application::log::StreamId;
use ring::hkdf::{HKDF_SHA256, Prk};

use super::payload::Void;
use crate::keys::{EpochKey, EpochNumber, Epochs, KeyRing, LogSecrets};
use crate::log::{LogLocation, Namespace};

/// The streams' own keys, in every namespace and epoch of which the secret is here. Clones are cheap.
#[derive(Clone)]
pub(super) struct StreamKeys(Arc<BTreeMap<Namespace, OfNamespace>>);

struct OfNamespace {
    first: Prk,
    later: Arc<Epochs>,
}

/// Why there is no key of a stream in an epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NoStreamKey {
    /// Nothing is ever under it.
    Void(Void),
    /// The log has published the epoch, and its secret is not here.
    EpochMissing(EpochNumber),
    /// The namespace's secret is not here: it is another's, or not shared with this organisation.
    NotOurs(Namespace),
}

impl StreamKeys {
    pub(super) fn new(location: LogLocation, secrets: &LogSecrets, keys: &KeyRing) -> Self {
        let own = OfNamespace {
            first: secrets.own().first_epoch().stream_sealing(),
            later: Arc::clone(keys.epochs()),
        };
        let shared = secrets.shared_secrets().iter().map(|(namespace, secret)| {
            let of = OfNamespace {
                first: secret.first.first_epoch().stream_sealing(),
                later: Arc::clone(&secret.later),
            };
            (*namespace, of)
        });
        Self(Arc::new(shared.chain([(location.namespace, own)]).collect()))
    }

    /// The key of a stream in an epoch.
    pub(super) fn of(&self, stream: &StreamId, epoch: EpochNumber) -> Result<Prk, NoStreamKey> {
        let namespace = Namespace::of(stream);
        let of = self.0.get(&namespace).ok_or(NoStreamKey::NotOurs(namespace))?;
        let of_namespace = if epoch == 0 {
            of.first.clone()
        } else {
            match of.later.key(epoch) {
                EpochKey::Held(key) => key,
                EpochKey::Missing => return Err(NoStreamKey::EpochMissing(epoch)),
                EpochKey::Unknown => return Err(NoStreamKey::Void(Void::UnknownEpoch(epoch))),
            }
        };
        let info = [stream.0.as_slice()];
        let expanded = of_namespace.expand(&info, HKDF_SHA256).map(Prk::from);
        // HKDF fails only for more than 255 blocks.
        expanded.map_err(|_| NoStreamKey::Void(Void::NotAuthentic))
    }

    /// Which epoch of a namespace is sealed under.
    pub(super) fn sealing_epoch(&self, namespace: Namespace) -> EpochNumber {
        self.0.get(&namespace).map_or(0, |of| of.later.sealing())
    }

    /// The later epochs of each namespace, as far as they are known.
    pub(super) fn epochs(&self) -> impl Iterator<Item = (Namespace, &Epochs)> {
        self.0.iter().map(|(namespace, of)| (*namespace, of.later.as_ref()))
    }
}

impl std::fmt::Debug for StreamKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StreamKeys")
    }
}
