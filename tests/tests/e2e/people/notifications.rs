//! People outside are told by message that there is something to look at, and nothing of what it is.

use std::time::Duration;

use api_config::{FinalityRule, MailConfig, NotificationsConfig, Protection, WebhookConfig};
use application::notifications::Occasion;
use application::ports::notifications::{Mailer as _, Undelivered};
use domain::account::Role;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tests::chain::TestChain;
use tests::clinic::Clinic;
use tests::office::Office;
use tests::outside::{Hook, MailServer, Portal, Service, Speaks};
use tests::people::{Person, patient};
use tests::system::{SystemOptions, TestSystem, deployed, until};
use uuid::Uuid;

use super::emergencies::{open, opening};
use super::grants::World;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLjSw";
const ADDRESS: &str = "ada@mail.example";
const OVERSEERS: &str = "oversight@clinic.example";

/// A world with a mail server and a portal outside.
struct Outside {
    world: World,
    mail: MailServer,
    portal: Portal,
}

fn by(mail: &MailServer, portal: &Portal) -> NotificationsConfig {
    NotificationsConfig {
        mail: Some(MailConfig {
            host: mail.address.ip().to_string(),
            port: Some(mail.address.port()),
            protection: Protection::None,
            certificate_file: None,
            user: None,
            password: None,
            password_file: None,
            from: "The Clinic <noreply@clinic.example>".to_owned(),
            organisation: "The Clinic".to_owned(),
            sign_in_at: Some("https://portal.clinic.example".to_owned()),
            overseers: Some(OVERSEERS.to_owned()),
        }),
        webhook: Some(WebhookConfig {
            url: portal.url.clone(),
            secret: Some(SECRET.into()),
            secret_file: None,
        }),
    }
}

impl Outside {
    async fn open(name: &str, justify_within: Option<u32>) -> Self {
        let (mail, portal) = (MailServer::start().await, Portal::start());
        let chain = TestChain::start().await;
        let deployment = deployed(&chain).await;
        let office = Office::open(&chain, &deployment).await;
        let options = SystemOptions {
            recorders: office.recorders.clone(),
            justify_emergencies_within: justify_within,
            notifications: by(&mail, &portal),
            ..SystemOptions::default()
        };
        let system = TestSystem::with(&chain, &deployment, options).await;
        let world = World::of(chain, office, system, name).await;
        Self { world, mail, portal }
    }

    /// Another server on the same database.
    async fn another_server(&self, signer: usize) -> TestSystem {
        let system = &self.world.system;
        let options = SystemOptions {
            signer,
            database: Some(system.database.clone()),
            recorders: system.config.chain.recorders.clone(),
            notifications: system.config.notifications.clone(),
            ..SystemOptions::default()
        };
        TestSystem::with(&self.world.chain, &system.deployment, options).await
    }

    /// Registers somebody with this address, if any.
    async fn patient(&self, address: Option<&str>) -> String {
        let mut entry = patient("Okafor");
        if let Some(address) = address {
            entry["details"]["email"] = json!(address);
        }
        let (status, registered) = self
            .world
            .system
            .post("/v1/patients", &self.world.clinic.key, &entry)
            .await;
        assert_eq!(status, 201, "{registered}");
        registered["id"].as_str().unwrap().to_owned()
    }

    async fn open_record(&self, patient: &str) {
        open(&self.world.system, &self.world.doctor, patient, &["summary"]).await;
    }
}

/// Whether a message is the sender's, as somebody else's implementation of the specification says, and what it says.
fn verified(hook: &Hook) -> Value {
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let mut headers = HeaderMap::new();
    for (name, value) in names.into_iter().zip(&hook.headers) {
        headers.insert(name, value.parse().unwrap());
    }
    let webhook = standardwebhooks::Webhook::new(SECRET).unwrap();
    webhook.verify(hook.body.as_bytes(), &headers).unwrap();
    let altered = hook.body.replace('2', "3");
    assert!(webhook.verify(altered.as_bytes(), &headers).is_err());
    serde_json::from_str(&hook.body).unwrap()
}

/// Lets no message wait any longer.
async fn hurry(system: &TestSystem) {
    let hurrying = "UPDATE core.notifications SET due_at = clock_timestamp() WHERE outcome IS NULL";
    sqlx::query(hurrying).execute(&system.parts().pool).await.unwrap();
}

/// How the messages have ended, or that they have not.
async fn outcomes(system: &TestSystem) -> Vec<(String, Option<String>)> {
    let sql = "SELECT channel, outcome FROM core.notifications ORDER BY channel, happened_at";
    sqlx::query_as(sql).fetch_all(&system.parts().pool).await.unwrap()
}

/// Their ids, that by mail first.
async fn ids(system: &TestSystem) -> Vec<Uuid> {
    let sql = "SELECT id FROM core.notifications ORDER BY channel, happened_at";
    sqlx::query_scalar(sql).fetch_all(&system.parts().pool).await.unwrap()
}

async fn has_trouble(system: &TestSystem, administrator: &str) -> bool {
    let (_, status) = system.get("/v1/admin/status", administrator).await;
    let troubles = status["troubles"].as_array().unwrap();
    troubles
        .iter()
        .any(|one| one["code"] == "notifications-not-sent" && one["part"] == "notifications")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_is_told_once_that_there_is_something_to_look_at_and_nothing_of_what_it_is() {
    let outside = Outside::open("Blackwell", None).await;
    let second = outside.another_server(2).await;
    let patient = outside.patient(Some(ADDRESS)).await;
    outside.open_record(&patient).await;
    until("both channels have told", async || {
        !outside.mail.mails().is_empty() && !outside.portal.hooks().is_empty()
    })
    .await;

    let [mail] = outside.mail.mails().try_into().unwrap();
    assert_eq!(mail.to, format!("<{ADDRESS}>"));
    for part in [
        "From: \"The Clinic\" <noreply@clinic.example>\n",
        "Subject: Your record at The Clinic\n",
        "Auto-Submitted: auto-generated\n",
        "Sign in at https://portal.clinic.example\n",
    ] {
        assert!(mail.text.contains(part), "{part:?} in {}", mail.text);
    }
    assert!(mail.text.contains(&format!(
        "Message-ID: <{}@clinic.example>\n",
        ids(&outside.world.system).await[0]
    )));
    let [hook] = outside.portal.hooks().try_into().unwrap();
    let told = verified(&hook);
    assert_eq!(told["type"], "access.updated", "{told}");
    assert_eq!(told["data"], json!({ "patient": patient }), "{told}");
    assert_eq!(told.as_object().unwrap().len(), 3, "{told}");
    let (_, own) = outside
        .world
        .system
        .get("/v1/me/emergencies", &outside.world.doctor)
        .await;
    assert_eq!(told["timestamp"], own["items"][0]["at"], "{told} {own}");
    for said in [mail.text, hook.body] {
        let said = said.to_lowercase();
        for word in ["emergenc", "unconscious", "summary", "okafor", "doctor", "blackwell"] {
            assert!(!said.contains(word), "{word} in {said}");
        }
    }

    // Both servers have looked again since, and one that starts later does.
    let third = outside.another_server(3).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!((outside.mail.mails().len(), outside.portal.hooks().len()), (1, 1));
    let delivered = |channel: &str| (channel.to_owned(), Some("delivered".to_owned()));
    assert_eq!(outcomes(&third).await, [delivered("mail"), delivered("webhook")]);
    second.stop().await;
    third.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_asked_for_access_is_told_in_the_same_words_once_a_day_and_nobody_who_is_not_there() {
    let outside = Outside::open("Asking", None).await;
    let system = &outside.world.system;
    let second = outside.another_server(2).await;
    let asks = async |patient: Option<&str>| {
        let grantee = format!("practitioner/{}", outside.world.clinic.doctor);
        let body = json!({ "patient": patient, "grant": { "grantee": grantee, "categories": ["record"], "purpose": "treatment" } });
        let (status, asked) = system.post("/v1/access-requests", &outside.world.doctor, &body).await;
        assert_eq!(status, 201, "{asked}");
    };
    let patient = outside.patient(Some(ADDRESS)).await;
    // By a code nobody is named.
    asks(None).await;
    asks(Some(&Uuid::new_v4().to_string())).await;
    for _ in 0..3 {
        asks(Some(&patient)).await;
    }
    until("both channels have told", async || {
        !outside.mail.mails().is_empty() && !outside.portal.hooks().is_empty()
    })
    .await;
    asks(Some(&patient)).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!((outside.mail.mails().len(), outside.portal.hooks().len()), (1, 1));
    let letter = Occasion::EmergencyOpened.letter("The Clinic", "https://portal.clinic.example");
    let sentence = letter.text.lines().next().unwrap();
    assert!(outside.mail.mails()[0].text.replace("=\n", "").contains(sentence));
    let hook = verified(&outside.portal.hooks()[0]);
    assert_eq!(
        (&hook["type"], &hook["data"]),
        (&json!("access.updated"), &json!({ "patient": patient }))
    );

    // Who was told since they were asked is not told again of that, however much later; of what they were asked since then they are, once a day has gone by.
    let earlier = async |sql: &str| sqlx::query(sql).execute(&system.parts().pool).await.unwrap();
    let all = "UPDATE core.notifications SET due_at = due_at - interval '25 hours'";
    let asked_before = "UPDATE core.access_requests SET asked_at = asked_at - interval '26 hours'";
    earlier(asked_before).await;
    earlier(all).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(outside.mail.mails().len(), 1);
    asks(Some(&patient)).await;
    until("they are told again", async || outside.mail.mails().len() == 2).await;
    asks(Some(&patient)).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(outside.mail.mails().len(), 2, "not yet");
    earlier("UPDATE core.notifications SET due_at = due_at - interval '25 hours'").await;
    until("of the last one, too", async || outside.mail.mails().len() == 3).await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_does_not_work_keeps_nobody_from_being_told_by_another() {
    let outside = Outside::open("Broken", None).await;
    let system = &outside.world.system;
    let patient = outside.patient(Some(ADDRESS)).await;
    let asks = async || {
        let grantee = format!("practitioner/{}", outside.world.clinic.doctor);
        let body = json!({ "patient": patient, "grant": { "grantee": grantee, "categories": ["record"], "purpose": "treatment" } });
        let (status, asked) = system.post("/v1/access-requests", &outside.world.doctor, &body).await;
        assert_eq!(status, 201, "{asked}");
    };
    let change = async |sql: &str| sqlx::query(sql).execute(&system.parts().pool).await.unwrap();
    outside.portal.answer(500, Duration::ZERO);
    asks().await;
    until("the mail has gone out, and the webhook was tried", async || {
        outside.mail.mails().len() == 1 && !outside.portal.hooks().is_empty()
    })
    .await;
    // A day later they are asked again, and the webhook still waits.
    change("UPDATE core.notifications SET due_at = due_at - interval '25 hours' WHERE channel = 'mail'").await;
    asks().await;
    until("they are told by mail", async || outside.mail.mails().len() == 2).await;
    let messages = "SELECT count(*) FROM core.notifications WHERE channel = 'webhook'";
    let messages = async || {
        sqlx::query_scalar::<_, i64>(messages)
            .fetch_one(&system.parts().pool)
            .await
            .unwrap()
    };
    assert_eq!(messages().await, 1, "the webhook has one to tell already");
    // It is given up, and told nobody: what they were asked before that is still to be told.
    change(
        "UPDATE core.notifications SET outcome = 'given-up', due_at = clock_timestamp() - interval '25 hours' WHERE channel = 'webhook'",
    )
    .await;
    change("UPDATE core.access_requests SET asked_at = asked_at - interval '26 hours'").await;
    outside.portal.answer(204, Duration::ZERO);
    until("the webhook has another one", async || messages().await == 2).await;
    until("and tells it", async || {
        let told = "SELECT count(*) FROM core.notifications WHERE channel = 'webhook' AND outcome = 'delivered'";
        sqlx::query_scalar::<_, i64>(told)
            .fetch_one(&system.parts().pool)
            .await
            .unwrap()
            == 1
    })
    .await;
    assert_eq!(outside.mail.mails().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_go_out_is_told_to_administrators_and_tried_again() {
    let outside = Outside::open("Jex-Blake", None).await;
    let system = &outside.world.system;
    let administrator = system.administrator().await;
    outside.mail.behave(Service::IsBusy);
    outside.portal.answer(500, Duration::ZERO);
    let patient = outside.patient(Some(ADDRESS)).await;
    outside.open_record(&patient).await;
    // The second attempt comes by itself after some seconds.
    until("both were tried twice", async || {
        outside.mail.turned_away() == 2 && outside.portal.hooks().len() == 2
    })
    .await;
    assert!(!has_trouble(system, &administrator).await);
    hurry(system).await;
    until("it is told that it does not work", async || {
        has_trouble(system, &administrator).await
    })
    .await;
    assert_eq!(system.get("/health/ready", "").await.0, 200, "everything else goes on");

    outside.mail.behave(Service::Takes);
    outside.portal.answer(202, Duration::ZERO);
    hurry(system).await;
    until("both have told", async || {
        let outcomes = outcomes(system).await;
        outcomes
            .iter()
            .all(|(_, outcome)| outcome.as_deref() == Some("delivered"))
    })
    .await;
    assert_eq!((outside.mail.mails().len(), outside.portal.hooks().len()), (1, 4));
    until("it works again", async || !has_trouble(system, &administrator).await).await;
    // Each attempt was the same message.
    let ids: Vec<_> = outside
        .portal
        .hooks()
        .into_iter()
        .map(|hook| hook.headers[0].clone())
        .collect();
    assert_eq!(ids, vec![ids[0].clone(); 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_was_sending_when_it_died_another_one_sends_under_the_same_id() {
    let outside = Outside::open("Garrod", None).await;
    outside.portal.answer(204, Duration::from_secs(20));
    let patient = outside.patient(None).await;
    outside.open_record(&patient).await;
    until("it is being sent", async || outside.portal.hooks().len() == 1).await;
    let second = outside.another_server(2).await;
    let Outside { world, mail, portal } = outside;
    // It dies before the other system has answered.
    drop(world.system);
    portal.answer(204, Duration::ZERO);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(
        portal.hooks().len(),
        1,
        "whoever has taken it is left alone with it for a while"
    );
    hurry(&second).await;
    until("another one has sent it", async || portal.hooks().len() == 2).await;
    let [first, again] = portal.hooks().try_into().unwrap();
    assert_eq!((&first.headers[0], &first.body), (&again.headers[0], &again.body));
    verified(&again);
    assert_eq!(mail.mails(), [], "there is no address");
    let webhook = ("webhook".to_owned(), Some("delivered".to_owned()));
    let by_mail = ("mail".to_owned(), Some("unaddressed".to_owned()));
    until("that is kept", async || {
        outcomes(&second).await == [by_mail.clone(), webhook.clone()]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_takes_no_mail_is_not_tried_again() {
    let outside = Outside::open("Aspasia", None).await;
    let system = &outside.world.system;
    outside.mail.behave(Service::KnowsNobody);
    let patient = outside.patient(Some(ADDRESS)).await;
    outside.open_record(&patient).await;
    until("it is given up", async || {
        outcomes(system)
            .await
            .contains(&("mail".to_owned(), Some("refused".to_owned())))
    })
    .await;
    assert_eq!((outside.mail.turned_away(), outside.mail.mails().len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_oversees_is_told_that_something_was_not_justified_and_not_whose_it_was() {
    let outside = Outside::open("Trotula", Some(3)).await;
    let system = &outside.world.system;
    let patient = outside.patient(Some(ADDRESS)).await;
    outside.open_record(&patient).await;
    until("all are told", async || {
        outside.mail.mails().len() == 2 && outside.portal.hooks().len() == 2
    })
    .await;
    let mails = outside.mail.mails();
    let flagged = mails.iter().find(|mail| mail.to == format!("<{OVERSEERS}>")).unwrap();
    assert!(
        flagged.text.contains("Subject: Emergencies to look at, The Clinic\n"),
        "{flagged:?}"
    );
    assert!(mails.iter().any(|mail| mail.to == format!("<{ADDRESS}>")), "{mails:?}");
    let told: Vec<_> = outside.portal.hooks().iter().map(verified).collect();
    let flagged = told.iter().find(|one| one["type"] == "emergencies.flagged").unwrap();
    assert_eq!(flagged["data"], json!({}), "{flagged}");

    // Of what a registrar lists.
    let registrar = system.service("registrar", Role::Registrar).await;
    let (_, listed) = system.get("/v1/emergencies?standing=flagged", &registrar).await;
    assert_eq!(listed["items"][0]["flaggedAt"], flagged["timestamp"], "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_a_channel_from_now_on_tells_of_the_last_days_and_one_without_of_nothing() {
    let (mail, portal) = (MailServer::start().await, Portal::start());
    let world = World::open("Fry").await;
    let (status, opened) = world
        .system
        .post(&world.path("/emergencies"), &world.doctor, &opening(&["summary"]))
        .await;
    assert_eq!(status, 201, "{opened}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(outcomes(&world.system).await, []);
    let options = SystemOptions {
        signer: 2,
        database: Some(world.system.database.clone()),
        recorders: world.system.config.chain.recorders.clone(),
        notifications: by(&mail, &portal),
        ..SystemOptions::default()
    };
    let second = TestSystem::with(&world.chain, &world.system.deployment, options).await;
    until("it is told", async || portal.hooks().len() == 1).await;
    assert_eq!(
        verified(&portal.hooks()[0])["data"],
        json!({ "patient": world.patient })
    );
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_hangs_holds_up_no_webhook_and_what_is_new_is_told() {
    let outside = Outside::open("Hodgson", None).await;
    outside.mail.behave(Service::Hangs);
    for _ in 0..3 {
        let patient = outside.patient(Some(ADDRESS)).await;
        outside.open_record(&patient).await;
        let before = outside.portal.hooks().len();
        until("the other system is told", async || {
            outside.portal.hooks().len() > before
        })
        .await;
    }
    assert_eq!((outside.mail.turned_away() > 0, outside.mail.mails().len()), (true, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_orderly_sees_through_what_it_is_sending() {
    let outside = Outside::open("Putnam", None).await;
    outside.portal.answer(204, Duration::from_secs(5));
    let patient = outside.patient(None).await;
    outside.open_record(&patient).await;
    until("it is being sent", async || outside.portal.hooks().len() == 1).await;
    let second = outside.another_server(2).await;
    let Outside { world, portal, .. } = outside;
    world.system.stop().await;
    let delivered = ("webhook".to_owned(), Some("delivered".to_owned()));
    assert!(outcomes(&second).await.contains(&delivered));
    hurry(&second).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(portal.hooks().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_of_what_is_not_final() {
    let portal = Portal::start();
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let office = Office::open(&chain, &deployment).await;
    let options = SystemOptions {
        recorders: office.recorders.clone(),
        notifications: NotificationsConfig {
            mail: None,
            ..by(&MailServer::start().await, &portal)
        },
        finality: FinalityRule::Confirmations(3),
        ..SystemOptions::default()
    };
    let preparing = async {
        let system = TestSystem::with(&chain, &deployment, options).await;
        let clinic = Clinic::open(&system, "Barry").await;
        let resource = format!("/v1/practitioners/{}", clinic.doctor);
        let doctor = Person::numbered(160).join(&system, &clinic.key, &resource).await;
        office.attests(&system, &clinic.key, &clinic.doctor).await;
        let (status, registered) = system.post("/v1/patients", &clinic.key, &patient("Okafor")).await;
        assert_eq!(status, 201, "{registered}");
        (system, doctor, registered)
    };
    // Until it is prepared, blocks come by themselves.
    let mining = async {
        loop {
            chain.mine(1).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let (system, doctor, registered) = tokio::select! {
        prepared = preparing => prepared,
        () = mining => unreachable!("it never ends"),
    };
    let path = format!("{}/emergencies", registered["resource"].as_str().unwrap());
    let (body, url) = (opening(&["summary"]), format!("{}{path}", system.url));
    let opening = system.http.post(url).bearer_auth(&doctor).json(&body).send();
    let opening = tokio::spawn(opening);
    until("it is opened", async || {
        let opened = sqlx::query_scalar("SELECT count(*) FROM live.emergencies");
        opened.fetch_one(&system.parts().pool).await.unwrap_or(0_i64) == 1
    })
    .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(portal.hooks(), []);
    chain.mine(4).await;
    until("it is told", async || portal.hooks().len() == 1).await;
    let answer = opening.await.unwrap().unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

/// What a mail server that speaks so says to a mail from a server that is configured so.
async fn sent(
    speaks: Speaks,
    configured: impl FnOnce(&MailServer, &mut MailConfig),
) -> (Result<(), Undelivered>, usize) {
    let (server, portal) = (MailServer::that(speaks).await, Portal::start());
    let mut config = by(&server, &portal).mail.unwrap();
    config.host = "localhost".to_owned();
    configured(&server, &mut config);
    let letter = Occasion::EmergencyOpened.letter(&config.organisation, "https://portal.clinic.example");
    let sent = config.smtp().unwrap().send(Uuid::new_v4(), ADDRESS, &letter).await;
    (sent, server.mails().len())
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_to_a_server_with_a_certificate_that_is_trusted_as_it_is_configured_and_to_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mail.pem");
    for (speaks, protection, is_trusted, password, why) in [
        (Speaks::Tls, Protection::Tls, true, "s3cret", None),
        (Speaks::StartTls, Protection::StartTls, true, "s3cret", None),
        (Speaks::Plainly, Protection::None, false, "s3cret", None),
        (Speaks::Tls, Protection::Tls, false, "s3cret", Some("certificate")),
        (
            Speaks::StartTls,
            Protection::StartTls,
            false,
            "s3cret",
            Some("certificate"),
        ),
        (
            Speaks::Plainly,
            Protection::StartTls,
            true,
            "s3cret",
            Some("STARTTLS is not supported"),
        ),
        (
            Speaks::Plainly,
            Protection::Tls,
            true,
            "s3cret",
            Some("corrupt message"),
        ),
        (
            Speaks::StartTls,
            Protection::None,
            false,
            "s3cret",
            Some("No compatible authentication"),
        ),
        (
            Speaks::Tls,
            Protection::Tls,
            true,
            "guessed",
            Some("the mail server answers 535"),
        ),
    ] {
        let (sent, taken) = sent(speaks, |server, config| {
            std::fs::write(&file, &server.certificate).unwrap();
            config.protection = protection;
            config.certificate_file = is_trusted.then(|| file.clone());
            config.user = Some("clinic".to_owned());
            config.password = Some(password.into());
        })
        .await;
        let case = format!("{speaks:?} {protection:?} {is_trusted} {password}: {sent:?}");
        match (sent, why) {
            (Ok(()), None) => assert_eq!(taken, 1, "{case}"),
            (Err(Undelivered::ForNow(said)), Some(why)) => assert!(said.contains(why) && taken == 0, "{case}"),
            _ => panic!("{case}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_given_up_when_it_is_none_and_nothing_else_is() {
    for (service, address, refused) in [
        (Service::KnowsNobody, ADDRESS, true),
        (Service::DistrustsTheSender, ADDRESS, false),
        (Service::DoesNotRelay, ADDRESS, false),
        (Service::DoesNotKnowYet, ADDRESS, false),
        (Service::IsBusy, ADDRESS, false),
        // A server without SMTPUTF8 never takes it.
        (Service::Takes, "jürgen@mail.example", true),
        (Service::Takes, "no address", true),
    ] {
        let server = MailServer::that(Speaks::Plainly).await;
        server.behave(service);
        let config = by(&server, &Portal::start()).mail.unwrap();
        let letter = Occasion::EmergencyOpened.letter(&config.organisation, "https://portal.clinic.example");
        let sent = config.smtp().unwrap().send(Uuid::new_v4(), address, &letter).await;
        let error = sent.unwrap_err();
        assert_eq!(
            matches!(error, Undelivered::Refused(_)),
            refused,
            "{service:?} {address}: {error}"
        );
        assert!(!error.to_string().contains("mail.example"), "{error}");
    }
    // A domain is asked for in the letters that it has there.
    let server = MailServer::that(Speaks::Plainly).await;
    let config = by(&server, &Portal::start()).mail.unwrap();
    let letter = Occasion::EmergencyOpened.letter(&config.organisation, "https://portal.clinic.example");
    let sending = config.smtp().unwrap();
    sending
        .send(Uuid::new_v4(), "ada@müller.example", &letter)
        .await
        .unwrap();
    assert_eq!(server.mails()[0].to, "<ada@xn--mller-kva.example>");
}
