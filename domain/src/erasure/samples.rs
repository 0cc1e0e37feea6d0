//! Samples of the events for the tests of their encoding: one of each variant, and any.

use proptest::prelude::*;

use super::ErasureEvent;

/// Every event of an erasure.
pub(crate) fn examples() -> Vec<ErasureEvent> {
    vec![ErasureEvent::Erased {
        keys: vec![[0x6b; 8], [0x6c; 8]],
    }]
}

/// Any event.
pub(crate) fn strategy() -> impl Strategy<Value = ErasureEvent> {
    prop::collection::vec(any::<[u8; 8]>(), 0..4).prop_map(|keys| ErasureEvent::Erased { keys })
}
