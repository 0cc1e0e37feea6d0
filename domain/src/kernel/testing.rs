//! What the given-when-then tests of all aggregates begin with.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};

use super::{ClinicAggregate, Contradiction, Versioned};

/// An aggregate to which this has happened.
pub(crate) fn given<A: ClinicAggregate>(events: Vec<A::Event>) -> AggregateTestExecutor<Versioned<A>> {
    TestFramework::with(()).given(events)
}

/// The state that events leave.
pub(crate) fn folded<A: ClinicAggregate>(events: impl IntoIterator<Item = A::Event>) -> A {
    events.into_iter().fold(A::default(), |mut aggregate, event| {
        aggregate.apply(event);
        aggregate
    })
}

/// What an event contradicts that happens after these.
pub(crate) fn contradiction<A: ClinicAggregate>(
    given: impl IntoIterator<Item = A::Event>,
    event: &A::Event,
) -> Option<Contradiction> {
    folded::<A>(given).contradiction(event)
}
