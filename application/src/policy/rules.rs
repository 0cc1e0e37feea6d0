//! What an operator decides: who may register themselves, and how much one patient may hold.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;
use domain::kernel::PatientId;
use serde::{Deserialize, Serialize};

/// How a wallet without an account becomes a patient's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// By an invitation alone: nobody who is not known puts anything on the chain.
    #[default]
    Invitation,
    /// By asking, and a hospital's approval: nobody who is not known puts anything on the chain here either.
    Approval,
    /// Anybody registers themselves.
    Open,
}

/// The rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rules {
    /// How a wallet without an account becomes a patient's.
    pub registration: Registration,
    /// How many appointments that are still to come a patient may book for themselves. A hospital books as many as it likes.
    pub open_bookings: u32,
    /// How many requests to be registered wait at once.
    pub registration_requests: u32,
    /// How long one waits before it is forgotten.
    pub request_lifetime: TimeDelta,
    /// Within which time a practitioner justifies that they have opened a record in an emergency.
    pub emergency_justification: TimeDelta,
    /// Whether patients have themselves erased. Otherwise the operator does it for them.
    pub patients_erase_themselves: bool,
    /// The number of the organisation's namespace, by which patients grant it something. Nobody belongs to the namespace 0.
    pub organisation: u32,
    /// The numbers of the namespaces that are shared with other organisations.
    pub shared_namespaces: Vec<u32>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            registration: Registration::default(),
            open_bookings: 10,
            registration_requests: 1000,
            request_lifetime: TimeDelta::days(14),
            emergency_justification: TimeDelta::hours(24),
            patients_erase_themselves: true,
            organisation: 0,
            shared_namespaces: Vec::new(),
        }
    }
}

/// Bookings of patients that are being executed here. Each is counted from before it is decided until it shows in the read models, so
/// on one server a patient never has more than the rules allow; on several, at most as many more as the others are executing just then.
#[derive(Debug, Default)]
pub(crate) struct BookingsUnderWay(Mutex<HashMap<PatientId, u32>>);

impl BookingsUnderWay {
    /// Counts one more, until the answer is dropped.
    pub(crate) fn begin(&self, patient: PatientId) -> UnderWay<'_> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = all.entry(patient).or_default();
        *number = number.saturating_add(1);
        UnderWay {
            all: self,
            patient,
            number: *number,
        }
    }
}

/// A booking that is being executed.
#[derive(Debug)]
pub(crate) struct UnderWay<'a> {
    all: &'a BookingsUnderWay,
    patient: PatientId,
    /// How many there were of this patient when it began, itself included.
    pub(crate) number: u32,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = all.get_mut(&self.patient) {
            *number = number.saturating_sub(1);
            if *number == 0 {
                all.remove(&self.patient);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_booking_counts_until_it_is_dropped() {
        let all = BookingsUnderWay::default();
        let patient = PatientId::new(Uuid::from_u128(1));
        let first = all.begin(patient);
        assert_eq!((first.number, all.begin(PatientId::default()).number), (1, 1));
        assert_eq!(all.begin(patient).number, 2);
        drop(first);
        assert_eq!(all.begin(patient).number, 1);
        assert!(all.0.lock().unwrap().is_empty());
    }
}
