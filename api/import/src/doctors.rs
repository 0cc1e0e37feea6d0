//! One practitioner's entry: registered, or brought up to date.

use super::client::{Client, ClientError, Done};
use super::identity::{ADDRESSES, Bond, is_global};
use super::merge;
use super::people::{self, Doctor};
use super::record::{READS, RecordError};
use api_wire::problem::ProblemKind;
use domain::kernel::Identifier;
use uuid::Uuid;

/// What became of an entry.
pub(super) struct Registered {
    /// What the server did.
    pub(super) done: Done,
    /// Whether the entry has another name or sex than what is told.
    pub(super) is_told_otherwise: bool,
}

impl From<Done> for Registered {
    fn from(done: Done) -> Self {
        Self {
            done,
            is_told_otherwise: false,
        }
    }
}

/// Registers a practitioner under the best of their names that is not somebody else's, or brings the entry under it up to date.
pub(super) async fn register(client: &Client, doctor: &Doctor) -> Result<Registered, RecordError> {
    for name in &doctor.names {
        let mut details = doctor.registration();
        details.identifier = Some(name.clone());
        let error = match client.register_practitioner(&details).await {
            Ok(done) => return Ok(done.into()),
            Err(error) => error,
        };
        let id = error.existing().ok_or(error)?;
        if let Some(done) = update(client, id, doctor, bond(name)).await? {
            return Ok(done);
        }
    }
    Err(RecordError::Taken)
}

/// What those have in common who are called so: another server has somebody else under an id that is no address.
fn bond(name: &Identifier) -> Bond {
    if name.system == ADDRESSES && !is_global(&name.value) {
        Bond::Plain
    } else {
        Bond::Typed
    }
}

/// `None` when it is somebody else's entry.
async fn update(client: &Client, id: Uuid, doctor: &Doctor, bond: Bond) -> Result<Option<Registered>, ClientError> {
    for _ in 0..READS {
        let (recorded, version) = match client.read_practitioner(id).await {
            // The key may write and not read: then what is there stays.
            Err(error) if error.is(ProblemKind::Forbidden) => return Ok(Some(Done::differing(id).into())),
            found => found?,
        };
        let known = people::likeness_of_doctor(&recorded);
        // As in a run: an id that is no address needs something more.
        let (told, is_bare) = (&doctor.likeness, bond == Bond::Plain);
        let is_told_again = told.has_words_of(&known) && told.gender == known.gender;
        if told.contradicts(&known, bond) || (is_bare && !is_told_again && !told.resembles(&known)) {
            return Ok(None);
        }
        let is_told_otherwise = doctor.likeness.is_told_otherwise(&known);
        let registered = |done| Registered {
            done,
            is_told_otherwise,
        };
        let merged = merge::practitioner(&recorded, &doctor.details);
        if merged == recorded {
            let differs = recorded.time_zone != doctor.details.time_zone;
            return Ok(Some(registered(if differs {
                Done::differing(id)
            } else {
                Done::unchanged(id)
            })));
        }
        match client.update_practitioner(id, &merged, version).await {
            Err(error) if error.is(ProblemKind::PreconditionFailed) => {}
            done => return done.map(|done| Some(registered(done))),
        }
    }
    Err(ClientError::Answer("others kept changing the entry".to_owned()))
}
