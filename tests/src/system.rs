//! A whole system for a test: a database, a chain, a server in this process, and accounts of every kind.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use api_config::{Config, FinalityRule, LimitsConfig, NotificationsConfig, Registration, SharedNamespace};
use api_server::System;
use application::policy::identity::Principal;
use application::ports::queries::Queries as _;
use application::use_cases::accounts::{NewAccount, NewKey};
use application::use_cases::clinic::Issue;
use domain::account::{Role, Scope};
use domain::kernel::CommandId;
use infrastructure::chain::{Deployment, Node, Recorder, RpcOptions, Signer, deploy};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::chain::{KEYS, TestChain};
use crate::people::Person;
use crate::postgres;

/// How a system differs from the usual one.
#[derive(Clone, Debug)]
pub struct SystemOptions {
    /// The node's URL, if it is not the chain's own: a proxy in between.
    pub node: Option<String>,
    /// The URL of a second node.
    pub second_node: Option<String>,
    /// When blocks are final.
    pub finality: FinalityRule,
    /// Which of the chain's keys signs: servers on one chain need different ones.
    pub signer: usize,
    /// Which of the chain's keys is the first administrator's.
    pub administrator: usize,
    /// The database, if it is not a new one.
    pub database: Option<String>,
    /// For how many seconds a command is waited for before it is answered with 202; the program's own limit if `None`.
    pub command_wait: Option<u64>,
    /// How a wallet without an account becomes a patient's.
    pub registration: Registration,
    /// How much one caller may ask for.
    pub limits: LimitsConfig,
    /// How many entries a chapter of a record has; as many as by default if `None`.
    pub chapter_entries: Option<u32>,
    /// After how many seconds reads are put into the log; as by default if `None`.
    pub log_reads_after: Option<u32>,
    /// Within how many seconds an emergency is to be justified; as by default if `None`.
    pub justify_emergencies_within: Option<u32>,
    /// Whether patients have themselves erased; they do, if it is not said.
    pub patients_erase_themselves: Option<bool>,
    /// How people outside are told.
    pub notifications: NotificationsConfig,
    /// Whose system it is: the byte that the organisation's master secret is made of.
    pub organisation: u8,
    /// The namespaces that it shares with others, each with the file of its secret.
    pub shared: Vec<SharedNamespace>,
    /// The contracts that it believes.
    pub recorders: Vec<Recorder>,
}

impl Default for SystemOptions {
    fn default() -> Self {
        Self {
            node: None,
            second_node: None,
            finality: FinalityRule::Instant,
            signer: 1,
            administrator: 0,
            database: None,
            command_wait: None,
            registration: Registration::Open,
            limits: LimitsConfig::default(),
            chapter_entries: None,
            log_reads_after: None,
            justify_emergencies_within: None,
            patients_erase_themselves: None,
            notifications: NotificationsConfig::default(),
            organisation: 7,
            shared: Vec::new(),
            recorders: Vec::new(),
        }
    }
}

/// A running system. It stops when it is dropped, as a process does that is killed; [`Self::stop`] stops it orderly.
pub struct TestSystem {
    /// Where it listens.
    pub url: String,
    /// The parts.
    pub system: Option<System>,
    /// What it was told.
    pub config: Box<Config>,
    /// Where the log's contract stands.
    pub deployment: Deployment,
    /// The database's URL.
    pub database: String,
    /// A client that signs in as nobody.
    pub http: reqwest::Client,
    /// Whose it is.
    organisation: u8,
}

/// How often a condition is looked at.
const TICK: Duration = Duration::from_millis(50);

/// How long a condition is waited for.
const PATIENCE: Duration = Duration::from_secs(40);

/// Waits until a condition holds.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            sleep(TICK).await;
        }
    };
    if timeout(PATIENCE, waiting).await.is_err() {
        panic!("in vain waited for: {what}");
    }
}

/// The log's contract on a chain, with all test keys as writers.
pub async fn deployed(chain: &TestChain) -> Deployment {
    let node = Node::new(&[chain.url().to_owned()], api_dev::CHAIN_ID, RpcOptions::default()).expect("a node");
    let signers: Vec<Signer> = KEYS.iter().map(|key| key.parse().expect("a key")).collect();
    let writers: Vec<_> = signers.iter().map(Signer::address).collect();
    deploy::deploy(&node, &signers[0], &writers, 0, |_| ())
        .await
        .expect("the contract")
}

/// Two servers of one organisation: one database, one chain, a signer each.
pub async fn two_servers(chain: &TestChain) -> [TestSystem; 2] {
    let deployment = deployed(chain).await;
    let one = TestSystem::start(chain, &deployment).await;
    let options = SystemOptions {
        signer: 2,
        database: Some(one.database.clone()),
        ..SystemOptions::default()
    };
    let two = TestSystem::with(chain, &deployment, options).await;
    [one, two]
}

/// A command of its own.
fn new_issue() -> Issue {
    Issue {
        command_id: CommandId::new(uuid::Uuid::new_v4()),
        correlation: None,
        repeated: false,
    }
}

impl TestSystem {
    /// A system of the usual kind, on a chain with its contract.
    pub async fn start(chain: &TestChain, deployment: &Deployment) -> Self {
        Self::with(chain, deployment, SystemOptions::default()).await
    }

    /// A system that differs.
    pub async fn with(chain: &TestChain, deployment: &Deployment, options: SystemOptions) -> Self {
        let system = Self::launch(chain, deployment, options).await;
        system.administrator().await;
        system
    }

    /// A system that answers requests, and has perhaps not seen the chain yet: without the first administrator.
    pub async fn launch(chain: &TestChain, deployment: &Deployment, options: SystemOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let database = match options.database {
            Some(database) => database,
            None => postgres::database().await,
        };
        let administrator: Signer = KEYS[options.administrator].parse().expect("a key");
        let mut nodes = vec![options.node.unwrap_or_else(|| chain.url().to_owned())];
        nodes.extend(options.second_node);
        let config = json!({
            "http": {
                "bind": "127.0.0.1:0", "public_url": url, "workers": 1, "command_wait_seconds": options.command_wait,
                "registration": options.registration,
            },
            "database": { "url": database, "connections": 12 },
            "chain": {
                "nodes": nodes,
                "id": deployment.chain_id, "contract": deployment.address, "namespace": deployment.namespace, "deployed_in": deployment.block,
                "finality": options.finality, "signer": KEYS[options.signer], "shared": options.shared,
                "recorders": options.recorders,
            },
            "keys": {
                "master_secret": format!("{:02x}", options.organisation).repeat(32),
                "encryption": { "name": "test", "key": "08".repeat(32) },
            },
            "limits": options.limits,
            "notifications": options.notifications,
            "records": {
                "chapter_entries": options.chapter_entries, "log_reads_after_seconds": options.log_reads_after,
                "justify_emergencies_within_seconds": options.justify_emergencies_within,
                "patients_erase_themselves": options.patients_erase_themselves,
            },
            "bootstrap": { "administrator": administrator.address() },
        });
        let config: Box<Config> = serde_json::from_value(config).expect("a configuration");
        let system = System::start(&config, listener).await.expect("a system");
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(60))
            .build()
            .expect("a client");
        Self {
            url,
            system: Some(system),
            config,
            deployment: *deployment,
            database,
            http,
            organisation: options.organisation,
        }
    }

    /// Signs the first administrator in, who gets an account by that, and answers with the token.
    pub async fn administrator(&self) -> String {
        Person::with_key(KEYS[0]).sign_in(self).await
    }

    /// Stops it orderly.
    pub async fn stop(mut self) {
        if let Some(system) = self.system.take() {
            system.stop().await;
        }
    }

    /// The last position that the read models show.
    pub async fn position(&self) -> u64 {
        let position = sqlx::query_scalar("SELECT position FROM checkpoint")
            .fetch_optional(&self.parts().pool)
            .await;
        position.expect("a database").map_or(0, i64::cast_unsigned)
    }

    /// Waits until nothing has moved for a while, and answers with the position.
    pub async fn settled(&self) -> u64 {
        let (mut last, mut same) = (self.position().await, 0);
        while same < 10 {
            sleep(TICK).await;
            let now = self.position().await;
            same = if now == last { same + 1 } else { 0 };
            last = now;
        }
        last
    }

    /// The content hashes of the read models: their names, how many rows they have, and the hash.
    pub async fn hashes(&self) -> Vec<(&'static str, u64, String)> {
        let hashes = self.parts().clinic.queries.content_hashes().await.expect("hashes");
        hashes
            .into_iter()
            .map(|hash| (hash.name, hash.rows, hash.hash))
            .collect()
    }

    /// Stops it, and checks that its read models are those of a server with the same keys that has seen only the chain as it is now.
    pub async fn agrees_with_a_rebuild(self, chain: &TestChain) {
        let (position, hashes) = (self.settled().await, self.hashes().await);
        let options = SystemOptions {
            finality: self.config.chain.finality,
            signer: 3,
            database: Some(self.database.clone()),
            organisation: self.organisation,
            shared: self.config.chain.shared.clone(),
            recorders: self.config.chain.recorders.clone(),
            ..SystemOptions::default()
        };
        let deployment = self.deployment;
        sqlx::query("DROP SCHEMA live CASCADE")
            .execute(&self.parts().pool)
            .await
            .expect("the read models go");
        self.stop().await;
        let fresh = Self::launch(chain, &deployment, options).await;
        until("the log is read again", async || fresh.position().await >= position).await;
        assert_eq!(
            fresh.settled().await,
            position,
            "the chain has what was shown, and nothing else"
        );
        assert_eq!(fresh.hashes().await, hashes);
        fresh.stop().await;
    }

    /// What the administrator's view says is wrong just now: the parts, each with the cause.
    pub async fn troubles(&self, administrator: &str) -> Vec<(String, String)> {
        let (status, body) = self.get("/v1/admin/status", administrator).await;
        assert_eq!(status, 200, "{body}");
        let text = |trouble: &Value, name: &str| trouble[name].as_str().expect("text").to_owned();
        let troubles = body["troubles"].as_array().expect("a list").iter();
        troubles
            .map(|trouble| (text(trouble, "part"), text(trouble, "cause")))
            .collect()
    }

    /// Waits until the administrator's view says that a part is in trouble, with a cause that contains `words`.
    pub async fn says(&self, administrator: &str, part: &str, words: &str) {
        until(words, async || {
            let troubles = self.troubles(administrator).await;
            troubles
                .iter()
                .any(|(where_, cause)| where_ == part && cause.contains(words))
        })
        .await;
    }

    /// Waits until nothing is wrong any more.
    pub async fn recovers(&self, administrator: &str) {
        let mut troubles = Vec::new();
        let waiting = async {
            loop {
                troubles = self.troubles(administrator).await;
                if troubles.is_empty() {
                    return;
                }
                sleep(TICK).await;
            }
        };
        let ended = timeout(PATIENCE, waiting).await;
        assert!(ended.is_ok(), "there is still trouble: {troubles:?}");
    }

    /// Gives this system the data subjects' keys of another one on the same log, as a restored backup does, and waits until it has read what
    /// they open.
    pub async fn learn_keys_of(&self, other: &Self) {
        type Row = (Vec<u8>, uuid::Uuid, Option<Vec<u8>>, String);
        let keys: Vec<Row> = sqlx::query_as("SELECT key_id, subject, wrapped, kek_id FROM data_keys")
            .fetch_all(&other.parts().pool)
            .await
            .expect("keys");
        for (key, subject, wrapped, kek) in keys {
            sqlx::query("INSERT INTO data_keys (key_id, subject, wrapped, kek_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
                .bind(key)
                .bind(subject)
                .bind(wrapped)
                .bind(kek)
                .execute(&self.parts().pool)
                .await
                .expect("a key");
        }
        // The administrator's own account may be among what waits for a key.
        let person = Person::with_key(KEYS[0]);
        let mut administrator = String::new();
        until("the administrator can sign in", async || {
            let (status, session) = person.try_to_sign_in(self).await;
            administrator = session["token"].as_str().unwrap_or_default().to_owned();
            status == 200
        })
        .await;
        until("it has read what the keys open", async || {
            let (status, retried) = self.post("/v1/admin/parked/retry", &administrator, &json!({})).await;
            status == 200 && retried["parked"] == 0 && self.position().await == other.position().await
        })
        .await;
    }

    /// Loses the answers to commands, as a server does that dies before it has written them down.
    pub async fn lose_answers(&self) {
        let sql =
            "UPDATE commands SET status = NULL, body = NULL, location = NULL, etag = NULL, claimed_until = 'epoch'";
        sqlx::query(sql)
            .execute(&self.parts().pool)
            .await
            .expect("the registry");
    }

    /// The parts.
    pub fn parts(&self) -> &System {
        self.system.as_ref().expect("a running system")
    }

    /// Opens a service account of this role with a key of these scopes, past HTTP, and answers with the key.
    pub async fn service(&self, name: &str, role: Role) -> String {
        let clinic = Arc::clone(&self.parts().clinic);
        let administrator = self.first_administrator();
        let service = NewAccount::Service {
            name: name.to_owned(),
            role,
        };
        let done = clinic
            .open_account(&administrator, service, &new_issue())
            .await
            .expect("an account");
        let key = NewKey {
            scopes: vec![Scope::Read, Scope::Write, Scope::Import],
            expires: None,
        };
        let issued = clinic
            .issue_key(&administrator, done.id, key, &new_issue())
            .await
            .expect("a key");
        issued.secret.expect("a new secret")
    }

    /// A service's key as it is used for a nurse, who works here from now on: see [`Self::send`].
    pub async fn for_a_nurse(&self, key: &str) -> String {
        let nurse = NewAccount::Staff {
            name: "Nurse".to_owned(),
            role: Role::Nurse,
        };
        let (clinic, administrator) = (&self.parts().clinic, self.first_administrator());
        let opened = clinic.open_account(&administrator, nurse, &new_issue()).await;
        format!("{key} for staff/{}", opened.expect("an account").id)
    }

    /// Who administers from the first moment on.
    fn first_administrator(&self) -> Principal {
        let wallet: Signer = KEYS[0].parse().expect("a key");
        let wallet = domain::kernel::Wallet(wallet.address().0);
        Principal::Staff {
            account: self.parts().clinic.account_of_configured(&wallet),
            role: Role::Administrator,
        }
    }

    /// Sends JSON with a key, and answers with the status and the body. Of `KEY for PERSON` the key is used on behalf of the person.
    pub async fn send(&self, method: reqwest::Method, path: &str, key: &str, body: Option<&Value>) -> (u16, Value) {
        let (key, person) = match key.split_once(" for ") {
            Some((key, person)) => (key, Some(person)),
            None => (key, None),
        };
        let request = self
            .http
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(key);
        let request = match person {
            Some(person) => request.header("on-behalf-of", person),
            None => request,
        };
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or(Value::Null))
    }

    /// Reads.
    pub async fn get(&self, path: &str, key: &str) -> (u16, Value) {
        self.send(reqwest::Method::GET, path, key, None).await
    }

    /// Posts.
    pub async fn post(&self, path: &str, key: &str, body: &Value) -> (u16, Value) {
        self.send(reqwest::Method::POST, path, key, Some(body)).await
    }

    /// Puts.
    pub async fn put(&self, path: &str, key: &str, body: &Value) -> (u16, Value) {
        self.send(reqwest::Method::PUT, path, key, Some(body)).await
    }
}
