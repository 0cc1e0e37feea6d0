//! Requests to be let into a patient's record: somebody asks, the patient approves or declines. Approving prepares the grant that was asked for; what allows anything is the patient's
//! signature under it.

use chrono::TimeDelta;
use domain::access_log::Shown;
use domain::grants::Proposal;
use domain::kernel::{Category, PatientId, RefusalKind};
use domain::registries::consents::GrantStanding;
use uuid::Uuid;

use crate::error::{Refusal, Resource, UseCaseError};
use crate::policy::access::{admit, admit_to_answer};
use crate::policy::identity::Principal;
use crate::policy::{Action, Object};
use crate::ports::access_requests::{AccessRequest, AccessRequestCursor, RequestCode};
use crate::ports::queries::{GrantView, Page, Queries as _};
use crate::use_cases::clinic::{Backend, Clinic, Done, Issue, own_record, permit};
use crate::use_cases::grants::GRANT;

const ACCESS: &[Category] = &[Category::Access];

/// What a command's new request is told apart by from whatever else it makes.
const REQUEST: &str = "access request";

/// For how long a code can be taken up: whoever asks stands before the patient.
const AT_THE_DESK: TimeDelta = TimeDelta::minutes(15);

/// For how long a patient has then at least.
const TAKEN_UP: TimeDelta = TimeDelta::hours(1);

/// For how long a patient who was named is asked.
const ADDRESSED: TimeDelta = TimeDelta::days(14);

/// For how long whoever asks is told at least what the patient has prepared: longer than it can be signed.
const TOLD: TimeDelta = TimeDelta::hours(2);

/// How many requests of one who asks wait at most.
const MOST: u32 = 500;

/// What somebody asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AskedFor {
    /// The patient, if they are known. Otherwise whoever takes the code up.
    pub patient: Option<PatientId>,
    /// What they would be granted.
    pub proposal: Proposal,
    /// Why.
    pub reason: Option<String>,
}

/// How a request stands, for who has asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequestStanding {
    /// The patient has not decided, or not signed, or what they have signed does not hold.
    Waiting,
    /// What was asked for is granted.
    Granted {
        /// Who has granted it.
        patient: PatientId,
        /// By which grant.
        by: Uuid,
    },
    /// The patient has declined.
    Declined,
}

impl<B: Backend> Clinic<B> {
    /// Asks a patient to be let into their record. Whether there is such a patient is not told.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn ask_for_access(
        &self,
        principal: &Principal,
        AskedFor {
            patient,
            proposal,
            reason,
        }: AskedFor,
        issue: &Issue,
    ) -> Result<Uuid, UseCaseError> {
        permit(principal, Action::RequestAccess)?;
        self.registry_of_consents()?;
        let asker = principal.person().account().ok_or(UseCaseError::Forbidden)?;
        let reader = principal.reader().ok_or(UseCaseError::Forbidden)?;
        if !principal.asks_for(proposal.grantee, self.rules.organisation) {
            return Err(UseCaseError::Invalid {
                pointer: "/grant/grantee",
                detail: "must be you, or, asked by the staff, a practitioner, this organisation, or a role in it",
            });
        }
        let now = self.now();
        proposal
            .check(now)
            .map_err(|error| Refusal::from(error).within("/grant"))?;
        self.name_of(proposal.grantee).await.map_err(|error| match error {
            UseCaseError::UnknownReference { .. } => UseCaseError::UnknownReference {
                pointer: "/grant/grantee",
            },
            error => error,
        })?;
        let code = match patient {
            Some(_) => None,
            None => Some(self.code()?),
        };
        let request = AccessRequest {
            id: issue.new_id(REQUEST),
            asker,
            reader,
            proposal,
            reason,
            code,
            patient,
            declined: false,
            prepared: Vec::new(),
            asked_at: now,
            expires_at: now + if patient.is_some() { ADDRESSED } else { AT_THE_DESK },
        };
        match self.access_requests.ask(&request, MOST).await? {
            true => Ok(request.id),
            false => Err(UseCaseError::TooManyAccessRequests),
        }
    }

    /// What the caller has asked, and how it stands.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn access_request(
        &self,
        principal: &Principal,
        id: Uuid,
    ) -> Result<(AccessRequest, RequestStanding), UseCaseError> {
        permit(principal, Action::ReadAccessRequest)?;
        let asker = principal.person().account().ok_or(UseCaseError::Forbidden)?;
        let found = self.access_requests.of_asker(asker, id, self.now()).await?;
        let request = found.ok_or(UseCaseError::NotFound(Resource::AccessRequest))?;
        let standing = self.standing_of(&request).await?;
        if let RequestStanding::Granted { patient, by } = standing {
            let admittance = admit_to_answer(patient, by, request.proposal.purpose);
            self.note_read(principal, &admittance, Shown::Grants, patient).await?;
        }
        Ok((request, standing))
    }

    async fn standing_of(&self, request: &AccessRequest) -> Result<RequestStanding, UseCaseError> {
        let undecided = match request.declined {
            true => RequestStanding::Declined,
            false => RequestStanding::Waiting,
        };
        let Some(patient) = request.patient.filter(|_| !request.prepared.is_empty()) else {
            return Ok(undecided);
        };
        let grantee = [request.proposal.grantee];
        let found = self
            .consents(patient, || self.queries.consents_to(patient, &grantee))
            .await?;
        let holds =
            |view: &&GrantView| matches!(found.standing(view), GrantStanding::Holds | GrantStanding::NotYetValid);
        let mut given = found.grants().iter().filter(holds).filter_map(|view| view.id);
        let by = given.find(|id| request.prepared.contains(id));
        Ok(by.map_or(undecided, |by| RequestStanding::Granted { patient, by }))
    }

    /// A patient takes up the request that has this code.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn take_access_request_up(&self, principal: &Principal, code: RequestCode) -> Result<Uuid, UseCaseError> {
        let patient = self.who_grants(principal, Action::ManageGrants)?;
        let now = self.now();
        let taken = self.access_requests.take_up(code, patient, now, now + TAKEN_UP).await?;
        taken.ok_or(UseCaseError::NotFound(Resource::AccessRequest))
    }

    /// What the caller is asked, the newest first.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn access_requests_to(
        &self,
        principal: &Principal,
        page: Page<AccessRequestCursor>,
    ) -> Result<Vec<AccessRequest>, UseCaseError> {
        let patient = self.who_grants(principal, Action::ReadGrants)?;
        Ok(self.access_requests.to_patient(patient, page, self.now()).await?)
    }

    /// Prepares what the caller is asked to grant. Again prepares it anew: for who has not signed in time.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn approve_access(
        &self,
        principal: &Principal,
        id: Uuid,
        issue: &Issue,
    ) -> Result<(PatientId, Done<Uuid>), UseCaseError> {
        let patient = self.who_grants(principal, Action::ManageGrants)?;
        let now = self.now();
        let found = self.access_requests.of_patient(patient, id, now).await?;
        let ended = || UseCaseError::NotFound(Resource::AccessRequest);
        let request = found.ok_or_else(ended)?;
        // It is noted first: whoever signs what is prepared has granted what was asked for, whatever stops in between.
        let grant = issue.new_id(GRANT);
        if !self.access_requests.approve(patient, id, grant, now + TOLD).await? {
            return Err(ended());
        }
        match self.prepare_grant(principal, patient, request.proposal, issue).await {
            Ok(prepared) => Ok((patient, prepared)),
            Err(UseCaseError::Unknown) => Err(UseCaseError::Unknown),
            Err(error) => {
                // What was tried before may have succeeded.
                if !issue.repeated {
                    self.access_requests.give_back(id, grant).await?;
                }
                Err(match error {
                    // What was asked for is over meanwhile, or nobody is there any more for whom.
                    UseCaseError::Refused(refusal) if refusal.kind == RefusalKind::Invalid => ended(),
                    UseCaseError::UnknownReference { .. } => ended(),
                    error => error,
                })
            }
        }
    }

    /// Declines what the caller is asked.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn decline_access(&self, principal: &Principal, id: Uuid) -> Result<(), UseCaseError> {
        let patient = self.who_grants(principal, Action::ManageGrants)?;
        match self.access_requests.decline(patient, id, self.now()).await? {
            true => Ok(()),
            false => Err(UseCaseError::NotFound(Resource::AccessRequest)),
        }
    }

    /// The caller, as a patient who may do such a thing with what they grant.
    fn who_grants(&self, principal: &Principal, action: Action) -> Result<PatientId, UseCaseError> {
        permit(principal, action)?;
        let patient = own_record(principal).ok_or(UseCaseError::Forbidden)?;
        admit(principal, Object::Patient(patient), action, ACCESS)?;
        Ok(patient)
    }

    fn code(&self) -> Result<RequestCode, UseCaseError> {
        let [a, b, c, d, e, ..] = self.salt()?;
        Ok(RequestCode([a, b, c, d, e]))
    }
}
