//! Invitations and wallets in JSON.

use application::queries::{self, AccountView};
use application::wallets::IssuedInvitation;
use domain::kernel::TextRule;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::text::{InvitationText, TakingReason};
use super::{Checked, Checks, Instant, SignIn, WalletAddress};

/// An invitation: the right to bind a wallet, once. Whoever has it can use it, so hand it to nobody but the person invited.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invitation {
    /// The secret. Shown in this answer and never again; a lost one is issued anew.
    #[schema(example = "mi_9Zt3sQ8xkJ0mB2vT7cYfR1wHnEaLuDpGiXoKeVzNbMw")]
    pub invitation: String,
    /// When it ends.
    pub expires_at: Instant,
}

impl From<IssuedInvitation> for Invitation {
    fn from(issued: IssuedInvitation) -> Self {
        Self {
            invitation: issued.secret,
            expires_at: Instant(issued.expires_at),
        }
    }
}

/// An invitation to accept.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AcceptInvitation {
    /// The secret, as it was handed over.
    #[schema(inline, value_type = InvitationText)]
    pub invitation: String,
}

impl Checked for AcceptInvitation {
    type Domain = String;

    fn check(self, checks: &mut Checks) -> String {
        checks.fits("invitation", self.invitation, TextRule::INVITATION)
    }
}

/// Another wallet for the caller's account. Both wallets sign a message as for signing in, each with a nonce of its own and both with the
/// statement `I change the wallet of my account from 0x… to 0x….`, which names the wallet that is bound now and the other one, with
/// their checksums (EIP-55). Neither signature is good for any other change.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeWallet {
    /// What the wallet has signed that is bound now.
    pub current: SignIn,
    /// What the other one has signed.
    pub new: SignIn,
}

impl Checked for ChangeWallet {
    type Domain = Self;

    fn check(self, _: &mut Checks) -> Self {
        self
    }
}

/// Why a registrar takes a wallet away.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TakeWalletAway {
    /// The reason. The person sees it, with who took the wallet away.
    #[schema(inline, value_type = TakingReason)]
    pub reason: String,
}

impl Checked for TakeWalletAway {
    type Domain = String;

    fn check(self, checks: &mut Checks) -> String {
        checks.fits("reason", self.reason, TextRule::DECISION)
    }
}

/// The caller's wallet, and what was done to it.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnWallet {
    /// The wallet that signs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wallet: Option<WalletAddress>,
    /// What was done to it, oldest first.
    pub acts: Vec<WalletAct>,
}

impl From<AccountView> for OwnWallet {
    fn from(view: AccountView) -> Self {
        Self {
            wallet: view.wallet.map(Into::into),
            acts: view.wallet_acts.into_iter().map(Into::into).collect(),
        }
    }
}

/// Something that was done to an account's wallet.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WalletAct {
    /// When.
    pub at: Instant,
    /// What.
    pub act: WalletActKind,
    /// By which account: who had invited, or the registrar; the caller's own for what they did themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Uuid>,
    /// The wallet that was bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wallet: Option<WalletAddress>,
    /// The registrar's reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl From<queries::WalletAct> for WalletAct {
    fn from(act: queries::WalletAct) -> Self {
        Self {
            at: Instant(act.at),
            act: act.kind.into(),
            by: act.by.map(domain::kernel::AccountId::uuid),
            wallet: act.wallet.map(Into::into),
            reason: act.reason,
        }
    }
}

/// What can be done to a wallet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WalletActKind {
    /// Bound: its owner registered with it.
    Registered,
    /// Bound by an invitation.
    Invited,
    /// Changed for another one, by the signatures of both.
    Changed,
    /// Bound: the operator's configuration names it.
    Configured,
    /// Bound: its owner had asked to be registered, and `by` has approved.
    Approved,
    /// Taken away by a registrar.
    TakenAway,
}

impl From<queries::WalletActKind> for WalletActKind {
    fn from(kind: queries::WalletActKind) -> Self {
        match kind {
            queries::WalletActKind::Registered => Self::Registered,
            queries::WalletActKind::Invited => Self::Invited,
            queries::WalletActKind::Changed => Self::Changed,
            queries::WalletActKind::Configured => Self::Configured,
            queries::WalletActKind::Approved => Self::Approved,
            queries::WalletActKind::TakenAway => Self::TakenAway,
        }
    }
}
