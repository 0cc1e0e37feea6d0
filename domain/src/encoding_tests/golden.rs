//! Pins the bytes of every event. A change of these bytes makes the log unreadable, or needs a schema of its own with an
//! upcaster that reads what this file holds. Only ever add to the file, by a run with `UPDATE_GOLDEN=1`: what was written in former
//! schemas stays, before what its aggregate writes today.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use crate::kernel::{ClinicEvent, DecodeError, Seal};

fn golden_file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/events.txt")
}

/// One line for each example: aggregate, type, schema, shared section, personal section.
fn lines<E: ClinicEvent>(aggregate: &str, events: &[E]) -> String {
    events.iter().fold(String::new(), |mut lines, event| {
        let encoded = event.encode().unwrap();
        let personal = encoded.personal.map_or("-".to_owned(), hex::encode);
        let (name, shared) = (event.event_type(), hex::encode(encoded.shared));
        writeln!(lines, "{aggregate} {name} {} {shared} {personal}", encoded.schema).unwrap();
        lines
    })
}

/// Whether a line is of a schema in which its aggregate writes no more.
fn is_former(line: &str) -> bool {
    let fields: Vec<&str> = line.split(' ').collect();
    fields[2].parse::<u8>().unwrap() < newest(fields[0])
}

/// The file's lines in former schemas, and those in today's.
fn golden() -> (String, String) {
    let golden = std::fs::read_to_string(golden_file()).unwrap_or_default();
    golden.split_inclusive('\n').partition(|line| is_former(line))
}

fn add_what_is_new() {
    let ((former, known), today) = (golden(), written_today());
    for line in known.lines() {
        assert!(
            today.lines().any(|new| new == line),
            "no event is written like this any more: {line}"
        );
    }
    let aggregate_of = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let mut all = String::new();
    let mut aggregates = BTreeSet::new();
    for line in today.split_inclusive('\n') {
        let of = aggregate_of(line);
        if aggregates.insert(of.clone()) {
            all.extend(former.split_inclusive('\n').filter(|line| aggregate_of(line) == of));
        }
        all.push_str(line);
    }
    // Other tests read it meanwhile.
    let new = golden_file().with_extension("new");
    std::fs::write(&new, all).unwrap();
    std::fs::rename(new, golden_file()).unwrap();
}

/// Reads the lines of one aggregate with the personal section and without.
fn read<E: ClinicEvent>(aggregate: &str, examples: &[E]) {
    let (former, today) = golden();
    let of = |lines: &str| -> Vec<(String, E, E, bool)> {
        let of_aggregate = lines.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let of_aggregate = of_aggregate.filter(|fields| fields[0] == aggregate);
        let read = |fields: Vec<&str>| {
            let (schema, shared) = (fields[2].parse().unwrap(), hex::decode(fields[3]).unwrap());
            let personal = (fields[4] != "-").then(|| hex::decode(fields[4]).unwrap());
            let opened = E::decode(schema, &shared, personal.as_deref()).unwrap();
            let sealed = E::decode(schema, &shared, None).unwrap();
            (fields[1].to_owned(), opened, sealed, personal.is_some())
        };
        of_aggregate.map(read).collect()
    };
    let today = of(&today);
    assert_eq!(today.len(), examples.len());
    assert!(today.iter().map(|(_, opened, ..)| opened).eq(examples));
    for (name, opened, sealed, is_personal) in of(&former).into_iter().chain(today) {
        assert_eq!((opened.event_type(), sealed.event_type()), (name.clone(), name));
        assert_eq!(sealed != opened, is_personal);
    }
}

/// The examples' variants count up from 0, and the next one does not exist.
fn stand_for_every_variant<E: ClinicEvent>(examples: &[E]) {
    let variants: BTreeSet<u8> = examples.iter().map(|event| event.encode().unwrap().shared[0]).collect();
    let next = u8::try_from(variants.len()).unwrap();
    assert!(variants.into_iter().eq(0..next));
    let unknown = E::decode(E::SCHEMA, &[next], None);
    let cause = postcard::Error::SerdeDeCustom;
    assert_eq!(
        unknown,
        Err(DecodeError::Malformed {
            schema: E::SCHEMA,
            cause
        }),
        "variant {next} has no example"
    );
}

/// What the table says is sealed under the namespace's key alone has no personal section, and only that.
fn are_sealed_as_the_table_says<E: ClinicEvent>(examples: &[E]) {
    let mut with_section = BTreeSet::new();
    for event in examples {
        let (name, personal) = (event.event_type(), event.encode().unwrap().personal);
        match event.seal() {
            Seal::Namespace => assert_eq!(personal, None, "{name}"),
            Seal::Beside(_) | Seal::Within(_) if personal.is_some() => {
                with_section.insert(name);
            }
            // A field that may be personal is not in every event.
            Seal::Beside(_) => {}
            Seal::Within(_) => panic!("{name} has no personal section"),
        }
    }
    for event in examples.iter().filter(|event| event.seal() != Seal::Namespace) {
        let name = event.event_type();
        assert!(with_section.contains(&name), "no example of {name} is personal");
    }
}

macro_rules! tests {
    ($( $(#[$doc:meta])* $code:literal $name:ident: $Aggregate:ident {
        id: $kind:ident $Id:ident, events: $Event:ident $($rest:tt)*
    } )*) => {
        /// The schema in which an aggregate writes today.
        fn newest(aggregate: &str) -> u8 {
            match aggregate {
                $( stringify!($name) => crate::$name::$Event::SCHEMA, )*
                _ => panic!("no such aggregate: {aggregate}"),
            }
        }

        fn written_today() -> String {
            [$( lines(stringify!($name), &crate::$name::samples::examples()) ),*].concat()
        }

        #[test]
        fn events_that_were_ever_written_are_read() {
            $( read(stringify!($name), &crate::$name::samples::examples()); )*
        }

        #[test]
        fn an_example_stands_for_every_variant() {
            $( stand_for_every_variant(&crate::$name::samples::examples()); )*
        }

        #[test]
        fn events_are_sealed_as_the_table_says() {
            $( are_sealed_as_the_table_says(&crate::$name::samples::examples()); )*
        }
    };
}

aggregates!(tests);

#[test]
fn events_are_written_as_they_always_were() {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        add_what_is_new();
    }
    let (_, golden) = golden();
    for (golden, today) in golden.lines().zip(written_today().lines()) {
        assert_eq!(
            golden, today,
            "an encoding changed: it needs a new schema and an upcaster"
        );
    }
    assert_eq!(golden, written_today(), "an example is missing on one side");
}
