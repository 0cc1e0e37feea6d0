//! The key that signs and pays for transactions.

use std::fmt;
use std::str::FromStr;

use ethers_core::types::transaction::eip1559::Eip1559TransactionRequest;
use ethers_core::types::transaction::eip2718::TypedTransaction;
use ethers_core::types::{NameOrAddress, U256};
use ethers_core::utils::hash_message;
use ethers_core::utils::rlp::Rlp;
use ethers_signers::{LocalWallet, Signer as _};
use zeroize::Zeroizing;

use super::{Address, Hash, hex, keccak256};

/// A secret key and its address. The key is overwritten when the last clone goes, and never shown.
#[derive(Clone)]
pub struct Signer {
    wallet: LocalWallet,
}

/// Not a secret key. Says nothing of the text, which may be one that was mistyped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a secret key: 64 hexadecimal digits, within the order of secp256k1")]
pub struct SecretKeyError;

/// A transaction could not be signed or read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TransactionError {
    /// The key refuses.
    #[error("the transaction could not be signed")]
    Signing,
    /// The bytes are no signed EIP-1559 transaction.
    #[error("not a signed EIP-1559 transaction")]
    Malformed,
}

/// An EIP-1559 transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transaction {
    /// The chain on which it is valid.
    pub chain_id: u64,
    /// Its place among the sender's transactions, from 0.
    pub nonce: u64,
    /// Whom it calls; `None` deploys a contract.
    pub to: Option<Address>,
    /// How much gas it may use.
    pub gas_limit: u64,
    /// The most it pays for a unit of gas, in wei.
    pub max_fee: u128,
    /// The most of that which goes to the block's producer, in wei.
    pub priority_fee: u128,
    /// The calldata.
    pub data: Vec<u8>,
}

/// A transaction as a node takes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedTransaction {
    /// The bytes.
    pub raw: Vec<u8>,
    /// Its hash: the name under which it is found on the chain.
    pub hash: Hash,
}

impl Signer {
    /// The address that pays.
    pub fn address(&self) -> Address {
        self.wallet.address().into()
    }

    /// Signs a transaction. The same transaction gives the same bytes each time (RFC 6979).
    ///
    /// # Errors
    /// When the key refuses.
    pub fn sign(&self, transaction: Transaction) -> Result<SignedTransaction, TransactionError> {
        self.sign_transfer(transaction, 0)
    }

    /// Signs a transaction that takes so much ether with it, in wei.
    ///
    /// # Errors
    /// When the key refuses.
    pub fn sign_transfer(&self, transaction: Transaction, value: u128) -> Result<SignedTransaction, TransactionError> {
        let mut request = Eip1559TransactionRequest::new()
            .chain_id(transaction.chain_id)
            .nonce(transaction.nonce)
            .gas(transaction.gas_limit)
            .max_fee_per_gas(transaction.max_fee)
            .max_priority_fee_per_gas(transaction.priority_fee)
            .value(value)
            .data(transaction.data);
        request.to = transaction.to.map(|to| NameOrAddress::Address(to.to_ethers()));
        let request = TypedTransaction::Eip1559(request);
        let mut signature = self
            .wallet
            .sign_hash(request.sighash())
            .map_err(|_| TransactionError::Signing)?;
        // The wallet writes a recovery id as of an Ethereum message; a typed transaction carries the bare parity.
        signature.v = signature.v.checked_sub(27).ok_or(TransactionError::Signing)?;
        let raw = request.rlp_signed(&signature).to_vec();
        let hash = keccak256(&raw);
        Ok(SignedTransaction { raw, hash })
    }
}

impl Signer {
    /// Signs a message as wallets do for people (EIP-191), with the recovery id at the end.
    ///
    /// # Errors
    /// When the key refuses.
    pub fn sign_message(&self, message: &str) -> Result<[u8; 65], TransactionError> {
        self.wallet
            .sign_hash(hash_message(message))
            .map(|signature| signature.into())
            .map_err(|_| TransactionError::Signing)
    }
}

impl Signer {
    /// Signs the digest of typed data, with the recovery id at the end.
    ///
    /// # Errors
    /// When the key refuses.
    pub fn sign_digest(&self, digest: Hash) -> Result<[u8; 65], TransactionError> {
        let signed = self.wallet.sign_hash(digest.into());
        signed.map(Into::into).map_err(|_| TransactionError::Signing)
    }
}

impl FromStr for Signer {
    type Err = SecretKeyError;

    fn from_str(text: &str) -> Result<Self, SecretKeyError> {
        let text = text.trim();
        let digits = text.strip_prefix("0x").unwrap_or(text);
        let mut secret = Zeroizing::new([0; 32]);
        hex::decode_into(digits, &mut *secret).ok_or(SecretKeyError)?;
        let wallet = LocalWallet::from_bytes(&*secret).map_err(|_| SecretKeyError)?;
        Ok(Self { wallet })
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}

impl Transaction {
    /// Reads a signed transaction back, with the address that signed it.
    ///
    /// # Errors
    /// When the bytes are none.
    pub fn decode(raw: &[u8]) -> Result<(Self, Address), TransactionError> {
        let malformed = TransactionError::Malformed;
        let (request, signature) = TypedTransaction::decode_signed(&Rlp::new(raw)).map_err(|_| malformed)?;
        let from = signature.recover(request.sighash()).map_err(|_| malformed)?;
        let TypedTransaction::Eip1559(request) = request else {
            return Err(malformed);
        };
        let number = |value: Option<U256>| value.unwrap_or_default().try_into().map_err(|_| malformed);
        let fee = |value: Option<U256>| value.unwrap_or_default().try_into().map_err(|_| malformed);
        let to = match request.to {
            Some(NameOrAddress::Address(to)) => Some(to.into()),
            Some(NameOrAddress::Name(_)) => return Err(malformed),
            None => None,
        };
        let transaction = Self {
            chain_id: request.chain_id.unwrap_or_default().as_u64(),
            nonce: number(request.nonce)?,
            to,
            gas_limit: number(request.gas)?,
            max_fee: fee(request.max_fee_per_gas)?,
            priority_fee: fee(request.max_priority_fee_per_gas)?,
            data: request.data.map(|data| data.to_vec()).unwrap_or_default(),
        };
        Ok((transaction, from.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

    fn transaction(nonce: u64, to: Option<Address>, data: Vec<u8>) -> Transaction {
        Transaction {
            chain_id: 31_337,
            nonce,
            to,
            gas_limit: 100_000,
            max_fee: 2_000_000_000,
            priority_fee: 0,
            data,
        }
    }

    #[test]
    fn the_address_belongs_to_the_key() {
        let signer: Signer = SECRET.parse().unwrap();
        assert_eq!(
            signer.address().to_string(),
            "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
        );
    }

    #[test]
    fn the_key_is_not_shown() {
        let signer: Signer = SECRET.parse().unwrap();
        assert_eq!(
            format!("{signer:?}"),
            "Signer { address: 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266, .. }"
        );
    }

    #[test]
    fn a_signed_message_names_its_signer() {
        let signer: Signer = SECRET.parse().unwrap();
        let signature = signer.sign_message("I am who I am").unwrap();
        let signature = ethers_core::types::Signature::try_from(signature.as_slice()).unwrap();
        let recovered: Address = signature.recover("I am who I am").unwrap().into();
        assert_eq!(recovered, signer.address());
        assert!([27, 28].contains(&signature.v));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in [
            "",
            "0x00",
            &"0".repeat(64),
            &"f".repeat(64),
            &"x".repeat(64),
            &"é".repeat(32),
        ] {
            assert!(text.parse::<Signer>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_signed_transaction_reads_back(
            nonce in any::<u64>(),
            to in prop::option::of(any::<[u8; 20]>()),
            data in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let signer: Signer = SECRET.parse().unwrap();
            let transaction = transaction(nonce, to.map(Address), data);
            let signed = signer.sign(transaction.clone()).unwrap();
            prop_assert_eq!(Transaction::decode(&signed.raw), Ok((transaction, signer.address())));
        }

        #[test]
        fn any_bytes_are_a_transaction_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Transaction::decode(&bytes);
        }
    }
}
