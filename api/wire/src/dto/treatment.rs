//! Treatments in JSON: whether a patient is treated here, and what they say of it.

use application::use_cases::treatments::{SignedPaper, TreatmentView};
use domain::kernel::PractitionerId;
use domain::treatment;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::typed_data::bytes;
use super::{Day, Instant, wire_enum};
use crate::check::{Checked, Checks};

wire_enum!(
    /// By which act of the patient they are treated here: `wallet` (they have bound a wallet here, by registering or by an invitation), or `paper` (they have agreed on paper, and
    /// have bound no wallet since).
    Act = treatment::Act
);

/// What a patient has signed on paper, as it comes in. The paper stays with the organisation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "sha256": "0x9c22ff5f21f0b81b113e63f7db6da94fedef11b2119b4088b89664fb9a3cb658", "signedOn": "2026-03-01",
}))]
pub struct NewPaper {
    /// The SHA-256 of the scan, in hexadecimal.
    #[schema(min_length = 66, max_length = 66, pattern = "^0x[0-9a-fA-F]{64}$")]
    pub sha256: String,
    /// The day that stands beside the signature.
    pub signed_on: Day,
    /// The ids of the practitioners whom the paper names: they may read the record and add to it as if it were granted to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    pub practitioners: Vec<Uuid>,
}

impl Checked for NewPaper {
    type Domain = SignedPaper;

    fn check(self, checks: &mut Checks) -> SignedPaper {
        let hash = checks.within("sha256", |checks| bytes(checks, &self.sha256, 32..=32));
        let most = treatment::Paper::MOST_PRACTITIONERS;
        let practitioners = checks.distinct("practitioners", self.practitioners, most);
        SignedPaper {
            sha256: hash.try_into().unwrap_or_default(),
            signed_on: self.signed_on.0,
            practitioners: practitioners.into_iter().map(PractitionerId::new).collect(),
        }
    }
}

/// What a patient says of their treatment: by being signed in, or on paper.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TreatmentStatement {
    /// The paper, of a patient without a wallet. Patients themselves give none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paper: Option<NewPaper>,
}

impl Checked for TreatmentStatement {
    type Domain = Option<SignedPaper>;

    const MAY_BE_MISSING: bool = true;

    fn check(self, checks: &mut Checks) -> Option<SignedPaper> {
        checks.optional("paper", self.paper)
    }
}

/// A paper that was entered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Paper {
    /// The SHA-256 of the scan, in hexadecimal.
    #[schema(example = "0x9c22ff5f21f0b81b113e63f7db6da94fedef11b2119b4088b89664fb9a3cb658")]
    pub sha256: String,
    /// The day that stands beside the signature.
    pub signed_on: Day,
    /// The ids of the practitioners whom it names.
    pub practitioners: Vec<Uuid>,
    /// The account of the person who has entered it, and vouches for it. Nobody has signed it here.
    pub entered_by: Uuid,
}

/// What a patient has said last.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastStatement {
    /// When it was said here.
    pub at: Instant,
    /// The paper on which it was said; without it, the patient was signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paper: Option<Paper>,
}

/// Whether a patient is treated here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Treatment {
    /// Whether they are treated here now: whether the staff may know their chart.
    pub treated: bool,
    /// By which act of theirs, if they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Act>,
    /// Whether they have ended it.
    pub ended: bool,
    /// What they have said last; missing when they have said nothing, or it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<LastStatement>,
}

impl From<TreatmentView> for Treatment {
    fn from(view: TreatmentView) -> Self {
        Self {
            treated: view.act.is_some(),
            by: view.act.map(Act),
            ended: view.ended,
            last: view.last.map(LastStatement::from),
        }
    }
}

impl From<treatment::Saying> for LastStatement {
    fn from(treatment::Saying { at, how }: treatment::Saying) -> Self {
        Self {
            at: Instant(at),
            paper: match how {
                treatment::How::SignedIn => None,
                treatment::How::OnPaper(paper) => Some(paper.into()),
            },
        }
    }
}

impl From<treatment::Paper> for Paper {
    fn from(paper: treatment::Paper) -> Self {
        Self {
            sha256: hex::encode_prefixed(paper.sha256),
            signed_on: Day(paper.signed_on),
            practitioners: paper.practitioners.into_iter().map(|id| id.uuid()).collect(),
            entered_by: paper.entered_by.uuid(),
        }
    }
}
