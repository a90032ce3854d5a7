//! Doubles that start on a cache line: a vector load of 64 bytes then touches one line, not two.

use std::ops::{Deref, DerefMut};

#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Line([f64; 8]);

/// A fixed number of doubles, aligned to 64 bytes.
#[derive(Debug, Clone)]
pub(crate) struct Aligned {
    lines: Vec<Line>,
    len: usize,
}

impl Aligned {
    /// `len` times `value`.
    pub(crate) fn filled(len: usize, value: f64) -> Self {
        Aligned { lines: vec![Line([value; 8]); len.div_ceil(8)], len }
    }
}

impl Deref for Aligned {
    type Target = [f64];
    #[inline(always)]
    fn deref(&self) -> &[f64] {
        // A line is eight doubles without padding, and len counts doubles within the lines.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Aligned {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [f64] {
        // As above; the exclusive borrow of the lines is passed on.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}
