//! A hospital's engineer sets a server up, from what `--help` says: `deploy`, `migrate`, `serve`, on a node and a Postgres that are
//! there already. Whatever is not as it must be is said with what to do about it; no secret is, and nothing panics.

use std::time::Duration;

use api_config::{ChainConfig, FinalityRule};
use fixtures::note_book::NoteBook;
use infrastructure::chain::{EventLog, Node, Recorder, RpcOptions};
use infrastructure::log::Namespace;
use reqwest::Method;
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};
use tests::binary::free_port;
use tests::chain::KEYS;
use tests::postgres;
use tests::rest::{Rest, id};
use tests::site::{Desk, ENCRYPTION_KEY, Environment, MASTER_SECRET, Said, Server, Site, signer};
use tests::system::until;

/// What must stand nowhere in what the program prints.
fn secrets() -> impl Iterator<Item = &'static str> {
    KEYS.into_iter().chain([MASTER_SECRET, ENCRYPTION_KEY])
}

/// No secret, no panic.
fn check_words(said: &str) {
    for secret in secrets() {
        assert!(!said.contains(&secret[..16]), "a secret is printed: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

/// It failed with this exit code and these words.
fn check(said: &Said, code: i32, words: &[&str]) {
    check_words(&said.err);
    assert_eq!(said.code, code, "{}", said.err);
    assert!(said.out.is_empty(), "a failure is no result: {}", said.out);
    for word in words {
        assert!(said.err.contains(word), "{word} is missing: {}", said.err);
    }
}

async fn stop(server: Server) {
    check_words(&server.process.output());
    server.process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engineer_deploys_migrates_and_serves() {
    let site = Site::bare().await;
    let writer = signer(1).address().to_string();
    let chain = site.deploy(std::slice::from_ref(&writer)).await;
    site.configure(&chain, FinalityRule::Instant);

    // Either may be run again. A second deployment is another log; the first one stays what it is.
    let config = site.config();
    for _ in 0..2 {
        let said = site.succeed(&["migrate", "--config", &config], &[]).await;
        assert!(said.err.contains("up to date"), "{}", said.err);
    }
    let other = site.deploy(std::slice::from_ref(&writer)).await;
    assert_ne!(chain, other);

    let mut server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    let desk = Desk::open(&server, &administrator, 1).await;
    let (patient, appointment) = desk.visit(7).await;
    let read = desk.rest.get(&format!("/v1/appointments/{appointment}")).await;
    assert_eq!(
        (&read["status"], &read["patient"]),
        (&json!("booked"), &json!(patient.to_string()))
    );
    let (status, readiness) = server.until_part("appender", true).await;
    assert_eq!((status, &readiness["ready"]), (200, &json!(true)), "{readiness}");
    for part in readiness["components"].as_array().unwrap() {
        assert_eq!(part["ready"], true, "{readiness}");
    }
    let status = administrator.get("/v1/admin/status").await;
    assert_eq!(status["troubles"], json!([]), "{status}");
    stop(server).await;

    // Everything is there after a restart.
    let server = site.serve(&[]).await;
    assert_eq!(desk.rest.get(&format!("/v1/appointments/{appointment}")).await, read);
    stop(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_the_right_to_create_tables_serves_a_database_that_was_migrated() {
    let site = Site::ready(FinalityRule::Instant).await;
    let mut owner = PgConnection::connect(&site.database).await.unwrap();
    let role = format!("server_{}", free_port());
    let (_, place) = site.database.rsplit_once('@').unwrap();
    let database = format!("postgres://{role}:narrow@{place}");
    owner
        .execute(format!("CREATE ROLE {role} LOGIN PASSWORD 'narrow'").as_str())
        .await
        .unwrap();
    let unmigrated = postgres::database().await;
    let (_, place) = unmigrated.rsplit_once('@').unwrap();
    let said = site
        .fail_to_serve(&[("MEDCONNECT_DATABASE__URL", &format!("postgres://{role}:narrow@{place}"))])
        .await;
    check(&said, 1, &["medconnect migrate", "permission denied"]);
    assert!(!said.err.contains("narrow"), "{}", said.err);

    // As `migrate --help` has it.
    for statement in [
        "GRANT USAGE ON SCHEMA core, live TO",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA core, live TO",
    ] {
        owner.execute(format!("{statement} {role}").as_str()).await.unwrap();
    }
    let server = site.serve(&[("MEDCONNECT_DATABASE__URL", &database)]).await;
    let administrator = server.administrator().await;
    let desk = Desk::open(&server, &administrator, 1).await;
    let (patient, appointment) = desk.visit(1).await;
    desk.rest.get(&format!("/v1/appointments/{appointment}")).await;

    // Files are the owner's, who erases.
    let (subject, config) = (format!("patient/{patient}"), site.config());
    let erase = ["keys", "erase", &subject, "--yes", "--config", &config];
    let said = site.succeed(&erase, &[]).await;
    assert!(said.out.contains("erased"), "{}", said.out);
    assert!(
        server.process.output().contains("could not be purged"),
        "{}",
        server.process.output()
    );
    stop(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_cannot_work_says_why() {
    let site = Site::bare().await;
    let (node, key) = (site.chain.url().to_owned(), site.file("deployer.key"));
    let key = key.to_str().unwrap();
    let deploy = async |more: &[&str], environment: Environment<'_>| {
        let arguments = [&["deploy"], more].concat();
        site.run(&arguments, environment).await
    };

    let said = deploy(&["--node", &node], &[]).await;
    check(&said, 2, &["--key-file", "MEDCONNECT_DEPLOYER_KEY"]);
    let said = deploy(&["--node", &node], &[("MEDCONNECT_DEPLOYER_KEY", &KEYS[0][1..])]).await;
    check(&said, 2, &["MEDCONNECT_DEPLOYER_KEY", "not a secret key"]);
    let nowhere = format!("http://user:p4ssword@127.0.0.1:{}/api-key", free_port());
    let said = deploy(&["--node", &nowhere, "--key-file", key], &[]).await;
    check(&said, 1, &["--node", "cannot be reached"]);
    assert!(
        !said.err.contains("p4ssword") && !said.err.contains("api-key"),
        "{}",
        said.err
    );

    // Whose account is empty.
    let poor = "0d".repeat(32);
    let address = poor
        .parse::<infrastructure::chain::Signer>()
        .unwrap()
        .address()
        .to_string();
    let said = deploy(&["--node", &node], &[("MEDCONNECT_DEPLOYER_KEY", &poor)]).await;
    check(&said, 1, &[&address, "ether"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_cannot_work_is_refused_with_what_to_do() {
    let site = Site::ready(FinalityRule::Instant).await;
    let good = std::fs::read_to_string(site.file("server.toml")).unwrap();
    let written = |text: String| std::fs::write(site.file("server.toml"), text).unwrap();

    // Secrets that are missing, or are none, or stand where they cannot be read.
    for (name, setting) in [
        ("chain.signer", "signer_file"),
        ("keys.master_secret", "master_secret_file"),
    ] {
        let without: String = good
            .lines()
            .filter(|line| !line.starts_with(setting))
            .map(|line| format!("{line}\n"))
            .collect();
        written(without);
        check(&site.fail_to_serve(&[]).await, 2, &[name, setting]);
    }
    written(good.clone());
    for (variable, file) in [
        ("MEDCONNECT_CHAIN__SIGNER_FILE", "chain.signer"),
        ("MEDCONNECT_KEYS__MASTER_SECRET_FILE", "keys.master_secret"),
    ] {
        check(&site.fail_to_serve(&[(variable, "/nowhere/secret")]).await, 2, &[file]);
        let misplaced = site.file("misplaced.key");
        std::fs::write(&misplaced, &MASTER_SECRET[..40]).unwrap();
        let said = site.fail_to_serve(&[(variable, misplaced.to_str().unwrap())]).await;
        check(&said, 2, &[file]);
    }

    // What is not TOML, or not of the right kind, is named without being shown.
    for (from, to, words) in [
        (
            format!("signer_file = {:?}", site.file("signer.key")),
            format!("signer = {}", KEYS[1]),
            ["server.toml", "line"],
        ),
        (
            format!("master_secret_file = {:?}", site.file("master.key")),
            format!("master_secret = [\"{MASTER_SECRET}\"]"),
            ["keys.master_secret", "string"],
        ),
        (
            "[database]\nurl =".to_owned(),
            "[database]\nuri =".to_owned(),
            ["uri", "url"],
        ),
    ] {
        assert!(good.contains(&from), "{from}");
        written(good.replace(&from, &to));
        let said = site.fail_to_serve(&[]).await;
        check(&said, 2, &words);
        assert!(!said.err.contains(&site.database), "{}", said.err);
    }
    written(good);
    let said = site
        .fail_to_serve(&[
            ("MEDCONNECT_DATABASE", &site.database),
            ("MEDCONNECT_DATABASE__URL", ""),
        ])
        .await;
    check(&said, 2, &["database.url"]);

    // Another chain; no contract; another program's contract.
    let said = site.fail_to_serve(&[("MEDCONNECT_CHAIN__ID", "1")]).await;
    check(&said, 2, &["chain.id", "31337", "1"]);
    let nobody = signer(3).address().to_string();
    let said = site.fail_to_serve(&[("MEDCONNECT_CHAIN__CONTRACT", &nobody)]).await;
    check(&said, 2, &["chain.contract", &nobody, "medconnect deploy"]);
    // A namespace that nobody has opened; and once it is corrected, the database is as it was.
    for mistyped in ["0", "7"] {
        let said = site.fail_to_serve(&[("MEDCONNECT_CHAIN__NAMESPACE", mistyped)]).await;
        let unknown = format!("no namespace {mistyped}");
        check(&said, 2, &["chain.namespace", &unknown, "medconnect namespace open"]);
    }

    // A database that belongs to another log.
    let server = site.serve(&[]).await;
    server.administrator().await;
    stop(server).await;
    let other = site.deploy(&[signer(1).address().to_string()]).await;
    site.configure(&other, FinalityRule::Instant);
    let said = site.fail_to_serve(&[]).await;
    check(&said, 2, &["chain.contract", "database", "another"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_configured_contract_records_is_told_and_no_other_contract_is_taken_for_it() {
    let site = Site::ready(FinalityRule::Instant).await;
    let chain = ChainConfig::read(Some(&site.file("server.toml"))).unwrap();
    let node = Node::new(&chain.nodes, chain.id, RpcOptions::default()).unwrap();
    let book = NoteBook::deploy(&EventLog::new(node, chain.contract)).await;
    let named = |contract, Namespace(namespace)| format!("[{{ contract = \"{contract}\", namespace = {namespace} }}]");
    let Recorder {
        contract, namespace, ..
    } = book.recorder;
    let nobody = signer(2).address();
    for (wrong, words) in [
        (named(nobody, namespace), [nobody.to_string(), "no contract".to_owned()]),
        (
            named(contract, Namespace(99)),
            ["namespace 99".to_owned(), "no namespace".to_owned()],
        ),
        (
            named(contract, Namespace(1)),
            ["namespace 1".to_owned(), "sealed events".to_owned()],
        ),
    ] {
        let said = site.fail_to_serve(&[("MEDCONNECT_CHAIN__RECORDERS", &wrong)]).await;
        check(&said, 2, &["chain.recorders", &words[0], &words[1]]);
    }

    let right = named(contract, namespace);
    let environment = [("MEDCONNECT_CHAIN__RECORDERS", right.as_str())];
    let server = site.serve(&environment).await;
    let administrator = server.administrator().await;
    let auditor = server.service_as(&administrator, "auditor", "auditor").await;
    book.note(b"Ada", "granted").await;
    let recorded = async || {
        let events = auditor.get("/v1/events?limit=200").await;
        let all = events["items"].as_array().unwrap().clone();
        all.into_iter()
            .filter(|entry| entry["kind"] == "recorded")
            .collect::<Vec<_>>()
    };
    until("what was noted is told", async || recorded().await.len() == 1).await;
    assert_eq!(recorded().await[0]["writer"], contract.to_string());
    let status = administrator.get("/v1/admin/status").await;
    assert_eq!(status["foreignEvents"], 0);
    assert_eq!(status["chain"]["namespace"], chain.namespace.0);
    let believed = json!([{ "contract": contract.to_string(), "namespace": namespace.0 }]);
    assert_eq!(status["chain"]["recorders"], believed);
    stop(server).await;

    // Whoever believes others does not go on with these read models, until they are made anew.
    let said = site.fail_to_serve(&[]).await;
    check(
        &said,
        2,
        &["chain.recorders", &contract.to_string(), "medconnect rebuild"],
    );
    site.succeed(&["rebuild", "--config", &site.config()], &[]).await;
    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    let status = administrator.get("/v1/admin/status").await;
    assert_eq!(
        (&status["foreignEvents"], &status["chain"]["recorders"]),
        (&json!(1), &json!([]))
    );
    stop(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_there_is_named_with_the_reason() {
    let site = Site::ready(FinalityRule::Instant).await;
    let (login, place) = site.database.rsplit_once('@').unwrap();
    let (host, _) = place.split_once('/').unwrap();
    let closed = format!("{login}@127.0.0.1:{}/medconnect", free_port());
    let missing = format!("{login}@{host}/nosuchdatabase");
    let refused = format!("postgres://medconnect:wr0ng@{place}");
    for (url, words) in [
        (closed.as_str(), ["database.url", "refused"]),
        (&missing, ["database.url", "nosuchdatabase"]),
        (&refused, ["database.url", "password authentication failed"]),
    ] {
        let environment = [("MEDCONNECT_DATABASE__URL", url)];
        let started = std::time::Instant::now();
        check(&site.fail_to_serve(&environment).await, 1, &words);
        let said = site.run(&["migrate", "--config", &site.config()], &environment).await;
        check(&said, 1, &words);
        assert!(!said.err.contains("wr0ng"), "{}", said.err);
        assert!(started.elapsed() < Duration::from_secs(20), "it is said in good time");
    }
    let said = site
        .fail_to_serve(&[("MEDCONNECT_DATABASE__URL", "mysql://root:wr0ng@db/x")])
        .await;
    check(&said, 2, &["database.url", "postgres://"]);
    assert!(!said.err.contains("wr0ng"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_waits_for_a_node_and_says_so() {
    let site = Site::ready(FinalityRule::Instant).await;
    let port = free_port();
    let node = format!("http://127.0.0.1:{port}");
    let mut server = site.serve(&[("MEDCONNECT_CHAIN__NODES", &format!("[{node:?}]"))]).await;
    let (status, readiness) = server.until_part("chain", false).await;
    // Reads go on without a chain.
    assert_eq!((status, &readiness["ready"]), (200, &json!(true)), "{readiness}");
    server.until_part("appender", false).await;
    server.until_said("the node cannot be reached").await;

    // It comes: the server goes on by itself.
    let chain = site.chain.url().trim_start_matches("http://").to_owned();
    let line = tests::wire::Proxy::at(port, chain.parse().unwrap()).await;
    let administrator = server.administrator().await;
    server.until_part("chain", true).await;
    server.until_part("appender", true).await;

    // It goes and comes again.
    line.set(tests::wire::Line::Cut);
    server.until_part("follower", false).await;
    let status = administrator.get("/v1/admin/status").await;
    let troubles = status["troubles"].as_array().unwrap();
    assert!(
        !troubles.is_empty() && status["chain"]["headBlock"].is_null(),
        "{status}"
    );
    line.set(tests::wire::Line::Open);
    let (_, readiness) = server.until_part("follower", true).await;
    assert_eq!(readiness["ready"], true);
    let desk = Desk::open(&server, &administrator, 1).await;
    desk.visit(3).await;
    stop(server).await;
}

/// What the first administrator is told who signs in while nothing can be appended.
async fn refused_sign_in(server: &Server) -> String {
    let administrator = signer(0);
    let signing_in = api_dev::login::sign_in(&server.url, None, &administrator);
    let answered = tokio::time::timeout(Duration::from_secs(15), signing_in).await;
    let refused = answered.expect("an answer in time").expect_err("no account yet");
    refused.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signing_key_that_is_no_writer_is_told_and_works_once_it_is_admitted() {
    let site = Site::bare().await;
    let chain = site.deploy(&[]).await;
    site.configure(&chain, FinalityRule::Instant);
    let mut server = site.serve(&[("MEDCONNECT_HTTP__COMMAND_WAIT_SECONDS", "4")]).await;
    let writer = signer(1).address().to_string();
    server.until_said(&writer).await;
    server.until_part("appender", false).await;
    let contract = chain.lines().find_map(|line| line.strip_prefix("contract = ")).unwrap();
    let contract = contract.trim_matches('"');
    let advice = format!("medconnect namespace admit --node URL --contract {contract} --namespace 1 {writer}");
    assert!(server.process.output().contains(&advice), "{}", server.process.output());
    let refused = refused_sign_in(&server).await;
    assert!(refused.contains(&advice), "{refused}");

    // As it was told to.
    let key = site.file("deployer.key");
    let advice = advice.replace("URL", site.chain.url());
    let mut arguments: Vec<_> = advice.split(' ').skip(1).collect();
    arguments.extend(["--key-file", key.to_str().unwrap()]);
    site.succeed(&arguments, &[]).await;
    server.administrator().await;
    server.until_part("appender", true).await;
    stop(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signing_key_without_money_is_told_and_works_once_it_has_some() {
    let site = Site::bare().await;
    let poor: infrastructure::chain::Signer = "0e".repeat(32).parse().unwrap();
    let writer = poor.address().to_string();
    let chain = site.deploy(std::slice::from_ref(&writer)).await;
    site.configure(&chain, FinalityRule::Instant);
    std::fs::write(site.file("signer.key"), "0e".repeat(32)).unwrap();
    let mut server = site.serve(&[("MEDCONNECT_HTTP__COMMAND_WAIT_SECONDS", "4")]).await;
    // It is told before anybody asks for anything; and who signs in first is not kept waiting, and told what is wrong.
    server.until_said(&format!("the signing key {writer} cannot pay")).await;
    server.until_part("appender", false).await;
    let refused = refused_sign_in(&server).await;
    assert!(
        refused.contains(&format!("the signing key {writer} cannot pay")),
        "{refused}"
    );
    assert!(!server.process.output().contains(&"0e".repeat(8)));
    site.chain
        .call("anvil_setBalance", json!([writer, "0xde0b6b3a7640000"]))
        .await;
    server.administrator().await;
    server.until_part("appender", true).await;
    stop(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_tells_what_is_away_and_that_it_is_back() {
    let site = Site::ready(FinalityRule::Instant).await;
    let (login, place) = site.database.rsplit_once('@').unwrap();
    let (host, name) = place.split_once('/').unwrap();
    let line = tests::wire::Proxy::of(host.parse().unwrap()).await;
    let database = format!("{login}@127.0.0.1:{}/{name}", line.port());
    let mut server = site.serve(&[("MEDCONNECT_DATABASE__URL", &database)]).await;
    let administrator = server.administrator().await;
    for way in [tests::wire::Line::Cut, tests::wire::Line::Silent] {
        line.set(way);
        let (status, readiness) = server.until_part("database", false).await;
        assert_eq!((status, &readiness["ready"]), (503, &json!(false)), "{readiness}");
        let live = Rest::new(&server.url, "")
            .send(Method::GET, "/health/live", None, None)
            .await;
        assert_eq!(live.unwrap().status, 204, "the process lives");
        line.set(tests::wire::Line::Open);
        let (status, readiness) = server.until_part("follower", true).await;
        assert_eq!((status, &readiness["ready"]), (200, &json!(true)), "{readiness}");
        let account = json!({ "name": format!("after {way:?}"), "role": "auditor" });
        id(&administrator.insist(Method::POST, "/v1/accounts", &account).await);
    }
    stop(server).await;
}
