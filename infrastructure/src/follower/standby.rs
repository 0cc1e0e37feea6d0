//! Which of several nodes should be asked first: one that stands still while another is ahead is left, and one that was left comes
//! back when it is seen to be well.
//!
//! A node that does not answer is left by the client, call by call. A node that answers, and answers the same for ever, nobody
//! would notice without asking the others how far they are.

use std::time::Duration;

use application::trouble::TroubleKind;
use futures::future::join_all;
use sqlx::PgPool;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::FollowerConfig;
use super::status::StatusCell;
use super::witness::{self, FinalBlock};
use crate::chain::Node;
use crate::postgres::{ANSWER, within};

/// How long a node is waited for that is only asked how far it is.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Looks after the nodes until it is cancelled.
pub(super) async fn watch(
    node: Node,
    pool: PgPool,
    status: StatusCell,
    config: FollowerConfig,
    cancel: CancellationToken,
) {
    let mut lacking = Lacking::default();
    while cancel.run_until_cancelled(sleep(config.look_every)).await.is_some() {
        tell(&node, &status);
        let nodes = node.each();
        let applied = status.get().progress.block;
        let heads = join_all(nodes.iter().map(head)).await;
        let first = node.first();
        let of_first = heads.get(first).copied().flatten();
        let ahead = newest_of_the_others(&node, &heads, first);
        let overtaken = lacking.note(first, of_first, ahead.map(|(_, block)| block), Instant::now());
        let returning: Vec<usize> = (0..nodes.len()).filter(|index| node.may_return(*index)).collect();
        if returning.is_empty() && overtaken.is_none_or(|since| since < config.still_for) {
            continue;
        }
        let Ok(anchor) = within(ANSWER, witness::newest_final(&pool)).await else {
            continue;
        };
        if let (Some(since), Some((other, block))) = (overtaken, ahead)
            && since >= config.still_for
            && is_ours(nodes.get(other), anchor.as_ref()).await
        {
            let stands = of_first.map_or_else(String::new, |block| format!(" stands at block {block} and"));
            let seconds = since.as_secs();
            node.leave(
                first,
                &format!("it{stands} has lacked for {seconds} s what another has, which is at block {block}"),
            );
            lacking = Lacking::default();
        }
        for index in returning {
            let is_up_to_date = heads
                .get(index)
                .copied()
                .flatten()
                .is_some_and(|block| block >= applied);
            if is_up_to_date && is_ours(nodes.get(index), anchor.as_ref()).await {
                node.welcome(index);
            }
        }
    }
}

/// Tells which nodes were left, and why; the client has logged it.
fn tell(node: &Node, status: &StatusCell) {
    let left = node.left();
    status.update(|status| {
        if left.is_empty() {
            status.noticed.end(TroubleKind::NodeLeft);
        } else {
            status.noticed.tell(TroubleKind::NodeLeft, &left.join("; "));
        }
    });
}

async fn head(node: &Node) -> Option<u64> {
    timeout(ANSWER_WITHIN, node.block_number()).await.ok()?.ok()
}

/// The newest block of the nodes that are well, without the first, and which of them has it.
fn newest_of_the_others(node: &Node, heads: &[Option<u64>], first: usize) -> Option<(usize, u64)> {
    let heads = heads.iter().enumerate();
    let heads = heads.filter_map(|(index, head)| Some((index, (*head)?)));
    heads
        .filter(|(index, _)| *index != first && !node.is_left(*index))
        .max_by_key(|(_, block)| *block)
}

/// Whether a node's chain is the one that is followed, as far as what is final tells.
async fn is_ours(node: Option<&Node>, anchor: Option<&FinalBlock>) -> bool {
    match (node, anchor) {
        (Some(node), Some(anchor)) => witness::shows(node, anchor).await == Some(true),
        (node, None) => node.is_some(),
        (None, _) => false,
    }
}

/// Since when the first node has lacked a block that another has.
#[derive(Clone, Copy, Default, Debug)]
struct Lacking {
    node: usize,
    block: Option<(u64, Instant)>,
}

impl Lacking {
    /// Notes where the first node is and where the newest of the others; answers for how long the first has lacked what another
    /// had by then.
    fn note(&mut self, first: usize, head: Option<u64>, ahead: Option<u64>, now: Instant) -> Option<Duration> {
        let has_it = |block: u64| head.is_some_and(|head| head >= block);
        if self.node != first || self.block.is_some_and(|(block, _)| has_it(block)) {
            *self = Self {
                node: first,
                block: None,
            };
        }
        if self.block.is_none() {
            self.block = ahead.filter(|block| !has_it(*block)).map(|block| (block, now));
        }
        ahead?;
        self.block.map(|(_, since)| now.saturating_duration_since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_node_that_stands_still_while_another_goes_on_lacks_longer_and_longer() {
        let (mut lacking, begin) = (Lacking::default(), Instant::now());
        assert_eq!(lacking.note(0, Some(7), Some(7), begin), None);
        for seconds in 0..5 {
            let block = 8 + u64::from(seconds);
            let lacked = lacking.note(0, Some(7), Some(block), begin + SECOND * (seconds + 1));
            assert_eq!(lacked, Some(SECOND * seconds));
        }
    }

    #[test]
    fn a_node_that_is_always_a_block_behind_and_follows_lacks_nothing_for_long() {
        let (mut lacking, begin) = (Lacking::default(), Instant::now());
        for seconds in 0..20 {
            let block = u64::from(seconds / 2);
            let lacked = lacking.note(0, Some(block), Some(block + 1), begin + SECOND * seconds);
            assert!(lacked.is_some_and(|lacked| lacked <= SECOND * 2), "{seconds}");
        }
    }

    #[test]
    fn where_the_whole_chain_stands_still_nobody_is_overtaken() {
        let (mut lacking, begin) = (Lacking::default(), Instant::now());
        for seconds in 0..20 {
            assert_eq!(lacking.note(0, Some(9), Some(9), begin + SECOND * seconds), None);
            assert_eq!(lacking.note(0, Some(9), None, begin + SECOND * seconds), None);
        }
    }

    #[test]
    fn another_first_node_begins_anew() {
        let (mut lacking, begin) = (Lacking::default(), Instant::now());
        lacking.note(0, Some(7), Some(9), begin);
        assert_eq!(lacking.note(1, Some(9), Some(9), begin + SECOND), None);
        assert_eq!(lacking.note(0, Some(7), Some(9), begin + SECOND), Some(Duration::ZERO));
    }
}
