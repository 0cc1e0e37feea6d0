//! Work that is begun and done, one piece after another. Who comes while one is under way can wait for that one, and never waits for a
//! later one, however many follow.

use tokio::sync::watch;

/// How many pieces were begun, and up to which they are done.
#[derive(Clone, Copy, Default, Debug)]
struct Pieces {
    begun: u64,
    done: u64,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Course(watch::Sender<Pieces>);

impl Course {
    /// A piece is under way. If one is already, it is the same.
    pub(super) fn begin(&self) {
        self.0.send_if_modified(|pieces| {
            pieces.begun = pieces.done + 1;
            false
        });
    }

    /// It is done, or given up.
    pub(super) fn end(&self) {
        self.0.send_modify(|pieces| pieces.done = pieces.begun);
    }

    /// Waits until what is under way now is done or given up.
    pub(super) async fn over(&self) {
        let mut pieces = self.0.subscribe();
        let begun = pieces.borrow().begun;
        // It cannot fail: the sender is ours.
        let _ = pieces.wait_for(|pieces| pieces.done >= begun).await;
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn who_comes_in_between_waits_for_what_is_under_way_and_for_nothing_after_it() {
        let course = Course::default();
        course.over().await;
        course.begin();
        course.begin();
        let mut waits = Box::pin(course.over());
        assert!(waits.as_mut().now_or_never().is_none());
        course.end();
        course.begin();
        waits.await;
        assert!(course.over().now_or_never().is_none());
        course.end();
        course.over().await;
    }
}
