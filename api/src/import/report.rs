//! What an import came to: a table for people, JSON for machines.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::client::{Change, Done};
use super::mapping::{Fate, Note};

/// What became of things of one kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Tally {
    /// Registered or recorded now.
    pub added: u64,
    /// Brought up to date.
    pub updated: u64,
    /// Stood there already, just so.
    pub unchanged: u64,
    /// Stood there already with other content, and left as it is.
    pub differing: u64,
}

impl Tally {
    const fn of(&mut self, change: Change) -> &mut u64 {
        match change {
            Change::Added => &mut self.added,
            Change::Updated => &mut self.updated,
            Change::Unchanged => &mut self.unchanged,
            Change::Differing => &mut self.differing,
        }
    }

    const fn total(self) -> u64 {
        self.added
            .saturating_add(self.updated)
            .saturating_add(self.unchanged)
            .saturating_add(self.differing)
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

/// What of a bundle was not taken as it stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Remarks {
    /// The file.
    pub bundle: String,
    /// What, why and how often.
    pub notes: Vec<Note>,
}

/// What an import came to.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Bundles that went in.
    pub bundles: u64,
    /// Patients.
    pub patients: Tally,
    /// Doctors.
    pub doctors: Tally,
    /// Appointments.
    pub appointments: Tally,
    /// Commands that the server executed, those included that changed nothing.
    pub commands: u64,
    /// Events that they appended, by what the server answered.
    pub events: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The time zone of the doctors who were registered now.
    pub time_zone: String,
    /// Bundles that did not go in whole, by name.
    pub failures: Vec<Failure>,
    /// What was left out or changed, by bundle.
    pub remarks: Vec<Remarks>,
    /// How many resources there were of each kind that is not imported.
    pub not_imported: BTreeMap<String, u64>,
}

/// Which tally.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Patient,
    Doctor,
    Appointment,
}

/// How many bundles are listed in the table with what was left out of them. JSON has them all.
const MOST_LISTED: usize = 20;

impl Summary {
    pub(super) const fn count(&mut self, kind: Kind, done: Done) {
        let tally = match kind {
            Kind::Patient => &mut self.patients,
            Kind::Doctor => &mut self.doctors,
            Kind::Appointment => &mut self.appointments,
        };
        let of = tally.of(done.change);
        *of = of.saturating_add(1);
        self.commands = self.commands.saturating_add(done.commands);
        self.events = self.events.saturating_add(done.events);
    }

    pub(super) fn close(&mut self, took: Duration) {
        self.seconds = (took.as_secs_f64() * 1000.0).round() / 1000.0;
        self.failures.sort_by(|one, other| one.bundle.cmp(&other.bundle));
        self.remarks.sort_by(|one, other| one.bundle.cmp(&other.bundle));
    }

    /// The closing table.
    pub fn table(&self) -> String {
        let head = ["total", "added", "updated", "unchanged", "differing"];
        let mut table = line("", head.map(str::to_owned));
        for (name, tally) in [
            ("patients", self.patients),
            ("doctors", self.doctors),
            ("appointments", self.appointments),
        ] {
            let Tally {
                added,
                updated,
                unchanged,
                differing,
            } = tally;
            table += &line(
                name,
                [tally.total(), added, updated, unchanged, differing].map(|count| count.to_string()),
            );
        }
        table += &format!(
            "\n{} bundles, {} commands, {} events in {:.1} s; time zone of new doctors: {}\n",
            self.bundles, self.commands, self.events, self.seconds, self.time_zone
        );
        if self.doctors.differing > 0 || self.appointments.differing > 0 {
            table += "What differs from the source was registered or recorded before, and stays as it is, a doctor's time zone included.\n";
        }
        if self.patients.differing > 0 {
            table += "Patients who differ were not brought up to date: the service key needs the scope read.\n";
        }
        if !self.not_imported.is_empty() {
            let kinds: Vec<String> = self
                .not_imported
                .iter()
                .map(|(kind, count)| format!("{count} {kind}"))
                .collect();
            table += &format!("Kinds of resources that are not imported: {}\n", kinds.join(", "));
        }
        self.list_remarks(&mut table);
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

    fn list_remarks(&self, table: &mut String) {
        if self.remarks.is_empty() {
            return;
        }
        let all = || self.remarks.iter().flat_map(|remarks| &remarks.notes);
        let count = |fate| {
            all()
                .filter(|note| note.fate == fate)
                .map(|note| note.count)
                .sum::<u64>()
        };
        *table += &format!(
            "\n{} left out, {} changed, {} rightly passed over, in {} bundles:\n",
            count(Fate::LeftOut),
            count(Fate::Changed),
            count(Fate::PassedOver),
            self.remarks.len()
        );
        for remarks in self.remarks.iter().take(MOST_LISTED) {
            *table += &format!("  {}\n", remarks.bundle);
            for note in &remarks.notes {
                let fate = match note.fate {
                    Fate::LeftOut => "left out",
                    Fate::Changed => "changed",
                    Fate::PassedOver => "passed over",
                };
                *table += &format!(
                    "    {fate}: {} {} {} (first at {})\n",
                    note.count, note.resource, note.why, note.first
                );
            }
        }
        if self.remarks.len() > MOST_LISTED {
            let rest = self.remarks.len().saturating_sub(MOST_LISTED);
            *table += &format!("  and {rest} bundles more; --json lists them all\n");
        }
    }
}

fn line(name: &str, columns: [String; 5]) -> String {
    let columns: String = columns.iter().map(|column| format!("{column:>11}")).collect();
    format!("{name:<14}{columns}\n")
}
