//! Accounts, keys and sign-in in JSON.

use application::policy::identity::Principal;
use application::ports::queries::{AccountView, KeyView};
use application::use_cases::accounts::{NewAccount, NewKey};
use domain::account;
use domain::kernel::{AccountId, PatientId, PractitionerId, TextRule, Wallet};
use serde::{Deserialize, Serialize};
use strum::VariantArray as _;
use utoipa::ToSchema;
use uuid::Uuid;

use super::text::AccountName;
use super::wire_enum::wire_enum;
use super::{Attested, Instant, WalletAddress};
use crate::check::{Checked, Checks};

wire_enum!(
    /// The role of an account: `patient` (has access to their own record), `doctor` (a practitioner, who has their own calendar),
    /// `hospital` (the staff and systems of the hospital that runs this server), `insurer`, `registrar` (takes
    /// a wallet away from an account, for instance one that was lost), `auditor` (reads the state of the server and of its log, and no health data) or
    /// `administrator` (runs the server, and sees no health data).
    Role = account::Role
);

wire_enum!(
    /// A scope of a service's key, which is what the key may be used for: `read` (reading), `write` (changing) or `import` (recording
    /// history from another system).
    Scope = account::Scope
);

impl Checked for Scope {
    type Domain = account::Scope;

    fn check(self, _: &mut Checks) -> account::Scope {
        self.into()
    }
}

/// The kind of holder that an account is for: `service` (another system, which has keys) or `person` (a person of the staff, who binds
/// a wallet by an invitation).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccountKind {
    /// Another system, with a key.
    #[default]
    Service,
    /// A person of the staff, with a wallet that they bind by an invitation.
    Person,
}

/// The body of a request to open an account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({ "name": "Ward 3 bedside terminals", "role": "hospital" }))]
pub struct OpenAccount {
    /// The name of the account, as shown in lists. No two services have the same name.
    #[schema(inline, value_type = AccountName)]
    pub name: String,
    /// The role of the account: any but `patient` and `doctor`, whose accounts are opened when they are registered.
    pub role: Role,
    /// The kind of holder that the account is for.
    #[serde(default)]
    #[schema(required = false)]
    pub kind: AccountKind,
}

impl Checked for OpenAccount {
    type Domain = NewAccount;

    fn check(self, checks: &mut Checks) -> NewAccount {
        let name = checks.fits("name", self.name, TextRule::ACCOUNT_NAME);
        let role = self.role.into();
        match self.kind {
            AccountKind::Person => NewAccount::Staff { name, role },
            AccountKind::Service => NewAccount::Service { name, role },
        }
    }
}

/// The body of a request to issue a key to a service.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IssueKey {
    /// The scopes of the key, each once.
    #[schema(value_type = HashSet<Scope>, min_items = 1, max_items = 3, example = json!(["read", "write"]))]
    pub scopes: Vec<Scope>,
    /// When the key expires. Without it, the key does not expire.
    #[serde(default)]
    pub expires: Option<Instant>,
}

impl Checked for IssueKey {
    type Domain = NewKey;

    fn check(self, checks: &mut Checks) -> NewKey {
        if self.scopes.is_empty() {
            checks.within("scopes", |checks| checks.wrong("must not be empty"));
        }
        NewKey {
            scopes: checks.set("scopes", self.scopes, account::Scope::VARIANTS.len()),
            expires: self.expires.map(|at| at.0),
        }
    }
}

/// The account of a service or of a person of the staff.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// The id of the account.
    pub id: Uuid,
    /// The name of the account, as shown in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Ward 3 bedside terminals")]
    pub name: Option<String>,
    /// The role of the account.
    pub role: Role,
    /// The wallet that signs in to the account, if one is bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wallet: Option<WalletAddress>,
    /// Whether the account is closed.
    pub closed: bool,
    /// The keys of the account, oldest first.
    pub keys: Vec<Key>,
    /// The version of the account, which is also its entity tag.
    #[schema(example = 2)]
    pub version: u64,
}

impl From<AccountView> for Account {
    fn from(view: AccountView) -> Self {
        // Which patient or doctor an account opens is not the administrator's business.
        let AccountView {
            id,
            name,
            role,
            wallet,
            closed,
            keys,
            version,
            ..
        } = view;
        Self {
            id: id.uuid(),
            name,
            role: role.into(),
            wallet: wallet.map(Into::into),
            closed,
            keys: keys.into_iter().map(Into::into).collect(),
            version,
        }
    }
}

/// A service's key, without its secret, which is stored nowhere.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// The id of the key.
    pub id: Uuid,
    /// The scopes of the key.
    pub scopes: Vec<Scope>,
    /// When the key expires; missing if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Instant>,
    /// Whether the key is revoked.
    pub revoked: bool,
}

impl From<KeyView> for Key {
    fn from(key: KeyView) -> Self {
        Self {
            id: key.id,
            scopes: key.scopes.into_iter().map(Into::into).collect(),
            expires: key.expires.map(Instant),
            revoked: key.revoked,
        }
    }
}

/// What the message to sign in with must contain.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Challenge {
    /// The nonce that the message must contain. It can be used once, before it expires.
    #[schema(example = "x7pV2mQ9sLr4Tn8Wc3Zk")]
    pub nonce: String,
    /// The domain that the message must contain.
    #[schema(example = "clinic.example")]
    pub domain: String,
    /// The URI that the message must contain.
    #[schema(example = "https://clinic.example")]
    pub uri: String,
    /// The chain id that the message must contain.
    #[schema(example = 1337)]
    pub chain_id: u64,
    /// The version of EIP-4361 that the message must contain.
    #[schema(example = "1")]
    pub version: &'static str,
    /// The current time by this server's clock, as the time at which the message is issued.
    pub issued_at: Instant,
    /// When the nonce expires.
    pub expires_at: Instant,
}

/// A message that somebody signed once: its nonce is used up.
const fn signed() -> &'static str {
    "clinic.example wants you to sign in with your Ethereum account:\n\
     0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1\n\n\nURI: https://clinic.example\nVersion: 1\nChain ID: 1337\n\
     Nonce: x7pV2mQ9sLr4Tn8Wc3Zk\nIssued At: 2026-03-01T08:00:00Z"
}

/// Their signature of it.
const fn signature() -> &'static str {
    "0xb761d38d788e0dac87177a471d352acf81d43c3f645f5e3e6442cc36faf41893\
     64d77d08006c1f408869102d2b02c3b419b794ef52796942257c89815a9fead21b"
}

/// A message (EIP-4361) with its signature by a wallet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignIn {
    /// The message (EIP-4361), exactly as it was signed. The address in it is in one case or has its checksum; the domain may have a
    /// scheme before it.
    #[schema(example = signed)]
    pub message: String,
    /// The signature (EIP-191) of the message by the address in it, in hexadecimal: 65 bytes, or 64 in the compact form of EIP-2098.
    #[schema(example = signature)]
    pub signature: String,
}

/// A session that was opened by signing in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenedSession {
    /// The session's token, to be sent as `Authorization: Bearer …`. It is shown in this answer only.
    #[schema(example = "ms_0zFJ6wXyq1b3sS9vU2kT8mN4pR7cD5eG_hAaLxYoQiE")]
    pub token: String,
    /// When the session ends if it is not used before.
    pub idle_expires_at: Instant,
    /// When the session ends in any case.
    pub expires_at: Instant,
    /// The caller who has signed in.
    pub me: Me,
}

/// The caller, as the server knows them by their token.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    /// Whether the caller has an account. A wallet without one may register as a patient or accept an invitation, and do nothing else.
    #[schema(example = true)]
    pub registered: bool,
    /// The id of the caller's account, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "3fa85f64-5717-4562-b3fc-2c963f66afa6")]
    pub account: Option<Uuid>,
    /// The role of the caller's account, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "patient")]
    pub role: Option<Role>,
    /// The id of the caller's record, if the caller is a patient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "3fa85f64-5717-4562-b3fc-2c963f66afa6")]
    pub patient: Option<Uuid>,
    /// The id of the caller's entry, if the caller is a practitioner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub practitioner: Option<Uuid>,
    /// How the caller stands with the registrars, if the caller is a practitioner. Who is not attested may say who they are, and do nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Attested>,
    /// The scopes of the key, if the caller is a service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<Scope>>,
    /// The wallet that has signed in, if the caller did so with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wallet: Option<WalletAddress>,
}

impl Me {
    /// Who a principal is.
    pub fn of(principal: &Principal, wallet: Option<Wallet>) -> Self {
        let (patient, practitioner, standing) = match principal {
            Principal::Patient { patient, .. } => (Some(PatientId::uuid(*patient)), None, None),
            Principal::Practitioner {
                practitioner, standing, ..
            } => (
                None,
                Some(PractitionerId::uuid(*practitioner)),
                Some(Attested(*standing)),
            ),
            _ => (None, None, None),
        };
        let scopes = match principal {
            Principal::Service { scopes, .. } => Some(scopes.iter().map(|scope| (*scope).into()).collect()),
            _ => None,
        };
        Self {
            registered: principal.account().is_some(),
            account: principal.account().map(AccountId::uuid),
            role: principal.role().map(Into::into),
            patient,
            practitioner,
            standing,
            scopes,
            wallet: wallet.map(Into::into),
        }
    }
}
