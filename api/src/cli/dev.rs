//! `medconnect dev`

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use api_config::Config;
use api_dev::data_dir::DataDir;
use api_dev::demo;
use api_dev::demo::Demo;
use api_dev::port::Port;
use api_dev::running::Running;
use api_dev::system::{ChainChoice, System, SystemPorts};
use clap::Args;
use infrastructure::chain::Address;
use infrastructure::follower::{self, MadeOf};
use infrastructure::postgres;
use projections::ReadModels;

use super::stop::Stop;
use super::{CliError, console, logging, rebuild};

/// Run the whole system on this machine.
///
/// Uses PostgreSQL (15 or later) and Anvil if they are installed, and otherwise gets both from npm. Everything it keeps is in one
/// directory, and survives Ctrl-C, kill -9 of any of its processes, and a restart.
///
/// MEDCONNECT_POSTGRES names another PostgreSQL (the folder with its programs), MEDCONNECT_ANVIL another Anvil (the program), and
/// MEDCONNECT_TOOLS the folder in which what npm brings is kept.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The folder in which everything is kept [default: /var/lib/medconnect for root, else ~/.local/share/medconnect]
    #[arg(long, value_name = "FOLDER", conflicts_with = "ephemeral")]
    data_dir: Option<PathBuf>,
    /// Keep everything in a temporary folder, and remove it at the end. Chain and Postgres take any free ports.
    #[arg(long)]
    ephemeral: bool,
    /// The port of the REST interface; 0 for any that is free
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The port of the chain; 0 for any that is free [default: 8545]
    #[arg(long, value_name = "PORT")]
    chain_port: Option<u16>,
    /// The port of Postgres; 0 for any that is free [default: 54321]
    #[arg(long, value_name = "PORT")]
    postgres_port: Option<u16>,
    /// Give the chain's blocks state roots, so that `medconnect audit verify` can prove all of the log. Blocks take longer, the more the longer the
    /// log is. A chain that was begun with it keeps it; one that was begun without cannot get it
    #[arg(long)]
    proofs: bool,
    /// An account that gets ether on the chain; more than one may be given. Whoever else deploys, opens a namespace or appends on it needs some
    #[arg(long, value_name = "ADDRESS", value_parser = super::deploy::account)]
    fund: Vec<Address>,
    /// Do not make the demo identities: only the administrator is there
    #[arg(long)]
    no_demo: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, CliError> {
    let mut stop = Stop::listen()?;
    let directory = if arguments.ephemeral {
        DataDir::ephemeral()?
    } else {
        DataDir::open(&arguments.data_dir.clone().unwrap_or_else(DataDir::default_path))?
    };
    logging::start(&api_config::LogConfig::default(), Some(&directory.log("server")))?;
    let started = tokio::select! {
        started = start(directory, &arguments) => started?,
        // Dropping what was started ends it.
        () = stop.asked() => return Ok(ExitCode::SUCCESS),
    };
    let Started { system, server, demo } = started;
    let hospital_key = demo.as_ref().and_then(Demo::hospital_key).map(str::to_owned);
    let running = Running {
        url: system.config().http.public_url.clone(),
        hospital_key,
    };
    let announcement = running.announce(system.directory().path(), system.config())?;
    console::result(summary(&system, demo.as_ref()));

    stop.asked().await;
    stop.force_next();
    console::note("stopping; once more stops at once");
    drop(announcement);
    server.stop().await;
    system.stop().await;
    Ok(ExitCode::SUCCESS)
}

struct Started {
    system: System,
    server: api_server::System,
    demo: Option<Demo>,
}

async fn start(directory: DataDir, arguments: &Arguments) -> Result<Started, CliError> {
    let steps = Arc::new(console::Steps::default());
    let free_or = |given: Option<u16>, usual| given.unwrap_or(if arguments.ephemeral { 0 } else { usual });
    let ports = SystemPorts {
        http: Port::new(arguments.port, "--port"),
        chain: Port::new(free_or(arguments.chain_port, 8545), "--chain-port"),
        postgres: Port::new(free_or(arguments.postgres_port, 54321), "--postgres-port"),
    };
    console::note(format!("medconnect dev, in {}", directory.path().display()));
    let progress = |text: &str| steps.step(text);
    let listener = Arc::new(|text: &str| console::note(text));
    let chain = ChainChoice::Own {
        proofs: arguments.proofs,
    };
    let (system, socket) = System::start_on(chain, directory, ports, &progress, listener).await?;

    for account in &arguments.fund {
        steps.step(format!("giving {account} ether"));
        system.fund(*account).await?;
    }
    let database = system.database_url();
    if !is_current(database, system.config()).await? {
        steps.step("rebuilding the read models, which another version of the program made, or which were made of other registries");
        rebuild::again(system.config()).await?;
    }
    steps.step("starting the server");
    let server = api_server::System::start(system.config(), socket).await?;
    let url = &system.config().http.public_url;
    demo::ready(url).await?;
    let demo = if arguments.no_demo {
        None
    } else {
        steps.step("making the demo identities");
        Some(demo::seed(url, system.directory().path(), &system.secrets().demo).await?)
    };
    steps.finish();
    Ok(Started { system, server, demo })
}

/// Whether the read models, if there are any, are those of this version of the program, and of the contracts that are believed now.
async fn is_current(database: &str, config: &Config) -> Result<bool, CliError> {
    let pool = postgres::pool_within(&postgres::Limits::LONG, database, postgres::LIVE, 1)?;
    postgres::migrate(&pool).await.map_err(api_server::ComposeError::from)?;
    let configured = MadeOf::of(&config.log_secrets()?.check_values(), &config.chain.recorders);
    let current = follower::is_current_and_made_of(&pool, &ReadModels, &configured).await;
    pool.close().await;
    current.map_err(CliError::other)
}

fn summary(system: &System, demo: Option<&Demo>) -> String {
    let url = &system.config().http.public_url;
    let mut text = format!(
        "\nMedconnect is running. Ctrl-C stops it.\n\n  \
         API            {url}/v1\n  \
         Documentation  {url}/docs/\n  \
         OpenAPI        {url}/openapi.json\n  \
         Postgres       {}\n  \
         Chain          {} (chain id {})\n  \
         Contract       {}\n  \
         Data           {}\n",
        system.database_url(),
        system.chain().url(),
        system.chain().chain_id(),
        system.deployment().address,
        system.directory().path().display(),
    );
    let mut header = "Accept: application/json".to_owned();
    let mut path = "/health/ready";
    text += "  Registration   open: any wallet registers itself, as a patient or a doctor. `medconnect serve` is by invitation unless it is told so\n";
    if let Some(demo) = demo {
        text += "\n  DEMO identities, to try things out on this machine. Never use their keys anywhere else.\n";
        for person in &demo.people {
            text += &format!(
                "    {:<14} wallet {}  key 0x{}\n",
                <&str>::from(person.role),
                person.wallet.address(),
                person.key.expose()
            );
        }
        for gone in &demo.gone {
            text += &format!("    {:<14} is GONE: {}\n", gone.role, gone.why);
        }
        for service in &demo.services {
            let role = <&str>::from(service.role.0);
            text += &format!("    {role:<14} service key {}\n", service.key);
        }
        text += "  Sign in as one of them with `medconnect login --demo ROLE`.\n";
        if let Some(key) = demo.hospital_key() {
            header = format!("Authorization: Bearer {key}");
            path = "/v1/practitioners";
        }
    }
    text += &format!("\n  Try it:\n  curl -H '{header}' {url}{path}\n");
    text
}
