//! Checksums of the covariances, one a block of rows: a bit that flipped is noticed, and the rows that it is in.

use crate::data::Dataset;
use crate::num::checksum;
use std::ops::Range;

/// About how many numbers a block has: 1 MB.
const NUMBERS: usize = 1 << 17;

/// Rows of a block, of `k` statistics each.
fn rows_together(k: usize) -> usize {
    (NUMBERS / (k * k).max(1)).max(1)
}

/// Checksums of covariances that stream by, in the order of rows, in pieces of any length.
pub(super) struct Summing {
    block: usize,
    seen: usize,
    hash: u64,
    done: Vec<u64>,
}

impl Summing {
    /// Nothing yet, of `k` statistics.
    pub(super) fn new(k: usize) -> Self {
        Summing { block: rows_together(k) * (k * k).max(1), seen: 0, hash: checksum::START, done: vec![] }
    }
    /// Take the next numbers.
    pub(super) fn add(&mut self, mut values: &[f64]) {
        while !values.is_empty() {
            let (head, rest) = values.split_at(values.len().min(self.block - self.seen));
            self.hash = checksum::floats_continued(self.hash, head);
            self.seen += head.len();
            values = rest;
            if self.seen == self.block {
                self.close();
            }
        }
    }
    /// The checksums of all blocks.
    pub(super) fn finish(mut self) -> Vec<u64> {
        if self.seen > 0 {
            self.close();
        }
        self.done
    }
    fn close(&mut self) {
        self.done.push(self.hash);
        (self.seen, self.hash) = (0, checksum::START);
    }
}

/// The first block of rows of `data` whose covariances do not have their checksum in `expected`.
pub(super) fn damaged(data: &Dataset, expected: &[u64]) -> Option<Range<usize>> {
    let mut sums = Summing::new(data.dim());
    let _ = data.each_covariance(|_, cov| {
        sums.add(cov);
        Ok::<(), std::convert::Infallible>(())
    });
    let (found, rows) = (sums.finish(), rows_together(data.dim()));
    let wrong = (0..found.len().max(expected.len())).find(|i| found.get(*i) != expected.get(*i))?;
    Some((wrong * rows).min(data.len())..((wrong + 1) * rows).min(data.len()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn pieces_of_any_length_give_the_same_and_a_flipped_bit_is_found() {
        let (n, k) = (100, 50); // blocks of 52 rows
        let mut cov: Vec<f64> = (0..n * k * k).map(|i| (i as f64).sin()).collect();
        let whole = |cov: &[f64], piece: usize| {
            let mut sums = Summing::new(k);
            cov.chunks(piece).for_each(|c| sums.add(c));
            sums.finish()
        };
        let expected = whole(&cov, k * k);
        assert_eq!(expected.len(), 2);
        assert!([7, 1 << 17, usize::MAX].iter().all(|piece| whole(&cov, *piece) == expected));
        let data =
            |cov: &[f64]| Dataset::new(k, vec![0.0; n * k], vec![0.0; n * k], cov.to_vec(), vec![1.0; n], Default::default());
        assert_eq!(damaged(&data(&cov).unwrap(), &expected), None);
        let at = 60 * k * k + 3;
        cov[at] = f64::from_bits(cov[at].to_bits() ^ 1);
        assert_eq!(damaged(&data(&cov).unwrap(), &expected), Some(52..100));
    }
}
