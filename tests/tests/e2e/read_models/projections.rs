//! The read models in Postgres: what the queries answer, and that rows depend on the events alone.

use std::sync::Arc;

use application::log::{AnyEvent, BlockRef, EventMetadata, OpenedEvent};
use application::policy::access::{Admittance, admit};
use application::policy::identity::Principal;
use application::policy::{Action, Object};
use application::ports::Clock;
use application::ports::projector::Projector;
use application::ports::queries::{AppointmentFilter, Page, ProjectionHash, Queries, SlotFilter};
use chrono::{DateTime, Duration, NaiveDate, Utc};
use domain::account::{AccountEvent, Holder, KeyHash, Role, Scope};
use domain::calendar::CalendarEvent;
use domain::chart::ChartEvent;
use domain::encounter::{EncounterEvent, EncounterNames, Filed, Outcome, Provider};
use domain::kernel::{
    AccountId, AppointmentId, CalendarId, Category, ChartId, CommandId, EncounterId, HumanName, PatientId, Personal,
    Slot,
};
use domain::patient::{PatientDetails, PatientEvent};
use projections::{PgQueries, ReadModels};
use sqlx::{Executor, PgPool};
use tests::history::{History, at, first_day, patient, practitioner};
use uuid::Uuid;

/// The read models in a database of their own.
struct ReadSide {
    pool: PgPool,
    queries: PgQueries,
    position: u64,
    versions: std::collections::HashMap<domain::kernel::AggregateRef, u64>,
}

/// A clock that stands the day before all calendars.
struct DayBefore;

impl Clock for DayBefore {
    fn now(&self) -> DateTime<Utc> {
        at(first_day(), 0) - Duration::days(1)
    }
}

const BLOCK: BlockRef = BlockRef {
    number: 1,
    hash: [1; 32],
    parent_hash: [0; 32],
    timestamp: 0,
};

impl ReadSide {
    async fn new() -> Self {
        let pool = PgPool::connect(&tests::postgres::database().await).await.unwrap();
        let mut connection = pool.acquire().await.unwrap();
        let checkpoint = "CREATE TABLE checkpoint (position bigint); INSERT INTO checkpoint VALUES (7)";
        connection.execute(checkpoint).await.unwrap();
        ReadModels.create(&mut connection).await.unwrap();
        ReadModels.complete(&mut connection).await.unwrap();
        Self {
            queries: PgQueries::new(pool.clone(), Arc::new(DayBefore)),
            pool,
            position: 0,
            versions: Default::default(),
        }
    }

    /// Applies events as one block.
    async fn apply(&mut self, events: impl IntoIterator<Item = AnyEvent>) {
        let mut opened = Vec::new();
        for event in events {
            self.position += 1;
            let version = self.versions.entry(event.aggregate().stream()).or_default();
            *version += 1;
            opened.push(OpenedEvent {
                position: self.position,
                version: *version,
                metadata: EventMetadata {
                    command_id: CommandId::new(Uuid::from_u64_pair(9, self.position)),
                    at: at(first_day(), 0) - Duration::days(9),
                    actor: None,
                    correlation: None,
                    cause: None,
                },
                event,
            });
        }
        let mut transaction = self.pool.begin().await.unwrap();
        ReadModels.apply(&mut transaction, &BLOCK, &opened).await.unwrap();
        transaction.commit().await.unwrap();
    }

    async fn hashes(&self) -> Vec<ProjectionHash> {
        self.queries.content_hashes().await.unwrap()
    }
}

fn first<K>(limit: u32) -> Page<K> {
    Page { after: None, limit }
}

/// Leave to read whatever there is.
fn everybody() -> Admittance {
    let hospital = Principal::Staff {
        account: AccountId::new(Uuid::nil()),
        role: Role::Hospital,
    };
    let categories = &[
        Category::Identity,
        Category::Summary,
        Category::Medication,
        Category::Care,
        Category::Appointments,
    ];
    admit(&hospital, Object::Everybody, Action::ListPatients, categories).unwrap()
}

#[tokio::test]
async fn rows_do_not_depend_on_how_the_log_was_cut_into_blocks() {
    let events: Vec<AnyEvent> = History::new(1).commits(400).concat();
    let (mut one_by_one, mut in_blocks, mut at_once) =
        (ReadSide::new().await, ReadSide::new().await, ReadSide::new().await);
    for event in &events {
        one_by_one.apply([event.clone()]).await;
    }
    for block in events.chunks(37) {
        in_blocks.apply(block.to_vec()).await;
    }
    at_once.apply(events).await;
    let hashes = one_by_one.hashes().await;
    assert_eq!(hashes, in_blocks.hashes().await);
    assert_eq!(hashes, at_once.hashes().await);
    assert!(
        hashes.iter().all(|hash| hash.rows > 0 && hash.position == 7),
        "{hashes:?}"
    );
}

#[tokio::test]
async fn another_history_has_another_hash() {
    let (mut one, mut other) = (ReadSide::new().await, ReadSide::new().await);
    one.apply(History::new(1).commits(300).concat()).await;
    other.apply(History::new(2).commits(300).concat()).await;
    for (one, other) in one.hashes().await.iter().zip(other.hashes().await) {
        assert_ne!(one.hash, other.hash, "{}", one.name);
    }
}

#[tokio::test]
async fn relationships_are_what_the_appointments_say() {
    let mut side = ReadSide::new().await;
    for block in History::new(3).commits(900).chunks(20) {
        side.apply(block.concat()).await;
    }
    let differences: i64 = sqlx::query_scalar(
        "WITH derived AS (SELECT patient, practitioner, min(starts), max(starts), count(*) FROM appointments
                          WHERE status <> 'cancelled' AND practitioner IS NOT NULL GROUP BY patient, practitioner),
              kept AS (SELECT patient, practitioner, since, latest, appointments FROM relationships)
         SELECT (SELECT count(*) FROM (TABLE derived EXCEPT TABLE kept) a) +
                (SELECT count(*) FROM (TABLE kept EXCEPT TABLE derived) b)",
    )
    .fetch_one(&side.pool)
    .await
    .unwrap();
    assert_eq!(differences, 0);
    let practised = side
        .queries
        .relationships_of_practitioner(&everybody(), practitioner(0), first(100))
        .await
        .unwrap();
    assert!(!practised.is_empty());
    let treated = side
        .queries
        .relationships_of_patient(&everybody(), practised[0].patient)
        .await
        .unwrap();
    assert!(treated.contains(&practised[0]));
}

#[tokio::test]
async fn pages_put_together_are_the_whole_list() {
    let mut side = ReadSide::new().await;
    side.apply(History::new(4).commits(900).concat()).await;
    let (queries, day) = (&side.queries, first_day());

    for filter in [
        AppointmentFilter::default(),
        AppointmentFilter {
            from: Some(day + Duration::days(1)),
            to: Some(day + Duration::days(3)),
            ..Default::default()
        },
        AppointmentFilter {
            practitioner: Some(practitioner(1)),
            from: Some(day),
            ..Default::default()
        },
    ] {
        let whole = queries.appointments(&everybody(), &filter, first(1000)).await.unwrap();
        let (mut paged, mut after) = (Vec::new(), None);
        loop {
            let page = queries
                .appointments(&everybody(), &filter, Page { after, limit: 7 })
                .await
                .unwrap();
            let Some(last) = page.last() else { break };
            after = Some((last.slot.start, last.id));
            paged.extend(page);
        }
        assert!(whole.len() > 7);
        assert_eq!(paged, whole);
    }

    for (specialization, practitioner) in [
        (None, None),
        (Some("specialization"), None),
        (None, Some(practitioner(2))),
    ] {
        let filter = SlotFilter {
            specialization: specialization.map(str::to_owned),
            practitioner,
            from: at(day, 0),
            until: at(day, 0) + Duration::days(30),
        };
        let whole = queries.free_slots(&filter, first(10_000)).await.unwrap();
        let (mut paged, mut after) = (Vec::new(), None);
        loop {
            let page = queries.free_slots(&filter, Page { after, limit: 5 }).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some((last.slot.start, last.practitioner));
            paged.extend(page);
        }
        assert!(whole.len() > 5);
        assert_eq!(paged, whole);
    }

    let whole = queries.patients(&everybody(), None, first(1000)).await.unwrap();
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = queries
            .patients(&everybody(), None, Page { after, limit: 4 })
            .await
            .unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        paged.extend(page);
    }
    assert_eq!(paged, whole);
}

#[tokio::test]
async fn what_a_day_offers_is_what_a_search_finds() {
    let mut side = ReadSide::new().await;
    side.apply(History::new(5).commits(900).concat()).await;
    for (owner, number) in (0..4).flat_map(|owner| (0..6).map(move |number| (owner, number))) {
        let day = first_day() + Duration::days(number);
        let offered = side.queries.availability(practitioner(owner), day).await.unwrap();
        let filter = SlotFilter {
            specialization: None,
            practitioner: Some(practitioner(owner)),
            from: at(day, 0),
            until: at(day, 0) + Duration::hours(10),
        };
        let found = side.queries.free_slots(&filter, first(1000)).await.unwrap();
        assert_eq!(found.iter().map(|free| free.slot).collect::<Vec<_>>(), offered.free);
        let of = CalendarId::of(practitioner(owner), day).into();
        assert_eq!(offered.version, side.versions.get(&of).copied().unwrap_or(0));
    }
    let never = side
        .queries
        .availability(practitioner(0), first_day() - Duration::days(40))
        .await
        .unwrap();
    assert_eq!((never.version, never.sessions.len(), never.free.len()), (0, 0, 0));
}

#[tokio::test]
async fn patients_are_found_by_how_the_words_of_their_names_begin() {
    let mut side = ReadSide::new().await;
    let register = |number, family: &str, given: &str| {
        let details = PatientDetails {
            name: HumanName {
                family: family.to_owned(),
                given: vec![given.to_owned()],
                prefix: Vec::new(),
            },
            ..PatientDetails::default()
        };
        let details = Personal::Known(details);
        AnyEvent::Patient(patient(number), PatientEvent::Registered { details })
    };
    side.apply([
        register(1, "Öztürk", "Ada"),
        register(2, "O'Neil", "Öz_"),
        register(3, "Smith", "Adam"),
        register(4, "Κωστόπουλος", "Jo\u{e3}o Maria"),
        register(5, "van der Straße", "İbrahim"),
    ])
    .await;
    let found = async |name| {
        let found = side
            .queries
            .patients(&everybody(), Some(name), first(10))
            .await
            .unwrap();
        found.iter().map(|patient| patient.id).collect::<Vec<_>>()
    };
    assert_eq!(found("öz").await, [patient(1), patient(2)]);
    assert_eq!(found("ADA").await, [patient(1), patient(3)]);
    assert_eq!(found("öz neil").await, [patient(2)]);
    assert_eq!(found("dam").await, []);
    for (name, number) in [
        ("ΚΩΣ", 4),
        ("joa\u{303}o", 4),
        ("maria κωσ", 4),
        ("STRASSE", 5),
        ("ibrahim", 5),
        ("  ibrahim   VAN DER ", 5),
        ("Smith, Adam", 3),
    ] {
        assert_eq!(found(name).await, [patient(number)], "{name}");
    }
    for name in ["adam öztürk", "ibrahim smith", "%", "_", "-"] {
        assert_eq!(found(name).await, [], "{name}");
    }
}

#[tokio::test]
async fn a_name_that_changed_finds_no_longer() {
    let mut side = ReadSide::new().await;
    let named = |family: &str| PatientDetails {
        name: HumanName {
            family: family.to_owned(),
            ..HumanName::default()
        },
        ..PatientDetails::default()
    };
    let details = Personal::Known(named("Before"));
    side.apply([AnyEvent::Patient(patient(1), PatientEvent::Registered { details })])
        .await;
    let details = Personal::Known(named("After"));
    side.apply([AnyEvent::Patient(patient(1), PatientEvent::DetailsUpdated { details })])
        .await;
    assert_eq!(
        side.queries
            .patients(&everybody(), Some("before"), first(10))
            .await
            .unwrap(),
        []
    );
    assert_eq!(
        side.queries
            .patients(&everybody(), Some("after"), first(10))
            .await
            .unwrap()[0]
            .version,
        2
    );
}

#[tokio::test]
async fn values_that_postgres_cannot_hold_do_not_stop_the_projection() {
    let mut side = ReadSide::new().await;
    let details = PatientDetails {
        name: HumanName {
            family: "a\0b".repeat(5000),
            ..HumanName::default()
        },
        ..PatientDetails::default()
    };
    let details = Personal::Known(details);
    let visit = |number, day, start| {
        let filed = Filed {
            provider: Provider::Practitioner(practitioner(0)),
            slot: Slot {
                start,
                minutes: u32::MAX,
            },
            day,
            outcome: Outcome::Open,
            reason: None,
            as_of: None,
            names: EncounterNames::default(),
        };
        let id = EncounterId {
            patient: patient(1),
            id: Uuid::from_u64_pair(3, number),
        };
        let encounter = Personal::Known(filed);
        AnyEvent::Encounter(id, EncounterEvent::Filed { encounter })
    };
    side.apply([
        AnyEvent::Patient(patient(1), PatientEvent::Registered { details }),
        visit(1, NaiveDate::MIN, DateTime::<Utc>::MIN_UTC),
        visit(2, NaiveDate::MAX, DateTime::<Utc>::MAX_UTC),
    ])
    .await;
    assert!(side.queries.patient(&everybody(), patient(1)).await.unwrap().is_some());
    assert_eq!(
        side.queries
            .appointments(&everybody(), &AppointmentFilter::default(), first(10))
            .await
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn an_appointment_far_from_its_day_is_found_by_its_day_all_the_same() {
    let mut side = ReadSide::new().await;
    let booked = |number, start| CalendarEvent::Booked {
        appointment: AppointmentId::new(Uuid::from_u64_pair(3, number)),
        slot: Slot { start, minutes: 15 },
        booking: Personal::Sealed,
    };
    let day = first_day();
    let id = CalendarId::of(practitioner(0), day);
    let starts = [
        at(day, 0),
        at(day, 0) + Duration::days(400),
        at(day, 0) - Duration::days(400),
    ];
    side.apply(
        (0..)
            .zip(starts)
            .map(|(number, start)| AnyEvent::Calendar(id, booked(number, start))),
    )
    .await;
    let filter = AppointmentFilter {
        from: Some(day),
        to: Some(day),
        ..Default::default()
    };
    let found = side
        .queries
        .appointments(&everybody(), &filter, first(10))
        .await
        .unwrap();
    assert_eq!(
        found.iter().map(|found| found.slot.start).collect::<Vec<_>>(),
        [starts[2], starts[0], starts[1]]
    );
    assert_eq!(
        side.queries.availability(practitioner(0), day).await.unwrap().version,
        3
    );
}

#[tokio::test]
async fn an_account_is_found_by_its_key_and_listed_unless_it_is_a_patients() {
    let mut side = ReadSide::new().await;
    let (service, login) = (AccountId::new(Uuid::from_u128(1)), AccountId::new(Uuid::from_u128(2)));
    let issued = |key, hash| AccountEvent::KeyIssued {
        key: Uuid::from_u128(key),
        hash: KeyHash(hash),
        scopes: vec![Scope::Read, Scope::Import],
        expires: Some(at(first_day(), 0)),
    };
    let open = Holder::Service {
        name: "portal".to_owned(),
        role: Role::Insurer,
    };
    side.apply([
        AnyEvent::Account(service, AccountEvent::Opened { holder: open }),
        AnyEvent::Account(service, issued(2, [2; 32])),
        AnyEvent::Account(
            login,
            AccountEvent::Opened {
                holder: Holder::Patient(Personal::Sealed),
            },
        ),
    ])
    .await;
    side.apply([
        AnyEvent::Account(service, issued(1, [1; 32])),
        AnyEvent::Account(
            service,
            AccountEvent::KeyRevoked {
                key: Uuid::from_u128(2),
            },
        ),
    ])
    .await;
    let found = side.queries.account_of_key(&KeyHash([2; 32])).await.unwrap().unwrap();
    assert_eq!((found.id, found.version), (service, 4));
    assert_eq!(
        found.keys.iter().map(|key| key.revoked).collect::<Vec<_>>(),
        [true, false]
    );
    assert_eq!(side.queries.account_of_key(&KeyHash([3; 32])).await.unwrap(), None);
    assert_eq!(side.queries.accounts(first(10)).await.unwrap(), [found]);
    assert_eq!(side.queries.account(login).await.unwrap().unwrap().role, Role::Patient);
}

#[tokio::test]
async fn what_is_sealed_shows_no_patient() {
    let mut side = ReadSide::new().await;
    let id = AppointmentId::new(Uuid::from_u128(1));
    let slot = Slot {
        start: at(first_day(), 0),
        minutes: 15,
    };
    side.apply([
        AnyEvent::Patient(
            patient(1),
            PatientEvent::Registered {
                details: Personal::Sealed,
            },
        ),
        AnyEvent::Chart(
            ChartId(patient(1)),
            ChartEvent::SymptomsNoted {
                symptoms: Personal::Sealed,
            },
        ),
        AnyEvent::Calendar(
            CalendarId::of(practitioner(0), first_day()),
            CalendarEvent::Booked {
                appointment: id,
                slot,
                booking: Personal::Sealed,
            },
        ),
    ])
    .await;
    assert_eq!(side.queries.patient(&everybody(), patient(1)).await.unwrap(), None);
    assert_eq!(side.queries.chart(&everybody(), patient(1)).await.unwrap(), None);
    let found = side.queries.appointment(id).await.unwrap().unwrap();
    assert_eq!(found.admitted(&everybody()).unwrap().patient, None);
    let of_patient = AppointmentFilter {
        patient: Some(PatientId::new(Uuid::nil())),
        ..Default::default()
    };
    assert_eq!(
        side.queries
            .appointments(&everybody(), &of_patient, first(10))
            .await
            .unwrap(),
        []
    );
}
