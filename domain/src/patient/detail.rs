//! The details of a patient that have a date of their own.
//!
//! A source dates a whole state, and a record is made of several: a source may tell a telephone number in one state of a patient, and
//! none in the next, and people may correct it here. So a detail may be as of another time than the rest, and a state that comes later
//! replaces just what it is newer than.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use strum::{EnumIter, IntoEnumIterator as _};

use super::event::PatientDetails;

/// A detail of a patient. The variants' order is their encoding: add only at the end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, EnumIter)]
pub enum Detail {
    /// The name.
    Name,
    /// The sex.
    Gender,
    /// The address.
    Address,
    /// The telephone number.
    Phone,
    /// The e-mail address.
    Email,
    /// The death, or that there is none.
    Deceased,
    /// The date of birth.
    BirthDate,
}

/// An instant, kept to the millisecond.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct ToldAt(#[serde(with = "crate::kernel::time::compact_millis")] DateTime<Utc>);

/// As of when each detail was told that was told at another time than the rest. It may be one that is not there: somebody took it out
/// then.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct DetailDates(BTreeMap<Detail, ToldAt>);

impl DetailDates {
    /// As of when a detail was told, if it is another time than of the rest.
    pub fn get(&self, detail: Detail) -> Option<DateTime<Utc>> {
        self.0.get(&detail).map(|told| told.0)
    }

    /// Whether all details are as of one time.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (Detail, DateTime<Utc>)> {
        self.0.iter().map(|(detail, told)| (*detail, told.0))
    }
}

impl FromIterator<(Detail, DateTime<Utc>)> for DetailDates {
    fn from_iter<T: IntoIterator<Item = (Detail, DateTime<Utc>)>>(details: T) -> Self {
        Self(
            details
                .into_iter()
                .map(|(detail, told)| (detail, ToldAt(told)))
                .collect(),
        )
    }
}

impl PatientDetails {
    /// As of when a detail was told, if that is known.
    pub fn told_as_of(&self, detail: Detail) -> Option<DateTime<Utc>> {
        self.detail_dates.get(detail).or(self.as_of)
    }

    /// Whether this says nothing of as of when it is told, or only repeats what is recorded: then it is told now.
    pub(super) fn leaves_the_dates_of(&self, recorded: &Self) -> bool {
        let leaves = self.as_of.is_none() || self.as_of == recorded.as_of;
        leaves && (self.detail_dates.is_empty() || self.detail_dates == recorded.detail_dates)
    }

    /// The same with the dates of what is recorded. What it tells otherwise is as of now, so that no older state undoes it.
    pub(super) fn changed_at(self, recorded: &Self, now: DateTime<Utc>) -> Self {
        let changed = self.changed_details(recorded).map(|detail| (detail, now));
        let detail_dates = recorded.detail_dates.iter().chain(changed).collect();
        Self {
            as_of: recorded.as_of,
            detail_dates,
            ..self
        }
    }

    /// Takes one detail, and nothing else, from another state.
    pub fn take(&mut self, detail: Detail, from: &Self) {
        match detail {
            Detail::Name => self.name.clone_from(&from.name),
            Detail::Gender => self.gender = from.gender,
            Detail::Address => self.address.clone_from(&from.address),
            Detail::Phone => self.phone.clone_from(&from.phone),
            Detail::Email => self.email.clone_from(&from.email),
            Detail::Deceased => self.deceased = from.deceased,
            Detail::BirthDate => self.birth_date = from.birth_date,
        }
    }

    /// Which details another state tells otherwise.
    pub fn changed_details<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = Detail> + 'a {
        Detail::iter().filter(|detail| {
            let mut same = self.clone();
            same.take(*detail, other);
            same != *self
        })
    }
}
