//! Why a transaction was reverted: running out of gas is never taken for a refusal by the contract.
//!
//! A receipt tells how much gas was used. Where all of it was, that is why. Where some was left it may be the reason all the same:
//! under rules that meter state apart (EIP-8037), what was taken for state is given back at the end. So a node is asked as well what it
//! would give the same transaction now.
//!
//! A commit that is taken for refused is tried again. A call is not, so of a call that seems to be refused a node is asked once more, which tries it as it
//! was: whether it would have been executed if only it had been given more.

use super::machine::Execution;
use crate::chain::gas::refuses;
use crate::chain::{Address, BlockId, ChainError, EventLog, Node, Receipt, Transaction};

/// A call is given all but a 64th of the gas that is left (EIP-150): what comes near to the limit may be what ran out within.
const KEPT_BACK: u64 = 64;

/// How nodes say that no gas would be enough.
const NEVER_ENOUGH: &[&str] = &[
    "exceeds allowance",
    "out of gas",
    "outofgas",
    "gas limit",
    "exceeds block",
];

/// What a node says that the transaction would take now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Estimate {
    /// So much gas.
    Gas(u64),
    /// More than there is.
    TooMuch,
    /// The contract refuses it.
    Refused,
    /// The node does not estimate.
    Nothing,
}

/// Why a transaction of this account was reverted.
///
/// # Errors
/// [`ChainError`], when that cannot be told now.
pub(super) async fn reverted(
    log: &EventLog,
    account: Address,
    raw: &[u8],
    receipt: &Receipt,
) -> Result<Execution, ChainError> {
    let (transaction, _) = Transaction::decode(raw).map_err(|error| ChainError::Malformed(error.to_string()))?;
    let estimated = log
        .node()
        .estimate_gas(account, transaction.to, &transaction.data)
        .await;
    let estimate = match estimated {
        Ok(gas) => Estimate::Gas(gas),
        Err(error) if refuses(&error) => Estimate::Refused,
        Err(ChainError::Rpc { message, .. }) => {
            let message = message.to_lowercase();
            match NEVER_ENOUGH.iter().any(|words| message.contains(words)) {
                true => Estimate::TooMuch,
                false => Estimate::Nothing,
            }
        }
        Err(error) => return Err(error),
    };
    Ok(execution(receipt.gas_used, transaction.gas_limit, estimate))
}

/// Whether a call of this account that was reverted in this block fails with the gas that it had, and does not with more, on the state before that
/// block. Without an answer it does not seem so.
pub(super) async fn ran_out(node: &Node, account: Address, raw: &[u8], block: u64) -> bool {
    let Ok((transaction, _)) = Transaction::decode(raw) else {
        return false;
    };
    let (Some(to), Some(before)) = (transaction.to, block.checked_sub(1)) else {
        return false;
    };
    let tried = async |gas| {
        let at = BlockId::Number(before);
        node.try_call(account, to, &transaction.data, gas, at).await
    };
    matches!(tried(Some(transaction.gas_limit)).await, Err(ChainError::Rpc { .. })) && tried(None).await.is_ok()
}

fn execution(used: u64, limit: u64, estimate: Estimate) -> Execution {
    let used_up = used >= limit - limit / KEPT_BACK;
    match estimate {
        Estimate::Gas(needed) if used_up || needed > limit => Execution::OutOfGas { needed: Some(needed) },
        Estimate::TooMuch => Execution::OutOfGas { needed: None },
        _ if used_up => Execution::OutOfGas { needed: None },
        // It would go through now with what it had: the reason was another one.
        Estimate::Gas(_) | Estimate::Refused | Estimate::Nothing => Execution::Refused,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::appender::scripted_nodes::nodes;
    use crate::chain::Signer;

    const OUT_OF_GAS: Execution = Execution::OutOfGas { needed: None };

    #[test]
    fn who_used_up_the_limit_ran_out_of_gas_whatever_a_node_estimates() {
        for used in [100_000, 98_500] {
            for estimate in [Estimate::Refused, Estimate::Nothing, Estimate::TooMuch] {
                assert_eq!(execution(used, 100_000, estimate), OUT_OF_GAS, "{used} {estimate:?}");
            }
            let estimated = execution(used, 100_000, Estimate::Gas(90_000));
            assert_eq!(estimated, Execution::OutOfGas { needed: Some(90_000) });
        }
    }

    #[test]
    fn who_would_be_given_more_ran_out_of_gas_though_some_was_given_back() {
        let estimated = execution(40_000, 100_000, Estimate::Gas(120_000));
        assert_eq!(estimated, Execution::OutOfGas { needed: Some(120_000) });
        assert_eq!(execution(40_000, 100_000, Estimate::TooMuch), OUT_OF_GAS);
    }

    #[test]
    fn with_gas_to_spare_it_was_refused() {
        for estimate in [Estimate::Refused, Estimate::Nothing, Estimate::Gas(60_000)] {
            assert_eq!(execution(40_000, 100_000, estimate), Execution::Refused, "{estimate:?}");
        }
    }

    /// What a node says that tries a call with less gas than this, and with as much as it likes.
    async fn tried(with_less: bool, with_all: bool) -> bool {
        let answer = |is_done| {
            Some(match is_done {
                true => Ok(json!("0x")),
                false => Err((3, "execution reverted")),
            })
        };
        let node = nodes(1, move |_, method, params| {
            assert_eq!((method, &params[1]), ("eth_call", &json!("0x4")));
            answer(match params[0].get("gas") {
                Some(gas) => *gas == "0x186a0" && with_less,
                None => with_all,
            })
        });
        let call = Transaction {
            chain_id: 1,
            nonce: 0,
            to: Some(Address([7; 20])),
            gas_limit: 100_000,
            max_fee: 1,
            priority_fee: 0,
            data: vec![1],
        };
        let signer: Signer = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
            .parse()
            .unwrap();
        let raw = signer.sign(call).unwrap().raw;
        ran_out(&node, signer.address(), &raw, 5).await
    }

    #[tokio::test]
    async fn a_call_ran_out_of_gas_where_more_would_have_been_enough_whatever_was_given_back() {
        assert!(tried(false, true).await);
        assert!(!tried(false, false).await, "it was refused");
        assert!(
            !tried(true, true).await,
            "another transaction of its block was the reason"
        );
    }
}
