//! What an aggregate writes, and how the write side holds it: with its versions, as an aggregate of cqrs-es.

use std::collections::BTreeMap;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ClinicEvent, Contradiction, DomainError, Identity};

/// An aggregate: it decides, and its events change it. Both are pure, and neither knows of versions.
pub trait ClinicAggregate:
    Clone + Default + PartialEq + std::fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// What names it.
    type Id: Identity;
    /// What can be asked of it.
    type Command: Clone + Send + Sync;
    /// What can happen to it.
    type Event: ClinicEvent + Send + Sync;
    /// Why it refuses.
    type Error: DomainError;

    /// Decides. No events means that nothing needs to change.
    ///
    /// # Errors
    /// The aggregate's own error when a rule forbids the command.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Error>;

    /// Takes in what happened. Whatever it is, it happened: this never fails.
    fn apply(&mut self, event: Self::Event);

    /// The rule that an event contradicts which is about to be taken in; `None` when some command is answered with it upon this state.
    fn contradiction(&self, event: &Self::Event) -> Option<Contradiction>;
}

/// An aggregate with its versions: the one bridge from ours to those of cqrs-es, which count an aggregate's own events.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Versioned<A: ClinicAggregate> {
    aggregate: A,
    version: u64,
    parts: BTreeMap<Uuid, u64>,
}

impl<A: ClinicAggregate> Versioned<A> {
    /// The aggregate.
    pub const fn aggregate(&self) -> &A {
        &self.aggregate
    }

    /// The version of its stream at which it last changed; 0 when nothing has happened to it.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Takes in what happened at a version of its stream.
    pub fn take_in(&mut self, event: A::Event, version: u64) {
        self.version = version;
        if let Some(part) = event.part() {
            self.parts.insert(part, version);
        }
        self.aggregate.apply(event);
    }

    /// The version at which a part of it last changed; `None` when there never was such a part.
    pub fn version_of(&self, part: Uuid) -> Option<u64> {
        self.parts.get(&part).copied()
    }
}

impl<A: ClinicAggregate> Aggregate for Versioned<A> {
    const TYPE: &'static str = A::Id::TYPE.name();
    type Command = A::Command;
    type Event = A::Event;
    type Error = A::Error;
    type Services = ();

    async fn handle(&mut self, command: A::Command, (): &(), sink: &EventSink<Self>) -> Result<(), A::Error> {
        for event in self.aggregate.decide(command)? {
            debug_assert_eq!(
                self.aggregate.contradiction(&event),
                None,
                "what is decided can be decided"
            );
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: A::Event) {
        self.take_in(event, self.version.saturating_add(1));
    }
}
