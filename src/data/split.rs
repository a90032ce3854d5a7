//! Train, validation and test rows: 80-10-10 by one seeded permutation.

use super::Dataset;
use crate::error::{Error, Result};
use crate::num::stream::Stream;
use rand::seq::SliceRandom;

/// Three parts of a dataset; every row is in exactly one of them.
#[derive(Debug, Clone)]
pub struct Split {
    /// Rows that weights are fitted to, about 80 %.
    pub train: Dataset,
    /// Rows that choose between states of the weights, about 10 %, at least one.
    pub val: Dataset,
    /// Rows that nothing was chosen by, about 10 %, at least one.
    pub test: Dataset,
}

impl Dataset {
    /// Split 80-10-10 by the permutation that `seed` stands for.
    ///
    /// # Errors
    /// When there are fewer than 3 rows: each part needs one.
    pub fn split(&self, seed: u64) -> Result<Split> {
        let n = self.len();
        if n < 3 {
            return Err(Error::shape(format!(
                "a dataset of {n} rows cannot be split: training, validation and test need one row each"
            ))
            .hint("generate more points"));
        }
        let mut order: Vec<usize> = (0..n).collect();
        order.shuffle(&mut Stream::new(seed).child("split").rng());
        let tenth = ((n as f64 / 10.0).round() as usize).max(1);
        let (val, rest) = order.split_at(tenth);
        let (test, train) = rest.split_at(tenth);
        Ok(Split { train: self.select(train)?, val: self.select(val)?, test: self.select(test)? })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn rows(n: usize) -> Dataset {
        let eta: Vec<f64> = (0..n).map(|i| i as f64).collect();
        Dataset::new(1, eta.clone(), eta, vec![1.0; n], vec![1.0; n], Default::default()).unwrap()
    }

    #[test]
    fn every_row_is_in_one_part() {
        for n in [3, 4, 10, 17, 1000] {
            let split = rows(n).split(101).unwrap();
            let mut all: Vec<f64> = [&split.train, &split.val, &split.test].iter().flat_map(|d| d.eta().to_vec()).collect();
            all.sort_by(f64::total_cmp);
            assert_eq!(all, rows(n).eta());
            assert!(split.train.len() >= split.val.len() && !split.val.is_empty() && !split.test.is_empty());
        }
        let split = rows(1000).split(101).unwrap();
        assert_eq!((split.train.len(), split.val.len(), split.test.len()), (800, 100, 100));
    }

    #[test]
    fn the_seed_decides() {
        let data = rows(50);
        assert_eq!(data.split(1).unwrap().test.eta(), data.split(1).unwrap().test.eta());
        assert_ne!(data.split(1).unwrap().test.eta(), data.split(2).unwrap().test.eta());
    }

    #[test]
    fn two_rows_are_too_few() {
        assert!(rows(2).split(0).unwrap_err().message().contains("2 rows"));
    }
}
