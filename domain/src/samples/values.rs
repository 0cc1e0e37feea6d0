//! Values that examples of events are made of.

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use crate::kernel::{CodeSystem, Coding, Concept, HumanName, Identifier, SourceId};

pub(crate) fn id(number: u128) -> Uuid {
    Uuid::from_u128(number << 120 | number)
}

pub(crate) fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(crate) fn text(text: &str) -> String {
    text.to_owned()
}

pub(crate) fn concept(system: CodeSystem, code: &str, display: &str) -> Concept {
    Concept {
        coding: Some(Coding {
            system,
            code: text(code),
        }),
        text: text(display),
    }
}

pub(crate) fn identifier(value: &str) -> Identifier {
    Identifier {
        system: text("urn:ietf:rfc:3986"),
        value: text(value),
    }
}

pub(crate) fn name(family: &str, given: &str, prefix: &[&str]) -> HumanName {
    HumanName {
        family: text(family),
        given: vec![text(given)],
        prefix: prefix.iter().map(|one| text(one)).collect(),
    }
}

pub(crate) fn source(server: Option<[u8; 4]>) -> SourceId {
    SourceId {
        server,
        patient: server.map(SourceId::of_patient),
        resource: *b"resource",
    }
}
