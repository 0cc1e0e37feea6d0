//! What the write side asks of an aggregate, on top of `cqrs_es::Aggregate`.

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;

use super::{ClinicEvent, Identity};

/// An aggregate of ours: its decisions are a pure function of its state and the command.
pub trait ClinicAggregate:
    Aggregate<Services = (), Event: ClinicEvent, Command: Send, Error: Send> + Clone + 'static
{
    /// The id that names its streams.
    type Id: Identity;

    /// Decides. No events means that nothing needs to change.
    ///
    /// # Errors
    /// The aggregate's own error when a rule forbids the command.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Error>;
}

/// Hands decided events to cqrs-es: the async shell around a pure decision.
pub async fn emit<A: Aggregate>(events: Vec<A::Event>, aggregate: &mut A, sink: &EventSink<A>) {
    for event in events {
        sink.write(event, aggregate).await;
    }
}
