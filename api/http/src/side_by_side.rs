//! Commands that wait are issued side by side: one that is durable waits for the chain however long that takes, and the others must become durable
//! meanwhile.

use std::collections::HashSet;
use std::time::Duration;

use backon::{BackoffBuilder as _, ConstantBuilder};
use domain::kernel::CommandId;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::time::sleep;

/// Looks again and again for commands that wait, and tries each, for as long as it is polled; when so many are under way it looks no further. Whatever takes longer than it is left undisturbed
/// is found again, and not tried twice at once here.
///
/// Between two looks it waits for `pause` at least, and at most twice as long. By chance, so that of several servers it is not always the same one that looks first: that one may have no node.
pub async fn issue_side_by_side<T, Found, Tried>(
    pause: Duration,
    at_once: usize,
    look: impl Fn() -> Found,
    command_of: impl Fn(&T) -> CommandId,
    attempt: impl Fn(T) -> Tried,
) where
    Found: Future<Output = Vec<T>>,
    Tried: Future<Output = ()>,
{
    let pauses = ConstantBuilder::new()
        .with_delay(pause)
        .with_jitter()
        .without_max_times();
    let (mut trying, mut under_way) = (FuturesUnordered::new(), HashSet::new());
    for pause in pauses.build() {
        if under_way.len() < at_once {
            for waiting in look().await {
                let command = command_of(&waiting);
                if under_way.insert(command) {
                    let tried = attempt(waiting);
                    trying.push(async move {
                        tried.await;
                        command
                    });
                }
            }
        }
        let next_look = sleep(pause);
        tokio::pin!(next_look);
        loop {
            tokio::select! {
                () = &mut next_look => break,
                Some(command) = trying.next() => {
                    under_way.remove(&command);
                }
            }
        }
    }
}
