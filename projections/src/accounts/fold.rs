//! An account as its events leave it.

use application::queries::{WalletAct, WalletActKind};
use chrono::{DateTime, Utc};
use domain::account::{AccountEvent, Binding, Holder, KeyHash, Role, Scope, Title};
use domain::kernel::{PatientId, PractitionerId, Wallet};
use uuid::Uuid;

use crate::batch::Stamp;
use crate::column;

/// A row of `accounts`, with its keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct AccountRow {
    pub(crate) listed: bool,
    pub(crate) name: Option<String>,
    pub(crate) role: Role,
    pub(crate) wallet: Option<Wallet>,
    pub(crate) patient: Option<PatientId>,
    pub(crate) practitioner: Option<PractitionerId>,
    pub(crate) closed: bool,
    pub(crate) keys: Vec<KeyRow>,
    pub(crate) wallet_acts: Vec<WalletAct>,
    pub(crate) version: u64,
    pub(crate) position: u64,
}

/// A row of `account_keys`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct KeyRow {
    pub(crate) key: Uuid,
    pub(crate) hash: KeyHash,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) expires: Option<DateTime<Utc>>,
    pub(crate) revoked: bool,
    /// The position of the event that issued it.
    pub(crate) issued: u64,
}

impl AccountRow {
    fn open(stamp: &Stamp, holder: &Holder) -> Self {
        let name = match holder {
            Holder::Staff { name, .. } | Holder::Service { name, .. } => Some(name.clone()),
            Holder::Patient(_) | Holder::Practitioner { .. } => None,
        };
        Self {
            listed: name.is_some(),
            name,
            role: holder.role(),
            wallet: None,
            patient: holder.patient(),
            practitioner: holder.practitioner(),
            closed: false,
            keys: Vec::new(),
            wallet_acts: Vec::new(),
            version: stamp.version,
            position: stamp.position,
        }
    }
}

fn bound(stamp: &Stamp, binding: &Binding) -> WalletAct {
    let (kind, by) = match &binding.title {
        Title::Registration => (WalletActKind::Registered, stamp.by),
        Title::Invitation { issuer } => (WalletActKind::Invited, Some(*issuer)),
        Title::FormerWallet { .. } => (WalletActKind::Changed, stamp.by),
        Title::Configuration => (WalletActKind::Configured, None),
        Title::Approval { issuer } => (WalletActKind::Approved, Some(*issuer)),
    };
    WalletAct {
        at: column::instant(stamp.at),
        kind,
        by,
        wallet: Some(binding.wallet),
        reason: None,
    }
}

pub(crate) fn fold(row: Option<AccountRow>, stamp: &Stamp, event: &AccountEvent) -> Option<AccountRow> {
    if let AccountEvent::Opened { holder } = event {
        return Some(AccountRow::open(stamp, holder));
    }
    let mut row = row?;
    row.version = stamp.version;
    row.position = stamp.position;
    match event {
        AccountEvent::Opened { .. } => {}
        AccountEvent::KeyIssued {
            key,
            hash,
            scopes,
            expires,
        } => row.keys.push(KeyRow {
            key: *key,
            hash: *hash,
            scopes: scopes.clone(),
            expires: *expires,
            revoked: false,
            issued: stamp.position,
        }),
        AccountEvent::KeyRevoked { key: revoked } => {
            for key in row.keys.iter_mut().filter(|key| key.key == *revoked) {
                key.revoked = true;
            }
        }
        AccountEvent::Closed => row.closed = true,
        AccountEvent::WalletBound { binding } => {
            let binding = binding.known();
            row.wallet = binding.map(|binding| binding.wallet);
            row.wallet_acts.extend(binding.map(|binding| bound(stamp, binding)));
        }
        AccountEvent::WalletUnbound { reason } => {
            row.wallet = None;
            row.wallet_acts.extend(reason.known().map(|reason| WalletAct {
                at: column::instant(stamp.at),
                kind: WalletActKind::TakenAway,
                by: stamp.by,
                wallet: None,
                reason: Some(reason.clone()),
            }));
        }
    }
    Some(row)
}
