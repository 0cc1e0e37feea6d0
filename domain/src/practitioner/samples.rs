//! Samples of the events for the tests of their encoding: one of each variant, and any.

use proptest::prelude::*;
use proptest::sample::select;

use super::{PractitionerDetails, PractitionerEvent, RegisterEntry};
use crate::kernel::{CodeSystem, Concept, Gender, Personal};
use crate::samples::strategies::{concepts, genders, identifiers, millis, names, personal, text_lists};
use crate::samples::values::{concept, identifier, name, text, time};

/// Every practitioner event, and every gender and code system.
pub(crate) fn examples() -> Vec<PractitionerEvent> {
    let details = |gender| PractitionerDetails {
        name: name("Blackwell", "Elizabeth", &["Dr."]),
        gender,
        specializations: vec![
            concept(CodeSystem::Snomed, "394579002", "Cardiology"),
            concept(CodeSystem::Loinc, "1", "one"),
            concept(CodeSystem::RxNorm, "2", "two"),
            concept(CodeSystem::Icd10, "3", "three"),
            concept(
                CodeSystem::Other(text("http://nucc.org/provider-taxonomy")),
                "4",
                "four",
            ),
            Concept {
                coding: None,
                text: text("in words"),
            },
        ],
        credentials: vec![text("MD, Geneva Medical College")],
        time_zone: chrono_tz::America::New_York,
        identifier: Some(identifier("blackwell")),
        other_identifiers: vec![identifier("elizabeth")],
        as_of: Some(time("1952-11-28T08:00:00.125Z")),
    };
    let mut events = vec![PractitionerEvent::Registered {
        time_zone: chrono_tz::America::New_York,
        details: Personal::Known(details(Gender::Female)),
    }];
    events.extend(
        [Gender::Male, Gender::Other, Gender::Unknown].map(|gender| PractitionerEvent::DetailsUpdated {
            details: Personal::Known(details(gender)),
        }),
    );
    events.push(PractitionerEvent::RegisterEntryTold {
        entry: Personal::Known(RegisterEntry {
            identifier: identifier("4711"),
            salt: [0x5a; 32],
        }),
    });
    events
}

/// Any event, its personal field known or sealed.
pub(crate) fn strategy() -> impl Strategy<Value = PractitionerEvent> {
    let details = (
        names(),
        genders(),
        prop::collection::vec(concepts(), 0..3),
        text_lists(),
        select(chrono_tz::TZ_VARIANTS.to_vec()),
        identifiers(),
        prop::collection::vec(identifiers().prop_filter_map("an identifier", |one| one), 0..3),
        prop::option::of(millis()),
    )
        .prop_map(
            |(name, gender, specializations, credentials, time_zone, identifier, other_identifiers, as_of)| {
                PractitionerDetails {
                    as_of,
                    name,
                    gender,
                    specializations,
                    credentials,
                    time_zone,
                    identifier,
                    other_identifiers,
                }
            },
        );
    let details = details.boxed();
    let registered = (personal(details.clone()), select(chrono_tz::TZ_VARIANTS.to_vec()));
    let entries = (
        identifiers().prop_filter_map("an identifier", |one| one),
        any::<[u8; 32]>(),
    )
        .prop_map(|(identifier, salt)| RegisterEntry { identifier, salt });
    prop_oneof![
        registered.prop_map(|(details, time_zone)| PractitionerEvent::Registered { time_zone, details }),
        personal(details).prop_map(|details| PractitionerEvent::DetailsUpdated { details }),
        personal(entries.boxed()).prop_map(|entry| PractitionerEvent::RegisterEntryTold { entry }),
    ]
}
