//! What does not work with a part of the server, for whoever asks how it is doing: without asking the database.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use application::trouble::{Trouble, TroubleKind, Troubles};

/// The troubles of one part.
#[derive(Clone, Debug, Default)]
pub(crate) struct PartTroubles(Arc<Mutex<Troubles>>);

impl PartTroubles {
    fn lock(&self) -> MutexGuard<'_, Troubles> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What does not work just now.
    pub(crate) fn troubles(&self) -> Vec<Trouble> {
        self.lock().list()
    }

    /// Tells a trouble with this cause, or without one that it is over. What is news is logged.
    pub(crate) fn tell(&self, kind: TroubleKind, cause: Option<&str>) {
        let mut troubles = self.lock();
        match cause {
            Some(cause) if troubles.tell(kind, cause) => tracing::warn!(cause, "{}", kind.title()),
            Some(_) => {}
            None => {
                troubles.end(kind);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_told_until_it_is_over() {
        let told = PartTroubles::default();
        told.tell(TroubleKind::ReadsNotLogged, Some("3 reads"));
        let [trouble] = told.clone().troubles().try_into().unwrap();
        assert_eq!(
            (trouble.kind, trouble.cause.as_str()),
            (TroubleKind::ReadsNotLogged, "3 reads")
        );
        told.tell(TroubleKind::ReadsNotLogged, None);
        assert_eq!(told.troubles(), []);
    }
}
