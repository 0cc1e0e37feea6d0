//! People with wallets, who sign in as people do: with a message of EIP-4361.

use domain::consent::{Message, SignerId};
use domain::kernel::typed_data::SigningDomain;
use domain::registries::Signed;
use infrastructure::chain::Signer;
use serde_json::{Value, json};

use crate::system::TestSystem;

/// Somebody with a wallet.
#[derive(Clone, Debug)]
pub struct Person {
    wallet: Signer,
}

impl Person {
    /// Somebody whose private key is this number.
    pub fn numbered(number: u32) -> Self {
        Self::with_key(&format!("{number:064x}"))
    }

    /// Somebody with a private key, in hexadecimal.
    pub fn with_key(key: &str) -> Self {
        Self {
            wallet: key.parse().expect("a key"),
        }
    }

    /// Their address, as it stands in bodies.
    pub fn address(&self) -> String {
        api_wire::wallet_address::checksummed(&domain::kernel::Wallet(self.wallet.address().0))
    }

    /// What they sign for a challenge.
    pub fn message(&self, challenge: &Value) -> String {
        self.stating("Sign in.", challenge)
    }

    /// What they sign for a challenge, with a statement.
    pub fn stating(&self, statement: &str, challenge: &Value) -> String {
        let text = |name: &str| challenge[name].as_str().expect(name).to_owned();
        format!(
            "{} wants you to sign in with your Ethereum account:\n{}\n\n{statement}\n\nURI: {}\nVersion: {}\n\
             Chain ID: {}\nNonce: {}\nIssued At: {}",
            text("domain"),
            self.address(),
            text("uri"),
            text("version"),
            challenge["chainId"],
            text("nonce"),
            text("issuedAt"),
        )
    }

    /// Their signature of a message.
    pub fn sign(&self, message: &str) -> String {
        let signature = self.wallet.sign_message(message).expect("a signature");
        format!("0x{}", hex::encode(signature))
    }

    /// Signs typed data that was given to be signed: who, and the signature, as they stand in bodies.
    pub fn signs(&self, typed_data: &Value) -> Value {
        let mut digest = [0; 32];
        hex::decode_to_slice(typed_data["hash"].as_str().expect("a hash"), &mut digest).expect("a hash");
        let signature = self.wallet.sign_digest(digest).expect("a signature");
        json!({
            "signer": hex::encode_prefixed(self.wallet.address().0),
            "signature": hex::encode_prefixed(signature),
        })
    }

    /// As whom the registry of consents knows them.
    pub fn signer(&self) -> SignerId {
        SignerId(self.wallet.address().0)
    }

    /// Signs a message for a registry.
    pub fn signs_for(&self, message: &Message, domain: &SigningDomain) -> Signed {
        let signature = self.wallet.sign_digest(message.typed().digest(domain));
        Signed::by(self.signer(), signature.expect("a signature"))
    }

    /// A signed message with a statement, as it stands in bodies.
    pub async fn signed(&self, statement: &str, system: &TestSystem) -> Value {
        let (status, challenge) = system.post("/v1/auth/nonce", "", &json!({})).await;
        assert_eq!(status, 200, "{challenge}");
        let message = self.stating(statement, &challenge);
        json!({ "message": message, "signature": self.sign(&message) })
    }

    /// What both wallets state when this one takes the place of another.
    pub fn taking_the_place_of(&self, current: &Self) -> String {
        let (from, to) = (current.address(), self.address());
        format!("I change the wallet of my account from {from} to {to}.")
    }

    /// What two wallets sign so that this one takes the place of another, as it stands in bodies.
    pub async fn change_from(&self, current: &Self, system: &TestSystem) -> Value {
        let agreement = self.taking_the_place_of(current);
        let (current, new) = (
            current.signed(&agreement, system).await,
            self.signed(&agreement, system).await,
        );
        json!({ "current": current, "new": new })
    }

    /// Binds the wallet to what stands at a path, by an invitation that `inviting` may issue. Answers with the token.
    pub async fn join(&self, system: &TestSystem, inviting: &str, resource: &str) -> String {
        let (status, invitation) = system
            .post(&format!("{resource}/invitation"), inviting, &Value::Null)
            .await;
        assert_eq!(status, 200, "{invitation}");
        let token = self.sign_in(system).await;
        let (status, bound) = self.accept(system, &token, &invitation["invitation"]).await;
        assert_eq!(status, 200, "{bound}");
        token
    }

    /// Accepts an invitation in a session.
    pub async fn accept(&self, system: &TestSystem, token: &str, invitation: &Value) -> (u16, Value) {
        let body = json!({ "invitation": invitation });
        system.post("/v1/invitations/accept", token, &body).await
    }

    /// What they get who try to sign in.
    pub async fn try_to_sign_in(&self, system: &TestSystem) -> (u16, Value) {
        let login = self.signed("Sign in.", system).await;
        system.post("/v1/auth/login", "", &login).await
    }

    /// Signs in, and answers with the session.
    pub async fn session(&self, system: &TestSystem) -> Value {
        let (status, session) = self.try_to_sign_in(system).await;
        assert_eq!(status, 200, "{session}");
        session
    }

    /// Signs in, and answers with the token.
    pub async fn sign_in(&self, system: &TestSystem) -> String {
        let session = self.session(system).await;
        session["token"].as_str().expect("a token").to_owned()
    }
}

/// A patient to register.
pub fn patient(family: &str) -> Value {
    json!({ "details": { "name": { "family": family }, "birthDate": "1980-02-29", "gender": "female" } })
}

/// A practitioner to register.
pub fn practitioner(family: &str, time_zone: &str) -> Value {
    json!({
        "details": {
            "name": { "family": family }, "gender": "male", "timeZone": time_zone,
            "specializations": [{ "text": "Cardiology" }],
        },
    })
}
