//! Signing in from a shell, as a wallet does in a browser (EIP-4361).

use std::time::Duration;

use api_wire::dto::{self, SignIn};
use api_wire::problem::ProblemBody;
use infrastructure::chain::Signer;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The server cannot be reached, or does not answer as ours would.
    #[error("the server at {url} cannot be asked: {source}")]
    Server {
        /// Where.
        url: String,
        /// Why.
        source: reqwest::Error,
    },
    /// The server cannot do it now.
    #[error("the server cannot sign anybody in now: {0}")]
    Unavailable(String),
    /// The server says no.
    #[error("the server refused: {0}")]
    Refused(String),
    /// The server asks for a signature that could be used elsewhere.
    #[error(
        "the server wants a message signed for {asked}, and was reached at {reached}. If that is its public address, say so \
         with --public-url {asked}"
    )]
    OtherAddress {
        /// What it asks to sign for.
        asked: String,
        /// Where it is.
        reached: String,
    },
    /// The server's challenge makes no message.
    #[error("the server's challenge is not understood: {0}")]
    Challenge(&'static str),
    /// The key refuses.
    #[error("the message could not be signed")]
    Signing,
}

/// What the server wants signed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Challenge {
    nonce: String,
    domain: String,
    uri: String,
    chain_id: u64,
    issued_at: String,
    expires_at: String,
}

/// A session.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    /// The bearer token.
    #[serde(serialize_with = "exposed")]
    pub token: SecretString,
    /// When it ends unless it is used.
    pub idle_expires_at: String,
    /// When it ends in any case.
    pub expires_at: String,
    /// Who signed in.
    pub me: dto::Me,
}

fn exposed<S: serde::Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    use secrecy::ExposeSecret;
    serializer.serialize_str(secret.expose_secret())
}

/// Signs a wallet in at the server that is reached at `url`. People know it as `public_url`, if that is another address: only for
/// that one a message is signed, so that no server gets a signature that is good for another.
///
/// # Errors
/// [`LoginError`].
pub async fn sign_in(url: &str, public_url: Option<&str>, wallet: &Signer) -> Result<SignedIn, LoginError> {
    let url = url.trim_end_matches('/');
    let expected = public_url.unwrap_or(url).trim_end_matches('/');
    let failed = |source: reqwest::Error| LoginError::Server {
        url: url.to_owned(),
        source: source.without_url(),
    };
    let http = reqwest::Client::builder().timeout(TIMEOUT).build().map_err(failed)?;

    let answer = http.post(format!("{url}/v1/auth/nonce")).send().await.map_err(failed)?;
    let challenge: Challenge = accepted(answer).await?.json().await.map_err(failed)?;
    let authority = expected.split_once("://").map_or(expected, |(_, authority)| authority);
    if challenge.uri != expected || challenge.domain != authority {
        return Err(LoginError::OtherAddress {
            asked: challenge.uri,
            reached: expected.to_owned(),
        });
    }
    let message = message(&challenge, wallet)?;
    let signature = wallet.sign_message(&message).map_err(|_| LoginError::Signing)?;
    let answer = http
        .post(format!("{url}/v1/auth/login"))
        .json(&SignIn {
            message,
            signature: format!("0x{}", hex::encode(signature)),
        })
        .send()
        .await
        .map_err(failed)?;
    accepted(answer).await?.json().await.map_err(failed)
}

/// The message that the challenge asks for.
fn message(challenge: &Challenge, wallet: &Signer) -> Result<String, LoginError> {
    let unusable = |what: &'static str| LoginError::Challenge(what);
    let message = signinwithethereum::Message {
        scheme: None,
        domain: challenge.domain.parse().map_err(|_| unusable("domain"))?,
        address: wallet.address().0,
        address_raw: None,
        statement: None,
        uri: challenge.uri.parse().map_err(|_| unusable("uri"))?,
        version: signinwithethereum::Version::V1,
        chain_id: challenge.chain_id,
        nonce: challenge.nonce.clone(),
        issued_at: challenge.issued_at.parse().map_err(|_| unusable("issuedAt"))?,
        expiration_time: Some(challenge.expires_at.parse().map_err(|_| unusable("expiresAt"))?),
        not_before: None,
        request_id: None,
        resources: Vec::new(),
        warnings: Vec::new(),
    };
    Ok(message.to_string())
}

async fn accepted(answer: reqwest::Response) -> Result<reqwest::Response, LoginError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let text = match answer.json::<ProblemBody>().await {
        Ok(ProblemBody {
            title,
            detail: Some(detail),
            ..
        }) => format!("{title}: {detail} ({status})"),
        Ok(ProblemBody { title, .. }) => format!("{title} ({status})"),
        // Something between us and the server answered in its place.
        Err(_) => format!("no reason given ({status})"),
    };
    Err(if status.is_server_error() {
        LoginError::Unavailable(text)
    } else {
        LoginError::Refused(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_the_one_that_was_asked_for() {
        let wallet: Signer = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
            .parse()
            .unwrap();
        let challenge = Challenge {
            nonce: "a1b2c3d4e5".to_owned(),
            domain: "clinic.example".to_owned(),
            uri: "https://clinic.example".to_owned(),
            chain_id: 1337,
            issued_at: "2026-03-01T09:00:00.000Z".to_owned(),
            expires_at: "2026-03-01T09:05:00.000Z".to_owned(),
        };
        assert_eq!(
            message(&challenge, &wallet).unwrap(),
            "clinic.example wants you to sign in with your Ethereum account:\n\
             0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266\n\n\n\
             URI: https://clinic.example\n\
             Version: 1\n\
             Chain ID: 1337\n\
             Nonce: a1b2c3d4e5\n\
             Issued At: 2026-03-01T09:00:00.000Z\n\
             Expiration Time: 2026-03-01T09:05:00.000Z"
        );
    }
}
