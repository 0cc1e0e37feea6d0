//! The program once more, for the tests that kill it: Cargo builds a binary for the tests of its own package only.

use std::process::ExitCode;

fn main() -> ExitCode {
    api::cli::main()
}
