//! An event of any aggregate.

use std::any::Any;

use cqrs_es::DomainEvent;
use uuid::Uuid;

use crate::kernel::{
    AggregateRef, AggregateType, Category, ClinicAggregate, ClinicEvent, DataSubject, DecodeError, EncodedEvent, Parts,
    PersonalField, PersonalSlot, Seal, SubjectId, decode_current,
};

macro_rules! events {
    ($(
        $(#[$doc:meta])*
        $code:literal $name:ident: $Aggregate:ident {
            id: $kind:ident $Id:ident,
            events: $Event:ident in schema $schema:literal $(upcast $upcast:path)? {
                $( $variant:ident: $seal:ident $($category:ident($field:ident))? $([$part:ident])?, )*
            }
        }
    )*) => {
        $(
            use crate::$name::$Event;
            use crate::kernel::$Id;
        )*

        /// An event of any aggregate, with the aggregate's id.
        #[derive(Clone, PartialEq, Debug)]
        pub enum AnyEvent {
            $( $(#[$doc])* $Aggregate($Id, $Event), )*
        }

        impl AnyEvent {
            /// An event of an aggregate; `None` when the aggregate has no such events.
            pub fn of<E: ClinicEvent>(of: AggregateRef, event: E) -> Option<Self> {
                match of {
                    $( AggregateRef::$Aggregate(id) => cast(event).map(|event| Self::$Aggregate(id, event)), )*
                }
            }

            /// Whose event it is.
            pub fn aggregate(&self) -> AggregateRef {
                match self {
                    $( Self::$Aggregate(id, _) => (*id).into(), )*
                }
            }

            /// Of which type it is: the aggregate's name and the event's, and nothing of what it says.
            pub fn name(&self) -> String {
                let kind = match self {
                    $( Self::$Aggregate(_, event) => event.event_type(), )*
                };
                format!("{}.{kind}", self.aggregate().aggregate_type().name())
            }

            /// Whether an event of this stream is read: its aggregate, and the schema. One that is not known is a newer program's.
            pub fn knows(stream: AggregateRef, schema: u8, shared: &[u8]) -> bool {
                let (of, schema) = match whose(stream, schema, shared) {
                    Ok((of, schema, _)) => (of, schema),
                    // That is said when it is read.
                    Err(error) => return !matches!(error, DecodeError::UnknownSchema(_)),
                };
                let newest = match of {
                    $( AggregateRef::$Aggregate(_) => $Event::SCHEMA, )*
                };
                0 < schema && schema <= newest
            }

            /// Reads an event of a stream, of whichever of its aggregates, in any schema ever written. Without the personal section,
            /// its value stays sealed.
            ///
            /// # Errors
            /// [`DecodeError`] when the schema or the aggregate's type is unknown or the bytes do not follow it.
            pub fn decode(
                stream: AggregateRef,
                schema: u8,
                shared: &[u8],
                personal: Option<&[u8]>,
            ) -> Result<Self, DecodeError> {
                let (of, schema, shared) = whose(stream, schema, shared)?;
                Self::decode_of(of, schema, shared, personal)
            }

            /// Reads an event of this very aggregate, as the aggregate itself writes it.
            ///
            /// # Errors
            /// [`DecodeError`] when the schema is unknown or the bytes do not follow it.
            pub fn decode_of(
                of: AggregateRef,
                schema: u8,
                shared: &[u8],
                personal: Option<&[u8]>,
            ) -> Result<Self, DecodeError> {
                Ok(match of {
                    $( AggregateRef::$Aggregate(id) => Self::$Aggregate(id, $Event::decode(schema, shared, personal)?), )*
                })
            }

            /// Writes the event in today's schema, as its stream holds it.
            ///
            /// # Errors
            /// When a value cannot be written, which is a mistake in its type.
            pub fn encode(&self) -> Result<EncodedEvent, postcard::Error> {
                let encoded = match self {
                    $( Self::$Aggregate(_, event) => event.encode(), )*
                };
                Ok(marked(self.aggregate(), encoded?))
            }

            /// The event as it reads without its personal section.
            ///
            /// # Errors
            /// When a value cannot be written, which is a mistake in its type.
            pub fn without_personal(&self) -> Result<Self, DecodeError> {
                match self {
                    $( Self::$Aggregate(id, event) => {
                        let malformed = |cause| DecodeError::Malformed { schema: $Event::SCHEMA, cause };
                        let EncodedEvent { schema, shared, .. } = event.encode().map_err(malformed)?;
                        Ok(Self::$Aggregate(*id, $Event::decode(schema, &shared, None)?))
                    } )*
                }
            }

            /// Whose key seals its personal value. See [`ClinicEvent::subject`].
            pub fn subject(&self) -> Option<SubjectId> {
                match self {
                    $( Self::$Aggregate(id, event) => event.subject(&(*id).into()), )*
                }
            }

            /// The data subject in whose own stream it stands, if it is sealed under that one's key.
            pub fn own_subject(&self) -> Option<SubjectId> {
                let own = self.aggregate().data_subject();
                self.subject().filter(|subject| own == Some(*subject))
            }

            /// Under which keys it is sealed.
            pub fn seal(&self) -> Seal {
                match self {
                    $( Self::$Aggregate(_, event) => event.seal(), )*
                }
            }

            /// The event and the id of an aggregate of one kind; `None` when it is another kind's.
            pub fn of_aggregate<A: ClinicAggregate>(&self) -> Option<(A::Id, &A::Event)> {
                let event: &dyn Any = match self {
                    $( Self::$Aggregate(_, event) => event, )*
                };
                Some((A::Id::try_from(self.aggregate()).ok()?, event.downcast_ref()?))
            }

            /// The event as its own type; `None` when it is another aggregate's.
            pub fn typed<E: ClinicEvent>(self) -> Option<E> {
                match self {
                    $( Self::$Aggregate(_, event) => cast(event), )*
                }
            }
        }

        $(
            impl DomainEvent for $Event {
                fn event_type(&self) -> String {
                    match self {
                        $( Self::$variant { .. } => stringify!($variant), )*
                    }
                    .to_owned()
                }

                fn event_version(&self) -> String {
                    Self::SCHEMA.to_string()
                }
            }

            impl ClinicEvent for $Event {
                const SCHEMA: u8 = $schema;

                fn seal(&self) -> Seal {
                    match self {
                        $( Self::$variant { .. } => events!(@seal $seal $($category)?), )*
                    }
                }

                fn personal(&mut self) -> Option<&mut dyn PersonalSlot> {
                    match self {
                        $( Self::$variant { $($field,)? .. } => events!(@slot $($field)?), )*
                    }
                }

                fn subject(&self, of: &AggregateRef) -> Option<SubjectId> {
                    match self {
                        $( Self::$variant { $($field,)? .. } => events!(@subject of $($field)?), )*
                    }
                }

                fn part(&self) -> Option<Uuid> {
                    match self {
                        $( Self::$variant { $($part,)? .. } => events!(@part $($part)?), )*
                    }
                }

                fn decode(schema: u8, shared: &[u8], personal: Option<&[u8]>) -> Result<Self, DecodeError> {
                    match schema {
                        Self::SCHEMA => decode_current(shared, personal),
                        older => events!(@older older, shared, personal $(, $upcast)?),
                    }
                }
            }
        )*
    };
    (@seal namespace) => { Seal::Namespace };
    (@seal beside $category:ident) => { Seal::Beside(Category::$category) };
    (@seal within $category:ident) => { Seal::Within(Category::$category) };
    (@slot) => { None };
    (@slot $field:ident) => { $field.slot() };
    (@subject $of:ident) => {{
        let _ = $of;
        None
    }};
    (@subject $of:ident $field:ident) => { $field.subject($of.data_subject()) };
    (@part) => { None };
    (@part $part:ident) => { Some($part.uuid()) };
    (@older $schema:ident, $shared:ident, $personal:ident) => { Err(DecodeError::UnknownSchema($schema)) };
    (@older $schema:ident, $shared:ident, $personal:ident, $upcast:path) => { $upcast($schema, $shared, $personal) };
}

aggregates!(events);

/// In the byte of the schema: the event is of an aggregate that shares the stream of another. The type's number stands before its bytes,
/// and the id of that aggregate, unless the record has only one of its type.
const SHARES: u8 = 0x80;

fn marked(of: AggregateRef, mut encoded: EncodedEvent) -> EncodedEvent {
    let kind = of.aggregate_type().code();
    let whose = match of.parts() {
        Parts::InRecord(_, id) => [&[kind], id.as_bytes().as_slice()].concat(),
        Parts::Part(_) | Parts::OfSubject(_) => vec![kind],
        Parts::Uuid(_) | Parts::Day(..) | Parts::Bucket(_) => return encoded,
    };
    encoded.schema |= SHARES;
    encoded.shared.splice(..0, whose);
    encoded
}

/// The aggregate of a stream that an event is of, with its schema and its bytes. An aggregate of which nothing is known is a newer program's; one that does
/// not share streams of this kind is a mistake.
fn whose(stream: AggregateRef, schema: u8, shared: &[u8]) -> Result<(AggregateRef, u8, &[u8]), DecodeError> {
    if schema & SHARES == 0 {
        return Ok((stream, schema, shared));
    }
    let malformed = DecodeError::Malformed {
        schema,
        cause: postcard::Error::DeserializeUnexpectedEnd,
    };
    let unknown = DecodeError::UnknownSchema(schema);
    let (kind, rest) = shared.split_first().ok_or_else(|| malformed.clone())?;
    let kind = AggregateType::from_code(*kind).ok_or(unknown)?;
    let bare = schema & !SHARES;
    let of_subject = |subject| AggregateRef::from_parts(kind, Parts::OfSubject(subject));
    if let Some(of) = DataSubject::try_from(stream).ok().and_then(of_subject) {
        return Ok((of, bare, rest));
    }
    // No aggregate that is known shares a stream like this one: a mistake, and not a newer program's.
    let Ok(patient) = PatientId::try_from(stream) else {
        return Err(malformed);
    };
    let schema = bare;
    if let Some(only) = AggregateRef::from_parts(kind, Parts::Part(patient)) {
        return Ok((only, schema, rest));
    }
    let (id, rest) = rest.split_first_chunk::<16>().ok_or_else(|| malformed.clone())?;
    let of = AggregateRef::from_parts(kind, Parts::InRecord(patient, Uuid::from_bytes(*id)));
    Ok((of.ok_or(malformed)?, schema, rest))
}

/// A value as the type that it has.
fn cast<T: 'static, E: 'static>(value: T) -> Option<E> {
    let mut value = Some(value);
    (&mut value as &mut dyn Any).downcast_mut::<Option<E>>()?.take()
}
