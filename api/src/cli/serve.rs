//! `medconnect serve`

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;

use api_config::Config;
use api_server::System;
use clap::Args;

use super::stop::Stop;
use super::{CliError, console, logging};

/// Run a server: REST interface, appender and follower.
///
/// Settings come from a TOML file and from the environment, which wins: `database.url` is MEDCONNECT_DATABASE__URL there.
///
///   http.public_url         the address that people sign in at (required); http.bind (127.0.0.1:8080), http.body_limit,
///                           http.concurrency, http.workers, http.command_wait_seconds, http.claim_seconds,
///                           http.session_idle_minutes, http.session_hours,
///                           http.invitation_hours (168)
///   http.registration       "invitation" (the default), "approval" (whoever has signed in asks, and a hospital decides) or
///                           "open" (any wallet registers itself); http.registration_request_hours (336)
///   http.trusted_proxies    networks such as "10.0.0.0/8"; http.forwarded_header, "x-forwarded-for" or "forwarded"
///   limits.*                a minute: sign_ins_per_address (600), sign_ins_per_wallet (20), commands_per_person (120),
///                           commands_per_service; an hour: registration_requests_per_address (60); a day:
///                           bytes_per_person (8388608); at once: open_bookings (10), sessions_per_wallet (10),
///                           registration_requests (1000)
///   database.url            postgres://user:password@host/database (required); database.connections (32)
///                           for requests; database.follower_connections (4), database.appender_connections (4) and
///                           database.upkeep_connections (4) beside them
///   chain.nodes             JSON-RPC URLs, the preferred one first (required)
///   chain.id                the chain id (required)
///   chain.contract          the address of the EventLog contract (required); chain.deployed_in, its block
///   chain.namespace         the organisation's namespace in it (required)
///   chain.finality          "instant", "finalized" (the default), or { confirmations = 12 }
///   chain.recorders         other contracts whose plain entries are believed, each { contract = ADDRESS, namespace = NUMBER, registry =
///                           "consents" or "practitioners" }, without `registry` if it is neither
///   chain.shared            namespaces that are shared with other organisations, each { namespace = NUMBER, secret_files = [FILE, …] }
///   chain.signer            the private key that appends and pays, one for each server; or chain.signer_file
///   keys.master_secret      the organisation's master secret, the same on all its servers; or keys.master_secret_file
///   keys.encryption         { name = "2026", key = "…" } or { name = "2026", key_file = "…" }: wraps the patients' keys;
///                           keys.former lists the ones before it
///   records.chapter_entries how many entries a chapter of a patient's record has before the next one begins (1024)
///   records.log_reads_after_seconds
///                           after how many seconds, and by chance up to as many again, what was read of a patient is put into the log,
///                           all of it together (3600)
///   records.justify_emergencies_within_seconds
///                           within how many seconds a practitioner justifies that they have opened a record in an emergency, before it is
///                           flagged (86400)
///   records.patients_erase_themselves
///                           whether patients have themselves erased; otherwise `medconnect keys erase` does it for them (true)
///   notifications.mail      how people outside are told by mail that there is something to look at: { host = "…", from = "…",
///                           organisation = "…", … }
///   notifications.webhook   how another system of the organisation's is told: { url = "…", secret_file = "…" }
///   bootstrap.administrator the wallet that signs in as the first administrator
///   log.filter              as in "info,infrastructure=debug"; log.json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// The configuration file
    #[arg(long, short, value_name = "FILE", env = "MEDCONNECT_CONFIG")]
    config: Option<PathBuf>,
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, CliError> {
    let config = Config::read(arguments.config.as_deref())?;
    logging::start(&config.log, None)?;
    let mut stop = Stop::listen()?;
    let bind = config.http.bind;
    let listener = TcpListener::bind(bind)
        .map_err(|source| CliError::Usage(format!("cannot listen on {bind} (`http.bind`): {source}")))?;
    api_server::check_chain(&config).await?;
    let system = System::start(&config, listener).await?;
    console::note(format!("medconnect serves {} on {bind}", config.http.public_url));
    stop.asked().await;
    stop.force_next();
    console::note("stopping; once more stops at once");
    system.stop().await;
    Ok(ExitCode::SUCCESS)
}
