//! The state of any aggregate.

use std::any::Any;

use crate::event::AnyEvent;
use crate::kernel::{AggregateRef, AggregateType, ClinicAggregate, Contradiction, Versioned};

/// An event is not of the aggregate that was to take it in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an event of {0} is not of this aggregate")]
pub struct OfAnother(pub AggregateRef);

macro_rules! states {
    ($( $(#[$doc:meta])* $code:literal $name:ident: $Aggregate:ident { $($rest:tt)* } )*) => {
        $( use crate::$name::$Aggregate; )*

        /// The state of any aggregate, with its versions.
        #[derive(Clone, PartialEq, Debug)]
        pub enum AnyState {
            $( $(#[$doc])* $Aggregate(Versioned<$Aggregate>), )*
        }

        impl AnyState {
            /// An aggregate to which nothing has happened.
            pub fn new(of: AggregateType) -> Self {
                match of {
                    $( AggregateType::$Aggregate => Self::$Aggregate(Versioned::default()), )*
                }
            }

            /// The version of its stream at which it last changed; 0 when nothing has happened to it.
            pub const fn version(&self) -> u64 {
                match self {
                    $( Self::$Aggregate(state) => state.version(), )*
                }
            }

            /// The version at which a part of it last changed; `None` when there never was such a part.
            pub fn version_of(&self, part: uuid::Uuid) -> Option<u64> {
                match self {
                    $( Self::$Aggregate(state) => state.version_of(part), )*
                }
            }

            /// Takes in what happened at a version of its stream.
            ///
            /// # Errors
            /// When it happened to another kind of aggregate.
            pub fn take_in(&mut self, event: AnyEvent, version: u64) -> Result<(), OfAnother> {
                match (self, event) {
                    $( (Self::$Aggregate(state), AnyEvent::$Aggregate(_, event)) => state.take_in(event, version), )*
                    (_, event) => return Err(OfAnother(event.aggregate())),
                }
                Ok(())
            }

            /// The rule that an event contradicts which is about to be taken in: no command is answered with it upon this state.
            ///
            /// # Errors
            /// When it happened to another kind of aggregate.
            pub fn contradiction(&self, event: &AnyEvent) -> Result<Option<Contradiction>, OfAnother> {
                match (self, event) {
                    $( (Self::$Aggregate(state), AnyEvent::$Aggregate(_, event)) => Ok(state.aggregate().contradiction(event)), )*
                    (_, event) => Err(OfAnother(event.aggregate())),
                }
            }

            /// The state as its own type; `None` when it is another aggregate's.
            pub fn typed<A: ClinicAggregate>(&self) -> Option<&Versioned<A>> {
                let state: &dyn Any = match self {
                    $( Self::$Aggregate(state) => state, )*
                };
                state.downcast_ref()
            }
        }
    };
}

aggregates!(states);
