//! What former states of a patient tell, and the newest does not.
//!
//! What is not told is not deleted: who stands in a later file with no more than a number and a name lives where they lived, and has
//! died who had died. Pure.

use domain::patient::Detail;

use super::context::Context;
use super::fhir::{Address, ContactPoint, HumanName, Life, Patient};
use super::identity::tells_less;
use super::mapping::{Several, is_over};

/// Adds to a state what is told by an older one, and not by itself. The details that are the older one's now.
pub(super) fn fill(newest: &mut Patient, older: Patient, context: &Context) -> Vec<Detail> {
    let mut filled = Vec::new();
    if fill_name(newest, &older) {
        filled.push(Detail::Name);
    }
    for (system, detail) in [("phone", Detail::Phone), ("email", Detail::Email)] {
        let is_of = |one: &ContactPoint| one.system.as_deref() == Some(system) && one.value.is_some();
        let known = newest.telecom.iter().filter(|one| is_of(one)).cloned().collect();
        let told = older.telecom.iter().filter(|one| is_of(one)).cloned();
        if let Some(more) = not_over(known, told.collect(), ContactPoint::is_same, context) {
            newest.telecom.extend(more);
            filled.push(detail);
        }
    }
    match (newest.life(), older.life()) {
        (Life::Untold, Life::Alive | Life::Dead(_)) => {
            newest.deceased_boolean = older.deceased_boolean;
            newest.deceased_date_time.clone_from(&older.deceased_date_time);
            filled.push(Detail::Deceased);
        }
        (Life::Dead(None), Life::Dead(Some(_))) => newest.deceased_date_time.clone_from(&older.deceased_date_time),
        _ => {}
    }
    if let Some(more) = not_over(newest.address.clone(), older.address.clone(), Address::is_same, context) {
        newest.address.extend(more);
        filled.push(Detail::Address);
    }
    if newest.gender.as_deref().is_none_or(|gender| gender == "unknown") && older.gender.is_some() {
        newest.gender = older.gender;
        filled.push(Detail::Gender);
    }
    // A year is every day of it.
    let is_vaguer = |known: &String| {
        let told = newest.birth_date.as_ref();
        told.is_none_or(|told| known.starts_with(told.as_str()))
    };
    if let Some(known) = older.birth_date.filter(is_vaguer) {
        newest.birth_date = Some(known);
    }
    filled
}

/// What an older state tells of one kind of details, but for what a newer one calls out of use. `None` where the newer one tells one that is in
/// use, or the older one none.
fn not_over<T: Several>(
    newer: Vec<T>,
    older: Vec<T>,
    is_same: impl Fn(&T, &T) -> bool,
    context: &Context,
) -> Option<Vec<T>> {
    if newer.iter().any(|one| !is_over(one, context)) {
        return None;
    }
    let mut more = older;
    more.retain(|one| !newer.iter().any(|known| is_same(known, one)));
    (!more.is_empty()).then_some(more)
}

/// A name that tells less leaves the given names as they are. Whether the whole name is the older one's now.
fn fill_name(newest: &mut Patient, older: &Patient) -> bool {
    if newest.name.is_empty() {
        newest.name.clone_from(&older.name);
        return !older.name.is_empty();
    }
    let is_over = |used: Option<&str>| matches!(used, Some("old" | "temp" | "maiden" | "nickname" | "anonymous"));
    let current = || older.name.iter().filter(|name| !is_over(name.used.as_deref()));
    let is_without = current().next().is_some() && newest.name.iter().all(|name| is_over(name.used.as_deref()));
    if is_without {
        newest.name.extend(current().cloned());
    }
    let Some(known) = current().find(|name| !name.given.is_empty()) else {
        return is_without;
    };
    // A name that is told in one piece may hold the given names.
    let is_whole = |name: &HumanName| name.given.is_empty() && name.family.is_none();
    let names = newest.name.iter_mut().filter(|name| !is_over(name.used.as_deref()));
    for name in names.filter(|name| !is_whole(name)) {
        if tells_less(&name.given, &known.given) {
            name.given.clone_from(&known.given);
        }
        if name.given == known.given && name.text.is_none() {
            name.family = name.family.take().or_else(|| known.family.clone());
        }
    }
    is_without
}
