//! Samples of the events for the tests of their encoding: one of each variant, and any.

use proptest::prelude::*;

use super::ChaptersEvent;

/// Every event of a record's chapters.
pub(crate) fn examples() -> Vec<ChaptersEvent> {
    vec![ChaptersEvent::Closed]
}

/// Any event.
pub(crate) fn strategy() -> impl Strategy<Value = ChaptersEvent> {
    Just(ChaptersEvent::Closed)
}
