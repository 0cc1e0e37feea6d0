//! `medconnect check-node`: what a node gives and lacks, each with what to do about it.
//!
//! It only asks: nothing is signed, no transaction is sent, and no key is needed. Every question has a time limit, and all of
//! them together have one.
//!
//! - `line`: asks the node, and hands on what it answers as it is.
//! - `identity`, `fees`, `rules`, `contract`, `limits`, `finality`, `history`: what is looked at, by subject.
//! - [`report`]: what was found.

mod contract;
mod fees;
mod finality;
mod history;
mod identity;
mod limits;
mod line;
pub mod report;
mod rules;

use std::time::Duration;

use infrastructure::chain::Address;
use tokio::time::{Instant, timeout_at};

use line::Line;
pub use line::NoAnswer;
use report::{Finding, Report};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// The node.
    pub url: String,
    /// The account that is to deploy or append, if it is known.
    pub account: Option<Address>,
    /// The first block that is needed, if it is known: the one that deployed the contract.
    pub since: Option<u64>,
    /// How long everything may take.
    pub patience: Duration,
}

/// The newest block, as far as the checks need it.
struct Head {
    number: u64,
    hash: String,
    /// In seconds since the Unix epoch.
    timestamp: u64,
    gas_limit: u64,
    /// In wei; `None` before EIP-1559.
    base_fee: Option<u128>,
}

/// The subjects, in the order in which they are looked at.
const SUBJECTS: [&str; 7] = [
    "fees",
    "gas rules",
    "contract",
    "limits",
    "finality",
    "sending",
    "history",
];

/// Looks at a node. `progress` is told what is being looked at.
///
/// # Errors
/// When nothing that speaks JSON-RPC answers, or it says nothing about its chain: then there is nothing to report.
pub async fn run(options: &Options, progress: &(dyn Fn(&str) + Sync)) -> Result<Report, NoAnswer> {
    let deadline = Instant::now() + options.patience;
    let line = Line::to(&options.url)?;
    progress("who answers");
    let (mut findings, head) = match timeout_at(deadline, identity::look(&line)).await {
        Ok(found) => found?,
        Err(_) => return Err(NoAnswer::Late),
    };
    let Some(head) = head else {
        return Ok(Report::of(findings));
    };
    for subject in SUBJECTS {
        progress(subject);
        match timeout_at(deadline, look(subject, &line, &head, options)).await {
            Ok(found) => findings.extend(found),
            Err(_) => findings.push(Finding::unknown(
                subject,
                "there was no time left to look at it",
                "try again, with a larger --patience if the node is slow",
            )),
        }
    }
    findings.push(identity::speed(&line));
    Ok(Report::of(findings))
}

async fn look(subject: &'static str, line: &Line, head: &Head, options: &Options) -> Vec<Finding> {
    match subject {
        "fees" => fees::look(line, head, options.account).await,
        "gas rules" => rules::look(line).await,
        "contract" => contract::look(line, head, options.account).await,
        "limits" => limits::look(line, head).await,
        "finality" => vec![finality::look(line, head).await],
        "sending" => contract::sending(line, options.account).await,
        _ => history::look(line, head, options.since).await,
    }
}
