//! How far an audit is, on the terminal.

use std::sync::atomic::{AtomicBool, Ordering};

use api_audit::Progress;
use indicatif::ProgressBar;

use super::console;

/// The steps as lines; on a terminal a bar while blocks are read.
pub(super) struct Shown {
    steps: console::Steps,
    bar: ProgressBar,
    reads: AtomicBool,
}

impl Default for Shown {
    fn default() -> Self {
        Self {
            steps: console::Steps::default(),
            bar: console::bar(),
            reads: AtomicBool::default(),
        }
    }
}

impl Shown {
    pub(super) fn show(&self, progress: Progress) {
        match progress {
            Progress::Beginning => self.steps.step("looking at the block and the contract"),
            Progress::Reading { block, entries, of } => {
                if !self.reads.swap(true, Ordering::Relaxed) {
                    self.steps.step("reading the chain, back to the first entry");
                }
                self.bar.set_length(of.unwrap_or(entries));
                self.bar.set_position(entries);
                self.bar.set_message(format!("block {block}"));
            }
            Progress::Replaying => self.steps.step("replaying the log"),
            Progress::Opening => self.steps.step("opening the entries"),
        }
    }

    /// All is done.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
        self.steps.finish();
    }
}
