//! What can be wrong with a running server: the one list of it.
//!
//! A new kind of trouble is a new entry of `troubles!` below, and a chapter of its own in `docs/operations.md`; a test asks for that.
//! Whoever notices the trouble tells it to the [`Troubles`] of its part, and tells when it is over.

use std::cmp::Reverse;
use std::collections::BTreeMap;

/// What a trouble means for the server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Weight {
    /// Everything goes on. Somebody should see to it.
    Warning,
    /// The part that tells it does not go on, and is not ready. Reads go on, and it goes on by itself when the cause is gone.
    Stalled,
    /// The server must not be used: it is not ready.
    Unfit,
}

/// What is told of every kind, and which kinds there are, from one list.
macro_rules! troubles {
    ($($kind:ident { code: $code:literal, weight: $weight:ident, title: $title:literal, advice: $advice:literal })*) => {
        /// The kinds of trouble.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum TroubleKind {
            $(#[doc = $title] $kind,)*
        }

        impl TroubleKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// Its name for machines and for `docs/operations.md`. It never changes.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$kind => $code,)* }
            }

            /// What it means for the server.
            pub const fn weight(self) -> Weight {
                match self { $(Self::$kind => Weight::$weight,)* }
            }

            /// What it is, in one sentence.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$kind => $title,)* }
            }

            /// What to do about it.
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$kind => $advice,)* }
            }
        }
    };
}

troubles! {
    // The follower.
    FollowerWithoutNode {
        code: "follower-without-node",
        weight: Stalled,
        title: "The follower reads nothing from a node.",
        advice: "See that a node of `chain.nodes` runs, can be reached and gives what the cause names; `medconnect check-node` tells. The follower goes on by itself."
    }
    NodeNotBelieved {
        code: "node-not-believed",
        weight: Stalled,
        title: "What the node says contradicts itself or the contract.",
        advice: "Look at the node before you trust it again; configure another one before it in `chain.nodes`."
    }
    ContractMissing {
        code: "contract-missing",
        weight: Stalled,
        title: "The node does not have the event log's contract.",
        advice: "See that `chain.contract` is right, and that the node is on the right chain and in step with it."
    }
    RecorderUnusable {
        code: "recorder-unusable",
        weight: Stalled,
        title: "A contract that is to be believed is not there, or does not own its namespace.",
        advice: "See that `chain.recorders` names contracts of this chain with the namespaces that they have opened, and that the node is in step with it."
    }
    ReadModelsOfAnotherConfiguration {
        code: "read-models-of-another-configuration",
        weight: Stalled,
        title: "The read models were made of other contracts' records, or of other shared namespaces, than those that are configured.",
        advice: "See that `chain.recorders` and `chain.shared` are right, the secrets too: the check value of each is in the cause. Give all servers the same, and run `medconnect rebuild` with them."
    }
    FollowerWithoutDatabase {
        code: "follower-without-database",
        weight: Stalled,
        title: "The follower cannot use the database.",
        advice: "See that Postgres runs, can be reached, has room, and that the role may write the schema `live`. The follower goes on by itself."
    }
    ReadModelUnwritable {
        code: "read-model-unwritable",
        weight: Stalled,
        title: "A read model could not be written.",
        advice: "See what Postgres logged. If the rows contradict the log, `medconnect rebuild` makes them anew."
    }
    KeysUnavailable {
        code: "keys-unavailable",
        weight: Stalled,
        title: "The data subjects' keys cannot be read or opened.",
        advice: "See that `keys.encryption` and `keys.former` are the keys that wrapped them, and that Postgres can be reached."
    }
    CheckpointMoved {
        code: "checkpoint-moved",
        weight: Stalled,
        title: "Another server's follower moved the checkpoint.",
        advice: "Nothing: both agree again at the next block. If it stays, look at the nodes that the servers follow."
    }
    ReadModelsOfAnotherVersion {
        code: "read-models-of-another-version",
        weight: Stalled,
        title: "The read models were made by another version of the program.",
        advice: "Run `medconnect rebuild` of the version that is to serve."
    }
    EventOfANewerVersion {
        code: "event-of-a-newer-version",
        weight: Unfit,
        title: "A newer version of the program wrote an event that this one cannot read.",
        advice: "Update this server. Nothing was parked; servers of the newer version go on."
    }
    NothingFinal {
        code: "nothing-final",
        weight: Stalled,
        title: "The node calls no block final, or another one than it shows.",
        advice: "If the node is new or synchronises, wait. If the network has no `finalized` block, set `chain.finality` to `instant` or to confirmations."
    }
    NodeLeft {
        code: "node-left",
        weight: Warning,
        title: "A node was left, and another one stands in for it.",
        advice: "See to the node that the cause counts, as `chain.nodes` has them. It is asked first again by itself when it is well."
    }
    NodesDisagree {
        code: "nodes-disagree",
        weight: Warning,
        title: "Another node contradicts the one that is followed.",
        advice: "Find out which of them is wrong, and take it out of `chain.nodes`."
    }

    VoidEntries {
        code: "void-entries",
        weight: Warning,
        title: "Entries without effect stand in our streams, or in calendars that we share.",
        advice: "They have no effect. Find out who appended them: only who may write in the namespace can; dismiss a signing key that is not in your hands."
    }

    EventsParked {
        code: "events-parked",
        weight: Warning,
        title: "Events that are authentic cannot be read, and hold back what stands behind them.",
        advice: "The status lists them (`parked`), each with the reason. Commands on what they hold back are refused (503 `held-back`). A version of the program that can read them releases them: update, and `POST /v1/admin/parked/retry`."
    }

    DataKeyMissing {
        code: "data-key-missing",
        weight: Unfit,
        title: "Keys of our own data subjects are not here.",
        advice: "Restore them: `medconnect keys restore`. The server notices within seconds."
    }

    SharedEpochMissing {
        code: "shared-epoch-missing",
        weight: Warning,
        title: "The log has published an epoch of a shared namespace, and its secret is not configured; what is sealed in it holds its calendar back.",
        advice: "Have the namespace's owner hand it over, name its file in `chain.shared` on every server, and start them again."
    }
    SharedNamespaceNotConfigured {
        code: "shared-namespace-not-configured",
        weight: Warning,
        title: "Calendars of our practitioners stand in a shared namespace that is not configured; nothing can be offered or booked there.",
        advice: "Name the namespace and its secret in `chain.shared`, and run `medconnect rebuild`. If the organisation shares it no more, register the practitioners anew."
    }
    SharedNamespaceUnreadable {
        code: "shared-namespace-unreadable",
        weight: Warning,
        title: "Nothing that others have written in a shared namespace can be read; most likely its secret is not the one that they have.",
        advice: "Compare the check value in the status (`chain.shared`) with theirs. If it is another one, correct the secret's file and run `medconnect rebuild`. What was offered and booked meanwhile stands where they do not see it."
    }
    EpochMissing {
        code: "epoch-missing",
        weight: Unfit,
        title: "The log has published an epoch of the namespace, and its secret is not here.",
        advice: "Restore it from a backup of the database that made it: `medconnect keys restore`. The server notices within seconds."
    }

    // The eraser.
    ErasureUnfounded {
        code: "erasure-unfounded",
        weight: Warning,
        title: "The database names somebody as erased whom the log does not.",
        advice: "Nobody's key is destroyed for it. Find out who writes into the database, delete the rows that the cause names, and run `medconnect audit verify --with-keys`."
    }

    // Who has read what.
    ReadsNotLogged {
        code: "reads-not-logged",
        weight: Warning,
        title: "Reads are noted, and do not come to the log.",
        advice: "See to the other troubles first; the server's own log says why each attempt fails. Until then do not delete `core.noted_reads`, and keep it in backups: `medconnect keys backup`."
    }

    // Messages to people outside.
    NotificationsNotSent {
        code: "notifications-not-sent",
        weight: Warning,
        title: "Messages to people outside do not go out.",
        advice: "See that `notifications.mail` and `notifications.webhook` are right, and that the mail server and the other system run; the server's own log says why each attempt fails. What waits is tried again by itself."
    }

    // The appender.
    AppenderWithoutDatabase {
        code: "appender-without-database",
        weight: Stalled,
        title: "The appender cannot use its tables in the database.",
        advice: "See that Postgres runs, can be reached, has room, and that the role may write the schema `core`. The appender goes on by itself."
    }
    AppenderWithoutNode {
        code: "appender-without-node",
        weight: Stalled,
        title: "The appender reaches no node.",
        advice: "See that a node of `chain.nodes` runs and can be reached. The appender goes on by itself."
    }
    SigningKeyTaken {
        code: "signing-key-taken",
        weight: Stalled,
        title: "Another server signs with this server's key.",
        advice: "Give each server a signing key of its own (`chain.signer`). After a crash the lease of the dead server ends by itself."
    }
    SigningKeyNotAdmitted {
        code: "signing-key-not-admitted",
        weight: Stalled,
        title: "The signing key may not append to the event log.",
        advice: "As the cause says: have the namespace's owner admit the key (`medconnect namespace admit`), or correct `chain.namespace`."
    }
    SigningKeyNotAdmittedToShared {
        code: "signing-key-not-admitted-to-shared",
        weight: Warning,
        title: "The signing key may not append in a namespace that is shared; commands on what stands there are turned away.",
        advice: "As the cause says: have the shared namespace's owner admit the key (`medconnect namespace admit`), or take the namespace out of `chain.shared`."
    }
    SigningKeyWithoutEther {
        code: "signing-key-without-ether",
        weight: Stalled,
        title: "The signing key's account cannot pay for a transaction.",
        advice: "Send ether to the address that the cause names. The appender goes on by itself."
    }
    TransactionRefused {
        code: "transaction-refused",
        weight: Stalled,
        title: "The node does not take the appender's transactions.",
        advice: "The cause is what the node says. Most often the signing key's account has no money for gas."
    }
    NothingMined {
        code: "nothing-mined",
        weight: Stalled,
        title: "Transactions were sent, and none of them gets into a block.",
        advice: "See that the network makes blocks, and that the nodes of `chain.nodes` pass transactions on to whoever makes them."
    }
    BlocksTooSmall {
        code: "blocks-too-small",
        weight: Stalled,
        title: "What waits to be sent asks for more gas than a block of the chain has now.",
        advice: "See to it that the network's blocks have as much gas as before. What is stored waits, and is sent by itself then; what is new is turned away."
    }
    TransactionUndecided {
        code: "transaction-undecided",
        weight: Warning,
        title: "What became of a transaction cannot be told.",
        advice: "See that all nodes of `chain.nodes` answer, agree, and keep the states of former blocks; take out one that does not. The appender asks again by itself."
    }
    OutboxWithoutHolder {
        code: "outbox-without-holder",
        weight: Warning,
        title: "The outbox holds transactions of a signing key that no server holds.",
        advice: "Nothing: they are sent on, or signed anew with the key of a server that appends. If it stays, see to that server's own troubles."
    }
}

/// Something that does not work just now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trouble {
    /// Which.
    pub kind: TroubleKind,
    /// What it is this time. Never what an event or a row says, and no secret.
    pub cause: String,
}

/// What does not work just now with one part of the server: at most one trouble of each kind.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Troubles(BTreeMap<TroubleKind, String>);

impl Troubles {
    /// Notes a trouble. Says whether that is news, so that it is logged once.
    pub fn tell(&mut self, kind: TroubleKind, cause: &str) -> bool {
        let news = self.0.get(&kind).is_none_or(|known| known != cause);
        if news {
            self.0.insert(kind, cause.to_owned());
        }
        news
    }

    /// Notes that a trouble is over. Says whether that is news.
    pub fn end(&mut self, kind: TroubleKind) -> bool {
        self.0.remove(&kind).is_some()
    }

    /// Whether there is a trouble of this kind.
    pub fn has(&self, kind: TroubleKind) -> bool {
        self.0.contains_key(&kind)
    }

    /// What is said of this kind, if there is such a trouble.
    pub fn cause(&self, kind: TroubleKind) -> Option<&str> {
        self.0.get(&kind).map(String::as_str)
    }

    /// Whether all is well.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The gravest of them.
    pub fn weight(&self) -> Option<Weight> {
        self.0.keys().map(|kind| kind.weight()).max()
    }

    /// All of them, the gravest first.
    pub fn list(&self) -> Vec<Trouble> {
        let troubles = self.0.iter().map(|(kind, cause)| Trouble {
            kind: *kind,
            cause: cause.clone(),
        });
        let mut troubles: Vec<_> = troubles.collect();
        troubles.sort_by_key(|trouble| Reverse(trouble.kind.weight()));
        troubles
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_trouble_is_news_once_and_lasts_until_it_is_told_to_be_over() {
        let mut troubles = Troubles::default();
        assert!(troubles.tell(TroubleKind::NodesDisagree, "about block 7"));
        assert!(!troubles.tell(TroubleKind::NodesDisagree, "about block 7"));
        assert!(troubles.tell(TroubleKind::NodesDisagree, "about block 8"));
        assert_eq!(troubles.weight(), Some(Weight::Warning));
        assert!(troubles.tell(TroubleKind::TransactionRefused, "no money"));
        assert_eq!(troubles.weight(), Some(Weight::Stalled));
        let kinds: Vec<_> = troubles.list().into_iter().map(|trouble| trouble.kind).collect();
        assert_eq!(kinds, [TroubleKind::TransactionRefused, TroubleKind::NodesDisagree]);
        assert!(troubles.end(TroubleKind::NodesDisagree) && !troubles.end(TroubleKind::NodesDisagree));
        assert_eq!(troubles.cause(TroubleKind::TransactionRefused), Some("no money"));
    }

    #[test]
    fn codes_are_names_and_no_two_kinds_share_one() {
        let codes: BTreeSet<_> = TroubleKind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes.len(), TroubleKind::ALL.len());
        for code in codes {
            assert!(code.chars().all(|one| one.is_ascii_lowercase() || one == '-'), "{code}");
        }
    }
}
