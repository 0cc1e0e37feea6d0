//! Who is asking.

use std::collections::BTreeSet;

use domain::access_log::{Named, Reader};
use domain::account::{Role, Scope};
use domain::consent::{Grantee, StaffRole};
use domain::kernel::{AccountId, PatientId, PractitionerId, Teller, Wallet};
use domain::registries::practitioners::Standing;
use uuid::Uuid;

/// Somebody who has proved who they are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Principal {
    /// A wallet that has no account yet: it may register or accept an invitation, and nothing else.
    Unregistered {
        /// The wallet.
        wallet: Wallet,
    },
    /// A patient.
    Patient {
        /// Their account.
        account: AccountId,
        /// Their record.
        patient: PatientId,
    },
    /// A practitioner.
    Practitioner {
        /// Their account.
        account: AccountId,
        /// Their entry.
        practitioner: PractitionerId,
        /// How they stand with the registrars.
        standing: Standing,
    },
    /// A person of the staff.
    Staff {
        /// Their account.
        account: AccountId,
        /// Their role.
        role: Role,
    },
    /// Another system, with a key.
    Service {
        /// Its account.
        account: AccountId,
        /// The key that it uses.
        key: Uuid,
        /// Its role.
        role: Role,
        /// What its key may be used for.
        scopes: BTreeSet<Scope>,
        /// For whom it asks, if it names them: a person of the staff, or a practitioner.
        person: Option<Box<Self>>,
    },
}

impl Principal {
    /// The role; `None` for a wallet without an account.
    pub const fn role(&self) -> Option<Role> {
        match self {
            Self::Unregistered { .. } => None,
            Self::Patient { .. } => Some(Role::Patient),
            Self::Practitioner { .. } => Some(Role::Doctor),
            Self::Staff { role, .. } | Self::Service { role, .. } => Some(*role),
        }
    }

    /// The account; `None` for a wallet without one.
    pub const fn account(&self) -> Option<AccountId> {
        match self {
            Self::Unregistered { .. } => None,
            Self::Patient { account, .. }
            | Self::Practitioner { account, .. }
            | Self::Staff { account, .. }
            | Self::Service { account, .. } => Some(*account),
        }
    }

    /// Who wants it: the person for whom a service asks, or whoever asks themselves.
    pub fn person(&self) -> &Self {
        match self {
            Self::Service {
                person: Some(person), ..
            } => person,
            _ => self,
        }
    }

    /// Whether it acts for a hospital or the operator, and not for a person of their own.
    pub const fn is_of_a_hospital(&self) -> bool {
        matches!(self, Self::Staff { .. } | Self::Service { .. })
    }

    /// Whether it is a patient, for themselves.
    pub const fn is_a_patient(&self) -> bool {
        matches!(self, Self::Patient { .. })
    }

    /// As whom patients can grant it something here, at the organisation of this number. Of its doctors is a practitioner for whom its own system asks: whoever signs in by themselves may
    /// work anywhere.
    pub fn grantees(&self, organisation: u32) -> Vec<Grantee> {
        let works_as = |role| [Grantee::Organisation(organisation), Grantee::Role(organisation, role)];
        match (self, self.person()) {
            (Self::Service { .. }, Self::Practitioner { practitioner, .. }) => {
                let [all, doctors] = works_as(StaffRole::Doctor);
                vec![Grantee::Practitioner(*practitioner), all, doctors]
            }
            (_, Self::Practitioner { practitioner, .. }) => vec![Grantee::Practitioner(*practitioner)],
            (_, Self::Staff { role, .. }) => staff_role(*role).map(works_as).into_iter().flatten().collect(),
            (_, Self::Unregistered { .. } | Self::Patient { .. } | Self::Service { .. }) => Vec::new(),
        }
    }

    /// Whether it asks patients to grant something to this grantee, at the organisation of this number: a practitioner for themselves, the staff for any practitioner, for the organisation, and for a role in it.
    pub fn asks_for(&self, grantee: Grantee, organisation: u32) -> bool {
        match (self, grantee) {
            (Self::Practitioner { practitioner, .. }, _) => grantee == Grantee::Practitioner(*practitioner),
            (_, Grantee::Practitioner(_)) => true,
            (_, Grantee::Organisation(number) | Grantee::Role(number, _)) => number == organisation,
        }
    }

    /// As whom it reads; `None` for a wallet without an account.
    pub fn reader(&self) -> Option<Reader> {
        match *self {
            Self::Unregistered { .. } => None,
            Self::Patient { .. } => Some(Reader::Patient),
            Self::Practitioner { practitioner, .. } => Some(Reader::Practitioner(practitioner)),
            Self::Staff { account, role } => Some(Reader::Staff { account, role }),
            Self::Service {
                account,
                key,
                role,
                ref person,
                ..
            } => Some(match person.as_deref().and_then(Self::named) {
                Some(person) => Reader::ServiceFor {
                    account,
                    key,
                    role,
                    person,
                },
                None => Reader::Service { account, key, role },
            }),
        }
    }

    /// As whom a service names them for whom it asks; `None` of those whom none names.
    const fn named(&self) -> Option<Named> {
        match *self {
            Self::Staff { account, .. } => Some(Named::Staff(account)),
            Self::Practitioner { practitioner, .. } => Some(Named::Practitioner(practitioner)),
            Self::Unregistered { .. } | Self::Patient { .. } | Self::Service { .. } => None,
        }
    }

    /// As whom it tells something of somebody.
    pub const fn teller(&self) -> Teller {
        if self.is_of_a_hospital() {
            Teller::Hospital
        } else {
            Teller::Person
        }
    }

    /// The key that a service uses; `None` for people.
    pub const fn key(&self) -> Option<Uuid> {
        match self {
            Self::Service { key, .. } => Some(*key),
            Self::Unregistered { .. } | Self::Patient { .. } | Self::Practitioner { .. } | Self::Staff { .. } => None,
        }
    }

    /// Whether a service's key covers the scope. People have no scopes; their role alone limits them.
    pub fn covers(&self, scope: Scope) -> bool {
        match self {
            Self::Service { scopes, .. } => scopes.contains(&scope),
            _ => true,
        }
    }
}

/// As what somebody works at a hospital, if it is with patients.
const fn staff_role(role: Role) -> Option<StaffRole> {
    match role {
        Role::Nurse => Some(StaffRole::Nurse),
        Role::Reception => Some(StaffRole::Reception),
        Role::Laboratory => Some(StaffRole::Laboratory),
        Role::Patient
        | Role::Doctor
        | Role::Hospital
        | Role::Insurer
        | Role::Registrar
        | Role::Auditor
        | Role::Administrator => None,
    }
}
