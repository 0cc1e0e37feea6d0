//! Grants in JSON: what patients allow whom, what they sign of it, and how it stands.

use application::ports::queries::GrantView;
use domain::consent::{self, GrantId, Granted, GranteeTag, Message, SignerId};
use domain::grants::Proposal;
use domain::kernel::Category;
use domain::registries::Signed;
use domain::registries::consents;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::typed_data::{bytes, fitting, member, signed};
use super::{Instant, wire_enum};
use crate::check::{Checked, Checks};

/// What is granted: the whole record (`record`: all categories but `sensitive`), or one category of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum GrantedPart {
    /// All categories but `sensitive`.
    Record,
    /// Who the patient is.
    Identity,
    /// Allergies, conditions, symptoms.
    Summary,
    /// Medications.
    Medication,
    /// Visits, and why somebody came.
    Care,
    /// Results.
    Results,
    /// Documents.
    Documents,
    /// Appointments.
    Appointments,
    /// Bills and claims.
    Billing,
    /// Who may read, and who has read.
    Access,
    /// What needs a grant of its own, whatever else it is.
    Sensitive,
}

/// Each part with what it is in the domain.
const PARTS: [(GrantedPart, Granted); 11] = [
    (GrantedPart::Record, Granted::Record),
    (GrantedPart::Identity, Granted::Category(Category::Identity)),
    (GrantedPart::Summary, Granted::Category(Category::Summary)),
    (GrantedPart::Medication, Granted::Category(Category::Medication)),
    (GrantedPart::Care, Granted::Category(Category::Care)),
    (GrantedPart::Results, Granted::Category(Category::Results)),
    (GrantedPart::Documents, Granted::Category(Category::Documents)),
    (GrantedPart::Appointments, Granted::Category(Category::Appointments)),
    (GrantedPart::Billing, Granted::Category(Category::Billing)),
    (GrantedPart::Access, Granted::Category(Category::Access)),
    (GrantedPart::Sensitive, Granted::Category(Category::Sensitive)),
];

impl GrantedPart {
    fn domain(self) -> Granted {
        let found = PARTS.iter().find(|(part, _)| *part == self);
        found.map_or(Granted::Record, |(_, granted)| *granted)
    }

    pub(super) fn of(granted: Granted) -> Self {
        let found = PARTS.iter().find(|(_, one)| *one == granted);
        found.map_or(Self::Record, |(part, _)| *part)
    }
}

wire_enum!(
    /// Why a record is read: `treatment`, `payment` or `research`.
    Purpose = consent::Purpose
);

wire_enum!(
    /// How a grant stands: `prepared` (it can be signed, and nobody has), `included` (it was given, in a block that may still be undone), `not-yet-valid`,
    /// `holds`, `expired` (its time is over, or it was not handed in in time), `revoked`, or `not-in-control` (another account controls it in the registry than who signs in as the
    /// patient, or it was given before that wallet was bound: it allows nothing).
    GrantStanding = consents::GrantStanding
);

/// What a patient would grant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewGrant {
    /// To whom: `practitioner/ID`, `organisation/NUMBER` (all who work there, as far as their work needs), or `organisation/NUMBER/ROLE` (those who work there as `doctor`, `nurse`,
    /// `reception` or `laboratory`).
    #[schema(
        pattern = "^(practitioner/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|organisation/(0|[1-9][0-9]{0,8})(/(doctor|nurse|reception|laboratory))?)$",
        example = "practitioner/3fa85f64-5717-4562-b3fc-2c963f66afa6"
    )]
    pub grantee: String,
    /// What of the record.
    #[schema(value_type = HashSet<GrantedPart>, min_items = 1, max_items = 11)]
    pub categories: Vec<GrantedPart>,
    /// If there are any, these documents alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = HashSet<Uuid>, max_items = 100)]
    pub documents: Vec<Uuid>,
    /// If given, only what is of this time or later. It is kept to the second. What is of no time, such as who the patient is, is then not granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Instant>,
    /// If given, only what is of before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Instant>,
    /// Why it may be read.
    pub purpose: Purpose,
    /// Whether the grantee may add to the record, too.
    #[serde(default)]
    pub may_write: bool,
    /// From when on the grant holds. Without it, from when it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Instant>,
    /// When the grant ends. Without it, it does not end by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<Instant>,
}

impl Checked for NewGrant {
    type Domain = Proposal;

    fn check(self, checks: &mut Checks) -> Proposal {
        let grantee = checks.within("grantee", |checks| {
            let read = self.grantee.parse().ok().filter(|grantee| !is_beyond_all(grantee));
            if read.is_none() {
                checks.wrong("must be `practitioner/ID`, `organisation/NUMBER` or `organisation/NUMBER/ROLE`");
            }
            read.unwrap_or(consent::Grantee::Organisation(0))
        });
        let parts = self.categories.iter().map(|part| part.domain()).collect();
        let categories = checks.distinct("categories", parts, PARTS.len());
        let documents = checks.distinct("documents", self.documents, consent::Details::MOST_DOCUMENTS);
        Proposal {
            grantee,
            categories,
            documents,
            from: seconds(checks, "from", self.from),
            until: seconds(checks, "until", self.until),
            purpose: self.purpose.into(),
            may_write: self.may_write,
            not_before: seconds(checks, "notBefore", self.not_before),
            expiry: seconds(checks, "expiry", self.expiry),
        }
    }
}

impl From<Proposal> for NewGrant {
    fn from(proposal: Proposal) -> Self {
        Self {
            grantee: proposal.grantee.to_string(),
            categories: proposal.categories.into_iter().map(GrantedPart::of).collect(),
            documents: proposal.documents,
            from: instant(proposal.from),
            until: instant(proposal.until),
            purpose: proposal.purpose.into(),
            may_write: proposal.may_write,
            not_before: instant(proposal.not_before),
            expiry: instant(proposal.expiry),
        }
    }
}

/// Whether an organisation has a number that none has, with more digits than the document allows.
const fn is_beyond_all(grantee: &consent::Grantee) -> bool {
    match grantee {
        consent::Grantee::Practitioner(_) => false,
        consent::Grantee::Organisation(number) | consent::Grantee::Role(number, _) => *number > 999_999_999,
    }
}

/// A time in seconds since 1970, as what is signed has it; 0 for none.
fn seconds(checks: &mut Checks, step: &str, at: Option<Instant>) -> u64 {
    let Some(Instant(at)) = at else { return 0 };
    match u64::try_from(at.timestamp()) {
        Ok(seconds) if seconds > 0 => seconds,
        _ => {
            checks.within(step, |checks| checks.wrong("must be later than 1970 began"));
            0
        }
    }
}

/// A grant, and how it stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// The id of the grant; missing when nobody has prepared it here, and the registry alone knows of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// What names the grant in the registry of consents: its hash, in hexadecimal.
    #[schema(example = "0x9c22ff5f21f0b81b113e63f7db6da94fedef11b2119b4088b89664fb9a3cb658")]
    pub grant_id: String,
    /// As whom the registry knows the patient, in hexadecimal.
    #[schema(example = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8")]
    pub patient: String,
    /// How it stands.
    pub standing: GrantStanding,
    /// To whom, as the registry knows them, in hexadecimal: a salted hash, the same for all of the patient's grants to them. It is missing where the registry knows only that the
    /// grant is revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "0xbe609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2")]
    pub grantee_tag: Option<String>,
    /// What is granted to whom; missing when nobody has prepared it here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<GrantDetails>,
    /// From when on it holds; missing when from when it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Instant>,
    /// When it ends; missing when it does not by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiry: Option<Instant>,
    /// Until when it can be handed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Instant>,
    /// When it was prepared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prepared_at: Option<Instant>,
}

/// What is granted to whom.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrantDetails {
    /// To whom.
    #[schema(example = "practitioner/3fa85f64-5717-4562-b3fc-2c963f66afa6")]
    pub grantee: String,
    /// What they are called, as whoever signs is shown it.
    #[schema(example = "Dr. Elizabeth Blackwell")]
    pub name: String,
    /// What of the record.
    pub categories: Vec<GrantedPart>,
    /// If there are any, these documents alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<Uuid>,
    /// If given, only what is of this time or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Instant>,
    /// If given, only what is of before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Instant>,
    /// Why it may be read.
    pub purpose: Purpose,
    /// Whether the grantee may add to the record, too.
    pub may_write: bool,
}

impl From<(&GrantView, consents::GrantStanding)> for Grant {
    fn from((view, standing): (&GrantView, consents::GrantStanding)) -> Self {
        let said = view.grant.as_ref();
        let given = view.state.given.as_ref();
        let tag = said.map(|grant| grant.details.grantee_tag());
        let not_before = said
            .map(|grant| grant.not_before)
            .or(given.map(|given| given.not_before));
        let expiry = said.map(|grant| grant.expiry).or(given.map(|given| given.expiry));
        Self {
            id: view.id,
            grant_id: view.grant_id.to_string(),
            patient: view.registered_as.to_string(),
            standing: standing.into(),
            grantee_tag: tag.or(given.map(|given| given.grantee)).map(|tag| tag.to_string()),
            details: said.map(|grant| GrantDetails::from(&grant.details)),
            not_before: not_before.and_then(instant),
            expiry: expiry.and_then(instant),
            deadline: said.and_then(|grant| instant(grant.deadline)),
            prepared_at: view.prepared_at.map(Instant),
        }
    }
}

impl From<&consent::Details> for GrantDetails {
    fn from(details: &consent::Details) -> Self {
        Self {
            grantee: details.grantee.to_string(),
            name: details.name.clone(),
            categories: details.categories.iter().copied().map(GrantedPart::of).collect(),
            documents: details.documents.clone(),
            from: instant(details.from),
            until: instant(details.until),
            purpose: details.purpose.into(),
            may_write: details.may_write,
        }
    }
}

/// Reads what names a grant in the registry; `None` where that is no such thing.
pub fn grant_id(text: &str) -> Option<GrantId> {
    let mut id = [0; 32];
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 64)?;
    hex::decode_to_slice(digits, &mut id).ok()?;
    Some(GrantId(id))
}

/// A time of what is signed; none at 0, and for one that no calendar has.
fn instant(seconds: u64) -> Option<Instant> {
    let seconds = i64::try_from(seconds).ok().filter(|seconds| *seconds != 0)?;
    chrono::DateTime::from_timestamp(seconds, 0).map(Instant)
}

/// Who has signed what they were given, and the signature.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GrantSignature {
    /// Who has signed, in hexadecimal: the address of an account; or the address of a verifier and behind it a key (ERC-7913).
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

impl Checked for GrantSignature {
    type Domain = Signed;

    fn check(self, checks: &mut Checks) -> Signed {
        signed(checks, &self.signer, &self.signature)
    }
}

/// What a patient signs to revoke grants: the type of the struct. `Revocation` revokes one, `GranteeRevocation` all to one grantee, and `FullRevocation` all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub enum RevocationType {
    /// One grant.
    Revocation,
    /// All grants to one grantee.
    GranteeRevocation,
    /// All grants.
    FullRevocation,
}

/// What a patient has signed to revoke grants, as it stands in the typed data that they were given, and the signature.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignedRevocation {
    /// The type of the struct.
    pub primary_type: RevocationType,
    /// The struct.
    pub message: RevocationMessage,
    /// Who has signed, in hexadecimal: the address of an account; or the address of a verifier and behind it a key (ERC-7913).
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

/// The members of what a patient has signed. Which there are depends on the type.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevocationMessage {
    /// As whom the registry knows the patient, in hexadecimal.
    #[schema(
        min_length = 42,
        max_length = 42,
        pattern = "^0x[0-9a-fA-F]{40}$",
        example = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8"
    )]
    pub patient: String,
    /// Of a revocation: what names the grant in the registry, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(
        min_length = 66,
        max_length = 66,
        pattern = "^0x[0-9a-fA-F]{64}$",
        example = "0x9c22ff5f21f0b81b113e63f7db6da94fedef11b2119b4088b89664fb9a3cb658"
    )]
    pub grant: Option<String>,
    /// Of a revocation of all grants to a grantee: what names them in the registry, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 66, max_length = 66, pattern = "^0x[0-9a-fA-F]{64}$")]
    pub grantee_tag: Option<String>,
    /// Of the other two: how often this was done before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 1_099_511_627_775_u64)]
    pub epoch: Option<u64>,
}

impl Checked for SignedRevocation {
    type Domain = (Message, Signed);

    fn check(self, checks: &mut Checks) -> Self::Domain {
        let message = checks.within("message", |checks| self.message.check(self.primary_type, checks));
        (message, signed(checks, &self.signer, &self.signature))
    }
}

impl RevocationMessage {
    fn check(self, of: RevocationType, checks: &mut Checks) -> Message {
        use RevocationType::{FullRevocation, GranteeRevocation, Revocation};
        let id = checks.within("patient", |checks| bytes(checks, &self.patient, 20..=20));
        let patient = SignerId(id.try_into().unwrap_or_default());
        let grant = hash(checks, "grant", self.grant, of == Revocation);
        let grantee = hash(checks, "granteeTag", self.grantee_tag, of == GranteeRevocation);
        let epoch = member(checks, "epoch", self.epoch, of != Revocation);
        let epoch = fitting(checks, "epoch", epoch);
        match of {
            Revocation => Message::Revocation {
                patient,
                grant: GrantId(grant),
            },
            GranteeRevocation => Message::GranteeRevocation {
                patient,
                grantee: GranteeTag(grantee),
                epoch,
            },
            FullRevocation => Message::FullRevocation { patient, epoch },
        }
    }
}

/// A hash that there must be, or must not be.
fn hash(checks: &mut Checks, step: &str, value: Option<String>, belongs: bool) -> [u8; 32] {
    let text = member(checks, step, value, belongs);
    let read = text.map(|text| checks.within(step, |checks| bytes(checks, &text, 32..=32)));
    read.unwrap_or_default().try_into().unwrap_or_default()
}
