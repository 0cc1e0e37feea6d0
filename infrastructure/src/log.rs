//! The event log's own vocabulary: heads, commits, entries. What the contract, the appender, the store and the follower
//! hand to each other, independent of ethers.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use application::log::{BlockRef, Finality, Position, StreamId};
use application::ports::command::Unavailable;
use domain::kernel::{CommandId, SubjectId};
use serde::{Deserialize, Serialize};

/// Which log: the contract's address and the chain it is on, and where in it the organisation writes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LogLocation {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The address of the `EventLog` contract.
    pub contract: [u8; 20],
    /// The organisation's namespace.
    pub namespace: Namespace,
}

/// A namespace of a log, by its number: from 1. Its streams begin with it, and only its writers append to them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Namespace(pub u32);

impl Namespace {
    /// In which the contract itself writes what is done to the others. Nothing in it is sealed.
    pub const ADMINISTRATION: Self = Self(0);

    /// The namespace of a stream.
    pub fn of(stream: &StreamId) -> Self {
        let [a, b, c, d, ..] = stream.0;
        Self(u32::from_be_bytes([a, b, c, d]))
    }

    /// The stream of namespace 0 on which stands what was done to a namespace: it ends in the namespace's number.
    pub fn about(namespace: Self) -> StreamId {
        let mut stream = [0; 32];
        if let Some(number) = stream.last_chunk_mut() {
            *number = namespace.0.to_be_bytes();
        }
        StreamId(stream)
    }

    /// The stream with this name in the namespace. A name has 28 bytes; of more the rest is left out, and less is filled up with zeros.
    pub fn stream(self, name: &[u8]) -> StreamId {
        let mut stream = [0; 32];
        let bytes = self.0.to_be_bytes().into_iter().chain(name.iter().copied());
        stream.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        StreamId(stream)
    }

    /// The first and the last stream that the namespace could have.
    pub fn streams(self) -> [StreamId; 2] {
        [self.stream(&[]), self.stream(&[0xff; 28])]
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where an entry comes from: from whom, and which of its commit's entries it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin {
    /// How many entries the commit has.
    pub count: u16,
    /// Which of them it is, from 0.
    pub index: u16,
    /// The number of a writer of the stream's namespace; 0 in namespace 0, in which the contract itself writes.
    pub writer: u32,
}

impl Origin {
    /// `count:16 || index:16 || writer:32`, as the contract's places have them.
    pub fn bits(self) -> u64 {
        u64::from(self.count) << 48 | u64::from(self.index) << 32 | u64::from(self.writer)
    }

    /// The bits as Postgres holds them, which knows numbers with a sign only.
    pub fn to_sql(self) -> i64 {
        self.bits().cast_signed()
    }

    /// The reverse of [`Self::to_sql`].
    pub const fn from_sql(bits: i64) -> Self {
        Self::of_bits(bits.cast_unsigned())
    }

    /// The reverse of [`Self::bits`].
    pub const fn of_bits(bits: u64) -> Self {
        let [a, b, c, d, e, f, g, h] = bits.to_be_bytes();
        Self {
            count: u16::from_be_bytes([a, b]),
            index: u16::from_be_bytes([c, d]),
            writer: u32::from_be_bytes([e, f, g, h]),
        }
    }
}

/// What an entry needs to be opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// It is not sealed.
    Public,
    /// It is not ours, and cannot be read here.
    Foreign,
    /// Another organisation has written it in a namespace that is shared: no key of ours.
    Others,
    /// Nothing but the secrets of the namespace.
    Nothing,
    /// This key of a data subject.
    Key(KeyId),
    /// The key of this data subject.
    KeyOf(SubjectId),
}

/// A sealed payload, as it stands on the chain. Made once, shared, never changed.
pub type Payload = Arc<[u8]>;

/// Where a stream stands: the expected version of a commit.
///
/// The tag is the first eight bytes of keccak-256 of the stream's last payload; with it, a commit that was decided on top of
/// another commit in flight is rejected when that one was, whoever took its version.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct StreamHead {
    /// How many events the stream has.
    pub version: u64,
    /// The tag of the last one; zero for a new stream.
    pub tag: [u8; 8],
}

/// Where a stream ends: what its head is made of. What is sealed for the place after it names the whole hash, for eight bytes of it can be
/// met by who tries long enough.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct StreamTip {
    /// How many events the stream has.
    pub version: u64,
    /// keccak-256 of the last one's payload; zero for a new stream.
    pub hash: [u8; 32],
}

impl StreamTip {
    /// The tip of a record that ends so in this chapter, with a version that counts over all of them ([`in_record`]).
    #[must_use]
    pub fn in_record(self, chapter: u16) -> Self {
        Self {
            version: in_record(chapter, self.version),
            hash: self.hash,
        }
    }

    /// The reverse: the chapter, and the tip of its stream.
    #[must_use]
    pub fn in_chapter(self) -> (u16, Self) {
        let (chapter, version) = in_chapter(self.version);
        let hash = self.hash;
        (chapter, Self { version, hash })
    }
}

/// What a commit appends to one stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamPart {
    /// The stream.
    pub stream: StreamId,
    /// Where the stream must stand.
    pub expected: StreamHead,
    /// The sealed events, at least one.
    pub payloads: Vec<Payload>,
}

/// One decision: parts for one or more distinct streams, appended all or not at all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Commit {
    /// The command that decided it.
    pub command_id: CommandId,
    /// At least one.
    pub parts: Vec<StreamPart>,
}

/// An event as the chain holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppendedEntry {
    /// The stream.
    pub stream: StreamId,
    /// Its place in the stream, from 1.
    pub version: u64,
    /// Its place in the log, from 1.
    pub position: Position,
    /// Who appended it, with what.
    pub origin: Origin,
    /// The sealed payload.
    pub payload: Payload,
    /// The transaction that appended it.
    pub transaction: [u8; 32],
}

#[cfg(test)]
impl AppendedEntry {
    /// An entry that is alone in its commit.
    pub(crate) fn alone(namespace: Namespace, position: Position, writer: u32, payload: &[u8]) -> Self {
        Self {
            stream: namespace.stream(b"anything"),
            version: 1,
            position,
            origin: Origin {
                count: 1,
                index: 0,
                writer,
            },
            payload: Arc::from(payload),
            transaction: [0; 32],
        }
    }
}

/// An entry as the journal holds it, with what it was sealed for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JournaledEntry {
    /// The entry.
    pub entry: AppendedEntry,
    /// Where its stream ended before its commit: the whole hash of the last payload.
    pub before: [u8; 32],
    /// Which chapter of a record its stream is; 0 for what is none.
    pub chapter: u16,
}

/// A number for what stands at a version of a record's chapter, which grows over all of its chapters: the version, and above it the chapter. In the first
/// one, and in what has no chapters, it is the version itself. A version of the contract has 32 bits.
pub fn in_record(chapter: u16, version: u64) -> u64 {
    u64::from(chapter) << 32 | version
}

/// The reverse of [`in_record`]: the chapter, and the version there.
pub fn in_chapter(number: u64) -> (u16, u64) {
    let [_, _, a, b, c, d, e, f] = number.to_be_bytes();
    (u16::from_be_bytes([a, b]), u32::from_be_bytes([c, d, e, f]).into())
}

/// A commit that the contract rejected: a stream had moved on, or whoever sent it does not write in its namespace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RejectedCommit {
    /// The transaction.
    pub transaction: [u8; 32],
    /// The commit's index in the transaction's batch.
    pub index: u32,
    /// The first stream that was not where it was expected, or to which the sender may not append.
    pub stream: StreamId,
    /// Where it stands. If that is where it was expected, the right is missing.
    pub actual: StreamHead,
}

/// What a block says about the log, in the order of its logs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogBlock {
    /// The block.
    pub block: BlockRef,
    /// The events appended.
    pub appended: Vec<AppendedEntry>,
    /// The commits rejected.
    pub rejected: Vec<RejectedCommit>,
}

/// The state of the whole log: how long it is, and the hash over everything in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogHead {
    /// The last position; 0 when it is empty.
    pub position: Position,
    /// The running hash.
    pub running_hash: [u8; 32],
}

/// The name of a data subject's key, as it stands in the header of what is sealed under it.
pub type KeyId = [u8; 8];

/// A data subject's key that no database has yet: the row of `data_keys` to insert in the transaction that makes the first
/// commit sealed under it durable, so that nothing is ever appended under a key that is nowhere.
///
/// Until that is known to have happened, every commit under the key carries it: insert with `ON CONFLICT DO NOTHING`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewKey {
    /// Its name.
    pub key_id: KeyId,
    /// Whose data it seals.
    pub subject: SubjectId,
    /// The key, wrapped under the key-encryption key.
    pub wrapped: Vec<u8>,
    /// The key-encryption key.
    pub kek_id: String,
}

/// What became of a commit. Final: it is never taken back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommitOutcome {
    /// It is on the chain at the configured finality, and in the journal and the read models.
    Appended {
        /// The position of its last event.
        position: Position,
        /// How sure the network is.
        finality: Finality,
    },
    /// A stream was not where it was expected. None of the commit's parts was appended, and none will be.
    Rejected {
        /// The first such stream.
        stream: StreamId,
        /// Where it stood.
        actual: StreamHead,
    },
    /// It is on the chain, and void: it means nothing, and never will.
    Void,
    /// Another commit of the same command was accepted before and was not rejected. This one was not taken.
    Duplicate,
    /// It was not accepted, and will not be appended.
    Failed(Unavailable),
    /// It was not accepted, for no transaction can hold it.
    TooLarge,
    /// It was accepted and never will be appended: the contract refuses it, alone and with gas to spare, or it takes more gas than a
    /// transaction may ask for.
    Refused,
    /// It may be durable, and if it is it will be appended or rejected, but not under the eyes of this process: the server is
    /// stopping, or has lost its signing key's lease to another, which goes on with it. Or it is on the chain, and parked. The log will tell.
    HandedOver,
}

/// Where commits are handed over: the appender.
///
/// Commits are appended in the order in which [`CommitLog::append`] takes them. Once it has returned, the log owns the commit: it
/// makes it durable and sees it through, whether or not somebody waits for the ticket. A future of `append` that is dropped
/// before it answers has handed over nothing.
pub trait CommitLog: Send + Sync + 'static {
    /// How a commit is waited for.
    type Ticket: CommitTicket;

    /// Hands a commit over, with the keys that it needs and that may not be durable yet. Waits while the queue is full.
    ///
    /// # Errors
    /// When the log takes no commits now; nothing was handed over.
    fn append(
        &self,
        commit: Commit,
        keys: Vec<NewKey>,
    ) -> impl Future<Output = Result<Self::Ticket, Unavailable>> + Send;
}

/// A commit on its way. Dropping the ticket changes nothing for the commit.
pub trait CommitTicket: Send + 'static {
    /// Waits until the commit and its keys are durable in the outbox (`true`), or it is clear that they never will be (`false`:
    /// [`Self::outcome`] says why).
    fn accepted(&mut self) -> impl Future<Output = bool> + Send;

    /// Waits until it is clear what became of the commit.
    fn outcome(self) -> impl Future<Output = CommitOutcome> + Send;
}
