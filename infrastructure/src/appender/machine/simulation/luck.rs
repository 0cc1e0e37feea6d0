//! What happens by chance, as a seed decides.

/// A row of numbers that look random (xorshift64*).
pub(super) struct Luck(u64);

impl Luck {
    pub(super) const fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    /// A number below this one.
    pub(super) const fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }

    /// Whether something happens that happens so often in a hundred.
    pub(super) const fn happens(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}
