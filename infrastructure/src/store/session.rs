//! What one attempt at one command sees as its event store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use application::command::{CommandContext, Freshness};
use application::log::StreamId;
use cqrs_es::{AggregateContext, AggregateError, EventEnvelope, EventStore};
use domain::kernel::{AggregateRef, ClinicAggregate};
use tokio::sync::OwnedMutexGuard;

use super::executor::Core;
use super::failure::Failure;
use super::hand_over::Decision;
use super::in_flight::InFlight;
use super::journal::Journal;
use super::stream::{Loaded, Stream};
use crate::log::CommitLog;

/// A stream that is loaded, and the caller's turn on it.
pub(super) struct Place {
    pub(super) stream_id: StreamId,
    pub(super) stream: Arc<Stream>,
    pub(super) loaded: Loaded,
    pub(super) _turn: OwnedMutexGuard<()>,
}

/// An aggregate between loading and committing.
pub(super) struct Context<A> {
    aggregate: A,
    place: Place,
}

impl<A: ClinicAggregate> AggregateContext<A> for Context<A> {
    fn aggregate(&mut self) -> &mut A {
        &mut self.aggregate
    }
}

/// What an attempt came to, beside what cqrs-es says about it.
#[derive(Default)]
pub(super) struct Report {
    /// What the decision was made on.
    pub(super) upon: Option<Loaded>,
    /// The commit that was handed over, and how many events it adds.
    pub(super) commit: Option<(InFlight, u64)>,
    /// Why it went no further.
    pub(super) failure: Option<Failure>,
}

/// The event store of one attempt. Its other half, the report, stays with the executor.
pub(super) struct Session<L, J> {
    core: Arc<Core<L, J>>,
    aggregate: AggregateRef,
    freshness: Freshness,
    report: Arc<Mutex<Report>>,
}

impl<L: CommitLog, J: Journal> Session<L, J> {
    pub(super) fn new(
        core: Arc<Core<L, J>>,
        aggregate: AggregateRef,
        freshness: Freshness,
    ) -> (Self, Arc<Mutex<Report>>) {
        let report = Arc::default();
        (
            Self {
                core,
                aggregate,
                freshness,
                report: Arc::clone(&report),
            },
            report,
        )
    }

    /// Notes the failure for the executor; cqrs-es only needs to know that there was one.
    fn fail<E: std::error::Error>(&self, failure: Failure) -> AggregateError<E> {
        let said = failure.to_string();
        self.note(|report| report.failure = Some(failure));
        AggregateError::UnexpectedError(said.into())
    }

    fn note(&self, note: impl FnOnce(&mut Report)) {
        note(&mut self.report.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn expect(&self, aggregate_id: &str) -> Result<(), Failure> {
        if aggregate_id.parse() == Ok(self.aggregate) {
            Ok(())
        } else {
            Err(Failure::internal(
                "a session was asked for another aggregate than its own",
            ))
        }
    }
}

impl<A: ClinicAggregate, L: CommitLog, J: Journal> EventStore<A> for Session<L, J> {
    type AC = Context<A>;

    async fn load_events(&self, aggregate_id: &str) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        self.expect(aggregate_id).map_err(|failure| self.fail(failure))?;
        self.core
            .events::<A>(self.aggregate)
            .await
            .map_err(|failure| self.fail(failure))
    }

    async fn load_aggregate(&self, aggregate_id: &str) -> Result<Context<A>, AggregateError<A::Error>> {
        self.expect(aggregate_id).map_err(|failure| self.fail(failure))?;
        let place = self
            .core
            .enter::<A>(self.aggregate, self.freshness)
            .await
            .map_err(|failure| self.fail(failure))?;
        let aggregate = place.loaded.typed::<A>().map_err(|failure| self.fail(failure))?.clone();
        self.note(|report| report.upon = Some(place.loaded.clone()));
        Ok(Context { aggregate, place })
    }

    async fn commit(
        &self,
        events: Vec<A::Event>,
        context: Context<A>,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let Context { aggregate, place } = context;
        let commit = async {
            let context = CommandContext::from_metadata(&metadata)
                .ok_or_else(|| Failure::internal("a command's metadata was lost on its way through cqrs-es"))?;
            let decision = Decision::new::<A>(&self.aggregate, &place, aggregate, &events)?;
            self.core.hand_over.commit(vec![decision], &context).await
        };
        let commit = commit.await.map_err(|failure| self.fail(failure))?;
        self.note(|report| report.commit = Some((commit, events.len() as u64)));
        let aggregate_id = self.aggregate.to_string();
        let first = usize::try_from(place.loaded.head.version)
            .unwrap_or(usize::MAX)
            .saturating_add(1);
        Ok(events
            .into_iter()
            .zip(first..)
            .map(|(payload, sequence)| EventEnvelope {
                aggregate_id: aggregate_id.clone(),
                sequence,
                payload,
                metadata: metadata.clone(),
            })
            .collect())
    }
}
