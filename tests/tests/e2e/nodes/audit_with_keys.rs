//! `medconnect audit verify --with-keys`: what is proved is opened and folded afresh beside what is live, and compared with it; nothing of that stays, and
//! nobody is disturbed. More of what contradicts the rules is in `tests/fixtures/tests/components/refolding.rs`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api_config::{ChainConfig, FinalityRule};
use application::log::{Actor, AnyEvent, EventMetadata, StreamId};
use domain::calendar::CalendarEvent;
use domain::kernel::{CalendarId, CommandId};
use infrastructure::chain::codec::append_calldata;
use infrastructure::chain::{Node, RpcOptions, Transaction};
use infrastructure::keys::{KeyEncryptionKey, KeyEncryptionKeys, KeyRing, MasterSecret};
use infrastructure::log::{Commit, StreamTip};
use infrastructure::postgres;
use infrastructure::sealing::{Sealer, StreamNames, UnsealedEvent, UnsealedPart};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, PgConnection};
use tests::binary::free_port;
use tests::proxy::{Conduct, Proxy};
use tests::site::{Desk, ENCRYPTION_KEY, MASTER_SECRET, Site, signer};
use uuid::Uuid;

use super::audit::{audit_of, newest};

async fn audit(site: &Site) -> (i32, Value, String) {
    let (block, config) = (newest(site.node()).await, site.config());
    audit_of(&["verify", "--with-keys"], &["--config", &config, "--block", &block]).await
}

/// The schemas that audits have in the database.
async fn scratches(site: &Site) -> Vec<String> {
    let mut connection = PgConnection::connect(&site.database).await.unwrap();
    let sql = "SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'audit%'";
    sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
}

/// Of each table whether it is equal.
fn tables(report: &Value) -> Vec<(&str, bool)> {
    let tables = report["withKeys"]["comparison"]["at"]["tables"].as_array();
    let tables = tables.unwrap_or_else(|| panic!("{report}")).iter();
    tables
        .map(|table| (table["name"].as_str().unwrap(), table["equal"].as_bool().unwrap()))
        .collect()
}

fn differing(report: &Value) -> Vec<&str> {
    let tables = tables(report).into_iter();
    tables.filter(|(_, equal)| !equal).map(|(name, _)| name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_what_its_log_gives_while_everybody_goes_on_and_is_not_when_it_was_changed() {
    let site = Site::ready(FinalityRule::Instant).await;
    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    let desk = Desk::open(&server, &administrator, 2).await;
    let (patient, _) = desk.visit(0).await;
    for number in 1..10 {
        desk.visit(number).await;
    }
    let subject = format!("patient/{patient}");
    let erase = ["keys", "erase", &subject, "--yes", "--config", &site.config()];
    site.succeed(&erase, &[]).await;

    // Two at once, and a rebuild, while commands are executed.
    let visits = async {
        for number in 20..40 {
            desk.visit(number).await;
        }
    };
    let config = site.config();
    let rebuild = ["rebuild", "--config", &config];
    let (first, second, rebuilt, ()) = tokio::join!(audit(&site), audit(&site), site.run(&rebuild, &[]), visits);
    assert_eq!(rebuilt.code, 0, "{}", rebuilt.err);
    for (code, report, said) in [&first, &second] {
        assert_eq!((*code, &report["verdict"]), (0, &json!("proved")), "{report} {said}");
        let keyed = &report["withKeys"];
        assert_eq!(keyed["head"], report["head"]);
        let of = |name: &str| keyed[name].as_u64().unwrap();
        assert!(of("opened") > 20 && of("aggregates") > 15, "{report}");
        // What was said of the erased patient in their record.
        assert_eq!(
            [of("sealed"), of("void"), of("parked"), of("unreadable")],
            [1, 0, 0, 0],
            "{report}"
        );
        assert_eq!(of("contradictions"), 0, "{report}");
        let names: Vec<_> = tables(report).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names[..4], ["journal", "erasures", "chapters", "accounts"]);
        assert_eq!(names.len(), 16, "{names:?}");
        let position = keyed["comparison"]["at"]["position"].as_u64().unwrap();
        assert!(position >= report["head"]["position"].as_u64().unwrap());
        assert!(!said.contains("Family"), "{said}");
    }
    assert_eq!(scratches(&site).await, Vec::<String>::new());
    let (code, keyless, _) = audit_of(
        &["verify"],
        &["--config", &site.config(), "--block", &newest(site.node()).await],
    )
    .await;
    assert_eq!(
        (code, keyless.get("withKeys")),
        (0, None),
        "without --with-keys it is as it was"
    );
    server.process.stop().await;

    let mut connection = PgConnection::connect(&site.database).await.unwrap();
    let lost = "DELETE FROM live.patients WHERE ctid = (SELECT min(ctid) FROM live.patients)";
    connection.execute(lost).await.unwrap();
    let (code, report, said) = audit(&site).await;
    assert_eq!((code, &report["verdict"]), (4, &json!("fault")), "{report} {said}");
    assert_eq!(differing(&report), ["patients"]);
    let told = site
        .run(
            &[
                "audit",
                "verify",
                "--with-keys",
                "--config",
                &config,
                "--block",
                &newest(site.node()).await,
            ],
            &[],
        )
        .await;
    assert!(
        told.out.contains("patients") && told.out.contains("DIFFERENT"),
        "{}",
        told.out
    );

    site.succeed(&rebuild, &[]).await;
    let altered = "UPDATE live.journal SET payload = payload || '\\x00' WHERE position = 7";
    connection.execute(altered).await.unwrap();
    let (code, report, said) = audit(&site).await;
    assert_eq!((code, differing(&report)), (4, vec!["journal"]), "{report} {said}");
    assert_eq!(
        report["withKeys"]["comparison"]["at"]["tables"][0]["firstDifference"],
        7
    );

    // What the journal says beside an entry decides commands; and so does what stands behind its end.
    for (table, forged) in [
        (
            "journal",
            "UPDATE live.journal SET void = 'x', aggregate_id = NULL, command_id = NULL, claimed_at = NULL
             WHERE position = (SELECT max(position) FROM live.journal WHERE aggregate_id IS NOT NULL)",
        ),
        (
            "journal",
            "UPDATE live.journal SET aggregate_id = 'calendars/elsewhere'
             WHERE position = (SELECT max(position) FROM live.journal WHERE aggregate_id IS NOT NULL)",
        ),
        (
            "journal",
            "INSERT INTO live.journal SELECT (x).* FROM (SELECT (jsonb_populate_record(journal, jsonb_build_object(
                 'position', position + 1000000, 'version', version + 1))) AS x FROM live.journal
             ORDER BY position DESC LIMIT 1) AS behind",
        ),
        (
            "erasures",
            "INSERT INTO live.erasures (position, stream, subject, key_ids)
             SELECT position + 1000000, stream, 'patient/' || gen_random_uuid(), '{}' FROM live.journal
             ORDER BY position DESC LIMIT 1",
        ),
    ] {
        site.succeed(&rebuild, &[]).await;
        let done = connection.execute(forged).await.unwrap();
        assert_eq!(done.rows_affected(), 1, "{forged}");
        let (code, report, said) = audit(&site).await;
        assert_eq!(
            (code, differing(&report)),
            (4, vec![table]),
            "{forged}: {report} {said}"
        );
    }
    assert_eq!(scratches(&site).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_that_is_stopped_takes_its_schema_with_it_and_of_one_that_is_killed_the_next_does() {
    let site = Site::ready(FinalityRule::Instant).await;
    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    Desk::open(&server, &administrator, 1).await.visit(0).await;
    let (block, config) = (newest(site.node()).await, site.config());
    let arguments = ["audit", "verify", "--with-keys", "--config", &config, "--block", &block];
    // Whoever prepares a schema waits for this, so that it is in the midst of it.
    let mut holder = PgConnection::connect(&site.database).await.unwrap();
    let mut hold = holder.begin().await.unwrap();
    hold.execute("SELECT pg_advisory_xact_lock(hashtext('medconnect.live'))")
        .await
        .unwrap();
    let mut stopped = site.spawn_command(&arguments, &[], "stopped.output");
    stopped.until(async || scratches(&site).await.len() == 1).await;
    let mut killed = site.spawn_command(&arguments, &[], "killed.output");
    killed.until(async || scratches(&site).await.len() == 2).await;
    kill(Pid::from_raw(stopped.id()), Signal::SIGINT).unwrap();
    let status = stopped.ended().await;
    assert_eq!(status.code(), Some(130), "{}", stopped.output());
    assert!(
        stopped.output().contains("stopped before its end"),
        "{}",
        stopped.output()
    );
    killed.kill().await;
    assert_eq!(scratches(&site).await.len(), 1);
    hold.rollback().await.unwrap();
    // The database notices after a moment that nobody has it any more.
    for _ in 0..20 {
        let (code, report, said) = audit(&site).await;
        assert_eq!(code, 0, "{report} {said}");
        if scratches(&site).await.is_empty() {
            break;
        }
    }
    assert_eq!(scratches(&site).await, Vec::<String>::new());
    server.process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_hidden_from_the_database_without_an_erasure_in_the_log_is_missed() {
    let site = Site::ready(FinalityRule::Instant).await;
    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    let desk = Desk::open(&server, &administrator, 1).await;
    let (patient, _) = desk.visit(0).await;
    desk.visit(1).await;
    server.process.stop().await;
    assert_eq!(audit(&site).await.0, 0);

    // The read models say that the patient is erased, and do not list them, as if it were so.
    let mut connection = PgConnection::connect(&site.database).await.unwrap();
    let entry = "FROM live.journal WHERE position = (SELECT max(position) FROM live.journal)";
    let hide = format!(
        "INSERT INTO live.erasures (position, stream, subject, key_ids)
         SELECT position, stream, 'patient/{patient}',
                (SELECT array_agg(key_id) FROM core.data_keys WHERE subject = '{patient}') {entry};
         DELETE FROM live.patients WHERE id = '{patient}'"
    );
    connection.execute(hide.as_str()).await.unwrap();
    let (code, report, said) = audit(&site).await;
    assert_eq!(code, 4, "{report} {said}");
    assert!(differing(&report).contains(&"erasures"), "{report}");

    // Nothing is left of that but that the key is destroyed.
    connection.execute("DELETE FROM live.erasures").await.unwrap();
    let destroyed =
        format!("UPDATE core.data_keys SET wrapped = NULL, destroyed_at = now() WHERE subject = '{patient}'");
    connection.execute(destroyed.as_str()).await.unwrap();
    let rebuild = ["rebuild", "--config", &site.config()];
    site.succeed(&rebuild, &[]).await;
    let (code, report, said) = audit(&site).await;
    assert_eq!((code, differing(&report)), (4, vec!["erasures"]), "{report} {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_opened_or_compared_is_said() {
    let site = Site::ready(FinalityRule::Instant).await;
    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    Desk::open(&server, &administrator, 1).await.visit(0).await;
    server.process.stop().await;
    let block = newest(site.node()).await;
    // An empty database, without the keys.
    let empty = tests::postgres::database().await;
    let own = [("MEDCONNECT_DATABASE__URL", empty.as_str())];
    let config = site.config();
    site.succeed(&["migrate", "--config", &config], &own).await;
    let arguments = [
        "audit",
        "verify",
        "--with-keys",
        "--json",
        "--config",
        &config,
        "--block",
        &block,
    ];
    let said = site.run(&arguments, &own).await;
    let report: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{} {}", said.out, said.err));
    assert_eq!((said.code, &report["verdict"]), (3, &json!("inPart")), "{report}");
    assert!(report["withKeys"]["parked"].as_u64().unwrap() > 0, "{report}");
    assert!(report["withKeys"]["comparison"]["not"].is_string(), "{report}");
    // Another secret than the database's is said at once, and not written where none is known.
    let other_secret = site.file("other.key");
    std::fs::write(&other_secret, "aa".repeat(32)).unwrap();
    let mut other = vec![("MEDCONNECT_KEYS__MASTER_SECRET_FILE", other_secret.to_str().unwrap())];
    let patient = Uuid::from_u128(7).to_string();
    let of_patient = ["audit", "patient", &patient, "--config", &config, "--block", &block];
    for arguments in [&arguments[..], &of_patient[..]] {
        let said = site.run(arguments, &other).await;
        assert_eq!(said.code, 2, "{} {}", said.out, said.err);
        let told = "`keys.master_secret` is not the one that this database was used with";
        assert!(said.err.contains(told), "{}", said.err);
    }
    other.extend(own);
    let said = site.run(&arguments, &other).await;
    assert_ne!(said.code, 2, "{} {}", said.out, said.err);
    let mut connection = PgConnection::connect(&empty).await.unwrap();
    let remembered = sqlx::query_scalar("SELECT count(*) FROM core.organisation");
    let remembered: i64 = remembered.fetch_one(&mut connection).await.unwrap();
    assert_eq!(remembered, 0);
    // Keys without a configuration are nobody's.
    let contract = report["contract"].as_str().unwrap();
    let keyless = ["--node", site.node(), "--contract", contract, "--block", &block];
    let (code, _, said) = audit_of(&["verify", "--with-keys"], &keyless).await;
    assert_eq!(code, 2, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_used_is_said_in_one_sentence_before_anything_takes_long() {
    let site = Site::ready(FinalityRule::Instant).await;
    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    let (patient, _) = Desk::open(&server, &administrator, 1).await.visit(0).await;
    server.process.stop().await;
    let (block, config, patient) = (newest(site.node()).await, site.config(), patient.to_string());
    let whole = ["audit", "verify", "--with-keys", "--config", &config, "--block", &block];
    let of_patient = ["audit", "patient", &patient, "--config", &config, "--block", &block];

    let gone = format!("postgres://nobody@127.0.0.1:{}/nothing", free_port());
    for arguments in [&whole[..], &of_patient[..]] {
        let said = site.run(arguments, &[("MEDCONNECT_DATABASE__URL", &gone)]).await;
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{}", said.err);
        let last = said.err.lines().last().unwrap_or_default();
        assert!(
            last.contains("see that Postgres runs and can be reached"),
            "{}",
            said.err
        );
    }

    // Who may only read can have a patient's history proved, and nothing folded.
    let role = format!("auditor_{}", free_port());
    let mut owner = PgConnection::connect(&site.database).await.unwrap();
    let made = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'narrow'; GRANT USAGE ON SCHEMA core, live TO {role};
         GRANT SELECT ON ALL TABLES IN SCHEMA core, live TO {role}"
    );
    owner.execute(made.as_str()).await.unwrap();
    let (_, place) = site.database.rsplit_once('@').unwrap();
    let narrow = format!("postgres://{role}:narrow@{place}");
    let own = [("MEDCONNECT_DATABASE__URL", narrow.as_str())];
    let said = site.run(&whole, &own).await;
    assert_eq!((said.code, said.out.as_str()), (2, ""), "{}", said.err);
    assert!(said.err.contains("`GRANT CREATE ON DATABASE`"), "{}", said.err);
    let said = site.run(&of_patient, &own).await;
    assert_ne!(said.code, 2, "{}", said.err);
    assert!(said.out.contains("patient.Registered"), "{} {}", said.out, said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_that_is_stopped_while_it_proves_ends_as_one_that_was_stopped() {
    let site = Site::ready(FinalityRule::Instant).await;
    let proxy = Proxy::of(site.node());
    let (block, config, url) = (newest(site.node()).await, site.config(), proxy.url());
    let patient = Uuid::from_u128(7).to_string();
    let source = ["--node", &url, "--config", &config, "--block", &block];
    for (number, what) in [
        &["audit", "verify"][..],
        &["audit", "verify", "--with-keys"],
        &["audit", "patient", &patient],
    ]
    .into_iter()
    .enumerate()
    {
        let arguments = [what, &source].concat();
        proxy.behave(Conduct::Delays(Duration::from_secs(60)));
        let mut stopped = site.spawn_command(&arguments, &[], &format!("stopped{number}.output"));
        stopped.until(async || proxy.lies() > 0).await;
        kill(Pid::from_raw(stopped.id()), Signal::SIGINT).unwrap();
        let status = stopped.ended().await;
        assert_eq!(status.code(), Some(130), "{what:?}: {}", stopped.output());
    }
}

/// Appends an event that no command could have decided, as a program with a mistake would: a day without sessions is offered none.
async fn append_what_nobody_decides(site: &Site, contract: &str) -> StreamId {
    let chain = ChainConfig::read(Some(Path::new(&site.config()))).unwrap();
    assert_eq!(chain.contract.to_string(), contract);
    let (location, secret) = (chain.location(), MasterSecret::from_hex(MASTER_SECRET).unwrap());
    let day = CalendarId {
        owner: Uuid::from_u128(7),
        day: chrono::NaiveDate::from_ymd_opt(2031, 3, 1).unwrap(),
    };
    let stream = StreamNames::new(&secret, location.namespace).seal(&day.into());
    let nothing = CalendarEvent::AvailabilityPublished { sessions: Vec::new() };
    let keys = KeyEncryptionKeys::new(KeyEncryptionKey::from_hex("2026", ENCRYPTION_KEY).unwrap(), Vec::new());
    let pool = postgres::pool(&site.database, postgres::LIVE, 1).unwrap();
    let sealer = Sealer::new(location, &secret, Arc::new(KeyRing::new(pool, keys)));
    let command_id = CommandId::new(Uuid::from_u128(8));
    let metadata = EventMetadata {
        command_id,
        at: chrono::Utc::now(),
        actor: Some(Actor::System),
        correlation: None,
        cause: None,
    };
    let parts = [UnsealedPart {
        stream,
        expected: StreamTip::default(),
        events: vec![UnsealedEvent::of(&AnyEvent::Calendar(day, nothing), 0).unwrap()],
        begins: true,
    }];
    let parts = sealer.seal(&parts, &metadata).await.unwrap().parts;
    let node = Node::new(&[site.node().to_owned()], location.chain_id, RpcOptions::default()).unwrap();
    let writer = signer(1);
    let signed = writer.sign(Transaction {
        chain_id: location.chain_id,
        nonce: node.nonce(writer.address()).await.unwrap(),
        to: Some(chain.contract),
        gas_limit: 16_000_000,
        max_fee: 100_000_000_000,
        priority_fee: 1,
        data: append_calldata([&Commit { command_id, parts }]).unwrap(),
    });
    node.send_raw(&signed.unwrap().raw).await.unwrap();
    site.chain.mine(1).await;
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_could_have_decided_is_told_with_its_place_and_the_rule() {
    let site = Site::ready(FinalityRule::Instant).await;
    let server = site.serve(&[]).await;
    server.administrator().await;
    server.process.stop().await;
    let (code, report, said) = audit(&site).await;
    assert_eq!(
        (code, &report["withKeys"]["contradictions"]),
        (0, &json!(0)),
        "{report} {said}"
    );
    let contract = report["contract"].as_str().unwrap();
    let stream = append_what_nobody_decides(&site, contract).await;
    // A server that follows takes it for what happened.
    let server = site.serve(&[]).await;
    server.administrator().await;
    let (code, report, said) = audit(&site).await;
    assert_eq!((code, &report["verdict"]), (4, &json!("fault")), "{report} {said}");
    assert_eq!(differing(&report), Vec::<&str>::new());
    let expected = json!([{
        "position": report["withKeys"]["contradicted"][0]["position"],
        "stream": hex::encode_prefixed(stream.0),
        "version": 1,
        "aggregate": "calendar",
        "rule": "changes-nothing",
    }]);
    assert_eq!(report["withKeys"]["contradicted"], expected, "{report}");
    let (block, config) = (newest(site.node()).await, site.config());
    let arguments = ["audit", "verify", "--with-keys", "--config", &config, "--block", &block];
    let told = site.run(&arguments, &[]).await;
    assert!(told.out.contains("calendar: changes-nothing"), "{}", told.out);
    server.process.stop().await;
}
