//! Generates the values that events are made of.

use chrono::{DateTime, NaiveDate, Utc};
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use crate::kernel::{CodeSystem, Coding, Concept, Gender, HumanName, Identifier, Personal, SourceId, Sources};

pub(crate) fn texts() -> impl Strategy<Value = String> {
    "[a-zäß語 ]{0,6}"
}

pub(crate) fn text_lists() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(texts(), 0..3)
}

pub(crate) fn uuids() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

pub(crate) fn dates() -> impl Strategy<Value = NaiveDate> {
    prop_oneof![
        (-100_000..100_000).prop_map(|days| NaiveDate::from_epoch_days(days).unwrap()),
        select(vec![NaiveDate::MIN, NaiveDate::MAX])
    ]
}

pub(crate) fn seconds() -> impl Strategy<Value = DateTime<Utc>> {
    (-10_000_000_000..10_000_000_000_i64).prop_map(|seconds| DateTime::from_timestamp(seconds, 0).unwrap())
}

pub(crate) fn millis() -> impl Strategy<Value = DateTime<Utc>> {
    (-10_000_000_000_000..10_000_000_000_000_i64).prop_map(|millis| DateTime::from_timestamp_millis(millis).unwrap())
}

pub(crate) fn instants() -> impl Strategy<Value = DateTime<Utc>> {
    (-10_000_000_000..10_000_000_000_i64, 0..1_000_000_000_u32)
        .prop_map(|(seconds, nanos)| DateTime::from_timestamp(seconds, nanos).unwrap())
}

pub(crate) fn personal<T: std::fmt::Debug>(values: impl Strategy<Value = T>) -> impl Strategy<Value = Personal<T>> {
    prop::option::weighted(0.8, values).prop_map(|value| value.map_or(Personal::Sealed, Personal::Known))
}

pub(crate) fn concepts() -> impl Strategy<Value = Concept> {
    let systems = prop_oneof![
        select(vec![
            CodeSystem::Snomed,
            CodeSystem::Loinc,
            CodeSystem::RxNorm,
            CodeSystem::Icd10
        ]),
        texts().prop_map(CodeSystem::Other)
    ];
    let codings = (systems, texts()).prop_map(|(system, code)| Coding { system, code });
    (prop::option::of(codings), texts()).prop_map(|(coding, text)| Concept { coding, text })
}

pub(crate) fn names() -> impl Strategy<Value = HumanName> {
    (texts(), text_lists(), text_lists()).prop_map(|(family, given, prefix)| HumanName { family, given, prefix })
}

pub(crate) fn genders() -> impl Strategy<Value = Gender> {
    select(vec![Gender::Male, Gender::Female, Gender::Other, Gender::Unknown])
}

pub(crate) fn some_identifier() -> impl Strategy<Value = Identifier> {
    (texts(), texts()).prop_map(|(system, value)| Identifier { system, value })
}

pub(crate) fn identifiers() -> impl Strategy<Value = Option<Identifier>> {
    prop::option::of(some_identifier())
}

pub(crate) fn source() -> impl Strategy<Value = SourceId> {
    let source = (any::<bool>(), any::<bool>(), any::<[u8; 4]>(), any::<[u8; 8]>());
    source.prop_map(|(has_server, has_patient, digest, resource)| SourceId {
        server: has_server.then_some(SourceId::of_server(digest)),
        patient: has_patient.then_some(SourceId::of_patient(digest)),
        resource,
    })
}

pub(crate) fn sources() -> impl Strategy<Value = Option<SourceId>> {
    prop::option::of(source())
}

pub(crate) fn tellers() -> impl Strategy<Value = Sources> {
    prop::collection::vec(source(), 0..4).prop_map(Sources::new)
}
