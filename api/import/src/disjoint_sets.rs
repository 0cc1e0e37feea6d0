//! What belongs together, where it is told pair by pair.

/// Disjoint sets, by union and find: each is named by its least member.
#[derive(Clone, Default)]
pub(super) struct DisjointSets(Vec<u32>);

impl DisjointSets {
    /// So many members, each alone.
    pub(super) fn new(count: usize) -> Self {
        Self((0..u32::try_from(count).unwrap_or(u32::MAX)).collect())
    }

    fn parent(&self, member: u32) -> u32 {
        let place = usize::try_from(member).ok();
        place.and_then(|place| self.0.get(place)).copied().unwrap_or(member)
    }

    /// The set that a member is in, named by its least one.
    pub(super) fn find(&self, mut member: u32) -> u32 {
        while self.parent(member) != member {
            member = self.parent(member);
        }
        member
    }

    /// Makes one of the sets of two members.
    pub(super) fn union(&mut self, one: u32, two: u32) {
        let (one, two) = (self.find(one), self.find(two));
        let (least, other) = (one.min(two), one.max(two));
        let place = usize::try_from(other).ok();
        if let Some(parent) = place.and_then(|place| self.0.get_mut(place)) {
            *parent = least;
        }
    }

    /// Makes one of the sets of all these.
    pub(super) fn union_all(&mut self, members: &[u32]) {
        if let Some((first, others)) = members.split_first() {
            for other in others {
                self.union(*first, *other);
            }
        }
    }

    /// Every member's set.
    pub(super) fn flat(self) -> Vec<u32> {
        (0..u32::try_from(self.0.len()).unwrap_or(u32::MAX))
            .map(|member| self.find(member))
            .collect()
    }
}
