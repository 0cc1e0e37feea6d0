//! Patients let doctors read their records by their signatures, which a contract takes; what they revoke is closed at once.

use domain::consent::{Details, Grant, GrantId, Granted, Grantee, Message, Purpose};
use serde_json::{Value, json};
use tests::chain::TestChain;
use tests::clinic::Clinic;
use tests::office::{FOR_EVER, Office, handed_in, practitioner};
use tests::people::{Person, patient};
use tests::system::{SystemOptions, TestSystem, deployed, until};
use tests::wire::{Line, Proxy};

/// A server that follows the registries, a patient with a wallet, and a doctor who is attested.
pub(super) struct World {
    pub(super) chain: TestChain,
    pub(super) office: Office,
    pub(super) system: TestSystem,
    pub(super) clinic: Clinic,
    /// The patient's wallet, session and id.
    pub(super) ada: Person,
    pub(super) token: String,
    pub(super) patient: String,
    /// The doctor's session.
    pub(super) doctor: String,
}

impl World {
    pub(super) async fn open(name: &str) -> Self {
        let chain = TestChain::start().await;
        let (office, system) = Office::serve(&chain, SystemOptions::default()).await;
        Self::of(chain, office, system, name).await
    }

    pub(super) async fn of(chain: TestChain, office: Office, system: TestSystem, name: &str) -> Self {
        let clinic = Clinic::open(&system, name).await;
        let (ada, token, patient) = registered(&system, &clinic, 101).await;
        let entry = format!("/v1/practitioners/{}", clinic.doctor);
        let doctor = Person::numbered(102).join(&system, &clinic.key, &entry).await;
        office.attests(&system, &clinic.key, &clinic.doctor).await;
        Self {
            chain,
            office,
            system,
            clinic,
            ada,
            token,
            patient,
            doctor,
        }
    }

    /// The same, with another server on the same database, and its way to the chain.
    pub(super) async fn beside_one_that_can_be_cut_off(name: &str) -> (Self, TestSystem, Proxy) {
        let chain = TestChain::start().await;
        let deployment = deployed(&chain).await;
        let office = Office::open(&chain, &deployment).await;
        let options = SystemOptions {
            recorders: office.recorders.clone(),
            ..SystemOptions::default()
        };
        let there = TestSystem::with(&chain, &deployment, options.clone()).await;
        let way = Proxy::of(chain.url().trim_start_matches("http://").parse().unwrap()).await;
        let without = SystemOptions {
            node: Some(format!("http://127.0.0.1:{}", way.port())),
            signer: 2,
            database: Some(there.database.clone()),
            ..options
        };
        let here = TestSystem::with(&chain, &deployment, without).await;
        let world = World::of(chain, office, there, name).await;
        (world, here, way)
    }

    pub(super) fn path(&self, of: &str) -> String {
        format!("/v1/patients/{}{of}", self.patient)
    }

    /// A grant to the doctor of these parts.
    pub(super) fn to_the_doctor(&self, categories: &[&str]) -> Value {
        let grantee = format!("practitioner/{}", self.clinic.doctor);
        json!({ "grantee": grantee, "categories": categories, "purpose": "treatment", "mayWrite": true })
    }

    pub(super) async fn prepare(&self, grant: &Value) -> String {
        let (status, prepared) = self.system.post(&self.path("/grants"), &self.token, grant).await;
        assert_eq!(status, 201, "{prepared}");
        prepared["id"].as_str().unwrap().to_owned()
    }

    pub(super) async fn to_sign(&self, grant: &str) -> Value {
        let path = self.path(&format!("/grants/{grant}/typed-data"));
        let (status, typed_data) = self.system.get(&path, &self.token).await;
        assert_eq!(status, 200, "{typed_data}");
        typed_data
    }

    pub(super) async fn hand_in(&self, grant: &str, signature: &Value) -> (u16, Value) {
        let path = self.path(&format!("/grants/{grant}/signature"));
        self.system.post(&path, &self.token, signature).await
    }

    /// Prepares a grant, has the patient sign it, and hands it in.
    pub(super) async fn give(&self, grant: &Value) -> String {
        let id = self.prepare(grant).await;
        let signature = self.ada.signs(&self.to_sign(&id).await);
        let (status, given) = self.hand_in(&id, &signature).await;
        assert_eq!(status, 200, "{given}");
        id
    }

    async fn to_revoke(&self, query: &str) -> Value {
        let path = self.path(&format!("/revocations/typed-data?primaryType={query}"));
        let (status, typed_data) = self.system.get(&path, &self.token).await;
        assert_eq!(status, 200, "{typed_data}");
        typed_data
    }

    pub(super) async fn revoke(&self, query: &str) {
        let body = handed_in(&self.to_revoke(query).await, &self.ada);
        let (status, revoked) = self.system.post(&self.path("/revocations"), &self.token, &body).await;
        assert_eq!(status, 200, "{query}: {revoked}");
    }

    async fn standing(&self, grant: &str) -> Value {
        let (status, body) = self
            .system
            .get(&self.path(&format!("/grants/{grant}")), &self.token)
            .await;
        assert_eq!(status, 200, "{body}");
        body["standing"].clone()
    }

    /// A grant to the doctor that was not prepared here.
    fn grant_of_another_program(&self) -> Grant {
        let doctor = practitioner(&self.clinic.doctor);
        Grant {
            patient: self.ada.signer(),
            details: Details {
                name: "Somebody".to_owned(),
                grantee: Grantee::Practitioner(doctor),
                categories: vec![Granted::Record],
                documents: Vec::new(),
                from: 0,
                until: 0,
                purpose: Purpose::Treatment,
                may_write: false,
                grantee_salt: [1; 32],
                salt: [2; 32],
            },
            not_before: 0,
            expiry: 0,
            // After all were revoked once.
            epoch: 1,
            grantee_epoch: 0,
            deadline: FOR_EVER,
        }
    }

    /// What the doctor is answered.
    pub(super) async fn reads(&self, of: &str) -> (u16, Value) {
        self.system.get(&self.path(of), &self.doctor).await
    }
}

/// Registers a patient with a wallet: their wallet, session and id.
pub(super) async fn registered(system: &TestSystem, clinic: &Clinic, number: u32) -> (Person, String, String) {
    let (status, created) = system.post("/v1/patients", &clinic.key, &patient("Okafor")).await;
    assert_eq!(status, 201, "{created}");
    let person = Person::numbered(number);
    let token = person
        .join(system, &clinic.key, created["resource"].as_str().unwrap())
        .await;
    (person, token, created["id"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_reads_what_the_patient_has_signed_and_nothing_from_when_it_is_revoked() {
    let world = World::open("Consent").await;
    assert_eq!(world.reads("").await.0, 404);
    let id = world.prepare(&world.to_the_doctor(&["record"])).await;
    assert_eq!(world.standing(&id).await, "prepared");
    assert_eq!(world.reads("").await.0, 404, "what is prepared allows nothing");

    let typed_data = world.to_sign(&id).await;
    let details = &typed_data["message"]["details"];
    assert_eq!(details["categories"], json!(["record"]), "{typed_data}");
    assert_eq!(details["grantee"], format!("practitioner/{}", world.clinic.doctor));
    let (status, given) = world.hand_in(&id, &world.ada.signs(&typed_data)).await;
    assert_eq!(status, 200, "{given}");
    assert!(given["position"].is_u64(), "{given}");
    assert_eq!(world.standing(&id).await, "holds");

    let (status, read) = world.reads("").await;
    assert_eq!((status, &read["details"]["name"]["family"]), (200, &json!("Okafor")));
    assert_eq!(
        read["version"],
        Value::Null,
        "it would tell how much stands in the record"
    );
    let symptom = json!({ "symptom": { "text": "a cough" } });
    let findings = world.path("/chart/findings");
    let (status, noted) = world.system.post(&findings, &world.doctor, &symptom).await;
    assert_eq!((status, &noted["version"]), (201, &json!(0)), "{noted}");
    let (status, chart) = world.reads("/chart").await;
    assert_eq!(
        (status, &chart["symptoms"][0]["finding"]["text"]),
        (200, &json!("a cough"))
    );
    // Nobody else is let in, nor to anybody else.
    let stranger = Clinic::open(&world.system, "Stranger").await;
    let entry = format!("/v1/practitioners/{}", stranger.doctor);
    let other = Person::numbered(103).join(&world.system, &stranger.key, &entry).await;
    world
        .office
        .attests(&world.system, &stranger.key, &stranger.doctor)
        .await;
    assert_eq!(world.system.get(&world.path(""), &other).await.0, 404);
    let (_, _, somebody) = registered(&world.system, &world.clinic, 104).await;
    assert_eq!(
        world
            .system
            .get(&format!("/v1/patients/{somebody}"), &world.doctor)
            .await
            .0,
        404
    );

    world.revoke(&format!("Revocation&grant={id}")).await;
    for of in ["", "/chart"] {
        assert_eq!(world.reads(of).await.0, 404, "{of}");
    }
    assert_eq!(world.system.post(&findings, &world.doctor, &symptom).await.0, 404);
    assert_eq!(world.standing(&id).await, "revoked");
    // Doing so again is no mistake.
    world.revoke(&format!("Revocation&grant={id}")).await;
    world.system.agrees_with_a_rebuild(&world.chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_of_one_category_opens_that_and_does_not_tell_when_another_changes() {
    let world = World::open("Category").await;
    let medication = json!({ "medication": { "concept": { "text": "Aspirin" }, "active": true } });
    let allergy = json!({ "allergy": { "concept": { "text": "Peanuts" } } });
    let note = async |key: &str, finding: &Value| world.system.post(&world.path("/chart/findings"), key, finding).await;
    let nurse = world.system.for_a_nurse(&world.clinic.key).await;
    assert_eq!(note(&nurse, &medication).await.0, 201);
    world.give(&world.to_the_doctor(&["medication"])).await;
    let (status, before) = world.reads("/chart").await;
    assert_eq!(status, 200, "{before}");
    assert_eq!(before["medications"][0]["finding"]["concept"]["text"], "Aspirin");
    let shown: Vec<_> = before.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(shown, ["medications", "patient"], "{before}");
    assert_eq!(note(&nurse, &allergy).await.0, 201);
    assert_eq!(world.reads("/chart").await, (200, before));
    // Identity was not granted, and neither were allergies.
    assert_eq!(world.reads("").await.0, 404);
    assert_eq!(note(&world.doctor, &allergy).await.0, 404);
    assert_eq!(note(&world.doctor, &medication).await.0, 201);
    let (_, chart) = world.system.get(&world.path("/chart"), &nurse).await;
    let noted = chart["allergies"][0]["id"].as_str().unwrap();
    let refute = async |key: &str| {
        let path = world.path(&format!("/chart/findings/{noted}/refute"));
        world.system.post(&path, key, &json!({})).await.0
    };
    assert_eq!(refute(&world.doctor).await, 404);
    assert_eq!(world.reads(&format!("/chart/findings/{noted}")).await.0, 404);
    assert_eq!(refute(&nurse).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_staff_reads_what_is_granted_to_their_role_or_to_all_who_work_there_though_nobody_is_treated() {
    let world = World::open("Grote").await;
    let (nurse, doctor) = (
        world.system.for_a_nurse(&world.clinic.key).await,
        format!("{} for practitioner/{}", world.clinic.key, world.clinic.doctor),
    );
    let (status, ended) = world
        .system
        .post(&world.path("/treatment/end"), &world.token, &json!({}))
        .await;
    assert_eq!(status, 200, "{ended}");
    let chart = async |who: &str| {
        let (status, answer) = world.system.get(&world.path("/chart"), who).await;
        let parts = ["conditions", "medications"].map(|part| !answer[part].is_null());
        (status, parts, answer["type"].as_str().unwrap_or_default().to_owned())
    };
    let not_treated = (403, [false; 2], "/problems/not-treated".to_owned());
    let shown = |summary, medication| (200, [summary, medication], String::new());
    assert_eq!(chart(&nurse).await, not_treated);
    assert_eq!(chart(&doctor).await, not_treated);

    let to = |grantee: &str, categories: Value| json!({ "grantee": grantee, "categories": categories, "purpose": "treatment", "mayWrite": false });
    let nurses = world.give(&to("organisation/1/nurse", json!(["summary"]))).await;
    assert_eq!(chart(&nurse).await, shown(true, false));
    assert_eq!(chart(&doctor).await, not_treated, "they are no nurse");

    let all = world.give(&to("organisation/1", json!(["medication"]))).await;
    world.give(&to("organisation/2", json!(["record"]))).await;
    assert_eq!(chart(&nurse).await, shown(true, true));
    assert_eq!(chart(&doctor).await, shown(false, true));
    // Whoever signs in by themselves may work anywhere.
    assert_eq!(world.reads("/chart").await.0, 404);
    let symptom = json!({ "symptom": { "text": "a cough" } });
    let (status, refused) = world
        .system
        .post(&world.path("/chart/findings"), &nurse, &symptom)
        .await;
    assert_eq!(
        (status, &refused["type"]),
        (403, &json!("/problems/not-treated")),
        "{refused}"
    );

    world.revoke(&format!("Revocation&grant={all}")).await;
    assert_eq!(chart(&nurse).await, shown(true, false));
    assert_eq!(chart(&doctor).await, not_treated);
    world.revoke(&format!("GranteeRevocation&grant={nurses}")).await;
    assert_eq!(chart(&nurse).await, not_treated);

    // Who has read is told with the grants by which they have.
    let (status, log) = world.system.get("/v1/me/access-log", &world.token).await;
    assert_eq!(status, 200, "{log}");
    let grants: Vec<_> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|read| &read["grants"])
        .collect();
    assert!(
        grants.contains(&&json!([nurses])) && grants.contains(&&json!([all])),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn all_grants_to_somebody_are_revoked_at_once_and_so_are_all_and_new_ones_hold() {
    let world = World::open("Many").await;
    let both = [world.to_the_doctor(&["identity"]), world.to_the_doctor(&["summary"])];
    let first = [world.give(&both[0]).await, world.give(&both[1]).await];
    let (_, listed) = world.system.get(&world.path("/grants"), &world.token).await;
    let tags: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|grant| &grant["granteeTag"])
        .collect();
    assert!(tags.len() == 2 && tags[0] == tags[1], "{listed}");
    world.revoke(&format!("GranteeRevocation&grant={}", first[0])).await;
    assert_eq!((world.reads("").await.0, world.reads("/chart").await.0), (404, 404));
    // What is prepared after it is of the next number.
    let second = world.give(&both[0]).await;
    assert_eq!(world.reads("").await.0, 200);
    let prepared = world.prepare(&both[0]).await;
    world.revoke("FullRevocation").await;
    assert_eq!(world.reads("").await.0, 404);
    // What was prepared before it can be handed in no more.
    assert_eq!(world.standing(&prepared).await, "expired");
    world.give(&both[1]).await;
    assert_eq!((world.reads("").await.0, world.reads("/chart").await.0), (404, 200));
    for grant in [&first[0], &first[1], &second] {
        assert_eq!(world.standing(grant).await, "revoked");
    }
    world.system.agrees_with_a_rebuild(&world.chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_registry_of_consents_does_not_take_is_said_and_opens_and_closes_nothing() {
    let world = World::open("Refused").await;
    let id = world.prepare(&world.to_the_doctor(&["record"])).await;
    let typed_data = world.to_sign(&id).await;
    let signature = world.ada.signs(&typed_data);
    let stranger = Person::numbered(105).signs(&typed_data);
    let mut another = signature.clone();
    another["signature"] = stranger["signature"].clone();
    let (invalid, refused) = (json!("/problems/invalid"), json!("/problems/refused-by-the-registry"));
    for (body, expected, what) in [
        (&stranger, (409, &refused), "somebody else's"),
        (&another, (422, &invalid), "somebody else's in the patient's name"),
    ] {
        let (status, problem) = world.hand_in(&id, body).await;
        assert_eq!((status, &problem["type"]), expected, "{what}: {problem}");
    }
    assert_eq!(
        (world.standing(&id).await, world.reads("").await.0),
        (json!("prepared"), 404)
    );
    assert_eq!(world.hand_in(&id, &signature).await.0, 200);
    // It is good once.
    let (status, problem) = world.hand_in(&id, &signature).await;
    assert_eq!((status, &problem["type"]), (409, &refused), "{problem}");
    // A revocation that is refused closes nothing.
    let revocation = world.to_revoke(&format!("Revocation&grant={id}")).await;
    let mut wrong = handed_in(&revocation, &world.ada);
    wrong["signature"] = stranger["signature"].clone();
    let post = async |body: &Value| world.system.post(&world.path("/revocations"), &world.token, body).await;
    let (status, problem) = post(&wrong).await;
    assert_eq!((status, &problem["type"]), (422, &invalid), "{problem}");
    let mut of_another = handed_in(&revocation, &world.ada);
    of_another["message"]["patient"] = json!(Person::numbered(105).signer().to_string());
    let (status, problem) = post(&of_another).await;
    assert_eq!(
        (status, &problem["errors"][0]["pointer"]),
        (422, &json!("/message/patient")),
        "{problem}"
    );
    assert_eq!(
        (world.standing(&id).await, world.reads("").await.0),
        (json!("holds"), 200)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_handed_in_to_the_contract_counts_whoever_does_it() {
    let world = World::open("Relayed").await;
    let id = world.prepare(&world.to_the_doctor(&["record"])).await;
    let (_, prepared) = world
        .system
        .get(&world.path(&format!("/grants/{id}")), &world.token)
        .await;
    let mut grant = GrantId([0; 32]);
    hex::decode_to_slice(prepared["grantId"].as_str().unwrap(), &mut grant.0).unwrap();
    world.give(&world.to_the_doctor(&["identity"])).await;
    assert_eq!(world.reads("").await.0, 200);
    // All at once, past the server.
    let patient = world.ada.signer();
    world
        .office
        .relays(&Message::FullRevocation { patient, epoch: 0 }, &world.ada)
        .await;
    until("the doctor is locked out", async || world.reads("").await.0 == 404).await;
    // A grant that nobody has given can be revoked, so that it never holds.
    world
        .office
        .relays(&Message::Revocation { patient, grant }, &world.ada)
        .await;
    until("it is revoked", async || world.standing(&id).await == "revoked").await;
    // One of which nothing is known here is shown, opens nothing, and can be revoked.
    let unknown = world.grant_of_another_program();
    let name = unknown.id().to_string();
    world.office.relays(&Message::Grant(unknown), &world.ada).await;
    let listed = async || {
        let (status, page) = world.system.get(&world.path("/grants?limit=1"), &world.token).await;
        assert_eq!(status, 200, "{page}");
        let next = page["nextCursor"].as_str().unwrap().to_owned();
        let (_, rest) = world
            .system
            .get(&world.path(&format!("/grants?limit=2&cursor={next}")), &world.token)
            .await;
        let items = [page, rest].map(|page| page["items"].as_array().unwrap().clone());
        items.concat()
    };
    let standing = async || {
        let listed = listed().await;
        assert_eq!(listed.len(), 3, "{listed:?}");
        let found = listed.iter().find(|grant| grant["id"].is_null())?.clone();
        assert_eq!((&found["grantId"], &found["details"]), (&json!(name), &Value::Null));
        Some(found["standing"].clone())
    };
    until("it holds", async || {
        world.reads("").await.0 == 404 && listed().await[0]["standing"] == "holds"
    })
    .await;
    assert_eq!(world.reads("").await.0, 404);
    world.revoke(&format!("Revocation&grantId={name}")).await;
    assert_eq!(standing().await, Some(json!("revoked")));
    world.system.agrees_with_a_rebuild(&world.chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grants_hold_while_who_signs_in_as_the_patient_controls_them() {
    let world = World::open("Wallet").await;
    let id = world.give(&world.to_the_doctor(&["record"])).await;
    assert_eq!(world.reads("").await.0, 200);
    let new = Person::numbered(106);
    let change = new.change_from(&world.ada, &world.system).await;
    let (status, changed) = world.system.put("/v1/me/wallet", &world.token, &change).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(
        world.reads("").await.0,
        404,
        "whoever has the former wallet speaks for nobody"
    );
    let token = new.sign_in(&world.system).await;
    let (_, grant) = world.system.get(&world.path(&format!("/grants/{id}")), &token).await;
    assert_eq!(grant["standing"], "not-in-control", "{grant}");
    // Whoever comes back with the former wallet grants anew, too: what it has signed before opens nothing.
    let back = world.ada.change_from(&new, &world.system).await;
    assert_eq!(world.system.put("/v1/me/wallet", &token, &back).await.0, 200);
    let token = world.ada.sign_in(&world.system).await;
    let (_, grant) = world.system.get(&world.path(&format!("/grants/{id}")), &token).await;
    assert_eq!(
        (&grant["standing"], world.reads("").await.0),
        (&json!("not-in-control"), 404),
        "{grant}"
    );
    let world = World { token, ..world };
    world.give(&world.to_the_doctor(&["record"])).await;
    assert_eq!(world.reads("").await.0, 200);
    world.system.agrees_with_a_rebuild(&world.chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_registry_of_consents_is_followed_nothing_is_granted_and_that_is_said() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let clinic = Clinic::open(&system, "Unregistered").await;
    let (_, token, patient) = registered(&system, &clinic, 107).await;
    let grant = json!({ "grantee": "organisation/1", "categories": ["record"], "purpose": "treatment" });
    let (status, problem) = system
        .post(&format!("/v1/patients/{patient}/grants"), &token, &grant)
        .await;
    assert_eq!(
        (status, &problem["type"]),
        (409, &json!("/problems/no-registry")),
        "{problem}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_into_the_database_alone_opens_nothing() {
    let world = World::open("Forged").await;
    world.give(&world.to_the_doctor(&["identity"])).await;
    assert_eq!((world.reads("").await.0, world.reads("/chart").await.0), (200, 404));
    // Somebody has the database write of a grant that the patient has only prepared that it was given.
    let prepared = world.prepare(&world.to_the_doctor(&["summary"])).await;
    let pool = &world.system.parts().pool;
    let forge = "INSERT INTO consent_grants (patient, grant_id, grantee, not_before, expiry, epoch, grantee_epoch, given_by, given_at)
        SELECT mine.registered_as, mine.grant_id, another.grantee, 0, 0, 0, 0, mine.registered_as, another.given_at
        FROM grants AS mine, consent_grants AS another WHERE mine.id = $1::uuid";
    let forged = sqlx::query(forge).bind(&prepared).execute(pool).await.unwrap();
    assert_eq!(forged.rows_affected(), 1);
    assert_eq!(world.standing(&prepared).await, "holds", "the copy believes it");
    assert_eq!((world.reads("").await.0, world.reads("/chart").await.0), (200, 404));
    // Or that what was given is of more than was signed.
    let widen = r#"UPDATE grants SET said = jsonb_set(said, '{details,categories}', '["Record"]') WHERE said->'details'->>'name' <> ''"#;
    assert!(sqlx::query(widen).execute(pool).await.unwrap().rows_affected() >= 1);
    assert_eq!((world.reads("").await.0, world.reads("/chart").await.0), (404, 404));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_closes_on_every_server_though_no_node_answers_where_it_is_asked_for() {
    let (world, here, way) = World::beside_one_that_can_be_cut_off("Cut").await;
    let id = world.give(&world.to_the_doctor(&["record"])).await;
    let reads = async |system: &TestSystem| system.get(&world.path("/chart"), &world.doctor).await.0;
    assert_eq!((reads(&here).await, reads(&world.system).await), (200, 200));
    let revocation = handed_in(&world.to_revoke(&format!("Revocation&grant={id}")).await, &world.ada);
    way.set(Line::Cut);
    let pool = &world.system.parts().pool;
    let (status, problem) = here.post(&world.path("/revocations"), &world.token, &revocation).await;
    // The other server may have carried it through meanwhile, and this one not have seen it.
    match status {
        202 => assert_eq!(problem["status"], "pending", "{problem}"),
        _ => assert_eq!(
            (status, &problem["type"]),
            (503, &json!("/problems/revocation-pending")),
            "{problem}"
        ),
    }
    assert_eq!((reads(&here).await, reads(&world.system).await), (404, 404));
    way.set(Line::Open);
    until("nothing waits any more", async || {
        let waiting = "SELECT count(*) FROM revocations WHERE pending IS NOT NULL";
        sqlx::query_scalar::<_, i64>(waiting).fetch_one(pool).await.unwrap() == 0
    })
    .await;
    assert_eq!(world.standing(&id).await, "revoked");
    assert_eq!((reads(&here).await, reads(&world.system).await), (404, 404));
    here.stop().await;
    world.system.agrees_with_a_rebuild(&world.chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_goes_on_with_the_grants_that_it_knows_while_no_node_answers_and_asks_about_others() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let office = Office::open(&chain, &deployment).await;
    let way = Proxy::of(chain.url().trim_start_matches("http://").parse().unwrap()).await;
    let options = SystemOptions {
        node: Some(format!("http://127.0.0.1:{}", way.port())),
        recorders: office.recorders.clone(),
        ..SystemOptions::default()
    };
    let system = TestSystem::with(&chain, &deployment, options.clone()).await;
    let world = World::of(chain, office, system, "Silent").await;
    world.give(&world.to_the_doctor(&["record"])).await;
    assert_eq!(world.reads("").await.0, 200);
    way.set(Line::Cut);
    assert_eq!(world.reads("").await.0, 200, "the contract has allowed it");
    let (chain, path, doctor) = (&world.chain, world.path(""), &world.doctor);
    let options = SystemOptions {
        database: Some(world.system.database.clone()),
        ..options
    };
    world.system.stop().await;
    let system = TestSystem::launch(chain, &deployment, options).await;
    // Until it knows how far the log is final, nobody is attested.
    until("it knows who is attested", async || {
        system.get(&path, doctor).await.0 != 403
    })
    .await;
    let (status, problem) = system.get(&path, doctor).await;
    assert_eq!(
        (status, &problem["type"]),
        (503, &json!("/problems/chain-unavailable")),
        "{problem}"
    );
    way.set(Line::Open);
    until("the contract is asked", async || {
        system.get(&path, doctor).await.0 == 200
    })
    .await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_begins_and_ends_by_itself_though_nobody_writes_anything() {
    let world = World::open("Times").await;
    let now = chrono::Utc::now();
    let at = |seconds| (now + chrono::TimeDelta::seconds(seconds)).to_rfc3339();
    let mut grant = world.to_the_doctor(&["record"]);
    (grant["notBefore"], grant["expiry"]) = (json!(at(6)), json!(at(12)));
    let id = world.give(&grant).await;
    assert_eq!(
        (world.standing(&id).await, world.reads("").await.0),
        (json!("not-yet-valid"), 404)
    );
    // Blocks without entries of the log.
    until("it has begun", async || {
        world.chain.mine(1).await;
        world.reads("").await.0 == 200
    })
    .await;
    assert!(chrono::Utc::now() >= now + chrono::TimeDelta::seconds(5));
    until("it has ended", async || world.reads("").await.0 == 404).await;
    assert_eq!(world.standing(&id).await, "expired");
}
