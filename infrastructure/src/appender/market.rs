//! What gas costs, how much of it a block has and what things cost in it, and whether the account may append: asked for again and again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use application::trouble::TroubleKind;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep;

use super::gas_probes::GasProbes;
use super::message::Message;
use super::status::Shared;
use super::worker::RETRY;
use crate::chain::namespaces::{NamespaceError, sealed};
use crate::chain::{Address, BlockId, EventLog, Fees};
use crate::log::Namespace;

/// No transaction that appends something uses less gas.
const LEAST_GAS: u64 = 50_000;

/// An account, and where it appends.
pub(super) struct Account {
    pub(super) address: Address,
    /// The organisation's namespace.
    pub(super) own: Namespace,
    /// Those that it shares.
    pub(super) shared: Arc<[Namespace]>,
}

/// Asks what gas costs, how much of it a block has and what things cost in it, and whether the account writes in its namespaces.
///
/// How much gas things cost, and how much a block has, is asked before what gas costs, for without that no first transaction is made.
pub(super) async fn watch(
    log: EventLog,
    account: Account,
    mut probes: GasProbes,
    every: Duration,
    shared: Arc<Shared>,
    messages: UnboundedSender<Message>,
) {
    let Account {
        address,
        own: namespace,
        shared: shared_namespaces,
    } = account;
    loop {
        if let Some(rules) = probes.due().await {
            let _ = messages.send(Message::GasRules(rules));
        }
        // Before the fees, for where gas is free they depend on it.
        let funds = log.node().balance(address).await.ok();
        if let Some(funds) = funds {
            let _ = messages.send(Message::Funds(funds));
        }
        // Before the fees as well: nothing that asks for more than a block has may be signed.
        if let Ok(Some(newest)) = log.node().header(BlockId::Latest).await {
            let _ = messages.send(Message::BlockGas(newest.gas_limit));
        }
        let pause = match log.node().fees().await {
            Ok(fees) => {
                shared.well(TroubleKind::AppenderWithoutNode);
                if let Some(funds) = funds {
                    tell_of_funds(funds, fees, address, &shared);
                }
                let _ = messages.send(Message::Fees(fees));
                every
            }
            Err(error) => {
                shared.trouble(TroubleKind::AppenderWithoutNode, &error.to_string());
                RETRY
            }
        };
        if let Ok(writer) = log.writer_of(namespace, address).await {
            tell_of_right(writer, &log, namespace, address, &shared).await;
            let _ = messages.send(Message::Authorized(writer.is_some()));
        }
        tell_of_shared(&log, &shared_namespaces, address, &shared).await;
        tokio::select! {
            () = shared.gas_is_dear.notified() => probes.again(),
            () = sleep(pause) => {}
        }
    }
}

/// Says whether the account may append, and what to do if it may not.
async fn tell_of_right(writer: Option<u32>, log: &EventLog, namespace: Namespace, address: Address, shared: &Shared) {
    if writer.is_some() {
        return shared.well(TroubleKind::SigningKeyNotAdmitted);
    }
    let contract = log.address();
    let cause = match sealed(log, namespace).await {
        Ok(state) => format!(
            "the signing key {address} is no writer of the namespace {namespace}; the namespace's owner {} admits it: medconnect namespace \
             admit --node URL --contract {contract} --namespace {namespace} {address}",
            state.owner
        ),
        Err(error @ (NamespaceError::Unknown(_) | NamespaceError::Plain(_))) => {
            format!("{error}; check `chain.namespace`")
        }
        // It is asked again.
        Err(_) => format!("the signing key {address} is no writer of the namespace {namespace}"),
    };
    shared.trouble(TroubleKind::SigningKeyNotAdmitted, &cause);
}

/// Finds out in which shared namespaces the account does not write, so that no command is accepted there, and says what to do. Where no node answers it stays as it was.
async fn tell_of_shared(log: &EventLog, namespaces: &[Namespace], address: Address, shared: &Shared) {
    let mut closed = BTreeSet::new();
    for namespace in namespaces {
        match log.writer_of(*namespace, address).await {
            Ok(Some(_)) => {}
            Ok(None) => drop(closed.insert(*namespace)),
            Err(_) => return,
        }
    }
    if let Some(first) = closed.first() {
        let cause = format!(
            "the signing key {address} is no writer of the shared namespace {first}; its owner admits it: medconnect namespace admit --node URL \
             --contract {} --namespace {first} {address}",
            log.address()
        );
        shared.trouble(TroubleKind::SigningKeyNotAdmittedToShared, &cause);
    } else {
        shared.well(TroubleKind::SigningKeyNotAdmittedToShared);
    }
    shared.closed_to(closed);
}

/// Says whether the account can pay for a transaction, before the first one is refused: that is when a server is set up.
fn tell_of_funds(funds: u128, fees: Fees, address: Address, shared: &Shared) {
    let Fees { base, priority } = fees.affordable(funds, LEAST_GAS);
    let least = base.saturating_add(priority).saturating_mul(u128::from(LEAST_GAS));
    if funds < least {
        let cause = format!("the signing key {address} cannot pay for its transactions: send it ether");
        shared.trouble(TroubleKind::SigningKeyWithoutEther, &cause);
    } else {
        shared.well(TroubleKind::SigningKeyWithoutEther);
    }
}
