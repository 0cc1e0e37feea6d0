//! Stream names: the identity of an aggregate, sealed into the 32 bytes of a stream id.
//!
//! A synthetic-IV encryption: `tag:11 = HMAC(k1, identity)`, `body:21 = identity XOR HMAC(k2, tag)`, both truncated, over
//! `type:1 uuid:16 day:4`. The same aggregate always gets the same name; who does not hold the keys learns nothing from a name, and a name
//! that was not made under them does not open.

use application::log::StreamId;
use chrono::NaiveDate;
use domain::kernel::{AggregateRef, AggregateType};
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

    /// The aggregate of a stream; `None` when the stream is not the organisation's.
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

fn write_identity(aggregate: &AggregateRef) -> [u8; BODY] {
    let mut identity = [aggregate.aggregate_type().code(); BODY];
    let (_, rest) = identity.split_at_mut(1);
    let (id, day) = rest.split_at_mut(16);
    let (uuid, of_day) = aggregate.parts();
    id.copy_from_slice(uuid.as_bytes());
    day.copy_from_slice(&of_day.map_or(0, |day| day.to_epoch_days()).to_be_bytes());
    identity
}

fn read_identity(identity: &[u8; BODY]) -> Option<AggregateRef> {
    let (kind, rest) = identity.split_first()?;
    let (id, day) = rest.split_first_chunk::<16>()?;
    let kind = AggregateType::from_code(*kind)?;
    let day = i32::from_be_bytes(day.try_into().ok()?);
    let day = match kind {
        AggregateType::Calendar => Some(NaiveDate::from_epoch_days(day)?),
        _ if day == 0 => None,
        _ => return None,
    };
    AggregateRef::from_parts(kind, Uuid::from_bytes(*id), day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::kernel::{AccountId, CalendarId, PatientId, PractitionerId, WalletId};
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
