//! The read models in memory: what the database would hold, and random histories to fill them with.

use std::collections::{BTreeMap, BTreeSet};

use application::log::{AnyEvent, Author, EventMetadata, LogEntry, OpenedEvent};
use chrono::{DateTime, Duration, NaiveDate, Utc};
use domain::calendar::{Booking, Calendar, CalendarEvent, Cancellation, Session};
use domain::encounter::{
    Encounter, EncounterCommand, EncounterEvent, EncounterNames, Ending, Filed, Outcome, Provider, Told,
};
use domain::kernel::{
    AccountId, AppointmentId, CalendarId, ClinicAggregate as _, CommandId, EncounterId, PatientId, Personal,
    PractitionerId, Slot, Versioned,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::golden::lines;
use crate::access_log::{self, ReadRow};
use crate::accounts::{self, Account};
use crate::aggregate_row::AggregateRow;
use crate::appointments::AppointmentRow;
use crate::batch::{Batch, fold_all, keys_to_load};
use crate::calendars::{CalendarRow, Run, free_runs};
use crate::grants::{self, PreparedRow};
use crate::projector::{aggregate_rows, fold_appointments};
use crate::relationships;
use crate::table::Keyed;

pub(super) type Pair = (PatientId, PractitionerId);
pub(super) type Sum = (DateTime<Utc>, DateTime<Utc>, u64);

macro_rules! memory {
    ($( $rows:ident: $Row:ty, )+) => {
        #[derive(Clone, Default, PartialEq, Debug)]
        pub(super) struct Memory {
            $( pub(super) $rows: BTreeMap<<$Row as Keyed>::Key, $Row>, )+
            pub(super) accounts: BTreeMap<AccountId, Account>,
            pub(super) calendars: BTreeMap<CalendarId, CalendarRow>,
            pub(super) runs: BTreeSet<(CalendarId, Run)>,
            pub(super) reads: BTreeMap<(PatientId, u64, u32), ReadRow>,
            pub(super) grants: BTreeMap<(PatientId, Uuid), PreparedRow>,
            pub(super) appointments: BTreeMap<AppointmentId, AppointmentRow>,
            pub(super) relationships: BTreeMap<Pair, Sum>,
        }

        impl Memory {
            fn fold(&mut self, batch: &Batch<'_>) {
                $(
                    let entries = batch.entries::<<$Row as AggregateRow>::Aggregate>();
                    self.$rows.extend(fold_all(&self.$rows, &entries, <$Row>::fold));
                )+
            }

            /// What stands in the database of rows of aggregates.
            pub(super) fn lines(&self, seen_only: bool, all: &mut Vec<String>) {
                $( lines(self.$rows.values(), seen_only, all); )+
            }
        }
    };
}

aggregate_rows!(memory);

impl Memory {
    /// The free slots of all calendars.
    pub(super) fn free(&self) -> BTreeSet<(CalendarId, Slot)> {
        self.runs
            .iter()
            .flat_map(|(id, run)| run.slots().map(|slot| (*id, slot)))
            .collect()
    }

    /// As `ReadModels::apply` does, with maps for tables.
    pub(super) fn apply(&mut self, entries: &[LogEntry]) {
        let batch = Batch::of(entries);
        self.fold(&batch);
        let entries = batch.entries::<domain::account::Account>();
        self.accounts.extend(fold_all(&self.accounts, &entries, accounts::fold));
        self.grants
            .extend(grants::fold(&batch.entries::<domain::grants::Grants>()));
        self.reads
            .extend(access_log::fold(&batch.entries::<domain::access_log::AccessLog>()));
        let offers = batch.offers();
        let before: BTreeMap<_, _> = keys_to_load(&offers)
            .into_iter()
            .filter_map(|key| Some((key, self.calendars.get(&key)?.clone())))
            .collect();
        let changed = fold_all(&before, &offers, CalendarRow::fold);
        let runs = free_runs::changes(&before, &changed);
        for gone in runs.gone {
            assert!(self.runs.remove(&gone), "a run that was not there was taken back");
        }
        for new in runs.new {
            assert!(self.runs.insert(new), "a run that was there came again");
        }
        self.calendars.extend(changed);

        let before = self.appointments.clone();
        let changed = fold_appointments(&before, &batch.appointments());
        for (id, row) in &changed {
            match row {
                Some(row) => self.appointments.insert(*id, row.clone()),
                None => self.appointments.remove(id),
            };
        }
        let changes = relationships::changes(&before, &changed);
        for (pair, addition) in changes.additions {
            let sum = self
                .relationships
                .entry(pair)
                .or_insert((addition.since, addition.latest, 0));
            *sum = (
                sum.0.min(addition.since),
                sum.1.max(addition.latest),
                sum.2 + addition.appointments,
            );
        }
        for pair in changes.stale {
            match self.derive().remove(&pair) {
                Some(sum) => self.relationships.insert(pair, sum),
                None => self.relationships.remove(&pair),
            };
        }
    }

    /// The relationships as all appointments say.
    pub(super) fn derive(&self) -> BTreeMap<Pair, Sum> {
        let mut sums: BTreeMap<Pair, Sum> = BTreeMap::new();
        for counted in self.appointments.values().filter_map(AppointmentRow::counted) {
            let sum = sums
                .entry((counted.patient, counted.practitioner))
                .or_insert((counted.start, counted.start, 0));
            *sum = (sum.0.min(counted.start), sum.1.max(counted.start), sum.2 + 1);
        }
        sums
    }
}

pub(super) fn practitioner(number: u8) -> PractitionerId {
    PractitionerId::new(Uuid::from_u128(1000 + u128::from(number)))
}

pub(super) fn patient(number: u8) -> PatientId {
    PatientId::new(Uuid::from_u128(2000 + u128::from(number)))
}

pub(super) fn appointment(number: u8) -> AppointmentId {
    AppointmentId::new(Uuid::from_u128(3000 + u128::from(number)))
}

pub(super) fn day(number: u8) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, 1).unwrap() + Duration::days(i64::from(number))
}

pub(super) fn at(day_number: u8, quarter: u8) -> DateTime<Utc> {
    day(day_number).and_hms_opt(8, 0, 0).unwrap().and_utc() + Duration::minutes(15 * i64::from(quarter))
}

/// A step that somebody might try; only those that a calendar would decide become events.
#[derive(Clone, Debug)]
pub(super) struct Step {
    kind: u8,
    practitioner: u8,
    day: u8,
    appointment: u8,
    patient: u8,
    quarter: u8,
    flag: bool,
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0_u8..12, 0_u8..2, 0_u8..3, 0_u8..12, 0_u8..3, 0_u8..16, any::<bool>()).prop_map(
        |(kind, practitioner, day, appointment, patient, quarter, flag)| Step {
            kind,
            practitioner,
            day,
            appointment,
            patient,
            quarter,
            flag,
        },
    );
    prop::collection::vec(step, 0..120)
}

/// A log, in commits, and the aggregates that decided.
pub(super) struct History {
    pub(super) commits: Vec<Vec<LogEntry>>,
    pub(super) calendars: BTreeMap<CalendarId, Versioned<Calendar>>,
    pub(super) encounters: BTreeMap<EncounterId, Versioned<Encounter>>,
}

/// The log that the steps make: what an aggregate would refuse is left out.
pub(super) fn history(steps: &[Step]) -> History {
    use domain::calendar::CalendarCommand as Command;

    let mut encounters: BTreeMap<EncounterId, Versioned<Encounter>> = BTreeMap::new();
    let mut records: BTreeMap<PatientId, u64> = BTreeMap::new();
    let mut calendars: BTreeMap<CalendarId, Versioned<Calendar>> = BTreeMap::new();
    let mut homes: BTreeMap<AppointmentId, CalendarId> = BTreeMap::new();
    let mut commits: Vec<Vec<LogEntry>> = Vec::new();
    let mut position = 0;
    for step in steps {
        let id = CalendarId::of(practitioner(step.practitioner), day(step.day));
        let now = at(0, 0) - Duration::days(1);
        let appointment = appointment(step.appointment);
        let home = homes.get(&appointment).copied();
        let encounter = EncounterId {
            patient: patient(step.patient),
            // Never one of an appointment.
            id: Uuid::from_u128(4000 + u128::from(step.appointment) * 3 + u128::from(step.patient)),
        };
        let mut told: Option<EncounterCommand> = None;
        let calendar = |id: CalendarId| {
            calendars
                .get(&id)
                .map(|known| known.aggregate().clone())
                .unwrap_or_default()
        };
        let booking = Booking {
            patient: patient(step.patient),
            reason: None,
        };
        let minutes = if step.flag { 30 } else { 15 };
        let slot = |day| Slot {
            start: at(day, step.quarter - step.quarter % 2 * u8::from(step.flag)),
            minutes,
        };
        let mut decided: Vec<(CalendarId, CalendarEvent)> = Vec::new();
        let mut decide = |id: CalendarId, command| match calendar(id).decide(command) {
            Ok(events) => {
                decided.extend(events.into_iter().map(|event| (id, event)));
                true
            }
            Err(_) => false,
        };
        match (step.kind, home) {
            (0 | 1, _) => {
                let session = Session {
                    start: at(step.day, step.quarter / 2),
                    end: at(step.day, 16),
                    slot_minutes: minutes,
                };
                let sessions = vec![session];
                decide(
                    id,
                    Command::PublishAvailability {
                        day: id.day,
                        time_zone: chrono_tz::UTC,
                        sessions,
                        now,
                    },
                );
            }
            (2..=4, None) => {
                let slot = slot(step.day);
                if decide(
                    id,
                    Command::Book {
                        appointment,
                        slot,
                        booking,
                        now,
                    },
                ) {
                    homes.insert(appointment, id);
                }
            }
            (10, _) => {
                told = Some(EncounterCommand::File(Told {
                    filed: Filed {
                        provider: if step.flag {
                            Provider::Organization(id.owner)
                        } else {
                            Provider::Practitioner(practitioner(step.practitioner))
                        },
                        slot: slot(step.day),
                        day: id.day,
                        outcome: match step.quarter % 4 {
                            0 => Outcome::Completed,
                            1 => Outcome::Cancelled,
                            2 => Outcome::EnteredInError,
                            _ => Outcome::Open,
                        },
                        reason: None,
                        as_of: None,
                        names: EncounterNames::default(),
                    },
                    recognised: true,
                    corrects: step.quarter > 7,
                    now: at(9, 0),
                }));
            }
            (11, _) => {
                let endings = [
                    Ending::Completed,
                    Ending::NoShow,
                    Ending::Cancelled {
                        reason: Some("no time".to_owned()),
                    },
                ];
                told = Some(EncounterCommand::Conclude {
                    ending: endings[usize::from(step.quarter % 3)].clone(),
                    now: at(9, 0),
                });
            }
            (2 | 3, Some(home)) => {
                let day = u8::try_from((home.day - day(0)).num_days()).unwrap_or_default();
                decide(
                    home,
                    Command::Reschedule {
                        appointment,
                        slot: slot(day),
                        now,
                    },
                );
            }
            (4 | 5, Some(home)) if home != id && home.owner == id.owner => {
                let known = calendar(home)
                    .appointment(appointment)
                    .and_then(|known| known.booking.known().cloned());
                let booking = known.unwrap_or(booking);
                let out = Command::MoveOut {
                    appointment,
                    to: id.day,
                    now,
                };
                let slot = slot(step.day);
                let into = Command::MoveIn {
                    appointment,
                    slot,
                    from: home.day,
                    booking,
                    now,
                };
                let mut both = [(home, out), (id, into)];
                if step.flag {
                    both.reverse();
                }
                let both = both.into_iter().all(|(id, command)| decide(id, command));
                if both && decided.len() == 2 {
                    homes.insert(appointment, id);
                } else {
                    decided.clear();
                }
            }
            (6, Some(home)) => {
                decide(home, Command::Confirm { appointment });
            }
            (7, Some(home)) => {
                decide(
                    home,
                    Command::Cancel {
                        appointment,
                        reason: Some("no time".to_owned()),
                    },
                );
            }
            (8, Some(home)) => {
                decide(
                    home,
                    Command::Complete {
                        appointment,
                        now: at(9, 0),
                    },
                );
            }
            (9, Some(home)) => {
                decide(
                    home,
                    Command::MarkNoShow {
                        appointment,
                        now: at(9, 0),
                    },
                );
            }
            _ => {}
        }
        let mut commit = Vec::new();
        for (id, event) in decided {
            let calendar = calendars.entry(id).or_default();
            calendar.take_in(event.clone(), calendar.version() + 1);
            position += 1;
            commit.push(opened(position, calendar.version(), AnyEvent::Calendar(id, event)));
        }
        let known = encounters.get(&encounter).map(Versioned::aggregate);
        let decide = |command| known.cloned().unwrap_or_default().decide(command);
        for event in told.and_then(|command| decide(command).ok()).unwrap_or_default() {
            // Its patient, and other encounters, stand in the same stream.
            let version = records.entry(encounter.patient).or_insert(1);
            *version += 1;
            encounters
                .entry(encounter)
                .or_default()
                .take_in(event.clone(), *version);
            position += 1;
            commit.push(opened(position, *version, AnyEvent::Encounter(encounter, event)));
        }
        commits.push(commit);
    }
    History {
        commits,
        calendars,
        encounters,
    }
}

pub(super) fn opened(position: u64, version: u64, event: AnyEvent) -> LogEntry {
    LogEntry::Event(OpenedEvent {
        position,
        version,
        metadata: EventMetadata {
            command_id: CommandId::new(Uuid::from_u128(u128::from(position))),
            at: at(0, 0) + Duration::seconds(i64::try_from(position).unwrap()),
            actor: None,
            correlation: None,
            cause: None,
        },
        author: Author::Ours,
        event,
    })
}

/// The event as somebody reads it who does not hold the patients' keys.
pub(super) fn sealed(entry: &LogEntry) -> LogEntry {
    let mut event = entry.event().expect("an event").clone();
    match &mut event.event {
        AnyEvent::Calendar(_, CalendarEvent::Booked { booking, .. } | CalendarEvent::MovedIn { booking, .. }) => {
            *booking = Personal::Sealed;
        }
        AnyEvent::Calendar(_, CalendarEvent::Cancelled { cancellation, .. }) => {
            *cancellation = Personal::<Cancellation>::Sealed;
        }
        AnyEvent::Encounter(_, EncounterEvent::Filed { encounter }) => *encounter = Personal::Sealed,
        AnyEvent::Encounter(_, EncounterEvent::Named { names }) => *names = Personal::Sealed,
        AnyEvent::Encounter(_, EncounterEvent::Concluded { conclusion }) => *conclusion = Personal::Sealed,
        _ => {}
    }
    LogEntry::Event(event)
}
