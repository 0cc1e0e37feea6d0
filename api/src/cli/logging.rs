//! Where the program's own log goes. It never contains health data.

use std::fs::OpenOptions;
use std::path::Path;

use api_config::LogConfig;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use super::CliError;

/// What is written unless the configuration says otherwise.
const DEFAULT: &str = "info,sqlx=warn";

/// Starts logging: to a file, or else to standard error.
///
/// # Errors
/// When the filter is none or the file cannot be opened.
pub(super) fn start(config: &LogConfig, file: Option<&Path>) -> Result<(), CliError> {
    let filter = config.filter.as_deref().unwrap_or(DEFAULT);
    let filter = EnvFilter::try_new(filter).map_err(|error| CliError::Usage(format!("`log.filter`: {error}")))?;
    let writer = match file {
        None => BoxMakeWriter::new(std::io::stderr),
        Some(path) => {
            let opened = OpenOptions::new().create(true).append(true).open(path);
            let action = "open";
            let file = opened.map_err(|source| CliError::File {
                action,
                path: path.to_owned(),
                source,
            })?;
            BoxMakeWriter::new(std::sync::Mutex::new(file))
        }
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(false);
    let started = if config.json {
        builder.json().try_init()
    } else {
        builder.try_init()
    };
    // Somebody else's subscriber is as good: then this is not the program, but a part of another one.
    let _ = started;
    Ok(())
}
