//! Requests to be let into a patient's record, as a port: somebody asks, and the patient decides.
//!
//! Whoever asks names the patient, or is given a code, by which a patient takes the request up. Requests are short-lived, cost the log nothing, and are the same for all servers on one
//! database. Nothing is allowed by them: a patient who approves one prepares a grant, and signs it. What is asked rests sealed.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use data_encoding::Encoding;
use data_encoding_macro::new_encoding;
use domain::access_log::Reader;
use domain::grants::Proposal;
use domain::kernel::{AccountId, PatientId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ports::StoreError;
use crate::ports::queries::Page;

/// The digits of codes: Crockford's, which have no `I`, `L`, `O` and `U`. What is read as one of them is one, and small letters and hyphens are read, too.
const DIGITS: Encoding = new_encoding! {
    symbols: "0123456789ABCDEFGHJKMNPQRSTVWXYZ",
    translate_from: "abcdefghjkmnpqrstvwxyzoOiIlL",
    translate_to: "ABCDEFGHJKMNPQRSTVWXYZ001111",
    ignore: "- ",
};

/// By what a patient takes a request up that is not addressed to them: 40 random bits, shown as eight digits with a hyphen in their middle.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct RequestCode(pub [u8; 5]);

impl fmt::Display for RequestCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = DIGITS.encode(&self.0);
        let (first, second) = digits.split_at(4);
        write!(f, "{first}-{second}")
    }
}

/// Something is no code.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a code has eight digits and letters, as in 7Q4M-2KX9")]
pub struct NoCode;

impl FromStr for RequestCode {
    type Err = NoCode;

    fn from_str(text: &str) -> Result<Self, NoCode> {
        let bytes = DIGITS.decode(text.as_bytes()).map_err(|_| NoCode)?;
        bytes.try_into().map(Self).map_err(|_| NoCode)
    }
}

/// A request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessRequest {
    /// Its id.
    pub id: Uuid,
    /// The account of who asks: of the person, where a system asks for one.
    pub asker: AccountId,
    /// As whom they ask.
    pub reader: Reader,
    /// What they would be granted.
    pub proposal: Proposal,
    /// Why they ask, in their words.
    pub reason: Option<String>,
    /// By what a patient takes it up, unless they were named.
    pub code: Option<RequestCode>,
    /// Who is asked: the patient who was named, or who has taken it up.
    pub patient: Option<PatientId>,
    /// Whether the patient has declined.
    pub declined: bool,
    /// The ids of what the patient has prepared upon it, the last one last.
    pub prepared: Vec<Uuid>,
    /// When it was asked.
    pub asked_at: DateTime<Utc>,
    /// When it is forgotten.
    pub expires_at: DateTime<Utc>,
}

/// The place of a request in a patient's list: the newest first.
pub type AccessRequestCursor = (DateTime<Utc>, Uuid);

/// The requests. Those that have ended are missing, swept or not.
#[async_trait]
pub trait AccessRequests: Send + Sync + 'static {
    /// Notes a request; once more changes nothing. `false` when `most` others of who asks are not decided: of those that are asked in the same moment a few more may get in.
    ///
    /// # Errors
    /// When the store does not answer, as for every method here.
    async fn ask(&self, request: &AccessRequest, most: u32) -> Result<bool, StoreError>;

    /// What somebody has asked.
    ///
    /// # Errors
    /// As [`Self::ask`].
    async fn of_asker(
        &self,
        asker: AccountId,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Option<AccessRequest>, StoreError>;

    /// A patient takes up what has this code, unless another has; it is remembered until then at least. Once more changes nothing. `None` when there is nothing for them to take up.
    ///
    /// # Errors
    /// As [`Self::ask`].
    async fn take_up(
        &self,
        code: RequestCode,
        patient: PatientId,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<Uuid>, StoreError>;

    /// What a patient is asked, and has not declined.
    ///
    /// # Errors
    /// As [`Self::ask`].
    async fn of_patient(
        &self,
        patient: PatientId,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Option<AccessRequest>, StoreError>;

    /// All that a patient is asked, and has not declined, the newest first.
    ///
    /// # Errors
    /// As [`Self::ask`].
    async fn to_patient(
        &self,
        patient: PatientId,
        page: Page<AccessRequestCursor>,
        now: DateTime<Utc>,
    ) -> Result<Vec<AccessRequest>, StoreError>;

    /// A patient prepares a grant upon a request, which is remembered until then at least. Once more changes nothing. `false` when they are asked no such thing.
    ///
    /// # Errors
    /// As [`Self::ask`].
    async fn approve(
        &self,
        patient: PatientId,
        id: Uuid,
        grant: Uuid,
        until: DateTime<Utc>,
    ) -> Result<bool, StoreError>;

    /// Nothing came of preparing a grant, and nothing will.
    ///
    /// # Errors
    /// As [`Self::ask`].
    async fn give_back(&self, id: Uuid, grant: Uuid) -> Result<(), StoreError>;

    /// A patient declines. Once more changes nothing. `false` when they are asked no such thing.
    ///
    /// # Errors
    /// As [`Self::ask`].
    async fn decline(&self, patient: PatientId, id: Uuid, now: DateTime<Utc>) -> Result<bool, StoreError>;

    /// Forgets what has ended.
    ///
    /// # Errors
    /// As [`Self::ask`].
    async fn sweep(&self, now: DateTime<Utc>) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_it_is_shown_and_as_people_write_it() {
        let code = RequestCode([0x3d, 0xc9, 0x41, 0x4f, 0xa9]);
        let shown = code.to_string();
        assert_eq!(shown, "7Q4M-2KX9");
        for text in [&shown, "7q4m-2kx9", "7Q4M2KX9", " 7q4m 2kx9 "] {
            assert_eq!(text.parse(), Ok(code), "{text}");
        }
        let zeros_and_ones: RequestCode = "0O0o-1Il1".parse().unwrap();
        assert_eq!(zeros_and_ones.to_string(), "0000-1111");
    }

    #[test]
    fn nothing_else_is_a_code() {
        for text in [
            "",
            "-",
            "7Q4M-2KX",
            "7Q4M-2KX99",
            "7Q4M-2KXU",
            "7Q4M-2KX9-7Q4M-2KX9",
            "7Q4M_2KX9",
            "äöü",
        ] {
            assert_eq!(text.parse::<RequestCode>(), Err(NoCode), "{text}");
        }
    }
}
