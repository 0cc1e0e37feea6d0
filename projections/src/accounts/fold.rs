//! An account as its events leave it.

use application::ports::queries::{WalletAct, WalletActKind};
use domain::account::{AccountEvent, Binding, Holder, Title};
use domain::kernel::AccountId;

use super::{Account, AccountRow, KeyRow};
use crate::column;
use crate::stamp::Stamp;

impl Account {
    fn open(id: AccountId, stamp: &Stamp, holder: &Holder) -> Self {
        let name = match holder {
            Holder::Staff { name, .. } => name.known().cloned(),
            Holder::Service { name, .. } => Some(name.clone()),
            Holder::Patient(_) | Holder::Practitioner { .. } => None,
        };
        let row = AccountRow {
            id,
            listed: matches!(holder, Holder::Staff { .. } | Holder::Service { .. }),
            name,
            role: holder.role(),
            wallet: None,
            patient: holder.patient(),
            practitioner: holder.practitioner(),
            closed: false,
            wallet_acts: Vec::new(),
            wallet_since: None,
            version: stamp.version,
            position: stamp.position,
        };
        Self { row, keys: Vec::new() }
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

pub(crate) fn fold(account: Option<Account>, id: AccountId, stamp: &Stamp, event: &AccountEvent) -> Option<Account> {
    if let AccountEvent::Opened { holder } = event {
        return Some(Account::open(id, stamp, holder));
    }
    let Account { mut row, mut keys } = account?;
    row.version = stamp.version;
    row.position = stamp.position;
    match event {
        AccountEvent::Opened { .. } => {}
        AccountEvent::KeyIssued {
            key,
            hash,
            scopes,
            expires,
        } => keys.push(KeyRow {
            account: id,
            ordinal: keys.len() as u64,
            key: *key,
            hash: *hash,
            scopes: scopes.clone(),
            expires: *expires,
            revoked: false,
            issued: stamp.position,
        }),
        AccountEvent::KeyRevoked { key: revoked } => {
            for key in keys.iter_mut().filter(|key| key.key == *revoked) {
                key.revoked = true;
            }
        }
        AccountEvent::Closed => row.closed = true,
        AccountEvent::WalletBound { binding } => {
            let binding = binding.known();
            row.wallet = binding.map(|binding| binding.wallet);
            row.wallet_since = Some(stamp.position);
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
    Some(Account { row, keys })
}
