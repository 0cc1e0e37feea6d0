//! What says that blocks are final, and which are by that.

use application::log::BlockRef;

use super::checkpoint::FinalPoint;
use super::window::Window;

/// What says that blocks are final.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Claim {
    /// So many blocks of ours stand on them.
    Depth(u64),
    /// The node calls this block final, and all before it.
    Block(BlockRef),
    /// The node still showed its final block after ours were read, which come before it.
    Before(BlockRef),
    /// Nothing does.
    Nothing,
}

/// What is final of what was applied. It never goes back.
///
/// # Errors
/// The block that the node calls final, if ours of that number is another one: then nothing more is final.
pub(super) fn final_point(window: &Window, claim: Claim, before: FinalPoint) -> Result<FinalPoint, BlockRef> {
    let last = window.last();
    let found = match claim {
        Claim::Depth(blocks) => last.number.checked_sub(blocks).and_then(|number| window.at(number)),
        Claim::Block(named) => match window.at(named.number) {
            Some(ours) if ours.hash != named.hash => return Err(named),
            found => found,
        },
        Claim::Before(named) if last.number < named.number => Some(last),
        Claim::Before(named) => return final_point(window, Claim::Block(named), before),
        Claim::Nothing => None,
    };
    Ok(match found {
        Some(block) if block.number > before.block => FinalPoint::at(block),
        _ => before,
    })
}
