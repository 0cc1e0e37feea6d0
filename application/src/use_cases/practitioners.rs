//! Practitioners: register, read, change, find.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use domain::account::Title;
use domain::claims::Name;
use domain::kernel::{AggregateType, Identifier, PractitionerId};
use domain::practitioner::{Practitioner, PractitionerCommand, PractitionerDetails, PractitionerError};

use crate::error::{Refusal, Resource, UseCaseError};
use crate::policy::Action;
use crate::policy::identity::Principal;
use crate::policy::rules::Registration;
use crate::ports::command::CommandExecutor as _;
use crate::ports::queries::{Page, PractitionerView, Queries as _};
use crate::ports::sessions::SignedIn;
use crate::ports::transaction::{Expected, Freshness, Target};
use crate::use_cases::clinic::{Backend, Clinic, Done, Issue, permit, permit_on};
use crate::use_cases::names::Naming;
use crate::use_cases::newcomers::Newcomer;

/// Where the days of a practitioner are to stand whom several organisations share: in a namespace of the log that all of them read and write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SharedDays {
    /// The number of the namespace.
    pub namespace: u32,
    /// By which id the others know the practitioner; `None` for one who is new to all of them.
    pub practitioner: Option<PractitionerId>,
}

impl SharedDays {
    /// Whether this practitioner's days are shared as it says.
    fn are_those_of(self, practitioner: PractitionerId) -> bool {
        practitioner.shares_days_in() == Some(self.namespace)
            && self.practitioner.is_none_or(|known| known == practitioner)
    }
}

/// Refuses what nobody says of themselves: identifiers of other systems, as of when one of them tells it, and with whom days are shared.
fn told_by_oneself(details: &PractitionerDetails, shared: Option<SharedDays>) -> Result<(), UseCaseError> {
    let (pointer, detail) = if details.identifier.is_some() {
        (
            "/details/identifier",
            "only a hospital registers a practitioner under an identifier of another system",
        )
    } else if !details.other_identifiers.is_empty() {
        (
            "/details/otherIdentifiers",
            "only a hospital says which identifiers of another system are a practitioner's",
        )
    } else if details.as_of.is_some() {
        (
            "/details/asOf",
            "only a hospital says as of when a source tells something",
        )
    } else if shared.is_some() {
        ("/sharedCalendar", "only a hospital says with whom a calendar is shared")
    } else {
        return Ok(());
    };
    Err(UseCaseError::Invalid { pointer, detail })
}

/// What a command's new practitioner is told apart by from whatever else it makes.
pub(crate) const PRACTITIONER: &str = "practitioner";

impl<B: Backend> Clinic<B> {
    /// Registers a practitioner. A wallet without an account registers itself, where the operator allows that, and gets its account in the same commit: nobody counts as a
    /// practitioner before a registrar has attested them. A hospital registers anybody, and they bind a wallet by an invitation.
    ///
    /// An identifier in the details names the entry, so that registering again meets it. So does one by which an entry is called
    /// otherwise.
    ///
    /// A practitioner whose days are shared has an id that says so, the same at all organisations that share them. Where nothing is said of it, a practitioner
    /// who is there already may share them all the same.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn register_practitioner(
        &self,
        principal: &Principal,
        details: PractitionerDetails,
        shared: Option<SharedDays>,
        signed_in: Option<SignedIn>,
        issue: &Issue,
    ) -> Result<Done<PractitionerId>, UseCaseError> {
        if !principal.is_of_a_hospital() {
            return self
                .register_oneself(principal, (details, shared), signed_in, issue)
                .await;
        }
        permit(principal, Action::RegisterPractitioner)?;
        self.require_told(details.as_of, "/details/asOf")?;
        let (practitioner, freshness) = self.id_of_a_practitioner(shared, issue)?;
        // What an earlier attempt has registered is not held against its retry.
        if let Some(receipt) = self.earlier::<Practitioner>(practitioner, issue).await? {
            // Whoever is erased since is not told to be registered.
            self.executor.known::<Practitioner>(practitioner).await?;
            return Ok(Done {
                id: practitioner,
                receipt,
            });
        }
        let name = details.identifier.clone().map(Name::OfPractitioner);
        let context = self.stamp(principal, issue);
        let naming = Naming::<Practitioner> {
            names: names_in(&details),
            command: PractitionerCommand::Register {
                details,
                now: context.at,
            },
            taken: PractitionerError::AlreadyRegistered,
            told: Refusal::from,
        };
        let done = self
            .register_named((practitioner, freshness), name.as_ref(), &naming, &context)
            .await?;
        // Whom the identifier names may have days of their own, or another id by which the others know them.
        if shared.is_some_and(|shared| !shared.are_those_of(done.id)) {
            let refusal = Refusal::from(PractitionerError::CalendarIsFixed);
            return Err(UseCaseError::Refused(refusal).meeting(done.id));
        }
        Ok(done)
    }

    async fn register_oneself(
        &self,
        principal: &Principal,
        (details, shared): (PractitionerDetails, Option<SharedDays>),
        signed_in: Option<SignedIn>,
        issue: &Issue,
    ) -> Result<Done<PractitionerId>, UseCaseError> {
        let practitioner = PractitionerId::new(issue.new_id(PRACTITIONER));
        // Who has registered themselves is a practitioner by then.
        if let Some(receipt) = self.earlier::<Practitioner>(practitioner, issue).await? {
            self.executor.known::<Practitioner>(practitioner).await?;
            return Ok(Done {
                id: practitioner,
                receipt,
            });
        }
        permit(principal, Action::RegisterAsPractitioner).map_err(|_| UseCaseError::HasAccount)?;
        if self.rules.registration != Registration::Open {
            return Err(UseCaseError::ByInvitation);
        }
        let signed_in = signed_in.ok_or(UseCaseError::Forbidden)?;
        told_by_oneself(&details, shared)?;
        self.end_other_sessions(&signed_in).await?;
        let newcomer = Newcomer::<Practitioner> {
            id: practitioner,
            command: PractitionerCommand::Register {
                details,
                now: self.now(),
            },
            told: |error| Refusal::from(error).within("/details"),
            signed_in,
            title: Title::Registration,
        };
        let receipt = self.register_newcomer(newcomer, None, issue).await?;
        Ok(Done {
            id: practitioner,
            receipt,
        })
    }

    /// The id of a practitioner who is to be registered, and whether anybody can have it already.
    fn id_of_a_practitioner(
        &self,
        shared: Option<SharedDays>,
        issue: &Issue,
    ) -> Result<(PractitionerId, Freshness), UseCaseError> {
        let new = PractitionerId::new(issue.new_id(PRACTITIONER));
        let Some(SharedDays {
            namespace,
            practitioner,
        }) = shared
        else {
            return Ok((new, issue.freshness()));
        };
        if !self.rules.shared_namespaces.contains(&namespace) {
            return Err(UseCaseError::Invalid {
                pointer: "/sharedCalendar/namespace",
                detail: "it is not the number of a namespace that this server shares",
            });
        }
        match practitioner {
            None => Ok((new.sharing_days_in(namespace), issue.freshness())),
            Some(known) if known.shares_days_in() == Some(namespace) => Ok((known, Freshness::MayExist)),
            Some(_) => Err(UseCaseError::Invalid {
                pointer: "/sharedCalendar/practitioner",
                detail: "it is not the id of somebody whose calendar is shared in this namespace; see whether it was copied whole",
            }),
        }
    }

    /// Replaces a practitioner's details.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn update_practitioner(
        &self,
        principal: &Principal,
        practitioner: PractitionerId,
        details: PractitionerDetails,
        expected_version: Option<u64>,
        issue: &Issue,
    ) -> Result<Done<PractitionerId>, UseCaseError> {
        permit_on(principal, Action::UpdatePractitioner, practitioner)?;
        self.require_told(details.as_of, "/asOf")?;
        let context = self.stamp(principal, issue);
        let naming = Naming::<Practitioner> {
            names: names_in(&details),
            command: PractitionerCommand::UpdateDetails {
                details,
                teller: principal.teller(),
                now: context.at,
            },
            taken: PractitionerError::AlreadyRegistered,
            told: Refusal::from,
        };
        let target = Target::of(practitioner).expecting(expected_version.map(Expected::whole));
        let receipt = self.execute_named(target, &naming, &context).await?;
        Ok(Done {
            id: practitioner,
            receipt,
        })
    }

    /// A practitioner's entry.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn practitioner(
        &self,
        principal: &Principal,
        practitioner: PractitionerId,
    ) -> Result<PractitionerView, UseCaseError> {
        permit(principal, Action::ReadPractitioner)?;
        self.queries
            .practitioner(practitioner)
            .await?
            .ok_or(UseCaseError::NotFound(Resource::Aggregate(AggregateType::Practitioner)))
    }

    /// Practitioners in the order of their ids, of a specialization if one is given.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn practitioners(
        &self,
        principal: &Principal,
        specialization: Option<&str>,
        page: Page<PractitionerId>,
    ) -> Result<Vec<PractitionerView>, UseCaseError> {
        permit(principal, Action::ReadPractitioner)?;
        Ok(self.queries.practitioners(specialization, page).await?)
    }

    /// The practitioners whom one of these identifiers names, in the order of their ids: more than one when they share it, or when
    /// the identifiers are several persons'.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn practitioners_known_as(
        &self,
        principal: &Principal,
        identifiers: &[Identifier],
    ) -> Result<Vec<PractitionerView>, UseCaseError> {
        permit(principal, Action::ReadPractitioner)?;
        Ok(self.queries.practitioners_known_as(identifiers).await?)
    }

    /// The time zone of a practitioner's days, which never changes: of those that are shared it is UTC, whatever the practitioner's own is, for others may have another entry of
    /// them. `missing` when there is no such practitioner.
    pub(crate) async fn time_zone_of(
        &self,
        practitioner: PractitionerId,
        missing: UseCaseError,
    ) -> Result<Tz, UseCaseError> {
        let known = self.executor.known::<Practitioner>(practitioner).await?;
        let own = known.as_ref().and_then(Practitioner::time_zone).ok_or(missing)?;
        Ok(practitioner.shares_days_in().map_or(own, |_| Tz::UTC))
    }

    /// Makes sure that a practitioner's days can be read and decided on here.
    pub(crate) fn require_days(&self, practitioner: PractitionerId) -> Result<(), UseCaseError> {
        let namespace = practitioner.shares_days_in();
        let unknown = namespace.filter(|namespace| !self.rules.shared_namespaces.contains(namespace));
        unknown.map_or(Ok(()), |namespace| Err(UseCaseError::CalendarElsewhere { namespace }))
    }
}

/// By what details say that a practitioner is called.
fn names_in(details: &PractitionerDetails) -> BTreeSet<Name> {
    details.names().cloned().map(Name::OfPractitioner).collect()
}
