//! Randomness as a parameter: the only place that reads the system's random source.

use std::fmt;

use rand::TryRng as _;
use rand::rngs::SysRng;

/// A source of randomness suitable for tokens.
pub trait Random: fmt::Debug + Send + Sync {
    /// Fills `bytes` with random bits.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandom;

impl dyn Random + '_ {
    /// Returns `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// Returns a random number for a revision; never 0, which is reserved for empty storage.
    pub fn nonce(&self) -> u64 {
        u64::from_le_bytes(self.bytes()).max(1)
    }
}

impl Random for OsRandom {
    /// # Panics
    /// If the system provides no randomness: tokens made without it could not be trusted.
    fn fill(&self, bytes: &mut [u8]) {
        SysRng.try_fill_bytes(bytes).expect("the operating system must provide random bytes");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_gives_other_bytes_each_time() {
        let random: &dyn Random = &OsRandom;
        let (first, second): ([u8; 32], [u8; 32]) = (random.bytes(), random.bytes());
        assert_ne!(first, second);
        assert_ne!(first, [0; 32]);
    }

    #[test]
    fn a_nonce_is_never_zero() {
        #[derive(Debug)]
        struct Zeros;
        impl Random for Zeros {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(0);
            }
        }
        let random: &dyn Random = &Zeros;
        assert_eq!(random.nonce(), 1);
    }
}
