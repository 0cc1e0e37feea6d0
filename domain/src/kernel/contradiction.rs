//! Whether what happened could have been decided: for whoever has a log and wants to know whether its decisions followed the rules.
//!
//! An event says what was decided, not what was asked, nor when. So this is what can be seen of it: an event contradicts the state before it if no
//! command, at whatever time, is answered with it there. What is sealed contradicts nothing. Each aggregate answers for itself, in
//! `contradiction.rs` beside its decisions; a change of a rule there is one here.

use strum::{Display, IntoStaticStr};

/// The rule that an event contradicts. It says nothing of what is in the event.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Display, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Contradiction {
    /// It changes what never began.
    BeforeTheBeginning,
    /// It had happened already, and happens once.
    Twice,
    /// It changes what has ended.
    AfterTheEnd,
    /// It changes nothing: such a thing is never decided.
    ChangesNothing,
    /// It is about something that is not there.
    NotThere,
    /// The status does not allow it.
    WrongStatus,
    /// The slot is taken.
    SlotTaken,
    /// The slot is not offered.
    SlotNotOffered,
    /// The sessions overlap, or are in no order.
    SessionsNotInOrder,
    /// A shared day offers more sessions than a day may.
    TooManySessions,
    /// It is not of its day: what a shared day offers or books stands on that day of UTC.
    NotOfThisDay,
    /// The name is another's.
    NameOfAnother,
    /// What is given back is another's, or nobody's.
    NotTheirsToRelease,
    /// It changes what never changes: identifier or time zone.
    IdentityChanged,
    /// The holder of the account cannot have it.
    NotOfThisHolder,
    /// It leaves a day for another one, or comes from one, without the other half in its commit.
    HalfOfAMove,
    /// It has a value that no decision gives.
    Impossible,
}

/// The rule, if it is contradicted.
pub(crate) fn contradicts(is_contradicted: bool, rule: Contradiction) -> Option<Contradiction> {
    is_contradicted.then_some(rule)
}
