//! `medconnect audit verify`

use std::process::ExitCode;

use api_audit::Verdict;
use clap::Args;

use super::shown::Shown;
use super::source::Source;
use super::{CliError, FAULT, IN_PART, console};

/// Prove that a node shows the whole log as it is, up to a block whose hash is trusted.
///
/// The node may lie about everything; no answer of a server or a database is used, and no key. Where the hash comes from decides what the proof
/// is worth: from a node of your own, from several that do not know of each other, or from whoever you would believe. Proved are: the headers from
/// that block back to the first entry; the transactions and receipts of every block that may hold something of the log; that no entry or rejected
/// commit is missing, invented, changed, or in another place; that streams and commits are whole; that whoever wrote or administered could; and that the
/// node's own list of entries is the same. By proofs against the block's state root: the contract's code, and the head of its log. What entries hold
/// is never shown.
///
/// Nodes give proofs of the state of recent blocks only, unless they are archives: take a recent block.
///
/// Exit codes: 0 all of it is proved; 1 there is nothing to look at: the node does not give it, has no such block, or no contract stands at the address; 2 the arguments cannot be used; 3 it is proved only in part, for the chain has no state roots or the node gives no proofs; 4 something cannot be true: the first such place is
/// shown.
#[derive(Debug, Args)]
pub(super) struct Verify {
    #[command(flatten)]
    source: Source,
}

impl Verify {
    pub(super) async fn run(self) -> Result<ExitCode, CliError> {
        let (node, contract) = self.source.log().await?;
        let shown = Shown::default();
        let audited = api_audit::verify(&node, contract, self.source.block, &|progress| shown.show(progress)).await;
        shown.finish();
        let report = audited?.report;
        console::result(if self.source.json {
            serde_json::to_string_pretty(&report).map_err(CliError::other)?
        } else {
            report.told()
        });
        Ok(match report.verdict {
            Verdict::Proved => ExitCode::SUCCESS,
            Verdict::InPart => ExitCode::from(IN_PART),
            Verdict::Fault => ExitCode::from(FAULT),
        })
    }
}
