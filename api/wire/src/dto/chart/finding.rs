//! Findings in JSON: one body for each kind, and one that holds any of them.

use domain::chart::{self, AnyFinding};
use domain::kernel::{Sources, TextRule};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::check::{Checked, Checks};
use crate::dto::wire_enum::wire_enum;
use crate::dto::{Abated, Concept, Day};

/// A condition in the patient's medical history.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"concept": {"coding": {"system": "http://snomed.info/sct", "code": "38341003"}, "text": "Hypertension"}, "onset": "2019-05-01"}))]
pub struct Condition {
    /// The condition: a code with its text, or a text alone.
    pub concept: Concept,
    /// The day on which the condition began, if it is known. It is not in the future in any time zone, and not after the day on which it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onset: Option<Day>,
    /// The day on which the condition ended, which is not in the future in any time zone; or `unknown` when it has ended and the day is not
    /// known. Missing while the condition is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abated: Option<Abated>,
}

impl Checked for Condition {
    type Domain = chart::Condition;

    fn check(self, checks: &mut Checks) -> chart::Condition {
        chart::Condition {
            concept: checks.field("concept", self.concept),
            onset: self.onset.map(|day| day.0),
            abated: self.abated.map(Into::into),
            as_of: None,
            sources: Sources::default(),
        }
    }
}

impl From<chart::Condition> for Condition {
    fn from(condition: chart::Condition) -> Self {
        Self {
            concept: condition.concept.into(),
            onset: condition.onset.map(Day),
            abated: condition.abated.map(Into::into),
        }
    }
}

wire_enum!(
    /// How bad a reaction to a substance may be: `high` where it may be life-threatening, otherwise `low`.
    Criticality = chart::Criticality
);

/// An allergy or intolerance.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"concept": {"text": "Penicillin"}, "criticality": "high"}))]
pub struct Allergy {
    /// The substance to which the patient is allergic or intolerant.
    pub concept: Concept,
    /// How bad a reaction may be; missing where nobody has told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criticality: Option<Criticality>,
}

impl Checked for Allergy {
    type Domain = chart::Allergy;

    fn check(self, checks: &mut Checks) -> chart::Allergy {
        chart::Allergy {
            concept: checks.field("concept", self.concept),
            criticality: self.criticality.map(Into::into),
            as_of: None,
            sources: Sources::default(),
        }
    }
}

impl From<chart::Allergy> for Allergy {
    fn from(allergy: chart::Allergy) -> Self {
        Self {
            concept: allergy.concept.into(),
            criticality: allergy.criticality.map(Into::into),
        }
    }
}

/// A medication that the patient takes or has taken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"concept": {"text": "Lisinopril 10 mg"}, "since": "2019-05-01", "active": true}))]
pub struct Medication {
    /// The medication: a code with its text, or a text alone.
    pub concept: Concept,
    /// The day since which the medication is taken, if it is known. It is not in the future in any time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Day>,
    /// Whether the patient takes the medication now.
    pub active: bool,
}

impl Checked for Medication {
    type Domain = chart::Medication;

    fn check(self, checks: &mut Checks) -> chart::Medication {
        chart::Medication {
            concept: checks.field("concept", self.concept),
            since: self.since.map(|day| day.0),
            active: self.active,
            as_of: None,
            sources: Sources::default(),
        }
    }
}

impl From<chart::Medication> for Medication {
    fn from(medication: chart::Medication) -> Self {
        Self {
            concept: medication.concept.into(),
            since: medication.since.map(Day),
            active: medication.active,
        }
    }
}

/// A symptom, in the patient's own words.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"text": "a cough at night"}))]
pub struct Symptom {
    /// The words.
    // Within the lists of a chart a text rule would be described as an object.
    #[schema(value_type = String, min_length = 1, max_length = 4000, format = "prose", example = "a cough")]
    pub text: String,
}

impl Checked for Symptom {
    type Domain = chart::Symptom;

    fn check(self, checks: &mut Checks) -> chart::Symptom {
        chart::Symptom {
            text: checks.fits("text", self.text, TextRule::SYMPTOM),
        }
    }
}

impl From<chart::Symptom> for Symptom {
    fn from(symptom: chart::Symptom) -> Self {
        Self { text: symptom.text }
    }
}

/// A finding of one of the lists of a chart.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", try_from = "Given")]
#[schema(example = json!({"allergy": {"concept": {"text": "Penicillin"}, "criticality": "high"}}))]
pub enum ChartFinding {
    /// A condition.
    Condition(Condition),
    /// An allergy or intolerance.
    Allergy(Allergy),
    /// A medication.
    Medication(Medication),
    /// A symptom.
    Symptom(Symptom),
}

/// The members of a body that holds a finding. One of them is given.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Given {
    condition: Option<Condition>,
    allergy: Option<Allergy>,
    medication: Option<Medication>,
    symptom: Option<Symptom>,
}

impl TryFrom<Given> for ChartFinding {
    type Error = &'static str;

    fn try_from(given: Given) -> Result<Self, Self::Error> {
        match given {
            Given {
                condition: Some(condition),
                allergy: None,
                medication: None,
                symptom: None,
            } => Ok(Self::Condition(condition)),
            Given {
                condition: None,
                allergy: Some(allergy),
                medication: None,
                symptom: None,
            } => Ok(Self::Allergy(allergy)),
            Given {
                condition: None,
                allergy: None,
                medication: Some(medication),
                symptom: None,
            } => Ok(Self::Medication(medication)),
            Given {
                condition: None,
                allergy: None,
                medication: None,
                symptom: Some(symptom),
            } => Ok(Self::Symptom(symptom)),
            _ => Err("must be an object with one of \"condition\", \"allergy\", \"medication\", \"symptom\""),
        }
    }
}

impl Checked for ChartFinding {
    type Domain = AnyFinding;

    fn check(self, checks: &mut Checks) -> AnyFinding {
        match self {
            Self::Condition(condition) => AnyFinding::Condition(checks.field("condition", condition)),
            Self::Allergy(allergy) => AnyFinding::Allergy(checks.field("allergy", allergy)),
            Self::Medication(medication) => AnyFinding::Medication(checks.field("medication", medication)),
            Self::Symptom(symptom) => AnyFinding::Symptom(checks.field("symptom", symptom)),
        }
    }
}
