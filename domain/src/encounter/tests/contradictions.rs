//! What no encounter decides.

use super::*;
use crate::kernel::Contradiction;

fn named_by(filed: &Filed) -> EncounterEvent {
    EncounterEvent::Named {
        names: Personal::Known(filed.names.clone()),
    }
}

#[test]
fn what_no_encounter_decides_contradicts_it() {
    let contradiction = testing::contradiction::<Encounter>;
    let (open, over) = (visit(Outcome::Open), visit(Outcome::Completed));
    let ended = || concluded(Ending::Completed);
    let empty = Filed {
        slot: Slot {
            minutes: 0,
            ..slot(9, 0)
        },
        ..visit(Outcome::Open)
    };
    let sealed = EncounterEvent::Filed {
        encounter: Personal::Sealed,
    };
    for (given, event, expected) in [
        (vec![], filed(open.clone()), None),
        (vec![filed(open.clone())], filed(over.clone()), None),
        (
            vec![filed(open.clone())],
            filed(open.clone()),
            Some(Contradiction::ChangesNothing),
        ),
        (vec![], filed(empty), Some(Contradiction::Impossible)),
        (vec![filed(open.clone())], ended(), None),
        (vec![], ended(), Some(Contradiction::BeforeTheBeginning)),
        (vec![filed(over)], ended(), Some(Contradiction::WrongStatus)),
        (
            vec![filed(open.clone()), ended()],
            concluded(called_off()),
            Some(Contradiction::WrongStatus),
        ),
        (vec![filed(open.clone())], named_by(&named(open.clone(), &[1])), None),
        (
            vec![filed(open.clone())],
            named_by(&open),
            Some(Contradiction::ChangesNothing),
        ),
        (vec![], named_by(&open), Some(Contradiction::BeforeTheBeginning)),
        (vec![sealed], ended(), None),
    ] {
        assert_eq!(contradiction(given.clone(), &event), expected, "{given:?} {event:?}");
    }
}
