//! `medconnect import`: FHIR R4 bundles go in as commands, over the REST interface, many at once.
//!
//! Every id is derived from the source's own identifiers, so importing again changes nothing, and an import that was
//! interrupted is finished by running it again. A bundle that cannot be read fails by name; the others go in.
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

use domain::kernel::Identifier;
use domain::practitioner::PractitionerDetails;
use futures::StreamExt;
use futures::stream;
use indicatif::ProgressBar;
use uuid::Uuid;

use self::client::{Client, ClientError, Done};
use self::mapping::{Plan, Provider, Visit};
use self::report::{Failure, Summary, Tally};

/// How an import is run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many commands are under way at once.
    pub concurrency: usize,
}

/// How many bundles are under way at once. Their visits share [`Options::concurrency`].
const BUNDLES_AT_ONCE: usize = 16;

/// Imports bundles and tells what came of it.
pub async fn run(client: Client, bundles: Vec<PathBuf>, options: Options, progress: &ProgressBar) -> Summary {
    let started = Instant::now();
    let mut summary = Summary::default();
    progress.set_length(bundles.len() as u64);
    progress.set_message("reading");
    let plans = read_all(bundles, &mut summary, progress).await;

    progress.set_position(0);
    progress.set_length(plans.iter().map(|(_, plan)| steps(plan)).sum());
    progress.set_message("importing");
    let import = Import {
        client,
        permits: Arc::new(tokio::sync::Semaphore::new(options.concurrency.max(1))),
    };
    let practitioners = import.practitioners(&plans, &mut summary, progress).await;
    let mut outcomes = stream::iter(&plans)
        .map(|(path, plan)| import.bundle(path, plan, &practitioners, progress))
        .buffer_unordered(BUNDLES_AT_ONCE);
    while let Some(outcome) = outcomes.next().await {
        outcome.add_to(&mut summary);
    }
    drop(outcomes);
    progress.finish_and_clear();
    summary.close(started.elapsed());
    summary
}

fn steps(plan: &Plan) -> u64 {
    plan.practitioners
        .len()
        .saturating_add(plan.patients.len())
        .saturating_add(plan.visits.len()) as u64
}

/// Reads and maps every bundle; those that cannot be are failures.
async fn read_all(bundles: Vec<PathBuf>, summary: &mut Summary, progress: &ProgressBar) -> Vec<(PathBuf, Plan)> {
    let read = |path: PathBuf| async {
        let plan = tokio::task::spawn_blocking({
            let path = path.clone();
            move || files::read(&path).and_then(|json| mapping::map(&json).map_err(|error| error.to_string()))
        });
        let plan = plan
            .await
            .unwrap_or_else(|_| Err("reading it failed unexpectedly".to_owned()));
        progress.inc(1);
        (path, plan)
    };
    let mut plans = Vec::new();
    let mut read = stream::iter(bundles).map(read).buffered(2);
    while let Some((path, plan)) = read.next().await {
        match plan {
            Ok(plan) => plans.push((path, plan)),
            Err(reason) => summary.failures.push(Failure {
                bundle: path.display().to_string(),
                reasons: vec![reason],
            }),
        }
    }
    plans
}

/// What is known of the practitioners after they were registered.
type Practitioners = HashMap<Identifier, Result<Uuid, ClientError>>;

/// What came of one bundle.
struct Outcome {
    patients: Tally,
    appointments: Tally,
    failure: Option<Failure>,
}

impl Outcome {
    fn add_to(self, summary: &mut Summary) {
        summary.patients.add(self.patients);
        summary.appointments.add(self.appointments);
        match self.failure {
            Some(failure) => summary.failures.push(failure),
            None => summary.bundles = summary.bundles.saturating_add(1),
        }
    }
}

struct Import {
    client: Client,
    permits: Arc<tokio::sync::Semaphore>,
}

impl Import {
    /// Registers the practitioners of all bundles, each once.
    async fn practitioners(
        &self,
        plans: &[(PathBuf, Plan)],
        summary: &mut Summary,
        progress: &ProgressBar,
    ) -> Practitioners {
        let mut distinct: HashMap<&Identifier, &PractitionerDetails> = HashMap::new();
        for details in plans.iter().flat_map(|(_, plan)| &plan.practitioners) {
            progress.inc(1);
            if let Some(identifier) = &details.identifier {
                distinct.entry(identifier).or_insert(details);
            }
        }
        let register = |(identifier, details): (&Identifier, &PractitionerDetails)| {
            let identifier = identifier.clone();
            let details = details.clone();
            async move { (identifier, self.permitted(self.client.practitioner(&details)).await) }
        };
        let mut registered = stream::iter(distinct).map(register).buffer_unordered(usize::MAX >> 4);
        let mut known = Practitioners::new();
        while let Some((identifier, done)) = registered.next().await {
            if let Ok(done) = &done {
                summary.doctors.count(done.added);
            }
            known.insert(identifier, done.map(|done| done.id));
        }
        known
    }

    /// Registers the patients of one bundle, then records its visits.
    async fn bundle(&self, path: &Path, plan: &Plan, practitioners: &Practitioners, progress: &ProgressBar) -> Outcome {
        let mut reasons = Vec::new();
        let (mut patients, mut appointments) = (Tally::default(), Tally::default());
        for practitioner in plan
            .practitioners
            .iter()
            .filter_map(|details| details.identifier.as_ref())
        {
            if let Some(Err(error)) = practitioners.get(practitioner) {
                reasons.push(format!("a practitioner: {error}"));
            }
        }
        let mut ids: HashMap<&Identifier, Uuid> = HashMap::new();
        for registration in &plan.patients {
            match self.permitted(self.client.patient(registration)).await {
                Ok(done) => {
                    patients.count(done.added);
                    if let Some(identifier) = &registration.details.identifier {
                        ids.insert(identifier, done.id);
                    }
                }
                Err(error) => reasons.push(format!("the patient: {error}")),
            }
            progress.inc(1);
        }
        let record = |visit: &Visit| {
            let patient = ids.get(&visit.patient).copied();
            let visit = visit.clone();
            async move {
                let done = self.visit(&visit, patient, practitioners).await;
                progress.inc(1);
                done.map_err(|error| format!("{}: {error}", visit.path))
            }
        };
        let mut recorded = stream::iter(&plan.visits)
            .map(record)
            .buffer_unordered(self.permits.available_permits().max(1));
        while let Some(done) = recorded.next().await {
            match done {
                Ok(done) => appointments.count(done.added),
                Err(reason) => reasons.push(reason),
            }
        }
        Outcome {
            patients,
            appointments,
            failure: failure(path, reasons),
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
                Some(Ok(id)) => Some(*id),
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
    #[error("its patient is not in the bundle, or was refused")]
    NoPatient,
    #[error("its practitioner is in none of the bundles, or was refused")]
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
