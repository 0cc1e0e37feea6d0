//! What other systems report, in any order. Each is decided by a chart and taken in by its events.

use chrono::{DateTime, NaiveDate, Utc};
use proptest::prelude::*;
use strum::VariantArray as _;
use uuid::Uuid;

use crate::chart::merge::newest;
use crate::chart::{
    Abated, Absence, Allergy, AllergyKind, Chart, ChartCommand, Condition, Contents, Criticality, Ended, Entry,
    FindingId, Findings, List, ListKind, Medication, Negation, Remark, Report, ReportedNegation, Symptom, Withdrawn,
};
use crate::kernel::{ClinicAggregate as _, CodeSystem, Coding, Concept, SourceId, Sources};

/// What a chart says, or a report tells, without ids.
#[derive(Clone, PartialEq, Debug, Default)]
struct Said {
    conditions: Findings<Condition>,
    allergies: Findings<Allergy>,
    no_known_allergies_to: Vec<AllergyKind>,
    medications: Findings<Medication>,
    withdrawn: Vec<Withdrawn>,
    negations: Vec<Negation>,
}

fn said<T: Clone>(list: &List<T>) -> Findings<T> {
    match list.absence() {
        None => list.findings().cloned().collect(),
        Some(Absence::NotAsked) => Findings::NotAsked,
        Some(Absence::Unknown) => Findings::Unknown,
        Some(Absence::NoneKnown) => Findings::NoneKnown,
    }
}

fn listed<T: Clone>(said: &Findings<T>, batch: u128) -> List<T> {
    let entry = |(index, finding): (usize, &T)| Entry {
        id: FindingId::in_batch(Uuid::from_u128(batch), index),
        finding: finding.clone(),
    };
    List {
        entries: said.list().iter().enumerate().map(entry).collect(),
        absence: match said {
            Findings::NotAsked | Findings::Known(_) => Absence::NotAsked,
            Findings::Unknown => Absence::Unknown,
            Findings::NoneKnown => Absence::NoneKnown,
        },
    }
}

impl Said {
    fn by(contents: &Contents) -> Self {
        Self {
            conditions: said(&contents.conditions),
            allergies: said(&contents.allergies),
            no_known_allergies_to: contents.no_known_allergies_to.clone(),
            medications: said(&contents.medications),
            withdrawn: contents.withdrawn.clone(),
            negations: contents.negations.clone(),
        }
    }

    fn contents(&self) -> Contents {
        Contents {
            conditions: listed(&self.conditions, 1 << 64),
            allergies: listed(&self.allergies, 2 << 64),
            no_known_allergies_to: self.no_known_allergies_to.clone(),
            medications: listed(&self.medications, 3 << 64),
            withdrawn: self.withdrawn.clone(),
            negations: self.negations.clone(),
            ..Contents::default()
        }
    }
}

struct Merged {
    chart: Said,
    remarks: Vec<(ListKind, Remark)>,
}

/// What a chart says after it has taken in a report of what is told.
fn take_in(recorded: &Said, told: &Said, report: &Report, now: DateTime<Utc>) -> Merged {
    let contents = recorded.contents();
    let report = Report {
        conditions: told.conditions.clone(),
        allergies: told.allergies.clone(),
        medications: told.medications.clone(),
        ..report.clone()
    };
    let remarks = contents.merged(&report, now).remarks;
    let mut chart = Chart::saying(contents);
    let command = ChartCommand::TakeIn {
        report,
        batch: Uuid::from_u128(4 << 64),
        now,
    };
    let events = chart.decide(command).unwrap();
    let kept = events.clone();
    events.into_iter().for_each(|event| chart.apply(event));
    let contents = chart.contents().unwrap();
    ids_are_unique(contents);
    assert!(kept.len() <= 9, "no more than three events for each list: {kept:?}");
    Merged {
        chart: Said::by(contents),
        remarks,
    }
}

fn ids_are_unique(contents: &Contents) {
    fn ids<T>(list: &List<T>) -> impl Iterator<Item = FindingId> {
        list.entries.iter().map(|entry| entry.id)
    }
    let all = ids(&contents.conditions)
        .chain(ids(&contents.allergies))
        .chain(ids(&contents.medications));
    let all: Vec<FindingId> = all.collect();
    let distinct: std::collections::BTreeSet<FindingId> = all.iter().copied().collect();
    assert_eq!(distinct.len(), all.len());
}

fn concept(code: &str) -> Concept {
    let coding = Coding {
        system: CodeSystem::Snomed,
        code: code.to_owned(),
    };
    Concept {
        coding: Some(coding),
        text: code.to_owned(),
    }
}

fn condition(code: &str, onset: Option<&str>, abated: Option<&str>) -> Condition {
    let day = |day: &str| day.parse().unwrap();
    Condition {
        concept: concept(code),
        onset: onset.map(day),
        abated: abated.map(day).map(Abated::On),
        as_of: None,
        sources: Sources::default(),
    }
}

/// The id of a resource.
fn source(number: u8) -> Option<SourceId> {
    Some(SourceId {
        server: None,
        patient: None,
        resource: [number; 8],
    })
}

/// Later than all days of these tests.
fn now() -> DateTime<Utc> {
    at(1000).unwrap()
}

/// Days after some day.
fn at(day: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(1_700_000_000 + day * 86_400, 0)
}

/// An allergy that a resource tells as of a day.
fn allergy(number: u8, code: &str, day: i64) -> Said {
    let allergy = Allergy {
        concept: concept(code),
        criticality: Some(Criticality::High),
        as_of: at(day),
        sources: source(number).into(),
    };
    Said {
        allergies: vec![allergy].into(),
        ..Said::default()
    }
}

fn ended(list: ListKind, code: &str, as_of: Option<DateTime<Utc>>) -> Report {
    let ended = Ended {
        list,
        concept: Some(concept(code)),
        since: None,
        source: None,
        as_of,
    };
    Report {
        ended: vec![ended],
        ..Report::default()
    }
}

fn word(list: ListKind, kind: Option<AllergyKind>, holds: bool, as_of: Option<DateTime<Utc>>) -> Report {
    let word = ReportedNegation {
        list,
        kind,
        holds,
        source: None,
        as_of,
    };
    Report {
        negations: vec![word],
        ..Report::default()
    }
}

fn conditions_of(list: &[Condition]) -> Said {
    Said {
        conditions: list.to_vec().into(),
        ..Said::default()
    }
}

/// What is recorded then, as of whenever.
fn list(recorded: &[Condition], told: &[Condition], report: &Report) -> Vec<Condition> {
    let merged = take_in(&conditions_of(recorded), &conditions_of(told), report, now());
    let list = merged.chart.conditions.into_list().into_iter();
    list.map(|one| Condition { as_of: None, ..one }).collect()
}

fn none() -> Report {
    Report::default()
}

/// How often there is this to say.
fn count(merged: &Merged, remark: Remark) -> usize {
    merged.remarks.iter().filter(|(_, said)| *said == remark).count()
}

#[test]
fn what_is_not_told_stays() {
    let recorded = [
        condition("asthma", None, None),
        condition("flu", Some("2001-01-01"), None),
    ];
    assert_eq!(list(&recorded, &[], &none()), recorded);
    let told = [condition("gout", None, None)];
    assert_eq!(list(&recorded, &told, &none()), [&recorded[..], &told[..]].concat());
}

#[test]
fn what_people_alone_have_noted_is_not_what_sources_have_told() {
    let told = Condition {
        sources: Sources::new(source(1)),
        ..condition("1", None, None)
    };
    let mut contents = conditions_of(&[told.clone(), condition("2", None, None)]).contents();
    let cough = Symptom { text: "a cough".into() };
    let id = FindingId::in_batch(Uuid::from_u128(7 << 64), 0);
    contents.symptoms.entries.push(Entry { id, finding: cough });
    contents.medications.absence = Absence::NoneKnown;
    contents.negations = vec![Negation {
        list: ListKind::Medications,
        kind: None,
        holds: true,
        source: None,
        as_of: now(),
    }];
    let shown = contents.clone().told_by_sources();
    let conditions: Vec<_> = shown.conditions.findings().cloned().collect();
    assert_eq!(conditions, [told]);
    assert_eq!(shown.symptoms, List::default());
    assert_eq!((shown.medications, shown.negations), (List::default(), vec![]));
    // What a source has said of a list is its own.
    contents.negations[0].source = source(1);
    let shown = contents.told_by_sources();
    assert_eq!(
        (shown.medications.absence, shown.negations.len()),
        (Absence::NoneKnown, 1)
    );
}

#[test]
fn a_newer_state_takes_the_place_of_its_entry_and_of_no_other() {
    let recorded = [
        condition("flu", Some("2001-01-01"), None),
        condition("flu", Some("2005-01-01"), None),
    ];
    let over = condition("flu", Some("2005-01-01"), Some("2005-02-01"));
    assert_eq!(
        list(&recorded, std::slice::from_ref(&over), &none()),
        [recorded[0].clone(), over]
    );
    let again = condition("flu", Some("2010-01-01"), None);
    assert_eq!(list(&recorded, std::slice::from_ref(&again), &none()).len(), 3);
    let dated = condition("asthma", Some("1999-01-01"), None);
    assert_eq!(
        list(
            &[condition("asthma", None, None)],
            std::slice::from_ref(&dated),
            &none()
        ),
        [dated]
    );
}

#[test]
fn what_ended_is_taken_out_unless_it_is_told_again() {
    let recorded = [condition("asthma", None, None), condition("flu", None, None)];
    let over = |code| ended(ListKind::Conditions, code, None);
    assert_eq!(list(&recorded, &[], &over("asthma")), recorded[1..]);
    assert_eq!(list(&recorded, &recorded[..1], &over("asthma")), recorded);
    assert_eq!(list(&recorded, &[], &over("gout")), recorded);
    let elsewhere = ended(ListKind::Allergies, "asthma", None);
    assert_eq!(list(&recorded, &[], &elsewhere), recorded);
    let episodes = ["2001-01-01", "2005-01-01"].map(|onset| condition("flu", Some(onset), None));
    let mut second = over("flu");
    second.ended[0].since = episodes[1].onset;
    assert_eq!(
        list(&episodes, &[], &second),
        episodes[..1],
        "the episode that is meant"
    );
    assert_eq!(
        list(&episodes[..1], &[], &second),
        episodes[..1],
        "another episode is not the one that is meant"
    );
    let undated = [episodes[0].clone(), condition("flu", None, None)];
    assert_eq!(list(&undated, &[], &second), episodes[..1], "it may be the one");
}

#[test]
fn what_is_taken_out_is_told_of_every_list() {
    let record = Said {
        allergies: vec![Allergy {
            concept: concept("latex"),
            criticality: Some(Criticality::High),
            as_of: None,
            sources: Sources::default(),
        }]
        .into(),
        ..conditions_of(&[condition("asthma", None, None)])
    };
    let gone = |list, code| ended(list, code, None);
    // One out and one in is one out.
    let gout = conditions_of(&[condition("gout", None, None)]);
    for (list, code, is_there) in [
        (ListKind::Conditions, "asthma", true),
        (ListKind::Allergies, "latex", true),
        (ListKind::Allergies, "nuts", false),
    ] {
        let merged = take_in(&record, &gout, &gone(list, code), now());
        let expected = is_there.then_some((list, Remark::TakenOut));
        assert_eq!(merged.remarks, Vec::from_iter(expected), "{code}");
    }
}

#[test]
fn what_was_taken_back_is_not_brought_back_under_another_id() {
    let egg = |number: u8, day: i64| Condition {
        as_of: at(day),
        sources: source(number).into(),
        ..condition("egg", None, None)
    };
    let mut gone = ended(ListKind::Conditions, "egg", at(20));
    gone.ended[0].source = source(1);
    let record = take_in(&conditions_of(&[egg(1, 10)]), &Said::default(), &gone, now()).chart;
    let told = |record: &Said, number, day| take_in(record, &conditions_of(&[egg(number, day)]), &none(), now());
    let older = told(&record, 2, 10);
    assert_eq!(older.chart.conditions.list(), []);
    assert_eq!(count(&older, Remark::KeptOutAlike), 1);
    let newer = told(&record, 2, 30).chart;
    assert_eq!(newer.conditions.list().len(), 1);
    // One that was there report it is told again, and nobody is troubled.
    let record = take_in(
        &conditions_of(&[egg(1, 10), egg(2, 10)]),
        &Said::default(),
        &gone,
        now(),
    )
    .chart;
    let again = told(&record, 2, 10);
    assert_eq!(again.chart.conditions.list().len(), 1);
    assert_eq!(count(&again, Remark::KeptOutAlike), 0);
    // Two resources of one server are two.
    let scoped = |number: u8| Condition {
        sources: Sources::from(Some(SourceId {
            server: Some([1; 4]),
            patient: None,
            resource: [number; 8],
        })),
        ..egg(number, 10)
    };
    gone.ended[0].source = scoped(1).sources.last();
    let record = take_in(&conditions_of(&[scoped(1)]), &Said::default(), &gone, now()).chart;
    let other = take_in(&record, &conditions_of(&[scoped(2)]), &none(), now()).chart;
    assert_eq!(other.conditions.list().len(), 1);
}

#[test]
fn what_somebody_noted_again_is_not_ended_by_the_same_word_once_more() {
    let over = ended(ListKind::Conditions, "asthma", at(5));
    let recorded = conditions_of(&[condition("asthma", None, None)]);
    let mut record = take_in(&recorded, &Said::default(), &over, now()).chart;
    assert_eq!((record.conditions.list().len(), record.withdrawn.len()), (0, 1));
    record.conditions = recorded.conditions.clone();
    assert_eq!(take_in(&record, &Said::default(), &over, now()).chart, record);
}

#[test]
fn what_is_taken_back_without_a_date_is_not_brought_back_by_an_older_state() {
    let dated = |as_of| {
        conditions_of(&[Condition {
            as_of,
            ..condition("asthma", None, None)
        }])
    };
    let (old, new) = (dated(at(1)), dated(at(1001)));
    let over = ended(ListKind::Conditions, "asthma", None);
    for before in [&Said::default(), &old] {
        let gone = take_in(before, &Said::default(), &over, now()).chart;
        assert_eq!((gone.conditions.list().len(), gone.withdrawn[0].as_of), (0, now()));
        let again = take_in(&gone, &Said::default(), &over, at(1002).unwrap()).chart;
        assert_eq!(again, gone, "the same word once more is no news");
        let merged = take_in(&gone, &old, &none(), at(1002).unwrap());
        assert_eq!((&merged.chart, count(&merged, Remark::KeptOut)), (&gone, 1));
        let back = take_in(&gone, &new, &none(), at(1002).unwrap()).chart;
        assert_eq!((back.conditions.list().len(), back.withdrawn.len()), (1, 0));
    }
}

#[test]
fn a_later_state_of_a_resource_takes_the_place_of_the_former_whatever_it_says() {
    let of = |number, text: &str, as_of| Condition {
        as_of,
        sources: source(number).into(),
        ..condition(text, None, None)
    };
    let told = [of(1, "asthma", at(1)), of(2, "gout", at(1))];
    let record = take_in(&Said::default(), &conditions_of(&told), &none(), now()).chart;
    let mild = of(1, "asthma, mild", at(2));
    let merged = take_in(&record, &conditions_of(std::slice::from_ref(&mild)), &none(), now());
    assert_eq!(merged.chart.conditions.list(), [mild.clone(), told[1].clone()]);
    assert_eq!(count(&merged, Remark::Replaced), 1);
    // In the other order, too.
    let record = take_in(
        &Said::default(),
        &conditions_of(std::slice::from_ref(&mild)),
        &none(),
        now(),
    )
    .chart;
    assert_eq!(
        take_in(&record, &conditions_of(&told[..1]), &none(), now()).chart,
        record
    );
    // Another resource is another one, and takes nothing back.
    let mut gone = ended(ListKind::Conditions, "asthma, mild", at(3));
    gone.ended[0].source = source(3);
    let merged = take_in(&record, &Said::default(), &gone, now());
    assert_eq!(
        (merged.chart.conditions.list().len(), count(&merged, Remark::Alike)),
        (1, 1)
    );
    gone.ended[0].source = source(1);
    assert_eq!(
        take_in(&record, &Said::default(), &gone, now()).chart.conditions,
        Findings::NotAsked
    );
}

#[test]
fn a_source_that_gives_new_ids_doubles_nothing() {
    let export = |number| {
        let told = |(at, code): (u8, &str)| Condition {
            sources: source(number + at).into(),
            ..condition(code, Some("2001-01-01"), None)
        };
        conditions_of(&[(0, "asthma"), (1, "gout")].map(told))
    };
    let record = take_in(&Said::default(), &export(10), &none(), now()).chart;
    let again = take_in(&record, &export(20), &none(), now()).chart;
    assert_eq!(again.conditions.list().len(), 2);
}

#[test]
fn what_has_a_new_id_and_says_otherwise_whether_it_is_over_is_named() {
    let told = |number, at: &str, abated| {
        conditions_of(&[Condition {
            sources: source(number).into(),
            as_of: Some(at.parse().unwrap()),
            ..condition("asthma", Some("2001-01-01"), abated)
        }])
    };
    let (before, after) = ("2020-01-01T00:00:00Z", "2020-02-01T00:00:00Z");
    let doubtful = [(ListKind::Conditions, Remark::UnderAnotherId)];
    for (abated, remarks) in [(Some("2001-03-01"), &doubtful[..]), (None, &[])] {
        let open = told(10, before, None);
        let record = take_in(&Said::default(), &open, &none(), now()).chart;
        let taken = take_in(&record, &told(20, after, abated), &none(), now());
        assert_eq!(taken.remarks, remarks, "{abated:?}");
        assert_eq!(taken.chart.conditions.list().len(), 1);
        // In the other order.
        let record = take_in(&Said::default(), &told(20, after, abated), &none(), now()).chart;
        assert_eq!(take_in(&record, &open, &none(), now()).remarks, remarks, "{abated:?}");
    }
}

#[test]
fn two_resources_that_say_the_same_are_one_finding_in_one_report_as_in_two() {
    let told = |number| Condition {
        sources: source(number).into(),
        ..condition("asthma", None, None)
    };
    let both = conditions_of(&[told(1), told(2)]);
    let record = take_in(&Said::default(), &both, &none(), now()).chart;
    assert_eq!(record.conditions.list().len(), 1);
    assert_eq!(record.conditions.list()[0].sources.list().len(), 2);
    assert_eq!(take_in(&record, &both, &none(), now()).chart, record);
    // By new ids they are no more.
    let again = conditions_of(&[told(3), told(4)]);
    assert_eq!(
        take_in(&record, &again, &none(), now()).chart.conditions.list().len(),
        1
    );
}

#[test]
fn what_several_resources_tell_stays_while_one_of_them_does() {
    let told = |number: u8, code: &str, at: &str| {
        let allergy = Allergy {
            concept: concept(code),
            criticality: None,
            as_of: Some(at.parse().unwrap()),
            sources: source(number).into(),
        };
        Said {
            allergies: vec![allergy].into(),
            ..Said::default()
        }
    };
    let (january, february, march) = ("2020-01-01T00:00:00Z", "2020-02-01T00:00:00Z", "2020-03-01T00:00:00Z");
    let mut record = Said::default();
    for (number, at) in [(1, january), (2, february)] {
        record = take_in(&record, &told(number, "nuts", at), &Report::default(), now()).chart;
    }
    assert_eq!(record.allergies.list().len(), 1);
    assert_eq!(record.allergies.list()[0].sources.list().len(), 2);
    let ended = |number: u8, at: &str| Report {
        ended: vec![Ended {
            list: ListKind::Allergies,
            concept: Some(concept("nuts")),
            since: None,
            source: source(number),
            as_of: Some(at.parse().unwrap()),
        }],
        ..Report::default()
    };
    // Either may be taken back first.
    for (first, second) in [(1, 2), (2, 1)] {
        let merged = take_in(&record, &Said::default(), &ended(first, march), now());
        assert_eq!(merged.chart.allergies.list().len(), 1, "{first}");
        assert_eq!(merged.remarks, [(ListKind::Allergies, Remark::Alike)]);
        let again = take_in(&merged.chart, &told(first, "nuts", february), &Report::default(), now()).chart;
        assert_eq!(
            again.allergies.list()[0].sources.list().len(),
            1,
            "it is not brought back"
        );
        let gone = take_in(&merged.chart, &Said::default(), &ended(second, march), now()).chart;
        assert_eq!(gone.allergies.list().len(), 0, "{second}");
    }
    // Or tell something else.
    let fish = take_in(&record, &told(2, "fish", march), &Report::default(), now()).chart;
    let said: Vec<(&str, Option<SourceId>)> = fish
        .allergies
        .list()
        .iter()
        .map(|one| (&*one.concept.text, one.sources.last()))
        .collect();
    assert_eq!(said, [("nuts", source(1)), ("fish", source(2))]);
    // The date of the entry is the other one's.
    let between = take_in(
        &record,
        &told(1, "fish", "2020-01-15T00:00:00Z"),
        &Report::default(),
        now(),
    )
    .chart;
    assert_eq!(between.allergies.list().len(), 2);
}

#[test]
fn an_older_state_of_one_of_several_resources_undoes_none_of_its_newer_ones() {
    let mut record = Said::default();
    for (number, day) in [(1, 3), (2, 5)] {
        record = take_in(&record, &allergy(number, "nuts", day), &none(), now()).chart;
    }
    let mut in_error = ended(ListKind::Allergies, "nuts", at(2));
    in_error.ended[0].source = source(1);
    let mut none_known = word(ListKind::Allergies, None, true, at(2));
    none_known.negations[0].source = source(1);
    for (state, report) in [
        (Said::default(), in_error),
        (Said::default(), none_known),
        (allergy(1, "fish", 2), none()),
        (allergy(1, "nuts", 2), none()),
    ] {
        let after = take_in(&record, &state, &report, now()).chart;
        assert_eq!(after.allergies, record.allergies, "{report:?}");
        // The first of them tells it still, when the second takes it back.
        let mut later = ended(ListKind::Allergies, "nuts", at(6));
        later.ended[0].source = source(2);
        let left = take_in(&after, &Said::default(), &later, now()).chart;
        let sources: Vec<_> = left
            .allergies
            .list()
            .iter()
            .map(|one| (one.as_of, one.sources.last()))
            .collect();
        assert_eq!(sources, [(at(3), source(1))], "as of when that told it");
    }
    // A state between the two is the first one's newest.
    let between = take_in(&record, &allergy(1, "fish", 4), &none(), now()).chart;
    let texts: Vec<&str> = between.allergies.list().iter().map(|one| &*one.concept.text).collect();
    assert_eq!(texts, ["nuts", "fish"]);
}

#[test]
fn what_one_of_several_resources_takes_back_is_taken_back_beside_what_the_others_tell() {
    let in_error = |number: u8, day: i64| {
        let mut ended = ended(ListKind::Allergies, "nuts", at(day));
        ended.ended[0].source = source(number);
        ended
    };
    let texts = |record: &Said| -> Vec<String> {
        record
            .allergies
            .list()
            .iter()
            .map(|one| one.concept.text.clone())
            .collect()
    };
    let tell = |runs: &[(Said, Report)]| {
        let take = |record: Said, (said, report): &(Said, Report)| take_in(&record, said, report, now()).chart;
        let record = runs.iter().fold(Said::default(), take);
        let last = runs.last().unwrap();
        let again = take_in(&record, &last.0, &last.1, now()).chart;
        assert_eq!(texts(&again), texts(&record), "the same once more is no news");
        texts(&record)
    };
    // One tells something else in the same report.
    let runs = [
        (allergy(1, "nuts", 15), none()),
        (allergy(2, "nuts", 5), none()),
        (allergy(2, "fish", 16), in_error(1, 22)),
    ];
    assert_eq!(tell(&runs), ["fish"]);
    // The other one tells the same in the report that takes one back, and is taken back itself.
    for day in [10, 25] {
        let runs = [
            (allergy(2, "nuts", 13), none()),
            (allergy(1, "nuts", 5), in_error(2, 23)),
            (Said::default(), in_error(1, day)),
        ];
        assert_eq!(tell(&runs), Vec::<String>::new(), "{day}");
        assert_eq!(tell(&runs[..2]), ["nuts"]);
    }
}

#[test]
fn one_id_of_servers_that_call_the_patient_otherwise_is_of_several_resources() {
    // Two hospitals whose servers are known, and one whose server is not; each calls the patient otherwise.
    let told = |hospital: u8| {
        let source = SourceId {
            server: (hospital != 0).then_some(SourceId::of_server([hospital; 4])),
            patient: Some(SourceId::of_patient([hospital; 4])),
            resource: [7; 8],
        };
        Said {
            allergies: vec![Allergy {
                concept: concept(["penicillin", "latex", "peanut"][usize::from(hospital)]),
                criticality: None,
                as_of: at(i64::from(hospital)),
                sources: Some(source).into(),
            }]
            .into(),
            ..Said::default()
        }
    };
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let record = order.iter().fold(Said::default(), |record, hospital| {
            take_in(&record, &told(*hospital), &none(), now()).chart
        });
        assert_eq!(record.allergies.list().len(), 3, "{order:?}");
    }
}

#[test]
fn a_server_that_was_told_once_is_not_forgotten() {
    let told = |server: Option<u8>, day: i64, text: &str| {
        let source = SourceId {
            server: server.map(|server| SourceId::of_server([server; 4])),
            patient: Some(SourceId::of_patient([1; 4])),
            resource: [7; 8],
        };
        Said {
            allergies: vec![Allergy {
                concept: concept(text),
                criticality: None,
                as_of: at(day),
                sources: Some(source).into(),
            }]
            .into(),
            ..Said::default()
        }
    };
    for bare in ["nuts", "peanuts"] {
        let states = [told(Some(1), 1, "nuts"), told(None, 3, bare), told(Some(2), 4, "milk")];
        let record = states.iter().fold(Said::default(), |record, state| {
            take_in(&record, state, &none(), now()).chart
        });
        assert_eq!(record.allergies.list().len(), 2, "{bare}");
    }
}

#[test]
fn one_id_of_two_servers_is_of_two_resources() {
    let of = |server: Option<u8>, text: &str| Condition {
        sources: Sources::from(Some(SourceId {
            server: server.map(|server| [server; 4]),
            patient: None,
            resource: [1; 8],
        })),
        as_of: at(i64::from(server.unwrap_or(9))),
        ..condition(text, None, None)
    };
    let record = take_in(
        &Said::default(),
        &conditions_of(&[of(Some(1), "asthma")]),
        &none(),
        now(),
    )
    .chart;
    let record = take_in(&record, &conditions_of(&[of(Some(2), "gout")]), &none(), now()).chart;
    assert_eq!(record.conditions.list().len(), 2);
    // Which server's it is may not be told: then it is what it says.
    let told = take_in(&record, &conditions_of(&[of(None, "gout")]), &none(), now()).chart;
    assert_eq!(told.conditions.list().len(), 2);
    assert_eq!(told.conditions.list()[0], record.conditions.list()[0]);
}

#[test]
fn a_finding_stands_report_the_word_that_none_are_known_in_whatever_order_they_are_told() {
    let none_known = word(ListKind::Allergies, None, true, at(5));
    let allergy = |day| Said {
        allergies: vec![Allergy {
            concept: concept("latex"),
            criticality: Some(Criticality::High),
            as_of: at(day),
            sources: Sources::default(),
        }]
        .into(),
        ..Said::default()
    };
    let record = take_in(&Said::default(), &Said::default(), &none_known, now()).chart;
    assert_eq!(record.allergies, Findings::NoneKnown);
    let older = take_in(&record, &allergy(4), &none(), now());
    assert_eq!(
        (older.chart.allergies.list().len(), count(&older, Remark::Denied)),
        (1, 1)
    );
    let newer = take_in(&record, &allergy(6), &none(), now()).chart;
    assert_eq!(newer.allergies.list().len(), 1);
    // Report the word in one export, a finding stands.
    assert_eq!(
        take_in(&record, &allergy(4), &none_known, now())
            .chart
            .allergies
            .list()
            .len(),
        1
    );
    // It takes nothing out, and that is said.
    let merged = take_in(&allergy(4), &Said::default(), &none_known, now());
    assert_eq!(
        (merged.chart.allergies.list().len(), count(&merged, Remark::Denied)),
        (1, 1)
    );
    let at_once = take_in(&Said::default(), &allergy(4), &none_known, now()).chart;
    assert_eq!((&older.chart, &merged.chart), (&at_once, &at_once), "in every order");
    // When the finding goes, the word is still there.
    let gone = ended(ListKind::Allergies, "latex", at(7));
    assert_eq!(
        take_in(&newer, &Said::default(), &gone, now()).chart.allergies,
        Findings::NoneKnown
    );
}

#[test]
fn a_word_is_older_than_what_the_same_resource_told_or_took_back_later() {
    let say = |record: &Said, told: &Said, mut report: Report, number: u8| {
        report.ended.iter_mut().for_each(|ended| ended.source = source(number));
        report
            .negations
            .iter_mut()
            .for_each(|word| word.source = source(number));
        take_in(record, told, &report, now()).chart
    };
    let word = |day| word(ListKind::Allergies, None, true, at(day));
    let nuts = Said {
        allergies: vec![Allergy {
            concept: concept("nuts"),
            criticality: None,
            as_of: at(5),
            sources: source(1).into(),
        }]
        .into(),
        ..Said::default()
    };
    let refuted = say(
        &Said::default(),
        &Said::default(),
        ended(ListKind::Allergies, "nuts", at(5)),
        1,
    );
    let told = say(&Said::default(), &nuts, none(), 1);
    for record in [refuted, told] {
        assert_eq!(say(&record, &Said::default(), word(4), 1), record, "an older state");
        let later = say(&record, &Said::default(), word(6), 1);
        assert_eq!(later.allergies, Findings::NoneKnown, "a newer one");
        let other = say(&record, &Said::default(), word(4), 2);
        assert_eq!(other.negations.len(), 1, "another resource");
    }
}

#[test]
fn what_was_kept_out_is_newer_than_what_its_resource_told_before() {
    let mut refuted = ended(ListKind::Allergies, "fish", at(7));
    refuted.ended[0].source = source(1);
    let record = take_in(&Said::default(), &Said::default(), &refuted, now()).chart;
    let kept_out = take_in(&record, &allergy(2, "fish", 5), &none(), now());
    assert_eq!(count(&kept_out, Remark::KeptOutAlike), 1);
    let record = kept_out.chart;
    let mut word = word(ListKind::Allergies, None, true, at(3));
    word.negations[0].source = source(2);
    assert_eq!(
        take_in(&record, &Said::default(), &word, now()).chart.allergies,
        Findings::NotAsked
    );
    let older = take_in(&record, &allergy(2, "nuts", 3), &none(), now()).chart;
    assert_eq!(older.allergies.list().len(), 0);
    let newer = take_in(&record, &allergy(2, "nuts", 6), &none(), now()).chart;
    assert_eq!(newer.allergies.list().len(), 1);
}

#[test]
fn two_resources_of_one_server_that_say_otherwise_of_one_day_are_two() {
    let told = |number: u8, server: Option<[u8; 4]>, abated: Option<Abated>, day: i64| Said {
        conditions: vec![Condition {
            concept: concept("gout"),
            onset: NaiveDate::from_ymd_opt(2021, 1, 1),
            abated,
            as_of: at(day),
            sources: Sources::from(Some(SourceId {
                server,
                patient: None,
                resource: [number; 8],
            })),
        }]
        .into(),
        ..Said::default()
    };
    for (server, count) in [(Some([1; 4]), 2), (None, 1)] {
        let record = take_in(&Said::default(), &told(1, server, None, 1), &none(), now()).chart;
        let record = take_in(&record, &told(2, server, Some(Abated::Unknown), 2), &none(), now()).chart;
        assert_eq!(
            record.conditions.list().len(),
            count,
            "ids that tell no server may be new ones: {server:?}"
        );
    }
}

#[test]
fn a_word_that_was_taken_back_is_not_brought_back_by_an_older_state() {
    let kind = Some(AllergyKind::Medication);
    let (said, taken_back) = (
        |day| word(ListKind::Allergies, kind, true, day),
        |day| word(ListKind::Allergies, kind, false, day),
    );
    for date in [at(5), None] {
        let tell = |record: &Said, report: &Report| take_in(record, &Said::default(), report, now()).chart;
        for before in [Said::default(), tell(&Said::default(), &said(at(1)))] {
            let gone = tell(&before, &taken_back(date));
            assert_eq!(gone.no_known_allergies_to, []);
            assert_eq!(tell(&gone, &said(at(1))), gone, "{date:?}");
            assert_eq!(
                tell(&gone, &said(at(1001))).no_known_allergies_to,
                [AllergyKind::Medication]
            );
        }
    }
}

#[test]
fn a_resource_that_told_a_finding_may_tell_a_word_and_the_other_way_round() {
    let allergy = |day| Said {
        allergies: vec![Allergy {
            concept: concept("latex"),
            criticality: Some(Criticality::High),
            as_of: at(day),
            sources: source(1).into(),
        }]
        .into(),
        ..Said::default()
    };
    let says = |day| {
        let mut report = word(ListKind::Allergies, None, true, at(day));
        report.negations[0].source = source(1);
        report
    };
    let tell = |record: &Said, told: &Said, report: &Report| take_in(record, told, report, now()).chart;
    let empty = Said::default();
    for (finding, said, result) in [(1, 2, Findings::NoneKnown), (2, 1, allergy(2).allergies)] {
        let first = tell(&tell(&empty, &allergy(finding), &none()), &empty, &says(said));
        let second = tell(&tell(&empty, &empty, &says(said)), &allergy(finding), &none());
        assert_eq!((&first.allergies, &second.allergies), (&result, &result));
    }
}

#[test]
fn that_none_are_known_takes_nothing_out_and_can_be_taken_back() {
    let asthma = || Findings::Known(vec![condition("asthma", None, None)]);
    let merged = |recorded: Findings<Condition>, told: Findings<Condition>, report: &Report| {
        let of = |conditions| Said {
            conditions,
            ..Said::default()
        };
        let mut report = report.clone();
        if told == Findings::NoneKnown {
            report
                .negations
                .extend(word(ListKind::Conditions, None, true, None).negations);
        }
        let conditions = take_in(&of(recorded), &of(told), &report, now()).chart.conditions;
        conditions.map(|one| Condition { as_of: None, ..one })
    };
    assert_eq!(merged(asthma(), Findings::NoneKnown, &none()), asthma());
    assert_eq!(merged(Findings::NoneKnown, asthma(), &none()), asthma());
    for (recorded, told, result) in [
        (Findings::Unknown, Findings::NoneKnown, Findings::NoneKnown),
        (Findings::NoneKnown, Findings::NotAsked, Findings::NoneKnown),
    ] {
        assert_eq!(merged(recorded, told, &none()), result);
    }
    let over = ended(ListKind::Conditions, "asthma", None);
    assert_eq!(merged(asthma(), Findings::NotAsked, &over), Findings::NotAsked);
    let mut over = word(ListKind::Conditions, None, false, None);
    over.negations[0].source = source(1);
    assert_eq!(
        merged(Findings::NoneKnown, Findings::NotAsked, &over),
        Findings::NotAsked
    );
    over.negations[0].as_of = at(1);
    let mut again = over.clone();
    again
        .negations
        .extend(word(ListKind::Conditions, None, true, None).negations);
    again.negations[1].source = source(2);
    assert_eq!(
        merged(Findings::NoneKnown, Findings::NotAsked, &again),
        Findings::NoneKnown,
        "another resource says so"
    );
}

#[test]
fn that_none_of_a_kind_are_known_says_nothing_of_the_others() {
    let (drugs, food) = (AllergyKind::Medication, AllergyKind::Food);
    let recorded = Said {
        no_known_allergies_to: vec![drugs],
        ..Said::default()
    };
    let mut said = word(ListKind::Allergies, Some(food), true, None);
    said.negations
        .extend(word(ListKind::Allergies, Some(drugs), true, None).negations);
    let both = take_in(&recorded, &Said::default(), &said, now()).chart;
    assert_eq!(
        (&*both.no_known_allergies_to, &both.allergies),
        (&[drugs, food][..], &Findings::NotAsked)
    );
    let over = word(ListKind::Allergies, Some(drugs), false, None);
    let food_only = take_in(&both, &Said::default(), &over, at(1001).unwrap()).chart;
    assert_eq!(food_only.no_known_allergies_to, [food]);
    let holds: Vec<bool> = food_only
        .negations
        .iter()
        .map(|Negation { holds, .. }| *holds)
        .collect();
    assert_eq!(holds, [true, false]);
}

#[test]
fn an_older_state_without_a_day_is_no_news_of_what_is_over_and_a_newer_one_is_another_episode() {
    let flu = |onset, abated, day| Condition {
        as_of: at(day),
        ..condition("flu", onset, abated)
    };
    let ended = at(5).unwrap().date_naive().to_string();
    for (onset, told, is_another) in [
        (None, 3, false),
        (Some("2023-11-15"), 3, false),
        (None, 6, false),
        (None, 9, true),
    ] {
        let over = [flu(None, Some(ended.as_str()), 7)];
        let merged = take_in(
            &conditions_of(&over),
            &conditions_of(&[flu(onset, None, told)]),
            &none(),
            now(),
        );
        assert_eq!(
            merged.chart.conditions.list().len(),
            1 + usize::from(is_another),
            "{onset:?} {told}"
        );
        assert_eq!(
            count(&merged, Remark::Older),
            usize::from(!is_another),
            "{onset:?} {told}"
        );
    }
}

#[test]
fn what_is_over_and_may_be_what_is_noted_without_a_day_is_named() {
    let flu = |onset, abated, day| Condition {
        as_of: at(day),
        ..condition("flu", onset, abated)
    };
    let open = [flu(None, None, 1)];
    for (onset, is_named) in [(Some("2023-11-01"), true), (None, false)] {
        let over = [flu(onset, Some("2023-11-05"), 2)];
        let merged = take_in(&conditions_of(&open), &conditions_of(&over), &none(), now());
        assert_eq!(count(&merged, Remark::MayBeOver), usize::from(is_named), "{onset:?}");
        assert_eq!(
            merged.chart.conditions.list().len(),
            1 + usize::from(is_named),
            "{onset:?}"
        );
    }
}

/// A report of a few allergies and conditions, some of them taken back.
fn told_of(states: &[State]) -> Report {
    let allergies = states.iter().filter_map(|(which, day, severe)| {
        severe.map(|severe| Allergy {
            concept: concept(&format!("allergy {which}")),
            criticality: Some(severe),
            as_of: at(*day),
            sources: Sources::default(),
        })
    });
    let ended = states
        .iter()
        .filter(|(.., severe)| severe.is_none())
        .map(|(which, day, _)| Ended {
            list: ListKind::Allergies,
            concept: Some(concept(&format!("allergy {which}"))),
            since: None,
            source: None,
            as_of: at(*day),
        });
    Report {
        allergies: allergies.collect(),
        ended: ended.collect(),
        ..Report::default()
    }
}

fn conditions() -> impl Strategy<Value = Vec<Condition>> {
    let days = prop::sample::select(vec![None, Some("2001-01-01"), Some("2002-02-02")]);
    let can_be = |(_, onset, abated): &(String, Option<&str>, Option<&str>)| abated.is_none() || onset <= abated;
    let one = ("[abc]", days.clone(), days).prop_filter("a condition ends after it began", can_be);
    let one = one.prop_map(|(code, onset, abated)| condition(&code, onset, abated));
    prop::collection::vec(one, 0..6)
}

/// A state of an allergy: which one, when, and whether it is severe. `None` is that it is none.
type State = (u8, i64, Option<Criticality>);

/// Different states, in any order.
fn states() -> impl Strategy<Value = Vec<State>> {
    let severe = prop::option::of(prop::sample::select(Criticality::VARIANTS.to_vec()));
    let states = prop::collection::btree_map((0..3u8, 0..8i64), severe, 0..12);
    states.prop_flat_map(|states| {
        let states: Vec<State> = states
            .into_iter()
            .map(|((which, day), severe)| (which, day, severe))
            .collect();
        Just(states).prop_shuffle()
    })
}

/// Tells some states, as one run does: of each allergy the newest.
fn tell(record: &Said, run: &[State]) -> Said {
    let newest = |state: &&State| !run.iter().any(|other| other.0 == state.0 && other.1 > state.1);
    let (mut told, mut gone) = (Vec::new(), none());
    for (which, day, severe) in run.iter().filter(newest) {
        let concept = concept(&format!("allergy {which}"));
        match severe {
            Some(severe) => told.push(Allergy {
                concept,
                criticality: Some(*severe),
                as_of: at(*day),
                sources: Sources::default(),
            }),
            None => gone.ended.push(Ended {
                list: ListKind::Allergies,
                concept: Some(concept),
                since: None,
                source: None,
                as_of: at(*day),
            }),
        }
    }
    let told = Said {
        allergies: told.into(),
        ..Said::default()
    };
    take_in(record, &told, &gone, now()).chart
}

/// What a record says: which allergies, and how severe.
fn allergies(record: &Said) -> std::collections::BTreeMap<String, Option<Criticality>> {
    let list = record.allergies.list().iter();
    list.map(|one| (one.concept.text.clone(), one.criticality)).collect()
}

proptest! {
    #[test]
    fn telling_it_again_changes_nothing_and_nothing_is_lost(recorded in conditions(), told in conditions()) {
        // Which of two episodes of one day is meant by what is told without a day and an id, nobody knows: told again it may be another one.
        let is_twice = |of: &Condition| {
            let alike = |one: &&Condition| one.concept == of.concept && one.onset.is_some() && one.onset == of.onset;
            recorded.iter().filter(alike).count() > 1
        };
        let is_unclear = |new: &Condition| {
            new.onset.is_none() && recorded.iter().any(|known| known.concept == new.concept && is_twice(known))
        };
        prop_assume!(!told.iter().any(is_unclear));
        let merged = list(&recorded, &told, &none());
        prop_assert_eq!(&list(&merged, &told, &none()), &merged);
        let whole = take_in(&conditions_of(&recorded), &conditions_of(&told), &none(), now());
        let unclear = count(&whole, Remark::Unclear);
        for new in told.iter().filter(|new| new.onset.is_some()) {
            let count = |list: &[Condition]| list.iter().filter(|one| *one == new).count();
            prop_assert!(count(&merged) >= count(&told));
        }
        for known in &recorded {
            let is_it = |one: &Condition| one.concept == known.concept && (known.onset.is_none() || known.onset == one.onset);
            prop_assert!(merged.iter().any(is_it));
        }
        prop_assert!(merged.len() + unclear >= recorded.len().max(told.len()));
    }

    #[test]
    fn dated_states_end_as_the_newest_in_whatever_runs_and_order_they_are_told(
        states in states(),
        cut in 1..4usize,
    ) {
        let mut record = Said::default();
        for run in states.chunks(cut) {
            record = tell(&record, run);
            prop_assert_eq!(&tell(&record, run), &record, "telling it again changes nothing");
        }
        prop_assert_eq!(allergies(&record), allergies(&tell(&Said::default(), &states)));
    }
}

proptest! {
    #[test]
    fn reports_in_sequence_come_to_what_they_come_to_one_after_the_other(
        recorded in states(),
        told in states(),
        cut in 1..4usize,
    ) {
        let mut told = told;
        told.sort_by_key(|(which, day, _)| (*day, *which));
        // An export tells each of them once.
        let exports: Vec<Vec<State>> = told.chunk_by(|one, two| one.1 == two.1).map(<[State]>::to_vec).collect();
        let record = recorded.chunks(cut).fold(Said::default(), |record, run| tell(&record, run));
        let apart = exports.iter().fold(record.clone(), |record, export| tell(&record, export));
        let (report, _) = Report::in_sequence(exports.iter().map(|export| told_of(export)).collect(), now());
        let said = Said { allergies: report.allergies.clone(), ..Said::default() };
        let together = take_in(&record, &said, &report, now()).chart;
        prop_assert_eq!(allergies(&together), allergies(&apart));
        prop_assert_eq!(&take_in(&together, &said, &report, now()).chart, &together, "told again, it is no news");
    }
}

#[test]
fn a_thousand_drafts_displace_nothing_that_was_refuted() {
    let refuted = Withdrawn {
        list: ListKind::Allergies,
        concept: Some(concept("latex")),
        since: None,
        source: None,
        as_of: at(1).unwrap(),
    };
    let drafts = (0..Contents::MOST_KEPT).map(|_| Withdrawn {
        list: ListKind::Medications,
        concept: None,
        as_of: at(2).unwrap(),
        ..refuted.clone()
    });
    let all: Vec<Withdrawn> = std::iter::once(refuted.clone()).chain(drafts).collect();
    let kept = newest(all, Withdrawn::rank);
    assert_eq!((kept.len(), &kept[0]), (Contents::MOST_KEPT, &refuted));
}

#[test]
fn another_text_under_one_code_is_another_thing_unless_it_is_the_same_resource() {
    let food = |text: &str, number: Option<u8>| Said {
        allergies: vec![Allergy {
            concept: Concept {
                text: text.to_owned(),
                ..concept("Z91.018")
            },
            criticality: Some(Criticality::High),
            as_of: None,
            sources: number.and_then(source).into(),
        }]
        .into(),
        ..Said::default()
    };
    for (noted, told, expected) in [
        (food("Kiwi", None), food("Strawberry", None), vec!["Kiwi", "Strawberry"]),
        (
            food("Kiwi", Some(1)),
            food("Strawberry", Some(2)),
            vec!["Kiwi", "Strawberry"],
        ),
        (food("Kiwi", Some(1)), food("Strawberry", Some(1)), vec!["Strawberry"]),
        // A text that says more says the same.
        (food("Kiwi", None), food("Kiwi (fruit)", None), vec!["Kiwi (fruit)"]),
    ] {
        let after = take_in(&noted, &told, &none(), now()).chart;
        let texts: Vec<&str> = after.allergies.list().iter().map(|one| &*one.concept.text).collect();
        assert_eq!(texts, expected);
    }
    // Nor is one ended because another of its code was entered in error.
    let mut ended = ended(ListKind::Allergies, "Z91.018", None);
    for one in &mut ended.ended {
        one.concept = food("Strawberry", None)
            .allergies
            .list()
            .first()
            .map(|one| one.concept.clone());
    }
    let kiwi = food("Kiwi", None);
    assert_eq!(
        take_in(&kiwi, &Said::default(), &ended, now()).chart.allergies,
        kiwi.allergies
    );
}

#[test]
fn of_what_is_kept_the_oldest_are_forgotten_first_and_never_all() {
    let day = |day: i64| DateTime::UNIX_EPOCH + chrono::TimeDelta::days(day);
    let most = i64::try_from(Contents::MOST_KEPT).unwrap();
    let newest = |dates: Vec<DateTime<Utc>>| newest(dates, |date| *date);
    let by_date: Vec<_> = (0..most + 2).rev().map(day).collect();
    assert_eq!(newest(by_date.clone()), by_date[..Contents::MOST_KEPT]);
    let of_one_date = vec![day(7); Contents::MOST_KEPT + 1];
    assert_eq!(newest(of_one_date), vec![day(7); Contents::MOST_KEPT]);
    assert_eq!(newest(vec![day(2), day(1)]), [day(2), day(1)]);
}

#[test]
fn a_less_exact_state_erases_no_more_exact_one() {
    let gout = |onset, abated| condition("gout", onset, abated);
    let over = || Condition {
        abated: Some(Abated::Unknown),
        ..gout(None, None)
    };
    let episode = gout(Some("2019-01-01"), Some("2019-03-03"));
    let begun = gout(Some("2020-01-01"), None);
    let still = gout(None, None);
    let tell = |recorded: &Condition, told: &Condition| {
        list(std::slice::from_ref(recorded), std::slice::from_ref(told), &none())
    };
    // What is there still is another episode than one that is over, whichever is told first.
    assert_eq!(tell(&episode, &still), [episode.clone(), still.clone()]);
    assert_eq!(tell(&still, &episode), [still.clone(), episode.clone()]);
    // Its days stay, where they are not told again.
    assert_eq!(tell(&begun, &still), std::slice::from_ref(&begun));
    assert_eq!(tell(&episode, &over()), std::slice::from_ref(&episode));
    let ended_begun = Condition {
        abated: Some(Abated::Unknown),
        ..begun.clone()
    };
    assert_eq!(tell(&begun, &over()), [ended_begun]);
    // An end of a day of its own is an episode of its own.
    assert_eq!(tell(&episode, &gout(None, Some("2022-05-05"))).len(), 2);
    assert_eq!(tell(&gout(None, Some("2019-03-03")), &still).len(), 2);
}

#[test]
fn what_may_end_one_of_several_ends_none_and_is_told() {
    let gout = |onset| condition("gout", Some(onset), None);
    let recorded = conditions_of(&[gout("2019-01-01"), gout("2020-01-01")]);
    let over = Condition {
        abated: Some(Abated::Unknown),
        ..condition("gout", None, None)
    };
    let merged = take_in(&recorded, &conditions_of(&[over]), &none(), now());
    assert_eq!((&merged.chart, count(&merged, Remark::Unclear)), (&recorded, 1));
    let gone = ended(ListKind::Conditions, "gout", None);
    let merged = take_in(&recorded, &Said::default(), &gone, now());
    assert_eq!(
        (&merged.chart.conditions, count(&merged, Remark::Unclear)),
        (&recorded.conditions, 1)
    );
}

#[test]
fn a_medication_of_no_day_takes_no_day_from_one_that_has_one() {
    let warfarin = |since: Option<&str>, active| Medication {
        concept: concept("warfarin"),
        since: since.map(|day| day.parse().unwrap()),
        active,
        as_of: None,
        sources: Sources::default(),
    };
    let tell = |recorded: Medication, told: Medication| {
        let of = |one: Medication| Said {
            medications: vec![one].into(),
            ..Said::default()
        };
        let merged = take_in(&of(recorded), &of(told), &none(), now()).chart;
        let list = merged.medications.into_list().into_iter();
        list.map(|one| Medication { as_of: None, ..one }).collect::<Vec<_>>()
    };
    let day = Some("2019-01-01");
    assert_eq!(tell(warfarin(day, true), warfarin(None, true)), [warfarin(day, true)]);
    assert_eq!(tell(warfarin(day, true), warfarin(None, false)), [warfarin(day, false)]);
    assert_eq!(tell(warfarin(day, false), warfarin(None, true)).len(), 2);
    assert_eq!(tell(warfarin(None, true), warfarin(day, true)), [warfarin(day, true)]);
}

#[test]
fn an_allergy_is_as_critical_as_its_newest_state_says_that_says_it_in_whatever_order_two_states_are_told() {
    use Criticality::{High, Low};
    for source in [None, source(1)] {
        let latex = |criticality, day| Said {
            allergies: vec![Allergy {
                concept: concept("latex"),
                criticality,
                as_of: at(day),
                sources: source.into(),
            }]
            .into(),
            ..Said::default()
        };
        for (older, newer, expected) in [
            (Some(High), None, Some(High)),
            (Some(Low), None, Some(Low)),
            (None, Some(High), Some(High)),
            (Some(High), Some(Low), Some(Low)),
            (Some(Low), Some(High), Some(High)),
            (None, None, None),
        ] {
            let (older, newer) = (latex(older, 1), latex(newer, 2));
            for order in [[&older, &newer], [&newer, &older]] {
                let record = order.iter().fold(Said::default(), |record, told| {
                    take_in(&record, told, &none(), now()).chart
                });
                let all: Vec<_> = record.allergies.list().iter().map(|one| one.criticality).collect();
                assert_eq!(all, [expected], "{order:?}");
            }
        }
    }
}
