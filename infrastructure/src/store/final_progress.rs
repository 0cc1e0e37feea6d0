//! What the follower has told, in the order in which it told it: how far the log is final, and what was undone.
//!
//! The follower's own progress runs ahead of its notices. Who asks that whether a state is final might be answered for another
//! branch, whose beginning the streams in memory have not heard of yet; so it is asked here.

use std::collections::VecDeque;
use std::time::Duration;

use application::log::Position;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::notices::Notice;

/// So many reorganisations are remembered one by one.
const REMEMBERED: usize = 32;

/// How often to look without being told.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How many reorganisations there had been at a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Moment(u64);

#[derive(Default)]
struct Told {
    final_position: Position,
    reorganisations: u64,
    /// The last position that each of the last reorganisations left.
    left: VecDeque<Position>,
}

impl Told {
    /// Whether everything up to the position has stood since then.
    fn stands(&self, position: Position, since: Moment) -> bool {
        let missed = usize::try_from(self.reorganisations.saturating_sub(since.0)).unwrap_or(usize::MAX);
        missed <= self.left.len() && self.left.iter().rev().take(missed).all(|left| *left >= position)
    }
}

/// What was told.
pub(super) struct FinalProgress(watch::Sender<Told>);

impl FinalProgress {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Told::default()))
    }

    /// The follower says something.
    pub(super) fn hear(&self, notice: &Notice) {
        match notice {
            Notice::Applied { .. } => {}
            Notice::Reverted { position, .. } => self.0.send_modify(|told| {
                told.reorganisations += 1;
                told.left.push_back(*position);
                if told.left.len() > REMEMBERED {
                    told.left.pop_front();
                }
            }),
            Notice::Finalized { position, .. } => self.final_up_to(*position),
        }
    }

    /// Everything up to a position is final.
    pub(super) fn final_up_to(&self, position: Position) {
        self.0.send_if_modified(|told| {
            let further = position > told.final_position;
            told.final_position = told.final_position.max(position);
            further
        });
    }

    /// Now. Taken before something is read, it tells later whether that still stands.
    pub(super) fn moment(&self) -> Moment {
        Moment(self.0.borrow().reorganisations)
    }

    /// Waits until everything up to a position is final. `false` when some of it was undone since then.
    pub(super) async fn until_final(&self, position: Position, since: Moment) -> bool {
        let mut told = self.0.subscribe();
        loop {
            {
                let told = told.borrow_and_update();
                if !told.stands(position, since) {
                    return false;
                }
                if position <= told.final_position {
                    return true;
                }
            }
            let _ = timeout(LOOK_EVERY, told.changed()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reverted(position: Position) -> Notice {
        Notice::Reverted { to: 0, position }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_final_already_is_not_waited_for() {
        let heard = FinalProgress::new();
        heard.hear(&Notice::Finalized { block: 1, position: 5 });
        assert!(heard.until_final(5, heard.moment()).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reorganisation_below_says_that_it_does_not_stand_and_one_above_says_nothing() {
        let heard = FinalProgress::new();
        let before = heard.moment();
        heard.hear(&reverted(7));
        heard.hear(&Notice::Finalized { block: 9, position: 9 });
        assert!(heard.until_final(7, before).await);
        assert!(!heard.until_final(8, before).await);
        assert!(heard.until_final(8, heard.moment()).await, "it was read after that");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_forgotten_is_not_taken_for_nothing() {
        let heard = FinalProgress::new();
        let before = heard.moment();
        for _ in 0..=REMEMBERED {
            heard.hear(&reverted(100));
        }
        heard.hear(&Notice::Finalized { block: 9, position: 9 });
        assert!(!heard.until_final(3, before).await);
    }
}
