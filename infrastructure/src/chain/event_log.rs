//! What the program asks the `EventLog` contract.

use application::log::{BlockRef, StreamId};
use serde_json::{Value, json};

use super::codec::{RawLog, read_logs};
use super::contract::{
    APPENDED, COMMIT_REJECTED, HEAD, call, head_of, is_administrator, is_writer, read_bool, read_head, read_head_of,
};
use super::hex::{self, Data, Number};
use super::node::{contract_call, linked};
use super::rpc::{Call, ChainError, read, single};
use super::{Address, BlockId, Hash, Node};
use crate::log::{AppendedEntry, LogBlock, LogHead, RejectedCommit, StreamHead};

/// The contract on its chain. Clones share connections.
#[derive(Clone, Debug)]
pub struct EventLog {
    node: Node,
    address: Address,
}

/// What one block says about the log, without the block's header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockLogs {
    /// The block's number.
    pub number: u64,
    /// The block's hash.
    pub hash: Hash,
    /// The events appended, in order.
    pub appended: Vec<AppendedEntry>,
    /// The commits rejected, in order.
    pub rejected: Vec<RejectedCommit>,
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
        Self { node, address }
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
    /// # Errors
    /// [`ChainError`].
    pub async fn logs(&self, from: u64, to: u64) -> Result<Vec<BlockLogs>, ChainError> {
        let filter = self.filter(json!({ "fromBlock": Number(from), "toBlock": Number(to) }));
        self.read_logs(filter, |number, _| (from..=to).contains(&number)).await
    }

    /// The contract's logs in one block; `None` when it has none. A node that does not know the block refuses.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn logs_of(&self, block: Hash) -> Result<Option<BlockLogs>, ChainError> {
        let filter = self.filter(json!({ "blockHash": hex::encode(&block) }));
        self.read_logs(filter, |_, hash| *hash == block)
            .await
            .map(|mut blocks| blocks.pop())
    }

    /// A range of blocks with their logs, and the head after the last of them, in one round trip. The last must exist, and the
    /// node must still have its state.
    ///
    /// # Errors
    /// [`ChainError`]; [`ChainError::Inconsistent`] when the chain changed meanwhile.
    pub async fn page(&self, from: u64, to: u64) -> Result<LogPage, ChainError> {
        let range = json!({ "fromBlock": Number(from), "toBlock": Number(to) });
        let mut calls: Vec<_> = (from..=to)
            .map(|number| BlockId::Number(number).header_call())
            .collect();
        let headers = calls.len();
        calls.push(Call {
            method: "eth_getLogs",
            params: json!([self.filter(range)]),
        });
        calls.push(contract_call(self.address, &HEAD, BlockId::Number(to)));
        self.node
            .rpc()
            .batch(&calls, |answers| {
                let (headers, rest) = answers.split_at_checked(headers).unwrap_or((answers, &[]));
                let [logs, head] = rest else {
                    return Err(ChainError::malformed("too few answers"));
                };
                let expected = headers.len();
                let headers: Vec<BlockRef> = linked(from, headers)?.iter().map(|header| header.block).collect();
                if headers.len() != expected {
                    return Err(ChainError::Inconsistent("a chain that is shorter than it was"));
                }
                let logs: Vec<RawLog<'_>> = read(logs)?;
                let logs = read_logs(&logs, self.address, |number, _| (from..=to).contains(&number))?;
                let Data(head) = read(head)?;
                let head = read_head(&head).ok_or_else(|| ChainError::malformed("a head that is cut short"))?;
                Ok(LogPage {
                    blocks: joined(headers, logs)?,
                    head,
                })
            })
            .await
    }

    /// A range of blocks with their logs, in one round trip. Cut short where the chain ends.
    ///
    /// # Errors
    /// [`ChainError`]; [`ChainError::Inconsistent`] when the chain changed meanwhile.
    pub async fn blocks(&self, from: u64, to: u64) -> Result<Vec<LogBlock>, ChainError> {
        let range = json!({ "fromBlock": Number(from), "toBlock": Number(to) });
        let mut calls: Vec<_> = (from..=to)
            .map(|number| BlockId::Number(number).header_call())
            .collect();
        calls.push(Call {
            method: "eth_getLogs",
            params: json!([self.filter(range)]),
        });
        self.node
            .rpc()
            .batch(&calls, |answers| {
                let (logs, headers) = answers
                    .split_last()
                    .ok_or_else(|| ChainError::malformed("too few answers"))?;
                let headers: Vec<BlockRef> = linked(from, headers)?.iter().map(|header| header.block).collect();
                let logs: Vec<RawLog<'_>> = read(logs)?;
                let logs = read_logs(&logs, self.address, |number, _| (from..=to).contains(&number))?;
                joined(headers, logs)
            })
            .await
    }

    /// Where the log stands after a block.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn head(&self, at: BlockId) -> Result<LogHead, ChainError> {
        self.view(&call(HEAD, &[]), at, read_head).await
    }

    /// Where a stream stands after a block.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn head_of(&self, stream: StreamId, at: BlockId) -> Result<StreamHead, ChainError> {
        self.view(&head_of(stream), at, read_head_of).await
    }

    /// Whether an account may append.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn is_writer(&self, account: Address) -> Result<bool, ChainError> {
        self.view(&is_writer(account), BlockId::Latest, read_bool).await
    }

    /// Whether an account may say who appends.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn is_administrator(&self, account: Address) -> Result<bool, ChainError> {
        self.view(&is_administrator(account), BlockId::Latest, read_bool).await
    }

    async fn view<T>(&self, data: &[u8], at: BlockId, read: fn(&[u8]) -> Option<T>) -> Result<T, ChainError> {
        let answer = self.node.contract(self.address, data, at).await?;
        read(&answer).ok_or_else(|| ChainError::malformed("not what the contract returns"))
    }

    fn filter(&self, mut range: Value) -> Value {
        if let Some(fields) = range.as_object_mut() {
            fields.insert("address".to_owned(), json!(self.address));
            fields.insert("topics".to_owned(), json!([[APPENDED, COMMIT_REJECTED]]));
        }
        range
    }

    async fn read_logs(
        &self,
        filter: Value,
        within: impl Fn(u64, &Hash) -> bool,
    ) -> Result<Vec<BlockLogs>, ChainError> {
        self.node
            .rpc()
            .call_borrowed("eth_getLogs", [filter], |body| {
                read_logs(&single::<Vec<RawLog<'_>>>(body)?, self.address, &within)
            })
            .await
    }
}

/// Puts logs and headers together; both are in order.
fn joined(headers: Vec<BlockRef>, logs: Vec<BlockLogs>) -> Result<Vec<LogBlock>, ChainError> {
    let mut logs = logs.into_iter().peekable();
    // Logs of a block mined between two answers of one batch come with the next page.
    headers
        .into_iter()
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

    fn block(number: u64, hash: u8) -> BlockRef {
        BlockRef {
            number,
            hash: [hash; 32],
            parent_hash: [hash - 1; 32],
            timestamp: number,
        }
    }

    fn logs(number: u64, hash: u8) -> BlockLogs {
        BlockLogs {
            number,
            hash: [hash; 32],
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
