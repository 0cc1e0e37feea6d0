//! A log as long as wanted, in little time: a clinic's events sealed as the write path seals them, and appended in full batches.
//!
//! Its contract is its own, and nothing follows it but the rebuild that is measured. The events are those of the commands' benchmark
//! ([`super::workload`]), in the order in which many clients at once would cause them.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context;
use application::log::{Actor, AnyEvent, EventMetadata, StreamId};
use chrono::{DateTime, Utc};
use domain::calendar::{Booking, CalendarEvent, Cancellation};
use domain::kernel::{AppointmentId, CalendarId, CommandId, PatientId, Personal, PractitionerId};
use domain::patient::PatientEvent;
use infrastructure::keys::{KeyRing, MasterSecret};
use infrastructure::log::LogLocation;
use infrastructure::log::{Commit, NewKey, StreamTip};
use infrastructure::sealing::{Sealer, StreamNames, UnsealedEvent, UnsealedPart};
use uuid::Uuid;

use super::contract::Bench;
use super::workload::{Round, details};

/// How many practitioners' days go side by side.
const PRACTITIONERS: usize = 128;

/// Appends at least so many events to a contract, and answers with how many.
///
/// # Errors
/// When one cannot be sealed, or a batch is not mined.
pub(super) async fn write(bench: &mut Bench, clinic: &mut Clinic, events: u64) -> anyhow::Result<u64> {
    let mut written = 0;
    while written < events {
        let commits = clinic.round().await?;
        let mut rest = commits.as_slice();
        while !rest.is_empty() {
            let (batch, more) = rest.split_at(bench.most(rest)?);
            bench.send(batch).await?;
            written += batch.len() as u64;
            rest = more;
        }
    }
    bench.appended(written).await?;
    Ok(written)
}

/// A clinic that writes its log without deciding anything: what would be decided is known.
pub(super) struct Clinic {
    sealer: Sealer,
    names: StreamNames,
    keys: Arc<KeyRing>,
    practitioners: Vec<PractitionerId>,
    round: u64,
    now: DateTime<Utc>,
}

impl Clinic {
    /// A clinic that has just opened.
    pub(super) fn new(location: LogLocation, secret: &MasterSecret, keys: Arc<KeyRing>) -> Self {
        Self {
            sealer: Sealer::new(location, secret, Arc::clone(&keys)),
            names: StreamNames::new(secret, location.namespace),
            keys,
            practitioners: (0..PRACTITIONERS)
                .map(|_| PractitionerId::new(Uuid::new_v4()))
                .collect(),
            round: 0,
            now: Utc::now(),
        }
    }

    /// One round of every practitioner: commits of one event each, in an order in which the contract takes all of them. The keys
    /// that they are sealed under are durable.
    pub(super) async fn round(&mut self) -> anyhow::Result<Vec<Commit>> {
        let mut steps: Vec<Vec<AnyEvent>> = Vec::new();
        for (client, practitioner) in self.practitioners.iter().enumerate() {
            let events = events_of_round(*practitioner, client, self.round, self.now).context("the calendar ended")?;
            for (step, event) in events.into_iter().enumerate() {
                match steps.get_mut(step) {
                    Some(events) => events.push(event),
                    None => steps.push(vec![event]),
                }
            }
        }
        self.round += 1;
        let mut tips = HashMap::new();
        let mut new_keys = Vec::new();
        let mut commits = Vec::new();
        for event in steps.into_iter().flatten() {
            commits.push(self.commit(event, &mut tips, &mut new_keys).await?);
        }
        self.keys.make_durable(&new_keys).await?;
        Ok(commits)
    }

    /// Seals an event for the next place of its stream. Every stream begins and ends within one round.
    async fn commit(
        &self,
        event: AnyEvent,
        tips: &mut HashMap<StreamId, StreamTip>,
        new_keys: &mut Vec<NewKey>,
    ) -> anyhow::Result<Commit> {
        let metadata = EventMetadata {
            command_id: CommandId::new(Uuid::new_v4()),
            at: self.now,
            actor: Some(Actor::System),
            correlation: None,
            cause: None,
        };
        if let Some(subject) = event.own_subject() {
            self.keys.begin(subject).await?;
        }
        let stream = self.names.seal(&event.aggregate());
        let tip = tips.entry(stream).or_default();
        let part = UnsealedPart {
            stream,
            expected: *tip,
            events: vec![UnsealedEvent::of(&event, 0)?],
            begins: tip.version == 0,
        };
        let sealed = self.sealer.seal(&[part], &metadata).await?;
        *tip = sealed.tips.into_iter().flatten().last().unwrap_or(*tip);
        let is_new = |key: &NewKey| new_keys.iter().all(|known| known.key_id != key.key_id);
        let more: Vec<NewKey> = sealed.new_keys.into_iter().filter(is_new).collect();
        new_keys.extend(more);
        Ok(Commit {
            command_id: metadata.command_id,
            parts: sealed.parts,
        })
    }
}

/// What the commands of one round cause. `None` at the end of the calendar.
fn events_of_round(
    practitioner: PractitionerId,
    client: usize,
    round: u64,
    now: DateTime<Utc>,
) -> Option<[AnyEvent; 6]> {
    let details = details(client, round);
    let round = Round::new(round, now)?;
    let calendar = CalendarId::of(practitioner, round.day);
    let patient = PatientId::new(Uuid::new_v4());
    let appointment = AppointmentId::new(Uuid::new_v4());
    let on_the_day = |event| AnyEvent::Calendar(calendar, event);
    Some([
        on_the_day(CalendarEvent::AvailabilityPublished {
            sessions: vec![round.session],
        }),
        AnyEvent::Patient(
            patient,
            PatientEvent::Registered {
                details: Personal::Known(details),
            },
        ),
        on_the_day(CalendarEvent::Booked {
            appointment,
            slot: round.first,
            booking: Personal::Known(Booking { patient, reason: None }),
        }),
        on_the_day(CalendarEvent::Confirmed { appointment }),
        on_the_day(CalendarEvent::Rescheduled {
            appointment,
            slot: round.second,
            patient: Personal::Known(patient),
        }),
        on_the_day(CalendarEvent::Cancelled {
            appointment,
            cancellation: Personal::Known(Cancellation { patient, reason: None }),
        }),
    ])
}
