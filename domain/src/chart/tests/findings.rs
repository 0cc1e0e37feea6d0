//! What people note, change and refute.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use cqrs_es::test::AggregateTestExecutor;
use uuid::Uuid;

use crate::chart::{
    Abated, Absence, Allergy, AllergyKind, AnyFinding, Chart, ChartCommand, ChartError, ChartEvent, Condition,
    Criticality, Ended, Finding as _, FindingId, FindingPlace, List, ListKind, Medication, Negation, Noted, Refuted,
    Remark, Report, ReportedNegation, Revision, Statement, Symptom, Withdrawn,
};
use crate::kernel::{
    ChartId, ClinicAggregate as _, ClinicEvent as _, Concept, PatientId, Personal, SourceId, Sources, Versioned,
    testing,
};

fn given(events: Vec<ChartEvent>) -> AggregateTestExecutor<Versioned<Chart>> {
    testing::given(events)
}

fn folded(events: Vec<ChartEvent>) -> Chart {
    testing::folded(events)
}

fn now() -> DateTime<Utc> {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

/// The next moment, as events tell it.
fn just_after(at: DateTime<Utc>) -> DateTime<Utc> {
    at + TimeDelta::milliseconds(1)
}

fn id(number: u128) -> FindingId {
    FindingId(Uuid::from_u128(number))
}

fn concept(text: &str) -> Concept {
    Concept {
        coding: None,
        text: text.to_owned(),
    }
}

fn allergy(text: &str) -> Allergy {
    Allergy {
        concept: concept(text),
        criticality: None,
        as_of: None,
        sources: Sources::default(),
    }
}

fn condition(text: &str, abated: Option<Abated>) -> Condition {
    Condition {
        concept: concept(text),
        onset: None,
        abated,
        as_of: None,
        sources: Sources::default(),
    }
}

fn medication(text: &str, active: bool) -> Medication {
    Medication {
        concept: concept(text),
        since: None,
        active,
        as_of: None,
        sources: Sources::default(),
    }
}

fn symptom(text: &str) -> Symptom {
    Symptom { text: text.to_owned() }
}

fn one<T>(number: u128, finding: T) -> Personal<Noted<T>> {
    Personal::Known(Noted {
        batch: Uuid::from_u128(number),
        new: vec![finding],
        changed: Vec::new(),
    })
}

fn changed<T>(number: u128, finding: T) -> Personal<Noted<T>> {
    Personal::Known(Noted {
        batch: Uuid::from_u128(number),
        new: Vec::new(),
        changed: vec![(id(number), finding)],
    })
}

fn noted(number: u128, text: &str) -> ChartEvent {
    ChartEvent::AllergiesNoted {
        allergies: one(number, allergy(text).told_here(now())),
    }
}

fn refuted(number: u128, withdrawn: Vec<Withdrawn>) -> Personal<Refuted> {
    Personal::Known(Refuted {
        findings: vec![id(number)],
        withdrawn: Revision {
            gone: Vec::new(),
            new: withdrawn,
        },
    })
}

fn note(number: u128, finding: AnyFinding) -> ChartCommand {
    ChartCommand::Note {
        id: id(number),
        finding,
        now: now(),
    }
}

fn change(number: u128, finding: AnyFinding) -> ChartCommand {
    ChartCommand::Change {
        id: id(number),
        finding,
        now: now(),
    }
}

fn refute(number: u128) -> ChartCommand {
    ChartCommand::Refute {
        id: id(number),
        now: now(),
    }
}

fn absent(list: ListKind, absence: Absence) -> ChartCommand {
    ChartCommand::StateAbsence {
        list,
        absence,
        now: now(),
    }
}

fn stated(list: ListKind, absence: Absence) -> Personal<Statement> {
    Personal::Known(Statement {
        list,
        absence,
        no_known_allergies_to: Revision::default(),
        negations: Revision::default(),
    })
}

/// What people say here of a whole list, or of one kind of allergies, now.
fn said_here(list: ListKind, kind: Option<AllergyKind>, holds: bool) -> Negation {
    Negation {
        list,
        kind,
        holds,
        source: None,
        as_of: now(),
    }
}

/// The same, where people have said that none are known.
fn stated_here(list: ListKind, absence: Absence) -> Personal<Statement> {
    let mut stated = stated(list, absence);
    if let Personal::Known(statement) = &mut stated {
        let said = (absence == Absence::NoneKnown).then(|| said_here(list, None, true));
        statement.negations.new = said.into_iter().collect();
    }
    stated
}

/// A finding of each list in two states, with the events that note the one and change it to the other, and that refute it.
fn of_every_list() -> [(AnyFinding, AnyFinding, [ChartEvent; 3]); 4] {
    // Nobody names a resource: the concept is kept out, as of now and before.
    let gone = |list, text: &str| {
        let withdrawn = Withdrawn {
            list,
            concept: Some(concept(text)),
            since: None,
            source: None,
            as_of: just_after(now()),
        };
        refuted(1, vec![withdrawn])
    };
    let (asthma, over) = (condition("asthma", None), condition("asthma", Some(Abated::Unknown)));
    let (taken, stopped) = (medication("warfarin", true), medication("warfarin", false));
    [
        (
            AnyFinding::Condition(asthma.clone()),
            AnyFinding::Condition(over.clone()),
            [
                ChartEvent::ConditionsNoted {
                    conditions: one(1, asthma.told_here(now())),
                },
                ChartEvent::ConditionsNoted {
                    conditions: changed(1, over.told_here(now())),
                },
                ChartEvent::ConditionsRefuted {
                    conditions: gone(ListKind::Conditions, "asthma"),
                },
            ],
        ),
        (
            AnyFinding::Allergy(allergy("latex")),
            AnyFinding::Allergy(allergy("nuts")),
            [
                noted(1, "latex"),
                ChartEvent::AllergiesNoted {
                    allergies: changed(1, allergy("nuts").told_here(now())),
                },
                ChartEvent::AllergiesRefuted {
                    allergies: gone(ListKind::Allergies, "nuts"),
                },
            ],
        ),
        (
            AnyFinding::Medication(taken.clone()),
            AnyFinding::Medication(stopped.clone()),
            [
                ChartEvent::MedicationsNoted {
                    medications: one(1, taken.told_here(now())),
                },
                ChartEvent::MedicationsNoted {
                    medications: changed(1, stopped.told_here(now())),
                },
                ChartEvent::MedicationsRefuted {
                    medications: gone(ListKind::Medications, "warfarin"),
                },
            ],
        ),
        (
            AnyFinding::Symptom(symptom("cough")),
            AnyFinding::Symptom(symptom("dry cough")),
            [
                ChartEvent::SymptomsNoted {
                    symptoms: one(1, symptom("cough")),
                },
                ChartEvent::SymptomsNoted {
                    symptoms: changed(1, symptom("dry cough")),
                },
                ChartEvent::SymptomsRefuted {
                    symptoms: refuted(1, Vec::new()),
                },
            ],
        ),
    ]
}

#[test]
fn a_finding_of_any_list_is_noted_changed_and_refuted() {
    for (first, second, [is_noted, is_changed, is_refuted]) in of_every_list() {
        given(vec![])
            .when(note(1, first.clone()))
            .then_expect_events(vec![is_noted.clone()]);
        given(vec![is_noted.clone()])
            .when(change(1, second.clone()))
            .then_expect_events(vec![is_changed.clone()]);
        given(vec![is_noted.clone(), is_changed.clone()])
            .when(refute(1))
            .then_expect_events(vec![is_refuted.clone()]);
        // What changes nothing is no event.
        given(vec![is_noted.clone()])
            .when(note(1, first.clone()))
            .then_expect_events(vec![]);
        given(vec![is_noted.clone(), is_changed.clone()])
            .when(change(1, second.clone()))
            .then_expect_events(vec![]);
        // The id is another one's, or nobody's any more.
        given(vec![is_noted.clone()])
            .when(note(1, second.clone()))
            .then_expect_error(ChartError::AlreadyNoted);
        for command in [change(1, second.clone()), refute(1), change(2, second), refute(2)] {
            given(vec![is_noted.clone(), is_refuted.clone()])
                .when(command)
                .then_expect_error(ChartError::Unknown);
        }
    }
}

#[test]
fn two_who_note_at_once_lose_nothing() {
    // Both saw an empty chart; whoever comes second is decided on top of the first.
    given(vec![noted(1, "latex")])
        .when(note(2, AnyFinding::Allergy(allergy("nuts"))))
        .then_expect_events(vec![noted(2, "nuts")]);
    let chart = folded(vec![noted(1, "latex"), noted(2, "nuts")]);
    let texts: Vec<_> = chart
        .contents()
        .unwrap()
        .allergies
        .findings()
        .map(|one| &one.concept.text)
        .collect();
    assert_eq!(texts, ["latex", "nuts"]);
}

#[test]
fn a_finding_does_not_move_to_another_list() {
    given(vec![noted(1, "latex")])
        .when(change(1, AnyFinding::Symptom(symptom("latex"))))
        .then_expect_error(ChartError::Unknown);
}

fn source(number: u8) -> SourceId {
    SourceId {
        server: None,
        patient: None,
        resource: [number; 8],
    }
}

fn told(text: &str, as_of: DateTime<Utc>) -> Allergy {
    Allergy {
        as_of: Some(as_of),
        sources: Sources::new([source(1), source(2)]),
        ..allergy(text)
    }
}

#[test]
fn a_finding_that_is_changed_here_keeps_its_sources_and_is_as_of_now() {
    let before = now() - TimeDelta::hours(1);
    let is_told = ChartEvent::AllergiesNoted {
        allergies: one(1, told("latex", before)),
    };
    given(vec![is_told])
        .when(change(1, AnyFinding::Allergy(allergy("nuts"))))
        .then_expect_events(vec![ChartEvent::AllergiesNoted {
            allergies: changed(1, told("nuts", now())),
        }]);
}

fn report(allergies: Vec<Allergy>, ended: Vec<Ended>) -> ChartCommand {
    ChartCommand::TakeIn {
        report: Report {
            allergies: allergies.into(),
            ended,
            ..Report::default()
        },
        batch: Uuid::from_u128(9),
        now: now() + TimeDelta::hours(2),
    }
}

/// The allergies after these commands: what they say, and how critical they are.
fn allergies(mut chart: Chart, commands: Vec<ChartCommand>) -> Vec<(String, Option<Criticality>)> {
    for (at, mut command) in (0..).zip(commands) {
        if let ChartCommand::TakeIn { batch, .. } = &mut command {
            *batch = Uuid::from_u128(9 + 1000 * at);
        }
        let events = chart.decide(command).unwrap();
        events.into_iter().for_each(|event| chart.apply(event));
    }
    let all = chart.contents().unwrap().allergies.findings();
    all.map(|one| (one.concept.text.clone(), one.criticality)).collect()
}

#[test]
fn what_people_note_is_not_overruled_by_what_a_source_told_before() {
    let critical = Allergy {
        criticality: Some(Criticality::High),
        ..allergy("latex")
    };
    let noted = note(1, AnyFinding::Allergy(critical));
    let from = |at| Allergy {
        sources: Sources::new([source(1)]),
        as_of: Some(at),
        ..allergy("latex")
    };
    let end = |at| Ended {
        list: ListKind::Allergies,
        concept: Some(concept("latex")),
        since: None,
        source: Some(source(1)),
        as_of: Some(at),
    };
    let (before, after) = (now() - TimeDelta::hours(1), now() + TimeDelta::hours(1));
    let stays = [("latex".to_owned(), Some(Criticality::High))];
    for told in [report(vec![from(before)], vec![]), report(vec![], vec![end(before)])] {
        assert_eq!(allergies(Chart::default(), vec![noted.clone(), told]), stays);
    }
    let milder = note(1, AnyFinding::Allergy(allergy("latex")));
    let critical = Allergy {
        criticality: Some(Criticality::High),
        ..from(before)
    };
    let filled = vec![milder, report(vec![critical], vec![])];
    assert_eq!(
        allergies(Chart::default(), filled),
        stays,
        "an older state may tell more"
    );
    let milder = Allergy {
        criticality: Some(Criticality::Low),
        ..from(after)
    };
    let newer = report(vec![milder], vec![]);
    assert_eq!(
        allergies(Chart::default(), vec![noted.clone(), newer]),
        [("latex".to_owned(), Some(Criticality::Low))]
    );
    assert_eq!(
        allergies(Chart::default(), vec![noted, report(vec![], vec![end(after)])]),
        []
    );
}

#[test]
fn what_is_refuted_is_kept_out_too_where_its_source_tells_no_id() {
    let told = report(
        vec![Allergy {
            as_of: Some(now() - TimeDelta::hours(1)),
            ..allergy("latex")
        }],
        vec![],
    );
    let refute = ChartCommand::Refute { id: id(9), now: now() };
    assert_eq!(allergies(Chart::default(), vec![told.clone(), refute, told]), []);
}

#[test]
fn older_states_of_the_sources_of_what_is_refuted_are_kept_out() {
    for (as_of, until) in [
        (now() - TimeDelta::hours(1), now()),
        (now() + TimeDelta::hours(1), now() + TimeDelta::hours(1)),
    ] {
        let is_told = ChartEvent::AllergiesNoted {
            allergies: one(1, told("latex", as_of)),
        };
        let withdrawn = [source(1), source(2)].map(|source| Withdrawn {
            list: ListKind::Allergies,
            concept: Some(concept("latex")),
            since: None,
            source: Some(source),
            as_of: just_after(until),
        });
        let is_refuted = ChartEvent::AllergiesRefuted {
            allergies: refuted(1, withdrawn.to_vec()),
        };
        given(vec![is_told.clone()])
            .when(refute(1))
            .then_expect_events(vec![is_refuted.clone()]);
        let again = |at: DateTime<Utc>| {
            let state = Allergy {
                as_of: Some(at),
                sources: Sources::new([source(1)]),
                ..allergy("latex")
            };
            ChartCommand::TakeIn {
                report: Report {
                    allergies: vec![state].into(),
                    ..Report::default()
                },
                batch: Uuid::from_u128(9),
                now: now() + TimeDelta::hours(2),
            }
        };
        let chart = |command: ChartCommand| {
            let mut chart = folded(vec![is_told.clone(), is_refuted.clone()]);
            let events = chart.decide(command).unwrap();
            events.into_iter().for_each(|event| chart.apply(event));
            chart.contents().unwrap().allergies.entries.len()
        };
        assert_eq!(chart(again(until - TimeDelta::minutes(1))), 0);
        assert_eq!(chart(again(until)), 0, "what was refuted, once more");
        assert_eq!(chart(again(until + TimeDelta::minutes(1))), 1, "a newer state is news");
    }
}

#[test]
fn that_none_are_known_differs_from_what_nobody_knows_or_asked() {
    let all = [Absence::NotAsked, Absence::Unknown, Absence::NoneKnown];
    for before in all {
        for after in all {
            let event = |absence| ChartEvent::AbsenceStated {
                statement: stated(ListKind::Allergies, absence),
            };
            let told = ChartEvent::AbsenceStated {
                statement: stated_here(ListKind::Allergies, after),
            };
            // That a source has said so is not enough: it may take that back.
            let is_said = before == after && after != Absence::NoneKnown;
            let expected = if is_said { vec![] } else { vec![told.clone()] };
            given(vec![event(before)])
                .when(absent(ListKind::Allergies, after))
                .then_expect_events(expected);
            given(vec![event(before), told])
                .when(absent(ListKind::Allergies, after))
                .then_expect_events(vec![]);
        }
    }
    given(vec![])
        .when(absent(ListKind::Medications, Absence::NoneKnown))
        .then_expect_events(vec![ChartEvent::MedicationAbsenceStated {
            statement: stated_here(ListKind::Medications, Absence::NoneKnown),
        }]);
}

#[test]
fn of_symptoms_no_word_is_kept_for_no_source_tells_them() {
    let told = ChartEvent::AbsenceStated {
        statement: stated(ListKind::Symptoms, Absence::NoneKnown),
    };
    given(vec![])
        .when(absent(ListKind::Symptoms, Absence::NoneKnown))
        .then_expect_events(vec![told.clone()]);
    given(vec![told])
        .when(absent(ListKind::Symptoms, Absence::NoneKnown))
        .then_expect_events(vec![]);
}

#[test]
fn that_people_said_that_none_are_known_is_kept_when_a_source_tells_one_that_it_knew_before() {
    let none = ChartEvent::AbsenceStated {
        statement: stated_here(ListKind::Allergies, Absence::NoneKnown),
    };
    let report = Report {
        allergies: vec![told("latex", now() - TimeDelta::days(9))].into(),
        ..Report::default()
    };
    let mut chart = folded(vec![none]);
    let remarks = chart.contents().unwrap().merged(&report, now()).remarks;
    assert_eq!(remarks, [(ListKind::Allergies, Remark::Denied)], "it is said");
    let events = chart
        .contents()
        .unwrap()
        .take_in(&report, Uuid::from_u128(9), now())
        .unwrap();
    events.into_iter().for_each(|event| chart.apply(event));
    let contents = chart.contents().unwrap();
    assert_eq!(contents.allergies.entries.len(), 1);
    assert_eq!(contents.negations, [said_here(ListKind::Allergies, None, true)]);
    // Nor does an older word of a source that none are known outweigh that people do not know any more.
    let mut doubted = folded(vec![]);
    for absence in [Absence::NoneKnown, Absence::Unknown] {
        let events = doubted.decide(absent(ListKind::Allergies, absence)).unwrap();
        events.into_iter().for_each(|event| doubted.apply(event));
    }
    let older = Report {
        negations: vec![ReportedNegation {
            list: ListKind::Allergies,
            kind: None,
            holds: true,
            source: Some(source(1)),
            as_of: Some(now() - TimeDelta::days(9)),
        }],
        ..Report::default()
    };
    let contents = doubted.contents().unwrap();
    assert_eq!(contents.take_in(&older, Uuid::from_u128(9), now()), Ok(vec![]));
}

#[test]
fn nobody_says_that_there_are_none_of_what_is_noted() {
    for list in [ListKind::Conditions, ListKind::Medications, ListKind::Symptoms] {
        given(vec![noted(1, "latex")])
            .when(absent(list, Absence::NotAsked))
            .then_expect_events(vec![]);
    }
    given(vec![noted(1, "latex")])
        .when(absent(ListKind::Allergies, Absence::NoneKnown))
        .then_expect_error(ChartError::NotAbsent(ListKind::Allergies));
}

#[test]
fn what_is_noted_ends_that_none_are_known() {
    let none = ChartEvent::AbsenceStated {
        statement: stated(ListKind::Allergies, Absence::NoneKnown),
    };
    let gone = ChartEvent::AllergiesRefuted {
        allergies: refuted(1, Vec::new()),
    };
    let absence = |events| folded(events).contents().unwrap().allergies.absence();
    assert_eq!(absence(vec![none.clone()]), Some(Absence::NoneKnown));
    assert_eq!(absence(vec![none.clone(), noted(1, "latex")]), None);
    assert_eq!(absence(vec![none, noted(1, "latex"), gone]), Some(Absence::NotAsked));
}

#[test]
fn of_one_kind_of_allergies_it_may_be_said_that_none_are_known() {
    let kind = AllergyKind::Food;
    let says = |holds| ChartCommand::StateNoAllergiesTo {
        kind,
        holds,
        now: now(),
    };
    let negation = |holds| said_here(ListKind::Allergies, Some(kind), holds);
    let statement = |gone: Vec<AllergyKind>, new: Vec<AllergyKind>, negations| ChartEvent::AbsenceStated {
        statement: Personal::Known(Statement {
            list: ListKind::Allergies,
            absence: Absence::NotAsked,
            no_known_allergies_to: Revision { gone, new },
            negations,
        }),
    };
    let says_so = Revision {
        gone: Vec::new(),
        new: vec![negation(true)],
    };
    let no_more = Revision {
        gone: vec![negation(true)],
        new: vec![negation(false)],
    };
    let said = statement(vec![], vec![kind], says_so);
    let taken_back = statement(vec![kind], vec![], no_more);
    given(vec![]).when(says(true)).then_expect_events(vec![said.clone()]);
    given(vec![]).when(says(false)).then_expect_events(vec![]);
    given(vec![said.clone()]).when(says(true)).then_expect_events(vec![]);
    given(vec![said.clone(), noted(1, "latex")])
        .when(says(false))
        .then_expect_events(vec![taken_back.clone()]);
    let chart = folded(vec![said, noted(1, "latex"), taken_back]);
    let contents = chart.contents().unwrap();
    assert_eq!(
        (contents.no_known_allergies_to.len(), contents.allergies.entries.len()),
        (0, 1)
    );
}

#[test]
fn a_list_takes_so_many_findings_and_no_more() {
    let full = ChartEvent::AllergiesNoted {
        allergies: Personal::Known(Noted {
            batch: Uuid::from_u128(100),
            new: vec![allergy("latex"); List::<Allergy>::MOST],
            changed: Vec::new(),
        }),
    };
    given(vec![full.clone()])
        .when(note(1, AnyFinding::Allergy(allergy("nuts"))))
        .then_expect_error(ChartError::Full(ListKind::Allergies));
    let report = Report {
        allergies: vec![allergy("nuts")].into(),
        ..Report::default()
    };
    given(vec![full])
        .when(ChartCommand::TakeIn {
            report,
            batch: Uuid::from_u128(1),
            now: now(),
        })
        .then_expect_error(ChartError::Full(ListKind::Allergies));
}

#[test]
fn nothing_is_told_as_of_a_time_to_come_but_clocks_differ() {
    let report = |as_of| Report {
        allergies: vec![allergy("nuts"), told("latex", as_of)].into(),
        ..Report::default()
    };
    let take_in = |report| ChartCommand::TakeIn {
        report,
        batch: Uuid::from_u128(1),
        now: now(),
    };
    let place = FindingPlace::Finding(ListKind::Allergies, 1);
    given(vec![])
        .when(take_in(report(now() + TimeDelta::days(2))))
        .then_expect_error(ChartError::ToldInTheFuture(place));
    assert!(report(now() + TimeDelta::hours(23)).check(now()).is_ok());
}

#[test]
fn nothing_is_found_since_a_day_to_come_nor_over_before_it_began() {
    let today = now().date_naive();
    let (tomorrow, week) = (
        today.checked_add_days(Days::new(1)).unwrap(),
        today.checked_add_days(Days::new(7)).unwrap(),
    );
    let condition = |onset, abated: Option<NaiveDate>| Condition {
        onset,
        abated: abated.map(Abated::On),
        ..condition("asthma", None)
    };
    let medication = |since| Medication {
        since,
        ..medication("lisinopril", true)
    };
    let of = |list| FindingPlace::Noted(list);
    for (finding, error) in [
        (
            AnyFinding::Condition(condition(Some(week), None)),
            ChartError::BeginsInTheFuture(of(ListKind::Conditions)),
        ),
        (
            AnyFinding::Condition(condition(None, Some(week))),
            ChartError::EndsInTheFuture(of(ListKind::Conditions)),
        ),
        (
            AnyFinding::Condition(condition(Some(today), today.pred_opt())),
            ChartError::EndsBeforeItBegins(of(ListKind::Conditions)),
        ),
        (
            AnyFinding::Medication(medication(Some(week))),
            ChartError::BeginsInTheFuture(of(ListKind::Medications)),
        ),
    ] {
        given(vec![]).when(note(1, finding)).then_expect_error(error);
    }
    // Somewhere it is tomorrow already.
    assert!(
        condition(Some(tomorrow), Some(tomorrow))
            .check_days(tomorrow, of(ListKind::Conditions))
            .is_ok()
    );
    let report = Report {
        medications: vec![medication(None), medication(Some(week))].into(),
        ..Report::default()
    };
    let place = FindingPlace::Finding(ListKind::Medications, 1);
    assert_eq!(report.check(now()), Err(ChartError::BeginsInTheFuture(place)));
}

#[test]
fn nothing_is_decided_on_a_sealed_chart() {
    let sealed = ChartEvent::SymptomsNoted {
        symptoms: Personal::Sealed,
    };
    for command in [
        note(1, AnyFinding::Allergy(allergy("latex"))),
        refute(1),
        absent(ListKind::Conditions, Absence::Unknown),
    ] {
        given(vec![noted(1, "latex"), sealed.clone()])
            .when(command)
            .then_expect_error(ChartError::Sealed);
    }
    assert_eq!(folded(vec![sealed, noted(1, "latex")]).contents(), None);
}

#[test]
fn a_snapshot_holds_nothing_personal() {
    let snapshot = serde_json::to_string(&folded(vec![noted(1, "latex")])).unwrap();
    assert!(!snapshot.contains("latex"), "{snapshot}");
    let read: Chart = serde_json::from_str(&snapshot).unwrap();
    assert_eq!(read.contents(), None);
}

#[test]
fn every_event_concerns_the_patient_of_its_stream_and_says_nothing_in_the_shared_section() {
    let patient = PatientId::new(Uuid::from_u128(7));
    for (_, _, events) in of_every_list() {
        for event in events {
            assert_eq!(event.subject(&ChartId(patient).into()), Some(patient.into()));
            assert_eq!(event.encode().unwrap().shared.len(), 1, "what kind of event it is");
        }
    }
}

/// Both resources tell one allergy, in one report as in two, and the report once more tells nothing new.
#[test]
fn of_two_resources_that_tell_one_thing_each_may_tell_it_otherwise_later() {
    let at = |hour| now() + TimeDelta::minutes(hour);
    let told = |number, text: &str, minute| Allergy {
        sources: Sources::new([source(number)]),
        as_of: Some(at(minute)),
        ..allergy(text)
    };
    let both = report(vec![told(1, "latex", 3), told(2, "latex", 3)], vec![]);
    let of = |allergy| report(vec![allergy], vec![]);
    let first = vec![of(told(1, "latex", 1)), of(told(2, "latex", 2)), both.clone()];
    assert_eq!(allergies(Chart::default(), first.clone()), [("latex".to_owned(), None)]);
    let otherwise = of(told(2, "nuts", 4));
    for again in [vec![], vec![otherwise.clone()], vec![otherwise.clone(), both]] {
        let commands = [first.clone(), vec![otherwise.clone()], again].concat();
        let mut texts: Vec<String> = allergies(Chart::default(), commands)
            .into_iter()
            .map(|(text, _)| text)
            .collect();
        texts.sort();
        assert_eq!(texts, ["latex", "nuts"]);
    }
}

#[test]
fn of_several_states_of_one_resource_in_one_report_the_newest_counts() {
    let told = |text: &str, minute| Allergy {
        sources: Sources::new([source(1)]),
        as_of: Some(now() + TimeDelta::minutes(minute)),
        ..allergy(text)
    };
    for states in [
        vec![told("latex", 1), told("nuts", 2)],
        vec![told("nuts", 2), told("latex", 1)],
    ] {
        assert_eq!(
            allergies(Chart::default(), vec![report(states, vec![])]),
            [("nuts".to_owned(), None)]
        );
    }
}
