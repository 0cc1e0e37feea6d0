//! What former states of a patient tell, and the newest does not.
//!
//! What is not told is not deleted: who stands in a later file with no more than a number and a name lives where they lived, and has
//! died who had died. Pure.

use super::fhir::{HumanName, Patient};
use super::identity::tells_less;

/// Adds to a state what is told by an older one, and not by itself. Whether the death is among it.
pub(super) fn fill(newest: &mut Patient, older: Patient) -> bool {
    fill_name(newest, &older);
    for system in ["phone", "email"] {
        let is_of = |one: &&super::fhir::ContactPoint| one.system.as_deref() == Some(system) && one.value.is_some();
        if !newest.telecom.iter().any(|one| is_of(&one)) {
            newest.telecom.extend(older.telecom.iter().filter(is_of).cloned());
        }
    }
    if newest.address.is_empty() {
        newest.address = older.address;
    }
    if newest.gender.as_deref().is_none_or(|gender| gender == "unknown") {
        newest.gender = older.gender.or(newest.gender.take());
    }
    // A year is every day of it.
    let is_vaguer = |known: &String| {
        let told = newest.birth_date.as_ref();
        told.is_none_or(|told| known.starts_with(told.as_str()))
    };
    if let Some(known) = older.birth_date.filter(is_vaguer) {
        newest.birth_date = Some(known);
    }
    let is_silent = newest.deceased_boolean.is_none() && newest.deceased_date_time.is_none();
    if is_silent {
        newest.deceased_boolean = older.deceased_boolean;
    }
    if newest.deceased_boolean != Some(false) && newest.deceased_date_time.is_none() {
        newest.deceased_date_time = older.deceased_date_time;
    }
    is_silent && (newest.deceased_boolean == Some(true) || newest.deceased_date_time.is_some())
}

/// A name that tells less leaves the given names as they are.
fn fill_name(newest: &mut Patient, older: &Patient) {
    if newest.name.is_empty() {
        newest.name.clone_from(&older.name);
        return;
    }
    let is_over = |used: Option<&str>| matches!(used, Some("old" | "temp" | "maiden" | "nickname" | "anonymous"));
    let current = || older.name.iter().filter(|name| !is_over(name.used.as_deref()));
    if newest.name.iter().all(|name| is_over(name.used.as_deref())) {
        newest.name.extend(current().cloned());
    }
    let Some(known) = current().find(|name| !name.given.is_empty()) else {
        return;
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
}
