//! Opens what single keys open: of a patient's record the events whose keys somebody was given, and nothing else.
//!
//! What it makes of a record depends on the record's entries and the keys alone. Whoever is given another key folds the record again, and comes to
//! what they would have come to if they had had it from the beginning.

use std::collections::HashMap;

use domain::kernel::{AggregateRef, Category, DecodeError, PatientId};
use domain::state::{AnyState, OfAnother};

use super::StreamName;
use super::commitments::{CommitmentProof, Commitments, is_committed};
use super::event_key::EventKey;
use super::header::Header;
use super::opener::{Opening, PersonalPart, Undecodable, Under, read_whole};
use super::payload::{Form, Opened, Void};
use super::place::{Place, Section, Siblings};
use crate::keys::{CategoryKey, DataKey};
use crate::log::{AppendedEntry, LogLocation};

/// A key of a patient's record that somebody was given.
#[derive(Clone, Debug)]
pub enum HandedOver {
    /// That of one category of one chapter.
    Category {
        /// The chapter.
        chapter: u16,
        /// The category.
        category: Category,
        /// Its key.
        key: CategoryKey,
        /// That the chapter began with this key.
        proof: CommitmentProof,
    },
    /// That of one event.
    Event {
        /// The event's number in its chapter.
        version: u64,
        /// Its key.
        key: EventKey,
    },
}

impl HandedOver {
    /// The key of one category of one chapter, from the root of all of them; `None` never happens.
    pub fn category(root: &DataKey, chapter: u16, category: Category) -> Option<Self> {
        Some(Self::Category {
            chapter,
            category,
            key: root.category(chapter, category).ok()?,
            proof: Commitments::of(root, chapter).ok()?.proof(category),
        })
    }

    /// The key of one event, from that of its category; `None` when it is no payload.
    pub fn event(of: &CategoryKey, entry: &AppendedEntry) -> Option<Self> {
        let (header, _) = Header::read(&entry.payload).ok()?;
        Some(Self::Event {
            version: entry.version,
            key: EventKey::of(&of.expanding(), &header.nonce).ok()?,
        })
    }

    /// Whether it may be of this chapter, which began with this commitment. One event's key proves nothing but that event.
    fn is_committed(&self, to: u16, commitment: &[u8; 32]) -> bool {
        match self {
            Self::Category {
                chapter,
                category,
                key,
                proof,
            } => *chapter == to && is_committed(commitment, *category, key, proof),
            Self::Event { .. } => true,
        }
    }

    /// Opens a whole section, if this is its key.
    fn unlock(&self, form: &Form<'_>, entry: &AppendedEntry) -> Option<(Under, Opened)> {
        match self {
            Self::Category { category, key, .. } => {
                let opened = form.open(Section::Whole, &key.expanding())?;
                Some((Under::Category(*category), opened))
            }
            Self::Event { version, key } if *version == entry.version => {
                let opened = form.open_with(Section::Whole, &key.cipher().ok()?)?;
                Some((Under::Event, opened))
            }
            Self::Event { .. } => None,
        }
    }
}

/// Opens entries of one chapter of a patient's record with the keys that it was given.
#[derive(Clone, Debug)]
pub struct ScopedOpener {
    location: LogLocation,
    name: StreamName,
    keys: Vec<HandedOver>,
}

/// A key that was handed over is not of the chapter for which it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the key is not one with which the chapter began")]
pub struct NotCommitted;

impl ScopedOpener {
    /// Of a chapter of a record in a log, which begins with this entry.
    ///
    /// # Errors
    /// When one of the keys is not one with which the chapter began.
    pub fn new(
        location: LogLocation,
        patient: PatientId,
        chapter: u16,
        beginning: &AppendedEntry,
        keys: Vec<HandedOver>,
    ) -> Result<Self, NotCommitted> {
        let header = Header::read(&beginning.payload).map_err(|_| NotCommitted)?.0;
        let commitment = header.beginning.ok_or(NotCommitted)?.commitment;
        if keys.iter().all(|key| key.is_committed(chapter, &commitment)) {
            let aggregate = patient.into();
            Ok(Self {
                location,
                name: StreamName { aggregate, chapter },
                keys,
            })
        } else {
            Err(NotCommitted)
        }
    }

    /// Opens an entry of the chapter that stands behind `before`. What opens under no key that is here is [`Opening::Sealed`]: whoever has
    /// some of the keys only can call nothing void that they cannot open.
    pub fn open(&self, entry: &AppendedEntry, before: [u8; 32], siblings: Siblings<'_>) -> Opening {
        let Ok(form) = Form::read(&self.location, Place::of(entry, before), &entry.payload) else {
            return Opening::Sealed;
        };
        let Some((under, opened)) = self.keys.iter().find_map(|key| key.unlock(&form, entry)) else {
            return Opening::Sealed;
        };
        let content = match form.beside(opened, siblings) {
            Ok(authentic) => authentic.content,
            Err(void) => return Opening::Void(void),
        };
        let read = content.ok_or(Undecodable::Malformed);
        match read.and_then(|content| read_whole(entry, self.name, &content)) {
            Ok(event) if !under.is_right_for(&event.event) => Opening::Void(Void::OtherKey),
            Ok(event) => Opening::Opened {
                event,
                personal: PersonalPart::Present,
            },
            Err(Undecodable::Event(DecodeError::UnknownSchema(schema))) => Opening::Newer { schema },
            Err(error) => Opening::Undecodable(error),
        }
    }
}

/// What opened events make of their aggregates, in the order of the record, of all chapters of which somebody has keys. What did not open changes nothing.
///
/// # Errors
/// Never: an event is of the aggregate that it names.
pub fn fold(openings: impl IntoIterator<Item = Opening>) -> Result<HashMap<AggregateRef, AnyState>, OfAnother> {
    let mut states = HashMap::new();
    for opening in openings {
        if let Opening::Opened { event, .. } = opening {
            let of = event.event.aggregate();
            let state = states.entry(of).or_insert_with(|| AnyState::new(of.aggregate_type()));
            state.take_in(event.event, event.version)?;
        }
    }
    Ok(states)
}
