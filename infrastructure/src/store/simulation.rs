//! A chain, its contract and several servers in memory, for tests: blocks, rejections, lag, reorganisations, strangers.
//!
//! Servers queue their commits; mining takes some from one server's queue into a block and applies the contract's rule to them. Each
//! server has its own follower, which sees blocks late. Outcomes are told at `confirmations` blocks, and blocks above that may be undone:
//! their commits go back to the front of their server's queue, as the appender would append them again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use application::log::{BlockRef, Finality, Position, StreamId};
use application::ports::command::Unavailable;
use application::ports::registry::Trace;
use application::ports::{AcceptanceListener, Progress, ProgressSource};
use domain::kernel::{AggregateRef, CommandId};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;

use super::journal::{Journal, JournalError, Journaled};
use crate::log::{
    AppendedEntry, Commit, CommitLog, CommitOutcome, CommitTicket, JournaledEntry, NewKey, Origin, RejectedCommit,
    StreamPart, StreamTip,
};
use crate::notices::{AppliedEvent, EntryState, Notice, Notices};

/// Numbers that look random and are the same for the same seed.
#[derive(Clone)]
pub(super) struct Seed(u64);

impl Seed {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % limit.max(1) as u64).unwrap()
    }
}

struct Queued {
    server: usize,
    commit: Commit,
    outcome: oneshot::Sender<CommitOutcome>,
}

/// An entry on the chain, where its stream ends after it, and the command that it is of. What no server can open is of none.
type Written = (JournaledEntry, StreamTip, Option<CommandId>);

struct Mined {
    appended: Vec<Written>,
    rejected: Vec<RejectedCommit>,
    commits: Vec<(Option<Queued>, CommitOutcome)>,
}

struct Server {
    queue: VecDeque<Queued>,
    /// How many blocks its follower has applied.
    applied: usize,
    /// Up to which block its tickets are answered.
    answered: usize,
    notices: Notices,
    accepted: HashSet<CommandId>,
    keys: usize,
    reads: usize,
    available: bool,
    /// Whether it can be asked where a command has left a trace.
    readable: bool,
    /// What is journaled right after somebody has asked for a trace of it in vain.
    late: Vec<Commit>,
}

/// A commit for the next block.
struct ToMine {
    commit: Commit,
    /// Who waits for it.
    queued: Option<Queued>,
    /// Whether servers can open it.
    is_authentic: bool,
}

impl ToMine {
    fn of(queued: Queued) -> Self {
        Self {
            commit: queued.commit.clone(),
            queued: Some(queued),
            is_authentic: true,
        }
    }

    /// Of which nobody is told.
    fn authentic(commit: &Commit) -> Self {
        Self {
            commit: commit.clone(),
            queued: None,
            is_authentic: true,
        }
    }

    fn forged(commit: Commit) -> Self {
        Self {
            commit,
            queued: None,
            is_authentic: false,
        }
    }
}

struct State {
    servers: Vec<Server>,
    blocks: Vec<Mined>,
    tips: HashMap<StreamId, StreamTip>,
    held_back: HashSet<StreamId>,
    /// The streams that an erasure has ended.
    ended: HashSet<StreamId>,
    /// Which chapter is open of records that have several.
    chapters: HashMap<StreamId, u16>,
}

/// Chain, contract and servers.
pub(super) struct World {
    state: Mutex<State>,
    confirmations: usize,
}

impl World {
    pub(super) fn new(servers: usize, confirmations: usize) -> Arc<Self> {
        let servers = (0..servers).map(|_| Server {
            queue: VecDeque::new(),
            applied: 0,
            answered: 0,
            notices: Notices::default(),
            accepted: HashSet::new(),
            keys: 0,
            reads: 0,
            available: true,
            readable: true,
            late: Vec::new(),
        });
        let state = State {
            servers: servers.collect(),
            blocks: Vec::new(),
            tips: HashMap::new(),
            held_back: HashSet::new(),
            ended: HashSet::new(),
            chapters: HashMap::new(),
        };
        Arc::new(Self {
            state: Mutex::new(state),
            confirmations,
        })
    }

    pub(super) fn node(self: &Arc<Self>, server: usize) -> Node {
        Node {
            world: Arc::clone(self),
            server,
        }
    }

    pub(super) fn subscribe(&self, server: usize) -> UnboundedReceiver<Arc<Notice>> {
        self.state().servers[server].notices.subscribe()
    }

    /// How many commits wait to be mined.
    pub(super) fn queued(&self, server: usize) -> usize {
        self.state().servers[server].queue.len()
    }

    /// How many new keys came with a server's commits.
    pub(super) fn keys(&self, server: usize) -> usize {
        self.state().servers[server].keys
    }

    /// How often a server's journal was read.
    pub(super) fn reads(&self, server: usize) -> usize {
        self.state().servers[server].reads
    }

    pub(super) fn set_available(&self, server: usize, available: bool) {
        self.state().servers[server].available = available;
    }

    pub(super) fn set_readable(&self, server: usize, readable: bool) {
        self.state().servers[server].readable = readable;
    }

    /// A server's appender gives up everything that it has not put into a block: it may be durable, or not.
    pub(super) fn hand_over(&self, server: usize, durable: bool) {
        let mut state = self.state();
        let server = &mut state.servers[server];
        let queue = std::mem::take(&mut server.queue);
        for queued in queue {
            let Queued {
                server: of,
                commit,
                outcome,
            } = queued;
            let _ = outcome.send(CommitOutcome::HandedOver);
            if durable {
                let (outcome, _) = oneshot::channel();
                server.queue.push_back(Queued {
                    server: of,
                    commit,
                    outcome,
                });
            } else {
                server.accepted.remove(&commit.command_id);
            }
        }
    }

    /// A server's appender gives up everything that it has not put into a block, and all of it is journaled right after it was looked for in vain:
    /// as when it was parked, and somebody else could read it.
    pub(super) fn turn_up_late(&self, server: usize) {
        let mut state = self.state();
        let server = &mut state.servers[server];
        for queued in server.queue.drain(..) {
            let _ = queued.outcome.send(CommitOutcome::HandedOver);
            server.accepted.remove(&queued.commit.command_id);
            server.late.push(queued.commit);
        }
    }

    pub(super) fn hold_back(&self, stream: StreamId) {
        self.state().held_back.insert(stream);
    }

    /// An erasure has ended a stream.
    pub(super) fn end(&self, stream: StreamId) {
        self.state().ended.insert(stream);
    }

    /// This chapter of a record is open.
    pub(super) fn open_chapter(&self, record: StreamId, chapter: u16) {
        self.state().chapters.insert(record, chapter);
    }

    /// Mines the first `count` commits of a server into a block.
    pub(super) fn mine(&self, server: usize, count: usize) {
        let mut state = self.state();
        let count = count.min(state.servers[server].queue.len());
        let batch: Vec<Queued> = state.servers[server].queue.drain(..count).collect();
        state.mine(batch.into_iter().map(ToMine::of).collect());
    }

    /// Mines the first commit of a server twice: as a copy of which nobody is told, and then again, when it is stale.
    pub(super) fn mine_twice(&self, server: usize) {
        let mut state = self.state();
        let queued = state.servers[server].queue.pop_front().unwrap();
        state.mine(vec![ToMine::authentic(&queued.commit)]);
        state.mine(vec![ToMine::of(queued)]);
    }

    /// Mines the first commit of a server as one that nobody can open: behind another payload with the tag of the one that it was sealed for.
    pub(super) fn mine_void(&self, server: usize) {
        let mut state = self.state();
        let queued = state.servers[server].queue.pop_front().unwrap();
        state.mine(vec![ToMine {
            is_authentic: false,
            ..ToMine::of(queued)
        }]);
    }

    /// Mines the first part of the first commit of a server: as a copy of which nobody is told; and then the commit, when it is stale.
    pub(super) fn mine_a_part_before(&self, server: usize) {
        let mut state = self.state();
        let queued = state.servers[server].queue.pop_front().unwrap();
        let mut copy = queued.commit.clone();
        copy.parts.truncate(1);
        state.mine(vec![ToMine::forged(copy)]);
        state.mine(vec![ToMine::of(queued)]);
    }

    /// Mines an event of somebody who is no server here.
    pub(super) fn mine_stranger(&self, stream: StreamId, payload: &[u8]) {
        let mut state = self.state();
        let part = StreamPart {
            stream,
            expected: state.tip(&stream).head(),
            payloads: vec![payload.into()],
        };
        let commit = Commit {
            command_id: CommandId::default(),
            parts: vec![part],
        };
        state.mine(vec![ToMine::forged(commit)]);
    }

    /// Lets a server's follower apply the next block, and answers the tickets that are deep enough.
    pub(super) fn follow(&self, server: usize) {
        self.state().follow(server, self.confirmations);
    }

    /// Undoes the last blocks, no deeper than what was answered.
    pub(super) fn reorganise(&self, depth: usize) {
        let depth = depth.min(self.confirmations);
        let mut state = self.state();
        let answered = state
            .servers
            .iter()
            .map(|server| server.answered)
            .max()
            .unwrap_or_default();
        let keep = state.blocks.len().saturating_sub(depth).max(answered);
        let undone: Vec<Mined> = state.blocks.drain(keep..).collect();
        for (queued, _) in undone
            .into_iter()
            .rev()
            .flat_map(|block| block.commits.into_iter().rev())
        {
            if let Some(queued) = queued {
                let server = queued.server;
                state.servers[server].queue.push_front(queued);
            }
        }
        state.tips = state
            .entries(keep)
            .map(|(written, tip, _)| (written.entry.stream, *tip))
            .collect();
        let position = state.entries(keep).count() as Position;
        for server in &mut state.servers {
            if server.applied > keep {
                server.applied = keep;
                server.notices.publish(Notice::Reverted {
                    to: keep as u64,
                    position,
                });
            }
        }
    }

    /// Mines and follows until nothing is left to do.
    pub(super) fn settle(&self) {
        let mut state = self.state();
        for server in 0..state.servers.len() {
            let batch: Vec<Queued> = state.servers[server].queue.drain(..).collect();
            if !batch.is_empty() {
                state.mine(batch.into_iter().map(ToMine::of).collect());
            }
        }
        // Enough empty blocks for everything to be deep.
        let target = state.blocks.len() + self.confirmations;
        while state.blocks.len() < target {
            state.mine(Vec::new());
        }
        for server in 0..state.servers.len() {
            while state.servers[server].applied < state.blocks.len() {
                state.follow(server, self.confirmations);
            }
        }
    }

    /// One step of one server, or of the chain, by chance.
    pub(super) fn step(&self, seed: &mut Seed) {
        let servers = self.state().servers.len();
        let server = seed.below(servers);
        match seed.below(10) {
            0..4 => self.mine(server, 1 + seed.below(5)),
            // As many as it takes on average to keep up with the chain.
            4..9 => (0..=seed.below(5)).for_each(|_| self.follow(server)),
            _ if self.confirmations > 0 => self.reorganise(1 + seed.below(self.confirmations)),
            _ => {}
        }
        if self.confirmations > 0 && seed.below(3) == 0 {
            self.state().mine(Vec::new());
        }
    }

    /// Every command that has events on the chain, in order, with their positions.
    pub(super) fn commands(&self) -> Vec<(Position, CommandId)> {
        let state = self.state();
        state
            .entries(state.blocks.len())
            .filter_map(|(written, _, command)| Some((written.entry.position, (*command)?)))
            .collect()
    }

    /// A stream's entries on the chain that somebody can open.
    pub(super) fn chain(&self, stream: &StreamId) -> Vec<JournaledEntry> {
        let state = self.state();
        let entries = state
            .entries(state.blocks.len())
            .filter(|(written, _, command)| written.entry.stream == *stream && command.is_some());
        entries.map(|(written, ..)| written.clone()).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn entries(&self, blocks: usize) -> impl Iterator<Item = &Written> {
        self.blocks[..blocks].iter().flat_map(|block| &block.appended)
    }

    fn tip(&self, stream: &StreamId) -> StreamTip {
        self.tips.get(stream).copied().unwrap_or_default()
    }

    /// The contract.
    fn mine(&mut self, commits: Vec<ToMine>) {
        let mut position = self.entries(self.blocks.len()).count() as Position;
        let mut block = Mined {
            appended: Vec::new(),
            rejected: Vec::new(),
            commits: Vec::new(),
        };
        for (index, to_mine) in commits.into_iter().enumerate() {
            let ToMine {
                commit,
                queued,
                is_authentic,
            } = to_mine;
            let head = |stream| self.tip(&stream).head();
            let stale = commit
                .parts
                .iter()
                .find(|part| head(part.stream) != part.expected)
                .map(|part| part.stream);
            let outcome = if let Some(stream) = stale {
                let actual = head(stream);
                let index = u32::try_from(index).unwrap();
                block.rejected.push(RejectedCommit {
                    transaction: [0; 32],
                    index,
                    stream,
                    actual,
                });
                CommitOutcome::Rejected { stream, actual }
            } else {
                let count = commit.parts.iter().map(|part| part.payloads.len()).sum::<usize>();
                let mut origins = (0..).map(|index| Origin {
                    count: count.try_into().unwrap(),
                    index,
                    writer: 1,
                });
                for part in &commit.parts {
                    let before = self.tip(&part.stream);
                    let mut tip = before;
                    for payload in &part.payloads {
                        position += 1;
                        tip = tip.after(payload);
                        let entry = AppendedEntry {
                            stream: part.stream,
                            version: tip.version,
                            position,
                            origin: origins.next().unwrap(),
                            payload: Arc::clone(payload),
                            transaction: [0; 32],
                        };
                        let before = before.hash;
                        let command = is_authentic.then_some(commit.command_id);
                        block.appended.push((
                            JournaledEntry {
                                entry,
                                before,
                                chapter: 0,
                            },
                            tip,
                            command,
                        ));
                    }
                    self.tips.insert(part.stream, tip);
                }
                if is_authentic {
                    CommitOutcome::Appended {
                        position,
                        finality: Finality::Final,
                    }
                } else {
                    CommitOutcome::Void
                }
            };
            block.commits.push((queued, outcome));
        }
        self.blocks.push(block);
    }

    fn follow(&mut self, server: usize, confirmations: usize) {
        let applied = self.servers[server].applied;
        if applied == self.blocks.len() {
            return;
        }
        let position = self.entries(applied + 1).count() as Position;
        let block = &self.blocks[applied];
        let appended = block.appended.iter().map(|(written, tip, command)| AppliedEvent {
            stream: written.entry.stream,
            tip: *tip,
            position: written.entry.position,
            transaction: [0; 32],
            command_id: *command,
            state: match command {
                Some(_) => EntryState::Applied,
                None => EntryState::Void,
            },
        });
        let number = applied as u64 + 1;
        let notice = Notice::Applied {
            block: BlockRef {
                number,
                hash: [0; 32],
                parent_hash: [0; 32],
                timestamp: number,
            },
            appended: appended.collect(),
            rejected: block.rejected.clone(),
            position,
        };
        self.servers[server].applied += 1;
        self.servers[server].notices.publish(notice);
        let answered = (applied + 1).saturating_sub(confirmations);
        if answered > self.servers[server].answered {
            let position = self.entries(answered).count() as Position;
            self.servers[server].notices.publish(Notice::Finalized {
                block: answered as u64,
                position,
            });
        }
        while self.servers[server].answered + confirmations < self.servers[server].applied {
            let answered = self.servers[server].answered;
            self.servers[server].answered += 1;
            for (queued, outcome) in &mut self.blocks[answered].commits {
                if let Some(own) = queued.take_if(|queued| queued.server == server) {
                    let _ = own.outcome.send(*outcome);
                    if matches!(outcome, CommitOutcome::Rejected { .. } | CommitOutcome::Void) {
                        self.servers[server].accepted.remove(&own.commit.command_id);
                    }
                }
            }
        }
    }
}

/// One server's appender, journal and progress.
#[derive(Clone)]
pub(super) struct Node {
    world: Arc<World>,
    server: usize,
}

/// A ticket of the simulation.
pub(super) struct Ticket(oneshot::Receiver<CommitOutcome>);

impl CommitTicket for Ticket {
    async fn accepted(&mut self) -> bool {
        true
    }

    async fn outcome(self) -> CommitOutcome {
        self.0.await.unwrap_or(CommitOutcome::Failed(Unavailable::Stopping))
    }
}

impl CommitLog for Node {
    type Ticket = Ticket;

    async fn append(&self, commit: Commit, keys: Vec<NewKey>) -> Result<Ticket, Unavailable> {
        tokio::task::yield_now().await;
        let mut state = self.world.state();
        let server = &mut state.servers[self.server];
        if !server.available {
            return Err(Unavailable::Chain);
        }
        let (outcome, ticket) = oneshot::channel();
        if server.accepted.insert(commit.command_id) {
            server.keys += keys.len();
            server.queue.push_back(Queued {
                server: self.server,
                commit,
                outcome,
            });
        } else {
            let _ = outcome.send(CommitOutcome::Duplicate);
        }
        Ok(Ticket(ticket))
    }
}

impl Journal for Node {
    async fn read(&self, _: &AggregateRef, stream: &StreamId) -> Result<Option<Journaled>, JournalError> {
        let journaled = {
            let mut state = self.world.state();
            state.servers[self.server].reads += 1;
            let entries = state.entries(state.servers[self.server].applied);
            let of_stream: Vec<_> = entries
                .filter(|(written, ..)| written.entry.stream == *stream)
                .collect();
            let opened = of_stream.iter().filter(|(.., command)| command.is_some());
            of_stream.last().map(|(last, tip, _)| Journaled {
                tip: *tip,
                position: last.entry.position,
                has_begun: opened.clone().next().is_some(),
                is_held_back: state.held_back.contains(stream),
                has_ended: state.ended.contains(stream),
                entries: opened.map(|(written, ..)| written.clone()).collect(),
                members: None,
            })
        };
        // What was read is on its way for a while; meanwhile the world goes on.
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        Ok(journaled)
    }

    async fn tips(&self, streams: &[StreamId]) -> Result<Vec<StreamTip>, JournalError> {
        let state = self.world.state();
        let applied = state.servers[self.server].applied;
        let tip = |stream: &StreamId| {
            let of_stream = state
                .entries(applied)
                .filter(|(written, ..)| written.entry.stream == *stream);
            let tip = of_stream.last().map_or_else(StreamTip::default, |(_, tip, _)| *tip);
            tip.in_record(state.chapters.get(stream).copied().unwrap_or_default())
        };
        Ok(streams.iter().map(tip).collect())
    }

    async fn trace(&self, command: CommandId) -> Result<Trace, JournalError> {
        let mut state = self.world.state();
        let server = &mut state.servers[self.server];
        if !server.readable {
            return Err(JournalError::Unavailable("no database".into()));
        }
        let late = std::mem::take(&mut server.late);
        if !late.is_empty() {
            state.mine(late.iter().map(ToMine::authentic).collect());
            state.follow(self.server, self.world.confirmations);
            return Ok(Trace::None);
        }
        let server = &state.servers[self.server];
        let entries = state.entries(server.applied);
        let position = entries
            .filter(|(.., id)| *id == Some(command))
            .map(|(written, ..)| written.entry.position)
            .max();
        Ok(match position {
            Some(position) => Trace::Journaled { position },
            None if server.accepted.contains(&command) => Trace::Outbox,
            None => Trace::None,
        })
    }

    async fn holds(&self, command: CommandId) -> Result<bool, JournalError> {
        let state = self.world.state();
        let applied = state.servers[self.server].applied;
        let mut entries = state.entries(applied);
        Ok(entries.any(|(.., id)| *id == Some(command)))
    }

    async fn streams_after(&self, position: Position) -> Result<Vec<(Position, StreamId)>, JournalError> {
        let state = self.world.state();
        let entries = state
            .entries(state.servers[self.server].applied)
            .map(|(written, ..)| &written.entry);
        let began = entries.filter(|entry| entry.version == 1 && entry.position > position);
        Ok(began.map(|entry| (entry.position, entry.stream)).take(3).collect())
    }
}

impl ProgressSource for Node {
    fn progress(&self) -> Progress {
        let state = self.world.state();
        let server = &state.servers[self.server];
        Progress {
            position: state.entries(server.applied).count() as Position,
            block: server.applied as u64,
            final_block: server.answered as u64,
            final_position: state.entries(server.answered).count() as Position,
        }
    }
}

/// Remembers what was accepted.
#[derive(Default)]
pub(super) struct Accepted(Mutex<Vec<CommandId>>);

impl Accepted {
    pub(super) fn commands(&self) -> Vec<CommandId> {
        self.0.lock().unwrap().clone()
    }
}

impl AcceptanceListener for Accepted {
    fn accepted(&self, command: CommandId) {
        self.0.lock().unwrap().push(command);
    }
}
