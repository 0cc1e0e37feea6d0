//! What the sealed sections say before they are packed.
//!
//! ```text
//! shared    schema:1  at:varint milliseconds  command id:16  [envelope, without a personal section]  event bytes
//! personal  envelope  event bytes
//! whole     schema:1  at:varint  command id:16  envelope  length of the shared event bytes:varint  these  the personal event bytes
//! envelope  flags:1  [account:16]  [correlation:16]  [cause:16]
//! ```
//! A whole section says in one what the two others say in two. The personal bytes of a booking begin with the patient, who is the subject of the key anyway: those 16 bytes are left out, and
//! a flag says so.

use application::log::{Actor, EventMetadata};
use chrono::{DateTime, Datelike as _};
use domain::kernel::{AccountId, CommandId, SubjectId};
use uuid::Uuid;

use super::varint;

/// The last year of a time.
const LAST_YEAR: i32 = 9999;

const ACCOUNT: u8 = 1;
const CORRELATION: u8 = 2;
const CAUSE: u8 = 4;
const SUBJECT: u8 = 8;

/// The shared section, read. The event bytes and, without a personal section, the envelope are still in `rest`.
pub(super) struct Shared<'a> {
    pub(super) schema: u8,
    /// Without a personal section, actor, correlation and cause are filled in by [`Envelope`].
    pub(super) metadata: EventMetadata,
    pub(super) rest: &'a [u8],
}

/// Who caused an event, and what it belongs to.
pub(super) struct Envelope {
    actor: Actor,
    correlation: Option<Uuid>,
    cause: Option<Uuid>,
    subject_left_out: bool,
}

impl Envelope {
    /// Completes the metadata.
    pub(super) const fn complete(&self, metadata: &mut EventMetadata) {
        metadata.actor = Some(self.actor);
        metadata.correlation = self.correlation;
        metadata.cause = self.cause;
    }
}

/// The shared section of an event that has a personal one.
pub(super) fn write_shared(schema: u8, metadata: &EventMetadata, event: &[u8]) -> Option<Vec<u8>> {
    let mut content = write_shared_start(schema, metadata, event.len())?;
    content.extend_from_slice(event);
    Some(content)
}

/// The shared section of an event that has no personal one.
pub(super) fn write_only(schema: u8, metadata: &EventMetadata, event: &[u8]) -> Option<Vec<u8>> {
    let mut content = write_shared_start(schema, metadata, event.len() + 49)?;
    write_envelope(&mut content, metadata, 0);
    content.extend_from_slice(event);
    Some(content)
}

/// The personal section.
pub(super) fn write_personal(metadata: &EventMetadata, subject: SubjectId, event: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(event.len() + 49);
    let (flag, event) = match event.strip_prefix(subject.uuid().as_bytes().as_slice()) {
        Some(rest) => (SUBJECT, rest),
        None => (0, event),
    };
    write_envelope(&mut content, metadata, flag);
    content.extend_from_slice(event);
    content
}

/// The whole section: an event that is under a person's key alone, of which these are the shared and the personal bytes.
pub(super) fn write_whole(schema: u8, metadata: &EventMetadata, event: &[u8], personal: &[u8]) -> Option<Vec<u8>> {
    let mut content = write_shared_start(schema, metadata, event.len() + personal.len() + 51)?;
    write_envelope(&mut content, metadata, 0);
    varint::put(&mut content, event.len() as u64);
    content.extend_from_slice(event);
    content.extend_from_slice(personal);
    Some(content)
}

/// `None` when the time is before 1970, which no clock of ours says.
fn write_shared_start(schema: u8, metadata: &EventMetadata, more: usize) -> Option<Vec<u8>> {
    let mut content = Vec::with_capacity(1 + 7 + 16 + more);
    content.push(schema);
    varint::put(&mut content, u64::try_from(metadata.at.timestamp_millis()).ok()?);
    content.extend_from_slice(metadata.command_id.uuid().as_bytes());
    Some(content)
}

fn write_envelope(content: &mut Vec<u8>, metadata: &EventMetadata, flags: u8) {
    let account = match metadata.actor {
        Some(Actor::Account(id)) => Some(id.uuid()),
        Some(Actor::System) | None => None,
    };
    let ids = [
        (ACCOUNT, account),
        (CORRELATION, metadata.correlation),
        (CAUSE, metadata.cause),
    ];
    content.push(
        ids.iter()
            .filter(|(_, id)| id.is_some())
            .fold(flags, |flags, (flag, _)| flags | flag),
    );
    for id in ids.iter().filter_map(|(_, id)| id.as_ref()) {
        content.extend_from_slice(id.as_bytes());
    }
}

/// Reads the start of a shared section. A time beyond the year 9999, which no text of ours can say (RFC 3339), is malformed.
pub(super) fn read_shared(content: &[u8]) -> Option<Shared<'_>> {
    let (&schema, mut rest) = content.split_first()?;
    let at = DateTime::from_timestamp_millis(varint::take(&mut rest)?.try_into().ok()?)?;
    let at = (at.year() <= LAST_YEAR).then_some(at)?;
    let command_id = CommandId::new(take_uuid(&mut rest)?);
    let metadata = EventMetadata {
        command_id,
        at,
        actor: None,
        correlation: None,
        cause: None,
    };
    Some(Shared { schema, metadata, rest })
}

/// Reads the envelope of an event that has one section off the front. What is in no personal section leaves nothing out.
pub(super) fn read_envelope(bytes: &mut &[u8]) -> Option<Envelope> {
    read_any_envelope(bytes).filter(|envelope| !envelope.subject_left_out)
}

/// Reads what follows the start of a whole section: the envelope, the event's shared bytes, and its personal ones.
pub(super) fn read_whole(mut content: &[u8]) -> Option<(Envelope, &[u8], &[u8])> {
    let envelope = read_envelope(&mut content)?;
    let length = varint::take_len(&mut content)?;
    let (shared, personal) = content.split_at_checked(length)?;
    Some((envelope, shared, personal))
}

fn read_any_envelope(bytes: &mut &[u8]) -> Option<Envelope> {
    let (&flags, rest) = bytes.split_first()?;
    *bytes = rest;
    let mut id = |flag| match flags & flag {
        0 => Some(None),
        _ => take_uuid(bytes).map(Some),
    };
    let (account, correlation, cause) = (id(ACCOUNT)?, id(CORRELATION)?, id(CAUSE)?);
    (flags & !(ACCOUNT | CORRELATION | CAUSE | SUBJECT) == 0).then_some(Envelope {
        actor: account.map_or(Actor::System, |id| Actor::Account(AccountId::new(id))),
        correlation,
        cause,
        subject_left_out: flags & SUBJECT != 0,
    })
}

/// Reads a personal section: the envelope, and the event's personal bytes with the subject put back.
pub(super) fn read_personal(mut content: &[u8], subject: SubjectId) -> Option<(Envelope, Vec<u8>)> {
    let envelope = read_any_envelope(&mut content)?;
    let mut event = Vec::with_capacity(content.len() + 16);
    if envelope.subject_left_out {
        event.extend_from_slice(subject.uuid().as_bytes());
    }
    event.extend_from_slice(content);
    Some((envelope, event))
}

fn take_uuid(bytes: &mut &[u8]) -> Option<Uuid> {
    let (id, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(Uuid::from_bytes(*id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_of_a_year_that_text_can_say() {
        let told_at = |millis: u64| {
            let mut content = vec![1];
            varint::put(&mut content, millis);
            content.extend([7; 16]);
            read_shared(&content).map(|shared| shared.metadata.at.to_rfc3339())
        };
        // The last millisecond of the year 9999, and the next.
        assert_eq!(told_at(253_402_300_799_999).unwrap(), "9999-12-31T23:59:59.999+00:00");
        for beyond in [253_402_300_800_000, u64::MAX] {
            assert_eq!(told_at(beyond), None);
        }
    }
}
