//! A contract as `contracts/` committed it: its functions, and the code that deploys it.

use ethers_core::abi::{Abi, Token};
use serde::Deserialize;

/// The committed artifact cannot be used, or does not have what is asked of it: a mistake in how the program was built.
#[derive(Debug, thiserror::Error)]
#[error("the embedded artifact of a registry is not what this program speaks with: {0}")]
pub struct InterfaceError(String);

/// A contract's functions and code.
#[derive(Debug)]
pub(super) struct Interface {
    abi: Abi,
    creation: Vec<u8>,
}

impl Interface {
    /// Of an artifact.
    pub(super) fn of(artifact: &str) -> Result<Self, InterfaceError> {
        #[derive(Deserialize)]
        struct Artifact {
            abi: Abi,
            bytecode: String,
        }
        let artifact: Artifact = serde_json::from_str(artifact).map_err(unusable)?;
        Ok(Self {
            abi: artifact.abi,
            creation: hex::decode(artifact.bytecode).map_err(unusable)?,
        })
    }

    /// The calldata of a function.
    pub(super) fn call(&self, function: &str, arguments: &[Token]) -> Result<Vec<u8>, InterfaceError> {
        let function = self.abi.function(function).map_err(unusable)?;
        function.encode_input(arguments).map_err(unusable)
    }

    /// What a function returned. `None` where that is not what the function returns.
    pub(super) fn returned(&self, function: &str, answer: &[u8]) -> Option<Vec<Token>> {
        self.abi.function(function).ok()?.decode_output(answer).ok()
    }

    /// The name of the error that the contract gave back. `None` where it is none of its own.
    pub(super) fn error(&self, reason: &[u8]) -> Option<&str> {
        let selector = reason.get(..4)?;
        let mut errors = self.abi.errors();
        let found = errors.find(|error| error.signature().as_bytes().starts_with(selector));
        found.map(|error| error.name.as_str())
    }

    /// What a transaction runs that deploys it.
    pub(super) fn creation(&self, arguments: &[Token]) -> Result<Vec<u8>, InterfaceError> {
        let constructor = self
            .abi
            .constructor()
            .ok_or_else(|| unusable("it has no constructor"))?;
        let encoded = constructor.encode_input(self.creation.clone(), arguments);
        encoded.map_err(unusable)
    }
}

/// What was made of an artifact once.
pub(super) fn of(made: &'static Result<Interface, InterfaceError>) -> Result<&'static Interface, InterfaceError> {
    made.as_ref().map_err(|InterfaceError(why)| InterfaceError(why.clone()))
}

fn unusable(why: impl ToString) -> InterfaceError {
    InterfaceError(why.to_string())
}
