//! `medconnect login`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use api_dev::data_dir::DataDir;
use api_dev::demo;
use api_dev::login::sign_in;
use api_dev::running::Running;
use api_dev::secrets::Secrets;
use clap::Args;
use infrastructure::chain::Signer;
use secrecy::ExposeSecret;

use super::{CliError, console, deploy};

/// Sign in with a wallet (EIP-4361), and print the token.
///
/// Without --url it is the system that `medconnect dev` runs on this machine.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The URL of the server
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The address that people know the server by, if it is reached at another one. A message is signed for that one only.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// The data directory of the system on this machine [default: as for `medconnect dev`]
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// Sign in as the demo's person of this role: administrator, hospital, registrar, auditor, insurer, doctor, patient, nurse, reception, laboratory
    #[arg(long, value_name = "ROLE", conflicts_with = "key_file")]
    demo: Option<String>,
    /// A file with the wallet's private key: 64 hexadecimal digits. MEDCONNECT_WALLET_KEY has the key itself.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Print the whole session as JSON
    #[arg(long)]
    json: bool,
    /// Write the token to a file, for its owner alone, and print nothing
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    store: Option<PathBuf>,
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, CliError> {
    let folder = arguments.data_dir.unwrap_or_else(DataDir::default_path);
    let wallet = match &arguments.demo {
        Some(role) => demo_wallet(&folder, role)?,
        None => deploy::key(arguments.key_file, "MEDCONNECT_WALLET_KEY")?,
    };
    let url = match arguments.url {
        Some(url) => url,
        None => Running::find(&folder)?.ok_or(CliError::NoServer(folder))?.url,
    };
    let session = sign_in(&url, arguments.public_url.as_deref(), &wallet).await?;
    match arguments.store {
        Some(path) => store(&path, session.token.expose_secret())?,
        None if arguments.json => console::result(serde_json::to_string(&session).map_err(CliError::other)?),
        None => console::result(session.token.expose_secret()),
    }
    Ok(ExitCode::SUCCESS)
}

fn demo_wallet(folder: &Path, role: &str) -> Result<Signer, CliError> {
    if !folder.join("secrets.toml").is_file() {
        return Err(CliError::Usage(format!(
            "there is no system of `medconnect dev` in {}",
            folder.display()
        )));
    }
    let people = demo::people(&Secrets::open(folder)?.demo)?;
    let roles: Vec<_> = people.iter().map(|person| <&str>::from(person.role)).collect();
    let found = people.iter().find(|person| <&str>::from(person.role) == role);
    found.map(|person| person.wallet.clone()).ok_or_else(|| {
        CliError::Usage(format!(
            "the demo has nobody in the role {role:?}, only {}",
            roles.join(", ")
        ))
    })
}

fn store(path: &Path, token: &str) -> Result<(), CliError> {
    use std::io::Write;
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    std::fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| {
            // It may have been there before, open to others.
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
            writeln!(file, "{token}")
        })
        .map_err(|source| CliError::File {
            action: "write",
            path: path.to_owned(),
            source,
        })
}
