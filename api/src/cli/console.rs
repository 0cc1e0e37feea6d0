//! What the program says to whoever started it. The only place that prints.
//!
//! Results go to standard output and nothing else does, so that they can be piped; what is going on, and errors, go to
//! standard error.

use std::error::Error;
use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Prints a result. That nobody reads it any more is not our failure.
pub(super) fn result(text: impl Display) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Says something about what is going on.
pub(super) fn note(text: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Says why it did not work, with the causes behind it.
pub(super) fn error(error: &(dyn Error + 'static)) {
    let mut text = format!("error: {error}");
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text.push_str("\n  because: ");
            text.push_str(&said);
        }
        cause = inner.source();
    }
    note(text);
}

/// A progress bar on a terminal; elsewhere a line now and then.
pub(super) fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) =
        ProgressStyle::with_template("{msg:12} {wide_bar} {human_pos}/{human_len}  {elapsed}, {eta} left")
    {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// The steps of something that takes a while: a spinner beside the current one on a terminal, and a line for each that is done.
#[derive(Debug)]
pub(super) struct Steps {
    spinner: ProgressBar,
    current: Mutex<Option<(String, Instant)>>,
}

impl Default for Steps {
    fn default() -> Self {
        let spinner = if std::io::stderr().is_terminal() {
            let spinner = ProgressBar::new_spinner();
            spinner.enable_steady_tick(Duration::from_millis(100));
            spinner
        } else {
            ProgressBar::hidden()
        };
        Self {
            spinner,
            current: Mutex::default(),
        }
    }
}

impl Steps {
    /// The step before is done, and this one begins.
    pub(super) fn step(&self, text: impl Into<String>) {
        let text = text.into();
        self.spinner.set_message(text.clone());
        self.tell(Some((text, Instant::now())));
    }

    /// All steps are done.
    pub(super) fn finish(&self) {
        self.tell(None);
        self.spinner.finish_and_clear();
    }

    fn tell(&self, next: Option<(String, Instant)>) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((text, since)) = std::mem::replace(&mut *current, next) {
            let line = format!("  {text}: done ({:.1} s)", since.elapsed().as_secs_f64());
            self.spinner.suspend(|| note(line));
        }
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        self.spinner.finish_and_clear();
    }
}
