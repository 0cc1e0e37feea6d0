//! What is handed in to a registry with what was signed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::consent::SignerId;

/// What somebody has signed: who, and the signature over what goes with it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// Who: an address, or the address of a verifier and a key (ERC-7913).
    pub signer: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

impl Signed {
    /// By an account with its own key.
    pub fn by(account: impl Into<SignerId>, signature: [u8; 65]) -> Self {
        Self {
            signer: account.into().0.to_vec(),
            signature: signature.to_vec(),
        }
    }
}

/// Whoever has a signature that was not handed in yet can hand it in: it is in no log.
impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed")
            .field("signer", &hex::encode_prefixed(&self.signer))
            .finish_non_exhaustive()
    }
}
