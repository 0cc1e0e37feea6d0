//! A whole system for a test: a database, a chain, a server in this process, and accounts of every kind.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use api::compose::System;
use api::config::{Config, FinalityRule};
use infrastructure::chain::{Deployment, Node, RpcOptions, Signer, deploy};
use serde_json::{Value, json};

use crate::chain::{KEYS, TestChain};
use crate::postgres;

/// How a system differs from the usual one.
#[derive(Clone, Debug)]
pub struct SystemOptions {
    /// The node's URL, if it is not the chain's own: a proxy in between.
    pub node: Option<String>,
    /// When blocks are final.
    pub finality: FinalityRule,
    /// Which of the chain's keys signs: servers on one chain need different ones.
    pub signer: usize,
    /// The database, if it is not a new one.
    pub database: Option<String>,
}

impl Default for SystemOptions {
    fn default() -> Self {
        Self {
            node: None,
            finality: FinalityRule::Instant,
            signer: 1,
            database: None,
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
    pub config: Config,
    /// Where the log's contract stands.
    pub deployment: Deployment,
    /// The database's URL.
    pub database: String,
    /// A client that signs in as nobody.
    pub http: reqwest::Client,
}

/// The log's contract on a chain, with all test keys as writers.
pub async fn deployed(chain: &TestChain) -> Deployment {
    let node = Node::new(&[chain.url().to_owned()], api::dev::CHAIN_ID, RpcOptions::default()).expect("a node");
    let signers: Vec<Signer> = KEYS.iter().map(|key| key.parse().expect("a key")).collect();
    let writers: Vec<_> = signers.iter().map(Signer::address).collect();
    deploy::deploy(&node, &signers[0], &writers)
        .await
        .expect("the contract")
}

impl TestSystem {
    /// A system of the usual kind, on a chain with its contract.
    pub async fn start(chain: &TestChain, deployment: &Deployment) -> Self {
        Self::with(chain, deployment, SystemOptions::default()).await
    }

    /// A system that differs.
    pub async fn with(chain: &TestChain, deployment: &Deployment, options: SystemOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let database = match options.database {
            Some(database) => database,
            None => postgres::database().await,
        };
        let administrator: Signer = KEYS[0].parse().expect("a key");
        let config = json!({
            "http": { "bind": "127.0.0.1:0", "public_url": url, "workers": 1 },
            "database": { "url": database, "connections": 12 },
            "chain": {
                "nodes": [options.node.unwrap_or_else(|| chain.url().to_owned())],
                "id": deployment.chain_id, "contract": deployment.address, "deployed_in": deployment.block,
                "finality": options.finality, "signer": KEYS[options.signer],
            },
            "keys": {
                "master_secret": "07".repeat(32),
                "encryption": { "name": "test", "key": "08".repeat(32) },
            },
            "bootstrap": { "administrator": administrator.address() },
        });
        let config: Config = serde_json::from_value(config).expect("a configuration");
        let system = System::start(&config, listener).await.expect("a system");
        let wallet = administrator.address();
        let opened = api::bootstrap::administrator_in_time(&system.clinic, wallet).await;
        opened.expect("the first administrator");
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
        }
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

    /// The parts.
    pub fn parts(&self) -> &System {
        self.system.as_ref().expect("a running system")
    }

    /// Opens a service account of this role with a key of these scopes, past HTTP, and answers with the key.
    pub async fn service(&self, name: &str, role: domain::account::Role) -> String {
        use application::accounts::{NewAccount, NewKey};
        use application::clinic::Issue;
        use application::identity::Principal;
        use domain::account::{Role, Scope};
        use domain::kernel::CommandId;
        let clinic = Arc::clone(&self.parts().clinic);
        let wallet: Signer = KEYS[0].parse().expect("a key");
        let account = clinic.account_of_wallet(&domain::kernel::Wallet(wallet.address().0));
        let administrator = Principal::Staff {
            account,
            role: Role::Administrator,
        };
        let issue = || Issue {
            command_id: CommandId::new(uuid::Uuid::new_v4()),
            correlation: None,
            repeated: false,
        };
        let service = NewAccount::Service {
            name: name.to_owned(),
            role,
        };
        let done = clinic
            .open_account(&administrator, service, &issue())
            .await
            .expect("an account");
        let key = NewKey {
            scopes: vec![Scope::Read, Scope::Write, Scope::Import],
            expires: None,
        };
        let issued = clinic
            .issue_key(&administrator, done.id, key, &issue())
            .await
            .expect("a key");
        issued.secret.expect("a new secret")
    }

    /// Sends JSON with a key, and answers with the status and the body.
    pub async fn send(&self, method: reqwest::Method, path: &str, key: &str, body: Option<&Value>) -> (u16, Value) {
        let request = self
            .http
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(key);
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
