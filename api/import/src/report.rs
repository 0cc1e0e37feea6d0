//! What an import came to: a table for people, JSON for machines.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use chrono_tz::Tz;
use serde::Serialize;

use super::client::{Change, Done};
use super::fhir::Elements;
use super::files::FileError;
use super::mapping::{Fate, Note, Notes};
use super::shares::{Parts, Share};

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
    /// Would be sent: nothing was, only checked.
    pub checked: u64,
}

impl Tally {
    const fn of(&mut self, change: Change) -> &mut u64 {
        match change {
            Change::Added => &mut self.added,
            Change::Updated => &mut self.updated,
            Change::Unchanged => &mut self.unchanged,
            Change::Differing => &mut self.differing,
            Change::Planned => &mut self.checked,
        }
    }

    const fn total(self) -> u64 {
        self.added
            .saturating_add(self.updated)
            .saturating_add(self.unchanged)
            .saturating_add(self.differing)
            .saturating_add(self.checked)
    }
}

/// A file that did not go in whole.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Failure {
    /// The file.
    pub file: String,
    /// What failed, and why.
    pub reasons: Vec<String>,
}

/// What of a file was not taken as it stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Remarks {
    /// The file.
    pub file: String,
    /// What, why and how often.
    pub notes: Vec<Note>,
}

/// What an import came to.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Whether this was only checked: nothing was sent.
    pub check: bool,
    /// Files of which nothing failed.
    pub files: u64,
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
    /// Files that did not go in whole, by name.
    pub failures: Vec<Failure>,
    /// What was left out, has no place, was passed over or changed, by file.
    pub remarks: Vec<Remarks>,
    /// How many resources, or parts of them, are lost though a record has a place for them.
    pub left_out: u64,
    /// How many a record has no place for.
    pub no_place: u64,
    /// How often there was each element, as in `Patient.photo`, that a record has no place for.
    pub elements: BTreeMap<String, u64>,
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

/// How many files are listed in the table with what was left out of them, and with what failed. JSON has them all.
const MOST_LISTED: usize = 20;

/// How many elements are listed in the table that a record has no place for. JSON has them all.
const MOST_ELEMENTS: usize = 30;

/// How many kinds of what is lost are listed at the end of the table. JSON has them all.
const MOST_LOST: usize = 50;

/// How many reasons are listed for one file in the table. JSON has them all.
const MOST_REASONS: usize = 5;

/// What an import comes to, while it is under way.
pub(super) struct Report {
    summary: Summary,
    files: Vec<PathBuf>,
    notes: BTreeMap<u32, Notes>,
    failures: BTreeMap<u32, Vec<String>>,
    elements: Elements,
}

impl Report {
    pub(super) fn new(time_zone: Tz, check: bool) -> Self {
        Self {
            summary: Summary {
                time_zone: time_zone.name().to_owned(),
                check,
                ..Summary::default()
            },
            files: Vec::new(),
            notes: BTreeMap::new(),
            failures: BTreeMap::new(),
            elements: Elements::default(),
        }
    }

    /// The files that are there; of the others it is told why they are not.
    pub(super) fn files(&mut self, found: Vec<Result<PathBuf, FileError>>) -> Vec<PathBuf> {
        for file in found {
            match file {
                Ok(path) => self.files.push(path),
                Err(FileError { path, why }) => self.summary.failures.push(Failure {
                    file: path.display().to_string(),
                    reasons: vec![why],
                }),
            }
        }
        self.files.clone()
    }

    /// Takes down what is to be said of a file, and leaves what is in it.
    pub(super) fn parts(&mut self, file: u32, parts: Parts) -> BTreeMap<u32, Share> {
        for (kind, count) in parts.ignored {
            let sum = self.summary.not_imported.entry(kind).or_default();
            *sum = sum.saturating_add(count);
        }
        self.elements.append(parts.elements);
        self.notes(file, parts.notes);
        for failure in parts.failures {
            self.failure(file, failure.to_string());
        }
        parts.shares
    }

    pub(super) fn notes(&mut self, file: u32, notes: Notes) {
        self.notes.entry(file).or_default().append(notes);
    }

    pub(super) fn failure(&mut self, file: u32, reason: String) {
        self.failures.entry(file).or_default().push(reason);
    }

    pub(super) const fn count(&mut self, kind: Kind, done: Done) {
        let summary = &mut self.summary;
        let tally = match kind {
            Kind::Patient => &mut summary.patients,
            Kind::Doctor => &mut summary.doctors,
            Kind::Appointment => &mut summary.appointments,
        };
        let of = tally.of(done.change);
        *of = of.saturating_add(1);
        summary.commands = summary.commands.saturating_add(done.commands);
        summary.events = summary.events.saturating_add(done.events);
    }

    pub(super) fn close(self, took: Duration) -> Summary {
        let Self {
            mut summary,
            files,
            notes,
            failures,
            elements,
        } = self;
        summary.elements = elements.into_map();
        let name = |file: u32| {
            let path = usize::try_from(file).ok().and_then(|file| files.get(file));
            path.map(|path| path.display().to_string()).unwrap_or_default()
        };
        summary.seconds = (took.as_secs_f64() * 1000.0).round() / 1000.0;
        let failed = u64::try_from(failures.len()).unwrap_or(u64::MAX);
        summary.files = u64::try_from(files.len()).unwrap_or(u64::MAX).saturating_sub(failed);
        for (file, mut reasons) in failures {
            reasons.sort();
            summary.failures.push(Failure {
                file: name(file),
                reasons,
            });
        }
        summary.failures.sort_by(|one, other| one.file.cmp(&other.file));
        for (file, notes) in notes {
            let notes = notes.list();
            let of = |fate| {
                let notes = notes.iter().filter(|note| note.fate == fate);
                notes.map(|note| note.count).sum()
            };
            summary.left_out = summary.left_out.saturating_add(of(Fate::LeftOut));
            summary.no_place = summary.no_place.saturating_add(of(Fate::NoPlace));
            if !notes.is_empty() {
                summary.remarks.push(Remarks {
                    file: name(file),
                    notes,
                });
            }
        }
        summary.remarks.sort_by(|one, other| one.file.cmp(&other.file));
        summary
    }
}

/// The exit code of an import that lost data, and of which nothing failed.
pub const LEFT_OUT: u8 = 3;

impl Summary {
    /// 0 when everything was taken that a record has a place for, 1 when something failed, [`LEFT_OUT`] when nothing did and data was
    /// lost.
    pub fn exit_code(&self) -> ExitCode {
        if !self.failures.is_empty() {
            ExitCode::FAILURE
        } else if self.left_out > 0 {
            ExitCode::from(LEFT_OUT)
        } else {
            ExitCode::SUCCESS
        }
    }

    /// The closing table.
    pub fn table(&self) -> String {
        let head = ["total", "added", "updated", "unchanged", "differing"];
        let head = if self.check { ["to send", "", "", "", ""] } else { head };
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
                checked,
            } = tally;
            table += &if self.check {
                line(
                    name,
                    [
                        checked.to_string(),
                        String::new(),
                        String::new(),
                        String::new(),
                        String::new(),
                    ],
                )
            } else {
                let counts = [tally.total(), added, updated, unchanged, differing];
                line(name, counts.map(|count| count.to_string()))
            };
        }
        table += &format!(
            "\n{} files, {} commands, {} events in {:.1} s; time zone of new doctors: {}\n",
            self.files, self.commands, self.events, self.seconds, self.time_zone
        );
        if self.check {
            table += "This was a check: nothing was sent, and what the server has already was not looked at.\n";
        }
        if self.doctors.differing > 0 {
            table += "Doctors who differ were registered with another time zone, which stays, or the service key lacks the scope read.\n";
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
        self.list_elements(&mut table);
        self.list_remarks(&mut table);
        self.list_failures(&mut table);
        self.list_lost(&mut table);
        table
    }

    /// The most frequent first.
    fn list_elements(&self, table: &mut String) {
        if self.elements.is_empty() {
            return;
        }
        let mut elements: Vec<(&String, &u64)> = self.elements.iter().collect();
        elements.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let named: Vec<String> = elements
            .iter()
            .take(MOST_ELEMENTS)
            .map(|(name, count)| format!("{count} {name}"))
            .collect();
        *table += &format!("Elements that a record has no place for: {}", named.join(", "));
        if elements.len() > MOST_ELEMENTS {
            let rest = elements.len().saturating_sub(MOST_ELEMENTS);
            *table += &format!(", and {rest} kinds more; --json lists them all");
        }
        table.push('\n');
    }

    fn list_failures(&self, table: &mut String) {
        if self.failures.is_empty() {
            return;
        }
        *table += &format!("\n{} files failed, or something in them did:\n", self.failures.len());
        for failure in &self.failures {
            *table += &format!("  {}\n", failure.file);
            for reason in failure.reasons.iter().take(MOST_REASONS) {
                *table += &format!("    {reason}\n");
            }
            if failure.reasons.len() > MOST_REASONS {
                let rest = failure.reasons.len().saturating_sub(MOST_REASONS);
                *table += &format!("    and {rest} more; --json lists them all\n");
            }
        }
    }

    /// What is lost, once more and at the end, where it is seen: what it is, and whose by where it stands.
    fn list_lost(&self, table: &mut String) {
        if self.left_out == 0 {
            return;
        }
        let code = if self.failures.is_empty() { LEFT_OUT } else { 1 };
        *table += &format!(
            "\nNot taken, though a record has a place for it: {}. For this the exit code is {code}, and not 0.\n",
            self.left_out
        );
        let all = self
            .remarks
            .iter()
            .flat_map(|remarks| remarks.notes.iter().map(|note| (&remarks.file, note)));
        let lost: Vec<_> = all.filter(|(_, note)| note.fate == Fate::LeftOut).collect();
        for (file, note) in lost.iter().take(MOST_LOST) {
            let places = note.places.join(", ");
            let more = note
                .count
                .saturating_sub(u64::try_from(note.places.len()).unwrap_or(u64::MAX));
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            *table += &format!("  {file}: {} at {places}{more}: {}\n", note.resource, note.why);
        }
        if lost.len() > MOST_LOST {
            let rest = lost.len().saturating_sub(MOST_LOST);
            *table += &format!("  and {rest} kinds more; --json lists them all\n");
        }
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
            "\n{} left out though a record has a place for them, {} have no place, {} rightly passed over, {} changed, in {} files:\n",
            count(Fate::LeftOut),
            count(Fate::NoPlace),
            count(Fate::PassedOver),
            count(Fate::Changed),
            self.remarks.len()
        );
        for remarks in self.remarks.iter().take(MOST_LISTED) {
            *table += &format!("  {}\n", remarks.file);
            for note in &remarks.notes {
                let fate = match note.fate {
                    Fate::LeftOut => "left out",
                    Fate::NoPlace => "no place",
                    Fate::PassedOver => "passed over",
                    Fate::Changed => "changed",
                };
                *table += &format!(
                    "    {fate}: {} {} {} (first at {})\n",
                    note.count,
                    note.resource,
                    note.why,
                    note.places.first().map_or("", String::as_str)
                );
            }
        }
        if self.remarks.len() > MOST_LISTED {
            let rest = self.remarks.len().saturating_sub(MOST_LISTED);
            *table += &format!("  and {rest} files more; --json lists them all\n");
        }
    }
}

fn line(name: &str, columns: [String; 5]) -> String {
    let columns: String = columns.iter().map(|column| format!("{column:>11}")).collect();
    format!("{name:<14}{columns}\n")
}
