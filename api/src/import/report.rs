//! What an import came to: a table for people, JSON for machines.

use std::time::Duration;

use serde::Serialize;

/// New and already known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Tally {
    /// Registered or recorded now.
    pub added: u64,
    /// Stood there already, just so.
    pub unchanged: u64,
}

impl Tally {
    pub(super) const fn count(&mut self, added: bool) {
        if added {
            self.added = self.added.saturating_add(1);
        } else {
            self.unchanged = self.unchanged.saturating_add(1);
        }
    }

    pub(super) const fn add(&mut self, other: Self) {
        self.added = self.added.saturating_add(other.added);
        self.unchanged = self.unchanged.saturating_add(other.unchanged);
    }

    const fn total(self) -> u64 {
        self.added.saturating_add(self.unchanged)
    }
}

/// A bundle that did not go in whole.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Failure {
    /// The file.
    pub bundle: String,
    /// What failed, and why; at most [`Failure::MOST`], then a count of the rest.
    pub reasons: Vec<String>,
}

impl Failure {
    /// How many reasons are told for one bundle.
    pub const MOST: usize = 5;
}

/// What an import came to.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Summary {
    /// Bundles that went in whole.
    pub bundles: u64,
    /// Patients.
    pub patients: Tally,
    /// Doctors.
    pub doctors: Tally,
    /// Appointments.
    pub appointments: Tally,
    /// Commands that were executed.
    pub commands: u64,
    /// Events that they appended.
    pub events: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Bundles that did not go in whole, by name.
    pub failures: Vec<Failure>,
}

impl Summary {
    pub(super) fn close(&mut self, took: Duration) {
        let tallies = [self.patients, self.doctors, self.appointments];
        self.commands = tallies.iter().map(|tally| tally.total()).sum();
        // Each of these commands appends one event, or none when nothing needed to change.
        self.events = tallies.iter().map(|tally| tally.added).sum();
        self.seconds = (took.as_secs_f64() * 1000.0).round() / 1000.0;
        self.failures.sort_by(|one, other| one.bundle.cmp(&other.bundle));
    }

    /// The closing table.
    pub fn table(&self) -> String {
        let line = |name: &str, tally: Tally| {
            format!(
                "{name:<14}{:>10}{:>12}{:>12}\n",
                tally.total(),
                tally.added,
                tally.unchanged
            )
        };
        let mut table = format!("{:<14}{:>10}{:>12}{:>12}\n", "", "total", "added", "unchanged");
        table += &line("patients", self.patients);
        table += &line("doctors", self.doctors);
        table += &line("appointments", self.appointments);
        table += &format!(
            "\n{} bundles, {} commands, {} events in {:.1} s\n",
            self.bundles, self.commands, self.events, self.seconds
        );
        if !self.failures.is_empty() {
            table += &format!("\n{} bundles failed:\n", self.failures.len());
            for failure in &self.failures {
                table += &format!("  {}\n", failure.bundle);
                for reason in &failure.reasons {
                    table += &format!("    {reason}\n");
                }
            }
        }
        table
    }
}
