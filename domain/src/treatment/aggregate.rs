//! The state of a treatment, and its decisions.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, VariantNames};

use super::command::TreatmentCommand;
use super::error::TreatmentError;
use super::event::{How, Paper, Saying, TreatmentEvent};
use crate::account::Account;
use crate::kernel::time::{last_day_anywhere, whole_millis};
use crate::kernel::{ClinicAggregate, Contradiction, Personal, PractitionerId, TreatmentId};

/// By which act of the patient they are treated. The order is its encoding: add only at the end.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Display,
    EnumIter,
    EnumString,
    VariantNames,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Act {
    /// They have bound a wallet here: by registering, or by an invitation.
    Wallet,
    /// They have agreed on paper, and have bound no wallet since.
    Paper,
}

/// A treatment: what the patient has said of it. A snapshot of it holds nothing personal: it reads back sealed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Treatment {
    last: Option<Last>,
    /// Whether it was ended, and the patient has not agreed again by signing in: a paper outlasts that for as long as it is good, and no longer.
    ended: bool,
    /// When it was ended last, if that can be read.
    #[serde(skip)]
    ended_at: Option<DateTime<Utc>>,
    /// The papers that were entered, by their hashes.
    #[serde(skip)]
    papers: BTreeSet<[u8; 32]>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum Last {
    Agreed(LastSaying),
    Ended(LastSaying),
}

/// What was said, if it can be read.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
struct LastSaying(#[serde(skip)] Option<Saying>);

impl Treatment {
    /// By which act of theirs the patient with this account is treated here now; `None` when they are not. What cannot be read opens nothing.
    pub fn act(&self, account: &Account) -> Option<Act> {
        if self.good_paper(account).is_some() {
            Some(Act::Paper)
        } else {
            (account.turn() > 0 && !self.ended).then_some(Act::Wallet)
        }
    }

    /// Whether a paper that is good names this practitioner.
    pub fn names(&self, practitioner: PractitionerId, account: &Account) -> bool {
        self.good_paper(account)
            .is_some_and(|paper| paper.practitioners.contains(&practitioner))
    }

    /// Whether the patient with this account has ended it, and it has not begun again.
    pub fn is_ended(&self, account: &Account) -> bool {
        self.ended && self.good_paper(account).is_none()
    }

    /// What the patient has said last, if it can be read.
    pub const fn last(&self) -> Option<&Saying> {
        match &self.last {
            Some(Last::Agreed(LastSaying(saying)) | Last::Ended(LastSaying(saying))) => saying.as_ref(),
            None => None,
        }
    }

    /// Whether it was ended, and nobody has said anything since.
    pub(super) const fn has_ended(&self) -> bool {
        matches!(self.last, Some(Last::Ended(_)))
    }

    /// The paper on which they agreed last.
    fn paper(&self) -> Option<&Paper> {
        let last = self.last().filter(|_| !self.has_ended())?;
        match &last.how {
            How::OnPaper(paper) => Some(paper),
            How::SignedIn => None,
        }
    }

    /// The same, if it is good still: who has bound a wallet since speaks for themselves.
    fn good_paper(&self, account: &Account) -> Option<&Paper> {
        let is_good = |paper: &&Paper| paper.turn == account.turn() && !account.has_wallet();
        self.paper().filter(is_good)
    }

    /// Whether agreeing changes something.
    pub(super) fn would_begin(&self, saying: &Saying) -> bool {
        let is_it = |known: &Paper, paper: &Paper| {
            (known.sha256, known.turn, &known.practitioners) == (paper.sha256, paper.turn, &paper.practitioners)
        };
        match &saying.how {
            How::SignedIn => self.ended,
            How::OnPaper(paper) => !self.paper().is_some_and(|known| is_it(known, paper)),
        }
    }

    /// What is ended begins again by a new act: by no paper of before.
    pub(super) fn check_new(&self, saying: &Saying) -> Result<(), TreatmentError> {
        let How::OnPaper(paper) = &saying.how else {
            return Ok(());
        };
        // Wherever it was signed: a day that begins furthest east is over there when it ends furthest west.
        let first_day = self.ended_at.and_then(|at| at.date_naive().pred_opt());
        let is_older = first_day.is_some_and(|day| paper.signed_on < day) || self.papers.contains(&paper.sha256);
        if self.ended && self.has_ended() && is_older {
            return Err(TreatmentError::BeforeTheEnd);
        }
        Ok(())
    }
}

/// What nobody says, whenever it is.
pub(super) fn check(saying: &Saying) -> Result<(), TreatmentError> {
    match &saying.how {
        How::OnPaper(paper) if paper.signed_on > last_day_anywhere(saying.at) => Err(TreatmentError::NotYetSigned),
        How::OnPaper(paper) if paper.practitioners.len() > Paper::MOST_PRACTITIONERS => {
            Err(TreatmentError::TooManyPractitioners)
        }
        How::OnPaper(_) | How::SignedIn => Ok(()),
    }
}

/// What the log keeps of it.
fn kept(mut saying: Saying) -> Saying {
    saying.at = whole_millis(saying.at);
    if let How::OnPaper(paper) = &mut saying.how {
        paper.practitioners.sort_unstable();
        paper.practitioners.dedup();
    }
    saying
}

impl ClinicAggregate for Treatment {
    type Id = TreatmentId;
    type Command = TreatmentCommand;
    type Event = TreatmentEvent;
    type Error = TreatmentError;

    fn decide(&self, command: TreatmentCommand) -> Result<Vec<TreatmentEvent>, TreatmentError> {
        let (agrees, saying) = match command {
            TreatmentCommand::Agree(saying) => (true, kept(saying)),
            TreatmentCommand::End(saying) => (false, kept(saying)),
        };
        check(&saying)?;
        let changes = if agrees {
            self.check_new(&saying)?;
            self.would_begin(&saying)
        } else {
            !self.has_ended()
        };
        let saying = Personal::Known(saying);
        Ok(match (changes, agrees) {
            (false, _) => Vec::new(),
            (true, true) => vec![TreatmentEvent::Agreed { saying }],
            (true, false) => vec![TreatmentEvent::Ended { saying }],
        })
    }

    fn apply(&mut self, event: TreatmentEvent) {
        let (TreatmentEvent::Agreed { saying } | TreatmentEvent::Ended { saying }) = &event;
        let saying = saying.known().cloned();
        let on_paper = saying.as_ref().and_then(|saying| match &saying.how {
            How::OnPaper(paper) => Some(paper.sha256),
            How::SignedIn => None,
        });
        self.papers.extend(on_paper);
        self.last = Some(match event {
            TreatmentEvent::Agreed { .. } => {
                self.ended &= !saying.as_ref().is_some_and(|saying| saying.how == How::SignedIn);
                Last::Agreed(LastSaying(saying))
            }
            TreatmentEvent::Ended { .. } => {
                self.ended = true;
                self.ended_at = saying.as_ref().map(|saying| saying.at);
                Last::Ended(LastSaying(saying))
            }
        });
    }

    fn contradiction(&self, event: &TreatmentEvent) -> Option<Contradiction> {
        self.contradicted_by(event)
    }
}
