//! Given-when-then, by topic. The encounter was at nine on Monday 2 March 2026; the commands come at noon, unless they say otherwise.

mod concluding;
mod contradictions;
mod filing;
mod properties;

use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use cqrs_es::test::AggregateTestExecutor;
use uuid::Uuid;

use super::{
    Conclusion, Encounter, EncounterCommand, EncounterError, EncounterEvent, EncounterNames, EncounterStatus, Ending,
    Filed, Outcome, Provider, Told,
};
use crate::kernel::{Concept, Personal, PractitionerId, Slot, Sources, Versioned, testing};

fn given(events: Vec<EncounterEvent>) -> AggregateTestExecutor<Versioned<Encounter>> {
    testing::given(events)
}

fn folded(events: impl IntoIterator<Item = EncounterEvent>) -> Encounter {
    testing::folded(events)
}

fn day(of_march: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, of_march).unwrap()
}

/// A time of the day, in UTC.
fn at(hour: u32, minute: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, hour, minute, 0).unwrap()
}

/// Half an hour.
fn slot(hour: u32, minute: u32) -> Slot {
    Slot {
        start: at(hour, minute),
        minutes: 30,
    }
}

fn doctor(number: u128) -> Provider {
    Provider::Practitioner(PractitionerId::new(Uuid::from_u128(number)))
}

/// What a source tells of it, without a date.
fn visit(outcome: Outcome) -> Filed {
    Filed {
        provider: doctor(7),
        slot: slot(9, 0),
        day: day(2),
        outcome,
        reason: Some(Concept {
            coding: None,
            text: "headache".to_owned(),
        }),
        as_of: None,
        names: EncounterNames::default(),
    }
}

/// The same, under a number.
fn named(filed: Filed, numbers: &[u8]) -> Filed {
    let identifiers = numbers.iter().map(|number| [*number; 8]).collect();
    let sources = Sources::default();
    Filed {
        names: EncounterNames { identifiers, sources },
        ..filed
    }
}

/// The same, at half past nine, as of a time.
fn later(outcome: Outcome, as_of: Option<DateTime<Utc>>) -> Filed {
    Filed {
        slot: slot(9, 30),
        as_of,
        ..visit(outcome)
    }
}

fn as_of(filed: Filed, as_of: Option<DateTime<Utc>>) -> Filed {
    Filed { as_of, ..filed }
}

fn file(filed: Filed) -> EncounterCommand {
    EncounterCommand::File(Told {
        filed,
        recognised: true,
        corrects: false,
        now: at(12, 0),
    })
}

fn correct(filed: Filed) -> EncounterCommand {
    EncounterCommand::File(Told {
        filed,
        recognised: true,
        corrects: true,
        now: at(12, 0),
    })
}

fn filed(filed: Filed) -> EncounterEvent {
    EncounterEvent::Filed {
        encounter: Personal::Known(filed),
    }
}

fn concluded(ending: Ending) -> EncounterEvent {
    EncounterEvent::Concluded {
        conclusion: Personal::Known(Conclusion {
            ending,
            as_of: at(12, 0),
        }),
    }
}

fn called_off() -> Ending {
    Ending::Cancelled {
        reason: Some("moved away".to_owned()),
    }
}
