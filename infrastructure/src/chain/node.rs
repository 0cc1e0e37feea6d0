//! What the program asks a node. Answers are checked before they are handed on.

use application::log::BlockRef;
use serde::Deserialize;
use serde_json::{Value, json};

use super::hex::{AsHex, Data, Fixed, Number, Quantity};
use super::rpc::{Answer, Call, ChainError, RpcClient, RpcOptions, read};
use super::{Address, Hash, hex, keccak256};

/// A node, or several of one chain that stand in for each other. Clones share connections.
#[derive(Clone, Debug)]
pub struct Node {
    rpc: RpcClient,
    chain_id: u64,
}

/// Which block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BlockId {
    /// The newest one.
    Latest,
    /// The newest one that the network calls final.
    Finalized,
    /// By number.
    Number(u64),
    /// By hash.
    Hash(Hash),
}

/// Who used a nonce, as a block says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NonceUse {
    /// The block's hash.
    pub block_hash: Hash,
    /// The transaction.
    pub transaction: Hash,
    /// Whom it calls; `None` where it makes a contract.
    pub to: Option<Address>,
    /// keccak-256 of what it says there.
    pub data: Hash,
}

impl NonceUse {
    /// Whether it does what this transaction would.
    pub fn is_same_call(&self, to: Address, data: &[u8]) -> bool {
        self.to == Some(to) && self.data == keccak256(data)
    }
}

/// A block's header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// The block.
    pub block: BlockRef,
    /// What a unit of gas costs at least in it; `None` on a chain without EIP-1559.
    pub base_fee: Option<u128>,
    /// How much gas its transactions may use together.
    pub gas_limit: u64,
}

/// What a unit of gas costs now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Fees {
    /// The base fee of the newest block, in wei.
    pub base: u128,
    /// What the node suggests for the block's producer, in wei.
    pub priority: u128,
}

impl Fees {
    /// What a node's answers come to: the newest block's base fee, the suggestion for its producer, and the price of gas in all. Where one
    /// is missing the others tell it; where nothing is said gas is free.
    fn told(base: Option<u128>, priority: Option<u128>, price: Option<u128>) -> Self {
        let price = price.unwrap_or_default();
        let base = base.unwrap_or_else(|| price.saturating_sub(priority.unwrap_or_default()));
        Self {
            base,
            priority: priority.unwrap_or_else(|| price.saturating_sub(base)),
        }
    }

    /// These fees, for an account with this balance and a transaction with this gas limit: where gas itself costs nothing, its producer is
    /// offered no more than the account can pay. On such a chain accounts need no ether.
    #[must_use]
    pub fn affordable(self, balance: u128, gas_limit: u64) -> Self {
        match self.base {
            0 => Self {
                priority: self.priority.min(balance / u128::from(gas_limit.max(1))),
                ..self
            },
            _ => self,
        }
    }
}

/// What became of a transaction that is in a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// The transaction.
    pub transaction: Hash,
    /// The block's number.
    pub block_number: u64,
    /// The block's hash.
    pub block_hash: Hash,
    /// Whether it did what it should; otherwise it was reverted.
    pub succeeded: bool,
    /// The gas that it used.
    pub gas_used: u64,
    /// The contract that it deployed, if it did.
    pub contract: Option<Address>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawHeader {
    number: Number,
    hash: Fixed<32>,
    parent_hash: Fixed<32>,
    timestamp: Number,
    base_fee_per_gas: Option<Quantity>,
    gas_limit: Number,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawReceipt {
    transaction_hash: Fixed<32>,
    block_number: Number,
    block_hash: Fixed<32>,
    status: Number,
    gas_used: Number,
    contract_address: Option<Address>,
}

#[derive(Deserialize)]
struct RawBlock {
    number: Number,
    hash: Fixed<32>,
    transactions: Vec<RawTransaction>,
}

#[derive(Deserialize)]
struct RawTransaction {
    hash: Fixed<32>,
    from: Address,
    nonce: Number,
    to: Option<Address>,
    input: Data,
}

impl BlockId {
    /// As `eth_call` and the like take it: a hash as EIP-1898 has it.
    pub(super) fn parameter(self) -> Value {
        match self {
            Self::Hash(hash) => json!({ "blockHash": hex::encode(&hash) }),
            _ => self.tag(),
        }
    }

    fn tag(self) -> Value {
        match self {
            Self::Latest => json!("latest"),
            Self::Finalized => json!("finalized"),
            Self::Number(number) => json!(Number(number)),
            Self::Hash(hash) => json!(hex::encode(&hash)),
        }
    }

    /// The call that asks for the header.
    pub(super) fn header_call(self) -> Call {
        let method = match self {
            Self::Hash(_) => "eth_getBlockByHash",
            _ => "eth_getBlockByNumber",
        };
        Call {
            method,
            params: json!([self.tag(), false]),
        }
    }

    pub(super) fn read_header(self, raw: Option<RawHeaderAnswer>) -> Result<Option<Header>, ChainError> {
        let Some(RawHeaderAnswer(raw)) = raw else {
            return Ok(None);
        };
        let block = BlockRef {
            number: raw.number.0,
            hash: raw.hash.0,
            parent_hash: raw.parent_hash.0,
            timestamp: raw.timestamp.0,
        };
        let asked = match self {
            Self::Number(number) => block.number == number,
            Self::Hash(hash) => block.hash == hash,
            Self::Latest | Self::Finalized => true,
        };
        if !asked {
            return Err(ChainError::malformed("another block than the one that was asked for"));
        }
        let base_fee = raw.base_fee_per_gas.map(|fee| fee.0);
        Ok(Some(Header {
            block,
            base_fee,
            gas_limit: raw.gas_limit.0,
        }))
    }
}

/// A header as the node writes it.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct RawHeaderAnswer(RawHeader);

/// The call that asks a contract.
pub(super) fn contract_call(to: Address, data: &[u8], at: BlockId) -> Call {
    Call {
        method: "eth_call",
        params: json!([{ "to": to, "data": hex::encode(data) }, at.parameter()]),
    }
}

impl Node {
    /// Nodes of the chain with this id, the preferred one first. Nothing is sent yet; each node's chain id is checked before its
    /// first answer is used.
    ///
    /// # Errors
    /// When there is no URL, or one is not of HTTP.
    pub fn new(urls: &[String], chain_id: u64, options: RpcOptions) -> Result<Self, ChainError> {
        Ok(Self {
            rpc: RpcClient::new(urls, Some(chain_id), options)?,
            chain_id,
        })
    }

    /// Nodes of whatever chain the first that answers is on.
    ///
    /// # Errors
    /// When none answers.
    pub async fn discover(urls: &[String], options: RpcOptions) -> Result<Self, ChainError> {
        let Number(chain_id) = RpcClient::new(urls, None, options)?
            .call("eth_chainId", [(); 0])
            .await?;
        Self::new(urls, chain_id, options)
    }

    /// The node behind a client that was made by hand, on the chain with this id.
    pub const fn behind(rpc: RpcClient, chain_id: u64) -> Self {
        Self { rpc, chain_id }
    }

    /// The chain.
    pub const fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// The client, for methods that are not here.
    pub const fn rpc(&self) -> &RpcClient {
        &self.rpc
    }

    /// How many nodes stand in for each other.
    pub fn count(&self) -> usize {
        self.rpc.nodes()
    }

    /// Whoever is asked first now is not believed, and why: if there are several nodes, another one is asked first from now on.
    pub fn distrust(&self, why: &str) {
        self.rpc.leave(self.rpc.first(), why);
    }

    /// Which node is asked first, as counted by [`Self::each`].
    pub fn first(&self) -> usize {
        self.rpc.first()
    }

    /// As [`Self::distrust`], for any node.
    pub fn leave(&self, node: usize, why: &str) {
        self.rpc.leave(node, why);
    }

    /// Whether a node was left.
    pub fn is_left(&self, node: usize) -> bool {
        self.rpc.is_left(node)
    }

    /// Whether a node was left so long ago that it may come back, if it is seen to be well.
    pub fn may_return(&self, node: usize) -> bool {
        self.rpc.may_return(node)
    }

    /// A node was seen to be well: it has its place again.
    pub fn welcome(&self, node: usize) {
        self.rpc.welcome(node);
    }

    /// The nodes that were left for another one, each with the reason, in a sentence.
    pub fn left(&self) -> Vec<String> {
        self.rpc.left()
    }

    /// The nodes, each by itself, in the order of the configuration.
    pub fn each(&self) -> Vec<Self> {
        let each = self.rpc.each().into_iter();
        each.map(|rpc| Self {
            rpc,
            chain_id: self.chain_id,
        })
        .collect()
    }

    /// The nodes other than the one that is asked first now, each by itself.
    pub fn others(&self) -> Vec<Self> {
        let first = self.rpc.first();
        let each = self.each().into_iter().enumerate();
        each.filter(|(index, _)| *index != first)
            .map(|(_, node)| node)
            .collect()
    }

    /// The number of the newest block.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn block_number(&self) -> Result<u64, ChainError> {
        self.rpc
            .demand("eth_blockNumber", [(); 0], |Number(number)| Ok(number))
            .await
    }

    /// The header of a block; `None` when there is no such block.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn header(&self, id: BlockId) -> Result<Option<Header>, ChainError> {
        let call = id.header_call();
        let read = |raw| id.read_header(raw);
        match id {
            BlockId::Latest => self.rpc.demand(call.method, &call.params, read).await,
            _ => self.rpc.call_with(call.method, &call.params, read).await,
        }
    }

    /// The headers of a range of blocks, in order; cut short where the chain ends. Each is the parent of the next.
    ///
    /// # Errors
    /// [`ChainError`]; [`ChainError::Inconsistent`] when the chain changed meanwhile.
    pub async fn headers(&self, from: u64, to: u64) -> Result<Vec<Header>, ChainError> {
        self.rpc
            .batch(&header_calls(from, to), |answers| linked(from, answers))
            .await
    }

    /// The headers of blocks of which number and hash are known, in the order asked.
    ///
    /// # Errors
    /// [`ChainError`]; [`ChainError::Inconsistent`] when a block is not there, or its number is another block's now.
    pub async fn headers_of(&self, blocks: &[(u64, Hash)]) -> Result<Vec<Header>, ChainError> {
        let ids = || blocks.iter().map(|(number, _)| BlockId::Number(*number));
        let calls: Vec<Call> = ids().map(BlockId::header_call).collect();
        let read_all = |answers: &[Answer]| {
            let headers = ids().zip(answers).map(|(id, answer)| id.read_header(read(answer)?));
            let headers = headers.collect::<Result<Vec<_>, _>>()?;
            let found = headers.into_iter().flatten();
            let found: Vec<_> = found
                .zip(blocks)
                .filter(|(header, (_, hash))| header.block.hash == *hash)
                .collect();
            if found.len() == blocks.len() {
                Ok(found.into_iter().map(|(header, _)| header).collect())
            } else {
                Err(ChainError::Inconsistent("a block that was replaced"))
            }
        };
        if blocks.is_empty() {
            return Ok(Vec::new());
        }
        self.rpc.batch(&calls, read_all).await
    }

    /// How many transactions of this account are in blocks up to the newest: its next nonce.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn nonce(&self, account: Address) -> Result<u64, ChainError> {
        self.transaction_count(account, "latest").await
    }

    /// As [`Self::nonce`], with those that the node's pool would put into the next block.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn pending_nonce(&self, account: Address) -> Result<u64, ChainError> {
        self.transaction_count(account, "pending").await
    }

    /// How many transactions of this account are in blocks up to this one.
    ///
    /// # Errors
    /// [`ChainError`]; also when the node has forgotten the state of that block.
    pub async fn nonce_at(&self, account: Address, block: BlockId) -> Result<u64, ChainError> {
        self.transaction_count(account, block.parameter()).await
    }

    async fn transaction_count(&self, account: Address, at: impl serde::Serialize) -> Result<u64, ChainError> {
        self.rpc
            .call::<Number>("eth_getTransactionCount", (account, at))
            .await
            .map(|count| count.0)
    }

    /// What an account has, in wei; at most what 128 bits hold.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn balance(&self, account: Address) -> Result<u128, ChainError> {
        self.rpc
            .call::<Quantity>("eth_getBalance", (account, "latest"))
            .await
            .map(|balance| balance.0)
    }

    /// Hands a signed transaction to the node, and answers with its hash. That is no promise: a node may forget it.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn send_raw(&self, raw: &[u8]) -> Result<Hash, ChainError> {
        self.rpc
            .call::<Fixed<32>>("eth_sendRawTransaction", [AsHex(raw)])
            .await
            .map(|hash| hash.0)
    }

    /// The receipts of transactions, in the order asked; `None` for each that is in no block.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn receipts(&self, transactions: &[Hash]) -> Result<Vec<Option<Receipt>>, ChainError> {
        let calls: Vec<_> = transactions
            .iter()
            .map(|hash| Call {
                method: "eth_getTransactionReceipt",
                params: json!([hex::encode(hash)]),
            })
            .collect();
        self.rpc
            .batch(&calls, |answers| {
                transactions
                    .iter()
                    .zip(answers)
                    .map(|(hash, answer)| {
                        let Some(raw) = read::<Option<RawReceipt>>(answer)? else {
                            return Ok(None);
                        };
                        if raw.transaction_hash.0 != *hash || raw.status.0 > 1 {
                            return Err(ChainError::malformed("the receipt of another transaction"));
                        }
                        Ok(Some(Receipt {
                            transaction: *hash,
                            block_number: raw.block_number.0,
                            block_hash: raw.block_hash.0,
                            succeeded: raw.status.0 == 1,
                            gas_used: raw.gas_used.0,
                            contract: raw.contract_address,
                        }))
                    })
                    .collect()
            })
            .await
    }

    /// What gas costs now. Nodes of chains without fees answer some of it with an error or nothing, or leave it out of their blocks.
    ///
    /// # Errors
    /// [`ChainError`], when there is no newest block.
    pub async fn fees(&self) -> Result<Fees, ChainError> {
        let asks = |method| Call {
            method,
            params: json!([]),
        };
        let calls = [
            BlockId::Latest.header_call(),
            asks("eth_maxPriorityFeePerGas"),
            asks("eth_gasPrice"),
        ];
        self.rpc
            .batch(&calls, |answers| {
                let [header, priority, price] = answers else {
                    return Err(ChainError::malformed("not three answers"));
                };
                let header = BlockId::Latest.read_header(read(header)?)?;
                let header = header.ok_or_else(|| ChainError::malformed("no newest block"))?;
                let said = |answer| read::<Quantity>(answer).ok().map(|quantity| quantity.0);
                Ok(Fees::told(header.base_fee, said(priority), said(price)))
            })
            .await
    }

    /// The code at an address; empty when there is none.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn code(&self, address: Address) -> Result<Vec<u8>, ChainError> {
        self.rpc
            .call::<Data>("eth_getCode", (address, "latest"))
            .await
            .map(|code| code.0)
    }

    /// Asks a contract, without a transaction.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn contract(&self, to: Address, data: &[u8], at: BlockId) -> Result<Vec<u8>, ChainError> {
        let call = contract_call(to, data, at);
        self.rpc
            .call::<Data>(call.method, &call.params)
            .await
            .map(|answer| answer.0)
    }

    /// The transaction of a block that used this nonce of an account; `None` when the block has none, or there is no such block.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn use_of_nonce(&self, account: Address, nonce: u64, block: u64) -> Result<Option<NonceUse>, ChainError> {
        let read = |raw: Option<RawBlock>| {
            let Some(raw) = raw else { return Ok(None) };
            if raw.number.0 != block {
                return Err(ChainError::malformed("another block than the one that was asked for"));
            }
            let ours = |sent: &&RawTransaction| sent.from == account && sent.nonce.0 == nonce;
            Ok(raw.transactions.iter().find(ours).map(|sent| NonceUse {
                block_hash: raw.hash.0,
                transaction: sent.hash.0,
                to: sent.to,
                data: keccak256(&sent.input.0),
            }))
        };
        self.rpc
            .call_with("eth_getBlockByNumber", (Number(block), true), read)
            .await
    }

    /// Asks a contract what a transaction of this account would come to, without sending it: with this much gas, or as much as the node
    /// gives.
    ///
    /// # Errors
    /// [`ChainError`]; [`ChainError::Rpc`] when it would be reverted, with what the contract gives back.
    pub async fn try_call(
        &self,
        from: Address,
        to: Address,
        data: &[u8],
        gas: Option<u64>,
        at: BlockId,
    ) -> Result<(), ChainError> {
        let mut call = json!({ "from": from, "to": to, "data": hex::encode(data) });
        if let (Some(gas), Some(fields)) = (gas, call.as_object_mut()) {
            fields.insert("gas".to_owned(), json!(Number(gas)));
        }
        self.rpc
            .call::<Data>("eth_call", (call, at.parameter()))
            .await
            .map(drop)
    }

    /// How much gas a transaction would use now.
    ///
    /// # Errors
    /// [`ChainError`]; [`ChainError::Rpc`] when it would be reverted.
    pub async fn estimate_gas(&self, from: Address, to: Option<Address>, data: &[u8]) -> Result<u64, ChainError> {
        let mut request = json!({ "from": from, "data": hex::encode(data) });
        if let (Some(to), Some(fields)) = (to, request.as_object_mut()) {
            fields.insert("to".to_owned(), json!(to));
        }
        self.rpc
            .call::<Number>("eth_estimateGas", [request])
            .await
            .map(|gas| gas.0)
    }
}

/// The calls that ask for the headers of a range.
pub(super) fn header_calls(from: u64, to: u64) -> Vec<Call> {
    (from..=to)
        .map(|number| BlockId::Number(number).header_call())
        .collect()
}

/// Headers from `from` on, until the first that does not exist.
pub(super) fn linked(from: u64, answers: &[Answer]) -> Result<Vec<Header>, ChainError> {
    let mut headers: Vec<Header> = Vec::with_capacity(answers.len());
    for (number, answer) in (from..).zip(answers) {
        let Some(header) = BlockId::Number(number).read_header(read(answer)?)? else {
            break;
        };
        if headers
            .last()
            .is_some_and(|parent| parent.block.hash != header.block.parent_hash)
        {
            return Err(ChainError::Inconsistent(
                "a block that is not the child of the one before it",
            ));
        }
        headers.push(header);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn fees(base: u128, priority: u128) -> Fees {
        Fees { base, priority }
    }

    #[test]
    fn what_a_node_does_not_say_of_fees_follows_from_the_rest() {
        for (base, priority, price, expected) in [
            (Some(100), Some(10), Some(110), fees(100, 10)),
            (Some(100), Some(10), None, fees(100, 10)),
            (Some(100), None, Some(110), fees(100, 10)),
            (Some(100), None, None, fees(100, 0)),
            (None, Some(10), Some(110), fees(100, 10)),
            (None, None, Some(110), fees(110, 0)),
            (None, None, None, fees(0, 0)),
            (Some(0), Some(0), Some(0), fees(0, 0)),
        ] {
            assert_eq!(
                Fees::told(base, priority, price),
                expected,
                "{base:?} {priority:?} {price:?}"
            );
        }
    }

    #[test]
    fn where_gas_is_free_an_account_offers_what_it_has() {
        assert_eq!(fees(0, 10).affordable(0, 21_000), fees(0, 0));
        assert_eq!(fees(0, 10).affordable(63_000, 21_000), fees(0, 3));
        assert_eq!(fees(0, 10).affordable(1 << 60, 21_000), fees(0, 10));
        assert_eq!(
            fees(1, 10).affordable(0, 21_000),
            fees(1, 10),
            "it has to be given ether"
        );
    }
}
