//! Samples of the events for the tests of their encoding: one of each variant, and any.

use proptest::prelude::*;
use proptest::sample::subsequence;

use super::{EmergencyEvent, Flag, Justification, Opened};
use crate::kernel::{AccountId, Personal, PractitionerId};
use crate::samples::strategies::{millis, personal, texts, uuids};
use crate::samples::values::{id, text, time};

/// Every event.
pub(crate) fn examples() -> Vec<EmergencyEvent> {
    vec![
        EmergencyEvent::Opened {
            opened: Personal::Known(Opened {
                practitioner: PractitionerId::new(id(2)),
                system: Some(AccountId::new(id(4))),
                reason: text("Unconscious after a fall."),
                categories: Opened::CATEGORIES.to_vec(),
                at: time("2026-03-01T08:00:00.250Z"),
                until: time("2026-03-01T09:00:00.250Z"),
                justify_by: time("2026-03-02T08:00:00.250Z"),
            }),
        },
        EmergencyEvent::Justified {
            justification: Personal::Known(Justification {
                text: text("Nobody could say which medicines."),
                system: None,
                at: time("2026-03-01T11:30:00.500Z"),
            }),
        },
        EmergencyEvent::Flagged {
            flag: Personal::Known(Flag {
                at: time("2026-03-02T08:00:05Z"),
            }),
        },
    ]
}

/// Any event, its personal field known or sealed.
pub(crate) fn strategy() -> impl Strategy<Value = EmergencyEvent> {
    let categories = subsequence(Opened::CATEGORIES.to_vec(), 0..=7);
    let systems = || prop::option::of(uuids().prop_map(AccountId::new));
    let opened = (uuids(), systems(), texts(), categories, millis(), millis(), millis());
    let opened = opened.prop_map(
        |(practitioner, system, reason, categories, at, until, justify_by)| Opened {
            practitioner: PractitionerId::new(practitioner),
            system,
            reason,
            categories,
            at,
            until,
            justify_by,
        },
    );
    let justified = (texts(), systems(), millis()).prop_map(|(text, system, at)| Justification { text, system, at });
    prop_oneof![
        personal(opened).prop_map(|opened| EmergencyEvent::Opened { opened }),
        personal(justified).prop_map(|justification| EmergencyEvent::Justified { justification }),
        personal(millis().prop_map(|at| Flag { at })).prop_map(|flag| EmergencyEvent::Flagged { flag }),
    ]
}
