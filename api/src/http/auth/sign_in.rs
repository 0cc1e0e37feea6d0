//! The two steps of signing in: a challenge, and a session for whoever has signed it.

use application::error::UseCaseError;
use chrono::TimeDelta;

use super::Rejection;
use crate::http::core::Core;
use crate::http::dto::{Challenge, Instant, Me, OpenedSession, SignIn};
use crate::http::problem::{Problem, ProblemKind};

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

    /// A session for whoever signed a challenge.
    ///
    /// # Errors
    /// `login-failed` when it is not accepted, `database-unavailable` when nobody can tell.
    pub async fn sign_in(&self, signed: &SignIn) -> Result<OpenedSession, Problem> {
        let now = self.ports.clock.now();
        let verified = self.sign_in.verify(&signed.message, &signed.signature, now);
        let verified = verified.map_err(refused)?;
        // Last of all, so that only who holds the key can use a nonce up.
        let consumed = self.ports.sessions.consume_nonce(&verified.nonce, now).await;
        if !consumed.map_err(UseCaseError::Store)? {
            return Err(refused(Rejection::Nonce));
        }
        let (token, session) = self.authenticator.open(verified.wallet).await?;
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
