//! Why a transaction was reverted: running out of gas is never taken for a refusal by the contract.
//!
//! A receipt tells how much gas was used. Where all of it was, that is why. Where some was left it may be the reason all the same:
//! under rules that meter state apart (EIP-8037), what was taken for state is given back at the end. So a node is asked as well what it
//! would give the same transaction now.

use super::machine::Execution;
use crate::chain::gas::refuses;
use crate::chain::{Address, ChainError, EventLog, Receipt, Transaction};

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
    use super::*;

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
}
