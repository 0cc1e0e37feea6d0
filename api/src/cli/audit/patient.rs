//! `medconnect audit patient`

use std::process::ExitCode;
use std::sync::Arc;

use api_audit::{AuditError, Completeness};
use api_config::{ChainConfig, DatabaseConfig, KeysConfig, pools};
use api_server::ComposeError;
use clap::Args;
use infrastructure::follower::RecordNames;
use infrastructure::keys::KeyRing;
use infrastructure::log::LogLocation;
use infrastructure::sealing::Opener;
use uuid::Uuid;

use super::super::stop::Stop;
use super::shown::Shown;
use super::source::Source;
use super::{CliError, FAULT, IN_PART, console, database};

/// Prove that one patient's history is complete, and say what it is made of.
///
/// The node may lie about everything; no server's answer is used. From the configuration come the organisation's secret, which names the chapters of the patient's record, and the
/// keys, which are in the database: of that nothing else is read, but whether it is used with this secret. Proved are, against the hash of the block that is trusted, for one chapter after the other as far as they are closed: how many entries it has, by
/// the contract's state; the headers back to the first of them; the transactions and receipts of every block that may hold one. So none is missing, invented,
/// changed, or in another place. Then each is opened by the rules of a server that follows the log, and told are its version, position, block, times, type,
/// and whether it counts: counted, unreadable (without its personal section), void (not authentic), parked (its key is missing, or stands behind such a
/// one), sealed (the keys are destroyed). What an entry says is never shown.
///
/// It is the patient's own record: who they are, their chart, their encounters. What stands elsewhere is not: appointments are in the calendars of doctors, accounts
/// and claimed names in streams of their own. `audit verify` proves the log whole, with these.
///
/// Of somebody erased the history is proved all the same; its entries are sealed.
///
/// The block's hash decides what the proof is worth: see `medconnect audit verify --help`. Take a recent block.
///
/// Exit codes: 0 the history is complete; 1 there is nothing to look at: no such patient, no such block, no contract, or the node or the database does not answer; 2 the arguments or the configuration cannot be used, such as another secret than the database's; 3 it is proved only in part, for the chain has no state roots or the node gives no proofs; 4 it is not complete, or
/// not what the chain has: the first such place is shown; 130 it was stopped.
#[derive(Debug, Args)]
pub(super) struct Patient {
    /// The patient's id, as the API has it
    #[arg(value_name = "ID")]
    id: Uuid,
    #[command(flatten)]
    source: Source,
}

impl Patient {
    pub(super) async fn run(self) -> Result<ExitCode, CliError> {
        Stop::listen()?.forcing(self.audit()).await
    }

    async fn audit(self) -> Result<ExitCode, CliError> {
        let file = self.source.config.as_deref();
        let keys = KeysConfig::read(file)?;
        let (master, encryption) = (keys.master_secret()?, keys.encryption_keys()?);
        let namespace = ChainConfig::read(file)?.namespace;
        let pool = pools::for_long_work(&DatabaseConfig::read(file)?).map_err(ComposeError::from)?;
        database::confirm_secret(&pool, &master).await?;
        let (node, contract) = self.source.log().await?;
        let location = LogLocation {
            chain_id: node.chain_id(),
            contract: contract.0,
            namespace,
        };
        let opener = Opener::new(location, &master, Arc::new(KeyRing::new(pool.clone(), encryption)));
        let names = RecordNames::new(&master, location, self.id);

        let shown = Shown::default();
        let tell = |progress| shown.show(progress);
        let audited = api_audit::patient(
            &node,
            contract,
            self.source.block,
            &|number| names.chapter(number),
            Some(&opener),
            &tell,
        )
        .await;
        shown.finish();
        pool.close().await;
        let report = audited.map_err(|error| match error {
            AuditError::NoPatient { .. } => CliError::other(error),
            other => database::told(other.into()),
        })?;
        console::result(if self.source.json {
            serde_json::to_string_pretty(&report).map_err(CliError::other)?
        } else {
            report.told()
        });
        Ok(match report.verdict {
            Completeness::Complete => ExitCode::SUCCESS,
            Completeness::InPart => ExitCode::from(IN_PART),
            Completeness::NotComplete => ExitCode::from(FAULT),
        })
    }
}
