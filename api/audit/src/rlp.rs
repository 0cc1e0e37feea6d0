//! Lists of the recursive length prefix encoding, put together and taken apart by item.

use alloy_rlp::{Encodable, Header};

/// A list of items that are encoded already, one after another.
pub(crate) fn list(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len().saturating_add(9));
    Header {
        list: true,
        payload_length: payload.len(),
    }
    .encode(&mut out);
    out.extend_from_slice(payload);
    out
}

/// A list of these items.
pub(crate) fn list_of(items: &[&dyn Encodable]) -> Vec<u8> {
    let mut payload = Vec::new();
    for item in items {
        item.encode(&mut payload);
    }
    list(&payload)
}

/// The items of a list, each as it is encoded. `None` where it is no list, or more than one.
pub(crate) fn items(mut encoded: &[u8]) -> Option<Vec<&[u8]>> {
    let header = Header::decode(&mut encoded).ok()?;
    if !header.list || header.payload_length != encoded.len() {
        return None;
    }
    let mut items = Vec::new();
    while !encoded.is_empty() {
        let mut rest = encoded;
        let header = Header::decode(&mut rest).ok()?;
        let start = encoded.len().checked_sub(rest.len())?;
        // The header of a single byte is that byte.
        let end = start.checked_add(header.payload_length)?;
        let (item, rest) = encoded.split_at_checked(end)?;
        items.push(item);
        encoded = rest;
    }
    Some(items)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_list_is_taken_apart_as_it_was_put_together(strings in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..70), 0..6)) {
            let encoded: Vec<Vec<u8>> = strings.iter().map(|string| alloy_rlp::encode(string.as_slice())).collect();
            let whole = list(&encoded.concat());
            prop_assert_eq!(items(&whole), Some(encoded.iter().map(Vec::as_slice).collect::<Vec<_>>()));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = items(&bytes);
        }
    }
}
