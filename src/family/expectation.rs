//! The seam that matters: eta -> mu_T, whoever computes it.
//!
//! Closed forms, quadrature, samplers and trained networks implement [`ExpectationMap`]; variational inference, plots,
//! evaluation and certificates see nothing else.

use crate::error::{Error, Result};

/// What a caller of [`ExpectationMap::moments`] needs beside mu_T.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Want {
    /// Also Cov(T, T).
    pub cov: bool,
    /// Also the log-normaliser A(eta).
    pub log_normalizer: bool,
}

impl Want {
    /// Only mu_T.
    pub const MEAN: Want = Want { cov: false, log_normalizer: false };
    /// mu_T, the covariance and the log-normaliser.
    pub const ALL: Want = Want { cov: true, log_normalizer: true };
}

/// Moments of T for a batch of `n` natural parameters with `k` components; all arrays row-major.
#[derive(Debug, Clone, Default)]
pub struct Moments {
    /// `E[T]`, [n, k].
    pub mu_t: Vec<f64>,
    /// Cov(T, T), [n, k, k], where asked for and available.
    pub cov_tt: Option<Vec<f64>>,
    /// A(eta), `[n]`, where asked for and available; NaN for rows of which it is not known.
    pub log_normalizer: Option<Vec<f64>>,
    /// Standard error of each entry of `log_normalizer`, `[n]`: of its Monte Carlo, the error estimate of a quadrature, or 0 for
    /// a closed form.
    pub log_normalizer_error: Option<Vec<f64>>,
    /// Standard error of each entry of `mu_t`, [n, k]: Monte Carlo error, or the error estimate of a quadrature.
    pub mcse: Vec<f64>,
    /// Effective sample size of each row, `[n]`: min over statistics of var(T_i) / mcse_i^2.
    pub ess: Vec<f64>,
    /// Split R-hat of each row, `[n]`; 1 where nothing was sampled.
    pub rhat: Vec<f64>,
    /// Divergent trajectories of each row, `[n]`; 0 where nothing was sampled.
    pub divergences: Vec<usize>,
    /// How each row was made, `[n]`: "closed_form", "quadrature", "importance", "smc", "hmc", "nuts", "network"; "none" for a row
    /// that a job could not label.
    pub method: Vec<&'static str>,
    /// Which test of its quality each row failed, `[n]`: "" where none, else "rhat", "ess", "divergences", "stuck", "khat",
    /// "tails", "stein", "populations", "mcse", "poles", "rare"; "refused" for a row that a job could not label.
    pub gate: Vec<&'static str>,
}

impl Moments {
    /// No rows yet, of a method that gives covariances and log-normalisers.
    pub fn with_log_normalizers() -> Moments {
        Moments { cov_tt: Some(vec![]), log_normalizer: Some(vec![]), log_normalizer_error: Some(vec![]), ..Moments::default() }
    }
    /// Append the log-normaliser of a row and its standard error, where they are kept.
    pub fn push_log_normalizer(&mut self, value: f64, error: f64) {
        self.log_normalizer.iter_mut().for_each(|a| a.push(value));
        self.log_normalizer_error.iter_mut().for_each(|e| e.push(error));
    }
    /// Append the rows of `more`. Covariances stay only where both have them; log-normalisers that one does not know are NaN,
    /// and so are their errors.
    pub fn extend(&mut self, more: Moments) {
        if self.method.is_empty() {
            *self = more;
            return;
        }
        let (here, there) = (self.method.len(), more.method.len());
        let join = |a: Option<Vec<f64>>, b: Option<Vec<f64>>| match (a, b) {
            (None, None) => None,
            (a, b) => Some([(a, here), (b, there)].map(|(a, n)| a.unwrap_or_else(|| vec![f64::NAN; n])).concat()),
        };
        self.log_normalizer = join(self.log_normalizer.take(), more.log_normalizer);
        self.log_normalizer_error = join(self.log_normalizer_error.take(), more.log_normalizer_error);
        self.mu_t.extend(more.mu_t);
        self.cov_tt = self.cov_tt.take().zip(more.cov_tt).map(|(a, b)| [a, b].concat());
        self.mcse.extend(more.mcse);
        self.ess.extend(more.ess);
        self.rhat.extend(more.rhat);
        self.divergences.extend(more.divergences);
        self.method.extend(more.method);
        self.gate.extend(more.gate);
    }
    /// Each row by itself, for `k` statistics.
    pub fn rows(&self, k: usize) -> Vec<Moments> {
        let of = |row: usize| Moments {
            mu_t: self.mu_t[row * k..(row + 1) * k].to_vec(),
            cov_tt: self.cov_tt.as_ref().map(|c| c[row * k * k..(row + 1) * k * k].to_vec()),
            log_normalizer: self.log_normalizer.as_ref().map(|a| vec![a[row]]),
            log_normalizer_error: self.log_normalizer_error.as_ref().map(|e| vec![e[row]]),
            mcse: self.mcse[row * k..(row + 1) * k].to_vec(),
            ess: vec![self.ess[row]],
            rhat: vec![self.rhat[row]],
            divergences: vec![self.divergences[row]],
            method: vec![self.method[row]],
            gate: vec![self.gate[row]],
        };
        (0..self.method.len()).map(of).collect()
    }
}

/// A map from natural parameters to mean parameters.
pub trait ExpectationMap: Send + Sync {
    /// Number of flattened statistics k.
    fn dim(&self) -> usize;
    /// Moments for `eta`, [n, k] row-major.
    ///
    /// # Errors
    /// When eta has a wrong length, holds a NaN, lies outside the natural parameter space, or a moment that `want` asks
    /// for does not exist for this map.
    fn moments(&self, eta: &[f64], want: Want) -> Result<Moments>;
    /// Whether `eta`, `[k]`, lies inside what this map knows: its region for a network, its natural space for a family.
    fn contains(&self, eta: &[f64]) -> bool;
    /// A point inside, `[k]`: where an iteration may start.
    fn center(&self) -> Vec<f64>;
    /// Name for messages.
    fn name(&self) -> String;
}

/// Check that `eta` is a batch of finite rows of width `k`; returns the number of rows.
///
/// # Errors
/// A shape error naming both lengths, or a domain error naming the first entry that is not finite.
pub fn check_batch(eta: &[f64], k: usize) -> Result<usize> {
    if k == 0 || !eta.len().is_multiple_of(k) {
        return Err(Error::shape(format!("eta has {} numbers, which is not a multiple of the {k} statistics", eta.len())));
    }
    if let Some(i) = eta.iter().position(|e| !e.is_finite()) {
        let error = Error::domain(format!("eta[{}] is {}: natural parameters must be finite", i % k, eta[i]));
        return Err(if eta.len() > k { error.in_row(i / k) } else { error });
    }
    Ok(eta.len() / k)
}
