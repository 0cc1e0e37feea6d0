//! Charts in JSON.

mod absence;
mod finding;
mod report;

use application::ports::queries::ChartView;
use domain::chart::{self, FindingId, List, SourcedFinding};
use domain::kernel::time::whole_millis;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub use absence::{Absence, AllergyKind, ChartList, StateAbsence};
pub use finding::{Allergy, ChartFinding, Condition, Criticality, Medication, Symptom};
pub use report::{ChartReport, Negation, ReportedFinding, Withdrawn};

use super::{Absent, Findings, Instant, SourceId};
use crate::check::{Checked, Checks};

/// A patient's chart. A list without findings says why there are none: `none-known` says that somebody has asked, and that there is
/// nothing; an empty list says that nobody has asked. A list that the caller may not read is missing.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "patient": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "conditions": [{ "id": "7d9f0a1c-7d0e-4b7e-8a53-0c1f6f3b2d11", "finding": { "concept": { "text": "Asthma" }, "onset": "1990-05-01" } }],
    "allergies": "none-known",
    "medications": "unknown",
    "symptoms": [],
    "version": 3,
    "updatedAt": "2026-03-02T09:00:00Z",
}))]
pub struct Chart {
    /// The id of the patient.
    pub patient: Uuid,
    /// The conditions in the patient's medical history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Findings<Entry<Condition>>>,
    /// The patient's allergies and intolerances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allergies: Option<Findings<Entry<Allergy>>>,
    /// The kinds of allergies of which none are known, each once. A finding in `allergies` takes precedence over it. Where no allergies
    /// at all are known, `allergies` is `none-known`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = HashSet<AllergyKind>, max_items = 6, example = json!(["medication"]))]
    pub no_known_allergies_to: Vec<AllergyKind>,
    /// The patient's medications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medications: Option<Findings<Entry<Medication>>>,
    /// The patient's symptoms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symptoms: Option<Findings<Entry<Symptom>>>,
    /// The findings that were taken back; an older state of a source does not bring them back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withdrawn: Vec<Withdrawn>,
    /// The last statements of sources, and of people here, that none are known. Any finding takes precedence over them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub negations: Vec<Negation>,
    /// The version of the chart, which is also its entity tag; 0 when nothing was said yet. It is missing for a doctor who reads by the patient's grants: it would
    /// tell how much stands in the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 3)]
    pub version: Option<u64>,
    /// When the chart last changed; missing when nothing was said yet, and where the version is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Instant>,
}

/// A finding in a chart.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry<T> {
    /// The id of the finding.
    pub id: Uuid,
    /// What was found.
    pub finding: T,
    /// The instant as of which this finding was told: as its source says, or when it was last noted or changed here. It is kept to the
    /// millisecond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Instant>,
    /// The digests of the ids of the resources that tell this finding, if they are known; the last one told it last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = HashSet<SourceId>, max_items = 8)]
    pub sources: Vec<SourceId>,
}

impl<T> Entry<T> {
    fn told<D: SourcedFinding + Into<T>>(entry: chart::Entry<D>) -> Self {
        let (as_of, sources) = (entry.finding.as_of(), SourceId::list(entry.finding.sources()));
        Self {
            id: entry.id.0,
            finding: entry.finding.into(),
            as_of: as_of.map(Instant),
            sources,
        }
    }

    fn of_no_source<D: Into<T>>(entry: chart::Entry<D>) -> Self {
        Self {
            id: entry.id.0,
            finding: entry.finding.into(),
            as_of: None,
            sources: Vec::new(),
        }
    }
}

impl Chart {
    /// One finding, of whichever list.
    pub fn finding(self, id: Uuid) -> Option<Entry<ChartFinding>> {
        let conditions = within(self.conditions.unwrap_or_default(), ChartFinding::Condition);
        let allergies = within(self.allergies.unwrap_or_default(), ChartFinding::Allergy);
        let medications = within(self.medications.unwrap_or_default(), ChartFinding::Medication);
        let symptoms = within(self.symptoms.unwrap_or_default(), ChartFinding::Symptom);
        let mut all = conditions.chain(allergies).chain(medications).chain(symptoms);
        all.find(|entry| entry.id == id)
    }
}

fn within<T>(
    list: Findings<Entry<T>>,
    finding: impl Fn(T) -> ChartFinding,
) -> impl Iterator<Item = Entry<ChartFinding>> {
    list.into_list().into_iter().map(move |entry| Entry {
        id: entry.id,
        finding: finding(entry.finding),
        as_of: entry.as_of,
        sources: entry.sources,
    })
}

fn shown<D, T>(list: List<D>, entry: impl Fn(chart::Entry<D>) -> Entry<T>) -> Findings<Entry<T>> {
    match list.absence() {
        Some(chart::Absence::NoneKnown) => Findings::Absent(Absent::NoneKnown),
        Some(chart::Absence::Unknown) => Findings::Absent(Absent::Unknown),
        Some(chart::Absence::NotAsked) | None => Findings::List(list.entries.into_iter().map(entry).collect()),
    }
}

impl From<ChartView> for Chart {
    fn from(view: ChartView) -> Self {
        let is_seen = |list: chart::ListKind| !view.withheld.contains(&list.category());
        let chart::Contents {
            conditions,
            allergies,
            no_known_allergies_to,
            medications,
            symptoms,
            withdrawn,
            negations,
        } = view.contents;
        Self {
            patient: view.patient.uuid(),
            conditions: is_seen(chart::ListKind::Conditions).then(|| shown(conditions, Entry::told)),
            allergies: is_seen(chart::ListKind::Allergies).then(|| shown(allergies, Entry::told)),
            no_known_allergies_to: no_known_allergies_to.into_iter().map(Into::into).collect(),
            medications: is_seen(chart::ListKind::Medications).then(|| shown(medications, Entry::told)),
            symptoms: is_seen(chart::ListKind::Symptoms).then(|| shown(symptoms, Entry::of_no_source)),
            withdrawn: withdrawn.into_iter().map(Into::into).collect(),
            negations: negations.into_iter().map(Into::into).collect(),
            version: view.version,
            updated_at: view.updated_at.map(Instant),
        }
    }
}

/// A client reads it.
impl Checked for Chart {
    type Domain = chart::Contents;

    fn check(self, checks: &mut Checks) -> chart::Contents {
        let withdrawn = self.withdrawn.into_iter().filter_map(|one| {
            let as_of = one.as_of?.0;
            let ended = checks.field("withdrawn", one);
            Some(chart::Withdrawn {
                list: ended.list,
                concept: ended.concept,
                since: ended.since,
                source: ended.source,
                as_of,
            })
        });
        let withdrawn = withdrawn.collect();
        let negations = self.negations.into_iter().filter_map(|one| {
            Some(chart::Negation {
                list: one.list.0,
                kind: one.kind.map(Into::into),
                holds: one.holds,
                source: one.source.map(|source| source.0),
                as_of: one.as_of?.0,
            })
        });
        chart::Contents {
            conditions: read(self.conditions.unwrap_or_default(), "conditions", checks),
            allergies: read(self.allergies.unwrap_or_default(), "allergies", checks),
            no_known_allergies_to: self.no_known_allergies_to.into_iter().map(Into::into).collect(),
            medications: read(self.medications.unwrap_or_default(), "medications", checks),
            symptoms: listed(self.symptoms.unwrap_or_default(), |entry| chart::Entry {
                id: FindingId(entry.id),
                finding: checks.field("symptoms", entry.finding),
            }),
            withdrawn,
            negations: negations.collect(),
        }
    }
}

fn read<T: Checked<Domain: SourcedFinding>>(
    list: Findings<Entry<T>>,
    step: &str,
    checks: &mut Checks,
) -> List<T::Domain> {
    listed(list, |entry| {
        let finding = checks.field(step, entry.finding);
        let sources = SourceId::checked(checks, entry.sources);
        chart::Entry {
            id: FindingId(entry.id),
            finding: finding.told(entry.as_of.map(|at| whole_millis(at.0)), sources),
        }
    })
}

fn listed<T, D>(list: Findings<Entry<T>>, entry: impl FnMut(Entry<T>) -> chart::Entry<D>) -> List<D> {
    match list {
        Findings::List(all) => List {
            entries: all.into_iter().map(entry).collect(),
            absence: chart::Absence::NotAsked,
        },
        Findings::Absent(absent) => List {
            entries: Vec::new(),
            absence: match absent {
                Absent::NoneKnown => chart::Absence::NoneKnown,
                Absent::Unknown => chart::Absence::Unknown,
            },
        },
    }
}
