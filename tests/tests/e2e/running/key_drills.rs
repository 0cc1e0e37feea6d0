//! Chain and backup alone, on an empty machine, give everything back; and no key that is lost goes unnoticed.

use api_config::FinalityRule;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tests::chain::KEYS;
use tests::rest::Rest;
use tests::site::{Desk, Said, Server, Site, agree_on_paper, for_a_nurse};
use tests::system::until;
use uuid::Uuid;

const PASSPHRASE: &str = "a drill every month";

/// A site whose engineer has a passphrase for backups.
async fn site() -> Site {
    let site = Site::ready(FinalityRule::Instant).await;
    std::fs::write(site.file("passphrase"), format!("{PASSPHRASE}\n")).unwrap();
    site
}

/// `medconnect keys …`, with the passphrase.
async fn keys(site: &Site, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
    let (config, passphrase) = (site.config(), site.file("passphrase"));
    let own = ["--config", &config, "--passphrase-file", passphrase.to_str().unwrap()];
    site.run(&[&["keys"], arguments, &own].concat(), environment).await
}

fn check(said: &Said, code: i32, words: &[&str]) {
    assert_eq!(said.code, code, "{} {}", said.out, said.err);
    for word in words {
        assert!(
            said.out.contains(word) || said.err.contains(word),
            "{word}: {} {}",
            said.out,
            said.err
        );
    }
}

/// Everything that a desk can read.
async fn everything(rest: &Rest) -> Value {
    let patients = rest.list("/v1/patients?limit=200").await.0;
    let appointments = rest.list("/v1/appointments?limit=200").await.0;
    json!({ "patients": patients, "appointments": appointments })
}

async fn rows(database: &str) -> i64 {
    let mut connection = PgConnection::connect(database).await.unwrap();
    let count = sqlx::query_scalar("SELECT count(*) FROM core.data_keys");
    count.fetch_one(&mut connection).await.unwrap()
}

async fn execute(database: &str, sql: &str) {
    let mut connection = PgConnection::connect(database).await.unwrap();
    let changed = sqlx::query(sql).execute(&mut connection).await.unwrap();
    assert!(changed.rows_affected() > 0, "{sql}");
}

/// The settings of an empty machine: a database that is empty, and secrets that are not there yet.
struct EmptyMachine {
    database: String,
    folder: std::path::PathBuf,
    master: String,
    encryption: String,
}

impl EmptyMachine {
    async fn beside(site: &Site) -> Self {
        let folder = site.file("empty machine");
        Self {
            database: tests::postgres::database().await,
            master: folder.join("master.key").to_str().unwrap().to_owned(),
            encryption: format!("{{name=\"2026\", key_file={:?}}}", folder.join("encryption-2026.key")),
            folder,
        }
    }

    fn environment(&self) -> [(&str, &str); 3] {
        [
            ("MEDCONNECT_DATABASE__URL", &self.database),
            ("MEDCONNECT_KEYS__MASTER_SECRET_FILE", &self.master),
            ("MEDCONNECT_KEYS__ENCRYPTION", &self.encryption),
        ]
    }
}

async fn stop(server: Server) {
    server.process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chain_and_backup_alone_give_everything_back_on_an_empty_machine() {
    let site = site().await;
    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    let desk = Desk::open(&server, &administrator, 1).await;
    for number in 0..3 {
        desk.visit(number).await;
    }
    let before = everything(&desk.rest).await;
    let file = site.file("keys.backup");
    let file = file.to_str().unwrap();
    check(
        &keys(&site, &["backup", file], &[]).await,
        0,
        &["5 keys and all secrets"],
    );
    check(&keys(&site, &["backup", file], &[]).await, 1, &["cannot write"]);
    check(
        &keys(&site, &["check", file, "--newest"], &[]).await,
        0,
        &["0 keys of the database are newer", "0 keys are missing"],
    );
    let text = std::fs::read_to_string(file).unwrap();
    assert!(!text.contains(tests::site::MASTER_SECRET) && !text.contains(tests::site::ENCRYPTION_KEY));
    stop(server).await;

    // Everything but the chain, the backup and the configuration is gone.
    let machine = EmptyMachine::beside(&site).await;
    let environment = machine.environment();
    let folder = machine.folder.to_str().unwrap();
    let restore = ["restore", file, "--secrets-to", folder];
    check(
        &keys(&site, &restore, &environment).await,
        0,
        &["5 keys were restored, 0 were there already"],
    );
    check(
        &keys(&site, &restore, &environment).await,
        0,
        &["0 keys were restored, 5 were there already"],
    );
    let server = site.serve(&environment).await;
    let desk = desk.at(&server.url);
    until_ready(&server).await;
    assert_eq!(
        everything(&desk.rest).await,
        before,
        "the same caller, with the same key, reads the same"
    );
    desk.visit(7).await;
    check(
        &keys(&site, &["check", file], &environment).await,
        0,
        &[
            "1 keys of the database are newer",
            "6 keys in the database, 0 of them do not open",
        ],
    );
    check(
        &keys(&site, &["check", file, "--newest"], &environment).await,
        1,
        &["1 keys of the database are newer"],
    );
    stop(server).await;
}

async fn number(database: &str, sql: &str) -> i64 {
    let mut connection = PgConnection::connect(database).await.unwrap();
    sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_read_is_in_the_backup_until_the_log_has_it_and_comes_to_the_log_once() {
    const NOTES: &str = "SELECT (SELECT count(*) FROM core.noted_reads) + (SELECT count(*) FROM core.taken_reads)";
    const READS: &str = "SELECT count(*) FROM live.reads";
    let soon = ("MEDCONNECT_RECORDS__LOG_READS_AFTER_SECONDS", "1");
    let site = site().await;
    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    let desk = Desk::open(&server, &administrator, 1).await;
    let (patient, _) = desk.visit(0).await;
    let nurse = for_a_nurse(&desk.rest, &administrator).await;
    agree_on_paper(&nurse, patient).await;
    let before = number(&site.database, NOTES).await;
    let read = async |url: &str, times: i64| {
        for _ in 0..times {
            nurse.at(url).get(&format!("/v1/patients/{patient}/chart")).await;
        }
    };
    read(&server.url, 3).await;
    let file = site.file("reads.backup");
    let file = file.to_str().unwrap();
    let backed_up = format!("{} reads", before + 3);
    check(&keys(&site, &["backup", file], &[]).await, 0, &[&backed_up]);
    stop(server).await;
    // The log gets them, and others after them.
    let server = site.serve(&[soon]).await;
    read(&server.url, 2).await;
    until("the log has them", async || number(&site.database, NOTES).await == 0).await;
    let logged = number(&site.database, READS).await;
    assert_eq!(logged, before + 5);
    stop(server).await;

    // Everything but the chain, the backup and the configuration is gone.
    let machine = EmptyMachine::beside(&site).await;
    let environment = machine.environment();
    let restore = ["restore", file, "--secrets-to", machine.folder.to_str().unwrap()];
    let restored = format!("{} noted reads were restored", before + 3);
    check(&keys(&site, &restore, &environment).await, 0, &[&restored]);
    let again = keys(&site, &restore, &environment).await;
    check(&again, 0, &["0 keys were restored"]);
    assert!(!again.out.contains("noted reads"), "{}", again.out);
    let server = site.serve(&[&environment[..], &[soon]].concat()).await;
    until_ready(&server).await;
    read(&server.url, 1).await;
    until("nothing is left", async || number(&machine.database, NOTES).await == 0).await;
    assert_eq!(number(&machine.database, READS).await, logged + 1);
    stop(server).await;
}

/// Runs the command that `medconnect keys epoch` has printed, as the namespace's owner.
async fn publish(site: &Site, printed: &str) {
    let command = printed.lines().find_map(|line| line.trim().strip_prefix("medconnect "));
    let command = command
        .unwrap()
        .replace("URL", site.node())
        .replace(" --key-file FILE", "");
    let arguments: Vec<&str> = command.split(' ').collect();
    let said = site.run(&arguments, &[("MEDCONNECT_DEPLOYER_KEY", KEYS[0])]).await;
    check(&said, 0, &["it is published in block"]);
}

async fn sealing_epoch(administrator: &Rest) -> u64 {
    let status = administrator.get("/v1/admin/status").await;
    status["chain"]["sealingEpoch"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_sealed_under_a_new_secret_which_is_in_the_backup_before_it_is_published() {
    let site = site().await;
    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    let desk = Desk::open(&server, &administrator, 1).await;
    desk.visit(0).await;
    let former = site.file("former.backup");
    check(&keys(&site, &["backup", former.to_str().unwrap()], &[]).await, 0, &[]);
    let config = site.config();
    let prepared = site.run(&["keys", "epoch", "--config", &config], &[]).await;
    check(
        &prepared,
        0,
        &["the secret of epoch 1 was made", "keys backup", "namespace publish"],
    );
    let again = site.run(&["keys", "epoch", "--config", &config], &[]).await;
    check(&again, 0, &["was made before, and is not published yet"]);
    let file = site.file("keys.backup");
    let file = file.to_str().unwrap();
    check(
        &keys(&site, &["backup", file], &[]).await,
        0,
        &["1 secrets of epochs are among them"],
    );
    assert_eq!(sealing_epoch(&administrator).await, 0);
    publish(&site, &again.out).await;
    until("the new epoch", async || sealing_epoch(&administrator).await == 1).await;
    desk.visit(1).await;
    check(
        &keys(&site, &["check", file], &[]).await,
        0,
        &["1 secrets of epochs in the database; those of 0 epochs are missing"],
    );
    let file = site.file("later.backup");
    let file = file.to_str().unwrap();
    check(&keys(&site, &["backup", file], &[]).await, 0, &[]);
    let next = site.run(&["keys", "epoch", "--json", "--config", &config], &[]).await;
    let next: Value = serde_json::from_str(&next.out).unwrap();
    assert_eq!((&next["number"], &next["isNew"]), (&json!(2), &json!(true)));
    site.compare_with_rebuild().await;
    let before = everything(&desk.rest).await;
    stop(server).await;

    // A database that has nothing of the log does not know which epochs there are.
    let empty = tests::postgres::database().await;
    let nothing = [("MEDCONNECT_DATABASE__URL", empty.as_str())];
    let refused = site.run(&["keys", "epoch", "--config", &config], &nothing).await;
    check(&refused, 2, &["the database's tables are of another version"]);

    // A backup from before has not what the log needs.
    let machine = EmptyMachine::beside(&site).await;
    let (environment, folder) = (machine.environment(), machine.folder.to_str().unwrap());
    let former = ["restore", former.to_str().unwrap(), "--secrets-to", folder];
    check(&keys(&site, &former, &environment).await, 0, &[]);
    let mut server = site.serve(&environment).await;
    server.until_part("follower", false).await;
    server
        .until_said("is sealed in epoch 1, whose secret is not here")
        .await;
    assert_eq!(server.readiness().await.0, 503);
    let there = desk.at(&server.url);
    let refused = there
        .rest
        .send(Method::POST, "/v1/patients", Some("9"), Some(&Desk::patient(9)))
        .await;
    let refused = refused.unwrap();
    let expected = (503, &json!("/problems/not-appending"));
    assert_eq!((refused.status, &refused.body["type"]), expected, "{}", refused.body);
    check(
        &keys(&site, &["check", file], &environment).await,
        1,
        &["those of 1 epochs are missing that the log has published"],
    );
    check(
        &keys(&site, &["restore", file], &environment).await,
        0,
        &["1 secrets of epochs were restored"],
    );
    let desk = desk.at(&server.url);
    until_ready(&server).await;
    assert_eq!(everything(&desk.rest).await, before);
    desk.visit(2).await;
    // What was damaged is put right; and with another key than the right one no secret is made that nobody could open.
    execute(
        &machine.database,
        "UPDATE core.epochs SET wrapped = 'junk' WHERE number = 1",
    )
    .await;
    let epoch = ["keys", "epoch", "--config", &config];
    check(
        &site.run(&epoch, &environment).await,
        2,
        &["`keys.encryption` is not right"],
    );
    check(
        &keys(&site, &["restore", file], &environment).await,
        0,
        &["1 secrets of epochs were restored"],
    );
    check(&site.run(&epoch, &environment).await, 0, &["the secret of epoch 2"]);
    stop(server).await;
}

/// Waits until everything in the log is applied and the server is ready.
async fn until_ready(server: &Server) {
    let ready = async {
        while server.readiness().await.0 != 200 || behind(server).await {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), ready)
        .await
        .expect("a server that is ready");
}

async fn behind(server: &Server) -> bool {
    let metrics = reqwest::get(format!("{}/metrics", server.url)).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let zero = |name: &str| metrics.lines().any(|line| line == format!("medconnect_{name} 0"));
    !zero("follower_lag_blocks") || zero("log_position")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_the_keys_is_not_ready_and_makes_no_new_ones_and_has_everything_once_they_come() {
    let site = site().await;
    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    let desk = Desk::open(&server, &administrator, 1).await;
    let watch = server.service_as(&administrator, "watch", "administrator").await;
    let (patient, _) = desk.visit(0).await;
    let before = everything(&desk.rest).await;
    let file = site.file("keys.backup");
    let file = file.to_str().unwrap();
    check(&keys(&site, &["backup", file], &[]).await, 0, &["3 keys"]);
    stop(server).await;

    // The secrets were kept, and the keys were not restored.
    let database = tests::postgres::database().await;
    let environment = [("MEDCONNECT_DATABASE__URL", database.as_str())];
    let mut server = site.serve(&environment).await;
    let (status, readiness) = server.until_part("keys", false).await;
    assert_eq!((status, &readiness["ready"]), (503, &json!(false)), "{readiness}");
    // Nobody of the staff signs in: their keys are not here either. A service does.
    let told = watch.at(&server.url).get("/v1/admin/status").await;
    let troubles = told["troubles"].as_array().unwrap();
    assert!(troubles.iter().any(|one| one["code"] == "data-key-missing"), "{told}");
    check(&keys(&site, &["check"], &environment).await, 1, &["3 keys are missing"]);
    // Nobody is booked whose key is not here, and nobody gets another.
    let desk = desk.at(&server.url);
    let booking = desk.booking(patient, 5);
    let refused = desk
        .rest
        .send(Method::POST, "/v1/appointments", None, Some(&booking))
        .await
        .unwrap();
    assert!((400..600).contains(&refused.status), "{}", refused.body);
    assert_eq!(rows(&database).await, 0);

    check(
        &keys(&site, &["restore", file], &environment).await,
        0,
        &["3 keys were restored"],
    );
    // Nobody says anything to the server: it notices.
    let (status, readiness) = server.until_part("keys", true).await;
    assert_eq!(status, 200, "{readiness}");
    assert_eq!(everything(&desk.rest).await, before);
    desk.visit(1).await;
    check(
        &keys(&site, &["check", file], &environment).await,
        0,
        &["0 keys are missing"],
    );
    stop(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_deleted_by_hand_is_missed_and_not_replaced() {
    let site = site().await;
    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    let desk = Desk::open(&server, &administrator, 1).await;
    let (patient, _) = desk.visit(0).await;
    let (other, _) = desk.visit(1).await;
    let file = site.file("keys.backup");
    let file = file.to_str().unwrap();
    check(&keys(&site, &["backup", file], &[]).await, 0, &["4 keys"]);
    stop(server).await;
    execute(
        &site.database,
        &format!("DELETE FROM core.data_keys WHERE subject = '{patient}'"),
    )
    .await;
    check(&keys(&site, &["check"], &[]).await, 1, &["1 keys are missing"]);
    check(
        &keys(&site, &["check", file], &[]).await,
        1,
        &["1 keys of the backup are not in the database"],
    );

    let mut server = site.serve(&[]).await;
    let (status, readiness) = server.until_part("keys", false).await;
    assert_eq!((status, &readiness["ready"]), (503, &json!(false)), "{readiness}");
    let desk = desk.at(&server.url);
    let book = async |patient: Uuid, slot| {
        let booking = desk.booking(patient, slot);
        desk.rest
            .send(Method::POST, "/v1/appointments", None, Some(&booking))
            .await
            .unwrap()
    };
    let refused = book(patient, 5).await;
    assert!(
        refused.status >= 400 && refused.status != 404,
        "{} {}",
        refused.status,
        refused.body
    );
    assert!(matches!(book(other, 6).await.status, 201 | 202));
    assert_eq!(rows(&site.database).await, 3, "no new key");

    check(
        &keys(&site, &["restore", file], &[]).await,
        0,
        &["1 keys were restored, 3 were there already"],
    );
    server.until_part("keys", true).await;
    assert!(matches!(book(patient, 7).await.status, 201 | 202));
    site.compare_with_rebuild().await;
    stop(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_goes_while_a_server_runs_is_missed_once_it_is_asked_for() {
    let site = site().await;
    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    let desk = Desk::open(&server, &administrator, 1).await;
    let (patient, _) = desk.visit(0).await;
    stop(server).await;

    // A server that has not opened the key yet, and has seen that it is there.
    let mut server = site.serve(&[]).await;
    let desk = desk.at(&server.url);
    desk.visit(1).await;
    server.until_part("keys", true).await;
    execute(
        &site.database,
        &format!("DELETE FROM core.data_keys WHERE subject = '{patient}'"),
    )
    .await;
    let booking = desk.booking(patient, 5);
    let refused = desk.rest.send(Method::POST, "/v1/appointments", None, Some(&booking));
    let refused = refused.await.unwrap();
    assert_eq!(refused.status, 503, "{}", refused.body);
    let (status, readiness) = server.until_part("keys", false).await;
    assert_eq!((status, &readiness["ready"]), (503, &json!(false)), "{readiness}");
    assert_eq!(rows(&site.database).await, 3, "no new key");
    stop(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_a_patient_whose_key_has_gone_is_not_told_to_be_done_before_the_key_is_back() {
    let site = site().await;
    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    let desk = Desk::open(&server, &administrator, 1).await;
    let (patient, appointment) = desk.visit(0).await;
    let file = site.file("keys.backup");
    let file = file.to_str().unwrap();
    let nurse = for_a_nurse(&desk.rest, &administrator).await;
    agree_on_paper(&nurse, patient).await;
    check(&keys(&site, &["backup", file], &[]).await, 0, &["4 keys"]);
    // The server has the key in memory.
    execute(
        &site.database,
        &format!("DELETE FROM core.data_keys WHERE subject = '{patient}'"),
    )
    .await;
    let chart = format!("/v1/patients/{patient}/chart/findings");
    let post = async |path: &str, key, body: &Value| {
        let caller = if path == chart { &nurse } else { &desk.rest };
        let answer = caller.send(Method::POST, path, key, Some(body));
        answer.await.unwrap()
    };
    let cough = json!({ "symptom": { "text": "cough" } });
    let once = Some("noted once");
    let noted = post(&chart, once, &cough).await;
    assert_eq!(
        (noted.status, &noted.body["type"]),
        (503, &json!("/problems/outcome-unknown"))
    );
    for (path, body) in [
        (chart.clone(), &cough),
        ("/v1/appointments".to_owned(), &desk.booking(patient, 5)),
        (
            format!("/v1/appointments/{appointment}/cancel"),
            &json!({ "reason": "why" }),
        ),
    ] {
        let refused = post(&path, None, body).await;
        assert_eq!(refused.status, 503, "{path}: {}", refused.body);
    }

    check(
        &keys(&site, &["restore", file], &[]).await,
        0,
        &["1 keys were restored, 3 were there already"],
    );
    let mut again = post(&chart, once, &cough).await;
    for _ in 0..100 {
        if again.status == 201 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        again = post(&chart, once, &cough).await;
    }
    assert_eq!(again.status, 201, "{}", again.body);
    let symptoms = nurse.get(&format!("/v1/patients/{patient}/chart")).await["symptoms"].clone();
    assert_eq!(symptoms.as_array().map(Vec::len), Some(1), "{symptoms}");
    site.compare_with_rebuild().await;
    stop(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restoration_overwrites_no_other_key_and_a_wrong_secret_is_named() {
    let site = site().await;
    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    Desk::open(&server, &administrator, 1).await.visit(0).await;
    let file = site.file("keys.backup");
    let file = file.to_str().unwrap();
    check(&keys(&site, &["backup", file], &[]).await, 0, &["3 keys"]);
    stop(server).await;

    // A wrong secret, at the start and everywhere.
    let wrong = "ab".repeat(32);
    std::fs::write(site.file("wrong.key"), &wrong).unwrap();
    let wrong_file = site.file("wrong.key");
    let wrong_file = wrong_file.to_str().unwrap();
    let master = [("MEDCONNECT_KEYS__MASTER_SECRET_FILE", wrong_file)];
    check(&site.fail_to_serve(&master).await, 2, &["keys.master_secret"]);
    check(&keys(&site, &["check"], &master).await, 1, &["keys.master_secret"]);
    check(
        &keys(&site, &["backup", "/tmp/never"], &master).await,
        1,
        &["keys.master_secret"],
    );
    let encryption = format!("{{name=\"2026\", key_file={wrong_file:?}}}");
    let encryption = [("MEDCONNECT_KEYS__ENCRYPTION", encryption.as_str())];
    check(&site.fail_to_serve(&encryption).await, 2, &["keys.encryption", "2026"]);
    check(
        &keys(&site, &["check"], &encryption).await,
        1,
        &["3 of them do not open"],
    );
    for said in [
        site.fail_to_serve(&master).await,
        keys(&site, &["check"], &encryption).await,
    ] {
        assert!(!said.err.contains(&wrong) && !said.out.contains(&wrong));
    }

    // Another passphrase, and a file that was changed.
    let other = [("MEDCONNECT_BACKUP_PASSPHRASE", "another passphrase")];
    let said = site
        .run(&["keys", "check", file, "--config", &site.config()], &other)
        .await;
    check(&said, 1, &["does not open"]);
    let text = std::fs::read_to_string(file).unwrap();
    let changed = site.file("changed.backup");
    std::fs::write(&changed, text.replace("\"keys\": 3", "\"keys\": 4")).unwrap();
    check(
        &keys(&site, &["check", changed.to_str().unwrap()], &[]).await,
        1,
        &["does not open"],
    );

    // Another key of the same name.
    execute(&site.database, "UPDATE core.data_keys SET subject = gen_random_uuid()").await;
    check(
        &keys(&site, &["restore", file], &[]).await,
        1,
        &["another key", "nothing was restored"],
    );
    assert_eq!(rows(&site.database).await, 3);

    // Another log.
    let elsewhere = [("MEDCONNECT_CHAIN__ID", "4711")];
    check(
        &keys(&site, &["restore", file], &elsewhere).await,
        1,
        &["belongs to the namespace 1 of the log"],
    );
}
