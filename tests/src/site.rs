//! The program as a hospital runs it: `deploy`, `migrate` and `serve`, on a node and a database that are there already.
//!
//! A [`Site`] has what an engineer has before the first command: a chain, an empty database, and files with keys. Everything else
//! the program does itself. A [`Server`] can be killed, told where to die, and started again on its port.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use api_config::FinalityRule;
use api_wire::dto;
use chrono::{Days, NaiveDate, Utc};
use domain::account::Role;
use infrastructure::chain::Signer;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::binary::{Process, free_port, program};
use crate::chain::{KEYS, TestChain};
use crate::postgres;
use crate::rest::{Rest, id};

/// The organisation's master secret, as it stands in its file.
pub const MASTER_SECRET: &str = "5b2c7d0e9f1a3b4c6d8e0f2a4b6c8d0e1f3a5b7c9d1e3f5a7b9c1d3e5f7a9b1c";

/// The key that wraps the patients' keys, as it stands in its file.
pub const ENCRYPTION_KEY: &str = "c1b9a7f5e3d1c9b7a5f3e1d0c8b6a4f2e0d8c6b4a3f1e9d7c5b3a1f0e8d6c4b2";

/// How many slots of five minutes are offered on one day of a [`Desk`].
const SLOTS_A_DAY: u32 = 280;

/// What an engineer has.
#[derive(Debug)]
pub struct Site<C = TestChain> {
    /// The chain, whatever makes it.
    pub chain: C,
    /// The URL of its node.
    node: String,
    /// The database's URL.
    pub database: String,
    folder: TempDir,
    port: u16,
}

/// What a command said, and how it ended.
#[derive(Clone, Debug)]
pub struct Said {
    /// The exit code.
    pub code: i32,
    /// Its result.
    pub out: String,
    /// What went on, and why it failed.
    pub err: String,
}

/// Settings in the environment.
pub type Environment<'a> = &'a [(&'a str, &'a str)];

impl Site {
    /// A chain, an empty database, files with keys. Nothing is deployed.
    pub async fn bare() -> Self {
        Self::on(TestChain::start().await).await
    }

    /// The same, on this chain.
    pub async fn on(chain: TestChain) -> Self {
        let node = chain.url().to_owned();
        Self::at(&node, chain).await
    }

    /// One that is ready to serve: the contract deployed, the database migrated, the configuration written.
    pub async fn ready(finality: FinalityRule) -> Self {
        let site = Self::bare().await;
        site.prepare(finality).await;
        site
    }
}

impl<C> Site<C> {
    /// The same, at any node on which the test's keys have ether. What makes the chain lives as long as the site.
    pub async fn at(node: &str, chain: C) -> Self {
        let site = Self {
            chain,
            node: node.to_owned(),
            database: postgres::database().await,
            folder: postgres::folder(),
            port: free_port(),
        };
        for (name, key) in [
            ("deployer.key", KEYS[0]),
            ("signer.key", KEYS[1]),
            ("master.key", MASTER_SECRET),
            ("encryption.key", ENCRYPTION_KEY),
        ] {
            std::fs::write(site.file(name), format!("{key}\n")).expect("a file");
        }
        site
    }

    /// Deploys the contract, writes the configuration, migrates the database.
    pub async fn prepare(&self, finality: FinalityRule) {
        let chain = self.deploy(&[signer(1).address().to_string()]).await;
        self.configure(&chain, finality);
        self.succeed(&["migrate", "--config", &self.config()], &[]).await;
    }

    /// The URL of its node.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// A file of the engineer's.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The configuration file.
    pub fn config(&self) -> String {
        text(&self.file("server.toml")).to_owned()
    }

    /// The server's address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Deploys the contract, and answers with the part of the configuration that it prints.
    pub async fn deploy(&self, writers: &[String]) -> String {
        let key = self.file("deployer.key");
        let mut arguments = vec!["deploy", "--node", &self.node, "--key-file", text(&key)];
        writers
            .iter()
            .for_each(|writer| arguments.extend(["--writer", writer.as_str()]));
        self.succeed(&arguments, &[]).await.out
    }

    /// Writes the configuration file: what `deploy` printed, and the rest as `serve --help` has it.
    pub fn configure(&self, chain: &str, finality: FinalityRule) {
        let finality = match finality {
            FinalityRule::Confirmations(blocks) => format!("{{ confirmations = {blocks} }}"),
            rule => format!("\"{rule}\""),
        };
        let text = format!(
            "{chain}finality = {finality}\nsigner_file = {signer:?}\n\n\
             [http]\nbind = \"127.0.0.1:{port}\"\npublic_url = \"{url}\"\nworkers = 1\nclaim_seconds = 1\n\n\
             [database]\nurl = \"{database}\"\nconnections = 12\n\n\
             [keys]\nmaster_secret_file = {master:?}\nencryption = {{ name = \"2026\", key_file = {encryption:?} }}\n\n\
             [bootstrap]\nadministrator = \"{administrator}\"\n",
            signer = self.file("signer.key"),
            port = self.port,
            url = self.url(),
            database = self.database,
            master = self.file("master.key"),
            encryption = self.file("encryption.key"),
            administrator = signer(0).address(),
        );
        std::fs::write(self.file("server.toml"), text).expect("a file");
    }

    /// A subcommand that goes on beside the test. It is killed when it is dropped.
    pub fn spawn_command(&self, arguments: &[&str], environment: Environment<'_>, output: &str) -> Process {
        Process::start(command(arguments, environment), &self.file(output))
    }

    /// Runs a subcommand to its end.
    pub async fn run(&self, arguments: &[&str], environment: Environment<'_>) -> Said {
        let output = command(arguments, environment).stdin(Stdio::null()).output().await;
        let output = output.expect("the program");
        Said {
            code: output.status.code().expect("no signal"),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Runs a subcommand that must succeed.
    pub async fn succeed(&self, arguments: &[&str], environment: Environment<'_>) -> Said {
        let said = self.run(arguments, environment).await;
        assert_eq!(said.code, 0, "{arguments:?}: {}", said.err);
        said
    }

    /// Runs `serve` where it cannot: it must end by itself.
    pub async fn fail_to_serve(&self, environment: Environment<'_>) -> Said {
        let mut process = self.spawn(&self.file("failed.output"), environment);
        let status = process.ended().await;
        let err = process.output();
        std::fs::remove_file(self.file("failed.output")).expect("the output");
        Said {
            code: status.code().unwrap_or_else(|| panic!("{status}: {err}")),
            out: String::new(),
            err,
        }
    }

    /// Starts a server, and waits until it answers.
    pub async fn serve(&self, environment: Environment<'_>) -> Server {
        let mut server = self.launch(environment);
        server.answers().await;
        server
    }

    /// Starts a server, which may die before it answers.
    pub fn launch(&self, environment: Environment<'_>) -> Server {
        Server {
            process: self.spawn(&self.file("server.output"), environment),
            url: self.url(),
        }
    }

    /// Starts another server of this site, at a port of its own, and waits until it answers.
    pub async fn serve_beside(&self, environment: Environment<'_>) -> Server {
        let bind = format!("127.0.0.1:{}", free_port());
        let url = format!("http://{bind}");
        let own = [
            ("MEDCONNECT_HTTP__BIND", bind.as_str()),
            ("MEDCONNECT_HTTP__PUBLIC_URL", url.as_str()),
        ];
        let environment = [&own, environment].concat();
        let process = self.spawn(&self.file(&format!("{bind}.output")), &environment);
        let mut server = Server { process, url };
        server.answers().await;
        server
    }

    fn spawn(&self, output: &Path, environment: Environment<'_>) -> Process {
        Process::start(command(&["serve", "--config", &self.config()], environment), output)
    }

    /// Rebuilds the read models from the chain; they must come out as they are.
    pub async fn compare_with_rebuild(&self) {
        self.succeed(&["rebuild", "--config", &self.config(), "--compare"], &[])
            .await;
    }

    /// How many commits and transactions the outbox holds, of whatever signing key.
    pub async fn outbox(&self) -> i64 {
        let mut connection = sqlx::Connection::connect(&self.database).await.expect("the database");
        let connection: &mut sqlx::PgConnection = &mut connection;
        let counted = sqlx::query_scalar(
            "SELECT (SELECT count(*) FROM core.outbox_commits) + (SELECT count(*) FROM core.outbox_transactions)",
        );
        counted.fetch_one(connection).await.expect("the outbox")
    }
}

/// A server of a site. It is killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    /// The process.
    pub process: Process,
    /// Where it answers.
    pub url: String,
}

impl Server {
    /// Waits until it answers.
    async fn answers(&mut self) {
        let nobody = Rest::new(&self.url, "");
        let live = async || {
            let answer = nobody.send(Method::GET, "/health/live", None, None).await;
            answer.is_ok_and(|answer| answer.status == 204)
        };
        self.process.until(live).await;
    }

    /// What `/health/ready` says: the status, and the body.
    pub async fn readiness(&self) -> (u16, Value) {
        let nobody = Rest::new(&self.url, "");
        let answer = nobody.send(Method::GET, "/health/ready", None, None).await;
        let answer = answer.expect("an answer");
        (answer.status, answer.body)
    }

    /// Waits until a part is ready, or is not.
    pub async fn until_part(&mut self, part: &str, ready: bool) -> (u16, Value) {
        let url = self.url.clone();
        let mut last = (0, Value::Null);
        self.process
            .until(async || {
                let answer = Rest::new(&url, "").send(Method::GET, "/health/ready", None, None).await;
                let answer = answer.expect("an answer");
                last = (answer.status, answer.body);
                let parts = last.1["components"].as_array().expect("the parts");
                let found = parts.iter().find(|one| one["name"] == part);
                found.expect("the part")["ready"] == ready
            })
            .await;
        last
    }

    /// Waits until it has said this.
    pub async fn until_said(&mut self, words: &str) {
        let output = self.process.output_file();
        let said = async || std::fs::read_to_string(&output).unwrap_or_default().contains(words);
        self.process.until(said).await;
    }

    /// Signs the first administrator in, which makes them one.
    pub async fn administrator(&self) -> Rest {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
        loop {
            // The first time it takes the chain, which may not be there yet.
            if let Ok(session) = api_dev::login::sign_in(&self.url, None, &signer(0)).await
                && session.me.role == Some(dto::Role(Role::Administrator))
            {
                return Rest::new(&self.url, session.token.expose_secret());
            }
            assert!(tokio::time::Instant::now() < deadline, "{}", self.process.output());
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// The administrator signs in for the first time, in the background, which puts something on the chain; whatever comes of it.
    pub fn expect_administrator(&self) {
        let url = self.url.clone();
        tokio::spawn(async move { drop(api_dev::login::sign_in(&url, None, &signer(0)).await) });
    }

    /// Opens the account of a hospital's service, and answers with somebody who has its key.
    pub async fn service(&self, administrator: &Rest, name: &str) -> Rest {
        self.service_as(administrator, name, "hospital").await
    }

    /// The same in another role.
    pub async fn service_as(&self, administrator: &Rest, name: &str, role: &str) -> Rest {
        let account = json!({ "name": name, "role": role });
        let account = administrator.insist(Method::POST, "/v1/accounts", &account).await;
        let path = format!("/v1/accounts/{}/keys", id(&account));
        let scopes = json!({ "scopes": ["read", "write"] });
        let key = administrator.insist(Method::POST, &path, &scopes).await;
        Rest::new(&self.url, key["secret"].as_str().expect("a new secret"))
    }
}

/// A hospital's front desk: it registers patients and books them with one doctor.
#[derive(Clone, Debug)]
pub struct Desk {
    /// The hospital's service.
    pub rest: Rest,
    doctor: uuid::Uuid,
    first_day: NaiveDate,
}

impl Desk {
    /// Registers a doctor and offers slots on so many days.
    pub async fn open(server: &Server, administrator: &Rest, days: u64) -> Self {
        let rest = server.service(administrator, "front desk").await;
        let doctor = json!({ "details": {
            "name": { "family": "Doctor" }, "gender": "unknown", "timeZone": "UTC",
            "specializations": [{ "text": "Cardiology" }],
        } });
        let doctor = id(&rest.insist(Method::POST, "/v1/practitioners", &doctor).await);
        let first_day = Utc::now().date_naive() + Days::new(7);
        for day in first_day.iter_days().take(usize::try_from(days).expect("a few")) {
            let start = day.and_time(chrono::NaiveTime::MIN).and_utc();
            let end = start + chrono::TimeDelta::minutes(5 * i64::from(SLOTS_A_DAY));
            let sessions = json!({ "sessions": [{ "start": start, "end": end, "slotMinutes": 5 }] });
            let path = format!("/v1/practitioners/{doctor}/availability/{day}");
            rest.insist(Method::PUT, &path, &sessions).await;
        }
        Self {
            rest,
            doctor,
            first_day,
        }
    }

    /// The same desk at another server.
    #[must_use]
    pub fn at(&self, url: &str) -> Self {
        Self {
            rest: self.rest.at(url),
            ..self.clone()
        }
    }

    /// The same desk, which goes to another server when nobody answers at this one.
    #[must_use]
    pub fn or(&self, url: &str) -> Self {
        Self {
            rest: self.rest.or(url),
            ..self.clone()
        }
    }

    /// The doctor.
    pub const fn doctor(&self) -> uuid::Uuid {
        self.doctor
    }

    /// A patient to register.
    pub fn patient(number: u32) -> Value {
        let name = json!({ "family": format!("Family{number}") });
        json!({ "details": { "name": name, "birthDate": "1980-02-29", "gender": "unknown" } })
    }

    /// A booking of a slot, counted over all days.
    pub fn booking(&self, patient: uuid::Uuid, slot: u32) -> Value {
        let day = self.first_day + Days::new(u64::from(slot / SLOTS_A_DAY));
        let minutes = chrono::TimeDelta::minutes(5 * i64::from(slot % SLOTS_A_DAY));
        let start = day.and_time(chrono::NaiveTime::MIN).and_utc() + minutes;
        json!({ "patient": patient, "practitioner": self.doctor, "slot": { "start": start, "minutes": 5 } })
    }

    /// Registers a patient and books a slot for them, each until it is acknowledged. Answers with both ids.
    pub async fn visit(&self, number: u32) -> (uuid::Uuid, uuid::Uuid) {
        let patient = self
            .rest
            .insist(Method::POST, "/v1/patients", &Self::patient(number))
            .await;
        let patient = id(&patient);
        let booking = self.booking(patient, number);
        let appointment = self.rest.insist(Method::POST, "/v1/appointments", &booking).await;
        (patient, id(&appointment))
    }
}

/// A hospital's system as it is used for a nurse, who works here from now on.
pub async fn for_a_nurse(system: &Rest, administrator: &Rest) -> Rest {
    let account = json!({ "name": "Nurse", "role": "nurse", "kind": "person" });
    let account = administrator.insist(Method::POST, "/v1/accounts", &account).await;
    system.on_behalf_of(&format!("staff/{}", id(&account)))
}

/// Enters for a nurse that a patient has agreed on paper to be treated.
pub async fn agree_on_paper(nurse: &Rest, patient: uuid::Uuid) {
    let path = format!("/v1/patients/{patient}/treatment/agreement");
    nurse.insist(Method::POST, &path, &crate::charts::paper()).await;
}

/// Whoever has one of the chain's keys.
pub fn signer(number: usize) -> Signer {
    KEYS[number].parse().expect("a key")
}

fn command(arguments: &[&str], environment: Environment<'_>) -> Command {
    let mut command = Command::new(program());
    command
        .args(arguments)
        .envs(environment.iter().copied())
        .kill_on_drop(true);
    command
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
