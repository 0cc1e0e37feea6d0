//! What can be read, and in which shape. Implemented over the read models.
//!
//! Lists are paged by cursor: `after` is the key of the last item of the page before, in the list's order.

use std::future::Future;

use chrono::{DateTime, NaiveDate, Utc};
use domain::access_log::Read;
use domain::account::{KeyHash, Role, Scope};
use domain::calendar::AppointmentStatus;
use domain::chart::Contents;
use domain::consent::{Grant, GrantId, Grantee, NamedGrant, SignerId};
use domain::emergency::{Justification, Opened};
use domain::encounter::{EncounterNames, NamedEncounter};
use domain::engagement::{AuditScope, Terms};
use domain::kernel::{
    AccountId, AppointmentId, Category, Concept, EmergencyId, EngagementId, HumanName, Identifier, PatientId,
    PractitionerId, Slot, Wallet,
};
use domain::patient::PatientDetails;
use domain::practitioner::{PractitionerDetails, RegisterEntry};
use domain::registries::consents::{Consents, Control, GrantStanding, GrantState, Moment};
use domain::registries::practitioners::{Attestation, Standing};
use serde::{Deserialize, Serialize};
use strum::VariantNames;
use uuid::Uuid;

use crate::log::Position;
use crate::notifications::{Channel, Occasion, Occurrence};
use crate::policy::Object;
use crate::policy::access::{Admittance, NotAdmitted};

/// The database did not answer a query.
#[derive(Debug, thiserror::Error)]
#[error("the read models cannot be read")]
pub struct QueryError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

impl From<NotAdmitted> for QueryError {
    fn from(error: NotAdmitted) -> Self {
        Self(error.into())
    }
}

/// A patient's current record.
#[derive(Clone, PartialEq, Debug)]
pub struct PatientView {
    /// The patient.
    pub id: PatientId,
    /// Who they are.
    pub details: PatientDetails,
    /// The version of the stream; `None` for whoever may not know how much stands in it.
    pub version: Option<u64>,
    /// When they registered.
    pub registered_at: DateTime<Utc>,
    /// When the record last changed.
    pub updated_at: DateTime<Utc>,
}

/// A patient's chart.
#[derive(Clone, PartialEq, Debug)]
pub struct ChartView {
    /// Whose.
    pub patient: PatientId,
    /// What it says.
    pub contents: Contents,
    /// The categories that are left out of it.
    pub withheld: Vec<Category>,
    /// The version of the stream at which it last changed; 0 when nothing was said yet; `None` for whoever may not know how much stands in the stream.
    pub version: Option<u64>,
    /// When it last changed; `None` when nothing was said yet, and for whoever may not know.
    pub updated_at: Option<DateTime<Utc>>,
}

impl ChartView {
    /// A chart in which nothing was said yet.
    pub fn empty(patient: PatientId) -> Self {
        Self {
            patient,
            contents: Contents::default(),
            withheld: Vec::new(),
            version: Some(0),
            updated_at: None,
        }
    }

    /// What somebody may see of it. Who reads by grants is not told when it changed, for that may be what they do not see.
    #[must_use]
    pub fn seen_by(self, admittance: &Admittance) -> Self {
        let withheld = Contents::CATEGORIES
            .iter()
            .copied()
            .filter(|category| !admittance.covers(*category));
        let withheld: Vec<_> = withheld.collect();
        let may_know = !admittance.is_to_a_part();
        Self {
            contents: self.contents.without(&withheld),
            withheld,
            version: self.version.filter(|_| may_know),
            updated_at: self.updated_at.filter(|_| may_know),
            ..self
        }
    }
}

/// A practitioner's current entry.
#[derive(Clone, PartialEq, Debug)]
pub struct PractitionerView {
    /// The practitioner.
    pub id: PractitionerId,
    /// Who they are.
    pub details: PractitionerDetails,
    /// Where a public register has them, once it was told.
    pub register_entry: Option<RegisterEntry>,
    /// The version of the stream.
    pub version: u64,
    /// When they registered.
    pub registered_at: DateTime<Utc>,
}

/// An appointment.
#[derive(Clone, PartialEq, Debug)]
pub struct AppointmentView {
    /// The appointment.
    pub id: AppointmentId,
    /// Whose calendar it stands in: a practitioner, or an organisation for a recorded visit that names none.
    pub owner: Uuid,
    /// The practitioner; `None` for such a recorded visit.
    pub practitioner: Option<PractitionerId>,
    /// The day, in the calendar's time zone.
    pub day: NaiveDate,
    /// The patient; `None` when sealed under a key not held here.
    pub patient: Option<PatientId>,
    /// When.
    pub slot: Slot,
    /// Where it stands.
    pub status: AppointmentStatus,
    /// Why; `None` when not given or sealed.
    pub reason: Option<Concept>,
    /// Why it was cancelled, if it was and a reason is known.
    pub cancellation_reason: Option<String>,
    /// Whether it was recorded from another system rather than booked here.
    pub recorded: bool,
    /// The version at which it last changed: of the calendar's stream, or of the patient's record where it was recorded. `None` for whoever was admitted to a part of the record.
    pub version: Option<u64>,
}

impl AppointmentView {
    /// What somebody may see of it: `None` of a visit of the past, and neither why somebody came nor why they did not, unless they may know of the patient's care.
    #[must_use]
    pub fn seen_by(self, admittance: &Admittance) -> Option<Self> {
        let seen = Self {
            version: self.version.filter(|_| !admittance.is_to_a_part()),
            ..self
        };
        if admittance.times(Category::Care).contain(seen.slot.start) {
            return Some(seen);
        }
        (!seen.recorded).then_some(Self {
            reason: None,
            cancellation_reason: None,
            ..seen
        })
    }
}

impl AppointmentView {
    /// What other systems have told of it: why somebody comes to an appointment that was booked here they have not.
    #[must_use]
    pub fn told_by_sources(self) -> Self {
        match self.recorded {
            true => self,
            false => Self {
                reason: None,
                cancellation_reason: None,
                ..self
            },
        }
    }
}

/// An appointment that nobody was admitted to yet: whose it is cannot be known without reading it.
#[derive(Clone, Debug)]
pub struct Unadmitted(AppointmentView);

impl Unadmitted {
    /// What a query has found.
    pub const fn new(found: AppointmentView) -> Self {
        Self(found)
    }

    /// Whose it is.
    pub const fn whose(&self) -> Object {
        Object::Appointment {
            patient: self.0.patient,
            practitioner: self.0.practitioner,
        }
    }

    /// The appointment, for whoever was admitted to it, as far as they may see it.
    ///
    /// # Errors
    /// When the admittance is for something else.
    pub fn admitted(self, admittance: &Admittance) -> Result<Option<AppointmentView>, NotAdmitted> {
        admittance.check(self.whose(), &[Category::Appointments])?;
        Ok(self.0.seen_by(admittance))
    }
}

/// A free slot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FreeSlot {
    /// Whose.
    pub practitioner: PractitionerId,
    /// On which day of theirs.
    pub day: NaiveDate,
    /// When.
    pub slot: Slot,
}

/// What one day of a practitioner offers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AvailabilityView {
    /// The sessions published.
    pub sessions: Vec<domain::calendar::Session>,
    /// The slots still free, in order.
    pub free: Vec<Slot>,
    /// The version of the calendar's stream.
    pub version: u64,
}

/// Who treats whom (R11).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RelationshipView {
    /// The patient.
    pub patient: PatientId,
    /// The practitioner.
    pub practitioner: PractitionerId,
    /// The start of the first visit, booked or past.
    pub since: DateTime<Utc>,
    /// The start of the latest visit, booked or past.
    pub latest: DateTime<Utc>,
    /// How many appointments, cancelled ones not counted.
    pub appointments: u64,
}

/// An account as lists show it.
#[derive(Clone, PartialEq, Debug)]
pub struct AccountView {
    /// The account.
    pub id: AccountId,
    /// What it is called; `None` for patients and practitioners.
    pub name: Option<String>,
    /// The role.
    pub role: Role,
    /// The wallet, if it signs in with one.
    pub wallet: Option<Wallet>,
    /// The patient behind it.
    pub patient: Option<PatientId>,
    /// The practitioner behind it.
    pub practitioner: Option<PractitionerId>,
    /// Whether it is closed.
    pub closed: bool,
    /// Its keys, oldest first.
    pub keys: Vec<KeyView>,
    /// What was done to its wallet, oldest first.
    pub wallet_acts: Vec<WalletAct>,
    /// The version of the stream.
    pub version: u64,
}

impl AccountView {
    /// The wallets that were changed, one for the other, for the one that signs in now, oldest first: they were the same person's, by
    /// their signatures. What was bound before a registrar took a wallet away may have been somebody else's. The last few only.
    pub fn former_wallets(&self) -> Vec<FormerWallet> {
        let mut chain = Vec::new();
        let mut bound = None;
        for act in &self.wallet_acts {
            let former = bound.filter(|_| act.kind == WalletActKind::Changed);
            match former {
                Some(wallet) => chain.push(FormerWallet { wallet, until: act.at }),
                None => chain.clear(),
            }
            bound = act.wallet;
        }
        chain.retain(|former| Some(former.wallet) != self.wallet);
        let too_old = chain.len().saturating_sub(FormerWallet::MOST);
        chain.split_off(too_old)
    }
}

/// A wallet that was changed for another one. Since then it may have become somebody else's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FormerWallet {
    /// Which.
    pub wallet: Wallet,
    /// When it was changed for the other one.
    pub until: DateTime<Utc>,
}

impl FormerWallet {
    /// How many are remembered.
    pub const MOST: usize = 8;
}

/// Something that was done to an account's wallet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WalletAct {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: WalletActKind,
    /// By which account, as far as it is known.
    pub by: Option<AccountId>,
    /// The wallet that was bound.
    pub wallet: Option<Wallet>,
    /// The registrar's reason.
    pub reason: Option<String>,
}

/// What can be done to an account's wallet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, VariantNames)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum WalletActKind {
    /// Bound: its owner registered with it.
    Registered,
    /// Bound by an invitation, which the account in [`WalletAct::by`] had issued.
    Invited,
    /// Changed for another one, by the signatures of both.
    Changed,
    /// Bound: the operator's configuration names it.
    Configured,
    /// Bound: its owner had asked to be registered, and the account in [`WalletAct::by`] has approved.
    Approved,
    /// Taken away by a registrar.
    TakenAway,
}

/// A service's key. The secret is kept nowhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyView {
    /// Its id.
    pub id: Uuid,
    /// Its hash.
    pub hash: KeyHash,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// When it stops working, if ever.
    pub expires: Option<DateTime<Utc>>,
    /// Whether it is revoked.
    pub revoked: bool,
}

/// A grant: as it was prepared, with what the registry has recorded of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GrantView {
    /// What names it here; `None` when nobody has prepared it here.
    pub id: Option<Uuid>,
    /// What names it in the registry.
    pub grant_id: GrantId,
    /// As whom the registry knows the patient.
    pub registered_as: SignerId,
    /// The grant; `None` when nobody has prepared it here.
    pub grant: Option<Grant>,
    /// When it was prepared.
    pub prepared_at: Option<DateTime<Utc>>,
    /// Where in the log it was prepared, or recorded if nobody has prepared it here.
    pub position: u64,
    /// What the registry has recorded of it.
    pub state: GrantState,
    /// Who controls the patient's consents.
    pub control: Control,
    /// The epoch of the grantee.
    pub grantee_epoch: u64,
}

/// Grants of a patient, at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ConsentsView {
    /// Who signs in as the patient: a grant counts only while they control it.
    pub wallet: Option<SignerId>,
    /// The position of the log from which on they do. What was given before counts no more, whoever's wallet it was.
    pub wallet_since: u64,
    /// When the newest block was made that has entries of the log, in seconds since 1970.
    pub block_time: u64,
    /// The last position of the log that is final.
    pub final_position: u64,
    /// The grants.
    pub grants: Vec<GrantView>,
}

impl ConsentsView {
    /// How a grant among these stands at a time.
    pub fn standing(&self, grant: &GrantView, now: DateTime<Utc>) -> GrantStanding {
        let clock = u64::try_from(now.timestamp()).unwrap_or_default();
        let moment = Moment {
            clock,
            // Of blocks without entries the time is not known here. That the chain's clock has come so far the contract itself says, before a grant is used.
            block: self.block_time.max(clock),
            final_position: self.final_position,
        };
        let controller = grant.control.controller.unwrap_or(grant.registered_as);
        let standing = grant.state.standing(&grant.control, grant.grantee_epoch, &moment);
        match standing {
            GrantStanding::Revoked | GrantStanding::Expired => standing,
            _ if self.wallet != Some(controller) => GrantStanding::NotInControl,
            _ if grant.state.given.is_some_and(|given| given.at <= self.wallet_since) => GrantStanding::NotInControl,
            GrantStanding::Prepared if grant.has_lapsed(&moment) => GrantStanding::Expired,
            _ => standing,
        }
    }
}

impl GrantView {
    /// What tells which revocations take it away.
    pub fn named(&self) -> NamedGrant {
        let prepared = self
            .grant
            .as_ref()
            .map(|grant| (grant.details.grantee_tag(), grant.epoch, grant.grantee_epoch));
        let given = self
            .state
            .given
            .map(|given| (given.grantee, given.epoch, given.grantee_epoch));
        NamedGrant {
            patient: self.registered_as,
            grant: self.grant_id,
            given: given.or(prepared),
        }
    }

    /// Whether it can be handed in no more, nor would hold any more.
    fn has_lapsed(&self, moment: &Moment) -> bool {
        self.grant.as_ref().is_some_and(|grant| {
            let is_late = grant.deadline < moment.clock || (grant.expiry != 0 && grant.expiry <= moment.clock);
            is_late || grant.epoch != self.control.epoch || grant.grantee_epoch != self.grantee_epoch
        })
    }
}

/// One page of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page<K> {
    /// The key of the last item of the page before; `None` for the first page.
    pub after: Option<K>,
    /// At most so many items, from 1. Whoever shows pages asks for one more than is shown, which tells whether there is a next one.
    pub limit: u32,
}

impl<K> Page<K> {
    /// Of what was found, what is shown.
    pub fn shown<'a, T>(&self, found: &'a [T]) -> &'a [T] {
        let shown = usize::try_from(self.limit.saturating_sub(1)).unwrap_or(usize::MAX);
        found.get(..shown).unwrap_or(found)
    }
}

/// Which appointments. All conditions must hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AppointmentFilter {
    /// Of this patient.
    pub patient: Option<PatientId>,
    /// Of this practitioner.
    pub practitioner: Option<PractitionerId>,
    /// On this day or later.
    pub from: Option<NaiveDate>,
    /// On this day or earlier.
    pub to: Option<NaiveDate>,
    /// In this state.
    pub status: Option<AppointmentStatus>,
}

impl AppointmentFilter {
    /// Whose appointments it lets through.
    pub const fn whose(&self) -> Object {
        match (self.patient, self.practitioner) {
            (None, None) => Object::Everybody,
            (patient, practitioner) => Object::Appointment { patient, practitioner },
        }
    }
}

/// Which free slots.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SlotFilter {
    /// Of practitioners with this specialization: a code, or a part of its text, in any case.
    pub specialization: Option<String>,
    /// Of this practitioner.
    pub practitioner: Option<PractitionerId>,
    /// Starting at or after.
    pub from: DateTime<Utc>,
    /// Starting before.
    pub until: DateTime<Utc>,
}

/// The order of appointments in lists: start, then id.
pub type AppointmentCursor = (DateTime<Utc>, AppointmentId);

/// The order of grants in lists: where they stand in the log, then by what names them in the registry.
pub type GrantCursor = (u64, GrantId);

/// How a practitioner stands with the registrars, and up to which position the log was final at that moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AttestationView {
    /// What the registry has recorded.
    pub attestation: Attestation,
    /// How far the log was final.
    pub final_position: Position,
}

impl AttestationView {
    /// How they stand.
    pub fn standing(&self) -> Standing {
        self.attestation.standing_at(self.final_position)
    }
}

/// An emergency.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EmergencyView {
    /// Whose record was opened, and what names the emergency there.
    pub id: EmergencyId,
    /// Who has opened what, why, and for how long.
    pub opened: Opened,
    /// Whether they have justified it.
    pub is_justified: bool,
    /// What they have said, if that can be read.
    pub justification: Option<Justification>,
    /// Whether it was flagged.
    pub is_flagged: bool,
    /// When, if that can be read.
    pub flagged_at: Option<DateTime<Utc>>,
    /// Where in the log it was opened.
    pub position: Position,
}

/// How an emergency stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, VariantNames, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum EmergencyStanding {
    /// It is to be justified.
    ToJustify,
    /// It was not justified in time, nor since.
    Flagged,
    /// It is justified.
    Justified,
}

impl EmergencyView {
    /// How it stands.
    pub const fn standing(&self) -> EmergencyStanding {
        match (self.is_justified, self.is_flagged) {
            (true, _) => EmergencyStanding::Justified,
            (false, true) => EmergencyStanding::Flagged,
            (false, false) => EmergencyStanding::ToJustify,
        }
    }
}

/// For what an auditor is engaged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EngagementView {
    /// Its id.
    pub id: EngagementId,
    /// Which accesses are examined. A patient who was erased is sealed.
    pub scope: AuditScope,
    /// By whom, of which time, why and until when.
    pub terms: Terms,
    /// When it was ended, if it was before its time.
    pub ended_at: Option<DateTime<Utc>>,
    /// The position of the event that began it.
    pub position: Position,
}

/// A read as the log has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoggedReadView {
    /// Whose record was read.
    pub patient: PatientId,
    /// Who has read what, when, and by which right.
    pub read: Read,
    /// What the reader is called, if they are a practitioner whose entry can be read.
    pub name: Option<HumanName>,
    /// Where in the log it stands.
    pub position: Position,
    /// Which of the reads it is that stand there, from 0.
    pub index: u32,
    /// The number of its block.
    pub block: u64,
    /// The hash of its transaction.
    pub transaction: [u8; 32],
}

/// The order of reads in lists: time, then position, then index, the latest first.
pub type ReadCursor = (DateTime<Utc>, Position, u32);

/// The order of free slots in lists: start, then practitioner.
pub type SlotCursor = (DateTime<Utc>, PractitionerId);

/// Reads the read models. What is known of patients is told for an [`Admittance`].
pub trait Queries: Send + Sync + 'static {
    /// A patient.
    ///
    /// # Errors
    /// When the database does not answer, or the admittance is for something else, as for every query here.
    fn patient(
        &self,
        admittance: &Admittance,
        id: PatientId,
    ) -> impl Future<Output = Result<Option<PatientView>, QueryError>> + Send;

    /// A patient's chart, without what the admittance does not cover, if it covers something of it; `None` when nothing was said yet.
    ///
    /// # Errors
    /// As for [`Queries::patient`].
    fn chart(
        &self,
        admittance: &Admittance,
        patient: PatientId,
    ) -> impl Future<Output = Result<Option<ChartView>, QueryError>> + Send;

    /// Patients in the order of their ids. `name` filters: each of its words must begin a word of a family or given name,
    /// whatever their order, case and accents.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn patients(
        &self,
        admittance: &Admittance,
        name: Option<&str>,
        page: Page<PatientId>,
    ) -> impl Future<Output = Result<Vec<PatientView>, QueryError>> + Send;

    /// The patients who are called by one of these, in the order of their ids.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn patients_known_as(
        &self,
        admittance: &Admittance,
        identifiers: &[Identifier],
    ) -> impl Future<Output = Result<Vec<PatientView>, QueryError>> + Send;

    /// A practitioner.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn practitioner(
        &self,
        id: PractitionerId,
    ) -> impl Future<Output = Result<Option<PractitionerView>, QueryError>> + Send;

    /// How a practitioner stands with the registrars, as the newest block says that was applied; whoever none of them has named is unknown.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn attestation(&self, id: PractitionerId) -> impl Future<Output = Result<AttestationView, QueryError>> + Send;

    /// What is known of the consents of a patient of the registry. It names nobody: whose consents they are follows from an account.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn consents(&self, patient: SignerId) -> impl Future<Output = Result<Consents, QueryError>> + Send;

    /// What a patient has prepared to grant to any of these, with what the registry has recorded of it. It tells nobody anything of the patient: by it is
    /// decided who may read.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn consents_to(
        &self,
        patient: PatientId,
        grantees: &[Grantee],
    ) -> impl Future<Output = Result<ConsentsView, QueryError>> + Send;

    /// A grant that a patient has prepared; without one, none.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn grant(
        &self,
        admittance: &Admittance,
        patient: PatientId,
        id: Uuid,
    ) -> impl Future<Output = Result<ConsentsView, QueryError>> + Send;

    /// The grants of a patient, the newest first: what they have prepared, and what the registry has recorded besides of whoever signs in as them.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn grants(
        &self,
        admittance: &Admittance,
        patient: PatientId,
        page: Page<GrantCursor>,
    ) -> impl Future<Output = Result<ConsentsView, QueryError>> + Send;

    /// In which emergencies the record of a patient was opened, or a practitioner has opened others', the newest first.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn emergencies(
        &self,
        admittance: &Admittance,
        whose: Object,
        page: Page<Position>,
    ) -> impl Future<Output = Result<Vec<EmergencyView>, QueryError>> + Send;

    /// One of them.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn emergency(
        &self,
        admittance: &Admittance,
        whose: Object,
        id: EmergencyId,
    ) -> impl Future<Output = Result<Option<EmergencyView>, QueryError>> + Send;

    /// Emergencies of everybody, the newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    fn emergencies_overseen(
        &self,
        standing: Option<EmergencyStanding>,
        page: Page<Position>,
    ) -> impl Future<Output = Result<Vec<EmergencyView>, QueryError>> + Send;

    /// The ids of the emergencies in which a practitioner has opened a patient's record for longer than this instant. The log says whether it is so.
    ///
    /// # Errors
    /// When the database does not answer.
    fn emergencies_open_to(
        &self,
        patient: PatientId,
        practitioner: PractitionerId,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Vec<Uuid>, QueryError>> + Send;

    /// Emergencies that were to be justified before this instant, were not, and are not flagged: so many at most, in no order.
    ///
    /// # Errors
    /// When the database does not answer.
    fn overdue_emergencies(
        &self,
        now: DateTime<Utc>,
        most: u32,
    ) -> impl Future<Output = Result<Vec<EmergencyId>, QueryError>> + Send;

    /// For what auditors are engaged, or one of them is, the newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    fn engagements(
        &self,
        auditor: Option<AccountId>,
        page: Page<Position>,
    ) -> impl Future<Output = Result<Vec<EngagementView>, QueryError>> + Send;

    /// One of them.
    ///
    /// # Errors
    /// As [`Self::engagements`].
    fn engagement(&self, id: EngagementId) -> impl Future<Output = Result<Option<EngagementView>, QueryError>> + Send;

    /// For what auditors are engaged about one patient, the newest first.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn engagements_about(
        &self,
        admittance: &Admittance,
        patient: PatientId,
        page: Page<Position>,
    ) -> impl Future<Output = Result<Vec<EngagementView>, QueryError>> + Send;

    /// Who has read what in this scope, from the first of these instants on and before the second, the latest first.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn examined(
        &self,
        admittance: &Admittance,
        scope: &AuditScope,
        time: (DateTime<Utc>, DateTime<Utc>),
        page: Page<ReadCursor>,
    ) -> impl Future<Output = Result<Vec<LoggedReadView>, QueryError>> + Send;

    /// On which occasions of this kind something has happened for good after this instant, each with one of these channels by which there is no message of it and one is due: so many at
    /// most, the first before the others.
    ///
    /// # Errors
    /// When the database does not answer.
    fn untold(
        &self,
        occasion: Occasion,
        channels: &[Channel],
        after: DateTime<Utc>,
        most: u32,
    ) -> impl Future<Output = Result<Vec<(Occurrence, Channel)>, QueryError>> + Send;

    /// The mail address of a patient, for messages: no person asks for it.
    ///
    /// # Errors
    /// When the database does not answer.
    fn email_of(&self, patient: PatientId) -> impl Future<Output = Result<Option<String>, QueryError>> + Send;

    /// Who has read what is known of a patient, the latest first.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn access_log(
        &self,
        admittance: &Admittance,
        patient: PatientId,
        page: Page<ReadCursor>,
    ) -> impl Future<Output = Result<Vec<LoggedReadView>, QueryError>> + Send;

    /// The reads of what is known of a patient at these instants that the log has, each with where it stands. It tells nobody anything: by it nothing is logged twice.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn reads_at(
        &self,
        patient: PatientId,
        times: &[DateTime<Utc>],
    ) -> impl Future<Output = Result<Vec<(Read, Position)>, QueryError>> + Send;

    /// Practitioners in the order of their ids, of a specialization (a code, or a part of its text, in any case) if given.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn practitioners(
        &self,
        specialization: Option<&str>,
        page: Page<PractitionerId>,
    ) -> impl Future<Output = Result<Vec<PractitionerView>, QueryError>> + Send;

    /// The practitioners who are called by one of these, in the order of their ids.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn practitioners_known_as(
        &self,
        identifiers: &[Identifier],
    ) -> impl Future<Output = Result<Vec<PractitionerView>, QueryError>> + Send;

    /// What a practitioner's day offers; empty at version 0 when nothing was published.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn availability(
        &self,
        practitioner: PractitionerId,
        day: NaiveDate,
    ) -> impl Future<Output = Result<AvailabilityView, QueryError>> + Send;

    /// Free slots by start, then practitioner.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn free_slots(
        &self,
        filter: &SlotFilter,
        page: Page<SlotCursor>,
    ) -> impl Future<Output = Result<Vec<FreeSlot>, QueryError>> + Send;

    /// An appointment, for those who are admitted to it.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn appointment(&self, id: AppointmentId) -> impl Future<Output = Result<Option<Unadmitted>, QueryError>> + Send;

    /// Appointments by start, then id.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn appointments(
        &self,
        admittance: &Admittance,
        filter: &AppointmentFilter,
        page: Page<AppointmentCursor>,
    ) -> impl Future<Output = Result<Vec<AppointmentView>, QueryError>> + Send;

    /// The appointments and visits of a patient by start, then id: as far as somebody is admitted to when the patient comes.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn appointments_of(
        &self,
        admittance: &Admittance,
        patient: PatientId,
        page: Page<AppointmentCursor>,
    ) -> impl Future<Output = Result<Vec<AppointmentView>, QueryError>> + Send;

    /// The encounters of a patient that may have one of these names, with all that names them. Whether one is meant,
    /// [`domain::encounter::recognise`] decides.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn encounters_named(
        &self,
        admittance: &Admittance,
        patient: PatientId,
        names: &EncounterNames,
    ) -> impl Future<Output = Result<Vec<NamedEncounter>, QueryError>> + Send;

    /// How many appointments of a patient are booked or confirmed and begin at or after an instant.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn open_appointments(
        &self,
        admittance: &Admittance,
        patient: PatientId,
        from: DateTime<Utc>,
    ) -> impl Future<Output = Result<u64, QueryError>> + Send;

    /// Who treats a patient, by practitioner.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn relationships_of_patient(
        &self,
        admittance: &Admittance,
        patient: PatientId,
    ) -> impl Future<Output = Result<Vec<RelationshipView>, QueryError>> + Send;

    /// Whom a practitioner treats, by patient.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn relationships_of_practitioner(
        &self,
        admittance: &Admittance,
        practitioner: PractitionerId,
        page: Page<PatientId>,
    ) -> impl Future<Output = Result<Vec<RelationshipView>, QueryError>> + Send;

    /// An account.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn account(&self, id: AccountId) -> impl Future<Output = Result<Option<AccountView>, QueryError>> + Send;

    /// The account that this wallet signs in to, whatever its state.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn account_of_wallet(
        &self,
        wallet: &Wallet,
    ) -> impl Future<Output = Result<Option<AccountView>, QueryError>> + Send;

    /// The account that has a key with this hash, whatever its state.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn account_of_key(&self, hash: &KeyHash) -> impl Future<Output = Result<Option<AccountView>, QueryError>> + Send;

    /// Service and staff accounts in the order of their ids.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn accounts(&self, page: Page<AccountId>) -> impl Future<Output = Result<Vec<AccountView>, QueryError>> + Send;

    /// The content hash of each read model, by name: SHA-256 over its rows in the order of their keys, without what differs
    /// between two runs of the same history (positions, versions, times of recording). Reads everything.
    ///
    /// # Errors
    /// As [`Self::patient`].
    fn content_hashes(&self) -> impl Future<Output = Result<Vec<ProjectionHash>, QueryError>> + Send;
}

/// The content hash of one read model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProjectionHash {
    /// The read model.
    pub name: &'static str,
    /// How many rows it has.
    pub rows: u64,
    /// SHA-256, in hexadecimal.
    pub hash: String,
    /// The position it was taken at, the same for all of one answer.
    pub position: u64,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn account(acts: &[(WalletActKind, Option<u8>)]) -> AccountView {
        let act = |(kind, wallet): &(WalletActKind, Option<u8>)| WalletAct {
            at: DateTime::UNIX_EPOCH,
            kind: *kind,
            by: None,
            wallet: wallet.map(|number| Wallet([number; 20])),
            reason: None,
        };
        let wallet_acts: Vec<WalletAct> = acts.iter().map(act).collect();
        AccountView {
            id: AccountId::new(Uuid::nil()),
            name: None,
            role: Role::Patient,
            wallet: wallet_acts.last().and_then(|act| act.wallet),
            patient: None,
            practitioner: None,
            closed: false,
            keys: Vec::new(),
            wallet_acts,
            version: 1,
        }
    }

    #[test]
    fn former_wallets_are_those_that_were_changed_one_for_the_other() {
        use WalletActKind::{Changed, Invited, Registered, TakenAway};
        let [a, b, c] = [1, 2, 3].map(Some);
        for (acts, former) in [
            (vec![], vec![]),
            (vec![(Registered, a)], vec![]),
            (vec![(Registered, a), (Changed, b)], vec![1]),
            (vec![(Invited, a), (Changed, b), (Changed, c)], vec![1, 2]),
            (vec![(Invited, a), (Changed, b), (Changed, a)], vec![2]),
            (vec![(Invited, a), (TakenAway, None), (Invited, b)], vec![]),
            (
                vec![
                    (Invited, a),
                    (Changed, b),
                    (TakenAway, None),
                    (Invited, c),
                    (Changed, a),
                ],
                vec![3],
            ),
        ] {
            let former: Vec<Wallet> = former.into_iter().map(|number| Wallet([number; 20])).collect();
            let told = account(&acts).former_wallets();
            let wallets: Vec<Wallet> = told.iter().map(|former| former.wallet).collect();
            assert_eq!(wallets, former, "{acts:?}");
        }
    }
}
