//! What a doctor may read and write of a patient, by what the patient has granted: every endpoint, with every kind of grant. What is expected stands here by
//! hand.

use application::ports::queries::ConsentsView;
use application::ports::revocations::{Revocation, Revoked};
use chrono::TimeDelta;
use domain::consent::{Grant, Granted, Grantee, Message, Purpose, SignerId, StaffRole};
use domain::kernel::Category;
use domain::registries::Signed;
use futures::FutureExt as _;
use serde_json::Value;

use super::authorization::{Access, request, table};
use super::fakes::{Api, HOSPITAL_KEY, ORGANISATION, OTHER, OWN, World, given, grant_to, key_for, now, token};

/// What a grant opens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Opens {
    Nothing,
    /// Who the patient is.
    Identity,
    /// The chart, and not its medications.
    Summary,
    /// The medications in the chart.
    Medication,
    /// When the patient comes, or came in a period.
    Appointments,
    /// All that stands here, to read.
    Reading,
    /// All of it, to read and write.
    Everything,
}

/// The endpoints that a grant can open: which grants do.
fn opened(method: &str, path: &str, opens: Opens) -> bool {
    use Opens::{Appointments, Everything, Identity, Medication, Nothing, Reading, Summary};
    match (method, path) {
        ("GET", "/v1/patients/{id}") => matches!(opens, Identity | Reading | Everything),
        ("GET", "/v1/patients/{id}/appointments") => matches!(opens, Appointments | Reading | Everything),
        // Who they are, and all visits.
        ("GET", "/v1/patients/{id}/practitioners") => matches!(opens, Reading | Everything),
        ("GET", "/v1/patients/{id}/chart") => matches!(opens, Summary | Medication | Reading | Everything),
        // It is a symptom.
        ("GET", "/v1/patients/{id}/chart/findings/{finding}") => matches!(opens, Summary | Reading | Everything),
        (
            "POST",
            "/v1/patients/{id}/chart/findings"
            | "/v1/patients/{id}/chart/findings/{finding}/refute"
            | "/v1/patients/{id}/chart/absences",
        )
        | ("PUT", "/v1/patients/{id}/chart/findings/{finding}") => opens == Everything,
        _ => {
            assert_ne!(opens, Nothing, "{method} {path} is not opened by grants");
            false
        }
    }
}

fn seconds(from_now: TimeDelta) -> u64 {
    u64::try_from((now() + from_now).timestamp()).unwrap()
}

/// A grant that was changed before it was given.
fn such(change: impl FnOnce(&mut Grant)) -> ConsentsView {
    let mut grant = grant_to(OWN);
    change(&mut grant);
    given(grant)
}

/// What has become of a grant that was given.
fn then(change: impl FnOnce(&mut ConsentsView)) -> ConsentsView {
    let mut view = given(grant_to(OWN));
    change(&mut view);
    view
}

fn of(categories: &[Category]) -> ConsentsView {
    such(|grant| grant.details.categories = categories.iter().copied().map(Granted::Category).collect())
}

/// Grants, and what each opens.
fn grants() -> Vec<(&'static str, ConsentsView, Opens)> {
    use Opens::{Appointments, Everything, Identity, Medication, Nothing, Reading, Summary};
    let hour = TimeDelta::hours(1);
    let read_only = |mut view: ConsentsView| {
        for view in &mut view.grants {
            let grant = view.grant.as_mut().unwrap();
            grant.details.may_write = false;
            view.grant_id = grant.id();
        }
        view
    };
    vec![
        ("none", ConsentsView::default(), Nothing),
        ("whole", such(|_| ()), Everything),
        ("whole, to read", read_only(such(|_| ())), Reading),
        ("identity", read_only(of(&[Category::Identity])), Identity),
        ("summary", read_only(of(&[Category::Summary])), Summary),
        ("medication", read_only(of(&[Category::Medication])), Medication),
        ("another category", of(&[Category::Billing, Category::Access]), Nothing),
        ("what is sensitive", of(&[Category::Sensitive]), Nothing),
        ("no category", of(&[]), Nothing),
        ("to another practitioner", given(grant_to(OTHER)), Nothing),
        (
            "for research",
            such(|grant| grant.details.purpose = Purpose::Research),
            Nothing,
        ),
        (
            "one document",
            such(|grant| grant.details.documents = vec![OWN]),
            Nothing,
        ),
        (
            "one period",
            such(|grant| grant.details.from = seconds(-hour)),
            Appointments,
        ),
        ("when they come", of(&[Category::Appointments]), Appointments),
        ("why they come alone", of(&[Category::Care]), Nothing),
        ("until a time", such(|grant| grant.expiry = seconds(hour)), Everything),
        (
            "from a time on",
            such(|grant| grant.not_before = seconds(-hour)),
            Everything,
        ),
        ("not yet valid", such(|grant| grant.not_before = seconds(hour)), Nothing),
        ("expired", such(|grant| grant.expiry = seconds(-hour)), Nothing),
        (
            "expired just now",
            such(|grant| grant.expiry = seconds(TimeDelta::zero())),
            Nothing,
        ),
        (
            "expired by the chain's clock",
            then(|view| {
                view.block_time = seconds(hour);
                view.grants[0].state.given.as_mut().unwrap().expiry = seconds(hour);
            }),
            Nothing,
        ),
        ("prepared", then(|view| view.grants[0].state.given = None), Nothing),
        ("not final", then(|view| view.final_position = 6), Nothing),
        (
            "revoked",
            then(|view| view.grants[0].state.revoked_at = Some(8)),
            Nothing,
        ),
        (
            "revoked before it was final",
            then(|view| view.grants[0].state.revoked_at = Some(99)),
            Nothing,
        ),
        (
            "revoked with all",
            then(|view| view.grants[0].control.epoch = 1),
            Nothing,
        ),
        (
            "revoked with all to the doctor",
            then(|view| view.grants[0].grantee_epoch = 1),
            Nothing,
        ),
        (
            "controlled by another",
            then(|view| view.grants[0].control.controller = Some(SignerId([8; 20]))),
            Nothing,
        ),
        (
            "of a wallet that was taken away",
            then(|view| view.wallet = None),
            Nothing,
        ),
        (
            "of another wallet",
            then(|view| view.wallet = Some(SignerId([8; 20]))),
            Nothing,
        ),
        (
            "of a former wallet that the present one controls",
            then(|view| {
                view.wallet = Some(SignerId([8; 20]));
                view.grants[0].control.controller = view.wallet;
            }),
            Everything,
        ),
        (
            "given before the wallet was bound",
            then(|view| view.wallet_since = 7),
            Nothing,
        ),
        (
            "given as soon as it was",
            then(|view| view.wallet_since = 6),
            Everything,
        ),
        (
            "of a ward whose time is over",
            then(|view| view.grants[0].control.until = seconds(-hour)),
            Nothing,
        ),
        (
            "without what it says",
            then(|view| view.grants[0].grant = None),
            Nothing,
        ),
    ]
}

#[actix_web::test]
async fn a_doctor_reads_and_writes_what_patients_have_granted_them_and_nothing_else() {
    let doctor = token("doctor");
    let mut cells = 0;
    for (kind, view, opens) in grants() {
        let without = Api::of(&World::new()).await;
        let world = World::new();
        *world.queries.granted.lock().unwrap() = view;
        let api = Api::of(&world).await;
        for (method, path, access, body) in table() {
            let asked = || request(method, path, &body, OTHER, Some(&doctor));
            let what = format!("{method} {path} with a grant: {kind}");
            // It ends the session.
            if path == "/v1/auth/logout" {
                continue;
            }
            let status = api.call(asked()).await.status();
            if matches!(access, Access::Record(_)) {
                let expected = opens != Opens::Nothing && opened(method, path, opens);
                assert_eq!(status.is_success(), expected, "{what}: {status}");
                assert!(expected || status == 404, "{what}: {status}");
            } else {
                // A grant to read a record opens nothing else.
                assert_eq!(status, without.call(asked()).await.status(), "{what}");
            }
            cells += 1;
        }
    }
    assert!(cells > 2000, "{cells}");
    println!("{cells} cells");
}

#[actix_web::test]
async fn nobody_but_the_doctor_is_let_in_by_a_grant_to_them() {
    let world = World::new();
    *world.queries.granted.lock().unwrap() = given(grant_to(OWN));
    let (api, without) = (Api::of(&world).await, Api::of(&World::new()).await);
    for (method, path, access, body) in table() {
        for role in [
            "unregistered",
            "patient",
            "insurer",
            "registrar",
            "auditor",
            "administrator",
        ] {
            if matches!(access, Access::Record(_)) {
                let asked = || request(method, path, &body, OTHER, Some(&token(role)));
                let (with, before) = (api.call(asked()).await, without.call(asked()).await);
                assert_eq!(with.status(), before.status(), "{method} {path} by {role}");
                assert!(with.status().is_client_error(), "{method} {path} by {role}");
            }
        }
    }
}

/// Patient [`OTHER`] is not treated here. What is granted to a role is for the charts' readers of that role alone, and to the organisation for all of these.
#[actix_web::test]
async fn the_staff_is_let_in_by_what_is_granted_to_their_organisation_or_to_their_role_in_it() {
    use StaffRole::{Doctor, Laboratory, Nurse, Reception};
    const THIS: u32 = ORGANISATION;
    let callers = [
        ("a nurse", token("nurse")),
        ("a system for a nurse", key_for("nurse")),
        ("a system for a doctor", key_for("doctor")),
        ("a doctor", token("doctor")),
        ("a system", HOSPITAL_KEY.to_owned()),
        ("a system for the reception", key_for("reception")),
        ("the reception", token("reception")),
        ("the laboratory", token("laboratory")),
        ("the administration of the hospital", token("hospital")),
        ("another patient", token("patient")),
        ("an insurer", token("insurer")),
        ("a registrar", token("registrar")),
        ("an administrator", token("administrator")),
        ("an auditor", token("auditor")),
    ];
    const NURSES: &[&str] = &["a nurse", "a system for a nurse"];
    const DOCTORS: &[&str] = &["a system for a doctor"];
    let mut cells = 0;
    for (grantee, lets_in) in [
        (Grantee::Organisation(THIS), [NURSES, DOCTORS].concat()),
        (Grantee::Role(THIS, Nurse), NURSES.to_vec()),
        (Grantee::Role(THIS, Doctor), DOCTORS.to_vec()),
        (Grantee::Role(THIS, Reception), vec![]),
        (Grantee::Role(THIS, Laboratory), vec![]),
        (Grantee::Organisation(THIS + 1), vec![]),
        (Grantee::Role(THIS + 1, Nurse), vec![]),
        (Grantee::Organisation(0), vec![]),
    ] {
        for may_write in [true, false] {
            let world = World::new();
            *world.executor.said.lock().unwrap() = Some(Vec::new());
            *world.executor.bound.lock().unwrap() = false;
            *world.queries.granted.lock().unwrap() = such(|grant| {
                grant.details.grantee = grantee;
                grant.details.may_write = may_write;
            });
            let api = Api::of(&world).await;
            for (method, path, access, body) in table() {
                if !matches!(access, Access::Record("nurse")) {
                    continue;
                }
                for (caller, token) in &callers {
                    let is_let_in = lets_in.contains(caller) && (may_write || method == "GET");
                    let status = api
                        .call(request(method, path, &body, OTHER, Some(token)))
                        .await
                        .status();
                    let what = format!("{method} {path} by {caller}, granted to {grantee}, may write: {may_write}");
                    assert_eq!(status.is_success(), is_let_in, "{what}: {status}");
                    assert!(is_let_in || status == 403 || status == 404, "{what}: {status}");
                    cells += 1;
                }
            }
        }
    }
    assert_eq!(cells, 8 * 2 * 7 * 16);
}

#[actix_web::test]
async fn what_stands_in_the_database_alone_opens_nothing() {
    use application::ports::command::Unavailable;
    for (witness, expected) in [(Ok(true), 200), (Ok(false), 404), (Err(Unavailable::Chain), 503)] {
        let world = World::new();
        *world.queries.granted.lock().unwrap() = given(grant_to(OWN));
        *world.witness.0.lock().unwrap() = Some(witness);
        let api = Api::of(&world).await;
        let read = request("GET", "/v1/patients/{id}", &Value::Null, OTHER, Some(&token("doctor")));
        assert_eq!(api.call(read).await.status(), expected, "{witness:?}");
    }
    // Nor does a row that says something else than what was signed.
    let changes: [fn(&mut ConsentsView); 2] = [
        |view| view.grants[0].grant.as_mut().unwrap().details.salt = [9; 32],
        |view| view.grants[0].registered_as = SignerId([8; 20]),
    ];
    for change in changes {
        let world = World::new();
        *world.queries.granted.lock().unwrap() = then(change);
        let api = Api::of(&world).await;
        let read = request("GET", "/v1/patients/{id}", &Value::Null, OTHER, Some(&token("doctor")));
        assert_eq!(api.call(read).await.status(), 404);
    }
}

#[actix_web::test]
async fn what_is_being_revoked_is_denied_before_the_registry_says_so() {
    let grant = grant_to(OWN);
    let (patient, tag) = (grant.patient, grant.details.grantee_tag());
    let another = SignerId([8; 20]);
    for (message, is_denied) in [
        (
            Message::Revocation {
                patient,
                grant: grant.id(),
            },
            true,
        ),
        (
            Message::GranteeRevocation {
                patient,
                grantee: tag,
                epoch: 0,
            },
            true,
        ),
        (Message::FullRevocation { patient, epoch: 0 }, true),
        (
            Message::FullRevocation {
                patient: another,
                epoch: 0,
            },
            false,
        ),
        (
            Message::Revocation {
                patient: another,
                grant: grant.id(),
            },
            false,
        ),
    ] {
        let world = World::new();
        *world.queries.granted.lock().unwrap() = given(grant.clone());
        let api = Api::of(&world).await;
        let read = || {
            request(
                "GET",
                "/v1/patients/{id}/chart",
                &Value::Null,
                OTHER,
                Some(&token("doctor")),
            )
        };
        assert_eq!(api.call(read()).await.status(), 200);
        let revocation = revocation_of(&message);
        world.clinic.revocations.begin(&revocation).await.unwrap();
        let expected = if is_denied { 404 } else { 200 };
        assert_eq!(api.call(read()).await.status(), expected, "{message:?}");
        // What was refused denies nothing.
        world.clinic.revocations.withdraw(&revocation).await.unwrap();
        assert_eq!(api.call(read()).await.status(), 200, "{message:?}");
    }
}

/// What patient [`OTHER`] has asked for.
fn revocation_of(message: &Message) -> Revocation {
    Revocation {
        command_id: domain::kernel::CommandId::new(OWN),
        subject: OTHER,
        revoked: Revoked::Grants {
            patient: domain::kernel::PatientId::new(OTHER),
            message: Box::new(message.clone()),
            signed: Signed::by(message.patient(), [1; 65]),
        },
        actor: domain::kernel::AccountId::new(OWN),
        at: now(),
        correlation: None,
    }
}

/// Whoever looks first into the read models, and then for revocations that are not there yet, sees neither.
#[actix_web::test]
async fn a_revocation_that_is_carried_through_while_somebody_asks_is_seen() {
    let grant = grant_to(OWN);
    let message = Message::FullRevocation {
        patient: grant.patient,
        epoch: 0,
    };
    let revocation = revocation_of(&message);
    let world = World::new();
    *world.queries.granted.lock().unwrap() = given(grant);
    world.clinic.revocations.begin(&revocation).await.unwrap();
    let clinic = std::sync::Arc::clone(&world.clinic);
    *world.queries.then.lock().unwrap() = Some(Box::new(move || {
        let carried_through = clinic.revocations.carried_through(&revocation).now_or_never();
        carried_through.unwrap().unwrap();
    }));
    let api = Api::of(&world).await;
    let read = request("GET", "/v1/patients/{id}", &Value::Null, OTHER, Some(&token("doctor")));
    assert_eq!(api.call(read).await.status(), 404);
    assert!(world.queries.then.lock().unwrap().is_none(), "it was asked for");
}
