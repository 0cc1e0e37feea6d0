//! One practitioner's entry: registered, or brought up to date.

use super::client::{Client, ClientError, Done};
use super::identity::{ADDRESSES, Bond, is_global};
use super::merge;
use super::people::{self, Doctor};
use super::record::{READS, RecordError};
use api_wire::problem::ProblemKind;
use domain::kernel::Identifier;
use domain::practitioner::PractitionerDetails;
use uuid::Uuid;

/// What became of an entry.
pub(super) struct Registered {
    /// What the server did.
    pub(super) done: Done,
    /// Whether the entry has another name or sex than what is told.
    pub(super) is_told_otherwise: bool,
    /// How many of their numbers are another practitioner's here, and are not recorded.
    pub(super) numbers_of_others: usize,
    /// Whether another entry is theirs, too.
    pub(super) has_other_entry: bool,
}

impl From<Done> for Registered {
    fn from(done: Done) -> Self {
        Self {
            done,
            is_told_otherwise: false,
            numbers_of_others: 0,
            has_other_entry: false,
        }
    }
}

/// Brings a practitioner's entry up to date, whichever of their names it is known by, or registers them under the best that is free.
pub(super) async fn register(client: &Client, doctor: &Doctor) -> Result<Registered, RecordError> {
    let known_as = doctor.known_as();
    for _ in 0..READS {
        let found = match client.look_up_practitioners(&known_as).await {
            // The key may write and not read: what is there stays.
            Err(error) if error.is(ProblemKind::Forbidden) => return blind(client, doctor).await,
            found => found?,
        };
        let theirs = known_as.iter().flat_map(|name| {
            let called = found.iter().filter(|(_, details)| details.is_called(name));
            called.filter(|(_, details)| is_theirs(doctor, details, bond(name)))
        });
        let theirs: Vec<Uuid> = theirs.map(|(id, _)| *id).collect();
        let own = theirs.first().copied();
        let attempt = match own {
            Some(id) => update(client, id, doctor, &found).await?,
            None => add(client, doctor, &found).await?,
        };
        if let Some(registered) = attempt {
            let is_free = |name: &&Identifier| is_free(name, own, &found);
            return Ok(Registered {
                numbers_of_others: doctor.names.iter().filter(|name| !is_free(name)).count(),
                has_other_entry: theirs.iter().any(|id| Some(*id) != own),
                ..registered
            });
        }
    }
    Err(ClientError::Answer("others kept changing the entry".to_owned()).into())
}

/// Registers them under the best of their names, unless somebody is registered under it.
async fn blind(client: &Client, doctor: &Doctor) -> Result<Registered, RecordError> {
    let details = named(&doctor.registration(), doctor, None, &[]);
    let done = match client.register_practitioner(&named_by_first(details)?).await {
        Err(error) => error.existing().map(Done::differing).ok_or(error)?,
        Ok(done) => done,
    };
    Ok(done.into())
}

/// With the first of the names as the one that names the entry.
fn named_by_first(mut details: PractitionerDetails) -> Result<PractitionerDetails, RecordError> {
    if details.other_identifiers.is_empty() {
        return Err(RecordError::Taken);
    }
    details.identifier = Some(details.other_identifiers.remove(0));
    Ok(details)
}

/// Registers them. `None` when somebody who is called so was registered meanwhile.
async fn add(
    client: &Client,
    doctor: &Doctor,
    found: &[(Uuid, PractitionerDetails)],
) -> Result<Option<Registered>, RecordError> {
    let details = named_by_first(named(&doctor.registration(), doctor, None, found))?;
    match client.register_practitioner(&details).await {
        Err(error) if error.is(ProblemKind::AlreadyRegistered) => Ok(None),
        done => Ok(Some(done?.into())),
    }
}

/// The details with all that names the practitioner and nobody else who is found. `own` is the practitioner's entry.
fn named(
    details: &PractitionerDetails,
    doctor: &Doctor,
    own: Option<Uuid>,
    found: &[(Uuid, PractitionerDetails)],
) -> PractitionerDetails {
    let is_free = |name: &Identifier| is_free(name, own, found);
    PractitionerDetails {
        identifier: None,
        other_identifiers: doctor.known_as().into_iter().filter(is_free).collect(),
        ..details.clone()
    }
}

/// Whether a name is nobody else's of those who are found.
fn is_free(name: &Identifier, own: Option<Uuid>, found: &[(Uuid, PractitionerDetails)]) -> bool {
    let mut others = found.iter().filter(|(id, _)| Some(*id) != own);
    !others.any(|(_, details)| details.is_called(name))
}

/// Whether an entry is this practitioner's, which has a name of theirs.
fn is_theirs(doctor: &Doctor, recorded: &PractitionerDetails, bond: Bond) -> bool {
    let known = people::likeness_of_doctor(recorded);
    // As in a run: an id that is no address needs something more.
    let (told, is_bare) = (&doctor.likeness, bond == Bond::Plain);
    let is_told_again = told.has_words_of(&known) && told.gender == known.gender;
    !told.contradicts(&known, bond) && (!is_bare || is_told_again || told.resembles(&known))
}

/// What those have in common who are called so: another server has somebody else under an id that is no address.
fn bond(name: &Identifier) -> Bond {
    if name.system == ADDRESSES && !is_global(&name.value) {
        Bond::Plain
    } else {
        Bond::Typed
    }
}

/// Brings an entry up to date. `None` when somebody else changed it meanwhile.
async fn update(
    client: &Client,
    id: Uuid,
    doctor: &Doctor,
    found: &[(Uuid, PractitionerDetails)],
) -> Result<Option<Registered>, ClientError> {
    let (recorded, version) = client.read_practitioner(id).await?;
    let is_told_otherwise = doctor
        .likeness
        .is_told_otherwise(&people::likeness_of_doctor(&recorded));
    let merged = merge::practitioner(&recorded, &named(&doctor.details, doctor, Some(id), found));
    let done = if merged != recorded {
        match client.update_practitioner(id, (&recorded, version), &merged).await {
            Err(error) if error.is(ProblemKind::PreconditionFailed) || error.is(ProblemKind::AlreadyRegistered) => {
                return Ok(None);
            }
            done => done?,
        }
    } else if recorded.time_zone != doctor.details.time_zone {
        Done::differing(id)
    } else {
        Done::unchanged(id)
    };
    Ok(Some(Registered {
        is_told_otherwise,
        ..done.into()
    }))
}
