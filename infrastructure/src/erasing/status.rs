//! What the eraser tells about itself, without asking the database.

use std::sync::{Arc, Mutex, PoisonError};

use application::log::Position;
use application::trouble::{Trouble, TroubleKind, Troubles};

/// How many positions a cause names.
const MOST_NAMED: usize = 5;

/// Shared between the eraser, which writes, and everybody who asks.
#[derive(Clone, Debug, Default)]
pub struct EraserStatus(Arc<Mutex<Troubles>>);

impl EraserStatus {
    /// What does not work just now.
    pub fn troubles(&self) -> Vec<Trouble> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).list()
    }

    /// Tells which erasures of the table the log does not have. That there are none is known only when all were looked at.
    pub(super) fn tell_unfounded(&self, unfounded: &[Position], all_were_looked_at: bool) {
        let mut troubles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if unfounded.is_empty() {
            if all_were_looked_at {
                troubles.end(TroubleKind::ErasureUnfounded);
            }
            return;
        }
        let cause = cause(unfounded);
        if troubles.tell(TroubleKind::ErasureUnfounded, &cause) {
            tracing::error!(cause, "keys are not destroyed, for the log does not have the erasure");
        }
    }
}

fn cause(unfounded: &[Position]) -> String {
    let named: Vec<_> = unfounded.iter().take(MOST_NAMED).map(Position::to_string).collect();
    let more = unfounded.len().saturating_sub(named.len());
    let and_more = if more > 0 {
        format!(", and {more} more")
    } else {
        String::new()
    };
    format!("rows of `live.erasures` at position {}{and_more}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_until_all_were_looked_at_and_none_is_left() {
        let status = EraserStatus::default();
        status.tell_unfounded(&[7], false);
        status.tell_unfounded(&[], false);
        let [told] = status.troubles().try_into().unwrap();
        assert_eq!(told.kind, TroubleKind::ErasureUnfounded);
        assert_eq!(told.cause, "rows of `live.erasures` at position 7");
        status.tell_unfounded(&[], true);
        assert_eq!(status.troubles(), []);
    }

    #[test]
    fn not_more_is_named_than_can_be_read() {
        let cause = cause(&[1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(cause, "rows of `live.erasures` at position 1, 2, 3, 4, 5, and 2 more");
    }
}
