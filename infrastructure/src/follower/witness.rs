//! A second opinion: what the other configured nodes say about a block that is final here.
//!
//! One node can be caught leaving out or altering what the contract's running hash covers, but not at forging a whole chain with
//! the contract's state in it. Another node can tell. Which of the two is wrong a server cannot know: it goes on, and says
//! that they disagree.

use std::time::Duration;

use application::trouble::TroubleKind;
use sqlx::{PgPool, Row};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::numbers::from_sql;
use super::status::StatusCell;
use crate::chain::{BlockId, EventLog, Node};
use crate::log::LogHead;
use crate::postgres::{ANSWER, within};

/// A block that is final here.
pub(super) struct FinalBlock {
    number: u64,
    hash: [u8; 32],
    head: LogHead,
}

/// Asks the nodes that the follower does not use just now, again and again.
pub(super) async fn watch(log: EventLog, pool: PgPool, status: StatusCell, every: Duration, cancel: CancellationToken) {
    while cancel.run_until_cancelled(sleep(every)).await.is_some() {
        let Ok(Some(block)) = within(ANSWER, newest_final(&pool)).await else {
            continue;
        };
        let mut dispute = None;
        for node in log.node().others() {
            if !agrees(&EventLog::new(node, log.address()), &block).await {
                let number = block.number;
                dispute = Some(format!(
                    "another node disagrees about block {number}, which is final here, or about the log after it"
                ));
            }
        }
        status.update(|status| {
            let Some(dispute) = &dispute else {
                status.noticed.end(TroubleKind::NodesDisagree);
                return;
            };
            let known = status.noticed.has(TroubleKind::NodesDisagree);
            if status.noticed.tell(TroubleKind::NodesDisagree, dispute) && !known {
                tracing::error!(dispute, "the nodes contradict each other");
            }
        });
    }
}

/// The newest block that is final here, by the database; `None` if none is.
pub(super) async fn newest_final(pool: &PgPool) -> Result<Option<FinalBlock>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT number, hash, position, running_hash FROM blocks
         WHERE number <= (SELECT final_block FROM checkpoint) ORDER BY number DESC LIMIT 1",
    );
    let Some(row) = row.fetch_optional(pool).await? else {
        return Ok(None);
    };
    Ok(Some(FinalBlock {
        number: from_sql(row.try_get(0)?),
        hash: row.try_get(1)?,
        head: LogHead {
            position: from_sql(row.try_get(2)?),
            running_hash: row.try_get(3)?,
        },
    }))
}

/// Whether a node has this block, with the log where it was. One that does not answer, is not as far, or has forgotten the block's state
/// contradicts nothing.
async fn agrees(log: &EventLog, block: &FinalBlock) -> bool {
    match shows(log.node(), block).await {
        Some(true) => match log.head(BlockId::Hash(block.hash)).await {
            Ok(head) => head == block.head,
            Err(_) => true,
        },
        Some(false) => false,
        None => true,
    }
}

/// Whether a node shows this block under its number; `None` when it does not answer, or is not as far.
pub(super) async fn shows(node: &Node, block: &FinalBlock) -> Option<bool> {
    let header = node.header(BlockId::Number(block.number)).await.ok()??;
    Some(header.block.hash == block.hash)
}
