//! Who tells.

/// Who tells what is new of somebody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Teller {
    /// A hospital, which knows what its system says.
    Hospital,
    /// Anybody else. As of when a system told something, and under which identifiers it knows somebody, is not theirs to say: by
    /// these times an import decides what is newer, and whoever has an identifier is taken for whom it names.
    Person,
}
