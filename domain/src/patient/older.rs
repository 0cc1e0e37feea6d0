//! The details that newer states of a source do not tell, and an older one did.
//!
//! A source may tell a telephone number in one state of a patient, and none in the next. The number stays, and with it as of when it
//! was told: so a state between the two, which comes later, brings the newer number.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use strum::{EnumIter, IntoEnumIterator as _};

use super::event::PatientDetails;

/// A detail of a patient that a state may leave untold. The variants' order is their encoding: add only at the end.
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
    /// The death.
    Deceased,
}

/// An instant, kept to the millisecond.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct ToldAt(#[serde(with = "crate::kernel::time::compact_millis")] DateTime<Utc>);

/// As of when each detail was told that is of an older state than the rest.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct OlderDetails(BTreeMap<Detail, ToldAt>);

impl OlderDetails {
    /// As of when a detail was told, if it is older than the rest.
    pub fn get(&self, detail: Detail) -> Option<DateTime<Utc>> {
        self.0.get(&detail).map(|told| told.0)
    }

    /// Whether all details are of one state.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (Detail, DateTime<Utc>)> {
        self.0.iter().map(|(detail, told)| (*detail, told.0))
    }
}

impl FromIterator<(Detail, DateTime<Utc>)> for OlderDetails {
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
    /// As of when a detail was told, if the source said so.
    pub fn told_as_of(&self, detail: Detail) -> Option<DateTime<Utc>> {
        self.older_details.get(detail).or(self.as_of)
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
