//! [`Dataset`]: the four arrays, notes a row, and where they came from.

use super::Quarantined;
use super::covariances::Covariances;
use crate::error::{Error, Result};
use crate::family::{Family, Region};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is known of each row beside the four arrays; written to a sidecar file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RowNotes {
    /// A(eta), `[n]`; NaN where it is not known.
    pub log_normalizer: Vec<f64>,
    /// Standard error of each mu_T, [n, k].
    pub mcse: Vec<f64>,
    /// Split R-hat, `[n]`.
    pub rhat: Vec<f64>,
    /// How the row was made, `[n]`.
    pub method: Vec<String>,
}

/// Labels of a family for `n` natural parameters with `k` components. Cheap to clone.
///
/// Arrays are row-major: `eta` [n, k], `mu_t` [n, k], `cov_tt` [n, k, k], `ess` `[n]`.
#[derive(Debug, Clone)]
pub struct Dataset {
    inner: Arc<Inner>,
    family: Option<Arc<Family>>,
    quarantined: Arc<[Quarantined]>,
}

#[derive(Debug)]
struct Inner {
    k: usize,
    eta: Vec<f64>,
    mu_t: Vec<f64>,
    cov_tt: Covariances,
    ess: Vec<f64>,
    notes: Option<RowNotes>,
    provenance: BTreeMap<String, String>,
}

impl Dataset {
    /// Join the four arrays; `provenance` says where they came from (family, stat_names, seed, options, version).
    ///
    /// # Errors
    /// When a length does not follow from `k` and the length of `ess`.
    pub fn new(
        k: usize,
        eta: Vec<f64>,
        mu_t: Vec<f64>,
        cov_tt: Vec<f64>,
        ess: Vec<f64>,
        provenance: BTreeMap<String, String>,
    ) -> Result<Self> {
        Self::with_covariances(k, eta, mu_t, cov_tt.into(), ess, provenance)
    }
    /// As [`Dataset::new`], with covariances in memory or in a file.
    pub(super) fn with_covariances(
        k: usize,
        eta: Vec<f64>,
        mu_t: Vec<f64>,
        cov_tt: Covariances,
        ess: Vec<f64>,
        provenance: BTreeMap<String, String>,
    ) -> Result<Self> {
        let n = ess.len();
        for (name, got, expected) in
            [("eta", eta.len(), n * k), ("mu_T", mu_t.len(), n * k), ("cov_TT", cov_tt.values().len(), n * k * k)]
        {
            if got != expected {
                return Err(Error::shape(format!(
                    "{name} has {got} numbers, expected {expected} for {n} rows of {k} statistics"
                )));
            }
        }
        Ok(Dataset {
            inner: Arc::new(Inner { k, eta, mu_t, cov_tt, ess, notes: None, provenance }),
            family: None,
            quarantined: Arc::new([]),
        })
    }
    /// The same rows with notes.
    ///
    /// # Errors
    /// When a length of `notes` does not fit.
    pub fn with_notes(self, notes: RowNotes) -> Result<Self> {
        let (n, k) = (self.len(), self.dim());
        let lengths = [notes.log_normalizer.len(), notes.rhat.len(), notes.method.len()];
        if lengths.iter().any(|l| *l != n) || notes.mcse.len() != n * k {
            return Err(Error::shape(format!("row notes do not fit {n} rows of {k} statistics")));
        }
        let old = Arc::try_unwrap(self.inner).unwrap_or_else(|shared| shared.copy());
        Ok(Dataset { inner: Arc::new(Inner { notes: Some(notes), ..old }), family: self.family, quarantined: self.quarantined })
    }
    /// The same rows with another provenance.
    pub fn with_provenance(self, provenance: BTreeMap<String, String>) -> Self {
        let old = Arc::try_unwrap(self.inner).unwrap_or_else(|shared| shared.copy());
        Dataset { inner: Arc::new(Inner { provenance, ..old }), family: self.family, quarantined: self.quarantined }
    }
    /// The same rows, knowing the family that they belong to (for truth and supports).
    pub fn with_family(self, family: Arc<Family>) -> Self {
        Dataset { family: Some(family), ..self }
    }
    /// The same rows, with those that were left out when they were made.
    pub(super) fn with_quarantined(self, rows: Vec<Quarantined>) -> Self {
        Dataset { quarantined: rows.into(), ..self }
    }
    /// Rows that failed a test of their quality and were left out, where this dataset was just made.
    pub fn quarantined(&self) -> &[Quarantined] {
        &self.quarantined
    }
    /// Number of rows n.
    pub fn len(&self) -> usize {
        self.inner.ess.len()
    }
    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Number of statistics k.
    pub fn dim(&self) -> usize {
        self.inner.k
    }
    /// Natural parameters, [n, k].
    pub fn eta(&self) -> &[f64] {
        &self.inner.eta
    }
    /// Mean parameters `E[T]`, [n, k].
    pub fn mu_t(&self) -> &[f64] {
        &self.inner.mu_t
    }
    /// Cov(T, T), [n, k, k]. Those of a large .safetensors file stay in the file until they are looked at.
    pub fn cov_tt(&self) -> &[f64] {
        self.inner.cov_tt.values()
    }
    /// Whether the covariances are in memory.
    pub(super) fn holds_covariances(&self) -> bool {
        matches!(self.inner.cov_tt, Covariances::Memory(_))
    }
    /// Give `f` the covariances row after row, [k, k] each, without holding on to those of a file.
    ///
    /// # Errors
    /// The first error of `f`.
    pub(super) fn each_covariance<E>(
        &self,
        f: impl FnMut(usize, &[f64]) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        self.inner.cov_tt.each(self.dim() * self.dim(), f)
    }
    /// Variance of each statistic, row by row, [n, k].
    pub fn variances(&self) -> Vec<f64> {
        let k = self.dim();
        let mut out = Vec::with_capacity(self.len() * k);
        let _ = self.each_covariance(|_, cov| {
            out.extend((0..k).map(|i| cov[i * k + i]));
            Ok::<(), std::convert::Infallible>(())
        });
        out
    }
    /// Effective sample size of each row, `[n]`.
    pub fn ess(&self) -> &[f64] {
        &self.inner.ess
    }
    /// Notes a row, where the data came with them.
    pub fn notes(&self) -> Option<&RowNotes> {
        self.inner.notes.as_ref()
    }
    /// Where the rows came from.
    pub fn provenance(&self) -> &BTreeMap<String, String> {
        &self.inner.provenance
    }
    /// The region that eta were drawn from: the family's, or the one that was saved with the rows; `None` where neither is known.
    ///
    /// # Errors
    /// A saved region that is damaged.
    pub fn region(&self) -> Result<Option<Region>> {
        match self.family.as_ref().and_then(|f| f.region()) {
            Some(region) => Ok(Some(region.clone())),
            None => super::region_of(self.provenance()),
        }
    }
    /// The family, where it is known.
    pub fn family(&self) -> Option<&Arc<Family>> {
        self.family.as_ref()
    }
    /// Names of the flattened statistics, `[k]`: from the family, the provenance, or `T0, T1, ...`.
    pub fn stat_names(&self) -> Vec<String> {
        let named = self.provenance().get("stat_names").map(|s| s.split(';').map(str::to_string).collect::<Vec<_>>());
        match named {
            Some(names) if names.len() == self.dim() => names,
            _ => (0..self.dim()).map(|i| format!("T{i}")).collect(),
        }
    }
    /// The rows with the given indices, in that order.
    ///
    /// # Errors
    /// When an index is past the last row.
    pub fn select(&self, rows: &[usize]) -> Result<Self> {
        if let Some(bad) = rows.iter().find(|r| **r >= self.len()) {
            return Err(Error::domain(format!("row {bad} of a dataset with {} rows", self.len())));
        }
        let pick = |a: &[f64], width: usize| {
            rows.iter().flat_map(|r| a[r * width..(r + 1) * width].iter().copied()).collect::<Vec<f64>>()
        };
        let (k, i) = (self.dim(), &self.inner);
        let notes = i.notes.as_ref().map(|m| RowNotes {
            log_normalizer: pick(&m.log_normalizer, 1),
            mcse: pick(&m.mcse, k),
            rhat: pick(&m.rhat, 1),
            method: rows.iter().map(|r| m.method[*r].clone()).collect(),
        });
        let inner = Inner {
            k,
            eta: pick(&i.eta, k),
            mu_t: pick(&i.mu_t, k),
            cov_tt: pick(self.cov_tt(), k * k).into(),
            ess: pick(&i.ess, 1),
            notes,
            provenance: i.provenance.clone(),
        };
        Ok(Dataset { inner: Arc::new(inner), family: self.family.clone(), quarantined: Arc::new([]) })
    }
}

impl Inner {
    fn copy(&self) -> Inner {
        Inner {
            k: self.k,
            eta: self.eta.clone(),
            mu_t: self.mu_t.clone(),
            cov_tt: self.cov_tt.clone(),
            ess: self.ess.clone(),
            notes: self.notes.clone(),
            provenance: self.provenance.clone(),
        }
    }
}
