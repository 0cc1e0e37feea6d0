//! What an aggregate writes, and how the write side holds it: with its versions, as an aggregate of cqrs-es.

use std::collections::BTreeMap;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ClinicEvent, Identity, Refusal};

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
    type Error: Refusal;

    /// Decides. No events means that nothing needs to change.
    ///
    /// # Errors
    /// The aggregate's own error when a rule forbids the command.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Error>;

    /// Takes in what happened. Whatever it is, it happened: this never fails.
    fn apply(&mut self, event: Self::Event);
}

/// An aggregate with its versions: the one bridge from ours to those of cqrs-es.
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

    /// How many events it has.
    pub const fn version(&self) -> u64 {
        self.version
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
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: A::Event) {
        self.version = self.version.saturating_add(1);
        if let Some(part) = event.part() {
            self.parts.insert(part, self.version);
        }
        self.aggregate.apply(event);
    }
}
