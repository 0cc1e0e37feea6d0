//! `medconnect import`

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use api_dev::data_dir::DataDir;
use api_dev::running::Running;
use api_import::client::Client;
use api_import::{Options, files};
use chrono_tz::Tz;
use clap::Args;
use indicatif::ProgressBar;
use secrecy::SecretString;

use super::{CliError, console};

/// The environment variable with the service key.
const KEY: &str = "MEDCONNECT_KEY";

/// How many files are named that are not read.
const MOST_NAMES: usize = 10;

/// How often progress is told where there is no terminal.
const TOLD: Duration = Duration::from_secs(5);

/// Import FHIR R4: patients with their charts, doctors, a visit for every encounter.
///
/// Files are bundles of the types transaction, batch, history, collection, searchset, document and message, or resources on their
/// own; several may follow one another in a file, and in .ndjson each line is one. All files of a run are one: a reference may name
/// what stands in another of them, and of several states of a resource the newest counts (by date, then meta.versionId, then the order
/// of the files and in them). The date of a state is meta.lastUpdated, or when its server stored it, or, of a condition, an allergy or
/// a medication, Bundle.timestamp. A condition, an allergy or a medication without a date is as of the moment of the import. A visit without
/// a date is so too within one run, unless it is still open: then it is older than any state in which it is over. In several runs, states
/// of a visit of which one has no date count in the order of the runs.
///
/// Resources that tell no address on a server (Bundle.entry.fullUrl) are taken for one server's, as the files of a bulk export are. So
/// exports of several servers that have ids alone, and the same ones (Medication/7), belong in a run for each.
///
/// Importing again adds nothing, and an import that was interrupted is finished by running it again. A patient whose source has
/// changed is brought up to date entry by entry, and so are visits and doctors; what is not told again stays, and a doctor's time zone
/// always does. A state that is older than what is recorded adds what newer ones do not tell, changes nothing else, and brings nothing
/// back that was taken back. Two persons who share an identifier are not made one: they are told apart by another identifier, or
/// refused by name. What is deleted at the source is treated as what was entered in error there: a visit of that kind stays with the
/// status entered-in-error and counts no more. The record of a patient who is deleted there stays, and nothing of them is imported.
///
/// Whatever is not taken as it stands is named and counted, --json has all of it:
///
/// - left out: it is lost, though a record has a place for it. It cannot be read, contradicts itself, names what is in none of the
///   files, or is more than a record takes. An allergy that an older state would bring back is among it.
///
/// - no place: a record keeps no such thing by design. Former names and addresses, the second of several names, codes, reasons or
///   participants, drafts and proposals, allergies that are no longer active; elements that nobody reads (as in Patient.photo), and
///   kinds of resources that are not imported.
///
/// - passed over: nothing is lost. It says of itself that it is not so, or is older than what is recorded.
///
/// - changed: it is taken, and not just as the source has it.
///
/// Without --url it is the system that `medconnect dev` runs on this machine, with its demo hospital's key.
///
/// Exit codes: 0 everything was taken that a record has a place for; 1 a file, a person, a doctor or a visit failed (they are named,
/// and the others are in); 2 nothing could be tried; 3 nothing failed, and something was left out. What was left out is listed once
/// more at the end. 3 is common with large exports: in Synthea's, for one, two patients now and then have the same number of a
/// driver's licence, which then names neither of them and is not recorded.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The files to import (.json, .ndjson, either as .gz; names in any case), and folders of them
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// The URL of the server
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// A file with the key of a hospital's service, with the scopes read, write and import. MEDCONNECT_KEY has the key itself.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The data directory of the system on this machine [default: as for `medconnect dev`]
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// The doctors' time zone (IANA): it decides when their days begin and end, and holds for times without a zone. A doctor who is
    /// registered already keeps theirs
    #[arg(long, value_name = "ZONE", default_value_t = Tz::UTC, value_parser = time_zone)]
    time_zone: Tz,
    /// The number of commands that are under way at once
    #[arg(long, value_name = "COUNT", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024))]
    concurrency: u16,
    /// The number of seconds for which a server that is away or busy is waited for. Each request waits 10 seconds at least
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    patience: u64,
    /// Only check: say all of it, with the same exit code as far as can be known without a server, and send nothing. Neither a
    /// server nor a key is needed
    #[arg(long)]
    check: bool,
    /// Print the closing table as JSON
    #[arg(long)]
    json: bool,
}

fn time_zone(name: &str) -> Result<Tz, String> {
    name.parse()
        .map_err(|_| "not a time zone of the IANA database, such as Europe/London".to_owned())
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, CliError> {
    let found = files::find(&arguments.paths).map_err(CliError::Usage)?;
    if !found.others.is_empty() {
        let names: Vec<String> = found
            .others
            .iter()
            .take(MOST_NAMES)
            .map(|path| path.display().to_string())
            .collect();
        let count = found.others.len();
        console::note(format!(
            "{count} files are not FHIR by their names, and are not read: {}",
            names.join(", ")
        ));
    }
    let client = if arguments.check {
        None
    } else {
        Some(client(&arguments).await?)
    };
    let progress = console::bar();
    let teller = progress.is_hidden().then(|| tokio::spawn(tell(progress.clone())));
    let options = Options {
        concurrency: usize::from(arguments.concurrency),
        time_zone: arguments.time_zone,
    };
    let summary = api_import::run(client, found.files, options, &progress).await;
    if let Some(teller) = teller {
        teller.abort();
    }
    console::result(if arguments.json {
        serde_json::to_string(&summary).map_err(CliError::other)?
    } else {
        summary.table()
    });
    Ok(summary.exit_code())
}

async fn client(arguments: &Arguments) -> Result<Client, CliError> {
    let folder = arguments.data_dir.clone().unwrap_or_else(DataDir::default_path);
    let running = Running::find(&folder)?;
    let given = match &arguments.key_file {
        Some(path) => {
            let unread = |error| CliError::Usage(format!("{} cannot be read: {error}", path.display()));
            Some(std::fs::read_to_string(path).map_err(unread)?)
        }
        None => std::env::var(KEY).ok(),
    };
    // The demo's key is for the demo's server: no other one is shown it.
    let own_server = arguments.url.is_none();
    let url = match (&arguments.url, &running) {
        (Some(url), _) => url.clone(),
        (None, Some(running)) => running.url.clone(),
        (None, None) => return Err(CliError::NoServer(folder)),
    };
    let demo_key = running.and_then(|running| running.hospital_key).filter(|_| own_server);
    let key = given
        .or(demo_key)
        .ok_or_else(|| CliError::Usage(format!("a service key is needed: give --key-file, or set {KEY}")))?;
    check(&url, key.trim()).await?;
    let key = SecretString::from(key.trim());
    Client::new(&url, key, Duration::from_secs(arguments.patience)).map_err(CliError::other)
}

/// Is there a server, and does it take the key? Better said once than for every file.
async fn check(url: &str, key: &str) -> Result<(), CliError> {
    let me = format!("{}/v1/me", url.trim_end_matches('/'));
    let answer = reqwest::Client::new()
        .get(me)
        .bearer_auth(key)
        .timeout(Duration::from_secs(30))
        .send()
        .await;
    match answer {
        Ok(answer) if answer.status() == reqwest::StatusCode::UNAUTHORIZED => Err(CliError::Usage(format!(
            "the server at {url} does not know the service key"
        ))),
        // Busy or restarting: the import has patience with that.
        Ok(_) => Ok(()),
        Err(error) => Err(CliError::Usage(format!(
            "no server answers at {url}: {}",
            error.without_url()
        ))),
    }
}

/// A line now and then, for logs.
async fn tell(progress: ProgressBar) {
    loop {
        tokio::time::sleep(TOLD).await;
        console::note(format!(
            "{}: {} of {}",
            progress.message(),
            progress.position(),
            progress.length().unwrap_or(0)
        ));
    }
}
