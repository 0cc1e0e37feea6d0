//! A block's events, sorted by the read model that they concern.

use std::collections::{BTreeMap, BTreeSet};

use application::log::{Actor, AnyEvent, LogEntry, OpenedEvent};
use domain::calendar::{Calendar, CalendarEvent};
use domain::kernel::{CalendarId, ClinicAggregate};

use crate::appointments::Told;
use crate::calendars::concerns_the_offer;
use crate::column;
use crate::stamp::Stamp;

/// One aggregate's event.
pub(crate) type Entry<'a, K, E> = (K, Stamp, &'a E);

/// The events in the order of the log.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    events: Vec<(Stamp, &'a AnyEvent)>,
}

impl<'a> Batch<'a> {
    pub(crate) fn of(entries: &'a [LogEntry]) -> Self {
        let events = entries.iter().filter_map(LogEntry::event);
        let stamped = events.map(|event| (stamp(event), &event.event));
        Self {
            events: stamped.collect(),
        }
    }

    /// The events of one kind of aggregate.
    pub(crate) fn entries<A: ClinicAggregate>(&self) -> Vec<Entry<'a, A::Id, A::Event>> {
        let entry = |(stamp, event): &(Stamp, &'a AnyEvent)| {
            let (id, event) = event.of_aggregate::<A>()?;
            Some((id, *stamp, event))
        };
        self.events.iter().filter_map(entry).collect()
    }

    /// The events that change what days offer.
    pub(crate) fn offers(&self) -> Vec<Entry<'a, CalendarId, CalendarEvent>> {
        let mut entries = self.entries::<Calendar>();
        entries.retain(|(_, _, event)| concerns_the_offer(event));
        for (id, ..) in &mut entries {
            *id = kept(*id);
        }
        entries
    }

    /// The events about appointments, of whichever aggregate.
    pub(crate) fn appointments(&self) -> Vec<(Stamp, Told<'a>)> {
        let told = |(stamp, event): &(Stamp, &'a AnyEvent)| match event {
            AnyEvent::Calendar(id, event) => Some((*stamp, Told::OnADay(kept(*id), event))),
            AnyEvent::Encounter(id, event) => Some((*stamp, Told::InARecord(*id, event))),
            _ => None,
        };
        self.events.iter().filter_map(told).collect()
    }
}

fn stamp(event: &OpenedEvent) -> Stamp {
    Stamp {
        author: event.author,
        position: event.position,
        version: event.version,
        at: event.metadata.at,
        by: match event.metadata.actor {
            Some(Actor::Account(account)) => Some(account),
            Some(Actor::System) | None => None,
        },
    }
}

/// A calendar, with a day that Postgres holds.
fn kept(id: CalendarId) -> CalendarId {
    CalendarId {
        day: column::date(id.day),
        ..id
    }
}

/// The keys of rows that may exist: those of streams that did not begin in this batch.
pub(crate) fn keys_to_load<K: Ord + Copy, E>(entries: &[Entry<'_, K, E>]) -> Vec<K> {
    let mut keys: Vec<K> = Vec::new();
    let mut begun = BTreeSet::new();
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

/// Folds events into rows, in order; answers with the rows of the keys that were touched and exist.
pub(crate) fn fold_all<K: Ord + Copy, R: Clone, E>(
    before: &BTreeMap<K, R>,
    entries: &[Entry<'_, K, E>],
    fold: impl Fn(Option<R>, K, &Stamp, &E) -> Option<R>,
) -> BTreeMap<K, R> {
    let mut rows: BTreeMap<K, Option<R>> = BTreeMap::new();
    for (key, stamp, event) in entries {
        let row = rows.entry(*key).or_insert_with(|| before.get(key).cloned());
        *row = fold(row.take(), *key, stamp, event);
    }
    rows.into_iter().filter_map(|(key, row)| Some((key, row?))).collect()
}
