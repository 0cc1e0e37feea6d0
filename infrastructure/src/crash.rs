//! Named places at which the process can be told to die, so that a test can kill it between any two steps.
//!
//! The environment variable `MEDCONNECT_CRASH_AT` names a place, as `appender.stored`, or a place and a pass, as
//! `appender.stored:3` for the third time that it is reached. There the process aborts: nothing is flushed, nothing is
//! unwound, as with `kill -9`. Without the variable a place costs one load.
//!
//! [`PLACES`] lists them all; a test kills a server at each.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! places {
    ($($(#[$what:meta])+ $name:ident = $place:literal;)+) => {
        $($(#[$what])+ pub const $name: &str = $place;)+

        /// All places.
        pub const PLACES: &[&str] = &[$($name),+];
    };
}

places! {
    /// A batch has its commits and its nonce; nothing is stored.
    APPENDER_GATHERED = "appender.gathered";
    /// The signed transaction is in the outbox; nothing is sent.
    APPENDER_STORED = "appender.stored";
    /// A node took the transaction.
    APPENDER_SENT = "appender.sent";
    /// The follower has applied a block with the transaction.
    APPENDER_MINED_SEEN = "appender.mined-seen";
    /// Whoever waits has been told the outcome; the outbox still holds it.
    APPENDER_RESOLVED = "appender.resolved";
    /// The outbox has forgotten it.
    APPENDER_OUTBOX_CLEANED = "appender.outbox-cleaned";
    /// Blocks were read and checked; nothing is written.
    FOLLOWER_FETCHED = "follower.fetched";
    /// In the open transaction, the journal and the checkpoint have the blocks.
    FOLLOWER_JOURNALED = "follower.journaled";
    /// In the open transaction, the read models have the blocks too.
    FOLLOWER_PROJECTED = "follower.projected";
    /// The transaction is committed; nobody was told.
    FOLLOWER_COMMITTED = "follower.committed";
    /// Everybody was told.
    FOLLOWER_NOTIFIED = "follower.notified";
    /// In the open transaction, blocks were undone.
    FOLLOWER_REVERTED = "follower.reverted";
    /// An access is denied; its command is not executed.
    REVOCATION_DENIED = "revocation.denied";
    /// The log has a revocation; that it need not be carried through any more is not noted.
    REVOCATION_LOGGED = "revocation.logged";
    /// The keys of somebody who is erased are destroyed; what they had sealed still stands in the database's files.
    ERASURE_DESTROYED = "erasure.destroyed";
    /// The files hold nothing of it any more; that is not noted.
    ERASURE_PURGED = "erasure.purged";
    /// A request to be registered is being approved; its command is not executed.
    APPROVAL_BEGUN = "approval.begun";
    /// The log has the newcomer; that the request is approved is not noted.
    APPROVAL_LOGGED = "approval.logged";
    /// A patient is noted as to be erased; nothing is decided.
    ERASURE_NOTED = "erasure.noted";
    /// A read is noted; its answer has not left.
    READ_NOTED = "read.noted";
    /// Reads are taken together; the command that logs them is not executed.
    READS_TAKEN = "reads.taken";
    /// The log has reads; their notes are not forgotten.
    READS_LOGGED = "reads.logged";
}

/// The environment variable that names the place.
pub const VARIABLE: &str = "MEDCONNECT_CRASH_AT";

struct Target {
    place: String,
    passes_left: AtomicU64,
}

/// Dies here if the environment says so.
pub fn crash_point(place: &str) {
    static TARGET: OnceLock<Option<Target>> = OnceLock::new();
    let target = TARGET.get_or_init(|| std::env::var(VARIABLE).ok().map(|text| parse(&text)));
    if let Some(target) = target
        && target.place == place
        && target.passes_left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        std::process::abort();
    }
}

fn parse(text: &str) -> Target {
    let (place, pass) = match text.rsplit_once(':') {
        Some((place, pass)) => (place, pass.parse().unwrap_or(1)),
        None => (text, 1),
    };
    Target {
        place: place.to_owned(),
        passes_left: AtomicU64::new(pass),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_may_be_named_with_its_pass() {
        for (text, place, pass) in [
            ("appender.sent", "appender.sent", 1),
            ("appender.sent:3", "appender.sent", 3),
            ("a:x", "a", 1),
        ] {
            let target = parse(text);
            assert_eq!(target.place, place);
            assert_eq!(target.passes_left.load(Ordering::Relaxed), pass);
        }
    }

    #[test]
    fn no_two_places_have_one_name() {
        let distinct: std::collections::HashSet<_> = PLACES.iter().collect();
        assert_eq!(distinct.len(), PLACES.len());
    }

    #[test]
    fn a_place_that_nobody_named_is_passed() {
        crash_point("nowhere");
    }
}
