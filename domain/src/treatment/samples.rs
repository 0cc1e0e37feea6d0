//! Samples of the events for the tests of their encoding: one of each variant, and any.

use proptest::prelude::*;

use super::{How, Paper, Saying, TreatmentEvent};
use crate::kernel::{AccountId, Personal, PractitionerId};
use crate::samples::strategies::{dates, millis, personal, uuids};
use crate::samples::values::{date, id, time};

/// Every event, said in every way.
pub(crate) fn examples() -> Vec<TreatmentEvent> {
    let paper = Paper {
        sha256: [0x44; 32],
        signed_on: date("2026-02-27"),
        practitioners: vec![PractitionerId::new(id(2)), PractitionerId::new(id(5))],
        entered_by: AccountId::new(id(3)),
        turn: 2,
    };
    let said = [How::SignedIn, How::OnPaper(paper)];
    let saying = |how: &How| {
        Personal::Known(Saying {
            at: time("2026-03-01T08:00:00.250Z"),
            how: how.clone(),
        })
    };
    let both = |how| {
        let saying = saying(&how);
        [
            TreatmentEvent::Agreed { saying: saying.clone() },
            TreatmentEvent::Ended { saying },
        ]
    };
    said.into_iter().flat_map(both).collect()
}

/// Any way to say something.
fn hows() -> impl Strategy<Value = How> {
    let practitioners = prop::collection::vec(uuids().prop_map(PractitionerId::new), 0..3);
    let papers = (any::<[u8; 32]>(), dates(), practitioners, uuids(), any::<u64>());
    let on_paper = papers.prop_map(|(sha256, signed_on, practitioners, by, turn)| {
        How::OnPaper(Paper {
            sha256,
            signed_on,
            practitioners,
            entered_by: AccountId::new(by),
            turn,
        })
    });
    prop_oneof![Just(How::SignedIn), on_paper]
}

/// Anything that is said.
pub(super) fn sayings() -> impl Strategy<Value = Saying> {
    (millis(), hows()).prop_map(|(at, how)| Saying { at, how })
}

/// Any event, its personal field known or sealed.
pub(crate) fn strategy() -> impl Strategy<Value = TreatmentEvent> {
    (personal(sayings()), any::<bool>()).prop_map(|(saying, agrees)| {
        if agrees {
            TreatmentEvent::Agreed { saying }
        } else {
            TreatmentEvent::Ended { saying }
        }
    })
}
