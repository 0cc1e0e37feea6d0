//! `medconnect namespace`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use infrastructure::chain::deploy::{self, Deployment, Standing};
use infrastructure::chain::namespaces::{Administration, NamespaceError};
use infrastructure::chain::{Address, EventLog};
use infrastructure::keys::{EpochCommitment, EpochNumber, MasterSecret};
use infrastructure::log::Namespace;
use infrastructure::sealing::Profile;

use super::deploy::{KEY, TWO_DAYS, account, key, node, print};
use super::{CliError, console};

/// Administer a namespace of an event log: who writes in it, what is published about it, and whose it is.
///
/// Its owner alone does, with a key that no server needs. Everything done stands in the log, where anybody can read it. What is so already is not
/// done again, so each of these can be repeated; but each `open` opens another namespace, and each `publish` publishes again.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Open a namespace in a contract that stands, and print it as `medconnect serve` wants it. The key pays, and owns the namespace.
    Open {
        #[command(flatten)]
        contract: Contract,
        #[command(flatten)]
        account: Account,
        /// An account that may append: the address of a server's signing key; more than one may be given
        #[arg(long, value_name = "ADDRESS", value_parser = account)]
        writer: Vec<Address>,
        /// For how many seconds nobody can accept the namespace once it was offered to them
        #[arg(long, value_name = "SECONDS", default_value_t = TWO_DAYS)]
        delay: u32,
        /// The block that deployed the contract. Of an earlier one more of the chain is read at first.
        #[arg(long, value_name = "BLOCK", default_value_t = 0)]
        deployed_in: u64,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Let accounts append: the addresses of servers' signing keys.
    Admit {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        account: Account,
        /// The accounts
        #[arg(value_name = "ADDRESS", required = true, value_parser = account)]
        writers: Vec<Address>,
    },
    /// Let accounts append no longer. What they have appended stays.
    Dismiss {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        account: Account,
        /// The accounts
        #[arg(value_name = "ADDRESS", required = true, value_parser = account)]
        writers: Vec<Address>,
    },
    /// Publish what holds in the namespace from then on: epochs, under whose secrets its events are sealed (`medconnect keys epoch` prepares one and names it), or
    /// where the organisation's server is.
    ///
    /// It adds to what was published before, and cannot be taken back. An epoch that is not the next one is passed over by everybody. First see to it that the epoch's secret is in a backup, and in every database that
    /// follows the log: a server that has it not stops following when it meets the first event of the epoch, and goes on once the secret is there. Events are
    /// sealed under the new secret as soon as the publication is final.
    Publish {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        account: Account,
        /// An epoch: its number, and what its secret commits to (64 hexadecimal digits); more than one may be given
        #[arg(long, value_name = "NUMBER:COMMITMENT", value_parser = epoch, required_unless_present_any = ["epoch_file", "endpoint"])]
        epoch: Vec<(EpochNumber, EpochCommitment)>,
        /// An epoch of a namespace that is shared: its number, and the file of its secret, which is named in `chain.shared`; more than one may be given
        #[arg(long, value_name = "NUMBER:FILE", value_parser = epoch_of_file)]
        epoch_file: Vec<(EpochNumber, EpochCommitment)>,
        /// The https URL of the organisation's server
        #[arg(long, value_name = "URL", value_parser = endpoint)]
        endpoint: Option<String>,
    },
    /// Offer the namespace to another owner, who accepts it once the namespace's delay has passed. Until they do it can be taken back
    /// (--take-back), or offered to another one.
    Offer {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        account: Account,
        /// The account of the new owner, or else --take-back
        #[arg(value_name = "ADDRESS", required_unless_present = "take_back", value_parser = account)]
        candidate: Option<Address>,
        /// Offer it to nobody any more
        #[arg(long, conflicts_with = "candidate")]
        take_back: bool,
    },
    /// Accept the namespace that was offered to the account.
    Accept {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        account: Account,
    },
    /// Say whose the namespace is, to whom it is offered, and of accounts whether they write in it. No key is needed.
    Show {
        #[command(flatten)]
        place: Place,
        /// Accounts to look at
        #[arg(value_name = "ADDRESS", value_parser = account)]
        accounts: Vec<Address>,
    },
}

/// A contract.
#[derive(Debug, Args)]
pub(super) struct Contract {
    /// JSON-RPC URL of a node; more than one may be given
    #[arg(long, value_name = "URL", required = true)]
    pub(super) node: Vec<String>,
    /// The address of the EventLog contract
    #[arg(long, value_name = "ADDRESS")]
    contract: Address,
}

/// A namespace in it.
#[derive(Debug, Args)]
struct Place {
    #[command(flatten)]
    contract: Contract,
    /// The number of the namespace
    #[arg(long, value_name = "NUMBER")]
    namespace: u32,
}

/// Who acts.
#[derive(Debug, Args)]
pub(super) struct Account {
    /// A file with the account's private key: 64 hexadecimal digits. MEDCONNECT_DEPLOYER_KEY has the key itself.
    #[arg(long, value_name = "FILE")]
    pub(super) key_file: Option<PathBuf>,
}

impl Contract {
    /// The log, once it was seen to stand there.
    pub(super) async fn found(&self) -> Result<EventLog, CliError> {
        let node = node(&self.node).await?;
        let standing = Standing {
            chain_id: node.chain_id(),
            address: self.contract,
        };
        deploy::verify(&node, &standing).await?;
        Ok(EventLog::new(node, self.contract))
    }

    /// Whoever acts in it.
    async fn administered_by(&self, account: Account) -> Result<Administration<impl Fn(&str)>, CliError> {
        let key = key(account.key_file, KEY)?;
        Ok(Administration::of(self.found().await?, key, |said: &str| {
            console::note(said)
        }))
    }
}

impl Place {
    const fn namespace(&self) -> Namespace {
        Namespace(self.namespace)
    }
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, CliError> {
    match arguments.command {
        Command::Open {
            contract,
            account,
            writer,
            delay,
            deployed_in,
            json,
        } => {
            let administration = contract.administered_by(account).await?;
            let namespace = administration.open(delay).await?;
            for writer in writer {
                administration.admit(namespace, writer).await?;
            }
            let deployment = Deployment {
                chain_id: administration.log().node().chain_id(),
                address: contract.contract,
                block: deployed_in,
                namespace,
            };
            return print(&contract.node, &deployment, json);
        }
        Command::Admit {
            place,
            account,
            writers,
        } => {
            let administration = place.contract.administered_by(account).await?;
            for writer in writers {
                administration.admit(place.namespace(), writer).await?;
            }
        }
        Command::Dismiss {
            place,
            account,
            writers,
        } => {
            let administration = place.contract.administered_by(account).await?;
            for writer in writers {
                administration.dismiss(place.namespace(), writer).await?;
            }
        }
        Command::Publish {
            place,
            account,
            epoch,
            epoch_file,
            endpoint,
        } => {
            // They follow each other.
            let mut epochs = [epoch, epoch_file].concat();
            epochs.sort_unstable_by_key(|(number, _)| *number);
            let profile = Profile {
                epochs,
                formats: Vec::new(),
                endpoint,
            };
            let administration = place.contract.administered_by(account).await?;
            administration.publish(place.namespace(), &profile.write()).await?;
        }
        Command::Offer {
            place,
            account,
            candidate,
            take_back: _,
        } => {
            let administration = place.contract.administered_by(account).await?;
            match candidate {
                Some(candidate) => administration.offer(place.namespace(), candidate).await?,
                None => administration.take_back(place.namespace()).await?,
            }
        }
        Command::Accept { place, account } => {
            let administration = place.contract.administered_by(account).await?;
            administration.accept(place.namespace()).await?;
        }
        Command::Show { place, accounts } => show(&place, &accounts).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// An epoch, as `medconnect keys epoch` names it.
fn epoch(text: &str) -> Result<(EpochNumber, EpochCommitment), String> {
    let malformed = || "an epoch is its number, a colon, and 64 hexadecimal digits".to_owned();
    let (number, commitment) = text.split_once(':').ok_or_else(malformed)?;
    let number = number.parse().map_err(|_| malformed())?;
    let mut bytes = EpochCommitment::default();
    hex::decode_to_slice(commitment, &mut bytes).map_err(|_| malformed())?;
    if number == 0 {
        return Err("the first epoch, number 0, is that of the master secret: it is not published".to_owned());
    }
    Ok((number, bytes))
}

/// An epoch, by the file of its secret.
fn epoch_of_file(text: &str) -> Result<(EpochNumber, EpochCommitment), String> {
    let malformed = || "an epoch is its number, from 1 on, a colon, and a file".to_owned();
    let (number, file) = text.split_once(':').ok_or_else(malformed)?;
    let number = number.parse().ok().filter(|number| *number > 0).ok_or_else(malformed)?;
    let secret = MasterSecret::from_file(Path::new(file)).map_err(|error| error.to_string())?;
    Ok((number, secret.first_epoch().commitment()))
}

fn endpoint(text: &str) -> Result<String, String> {
    let url = reqwest::Url::parse(text).map_err(|error| error.to_string())?;
    if url.scheme() == "https" && url.username().is_empty() && url.password().is_none() {
        Ok(text.to_owned())
    } else {
        Err("it must be an https URL, without a name and a password".to_owned())
    }
}

async fn show(place: &Place, accounts: &[Address]) -> Result<(), CliError> {
    let (log, namespace) = (place.contract.found().await?, place.namespace());
    let state = log.namespace_at(namespace).await?;
    let state = state.ok_or(NamespaceError::Unknown(namespace))?;
    let kind = if state.is_sealed {
        "sealed events"
    } else {
        "plain entries"
    };
    console::result(format!(
        "owner: {}\ntakes: {kind}\ndelay: {} seconds",
        state.owner, state.delay
    ));
    if let Some(candidate) = state.candidate {
        let from = i64::try_from(state.acceptable_from).unwrap_or(i64::MAX);
        let from =
            chrono::DateTime::from_timestamp(from, 0).map_or_else(|| "never".to_owned(), |from| from.to_rfc3339());
        console::result(format!("offered to: {candidate}, who can accept it from {from} on"));
    }
    for account in accounts {
        let writes = log.writer_of(namespace, *account).await?;
        let writes = writes.map_or_else(|| "no writer".to_owned(), |number| format!("writer {number}"));
        console::result(format!("{account}: {writes}"));
    }
    Ok(())
}
