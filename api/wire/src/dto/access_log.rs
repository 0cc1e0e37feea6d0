//! Who has read what is known of a patient, in JSON.

use application::ports::queries::LoggedReadView;
use domain::access_log::{self, Named, OpenedAs, Prepared};
use domain::consent::Granted;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Act, GrantedPart, HumanName, Instant, Purpose, Role, wire_enum};

wire_enum!(
    /// What was shown: `patient` (who they are), `patient-in-a-list` (the same, in a list or a search), `chart`, `relationships` (who treats them), `appointments` (one, or several),
    /// `grants` (what they grant to whom), `account` (as whom they sign in), `treatment` (whether they are treated here),
    /// `reports` (what other systems have told of the chart), `emergencies` (the list of those in which the record was opened), `export` (all that is known of them), or `access-log` (who has
    /// read what, for an auditor).
    Shown = access_log::Shown
);

/// What kind of reader it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReaderKind {
    /// The patient.
    Patient,
    /// A practitioner.
    Practitioner,
    /// A person of the staff.
    Staff,
    /// Another system.
    Service,
}

/// By which right something was read: `own` (it is the patient's own), `role` (that of the reader), `grants` (what the patient has granted), `treatment` (that they are treated here),
/// `emergencies` (that the reader has opened the record in them; the rest of what was read `grants` allow), or `engagement` (that the reader is engaged to examine who has read).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReadBasis {
    /// It is the patient's own.
    Own,
    /// The role of the reader.
    Role,
    /// What the patient has granted.
    Grants,
    /// That the patient is treated here.
    Treatment,
    /// That the reader has opened the record in emergencies.
    Emergencies,
    /// That the reader is engaged to examine who has read.
    Engagement,
}

/// Who has read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reader {
    /// What kind of reader it was.
    pub kind: ReaderKind,
    /// The id of the practitioner, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub practitioner: Option<Uuid>,
    /// What the practitioner is called, if their entry can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<HumanName>,
    /// The id of the account, of staff and of services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<Uuid>,
    /// The id of the key that a service used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Uuid>,
    /// The role of staff and of services, as it was then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The account of the person of the staff for whom a service has asked. If that was a practitioner, `practitioner` is their id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<Uuid>,
}

/// That somebody was shown something of a patient.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "at": "2026-03-01T08:00:00.250Z", "reader": { "kind": "practitioner", "practitioner": "3fa85f64-5717-4562-b3fc-2c963f66afa6" },
    "shown": "chart", "categories": ["summary", "medication"], "basis": "grants", "purpose": "treatment",
    "grants": ["7c9e6679-7425-40de-944b-e07fc1f90ae7"], "position": 4021, "index": 0, "block": 812,
    "transaction": "0x5f16f4c7f149ac4f9510d9cf8cf384038ad348b3bcdc01915f95de12df9d1b02",
}))]
pub struct AccessLogEntry {
    /// The id of the patient, for an auditor; a patient's own log leaves it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient: Option<Uuid>,
    /// When, to the millisecond.
    pub at: Instant,
    /// Who.
    pub reader: Reader,
    /// What.
    pub shown: Shown,
    /// Of which categories.
    #[schema(value_type = HashSet<GrantedPart>)]
    pub categories: Vec<GrantedPart>,
    /// By which right.
    pub basis: ReadBasis,
    /// Why, if it was allowed for a purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Purpose>,
    /// By which act the patient was treated here, if that is the right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<Act>,
    /// The ids of the grants that have allowed it, if that is the right; beside emergencies, those that have allowed a part of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<Uuid>,
    /// The ids of the emergencies in which the reader has opened it, if that is the right.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub emergencies: Vec<Uuid>,
    /// The id of the engagement, if that is the right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engagement: Option<Uuid>,
    /// The position in the log of the entry that says so; missing while the log does not have it. By it the entry is found and proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// Which of the reads it is that this entry tells, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// The number of the entry's block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block: Option<u64>,
    /// The hash of the transaction that has the entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 66, max_length = 66, pattern = "^0x[0-9a-f]{64}$")]
    pub transaction: Option<String>,
}

impl From<access_log::Reader> for Reader {
    fn from(reader: access_log::Reader) -> Self {
        let of = |kind| Self {
            kind,
            practitioner: None,
            name: None,
            account: None,
            key: None,
            role: None,
            person: None,
        };
        match reader {
            access_log::Reader::Patient => of(ReaderKind::Patient),
            access_log::Reader::Practitioner(id) => Self {
                practitioner: Some(id.uuid()),
                ..of(ReaderKind::Practitioner)
            },
            access_log::Reader::Staff { account, role } => Self {
                account: Some(account.uuid()),
                role: Some(role.into()),
                ..of(ReaderKind::Staff)
            },
            access_log::Reader::Service { account, key, role } => Self {
                account: Some(account.uuid()),
                key: Some(key),
                role: Some(role.into()),
                ..of(ReaderKind::Service)
            },
            access_log::Reader::ServiceFor {
                account,
                key,
                role,
                person,
            } => Self {
                account: Some(account.uuid()),
                key: Some(key),
                role: Some(role.into()),
                person: match person {
                    Named::Staff(account) => Some(account.uuid()),
                    Named::Practitioner(_) => None,
                },
                practitioner: match person {
                    Named::Staff(_) => None,
                    Named::Practitioner(id) => Some(id.uuid()),
                },
                ..of(ReaderKind::Service)
            },
        }
    }
}

impl From<access_log::Read> for AccessLogEntry {
    fn from(read: access_log::Read) -> Self {
        let access_log::Read { at, reading } = read;
        let (mut purpose, mut by, mut grants, mut emergencies) = (None, None, Vec::new(), Vec::new());
        let mut engagement = None;
        let basis = match reading.basis {
            access_log::Basis::Own => ReadBasis::Own,
            access_log::Basis::Role => ReadBasis::Role,
            access_log::Basis::Treatment(act) => {
                by = Some(act);
                ReadBasis::Treatment
            }
            access_log::Basis::Grants(why, ids) => {
                purpose = Some(why);
                grants = ids.into_iter().map(|Prepared(id)| id).collect();
                ReadBasis::Grants
            }
            access_log::Basis::Emergencies(ids, granted) => {
                grants = granted.into_iter().map(|Prepared(id)| id).collect();
                emergencies = ids.into_iter().map(|OpenedAs(id)| id).collect();
                ReadBasis::Emergencies
            }
            access_log::Basis::Engagement(id) => {
                engagement = Some(id.uuid());
                ReadBasis::Engagement
            }
        };
        let categories = reading.categories.into_iter().map(Granted::Category);
        Self {
            patient: None,
            at: Instant(at),
            reader: reading.reader.into(),
            shown: reading.shown.into(),
            categories: categories.map(GrantedPart::of).collect(),
            basis,
            purpose: purpose.map(Purpose::from),
            act: by.map(Act),
            grants,
            emergencies,
            engagement,
            position: None,
            index: None,
            block: None,
            transaction: None,
        }
    }
}

impl From<LoggedReadView> for AccessLogEntry {
    fn from(view: LoggedReadView) -> Self {
        let mut entry = Self::from(view.read);
        entry.reader.name = view.name.map(HumanName::from);
        Self {
            position: Some(view.position),
            index: Some(view.index),
            block: Some(view.block),
            transaction: Some(hex::encode_prefixed(view.transaction)),
            ..entry
        }
    }
}

impl AccessLogEntry {
    /// As an auditor sees it, who examines several patients'.
    pub fn examined(view: LoggedReadView) -> Self {
        Self {
            patient: Some(view.patient.uuid()),
            ..Self::from(view)
        }
    }
}
