//! A set for explorations of many states.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// A set whose hash function is compiled here, with optimisation. That of the standard library would be compiled into
/// the test program without it, and take most of the time of an exploration.
pub type StateSet<T> = HashSet<T, BuildHasherDefault<Fnv>>;

/// FNV-1a with 64 bits: <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>.
#[derive(Debug)]
pub struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
