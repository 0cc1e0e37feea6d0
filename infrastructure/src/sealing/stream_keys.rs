//! The streams' own keys, derived as they are needed: that is as cheap as looking one up.

use std::sync::Arc;

use application::log::StreamId;
use ring::hkdf::{HKDF_SHA256, Prk};

use super::payload::Void;
use crate::keys::{EpochKey, EpochNumber, Epochs, KeyRing, MasterSecret};

/// The streams' own keys, in every epoch of which the secret is here.
#[derive(Clone)]
pub(super) struct StreamKeys {
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
}

impl StreamKeys {
    pub(super) fn new(secret: &MasterSecret, keys: &KeyRing) -> Self {
        Self {
            first: secret.first_epoch().stream_sealing(),
            later: Arc::clone(keys.epochs()),
        }
    }

    /// The key of a stream in an epoch.
    pub(super) fn of(&self, stream: &StreamId, epoch: EpochNumber) -> Result<Prk, NoStreamKey> {
        let of_namespace = if epoch == 0 {
            self.first.clone()
        } else {
            match self.later.key(epoch) {
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
}

impl std::fmt::Debug for StreamKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StreamKeys")
    }
}
