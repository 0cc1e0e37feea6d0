//! Invitations and wallets in JSON.

use application::ports::queries::{self, AccountView};
use application::use_cases::wallets::IssuedInvitation;
use domain::kernel::TextRule;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::text::{InvitationText, TakingReason};
use super::{Instant, SignIn, WalletAddress, wire_enum};
use crate::check::{Checked, Checks};

/// An invitation to bind a wallet to an account, once. Whoever has its secret can use it: hand it to nobody but the person who is
/// invited.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invitation {
    /// The secret of the invitation. It is shown in this answer and never again; if it is lost, issue another invitation.
    #[schema(example = "mi_9Zt3sQ8xkJ0mB2vT7cYfR1wHnEaLuDpGiXoKeVzNbMw")]
    pub invitation: String,
    /// When the invitation expires.
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

/// The body of a request to accept an invitation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AcceptInvitation {
    /// The secret of the invitation, as it was handed over.
    #[schema(inline, value_type = InvitationText)]
    pub invitation: String,
}

impl Checked for AcceptInvitation {
    type Domain = String;

    fn check(self, checks: &mut Checks) -> String {
        checks.fits("invitation", self.invitation, TextRule::INVITATION)
    }
}

/// The body of a request to bind another wallet to the caller's account. Both wallets sign a message as for signing in, each with a
/// nonce of its own and both with the statement `I change the wallet of my account from 0x… to 0x….`, which names the wallet that is
/// bound now and the new one, with their checksums (EIP-55). Neither signature is good for any other change.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeWallet {
    /// The message that the wallet which is bound now has signed.
    pub current: SignIn,
    /// The message that the new wallet has signed.
    pub new: SignIn,
}

impl Checked for ChangeWallet {
    type Domain = Self;

    fn check(self, _: &mut Checks) -> Self {
        self
    }
}

/// The body of a patient's request to be erased. Their wallet signs a message as for signing in, with a nonce of its own and the statement `I have all erased that is known of me here, for ever.`
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EraseMe {
    /// The message that the patient's wallet has signed.
    pub signed: SignIn,
}

impl Checked for EraseMe {
    type Domain = SignIn;

    fn check(self, _: &mut Checks) -> SignIn {
        self.signed
    }
}

/// The body of a registrar's request to take a wallet away.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TakeWalletAway {
    /// Why the wallet is taken away. The person whose wallet it is sees the reason, and who took the wallet away.
    #[schema(inline, value_type = TakingReason)]
    pub reason: String,
}

impl Checked for TakeWalletAway {
    type Domain = String;

    fn check(self, checks: &mut Checks) -> String {
        checks.fits("reason", self.reason, TextRule::DECISION)
    }
}

/// The wallet of the caller's account, and its history.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnWallet {
    /// The wallet that signs in to the account, if one is bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wallet: Option<WalletAddress>,
    /// What was done to the account's wallet, oldest first.
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

/// One entry in the history of an account's wallet.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WalletAct {
    /// When it was done.
    pub at: Instant,
    /// What was done.
    pub act: WalletActKind,
    /// The id of the account by which it was done: of whoever invited or approved, of the registrar, or the person's own for what they
    /// did themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Uuid>,
    /// The wallet that was bound, if one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wallet: Option<WalletAddress>,
    /// The registrar's reason, if the wallet was taken away.
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

wire_enum!(
    /// What was done to an account's wallet: `registered` (bound when its owner registered with it), `invited` (bound by an invitation),
    /// `changed` (replaced by another one, which both have signed), `configured` (bound because the operator's configuration names it),
    /// `approved` (bound when the registration request of its owner was approved by `by`) or `taken-away` (by a registrar).
    WalletActKind = queries::WalletActKind
);
