//! Samples of the events for the tests of their encoding: one of each variant, and any.

use chrono::DateTime;
use proptest::prelude::*;
use proptest::sample::select;
use strum::VariantArray as _;

use super::{
    Abated, Absence, Allergy, AllergyKind, ChartEvent, Condition, Criticality, FindingId, ListKind, Medication,
    Negation, Noted, Refuted, Revision, Statement, Symptom, Withdrawn,
};
use crate::kernel::{CodeSystem, Personal, SourceId, Sources};
use crate::samples::strategies::{concepts, dates, millis, personal, sources, tellers, texts, uuids};
use crate::samples::values::{concept, date, id, source, text, time};

fn condition(abated: Option<Abated>) -> Condition {
    Condition {
        concept: concept(CodeSystem::Snomed, "195967001", "Asthma"),
        onset: Some(date("1930-01-01")),
        abated,
        as_of: Some(time("1952-11-28T08:00:00.125Z")),
        sources: Some(source(None)).into(),
    }
}

/// Some were noted, and one is in another state.
fn noted<T>(new: Vec<T>, changed: T) -> Personal<Noted<T>> {
    Personal::Known(Noted {
        batch: id(4),
        new,
        changed: vec![(FindingId(id(5)), changed)],
    })
}

fn refuted(list: ListKind, source: Option<SourceId>) -> Personal<Refuted> {
    let withdrawn = |seconds| Withdrawn {
        list,
        concept: Some(concept(CodeSystem::Snomed, "91936005", "Penicillin")),
        since: Some(date("1969-12-31")),
        source,
        as_of: DateTime::from_timestamp(seconds, 125_000_000).unwrap(),
    };
    let deleted = Withdrawn {
        concept: None,
        since: None,
        ..withdrawn(-539_712_000)
    };
    Personal::Known(Refuted {
        findings: vec![FindingId(id(4)), FindingId(id(5))],
        withdrawn: Revision {
            gone: vec![withdrawn(0)],
            new: vec![withdrawn(1), deleted],
        },
    })
}

fn stated(list: ListKind, absence: Absence, kinds: &[AllergyKind]) -> Personal<Statement> {
    let negation = |kind, holds| Negation {
        list,
        kind,
        holds,
        source: Some(source(None)),
        as_of: time("1952-11-28T08:00:00.125Z"),
    };
    Personal::Known(Statement {
        list,
        absence,
        no_known_allergies_to: Revision {
            gone: Vec::new(),
            new: kinds.to_vec(),
        },
        negations: Revision {
            gone: vec![negation(None, true)],
            new: vec![negation(kinds.first().copied(), false)],
        },
    })
}

/// Every event of a chart, with every kind of finding and every way to have none.
pub(crate) fn examples() -> Vec<ChartEvent> {
    let allergy = |criticality| Allergy {
        concept: concept(CodeSystem::Icd10, "Z88.0", "Penicillin"),
        criticality,
        as_of: None,
        sources: Some(source(Some([1, 2, 3, 4]))).into(),
    };
    let medication = |active| Medication {
        concept: concept(CodeSystem::RxNorm, "895994", "Fluticasone"),
        since: Some(date("1969-12-31")),
        active,
        as_of: None,
        sources: Sources::default(),
    };
    let symptom = |words| Symptom { text: text(words) };
    vec![
        ChartEvent::ConditionsNoted {
            conditions: noted(
                vec![condition(None), condition(Some(Abated::On(date("1952-11-27"))))],
                condition(Some(Abated::Unknown)),
            ),
        },
        ChartEvent::ConditionsRefuted {
            conditions: refuted(ListKind::Conditions, Some(source(None))),
        },
        ChartEvent::AllergiesNoted {
            allergies: noted(
                vec![allergy(Some(Criticality::High)), allergy(Some(Criticality::Low))],
                allergy(None),
            ),
        },
        ChartEvent::AllergiesRefuted {
            allergies: refuted(ListKind::Allergies, None),
        },
        ChartEvent::SymptomsNoted {
            symptoms: noted(vec![symptom("cough")], symptom("a dry cough")),
        },
        ChartEvent::SymptomsRefuted {
            symptoms: refuted(ListKind::Symptoms, None),
        },
        ChartEvent::AbsenceStated {
            statement: stated(ListKind::Allergies, Absence::NoneKnown, AllergyKind::VARIANTS),
        },
        ChartEvent::AbsenceStated {
            statement: stated(ListKind::Conditions, Absence::NotAsked, &[]),
        },
        ChartEvent::MedicationsNoted {
            medications: noted(vec![medication(true)], medication(false)),
        },
        ChartEvent::MedicationsRefuted {
            medications: refuted(ListKind::Medications, None),
        },
        ChartEvent::MedicationAbsenceStated {
            statement: stated(ListKind::Medications, Absence::Unknown, &[]),
        },
    ]
}

fn conditions() -> impl Strategy<Value = Condition> {
    let (onset, as_of) = (prop::option::of(dates()), prop::option::of(millis()));
    let abated = prop::option::of(prop_oneof![dates().prop_map(Abated::On), Just(Abated::Unknown)]);
    (concepts(), onset, abated, as_of, tellers()).prop_map(|(concept, onset, abated, as_of, sources)| Condition {
        concept,
        onset,
        abated,
        as_of,
        sources,
    })
}

fn allergies() -> impl Strategy<Value = Allergy> {
    let as_of = prop::option::of(millis());
    let criticality = prop::option::of(select(Criticality::VARIANTS.to_vec()));
    (concepts(), criticality, as_of, tellers()).prop_map(|(concept, criticality, as_of, sources)| Allergy {
        concept,
        criticality,
        as_of,
        sources,
    })
}

fn medications() -> impl Strategy<Value = Medication> {
    let (since, as_of) = (prop::option::of(dates()), prop::option::of(millis()));
    let all = (concepts(), since, any::<bool>(), as_of, tellers());
    all.prop_map(|(concept, since, active, as_of, sources)| Medication {
        concept,
        since,
        active,
        as_of,
        sources,
    })
}

fn any_noted<T: Clone + std::fmt::Debug>(
    findings: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = Personal<Noted<T>>> {
    let changed = (uuids().prop_map(FindingId), findings.clone());
    let lists = (
        prop::collection::vec(findings, 0..3),
        prop::collection::vec(changed, 0..3),
    );
    personal((uuids(), lists).prop_map(|(batch, (new, changed))| Noted { batch, new, changed }))
}

fn revisions<T: Clone + std::fmt::Debug>(
    values: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = Revision<T>> {
    let some = || prop::collection::vec(values.clone(), 0..3);
    (some(), some()).prop_map(|(gone, new)| Revision { gone, new })
}

fn lists() -> impl Strategy<Value = ListKind> + Clone {
    select(vec![
        ListKind::Conditions,
        ListKind::Allergies,
        ListKind::Medications,
        ListKind::Symptoms,
    ])
}

fn any_refuted() -> impl Strategy<Value = Personal<Refuted>> {
    let day = prop::option::of(dates());
    let withdrawn = (lists(), prop::option::of(concepts()), day, sources(), millis());
    let withdrawn = withdrawn.prop_map(|(list, concept, since, source, as_of)| Withdrawn {
        list,
        concept,
        since,
        source,
        as_of,
    });
    let findings = prop::collection::vec(uuids().prop_map(FindingId), 0..3);
    let both = (findings, revisions(withdrawn.boxed()));
    personal(both.prop_map(|(findings, withdrawn)| Refuted { findings, withdrawn }))
}

fn statements() -> impl Strategy<Value = Personal<Statement>> {
    let kinds = select(AllergyKind::VARIANTS.to_vec());
    let negation = (
        lists(),
        prop::option::of(kinds.clone()),
        any::<bool>(),
        sources(),
        millis(),
    );
    let negation = negation.prop_map(|(list, kind, holds, source, as_of)| Negation {
        list,
        kind,
        holds,
        source,
        as_of,
    });
    let absence = select(vec![Absence::NotAsked, Absence::Unknown, Absence::NoneKnown]);
    let all = (lists(), absence, revisions(kinds), revisions(negation.boxed()));
    personal(
        all.prop_map(|(list, absence, no_known_allergies_to, negations)| Statement {
            list,
            absence,
            no_known_allergies_to,
            negations,
        }),
    )
}

/// Any event, its personal field known or sealed.
pub(crate) fn strategy() -> impl Strategy<Value = ChartEvent> {
    use ChartEvent as E;
    let symptoms = texts().prop_map(|text| Symptom { text });
    prop_oneof![
        any_noted(conditions().boxed()).prop_map(|conditions| E::ConditionsNoted { conditions }),
        any_refuted().prop_map(|conditions| E::ConditionsRefuted { conditions }),
        any_noted(allergies().boxed()).prop_map(|allergies| E::AllergiesNoted { allergies }),
        any_refuted().prop_map(|allergies| E::AllergiesRefuted { allergies }),
        any_noted(symptoms.boxed()).prop_map(|symptoms| E::SymptomsNoted { symptoms }),
        any_refuted().prop_map(|symptoms| E::SymptomsRefuted { symptoms }),
        statements().prop_map(|statement| E::AbsenceStated { statement }),
        any_noted(medications().boxed()).prop_map(|medications| E::MedicationsNoted { medications }),
        any_refuted().prop_map(|medications| E::MedicationsRefuted { medications }),
        statements().prop_map(|statement| E::MedicationAbsenceStated { statement }),
    ]
}
