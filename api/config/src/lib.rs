//! What a server must be told, from a TOML file and the environment.
//!
//! Every setting has a name such as `database.url`. In the environment that is `MEDCONNECT_DATABASE__URL`, which wins over the
//! file. Secrets can be given in files of their own (`…_file`), as container platforms mount them; never from the database that
//! they protect.

mod notifications;
pub mod pools;
mod shared;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use application::policy::rules::Registration;
use figment::Figment;
use figment::error::{Actual, Kind};
use figment::providers::{Env, Serialized};
use infrastructure::chain::{Address, Recorder, Signer};
pub use infrastructure::follower::FinalityRule;
use infrastructure::keys::{KeyEncryptionKey, KeyEncryptionKeys, MasterSecret, SecretError};
use infrastructure::log::{LogLocation, Namespace};
use infrastructure::notifications::mail::MailError;
pub use infrastructure::notifications::mail::Protection;
use infrastructure::notifications::webhook::WebhookError;
use ipnet::IpNet;
pub use notifications::{MailConfig, NotificationsConfig, WebhookConfig};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
pub use shared::SharedNamespace;

/// The prefix of settings in the environment.
const PREFIX: &str = "MEDCONNECT_";

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there.
    #[error("there is no configuration file {}", .0.display())]
    NoFile(PathBuf),
    /// The file cannot be read.
    #[error("the configuration file {} cannot be read: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML. The line is not shown: it may hold a secret.
    #[error("{} is not TOML in line {line}: {message}", path.display())]
    Syntax {
        /// Which.
        path: PathBuf,
        /// Where.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// A setting is missing, unknown or of the wrong kind.
    #[error("the configuration is not usable: {}", described(.0))]
    Setting(Box<figment::Error>),
    /// A secret is missing, or given twice.
    #[error("give either `{0}` or `{0}_file`")]
    OneOfTwo(&'static str),
    /// A secret cannot be used.
    #[error("`{name}` cannot be used: {source}")]
    Secret {
        /// Which.
        name: &'static str,
        /// Why.
        source: SecretError,
    },
    /// A file with a secret cannot be read.
    #[error("the file of `{name}` cannot be read, {}: {source}", file.display())]
    SecretFile {
        /// Which.
        name: &'static str,
        /// Where it should be.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The secret of a shared namespace cannot be used.
    #[error("a secret of `chain.shared` cannot be used, that in {}: {source}", file.display())]
    SharedSecret {
        /// Its file.
        file: PathBuf,
        /// Why.
        source: SecretError,
    },
    /// A shared namespace has no secret.
    #[error("`chain.shared` names the namespace {0} without a secret")]
    NoSharedSecret(Namespace),
    /// A shared namespace has the organisation's own secret.
    #[error("`chain.shared` has the organisation's own secret (`keys.master_secret`), in {}: nobody else may have it", .0.display())]
    OwnSecretShared(PathBuf),
    /// Two epochs of shared namespaces have one secret.
    #[error("`chain.shared` has one secret twice, in {} and {}: each epoch of each namespace has its own", one.display(), other.display())]
    SharedSecretTwice {
        /// The first file.
        one: PathBuf,
        /// The second one.
        other: PathBuf,
    },
    /// What is shared is not the organisation's own.
    #[error("`chain.shared` names the namespace {0}, which is the organisation's own (`chain.namespace`)")]
    OwnNamespaceShared(Namespace),
    /// Mail cannot be sent like this.
    #[error("`notifications.mail` cannot be used: {0}")]
    Mail(#[from] MailError),
    /// A text has no words, or several lines.
    #[error("`{0}` must be a line of text")]
    NoLine(&'static str),
    /// A text is not an address of the web.
    #[error("`{0}` must begin with https:// or http://")]
    NoAddress(&'static str),
    /// There is a password, and not whose.
    #[error("`notifications.mail` has a password and no `user`")]
    PasswordOfNobody,
    /// The other system cannot be told like this.
    #[error("`notifications.webhook` cannot be used: {0}")]
    Webhook(#[from] WebhookError),
    /// A key is none.
    #[error("`chain.signer` is not the private key of an Ethereum account")]
    Signer,
}

/// What is wrong with which settings, without what they hold: that may be a secret.
fn described(error: &figment::Error) -> String {
    let described = error.clone().into_iter().map(|error| {
        // The path may end with the setting in question, or before it.
        let name = |last: Option<&str>| {
            let last = last.filter(|last| error.path.last().is_none_or(|end| end != last));
            let path = error.path.iter().map(String::as_str).chain(last);
            path.collect::<Vec<_>>().join(".")
        };
        let here = name(None);
        match &error.kind {
            Kind::MissingField(field) => format!("`{}` is missing", name(Some(field.as_ref()))),
            Kind::UnknownField(field, known) => {
                let known = known.join(", ");
                format!("there is no setting `{}`, only {known}", name(Some(field.as_str())))
            }
            Kind::InvalidType(found, expected) => format!("`{here}` is {}, not {expected}", kind_of(found)),
            Kind::InvalidValue(_, expected) => format!("`{here}` is not {expected}"),
            Kind::UnknownVariant(_, known) => format!("`{here}` is none of {}", known.join(", ")),
            Kind::Message(message) => format!("`{here}`: {message}"),
            _ => format!("`{here}` is not usable"),
        }
    });
    described.collect::<Vec<_>>().join("; ")
}

/// What kind of value it is.
const fn kind_of(value: &Actual) -> &'static str {
    match value {
        Actual::Bool(_) => "a truth value",
        Actual::Unsigned(_) | Actual::Signed(_) | Actual::Float(_) => "a number",
        Actual::Char(_) | Actual::Str(_) => "a string",
        Actual::Seq => "a list",
        Actual::Map => "a table",
        _ => "something else",
    }
}

/// Everything a server must be told.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The REST interface.
    pub http: HttpConfig,
    /// Postgres.
    pub database: DatabaseConfig,
    /// The chain.
    pub chain: ChainConfig,
    /// The secrets that protect health data.
    pub keys: KeysConfig,
    /// Patients' records.
    #[serde(default)]
    pub records: RecordsConfig,
    /// How people outside are told of what concerns them.
    #[serde(default)]
    pub notifications: NotificationsConfig,
    /// Who is there at the beginning.
    #[serde(default)]
    pub bootstrap: BootstrapConfig,
    /// How much one caller may ask for.
    #[serde(default)]
    pub limits: LimitsConfig,
    /// What is written about what happens.
    #[serde(default)]
    pub log: LogConfig,
}

/// The REST interface.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// Where it listens.
    #[serde(default = "default_bind")]
    pub bind: SocketAddr,
    /// The address that people sign in at, without a path; a signed message must name it.
    pub public_url: String,
    /// The longest body, in bytes. A report of a patient's chart may be 32 times as long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_limit: Option<usize>,
    /// How many requests are served at once; more are refused with 503.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<usize>,
    /// How many threads serve requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<usize>,
    /// For how many seconds a command is waited for before it is answered with 202.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_wait_seconds: Option<u64>,
    /// For how many seconds a request holds its Idempotency-Key without a sign of life. When a server dies, its clients' retries
    /// are told to wait for so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_seconds: Option<u64>,
    /// For how many minutes a session lives without being used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_idle_minutes: Option<u64>,
    /// For how many hours a session lives in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_hours: Option<u64>,
    /// For how many hours an invitation to bind a wallet is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation_hours: Option<u64>,
    /// How a wallet without an account becomes a patient's.
    #[serde(default)]
    pub registration: Registration,
    /// For how many hours a request to be registered waits for the hospital's decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_request_hours: Option<u32>,
    /// The networks of the proxies in front of the server. What they say of whom they ask for is believed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted_proxies: Vec<IpNet>,
    /// Where these proxies say it.
    #[serde(default)]
    pub forwarded_header: ForwardedHeader,
}

/// Where a proxy says for whom it asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// How much one caller may ask for. What is missing has the program's default.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsConfig {
    /// Requests to sign in a minute, by address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_ins_per_address: Option<NonZeroU32>,
    /// Sign-ins a minute, by wallet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_ins_per_wallet: Option<NonZeroU32>,
    /// Commands a minute, by person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commands_per_person: Option<NonZeroU32>,
    /// Commands a minute, by service; without it, as many as it likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commands_per_service: Option<NonZeroU32>,
    /// Bytes of commands a day, by person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_person: Option<NonZeroU32>,
    /// Appointments that a patient books ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_bookings: Option<u32>,
    /// Sessions that a wallet has at once: of more, the oldest end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions_per_wallet: Option<NonZeroU32>,
    /// Requests to be registered that wait at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_requests: Option<u32>,
    /// Requests to be registered an hour, by address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_requests_per_address: Option<NonZeroU32>,
}

fn default_bind() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8080))
}

/// Postgres.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// Its URL, with user and password.
    #[serde(serialize_with = "exposed")]
    pub url: SecretString,
    /// How many connections the requests share at most.
    #[serde(default = "default_connections")]
    pub connections: u32,
    /// How many the follower has beside them; and one more, on which it writes.
    #[serde(default = "default_own_connections")]
    pub follower_connections: u32,
    /// How many the appender has beside them, two at least; and one more, of which nobody else has any, for its lease.
    #[serde(default = "default_own_connections")]
    pub appender_connections: u32,
    /// How many there are beside them for what is short and must always get through: the patients' keys, and whether the server
    /// is ready. Two at least.
    #[serde(default = "default_own_connections")]
    pub upkeep_connections: u32,
}

const fn default_connections() -> u32 {
    32
}

const fn default_own_connections() -> u32 {
    4
}

/// Contracts with their namespaces, none of them twice, and one registry of each kind.
fn each_once<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Recorder>, D::Error> {
    let recorders = Vec::<Recorder>::deserialize(deserializer)?;
    let mut before = HashSet::new();
    let mut twice = recorders
        .iter()
        .filter(|one| !before.insert((one.contract, one.namespace)));
    if let Some(twice) = twice.next() {
        return Err(serde::de::Error::custom(format_args!(
            "the contract {} is named twice with the namespace {}",
            twice.contract, twice.namespace
        )));
    }
    let mut before = HashSet::new();
    let mut registries = recorders.iter().filter_map(|recorder| recorder.registry);
    match registries.find(|registry| !before.insert(*registry)) {
        Some(twice) => Err(serde::de::Error::custom(format_args!(
            "two contracts are named as the registry of {}",
            <&str>::from(twice)
        ))),
        None => Ok(recorders),
    }
}

fn exposed<S: serde::Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

fn exposed_if_any<S: serde::Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => exposed(secret, serializer),
        None => serializer.serialize_none(),
    }
}

/// The chain.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainConfig {
    /// JSON-RPC URLs of nodes, the preferred one first.
    pub nodes: Vec<String>,
    /// The chain id.
    pub id: u64,
    /// The address of the `EventLog` contract.
    pub contract: Address,
    /// The organisation's namespace in it.
    pub namespace: Namespace,
    /// The block that deployed it: no log is older.
    #[serde(default)]
    pub deployed_in: u64,
    /// When a block counts as final.
    #[serde(default)]
    pub finality: FinalityRule,
    /// Other contracts that write plain entries to the log, each in a namespace that it has opened itself: what they record is believed.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "each_once")]
    pub recorders: Vec<Recorder>,
    /// Namespaces of sealed events that are shared with other organisations: in each stand the calendars of practitioners who work at several of them.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "shared::each_once"
    )]
    pub shared: Vec<SharedNamespace>,
    /// The private key that appends and pays: 64 hexadecimal digits. A server of its own has a key of its own.
    #[serde(default, serialize_with = "exposed_if_any", skip_serializing_if = "Option::is_none")]
    pub signer: Option<SecretString>,
    /// A file with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer_file: Option<PathBuf>,
}

/// The secrets that protect health data.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysConfig {
    /// The organisation's master secret: 64 hexadecimal digits, the same on all its servers.
    #[serde(default, serialize_with = "exposed_if_any", skip_serializing_if = "Option::is_none")]
    pub master_secret: Option<SecretString>,
    /// A file with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub master_secret_file: Option<PathBuf>,
    /// The key that wraps the patients' keys in the database.
    pub encryption: EncryptionKeyConfig,
    /// Keys that wrapped before it, for as long as anything is wrapped under them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<EncryptionKeyConfig>,
}

/// A key-encryption key.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncryptionKeyConfig {
    /// Its name. What it wrapped remembers it.
    pub name: String,
    /// 64 hexadecimal digits.
    #[serde(default, serialize_with = "exposed_if_any", skip_serializing_if = "Option::is_none")]
    pub key: Option<SecretString>,
    /// A file with them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
}

/// Patients' records.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordsConfig {
    /// How many entries a chapter of a record has before it is closed and the next one begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chapter_entries: Option<NonZeroU32>,
    /// After how many seconds what was read of a patient is put into the log, all of it together; by chance up to as many again. When the patient looks, it is at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_reads_after_seconds: Option<NonZeroU32>,
    /// Within how many seconds a practitioner justifies that they have opened a record in an emergency: a day, unless it is configured. What is not justified then is flagged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justify_emergencies_within_seconds: Option<NonZeroU32>,
    /// Whether patients have themselves erased: they do, unless it is configured. Otherwise the operator does it for them, as where the law has records kept for a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patients_erase_themselves: Option<bool>,
}

impl RecordsConfig {
    /// See [`Self::log_reads_after_seconds`]: an hour, unless it is configured.
    pub fn log_reads_after(&self) -> Duration {
        let configured = self.log_reads_after_seconds.map(|seconds| seconds.get().into());
        Duration::from_secs(configured.unwrap_or(60 * 60))
    }
}

/// Who is there at the beginning.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootstrapConfig {
    /// The wallet of the first administrator, who then opens every other account. It becomes theirs when it signs in. Without it, the
    /// accounts in the log are all there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub administrator: Option<Address>,
}

/// What is written about what happens.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// What to write, as in `info,infrastructure=debug`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// One JSON object per line.
    #[serde(default)]
    pub json: bool,
}

impl Config {
    /// Reads it: the environment over the file.
    ///
    /// # Errors
    /// When a setting is missing, unknown or of the wrong kind.
    pub fn read(file: Option<&Path>) -> Result<Self, ConfigError> {
        settings(file)?
            .extract()
            .map_err(|error| ConfigError::Setting(Box::new(error)))
    }

    /// The configuration as a file would have it.
    ///
    /// # Errors
    /// When it cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }
}

impl DatabaseConfig {
    /// The database at this URL, with the usual pools.
    pub fn at(url: &str) -> Self {
        Self {
            url: url.into(),
            connections: default_connections(),
            follower_connections: default_own_connections(),
            appender_connections: default_own_connections(),
            upkeep_connections: default_own_connections(),
        }
    }

    /// Reads this part alone.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn read(file: Option<&Path>) -> Result<Self, ConfigError> {
        settings(file)?
            .extract_inner("database")
            .map_err(|error| ConfigError::Setting(Box::new(error)))
    }
}

/// The environment over the file.
fn settings(file: Option<&Path>) -> Result<Figment, ConfigError> {
    let mut figment = Figment::new();
    if let Some(file) = file {
        figment = figment.merge(Serialized::defaults(table(file)?));
    }
    // The environment's names of one part belong to the tools, such as MEDCONNECT_KEY.
    let environment = Env::prefixed(PREFIX)
        .filter(|name| name.as_str().contains("__"))
        .split("__");
    Ok(figment.merge(environment))
}

/// The settings of a file.
fn table(path: &Path) -> Result<toml::Table, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => ConfigError::NoFile(path.to_owned()),
        _ => ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        },
    })?;
    text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        ConfigError::Syntax {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            message: error.message().to_owned(),
        }
    })
}

impl ChainConfig {
    /// Reads this part alone.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn read(file: Option<&Path>) -> Result<Self, ConfigError> {
        settings(file)?
            .extract_inner("chain")
            .map_err(|error| ConfigError::Setting(Box::new(error)))
    }

    /// Which log it is.
    pub const fn location(&self) -> LogLocation {
        LogLocation {
            chain_id: self.id,
            contract: self.contract.0,
            namespace: self.namespace,
        }
    }

    /// The key that appends and pays.
    ///
    /// # Errors
    /// When it is missing or none.
    pub fn signer(&self) -> Result<Signer, ConfigError> {
        secret("chain.signer", self.signer.as_ref(), self.signer_file.as_deref())?
            .expose_secret()
            .parse()
            .map_err(|_| ConfigError::Signer)
    }
}

impl KeysConfig {
    /// Reads this part alone.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn read(file: Option<&Path>) -> Result<Self, ConfigError> {
        settings(file)?
            .extract_inner("keys")
            .map_err(|error| ConfigError::Setting(Box::new(error)))
    }

    /// The organisation's master secret.
    ///
    /// # Errors
    /// When it is missing or none.
    pub fn master_secret(&self) -> Result<MasterSecret, ConfigError> {
        let name = "keys.master_secret";
        let text = secret(name, self.master_secret.as_ref(), self.master_secret_file.as_deref())?;
        MasterSecret::from_hex(text.expose_secret()).map_err(|source| ConfigError::Secret { name, source })
    }

    /// The keys that wrap the patients' keys.
    ///
    /// # Errors
    /// When one is missing or none.
    pub fn encryption_keys(&self) -> Result<KeyEncryptionKeys, ConfigError> {
        let current = self.encryption.read("keys.encryption.key")?;
        let former = self.former.iter().map(|key| key.read("keys.former.key"));
        Ok(KeyEncryptionKeys::new(current, former.collect::<Result<_, _>>()?))
    }
}

impl EncryptionKeyConfig {
    fn read(&self, name: &'static str) -> Result<KeyEncryptionKey, ConfigError> {
        let text = secret(name, self.key.as_ref(), self.key_file.as_deref())?;
        KeyEncryptionKey::from_hex(&self.name, text.expose_secret())
            .map_err(|source| ConfigError::Secret { name, source })
    }
}

/// A secret that is given directly or in a file.
fn secret(name: &'static str, given: Option<&SecretString>, file: Option<&Path>) -> Result<SecretString, ConfigError> {
    match (given, file) {
        (Some(secret), None) => Ok(secret.clone()),
        (None, Some(file)) => std::fs::read_to_string(file)
            .map(|text| text.trim().into())
            .map_err(|source| ConfigError::SecretFile {
                name,
                file: file.to_owned(),
                source,
            }),
        _ => Err(ConfigError::OneOfTwo(name)),
    }
}

#[cfg(test)]
mod tests {
    use figment::providers::{Format, Toml};

    use super::*;

    const FILE: &str = r#"
        [http]
        public_url = "https://clinic.example"

        [database]
        url = "postgres://medconnect:5ecret@db.internal/medconnect"

        [chain]
        nodes = ["http://node-1:8545", "http://node-2:8545"]
        id = 1337
        contract = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
        namespace = 1
        finality = { confirmations = 12 }
        signer = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"

        [keys]
        master_secret = "0101010101010101010101010101010101010101010101010101010101010101"
        encryption = { name = "2026", key = "0202020202020202020202020202020202020202020202020202020202020202" }
    "#;

    fn parse(text: &str) -> Result<Config, Box<figment::Error>> {
        Figment::from(Toml::string(text)).extract().map_err(Box::new)
    }

    #[test]
    fn a_file_says_everything_and_defaults_fill_the_rest() {
        let config = parse(FILE).unwrap();
        assert_eq!(config.http.bind.port(), 8080);
        assert_eq!(config.chain.finality, FinalityRule::Confirmations(12));
        assert_eq!(
            config.chain.signer().unwrap().address().to_string(),
            "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
        );
        config.keys.master_secret().unwrap();
        assert_eq!(config.keys.encryption_keys().unwrap().current_id(), "2026");
    }

    #[test]
    fn what_is_written_reads_back() {
        let config = parse(FILE).unwrap();
        let again = parse(&config.to_toml().unwrap()).unwrap();
        assert_eq!(again.to_toml().unwrap(), config.to_toml().unwrap());
    }

    #[test]
    fn a_misspelt_setting_is_named() {
        let error = parse(&FILE.replace("public_url", "public_uri"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("public_uri"), "{error}");
    }

    #[test]
    fn a_contract_that_is_believed_is_named_once() {
        let contract = "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0";
        let recorders = |namespaces: [u32; 2]| {
            let [one, other] = namespaces.map(|of| format!("{{ contract = \"{contract}\", namespace = {of} }}"));
            let setting = format!("recorders = [{one}, {other}]\n        namespace = 1");
            parse(&FILE.replace("namespace = 1", &setting))
        };
        assert_eq!(recorders([2, 3]).unwrap().chain.recorders.len(), 2);
        let error = described(&recorders([2, 2]).unwrap_err());
        let expected = format!("`chain.recorders`: the contract {contract} is named twice with the namespace 2");
        assert_eq!(error, expected);
    }

    #[test]
    fn there_is_one_registry_of_each_kind() {
        let recorders = |registries: [&str; 2]| {
            let named = |(at, registry): (u32, &str)| {
                let contract = format!("0x{at:040x}");
                format!("{{ contract = \"{contract}\", namespace = {at}, registry = \"{registry}\" }}")
            };
            let [one, other] = [(2, registries[0]), (3, registries[1])].map(named);
            let setting = format!("recorders = [{one}, {other}]\n        namespace = 1");
            parse(&FILE.replace("namespace = 1", &setting))
        };
        let both = recorders(["consents", "practitioners"]).unwrap().chain.recorders;
        assert_eq!(both.iter().filter(|one| one.registry.is_some()).count(), 2);
        let error = described(&recorders(["consents", "consents"]).unwrap_err());
        assert_eq!(
            error,
            "`chain.recorders`: two contracts are named as the registry of consents"
        );
        let error = described(&recorders(["consents", "payments"]).unwrap_err());
        assert_eq!(error, "`chain.recorders.1.registry` is none of consents, practitioners");
    }

    #[test]
    fn a_shared_namespace_is_named_once_with_its_secrets_and_is_not_the_own_one() {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            ("1", "05"),
            ("2", "06"),
            ("3", "07"),
            ("4", "08"),
            ("own", "01"),
            ("malformed", "0"),
        ];
        let [first, second, third, fourth, own_secret, malformed] = files.map(|(name, digits)| {
            let file = folder.path().join(name);
            std::fs::write(&file, digits.repeat(32)).unwrap();
            file.to_str().unwrap().to_owned()
        });
        let sharing = |shared: &str| {
            let setting = format!("shared = [{shared}]\n        namespace = 1");
            parse(&FILE.replace("namespace = 1", &setting))
        };
        let with =
            |namespace: u32, files: [&str; 2]| format!("{{ namespace = {namespace}, secret_files = {files:?} }}");
        let one = |namespace: u32| with(namespace, [&first, &second]);
        let other = |namespace: u32| with(namespace, [&third, &fourth]);
        let secrets = sharing(&[one(3), other(4)].join(", ")).unwrap().log_secrets().unwrap();
        let shared: Vec<_> = secrets
            .check_values()
            .shared
            .iter()
            .map(|(namespace, _)| namespace.0)
            .collect();
        assert_eq!(shared, [3, 4]);
        for (wrong, words) in [
            (
                [one(3), one(3)].join(", "),
                "`chain.shared`: the namespace 3 is named twice",
            ),
            (one(0), "`chain.shared`: nobody shares the namespace 0"),
            (
                "{ namespace = 3, secret_files = [] }".to_owned(),
                "`chain.shared`: the namespace 3 has no secret",
            ),
        ] {
            assert_eq!(described(&sharing(&wrong).unwrap_err()), words);
        }
        let own = sharing(&one(1)).unwrap().log_secrets();
        assert!(matches!(own, Err(ConfigError::OwnNamespaceShared(Namespace(1)))));
        let refused = |shared: &str| sharing(shared).unwrap().log_secrets().unwrap_err();
        let missing = refused(&with(3, [&first, "/nowhere/at/all"]));
        assert!(
            matches!(&missing, ConfigError::SharedSecret { file, .. } if file.ends_with("all")),
            "{missing}"
        );
        let none = refused(&with(3, [&malformed, &first])).to_string();
        assert!(
            none.ends_with(&format!("{malformed}: a secret must be 64 hexadecimal digits")),
            "{none}"
        );
        for twice in [
            with(3, [&first, &first]),
            [one(3), with(4, [&third, &second])].join(", "),
        ] {
            let error = refused(&twice);
            assert!(matches!(error, ConfigError::SharedSecretTwice { .. }), "{error}");
        }
        let own = refused(&with(3, [&first, &own_secret]));
        assert!(matches!(own, ConfigError::OwnSecretShared(_)), "{own}");
    }

    #[test]
    fn what_cannot_be_read_is_named_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.toml");
        let refused = |from: &str, to: &str| {
            std::fs::write(&path, FILE.replace(from, to)).unwrap();
            Config::read(Some(&path)).unwrap_err().to_string()
        };
        let secret = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
        for (from, to, words) in [
            (format!("\"{secret}\""), secret.to_owned(), "in line 14"),
            (
                format!("\"{secret}\""),
                format!("[\"{secret}\"]"),
                "`chain.signer` is a list, not a string",
            ),
            (
                "contract = \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"".to_owned(),
                format!("contract = \"{secret}\""),
                "`chain.contract` is not",
            ),
            (
                "id = 1337".to_owned(),
                "id = \"5ecret\"".to_owned(),
                "`chain.id` is a string",
            ),
            (
                "nodes =".to_owned(),
                "node =".to_owned(),
                "there is no setting `chain.node`",
            ),
            ("id = 1337".to_owned(), String::new(), "`chain.id` is missing"),
            (
                "namespace = 1".to_owned(),
                "namespace = \"1\"".to_owned(),
                "`chain.namespace` is a string",
            ),
        ] {
            let said = refused(&from, &to);
            assert!(said.contains(words), "{said}");
            assert!(!said.contains(secret) && !said.contains("5ecret"), "{said}");
        }
    }

    #[test]
    fn secrets_do_not_show_and_come_from_one_place() {
        let config = parse(FILE).unwrap();
        let shown = format!("{config:?}");
        for secret in ["5ecret", "ac0974", "0101", "0202"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        let both = parse(&FILE.replace(
            "master_secret =",
            "master_secret_file = \"/etc/x\"\n        master_secret =",
        ));
        assert!(matches!(
            both.unwrap().keys.master_secret(),
            Err(ConfigError::OneOfTwo("keys.master_secret"))
        ));
    }

    #[test]
    fn channels_that_cannot_be_used_are_refused_and_named() {
        let mail = |more: &str| {
            let organisation = if more.contains("organisation") {
                ""
            } else {
                "organisation = \"The Clinic\","
            };
            let setting =
                format!("[notifications]\nmail = {{ host = \"mail.clinic.example\", {organisation} {more} }}");
            let config = parse(&format!("{FILE}\n{setting}")).unwrap();
            config.notifications.mail.unwrap().smtp().map(drop)
        };
        let from = "from = \"The Clinic <noreply@clinic.example>\"";
        mail(from).unwrap();
        mail(&format!("{from}, user = \"clinic\", password = \"s3cret\"")).unwrap();
        for (more, words) in [
            ("from = \"nobody\"".to_owned(), "`nobody` is not a mail address"),
            (
                format!("{from}, overseers = \"all of them\""),
                "`all of them` is not a mail address",
            ),
            (format!("{from}, password = \"s3cret\""), "a password and no `user`"),
            (
                format!("{from}, user = \"clinic\""),
                "either `notifications.mail.password` or `notifications.mail.password_file`",
            ),
            (
                format!("{from}, protection = \"none\", user = \"clinic\", password = \"s3cret\""),
                "`protection` is \"none\"",
            ),
            (
                format!("{from}, organisation = \"The\\nClinic\""),
                "`notifications.mail.organisation` must be a line",
            ),
            (format!("{from}, organisation = \" \""), "must be a line"),
            (
                format!("{from}, sign_in_at = \"javascript:alert(1)\""),
                "`notifications.mail.sign_in_at` must begin with",
            ),
            (
                format!("{from}, certificate_file = \"/dev/null\""),
                "has no certificate",
            ),
            (
                format!("{from}, certificate_file = \"/nowhere\""),
                "`notifications.mail.certificate_file`",
            ),
        ] {
            let said = mail(&more).unwrap_err().to_string();
            assert!(said.contains(words) && !said.contains("s3cret"), "{said}");
        }
        let webhook = |url: &str, secret: &str| {
            let setting = format!("[notifications]\nwebhook = {{ url = \"{url}\", secret = \"{secret}\" }}");
            let config = parse(&format!("{FILE}\n{setting}")).unwrap();
            assert!(!format!("{config:?}").contains(secret));
            config.notifications.webhook.unwrap().sender().map(drop)
        };
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLjSw";
        webhook("https://portal.clinic.example", secret).unwrap();
        for (url, secret) in [
            ("http://portal.clinic.example", secret),
            ("https://portal.clinic.example", "guessed"),
        ] {
            let said = webhook(url, secret).unwrap_err().to_string();
            assert!(
                said.starts_with("`notifications.webhook` cannot be used: ") && !said.contains("guessed"),
                "{said}"
            );
        }
    }

    #[test]
    fn a_secret_may_stand_in_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("master");
        std::fs::write(&file, format!("{}\n", "03".repeat(32))).unwrap();
        let keys = KeysConfig {
            master_secret_file: Some(file),
            ..KeysConfig::default()
        };
        keys.master_secret().unwrap();
    }
}
