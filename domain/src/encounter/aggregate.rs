//! The state of an encounter. What it decides is in `decision.rs`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::event::{Conclusion, EncounterEvent, EncounterStatus, Filed};
use crate::kernel::Personal;

/// An encounter. A snapshot of it holds nothing of what is in it: that reads back sealed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Encounter {
    /// As its source told it last; `None` when nobody has told of it.
    filed: Option<Personal<Filed>>,
    /// How it ended since, as it was said here.
    conclusion: Option<Personal<Conclusion>>,
    /// As of when the source told of it, by the newest state that it dated.
    as_of: Option<DateTime<Utc>>,
}

impl Encounter {
    /// As its source told it last; `None` when nobody has told of it.
    pub const fn filed(&self) -> Option<&Personal<Filed>> {
        self.filed.as_ref()
    }

    /// As of when it was told of, by the newest state that its source dated, or here.
    pub(super) fn as_of(&self) -> Option<DateTime<Utc>> {
        let said = self.conclusion.as_ref().and_then(Personal::known);
        self.as_of.max(said.map(|said| said.as_of))
    }

    /// Where it stands, if that can be opened.
    pub fn status(&self) -> Option<EncounterStatus> {
        let told = self.filed.as_ref()?.known()?.outcome;
        match &self.conclusion {
            None => Some(told.into()),
            Some(conclusion) => conclusion.known().map(|said| EncounterStatus::from(&said.ending)),
        }
    }

    /// Takes in what happened.
    pub(super) fn change_by(&mut self, event: EncounterEvent) {
        match event {
            EncounterEvent::Filed { encounter } => {
                self.as_of = self.as_of.max(encounter.known().and_then(|filed| filed.as_of));
                self.filed = Some(encounter);
                self.conclusion = None;
            }
            EncounterEvent::Named { names } => {
                if let (Some(Personal::Known(filed)), Personal::Known(names)) = (&mut self.filed, names) {
                    filed.names = names;
                }
            }
            EncounterEvent::Concluded { conclusion } => self.conclusion = Some(conclusion),
        }
    }
}
