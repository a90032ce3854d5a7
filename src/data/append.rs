//! Rows of two datasets together.

use super::{Dataset, RowNotes};
use crate::error::{Error, Result};
use crate::family::{Family, Moments};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Entries of a provenance that hold for the rows of one job alone.
const OF_A_JOB: [&str; 3] = ["eta_hash", "options", "shard"];

impl Dataset {
    /// The rows of this dataset, then those of `more`, of the same statistics. Where only one has row notes, those of the
    /// other are made from its effective sample sizes.
    ///
    /// # Errors
    /// Other statistics.
    ///
    /// # Example
    /// ```
    /// # use nnef::data::Dataset;
    /// let one = Dataset::new(1, vec![0.5], vec![0.1], vec![1.0], vec![50.0], Default::default()).unwrap();
    /// assert_eq!(one.append(&one).unwrap().eta(), [0.5, 0.5]);
    /// ```
    pub fn append(&self, more: &Dataset) -> Result<Dataset> {
        let (mine, theirs) = (self.stat_names(), more.stat_names());
        let named = |d: &Dataset| d.provenance().contains_key("stat_names");
        if self.dim() != more.dim() || (named(self) && named(more) && mine != theirs) {
            let text = format!("the rows have the statistics {}, the dataset has {}", theirs.join(", "), mine.join(", "));
            return Err(Error::shape(text).hint("append rows of the same family"));
        }
        let mut provenance = self.provenance().clone();
        OF_A_JOB.iter().for_each(|key| drop(provenance.remove(*key)));
        let before = provenance.get("appended_rows").and_then(|n| n.parse().ok()).unwrap_or(0_usize);
        provenance.insert("appended_rows".to_string(), (before + more.len()).to_string());
        let joined = Dataset::new(
            self.dim(),
            [self.eta(), more.eta()].concat(),
            [self.mu_t(), more.mu_t()].concat(),
            [self.cov_tt(), more.cov_tt()].concat(),
            [self.ess(), more.ess()].concat(),
            provenance,
        )?;
        let joined = match (self.notes(), more.notes()) {
            (None, None) => joined,
            _ => {
                let (a, b) = (self.some_notes(), more.some_notes());
                joined.with_notes(RowNotes {
                    log_normalizer: [a.log_normalizer, b.log_normalizer].concat(),
                    mcse: [a.mcse, b.mcse].concat(),
                    rhat: [a.rhat, b.rhat].concat(),
                    method: [a.method, b.method].concat(),
                })?
            }
        };
        Ok(match self.family() {
            Some(family) => joined.with_family(family.clone()),
            None => joined,
        })
    }
    /// The rows `eta`, [n, k], of `family` with these labels, but for those that failed a gate.
    ///
    /// # Errors
    /// Labels without covariances, or that do not fit.
    pub fn labelled(family: &Arc<Family>, eta: Vec<f64>, labels: Moments) -> Result<Dataset> {
        let n = labels.ess.len();
        let cov = labels.cov_tt.ok_or_else(|| Error::numeric("labels came without a covariance"))?;
        let names = BTreeMap::from([
            ("family".to_string(), family.name().to_string()),
            ("stat_names".to_string(), family.stat_names().join(";")),
        ]);
        let notes = RowNotes {
            log_normalizer: labels.log_normalizer.unwrap_or_else(|| vec![f64::NAN; n]),
            mcse: labels.mcse,
            rhat: labels.rhat,
            method: labels.method.iter().map(|m| m.to_string()).collect(),
        };
        let good: Vec<usize> = (0..n).filter(|row| labels.gate.get(*row).is_none_or(|gate| gate.is_empty())).collect();
        let all = Dataset::new(family.dim(), eta, labels.mu_t, cov, labels.ess, names)?.with_notes(notes)?;
        Ok(all.select(&good)?.with_family(family.clone()))
    }
    /// The notes, or what the effective sample sizes say.
    fn some_notes(&self) -> RowNotes {
        let (n, k) = (self.len(), self.dim());
        let error = |(i, variance): (usize, f64)| (variance / self.ess()[i / k]).sqrt();
        self.notes().cloned().unwrap_or_else(|| RowNotes {
            log_normalizer: vec![f64::NAN; n],
            mcse: self.variances().into_iter().enumerate().map(error).collect(),
            rhat: vec![f64::NAN; n],
            method: vec!["unknown".to_string(); n],
        })
    }
}
