//! Whose exports this process is writing: each has one at most at a time, for it takes as long as they read.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api_wire::problem::ProblemKind;
use domain::kernel::AccountId;
use tokio::time::sleep;

use super::problem::Problem;

/// After how long another export can be asked for.
const AGAIN: Duration = Duration::from_secs(60);

/// How often it is looked whether a former one has ended, and how often at most.
const LOOK: Duration = Duration::from_millis(20);
const NOTICED_AFTER: usize = 25;

/// Whose.
#[derive(Clone, Default)]
pub struct Exports(Arc<Mutex<HashSet<AccountId>>>);

/// Somebody's export is being written while this lives.
pub struct Begun {
    exports: Exports,
    account: AccountId,
}

impl Exports {
    /// Begins. Of who has hung up it takes a moment until that is noticed.
    ///
    /// # Errors
    /// `too-many-requests` while another one of theirs is being written.
    pub async fn begin(&self, account: AccountId) -> Result<Begun, Problem> {
        for _ in 0..NOTICED_AFTER {
            if self.accounts().insert(account) {
                return Ok(Begun {
                    exports: self.clone(),
                    account,
                });
            }
            sleep(LOOK).await;
        }
        Err(Problem::new(ProblemKind::TooManyRequests)
            .detail("Another export of yours is being written: read it to its end, or hang up.")
            .retry_after(AGAIN))
    }

    fn accounts(&self) -> MutexGuard<'_, HashSet<AccountId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.exports.accounts().remove(&self.account);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn each_has_one_export_at_a_time() {
        let exports = Exports::default();
        let [one, another] = [1, 2].map(|number| AccountId::new(Uuid::from_u128(number)));
        let begun = exports.begin(one).await.unwrap_or_else(|_| panic!("the first"));
        assert!(exports.begin(one).await.is_err());
        assert!(exports.begin(another).await.is_ok());
        drop(begun);
        assert!(exports.begin(one).await.is_ok());
    }
}
