//! Ids derived under the organisation's master secret.
//!
//! The same thing gets the same id on every server of the organisation, and nobody without the secret can tell from an id,
//! or from a guess at an identifier, whether they belong together.

use application::ports::IdentityDerivation;
use domain::claims::Name;
use domain::kernel::{ClaimsId, Identifier, Wallet};
use uuid::Uuid;

use crate::keys::{IdentityKey, MasterSecret};

/// Derives ids with HMAC-SHA256, as UUIDs of version 8.
#[derive(Clone)]
pub struct KeyedDerivation(IdentityKey);

impl KeyedDerivation {
    /// Under an organisation's secret.
    pub fn new(secret: &MasterSecret) -> Self {
        Self(secret.identity_derivation())
    }

    fn digest(&self, parts: &[&str]) -> [u8; 16] {
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        self.0.digest(&parts)
    }

    fn id(&self, parts: &[&str]) -> Uuid {
        uuid::Builder::from_custom_bytes(self.digest(parts)).into_uuid()
    }
}

impl std::fmt::Debug for KeyedDerivation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyedDerivation")
    }
}

impl IdentityDerivation for KeyedDerivation {
    fn from_identifier(&self, kind: &str, identifier: &Identifier) -> Uuid {
        self.id(&["identifier", kind, &identifier.system, &identifier.value])
    }

    fn from_wallet(&self, wallet: &Wallet) -> Uuid {
        self.id(&["wallet", &hex::encode(wallet.0)])
    }

    fn from_name(&self, kind: &str, name: &str) -> Uuid {
        self.id(&["name", kind, name])
    }

    fn bucket_of(&self, name: &Name) -> ClaimsId {
        let [bucket, ..] = match name {
            Name::OfPatient(Identifier { system, value }) => self.digest(&["claim", "patient", system, value]),
            Name::OfPractitioner(Identifier { system, value }) => {
                self.digest(&["claim", "practitioner", system, value])
            }
            Name::Wallet(wallet) => self.digest(&["claim", "wallet", &hex::encode(wallet.0)]),
        };
        ClaimsId(bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derivation(secret: u8) -> KeyedDerivation {
        KeyedDerivation::new(&MasterSecret::new([secret; 32]))
    }

    fn identifier(value: &str) -> Identifier {
        Identifier {
            system: "urn:example".to_owned(),
            value: value.to_owned(),
        }
    }

    #[test]
    fn the_same_thing_gets_the_same_id_on_every_server() {
        assert_eq!(
            derivation(1).from_identifier("patient", &identifier("7")),
            derivation(1).from_identifier("patient", &identifier("7")),
        );
        assert_eq!(derivation(1).from_wallet(&Wallet([3; 20])).get_version_num(), 8);
    }

    #[test]
    fn another_kind_value_or_secret_gets_another_id() {
        let id = derivation(1).from_identifier("patient", &identifier("7"));
        assert_ne!(id, derivation(1).from_identifier("practitioner", &identifier("7")));
        assert_ne!(id, derivation(1).from_identifier("patient", &identifier("8")));
        assert_ne!(id, derivation(2).from_identifier("patient", &identifier("7")));
        assert_ne!(
            derivation(1).from_name("service", "a"),
            derivation(1).from_name("servic", "ea")
        );
    }

    #[test]
    fn names_are_claimed_in_all_buckets_alike() {
        let bucket = |number: u32| derivation(1).bucket_of(&Name::OfPatient(identifier(&number.to_string())));
        let mut counts = [0_u32; 256];
        (0..25_600).for_each(|number| counts[usize::from(bucket(number).0)] += 1);
        // A hundred in each are expected; that one of them has less than 50 or more than 150 is a chance of one in ten thousand.
        assert!(counts.iter().all(|count| (50..150).contains(count)), "{counts:?}");
    }

    #[test]
    fn derived_ids_never_change() {
        // They name streams on chains: another derivation would lose them.
        assert_eq!(
            derivation(0x42)
                .from_identifier("patient", &identifier("7"))
                .to_string(),
            "3f080875-4960-8b4b-97ca-d24c17c77bcf"
        );
        assert_eq!(
            derivation(0x42).from_wallet(&Wallet([3; 20])).to_string(),
            "ce7e69e0-af4a-8b28-965d-805e98b38ec3"
        );
        assert_eq!(
            derivation(0x42).from_name("service", "import").to_string(),
            "231add54-e335-89b3-a5f7-14ee49573e29"
        );
        let buckets = [
            Name::OfPatient(identifier("7")),
            Name::OfPractitioner(identifier("7")),
            Name::Wallet(Wallet([3; 20])),
        ];
        let buckets = buckets.map(|name| derivation(0x42).bucket_of(&name).0);
        assert_eq!(buckets, [36, 93, 74]);
    }
}
