//! What the program asks the `EventLog` contract.

use application::log::{BlockRef, StreamId};
use serde_json::{Value, json};

use super::block_logs::BlockLogs;
use super::codec::{RawLog, confirm_order, read_logs};
use super::contract::{
    APPENDED, COMMIT_REJECTED, HEAD, NamespaceState, call, namespace_at, read_head, read_namespace, read_writer,
    writer_of,
};
use super::hex::{self, Data, Number};
use super::node::{contract_call, header_calls, linked};
use super::receipt_logs::logs_by_receipts;
use super::rpc::{Answer, Call, ChainError, Peer, read, single};
use super::{Address, BlockId, Hash, Header, Node, Receipt};
use crate::log::{LogBlock, LogHead, Namespace};

/// The contract on its chain. Clones share connections.
#[derive(Clone, Debug)]
pub struct EventLog {
    node: Node,
    address: Address,
    /// Whether the node's list is taken as it is: what it does not list is not read from receipts, and its order is not put right.
    as_listed: bool,
    /// The one stream whose entries are asked for; `None` for all that the contract says.
    stream: Option<StreamId>,
}

/// Consecutive blocks, and where the log stands after the last of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogPage {
    /// Every block of the range, whether or not it has anything for the log. Each is the parent of the next.
    pub blocks: Vec<LogBlock>,
    /// The contract's head after the last of them.
    pub head: LogHead,
}

impl EventLog {
    /// The contract at this address.
    pub const fn new(node: Node, address: Address) -> Self {
        Self {
            node,
            address,
            as_listed: false,
            stream: None,
        }
    }

    /// The same, for whoever judges the node's list: what it does not list is not read in another way, and it is malformed where it has a log twice, or
    /// in another order than the chain's.
    #[must_use]
    pub const fn as_listed(mut self) -> Self {
        self.as_listed = true;
        self
    }

    /// The same, of which the entries of one stream alone are asked for. That lists them, as [`Self::as_listed`]; a log is not followed so, for positions
    /// have gaps then.
    #[must_use]
    pub const fn of_stream(mut self, stream: StreamId) -> Self {
        self.stream = Some(stream);
        self.as_listed()
    }

    /// The node behind it.
    pub const fn node(&self) -> &Node {
        &self.node
    }

    /// Where it stands.
    pub const fn address(&self) -> Address {
        self.address
    }

    /// The head of the log before anything was appended.
    pub fn genesis(&self) -> LogHead {
        LogHead::genesis(self.node.chain_id(), self.address)
    }

    /// The contract's logs in a range of blocks, those without any left out. The fastest way through a long range; whoever uses it
    /// checks the result with the running hash.
    ///
    /// However long the range, it is asked for in pieces that the node gives; one block, if it gives no range, by its hash.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn logs(&self, from: u64, to: u64) -> Result<Vec<BlockLogs>, ChainError> {
        let question = |peer| async move { self.range(&peer, from, to).await };
        self.node.rpc().ask(question).await
    }

    /// Of blocks with logs those that have entries, each with its time: as its logs tell it, or else its header, which is asked for with
    /// those of the others and must be of the same block. What else a header says is left out.
    ///
    /// # Errors
    /// [`ChainError`]; [`ChainError::Inconsistent`] when the chain changed meanwhile.
    pub async fn timed(&self, mut blocks: Vec<BlockLogs>) -> Result<Vec<LogBlock>, ChainError> {
        blocks.retain(|block| !block.appended.is_empty());
        let untold = blocks.iter().filter(|block| block.timestamp.is_none());
        let untold: Vec<_> = untold.map(|block| (block.number, block.hash)).collect();
        let mut headers = self.node.headers_of(&untold).await?.into_iter();
        let timed = |logs: BlockLogs| {
            let told = || headers.next().map(|header| header.block.timestamp);
            let timestamp = logs.timestamp.or_else(told);
            Ok(LogBlock {
                block: BlockRef {
                    number: logs.number,
                    hash: logs.hash,
                    parent_hash: [0; 32],
                    timestamp: timestamp.ok_or_else(|| ChainError::malformed("too few answers"))?,
                },
                appended: logs.appended,
                rejected: logs.rejected,
            })
        };
        blocks.into_iter().map(timed).collect()
    }

    /// A range of blocks with their logs, and the head after the last of them; in one round trip, where the node gives so much. The
    /// last must exist, and the node must still have its state.
    ///
    /// # Errors
    /// [`ChainError`]; [`ChainError::Inconsistent`] when the chain changed meanwhile.
    pub async fn page(&self, from: u64, to: u64) -> Result<LogPage, ChainError> {
        let expected = to.saturating_sub(from).saturating_add(1);
        let question = |peer| async move {
            let (blocks, head) = self.read(&peer, from, to, Some(to)).await?;
            if blocks.len() as u64 != expected {
                return Err(ChainError::Inconsistent("a chain that is shorter than it was"));
            }
            let head = head.ok_or_else(|| ChainError::malformed("too few answers"))?;
            Ok(LogPage { blocks, head })
        };
        self.node.rpc().ask(question).await
    }

    /// The newest block; and the page of the block `next` alone, if that is the newest, from the same round trip. Without the page where
    /// the node does not give so much at once: [`Self::page`] asks for it in its own way, and hears why.
    ///
    /// # Errors
    /// [`ChainError`], when there is no newest block.
    pub async fn newest_with(&self, next: u64) -> Result<(BlockRef, Option<LogPage>), ChainError> {
        let question = |peer| async move { self.look(&peer, next).await };
        self.node.rpc().ask(question).await
    }

    async fn look(&self, peer: &Peer, next: u64) -> Result<(BlockRef, Option<LogPage>), ChainError> {
        let newest = BlockId::Latest.header_call();
        let mut calls = vec![newest.clone(), BlockId::Number(next).header_call()];
        calls.push(self.logs_call(next, next));
        calls.push(contract_call(self.address, &HEAD, BlockId::Number(next)));
        let size = calls.len() as u64;
        let fits = {
            let limits = peer.limits();
            limits.calls.allowed() >= size && limits.blocks.allowed() > 0
        };
        if fits {
            match peer.at_once(&calls).await {
                Ok(answers) => {
                    peer.limits().calls.took(size);
                    let (newest, rest) = answers.split_at_checked(1).unwrap_or_default();
                    let newest = newest_of(newest)?;
                    return Ok((newest, self.next_page(&newest, next, rest)));
                }
                Err(error) if error.may_be_too_much() => {}
                Err(error) => {
                    if error.may_be_too_slow() {
                        peer.limits().calls.refused(size);
                    }
                    return Err(error);
                }
            }
        }
        let newest = newest_of(&peer.at_once(&[newest]).await.map_err(ChainError::owed)?)?;
        if fits {
            peer.limits().calls.refused(size);
        }
        Ok((newest, None))
    }

    /// The page of the newest block, if that is the one that was asked for and everything was answered about it.
    fn next_page(&self, newest: &BlockRef, next: u64, answers: &[Answer]) -> Option<LogPage> {
        let [header, logs, head] = answers else { return None };
        let headers = linked(next, std::slice::from_ref(header)).ok()?;
        if headers.first()?.block != *newest {
            return None;
        }
        let logs = self.within(&read::<Vec<RawLog<'_>>>(logs).ok()?, next, next).ok()?;
        Some(LogPage {
            blocks: joined(headers, logs).ok()?,
            head: read_head_answer(head).ok()?,
        })
    }

    /// A range of blocks with their logs; in one round trip, where the node gives so much. Cut short where the chain ends.
    ///
    /// # Errors
    /// [`ChainError`]; [`ChainError::Inconsistent`] when the chain changed meanwhile.
    pub async fn blocks(&self, from: u64, to: u64) -> Result<Vec<LogBlock>, ChainError> {
        let question = |peer| async move { self.read(&peer, from, to, None).await };
        self.node.rpc().ask(question).await.map(|(blocks, _)| blocks)
    }

    /// Blocks with their logs, and the head after the block `head_at`: at once, if the node gives so much; otherwise one after
    /// another, each in pieces of its own.
    async fn read(
        &self,
        peer: &Peer,
        from: u64,
        to: u64,
        head_at: Option<u64>,
    ) -> Result<(Vec<LogBlock>, Option<LogHead>), ChainError> {
        let header_calls = header_calls(from, to);
        let mut calls = header_calls.clone();
        calls.push(self.logs_call(from, to));
        calls.extend(head_at.map(|block| contract_call(self.address, &HEAD, BlockId::Number(block))));
        let fits = |peer: &Peer| {
            let limits = peer.limits();
            limits.calls.allowed() >= calls.len() as u64 && limits.blocks.allowed() >= header_calls.len() as u64
        };
        let tried = fits(peer);
        if tried {
            match peer.at_once(&calls).await {
                Ok(answers) => {
                    let (headers, rest) = answers.split_at_checked(header_calls.len()).unwrap_or((&answers, &[]));
                    if let [logs, rest @ ..] = rest
                        && let Ok(logs) = read::<Vec<RawLog<'_>>>(logs)
                    {
                        let blocks = joined(linked(from, headers)?, self.within(&logs, from, to)?)?;
                        let head = rest.first().map(read_head_answer).transpose()?;
                        let mut limits = peer.limits();
                        limits.calls.took(calls.len() as u64);
                        limits.blocks.took(header_calls.len() as u64);
                        return Ok((blocks, head));
                    }
                }
                Err(error) if error.may_be_too_much() => {}
                Err(error) => {
                    if error.may_be_too_slow() {
                        peer.limits().calls.refused(calls.len() as u64);
                    }
                    return Err(error);
                }
            }
        }
        let headers = linked(from, &peer.batch(&header_calls).await?)?;
        let logs = self.range(peer, from, to).await?;
        let head = match head_at {
            Some(block) => Some(self.head_of(peer, block).await?),
            None => None,
        };
        if tried && fits(peer) {
            // Each for itself the node gave as it should: it was too much together.
            peer.limits().calls.refused(calls.len() as u64);
        }
        Ok((joined(headers, logs)?, head))
    }

    /// The logs of a range, in pieces that the node gives.
    async fn range(&self, peer: &Peer, from: u64, to: u64) -> Result<Vec<BlockLogs>, ChainError> {
        let mut blocks = Vec::new();
        let mut next = from;
        while next <= to {
            let left = to.saturating_sub(next).saturating_add(1);
            let size = peer.limits().blocks.allowed().min(left);
            let last = next.saturating_add(size.saturating_sub(1));
            let answer = match size {
                0 => self.by_hash(peer, next).await,
                _ => self.piece(peer, next, last).await,
            };
            match answer {
                Ok(logs) => {
                    peer.limits().blocks.took(size);
                    blocks.extend(logs?);
                    next = last.saturating_add(1);
                }
                Err(error) if error.may_be_too_much() => {
                    if !peer.limits().blocks.refused(size) {
                        return Err(error);
                    }
                }
                Err(error) => {
                    if error.may_be_too_slow() {
                        peer.limits().blocks.refused(size);
                    }
                    return Err(error);
                }
            }
        }
        Ok(blocks)
    }

    /// The logs of a range in one request. That the node gave something, and whether that is what was asked for, are two things: less
    /// of what is wrong is wrong too.
    async fn piece(&self, peer: &Peer, from: u64, to: u64) -> Result<Result<Vec<BlockLogs>, ChainError>, ChainError> {
        let call = self.logs_call(from, to);
        let read = |body: &[u8]| Ok(self.within(&single::<Vec<RawLog<'_>>>(body)?, from, to));
        peer.call(call.method, &call.params, &read).await
    }

    /// As [`Self::piece`] for one block, asked for by its hash: what nearly every node gives. Nothing where the chain ends before it.
    async fn by_hash(&self, peer: &Peer, number: u64) -> Result<Result<Vec<BlockLogs>, ChainError>, ChainError> {
        let headers = peer.batch(&header_calls(number, number)).await?;
        match linked(number, &headers)?.first() {
            Some(header) => self.of_block(peer, header.block.hash).await,
            None => Ok(Ok(Vec::new())),
        }
    }

    async fn of_block(&self, peer: &Peer, block: Hash) -> Result<Result<Vec<BlockLogs>, ChainError>, ChainError> {
        let filter = self.filter(json!({ "blockHash": hex::encode(&block) }));
        let read = |body: &[u8]| {
            let logs = single::<Vec<RawLog<'_>>>(body)?;
            Ok(self.read_list(&logs, |_, hash| *hash == block))
        };
        match peer.call("eth_getLogs", [filter], &read).await {
            // One block may have more than a node gives at once. Where it does not give the parts either, its first refusal tells why.
            Err(error) if !self.as_listed && error.may_be_too_much() => {
                match logs_by_receipts(peer, self.address, block).await {
                    Ok(Some(logs)) => Ok(Ok(logs)),
                    Ok(None) | Err(_) => Err(error),
                }
            }
            answer => answer,
        }
    }

    async fn head_of(&self, peer: &Peer, block: u64) -> Result<LogHead, ChainError> {
        let call = contract_call(self.address, &HEAD, BlockId::Number(block));
        match peer.batch(&[call]).await?.as_slice() {
            [answer] => read_head_answer(answer),
            _ => Err(ChainError::malformed("too few answers")),
        }
    }

    fn logs_call(&self, from: u64, to: u64) -> Call {
        Call {
            method: "eth_getLogs",
            params: json!([self.filter(json!({ "fromBlock": Number(from), "toBlock": Number(to) }))]),
        }
    }

    fn within(&self, logs: &[RawLog<'_>], from: u64, to: u64) -> Result<Vec<BlockLogs>, ChainError> {
        self.read_list(logs, |number, _| (from..=to).contains(&number))
    }

    fn read_list(
        &self,
        logs: &[RawLog<'_>],
        within: impl Fn(u64, &Hash) -> bool,
    ) -> Result<Vec<BlockLogs>, ChainError> {
        if self.as_listed {
            confirm_order(logs)?;
        }
        read_logs(logs, self.address, within)
    }

    /// Where the log stands after a block.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn head(&self, at: BlockId) -> Result<LogHead, ChainError> {
        self.view(&call(HEAD, &[]), at, read_head).await
    }

    /// As which writer of a namespace an account writes, if it does.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn writer_of(&self, namespace: Namespace, account: Address) -> Result<Option<u32>, ChainError> {
        self.view(&writer_of(namespace, account), BlockId::Latest, read_writer)
            .await
    }

    /// A namespace, if there is one of that number.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn namespace_at(&self, namespace: Namespace) -> Result<Option<NamespaceState>, ChainError> {
        self.view(&namespace_at(namespace), BlockId::Latest, read_namespace)
            .await
    }

    /// The namespace that a transaction opened, as its block tells.
    ///
    /// # Errors
    /// [`ChainError`].
    pub(super) async fn opened_in(&self, receipt: &Receipt) -> Result<Option<Namespace>, ChainError> {
        let blocks = self.logs(receipt.block_number, receipt.block_number).await?;
        let mut entries = blocks.iter().flat_map(|block| &block.appended);
        let opened = entries.find(|entry| entry.transaction == receipt.transaction);
        Ok(opened
            .and_then(|entry| entry.stream.0.last_chunk())
            .map(|number| Namespace(u32::from_be_bytes(*number))))
    }

    async fn view<T>(&self, data: &[u8], at: BlockId, read: fn(&[u8]) -> Option<T>) -> Result<T, ChainError> {
        let answer = self.node.contract(self.address, data, at).await?;
        read(&answer).ok_or_else(|| ChainError::malformed("not what the contract returns"))
    }

    fn filter(&self, mut range: Value) -> Value {
        if let Some(fields) = range.as_object_mut() {
            fields.insert("address".to_owned(), json!(self.address));
            let topics = match self.stream {
                Some(stream) => json!([APPENDED, hex::encode(&stream.0)]),
                None => json!([[APPENDED, COMMIT_REJECTED]]),
            };
            fields.insert("topics".to_owned(), topics);
        }
        range
    }
}

/// The newest block, which every node has.
fn newest_of(answers: &[Answer]) -> Result<BlockRef, ChainError> {
    let [answer] = answers else {
        return Err(ChainError::malformed("too few answers"));
    };
    let header = BlockId::Latest.read_header(read(answer).map_err(ChainError::owed)?)?;
    let header = header.ok_or(ChainError::Inconsistent("a chain without a newest block"))?;
    Ok(header.block)
}

fn read_head_answer(answer: &Answer) -> Result<LogHead, ChainError> {
    let Data(head) = read(answer)?;
    read_head(&head).ok_or_else(|| ChainError::malformed("a head that is cut short"))
}

/// Puts logs and headers together; both are in order.
fn joined(headers: Vec<Header>, logs: Vec<BlockLogs>) -> Result<Vec<LogBlock>, ChainError> {
    let mut logs = logs.into_iter().peekable();
    // Logs of a block mined between two answers of one batch come with the next page.
    headers
        .into_iter()
        .map(|header| header.block)
        .map(|block| match logs.next_if(|logs| logs.number == block.number) {
            Some(logs) if logs.hash != block.hash => Err(ChainError::Inconsistent("logs of another block")),
            Some(logs) => Ok(LogBlock {
                block,
                appended: logs.appended,
                rejected: logs.rejected,
            }),
            None => Ok(LogBlock {
                block,
                appended: Vec::new(),
                rejected: Vec::new(),
            }),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(number: u64, hash: u8) -> Header {
        Header {
            block: BlockRef {
                number,
                hash: [hash; 32],
                parent_hash: [hash - 1; 32],
                timestamp: number,
            },
            base_fee: None,
            gas_limit: 0,
        }
    }

    fn logs(number: u64, hash: u8) -> BlockLogs {
        BlockLogs {
            number,
            hash: [hash; 32],
            timestamp: None,
            appended: Vec::new(),
            rejected: Vec::new(),
        }
    }

    #[test]
    fn every_block_of_the_range_is_there_with_or_without_logs() {
        let blocks = joined(
            vec![block(1, 1), block(2, 2), block(3, 3)],
            vec![logs(2, 2), logs(4, 4)],
        )
        .unwrap();
        assert_eq!(
            blocks.iter().map(|block| block.block.number).collect::<Vec<_>>(),
            [1, 2, 3]
        );
    }

    #[test]
    fn logs_of_a_block_that_was_replaced_meanwhile_are_a_contradiction() {
        assert!(matches!(
            joined(vec![block(2, 2)], vec![logs(2, 9)]),
            Err(ChainError::Inconsistent(_))
        ));
    }
}
