//! Who a patient is.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator as _;

use super::deceased::Deceased;
use super::detail::{Detail, DetailDates};
use super::error::PatientError;
use crate::kernel::time::last_day_anywhere;
use crate::kernel::{Address, Gender, HumanName, Identifier, PersonalValue};

/// Who a patient is (FHIR R4 `Patient`).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PatientDetails {
    /// The official name.
    pub name: HumanName,
    /// Date of birth.
    #[serde(with = "crate::kernel::time::compact_date")]
    pub birth_date: NaiveDate,
    /// Administrative gender.
    pub gender: Gender,
    /// Home address, if given.
    pub address: Option<Address>,
    /// Telephone number, if given.
    pub phone: Option<String>,
    /// E-mail address, if given.
    pub email: Option<String>,
    /// The patient's death, if they have died.
    pub deceased: Option<Deceased>,
    /// The id in the system the patient came from, if any. It is claimed for them, and never changes.
    pub identifier: Option<Identifier>,
    /// The other ids that name this patient and nobody else, in the same system or in others.
    pub other_identifiers: Vec<Identifier>,
    /// As of when these details were told, by the source if it said so, or here: an older state of the source does not replace them.
    #[serde(with = "crate::kernel::time::compact_optional_millis")]
    pub as_of: Option<DateTime<Utc>>,
    /// Which of these details were told as of another time, and as of when.
    pub detail_dates: DetailDates,
}

impl PersonalValue for PatientDetails {}

impl PatientDetails {
    /// How many other ids a patient may have, and how many are looked for at once.
    pub const MOST_IDENTIFIERS: usize = 50;

    /// How far ahead of ours a source's clock may be.
    pub const CLOCKS_DIFFER: TimeDelta = TimeDelta::days(1);

    /// Whether the days of birth and death, and the time as of which this is told, can be true.
    ///
    /// # Errors
    /// [`PatientError::BornInTheFuture`], [`PatientError::DiedInTheFuture`], [`PatientError::DiedBeforeBirth`],
    /// [`PatientError::ToldInTheFuture`], [`PatientError::DetailToldInTheFuture`]. The benefit of the doubt is given wherever the time zone or the day of death is not known,
    /// and to a clock that is a day ahead.
    pub fn check(&self, now: DateTime<Utc>) -> Result<(), PatientError> {
        let today = last_day_anywhere(now);
        let death = |day: fn(Deceased) -> Option<NaiveDate>| self.deceased.and_then(day);
        if self.birth_date > today {
            Err(PatientError::BornInTheFuture)
        } else if death(Deceased::first_day).is_some_and(|died| died > today) {
            Err(PatientError::DiedInTheFuture)
        } else if death(Deceased::last_day).is_some_and(|died| died < self.birth_date) {
            Err(PatientError::DiedBeforeBirth)
        } else if self.as_of.is_some_and(|told| is_to_come(told, now)) {
            Err(PatientError::ToldInTheFuture)
        } else if self.detail_dates.iter().any(|(_, told)| is_to_come(told, now)) {
            Err(PatientError::DetailToldInTheFuture)
        } else {
            Ok(())
        }
    }

    /// The same as of no time: what it says, and not when it was told.
    pub fn undated(&self) -> Self {
        Self {
            as_of: None,
            detail_dates: DetailDates::default(),
            ..self.clone()
        }
    }

    /// All the ids by which the patient is called.
    pub fn names(&self) -> impl Iterator<Item = &Identifier> {
        self.identifier.iter().chain(&self.other_identifiers)
    }

    /// Whether this is one of the patient's ids.
    pub fn is_called(&self, name: &Identifier) -> bool {
        self.names().any(|known| known == name)
    }

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

/// Whether a source says to have told something at a time that is to come, however much its clock may be ahead.
fn is_to_come(told: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    told - now > PatientDetails::CLOCKS_DIFFER
}
