//! Problems (RFC 9457): every answer that is not what was asked for.
//!
//! A problem's type is a path that this server documents (`GET /problems/{slug}`). What the caller may read is in the
//! problem, and it holds no health data: details are our own words.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! problems {
    ($($name:ident = $slug:literal, $status:literal, $title:literal, $description:literal;)+) => {
        /// The kinds of problems. Their slugs are part of the interface: never change one.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum ProblemKind {
            $(#[doc = $title] $name,)+
        }

        impl ProblemKind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The last segment of the type.
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug,)+ }
            }

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            /// What it is, in a few words that never change.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }

            /// What it means and what to do.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$name => $description,)+ }
            }
        }
    };
}

problems! {
    MalformedRequest = "malformed-request", 400, "The request is malformed",
        "A header, a query parameter or the path is not as documented. Nothing changed; correct the request.";
    MalformedJson = "malformed-json", 400, "The body is not JSON",
        "The body could not be read as JSON. The detail says where reading stopped.";
    Unauthenticated = "unauthenticated", 401, "Sign in first",
        "The request has no bearer token, or one that is unknown, expired, revoked or signed out. Sign in with a wallet \
         (POST /v1/auth/nonce, then POST /v1/auth/login) or use a service's key.";
    LoginFailed = "login-failed", 401, "The sign-in failed",
        "The signed message was not accepted. The detail says which part of it. Ask for a new nonce and sign again. A \
         wallet that has no account yet can sign in and register.";
    Forbidden = "forbidden", 403, "Not allowed",
        "Your role, or your key's scope, does not allow this.";
    NotAttested = "not-attested", 403, "No registrar has attested you",
        "A practitioner does nothing here before a registrar has attested them, but say who they are. Tell under which number a public register has \
         you (PUT /v1/practitioners/{id}/register-entry), and ask a registrar. An attestation counts once it is final.";
    Suspended = "suspended", 403, "A registrar has suspended you",
        "A practitioner does nothing here while they are suspended. Ask a registrar.";
    NoPerson = "no-person", 403, "No person is named for whom the service asks",
        "What is clinical a service reads and writes for a person alone; somebody vouches for what patients say on paper, and for auditors' engagements. Name the person in the header \
         On-Behalf-Of: staff/ and the id of their account, or practitioner/ and their id. They must work here, and may do it themselves.";
    NotTreated = "not-treated", 403, "The patient is not treated here",
        "The staff knows the charts of patients who are treated here, and their own act begins that: that they bind a wallet here, or agree on paper (POST \
         /v1/patients/{id}/treatment/agreement). This patient has not, or has ended it. A practitioner can be granted access by the patient.";
    ErasureByOperator = "erasure-by-operator", 403, "Patients do not have themselves erased here",
        "Whoever runs this server has decided so, as where the law has records kept for a time. Ask them: they erase who may be erased.";
    EngagementOver = "engagement-over", 403, "The engagement has ended",
        "Its time has passed, an administrator has ended it, or the patient is erased whom it is about. Whoever has more to examine is engaged anew.";
    RegistrationByInvitation = "registration-by-invitation", 403, "People are invited",
        "Nobody registers themselves here. Ask the hospital to register you and for an invitation, and accept it with \
         POST /v1/invitations/accept.";
    RegistrationByApproval = "registration-by-approval", 403, "Patients ask to be registered",
        "Nobody registers themselves here. Ask with PUT /v1/me/registration-request; the hospital decides, and a GET of the \
         same path shows what it decided.";
    RegistrationIsOpen = "registration-is-open", 403, "Patients register themselves",
        "No approval is needed here. Register with POST /v1/patients.";
    NotFound = "not-found", 404, "Not found",
        "There is no such resource, or none that you may know of.";
    MethodNotAllowed = "method-not-allowed", 405, "The method is not allowed here",
        "The Allow header names the methods that are.";
    NotAcceptable = "not-acceptable", 406, "No such encoding",
        "Accept-Encoding refuses every encoding that this server has, and its absence too. Allow `gzip` or `identity`.";
    RequestTimeout = "request-timeout", 408, "The body came too slowly",
        "The body did not arrive in time, so it was not waited for any longer. Nothing changed; send it again.";
    Conflict = "conflict", 409, "Others were faster",
        "Other commands changed the same thing several times in a row. Nothing changed; try again.";
    IdempotencyKeyInUse = "idempotency-key-in-use", 409, "The same request is being executed",
        "An earlier request with this Idempotency-Key has not been answered yet. Ask again after Retry-After.";
    AlreadyRegistered = "already-registered", 409, "Registered already, with other content",
        "An identifier or the wallet names something that exists with other content. Update that instead.";
    Ambiguous = "ambiguous", 409, "Several may be meant",
        "What the request names may be any of several that are recorded, and nothing tells which. Name what only one of them has.";
    ListFull = "list-full", 409, "The list is full",
        "The list takes no more findings, or no more grants, or as many emergencies are open as may be. First refute the findings that are wrong, or use what is open.";
    ListNotEmpty = "list-not-empty", 409, "There are findings in the list",
        "Only an empty list can say why it is empty. First refute its findings, if they are wrong.";
    AccountExists = "account-exists", 409, "The account exists, for another holder",
        "A wallet and a service's name each have one account. This one is somebody else's.";
    AccountClosed = "account-closed", 409, "The account is closed",
        "A closed account stays closed, and signs nobody in.";
    LastAdministrator = "last-administrator", 409, "Nobody could administer the system after it",
        "It is the last account, wallet or key by which anybody can administer the system. Open another administrator's account first, \
         and have it accept an invitation.";
    WalletBound = "wallet-bound", 409, "The account has a wallet already",
        "Its owner changes it by the signatures of both wallets, or a registrar takes it away first.";
    WalletBeingTaken = "wallet-being-taken", 409, "The wallet is being taken from its account",
        "It signs nobody in to that account any more. As soon as the log says so too, it is a wallet without an account. Whoever the \
         account is of is invited to bind another one, and sees there what was done.";
    NotTheWallet = "not-the-wallet", 409, "This is not the account's wallet",
        "Another wallet is bound than the one that has signed, or none.";
    NotAPerson = "not-a-person", 409, "A service has no wallet",
        "Services use keys.";
    KeyExists = "key-exists", 409, "The key exists already",
        "There is a key with this id or this secret.";
    NotAService = "not-a-service", 409, "Only a service has keys",
        "People sign in with their wallets.";
    RequestDecided = "request-decided", 409, "The request is decided",
        "The request to be registered was approved or declined before, or is being approved. `resource` is the record, if there is one.";
    SlotTaken = "slot-taken", 409, "The slot is taken",
        "Somebody else has the slot or a part of it. Search free slots again.";
    SlotNotOffered = "slot-not-offered", 409, "The slot is not offered",
        "The practitioner does not offer such a slot: start and length must be those of an offered one.";
    TooManyBookings = "too-many-bookings", 409, "Too many appointments ahead",
        "A patient books only so many appointments ahead. Cancel one, or ask the hospital to book.";
    WrongStatus = "wrong-status", 409, "Its status does not allow it",
        "Read it again: the appointment was confirmed, completed, cancelled or missed, or the emergency is justified.";
    NotYetBegun = "not-yet-begun", 409, "The visit has not begun yet",
        "A visit is recorded, completed, or marked as missed, only once its time has come.";
    RecordedVisit = "recorded-visit", 409, "A recorded visit stays as its source tells it",
        "A visit recorded from another system is neither confirmed nor moved here.";
    Superseded = "superseded", 409, "No newer state of the visit",
        "The source has told a newer state before, or another one of the same instant, or somebody here has concluded what this one leaves open.";
    Sealed = "sealed", 409, "Sealed under a key that is not held here",
        "The record's key was destroyed or belongs to another organisation, so this cannot be done here.";
    Erased = "erased", 409, "Whom it is about is erased",
        "The patient, practitioner or account has been erased, for ever. Nothing can be done for them here any more.";
    RefusedByTheRegistry = "refused-by-the-registry", 409, "The registry does not take it",
        "The contract that decides does not take what was signed; the detail says why. Nothing changed.";
    NoRegistry = "no-registry", 409, "No registry is followed here",
        "This server is configured with no such registry (`chain.recorders`): without one of practitioners nobody is attested here, and without one of \
         consents nothing is granted.";
    PreconditionFailed = "precondition-failed", 412, "Somebody changed it",
        "The If-Match header names another version than the current one. Read it again and decide anew.";
    PayloadTooLarge = "payload-too-large", 413, "The body is too large",
        "The body is longer than this server takes, or says more than one event of the log can hold. Nothing changed.";
    UnsupportedMediaType = "unsupported-media-type", 415, "The body must be JSON",
        "Send the body as application/json, in UTF-8, and not compressed.";
    Invalid = "invalid", 422, "The request cannot be accepted",
        "The request is well-formed JSON and breaks a rule. `errors` says where (as JSON pointers) and which.";
    TimePassed = "time-passed", 422, "The time has passed",
        "What lies in the past can be neither offered, booked nor moved.";
    IdentityIsFixed = "identity-is-fixed", 422, "The identifier cannot be changed",
        "An identifier and a practitioner's time zone stay as they were registered.";
    IdempotencyKeyReused = "idempotency-key-reused", 422, "The key was used for another request",
        "An Idempotency-Key stands for one request: method, path, preconditions and body. Use a new key.";
    TooManyRequests = "too-many-requests", 429, "Too much from one caller",
        "What one caller may ask for is limited: the detail says of what, and `RateLimit-Policy` how much. Nothing changed. Ask again \
         after Retry-After.";
    Internal = "internal", 500, "A fault of ours",
        "Something went wrong here. The log has the cause under the request's id.";
    RefusedByTheLog = "refused-by-the-log", 500, "The log's contract refuses it",
        "The command was accepted, and then the contract that keeps the log refused what it came to, or needed more gas for it than \
         one transaction may have. It was not executed and never will be. The server's log has the command's id; find the cause before you \
         issue it anew.";
    CommandNotExecuted = "command-not-executed", 503, "The command was not executed",
        "The server stopped, or could not take the command, before it was accepted; or it was accepted, what it had been decided upon changed, \
         and the server that could have decided it again had stopped. Nothing of it is in the log, and nothing will be. Issue it again.";
    ChainUnavailable = "chain-unavailable", 503, "The chain cannot be reached",
        "The Ethereum node does not answer and no more commands can wait for it. Reads go on. Nothing changed.";
    DatabaseUnavailable = "database-unavailable", 503, "The database cannot be reached",
        "Nothing changed, and nothing acknowledged is lost. Ask again after Retry-After.";
    Overloaded = "overloaded", 503, "Too much at once",
        "The server has as much to do as it can take. Nothing changed. Ask again after Retry-After.";
    NotAppending = "not-appending", 503, "This server cannot append to the log",
        "Another server signs with this server's key, or the key may not append to the log, or its account cannot pay for gas, or the \
         secret that events are sealed under is not here. Nothing \
         changed. Send the request to another server, or again later: after a crash of the other it takes some seconds. The server's \
         status says which it is.";
    CalendarElsewhere = "calendar-elsewhere", 503, "This server is not configured for the calendar's namespace",
        "Several organisations share the practitioner's calendar in a namespace of the log, and this server is not configured with that namespace. \
         Nothing changed. Whoever runs the server names the namespace and its secret in `chain.shared`, and runs `medconnect rebuild`.";
    WaitingListFull = "waiting-list-full", 503, "The waiting list is full",
        "No more requests to be registered can wait. Nothing changed. Ask the hospital to register you, or again after Retry-After.";
    TooManyAccessRequests = "too-many-access-requests", 409, "Too many requests for access wait",
        "No more requests of the caller can wait. Nothing changed. Ask again once patients have decided, or some have ended.";
    NotFinal = "not-final", 503, "The blocks that it depends on are not final yet",
        "The command depends on blocks that the chain may still drop, and they did not become final in time. Nothing changed. \
         Ask again after Retry-After.";
    OutcomeUnknown = "outcome-unknown", 503, "The outcome is not known yet",
        "The command may still be executed, or have been. Send the same request with the same Idempotency-Key, or ask for the \
         command that the detail names, to find out. Without either, look before you send it again.";
    RevocationPending = "revocation-pending", 503, "The access is denied already",
        "What was to be revoked is denied on every server from now on. The log, or the registry, could not be told yet; the server keeps \
         trying, and nothing needs to be done. The same request with the same Idempotency-Key tells whether it has succeeded.";
    Stopping = "stopping", 503, "The server is stopping",
        "Nothing changed. Ask again; another server, or this one after its restart, will answer.";
    HeldBack = "held-back", 503, "Held back by an event that cannot be read",
        "The record has an event that this server cannot read, so nothing can be decided on it. An administrator sees it \
         among the parked events.";
}

impl ProblemKind {
    /// The type, as it stands in the problem.
    pub fn path(self) -> String {
        format!("/problems/{}", self.slug())
    }

    /// The kind behind a slug.
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.slug() == slug)
    }
}

/// An error in one part of the request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// The JSON pointer (RFC 6901) to the part of the body that is wrong.
    #[schema(example = "/details/name/family")]
    pub pointer: String,
    /// What is wrong with that part.
    #[schema(example = "must not be empty")]
    pub detail: String,
}

/// A problem (RFC 9457): why a request was not answered as asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// The type of the problem: the path of a page of this server that describes it.
    #[serde(rename = "type")]
    #[schema(example = "/problems/slot-taken")]
    pub kind: String,
    /// A short summary of the type of problem, which is always the same for one type.
    #[schema(example = "The slot is taken")]
    pub title: String,
    /// The HTTP status code of the answer.
    #[schema(example = 409)]
    pub status: u16,
    /// What went wrong with this request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The errors in the parts of the request, if there are any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The path of what is recorded already, when a hospital's system registers or records it again with other content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
}

/// Why a body is not taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BadBody {
    /// It is no JSON; and what is wrong with it.
    Malformed(String),
    /// It breaks rules; and where, and which.
    Invalid(Vec<FieldError>),
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_a_slug_of_its_own_that_leads_back_to_it() {
        let slugs: HashSet<_> = ProblemKind::ALL.iter().map(|kind| kind.slug()).collect();
        assert_eq!(slugs.len(), ProblemKind::ALL.len());
        for kind in ProblemKind::ALL {
            assert_eq!(ProblemKind::from_slug(kind.slug()), Some(*kind));
            assert!(kind.status() >= 400 && kind.status() < 600);
        }
    }
}
