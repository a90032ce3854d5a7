//! A checksum of bytes and of numbers: against torn writes and mix-ups, not against people.

/// Where a checksum starts.
pub const START: u64 = 0xcbf2_9ce4_8422_2325;

/// `hash` continued over `bytes`, after FNV-1a on 64-bit words; the length counts.
///
/// # Example
/// ```
/// use nnef::num::checksum::{START, continued};
/// assert_ne!(continued(START, b"ab"), continued(START, b"ab\0"));
/// ```
pub fn continued(hash: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let tail = [u64::from_le_bytes(last), bytes.len() as u64];
    words.iter().map(|w| u64::from_le_bytes(*w)).chain(tail).fold(hash, step)
}

/// The checksum of the bits of `values`.
pub fn of_floats(values: &[f64]) -> u64 {
    floats_continued(START, values)
}

/// `hash` continued over the bits of `values`; unlike [`continued`] it does not depend on how they are cut into pieces.
///
/// # Example
/// ```
/// use nnef::num::checksum::{START, floats_continued, of_floats};
/// assert_eq!(floats_continued(floats_continued(START, &[1.0]), &[2.0]), of_floats(&[1.0, 2.0]));
/// ```
pub fn floats_continued(hash: u64, values: &[f64]) -> u64 {
    values.iter().map(|v| v.to_bits()).fold(hash, step)
}

fn step(hash: u64, word: u64) -> u64 {
    let mixed = (hash ^ word).wrapping_mul(0x100_0000_01b3);
    mixed ^ (mixed >> 29)
}
