//! Other code at the contract's address, while a test runs: the contract behaves differently, on a real chain.

use infrastructure::chain::Address;
use infrastructure::chain::contract::{APPEND, bytecode};
use serde_json::json;

use crate::chain::TestChain;

/// How the contract behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Contract {
    /// As it was deployed.
    Honest,
    /// It does the same, and takes 26 times `factor` gas more for each byte that it is called with.
    Dear {
        /// How dear it is.
        factor: u8,
    },
    /// It refuses whatever is to be appended, and gives back the gas.
    Refusing,
}

/// Where the honest code stands meanwhile.
const HONEST: &str = "00000000000000000000000000000000c0de0001";

/// Changes what stands at the contract's address.
pub async fn code(chain: &TestChain, contract: Address, behaves: Contract) {
    let honest = hex::encode(&bytecode().expect("the artifact").runtime);
    chain
        .call("anvil_setCode", json!([format!("0x{HONEST}"), format!("0x{honest}")]))
        .await;
    let code = match behaves {
        Contract::Honest => honest,
        Contract::Dear { factor } => dear(factor),
        Contract::Refusing => refusing(),
    };
    chain
        .call("anvil_setCode", json!([contract, format!("0x{code}")]))
        .await;
}

/// Counts down from the length of the calldata times the factor, and then does what the honest code does. If that runs out of
/// gas, all is used up.
fn dear(factor: u8) -> String {
    // CALLDATASIZE PUSH1 factor MUL | 4: JUMPDEST PUSH1 1 SWAP1 SUB DUP1 PUSH1 4 JUMPI POP
    format!("3660{factor:02x}025b600190038060045750{}", delegate(0x0e))
}

/// Reverts when something is to be appended, and otherwise does what the honest code does.
fn refusing() -> String {
    // PUSH0 CALLDATALOAD PUSH1 224 SHR PUSH4 selector EQ PUSH1 0x4f JUMPI ... JUMPDEST PUSH0 PUSH0 REVERT
    let honest = delegate(0x0e);
    let end = 0x0e + honest.len() / 2;
    format!("5f3560e01c63{}1460{end:02x}57{honest}5b5f5ffd", hex::encode(APPEND))
}

/// Calls the honest code in the contract's own name, from this place in the code on: it answers what that answers.
fn delegate(at: usize) -> String {
    // CALLDATASIZE PUSH0 PUSH0 CALLDATACOPY | PUSH0 PUSH0 CALLDATASIZE PUSH0 PUSH20 honest GAS DELEGATECALL |
    // RETURNDATASIZE PUSH0 PUSH0 RETURNDATACOPY | PUSH1 good JUMPI RETURNDATASIZE PUSH0 REVERT | JUMPDEST RETURNDATASIZE PUSH0 RETURN
    let good = at + 4 + 27 + 4 + 3 + 3;
    format!("365f5f375f5f365f73{HONEST}5af43d5f5f3e60{good:02x}573d5ffd5b3d5ff3")
}
