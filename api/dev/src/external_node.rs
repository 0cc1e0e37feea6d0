//! A node that somebody else runs, and an account on its chain that gives ether to whoever needs some for a measurement.

use std::time::Duration;

use infrastructure::chain::{Address, Node, RpcOptions, Signer};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::error::DevError;
use super::rpc::Rpc;

/// The most that one account is given, in wei.
const ALLOWANCE: u128 = 1_000 * 1_000_000_000_000_000_000;

/// Of what the purse has, one account gets this part at most.
const PART: u128 = 8;

/// How long a transfer may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The node, and whose ether is spent.
#[derive(Clone, Debug)]
pub struct ExternalNode {
    url: String,
    node: Node,
    purse: Purse,
    /// What each account is given, in wei.
    allowance: u128,
}

#[derive(Clone, Debug)]
enum Purse {
    /// An account whose key we have.
    Key(Signer),
    /// An account for which the node signs, as development nodes do.
    Unlocked(Address),
    /// Nobody: gas is free there.
    Needless,
}

impl ExternalNode {
    /// The node at this URL. The ether is that of the key's account, or else of an account for which the node signs.
    ///
    /// # Errors
    /// When the node does not answer, or nobody has ether there.
    pub async fn find(url: &str, key: Option<Signer>) -> Result<Self, DevError> {
        let node = Node::discover(&[url.to_owned()], RpcOptions::default()).await?;
        let mut found = Self {
            url: url.to_owned(),
            node,
            purse: Purse::Needless,
            allowance: 0,
        };
        if found.is_free().await {
            return Ok(found);
        }
        found.purse = match key {
            Some(key) => Purse::Key(key),
            None => Purse::Unlocked(found.unlocked().await?),
        };
        let has = found.node.balance(found.payer()).await?;
        if has == 0 {
            return Err(DevError::NoEther(found.payer()));
        }
        found.allowance = (has / PART).min(ALLOWANCE);
        Ok(found)
    }

    /// Its URL.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Its chain.
    pub const fn chain_id(&self) -> u64 {
        self.node.chain_id()
    }

    /// Gives an account its allowance, and waits until it has it.
    ///
    /// # Errors
    /// When the node does not take the transfer, or does not mine it in time.
    pub async fn fund(&self, account: Address) -> Result<(), DevError> {
        match &self.purse {
            Purse::Needless => return Ok(()),
            Purse::Unlocked(from) => {
                let transfer = json!([{ "from": from, "to": account, "value": format!("{:#x}", self.allowance) }]);
                let _: String = self.rpc().call("eth_sendTransaction", transfer).await?;
            }
            Purse::Key(signer) => self.transfer(signer, account).await?,
        }
        let deadline = Instant::now() + PATIENCE;
        while self.node.balance(account).await? < self.allowance {
            if Instant::now() > deadline {
                return Err(DevError::Chain {
                    method: "a transfer of ether",
                    message: format!("it was not mined within {} seconds", PATIENCE.as_secs()),
                });
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    async fn transfer(&self, signer: &Signer, to: Address) -> Result<(), DevError> {
        let from = signer.address();
        let value = format!("{:#x}", self.allowance);
        let gas: String = self
            .rpc()
            .call("eth_estimateGas", json!([{ "from": from, "to": to, "value": value }]))
            .await?;
        let gas = u64::from_str_radix(gas.trim_start_matches("0x"), 16).unwrap_or(21_000);
        let fees = self.node.fees().await?;
        let empty = infrastructure::chain::Transaction {
            chain_id: self.node.chain_id(),
            nonce: self.node.pending_nonce(from).await?,
            to: Some(to),
            gas_limit: gas,
            max_fee: fees.base.saturating_mul(2).saturating_add(fees.priority),
            priority_fee: fees.priority,
            data: Vec::new(),
        };
        let signed = signer
            .sign_transfer(empty, self.allowance)
            .map_err(|error| DevError::Chain {
                method: "a transfer of ether",
                message: error.to_string(),
            })?;
        Ok(self.node.send_raw(&signed.raw).await.map(drop)?)
    }

    /// The first account of the node's own that has ether.
    async fn unlocked(&self) -> Result<Address, DevError> {
        let accounts: Vec<Address> = self.rpc().call("eth_accounts", json!([])).await.unwrap_or_default();
        for account in accounts {
            if self.node.balance(account).await? > 0 {
                return Ok(account);
            }
        }
        Err(DevError::NoPurse)
    }

    /// Whether gas costs nothing there.
    async fn is_free(&self) -> bool {
        let price: Result<String, _> = self.rpc().call("eth_gasPrice", json!([])).await;
        let fees = self.node.fees().await;
        price.is_ok_and(|price| price == "0x0") && fees.is_ok_and(|fees| fees.base == 0)
    }

    fn payer(&self) -> Address {
        match &self.purse {
            Purse::Key(signer) => signer.address(),
            Purse::Unlocked(account) => *account,
            Purse::Needless => Address::default(),
        }
    }

    fn rpc(&self) -> Rpc {
        Rpc::new(self.url.clone())
    }
}
