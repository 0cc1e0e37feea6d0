//! The state of an account and its decisions.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::command::AccountCommand;
use super::error::AccountError;
use super::event::{AccountEvent, Binding, Holder, KeyHash, Role, Said, Scope};
use crate::kernel::{AccountId, ClinicAggregate, Contradiction, DataSubject, Personal, Wallet};

/// A service's key, as far as it is known: never the key itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServiceKey {
    /// Its id.
    pub id: Uuid,
    /// Its hash.
    pub hash: KeyHash,
    /// What it may be used for: in order, each once, at least one.
    pub scopes: Vec<Scope>,
    /// When it stops working, if ever.
    pub expires: Option<DateTime<Utc>>,
    /// Whether it was revoked.
    pub revoked: bool,
}

impl ServiceKey {
    /// Whether it works at an instant: it does until it expires, and not at that instant any more.
    pub fn is_active(&self, now: DateTime<Utc>) -> bool {
        !self.revoked && self.expires.is_none_or(|expires| now < expires)
    }
}

/// An account. A snapshot of it holds nothing personal: a patient's wallet reads back sealed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Account {
    holder: Option<Holder>,
    wallet: Option<Said<Wallet>>,
    turn: u64,
    keys: Vec<ServiceKey>,
    closed: bool,
}

impl Account {
    /// Who holds it. `None` when it was never opened.
    pub const fn holder(&self) -> Option<&Holder> {
        self.holder.as_ref()
    }

    /// The data subject who holds it: whom wallets are claimed for that sign in to it. `None` for a service, and when that is sealed.
    pub fn subject(&self, id: AccountId) -> Option<DataSubject> {
        match self.holder()? {
            Holder::Patient(patient) => patient.known().copied().map(DataSubject::Patient),
            Holder::Practitioner { practitioner } => Some(DataSubject::Practitioner(*practitioner)),
            Holder::Staff { .. } => Some(DataSubject::Staff(id)),
            Holder::Service { .. } => None,
        }
    }

    /// The wallet that signs in. `None` when there is none, or it is sealed.
    pub fn wallet(&self) -> Option<Wallet> {
        self.wallet.as_ref().and_then(Said::known).copied()
    }

    /// Whether a wallet is bound, sealed or not.
    pub const fn has_wallet(&self) -> bool {
        self.wallet.is_some()
    }

    /// How often who signs in has changed.
    pub const fn turn(&self) -> u64 {
        self.turn
    }

    /// Whether it was closed.
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// All keys ever issued, in the order of their issue.
    pub fn keys(&self) -> &[ServiceKey] {
        &self.keys
    }

    /// The key with this hash, if it works at `now`. No key of a closed account works.
    pub fn active_key(&self, hash: &KeyHash, now: DateTime<Utc>) -> Option<&ServiceKey> {
        if self.closed {
            return None;
        }
        self.keys.iter().find(|key| key.hash == *hash && key.is_active(now))
    }

    fn open(&self, holder: Holder) -> Result<Vec<AccountEvent>, AccountError> {
        match &holder {
            // A login that nobody can open would sign nobody in.
            Holder::Patient(Personal::Sealed)
            | Holder::Staff {
                name: Personal::Sealed, ..
            } => return Err(AccountError::Sealed),
            Holder::Staff {
                role: Role::Patient | Role::Doctor,
                ..
            }
            | Holder::Service {
                role: Role::Patient | Role::Doctor,
                ..
            } => return Err(AccountError::RoleNotAllowed),
            _ => {}
        }
        match &self.holder {
            _ if self.closed => Err(AccountError::Closed),
            None => Ok(vec![AccountEvent::Opened { holder }]),
            Some(current) if *current == holder => Ok(Vec::new()),
            Some(Holder::Patient(Personal::Sealed)) if matches!(holder, Holder::Patient(_)) => {
                Err(AccountError::Sealed)
            }
            Some(Holder::Staff {
                name: Personal::Sealed, ..
            }) if matches!(holder, Holder::Staff { .. }) => Err(AccountError::Sealed),
            Some(_) => Err(AccountError::AlreadyOpen),
        }
    }

    fn bind(&self, holder: Holder, binding: Binding, turn: u64) -> Result<Vec<AccountEvent>, AccountError> {
        if matches!(holder, Holder::Service { .. }) {
            return Err(AccountError::NotAPerson);
        }
        if self.wallet() == Some(binding.wallet) && self.holder.as_ref() == Some(&holder) && !self.closed {
            return Ok(Vec::new());
        }
        let bound = holder.says(binding).ok_or(AccountError::Sealed)?;
        let mut events = self.open(holder)?;
        if self.has_wallet() {
            return Err(AccountError::WalletBound);
        }
        if turn != self.turn {
            return Err(AccountError::InvitationUsed);
        }
        events.push(AccountEvent::WalletBound { binding: bound });
        Ok(events)
    }

    /// The holder of an account that has this wallet.
    fn holder_with(&self, wallet: Wallet) -> Result<&Holder, AccountError> {
        let holder = self.holder.as_ref().ok_or(AccountError::NotOpen)?;
        if self.wallet() == Some(wallet) {
            Ok(holder)
        } else {
            Err(AccountError::NotTheWallet)
        }
    }

    fn change_wallet(&self, from: Wallet, binding: Binding) -> Result<Vec<AccountEvent>, AccountError> {
        let holder = self.holder_with(from)?;
        if self.closed {
            return Err(AccountError::Closed);
        }
        let binding = holder.says(binding).ok_or(AccountError::Sealed)?;
        Ok(vec![AccountEvent::WalletBound { binding }])
    }

    /// Allowed on a closed account too: taking a right away is never wrong.
    fn unbind(&self, wallet: Wallet, reason: String) -> Result<Vec<AccountEvent>, AccountError> {
        let holder = self.holder_with(wallet)?;
        let reason = holder.says(reason).ok_or(AccountError::Sealed)?;
        Ok(vec![AccountEvent::WalletUnbound { reason }])
    }

    fn issue_key(&self, key: ServiceKey, now: DateTime<Utc>) -> Result<Vec<AccountEvent>, AccountError> {
        match &self.holder {
            None => return Err(AccountError::NotOpen),
            Some(_) if self.closed => return Err(AccountError::Closed),
            Some(Holder::Service { .. }) => {}
            Some(_) => return Err(AccountError::NotAService),
        }
        if key.scopes.is_empty() {
            return Err(AccountError::NoScope);
        }
        if key.expires.is_some_and(|expires| expires <= now) {
            return Err(AccountError::AlreadyExpired);
        }
        // Two ids for one secret would leave it working after one of them is revoked.
        if self
            .keys
            .iter()
            .any(|known| known.id == key.id || known.hash == key.hash)
        {
            return Err(AccountError::KeyExists);
        }
        let ServiceKey {
            id,
            hash,
            mut scopes,
            expires,
            ..
        } = key;
        scopes.sort_unstable();
        scopes.dedup();
        Ok(vec![AccountEvent::KeyIssued {
            key: id,
            hash,
            scopes,
            expires,
        }])
    }

    /// Allowed on a closed account too: taking a right away is never wrong.
    fn revoke_key(&self, id: Uuid) -> Result<Vec<AccountEvent>, AccountError> {
        if self.holder.is_none() {
            return Err(AccountError::NotOpen);
        }
        let key = self
            .keys
            .iter()
            .find(|key| key.id == id)
            .ok_or(AccountError::UnknownKey)?;
        Ok(if key.revoked {
            Vec::new()
        } else {
            vec![AccountEvent::KeyRevoked { key: id }]
        })
    }

    /// An account that was never opened is closed as well, so that whoever opens it at the same moment is too late.
    fn bar(&self) -> Vec<AccountEvent> {
        if self.closed {
            Vec::new()
        } else {
            vec![AccountEvent::Closed]
        }
    }

    fn close(&self) -> Result<Vec<AccountEvent>, AccountError> {
        match (&self.holder, self.closed) {
            (None, _) => Err(AccountError::NotOpen),
            (Some(_), true) => Ok(Vec::new()),
            (Some(_), false) => Ok(vec![AccountEvent::Closed]),
        }
    }
}

impl ClinicAggregate for Account {
    type Id = AccountId;
    type Command = AccountCommand;
    type Event = AccountEvent;
    type Error = AccountError;

    fn decide(&self, command: AccountCommand) -> Result<Vec<AccountEvent>, AccountError> {
        match command {
            AccountCommand::Open { holder } => self.open(holder),
            AccountCommand::IssueKey {
                key,
                hash,
                scopes,
                expires,
                now,
            } => self.issue_key(
                ServiceKey {
                    id: key,
                    hash,
                    scopes,
                    expires,
                    revoked: false,
                },
                now,
            ),
            AccountCommand::RevokeKey { key } => self.revoke_key(key),
            AccountCommand::Bind { holder, binding, turn } => self.bind(holder, binding, turn),
            AccountCommand::ChangeWallet { from, binding } => self.change_wallet(from, binding),
            AccountCommand::Unbind { wallet, reason } => self.unbind(wallet, reason),
            AccountCommand::Close => self.close(),
            AccountCommand::Bar => Ok(self.bar()),
        }
    }

    fn apply(&mut self, event: AccountEvent) {
        match event {
            AccountEvent::Opened { holder } => self.holder = Some(holder),
            AccountEvent::KeyIssued {
                key,
                hash,
                scopes,
                expires,
            } => {
                self.keys.push(ServiceKey {
                    id: key,
                    hash,
                    scopes,
                    expires,
                    revoked: false,
                });
            }
            AccountEvent::KeyRevoked { key } => {
                for known in self.keys.iter_mut().filter(|known| known.id == key) {
                    known.revoked = true;
                }
            }
            AccountEvent::Closed => self.closed = true,
            AccountEvent::WalletBound { binding } => {
                self.wallet = Some(binding.map(|binding| binding.wallet));
                self.turn = self.turn.saturating_add(1);
            }
            AccountEvent::WalletUnbound { .. } => {
                self.wallet = None;
                self.turn = self.turn.saturating_add(1);
            }
        }
    }

    fn contradiction(&self, event: &AccountEvent) -> Option<Contradiction> {
        self.contradicted_by(event)
    }
}
