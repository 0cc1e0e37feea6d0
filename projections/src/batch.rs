//! A block's events, sorted by the read model that they concern.

use application::log::{Actor, AnyEvent, OpenedEvent};
use domain::account::AccountEvent;
use domain::calendar::CalendarEvent;
use domain::kernel::{AccountId, CalendarId, PatientId, PractitionerId};
use domain::patient::PatientEvent;
use domain::practitioner::PractitionerEvent;

use crate::appointments::Told;
use crate::column;
use crate::stamp::Stamp;

/// One aggregate's event.
pub(crate) type Entry<'a, K, E> = (K, Stamp, &'a E);

/// The events by kind, each kind in the order of the log.
#[derive(Default, Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) patients: Vec<Entry<'a, PatientId, PatientEvent>>,
    pub(crate) practitioners: Vec<Entry<'a, PractitionerId, PractitionerEvent>>,
    pub(crate) calendars: Vec<Entry<'a, CalendarId, CalendarEvent>>,
    pub(crate) appointments: Vec<(Stamp, Told<'a>)>,
    pub(crate) accounts: Vec<Entry<'a, AccountId, AccountEvent>>,
}

impl<'a> Batch<'a> {
    pub(crate) fn of(events: &'a [OpenedEvent]) -> Self {
        let mut batch = Self::default();
        for event in events {
            let stamp = Stamp {
                position: event.position,
                version: event.version,
                at: event.metadata.at,
                by: match event.metadata.actor {
                    Some(Actor::Account(account)) => Some(account),
                    Some(Actor::System) | None => None,
                },
            };
            match &event.event {
                AnyEvent::Patient(id, event) => batch.patients.push((*id, stamp, event)),
                AnyEvent::Practitioner(id, event) => batch.practitioners.push((*id, stamp, event)),
                AnyEvent::Calendar(id, event) => {
                    let day = column::date(id.day);
                    let id = CalendarId { day, ..*id };
                    batch.calendars.push((id, stamp, event));
                    batch.appointments.push((stamp, Told::OnADay(id, event)));
                }
                AnyEvent::Encounter(id, event) => batch.appointments.push((stamp, Told::InARecord(*id, event))),
                AnyEvent::Account(id, event) => batch.accounts.push((*id, stamp, event)),
                // Which account a wallet signs in to stands in the account.
                AnyEvent::WalletClaim(..) => {}
            }
        }
        batch
    }
}

/// The keys of rows that may exist: those of streams that did not begin in this batch.
pub(crate) fn keys_to_load<K: Ord + Copy, E>(entries: &[Entry<'_, K, E>]) -> Vec<K> {
    let mut keys: Vec<K> = Vec::new();
    let mut begun = std::collections::BTreeSet::new();
    for (key, stamp, _) in entries {
        if stamp.version == 1 {
            begun.insert(*key);
        } else if !begun.contains(key) {
            keys.push(*key);
        }
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}
