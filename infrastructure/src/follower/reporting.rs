//! What the follower tells: in its status, and to the rest of the process.

use std::collections::HashSet;

use application::log::Position;
use application::ports::Progress;
use application::ports::projector::Projector;
use application::trouble::Trouble;
use sqlx::PgConnection;

use super::FollowerError;
use super::checkpoint::FinalPoint;
use super::opening::{JournalRow, OpenedBlock};
use super::runner::{Follower, Place};
use crate::notices::{AppliedEvent, EntryState, Notice};

impl<P> Follower<P>
where
    P: Projector<Connection = PgConnection>,
{
    pub(super) fn tell(&self, error: &FollowerError) {
        let trouble = Trouble {
            kind: error.kind(),
            cause: error.told(),
        };
        self.status.update(|status| {
            if status.trouble.as_ref() != Some(&trouble) {
                tracing::warn!(error = trouble.cause, "the follower does not go on");
            }
            status.trouble = Some(trouble);
        });
    }

    pub(super) fn show(&self, place: &Place) {
        let last = place.window.last();
        self.status.update(|status| {
            status.tell_unread(last.unread, place.told.held.released);
            status.progress = Progress {
                position: last.head.position,
                block: last.number,
                final_block: place.finalized.block,
                final_position: place.finalized.position,
            };
            place.told.held.show(status);
        });
    }

    /// Tells of a block, of which these entries are parked.
    pub(super) fn publish_applied(&self, block: &OpenedBlock, parked: &HashSet<Position>) {
        let appended = block
            .entries()
            .map(|JournalRow { entry, tip, label, .. }| AppliedEvent {
                stream: entry.stream,
                tip: *tip,
                position: entry.position,
                transaction: entry.transaction,
                command_id: label.command_id,
                state: match label.void {
                    Some(_) => EntryState::Void,
                    None if parked.contains(&entry.position) => EntryState::Parked,
                    None => EntryState::Applied,
                },
            });
        self.notices.publish(Notice::Applied {
            block: block.checked.log.block,
            appended: appended.collect(),
            rejected: block.checked.log.rejected.clone(),
            position: block.checked.head.position,
        });
    }

    pub(super) fn publish_finalized(&self, place: &Place) {
        let FinalPoint { block, position } = place.finalized;
        // Sealed under an epoch only once nobody can take its publication back.
        let latest = |namespace| place.told.published.latest_epoch(namespace, position);
        self.opener.seal_under_epochs(latest);
        let epoch = latest(self.opener.location().namespace);
        self.status.update(|status| status.sealing_epoch = epoch);
        self.notices.publish(Notice::Finalized { block, position });
    }
}
