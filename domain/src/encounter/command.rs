//! What can be asked of an encounter. Times and facts come with the command.

use chrono::{DateTime, Utc};

use super::event::{Ending, Filed};
use super::names::EncounterNames;

/// A command to an encounter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EncounterCommand {
    /// File an encounter of the past as its source tells it. The rules for booking do not bind it, but it must have begun. Doing so
    /// again with the same content changes nothing; with other content, another day or provider included, it is refused unless it
    /// corrects what was told before.
    File(Told),
    /// Keep further names of it.
    Name(EncounterNames),
    /// Conclude one that its source left open.
    Conclude {
        /// How it ended.
        ending: Ending,
        /// The time of the command.
        now: DateTime<Utc>,
    },
}

/// What a source tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// What it tells, and as of when.
    pub filed: Filed,
    /// Whether it was found to be this encounter by its names. If not, the id is taken to be a new one.
    pub recognised: bool,
    /// Whether it takes the place of what the source told before: of an older state, or of one that is not dated. An older state is
    /// refused.
    pub corrects: bool,
    /// The time of the command.
    pub now: DateTime<Utc>,
}
