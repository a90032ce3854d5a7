//! Named random streams: one seed, and every use of chance has a path of its own.
//!
//! `Stream::new(42).child("sample").at(row).at(chain).rng()` always gives the same generator, whatever the number of
//! threads and whatever else was drawn. Warm-up, sampling, initialisation and dropout have different names.
//!
//! # Source
//! xoshiro256++ 1.0, Blackman and Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47 (2021);
//! seeding by SplitMix64, Steele, Lea and Flood (2014).

use rand::RngCore;

/// A point in the tree of names below one seed. Cheap to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    key: u64,
}

impl Stream {
    /// The root of all streams of `seed`.
    pub fn new(seed: u64) -> Self {
        Stream { key: mix(seed ^ 0x6e6e_6566_2d73_6565) }
    }
    /// The stream below this one called `name`.
    pub fn child(self, name: &str) -> Self {
        // FNV-1a over the name, then mixed with the key: names are few and short.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
        Stream { key: mix(self.key ^ mix(hash)) }
    }
    /// The stream below this one numbered `index`.
    pub fn at(self, index: u64) -> Self {
        Stream { key: mix(self.key.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ mix(index.wrapping_add(1))) }
    }
    /// The generator of this stream.
    pub fn rng(self) -> Xoshiro {
        Xoshiro { state: self.state() }
    }
    /// The four words that start the generator of this stream (used by generators that run in lanes).
    pub fn state(self) -> [u64; 4] {
        let step = |i: u64| mix(self.key.wrapping_add(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(i)));
        [step(1), step(2), step(3), step(4)]
    }
}

/// The xoshiro256++ generator, usable wherever `rand` wants an `RngCore`.
#[derive(Debug, Clone)]
pub struct Xoshiro {
    state: [u64; 4],
}

impl RngCore for Xoshiro {
    fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }
    fn next_u64(&mut self) -> u64 {
        let s = &mut self.state;
        let out = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        out
    }
    fn fill_bytes(&mut self, dest: &mut [u8]) {
        for chunk in dest.chunks_mut(8) {
            let bytes = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
