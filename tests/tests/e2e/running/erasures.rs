//! Somebody is erased: nothing of them is left in any file, whatever dies meanwhile, and nobody brings them back.

use std::collections::BTreeSet;
use std::path::Path;

use aho_corasick::AhoCorasick;
use api_config::FinalityRule;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use infrastructure::crash::{ERASURE_DESTROYED, ERASURE_PURGED, VARIABLE};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, PgConnection};
use tests::binary::{Dev, free_port};
use tests::postgres;
use tests::rest::{Rest, id};
use tests::site::{Desk, Said, Server, Site, agree_on_paper, for_a_nurse, signer};
use uuid::Uuid;

/// Words that stand nowhere else, one for each field.
const WORDS: [&str; 16] = [
    "Quexfamily",
    "Quexgiven",
    "Quexprefix",
    "555-quexphone",
    "quexmail",
    "Quexstreet",
    "Quextown",
    "Quexstate",
    "quexidentifier",
    "quexreason",
    "quexwhy",
    "quexallergy",
    "quexcondition",
    "quexmedication",
    "quexemergency",
    "quexjustified",
];

/// A word as bytes may hold it: plain, in hexadecimal digits, in base64 at any offset, and as UTF-16.
fn forms(word: &str) -> Vec<Vec<u8>> {
    let plain = word.as_bytes();
    let mut forms = vec![
        plain.to_vec(),
        hex::encode(plain).into(),
        hex::encode_upper(plain).into(),
    ];
    for offset in 0..3 {
        let encoded = STANDARD.encode([&[0; 3][..offset], plain].concat());
        // The first and the last digits depend on what stands beside it.
        let (from, to) = (if offset == 0 { 0 } else { 4 }, encoded.len() / 4 * 4 - 4);
        forms.push(encoded.as_bytes()[from..to].to_vec());
    }
    let units = |bytes: fn(u16) -> [u8; 2]| word.encode_utf16().flat_map(bytes).collect::<Vec<_>>();
    forms.extend([units(u16::to_le_bytes), units(u16::to_be_bytes)]);
    forms
}

/// Which words stand in which of a folder's files, in any form.
fn words_in(folder: &Path) -> Vec<(&'static str, String)> {
    let (owners, patterns): (Vec<_>, Vec<_>) = WORDS
        .iter()
        .flat_map(|word| forms(word).into_iter().map(|form| (*word, form)))
        .unzip();
    let search = AhoCorasick::new(patterns).unwrap();
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        // What Postgres or the chain removes meanwhile is not there.
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap_or_default();
            let hits: BTreeSet<_> = search
                .find_overlapping_iter(&bytes)
                .map(|hit| owners[hit.pattern().as_usize()])
                .collect();
            found.extend(hits.into_iter().map(|word| (word, path.display().to_string())));
        }
    }
    found
}

/// Which words stand in the database, as it shows what its files may hold compressed: every table, Postgres's own statistics too.
async fn words_in_tables(database: &str) -> Vec<(&'static str, String)> {
    let mut connection = PgConnection::connect(database).await.unwrap();
    let tables = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
                  WHERE schemaname IN ('live', 'core') UNION ALL SELECT 'pg_catalog.pg_statistic'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut connection).await.unwrap();
    assert!(tables.len() > 20, "{tables:?}");
    let mut found = Vec::new();
    for table in tables {
        for word in WORDS {
            let sql = format!("SELECT EXISTS (SELECT FROM {table} AS row WHERE row::text LIKE $1)");
            let is_there: bool = sqlx::query_scalar(&sql)
                .bind(format!("%{word}%"))
                .fetch_one(&mut connection)
                .await
                .unwrap();
            if is_there {
                found.push((word, table.clone()));
            }
        }
    }
    found
}

/// Tells everything that can be told of a patient, each in a word of its own.
async fn tell_everything([hospital, nurse, doctor]: [&Rest; 3], practitioner: Uuid) -> Uuid {
    let [
        family,
        given,
        prefix,
        phone,
        mail,
        street,
        town,
        state,
        identifier,
        reason,
        why,
        allergy,
        condition,
        medication,
        emergency,
        justified,
    ] = WORDS;
    let details = json!({
        "name": { "family": family, "given": [given], "prefix": [prefix] },
        "birthDate": "1971-03-04", "gender": "female", "phone": phone, "email": format!("{mail}@example.org"),
        "address": { "lines": [street], "city": town, "state": state, "postalCode": "1", "country": "US" },
        "identifier": { "system": "urn:example", "value": identifier },
    });
    let patient = hospital
        .insist(Method::POST, "/v1/patients", &json!({ "details": details }))
        .await;
    let patient = id(&patient);
    agree_on_paper(nurse, patient).await;
    let findings = format!("/v1/patients/{patient}/chart/findings");
    for finding in [
        json!({ "allergy": { "concept": { "text": allergy } } }),
        json!({ "condition": { "concept": { "text": condition } } }),
        json!({ "medication": { "concept": { "text": medication }, "active": true } }),
    ] {
        nurse.insist(Method::POST, &findings, &finding).await;
    }
    let emergencies = format!("/v1/patients/{patient}/emergencies");
    let opened = json!({ "reason": emergency, "categories": ["summary"] });
    let opened = id(&doctor.insist(Method::POST, &emergencies, &opened).await);
    let justification = format!("{emergencies}/{opened}/justification");
    doctor
        .insist(Method::POST, &justification, &json!({ "text": justified }))
        .await;
    let day = chrono::Utc::now().date_naive() + chrono::Days::new(9);
    let start = day.and_hms_opt(9, 0, 0).unwrap().and_utc();
    let sessions =
        json!({ "sessions": [{ "start": start, "end": start + chrono::TimeDelta::hours(2), "slotMinutes": 20 }] });
    let availability = format!("/v1/practitioners/{practitioner}/availability/{day}");
    hospital.insist(Method::PUT, &availability, &sessions).await;
    let booking = json!({
        "patient": patient, "practitioner": practitioner, "slot": { "start": start, "minutes": 20 },
        "reason": { "text": reason },
    });
    let appointment = hospital.insist(Method::POST, "/v1/appointments", &booking).await;
    let cancel = format!("/v1/appointments/{}/cancel", id(&appointment));
    hospital.insist(Method::POST, &cancel, &json!({ "reason": why })).await;
    patient
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_erased_patient_no_file_has_a_word_left() {
    let folder = postgres::folder();
    let dev = Dev::start(&folder.path().join("data"), free_port()).await;
    let hospital = Rest::new(&dev.url, &dev.token("hospital").await);
    let config = std::fs::read_to_string(dev.folder.join("server.toml")).unwrap();
    let database = config.split('"').find(|text| text.starts_with("postgres://")).unwrap();
    let practitioners = hospital.get("/v1/practitioners").await;
    let practitioner: Uuid = practitioners["items"][0]["id"].as_str().unwrap().parse().unwrap();
    let nurse = Rest::new(&dev.url, &dev.token("nurse").await);
    let doctor = Rest::new(&dev.url, &dev.token("doctor").await);
    let patient = tell_everything([&hospital, &nurse, &doctor], practitioner).await;

    let found = words_in(&dev.folder);
    let missed: Vec<_> = WORDS
        .iter()
        .filter(|word| found.iter().all(|(known, _)| known != *word))
        .collect();
    assert!(missed.is_empty(), "the search finds what is there: {missed:?}");
    let shown = words_in_tables(database).await;
    let missed: Vec<_> = WORDS
        .iter()
        .filter(|word| shown.iter().all(|(known, _)| known != *word))
        .collect();
    assert!(missed.is_empty(), "so does that of the tables: {missed:?}");
    let others = hospital.get("/v1/patients").await;

    // What a crash has left of a session, what a rebuild has left that was given up, and somebody who still reads what was.
    let mut reader = PgConnection::connect(database).await.unwrap();
    let left = format!(
        "INSERT INTO core.sessions (token_hash, wallet, idle_expires_at, expires_at, message, signature)
         VALUES (sha256('session'), '\\x{}', now() + '1 hour', now() + '1 hour', '{} wants to sign in', '');
         CREATE SCHEMA rebuild; CREATE TABLE rebuild.patients AS TABLE live.patients",
        "5e".repeat(20),
        WORDS[0]
    );
    reader.execute(left.as_str()).await.unwrap();
    let reading = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM live.patients";
    reader.execute(reading).await.unwrap();
    let subject = format!("patient/{patient}");
    let arguments = ["keys", "erase", subject.as_str(), "--yes"];
    let erasing = dev.run(&arguments);
    let stops_reading = async {
        tokio::time::sleep(std::time::Duration::from_secs(4)).await;
        reader.execute("COMMIT").await.unwrap();
    };
    let ((code, text), ()) = tokio::join!(erasing, stops_reading);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(words_in_tables(database).await, []);
    assert_eq!(words_in(&dev.folder), []);

    // Nobody who opens records in emergencies is told of the erased.
    let emergencies = format!("/v1/patients/{patient}/emergencies");
    let opening = json!({ "reason": "Unconscious.", "categories": ["summary"] });
    let justification = format!("{emergencies}/{patient}/justification");
    for (path, body) in [(&emergencies, &opening), (&justification, &json!({ "text": "Right." }))] {
        let answer = doctor.send(Method::POST, path, None, Some(body)).await.unwrap();
        assert_eq!(answer.status, 404, "{path}");
    }

    let mut left = others.clone();
    let is_other = |one: &Value| one["id"] != json!(patient);
    left["items"].as_array_mut().unwrap().retain(is_other);
    assert_eq!(hospital.get("/v1/patients").await, left);
    assert_ne!(left, others);
    let (code, text) = dev.run(&["rebuild", "--compare"]).await;
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(words_in(&dev.folder), []);

    // What a crash of Postgres has left of a table that was being rewritten.
    let place = "SELECT current_setting('data_directory') || '/base/' || oid FROM pg_database
                 WHERE datname = current_database()";
    let place: String = sqlx::query_scalar(place).fetch_one(&mut reader).await.unwrap();
    let left = Path::new(&place).join("4000000001");
    std::fs::write(&left, WORDS[0]).unwrap();
    let other = json!({ "details": { "name": { "family": "Other" }, "birthDate": "1980-02-29", "gender": "unknown" } });
    let other = id(&hospital.insist(Method::POST, "/v1/patients", &other).await);
    let subject = format!("patient/{other}");
    let erasing = ["keys", "erase", subject.as_str(), "--yes"];
    let (code, text) = dev.run(&erasing).await;
    assert_eq!((code, text.contains("/4000000001")), (Some(1), true), "{text}");
    std::fs::remove_file(&left).unwrap();
    let (code, text) = dev.run(&erasing).await;
    assert_eq!((code, text.contains("/4000000001")), (Some(0), false), "{text}");
    dev.stop().await;
}

/// `medconnect keys …`, with a passphrase where one is needed.
async fn keys(site: &Site, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
    let config = site.config();
    site.run(&[&["keys"], arguments, &["--config", &config]].concat(), environment)
        .await
}

async fn erase(site: &Site, subject: &str) -> Said {
    keys(site, &["erase", subject, "--yes"], &[]).await
}

/// How many keys of a subject could still be opened.
async fn keys_left(database: &str, subject: Uuid) -> i64 {
    let mut connection = PgConnection::connect(database).await.unwrap();
    let sql = "SELECT count(*) FROM core.data_keys WHERE subject = $1 AND wrapped IS NOT NULL";
    sqlx::query_scalar(sql)
        .bind(subject)
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

async fn is_refused(rest: &Rest, method: Method, path: &str, body: &Value, status: u16, problem: &str) {
    let answer = rest.send(method, path, None, Some(body)).await.unwrap();
    assert_eq!(answer.status, status, "{path}: {}", answer.body);
    assert_eq!(
        answer.body["type"],
        format!("/problems/{problem}"),
        "{path}: {}",
        answer.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_done_for_the_erased_and_everybody_else_goes_on() {
    let site = Site::ready(FinalityRule::Instant).await;
    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    let desk = Desk::open(&server, &administrator, 1).await;
    let named = json!({ "details": {
        "name": { "family": "Named" }, "birthDate": "1980-02-29", "gender": "unknown",
        "identifier": { "system": "urn:example", "value": "17" },
    } });
    let named_id = id(&desk.rest.insist(Method::POST, "/v1/patients", &named).await);
    let (other, appointment) = desk.visit(1).await;
    let filters = [
        "/v1/slots".to_owned(),
        format!("/v1/slots?practitioner={}", desk.doctor()),
    ];
    for filter in &filters {
        assert_ne!(desk.rest.get(filter).await["items"], json!([]), "{filter}");
    }

    for (subject, code, words) in [
        (format!("patient/{named_id}"), 0, "erased"),
        (format!("patient/{named_id}"), 0, "erased"),
        (format!("practitioner/{}", desk.doctor()), 0, "erased"),
        (format!("patient/{}", Uuid::new_v4()), 1, "no such patient"),
        (format!("practitioner/{other}"), 1, "no such practitioner"),
        (format!("account/{}", Uuid::new_v4()), 1, "no such account"),
        (format!("encounter/{other}/{other}"), 2, "must be patient/<id>"),
    ] {
        let said = erase(&site, &subject).await;
        assert_eq!(said.code, code, "{subject}: {} {}", said.out, said.err);
        assert!(
            said.out.contains(words) || said.err.contains(words),
            "{subject}: {} {}",
            said.out,
            said.err
        );
    }
    // What the doctor offered is offered no more.
    for filter in &filters {
        assert_eq!(desk.rest.get(filter).await["items"], json!([]), "{filter}");
    }
    let unasked = keys(&site, &["erase", &format!("patient/{other}")], &[]).await;
    assert_eq!(
        (unasked.code, unasked.err.contains("--yes")),
        (2, true),
        "{}",
        unasked.err
    );
    let last = administrator.get("/v1/me").await["account"]
        .as_str()
        .unwrap()
        .to_owned();
    let refused = erase(&site, &format!("account/{last}")).await;
    assert_eq!(
        (refused.code, refused.err.contains("nobody could administer")),
        (1, true),
        "{}",
        refused.err
    );

    // Neither exists any more.
    let gone = format!("/v1/patients/{named_id}");
    let answer = desk.rest.send(Method::GET, &gone, None, None).await.unwrap();
    assert_eq!(answer.status, 404, "{}", answer.body);
    is_refused(
        &desk.rest,
        Method::POST,
        "/v1/appointments",
        &desk.booking(named_id, 5),
        409,
        "erased",
    )
    .await;
    is_refused(
        &desk.rest,
        Method::POST,
        "/v1/appointments",
        &desk.booking(other, 6),
        409,
        "erased",
    )
    .await;
    let finding = json!({ "symptom": { "text": "cough" } });
    let chart = format!("{gone}/chart/findings");
    let nurse = for_a_nurse(&desk.rest, &administrator).await;
    let answer = nurse.send(Method::POST, &chart, None, Some(&finding)).await.unwrap();
    assert!(matches!(answer.status, 404 | 409), "{}", answer.body);

    // What a patient has with an erased doctor can be called off.
    let cancel = format!("/v1/appointments/{appointment}/cancel");
    desk.rest.insist(Method::POST, &cancel, &json!({})).await;
    site.compare_with_rebuild().await;
    server.process.stop().await;
}

/// Registers a patient under two numbers, and a wallet for them.
async fn come(server: &Server, hospital: &Rest, details: &Value) -> Uuid {
    let hospital = hospital.at(&server.url);
    let patient = id(&hospital.insist(Method::POST, "/v1/patients", details).await);
    let invitation = format!("/v1/patients/{patient}/invitation");
    let invitation = hospital.insist(Method::POST, &invitation, &Value::Null).await;
    let session = api_dev::login::sign_in(&server.url, None, &signer(3)).await.unwrap();
    let theirs = Rest::new(&server.url, session.token.expose_secret());
    let accept = json!({ "invitation": invitation["invitation"] });
    theirs.insist(Method::POST, "/v1/invitations/accept", &accept).await;
    assert_eq!(theirs.get("/v1/me").await["patient"], json!(patient));
    patient
}

async fn nobody_else_is(hospital: &Rest, called: &Value) {
    is_refused(
        hospital,
        Method::POST,
        "/v1/patients",
        called,
        409,
        "already-registered",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_under_the_numbers_and_the_wallet_of_somebody_erased_is_somebody_new() {
    let site = Site::ready(FinalityRule::Instant).await;
    let server = site.serve(&[]).await;
    let hospital = server.service(&server.administrator().await, "front desk").await;
    let number = |value: &str| json!({ "system": "urn:example", "value": value });
    let called = |first: &str, other: &str| {
        json!({ "details": {
            "name": { "family": "Named" }, "birthDate": "1980-02-29", "gender": "unknown",
            "identifier": number(first), "otherIdentifiers": [number(other)],
        } })
    };
    let details = called("17", "18");
    let first = come(&server, &hospital, &details).await;
    assert_eq!(erase(&site, &format!("patient/{first}")).await.code, 0);

    // This server has in memory who was called so; the next one has not.
    let second = come(&server, &hospital, &details).await;
    assert_ne!(second, first);
    nobody_else_is(&hospital, &called("19", "18")).await;
    assert_eq!(erase(&site, &format!("patient/{second}")).await.code, 0);
    server.process.stop().await;

    let server = site.serve(&[]).await;
    let third = come(&server, &hospital, &details).await;
    let hospital = hospital.at(&server.url);
    assert!(![first, second].contains(&third));
    nobody_else_is(&hospital, &called("19", "18")).await;
    let wanted = json!({ "identifiers": [number("17"), number("18")] });
    let found = hospital.insist(Method::POST, "/v1/patients/lookup", &wanted).await;
    let found: Vec<_> = found["items"].as_array().unwrap().iter().map(id).collect();
    assert_eq!(found, [third]);
    site.compare_with_rebuild().await;
    server.process.stop().await;
}

/// Gives a patient another number as often as somebody erases them, and answers with the last that was acknowledged.
async fn rename_until_erased(hospital: &Rest, patient: Uuid, of: usize) -> Value {
    let path = format!("/v1/patients/{patient}/details");
    let mut last = Value::Null;
    for number in 0_u32.. {
        let name = json!({ "system": "urn:example", "value": format!("{of} {number}") });
        let details = json!({
            "name": { "family": "Busy" }, "birthDate": "1980-02-29", "gender": "unknown", "otherIdentifiers": [name],
        });
        let answer = hospital.send(Method::PUT, &path, None, Some(&details)).await.unwrap();
        match answer.status {
            200 => last = name,
            404 | 409 => break,
            _ => {}
        }
    }
    last
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_called_otherwise_while_they_are_erased_leaves_no_name_behind() {
    let site = Site::ready(FinalityRule::Instant).await;
    let server = site.serve(&[]).await;
    let hospital = server.service(&server.administrator().await, "front desk").await;
    for round in 0..4 {
        let busy =
            json!({ "details": { "name": { "family": "Busy" }, "birthDate": "1980-02-29", "gender": "unknown" } });
        let patient = id(&hospital.insist(Method::POST, "/v1/patients", &busy).await);
        let erasing = async {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            erase(&site, &format!("patient/{patient}")).await
        };
        let renaming = rename_until_erased(&hospital, patient, round);
        let (said, name) = tokio::join!(erasing, renaming);
        assert_eq!(said.code, 0, "{} {}", said.out, said.err);
        assert!(name.is_object(), "nothing was acknowledged before the erasure");
        // This server has all of it in memory.
        let next = json!({ "details": {
            "name": { "family": "Next" }, "birthDate": "1980-02-29", "gender": "unknown", "identifier": name,
        } });
        let answer = hospital
            .send(Method::POST, "/v1/patients", None, Some(&next))
            .await
            .unwrap();
        assert_eq!(answer.status, 201, "round {round}: {}", answer.body);
    }
    site.compare_with_rebuild().await;
    server.process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_erased_patient_has_booked_is_called_off_and_the_slot_is_free() {
    let site = Site::ready(FinalityRule::Instant).await;
    let server = site.serve(&[]).await;
    let desk = Desk::open(&server, &server.administrator().await, 1).await;
    let (erased, appointment) = desk.visit(3).await;
    desk.rest.get(&format!("/v1/patients/{erased}")).await;
    assert!(notes(&site.database, erased).await > 0);
    message(&site.database, erased).await;
    assert_eq!(messages(&site.database, erased).await, 1);
    let done = erase(&site, &format!("patient/{erased}")).await;
    assert_eq!(done.code, 0, "{} {}", done.out, done.err);
    assert_eq!(
        notes(&site.database, erased).await,
        0,
        "who has read is not noted any more"
    );
    assert_eq!(messages(&site.database, erased).await, 0, "nobody is told of anything");

    // The server still has in memory who comes.
    let cancel = format!("/v1/appointments/{appointment}/cancel");
    let why = json!({ "reason": "quexwhy" });
    desk.rest.insist(Method::POST, &cancel, &why).await;
    let found = desk.rest.get(&format!("/v1/appointments/{appointment}")).await;
    assert_eq!(found["status"], "cancelled", "{found}");
    assert!(!found.to_string().contains("quexwhy"), "{found}");
    let other = id(&desk.rest.insist(Method::POST, "/v1/patients", &Desk::patient(4)).await);
    desk.rest
        .insist(Method::POST, "/v1/appointments", &desk.booking(other, 3))
        .await;
    site.compare_with_rebuild().await;
    server.process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_a_server_dies_an_erasure_is_finished_by_the_next_and_no_backup_undoes_it() {
    let site = Site::ready(FinalityRule::Instant).await;
    std::fs::write(site.file("passphrase"), "a passphrase of a test").unwrap();
    let passphrase = site.file("passphrase");
    let passphrase = ["--passphrase-file", passphrase.to_str().unwrap()];
    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    let desk = Desk::open(&server, &administrator, 1).await;
    let mut patients = Vec::new();
    for number in 0..3 {
        patients.push(desk.visit(number).await.0);
    }
    let backup = site.file("keys.backup");
    let backup = backup.to_str().unwrap();
    let taken = keys(&site, &[&["backup", backup], &passphrase[..]].concat(), &[]).await;
    assert_eq!(taken.code, 0, "{}", taken.err);
    server.process.stop().await;

    for (patient, place) in patients
        .iter()
        .zip(["appender.mined-seen", ERASURE_DESTROYED, ERASURE_PURGED])
    {
        let subject = format!("patient/{patient}");
        let asked = keys(&site, &["erase", &subject, "--yes", "--no-wait"], &[]).await;
        assert_eq!(asked.code, 0, "{}", asked.err);
        let mut server = site.launch(&[(VARIABLE, place)]);
        let status = server.process.ended().await;
        assert!(!status.success(), "{place}: {status}: {}", server.process.output());

        let server = site.serve(&[]).await;
        let done = erase(&site, &subject).await;
        assert_eq!(done.code, 0, "{place}: {} {}", done.out, done.err);
        assert_eq!(keys_left(&site.database, *patient).await, 0, "{place}");
        site.compare_with_rebuild().await;
        server.process.stop().await;
    }
    let alone = erase(&site, &format!("patient/{}", patients[0])).await;
    assert_eq!(
        alone.code, 0,
        "what is done is done, without a server too: {}",
        alone.err
    );

    // Into the same database, and into an empty one.
    let empty = postgres::database().await;
    let elsewhere = [("MEDCONNECT_DATABASE__URL", empty.as_str())];
    for (database, environment) in [(&site.database, &[][..]), (&empty, &elsewhere)] {
        let restored = keys(&site, &[&["restore", backup], &passphrase[..]].concat(), environment).await;
        assert_eq!(restored.code, 0, "{}", restored.err);
        let outlives = restored.out.contains("3 keys of the backup stay destroyed here");
        assert_eq!(outlives, environment.is_empty(), "{}", restored.out);
        let mut server = site.serve(environment).await;
        server.until_part("keys", true).await;
        // Nothing is asked of a database in which the log was never followed.
        server.process.until(async || is_followed(database).await).await;
        for patient in &patients {
            let subject = format!("patient/{patient}");
            let done = keys(&site, &["erase", &subject, "--yes"], environment).await;
            assert_eq!(done.code, 0, "{} {}", done.out, done.err);
            assert_eq!(keys_left(database, *patient).await, 0);
        }
        let desk = desk.at(&server.url);
        assert_eq!(desk.rest.get("/v1/patients").await["items"], json!([]));
        server.process.stop().await;
    }
}

/// How many reads are noted of a patient.
async fn notes(database: &str, patient: Uuid) -> i64 {
    let mut connection = PgConnection::connect(database).await.unwrap();
    let counted = sqlx::query_scalar("SELECT count(*) FROM core.noted_reads WHERE patient = $1").bind(patient);
    counted.fetch_one(&mut connection).await.unwrap()
}

/// Has a message for a patient wait.
async fn message(database: &str, patient: Uuid) {
    let mut connection = PgConnection::connect(database).await.unwrap();
    let sql = "INSERT INTO core.notifications (id, occasion, about, channel, patient, happened_at)
               VALUES ($1, 'emergency-opened', $1, 'mail', $1, clock_timestamp())";
    let adding = sqlx::query(sql).bind(patient);
    adding.execute(&mut connection).await.unwrap();
}

/// How many messages there are for a patient.
async fn messages(database: &str, patient: Uuid) -> i64 {
    let mut connection = PgConnection::connect(database).await.unwrap();
    let counted = sqlx::query_scalar("SELECT count(*) FROM core.notifications WHERE patient = $1").bind(patient);
    counted.fetch_one(&mut connection).await.unwrap()
}

/// Whether a server has begun to follow the log into a database.
async fn is_followed(database: &str) -> bool {
    let mut connection = PgConnection::connect(database).await.unwrap();
    let sql = sqlx::query_scalar("SELECT EXISTS (SELECT FROM live.checkpoint)");
    sql.fetch_one(&mut connection).await.unwrap_or(false)
}

/// How many erasures are asked for.
async fn requests(database: &str) -> i64 {
    let mut connection = PgConnection::connect(database).await.unwrap();
    let sql = sqlx::query_scalar("SELECT count(*) FROM core.erasure_requests");
    sql.fetch_one(&mut connection).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_a_database_that_cannot_be_used_is_told_what_to_do_and_whether_it_is_stored() {
    let site = Site::ready(FinalityRule::Instant).await;
    let server = site.serve(&[]).await;
    server.administrator().await;
    server.process.stop().await;
    let (subject, config) = (format!("patient/{}", Uuid::from_u128(7)), site.config());
    let erase = ["keys", "erase", &subject, "--yes", "--config", &config];

    // As another version has left it.
    let mut owner = PgConnection::connect(&site.database).await.unwrap();
    for (other, back) in [
        (
            "UPDATE live.shape SET hash = sha256(hash)",
            "UPDATE live.shape SET hash = $1",
        ),
        (
            "UPDATE core._sqlx_migrations SET checksum = sha256(checksum) WHERE version = 1",
            "UPDATE core._sqlx_migrations SET checksum = $1 WHERE version = 1",
        ),
    ] {
        let kept = if other.contains("shape") {
            "SELECT hash FROM live.shape"
        } else {
            "SELECT checksum FROM core._sqlx_migrations WHERE version = 1"
        };
        let kept: Vec<u8> = sqlx::query_scalar(kept).fetch_one(&mut owner).await.unwrap();
        owner.execute(other).await.unwrap();
        let said = site.run(&erase, &[]).await;
        assert_eq!(said.code, 2, "{} {}", said.out, said.err);
        assert!(said.err.contains("bring them up first"), "{}", said.err);
        sqlx::query(back).bind(kept).execute(&mut owner).await.unwrap();
    }
    let gone = format!("postgres://nobody@127.0.0.1:{}/nothing", free_port());
    let said = site.run(&erase, &[("MEDCONNECT_DATABASE__URL", &gone)]).await;
    assert_eq!(said.code, 1, "{} {}", said.out, said.err);
    assert!(said.err.contains("nothing was asked for"), "{}", said.err);
    assert_eq!(requests(&site.database).await, 0);

    // It goes away while a server is waited for.
    let mut waiting = site.spawn_command(&erase, &[], "erase.output");
    waiting.until(async || requests(&site.database).await == 1).await;
    let (server, database) = site.database.rsplit_once('/').unwrap();
    let mut elsewhere = PgConnection::connect(&format!("{server}/postgres")).await.unwrap();
    let closed = format!("ALTER DATABASE {database} ALLOW_CONNECTIONS false");
    elsewhere.execute(closed.as_str()).await.unwrap();
    let ended = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'");
    elsewhere.execute(ended.as_str()).await.unwrap();
    let status = waiting.ended().await;
    assert_eq!(status.code(), Some(1), "{}", waiting.output());
    assert!(
        waiting.output().contains("the request is stored"),
        "{}",
        waiting.output()
    );
    let open = format!("ALTER DATABASE {database} ALLOW_CONNECTIONS true");
    elsewhere.execute(open.as_str()).await.unwrap();
    assert_eq!(requests(&site.database).await, 1);
}
