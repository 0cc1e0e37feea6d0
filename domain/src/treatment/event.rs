//! What can happen to a patient's treatment.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::kernel::{AccountId, Personal, PersonalValue, PractitionerId};

/// What a patient has signed on paper. It is kept where the organisation keeps its papers: here stands what names it, and who has vouched for it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Paper {
    /// The SHA-256 of the scan.
    #[serde(with = "crate::kernel::compact_bytes")]
    pub sha256: [u8; 32],
    /// The day that stands beside the signature.
    #[serde(with = "crate::kernel::time::compact_date")]
    pub signed_on: NaiveDate,
    /// The practitioners whom it names: they know the record and add to it as if it were granted to them. In order, each once.
    pub practitioners: Vec<PractitionerId>,
    /// The account of the person who has entered it.
    pub entered_by: AccountId,
    /// How often the wallet had changed that signs in as the patient: the paper is good while it does not.
    pub turn: u64,
}

impl Paper {
    /// How many practitioners it names at most.
    pub const MOST_PRACTITIONERS: usize = 20;
}

/// How somebody says something. The order is its encoding: add only at the end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum How {
    /// Signed in with their wallet.
    SignedIn,
    /// On paper.
    OnPaper(Paper),
}

/// What a patient says of their treatment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Saying {
    /// When it was said here: to the millisecond.
    #[serde(with = "crate::kernel::time::compact_millis")]
    pub at: DateTime<Utc>,
    /// How.
    pub how: How,
}

impl PersonalValue for Saying {}

/// An event of a treatment. The variants' order is their encoding: add only at the end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum TreatmentEvent {
    /// The patient agrees to be treated here.
    Agreed {
        /// When and how.
        saying: Personal<Saying>,
    },
    /// The patient ends it.
    Ended {
        /// When and how.
        saying: Personal<Saying>,
    },
}
