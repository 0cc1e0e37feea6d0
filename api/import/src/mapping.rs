//! From a person's FHIR R4 resources to what the clinic is asked to do. Pure: resources in, a plan out.
//!
//! A patient's conditions, allergies and medications become a report of their chart. Every encounter that has begun
//! becomes a recorded visit, with the practitioner of its first participant that is one, or with the organisation that
//! provided it when it names none. Who is who is decided before ([`super::identity`]): each resource has the one identifier
//! that names it, and each reference names what is mapped with it.
//!
//! Of each resource that is read only what a record has a place for is taken; its other elements are named where they are read
//! ([`super::fhir`]). What is lost, what a record has no place for, and what is recorded otherwise is remarked on in the plan's
//! [`Notes`]. Only a patient that cannot be registered fails.

mod contained;
mod current;
mod findings;
mod list_builder;
mod notes;
mod people;
mod status;
mod unnamed;
mod visits;
mod vocabulary;

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use domain::chart::{ListKind, Remark, Report};
use domain::encounter::Outcome;
use domain::kernel::{Concept, Identifier, Slot, Sources, TextRule};
use domain::patient::PatientDetails;
use domain::practitioner::PractitionerDetails;

pub(super) use self::current::{Several, is_over};
pub use self::notes::{Fate, Note, Notes};
pub(super) use self::people::details_over;
pub use self::unnamed::{UnnamedMedication, UnnamedReason};
pub(super) use self::vocabulary::has_name;
use super::context::Context;
use super::exports::Exports;
use super::fhir::{self, Bundle, BundleError, Entry};

/// What a person's resources ask of the clinic. A visit names patient and provider by identifier.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Plan {
    /// The patients to register.
    pub patients: Vec<PatientDetails>,
    /// The visits to record.
    pub visits: Vec<Visit>,
    /// The patients that cannot be registered, and why.
    pub refused: Vec<BundleError>,
    /// What is told of their chart, by all exports of the run.
    pub report: Report,
    /// What becomes of what an export tells, for what the ones after it do.
    pub remarks: Vec<(ListKind, Remark)>,
    /// Medications whose names are not told. They may be recorded.
    pub unnamed: Vec<UnnamedMedication>,
    /// What is not taken as it stands.
    pub notes: Notes,
}

/// A visit to record.
#[derive(Clone, PartialEq, Debug)]
pub struct Visit {
    /// Where it stands in the bundle.
    pub path: String,
    /// The identifier that names it best.
    pub identifier: Identifier,
    /// Other identifiers that name it.
    pub others: Vec<Identifier>,
    /// What its sources call it.
    pub sources: Sources,
    /// As of when the source tells it.
    pub as_of: Option<DateTime<Utc>>,
    /// The patient's identifier.
    pub patient: Identifier,
    /// Who provided it.
    pub provider: Provider,
    /// When.
    pub slot: Slot,
    /// Whether the time of day at which it began is told: midnight may stand for a day alone.
    pub has_hour: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// Why.
    pub reason: Option<Concept>,
    /// A condition that is the reason, and is in none of the files. It may be recorded.
    pub unnamed_reason: Option<UnnamedReason>,
}

/// Who provided a visit, by identifier.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Provider {
    /// A practitioner.
    Practitioner(Identifier),
    /// An organisation: the encounter names no practitioner.
    Organization(Identifier),
}

/// The remarks on one resource.
struct Remarks<'a> {
    notes: &'a mut Notes,
    resource: &'static str,
    path: &'a str,
}

impl<'a> Remarks<'a> {
    fn on(notes: &'a mut Notes, resource: &'static str, path: &'a str) -> Self {
        Self { notes, resource, path }
    }

    fn left_out(&mut self, why: impl Into<String>) {
        self.notes.left_out(self.resource, self.path, why);
    }

    fn no_place(&mut self, why: impl Into<String>) {
        self.notes.no_place(self.resource, self.path, why);
    }

    fn passed_over(&mut self, why: impl Into<String>) {
        self.notes.passed_over(self.resource, self.path, why);
    }

    fn changed(&mut self, why: impl Into<String>) {
        self.notes.changed(self.resource, self.path, why);
    }
}

/// Maps a person's resources.
pub(super) fn map(bundle: &Bundle, exports: &Exports, context: &Context) -> Plan {
    let mut plan = Plan::default();
    for (kind, error) in &bundle.unread {
        if *kind == "Patient" {
            plan.refused.push(error.clone());
        } else {
            plan.notes
                .left_out(kind, &error.path, format!("cannot be read as FHIR R4: {}", error.what));
        }
    }
    let notes = &mut plan.notes;
    for entry in &bundle.patients {
        match people::patient(entry, context, notes) {
            Ok(details) => {
                plan.patients.push(details);
                let id = entry.resource.id.as_deref();
                let (reports, unnamed) = findings::of(bundle, exports, id, context.now, &entry.path, notes);
                plan.unnamed = unnamed;
                (plan.report, plan.remarks) = Report::in_sequence(reports, context.now);
            }
            Err(error) => plan.refused.push(error),
        }
    }
    for entry in &bundle.encounters {
        plan.visits.extend(visits::visit(bundle, entry, context, notes));
    }
    plan
}

/// Maps the practitioners of a bundle.
pub(super) fn practitioners(bundle: &Bundle, context: &Context, notes: &mut Notes) -> Vec<PractitionerDetails> {
    people::practitioners(bundle, context, notes)
}

/// The specializations that an older state of a practitioner has by qualification. Of what is not taken of them nothing is said: a newer state
/// counts, and tells none.
pub(super) fn specializations(practitioner: &fhir::Practitioner, path: &str) -> Vec<Concept> {
    let mut notes = Notes::default();
    people::specializations(practitioner, &mut Remarks::on(&mut notes, "Practitioner", path))
}

/// The identifier of a resource that is referred to: as the resource itself says, or its URN when it is in another bundle.
fn referenced<R>(known: &[Entry<R>], id: &str, of: impl Fn(&R) -> (Option<String>, Option<Identifier>)) -> Identifier {
    let found = known
        .iter()
        .map(|entry| of(&entry.resource))
        .find(|(own, _)| own.as_deref() == Some(id));
    found.and_then(|(_, identifier)| identifier).unwrap_or_else(|| urn(id))
}

fn identifier(
    path: &str,
    identifiers: &[fhir::Identifier],
    id: Option<&str>,
    context: &Context,
) -> Result<Identifier, BundleError> {
    let own = business_identifier(identifiers, context).or_else(|| id.map(urn));
    own.ok_or_else(|| BundleError::new(path, "has neither an id nor an identifier"))
}

/// The first current one with a system and a value that the server takes; an official one before others.
fn business_identifier(identifiers: &[fhir::Identifier], context: &Context) -> Option<Identifier> {
    let fit = |text: &Option<String>| Some(TextRule::IDENTIFIER.fit(text.as_deref()?)?.into_owned());
    current::best_first(identifiers, &["official", "usual", ""], context)
        .into_iter()
        .find_map(|one| {
            Some(Identifier {
                system: fit(&one.system)?,
                value: fit(&one.value)?,
            })
        })
}

fn urn(id: &str) -> Identifier {
    Identifier {
        system: "urn:ietf:rfc:3986".to_owned(),
        value: format!("urn:uuid:{id}"),
    }
}
