//! Emergencies in JSON: records that practitioners open without a grant, and how they justify it.

use application::ports::queries::{self, EmergencyView};
use application::use_cases::emergencies::ToOpen;
use domain::emergency::Opened;
use domain::kernel::{Category, TextRule};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::text::EmergencyText;
use super::{Instant, wire_enum};
use crate::check::{Checked, Checks};

/// For how long a record is opened unless the practitioner says it, in minutes.
const MINUTES: u16 = 60;

/// What of a record can be opened in an emergency.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OpenablePart {
    /// Who the patient is: it is opened with whatever else is.
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
}

impl OpenablePart {
    const fn category(self) -> Category {
        match self {
            Self::Identity => Category::Identity,
            Self::Summary => Category::Summary,
            Self::Medication => Category::Medication,
            Self::Care => Category::Care,
            Self::Results => Category::Results,
            Self::Documents => Category::Documents,
            Self::Appointments => Category::Appointments,
        }
    }

    /// `None` of what is not opened.
    const fn of(category: Category) -> Option<Self> {
        match category {
            Category::Identity => Some(Self::Identity),
            Category::Summary => Some(Self::Summary),
            Category::Medication => Some(Self::Medication),
            Category::Care => Some(Self::Care),
            Category::Results => Some(Self::Results),
            Category::Documents => Some(Self::Documents),
            Category::Appointments => Some(Self::Appointments),
            Category::Billing | Category::Access | Category::Sensitive => None,
        }
    }
}

/// What a practitioner would open.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({ "reason": "Unconscious after a fall; nobody is with her.", "categories": ["summary", "medication"], "minutes": 60 }))]
pub struct NewEmergency {
    /// Why, in the practitioner's words. The patient reads it.
    #[schema(inline, value_type = EmergencyText)]
    pub reason: String,
    /// What of the record: no more than is needed. Who the patient is is opened with it.
    #[schema(value_type = HashSet<OpenablePart>, min_items = 1, max_items = 7)]
    pub categories: Vec<OpenablePart>,
    /// For how many minutes: an hour, unless it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 5, maximum = 240, default = 60)]
    pub minutes: Option<u16>,
}

impl Checked for NewEmergency {
    type Domain = ToOpen;

    fn check(self, checks: &mut Checks) -> ToOpen {
        let parts = self.categories.iter().map(|part| part.category()).collect();
        let categories = checks.distinct("categories", parts, Opened::CATEGORIES.len());
        if categories.is_empty() {
            checks.within("categories", |checks| checks.wrong("must not be empty"));
        }
        let minutes = self.minutes.unwrap_or(MINUTES);
        if !Opened::MINUTES.contains(&minutes) {
            let (least, most) = (Opened::MINUTES.start(), Opened::MINUTES.end());
            checks.within("minutes", |checks| {
                checks.wrong(format!("must be from {least} to {most}"))
            });
        }
        ToOpen {
            reason: checks.fits("reason", self.reason, TextRule::EMERGENCY),
            categories,
            minutes,
        }
    }
}

/// Why it was right to open a record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({ "text": "She takes anticoagulants, which nobody there knew." }))]
pub struct NewJustification {
    /// In the practitioner's words. The patient reads it.
    #[schema(inline, value_type = EmergencyText)]
    pub text: String,
}

impl Checked for NewJustification {
    type Domain = String;

    fn check(self, checks: &mut Checks) -> String {
        checks.fits("text", self.text, TextRule::EMERGENCY)
    }
}

wire_enum!(
    /// How an emergency stands: `to-justify`, `flagged` (it was not justified in time, nor since), or `justified`.
    EmergencyStanding = queries::EmergencyStanding
);

/// What was said to justify an emergency.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Justification {
    /// In the practitioner's words.
    pub text: String,
    /// When.
    pub at: Instant,
}

/// An emergency. Those who oversee practitioners are not told whose record it was, nor why it was opened: `id`, `patient`, `reason` and `justification` are missing for them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "7c9e6679-7425-40de-944b-e07fc1f90ae7", "patient": "1b4e28ba-2fa1-41d2-883f-0016d3cca427",
    "reason": "Unconscious after a fall; nobody is with her.", "practitioner": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "categories": ["identity", "summary", "medication"], "at": "2026-03-01T08:00:00.250Z", "until": "2026-03-01T09:00:00.250Z",
    "justifyBy": "2026-03-02T08:00:00.250Z", "standing": "to-justify", "position": 4021,
}))]
pub struct Emergency {
    /// What names it in the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// The id of the patient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient: Option<Uuid>,
    /// Why the record was opened, in the practitioner's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The id of the practitioner who has opened the record.
    pub practitioner: Uuid,
    /// The account of the system that has opened it for them; missing when they have signed in themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<Uuid>,
    /// What of the record was opened.
    #[schema(value_type = HashSet<OpenablePart>)]
    pub categories: Vec<OpenablePart>,
    /// When it was opened.
    pub at: Instant,
    /// It was open before this time.
    pub until: Instant,
    /// It is to be justified before this time.
    pub justify_by: Instant,
    /// How it stands.
    #[schema(inline)]
    pub standing: EmergencyStanding,
    /// What the practitioner has said to justify it, if they have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
    /// The account of the system that has justified it for them; missing when they have signed in themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub justifying_system: Option<Uuid>,
    /// When it was justified, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub justified_at: Option<Instant>,
    /// When it was flagged, if it was: what is flagged and justified later was justified too late.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flagged_at: Option<Instant>,
    /// The position in the log of the entry that says that it was opened. By it the entry is found and proved.
    pub position: u64,
}

impl Emergency {
    /// As those see it who oversee practitioners.
    pub fn overseen(view: EmergencyView) -> Self {
        let standing = EmergencyStanding(view.standing());
        let opened = view.opened;
        Self {
            id: None,
            patient: None,
            reason: None,
            practitioner: opened.practitioner.uuid(),
            system: opened.system.map(|account| account.uuid()),
            categories: opened.categories.into_iter().filter_map(OpenablePart::of).collect(),
            at: Instant(opened.at),
            until: Instant(opened.until),
            justify_by: Instant(opened.justify_by),
            standing,
            justification: None,
            justifying_system: view.justification.as_ref().and_then(|said| Some(said.system?.uuid())),
            justified_at: view.justification.map(|said| Instant(said.at)),
            flagged_at: view.flagged_at.map(Instant),
            position: view.position,
        }
    }

    /// As the patient and the practitioner see it.
    pub fn seen(view: EmergencyView) -> Self {
        Self {
            id: Some(view.id.id),
            patient: Some(view.id.patient.uuid()),
            reason: Some(view.opened.reason.clone()),
            justification: view.justification.as_ref().map(|said| said.text.clone()),
            ..Self::overseen(view)
        }
    }
}
