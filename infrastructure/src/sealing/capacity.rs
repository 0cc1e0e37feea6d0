//! How much an event may hold, told before it is sealed.

use domain::kernel::EncodedEvent;

use super::{MAX_CONTENT, MAX_PAYLOAD, packing};

/// What goes with the bytes of an event, at most: the header, who acted and why, two tags, the padding.
const BESIDE: usize = 1024;

/// Whether an event can be sealed that has so many bytes more than this one, packed or not.
pub fn fits(event: &EncodedEvent, more: usize) -> bool {
    let personal = event.personal.as_deref().unwrap_or_default();
    let more = more.saturating_add(BESIDE);
    let unpacked = event.shared.len().saturating_add(personal.len()).saturating_add(more);
    // What is packed is hardly ever larger, and never by as much as this.
    if unpacked.saturating_mul(2) <= MAX_PAYLOAD {
        return true;
    }
    let packed = |bytes: &[u8]| packing::pack_last(bytes).1.len();
    let in_all = || {
        packed(&event.shared)
            .saturating_add(packed(personal))
            .saturating_add(more)
    };
    unpacked <= MAX_CONTENT && in_all() <= MAX_PAYLOAD
}
