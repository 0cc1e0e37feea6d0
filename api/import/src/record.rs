//! One person's record: found by any of their identifiers, registered or brought up to date.
//!
//! A record that is found under an identifier is theirs only if nothing speaks against it. Two persons who share one are never
//! made one: whoever comes later is registered under another identifier of theirs, or refused.

mod remarks;

use chrono::Utc;
use domain::chart::{Contents, ListKind, Remark, Report};
use domain::kernel::Identifier;
use domain::patient::PatientDetails;
use uuid::Uuid;

use super::capacity::{self, Fitted};
use super::client::{Chart, Client, ClientError, Done};
use super::identity::{ADDRESSES, Bond, Born, is_global, is_on_a_server};
use super::mapping::UnnamedMedication;
use super::merge;
use super::people::{Person, Reasons, likeness_of};
use api_wire::problem::ProblemKind;

/// How often a record is read again that somebody else changed or registered meanwhile.
pub(super) const READS: u32 = 8;

/// Why a person was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordError {
    /// Nothing that names them is theirs alone.
    #[error("every identifier of theirs names somebody else who is registered here, and they are not made one")]
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
    /// Whether what is told is no newer than what is recorded, and says something else.
    pub(super) is_older: bool,
    /// Whether what is told is newer as a whole, and some of its details were changed since.
    pub(super) is_partly_older: bool,
    /// Whether the record says that the patient has died, and what is told says nothing of it.
    pub(super) death_kept: bool,
    /// Whether the death that was recorded is taken back.
    pub(super) death_taken_back: bool,
    /// Whether an older state than the recorded one tells of a death, and that one does not.
    pub(super) death_added: bool,
    /// Whether only an older state of the run tells of a death, and it is recorded.
    pub(super) death_former: bool,
    /// Whether the run has several states, and they tell what the record does not have, where the newest was recorded before.
    pub(super) is_not_added: bool,
    /// Whether the record has another name, sex, date of birth or number than what is told.
    pub(super) is_told_otherwise: bool,
    /// How many identifiers there was no room for.
    pub(super) surplus_names: usize,
    /// Whether somebody of this id, name and day of birth is registered under another number.
    pub(super) has_double: bool,
    /// How many identifiers are not recorded, for they are somebody else's here.
    pub(super) names_of_others: usize,
    /// What is to be said of the findings of which lists.
    pub(super) remarks: Vec<(ListKind, Remark)>,
    /// The lists of what there was no room for, each as often as a finding of it is left out.
    pub(super) no_room: Vec<ListKind>,
    /// Medications whose names are neither told nor recorded: they are left out.
    pub(super) unnamed: Vec<UnnamedMedication>,
    /// The reasons of visits that are not told, but for what the source calls them.
    pub(super) reasons: Reasons,
}

impl From<Done> for Recorded {
    fn from(done: Done) -> Self {
        Self {
            done,
            is_older: false,
            is_partly_older: false,
            death_kept: false,
            death_taken_back: false,
            death_added: false,
            death_former: false,
            is_not_added: false,
            is_told_otherwise: false,
            surplus_names: 0,
            has_double: false,
            names_of_others: 0,
            remarks: Vec::new(),
            no_room: Vec::new(),
            unnamed: Vec::new(),
            reasons: Reasons::default(),
        }
    }
}

/// Where a person belongs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// In this record.
    Known(Uuid),
    /// In a new one, under this.
    New(Identifier),
    /// In one of several.
    Several,
    /// In none.
    Taken,
}

/// Whether a record has an address on the server of one of these, and it is another one.
fn is_beside(addresses: &[Identifier], details: &PatientDetails) -> bool {
    let server = |name: &Identifier| {
        let address = (name.system == ADDRESSES && is_on_a_server(&name.value)).then_some(name.value.as_str())?;
        address.rsplit_once('/').map(|(server, _)| server.to_owned())
    };
    let known = || details.names().filter_map(server);
    let is_other = |name: &Identifier| server(name).is_some_and(|server| known().any(|known| known == server));
    addresses.iter().any(is_other) && !addresses.iter().any(|name| details.is_called(name))
}

/// Where a person belongs, of the records that are known by one of their identifiers.
pub(super) fn place(person: &Person, found: &[(Uuid, PatientDetails)]) -> Place {
    let is_theirs = |details: &PatientDetails| {
        let mut known = likeness_of(details);
        let is_called = |names: &[Identifier]| names.iter().any(|name| details.is_called(name));
        let is_address = |name: &Identifier| is_global(&name.value) && details.is_called(name);
        let bond = if !person.is_of_one_bundle && person.resource.iter().any(is_address) {
            // A record may have several.
            known.own = person.likeness.own;
            Bond::Resource
        } else if is_called(&person.typed) && is_called(&person.resource) {
            Bond::Known
        } else if is_called(&person.typed) {
            Bond::Typed
        } else {
            Bond::Plain
        };
        if bond != Bond::Plain || is_called(&person.resource) {
            // A year or a month is recorded as its first day.
            known.born = known.born.map(vague);
        }
        // Two numbers make one of two who share a family name; one that is not one person's alone does not.
        let is_strange = bond == Bond::Plain && !is_called(&person.resource) && person.likeness.is_strange_to(&known);
        // Two ids of one server are two unless they are called just the same.
        let are_two = bond <= Bond::Typed
            && is_beside(&person.resource, details)
            && !person.likeness.has_same_given_names(&known);
        let is_known =
            is_called(&person.certain) || person.likeness.resembles(&known) || is_told_again(person, details);
        !person.likeness.contradicts(&known, bond) && !is_strange && !are_two && is_known
    };
    // A number that they had names them only where nothing else does.
    let is_named_now = |details: &PatientDetails| {
        let mut now = person.known_as.iter().filter(|name| !person.former.contains(name));
        now.any(|name| details.is_called(name))
    };
    let theirs = found.iter().filter(|(_, details)| is_theirs(details));
    let (now, before): (Vec<_>, Vec<_>) = theirs.partition(|(_, details)| is_named_now(details));
    match (if now.is_empty() { before } else { now }).as_slice() {
        [] => {}
        [(id, _)] => return Place::Known(*id),
        _ => return Place::Several,
    }
    let is_free = |name: &&Identifier| !found.iter().any(|(_, details)| details.is_called(name));
    // Where a number is somebody else's, the address of the resource names them, as in a run that has both.
    let addresses = person.resource.iter().filter(|name| is_on_a_server(&name.value));
    let addresses = addresses.filter(|_| !person.is_of_one_bundle);
    let mut names = person.names.iter().chain(addresses);
    names
        .find(is_free)
        .map_or(Place::Taken, |name| Place::New(name.clone()))
}

/// Whether a record is of somebody of this very id who looks the same: on another server, or with a number that was corrected since.
fn is_double(person: &Person, details: &PatientDetails) -> bool {
    person.resource.iter().any(|name| details.is_called(name)) && person.likeness.resembles(&likeness_of(details))
}

/// The days that a recorded day may stand for.
const fn vague((year, month, day): Born) -> Born {
    match (month, day) {
        (Some(1), Some(1)) => (year, None, None),
        (month, Some(1)) => (year, month, None),
        (month, day) => (year, month, day),
    }
}

/// Whether just this is recorded, and where they live or how they are reached is part of it.
fn is_told_again(person: &Person, recorded: &PatientDetails) -> bool {
    let told = person.details.as_ref();
    let can_be_reached = |told: &PatientDetails| told.address.is_some() || told.phone.is_some() || told.email.is_some();
    told.is_some_and(|told| can_be_reached(told) && !says_otherwise(recorded, told))
}

/// Registers a person, or brings their record up to date. Read, merged, written only if nobody was faster, and again.
pub(super) async fn record(
    client: &Client,
    person: &Person,
    details: &PatientDetails,
) -> Result<Recorded, RecordError> {
    for _ in 0..READS {
        let found = match client.look_up_patients(&person.known_as).await {
            // The key may write and not read: whose a record is cannot be seen.
            Err(error) if error.is(ProblemKind::Forbidden) => return Ok(blind(client, person, details).await?),
            found => found?,
        };
        let place = place(person, &found);
        let (details, names_of_others) = without_others_names(details, &place, &found);
        let attempt = match place {
            Place::Known(id) => update(client, id, person, &details).await?,
            Place::New(name) => register(client, name, &details, person)
                .await?
                .map(|recorded| Recorded {
                    has_double: found.iter().any(|(_, details)| is_double(person, details)),
                    ..recorded
                }),
            Place::Several => return Err(RecordError::Several),
            Place::Taken => return Err(RecordError::Taken),
        };
        if let Some(recorded) = attempt {
            return Ok(Recorded {
                names_of_others,
                ..recorded
            });
        }
    }
    Err(ClientError::Answer("others kept changing the record".to_owned()).into())
}

/// A name that is somebody else's here as well names neither of them. Tells also how many identifiers these are; the id of a resource
/// is none, for other servers have it as well.
fn without_others_names(
    details: &PatientDetails,
    place: &Place,
    found: &[(Uuid, PatientDetails)],
) -> (PatientDetails, usize) {
    let mut details = details.clone();
    let is_other = |id: &Uuid| !matches!(place, Place::Known(own) if own == id);
    let is_theirs = |name: &Identifier| {
        found
            .iter()
            .any(|(id, details)| is_other(id) && details.is_called(name))
    };
    let theirs = details.names().filter(|name| is_theirs(name));
    let count = theirs
        .filter(|name| name.system != ADDRESSES || is_global(&name.value))
        .count();
    details.other_identifiers.retain(|name| !is_theirs(name));
    details.identifier.take_if(|name| is_theirs(name));
    (details, count)
}

/// `None` when somebody was registered meanwhile who is called so, by this or by another of the names.
async fn register(
    client: &Client,
    name: Identifier,
    details: &PatientDetails,
    person: &Person,
) -> Result<Option<Recorded>, ClientError> {
    let mut details = details.clone();
    let others = details.names().filter(|other| **other != name).cloned();
    details.other_identifiers = others.collect();
    details.identifier = Some(name);
    match client.register_patient(&details).await {
        Err(error) if error.is(ProblemKind::AlreadyRegistered) => Ok(None),
        Err(error) => Err(error),
        Ok(done) => Ok(Some(registered(client, person, done).await?)),
    }
}

/// Reports what is told of the chart of somebody who has just been registered.
async fn registered(client: &Client, person: &Person, mut done: Done) -> Result<Recorded, ClientError> {
    let Fitted { report, no_room } = fitted_anew(person);
    tell(client, &Chart::default(), &report, &mut done).await?;
    Ok(Recorded {
        death_former: person.is_death_former,
        remarks: person.remarks.clone(),
        no_room,
        unnamed: person.unnamed.clone(),
        reasons: person.reasons_in(&Contents::default()),
        ..Recorded::from(done)
    })
}

/// What is told of a chart, as far as one has room for it in which there is nothing yet.
fn fitted_anew(person: &Person) -> Fitted {
    capacity::fitted(&Contents::default(), person.report.clone(), person.now)
}

/// What would be recorded of somebody, were they registered.
pub(super) fn planned(person: &Person) -> Recorded {
    Recorded {
        death_former: person.is_death_former,
        remarks: person.remarks.clone(),
        no_room: fitted_anew(person).no_room,
        unnamed: person.unnamed.clone(),
        reasons: person.reasons_in(&Contents::default()),
        ..Recorded::from(Done::planned())
    }
}

/// Without reading: what is there already stays.
async fn blind(client: &Client, person: &Person, details: &PatientDetails) -> Result<Recorded, ClientError> {
    match client.register_patient(details).await {
        Err(error) => error.existing().map(|id| Done::differing(id).into()).ok_or(error),
        Ok(done) => registered(client, person, done).await,
    }
}

/// Reports what is told of a chart, if that is news; on the version that was read, if it was.
async fn tell(client: &Client, chart: &Chart, report: &Report, done: &mut Done) -> Result<(), ClientError> {
    let mut version = chart.version;
    for part in capacity::in_parts(report.clone()) {
        // What is refused for another reason is refused where it is sent.
        let events = chart.contents.take_in(&part, Uuid::nil(), Utc::now());
        let events = events.map_or(1, |events| events.len());
        if events > 0 {
            client.report_chart(done.id, &part, version, events, done).await?;
            // The parts after it are told on what it has made of the chart.
            version = None;
        }
    }
    Ok(())
}

/// `None` when somebody changed the record meanwhile, or somebody else is called by one of the names by now.
async fn update(
    client: &Client,
    id: Uuid,
    person: &Person,
    told: &PatientDetails,
) -> Result<Option<Recorded>, ClientError> {
    let (details, version) = client.read_patient(id).await?;
    let chart = client.read_chart(id).await?;
    let is_no_newer = merge::is_no_newer(details.as_of, told.as_of);
    let merged = details_after(person, &details, told);
    let is_silent_of_death = !is_no_newer && told.deceased.is_none() && !person.is_alive;
    let (report, unnamed) = person.report_on(&chart.contents);
    let Fitted { report, no_room } = capacity::fitted(&chart.contents, report, person.now);
    let in_record = chart.contents.merged(&report, person.now);
    let remarks = person.remarks.iter().copied().chain(in_record.remarks).collect();
    let mut done = Done::unchanged(id);
    let written = async {
        if merged != details {
            client
                .update_details(id, (&details, version), &merged, &mut done)
                .await?;
        }
        tell(client, &chart, &report, &mut done).await
    };
    match written.await {
        Err(ClientError::Refused {
            kind: Some(ProblemKind::PreconditionFailed | ProblemKind::AlreadyRegistered),
            ..
        }) => Ok(None),
        Err(error) => Err(error),
        Ok(()) => Ok(Some(Recorded {
            done,
            is_older: is_no_newer && says_otherwise(&details, told),
            is_partly_older: !is_no_newer && merge::keeps_newer_details(&merged, told),
            death_kept: details.deceased.is_some() && merged.deceased.is_some() && is_silent_of_death,
            death_taken_back: details.deceased.is_some() && merged.deceased.is_none(),
            death_former: person.is_death_former && merged.deceased.is_some(),
            is_not_added: person.has_former && merge::tells_more(&details, told),
            death_added: is_no_newer && details.deceased.is_none() && merged.deceased.is_some(),
            is_told_otherwise: likeness_of(&details).is_told_otherwise(&person.likeness),
            names_of_others: 0,
            has_double: false,
            surplus_names: told
                .names()
                .filter(|name| name.system != ADDRESSES && !merged.is_called(name))
                .count(),
            remarks,
            no_room,
            unnamed,
            reasons: person.reasons_in(&chart.contents),
        })),
    }
}

/// The details as they are after this was told of somebody.
fn details_after(person: &Person, recorded: &PatientDetails, told: &PatientDetails) -> PatientDetails {
    let mut told = told.clone();
    if !person.has_name {
        told.name = recorded.name.clone();
    }
    let left = merge::without_over(recorded, &told, &person.over);
    let mut merged = merge::details(&left, &told, &person.former);
    if person.likeness.may_be_born(recorded.birth_date) {
        // A year is every day of it.
        merged.birth_date = recorded.birth_date;
    }
    merged
}

/// Whether two states differ in more than in what names the person.
fn says_otherwise(recorded: &PatientDetails, told: &PatientDetails) -> bool {
    let told = PatientDetails {
        identifier: recorded.identifier.clone(),
        other_identifiers: recorded.other_identifiers.clone(),
        ..told.undated()
    };
    told != recorded.undated()
}

#[cfg(test)]
mod tests;
