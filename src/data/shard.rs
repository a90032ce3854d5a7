//! A part of a dataset, made apart from the others.

use crate::error::{Error, Result};
use crate::sample::BLOCK;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Part `number` of `count`, counted from 1. Parts are whole blocks of rows: see [`BLOCK`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    number: usize,
    count: usize,
}

impl Shard {
    /// Part `number` of `count`, from 1; 0 is taken as the last, so that counting from 0 covers the rows too.
    ///
    /// # Errors
    /// When there is no such part.
    pub fn new(number: usize, count: usize) -> Result<Self> {
        if count == 0 || number > count {
            return Err(Error::domain(format!("shard {number} of {count}: there is no such part"))
                .hint("shard i/N with i from 1 to N; every part is made once and nnef merge joins them"));
        }
        Ok(Shard { number: if number == 0 { count } else { number }, count })
    }
    /// Number and count, as options have them.
    pub fn numbers(self) -> [usize; 2] {
        [self.number, self.count]
    }
    /// The rows of this part among `points`.
    ///
    /// # Errors
    /// When there are more parts than blocks of rows.
    pub(super) fn rows(self, points: usize) -> Result<Range<usize>> {
        let blocks = points.div_ceil(BLOCK);
        if self.count > blocks {
            return Err(Error::domain(format!(
                "{points} rows are {blocks} blocks of {BLOCK}, which cannot be split into {} shards",
                self.count
            ))
            .hint(format!("at most {blocks} shards")));
        }
        let end = |number: usize| (blocks * number / self.count * BLOCK).min(points);
        Ok(end(self.number - 1)..end(self.number))
    }
    /// `NAME.shard-i-of-N.EXTENSION` for `NAME.EXTENSION`.
    pub fn path(self, out: &Path) -> PathBuf {
        let extension = out.extension().map(|e| e.to_string_lossy().to_string()).unwrap_or_default();
        out.with_extension(format!("shard-{}-of-{}.{extension}", self.number, self.count))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.number, self.count)
    }
}

impl FromStr for Shard {
    type Err = Error;
    /// From `i/N` or `i of N`.
    fn from_str(text: &str) -> Result<Self> {
        let parts = text.split_once('/').or_else(|| text.split_once(" of "));
        let numbers = parts.and_then(|(i, n)| Some((i.trim().parse().ok()?, n.trim().parse().ok()?)));
        let (number, count) = numbers.ok_or_else(|| {
            Error::domain(format!("'{text}' is not a shard")).hint("i/N, for example 2/8: the second of eight")
        })?;
        Shard::new(number, count)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn parts_are_whole_blocks_and_cover_the_rows() {
        for (points, count) in [(1000, 3), (65, 3), (64, 2), (33, 1), (5, 1)] {
            let mut at = 0;
            for number in 1..=count {
                let rows = Shard::new(number, count).unwrap().rows(points).unwrap();
                assert!(rows.start == at && rows.end > at && rows.start.is_multiple_of(BLOCK));
                at = rows.end;
            }
            assert_eq!(at, points);
        }
        assert_eq!(Shard::new(0, 4).unwrap(), Shard::new(4, 4).unwrap());
        assert_eq!("2/8".parse::<Shard>().unwrap().path(Path::new("a/d.npz")), Path::new("a/d.shard-2-of-8.npz"));
        assert_eq!("2/8".parse::<Shard>(), "2 of 8".parse());
        for wrong in ["5/4", "1/0", "1", "a/b", "-1/3"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
        assert!(Shard::new(1, 5).unwrap().rows(100).unwrap_err().message().contains("4 blocks"));
    }
}
