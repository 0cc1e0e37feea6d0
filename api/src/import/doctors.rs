//! One practitioner's entry: registered, or brought up to date.

use super::client::{Client, ClientError, Done};
use super::merge;
use super::people::{self, Doctor};
use super::record::{READS, RecordError};
use crate::http::problem::ProblemKind;
use uuid::Uuid;

/// Registers a practitioner under the best of their names that is not somebody else's, or brings the entry under it up to date.
pub(super) async fn register(client: &Client, doctor: &Doctor) -> Result<Done, RecordError> {
    for name in &doctor.names {
        let mut details = doctor.registration();
        details.identifier = Some(name.clone());
        let error = match client.register_practitioner(&details).await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let id = error.existing().ok_or(error)?;
        if let Some(done) = update(client, id, doctor).await? {
            return Ok(done);
        }
    }
    Err(RecordError::Taken)
}

/// `None` when it is somebody else's entry.
async fn update(client: &Client, id: Uuid, doctor: &Doctor) -> Result<Option<Done>, ClientError> {
    for _ in 0..READS {
        let (recorded, version) = match client.read_practitioner(id).await {
            // The key may write and not read: then what is there stays.
            Err(error) if error.is(ProblemKind::Forbidden) => return Ok(Some(Done::differing(id))),
            found => found?,
        };
        if people::is_other_practitioner(&doctor.likeness, &recorded.name) {
            return Ok(None);
        }
        let merged = merge::practitioner(&recorded, &doctor.details);
        if merged == recorded {
            let differs = recorded.time_zone != doctor.details.time_zone;
            return Ok(Some(if differs {
                Done::differing(id)
            } else {
                Done::unchanged(id)
            }));
        }
        match client.update_practitioner(id, &merged, version).await {
            Err(error) if error.is(ProblemKind::PreconditionFailed) => {}
            done => return done.map(Some),
        }
    }
    Err(ClientError::Answer("others kept changing the entry".to_owned()))
}
