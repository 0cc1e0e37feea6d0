//! One person's record: found by any of their identifiers, registered or brought up to date.
//!
//! A record that is found under an identifier is theirs only if nothing speaks against it. Two persons who share one are never
//! made one: whoever comes later is registered under another identifier of theirs, or refused.

use std::collections::HashSet;

use domain::kernel::Identifier;
use domain::patient::{Intake, Matter, PatientDetails, Registration};
use uuid::Uuid;

use super::client::{Client, ClientError, Done, Found};
use super::merge::{self, Merged};
use super::people::{Person, likeness_of};
use crate::http::problem::ProblemKind;

/// How often a record is read again that somebody else changed or registered meanwhile.
pub(super) const READS: u32 = 8;

/// Why a person was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordError {
    /// Nothing that names them is theirs alone.
    #[error("everything that names them names somebody else who is registered here, and they are not made one")]
    Taken,
    /// Two records are theirs.
    #[error("more than one record here is known by their identifiers, and nothing tells which is theirs")]
    Several,
    /// The server.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// What became of a record.
pub(super) struct Recorded {
    /// What the server did.
    pub(super) done: Done,
    /// Whether what is told is older than what is recorded.
    pub(super) is_older: bool,
    /// Of which lists an entry that is told is older than what is recorded.
    pub(super) older: Vec<Matter>,
    /// Of which lists an entry that is told is not taken, for it is a state from before its source took it back.
    pub(super) kept_out: Vec<Matter>,
    /// How many allergies were taken out, because the source says that they are none, or no longer.
    pub(super) allergies_ended: usize,
}

impl From<Done> for Recorded {
    fn from(done: Done) -> Self {
        Self {
            done,
            is_older: false,
            older: Vec::new(),
            kept_out: Vec::new(),
            allergies_ended: 0,
        }
    }
}

/// Where a person belongs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// In this record.
    Known(Uuid),
    /// In a new one, under the first of these that is free.
    New(Vec<Identifier>),
    /// In one of several.
    Several,
    /// In none.
    Taken,
}

/// Where a person belongs, of the records that are known by one of their identifiers.
pub(super) fn place(person: &Person, found: &[(Uuid, PatientDetails)]) -> Place {
    let own: HashSet<&Identifier> = person.certain.iter().collect();
    let is_theirs = |details: &PatientDetails| {
        let (theirs, typed) = (
            likeness_of(details),
            person.typed.iter().any(|name| is_known_as(details, name)),
        );
        let is_own = own.iter().any(|name| is_known_as(details, name));
        !person.likeness.contradicts(&theirs, typed) && (is_own || person.likeness.resembles(&theirs))
    };
    let mut theirs = found.iter().filter(|(_, details)| is_theirs(details));
    match (theirs.next(), theirs.next()) {
        (Some((id, _)), None) => return Place::Known(*id),
        (Some(_), Some(_)) => return Place::Several,
        (None, _) => {}
    }
    let is_free = |name: &&Identifier| !found.iter().any(|(_, details)| is_known_as(details, name));
    let free: Vec<Identifier> = person.names.iter().filter(is_free).cloned().collect();
    if free.is_empty() {
        Place::Taken
    } else {
        Place::New(free)
    }
}

fn is_known_as(details: &PatientDetails, name: &Identifier) -> bool {
    details
        .identifier
        .iter()
        .chain(&details.other_identifiers)
        .any(|known| known == name)
}

/// Registers a person, or brings their record up to date. Read, merged, written only if nobody was faster, and again.
pub(super) async fn record(
    client: &Client,
    person: &Person,
    registration: &Registration,
) -> Result<Recorded, RecordError> {
    for _ in 0..READS {
        let found = match client.look_up(&person.known_as).await {
            // The key may write and not read: whose a record is cannot be seen.
            Err(error) if error.is(ProblemKind::Forbidden) => return Ok(blind(client, registration).await?.into()),
            found => found?,
        };
        let place = place(person, &found);
        let registration = without_others_names(registration, &place, &found);
        let attempt = match place {
            Place::Known(id) => update(client, id, person, &registration).await?,
            Place::New(names) => register(client, &names, &registration).await?.map(Recorded::from),
            Place::Several => return Err(RecordError::Several),
            Place::Taken => return Err(RecordError::Taken),
        };
        if let Some(recorded) = attempt {
            return Ok(recorded);
        }
    }
    Err(ClientError::Answer("others kept changing the record".to_owned()).into())
}

/// A name that is somebody else's here as well names neither of them.
fn without_others_names(registration: &Registration, place: &Place, found: &[(Uuid, PatientDetails)]) -> Registration {
    let mut registration = registration.clone();
    let is_other = |id: &Uuid| !matches!(place, Place::Known(own) if own == id);
    let is_theirs = |name: &Identifier| {
        found
            .iter()
            .any(|(id, details)| is_other(id) && is_known_as(details, name))
    };
    registration.details.other_identifiers.retain(|name| !is_theirs(name));
    registration.details.identifier.take_if(|name| is_theirs(name));
    registration
}

/// `None` when somebody else was registered meanwhile, under each of the names.
async fn register(
    client: &Client,
    names: &[Identifier],
    registration: &Registration,
) -> Result<Option<Done>, ClientError> {
    let mut all: Vec<Identifier> = registration.details.identifier.iter().cloned().collect();
    all.extend(registration.details.other_identifiers.iter().cloned());
    for name in names {
        let mut registration = registration.clone();
        registration.details.identifier = Some(name.clone());
        registration.details.other_identifiers = all.iter().filter(|other| *other != name).cloned().collect();
        match client.register_patient(&registration).await {
            Err(error) if error.is(ProblemKind::AlreadyRegistered) => {}
            done => return done.map(Some),
        }
    }
    Ok(None)
}

/// Without reading: what is there already stays.
async fn blind(client: &Client, registration: &Registration) -> Result<Done, ClientError> {
    match client.register_patient(registration).await {
        Err(error) => error.existing().map(Done::differing).ok_or(error),
        done => done,
    }
}

/// `None` when somebody changed the record meanwhile.
async fn update(
    client: &Client,
    id: Uuid,
    person: &Person,
    registration: &Registration,
) -> Result<Option<Recorded>, ClientError> {
    let Found {
        details,
        intake,
        version,
    } = client.read_patient(id).await?;
    let is_older = merge::is_older(details.as_of, registration.details.as_of);
    let merged = merge::details(&details, &registration.details, &person.former);
    let Merged {
        intake: entries,
        older,
        kept_out,
    } = merge::intake(&intake, &registration.intake, &person.ended);
    let allergies_ended = ended(&intake, &entries);
    let mut done = Done::unchanged(id);
    let written = async {
        let version = match merged != details {
            true => client.update_details(id, &merged, version, &mut done).await?,
            false => version,
        };
        if entries != intake {
            client.update_intake(id, &entries, version, &mut done).await?;
        }
        Ok(())
    };
    match written.await {
        Err(ClientError::Refused {
            kind: Some(ProblemKind::PreconditionFailed),
            ..
        }) => Ok(None),
        Err(error) => Err(error),
        Ok(()) => Ok(Some(Recorded {
            done,
            is_older,
            older,
            kept_out,
            allergies_ended,
        })),
    }
}

fn ended(before: &Intake, after: &Intake) -> usize {
    before
        .allergies
        .list()
        .len()
        .saturating_sub(after.allergies.list().len())
}
