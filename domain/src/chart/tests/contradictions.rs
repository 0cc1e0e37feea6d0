//! What no chart decides.

use uuid::Uuid;

use crate::chart::{Absence, Chart, ChartEvent, FindingId, ListKind, Noted, Refuted, Revision, Statement, Symptom};
use crate::kernel::{Contradiction, Personal, testing};

fn id(number: u128) -> FindingId {
    FindingId(Uuid::from_u128(number))
}

fn noted(batch: u128, new: usize, changed: &[u128]) -> ChartEvent {
    let symptom = || Symptom {
        text: "cough".to_owned(),
    };
    ChartEvent::SymptomsNoted {
        symptoms: Personal::Known(Noted {
            batch: Uuid::from_u128(batch),
            new: (0..new).map(|_| symptom()).collect(),
            changed: changed.iter().map(|number| (id(*number), symptom())).collect(),
        }),
    }
}

fn refuted(findings: &[u128]) -> ChartEvent {
    ChartEvent::SymptomsRefuted {
        symptoms: Personal::Known(Refuted {
            findings: findings.iter().map(|number| id(*number)).collect(),
            withdrawn: Revision::default(),
        }),
    }
}

fn statement(list: ListKind) -> Personal<Statement> {
    Personal::Known(Statement {
        list,
        absence: Absence::NoneKnown,
        no_known_allergies_to: Revision::default(),
        negations: Revision::default(),
    })
}

#[test]
fn what_no_chart_decides_contradicts_it() {
    let contradiction = testing::contradiction::<Chart>;
    let sealed = ChartEvent::SymptomsNoted {
        symptoms: Personal::Sealed,
    };
    let stated = |list| ChartEvent::AbsenceStated {
        statement: statement(list),
    };
    let of_medications = |list| ChartEvent::MedicationAbsenceStated {
        statement: statement(list),
    };
    for (given, event, expected) in [
        (vec![], noted(1, 2, &[]), None),
        (vec![noted(1, 2, &[])], noted(2, 1, &[]), Some(Contradiction::Twice)),
        (vec![noted(1, 2, &[])], noted(3, 1, &[2]), None),
        (vec![noted(1, 2, &[])], noted(3, 1, &[3]), Some(Contradiction::NotThere)),
        (vec![], noted(1, 0, &[]), Some(Contradiction::ChangesNothing)),
        (vec![noted(1, 2, &[])], refuted(&[1, 2]), None),
        (vec![noted(1, 2, &[])], refuted(&[3]), Some(Contradiction::NotThere)),
        (
            vec![noted(1, 1, &[]), refuted(&[1])],
            refuted(&[1]),
            Some(Contradiction::NotThere),
        ),
        (vec![], refuted(&[]), Some(Contradiction::ChangesNothing)),
        (vec![], stated(ListKind::Symptoms), None),
        (vec![], of_medications(ListKind::Medications), None),
        (vec![], stated(ListKind::Medications), Some(Contradiction::Impossible)),
        (
            vec![],
            of_medications(ListKind::Allergies),
            Some(Contradiction::Impossible),
        ),
        (vec![sealed], refuted(&[3]), None),
    ] {
        assert_eq!(contradiction(given.clone(), &event), expected, "{given:?} {event:?}");
    }
}
