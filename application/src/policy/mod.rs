//! Who may do what: one table, everything denied unless it stands there.
//!
//! A rule grants an action to a role, on everything ([`Reach::Any`]) or on what is theirs ([`Reach::Own`]). What is not
//! theirs is hidden: the caller gets the same answer as for an id that does not exist. A service needs, beside its role, a
//! key with the action's scope; a practitioner, an attestation of a registrar. What reaches as far as patients consent
//! ([`Reach::Consented`]), or to those who are treated here ([`Reach::Treated`]), is denied until [`access`] has seen that they do and are.
//!
//! A service that names the person for whom it asks may do what both may. What is clinical, and what somebody vouches for, it may do for a person
//! alone: [`FOR_PERSONS`].
//!
//! - [`identity`]: who is asking. [`access`]: leave to use what is known of patients. [`rules`]: what an operator decides.

pub mod access;
pub mod identity;
pub mod rules;

use domain::account::{Role, Scope};
use domain::kernel::{PatientId, PractitionerId};
use domain::registries::practitioners::Standing;

use crate::policy::identity::Principal;

/// What can be asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    /// Register oneself as a patient.
    RegisterSelf,
    /// See what has become of one's request to be registered.
    ReadOwnRequest,
    /// List the requests to be registered.
    ListRequests,
    /// Approve and decline requests to be registered.
    DecideRequest,
    /// Register somebody as a patient.
    RegisterPatient,
    /// Read a patient's record.
    ReadPatient,
    /// Change a patient's record.
    UpdatePatient,
    /// Have all erased that is known of oneself.
    EraseSelf,
    /// Read all that is known of oneself, at once.
    ExportSelf,
    /// Read a patient's chart.
    ReadChart,
    /// Note, change and refute findings in a patient's chart.
    UpdateChart,
    /// Report what another system tells of a patient's chart.
    ReportChart,
    /// Read what was reported.
    ReadReports,
    /// Prepare grants, hand in what a patient has signed of them, and revoke them.
    ManageGrants,
    /// Read what a patient grants to whom.
    ReadGrants,
    /// Ask a patient to be let into their record.
    RequestAccess,
    /// Read what one has asked, and how it stands.
    ReadAccessRequest,
    /// Read who has read what is known of oneself.
    ReadAccessLog,
    /// Say that a patient agrees to be treated here, or ends it.
    ManageTreatment,
    /// Read whether a patient is treated here.
    ReadTreatment,
    /// Open a patient's record in an emergency.
    OpenInEmergency,
    /// Say why it was right to have opened one.
    JustifyEmergency,
    /// Read in which emergencies one's own record was opened, or one has opened others'.
    ReadEmergencies,
    /// Read who has opened records in emergencies and what is not justified, without whose and why.
    OverseeEmergencies,
    /// Engage auditors, and end that.
    ManageEngagements,
    /// Read for what auditors are engaged.
    ReadEngagements,
    /// Examine who has read what, as far as one is engaged to.
    ExamineAccesses,
    /// List and search patients.
    ListPatients,
    /// Read a patient's appointments and visits.
    ReadPatientAppointments,
    /// Read who treats a patient.
    ReadPatientRelationships,
    /// Register oneself as a practitioner.
    RegisterAsPractitioner,
    /// Register a practitioner.
    RegisterPractitioner,
    /// Read and list practitioners.
    ReadPractitioner,
    /// Change a practitioner's entry.
    UpdatePractitioner,
    /// Tell under which number a public register has a practitioner.
    TellRegisterEntry,
    /// Read under which number a public register has a practitioner.
    ReadRegisterEntry,
    /// Attest, suspend and reinstate practitioners.
    AttestPractitioner,
    /// Read whom a practitioner treats.
    ReadPractitionerRelationships,
    /// Publish what a practitioner's day offers.
    PublishAvailability,
    /// Read what a day offers, and search free slots.
    ReadAvailability,
    /// Book an appointment; the object is the patient.
    BookAppointment,
    /// Confirm, complete, mark as no-show.
    ConductAppointment,
    /// Reschedule or cancel.
    ChangeAppointment,
    /// Read and list appointments.
    ReadAppointment,
    /// Record a visit of the past.
    RecordVisit,
    /// Open and close accounts, issue and revoke keys.
    ManageAccounts,
    /// Read and list accounts.
    ReadAccounts,
    /// Invite a patient to bind a wallet.
    InvitePatient,
    /// Invite a practitioner to bind a wallet.
    InvitePractitioner,
    /// Bind one's wallet by an invitation.
    AcceptInvitation,
    /// Change one's wallet, and read what was done to it.
    ManageOwnWallet,
    /// Take somebody's wallet away.
    TakeWalletAway,
    /// Read how the system is doing.
    ReadStatus,
    /// Read the entries of the log, without what they say.
    ReadLog,
    /// Have parked events tried again.
    RetryParked,
}

/// How far a permission reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// Everything.
    Any,
    /// Only what is the caller's own.
    Own,
    /// Only what is of patients who have granted it to the caller.
    Consented,
    /// Only what is of patients who are treated here, or have granted it to the caller.
    Treated,
    /// Only for a person who may themselves: then as far as they may, and to those who are treated here.
    ForAPerson,
}

struct Rule {
    action: Action,
    /// What a service's key must cover.
    scope: Scope,
    /// `None` stands for a wallet without an account.
    allowed: &'static [(Option<Role>, Reach)],
}

const UNREGISTERED: Option<Role> = None;
const PATIENT: Option<Role> = Some(Role::Patient);
const DOCTOR: Option<Role> = Some(Role::Doctor);
const HOSPITAL: Option<Role> = Some(Role::Hospital);
const REGISTRAR: Option<Role> = Some(Role::Registrar);
const INSURER: Option<Role> = Some(Role::Insurer);
const AUDITOR: Option<Role> = Some(Role::Auditor);
const ADMINISTRATOR: Option<Role> = Some(Role::Administrator);
const NURSE: Option<Role> = Some(Role::Nurse);
const RECEPTION: Option<Role> = Some(Role::Reception);
const LABORATORY: Option<Role> = Some(Role::Laboratory);

const ANYONE_REGISTERED: &[(Option<Role>, Reach)] = &[
    (PATIENT, Reach::Any),
    (DOCTOR, Reach::Any),
    (HOSPITAL, Reach::Any),
    (INSURER, Reach::Any),
    (REGISTRAR, Reach::Any),
    (AUDITOR, Reach::Any),
    (ADMINISTRATOR, Reach::Any),
    (NURSE, Reach::Any),
    (RECEPTION, Reach::Any),
    (LABORATORY, Reach::Any),
];

/// The policy. An action has exactly one rule; a role that is not in it is denied.
const RULES: &[Rule] = &[
    Rule {
        action: Action::RegisterSelf,
        scope: Scope::Write,
        allowed: &[(UNREGISTERED, Reach::Any)],
    },
    // Who was registered on request is a patient by then.
    Rule {
        action: Action::ReadOwnRequest,
        scope: Scope::Read,
        allowed: &[(UNREGISTERED, Reach::Any), (PATIENT, Reach::Any)],
    },
    Rule {
        action: Action::ListRequests,
        scope: Scope::Read,
        allowed: &[(HOSPITAL, Reach::Any), (RECEPTION, Reach::Any)],
    },
    Rule {
        action: Action::DecideRequest,
        scope: Scope::Write,
        allowed: &[(HOSPITAL, Reach::Any), (RECEPTION, Reach::Any)],
    },
    Rule {
        action: Action::RegisterPatient,
        scope: Scope::Write,
        allowed: &[(HOSPITAL, Reach::Any), (RECEPTION, Reach::Any)],
    },
    Rule {
        action: Action::ReadPatient,
        scope: Scope::Read,
        allowed: &[
            (PATIENT, Reach::Own),
            (DOCTOR, Reach::Consented),
            (HOSPITAL, Reach::Any),
            (NURSE, Reach::Any),
            (RECEPTION, Reach::Any),
            (LABORATORY, Reach::Any),
        ],
    },
    Rule {
        action: Action::UpdatePatient,
        scope: Scope::Write,
        allowed: &[(PATIENT, Reach::Own), (HOSPITAL, Reach::Any), (RECEPTION, Reach::Any)],
    },
    Rule {
        action: Action::ExportSelf,
        scope: Scope::Read,
        allowed: &[(PATIENT, Reach::Own)],
    },
    // The wallet signs it.
    Rule {
        action: Action::EraseSelf,
        scope: Scope::Write,
        allowed: &[(PATIENT, Reach::Own)],
    },
    Rule {
        action: Action::ReadChart,
        scope: Scope::Read,
        allowed: &[
            (PATIENT, Reach::Own),
            (DOCTOR, Reach::Consented),
            (NURSE, Reach::Treated),
            (HOSPITAL, Reach::ForAPerson),
        ],
    },
    Rule {
        action: Action::UpdateChart,
        scope: Scope::Write,
        allowed: &[
            (PATIENT, Reach::Own),
            (DOCTOR, Reach::Consented),
            (NURSE, Reach::Treated),
            (HOSPITAL, Reach::ForAPerson),
        ],
    },
    // The registry decides whether the signature is good.
    Rule {
        action: Action::ManageGrants,
        scope: Scope::Write,
        allowed: &[(PATIENT, Reach::Own)],
    },
    Rule {
        action: Action::ReadGrants,
        scope: Scope::Read,
        allowed: &[(PATIENT, Reach::Own)],
    },
    // Of a practitioner for themselves, of the staff for who works there.
    Rule {
        action: Action::RequestAccess,
        scope: Scope::Write,
        allowed: &[
            (DOCTOR, Reach::Any),
            (NURSE, Reach::Any),
            (RECEPTION, Reach::Any),
            (HOSPITAL, Reach::ForAPerson),
        ],
    },
    Rule {
        action: Action::ReadAccessRequest,
        scope: Scope::Read,
        allowed: &[
            (DOCTOR, Reach::Any),
            (NURSE, Reach::Any),
            (RECEPTION, Reach::Any),
            (HOSPITAL, Reach::ForAPerson),
        ],
    },
    Rule {
        action: Action::ReadAccessLog,
        scope: Scope::Read,
        allowed: &[(PATIENT, Reach::Own)],
    },
    // Who has a wallet says it themselves; of who has none, whoever has seen the paper.
    Rule {
        action: Action::ManageTreatment,
        scope: Scope::Write,
        allowed: &[
            (PATIENT, Reach::Own),
            (HOSPITAL, Reach::Any),
            (NURSE, Reach::Any),
            (RECEPTION, Reach::Any),
        ],
    },
    Rule {
        action: Action::ReadTreatment,
        scope: Scope::Read,
        allowed: &[
            (PATIENT, Reach::Own),
            (HOSPITAL, Reach::Any),
            (NURSE, Reach::Any),
            (RECEPTION, Reach::Any),
            (LABORATORY, Reach::Any),
        ],
    },
    // They say why, and answer for it.
    Rule {
        action: Action::OpenInEmergency,
        scope: Scope::Write,
        allowed: &[(DOCTOR, Reach::Any), (HOSPITAL, Reach::ForAPerson)],
    },
    Rule {
        action: Action::JustifyEmergency,
        scope: Scope::Write,
        allowed: &[(DOCTOR, Reach::Own), (HOSPITAL, Reach::ForAPerson)],
    },
    Rule {
        action: Action::ReadEmergencies,
        scope: Scope::Read,
        allowed: &[
            (PATIENT, Reach::Own),
            (DOCTOR, Reach::Own),
            (HOSPITAL, Reach::ForAPerson),
        ],
    },
    Rule {
        action: Action::OverseeEmergencies,
        scope: Scope::Read,
        allowed: &[(REGISTRAR, Reach::Any), (AUDITOR, Reach::Any)],
    },
    // Who engages an auditor examines nothing, and who examines engages nobody.
    Rule {
        action: Action::ManageEngagements,
        scope: Scope::Write,
        allowed: &[(ADMINISTRATOR, Reach::Any)],
    },
    Rule {
        action: Action::ReadEngagements,
        scope: Scope::Read,
        allowed: &[(AUDITOR, Reach::Own), (ADMINISTRATOR, Reach::Any)],
    },
    Rule {
        action: Action::ExamineAccesses,
        scope: Scope::Read,
        allowed: &[(AUDITOR, Reach::Own)],
    },
    // It has told it, and must know what is known of it here.
    Rule {
        action: Action::ReadReports,
        scope: Scope::Import,
        allowed: &[(HOSPITAL, Reach::Any)],
    },
    Rule {
        action: Action::ReportChart,
        scope: Scope::Write,
        allowed: &[(HOSPITAL, Reach::Any)],
    },
    Rule {
        action: Action::ListPatients,
        scope: Scope::Read,
        allowed: &[
            (HOSPITAL, Reach::Any),
            (NURSE, Reach::Any),
            (RECEPTION, Reach::Any),
            (LABORATORY, Reach::Any),
        ],
    },
    Rule {
        action: Action::ReadPatientAppointments,
        scope: Scope::Read,
        allowed: &[
            (PATIENT, Reach::Own),
            (DOCTOR, Reach::Consented),
            (NURSE, Reach::Treated),
            (HOSPITAL, Reach::ForAPerson),
        ],
    },
    Rule {
        action: Action::ReadPatientRelationships,
        scope: Scope::Read,
        allowed: &[
            (PATIENT, Reach::Own),
            (DOCTOR, Reach::Consented),
            (NURSE, Reach::Treated),
            (HOSPITAL, Reach::ForAPerson),
        ],
    },
    Rule {
        action: Action::RegisterAsPractitioner,
        scope: Scope::Write,
        allowed: &[(UNREGISTERED, Reach::Any)],
    },
    Rule {
        action: Action::RegisterPractitioner,
        scope: Scope::Write,
        allowed: &[(HOSPITAL, Reach::Any)],
    },
    Rule {
        action: Action::ReadPractitioner,
        scope: Scope::Read,
        allowed: ANYONE_REGISTERED,
    },
    Rule {
        action: Action::UpdatePractitioner,
        scope: Scope::Write,
        allowed: &[(DOCTOR, Reach::Own), (HOSPITAL, Reach::Any)],
    },
    Rule {
        action: Action::TellRegisterEntry,
        scope: Scope::Write,
        allowed: &[(DOCTOR, Reach::Own), (HOSPITAL, Reach::Any), (REGISTRAR, Reach::Any)],
    },
    Rule {
        action: Action::ReadRegisterEntry,
        scope: Scope::Read,
        allowed: &[(DOCTOR, Reach::Own), (HOSPITAL, Reach::Any), (REGISTRAR, Reach::Any)],
    },
    // The registry decides whether the signature is a registrar's.
    Rule {
        action: Action::AttestPractitioner,
        scope: Scope::Write,
        allowed: &[(REGISTRAR, Reach::Any)],
    },
    Rule {
        action: Action::ReadPractitionerRelationships,
        scope: Scope::Read,
        allowed: &[(DOCTOR, Reach::Own), (HOSPITAL, Reach::Any)],
    },
    Rule {
        action: Action::PublishAvailability,
        scope: Scope::Write,
        allowed: &[(DOCTOR, Reach::Own), (HOSPITAL, Reach::Any), (RECEPTION, Reach::Any)],
    },
    Rule {
        action: Action::ReadAvailability,
        scope: Scope::Read,
        allowed: &[
            (PATIENT, Reach::Any),
            (DOCTOR, Reach::Any),
            (HOSPITAL, Reach::Any),
            (REGISTRAR, Reach::Any),
            (ADMINISTRATOR, Reach::Any),
            (NURSE, Reach::Any),
            (RECEPTION, Reach::Any),
        ],
    },
    Rule {
        action: Action::BookAppointment,
        scope: Scope::Write,
        allowed: &[(PATIENT, Reach::Own), (HOSPITAL, Reach::Any), (RECEPTION, Reach::Any)],
    },
    Rule {
        action: Action::ConductAppointment,
        scope: Scope::Write,
        allowed: &[
            (DOCTOR, Reach::Own),
            (HOSPITAL, Reach::Any),
            (NURSE, Reach::Any),
            (RECEPTION, Reach::Any),
        ],
    },
    Rule {
        action: Action::ChangeAppointment,
        scope: Scope::Write,
        allowed: &[
            (PATIENT, Reach::Own),
            (DOCTOR, Reach::Own),
            (HOSPITAL, Reach::Any),
            (RECEPTION, Reach::Any),
        ],
    },
    Rule {
        action: Action::ReadAppointment,
        scope: Scope::Read,
        allowed: &[
            (PATIENT, Reach::Own),
            (DOCTOR, Reach::Own),
            (HOSPITAL, Reach::Any),
            (NURSE, Reach::Any),
            (RECEPTION, Reach::Any),
        ],
    },
    Rule {
        action: Action::RecordVisit,
        scope: Scope::Import,
        allowed: &[(HOSPITAL, Reach::Any)],
    },
    Rule {
        action: Action::ManageAccounts,
        scope: Scope::Write,
        allowed: &[(ADMINISTRATOR, Reach::Any)],
    },
    Rule {
        action: Action::ReadAccounts,
        scope: Scope::Read,
        allowed: &[(ADMINISTRATOR, Reach::Any)],
    },
    Rule {
        action: Action::InvitePatient,
        scope: Scope::Write,
        allowed: &[(HOSPITAL, Reach::Any), (RECEPTION, Reach::Any)],
    },
    Rule {
        action: Action::InvitePractitioner,
        scope: Scope::Write,
        allowed: &[(HOSPITAL, Reach::Any)],
    },
    Rule {
        action: Action::AcceptInvitation,
        scope: Scope::Write,
        allowed: &[(UNREGISTERED, Reach::Any)],
    },
    // Of services, none has a wallet.
    Rule {
        action: Action::ManageOwnWallet,
        scope: Scope::Write,
        allowed: ANYONE_REGISTERED,
    },
    Rule {
        action: Action::TakeWalletAway,
        scope: Scope::Write,
        allowed: &[(REGISTRAR, Reach::Any)],
    },
    Rule {
        action: Action::ReadStatus,
        scope: Scope::Read,
        allowed: &[(AUDITOR, Reach::Any), (ADMINISTRATOR, Reach::Any)],
    },
    Rule {
        action: Action::ReadLog,
        scope: Scope::Read,
        allowed: &[(AUDITOR, Reach::Any), (ADMINISTRATOR, Reach::Any)],
    },
    Rule {
        action: Action::RetryParked,
        scope: Scope::Write,
        allowed: &[(ADMINISTRATOR, Reach::Any)],
    },
];

/// What a service does for a person alone: what is clinical, and what somebody vouches for.
const FOR_PERSONS: &[Action] = &[
    Action::ReadChart,
    Action::UpdateChart,
    Action::ReadPatientAppointments,
    Action::ReadPatientRelationships,
    Action::ManageTreatment,
    Action::OpenInEmergency,
    Action::JustifyEmergency,
    Action::ReadEmergencies,
    Action::RequestAccess,
    Action::ReadAccessRequest,
    Action::ManageEngagements,
    Action::ReadEngagements,
    Action::ExamineAccesses,
];

/// What a practitioner may do whom no registrar has attested: say who they are, and see how they stand.
const BEFORE_ATTESTATION: &[Action] = &[
    Action::ReadPractitioner,
    Action::UpdatePractitioner,
    Action::TellRegisterEntry,
    Action::ReadRegisterEntry,
    Action::ManageOwnWallet,
];

/// What a practitioner may do who is suspended: see how they stand, and answer for what they did before.
const WHILE_SUSPENDED: &[Action] = &[
    Action::ReadPractitioner,
    Action::ReadRegisterEntry,
    Action::ManageOwnWallet,
    Action::ReadEmergencies,
    Action::JustifyEmergency,
];

/// What an action is about, as far as it decides whose it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Object {
    /// A patient, or something of theirs.
    Patient(PatientId),
    /// A practitioner, or something of theirs.
    Practitioner(PractitionerId),
    /// An appointment. A party that is sealed or missing owns nothing of it.
    Appointment {
        /// Who comes.
        patient: Option<PatientId>,
        /// Whose calendar it stands in.
        practitioner: Option<PractitionerId>,
    },
    /// Every patient. They are nobody's own.
    Everybody,
}

impl Object {
    fn belongs_to(&self, principal: &Principal) -> bool {
        let (patient, practitioner) = match *self {
            Self::Patient(id) => (Some(id), None),
            Self::Practitioner(id) => (None, Some(id)),
            Self::Appointment { patient, practitioner } => (patient, practitioner),
            Self::Everybody => (None, None),
        };
        match principal.person() {
            Principal::Patient { patient: own, .. } => patient == Some(*own),
            Principal::Practitioner { practitioner: own, .. } => practitioner == Some(*own),
            Principal::Unregistered { .. } | Principal::Staff { .. } | Principal::Service { .. } => false,
        }
    }
}

/// The answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// Go ahead.
    Allow,
    /// The caller may not do such a thing at all. Says nothing about the object.
    Forbid(Denial),
    /// The caller may do such a thing, but not to this object: answer as if it did not exist.
    Hide,
}

/// Why the caller may not do such a thing at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Denial {
    /// Their role, or their key's scope, does not allow it.
    Role,
    /// No registrar has attested them.
    NotAttested,
    /// A registrar has suspended them.
    Suspended,
    /// A service does such a thing for a person alone, and names none.
    NoPerson,
}

/// How far the caller's permission for an action reaches.
///
/// # Errors
/// When there is none, why.
pub fn reach(principal: &Principal, action: Action) -> Result<Reach, Denial> {
    let reach = reach_of_role(principal, action).ok_or(Denial::Role)?;
    match principal {
        Principal::Practitioner {
            standing: Standing::Unknown,
            ..
        } if !BEFORE_ATTESTATION.contains(&action) => Err(Denial::NotAttested),
        Principal::Practitioner {
            standing: Standing::Suspended,
            ..
        } if !WHILE_SUSPENDED.contains(&action) => Err(Denial::Suspended),
        // History is of no person who asks.
        Principal::Service {
            person: Some(person), ..
        } if scope_of(action) != Some(Scope::Import) => {
            let theirs = self::reach(person, action).map(with_a_system)?;
            // A role that reaches no further than what is the caller's own widens nothing for whoever is named.
            Ok(if reach == Reach::Own { Reach::Own } else { theirs })
        }
        Principal::Service { .. } if FOR_PERSONS.contains(&action) => Err(Denial::NoPerson),
        Principal::Service { .. } => Ok(reach),
        // A system may, for others; whoever administers a hospital may not.
        _ if reach == Reach::ForAPerson => Err(Denial::Role),
        _ => Ok(reach),
    }
}

/// How far somebody reaches with a hospital's system: whoever works with it is of its staff, practitioners too.
const fn with_a_system(person: Reach) -> Reach {
    match person {
        Reach::Consented => Reach::Treated,
        person => person,
    }
}

/// How far the role and the scopes reach.
fn reach_of_role(principal: &Principal, action: Action) -> Option<Reach> {
    let rule = RULES.iter().find(|rule| rule.action == action)?;
    let reach = rule
        .allowed
        .iter()
        .find(|(role, _)| *role == principal.role())
        .map(|(_, reach)| *reach)?;
    // People have no scopes and are limited by their role alone; but history comes from systems, never from a person.
    let may = match principal {
        Principal::Service { .. } => principal.covers(rule.scope),
        _ => rule.scope != Scope::Import,
    };
    may.then_some(reach)
}

/// What a service's key needs for an action, beside the role.
pub fn scope_of(action: Action) -> Option<Scope> {
    let rule = RULES.iter().find(|rule| rule.action == action);
    rule.map(|rule| rule.scope)
}

/// Whether the caller may do it to the object.
pub fn decide(principal: &Principal, action: Action, object: Object) -> Decision {
    match reach(principal, action) {
        Err(denial) => Decision::Forbid(denial),
        Ok(Reach::Any) => Decision::Allow,
        Ok(Reach::Own) if object.belongs_to(principal) => Decision::Allow,
        // Whether somebody has consented, or is treated, is for `access` to see.
        Ok(Reach::Own | Reach::Consented | Reach::Treated | Reach::ForAPerson) => Decision::Hide,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use domain::kernel::{AccountId, Wallet};
    use uuid::Uuid;

    use super::*;

    const ME: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);

    fn account() -> AccountId {
        AccountId::new(Uuid::from_u128(9))
    }

    fn principals() -> Vec<(&'static str, Principal)> {
        let staff = |role| Principal::Staff {
            account: account(),
            role,
        };
        vec![
            (
                "unregistered",
                Principal::Unregistered {
                    wallet: Wallet([1; 20]),
                },
            ),
            (
                "patient",
                Principal::Patient {
                    account: account(),
                    patient: PatientId::new(ME),
                },
            ),
            (
                "doctor",
                Principal::Practitioner {
                    account: account(),
                    practitioner: PractitionerId::new(ME),
                    standing: Standing::Attested,
                },
            ),
            ("hospital", staff(Role::Hospital)),
            ("insurer", staff(Role::Insurer)),
            ("registrar", staff(Role::Registrar)),
            ("auditor", staff(Role::Auditor)),
            ("administrator", staff(Role::Administrator)),
            ("nurse", staff(Role::Nurse)),
            ("reception", staff(Role::Reception)),
            ("laboratory", staff(Role::Laboratory)),
        ]
    }

    /// The table as the owner of the policy reads it: per action, who may on anything, and who on what is theirs.
    const EXPECTED: &[(Action, &str, &str)] = &[
        (Action::RegisterSelf, "unregistered", ""),
        (Action::ReadOwnRequest, "unregistered patient", ""),
        (Action::ListRequests, "hospital reception", ""),
        (Action::DecideRequest, "hospital reception", ""),
        (Action::RegisterPatient, "hospital reception", ""),
        (Action::ReadPatient, "hospital nurse reception laboratory", "patient"),
        (Action::ManageGrants, "", "patient"),
        (Action::ReadGrants, "", "patient"),
        (Action::ReadAccessLog, "", "patient"),
        (Action::ManageTreatment, "hospital nurse reception", "patient"),
        (Action::ReadTreatment, "hospital nurse reception laboratory", "patient"),
        (Action::OpenInEmergency, "doctor", ""),
        (Action::JustifyEmergency, "", "doctor"),
        (Action::ReadEmergencies, "", "patient doctor"),
        (Action::OverseeEmergencies, "registrar auditor", ""),
        (Action::ManageEngagements, "administrator", ""),
        (Action::ReadEngagements, "administrator", "auditor"),
        (Action::ExamineAccesses, "", "auditor"),
        (Action::RequestAccess, "doctor nurse reception", ""),
        (Action::ReadAccessRequest, "doctor nurse reception", ""),
        (Action::UpdatePatient, "hospital reception", "patient"),
        (Action::EraseSelf, "", "patient"),
        (Action::ExportSelf, "", "patient"),
        (Action::ReadChart, "", "patient"),
        (Action::UpdateChart, "", "patient"),
        (Action::ReportChart, "hospital", ""),
        // As a visit.
        (Action::ReadReports, "", ""),
        (Action::ListPatients, "hospital nurse reception laboratory", ""),
        (Action::ReadPatientAppointments, "", "patient"),
        (Action::ReadPatientRelationships, "", "patient"),
        (Action::RegisterAsPractitioner, "unregistered", ""),
        (Action::RegisterPractitioner, "hospital", ""),
        (
            Action::ReadPractitioner,
            "patient doctor hospital insurer registrar auditor administrator nurse reception laboratory",
            "",
        ),
        (Action::UpdatePractitioner, "hospital", "doctor"),
        (Action::TellRegisterEntry, "hospital registrar", "doctor"),
        (Action::ReadRegisterEntry, "hospital registrar", "doctor"),
        (Action::AttestPractitioner, "registrar", ""),
        (Action::ReadPractitionerRelationships, "hospital", "doctor"),
        (Action::PublishAvailability, "hospital reception", "doctor"),
        (
            Action::ReadAvailability,
            "patient doctor hospital registrar administrator nurse reception",
            "",
        ),
        (Action::BookAppointment, "hospital reception", "patient"),
        (Action::ConductAppointment, "hospital nurse reception", "doctor"),
        (Action::ChangeAppointment, "hospital reception", "patient doctor"),
        (Action::ReadAppointment, "hospital nurse reception", "patient doctor"),
        // Systems only: see the test of scopes.
        (Action::RecordVisit, "", ""),
        (Action::ManageAccounts, "administrator", ""),
        (Action::ReadAccounts, "administrator", ""),
        (Action::InvitePatient, "hospital reception", ""),
        (Action::InvitePractitioner, "hospital", ""),
        (Action::AcceptInvitation, "unregistered", ""),
        (
            Action::ManageOwnWallet,
            "patient doctor hospital insurer registrar auditor administrator nurse reception laboratory",
            "",
        ),
        (Action::TakeWalletAway, "registrar", ""),
        (Action::ReadStatus, "auditor administrator", ""),
        (Action::ReadLog, "auditor administrator", ""),
        (Action::RetryParked, "administrator", ""),
    ];

    /// What a nurse may do to patients who are treated.
    const TREATED: &[Action] = &[
        Action::ReadChart,
        Action::UpdateChart,
        Action::ReadPatientAppointments,
        Action::ReadPatientRelationships,
    ];

    /// What a doctor may do to patients who have granted it to them.
    const CONSENTED: &[Action] = &[
        Action::ReadPatient,
        Action::ReadChart,
        Action::UpdateChart,
        Action::ReadPatientAppointments,
        Action::ReadPatientRelationships,
    ];

    #[test]
    fn every_action_is_open_to_exactly_whom_the_table_names() {
        for (action, any, own) in EXPECTED {
            for (name, principal) in principals() {
                let expected = match () {
                    () if name == "doctor" && CONSENTED.contains(action) => Some(Reach::Consented),
                    () if name == "nurse" && TREATED.contains(action) => Some(Reach::Treated),
                    () if any.split(' ').any(|role| role == name) => Some(Reach::Any),
                    () if own.split(' ').any(|role| role == name) => Some(Reach::Own),
                    () => None,
                };
                assert_eq!(reach(&principal, *action).ok(), expected, "{action:?} by {name}");
            }
        }
    }

    /// What a doctor may do who is not attested, or is suspended; everything else of theirs is denied, with the reason.
    #[test]
    fn a_practitioner_does_nothing_that_counts_before_a_registrar_has_attested_them_and_while_suspended() {
        use Standing::{Attested, Suspended, Unknown};
        let doctor = |standing| Principal::Practitioner {
            account: account(),
            practitioner: PractitionerId::new(ME),
            standing,
        };
        let may = |standing: Standing, action: &Action| match (standing, action) {
            (Attested, _)
            | (_, Action::ReadPractitioner | Action::ReadRegisterEntry | Action::ManageOwnWallet)
            | (Unknown, Action::UpdatePractitioner | Action::TellRegisterEntry)
            | (Suspended, Action::ReadEmergencies | Action::JustifyEmergency) => Ok(()),
            (Unknown, _) => Err(Denial::NotAttested),
            (Suspended, _) => Err(Denial::Suspended),
        };
        let actions = EXPECTED.iter().map(|(action, ..)| action);
        let of_a_doctor: Vec<_> = actions
            .filter(|action| reach(&doctor(Attested), **action).is_ok())
            .collect();
        assert!(of_a_doctor.len() > 10);
        for standing in [Unknown, Attested, Suspended] {
            for action in &of_a_doctor {
                let reached = reach(&doctor(standing), **action).map(drop);
                assert_eq!(reached, may(standing, action), "{standing:?} {action:?}");
            }
            assert_eq!(reach(&doctor(standing), Action::ReadStatus), Err(Denial::Role));
        }
    }

    #[test]
    fn an_action_has_exactly_one_rule() {
        let ruled: HashSet<_> = RULES.iter().map(|rule| rule.action).collect();
        let expected: HashSet<_> = EXPECTED.iter().map(|(action, ..)| *action).collect();
        assert_eq!(ruled.len(), RULES.len());
        assert_eq!(ruled, expected);
    }

    #[test]
    fn what_belongs_to_somebody_else_is_hidden() {
        let patient = Principal::Patient {
            account: account(),
            patient: PatientId::new(ME),
        };
        let doctor = Principal::Practitioner {
            account: account(),
            practitioner: PractitionerId::new(ME),
            standing: Standing::Attested,
        };
        let appointment = |patient: Uuid, practitioner: Uuid| Object::Appointment {
            patient: Some(PatientId::new(patient)),
            practitioner: Some(PractitionerId::new(practitioner)),
        };
        for (principal, action, object, decision) in [
            (
                &patient,
                Action::ReadPatient,
                Object::Patient(PatientId::new(ME)),
                Decision::Allow,
            ),
            (
                &patient,
                Action::ReadPatient,
                Object::Patient(PatientId::new(OTHER)),
                Decision::Hide,
            ),
            (
                &patient,
                Action::ReadAppointment,
                appointment(ME, OTHER),
                Decision::Allow,
            ),
            (
                &patient,
                Action::ReadAppointment,
                appointment(OTHER, ME),
                Decision::Hide,
            ),
            (
                &patient,
                Action::ConductAppointment,
                appointment(ME, OTHER),
                Decision::Forbid(Denial::Role),
            ),
            (
                &doctor,
                Action::ConductAppointment,
                appointment(OTHER, ME),
                Decision::Allow,
            ),
            (
                &doctor,
                Action::ConductAppointment,
                appointment(ME, OTHER),
                Decision::Hide,
            ),
            (
                &doctor,
                Action::ReadPatient,
                Object::Patient(PatientId::new(ME)),
                Decision::Hide,
            ),
        ] {
            assert_eq!(
                decide(principal, action, object),
                decision,
                "{principal:?} {action:?} {object:?}"
            );
        }
    }

    #[test]
    fn an_appointment_whose_parties_are_sealed_belongs_to_nobody() {
        let patient = Principal::Patient {
            account: account(),
            patient: PatientId::new(ME),
        };
        let object = Object::Appointment {
            patient: None,
            practitioner: None,
        };
        assert_eq!(decide(&patient, Action::ReadAppointment, object), Decision::Hide);
    }

    #[test]
    fn a_service_needs_the_scope_beside_the_role() {
        let service = |scopes: &[Scope]| Principal::Service {
            account: account(),
            key: Uuid::from_u128(77),
            role: Role::Hospital,
            scopes: BTreeSet::from_iter(scopes.iter().copied()),
            person: None,
        };
        let import = service(&[Scope::Import]);
        assert_eq!(reach(&import, Action::RecordVisit), Ok(Reach::Any));
        assert_eq!(reach(&import, Action::RegisterPatient), Err(Denial::Role));
        assert_eq!(reach(&import, Action::ReadPatient), Err(Denial::Role));
        assert_eq!(
            reach(&service(&[Scope::Read]), Action::UpdatePatient),
            Err(Denial::Role)
        );
        assert_eq!(reach(&service(&[Scope::Write]), Action::UpdatePatient), Ok(Reach::Any));
    }

    /// A hospital's service with every scope, for somebody or nobody.
    fn service_for(person: Option<Principal>) -> Principal {
        Principal::Service {
            account: AccountId::new(Uuid::from_u128(8)),
            key: Uuid::from_u128(77),
            role: Role::Hospital,
            scopes: BTreeSet::from([Scope::Read, Scope::Write, Scope::Import]),
            person: person.map(Box::new),
        }
    }

    #[test]
    fn a_service_does_for_a_person_what_both_may_and_to_those_who_are_treated() {
        let may = |principal: &Principal, action: Action| reach(principal, action);
        let everybody = principals();
        let named = everybody
            .iter()
            .filter(|(_, principal)| matches!(principal, Principal::Staff { .. } | Principal::Practitioner { .. }));
        let mut seen = 0;
        for (name, person) in named {
            let service = service_for(Some(person.clone()));
            for (action, ..) in EXPECTED {
                let (alone, theirs) = (may(&service_for(None), *action), may(person, *action));
                let expected = match (alone, theirs) {
                    _ if [Action::RecordVisit, Action::ReadReports].contains(action) => Ok(Reach::Any),
                    (Ok(_) | Err(Denial::NoPerson), Ok(Reach::Consented)) => Ok(Reach::Treated),
                    (Err(Denial::NoPerson), theirs) => theirs,
                    (alone, theirs) => alone.and(theirs),
                };
                assert_eq!(may(&service, *action), expected, "{action:?} for {name}");
                seen += 1;
            }
        }
        assert!(seen > 300, "{seen}");
    }

    #[test]
    fn what_is_clinical_or_vouched_for_a_service_does_for_a_person_alone() {
        let read_only = Principal::Service {
            account: account(),
            key: Uuid::from_u128(77),
            role: Role::Hospital,
            scopes: BTreeSet::from([Scope::Read]),
            person: None,
        };
        for action in [
            Action::ReadChart,
            Action::ReadPatientAppointments,
            Action::UpdateChart,
            Action::ReadPatientRelationships,
            Action::ManageTreatment,
            Action::OpenInEmergency,
            Action::JustifyEmergency,
            Action::ReadEmergencies,
        ] {
            assert_eq!(reach(&service_for(None), action), Err(Denial::NoPerson), "{action:?}");
        }
        // Not even with a person does a key do what it is not for.
        assert_eq!(reach(&read_only, Action::UpdateChart), Err(Denial::Role));
        let insurer = Principal::Service {
            account: account(),
            key: Uuid::from_u128(77),
            role: Role::Insurer,
            scopes: BTreeSet::from([Scope::Read, Scope::Write]),
            person: Some(Box::new(Principal::Staff {
                account: account(),
                role: Role::Nurse,
            })),
        };
        for (action, ..) in EXPECTED
            .iter()
            .filter(|(action, ..)| *action != Action::ReadPractitioner)
        {
            let of_anybody = *action == Action::ManageOwnWallet;
            assert_eq!(reach(&insurer, *action).is_ok(), of_anybody, "{action:?}");
        }
    }

    #[test]
    fn a_service_reaches_no_further_than_its_own_role_whoever_it_names() {
        let staff = |role| Principal::Staff {
            account: account(),
            role,
        };
        let service = |role, person| Principal::Service {
            account: AccountId::new(Uuid::from_u128(8)),
            key: Uuid::from_u128(77),
            role,
            scopes: BTreeSet::from([Scope::Read, Scope::Write]),
            person: Some(Box::new(staff(person))),
        };
        let (read, examine) = (Action::ReadEngagements, Action::ExamineAccesses);
        for (role, person, action, expected) in [
            (Role::Auditor, Role::Auditor, read, Ok(Reach::Own)),
            (Role::Auditor, Role::Administrator, read, Ok(Reach::Own)),
            (Role::Administrator, Role::Auditor, read, Ok(Reach::Own)),
            (Role::Administrator, Role::Administrator, read, Ok(Reach::Any)),
            (Role::Auditor, Role::Auditor, examine, Ok(Reach::Own)),
            (Role::Auditor, Role::Administrator, examine, Err(Denial::Role)),
            (Role::Administrator, Role::Auditor, examine, Err(Denial::Role)),
        ] {
            assert_eq!(
                reach(&service(role, person), action),
                expected,
                "{role:?} for {person:?}"
            );
        }
    }

    #[test]
    fn a_service_reaches_what_is_their_own_for_whom_it_asks() {
        let doctor = |standing| Principal::Practitioner {
            account: account(),
            practitioner: PractitionerId::new(ME),
            standing,
        };
        let of = |practitioner| Object::Appointment {
            patient: None,
            practitioner: Some(PractitionerId::new(practitioner)),
        };
        let service = service_for(Some(doctor(Standing::Attested)));
        assert_eq!(decide(&service, Action::ConductAppointment, of(ME)), Decision::Allow);
        assert_eq!(decide(&service, Action::ConductAppointment, of(OTHER)), Decision::Hide);
        for (standing, denial) in [
            (Standing::Unknown, Denial::NotAttested),
            (Standing::Suspended, Denial::Suspended),
        ] {
            let service = service_for(Some(doctor(standing)));
            assert_eq!(reach(&service, Action::ReadChart), Err(denial));
        }
    }
}
