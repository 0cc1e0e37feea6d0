//! What names signers, grants, and grantees in a patient's grants.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::kernel::{Wallet, compact_bytes};

macro_rules! bytes {
    ($(#[$doc:meta])* $name:ident: $length:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(
            /// Its bytes.
            #[serde(with = "compact_bytes")]
            pub [u8; $length],
        );

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode_prefixed(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

bytes!(
    /// Who signs: the address of an account, or the last 20 bytes of the hash of a verifier and a key.
    SignerId: 20
);
bytes!(
    /// A grant, by its hash as a struct.
    GrantId: 32
);
bytes!(
    /// A grantee in one patient's grants, without telling whom.
    GranteeTag: 32
);

impl From<Wallet> for SignerId {
    fn from(Wallet(address): Wallet) -> Self {
        Self(address)
    }
}
