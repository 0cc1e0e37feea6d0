//! Stream names: the identity of an aggregate, sealed into the 28 bytes that follow the namespace in a stream id.
//!
//! `namespace:4 || tag:9 || body:19`, a synthetic-IV encryption: `tag = HMAC(k1, namespace || identity)`,
//! `body = identity XOR HMAC(k2, namespace || tag)`, both truncated, over `type:1 uuid:16 number:2`. The number of a calendar is its
//! day, in days since 1970; that of a patient's record is the chapter, from 0; a bucket of claims has its number and no UUID; of all else the
//! number is 0. The same aggregate always gets the same name; who does not hold the keys learns nothing from a name, nor which chapters are of
//! one record, and a name that was not made under them, for this namespace, does not open.

use std::collections::BTreeMap;
use std::sync::Arc;

use application::log::StreamId;
use chrono::NaiveDate;
use domain::kernel::{AggregateRef, AggregateType, Parts};
use ring::hmac;
use uuid::Uuid;

use crate::keys::{LogSecrets, MasterSecret};
use crate::log::Namespace;

const NAMESPACE: usize = 4;
const TAG: usize = 9;
const BODY: usize = 19;

/// After what a stream is named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StreamName {
    /// The aggregate: for a record its patient.
    pub aggregate: AggregateRef,
    /// Which chapter of the record it is, from 0; 0 for what is no record.
    pub chapter: u16,
}

/// The names of the streams in which an organisation writes: in its own namespace, and in those that it shares. Clones are cheap.
#[derive(Clone)]
pub struct StreamNames {
    own: Arc<Cipher>,
    shared: Arc<BTreeMap<Namespace, Cipher>>,
}

/// The cipher of stream names in a namespace.
struct Cipher {
    namespace: [u8; NAMESPACE],
    tag: hmac::Key,
    mask: hmac::Key,
}

impl StreamNames {
    /// Under an organisation's secrets.
    pub fn new(secrets: impl Into<LogSecrets>, namespace: Namespace) -> Self {
        let secrets = secrets.into();
        let shared = secrets.shared_secrets().iter();
        let shared = shared.map(|(namespace, secret)| (*namespace, Cipher::new(&secret.first, *namespace)));
        Self {
            own: Arc::new(Cipher::new(secrets.own(), namespace)),
            shared: Arc::new(shared.collect()),
        }
    }

    /// The stream that an aggregate stands in: of a record the first chapter, by which all of it goes.
    pub fn seal(&self, aggregate: &AggregateRef) -> StreamId {
        self.seal_chapter(aggregate, 0)
    }

    /// A chapter of the record that an aggregate stands in. What stands in no record has no chapters. What is shared in a namespace whose secret is not here has no
    /// stream either: the one that is named is nobody's, and nothing can be sealed for it.
    pub fn seal_chapter(&self, aggregate: &AggregateRef, chapter: u16) -> StreamId {
        let Some(namespace) = aggregate.shared_in().map(Namespace) else {
            return self.own.seal(aggregate, chapter);
        };
        let shared = self.shared.get(&namespace);
        shared.map_or_else(|| namespace.stream(&[]), |cipher| cipher.seal(aggregate, chapter))
    }

    /// A chapter of a record that goes by its first one. Any other stream has none.
    pub fn chapter(&self, record: &StreamId, chapter: u16) -> StreamId {
        let name = self.open(record).filter(|_| chapter > 0);
        name.map_or(*record, |name| self.seal_chapter(&name.aggregate, chapter))
    }

    /// The first chapter of the record that a stream is a chapter of, and which it is. Any other stream is its own.
    pub fn record(&self, stream: &StreamId) -> (StreamId, u16) {
        match self.open(stream) {
            Some(StreamName { aggregate, chapter }) if chapter > 0 => (self.seal(&aggregate), chapter),
            _ => (*stream, 0),
        }
    }

    /// After what a stream is named; `None` when the stream is none of the organisation's, nor one that it shares.
    pub fn open(&self, stream: &StreamId) -> Option<StreamName> {
        let namespace = Namespace::of(stream);
        let shared = self.shared.get(&namespace);
        let name = shared.unwrap_or(&self.own).open(stream)?;
        let is_there = name.aggregate.shared_in().map(Namespace) == shared.map(|_| namespace);
        is_there.then_some(name)
    }
}

impl Cipher {
    fn new(secret: &MasterSecret, namespace: Namespace) -> Self {
        let (tag, mask) = secret.stream_naming();
        let namespace = namespace.0.to_be_bytes();
        Self { namespace, tag, mask }
    }

    fn seal(&self, aggregate: &AggregateRef, chapter: u16) -> StreamId {
        let identity = write_identity(&aggregate.stream(), chapter);
        let tag = self.tag_of(&identity);
        let body = self.masked(&tag, identity);
        let mut name = [0; NAMESPACE + TAG + BODY];
        let parts = self.namespace.iter().chain(&tag).chain(&body);
        name.iter_mut().zip(parts).for_each(|(to, from)| *to = *from);
        StreamId(name)
    }

    fn open(&self, stream: &StreamId) -> Option<StreamName> {
        let (namespace, name) = stream.0.split_first_chunk::<NAMESPACE>()?;
        if *namespace != self.namespace {
            return None;
        }
        let (tag, body) = name.split_first_chunk::<TAG>()?;
        let identity = self.masked(tag, <[u8; BODY]>::try_from(body).ok()?);
        // Without a branch per byte: how long the answer takes says nothing about how much of a forged tag is right.
        let difference = self
            .tag_of(&identity)
            .iter()
            .zip(tag)
            .fold(0, |sum, (a, b)| sum | (a ^ b));
        (difference == 0).then(|| read_identity(&identity)).flatten()
    }

    fn tag_of(&self, identity: &[u8; BODY]) -> [u8; TAG] {
        truncated(&signed(&self.tag, &[&self.namespace, identity]))
    }

    fn masked(&self, tag: &[u8; TAG], mut body: [u8; BODY]) -> [u8; BODY] {
        let mask: [u8; BODY] = truncated(&signed(&self.mask, &[&self.namespace, tag]));
        body.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
        body
    }
}

impl std::fmt::Debug for StreamNames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StreamNames")
    }
}

fn signed(key: &hmac::Key, parts: &[&[u8]]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    parts.iter().for_each(|part| context.update(part));
    context.sign()
}

fn truncated<const N: usize>(tag: &hmac::Tag) -> [u8; N] {
    let mut out = [0; N];
    out.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
    out
}

/// Of an aggregate after which a stream is named: none in a patient's record is. Days for which there is no number, before 1970 and after 2149,
/// share the stream of the first or last that has one: on none of them is anything ever offered.
fn write_identity(stream: &AggregateRef, chapter: u16) -> [u8; BODY] {
    let mut identity = [stream.aggregate_type().code(); BODY];
    let (_, rest) = identity.split_at_mut(1);
    let (id, number) = rest.split_at_mut(16);
    let its_number = match stream.parts() {
        Parts::Day(_, day) => u16::try_from(day.to_epoch_days().clamp(0, u16::MAX.into())).unwrap_or_default(),
        Parts::Bucket(bucket) => bucket.into(),
        Parts::Uuid(_) if stream.whose_record().is_some() => chapter,
        Parts::Uuid(_) | Parts::InRecord(..) | Parts::Part(_) | Parts::OfSubject(_) => 0,
    };
    id.copy_from_slice(stream.uuid().as_bytes());
    number.copy_from_slice(&its_number.to_be_bytes());
    identity
}

fn read_identity(identity: &[u8; BODY]) -> Option<StreamName> {
    let (kind, rest) = identity.split_first()?;
    let (id, number) = rest.split_first_chunk::<16>()?;
    let (kind, id) = (AggregateType::from_code(*kind)?, Uuid::from_bytes(*id));
    let number = u16::from_be_bytes(number.try_into().ok()?);
    let named = AggregateRef::from_parts(kind, Parts::Uuid(id));
    if let Some(aggregate) = named.filter(|of| number == 0 || of.whose_record().is_some()) {
        let chapter = number;
        return Some(StreamName { aggregate, chapter });
    }
    let bucket = || AggregateRef::from_parts(kind, Parts::Bucket(number.try_into().ok()?)).filter(|_| id.is_nil());
    let of_a_day = || AggregateRef::from_parts(kind, Parts::Day(id, NaiveDate::from_epoch_days(number.into())?));
    let aggregate = bucket().or_else(of_a_day)?;
    Some(StreamName { aggregate, chapter: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::kernel::{AccountId, CalendarId, ClaimsId, EncounterId, PatientId, PractitionerId};
    use proptest::prelude::*;

    const NAMESPACE: Namespace = Namespace(7);

    fn names(secret: u8) -> StreamNames {
        StreamNames::new(MasterSecret::new([secret; 32]), NAMESPACE)
    }

    fn aggregates() -> impl Strategy<Value = AggregateRef> {
        (any::<u128>(), 0..=i32::from(u16::MAX), 0..5_u8).prop_map(|(id, day, kind)| {
            let id = Uuid::from_u128(id);
            match kind {
                0 => PatientId::new(id).into(),
                1 => PractitionerId::new(id).into(),
                2 => AccountId::new(id).into(),
                3 => ClaimsId(id.as_bytes()[15]).into(),
                _ => CalendarId {
                    owner: id,
                    day: NaiveDate::from_epoch_days(day).unwrap(),
                }
                .into(),
            }
        })
    }

    proptest! {
        #[test]
        fn the_aggregate_reads_back_from_its_name(aggregate in aggregates()) {
            let named = StreamName { aggregate, chapter: 0 };
            prop_assert_eq!(names(1).open(&names(1).seal(&aggregate)), Some(named));
            prop_assert_eq!(names(2).open(&names(1).seal(&aggregate)), None);
            prop_assert_eq!(Namespace::of(&names(1).seal(&aggregate)), NAMESPACE);
            let elsewhere = StreamNames::new(MasterSecret::new([1; 32]), Namespace(8));
            prop_assert_eq!(elsewhere.open(&names(1).seal(&aggregate)), None);
        }

        #[test]
        fn what_stands_in_a_record_has_the_name_of_its_patient(patient in any::<u128>(), id in any::<u128>()) {
            let (patient, id) = (PatientId::new(Uuid::from_u128(patient)), Uuid::from_u128(id));
            let encounter = EncounterId { patient, id };
            prop_assert_eq!(names(1).seal(&encounter.into()), names(1).seal(&patient.into()));
        }

        #[test]
        fn a_record_has_chapters_and_nothing_else_has(aggregate in aggregates(), chapter in any::<u16>()) {
            let stream = names(1).seal_chapter(&aggregate, chapter);
            let first = names(1).seal(&aggregate);
            let is_record = aggregate.whose_record().is_some();
            let chapter = if is_record { chapter } else { 0 };
            prop_assert_eq!(names(1).open(&stream), Some(StreamName { aggregate, chapter }));
            prop_assert_eq!(names(1).record(&stream), (first, chapter));
            prop_assert_eq!(names(1).chapter(&first, chapter), stream);
            prop_assert_eq!(stream == first, chapter == 0);
        }

        #[test]
        fn an_altered_name_is_not_ours(aggregate in aggregates(), at in 0..32_usize, bit in 0..8_u8) {
            let mut name = names(1).seal(&aggregate);
            name.0[at] ^= 1 << bit;
            prop_assert_eq!(names(1).open(&name), None);
        }

        #[test]
        fn any_other_name_is_not_ours(name in any::<[u8; 32]>()) {
            prop_assert_eq!(names(1).open(&StreamId(name)), None);
        }
    }

    #[test]
    fn who_shares_a_calendar_comes_to_the_same_name_and_nobody_else_does() {
        const SHARED: Namespace = Namespace(9);
        let member = |own: u8, shared: u8| {
            let secrets = LogSecrets::new(MasterSecret::new([own; 32]));
            StreamNames::new(
                secrets.sharing(SHARED, MasterSecret::new([shared; 32]), Vec::new()),
                NAMESPACE,
            )
        };
        let doctor = PractitionerId::new(Uuid::from_u128(7)).sharing_days_in(SHARED.0);
        let day = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
        let calendar = AggregateRef::from(CalendarId::of(doctor, day));
        let stream = member(1, 5).seal(&calendar);
        assert_eq!(Namespace::of(&stream), SHARED);
        assert_eq!(stream, member(2, 5).seal(&calendar));
        let named = StreamName {
            aggregate: calendar,
            chapter: 0,
        };
        assert_eq!(member(2, 5).open(&stream), Some(named));
        assert_eq!(member(1, 6).open(&stream), None);
        assert_eq!(names(1).open(&stream), None);
        // Without the secret it has no stream, in whatever namespace.
        assert_eq!(names(1).seal(&calendar), SHARED.stream(&[]));
        assert_eq!(names(1).open(&names(1).seal(&calendar)), None);
        // The doctor's own entry is the organisation's own.
        assert_eq!(Namespace::of(&member(1, 5).seal(&doctor.into())), NAMESPACE);
        assert_ne!(member(1, 5).seal(&doctor.into()), member(2, 5).seal(&doctor.into()));
    }

    #[test]
    fn nothing_but_its_calendars_has_a_name_in_a_shared_namespace() {
        const SHARED: Namespace = Namespace(9);
        let secret = MasterSecret::new([5; 32]);
        let secrets = LogSecrets::from(MasterSecret::new([1; 32])).sharing(SHARED, secret.clone(), Vec::new());
        let (names, theirs) = (StreamNames::new(secrets, NAMESPACE), Cipher::new(&secret, SHARED));
        let day = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
        let doctor = PractitionerId::new(Uuid::from_u128(7));
        for of in [
            PatientId::new(Uuid::from_u128(7)).into(),
            AggregateRef::from(doctor.sharing_days_in(SHARED.0)),
            CalendarId::of(doctor, day).into(),
            CalendarId::of(doctor.sharing_days_in(10), day).into(),
            ClaimsId(3).into(),
        ] {
            assert_eq!(names.open(&theirs.seal(&of, 0)), None, "{of}");
        }
        let ours = Cipher::new(&MasterSecret::new([1; 32]), NAMESPACE);
        let shared = CalendarId::of(doctor.sharing_days_in(SHARED.0), day).into();
        assert!(names.open(&theirs.seal(&shared, 0)).is_some());
        assert_eq!(names.open(&ours.seal(&shared, 0)), None);
    }

    #[test]
    fn days_without_a_number_share_a_stream() {
        let on = |year| {
            let day = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
            names(1).seal(
                &CalendarId {
                    owner: Uuid::from_u128(7),
                    day,
                }
                .into(),
            )
        };
        assert_eq!(on(1950), on(1970));
        assert_eq!(on(2200), on(2150));
        assert_ne!(on(1971), on(1970));
    }

    #[test]
    fn names_never_change() {
        // Computed apart from this program. They stand on chains.
        let id = Uuid::from_u128(7);
        let day = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
        for (aggregate, name) in [
            (
                PatientId::new(id).into(),
                "0000000794f867fe7859e8db7c22dff68ff32d277b7df578d9f657cf4e3c6c95",
            ),
            (
                ClaimsId(36).into(),
                "000000079e4b0ce054b16dcf9742956c772bf73913d4d6cafca6e54a8c7a071c",
            ),
            (
                CalendarId { owner: id, day }.into(),
                "00000007175c03ad03d8a9eda039d22cf6a98ff3df5f5a8c3dbd68fab9e07c83",
            ),
        ] {
            assert_eq!(hex::encode(names(0x42).seal(&aggregate).0), name);
        }
    }
}
