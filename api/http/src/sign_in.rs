//! The two steps of signing in: a challenge, and a session for whoever has signed it. What was signed is kept with the session: it is the
//! proof when the wallet is bound to an account.

use std::sync::Arc;

use api_wire::dto::{Challenge, ChangeWallet, Instant, Me, OpenedSession, SignIn};
use api_wire::problem::ProblemKind;
use api_wire::wallet_address::checksummed;
use application::error::UseCaseError;
use application::ports::sessions::SignedIn;
use application::trouble::Weight;
use application::use_cases::clinic::{Backend, Clinic, Issue};
use application::use_cases::wallets::WalletChange;
use chrono::{DateTime, TimeDelta, Utc};
use domain::account::Proof;
use domain::kernel::{CommandId, Wallet};
use tokio::time::timeout;
use tracing::Instrument as _;
use uuid::Uuid;

use super::auth::{Barred, Rejection, Verified, nonce};
use super::core::Core;
use super::problem::Problem;

/// What every agreement to a change of wallets begins with.
const AGREES: &str = "I change the wallet of my account";

/// What a wallet states that has its patient erased.
const ERASES: &str = "I have all erased that is known of me here, for ever.";

/// What messages begin with that are for something else than signing in: they sign nobody in.
const NOT_FOR_SIGNING_IN: [&str; 2] = [AGREES, ERASES];

/// What both wallets state when one takes the place of the other. It names both, so that neither signature is good for any other change.
fn agreement(from: &Wallet, to: &Wallet) -> String {
    let (from, to) = (checksummed(from), checksummed(to));
    format!("{AGREES} from {from} to {to}.")
}

/// The longest message, in bytes: it is kept with the session, and may come to stand in an event.
const LONGEST_MESSAGE: usize = 2000;

impl Core {
    /// What a wallet is to sign, with a nonce that works once and not for long.
    ///
    /// # Errors
    /// `internal` when the system gives no randomness.
    pub fn challenge(&self) -> Result<Challenge, Problem> {
        let issued_at = self.ports.clock.now();
        let expires_at = issued_at + TimeDelta::from_std(self.settings.nonce_lifetime).unwrap_or_default();
        let nonce = nonce::make(self.ports.secrets.as_ref(), expires_at);
        let nonce = nonce.map_err(|error| Problem::new(ProblemKind::Internal).cause(error))?;
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
        let (signed_in, Verified { nonce, statement, .. }) = self.checked(signed).map_err(refused)?;
        let is_for_something_else =
            |statement: String| NOT_FOR_SIGNING_IN.iter().any(|begin| statement.starts_with(begin));
        if statement.is_some_and(is_for_something_else) {
            return Err(refused(Rejection::Statement));
        }
        // Last of all, so that only who holds the key can use a nonce up, or a wallet's quota.
        let ends = self.nonce_end(&nonce).map_err(refused)?;
        self.limiter.wallet(&signed_in.wallet)?;
        let used = self.ports.sessions.use_nonce(&nonce, ends).await;
        if !used.map_err(UseCaseError::Store)? {
            return Err(refused(Rejection::Nonce));
        }
        Ok(signed_in)
    }

    /// When a nonce ends, if it is ours and has not ended.
    fn nonce_end(&self, nonce: &str) -> Result<DateTime<Utc>, Rejection> {
        nonce::end(self.ports.secrets.as_ref(), nonce, self.ports.clock.now()).ok_or(Rejection::Nonce)
    }

    /// Two wallets that have signed that one takes the place of the other. The nonces are used up for this command.
    ///
    /// # Errors
    /// [`UseCaseError::Unproved`] with where it stands in the request, and what is wrong.
    pub async fn agreed(&self, asked: &ChangeWallet, command: CommandId) -> Result<WalletChange, UseCaseError> {
        let unproved = |pointer| move |detail: String| UseCaseError::Unproved { pointer, detail };
        let proved = |signed, pointer| {
            let checked = self.checked(signed);
            checked.map_err(|rejection| unproved(pointer)(rejection.to_string()))
        };
        let (current, new) = ("/current", "/new");
        let ((from, leaving), (to, coming)) = (proved(&asked.current, current)?, proved(&asked.new, new)?);
        let agreement = agreement(&from.wallet, &to.wallet);
        for (message, pointer) in [(&leaving, current), (&coming, new)] {
            if message.statement.as_deref() != Some(&agreement) {
                let detail = format!("The message's statement must be: {agreement}");
                return Err(unproved(pointer)(detail));
            }
        }
        if leaving.nonce == coming.nonce {
            return Err(unproved(new)("The message needs a nonce of its own.".to_owned()));
        }
        for (Verified { nonce, .. }, pointer) in [(&leaving, current), (&coming, new)] {
            let refused = |rejection: Rejection| unproved(pointer)(rejection.to_string());
            let ends = self.nonce_end(nonce).map_err(refused)?;
            if !self.ports.sessions.spend_nonce(nonce, command, ends).await? {
                return Err(refused(Rejection::Nonce));
            }
        }
        Ok(WalletChange { from, to })
    }

    /// Checks that this wallet has signed that all is to be erased that is known of its owner. The nonce is used up for this command.
    ///
    /// # Errors
    /// [`UseCaseError::Unproved`] with what is wrong.
    pub async fn wants_erasure(&self, signed: &SignIn, of: Wallet, command: CommandId) -> Result<(), UseCaseError> {
        let pointer = "/signed";
        let refused = |rejection: Rejection| UseCaseError::Unproved {
            pointer,
            detail: rejection.to_string(),
        };
        let (signed_in, Verified { nonce, statement, .. }) = self.checked(signed).map_err(refused)?;
        if statement.as_deref() != Some(ERASES) {
            let detail = format!("The message's statement must be: {ERASES}");
            return Err(UseCaseError::Unproved { pointer, detail });
        }
        if signed_in.wallet != of {
            let detail = "must be signed by the wallet that is bound to your account".to_owned();
            return Err(UseCaseError::Unproved { pointer, detail });
        }
        // Last of all, so that nobody else uses it up.
        let ends = self.nonce_end(&nonce).map_err(refused)?;
        match self.ports.sessions.spend_nonce(&nonce, command, ends).await? {
            true => Ok(()),
            false => Err(refused(Rejection::Nonce)),
        }
    }

    /// What a message proves, and what it says.
    fn checked(&self, signed: &SignIn) -> Result<(SignedIn, Verified), Rejection> {
        if signed.message.len() > LONGEST_MESSAGE {
            return Err(Rejection::TooLong);
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
            session: None,
        };
        Ok((signed_in, verified))
    }

    /// Makes the wallet that the configuration names an administrator's when it signs in for the first time. That is a command like any
    /// other: it goes on when nobody waits for it any more, or hangs up.
    ///
    /// # Errors
    /// The problem that the command ended in; `outcome-unknown` when the chain takes too long. Where it may go on later, the problem says
    /// what keeps it from that.
    pub async fn welcome<B: Backend>(&self, clinic: Arc<Clinic<B>>, signed_in: &SignedIn) -> Result<(), Problem> {
        let wallet = &signed_in.wallet;
        if self.settings.administrator != Some(*wallet) || self.authenticator.has_account(wallet).await? {
            return Ok(());
        }
        let issue = Issue {
            command_id: CommandId::new(Uuid::new_v4()),
            correlation: None,
            repeated: false,
        };
        let (signed_in, authenticator) = (signed_in.clone(), Arc::clone(&self.authenticator));
        let binding = async move {
            let wallet = signed_in.wallet;
            match clinic.bind_configured(signed_in, &issue).await {
                // They have changed it for another one, or somebody took it away: then it is a wallet like any other.
                Ok(_) | Err(UseCaseError::Refused(_)) => {
                    authenticator.forget(&wallet).await;
                    Ok(())
                }
                Err(error) => Err(Problem::from(error)),
            }
        };
        // The rest is for finding out what keeps it.
        let patience = self.settings.command_wait * 9 / 10;
        match timeout(patience, tokio::spawn(binding.in_current_span())).await {
            Ok(Ok(Err(problem))) if problem.kind().status() == 503 => Err(problem.detail(self.what_keeps_it().await)),
            Ok(bound) => bound.unwrap_or_else(|error| Err(Problem::new(ProblemKind::Internal).cause(error))),
            Err(_) => Err(Problem::new(ProblemKind::OutcomeUnknown).detail(self.what_keeps_it().await)),
        }
    }

    /// What is said to the first administrator whose account the chain keeps waiting. They may know what is wrong with the server: it is
    /// they who set it up.
    async fn what_keeps_it(&self) -> String {
        let status = timeout(self.settings.command_wait / 10, self.ports.status.status()).await;
        let troubles = status.ok().and_then(Result::ok).map(|status| status.troubles);
        let causes: Vec<_> = troubles
            .iter()
            .flatten()
            .filter(|told| told.trouble.kind.weight() >= Weight::Stalled)
            .map(|told| format!("{} ({})", told.trouble.cause, told.trouble.kind.code()))
            .collect();
        let causes = if causes.is_empty() {
            "Nothing is known to be wrong: blocks may be slow to come, or to become final".to_owned()
        } else {
            causes.join("; ")
        };
        format!(
            "The wallet becomes the first administrator's as soon as the chain has taken it, which it has not. {causes}. Sign in again \
             afterwards."
        )
    }

    /// A session for whoever has signed in.
    ///
    /// # Errors
    /// `account-closed`, `wallet-being-taken` or `sealed` when the wallet's account signs nobody in; `database-unavailable` when nobody
    /// can tell.
    pub async fn open_session(&self, signed_in: &SignedIn) -> Result<OpenedSession, Problem> {
        if let Some(barred) = self.authenticator.barred(&signed_in.wallet).await? {
            return Err(turned_away(barred));
        }
        let (token, session) = self.authenticator.open(signed_in).await?;
        // What has become of the account or the session meanwhile.
        let ended = || Problem::new(ProblemKind::LoginFailed).detail("The session ended at once. Sign in again.");
        let me = self.authenticator.authenticate(&token).await?.ok_or_else(ended)?;
        Ok(OpenedSession {
            token,
            idle_expires_at: Instant(session.idle_expires_at),
            expires_at: Instant(session.expires_at),
            me: Me::of(&me.principal, me.wallet),
        })
    }
}

/// What is said to who has proved a wallet whose account signs nobody in. Why, and by whom, is for the account's holder, and a wallet that
/// is taken away may be a thief's.
fn turned_away(barred: Barred) -> Problem {
    Problem::new(match barred {
        Barred::Closed => ProblemKind::AccountClosed,
        Barred::WalletTaken => ProblemKind::WalletBeingTaken,
        Barred::Sealed => ProblemKind::Sealed,
    })
}

fn refused(rejection: Rejection) -> Problem {
    Problem::new(ProblemKind::LoginFailed).detail(rejection.to_string())
}
