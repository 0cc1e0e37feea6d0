//! When a chapter of a record is full.

use application::log::StreamId;
use domain::kernel::{CommandId, PatientId};
use uuid::Uuid;

use crate::log::in_chapter;

/// A chapter that is to be closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Full {
    /// The record, by its first chapter.
    pub(super) record: StreamId,
    pub(super) patient: PatientId,
    pub(super) chapter: u16,
}

impl Full {
    /// The chapter in which a record ends at this version, if it has as many entries as a chapter should have.
    pub(super) fn of(record: StreamId, patient: PatientId, version: u64, chapter_entries: u64) -> Option<Self> {
        let (chapter, entries) = in_chapter(version);
        let is_full = entries >= chapter_entries && chapter < u16::MAX;
        is_full.then_some(Self {
            record,
            patient,
            chapter,
        })
    }

    /// The command that closes it: the same on every server, so that one closing is enough.
    pub(super) fn command(&self) -> CommandId {
        let name = format!("close chapter {}", self.chapter);
        CommandId::new(Uuid::new_v5(&self.patient.uuid(), name.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::in_record;

    #[test]
    fn a_chapter_is_full_that_has_as_many_entries_as_one_should_have_and_the_last_one_never_is() {
        let patient = PatientId::new(Uuid::from_u128(1));
        let full = |chapter, version| Full::of(StreamId([1; 32]), patient, in_record(chapter, version), 4);
        let closed = |chapter, version| full(chapter, version).map(|full| full.chapter);
        assert_eq!([closed(0, 3), closed(7, 3)], [None, None]);
        assert_eq!([closed(0, 4), closed(7, 9)], [Some(0), Some(7)]);
        assert_eq!(closed(u16::MAX, 9), None);
    }

    #[test]
    fn every_server_closes_a_chapter_with_the_same_command_and_each_with_another() {
        let command = |patient, chapter| {
            let patient = PatientId::new(Uuid::from_u128(patient));
            let full = Full::of(StreamId([1; 32]), patient, in_record(chapter, 4), 4);
            full.unwrap().command()
        };
        assert_eq!(command(1, 0), command(1, 0));
        assert_ne!(command(1, 0), command(1, 1));
        assert_ne!(command(1, 0), command(2, 0));
    }
}
