//! One chunk of finished rows, and its bytes in a file.

use crate::error::{Error, Result};
use crate::family::Moments;
use serde::{Deserialize, Serialize};

/// Where the covariances of a chunk are.
#[derive(Debug)]
pub(super) enum Covariance {
    /// In memory, [rows, k, k].
    Here(Vec<f64>),
    /// In the file, from this byte.
    InFile { offset: u64 },
}

/// Finished rows `first`, `first` + 1, ...
#[derive(Debug)]
pub(in crate::data) struct Rows {
    pub first: usize,
    pub mu_t: Vec<f64>,
    pub mcse: Vec<f64>,
    pub ess: Vec<f64>,
    pub rhat: Vec<f64>,
    pub log_normalizer: Vec<f64>,
    pub divergences: Vec<u64>,
    pub method: Vec<String>,
    pub gate: Vec<String>,
    pub(super) cov: Covariance,
}

/// The words of a record; `method` and `gate` of a row are numbers into `words`.
#[derive(Serialize, Deserialize)]
struct Words {
    words: Vec<String>,
    method: Vec<usize>,
    gate: Vec<usize>,
}

impl Rows {
    /// The rows from `first` with these moments of `k` statistics.
    ///
    /// # Errors
    /// When a moment is missing.
    pub(in crate::data) fn new(first: usize, k: usize, moments: Moments) -> Result<Self> {
        let n = moments.ess.len();
        let cov = moments.cov_tt.ok_or_else(|| Error::numeric("labels came without a covariance"))?;
        let owned = |names: &[&str]| names.iter().map(|m| m.to_string()).collect::<Vec<String>>();
        let rows = Rows {
            first,
            mu_t: moments.mu_t,
            mcse: moments.mcse,
            ess: moments.ess,
            rhat: moments.rhat,
            log_normalizer: moments.log_normalizer.unwrap_or_else(|| vec![f64::NAN; n]),
            divergences: moments.divergences.iter().map(|d| *d as u64).collect(),
            method: owned(&moments.method),
            gate: owned(&moments.gate),
            cov: Covariance::Here(cov),
        };
        match rows.fits(k) {
            true => Ok(rows),
            false => {
                Err(Error::numeric(format!("the labels of the rows from {first} have arrays of other lengths than {n} rows")))
            }
        }
    }
    fn fits(&self, k: usize) -> bool {
        let n = self.len();
        let lengths = [self.rhat.len(), self.log_normalizer.len(), self.divergences.len(), self.method.len(), self.gate.len()];
        let covariances = match &self.cov {
            Covariance::Here(values) => values.len() == n * k * k,
            Covariance::InFile { .. } => true,
        };
        covariances && lengths.iter().all(|l| *l == n) && self.mu_t.len() == n * k && self.mcse.len() == n * k
    }
    /// Number of rows.
    pub(in crate::data) fn len(&self) -> usize {
        self.ess.len()
    }
    /// About how much memory the rows take.
    pub(super) fn bytes(&self) -> usize {
        let cov = match &self.cov {
            Covariance::Here(values) => values.len(),
            Covariance::InFile { .. } => 0,
        };
        8 * (cov + 2 * self.mu_t.len() + 16 * self.ess.len())
    }
    /// The bytes of the rows, and where among them the covariances start.
    pub(super) fn encode(&self) -> Result<(Vec<u8>, usize)> {
        let mut words: Vec<String> = self.method.iter().chain(&self.gate).cloned().collect();
        words.sort();
        words.dedup();
        let number = |list: &[String]| list.iter().map(|w| words.binary_search(w).unwrap_or(0)).collect();
        let (method, gate) = (number(&self.method), number(&self.gate));
        let text = serde_json::to_vec(&Words { words, method, gate }).map_err(|e| Error::file(format!("JSON: {e}")))?;
        let mut out = Vec::with_capacity(self.bytes() + text.len() + 4);
        out.extend((text.len() as u32).to_le_bytes());
        out.extend(text);
        for values in [&self.mu_t, &self.mcse, &self.ess, &self.rhat, &self.log_normalizer] {
            values.iter().for_each(|v| out.extend(v.to_le_bytes()));
        }
        self.divergences.iter().for_each(|v| out.extend(v.to_le_bytes()));
        let start = out.len();
        if let Covariance::Here(values) = &self.cov {
            values.iter().for_each(|v| out.extend(v.to_le_bytes()));
        }
        Ok((out, start))
    }
    /// The `n` rows from `first` that `bytes`, which begin at byte `offset` of the file, hold; nothing where they do not fit.
    pub(super) fn decode(bytes: &[u8], offset: u64, first: usize, n: usize, k: usize) -> Option<Rows> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let words: Words = serde_json::from_slice(text).ok()?;
        let named = |numbers: &[usize]| numbers.iter().map(|i| words.words.get(*i).cloned()).collect::<Option<Vec<String>>>();
        let mut rest = rest;
        let mut take = |count: usize| {
            let (head, tail) = rest.split_at_checked(count.checked_mul(8)?)?;
            rest = tail;
            Some(head.as_chunks::<8>().0)
        };
        let floats = |chunks: &[[u8; 8]]| chunks.iter().map(|b| f64::from_le_bytes(*b)).collect::<Vec<f64>>();
        let width = n.checked_mul(k)?;
        let (mu_t, mcse) = (floats(take(width)?), floats(take(width)?));
        let (ess, rhat, log_normalizer) = (floats(take(n)?), floats(take(n)?), floats(take(n)?));
        let divergences = take(n)?.iter().map(|b| u64::from_le_bytes(*b)).collect();
        if rest.len() != width.checked_mul(k)?.checked_mul(8)? {
            return None;
        }
        let cov = Covariance::InFile { offset: offset + (bytes.len() - rest.len()) as u64 };
        let (method, gate) = (named(&words.method)?, named(&words.gate)?);
        let rows = Rows { first, mu_t, mcse, ess, rhat, log_normalizer, divergences, method, gate, cov };
        rows.fits(k).then_some(rows)
    }
    #[cfg(test)]
    pub(super) fn shown(&self) -> String {
        let plain = (self.first, &self.mu_t, &self.mcse, &self.ess, &self.rhat, &self.log_normalizer);
        format!("{plain:?} {:?} {:?} {:?}", self.divergences, self.method, self.gate)
    }
}
