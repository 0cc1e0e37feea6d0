//! Stream names: the identity of an aggregate, sealed into the 32 bytes of a stream id.
//!
//! A synthetic-IV encryption: `tag:11 = HMAC(k1, identity)`, `body:21 = identity XOR HMAC(k2, tag)`, both truncated, over
//! `type:1 uuid:16 day:4`. The same aggregate always gets the same name; who does not hold the keys learns nothing from a name, and a name
//! that was not made under them does not open.

use application::log::StreamId;
use chrono::NaiveDate;
use domain::kernel::{AggregateRef, AggregateType, Parts};
use ring::hmac;
use uuid::Uuid;

use crate::keys::MasterSecret;

const TAG: usize = 11;
const BODY: usize = 21;

/// The cipher of an organisation's stream names.
#[derive(Clone)]
pub struct StreamNames {
    tag: hmac::Key,
    mask: hmac::Key,
}

impl StreamNames {
    /// Under an organisation's secret.
    pub fn new(secret: &MasterSecret) -> Self {
        let (tag, mask) = secret.stream_naming();
        Self { tag, mask }
    }

    /// The stream that an aggregate stands in.
    pub fn seal(&self, aggregate: &AggregateRef) -> StreamId {
        let identity = write_identity(&aggregate.stream());
        let tag = self.tag_of(&identity);
        let mut name = [0; TAG + BODY];
        let (name_tag, name_body) = name.split_at_mut(TAG);
        name_tag.copy_from_slice(&tag);
        name_body.copy_from_slice(&self.masked(&tag, identity));
        StreamId(name)
    }

    /// The aggregate after which a stream is named; `None` when the stream is not the organisation's.
    pub fn open(&self, stream: &StreamId) -> Option<AggregateRef> {
        let (tag, body) = stream.0.split_first_chunk::<TAG>()?;
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
        truncated(&hmac::sign(&self.tag, identity))
    }

    fn masked(&self, tag: &[u8; TAG], mut body: [u8; BODY]) -> [u8; BODY] {
        let mask: [u8; BODY] = truncated(&hmac::sign(&self.mask, tag));
        body.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
        body
    }
}

impl std::fmt::Debug for StreamNames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StreamNames")
    }
}

fn truncated<const N: usize>(tag: &hmac::Tag) -> [u8; N] {
    let mut out = [0; N];
    out.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
    out
}

/// Of an aggregate after which a stream is named: none in a patient's record is.
fn write_identity(stream: &AggregateRef) -> [u8; BODY] {
    let mut identity = [stream.aggregate_type().code(); BODY];
    let (_, rest) = identity.split_at_mut(1);
    let (id, day) = rest.split_at_mut(16);
    let days = match stream.parts() {
        Parts::Day(_, day) => day.to_epoch_days(),
        Parts::Uuid(_) | Parts::InRecord(..) | Parts::Part(_) => 0,
    };
    id.copy_from_slice(stream.uuid().as_bytes());
    day.copy_from_slice(&days.to_be_bytes());
    identity
}

fn read_identity(identity: &[u8; BODY]) -> Option<AggregateRef> {
    let (kind, rest) = identity.split_first()?;
    let (id, days) = rest.split_first_chunk::<16>()?;
    let (kind, id) = (AggregateType::from_code(*kind)?, Uuid::from_bytes(*id));
    let days = i32::from_be_bytes(days.try_into().ok()?);
    let named = AggregateRef::from_parts(kind, Parts::Uuid(id)).filter(|_| days == 0);
    named.or_else(|| AggregateRef::from_parts(kind, Parts::Day(id, NaiveDate::from_epoch_days(days)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::kernel::{AccountId, CalendarId, EncounterId, PatientId, PractitionerId, WalletId};
    use proptest::prelude::*;

    fn names(secret: u8) -> StreamNames {
        StreamNames::new(&MasterSecret::new([secret; 32]))
    }

    fn aggregates() -> impl Strategy<Value = AggregateRef> {
        (any::<u128>(), -200_000..200_000_i32, 0..5_u8).prop_map(|(id, day, kind)| {
            let id = Uuid::from_u128(id);
            match kind {
                0 => PatientId::new(id).into(),
                1 => PractitionerId::new(id).into(),
                2 => AccountId::new(id).into(),
                3 => WalletId::new(id).into(),
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
            prop_assert_eq!(names(1).open(&names(1).seal(&aggregate)), Some(aggregate));
            prop_assert_eq!(names(2).open(&names(1).seal(&aggregate)), None);
        }

        #[test]
        fn what_stands_in_a_record_has_the_name_of_its_patient(patient in any::<u128>(), id in any::<u128>()) {
            let (patient, id) = (PatientId::new(Uuid::from_u128(patient)), Uuid::from_u128(id));
            let encounter = EncounterId { patient, id };
            prop_assert_eq!(names(1).seal(&encounter.into()), names(1).seal(&patient.into()));
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
    fn names_never_change() {
        // Computed apart from this program. They stand on chains.
        let id = Uuid::from_u128(7);
        let day = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
        for (aggregate, name) in [
            (
                PatientId::new(id).into(),
                "568e390a709559d6147050deba1f0fa4595f14dd989155cfa0ddee331d9bf008",
            ),
            (
                CalendarId { owner: id, day }.into(),
                "140991bf703de6dee2917a13d1173dc5103c1440f72e4bf237530a9937d04edb",
            ),
        ] {
            assert_eq!(hex::encode(names(0x42).seal(&aggregate).0), name);
        }
    }
}
