//! The two steps of signing in: a challenge, and a session for whoever has signed it. What was signed is kept with the session: it is the
//! proof when the wallet is bound to an account.

use application::clinic::{Backend, Clinic, Issue};
use application::error::UseCaseError;
use application::sessions::SignedIn;
use chrono::TimeDelta;
use domain::account::Proof;
use domain::kernel::CommandId;
use uuid::Uuid;

use super::Rejection;
use super::siwe::Verified;
use crate::http::core::Core;
use crate::http::dto::{Challenge, Instant, Me, OpenedSession, SignIn};
use crate::http::problem::{Problem, ProblemKind};

/// What both wallets state when one takes the place of the other.
const AGREEMENT: &str = "I change the wallet of my account.";

/// The longest message, in bytes: it is kept with the session, and may come to stand in an event.
const LONGEST_MESSAGE: usize = 2000;

impl Core {
    /// What a wallet is to sign, with a nonce that works once and not for long.
    ///
    /// # Errors
    /// `database-unavailable` when the nonce cannot be kept.
    pub async fn challenge(&self) -> Result<Challenge, Problem> {
        let token = self.ports.secrets.token();
        let token = token.map_err(|error| Problem::new(ProblemKind::Internal).cause(error))?;
        // EIP-4361 allows letters and digits only.
        let nonce: String = token.chars().filter(char::is_ascii_alphanumeric).collect();
        let issued_at = self.ports.clock.now();
        let expires_at = issued_at + TimeDelta::from_std(self.settings.nonce_lifetime).unwrap_or_default();
        let issued = self.ports.sessions.issue_nonce(&nonce, expires_at).await;
        issued.map_err(UseCaseError::Store)?;
        Ok(Challenge {
            nonce,
            domain: self.sign_in.domain.clone(),
            uri: self.sign_in.uri.clone(),
            chain_id: self.sign_in.chain_id,
            version: "1",
            issued_at: Instant(issued_at),
            expires_at: Instant(expires_at),
        })
    }

    /// Whoever signed a challenge.
    ///
    /// # Errors
    /// `login-failed` when it is not accepted, `database-unavailable` when nobody can tell.
    pub async fn signed_in(&self, signed: &SignIn) -> Result<SignedIn, Problem> {
        let now = self.ports.clock.now();
        let (signed_in, Verified { nonce, .. }) = self.checked(signed).map_err(refused)?;
        // Last of all, so that only who holds the key can use a nonce up.
        let consumed = self.ports.sessions.consume_nonce(&nonce, now).await;
        if !consumed.map_err(UseCaseError::Store)? {
            return Err(refused(Rejection::Nonce));
        }
        Ok(signed_in)
    }

    /// A wallet that has signed that it agrees to change an account's wallet. The nonce is used up for this command.
    ///
    /// # Errors
    /// [`UseCaseError::Unproved`] with where it stands in the request, and what is wrong.
    pub async fn agreed(
        &self,
        signed: &SignIn,
        pointer: &'static str,
        command: CommandId,
    ) -> Result<SignedIn, UseCaseError> {
        let unproved = |detail: String| UseCaseError::Unproved { pointer, detail };
        let checked = self.checked(signed);
        let (signed_in, Verified { nonce, statement, .. }) =
            checked.map_err(|rejection| unproved(rejection.to_string()))?;
        if statement.as_deref() != Some(AGREEMENT) {
            return Err(unproved(format!("The message's statement must be: {AGREEMENT}")));
        }
        let now = self.ports.clock.now();
        if !self.ports.sessions.spend_nonce(&nonce, command, now).await? {
            return Err(unproved(Rejection::Nonce.to_string()));
        }
        Ok(signed_in)
    }

    /// What a message proves, and what it says.
    fn checked(&self, signed: &SignIn) -> Result<(SignedIn, Verified), Rejection> {
        if signed.message.len() > LONGEST_MESSAGE {
            return Err(Rejection::Malformed);
        }
        let now = self.ports.clock.now();
        let verified = self.sign_in.verify(&signed.message, &signed.signature, now)?;
        let digits = signed.signature.strip_prefix("0x").unwrap_or(&signed.signature);
        let signature = hex::decode(digits).map_err(|_| Rejection::Signature)?;
        let signed_in = SignedIn {
            wallet: verified.wallet,
            proof: Proof {
                message: signed.message.clone(),
                signature,
            },
        };
        Ok((signed_in, verified))
    }

    /// Makes the wallet that the configuration names an administrator's when it signs in for the first time.
    ///
    /// # Errors
    /// The problem that the command ended in.
    pub async fn welcome<B: Backend>(&self, clinic: &Clinic<B>, signed_in: &SignedIn) -> Result<(), Problem> {
        let wallet = &signed_in.wallet;
        if self.settings.administrator != Some(*wallet) || self.authenticator.has_account(wallet).await? {
            return Ok(());
        }
        let issue = Issue {
            command_id: CommandId::new(Uuid::new_v4()),
            correlation: None,
            repeated: false,
        };
        match clinic.bind_configured(signed_in.clone(), &issue).await {
            // They have changed it for another one, or somebody took it away: then it is a wallet like any other.
            Ok(_) | Err(UseCaseError::Refused(_)) => {
                self.authenticator.forget(wallet).await;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A session for whoever has signed in.
    ///
    /// # Errors
    /// `login-failed` when the account is closed, `database-unavailable` when nobody can tell.
    pub async fn open_session(&self, signed_in: &SignedIn) -> Result<OpenedSession, Problem> {
        let (token, session) = self.authenticator.open(signed_in).await?;
        // An account that was closed gets no session: the token stands for nobody.
        let closed = || Problem::new(ProblemKind::LoginFailed).detail("The account is closed.");
        let me = self.authenticator.authenticate(&token).await?.ok_or_else(closed)?;
        Ok(OpenedSession {
            token,
            idle_expires_at: Instant(session.idle_expires_at),
            expires_at: Instant(session.expires_at),
            me: Me::of(&me.principal, me.wallet),
        })
    }
}

fn refused(rejection: Rejection) -> Problem {
    Problem::new(ProblemKind::LoginFailed).detail(rejection.to_string())
}
