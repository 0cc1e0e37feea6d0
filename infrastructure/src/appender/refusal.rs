//! What a node's refusal of a transaction means.
//!
//! Nodes agree on no code, so the words decide. A refusal that is not understood is tried again.

use super::machine::SendAnswer;
use crate::chain::{ChainError, TAKEN_WORDS, USED_WORDS};

const UNDERPRICED: &[&str] = &[
    "underpriced",
    "fee too low",
    "feetoolow",
    "gas price too low",
    "less than block base fee",
    "below current base fee",
    "below configured minimum",
];

/// What the error says of the transaction.
pub(super) fn classify(error: &ChainError) -> SendAnswer {
    let ChainError::Rpc { message, .. } = error else {
        return SendAnswer::Refused;
    };
    let message = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if error.is_lack_of_funds() {
        SendAnswer::CannotPay
    } else if says(TAKEN_WORDS) {
        SendAnswer::Taken
    } else if says(USED_WORDS) {
        SendAnswer::NonceTooLow
    } else if says(UNDERPRICED) {
        SendAnswer::Underpriced
    } else {
        SendAnswer::Refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(message: &str) -> SendAnswer {
        classify(&ChainError::Rpc {
            code: -32000,
            message: message.to_owned(),
            data: Box::default(),
        })
    }

    #[test]
    fn a_transaction_that_the_node_has_is_taken() {
        for message in [
            "already known",
            "transaction already imported",
            "Known transaction",
            "AlreadyKnown",
        ] {
            assert_eq!(answer(message), SendAnswer::Taken, "{message}");
        }
    }

    #[test]
    fn a_used_nonce_is_told_from_a_low_fee() {
        for message in ["nonce too low: next nonce 5, tx nonce 4", "Nonce too low", "OldNonce"] {
            assert_eq!(answer(message), SendAnswer::NonceTooLow, "{message}");
        }
        for message in [
            "replacement transaction underpriced",
            "max fee per gas less than block base fee",
            "Gas price below current base fee",
            "FeeTooLow",
        ] {
            assert_eq!(answer(message), SendAnswer::Underpriced, "{message}");
        }
    }

    #[test]
    fn what_is_not_understood_is_tried_again() {
        assert_eq!(answer("something new"), SendAnswer::Refused);
        assert_eq!(
            answer("insufficient funds for gas * price + value"),
            SendAnswer::CannotPay
        );
        assert_eq!(classify(&ChainError::Timeout), SendAnswer::Refused);
    }
}
