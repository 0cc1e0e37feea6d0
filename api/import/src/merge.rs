//! Who somebody is, as it is told, taken into the record that is there: nothing is deleted because it is not told. (The findings of a chart
//! are taken in by the chart itself.)
//!
//! Pure, and doing it again changes nothing. The states of a resource may be told in any order, in one run or in several: the newest
//! wins.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::kernel::{CodeSystem, Coding, Concept, Gender, HumanName, Identifier};
use domain::patient::{Deceased, Detail, DetailDates, PatientDetails};
use domain::practitioner::PractitionerDetails;
use strum::IntoEnumIterator as _;

use super::identity::{ADDRESSES, is_global, is_on_a_server, tells_less, words_of_doctor};

/// The details as they are after this was told: those that are told, unless they are no newer state. What names the person is only
/// added to, but for what is `former`. What only one of two states tells stays or is added, a death too: others may not have heard of
/// it. A state that is told once more adds nothing: somebody may have taken it out here since.
pub(super) fn details(recorded: &PatientDetails, told: &PatientDetails, former: &[Identifier]) -> PatientDetails {
    let identifier = recorded.identifier.clone();
    let known = recorded
        .other_identifiers
        .iter()
        .filter(|known| !former.contains(known));
    let other_identifiers = other_names(identifier.as_ref(), known, told.names());
    let details = if !is_no_newer(recorded.as_of, told.as_of) {
        settled(told, recorded)
    } else if told.as_of == recorded.as_of {
        recorded.clone()
    } else {
        settled(recorded, told)
    };
    let merged = PatientDetails {
        identifier,
        other_identifiers,
        as_of: told.as_of.max(recorded.as_of),
        ..details
    };
    dated(merged, recorded, told)
}

/// What else names somebody whose record has one name already: what is known, and what is told.
fn other_names<'a>(
    first: Option<&Identifier>,
    known: impl Iterator<Item = &'a Identifier> + Clone,
    told: impl Iterator<Item = &'a Identifier>,
) -> Vec<Identifier> {
    let is_address = |known: &Identifier| known.system == ADDRESSES && is_global(&known.value);
    let is_called = known.clone().any(is_address);
    // A server gives its resource one address for good. Any other name may change with every export: one is enough.
    let worth = |other: &&Identifier| other.system != ADDRESSES || !is_called || is_on_a_server(&other.value);
    let mut others: Vec<Identifier> = Vec::new();
    for other in known.chain(told.filter(worth)) {
        let is_new = Some(other) != first && !others.contains(other);
        if is_new && others.len() < PatientDetails::MOST_IDENTIFIERS {
            others.push(other.clone());
        }
    }
    others
}

/// The same with a date for what changed by a dated state that leaves the record's dates as they are: otherwise it would be told now.
fn dated(merged: PatientDetails, recorded: &PatientDetails, told: &PatientDetails) -> PatientDetails {
    let leaves_dates = (merged.as_of, &merged.detail_dates) == (recorded.as_of, &recorded.detail_dates);
    let changed = merged
        .changed_details(recorded)
        .filter(|_| leaves_dates && told.as_of.is_some());
    let date = |detail| {
        let told = merged.told_as_of(detail)?;
        // Where the record has that very date already, the next one that a record can tell from it.
        let is_recorded = recorded.detail_dates.get(detail) == Some(told);
        let next = told
            .checked_add_signed(TimeDelta::milliseconds(1))
            .filter(|_| is_recorded);
        Some((detail, next.unwrap_or(told)))
    };
    let detail_dates = merged.detail_dates.iter().chain(changed.filter_map(date)).collect();
    PatientDetails { detail_dates, ..merged }
}

/// Whether what is told is the very state that is recorded, and tells what the record does not have. That is not added: somebody may have taken
/// it out here since. An older state of the same run may tell it for the first time.
pub(super) fn tells_more(recorded: &PatientDetails, told: &PatientDetails) -> bool {
    let is_recorded = told.as_of.is_some() && told.as_of == recorded.as_of;
    is_recorded && settled(recorded, told).undated() != recorded.undated()
}

/// A state with what only an older one tells, or tells as of a later time: people may have changed it here. What somebody took out since is
/// not told any more. What is told without a date is told now: as of when that is, the record says.
fn settled(newer: &PatientDetails, older: &PatientDetails) -> PatientDetails {
    let as_of = newer.as_of.max(older.as_of);
    let mut settled = newer.clone();
    let mut dates = Vec::new();
    for detail in Detail::iter() {
        let (told, told_before) = (newer.told_as_of(detail), older.told_as_of(detail));
        let is_newer = told.is_some() && told_before > told;
        let is_open = !tells(newer, detail) && newer.detail_dates.get(detail).is_none();
        let is_said = tells(older, detail) || older.detail_dates.get(detail).is_some();
        let takes = is_said && (is_newer || is_open);
        if takes {
            settled.take(detail, older);
        }
        let told = if takes { told_before } else { told };
        // A date that the record has for a detail stays, be it the record's own: otherwise it would be written anew.
        let is_dated = takes || newer.detail_dates.get(detail).is_some();
        let has_own_date = match tells(&settled, detail) {
            true => told != as_of || (is_dated && !takes),
            false => is_dated,
        };
        dates.extend(told.filter(|_| has_own_date).map(|told| (detail, told)));
    }
    settled.detail_dates = match newer.as_of {
        Some(_) => dates.into_iter().collect(),
        None => older.detail_dates.clone(),
    };
    // What people say after a state was told has a reason: that they do not know the day, that the name is shorter.
    let is_by_people = |detail| settled.detail_dates.get(detail) > as_of;
    if settled.name == newer.name && !is_by_people(Detail::Name) {
        settled.name = fuller(&newer.name, &older.name);
    }
    if settled.deceased == Some(Deceased::Unknown) && !is_by_people(Detail::Deceased) {
        let is_exact = |deceased: &Deceased| *deceased != Deceased::Unknown;
        let exact = [newer, older]
            .into_iter()
            .filter_map(|state| state.deceased)
            .find(is_exact);
        settled.deceased = exact.or(settled.deceased);
    }
    settled
}

/// Whether a record keeps details that were told later than the ones that are told, and are others.
pub(super) fn keeps_newer_details(record: &PatientDetails, told: &PatientDetails) -> bool {
    let is_newer = |detail: &Detail| told.as_of.is_some() && record.told_as_of(*detail) > told.told_as_of(*detail);
    record
        .changed_details(told)
        .any(|detail| tells(told, detail) && is_newer(&detail))
}

/// Details of somebody who is told to live as of then: no older state tells their death any more.
pub(super) fn alive(details: PatientDetails, told: DateTime<Utc>) -> PatientDetails {
    PatientDetails {
        deceased: None,
        detail_dates: details.detail_dates.iter().chain([(Detail::Deceased, told)]).collect(),
        ..details
    }
}

/// What is recorded but for a detail that is told to be out of use, unless it was told or changed since. The one of another source is another.
pub(super) fn without_over(
    recorded: &PatientDetails,
    told: &PatientDetails,
    over: &[(Detail, PatientDetails)],
) -> PatientDetails {
    let mut left = recorded.clone();
    for (detail, was) in over {
        let mut same = left.clone();
        same.take(*detail, was);
        let is_since = told.as_of.is_some() && left.told_as_of(*detail) > told.as_of;
        if same == left && !is_since {
            left.take(*detail, &PatientDetails::default());
            let others = left.detail_dates.iter().filter(|(dated, _)| dated != detail);
            left.detail_dates = others.collect();
        }
    }
    left
}

/// As of when the details were told that only older states of the run tell.
pub(super) fn detail_dates(state: &PatientDetails, told: &BTreeMap<Detail, Option<DateTime<Utc>>>) -> DetailDates {
    let dated = told
        .iter()
        .filter_map(|(detail, told)| told.map(|told| (*detail, told)));
    let is_older = |told: DateTime<Utc>| state.as_of.is_some_and(|as_of| told < as_of);
    dated
        .filter(|(detail, told)| is_older(*told) && tells(state, *detail))
        .collect()
}

/// Whether a state tells a detail.
fn tells(state: &PatientDetails, detail: Detail) -> bool {
    match detail {
        Detail::Name => state.name != nameless(),
        Detail::Gender => state.gender != Gender::Unknown,
        Detail::Address => state.address.is_some(),
        Detail::Phone => state.phone.is_some(),
        Detail::Email => state.email.is_some(),
        Detail::Deceased => state.deceased.is_some(),
        Detail::BirthDate => true,
    }
}

/// A name with what only an older one tells. Some tell no family name, or all in one piece, which then stands for it.
fn fuller(newer: &HumanName, older: &HumanName) -> HumanName {
    let parts = |name: &HumanName| -> Vec<String> {
        let all = name.given.iter().chain([&name.family]);
        all.flat_map(|part| part.split_whitespace())
            .map(str::to_lowercase)
            .collect()
    };
    let known = parts(older);
    let is_in_piece = newer.given.is_empty() && !older.given.is_empty();
    if is_in_piece && parts(newer).iter().all(|part| known.contains(part)) {
        return older.clone();
    }
    let whole = newer.family.to_lowercase();
    let is_in_whole = |given: &String| whole.split_whitespace().any(|part| part == given.to_lowercase());
    if tells_less(&newer.given, &older.given) && !older.given.iter().any(is_in_whole) {
        let given = older.given.clone();
        return HumanName { given, ..newer.clone() };
    }
    newer.clone()
}

/// Whether what is told is no newer state than what is recorded, by the dates of both. The same state told once more overrules nothing
/// that was changed here since.
pub(super) fn is_no_newer(recorded: Option<DateTime<Utc>>, told: Option<DateTime<Utc>>) -> bool {
    told.zip(recorded).is_some_and(|(told, recorded)| told <= recorded)
}

/// SNOMED CT 394814009, the specialization of a practitioner whose sources name none.
pub(super) fn supposed_specialization() -> Concept {
    Concept {
        coding: Some(Coding {
            system: CodeSystem::Snomed,
            code: "394814009".to_owned(),
        }),
        text: "General practice".to_owned(),
    }
}

/// A practitioner's details after this was told, unless it is no newer state. What is not told stays: the time zone, the
/// credentials, and the name, the sex and the specializations if none are told. A specialization that was only supposed gives way to any that is told. What names
/// them is only added to.
pub(super) fn practitioner(recorded: &PractitionerDetails, told: &PractitionerDetails) -> PractitionerDetails {
    let known = recorded.other_identifiers.iter();
    let other_identifiers = other_names(recorded.identifier.as_ref(), known, told.names());
    if is_no_newer(recorded.as_of, told.as_of) {
        let (name, gender) = doctor_with(recorded, told);
        let mut details = PractitionerDetails {
            name,
            gender,
            other_identifiers,
            ..recorded.clone()
        };
        if details.specializations == [supposed_specialization()] && !told.specializations.is_empty() {
            details.specializations.clone_from(&told.specializations);
        }
        return details;
    }
    let (name, gender) = doctor_with(told, recorded);
    PractitionerDetails {
        name,
        gender,
        specializations: match told.specializations.as_slice() {
            [] => recorded.specializations.clone(),
            told => told.to_vec(),
        },
        as_of: told.as_of.or(recorded.as_of),
        other_identifiers,
        ..recorded.clone()
    }
}

/// The name and the sex of a doctor, with what only an older state tells: others know a doctor by number alone, or as `Dr. House`.
fn doctor_with(newer: &PractitionerDetails, older: &PractitionerDetails) -> (HumanName, Gender) {
    let words = |name: &HumanName| words_of_doctor(name.given.iter().chain([&name.family]).map(String::as_str));
    let known = words(&older.name);
    let is_in_piece = newer.name.given.is_empty() && !older.name.given.is_empty();
    let is_known = is_in_piece && words(&newer.name).iter().all(|word| known.contains(word));
    let name = match newer.name == nameless() || is_known {
        true => older.name.clone(),
        false => fuller(&newer.name, &older.name),
    };
    let gender = match newer.gender {
        Gender::Unknown => older.gender,
        told => told,
    };
    (name, gender)
}

/// What somebody is called of whom no name is told: the server wants one, and FHIR does not.
pub(super) fn nameless() -> HumanName {
    HumanName {
        family: "Unknown".to_owned(),
        ..HumanName::default()
    }
}

#[cfg(test)]
mod tests;
