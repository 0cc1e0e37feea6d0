//! Why a rule forbids a command, in kinds that callers tell apart, whichever aggregate it is.

use std::borrow::Cow;
use std::convert::Infallible;

use super::AggregateType;

/// An error of an aggregate, with which it refuses: its message is a sentence without a capital letter and a full stop, and names nothing of a person.
pub trait DomainError: std::error::Error + Clone + PartialEq + Send + Sync + 'static {
    /// Of which kind it is.
    fn kind(&self) -> RefusalKind;

    /// Where in what was asked the fault stands, as a JSON pointer from the value that the command is about; empty when it is about all
    /// of it.
    fn field(&self) -> Cow<'static, str> {
        "".into()
    }
}

/// Of what is never refused.
impl DomainError for Infallible {
    fn kind(&self) -> RefusalKind {
        match *self {}
    }
}

/// The kinds of things that callers name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Resource {
    /// An aggregate that has no name but its own.
    Aggregate(AggregateType),
    /// An appointment, or a visit that was recorded.
    Appointment,
    /// A finding in a chart.
    Finding,
    /// A service's key.
    Key,
    /// A command.
    Command,
    /// A wallet that somebody has.
    Wallet,
    /// A request to be registered.
    Request,
    /// An entry in a public register of practitioners.
    RegisterEntry,
    /// A grant that a patient has prepared.
    Grant,
    /// A request to be let into a patient's record.
    AccessRequest,
}

impl std::fmt::Display for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Aggregate(aggregate) => aggregate.name(),
            Self::Appointment => "appointment",
            Self::Finding => "finding in the chart: there never was, or it was refuted",
            Self::Key => "key",
            Self::Command => "command",
            Self::Wallet => "wallet to take away",
            Self::RegisterEntry => {
                "entry in a public register: nobody has told under which number one has the practitioner"
            }
            Self::Grant => "grant that was prepared here",
            Self::AccessRequest => "request for access, or it has ended",
            Self::Request => "request to be registered, or it has ended",
        })
    }
}

/// The kinds of refusal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RefusalKind {
    /// What the command is about does not exist.
    Missing(Resource),
    /// It exists already, with other content.
    Exists,
    /// Several may be meant, and nothing tells which.
    Ambiguous,
    /// A value that it gives cannot be, or is not the caller's to give.
    Invalid,
    /// What names it never changes.
    IdentityFixed,
    /// There is no room for more.
    Full,
    /// There are some, and it is said that there are none.
    NotEmpty,
    /// Its status does not allow it.
    Status,
    /// A newer state of it is known.
    Superseded,
    /// It was recorded elsewhere, and is not changed here.
    Recorded,
    /// It went somewhere else meanwhile.
    Moved,
    /// The time for it has passed.
    TimePassed,
    /// The time for it has not come.
    NotYetBegun,
    /// The slot is not offered.
    SlotNotOffered,
    /// The slot is taken.
    SlotTaken,
    /// There is an account for it already.
    AccountExists,
    /// The account is closed.
    AccountClosed,
    /// Only a service has such a thing.
    NotAService,
    /// Only a person has such a thing.
    NotAPerson,
    /// The key exists already.
    KeyExists,
    /// A wallet is bound already.
    WalletBound,
    /// Another wallet is bound.
    NotTheWallet,
    /// It cannot be decided without a key that is not held here.
    Sealed,
}
