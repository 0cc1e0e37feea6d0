//! `medconnect import`: FHIR R4 bundles go in as commands, over the REST interface, many at once.
//!
//! Every id is derived from the source's own identifiers, so importing again changes nothing, and an import that was
//! interrupted is finished by running it again. A bundle that cannot be read fails by name; the others go in.
//!
//! Bundles are read twice: for the practitioners first, since a visit may name one of another bundle, then for all the rest.
//! So only a few bundles are in memory at once, however many there are.
//!
//! - [`files`]: which bundles there are.
//! - [`mapping`]: from a bundle to a plan. Pure. [`fhir`] is the part of FHIR that it reads.
//! - [`client`]: the REST calls.
//! - [`report`]: what it came to.

pub mod client;
mod fhir;
pub mod files;
pub mod mapping;
pub mod report;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use chrono_tz::Tz;
use domain::kernel::Identifier;
use domain::practitioner::PractitionerDetails;
use futures::StreamExt;
use futures::stream;
use indicatif::ProgressBar;
use tokio::sync::Semaphore;
use uuid::Uuid;

use self::client::{Change, Client, ClientError, Done};
use self::fhir::BundleError;
use self::mapping::{Context, Notes, Plan, Provider, Visit};
use self::report::{Failure, Kind, Remarks, Summary};
use crate::http::problem::ProblemKind;

/// How an import is run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many commands are under way at once.
    pub concurrency: usize,
    /// The time zone of the practitioners, and of times that name none.
    pub time_zone: Tz,
}

/// How many bundles are under way at once. Their visits share [`Options::concurrency`].
const BUNDLES_AT_ONCE: usize = 16;

/// How many bundles are read at once.
const READ_AT_ONCE: usize = 2;

/// Imports bundles and tells what came of it.
pub async fn run(client: Client, bundles: Vec<PathBuf>, options: Options, progress: &ProgressBar) -> Summary {
    let started = Instant::now();
    let context = Context {
        time_zone: options.time_zone,
        now: Utc::now(),
    };
    let mut summary = Summary {
        time_zone: options.time_zone.name().to_owned(),
        ..Summary::default()
    };
    let import = Import {
        client,
        context,
        permits: Arc::new(Semaphore::new(options.concurrency.max(1))),
        concurrency: options.concurrency.max(1),
        readers: Semaphore::new(READ_AT_ONCE),
    };
    progress.set_length(bundles.len() as u64);
    progress.set_message("reading");
    let practitioners = import.practitioners(&bundles, &mut summary, progress).await;

    progress.set_position(0);
    progress.set_message("importing");
    let mut outcomes = stream::iter(bundles)
        .map(|path| import.bundle(path, &practitioners, progress))
        .buffer_unordered(BUNDLES_AT_ONCE);
    while let Some(outcome) = outcomes.next().await {
        outcome.add_to(&mut summary);
    }
    drop(outcomes);
    progress.finish_and_clear();
    summary.close(started.elapsed());
    summary
}

/// A practitioner after the first reading.
struct Known {
    details: PractitionerDetails,
    registered: Result<Uuid, ClientError>,
}

/// The practitioners of all bundles.
type Practitioners = HashMap<Identifier, Known>;

/// What came of one bundle.
struct Outcome {
    path: PathBuf,
    done: Vec<(Kind, Done)>,
    reasons: Vec<String>,
    notes: Notes,
    ignored: std::collections::BTreeMap<String, u64>,
}

impl Outcome {
    fn add_to(self, summary: &mut Summary) {
        for (kind, done) in self.done {
            summary.count(kind, done);
        }
        for (kind, count) in self.ignored {
            let sum = summary.not_imported.entry(kind).or_default();
            *sum = sum.saturating_add(count);
        }
        let notes = self.notes.list();
        if !notes.is_empty() {
            let bundle = self.path.display().to_string();
            summary.remarks.push(Remarks { bundle, notes });
        }
        match failure(&self.path, self.reasons) {
            Some(failure) => summary.failures.push(failure),
            None => summary.bundles = summary.bundles.saturating_add(1),
        }
    }
}

struct Import {
    client: Client,
    context: Context,
    permits: Arc<Semaphore>,
    concurrency: usize,
    readers: Semaphore,
}

impl Import {
    /// Reads a bundle, where there is a place for it.
    async fn read<T: Send + 'static>(
        &self,
        path: &Path,
        map: fn(&[u8], &Context) -> Result<T, BundleError>,
    ) -> Result<T, String> {
        // The semaphore is never closed, so there is always a permit to wait for.
        let _permit = self.readers.acquire().await;
        let (path, context) = (path.to_owned(), self.context);
        let read = move || files::read(&path).and_then(|json| map(&json, &context).map_err(|error| error.to_string()));
        let read = tokio::task::spawn_blocking(read).await;
        read.unwrap_or_else(|_| Err("reading it failed unexpectedly".to_owned()))
    }

    /// Registers the practitioners of all bundles, each once, as the first bundle describes them.
    async fn practitioners(&self, bundles: &[PathBuf], summary: &mut Summary, progress: &ProgressBar) -> Practitioners {
        let mut distinct: HashMap<Identifier, PractitionerDetails> = HashMap::new();
        let mut read = stream::iter(bundles)
            .map(|path| self.read(path, mapping::practitioners))
            .buffered(READ_AT_ONCE);
        while let Some(found) = read.next().await {
            progress.inc(1);
            // What cannot be read is told by the second reading.
            for details in found.unwrap_or_default() {
                if let Some(identifier) = details.identifier.clone() {
                    distinct.entry(identifier).or_insert(details);
                }
            }
        }
        drop(read);
        let register = |(identifier, details): (Identifier, PractitionerDetails)| async move {
            let registered = self.permitted(self.client.practitioner(&details)).await;
            (identifier, details, registered)
        };
        let mut registered = stream::iter(distinct).map(register).buffer_unordered(self.concurrency);
        let mut known = Practitioners::new();
        while let Some((identifier, details, registered)) = registered.next().await {
            if let Ok(done) = registered {
                summary.count(Kind::Doctor, done);
            }
            let registered = registered.map(|done| done.id);
            known.insert(identifier, Known { details, registered });
        }
        known
    }

    /// Registers the patients of one bundle, then records its visits.
    async fn bundle(&self, path: PathBuf, practitioners: &Practitioners, progress: &ProgressBar) -> Outcome {
        let read = self.read(&path, mapping::map).await;
        let mut outcome = Outcome {
            path,
            done: Vec::new(),
            reasons: Vec::new(),
            notes: Notes::default(),
            ignored: std::collections::BTreeMap::new(),
        };
        match read {
            Ok(plan) => self.carry_out(plan, practitioners, &mut outcome).await,
            Err(reason) => outcome.reasons.push(reason),
        }
        progress.inc(1);
        outcome
    }

    async fn carry_out(&self, plan: Plan, practitioners: &Practitioners, outcome: &mut Outcome) {
        outcome.notes = plan.notes;
        outcome.ignored = plan.ignored;
        outcome.reasons.extend(plan.refused.iter().map(BundleError::to_string));
        for details in &plan.practitioners {
            let known = details
                .identifier
                .as_ref()
                .and_then(|identifier| practitioners.get(identifier));
            match known {
                Some(Known {
                    registered: Err(error), ..
                }) => outcome.reasons.push(format!("a practitioner: {error}")),
                Some(known) if known.details != *details => {
                    outcome.notes.changed(
                        "Practitioner",
                        "",
                        "is described otherwise in a bundle before, as which they are taken",
                    );
                }
                _ => {}
            }
        }
        let mut ids: HashMap<&Identifier, Uuid> = HashMap::new();
        for registration in &plan.patients {
            match self.permitted(self.client.patient(registration)).await {
                Ok(done) => {
                    outcome.done.push((Kind::Patient, done));
                    if let Some(identifier) = &registration.details.identifier {
                        ids.insert(identifier, done.id);
                    }
                }
                Err(error) => outcome.reasons.push(format!("the patient: {error}")),
            }
        }
        let record = |visit: &Visit| {
            let patient = ids.get(&visit.patient).copied();
            let visit = visit.clone();
            async move {
                let done = self.visit(&visit, patient, practitioners).await;
                (visit.path, done)
            }
        };
        let mut recorded = stream::iter(&plan.visits)
            .map(record)
            .buffer_unordered(self.concurrency);
        while let Some((path, done)) = recorded.next().await {
            match done {
                Ok(done) => {
                    if done.change == Change::Differing {
                        let why = "was recorded before with other content, and stays as it was told then";
                        outcome.notes.left_out("Encounter", &path, why);
                    }
                    outcome.done.push((Kind::Appointment, done));
                }
                Err(VisitError::Client(error)) if !error.is(ProblemKind::NotYetBegun) => {
                    outcome.reasons.push(format!("{path}: {error}"));
                }
                Err(why) => outcome.notes.left_out("Encounter", &path, why.to_string()),
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
                Some(Known { registered: Ok(id), .. }) => Some(*id),
                _ => return Err(VisitError::NoPractitioner),
            },
        };
        Ok(self.permitted(self.client.visit(visit, patient, practitioner)).await?)
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
    #[error("has a patient who is not in the bundle, or was refused")]
    NoPatient,
    #[error("has a practitioner who is in none of the bundles, or was refused")]
    NoPractitioner,
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// The reasons of a bundle's failure, the first few of them; `None` when there are none.
fn failure(path: &Path, mut reasons: Vec<String>) -> Option<Failure> {
    if reasons.is_empty() {
        return None;
    }
    let rest = reasons.len().saturating_sub(Failure::MOST);
    reasons.truncate(Failure::MOST);
    if rest > 0 {
        reasons.push(format!("and {rest} more"));
    }
    Some(Failure {
        bundle: path.display().to_string(),
        reasons,
    })
}

/// How long an import waits for a server that is away.
pub const PATIENCE: Duration = Duration::from_secs(120);
