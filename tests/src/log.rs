//! An event log on a chain of its own, and somebody who appends sealed events to it without the appender.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use application::log::{Actor, AnyEvent, EventMetadata, StreamId};
use domain::kernel::{AggregateRef, CommandId};
use infrastructure::chain::codec::append_calldata;
use infrastructure::chain::deploy::deploy;
use infrastructure::chain::{EventLog, Node, RpcOptions, Signer, Transaction};
use infrastructure::follower::{FinalityRule, Follower, FollowerConfig, Rebuild};
use infrastructure::keys::{KeyEncryptionKey, KeyEncryptionKeys, KeyRing, MasterSecret};
use infrastructure::log::LogLocation;
use infrastructure::log::{Commit, NewKey, Payload, StreamHead, StreamPart};
use infrastructure::notices::Notices;
use infrastructure::postgres::{self, LIVE, REBUILD};
use infrastructure::sealing::{Opener, Sealer, StreamNames};
use projections::ReadModels;
use sqlx::PgPool;
use uuid::Uuid;

use crate::chain::{KEYS, TestChain};

/// How many commits go into one transaction.
const COMMITS_PER_TRANSACTION: usize = 40;

/// The log and its writer.
pub struct TestLog {
    /// The chain.
    pub chain: TestChain,
    /// The contract.
    pub log: EventLog,
    /// The block in which it was deployed.
    pub deployed_in: u64,
    /// The organisation's secret.
    pub secret: MasterSecret,
    /// The schema that events are written in, if it is not today's: a newer program's.
    pub schema: Option<u8>,
    /// The database that holds the patients' keys.
    pub url: String,
    keys: Arc<KeyRing>,
    keys_pool: PgPool,
    signer: Signer,
    heads: HashMap<StreamId, StreamHead>,
    commands: u64,
    sent: Vec<Vec<u8>>,
}

impl TestLog {
    /// On a new chain and a new database.
    pub async fn start() -> Self {
        Self::on(TestChain::start().await).await
    }

    /// On this chain.
    pub async fn on(chain: TestChain) -> Self {
        let url = crate::postgres::database().await;
        let keys_pool = postgres::pool(&url, LIVE, 4).unwrap();
        postgres::migrate(&keys_pool).await.unwrap();
        let node = Node::discover(&[chain.url().to_owned()], RpcOptions::default())
            .await
            .unwrap();
        let signer: Signer = KEYS[0].parse().unwrap();
        let deployment = deploy(&node, &signer, &[signer.address()], |_| ()).await.unwrap();
        let keks = KeyEncryptionKeys::new(KeyEncryptionKey::new("test", [9; 32]), Vec::new());
        Self {
            chain,
            log: EventLog::new(node, deployment.address),
            deployed_in: deployment.block,
            secret: MasterSecret::new([7; 32]),
            schema: None,
            url,
            keys: Arc::new(KeyRing::new(keys_pool.clone(), keks)),
            keys_pool,
            signer,
            heads: HashMap::new(),
            commands: 0,
            sent: Vec::new(),
        }
    }

    /// Where the log is.
    pub fn location(&self) -> LogLocation {
        LogLocation {
            chain_id: self.log.node().chain_id(),
            contract: self.log.address().0,
        }
    }

    /// Opens what is appended here.
    pub fn opener(&self) -> Opener {
        Opener::new(self.location(), &self.secret, Arc::clone(&self.keys))
    }

    /// The stream of an aggregate.
    pub fn stream(&self, aggregate: AggregateRef) -> StreamId {
        StreamNames::new(&self.secret).seal(&aggregate)
    }

    /// A pool over a schema of the log's own database.
    pub fn pool(&self, schema: &str) -> PgPool {
        postgres::pool(&self.url, schema, 6).unwrap()
    }

    /// A follower into the live schema.
    pub fn follower(&self, finality: FinalityRule, notices: Notices) -> Follower<ReadModels> {
        let config = FollowerConfig::new(finality, self.deployed_in);
        Follower::new(
            config,
            self.log.clone(),
            self.opener(),
            self.pool(LIVE),
            ReadModels,
            notices,
        )
    }

    /// A rebuild beside it.
    pub fn rebuild(&self, finality: FinalityRule) -> Rebuild<ReadModels> {
        let config = FollowerConfig::new(finality, self.deployed_in);
        Rebuild::new(config, self.log.clone(), self.opener(), self.pool(REBUILD), ReadModels)
    }

    /// Appends commits, each the events of one decision, and waits until they are mined.
    pub async fn append(&mut self, commits: &[Vec<AnyEvent>]) {
        for part in commits.chunks(COMMITS_PER_TRANSACTION) {
            let mut sealed = Vec::new();
            for events in part {
                sealed.push(self.seal(events).await);
            }
            self.send(append_calldata(&sealed).unwrap()).await;
        }
    }

    /// Appends a payload as it is to a stream.
    pub async fn append_raw(&mut self, stream: StreamId, payload: &[u8]) {
        let expected = self.heads.get(&stream).copied().unwrap_or_default();
        let payload = Payload::from(payload);
        self.heads.insert(stream, expected.after(&payload));
        let commit = Commit {
            command_id: CommandId::new(Uuid::nil()),
            parts: vec![StreamPart {
                stream,
                expected,
                payloads: vec![payload],
            }],
        };
        self.send(append_calldata([&commit]).unwrap()).await;
    }

    /// Where the streams stand, to go back to with [`Self::go_back`].
    pub fn heads(&self) -> HashMap<StreamId, StreamHead> {
        self.heads.clone()
    }

    /// The chain has dropped what was appended since.
    pub fn go_back(&mut self, heads: HashMap<StreamId, StreamHead>) {
        self.heads = heads;
    }

    async fn seal(&mut self, events: &[AnyEvent]) -> Commit {
        self.commands += 1;
        let command_id = CommandId::new(Uuid::from_u64_pair(9, self.commands));
        let sealer = Sealer::new(self.location(), &self.secret, Arc::clone(&self.keys));
        let mut parts: Vec<StreamPart> = Vec::new();
        for event in events {
            let aggregate = event.aggregate();
            let stream = self.stream(aggregate);
            let expected = self.heads.get(&stream).copied().unwrap_or_default();
            let metadata = EventMetadata {
                command_id,
                at: chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
                actor: Some(Actor::System),
                correlation: None,
                cause: None,
            };
            let (mut encoded, subject) = (event.encode().unwrap(), event.subject());
            encoded.schema = self.schema.unwrap_or(encoded.schema);
            // Histories begin anywhere.
            if let Some(subject) = subject {
                self.keys.begin(subject).await.unwrap();
            }
            let sealed = sealer
                .seal(&stream, expected.version + 1, &encoded, &metadata, subject)
                .await
                .unwrap();
            if let Some(key) = sealed.new_key {
                self.keep(key).await;
            }
            self.heads.insert(stream, expected.after(&sealed.payload));
            match parts.iter_mut().find(|part| part.stream == stream) {
                Some(part) => part.payloads.push(sealed.payload),
                None => parts.push(StreamPart {
                    stream,
                    expected,
                    payloads: vec![sealed.payload],
                }),
            }
        }
        Commit { command_id, parts }
    }

    async fn keep(&self, key: NewKey) {
        sqlx::query(
            "INSERT INTO data_keys (key_id, subject, wrapped, kek_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(key.key_id.to_vec())
        .bind(key.subject.uuid())
        .bind(key.wrapped)
        .bind(key.kek_id)
        .execute(&self.keys_pool)
        .await
        .unwrap();
        self.keys.mark_durable(&key.key_id);
    }

    /// Every transaction that was sent so far, signed.
    pub fn sent(&self) -> &[Vec<u8>] {
        &self.sent
    }

    /// Sends a signed transaction once more, and waits until it is mined.
    pub async fn resend(&self, raw: &[u8]) {
        let hash = self.log.node().send_raw(raw).await.unwrap();
        self.mined(hash).await;
    }

    async fn send(&mut self, data: Vec<u8>) {
        let node = self.log.node();
        let signed = self
            .signer
            .sign(Transaction {
                chain_id: node.chain_id(),
                nonce: node.nonce(self.signer.address()).await.unwrap(),
                to: Some(self.log.address()),
                gas_limit: 16_000_000,
                max_fee: 100_000_000_000,
                priority_fee: 1,
                data,
            })
            .unwrap();
        self.resend(&signed.raw).await;
        self.sent.push(signed.raw);
    }

    async fn mined(&self, hash: [u8; 32]) {
        for _ in 0..500 {
            if let Some(receipt) = self.log.node().receipts(&[hash]).await.unwrap()[0] {
                assert!(receipt.succeeded, "the contract refused what a test appended");
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the chain did not mine a transaction");
    }
}
