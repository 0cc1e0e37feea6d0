//! Pins the rows that the folds make of one example of every event: those whose bytes `domain/tests/golden/events.txt` pins.
//!
//! Where the same events give other rows, old read models must be made anew: [`ROWS`] is raised, and `tests/golden/rows.txt` is written again
//! by a run with `UPDATE_GOLDEN=1`, which refuses to do so under the old number.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use application::log::AnyEvent;
use domain::kernel::{AggregateRef, AggregateType, DataSubject, Parts};

use super::memory::{Memory, Pair, Sum, appointment, day, opened, patient, practitioner};
use crate::calendars::free_runs;
use crate::patients::{NameRow, names};
use crate::projector::ROWS;
use crate::relationships::RelationshipRow;
use crate::table::Row;
use crate::writes::Arguments;

/// What makes no row: what somebody is called stands in their details, and which account a wallet signs in to in the account; which chapter of a record is open
/// the follower knows.
const FOLDED_NOWHERE: [&str; 6] = [
    "chapters Closed",
    "claims Claimed",
    "claims Released",
    "erasure Erased",
    "treatment Agreed",
    "treatment Ended",
];

fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// An example of an event, and what it is called.
struct Example {
    name: String,
    event: AnyEvent,
}

/// An aggregate of this kind: the first patient's, where it is a patient's.
fn aggregate_called(kind: &str) -> AggregateRef {
    let kind = AggregateType::ALL.iter().find(|known| known.name() == kind).unwrap();
    let (patient, other) = (patient(0), practitioner(0).uuid());
    let own = if *kind == AggregateType::Patient {
        patient.uuid()
    } else {
        other
    };
    let parts = [
        Parts::Uuid(own),
        Parts::Day(other, day(0)),
        Parts::InRecord(patient, appointment(0).uuid()),
        Parts::Part(patient),
        Parts::OfSubject(DataSubject::Patient(patient)),
        Parts::Bucket(7),
    ];
    let mut all = parts.into_iter().map(|parts| AggregateRef::from_parts(*kind, parts));
    all.find_map(|of| of).unwrap()
}

/// What a line of the domain's file stands for: aggregate, type, schema, shared section, personal section.
fn example(line: &str) -> Example {
    let fields: Vec<&str> = line.split(' ').collect();
    let [aggregate, name, schema, shared, personal] = fields[..] else {
        panic!("not an example: {line}");
    };
    let shared = hex::decode(shared).unwrap();
    let personal = (personal != "-").then(|| hex::decode(personal).unwrap());
    let of = aggregate_called(aggregate);
    let event = AnyEvent::decode_of(of, schema.parse().unwrap(), &shared, personal.as_deref()).unwrap();
    Example {
        name: format!("{aggregate} {name}"),
        event,
    }
}

/// The examples by aggregate, in the order of the file.
fn examples() -> BTreeMap<String, Vec<Example>> {
    let text = std::fs::read_to_string(file("../domain/tests/golden/events.txt")).unwrap();
    let mut examples: BTreeMap<String, Vec<Example>> = BTreeMap::new();
    for example in text.lines().map(example) {
        let aggregate = example.name.split(' ').next().unwrap().to_owned();
        examples.entry(aggregate).or_default().push(example);
    }
    examples
}

/// How many of an aggregate's examples it takes until something is there that the others can change: a day is offered, and booked.
fn beginning(aggregate: &str) -> usize {
    if aggregate == "calendar" { 2 } else { 1 }
}

/// The rows after these events.
fn after(events: &[&Example]) -> Memory {
    let mut memory = Memory::default();
    for (position, example) in (1..).zip(events) {
        memory.apply(&[opened(position, position, example.event.clone())]);
    }
    memory
}

/// What stands in the database of some rows, or what readers see of that.
pub(super) fn lines<'r, R: Row + 'r>(rows: impl IntoIterator<Item = &'r R>, seen_only: bool, lines: &mut Vec<String>) {
    for row in rows {
        let mut arguments = Arguments::default();
        R::bind(&[row], &mut arguments);
        let columns = R::TABLE.columns.iter().zip(&arguments.shown);
        let columns = columns.filter(|(column, _)| !seen_only || column.seen.is_some());
        let columns: Vec<_> = columns
            .map(|(column, value)| format!("{}={}", column.name, value.trim_matches(['[', ']'])))
            .collect();
        lines.push(format!("  {}: {}", R::TABLE.name, columns.join(" ")));
    }
}

fn rows(memory: &Memory, seen_only: bool) -> Vec<String> {
    let mut all = Vec::new();
    memory.lines(seen_only, &mut all);
    lines(memory.calendars.values(), seen_only, &mut all);
    lines(memory.appointments.values(), seen_only, &mut all);
    lines(
        memory.accounts.values().map(|account| &account.row),
        seen_only,
        &mut all,
    );
    lines(
        memory.accounts.values().flat_map(|account| &account.keys),
        seen_only,
        &mut all,
    );
    lines(memory.grants.values(), seen_only, &mut all);
    lines(memory.reads.values(), seen_only, &mut all);
    lines(&derived_names(memory), seen_only, &mut all);
    let runs: Vec<_> = memory.runs.iter().copied().collect();
    lines(&free_runs::rows_of(&runs), seen_only, &mut all);
    lines(&derived_relationships(memory), seen_only, &mut all);
    all
}

fn derived_names(memory: &Memory) -> Vec<NameRow> {
    let patients = memory.patients.iter();
    let rows = patients.flat_map(|(id, row)| row.names().into_iter().map(|name| names::row_of(*id, &name)));
    rows.collect()
}

fn derived_relationships(memory: &Memory) -> Vec<RelationshipRow> {
    let sums = memory.relationships.iter();
    let row = |(&(patient, practitioner), &(since, latest, appointments)): (&Pair, &Sum)| RelationshipRow {
        patient,
        practitioner,
        since,
        latest,
        appointments,
    };
    sums.map(row).collect()
}

/// The number, and for each example the rows after it.
fn written_today() -> String {
    let mut all = format!("{ROWS}\n");
    for (aggregate, examples) in examples() {
        let beginning: Vec<_> = examples.iter().take(beginning(&aggregate)).collect();
        for (number, example) in examples.iter().enumerate() {
            let mut events = beginning[..beginning.len().min(number)].to_vec();
            events.push(example);
            all.push_str(&format!("{}\n", example.name));
            for row in rows(&after(&events), false) {
                all.push_str(&format!("{row}\n"));
            }
        }
    }
    all
}

/// Each example with the rows after it, which are indented.
fn blocks(written: &str) -> Vec<Vec<&str>> {
    let lines: Vec<&str> = written.lines().skip(1).collect();
    let blocks = lines.chunk_by(|_, next| next.starts_with(' '));
    blocks.map(<[&str]>::to_vec).collect()
}

#[test]
fn a_row_more_or_less_of_an_event_is_another_block() {
    let written = "rows 1\na Opened\n  t: 1\na Closed\n  t: 2\n  u: 3\n";
    assert_eq!(
        blocks(written),
        [vec!["a Opened", "  t: 1"], vec!["a Closed", "  t: 2", "  u: 3"]]
    );
}

#[test]
fn the_same_events_give_the_same_rows_or_the_number_of_the_rows_is_raised() {
    let golden = file("tests/golden/rows.txt");
    let known = std::fs::read_to_string(&golden).unwrap_or_default();
    let today = written_today();
    if std::env::var_os("UPDATE_GOLDEN").is_some() && known != today {
        let made = blocks(&today);
        let other = blocks(&known).into_iter().find(|block| !made.contains(block));
        assert!(
            other.is_none() || !known.starts_with(&format!("{ROWS}\n")),
            "this event makes other rows now, or none: raise ROWS in projector.rs first: {other:?}"
        );
        std::fs::write(golden, &today).unwrap();
        return;
    }
    for (known, today) in known.lines().zip(today.lines()) {
        assert_eq!(
            known, today,
            "a fold makes other rows: raise ROWS in projector.rs, then UPDATE_GOLDEN=1"
        );
    }
    assert_eq!(known, today, "an example is missing on one side: UPDATE_GOLDEN=1");
}

/// That is, in some state that examples lead to, an example of it changes what readers see.
#[test]
fn every_event_is_folded_somewhere() {
    let (mut folded, mut all) = (BTreeSet::new(), BTreeSet::new());
    for (aggregate, examples) in examples() {
        let beginning: Vec<_> = examples.iter().take(beginning(&aggregate)).collect();
        let mut states: Vec<Vec<&Example>> = (0..=beginning.len()).map(|some| beginning[..some].to_vec()).collect();
        states.extend(
            examples
                .iter()
                .map(|example| [beginning.as_slice(), &[example]].concat()),
        );
        for example in &examples {
            all.insert(example.name.clone());
            let changes = |state: &Vec<&Example>| {
                let then = [state.as_slice(), &[example]].concat();
                rows(&after(state), true) != rows(&after(&then), true)
            };
            if states.iter().any(changes) {
                folded.insert(example.name.clone());
            }
        }
    }
    let nowhere: Vec<_> = all.difference(&folded).collect();
    assert_eq!(nowhere, FOLDED_NOWHERE);
}
