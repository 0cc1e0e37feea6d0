//! Samples of the events for the tests of their encoding: one of each variant, and any.

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use proptest::sample::select;

use super::{Conclusion, EncounterEvent, EncounterNames, Ending, Filed, Outcome, Provider};
use crate::kernel::{CodeSystem, Personal, PractitionerId, Slot, SourceId, Sources};
use crate::samples::strategies::{concepts, dates, millis, personal, seconds, tellers, texts, uuids};
use crate::samples::values::{concept, date, id, text, time};

/// Every event of an encounter, with every kind of provider and outcome.
pub(crate) fn examples() -> Vec<EncounterEvent> {
    let source = SourceId {
        server: None,
        patient: None,
        resource: [8; 8],
    };
    let filed = |provider, outcome, as_of: Option<DateTime<Utc>>| EncounterEvent::Filed {
        encounter: Personal::Known(Filed {
            provider,
            slot: Slot {
                start: time("1969-07-20T20:17:40Z"),
                minutes: 1440,
            },
            day: date("1969-07-21"),
            outcome,
            reason: Some(concept(CodeSystem::Snomed, "25064002", "Headache")),
            as_of,
            names: EncounterNames {
                identifiers: as_of.map(|_| [7; 8]).into_iter().collect(),
                sources: Sources::from(as_of.map(|_| source)),
            },
        }),
    };
    let (doctor, hospital) = (
        Provider::Practitioner(PractitionerId::new(id(2))),
        Provider::Organization(id(3)),
    );
    let concluded = |ending| EncounterEvent::Concluded {
        conclusion: Personal::Known(Conclusion {
            ending,
            as_of: time("2026-03-03T10:00:00.25Z"),
        }),
    };
    vec![
        filed(doctor, Outcome::Completed, None),
        filed(hospital, Outcome::Cancelled, Some(time("2026-03-02T09:00:00.001Z"))),
        filed(doctor, Outcome::Open, None),
        filed(doctor, Outcome::EnteredInError, Some(time("2026-03-02T09:00:00Z"))),
        EncounterEvent::Named {
            names: Personal::Known(EncounterNames {
                identifiers: vec![[9; 8]],
                sources: Sources::from(Some(source)),
            }),
        },
        concluded(Ending::Completed),
        concluded(Ending::NoShow),
        concluded(Ending::Cancelled {
            reason: Some(text("moved away")),
        }),
    ]
}

/// Any event, its personal field known or sealed.
pub(crate) fn strategy() -> impl Strategy<Value = EncounterEvent> {
    use EncounterEvent as E;
    let called = || {
        (prop::collection::vec(any::<[u8; 8]>(), 0..3), tellers())
            .prop_map(|(identifiers, sources)| EncounterNames { identifiers, sources })
    };
    let outcomes = select(vec![
        Outcome::Completed,
        Outcome::Cancelled,
        Outcome::Open,
        Outcome::EnteredInError,
    ]);
    let providers = (uuids(), any::<bool>()).prop_map(|(id, is_practitioner)| {
        if is_practitioner {
            Provider::Practitioner(PractitionerId::new(id))
        } else {
            Provider::Organization(id)
        }
    });
    let times = (seconds(), any::<u32>(), dates());
    let told = (
        providers,
        times,
        outcomes,
        prop::option::of(concepts()),
        prop::option::of(millis()),
        called(),
    );
    let filed = told.prop_map(
        |(provider, (start, minutes, day), outcome, reason, as_of, names)| Filed {
            provider,
            slot: Slot { start, minutes },
            day,
            outcome,
            reason,
            as_of,
            names,
        },
    );
    let endings = prop_oneof![
        select(vec![Ending::Completed, Ending::NoShow]),
        prop::option::of(texts()).prop_map(|reason| Ending::Cancelled { reason }),
    ];
    let conclusions = (endings, millis()).prop_map(|(ending, as_of)| Conclusion { ending, as_of });
    prop_oneof![
        personal(filed).prop_map(|encounter| E::Filed { encounter }),
        personal(called()).prop_map(|names| E::Named { names }),
        personal(conclusions).prop_map(|conclusion| E::Concluded { conclusion }),
    ]
}
