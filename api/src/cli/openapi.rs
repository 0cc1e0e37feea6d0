//! `medconnect openapi`

use std::process::ExitCode;

use super::{CliError, console};

pub(super) fn run() -> Result<ExitCode, CliError> {
    console::result(api_http::openapi::yaml().map_err(CliError::other)?.trim_end());
    Ok(ExitCode::SUCCESS)
}
