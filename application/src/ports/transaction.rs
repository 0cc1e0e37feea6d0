//! What a command is decided upon: one aggregate, or several at once, whose events are then committed together or not at all.
//!
//! A use case names its [`Target`]s and gives a decision, which gets the aggregates by value, has them execute commands, and gives them
//! back. It is pure, for it is made again whenever somebody else was faster.

use std::sync::Arc;

use domain::event::AnyEvent;
use domain::kernel::{AggregateRef, ClinicAggregate, Versioned};
use domain::state::AnyState;
use uuid::Uuid;

/// Whether an aggregate may already exist.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Freshness {
    /// Its id was drawn at random for this command: there is nothing to load. The chain still checks.
    New,
    /// It may exist.
    MayExist,
}

/// The version that a caller insists on (`If-Match`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expected {
    /// The part of the aggregate whose version it is; `None` for the whole.
    pub part: Option<Uuid>,
    /// The version of the stream at which that last changed, as the caller saw it.
    pub version: u64,
}

impl Expected {
    /// Of the whole aggregate.
    pub const fn whole(version: u64) -> Self {
        Self { part: None, version }
    }

    /// Whether the caller has seen another state than it is in now.
    pub fn is_outdated(&self, state: &AnyState) -> bool {
        self.current(state).is_some_and(|current| current != self.version)
    }

    /// Whether the caller has seen what never was. What cannot be done for that very reason is refused as that: preconditions come after it
    /// (RFC 9110, 13.2.1).
    pub fn is_of_nothing(&self, state: &AnyState) -> bool {
        self.version > 0 && self.current(state).is_none()
    }

    fn current(&self, state: &AnyState) -> Option<u64> {
        match self.part {
            Some(part) => state.version_of(part),
            None => Some(state.version()).filter(|version| *version > 0),
        }
    }
}

/// One aggregate that a command is about.
#[derive(Clone, Copy, Debug)]
pub struct Target<I> {
    /// Which.
    pub id: I,
    /// Whether it may already exist.
    pub freshness: Freshness,
    /// The version that the caller insists on, if they do.
    pub expected: Option<Expected>,
}

impl<I> Target<I> {
    /// An aggregate that may exist.
    pub const fn of(id: I) -> Self {
        Self {
            id,
            freshness: Freshness::MayExist,
            expected: None,
        }
    }

    /// An aggregate that may exist, or not.
    #[must_use]
    pub fn freshness(self, freshness: Freshness) -> Self {
        Self { freshness, ..self }
    }

    /// Insists on a version.
    #[must_use]
    pub fn expecting(self, expected: Option<Expected>) -> Self {
        Self { expected, ..self }
    }

    fn untyped(self) -> Target<AggregateRef>
    where
        I: Into<AggregateRef>,
    {
        Target {
            id: self.id.into(),
            freshness: self.freshness,
            expected: self.expected,
        }
    }
}

/// An aggregate in a transaction: its state, with what was decided on it so far.
#[derive(Clone, Debug)]
pub struct Root<A: ClinicAggregate> {
    id: A::Id,
    state: A,
    events: Vec<A::Event>,
}

impl<A: ClinicAggregate> Root<A> {
    /// Which aggregate it is.
    pub const fn id(&self) -> A::Id {
        self.id
    }

    /// Its state, with what was decided so far.
    pub const fn state(&self) -> &A {
        &self.state
    }

    /// Decides on a command, and takes in what was decided.
    ///
    /// # Errors
    /// The aggregate's own error when a rule forbids the command.
    pub fn execute(&mut self, command: A::Command) -> Result<(), A::Error> {
        for event in self.state.decide(command)? {
            debug_assert_eq!(self.state.contradiction(&event), None, "what is decided can be decided");
            self.state.apply(event.clone());
            self.events.push(event);
        }
        Ok(())
    }
}

/// A fault of ours: what was loaded is not what was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a transaction was given other aggregates than its own")]
pub struct Mismatched;

/// The aggregates of a transaction.
pub trait Roots: Sized + Send {
    /// Which they are.
    type Targets: Clone + Send + Sync;

    /// Which they are, in order.
    fn targets(targets: &Self::Targets) -> Vec<Target<AggregateRef>>;

    /// The aggregates in their states, which come in the same order.
    ///
    /// # Errors
    /// [`Mismatched`].
    fn open(targets: &Self::Targets, states: &[Arc<AnyState>]) -> Result<Self, Mismatched>;

    /// What was decided, for each aggregate in the same order.
    ///
    /// # Errors
    /// [`Mismatched`].
    fn close(self) -> Result<Vec<Vec<AnyEvent>>, Mismatched>;
}

impl<A: ClinicAggregate> Roots for Root<A> {
    type Targets = Target<A::Id>;

    fn targets(target: &Target<A::Id>) -> Vec<Target<AggregateRef>> {
        vec![target.untyped()]
    }

    fn open(target: &Target<A::Id>, states: &[Arc<AnyState>]) -> Result<Self, Mismatched> {
        let [state] = states else { return Err(Mismatched) };
        let state = state.typed::<A>().ok_or(Mismatched)?;
        Ok(Self {
            id: target.id,
            state: Versioned::aggregate(state).clone(),
            events: Vec::new(),
        })
    }

    fn close(self) -> Result<Vec<Vec<AnyEvent>>, Mismatched> {
        let of: AggregateRef = self.id.into();
        let events = self.events.into_iter();
        let events = events.map(|event| AnyEvent::of(of, event).ok_or(Mismatched));
        Ok(vec![events.collect::<Result<_, _>>()?])
    }
}

/// As many aggregates of one kind as a command turns out to be about.
impl<A: ClinicAggregate> Roots for Vec<Root<A>> {
    type Targets = Vec<Target<A::Id>>;

    fn targets(targets: &Self::Targets) -> Vec<Target<AggregateRef>> {
        targets.iter().map(|target| target.untyped()).collect()
    }

    fn open(targets: &Self::Targets, states: &[Arc<AnyState>]) -> Result<Self, Mismatched> {
        if targets.len() != states.len() {
            return Err(Mismatched);
        }
        let roots = targets.iter().zip(states.chunks(1));
        roots.map(|(target, state)| Root::open(target, state)).collect()
    }

    fn close(self) -> Result<Vec<Vec<AnyEvent>>, Mismatched> {
        let closed: Vec<_> = self.into_iter().map(Root::close).collect::<Result<_, _>>()?;
        Ok(closed.concat())
    }
}

macro_rules! several_roots {
    ($($A:ident $root:ident),*) => {
        impl<$($A: Roots),*> Roots for ($($A,)*) {
            type Targets = ($($A::Targets,)*);

            fn targets(($($root,)*): &Self::Targets) -> Vec<Target<AggregateRef>> {
                [$($A::targets($root)),*].concat()
            }

            fn open(($($root,)*): &Self::Targets, mut states: &[Arc<AnyState>]) -> Result<Self, Mismatched> {
                $(
                    let (own, rest) = states.split_at_checked($A::targets($root).len()).ok_or(Mismatched)?;
                    let $root = $A::open($root, own)?;
                    states = rest;
                )*
                states.is_empty().then_some(($($root,)*)).ok_or(Mismatched)
            }

            fn close(self) -> Result<Vec<Vec<AnyEvent>>, Mismatched> {
                let ($($root,)*) = self;
                Ok([$($root.close()?),*].concat())
            }
        }
    };
}

several_roots!(A a, B b);
several_roots!(A a, B b, C c);
several_roots!(A a, B b, C c, D d);
