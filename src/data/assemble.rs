//! From finished chunks to a dataset, in memory or in its file.

use super::io::{self, Head};
use super::job::Job;
use super::part::{Part, Rows};
use super::quarantine::{self, Quarantined, finite};
use super::{Dataset, RHAT_GATE, RowNotes};
use crate::error::{Error, Result};
use crate::family::Family;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// A dataset but for its covariances, which stay in the [`Part`].
pub(super) struct Assembled<'a> {
    part: &'a Part,
    eta: Vec<f64>,
    mu_t: Vec<f64>,
    ess: Vec<f64>,
    notes: RowNotes,
    provenance: BTreeMap<String, String>,
    quarantined: Vec<Quarantined>,
}

impl<'a> Assembled<'a> {
    /// The rows of `part` in their order, with `eta`, [n, k], of the whole job; those that failed a gate apart.
    pub(super) fn new(part: &'a Part, eta: &[f64], job: &Job, seed: u64) -> Self {
        let k = part.dim();
        let mut out = Assembled {
            part,
            eta: vec![],
            mu_t: vec![],
            ess: vec![],
            notes: RowNotes::default(),
            provenance: job.entries().clone(),
            quarantined: vec![],
        };
        let (mut unconverged, mut divergences) = (0, 0);
        for rows in part.chunks() {
            for i in 0..rows.len() {
                let row = rows.first + i;
                let eta = &eta[row * k..(row + 1) * k];
                if rows.gate[i].is_empty() {
                    unconverged += usize::from(rows.rhat[i].is_nan() || rows.rhat[i] > RHAT_GATE);
                    divergences += rows.divergences[i];
                    out.keep(rows, i, eta);
                } else {
                    out.quarantined.push(listed(rows, i, eta));
                }
            }
        }
        let method = out.notes.method.first().cloned().unwrap_or_else(|| "none".to_string());
        for (key, value) in [
            ("seed", seed.to_string()),
            ("method", method),
            (UNCONVERGED, unconverged.to_string()),
            (DIVERGENCES, divergences.to_string()),
            (QUARANTINED, out.quarantined.len().to_string()),
        ] {
            out.provenance.insert(key.to_string(), value);
        }
        out
    }
    fn keep(&mut self, rows: &Rows, i: usize, eta: &[f64]) {
        let range = i * eta.len()..(i + 1) * eta.len();
        self.eta.extend(eta);
        self.mu_t.extend(&rows.mu_t[range.clone()]);
        self.ess.push(rows.ess[i]);
        self.notes.mcse.extend(&rows.mcse[range]);
        self.notes.rhat.push(rows.rhat[i]);
        self.notes.log_normalizer.push(rows.log_normalizer[i]);
        self.notes.method.push(rows.method[i].clone());
    }
    /// The rows that were left out.
    pub(super) fn quarantined(&self) -> &[Quarantined] {
        &self.quarantined
    }
    /// Whether no row is left.
    pub(super) fn is_empty(&self) -> bool {
        self.ess.is_empty()
    }
    /// Give the covariances of the rows that stay to `sink`.
    fn covariances(&self, sink: &mut dyn FnMut(&[f64]) -> std::io::Result<()>) -> std::io::Result<()> {
        let (width, mut buffer) = (self.part.dim() * self.part.dim(), Vec::new());
        for rows in self.part.chunks() {
            let all = self.part.covariances(rows, &mut buffer)?;
            for (cov, _) in all.chunks(width).zip(&rows.gate).filter(|(_, gate)| gate.is_empty()) {
                sink(cov)?;
            }
        }
        Ok(())
    }
    /// Write the dataset to `path`, with what belongs beside it.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) fn write(&self, path: &Path, family: &Family) -> Result<()> {
        self.write_quarantine(path, family)?;
        let head = Head {
            k: self.part.dim(),
            eta: &self.eta,
            mu_t: &self.mu_t,
            ess: &self.ess,
            provenance: &self.provenance,
            notes: Some(&self.notes),
        };
        io::write(path, &head, &|sink| self.covariances(sink))
    }
    /// Write the list of rows that were left out beside `path`.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) fn write_quarantine(&self, path: &Path, family: &Family) -> Result<()> {
        quarantine::write(path, family.name(), family.stat_names(), &self.quarantined)
    }
    /// The dataset in memory.
    ///
    /// # Errors
    /// When finished rows cannot be read.
    pub(super) fn into_dataset(self, family: &Arc<Family>) -> Result<Dataset> {
        let mut cov = Vec::new();
        let gathered = self.covariances(&mut |row| {
            cov.extend_from_slice(row);
            Ok(())
        });
        gathered.map_err(|e| Error::file(format!("finished rows cannot be read: {e}")))?;
        let data = Dataset::new(self.part.dim(), self.eta, self.mu_t, cov, self.ess, self.provenance)?;
        Ok(data.with_notes(self.notes)?.with_quarantined(self.quarantined).with_family(family.clone()))
    }
}

/// Entries of a provenance that count rows.
pub(super) const UNCONVERGED: &str = "unconverged_rows";
pub(super) const DIVERGENCES: &str = "divergences";
pub(super) const QUARANTINED: &str = "quarantined_rows";

/// What an entry of the provenance of `data` counts.
pub(super) fn count(data: &Dataset, key: &str) -> u64 {
    data.provenance().get(key).and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn listed(rows: &Rows, i: usize, eta: &[f64]) -> Quarantined {
    let k = eta.len();
    let (gate, reason) = match rows.gate[i].split_once(": ") {
        Some((gate, reason)) => (gate.to_string(), Some(reason.to_string())),
        None => (rows.gate[i].clone(), None),
    };
    Quarantined {
        row: rows.first + i,
        eta: eta.to_vec(),
        gate,
        reason,
        method: rows.method[i].clone(),
        rhat: finite(rows.rhat[i]),
        ess: finite(rows.ess[i]),
        mcse: rows.mcse[i * k..(i + 1) * k].iter().map(|m| finite(*m)).collect(),
    }
}
