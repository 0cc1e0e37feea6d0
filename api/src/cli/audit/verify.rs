//! `medconnect audit verify`

use std::process::ExitCode;

use api_audit::{Report, Verdict};
use api_config::{Config, pools};
use api_server::ComposeError;
use clap::Args;
use infrastructure::chain::{Address, EventLog, Node};
use serde::Serialize;

use super::super::stop::Stop;
use super::shown::Shown;
use super::source::Source;
use super::{CliError, FAULT, IN_PART, console, database, keyed};

/// Prove that a node shows the whole log as it is, up to a block whose hash is trusted.
///
/// The node may lie about everything; for the proof no answer of a server or a database is used, and no key. Where the hash comes from decides what the proof
/// is worth: from a node of your own, from several that do not know of each other, or from whoever you would believe. Proved are: the headers from
/// that block back to the first entry; the transactions and receipts of every block that may hold something of the log; that no entry or rejected
/// commit is missing, invented, changed, or in another place; that streams and commits are whole; that whoever wrote or administered could; and that the
/// node's own list of entries is the same. By proofs against the block's state root: the contract's code, and the head of its log. What entries hold
/// is never shown.
///
/// Nodes give proofs of the state of recent blocks only, unless they are archives: take a recent block.
///
/// With --with-keys it goes on from the proof to what the entries say, and to what the database shows.
///
/// Exit codes: 0 all of it is proved; 1 there is nothing to look at: the node does not give it, has no such block, or no contract stands at the address; 2 the arguments cannot be used (with keys also: the configuration, such as another secret than the database's, or a role that may not create schemas); 3 it is proved only in part, for the chain has no state roots or the node gives no proofs (with keys also: something is parked, or the database could not be compared, or it failed on the way); 4 something cannot be true: the first such place is
/// shown (with keys also: an event contradicts the rules, or the database is not what the log gives); 130 it was stopped.
#[derive(Debug, Args)]
pub(super) struct Verify {
    #[command(flatten)]
    source: Source,
    /// After the proof, open everything with the keys of --config and fold it afresh, beside what is live
    ///
    /// Each event is held against the state that those before it leave: a slot booked twice, a name claimed that is another's, whatever no command could have
    /// decided, is told with its place and the rule. Then the read models of the configured database are compared with what the log gives, table by table, at
    /// the position where the database stands. It needs the right to create a schema there, which is removed in the end; and room for what the read models
    /// take. A server and a rebuild go on meanwhile.
    #[arg(long, requires = "config")]
    with_keys: bool,
}

/// Makes sure that something can be folded beside the configured database, with the configured secret.
async fn confirm(config: &Config) -> Result<(), CliError> {
    let pool = pools::for_long_work(&config.database).map_err(ComposeError::from)?;
    let secret = config.keys.master_secret()?;
    let confirming = async {
        database::confirm_secret(&pool, &secret).await?;
        database::confirm_room(&pool).await
    };
    let confirmed = confirming.await;
    pool.close().await;
    confirmed
}

impl Verify {
    pub(super) async fn run(self) -> Result<ExitCode, CliError> {
        // Before anything that takes long: what is configured badly is said at once.
        let config = self.with_keys.then(|| Config::read(self.source.config.as_deref()));
        let config = config.transpose()?;
        let proof = Stop::listen()?.forcing(self.prove(config.as_ref())).await;
        let (node, contract, report) = proof?;
        match config {
            Some(config) => {
                let report = keyed::refold(&config, EventLog::new(node, contract), report).await?;
                self.tell(&report, report.told(), report.proof.verdict)
            }
            None => self.tell(&report, report.told(), report.verdict),
        }
    }

    async fn prove(&self, config: Option<&Config>) -> Result<(Node, Address, Report), CliError> {
        let (node, contract) = self.source.log().await?;
        if let Some(config) = config {
            confirm(config).await?;
        }
        let shown = Shown::default();
        let audited = api_audit::verify(&node, contract, self.source.block, &|progress| shown.show(progress)).await;
        shown.finish();
        Ok((node, contract, audited?.report))
    }

    fn tell(&self, report: &impl Serialize, told: String, verdict: Verdict) -> Result<ExitCode, CliError> {
        console::result(if self.source.json {
            serde_json::to_string_pretty(report).map_err(CliError::other)?
        } else {
            told
        });
        Ok(match verdict {
            Verdict::Proved => ExitCode::SUCCESS,
            Verdict::InPart => ExitCode::from(IN_PART),
            Verdict::Fault => ExitCode::from(FAULT),
        })
    }
}
