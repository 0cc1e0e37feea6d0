//! Attestations in JSON: what public registers say of practitioners, and what registrars do.

use application::ports::queries::AttestationView;
use domain::kernel::PractitionerId;
use domain::practitioner;
use domain::registries::Signed;
use domain::registries::practitioners::{self, Message};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::typed_data::{bytes, fitting, member, signed};
use super::{Identifier, wire_enum};
use crate::check::{Checked, Checks};

wire_enum!(
    /// How a practitioner stands with the registrars: `unknown` (nobody has attested them), `attested`, or `suspended`. An attestation counts once it is
    /// final, and a suspension at once.
    Attested = practitioners::Standing
);

/// How a practitioner stands with the registrars, as the registry on the chain says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attestation {
    /// How the practitioner stands.
    pub standing: Attested,
    /// How many acts of registrars there were. The next attestation or reinstatement names this number.
    #[schema(example = 1)]
    pub number: u64,
    /// How often the practitioner was reinstated. The next suspension names this number.
    #[schema(example = 0)]
    pub reinstatements: u64,
    /// The salted hash of what the last attestation rests on, in hexadecimal; missing before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "0x9c22ff5f21f0b81b113e63f7db6da94fedef11b2119b4088b89664fb9a3cb658")]
    pub details: Option<String>,
}

impl From<AttestationView> for Attestation {
    fn from(view: AttestationView) -> Self {
        let attestation = view.attestation;
        Self {
            standing: view.standing().into(),
            number: attestation.number,
            reinstatements: attestation.reinstatements,
            details: attestation.details.map(hex::encode_prefixed),
        }
    }
}

/// Where a public register has a practitioner.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisterEntry {
    /// The register, and the number under which it has the practitioner.
    pub identifier: Identifier,
    /// The hash that an attestation of this entry names, in hexadecimal.
    #[schema(example = "0x9c22ff5f21f0b81b113e63f7db6da94fedef11b2119b4088b89664fb9a3cb658")]
    pub details: String,
    /// What makes the hash tell nobody the number, in hexadecimal. The hash is that of the struct `Details(string register,string number,bytes32 salt)` (EIP-712).
    #[schema(example = "0x5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a")]
    pub salt: String,
    /// Whether this is what registrars have attested last.
    pub attested: bool,
}

impl From<(practitioner::RegisterEntry, bool)> for RegisterEntry {
    fn from((entry, attested): (practitioner::RegisterEntry, bool)) -> Self {
        Self {
            details: hex::encode_prefixed(entry.details()),
            salt: hex::encode_prefixed(entry.salt),
            identifier: entry.identifier.into(),
            attested,
        }
    }
}

wire_enum!(
    /// What a registrar signs: the type of the struct.
    AttestationType = practitioners::MessageType
);

/// What a registrar has signed, as it stands in the typed data that they were given, and their signature.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignedAttestation {
    /// The type of the struct.
    pub primary_type: AttestationType,
    /// The struct.
    pub message: AttestationMessage,
    /// The account of the registrar, in hexadecimal: its address; or the address of a verifier and behind it a key (ERC-7913).
    #[schema(
        min_length = 42,
        max_length = 4096,
        pattern = "^0x([0-9a-fA-F]{2}){20,}$",
        example = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8"
    )]
    pub signer: String,
    /// The signature, in hexadecimal.
    #[schema(
        min_length = 4,
        max_length = 16384,
        pattern = "^0x([0-9a-fA-F]{2})+$",
        example = "0x5a5a5a5a"
    )]
    pub signature: String,
}

/// The members of what a registrar has signed. Which there are depends on the type.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttestationMessage {
    /// The practitioner's id, as 16 bytes in hexadecimal.
    #[schema(
        min_length = 34,
        max_length = 34,
        pattern = "^0x[0-9a-fA-F]{32}$",
        example = "0x0b7ee0e4f4f14ee195f78d6ed0ff3c31"
    )]
    pub practitioner: String,
    /// Of an attestation: the hash of the register entry, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(
        min_length = 66,
        max_length = 66,
        pattern = "^0x[0-9a-fA-F]{64}$",
        example = "0x9c22ff5f21f0b81b113e63f7db6da94fedef11b2119b4088b89664fb9a3cb658"
    )]
    pub details: Option<String>,
    /// Of an attestation and a reinstatement: how many acts there were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 1_099_511_627_775_u64, example = 0)]
    pub number: Option<u64>,
    /// Of a suspension: how often the practitioner was reinstated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 1_099_511_627_775_u64)]
    pub reinstatements: Option<u64>,
    /// Of an attestation and a reinstatement: until when it may be handed in, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 1_099_511_627_775_u64, example = 1_767_225_600)]
    pub deadline: Option<u64>,
}

impl Checked for SignedAttestation {
    type Domain = (Message, Signed);

    fn check(self, checks: &mut Checks) -> Self::Domain {
        let of = self.primary_type.into();
        let message = checks.within("message", |checks| self.message.check(of, checks));
        (message, signed(checks, &self.signer, &self.signature))
    }
}

impl AttestationMessage {
    fn check(self, of: practitioners::MessageType, checks: &mut Checks) -> Message {
        use practitioners::MessageType::{Attestation, Reinstatement, Suspension};
        let id = checks.within("practitioner", |checks| bytes(checks, &self.practitioner, 16..=16));
        let practitioner = PractitionerId::new(Uuid::from_slice(&id).unwrap_or_default());
        let details = member(checks, "details", self.details, of == Attestation);
        let details = details.map_or_else(Vec::new, |text| {
            checks.within("details", |checks| bytes(checks, &text, 32..=32))
        });
        let number = member(checks, "number", self.number, of != Suspension);
        let deadline = member(checks, "deadline", self.deadline, of != Suspension);
        let reinstatements = member(checks, "reinstatements", self.reinstatements, of == Suspension);
        let (number, deadline) = (fitting(checks, "number", number), fitting(checks, "deadline", deadline));
        let reinstatements = fitting(checks, "reinstatements", reinstatements);
        match of {
            Attestation => Message::Attestation {
                practitioner,
                details: details.try_into().unwrap_or_default(),
                number,
                deadline,
            },
            Suspension => Message::Suspension {
                practitioner,
                reinstatements,
            },
            Reinstatement => Message::Reinstatement {
                practitioner,
                number,
                deadline,
            },
        }
    }
}
