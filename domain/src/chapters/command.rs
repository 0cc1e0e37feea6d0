//! What can be asked of a record's chapters.

/// A command to a record's chapters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChaptersCommand {
    /// Close this chapter: what is recorded from then on stands in the next one, under other keys. Doing so again changes nothing.
    Close {
        /// Its number, from 0.
        chapter: u16,
    },
}
