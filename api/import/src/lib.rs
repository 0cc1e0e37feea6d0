//! `medconnect import`: FHIR R4 goes in as commands, over the REST interface, many at once.
//!
//! Everything is known again by the source's own identifiers, so importing again changes nothing, and an import that was
//! interrupted is finished by running it again. A file that cannot be read fails by name; the others go in.
//!
//! Files are read twice, and only a few are in memory at once, however many there are. The first reading makes an index of the
//! run: who is who, and which state of everything is the newest. The second one gathers each person's resources, wherever they
//! stand, and imports the person at once when all of them are there: so a person has one writer, and no older state is ever
//! written.
//!
//! - [`files`]: which files there are. [`fhir`] is the part of FHIR that is read.
//! - [`identity`]: the index of a run.
//! - [`shares`], [`exports`], [`former_states`], [`people`], [`negations`], [`mapping`]: from resources to what is to be done. Pure.
//! - [`merge`], [`capacity`], [`record`], [`doctors`]: what is told of a person, taken into the record that is there.
//! - [`client`]: the REST calls.
//! - [`report`]: what it came to.

mod capacity;
pub mod client;
mod context;
mod disjoint_sets;
mod doctors;
mod exports;
mod fhir;
pub mod files;
mod former_states;
mod identity;
pub mod mapping;
mod merge;
mod negations;
mod patience;
mod people;
mod record;
pub mod report;
mod shares;
#[cfg(test)]
mod tests;
mod visit_order;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api_wire::problem::ProblemKind;
use chrono::Utc;
use chrono_tz::Tz;
use domain::kernel::Identifier;
use futures::StreamExt;
use futures::stream;
use indicatif::ProgressBar;
use tokio::sync::{Mutex, Semaphore, mpsc};
use uuid::Uuid;

use self::client::{Change, Client, ClientError, Done};
use self::context::Context;
use self::doctors::Registered;
use self::files::FileError;
use self::identity::Index;
use self::mapping::{Notes, Provider, Visit};
use self::people::{Doctor, Person, Reasons};
use self::record::RecordError;
use self::report::{Kind, Report, Summary};
use self::shares::{Gathering, Parts, Share};
use self::visit_order::turns;

/// How an import is run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many commands are under way at once.
    pub concurrency: usize,
    /// The time zone of the practitioners, and of times that name none.
    pub time_zone: Tz,
}

/// How many persons are under way at once. Their visits share [`Options::concurrency`].
const PERSONS_AT_ONCE: usize = 16;

/// How many files are read at once.
const READ_AT_ONCE: usize = 2;

/// How long an import waits for a server that is away.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Imports files and tells what came of it. Without a client everything is done but sending.
pub async fn run(
    client: Option<Client>,
    files: Vec<Result<PathBuf, FileError>>,
    options: Options,
    progress: &ProgressBar,
) -> Summary {
    let started = Instant::now();
    let context = Context {
        time_zone: options.time_zone,
        now: Utc::now(),
    };
    let mut report = Report::new(options.time_zone, client.is_none());
    let files = report.files(files);
    progress.set_length(files.len() as u64);
    progress.set_message("reading");
    let index = Arc::new(index(&files, context, progress).await);
    let import = Import {
        client,
        context,
        permits: Semaphore::new(options.concurrency.max(1)),
        concurrency: options.concurrency.max(1),
        report: Mutex::new(report),
        index,
    };
    let practitioners = import.practitioners().await;
    progress.set_position(0);
    progress.set_message("importing");
    import.persons(&files, &practitioners, progress).await;
    progress.finish_and_clear();
    import.report.into_inner().close(started.elapsed())
}

/// The first reading.
async fn index(files: &[PathBuf], context: Context, progress: &ProgressBar) -> Index {
    let see = |path: &PathBuf| {
        let path = path.clone();
        let see = move || {
            // What cannot be read is told at the second reading.
            let json = files::read(&path).unwrap_or_default();
            identity::scan(&fhir::contents(&json, files::has_lines(&path)), &context)
        };
        async { tokio::task::spawn_blocking(see).await.unwrap_or_default() }
    };
    let mut seen = stream::iter(files).map(see).buffered(READ_AT_ONCE);
    let (mut index, mut file) = (Index::default(), 0);
    let mut paths = files.iter();
    while let Some((seen, path)) = seen.next().await.zip(paths.next()) {
        index.add(file, path, seen);
        file = file.saturating_add(1);
        progress.inc(1);
    }
    let closed = tokio::task::spawn_blocking(move || {
        index.close();
        index
    });
    closed.await.unwrap_or_default()
}

/// The second reading of one file.
async fn read(index: Arc<Index>, file: u32, path: PathBuf) -> Parts {
    let read = move || match files::read(&path) {
        Ok(json) => shares::parts(&index, file, &path, &fhir::contents(&json, files::has_lines(&path))),
        Err(why) => Parts::failed(why),
    };
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|_| Parts::failed("reading it failed unexpectedly".to_owned()))
}

/// The practitioners of the run, by the identifier that names each best. `None` for one who was refused.
type Practitioners = HashMap<Identifier, Option<Uuid>>;

struct Import {
    client: Option<Client>,
    context: Context,
    permits: Semaphore,
    concurrency: usize,
    report: Mutex<Report>,
    index: Arc<Index>,
}

impl Import {
    /// Registers the practitioners of all files, each once, as their newest state describes them.
    async fn practitioners(&self) -> Practitioners {
        let (doctors, refused) = people::doctors(&self.index, &self.context);
        for (file, path, why) in refused {
            let mut notes = Notes::default();
            notes.left_out("Practitioner", &path, why);
            self.report.lock().await.notes(file, notes);
        }
        let register = |doctor: Doctor| async {
            let id = self.permitted(self.practitioner(&doctor)).await;
            (doctor.names.into_iter().next(), id)
        };
        let mut registered = stream::iter(doctors).map(register).buffer_unordered(self.concurrency);
        let mut practitioners = Practitioners::new();
        while let Some((name, id)) = registered.next().await {
            practitioners.extend(name.map(|name| (name, id)));
        }
        practitioners
    }

    async fn practitioner(&self, doctor: &Doctor) -> Option<Uuid> {
        let registered = match &self.client {
            Some(client) => doctors::register(client, doctor).await,
            None => Ok(Done::planned().into()),
        };
        let mut report = self.report.lock().await;
        report.notes(doctor.file, doctor.notes.clone());
        match registered {
            Ok(Registered {
                done,
                is_told_otherwise,
                numbers_of_others,
                has_other_entry,
            }) => {
                let mut notes = Notes::default();
                if done.change == Change::Differing {
                    let why = "is registered otherwise here, and stays so";
                    notes.changed("Practitioner", &doctor.path, why);
                }
                if is_told_otherwise {
                    notes.changed("Practitioner", &doctor.path, people::TOLD_OTHERWISE);
                }
                if has_other_entry {
                    let why = "has more than one entry here, for they were told by names that nothing linked: the first by their names counts, and people have to make them one";
                    notes.left_out("Practitioner", &doctor.path, why);
                } else {
                    for _ in 0..numbers_of_others {
                        let why =
                            "has an identifier by which another practitioner is registered here: it is not recorded";
                        notes.left_out("Practitioner", &doctor.path, why);
                    }
                }
                report.notes(doctor.file, notes);
                report.count(Kind::Doctor, done);
                Some(done.id)
            }
            Err(error) => {
                report.failure(doctor.file, format!("{}: {error}", doctor.path));
                None
            }
        }
    }

    /// Reads all files once more, and imports each person when everything of theirs is there.
    async fn persons(&self, files: &[PathBuf], practitioners: &Practitioners, progress: &ProgressBar) {
        let (complete, persons) = mpsc::channel::<(u32, Share)>(PERSONS_AT_ONCE);
        let reading = async {
            let read = |(file, path): (u32, &PathBuf)| read(Arc::clone(&self.index), file, path.clone());
            let mut parts = stream::iter((0..).zip(files)).map(read).buffered(READ_AT_ONCE);
            let (mut gathering, mut file) = (Gathering::default(), 0);
            while let Some(parts) = parts.next().await {
                let shares = self.report.lock().await.parts(file, parts);
                for person in gathering.add(&self.index, shares, &self.context) {
                    // The receiver stays until all are sent.
                    let _ = complete.send(person).await;
                }
                file = file.saturating_add(1);
                progress.inc(1);
            }
            for person in gathering.rest(&self.context) {
                let _ = complete.send(person).await;
            }
            drop(complete);
        };
        let persons = stream::unfold(persons, |mut persons| async { Some((persons.recv().await?, persons)) });
        let importing = persons.for_each_concurrent(PERSONS_AT_ONCE, |(owner, share)| {
            self.person(owner, share, practitioners)
        });
        tokio::join!(reading, importing);
    }

    /// Registers a person or brings their record up to date, then records their visits.
    async fn person(&self, owner: u32, share: Share, practitioners: &Practitioners) {
        let person = people::person(&self.index, owner, &share, &self.context);
        drop(share);
        let mut notes = person.notes.clone();
        let mut failures: Vec<String> = person.refused.iter().map(ToString::to_string).collect();
        let recorded = self.record(&person, &mut notes, &mut failures).await;
        let patient = recorded.as_ref().map(|(patient, _)| *patient);
        let reasons = recorded.map(|(_, reasons)| reasons).unwrap_or_default();
        let take_turn = async |turn: Vec<&Visit>| {
            let mut outcomes = Vec::with_capacity(turn.len());
            for visit in turn {
                outcomes.push((
                    visit.path.clone(),
                    self.visit(&reasons.name(visit), patient, practitioners).await,
                ));
            }
            outcomes
        };
        let mut recorded = stream::iter(turns(&person.visits))
            .map(take_turn)
            .buffer_unordered(self.concurrency)
            .flat_map(stream::iter);
        let mut done = Vec::new();
        while let Some((path, outcome)) = recorded.next().await {
            match outcome {
                Ok(visit) => {
                    if visit.change == Change::Updated {
                        notes.changed(
                            "Encounter",
                            &path,
                            "takes the place of what was told of this visit before",
                        );
                    }
                    done.push(visit);
                }
                Err(VisitError::Client(error)) if error.is(ProblemKind::Ambiguous) => {
                    let why = "may be any of several visits that are recorded, and nothing tells which";
                    notes.left_out("Encounter", &path, why);
                }
                Err(VisitError::Client(error)) if error.is(ProblemKind::Superseded) => {
                    notes.passed_over("Encounter", &path, people::NO_NEWER);
                }
                Err(VisitError::Client(error)) if !error.is(ProblemKind::NotYetBegun) => {
                    failures.push(format!("{path}: {error}"));
                }
                Err(why) => notes.left_out("Encounter", &path, why.to_string()),
            }
        }
        let mut report = self.report.lock().await;
        for visit in done {
            report.count(Kind::Appointment, visit);
        }
        report.notes(person.file, notes);
        for failure in &failures {
            report.failure(person.file, failure.clone());
        }
        if patient.is_none() && !failures.is_empty() {
            for file in person.files.iter().filter(|file| **file != person.file) {
                let why = "tells of a patient who is not taken, for a reason that is told of another file: nothing of them is imported";
                report.failure(*file, why.to_owned());
            }
        }
    }

    async fn record(&self, person: &Person, notes: &mut Notes, failures: &mut Vec<String>) -> Option<(Uuid, Reasons)> {
        let details = person.details.as_ref()?;
        let recorded = match &self.client {
            Some(client) => self.permitted(record::record(client, person, details)).await,
            None => Ok(record::planned(person)),
        };
        match recorded {
            Ok(recorded) => {
                recorded.remark(&person.path, notes);
                self.report.lock().await.count(Kind::Patient, recorded.done);
                // Under an identifier that the server knows there may be somebody else, and nobody has looked.
                (recorded.done.change != Change::Differing).then_some((recorded.done.id, recorded.reasons))
            }
            Err(error @ (RecordError::Taken | RecordError::Several)) => {
                failures.push(format!("{}: {error}", person.path));
                None
            }
            Err(error) => {
                failures.push(format!("{}: {error}", person.path));
                None
            }
        }
    }

    async fn visit(
        &self,
        visit: &Visit,
        patient: Option<Uuid>,
        practitioners: &Practitioners,
    ) -> Result<Done, VisitError> {
        let patient = patient.ok_or(VisitError::NoPatient)?;
        let practitioner = match &visit.provider {
            Provider::Organization(_) => None,
            Provider::Practitioner(identifier) => match practitioners.get(identifier) {
                Some(Some(id)) => Some(*id),
                _ => return Err(VisitError::NoPractitioner),
            },
        };
        match &self.client {
            Some(client) => Ok(self.permitted(client.visit(visit, patient, practitioner)).await?),
            None => Ok(Done::planned()),
        }
    }

    /// Runs one command when there is a place for it.
    async fn permitted<T>(&self, command: impl Future<Output = T>) -> T {
        // The semaphore is never closed, so there is always a permit to wait for.
        let _permit = self.permits.acquire().await;
        command.await
    }
}

/// Why a visit was not recorded.
#[derive(Debug, thiserror::Error)]
enum VisitError {
    #[error("has a patient who was refused, who was not taken, or whose record here cannot be read")]
    NoPatient,
    #[error("has a practitioner who was refused")]
    NoPractitioner,
    #[error(transparent)]
    Client(#[from] ClientError),
}
