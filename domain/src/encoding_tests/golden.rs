//! Pins the bytes of every event. A change of these bytes makes the log unreadable, or needs a schema of its own with an
//! upcaster that reads what this file holds. Only ever add to the file, by a run with `UPDATE_GOLDEN=1`.

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

fn add_what_is_new() {
    let (known, today) = (
        std::fs::read_to_string(golden_file()).unwrap_or_default(),
        written_today(),
    );
    for line in known.lines() {
        assert!(
            today.lines().any(|new| new == line),
            "no event is written like this any more: {line}"
        );
    }
    std::fs::write(golden_file(), today).unwrap();
}

/// Reads the lines of one aggregate with the personal section and without.
fn read<E: ClinicEvent>(aggregate: &str, examples: &[E]) {
    let golden = std::fs::read_to_string(golden_file()).unwrap();
    let lines: Vec<Vec<&str>> = golden.lines().map(|line| line.split(' ').collect()).collect();
    let lines: Vec<_> = lines.iter().filter(|fields| fields[0] == aggregate).collect();
    assert_eq!(lines.len(), examples.len());
    for (fields, example) in lines.into_iter().zip(examples) {
        let (schema, shared) = (fields[2].parse().unwrap(), hex::decode(fields[3]).unwrap());
        let personal = (fields[4] != "-").then(|| hex::decode(fields[4]).unwrap());
        assert_eq!(E::decode(schema, &shared, personal.as_deref()).as_ref(), Ok(example));
        let sealed = E::decode(schema, &shared, None).unwrap();
        assert_eq!(
            (sealed == *example, sealed.event_type()),
            (personal.is_none(), example.event_type())
        );
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
    ($( $(#[$doc:meta])* $code:literal $name:ident: $Aggregate:ident { $($rest:tt)* } )*) => {
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
    let golden = std::fs::read_to_string(golden_file()).unwrap();
    for (golden, today) in golden.lines().zip(written_today().lines()) {
        assert_eq!(
            golden, today,
            "an encoding changed: it needs a new schema and an upcaster"
        );
    }
    assert_eq!(golden, written_today(), "an example is missing on one side");
}
