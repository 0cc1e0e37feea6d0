//! What the owner of a namespace publishes about it: which formats of payloads and which epochs are used there from then on.
//!
//! ```text
//! profile  1:1  field ...
//! field    kind:1  length:varint  value
//!
//! kind 1   an epoch: number:varint  commitment:32
//! kind 2   a format: number:1, from 0 to 3
//! kind 3   where the organisation's server is: a URL, as UTF-8
//! ```
//!
//! Fields of other kinds are for later programs, and skipped. What does not have this form is no profile, and publishes nothing. The first epoch, number 0,
//! and the format 2 are used in every namespace from its opening on; the others follow each other without a gap.

use super::varint;
use crate::keys::{EpochCommitment, EpochNumber};

/// What a profile begins with.
const PROFILE: u8 = 1;

/// The kinds of fields.
const EPOCH: u8 = 1;
const PAYLOAD_FORMAT: u8 = 2;
const ENDPOINT: u8 = 3;

/// The largest format: it has two bits of a payload's first byte.
const MOST_FORMAT: u8 = 3;

/// A profile. What earlier ones of the namespace have published stays so.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Profile {
    /// Epochs that may be sealed under from then on, and what their secrets commit to.
    pub epochs: Vec<(EpochNumber, EpochCommitment)>,
    /// Formats of payloads that may be used from then on.
    pub formats: Vec<u8>,
    /// Where the organisation's server is.
    pub endpoint: Option<String>,
}

impl Profile {
    /// As it is published.
    pub fn write(&self) -> Vec<u8> {
        let mut out = vec![PROFILE];
        let mut field = |kind: u8, value: &[u8]| {
            out.push(kind);
            varint::put(&mut out, value.len() as u64);
            out.extend_from_slice(value);
        };
        for (number, commitment) in &self.epochs {
            let mut value = Vec::new();
            varint::put(&mut value, *number);
            value.extend_from_slice(commitment);
            field(EPOCH, &value);
        }
        for format in &self.formats {
            field(PAYLOAD_FORMAT, &[*format]);
        }
        if let Some(endpoint) = &self.endpoint {
            field(ENDPOINT, endpoint.as_bytes());
        }
        out
    }

    /// Reads one; `None` when it is none.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (&PROFILE, mut rest) = bytes.split_first()? else {
            return None;
        };
        let mut profile = Self::default();
        while let Some((kind, after)) = rest.split_first() {
            rest = after;
            let length = varint::take_len(&mut rest)?;
            let (value, after) = rest.split_at_checked(length)?;
            rest = after;
            match *kind {
                EPOCH => profile.epochs.push(read_epoch(value)?),
                PAYLOAD_FORMAT => {
                    let [format @ ..=MOST_FORMAT] = value else { return None };
                    profile.formats.push(*format);
                }
                ENDPOINT if profile.endpoint.is_none() => {
                    profile.endpoint = Some(std::str::from_utf8(value).ok()?.to_owned());
                }
                ENDPOINT => return None,
                _ => {}
            }
        }
        Some(profile)
    }
}

fn read_epoch(mut value: &[u8]) -> Option<(EpochNumber, EpochCommitment)> {
    let number = varint::take(&mut value)?;
    Some((number, value.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_profile_is_read_as_it_was_written_and_never_changes() {
        let profile = Profile {
            epochs: vec![(1, [7; 32]), (300, [8; 32])],
            formats: vec![2, 3],
            endpoint: Some("https://a.example".to_owned()),
        };
        let written = profile.write();
        let frozen = [
            "01".to_owned(),
            format!("0121{}{}", "01", "07".repeat(32)),
            format!("0122{}{}", "ac02", "08".repeat(32)),
            "020102020103".to_owned(),
            format!("0311{}", hex::encode("https://a.example")),
        ];
        assert_eq!(hex::encode(&written), frozen.concat());
        assert_eq!(Profile::read(&written), Some(profile));
        assert_eq!(Profile::read(&[1]), Some(Profile::default()));
    }

    #[test]
    fn what_later_programs_add_is_skipped() {
        let later = [Profile::default().write().as_slice(), &[9, 2, 1, 1], &[2, 1, 3]].concat();
        assert_eq!(Profile::read(&later).unwrap().formats, [3]);
    }

    #[test]
    fn what_has_another_form_publishes_nothing() {
        let epoch = |length: u8, rest: usize| [&[1, 1, length, 1][..], &vec![7; rest]].concat();
        for malformed in [
            vec![],
            vec![2],
            vec![1, 2],
            vec![1, 2, 1],
            vec![1, 2, 1, 4],
            vec![1, 2, 2, 2, 2],
            vec![1, 2, 0],
            vec![1, 3, 1, 0xff],
            vec![1, 3, 1, b'a', 3, 1, b'b'],
            vec![1, 9, 2, 1],
            epoch(33, 31),
            epoch(32, 31),
            epoch(34, 33),
        ] {
            assert_eq!(Profile::read(&malformed), None, "{malformed:?}");
        }
        assert!(Profile::read(&epoch(33, 32)).is_some());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Some(profile) = Profile::read(&bytes) {
                prop_assert_eq!(Profile::read(&profile.write()), Some(profile));
            }
        }
    }
}
