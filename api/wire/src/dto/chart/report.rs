//! What another system tells of a chart, in JSON.

use domain::chart::{self, List, ListKind, SourcedFinding};
use domain::kernel::time::whole_millis;
use serde::{Deserialize, Serialize};
use strum::VariantNames as _;
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

use super::absence::{AllergyKind, ChartList, check_kind};
use super::finding::{Allergy, Condition, Medication};
use crate::check::{Checked, Checks};
use crate::dto::{Concept, Day, Findings, Instant, SourceId};

/// The body of a report of what another system tells of a patient's chart. What is not told stays as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(example = json!({
    "conditions": [{ "finding": { "concept": { "text": "Asthma" }, "onset": "1990-05-01" }, "asOf": "2026-03-02T09:00:00Z", "source": "5f0c1d2e3b4a5968" }],
    "withdrawn": [{ "list": "allergies", "concept": { "text": "Penicillin" } }],
}))]
pub struct ChartReport {
    /// The states of conditions.
    pub conditions: Findings<ReportedFinding<Condition>>,
    /// The states of allergies and intolerances.
    pub allergies: Findings<ReportedFinding<Allergy>>,
    /// The states of medications.
    pub medications: Findings<ReportedFinding<Medication>>,
    /// The findings that are withdrawn: entered in error, refuted, deleted or cancelled at their source, and allergies that have passed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 1000)]
    pub withdrawn: Vec<Withdrawn>,
    /// The statements that none are known, and that this no longer holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 1000)]
    pub negations: Vec<Negation>,
}

/// What an event of the log can hold of a chart is a mebibyte before it is packed, and takes some three of JSON: this is four, if the
/// longest body is as long as by default.
const BODIES_OF_A_CHART: usize = 32;

/// How many items a list of a report takes.
const MOST: usize = List::<()>::MOST;

impl Checked for ChartReport {
    type Domain = chart::Report;

    const BODIES: usize = BODIES_OF_A_CHART;

    fn check(self, checks: &mut Checks) -> chart::Report {
        chart::Report {
            conditions: self.conditions.check("conditions", checks),
            allergies: self.allergies.check("allergies", checks),
            medications: self.medications.check("medications", checks),
            ended: checks.list("withdrawn", self.withdrawn, MOST),
            negations: checks.list("negations", self.negations, MOST),
        }
    }
}

impl From<chart::Report> for ChartReport {
    fn from(report: chart::Report) -> Self {
        Self {
            conditions: ReportedFinding::list(report.conditions),
            allergies: ReportedFinding::list(report.allergies),
            medications: ReportedFinding::list(report.medications),
            withdrawn: report.ended.into_iter().map(Into::into).collect(),
            negations: report.negations.into_iter().map(Into::into).collect(),
        }
    }
}

/// A finding as another system reports it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReportedFinding<T> {
    /// What was found.
    pub finding: T,
    /// The instant as of which the source tells this finding, if it says so. It is kept to the millisecond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Instant>,
    /// The digest of the id of the resource that tells this finding, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceId>,
}

impl<T: Checked<Domain: SourcedFinding>> Checked for ReportedFinding<T> {
    type Domain = T::Domain;

    fn check(self, checks: &mut Checks) -> T::Domain {
        let finding = checks.field("finding", self.finding);
        let source = self.source.map(|source| source.0);
        finding.told(self.as_of.map(|at| whole_millis(at.0)), source.into())
    }
}

impl<T> ReportedFinding<T> {
    fn list<D: SourcedFinding + Into<T>>(findings: chart::Findings<D>) -> Findings<Self> {
        Findings::of(findings.map(|finding| Self {
            as_of: finding.as_of().map(Instant),
            source: finding.source().map(SourceId),
            finding: finding.into(),
        }))
    }
}

/// A finding that was taken back: refuted here, or entered in error, refuted, deleted or over at its source.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"list": "allergies", "concept": {"text": "Penicillin"}, "asOf": "2026-03-02T09:00:00Z"}))]
pub struct Withdrawn {
    /// The list that the finding was in.
    #[schema(value_type = ReportedList)]
    pub list: ChartList,
    /// What was found; missing where nothing more is told than that the resource named by `source` was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concept: Option<Concept>,
    /// The day on which the finding was said to have begun, if it was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Day>,
    /// The digest of the id of the resource that told the finding, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceId>,
    /// The instant as of which the finding was taken back. In a report it may be missing, where the source does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Instant>,
}

impl From<chart::Withdrawn> for Withdrawn {
    fn from(withdrawn: chart::Withdrawn) -> Self {
        Self {
            list: withdrawn.list.into(),
            concept: withdrawn.concept.map(Into::into),
            since: withdrawn.since.map(Day),
            source: withdrawn.source.map(SourceId),
            as_of: Some(Instant(withdrawn.as_of)),
        }
    }
}

impl From<chart::Ended> for Withdrawn {
    fn from(ended: chart::Ended) -> Self {
        Self {
            list: ended.list.into(),
            concept: ended.concept.map(Into::into),
            since: ended.since.map(Day),
            source: ended.source.map(SourceId),
            as_of: ended.as_of.map(Instant),
        }
    }
}

impl Checked for Withdrawn {
    type Domain = chart::Ended;

    fn check(self, checks: &mut Checks) -> chart::Ended {
        is_reported(self.list, checks);
        if self.concept.is_none() && self.source.is_none() {
            checks.wrong("must have a `concept` or a `source`: otherwise nothing tells what is meant");
        }
        chart::Ended {
            list: self.list.into(),
            concept: checks.optional("concept", self.concept),
            since: self.since.map(|day| day.0),
            source: self.source.map(|source| source.0),
            as_of: self.as_of.map(|at| whole_millis(at.0)),
        }
    }
}

/// How the document describes a list of which sources tell.
pub(super) struct ReportedList;

impl utoipa::PartialSchema for ReportedList {
    fn schema() -> RefOr<Schema> {
        let names = ListKind::VARIANTS.iter().filter(|name| **name != "symptoms");
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "A list of findings of which sources tell: conditions, allergies or medications.",
            ))
            .enum_values(Some(names.copied()))
            .into()
    }
}

impl ToSchema for ReportedList {}

/// No source tells symptoms.
fn is_reported(list: ChartList, checks: &mut Checks) {
    if !list.0.is_reported() {
        checks.within("list", |checks| {
            checks.wrong("must not be `symptoms`: no source tells these")
        });
    }
}

/// The last statement of a source, or of people here, that no findings of a list are known, or that this no longer holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"list": "allergies", "holds": true, "asOf": "2026-03-02T09:00:00Z"}))]
pub struct Negation {
    /// The list of which no findings are known.
    #[schema(value_type = ReportedList)]
    pub list: ChartList,
    /// The kind of allergies of which none are known, if the statement is about one kind alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<AllergyKind>,
    /// Whether it is still said; `false` when the statement was taken back.
    pub holds: bool,
    /// The digest of the id of the resource that makes the statement, if it is known; missing where people made it here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceId>,
    /// The instant as of which the source says so. In a report it may be missing, where the source does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Instant>,
}

impl From<chart::Negation> for Negation {
    fn from(negation: chart::Negation) -> Self {
        Self {
            list: negation.list.into(),
            kind: negation.kind.map(Into::into),
            holds: negation.holds,
            source: negation.source.map(SourceId),
            as_of: Some(Instant(negation.as_of)),
        }
    }
}

impl From<chart::ReportedNegation> for Negation {
    fn from(negation: chart::ReportedNegation) -> Self {
        Self {
            list: negation.list.into(),
            kind: negation.kind.map(Into::into),
            holds: negation.holds,
            source: negation.source.map(SourceId),
            as_of: negation.as_of.map(Instant),
        }
    }
}

impl Checked for Negation {
    type Domain = chart::ReportedNegation;

    fn check(self, checks: &mut Checks) -> chart::ReportedNegation {
        is_reported(self.list, checks);
        check_kind(self.list, self.kind, checks);
        chart::ReportedNegation {
            list: self.list.into(),
            kind: self.kind.map(Into::into),
            holds: self.holds,
            source: self.source.map(|source| source.0),
            as_of: self.as_of.map(|at| whole_millis(at.0)),
        }
    }
}
