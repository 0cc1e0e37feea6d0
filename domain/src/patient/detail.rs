//! The details of a patient that have a date of their own.
//!
//! A source dates a whole state, and a record is made of several: a source may tell a telephone number in one state of a patient, and
//! none in the next, and people may correct it here. So a detail may be as of another time than the rest, and a state that comes later
//! replaces just what it is newer than.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use strum::EnumIter;

use crate::kernel::time::Millis;

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

/// As of when each detail was told that was told at another time than the rest. It may be one that is not there: somebody took it out
/// then.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct DetailDates(BTreeMap<Detail, Millis>);

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
                .map(|(detail, told)| (detail, Millis(told)))
                .collect(),
        )
    }
}
