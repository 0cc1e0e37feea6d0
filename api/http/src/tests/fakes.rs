//! Backends in memory: enough of them to see what the HTTP layer does with what they answer.
//!
//! There is one principal of every role. Patient and practitioner [`OWN`] are theirs; [`OTHER`] is somebody else's; nothing
//! else exists.

use std::any::Any;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::dev::ServiceResponse;
use actix_web::test::{TestRequest, call_service, init_service};
use application::log::{Finality, Position, StreamId};
use application::notifications::{Channel, Occasion, Occurrence};
use application::policy::Object;
use application::policy::access::{Admittance, records_of};
use application::policy::rules::{Registration, Rules};
use application::ports::StoreError;
use application::ports::access_requests::*;
use application::ports::command::{CommandContext, CommandError, CommandExecutor, Loaded, Receipt, Unavailable};
use application::ports::entries::*;
use application::ports::erasures::{ErasureRequest, Erasures};
use application::ports::invitations::Person;
use application::ports::invitations::{Invitation, InvitationHash, Invitations};
use application::ports::queries::*;
use application::ports::reads::{Due, NotedReads, Notes, Overdue};
use application::ports::registries::{ConsentWitness, HandInError, Recorded, RegistryOf};
use application::ports::registry::*;
use application::ports::requests::*;
use application::ports::revocations::{Revocation, Revocations, Revoked};
use application::ports::secrets::{NoRandomness, Secrets};
use application::ports::sessions::{Session, Sessions, TokenHash};
use application::ports::{AcceptanceListener as _, Clock, IdentityDerivation, Progress, ProgressSource, Servers};
use application::use_cases::clinic::{Clinic, Registries, Stores};
use application::use_cases::status::*;
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::access_log::{Basis, Prepared, Read, Reader, Reading, Shown};
use domain::account::{Account, AccountEvent, Binding, Holder, KeyHash, Proof, Role, Said, Scope, Title};
use domain::calendar::AppointmentStatus;
use domain::chart::{Entry, FindingId, Symptom};
use domain::claims::Name;
use domain::consent::{self, Details, Grant, Granted, Grantee, Purpose, SignerId};
use domain::emergency::{Emergency, EmergencyEvent, Justification, Opened};
use domain::encounter::{EncounterNames, NamedEncounter};
use domain::engagement::{AuditReason, AuditScope, Engagement, EngagementEvent, Terms};
use domain::erasure::KeyName;
use domain::grants::Proposal;
use domain::kernel::typed_data::{SigningDomain, keccak256 as digest};
use domain::kernel::*;
use domain::patient::PatientDetails;
use domain::practitioner::{Practitioner, PractitionerDetails, PractitionerEvent, RegisterEntry};
use domain::registries::Signed;
use domain::registries::consents::{Consents, Control, Given, GrantState};
use domain::registries::practitioners::{self, Attestation};
use domain::treatment::{How, Paper, Saying, Treatment, TreatmentEvent};
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use uuid::Uuid;

use crate::{AppState, CommandTracker, HttpPorts, HttpSettings, app};

/// What is the caller's own.
pub(super) const OWN: Uuid = Uuid::from_u128(1);
/// What is somebody else's.
pub(super) const OTHER: Uuid = Uuid::from_u128(2);
/// A finding in every chart.
pub(super) const FINDING: Uuid = Uuid::from_u128(78);
/// The key that the hospital's system uses, with every scope.
pub(super) const HOSPITAL_KEY: &str = "mk_hospital";
/// The secret of the one invitation there is.
pub(super) const INVITATION: &str = "mi_invitation";
/// The chain that is signed in to.
pub(super) const CHAIN: u64 = 31337;

/// The wallets, each of a role; the first byte says which.
pub(super) const ROLES: [(&str, u8); 11] = [
    ("unregistered", 10),
    ("patient", 11),
    ("doctor", 12),
    ("hospital", 13),
    ("insurer", 14),
    ("registrar", 15),
    ("auditor", 16),
    ("administrator", 17),
    ("nurse", 18),
    ("reception", 19),
    ("laboratory", 21),
];

/// Those for whom a hospital's system can ask.
pub(super) const NAMED: [&str; 9] = [
    "doctor",
    "hospital",
    "insurer",
    "registrar",
    "auditor",
    "administrator",
    "nurse",
    "reception",
    "laboratory",
];

const HOSPITAL_SERVICE: u8 = 20;

/// The auditor who can sign in.
pub(super) const AUDITOR: u8 = 16;

pub(super) type Fakes = (FakeExecutor, FakeQueries);

/// Everything in memory, for a test to look at and to turn.
#[derive(Clone)]
pub(super) struct World {
    pub(super) clinic: Arc<Clinic<Fakes>>,
    pub(super) ports: HttpPorts,
    pub(super) settings: HttpSettings,
    pub(super) executor: Arc<FakeExecutor>,
    pub(super) registry: Arc<FakeRegistry>,
    pub(super) sessions: Arc<FakeSessions>,
    pub(super) queries: Arc<FakeQueries>,
    pub(super) entries: Arc<FakeEntries>,
    pub(super) witness: Arc<FakeWitness>,
    pub(super) reads: Arc<FakeReads>,
}

impl World {
    pub(super) fn new() -> Self {
        Self::registering(Registration::Open)
    }

    /// One in which a wallet becomes a patient's in this way.
    pub(super) fn registering(registration: Registration) -> Self {
        let tracker = Arc::new(CommandTracker::default());
        let executor = Arc::new(FakeExecutor {
            tracker: Arc::clone(&tracker),
            ..FakeExecutor::default()
        });
        let registry = Arc::new(FakeRegistry::default());
        let sessions = Arc::new(FakeSessions::default());
        let queries = Arc::new(FakeQueries::default());
        let entries = Arc::new(FakeEntries::default());
        let witness = Arc::new(FakeWitness::default());
        let reads = Arc::new(FakeReads::default());
        let clock = Arc::new(FakeClock);
        let secrets = Arc::new(FakeSecrets::default());
        let clinic = Arc::new(
            Clinic::new(
                Arc::clone(&executor),
                Arc::clone(&queries),
                Arc::<FakeClock>::clone(&clock),
                Arc::new(FakeIdentities),
                Arc::<FakeSecrets>::clone(&secrets),
                Stores {
                    revocations: Arc::new(FakeRevocations::default()),
                    invitations: Arc::new(FakeInvitations),
                    requests: Arc::new(FakeRequests),
                    sessions: Arc::<FakeSessions>::clone(&sessions),
                    reads: Arc::<FakeReads>::clone(&reads),
                    erasures: Arc::new(FakeErasures),
                    access_requests: Arc::new(FakeAccessRequests),
                },
            )
            .ruled_by(Rules {
                registration,
                organisation: ORGANISATION,
                ..Rules::default()
            })
            .with_registries(Registries {
                practitioners: Some(Arc::new(ObligingRegistry)),
                consents: Some(Arc::new(ObligingRegistry)),
                witness: Some(Arc::<FakeWitness>::clone(&witness)),
            }),
        );
        let ports = HttpPorts {
            clock,
            secrets,
            sessions: Arc::<FakeSessions>::clone(&sessions),
            registry: Arc::<FakeRegistry>::clone(&registry),
            progress: Arc::new(FakeProgress),
            status: Arc::new(FakeStatus),
            parked: Arc::new(FakeStatus),
            entries: Arc::<FakeEntries>::clone(&entries),
            servers: Arc::new(FakeStatus),
            tracker,
            metrics: Arc::default(),
        };
        let settings = HttpSettings::new("https://clinic.example", CHAIN);
        Self {
            clinic,
            ports,
            settings,
            executor,
            registry,
            sessions,
            queries,
            entries,
            witness,
            reads,
        }
    }

    pub(super) fn state(&self) -> AppState<Fakes> {
        let document = crate::openapi::api_document().unwrap();
        let (clinic, ports, settings) = (Arc::clone(&self.clinic), self.ports.clone(), self.settings.clone());
        AppState::new(clinic, ports, settings, document).unwrap()
    }
}

/// The whole HTTP layer over a world, made once for all the requests of a test.
pub(super) struct Api {
    pub(super) world: World,
    call: Box<dyn Fn(TestRequest) -> LocalBoxFuture<'static, ServiceResponse>>,
}

impl Api {
    pub(super) async fn of(world: &World) -> Self {
        let service = Rc::new(init_service(app(world.state())).await);
        let call = move |request: TestRequest| {
            let service = Rc::clone(&service);
            let answer = async move {
                call_service(&*service, request.to_request())
                    .await
                    .map_into_boxed_body()
            };
            answer.boxed_local()
        };
        Self {
            world: world.clone(),
            call: Box::new(call),
        }
    }

    pub(super) async fn call(&self, request: TestRequest) -> ServiceResponse {
        (self.call)(request).await
    }
}

/// Now, for everybody.
pub(super) fn now() -> DateTime<Utc> {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// The token of a role's session.
pub(super) fn token(role: &str) -> String {
    format!("ms_session-of-{role}")
}

/// A hospital's key, used for somebody.
pub(super) fn key_for(role: &str) -> String {
    let number = ROLES.iter().find(|(name, _)| *name == role).map(|(_, number)| *number);
    let person = match role {
        "doctor" => format!("practitioner/{OWN}"),
        _ => format!("staff/{}", account(number.unwrap())),
    };
    format!("{HOSPITAL_KEY} for {person}")
}

struct FakeClock;

impl Clock for FakeClock {
    fn now(&self) -> DateTime<Utc> {
        now()
    }
}

/// Those who are called by their ids.
fn named_by(identifiers: &[Identifier]) -> impl Iterator<Item = Uuid> {
    let ids = identifiers.iter().filter_map(|one| one.value.parse().ok());
    ids.filter(|id| known(*id))
}

struct FakeIdentities;

impl IdentityDerivation for FakeIdentities {
    fn from_identifier(&self, kind: &str, identifier: &Identifier) -> Uuid {
        Uuid::new_v5(
            &Uuid::NAMESPACE_URL,
            format!("{kind} {} {}", identifier.system, identifier.value).as_bytes(),
        )
    }

    fn from_wallet(&self, wallet: &Wallet) -> Uuid {
        account(wallet.0[0]).uuid()
    }

    fn from_name(&self, kind: &str, name: &str) -> Uuid {
        Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{kind} {name}").as_bytes())
    }

    fn bucket_of(&self, _: &Name) -> ClaimsId {
        ClaimsId(7)
    }
}

pub(super) fn account(number: u8) -> AccountId {
    AccountId::new(Uuid::from_u128(1000 + u128::from(number)))
}

#[derive(Default)]
struct FakeSecrets(AtomicU32);

impl Secrets for FakeSecrets {
    fn token(&self) -> Result<String, NoRandomness> {
        // Random as they are, some begin as the secrets of keys do: here all of them.
        Ok(format!("mk_{:040}", self.0.fetch_add(1, Ordering::Relaxed)))
    }

    fn digest(&self, bytes: &[u8]) -> [u8; 32] {
        digest(bytes)
    }

    fn fingerprint(&self, parts: &[&[u8]]) -> [u8; 32] {
        digest(&parts.join(&b"/"[..]))
    }
}

/// A write side that does what it is told and counts.
#[derive(Default)]
pub(super) struct FakeExecutor {
    tracker: Arc<CommandTracker>,
    /// How many commands were executed.
    pub(super) executed: AtomicU32,
    /// The ids of the commands executed.
    pub(super) commands: Mutex<Vec<CommandId>>,
    /// The same, and whether each may have been executed before.
    pub(super) repeated: Mutex<Vec<(CommandId, bool)>>,
    /// How long a command takes to be accepted.
    pub(super) accepts_after: Mutex<Duration>,
    /// How long a command takes once it is accepted.
    pub(super) takes: Mutex<Duration>,
    /// Whether it is away.
    pub(super) away: Mutex<bool>,
    /// Whether it cannot tell what becomes of commands.
    pub(super) unsure: Mutex<bool>,
    /// Whether the accounts that are loaded have a wallet.
    pub(super) bound: Mutex<bool>,
    /// What patients have said of their treatment; without it, they have agreed on paper.
    pub(super) said: Mutex<Option<Vec<TreatmentEvent>>>,
    /// What has happened to emergencies, by their ids.
    pub(super) emergencies: Mutex<BTreeMap<Uuid, Vec<EmergencyEvent>>>,
}

impl FakeExecutor {
    async fn done<E>(&self, context: &CommandContext) -> Result<Receipt, CommandError<E>> {
        if *self.away.lock().unwrap() {
            return Err(CommandError::Unavailable(Unavailable::Chain));
        }
        if *self.unsure.lock().unwrap() {
            return Err(CommandError::Unknown);
        }
        self.executed.fetch_add(1, Ordering::Relaxed);
        self.commands.lock().unwrap().push(context.command_id);
        let repeated = (context.command_id, context.repeated);
        self.repeated.lock().unwrap().push(repeated);
        let accepts_after = *self.accepts_after.lock().unwrap();
        if !accepts_after.is_zero() {
            tokio::time::sleep(accepts_after).await;
        }
        self.tracker.accepted(context.command_id);
        let takes = *self.takes.lock().unwrap();
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        Ok(receipt(context.command_id))
    }
}

const fn receipt(command_id: CommandId) -> Receipt {
    Receipt {
        command_id,
        version: 1,
        began: true,
        position: Some(7),
        finality: Finality::Final,
    }
}

impl CommandExecutor for FakeExecutor {
    async fn transact<S, E, D>(&self, _: S::Targets, _: D, context: &CommandContext) -> Result<Receipt, CommandError<E>>
    where
        S: application::ports::transaction::Roots,
        E: Send,
        D: Fn(S) -> Result<S, E> + Send + Sync,
    {
        self.done(context).await
    }

    async fn earlier<A: ClinicAggregate>(
        &self,
        _: A::Id,
        command: CommandId,
    ) -> Result<Option<Receipt>, CommandError<A::Error>> {
        let known = self.commands.lock().unwrap().contains(&command);
        Ok(known.then(|| receipt(command)))
    }

    async fn load<A: ClinicAggregate>(&self, id: A::Id) -> Result<Loaded<A>, CommandError<A::Error>> {
        let of: AggregateRef = id.into();
        let known = known(of.uuid());
        let mut practitioner = Practitioner::default();
        if known {
            practitioner.apply(PractitionerEvent::Registered {
                time_zone: practitioner_details().time_zone,
                details: Personal::Known(practitioner_details()),
            });
        }
        // What is known is the account of a person who has no wallet yet; the accounts of patients and practitioners have one once
        // somebody has told the executor so.
        let mut account = Account::default();
        let staff = role_of(AccountId::new(of.uuid())).or_else(|| known.then_some(Role::Hospital));
        if let Some(role) = staff {
            let name = Personal::Known("Lab".to_owned());
            account.apply(AccountEvent::Opened {
                holder: Holder::Staff { name, role },
            });
        }
        if *self.bound.lock().unwrap() || staff == Some(Role::Auditor) {
            account.apply(AccountEvent::WalletBound {
                binding: Said::OfHolder(Personal::Known(Binding {
                    wallet: Wallet([99; 20]),
                    proof: proof(),
                    title: Title::Configuration,
                })),
            });
        }
        let mut treatment = Treatment::default();
        let said = self.said.lock().unwrap().clone();
        for event in said.unwrap_or_else(|| vec![agreed_on_paper(&[])]) {
            treatment.apply(event);
        }
        let mut emergency = Emergency::default();
        if let AggregateRef::Emergency(EmergencyId { id, .. }) = of {
            let happened = self.emergencies.lock().unwrap().get(&id).cloned();
            happened.into_iter().flatten().for_each(|event| emergency.apply(event));
        }
        let mut engagement = Engagement::default();
        if let AggregateRef::Engagement(id) = of {
            let EngagementView { scope, terms, .. } = engaged(id);
            engagement.apply(EngagementEvent::Begun { scope, terms });
        }
        let aggregate = [&practitioner as &dyn Any, &account, &treatment, &emergency, &engagement]
            .into_iter()
            .find_map(|any| any.downcast_ref::<A>().cloned());
        let aggregate = aggregate.unwrap_or_default();
        Ok(Loaded {
            aggregate,
            version: u64::from(known),
        })
    }

    async fn known<A: ClinicAggregate>(&self, id: A::Id) -> Result<Option<A>, CommandError<A::Error>> {
        let loaded = self.load::<A>(id).await?;
        Ok((loaded.version > 0).then_some(loaded.aggregate))
    }
}

/// The role of a person of the staff who can sign in.
fn role_of(id: AccountId) -> Option<Role> {
    let found = ROLES.iter().find(|(_, number)| account(*number) == id)?;
    found
        .0
        .parse()
        .ok()
        .filter(|role| !matches!(role, Role::Patient | Role::Doctor))
}

/// That a patient without a wallet has agreed to be treated, on a paper that names these practitioners.
pub(super) fn agreed_on_paper(practitioners: &[Uuid]) -> TreatmentEvent {
    TreatmentEvent::Agreed {
        saying: Personal::Known(Saying {
            at: now(),
            how: How::OnPaper(Paper {
                sha256: [7; 32],
                signed_on: now().date_naive(),
                practitioners: practitioners.iter().copied().map(PractitionerId::new).collect(),
                entered_by: account(18),
                turn: 0,
            }),
        }),
    }
}

fn proof() -> Proof {
    Proof {
        message: "signed".into(),
        signature: vec![1; 65],
    }
}

fn practitioner_details() -> PractitionerDetails {
    PractitionerDetails {
        name: HumanName {
            family: "Sato".into(),
            ..HumanName::default()
        },
        gender: Gender::Female,
        specializations: vec![Concept {
            coding: None,
            text: "Cardiology".into(),
        }],
        credentials: Vec::new(),
        time_zone: Tz::Asia__Tokyo,
        identifier: None,
        other_identifiers: Vec::new(),
        as_of: None,
    }
}

/// Read models with what is [`OWN`] and what is [`OTHER`].
#[derive(Default)]
pub(super) struct FakeQueries {
    /// Accounts that are closed.
    pub(super) closed: Mutex<HashSet<AccountId>>,
    /// How often a patient is found, if they are erased then.
    pub(super) found_so_often: Mutex<Option<u32>>,
    /// How many appointments a patient has ahead.
    pub(super) open: Mutex<u64>,
    /// How practitioners stand, if not as attested.
    pub(super) standing: Mutex<Option<practitioners::Standing>>,
    /// What patients have granted.
    pub(super) granted: Mutex<ConsentsView>,
    /// What happens as soon as somebody has asked for that.
    pub(super) then: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    /// In which emergencies the doctor has the other patient's record open.
    pub(super) emergencies: Mutex<Vec<Uuid>>,
    /// How many appointments there are in lists.
    pub(super) filters: Mutex<Vec<AppointmentFilter>>,
}

fn known(id: Uuid) -> bool {
    [OWN, OTHER].contains(&id)
}

fn patient(id: PatientId) -> PatientView {
    let details = PatientDetails {
        birth_date: NaiveDate::default(),
        ..PatientDetails::default()
    };
    let (registered_at, updated_at) = (now(), now());
    PatientView {
        id,
        details,
        version: Some(3),
        registered_at,
        updated_at,
    }
}

/// The number of the organisation whose server it is.
pub(super) const ORGANISATION: u32 = 1;

/// A grant of everything for treatment to the practitioner with this id, for ever.
pub(super) fn grant_to(practitioner: Uuid) -> Grant {
    Grant {
        patient: SignerId([0x77; 20]),
        details: Details {
            name: "Dr. Blackwell".to_owned(),
            grantee: Grantee::Practitioner(PractitionerId::new(practitioner)),
            categories: vec![Granted::Record],
            documents: Vec::new(),
            from: 0,
            until: 0,
            purpose: Purpose::Treatment,
            may_write: true,
            grantee_salt: [1; 32],
            salt: [2; 32],
        },
        not_before: 0,
        expiry: 0,
        epoch: 0,
        grantee_epoch: 0,
        deadline: u64::MAX,
    }
}

/// Such a grant as it was given at the position 7 of a log that is final up to 9.
pub(super) fn given(grant: Grant) -> ConsentsView {
    let state = GrantState {
        given: Some(Given {
            grantee: grant.details.grantee_tag(),
            not_before: grant.not_before,
            expiry: grant.expiry,
            epoch: grant.epoch,
            grantee_epoch: grant.grantee_epoch,
            by: grant.patient,
            at: 7,
        }),
        revoked_at: None,
    };
    ConsentsView {
        wallet: Some(grant.patient),
        wallet_since: 3,
        block_time: u64::try_from(now().timestamp()).unwrap(),
        final_position: 9,
        grants: vec![GrantView {
            id: Some(OWN),
            grant_id: grant.id(),
            registered_as: grant.patient,
            grant: Some(grant),
            prepared_at: Some(now()),
            position: 5,
            state,
            control: Control::default(),
            grantee_epoch: 0,
        }],
    }
}

/// That the practitioner who can sign in has opened these categories of a record for an hour.
pub(super) fn opened(categories: &[Category]) -> Opened {
    Opened {
        practitioner: PractitionerId::new(OWN),
        system: None,
        reason: "Unconscious.".to_owned(),
        categories: categories.to_vec(),
        at: now(),
        until: now() + TimeDelta::hours(1),
        justify_by: now() + TimeDelta::days(1),
    }
}

fn emergency(id: EmergencyId) -> EmergencyView {
    EmergencyView {
        id,
        opened: opened(&[Category::Identity, Category::Summary]),
        is_justified: true,
        justification: Some(Justification {
            text: "Nobody could ask her.".to_owned(),
            system: None,
            at: now(),
        }),
        is_flagged: true,
        flagged_at: Some(now()),
        position: 8,
    }
}

/// That the auditor who can sign in, or another, is engaged to examine the accesses to somebody's record.
fn engaged(id: EngagementId) -> EngagementView {
    let number = if id.uuid() == OWN { AUDITOR } else { AUDITOR + 100 };
    EngagementView {
        id,
        scope: AuditScope::Patient(Personal::Known(PatientId::new(OTHER))),
        terms: Terms {
            auditor: account(number),
            from: now() - TimeDelta::days(30),
            until: now(),
            reason: AuditReason::Review,
            reference: Some("2026-17".to_owned()),
            at: now(),
            ends: now() + TimeDelta::days(14),
        },
        ended_at: None,
        position: 9,
    }
}

/// That somebody was shown a patient's chart.
fn logged_read(patient: PatientId) -> LoggedReadView {
    let reading = Reading {
        reader: Reader::Practitioner(PractitionerId::new(OTHER)),
        shown: Shown::Chart,
        categories: vec![Category::Summary],
        basis: Basis::Grants(Purpose::Treatment, vec![Prepared(OTHER)]),
    };
    LoggedReadView {
        patient,
        read: Read::new(now(), reading),
        name: Some(practitioner_details().name),
        position: 7,
        index: 0,
        block: 5,
        transaction: [6; 32],
    }
}

fn consents() -> ConsentsView {
    given(grant_to(OWN))
}

fn practitioner(id: PractitionerId) -> PractitionerView {
    PractitionerView {
        id,
        details: practitioner_details(),
        register_entry: Some(RegisterEntry {
            identifier: Identifier {
                system: "urn:register".to_owned(),
                value: "4711".to_owned(),
            },
            salt: [5; 32],
        }),
        version: 2,
        registered_at: now(),
    }
}

fn appointment(id: AppointmentId) -> AppointmentView {
    AppointmentView {
        id,
        owner: id.uuid(),
        practitioner: Some(PractitionerId::new(id.uuid())),
        day: NaiveDate::from_ymd_opt(2026, 3, 2).unwrap(),
        patient: Some(PatientId::new(id.uuid())),
        slot: Slot {
            start: now() + TimeDelta::days(1),
            minutes: 20,
        },
        status: AppointmentStatus::Booked,
        reason: None,
        cancellation_reason: None,
        recorded: false,
        version: Some(4),
    }
}

fn relationship() -> RelationshipView {
    RelationshipView {
        patient: PatientId::new(OWN),
        practitioner: PractitionerId::new(OWN),
        since: now(),
        latest: now(),
        appointments: 1,
    }
}

impl FakeQueries {
    fn account_of(&self, number: u8) -> Option<AccountView> {
        let name = ROLES.iter().find(|(_, known)| *known == number).map(|(name, _)| *name);
        let role = match name {
            Some("patient") => Role::Patient,
            Some("doctor") => Role::Doctor,
            Some("hospital") => Role::Hospital,
            Some("insurer") => Role::Insurer,
            Some("registrar") => Role::Registrar,
            Some("auditor") => Role::Auditor,
            Some("administrator") => Role::Administrator,
            Some("nurse") => Role::Nurse,
            Some("reception") => Role::Reception,
            Some("laboratory") => Role::Laboratory,
            None if number == HOSPITAL_SERVICE => Role::Hospital,
            _ => return None,
        };
        let service = number == HOSPITAL_SERVICE;
        let key = KeyView {
            id: Uuid::from_u128(77),
            hash: KeyHash(digest(HOSPITAL_KEY.as_bytes())),
            scopes: vec![Scope::Read, Scope::Write, Scope::Import],
            expires: None,
            revoked: false,
        };
        Some(AccountView {
            id: account(number),
            name: None,
            role,
            wallet: (!service).then_some(Wallet([number; 20])),
            patient: (role == Role::Patient).then_some(PatientId::new(OWN)),
            practitioner: (role == Role::Doctor).then_some(PractitionerId::new(OWN)),
            closed: self.closed.lock().unwrap().contains(&account(number)),
            keys: if service { vec![key] } else { Vec::new() },
            wallet_acts: Vec::new(),
            version: 1,
        })
    }
}

impl Queries for FakeQueries {
    async fn patient(&self, _: &Admittance, id: PatientId) -> Result<Option<PatientView>, QueryError> {
        if let Some(times) = self.found_so_often.lock().unwrap().as_mut() {
            match times.checked_sub(1) {
                Some(left) => *times = left,
                None => return Ok(None),
            }
        }
        Ok(known(id.uuid()).then(|| patient(id)))
    }

    async fn chart(&self, admittance: &Admittance, id: PatientId) -> Result<Option<ChartView>, QueryError> {
        let mut chart = ChartView::empty(id);
        chart.contents.symptoms.entries.push(Entry {
            id: FindingId(FINDING),
            finding: Symptom {
                text: "a cough".to_owned(),
            },
        });
        Ok(Some(chart.seen_by(admittance)))
    }

    async fn patients(
        &self,
        _: &Admittance,
        _: Option<&str>,
        page: Page<PatientId>,
    ) -> Result<Vec<PatientView>, QueryError> {
        let all = [OWN, OTHER].map(PatientId::new);
        let after = all.into_iter().filter(|id| page.after.is_none_or(|after| *id > after));
        Ok(after.take(page.limit as usize).map(patient).collect())
    }

    async fn patients_known_as(
        &self,
        _: &Admittance,
        identifiers: &[Identifier],
    ) -> Result<Vec<PatientView>, QueryError> {
        Ok(named_by(identifiers).map(PatientId::new).map(patient).collect())
    }

    async fn practitioner(&self, id: PractitionerId) -> Result<Option<PractitionerView>, QueryError> {
        Ok(known(id.uuid()).then(|| practitioner(id)))
    }

    async fn attestation(&self, _: PractitionerId) -> Result<AttestationView, QueryError> {
        let attestation = Attestation {
            standing: self
                .standing
                .lock()
                .unwrap()
                .unwrap_or(practitioners::Standing::Attested),
            number: 1,
            reinstatements: 0,
            details: Some([7; 32]),
            attested_since: Some(40),
        };
        Ok(AttestationView {
            attestation,
            final_position: 40,
        })
    }

    async fn consents(&self, _: SignerId) -> Result<Consents, QueryError> {
        Ok(Consents::default())
    }

    /// The patient who has granted something is somebody else than the one who asks.
    async fn consents_to(&self, patient: PatientId, grantees: &[Grantee]) -> Result<ConsentsView, QueryError> {
        if patient.uuid() != OTHER {
            return Ok(ConsentsView::default());
        }
        let mut granted = self.granted.lock().unwrap().clone();
        let is_to = |grant: &Grant| grantees.contains(&grant.details.grantee);
        granted.grants.retain(|grant| grant.grant.as_ref().is_some_and(is_to));
        if let Some(then) = self.then.lock().unwrap().take() {
            then();
        }
        Ok(granted)
    }

    async fn grant(&self, admittance: &Admittance, id: PatientId, grant: Uuid) -> Result<ConsentsView, QueryError> {
        admittance.check_patient(id, &[Category::Access])?;
        Ok(if known(grant) {
            consents()
        } else {
            ConsentsView::default()
        })
    }

    async fn grants(
        &self,
        admittance: &Admittance,
        id: PatientId,
        _: Page<GrantCursor>,
    ) -> Result<ConsentsView, QueryError> {
        admittance.check_patient(id, &[Category::Access])?;
        Ok(consents())
    }

    async fn emergencies(
        &self,
        admittance: &Admittance,
        whose: Object,
        _: Page<Position>,
    ) -> Result<Vec<EmergencyView>, QueryError> {
        admittance.check(whose, &[Category::Access])?;
        let patient = match whose {
            Object::Patient(patient) => patient,
            _ => PatientId::new(OTHER),
        };
        Ok(vec![emergency(EmergencyId { patient, id: OWN })])
    }

    async fn emergency(
        &self,
        admittance: &Admittance,
        whose: Object,
        id: EmergencyId,
    ) -> Result<Option<EmergencyView>, QueryError> {
        admittance.check(whose, &[Category::Access])?;
        let is_theirs = whose == Object::Patient(id.patient) || whose == Object::Practitioner(PractitionerId::new(OWN));
        Ok((is_theirs && known(id.id)).then(|| emergency(id)))
    }

    async fn emergencies_overseen(
        &self,
        _: Option<EmergencyStanding>,
        _: Page<Position>,
    ) -> Result<Vec<EmergencyView>, QueryError> {
        let patient = PatientId::new(OTHER);
        Ok(vec![emergency(EmergencyId { patient, id: OWN })])
    }

    async fn emergencies_open_to(
        &self,
        patient: PatientId,
        practitioner: PractitionerId,
        _: DateTime<Utc>,
    ) -> Result<Vec<Uuid>, QueryError> {
        let is_theirs = patient.uuid() == OTHER && practitioner.uuid() == OWN;
        let open = self.emergencies.lock().unwrap().clone();
        Ok(open.into_iter().filter(|_| is_theirs).collect())
    }

    async fn overdue_emergencies(&self, _: DateTime<Utc>, _: u32) -> Result<Vec<EmergencyId>, QueryError> {
        Ok(Vec::new())
    }

    async fn engagements(&self, _: Option<AccountId>, _: Page<Position>) -> Result<Vec<EngagementView>, QueryError> {
        Ok(vec![engaged(EngagementId::new(OWN))])
    }

    async fn engagement(&self, id: EngagementId) -> Result<Option<EngagementView>, QueryError> {
        Ok(known(id.uuid()).then(|| engaged(id)))
    }

    async fn engagements_about(
        &self,
        admittance: &Admittance,
        patient: PatientId,
        _: Page<Position>,
    ) -> Result<Vec<EngagementView>, QueryError> {
        admittance.check_patient(patient, &[Category::Access])?;
        let scope = AuditScope::Patient(Personal::Known(patient));
        let engaged = engaged(EngagementId::new(OWN));
        Ok(vec![EngagementView { scope, ..engaged }])
    }

    async fn examined(
        &self,
        admittance: &Admittance,
        scope: &AuditScope,
        _: (DateTime<Utc>, DateTime<Utc>),
        _: Page<ReadCursor>,
    ) -> Result<Vec<LoggedReadView>, QueryError> {
        admittance.check(records_of(scope), &[Category::Access])?;
        let patients = [OWN, OTHER].map(PatientId::new).into_iter();
        let of_the_scope = patients.filter(|patient| records_of(scope) == Object::Patient(*patient));
        Ok(of_the_scope.map(logged_read).collect())
    }

    async fn untold(
        &self,
        _: Occasion,
        _: &[Channel],
        _: DateTime<Utc>,
        _: u32,
    ) -> Result<Vec<(Occurrence, Channel)>, QueryError> {
        Ok(Vec::new())
    }

    async fn email_of(&self, _: PatientId) -> Result<Option<String>, QueryError> {
        Ok(None)
    }

    async fn access_log(
        &self,
        admittance: &Admittance,
        id: PatientId,
        _: Page<ReadCursor>,
    ) -> Result<Vec<LoggedReadView>, QueryError> {
        admittance.check_patient(id, &[Category::Access])?;
        Ok(vec![logged_read(id)])
    }

    async fn reads_at(&self, _: PatientId, _: &[DateTime<Utc>]) -> Result<Vec<(Read, Position)>, QueryError> {
        Ok(Vec::new())
    }

    async fn practitioners(
        &self,
        _: Option<&str>,
        _: Page<PractitionerId>,
    ) -> Result<Vec<PractitionerView>, QueryError> {
        Ok([OWN, OTHER].map(|id| practitioner(PractitionerId::new(id))).into())
    }

    async fn practitioners_known_as(&self, identifiers: &[Identifier]) -> Result<Vec<PractitionerView>, QueryError> {
        Ok(named_by(identifiers)
            .map(PractitionerId::new)
            .map(practitioner)
            .collect())
    }

    async fn availability(&self, _: PractitionerId, _: NaiveDate) -> Result<AvailabilityView, QueryError> {
        Ok(AvailabilityView {
            sessions: Vec::new(),
            free: Vec::new(),
            version: 0,
        })
    }

    async fn free_slots(&self, _: &SlotFilter, _: Page<SlotCursor>) -> Result<Vec<FreeSlot>, QueryError> {
        let AppointmentView { day, slot, .. } = appointment(AppointmentId::new(OWN));
        let practitioner = PractitionerId::new(OWN);
        Ok(vec![FreeSlot {
            practitioner,
            day,
            slot,
        }])
    }

    async fn appointment(&self, id: AppointmentId) -> Result<Option<Unadmitted>, QueryError> {
        Ok(known(id.uuid()).then(|| Unadmitted::new(appointment(id))))
    }

    async fn appointments(
        &self,
        _: &Admittance,
        filter: &AppointmentFilter,
        _: Page<AppointmentCursor>,
    ) -> Result<Vec<AppointmentView>, QueryError> {
        self.filters.lock().unwrap().push(filter.clone());
        Ok(vec![appointment(AppointmentId::new(OWN))])
    }

    async fn appointments_of(
        &self,
        admittance: &Admittance,
        patient: PatientId,
        _: Page<AppointmentCursor>,
    ) -> Result<Vec<AppointmentView>, QueryError> {
        let times = admittance.check_times(patient, Category::Appointments)?;
        let found = appointment(AppointmentId::new(patient.uuid()));
        let found = Some(found).filter(|found| times.contain(found.slot.start));
        Ok(found.and_then(|found| found.seen_by(admittance)).into_iter().collect())
    }

    async fn encounters_named(
        &self,
        _: &Admittance,
        _: PatientId,
        _: &EncounterNames,
    ) -> Result<Vec<NamedEncounter>, QueryError> {
        Ok(Vec::new())
    }

    async fn open_appointments(&self, _: &Admittance, _: PatientId, _: DateTime<Utc>) -> Result<u64, QueryError> {
        Ok(*self.open.lock().unwrap())
    }

    async fn relationships_of_patient(
        &self,
        _: &Admittance,
        _: PatientId,
    ) -> Result<Vec<RelationshipView>, QueryError> {
        Ok(vec![relationship()])
    }

    async fn relationships_of_practitioner(
        &self,
        _: &Admittance,
        _: PractitionerId,
        _: Page<PatientId>,
    ) -> Result<Vec<RelationshipView>, QueryError> {
        Ok(vec![relationship()])
    }

    async fn account(&self, id: AccountId) -> Result<Option<AccountView>, QueryError> {
        let number = id
            .uuid()
            .as_u128()
            .checked_sub(1000)
            .and_then(|number| u8::try_from(number).ok());
        // The service also answers for the ids that the table of endpoints uses.
        let number = number.or(known(id.uuid()).then_some(HOSPITAL_SERVICE));
        Ok(number.and_then(|number| self.account_of(number)))
    }

    async fn account_of_wallet(&self, wallet: &Wallet) -> Result<Option<AccountView>, QueryError> {
        Ok(self.account_of(wallet.0[0]))
    }

    async fn account_of_key(&self, hash: &KeyHash) -> Result<Option<AccountView>, QueryError> {
        let service = self.account_of(HOSPITAL_SERVICE);
        Ok(service.filter(|account| account.keys.iter().any(|key| key.hash == *hash)))
    }

    async fn accounts(&self, page: Page<AccountId>) -> Result<Vec<AccountView>, QueryError> {
        let staff = 13..=HOSPITAL_SERVICE;
        let listed = staff.filter_map(|number| self.account_of(number));
        Ok(listed
            .filter(|listed| page.after.is_none_or(|after| listed.id > after))
            .collect())
    }

    async fn content_hashes(&self) -> Result<Vec<ProjectionHash>, QueryError> {
        Ok(Vec::new())
    }
}

/// Sessions in memory. Every role has one from the beginning.
#[derive(Default)]
pub(super) struct FakeSessions {
    nonces: Mutex<HashMap<String, DateTime<Utc>>>,
    opened: Mutex<HashMap<TokenHash, Session>>,
    closed: Mutex<HashSet<TokenHash>>,
    /// Whether the store is away.
    pub(super) away: Mutex<bool>,
}

#[async_trait]
impl Sessions for FakeSessions {
    async fn use_nonce(&self, nonce: &str, ends: DateTime<Utc>) -> Result<bool, StoreError> {
        Ok(self.nonces.lock().unwrap().insert(nonce.to_owned(), ends).is_none())
    }

    async fn spend_nonce(&self, nonce: &str, _: CommandId, ends: DateTime<Utc>) -> Result<bool, StoreError> {
        self.use_nonce(nonce, ends).await
    }

    async fn proof(&self, _: TokenHash) -> Result<Option<Proof>, StoreError> {
        Ok(Some(proof()))
    }

    async fn open(
        &self,
        token: TokenHash,
        session: &Session,
        _: &Proof,
        _: NonZeroU32,
    ) -> Result<Vec<TokenHash>, StoreError> {
        self.opened.lock().unwrap().insert(token, *session);
        Ok(Vec::new())
    }

    async fn find(&self, hash: TokenHash, _: DateTime<Utc>) -> Result<Option<Session>, StoreError> {
        if *self.away.lock().unwrap() {
            return Err(StoreError("away".into()));
        }
        if self.closed.lock().unwrap().contains(&hash) {
            return Ok(None);
        }
        if let Some(session) = self.opened.lock().unwrap().get(&hash) {
            return Ok(Some(*session));
        }
        let owner = ROLES.iter().find(|(role, _)| hash.0 == digest(token(role).as_bytes()));
        let later = now() + TimeDelta::hours(1);
        Ok(owner.map(|(_, number)| Session {
            wallet: Wallet([*number; 20]),
            idle_expires_at: later,
            expires_at: later,
        }))
    }

    async fn touch(&self, _: &[(TokenHash, DateTime<Utc>)]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn close(&self, token: TokenHash) -> Result<(), StoreError> {
        self.closed.lock().unwrap().insert(token);
        Ok(())
    }

    async fn close_all(&self, wallet: &Wallet, except: Option<TokenHash>) -> Result<(), StoreError> {
        let mut opened = self.opened.lock().unwrap();
        opened.retain(|token, session| session.wallet != *wallet || Some(*token) == except);
        Ok(())
    }

    async fn sweep(&self, _: DateTime<Utc>) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Revocations in memory: what is denied, and whether it is still to be carried through.
#[derive(Default)]
struct FakeRevocations(Mutex<HashMap<CommandId, (Revocation, bool)>>);

#[async_trait]
impl Revocations for FakeRevocations {
    async fn begin(&self, revocation: &Revocation) -> Result<(), StoreError> {
        let pending = (revocation.clone(), true);
        self.0.lock().unwrap().insert(revocation.command_id, pending);
        Ok(())
    }

    async fn of_grants(&self, patient: PatientId) -> Result<Vec<consent::Message>, StoreError> {
        let all = self.0.lock().unwrap();
        let pending = all.values().filter(|(_, is_pending)| *is_pending);
        let messages = pending.filter_map(|(revocation, _)| match &revocation.revoked {
            Revoked::Grants {
                patient: whose,
                message,
                ..
            } if *whose == patient => Some((**message).clone()),
            _ => None,
        });
        Ok(messages.collect())
    }

    async fn carried_through(&self, revocation: &Revocation) -> Result<(), StoreError> {
        let done = (revocation.clone(), false);
        self.0.lock().unwrap().insert(revocation.command_id, done);
        Ok(())
    }

    async fn withdraw(&self, revocation: &Revocation) -> Result<(), StoreError> {
        self.0.lock().unwrap().remove(&revocation.command_id);
        Ok(())
    }

    async fn take_on(&self) -> Result<Vec<Revocation>, StoreError> {
        let all = self.0.lock().unwrap();
        let pending = all.values().filter(|(_, pending)| *pending);
        Ok(pending.map(|(revocation, _)| revocation.clone()).collect())
    }

    async fn is_pending(&self, command: CommandId) -> Result<bool, StoreError> {
        Ok(self
            .0
            .lock()
            .unwrap()
            .get(&command)
            .is_some_and(|(_, pending)| *pending))
    }

    async fn any(&self, subjects: &[Uuid]) -> Result<bool, StoreError> {
        Ok(subjects.iter().any(|subject| self.denied_here(*subject)))
    }

    fn denied_here(&self, subject: Uuid) -> bool {
        self.0
            .lock()
            .unwrap()
            .values()
            .any(|(denied, _)| denied.subject == subject)
    }

    fn bound_again(&self, _: Uuid) {}
}

/// One invitation, whatever its secret is.
#[derive(Default)]
struct FakeInvitations;

#[async_trait]
impl Invitations for FakeInvitations {
    async fn issue(&self, _: InvitationHash, _: &Invitation) -> Result<(), StoreError> {
        Ok(())
    }

    async fn find(&self, hash: InvitationHash) -> Result<Option<Invitation>, StoreError> {
        Ok((hash.0 == digest(INVITATION.as_bytes())).then(|| Invitation {
            person: Person::Patient(PatientId::new(OWN)),
            account: account(11),
            turn: 0,
            issuer: account(13),
            issuer_key: None,
            expires_at: now() + TimeDelta::days(1),
        }))
    }

    async fn withdraw(&self, _: AccountId) -> Result<(), StoreError> {
        Ok(())
    }

    async fn withdraw_of(&self, _: AccountId, _: Option<Uuid>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn sweep(&self, _: DateTime<Utc>) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Notes, of which none is due. They are lost when that is asked for.
#[derive(Default)]
pub(super) struct FakeReads {
    pub(super) noted: Mutex<Vec<(PatientId, Read)>>,
    pub(super) is_down: AtomicBool,
}

#[async_trait]
impl NotedReads for FakeReads {
    async fn note(&self, patients: &[PatientId], read: &Read) -> Result<(), StoreError> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(StoreError("the store is down".into()));
        }
        let noted = patients.iter().map(|patient| (*patient, read.clone()));
        self.noted.lock().unwrap().extend(noted);
        Ok(())
    }

    async fn take_on(&self, _: Due) -> Result<Vec<Notes>, StoreError> {
        Ok(Vec::new())
    }

    async fn logged(&self, _: CommandId, _: Option<Position>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn forget(&self, _: PatientId) -> Result<(), StoreError> {
        Ok(())
    }

    async fn overdue(&self, _: DateTime<Utc>) -> Result<Option<Overdue>, StoreError> {
        Ok(None)
    }

    async fn waiting(&self, patient: PatientId, _: Option<u32>) -> Result<Vec<Read>, StoreError> {
        let noted = self.noted.lock().unwrap();
        let of_patient = noted.iter().filter(|(whose, _)| *whose == patient);
        Ok(of_patient.map(|(_, read)| read.clone()).collect())
    }
}

/// One request for access, of whoever asks and to whoever is asked, if its id is known.
struct FakeAccessRequests;

fn access_request(id: Uuid) -> AccessRequest {
    AccessRequest {
        id,
        asker: AccountId::new(OWN),
        reader: Reader::Practitioner(PractitionerId::new(OWN)),
        proposal: Proposal {
            grantee: Grantee::Practitioner(PractitionerId::new(OWN)),
            categories: vec![Granted::Record],
            documents: Vec::new(),
            from: 0,
            until: 0,
            purpose: Purpose::Treatment,
            may_write: false,
            not_before: 0,
            expiry: 0,
        },
        reason: None,
        code: Some(RequestCode([0; 5])),
        patient: None,
        declined: false,
        prepared: Vec::new(),
        asked_at: now(),
        expires_at: now() + TimeDelta::hours(1),
    }
}

#[async_trait]
impl AccessRequests for FakeAccessRequests {
    async fn ask(&self, _: &AccessRequest, _: u32) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn of_asker(&self, _: AccountId, id: Uuid, _: DateTime<Utc>) -> Result<Option<AccessRequest>, StoreError> {
        Ok(known(id).then(|| access_request(id)))
    }

    async fn take_up(
        &self,
        _: RequestCode,
        _: PatientId,
        _: DateTime<Utc>,
        _: DateTime<Utc>,
    ) -> Result<Option<Uuid>, StoreError> {
        Ok(Some(OWN))
    }

    async fn of_patient(&self, _: PatientId, id: Uuid, _: DateTime<Utc>) -> Result<Option<AccessRequest>, StoreError> {
        Ok(known(id).then(|| access_request(id)))
    }

    async fn to_patient(
        &self,
        _: PatientId,
        _: Page<AccessRequestCursor>,
        _: DateTime<Utc>,
    ) -> Result<Vec<AccessRequest>, StoreError> {
        Ok(vec![access_request(OWN)])
    }

    async fn approve(&self, _: PatientId, id: Uuid, _: Uuid, _: DateTime<Utc>) -> Result<bool, StoreError> {
        Ok(known(id))
    }

    async fn give_back(&self, _: Uuid, _: Uuid) -> Result<(), StoreError> {
        Ok(())
    }

    async fn decline(&self, _: PatientId, id: Uuid, _: DateTime<Utc>) -> Result<bool, StoreError> {
        Ok(known(id))
    }

    async fn sweep(&self, _: DateTime<Utc>) -> Result<(), StoreError> {
        Ok(())
    }
}

struct FakeErasures;

#[async_trait]
impl Erasures for FakeErasures {
    async fn ask(&self, request: &ErasureRequest) -> Result<ErasureRequest, StoreError> {
        Ok(*request)
    }

    async fn take_on(&self) -> Result<Vec<ErasureRequest>, StoreError> {
        Ok(Vec::new())
    }

    async fn keys_of(&self, _: SubjectId) -> Result<Vec<KeyName>, StoreError> {
        Ok(vec![[7; 8]])
    }

    async fn logged(&self, _: &ErasureRequest) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn waits(&self, _: &ErasureRequest, _: &str) -> Result<(), StoreError> {
        Ok(())
    }

    async fn refused(&self, _: &ErasureRequest, _: &str) -> Result<(), StoreError> {
        Ok(())
    }
}

/// One request, of whatever wallet: it waits, and whatever is decided on it holds if its id is known.
struct FakeRequests;

fn request(id: Uuid) -> RegistrationRequest {
    RegistrationRequest {
        id,
        wallet: Wallet([10; 20]),
        proof: proof(),
        details: PatientDetails::default(),
        asked_at: now(),
        expires_at: now() + TimeDelta::days(1),
    }
}

fn decided<T>(id: Uuid, value: T) -> Decided<T> {
    if known(id) {
        Decided::Done(value)
    } else {
        Decided::Missing
    }
}

#[async_trait]
impl RegistrationRequests for FakeRequests {
    async fn ask(&self, _: WalletId, _: &RegistrationRequest, _: u32) -> Result<Asked, StoreError> {
        Ok(Asked::Listed)
    }

    async fn of_wallet(&self, _: WalletId, _: DateTime<Utc>) -> Result<Option<OwnRequest>, StoreError> {
        let RegistrationRequest {
            id,
            details,
            asked_at,
            expires_at,
            ..
        } = request(OWN);
        Ok(Some(OwnRequest {
            id,
            standing: Standing::Waiting(Box::new(details)),
            asked_at,
            expires_at,
        }))
    }

    async fn waiting(&self, _: Page<RequestCursor>, _: DateTime<Utc>) -> Result<Vec<RegistrationRequest>, StoreError> {
        Ok(vec![request(OWN)])
    }

    async fn begin_approval(
        &self,
        id: Uuid,
        _: CommandId,
        _: DateTime<Utc>,
    ) -> Result<Decided<RegistrationRequest>, StoreError> {
        Ok(decided(id, request(id)))
    }

    async fn approved(&self, _: Uuid, _: DateTime<Utc>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn give_back(&self, _: Uuid, _: CommandId) -> Result<(), StoreError> {
        Ok(())
    }

    async fn decline(&self, id: Uuid, _: &Declined<'_>, _: DateTime<Utc>) -> Result<Decided<()>, StoreError> {
        Ok(decided(id, ()))
    }

    async fn sweep(&self, _: DateTime<Utc>) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl Servers for FakeStatus {
    async fn count(&self) -> Result<u32, StoreError> {
        Ok(1)
    }

    async fn are_others(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn is_counted(&self) -> bool {
        true
    }
}

struct Row {
    issuer: AccountId,
    key: Option<[u8; 32]>,
    fingerprint: [u8; 32],
    fence: i64,
    claimed: bool,
    answer: Option<StoredAnswer>,
}

/// A contract that allows everything, unless it is told what to answer.
#[derive(Default)]
pub(super) struct FakeWitness(pub(super) Mutex<Option<Result<bool, Unavailable>>>);

#[async_trait]
impl ConsentWitness for FakeWitness {
    async fn allows(&self, _: &Grant, _: &consent::Query) -> Result<bool, Unavailable> {
        self.0.lock().unwrap().unwrap_or(Ok(true))
    }
}

/// A registry that takes everything.
struct ObligingRegistry;

#[async_trait]
impl<M: Sync + 'static> RegistryOf<M> for ObligingRegistry {
    fn signing_domain(&self) -> SigningDomain {
        SigningDomain {
            name: practitioners::DOMAIN_NAME,
            chain_id: CHAIN,
            contract: [9; 20],
        }
    }

    async fn has_from(&self, _: CommandId) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn insist(&self, command: CommandId, message: &M, signed: &Signed) -> Result<Recorded, HandInError> {
        self.hand_in(command, message, signed).await
    }

    async fn hand_in(&self, _: CommandId, _: &M, _: &Signed) -> Result<Recorded, HandInError> {
        Ok(Recorded {
            position: 41,
            version: 1,
        })
    }
}

/// The registry in memory. A claim lasts until it is answered or released.
#[derive(Default)]
pub(super) struct FakeRegistry {
    rows: Mutex<HashMap<CommandId, Row>>,
    /// What the log says of commands.
    pub(super) traces: Mutex<HashMap<CommandId, Trace>>,
    /// How often claims were renewed.
    pub(super) renewed: AtomicU32,
    /// How many at once, at most.
    pub(super) renewed_at_once: AtomicU32,
}

impl FakeRegistry {
    /// How many commands are registered.
    pub(super) fn len(&self) -> usize {
        self.rows.lock().unwrap().len()
    }

    /// The one command that is registered.
    pub(super) fn only(&self) -> CommandId {
        let rows = self.rows.lock().unwrap();
        assert_eq!(rows.len(), 1);
        *rows.keys().next().unwrap()
    }

    /// A process that held every claim is gone, and time has passed.
    pub(super) fn let_claims_run_out(&self) {
        self.rows
            .lock()
            .unwrap()
            .values_mut()
            .for_each(|row| row.claimed = false);
    }

    /// The answers were never written.
    pub(super) fn lose_answers(&self) {
        self.rows.lock().unwrap().values_mut().for_each(|row| row.answer = None);
    }
}

#[async_trait]
impl CommandRegistry for FakeRegistry {
    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        let mut rows = self.rows.lock().unwrap();
        let found = rows
            .iter_mut()
            .find(|(_, row)| claim.issuers.include(row.issuer, now()) && row.key == Some(claim.key));
        let Some((id, row)) = found else {
            let row = Row {
                issuer: claim.issuers.now,
                key: Some(claim.key),
                fingerprint: claim.fingerprint,
                fence: 1,
                claimed: true,
                answer: None,
            };
            rows.insert(claim.command_id, row);
            return Ok(Claimed::Granted(Ticket {
                command_id: claim.command_id,
                fence: 1,
            }));
        };
        Ok(match &row.answer {
            _ if row.fingerprint != claim.fingerprint => Claimed::Mismatch,
            Some(answer) => Claimed::Answered(answer.clone()),
            None if row.claimed => Claimed::InProgress(*id),
            None => {
                row.fence += 1;
                row.claimed = true;
                Claimed::Granted(Ticket {
                    command_id: *id,
                    fence: row.fence,
                })
            }
        })
    }

    async fn register(
        &self,
        command_id: CommandId,
        issuer: AccountId,
        _: DateTime<Utc>,
        _: DateTime<Utc>,
    ) -> Result<Ticket, StoreError> {
        let row = Row {
            issuer,
            key: None,
            fingerprint: [0; 32],
            fence: 1,
            claimed: true,
            answer: None,
        };
        self.rows.lock().unwrap().insert(command_id, row);
        Ok(Ticket { command_id, fence: 1 })
    }

    async fn renew(&self, tickets: &[Ticket], _: DateTime<Utc>) -> Result<(), StoreError> {
        let tickets = u32::try_from(tickets.len()).unwrap_or(u32::MAX);
        self.renewed_at_once.fetch_max(tickets, Ordering::Relaxed);
        self.renewed.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn answer(&self, ticket: Ticket, answer: &StoredAnswer) -> Result<(), StoreError> {
        let mut rows = self.rows.lock().unwrap();
        if let Some(row) = rows.get_mut(&ticket.command_id).filter(|row| row.fence == ticket.fence) {
            row.answer = Some(answer.clone());
        }
        Ok(())
    }

    async fn release(&self, ticket: Ticket) -> Result<(), StoreError> {
        if let Some(row) = self.rows.lock().unwrap().get_mut(&ticket.command_id) {
            row.claimed &= row.fence != ticket.fence;
        }
        Ok(())
    }

    async fn retract(&self, ticket: Ticket) -> Result<(), StoreError> {
        self.release(ticket).await?;
        if let Some(row) = self.rows.lock().unwrap().get_mut(&ticket.command_id) {
            row.fence -= i64::from(row.fence == 1);
        }
        Ok(())
    }

    async fn find(&self, command_id: CommandId) -> Result<Option<RegisteredCommand>, StoreError> {
        Ok(self.rows.lock().unwrap().get(&command_id).map(|row| RegisteredCommand {
            issuer: row.issuer,
            created_at: now(),
            answer: row.answer.clone(),
            claimed_until: if row.claimed {
                now() + TimeDelta::seconds(1)
            } else {
                now()
            },
        }))
    }

    async fn trace(&self, command_id: CommandId) -> Result<Trace, StoreError> {
        Ok(self
            .traces
            .lock()
            .unwrap()
            .get(&command_id)
            .copied()
            .unwrap_or(Trace::None))
    }

    async fn sweep(&self, _: DateTime<Utc>) -> Result<(), StoreError> {
        Ok(())
    }
}

struct FakeProgress;

impl ProgressSource for FakeProgress {
    fn progress(&self) -> Progress {
        Progress {
            position: 42,
            block: 9,
            final_block: 8,
            final_position: 40,
        }
    }
}

struct FakeStatus;

#[async_trait]
impl StatusSource for FakeStatus {
    async fn status(&self) -> Result<SystemStatus, StoreError> {
        Ok(SystemStatus {
            version: "0".into(),
            started_at: now(),
            chain: ChainStatus {
                chain_id: CHAIN,
                contract: "0x".into(),
                namespace: 1,
                sealing_epoch: 0,
                recorders: vec![BelievedContract {
                    contract: "0x".into(),
                    namespace: 2,
                    registry: None,
                }],
                shared: Vec::new(),
                finality: "instant".into(),
                head_block: None,
                applied_block: 9,
                final_block: 8,
            },
            log: LogStatus {
                position: 42,
                final_position: 40,
                running_hash: "0x".into(),
                chain_position: None,
            },
            outbox: OutboxStatus {
                waiting: 0,
                in_flight: 0,
                oldest_ms: None,
            },
            projections: Vec::new(),
            parked: Vec::new(),
            foreign_events: 0,
            void_events: 0,
            erased_events: 0,
            unreadable_events: 0,
            overruled_events: 0,
            troubles: Vec::new(),
        })
    }

    async fn readiness(&self) -> Vec<ComponentReadiness> {
        vec![ComponentReadiness {
            name: "database",
            ready: true,
            essential: true,
        }]
    }
}

/// One entry. It remembers what was asked for.
#[derive(Default)]
pub(super) struct FakeEntries {
    pub(super) asked: Mutex<Vec<(EntryFilter, Page<Position>)>>,
}

#[async_trait]
impl LogEntries for FakeEntries {
    async fn entries(&self, filter: &EntryFilter, page: Page<Position>) -> Result<Vec<EntryView>, StoreError> {
        self.asked.lock().unwrap().push((*filter, page));
        Ok(vec![EntryView {
            position: 7,
            stream: StreamId([7; 32]),
            version: 2,
            block: 9,
            block_time: now(),
            transaction: [9; 32],
            finality: Finality::Included,
            writer: Some(Wallet([4; 20])),
            index: 0,
            count: 1,
            kind: EntryKind::Void,
            void: Some(VoidReason::NotAuthentic),
            claimed_at: None,
        }])
    }
}

#[async_trait]
impl ParkedEvents for FakeStatus {
    async fn retry(&self) -> Result<RetriedEvents, StoreError> {
        Ok(RetriedEvents::default())
    }
}
