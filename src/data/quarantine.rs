//! Rows that cannot be labelled, or failed a test of their quality: left out of a dataset, and listed beside it.

use super::summary::plural;
use crate::error::{Error, Result};
use crate::num::files;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A row that was left out, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quarantined {
    /// Its number in the job.
    pub row: usize,
    /// Its natural parameters, `[k]`.
    pub eta: Vec<f64>,
    /// The test that it failed; `refused` where it has no labels.
    pub gate: String,
    /// Why it has no labels, where it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How it was made.
    pub method: String,
    /// Its split R-hat; `None` where that is not a number.
    pub rhat: Option<f64>,
    /// Its effective sample size; `None` where that is not a number.
    pub ess: Option<f64>,
    /// Standard error of each mu_T, `[k]`; `None` where that is not a number.
    pub mcse: Vec<Option<f64>>,
}

#[derive(Serialize, Deserialize)]
struct Listing {
    family: String,
    stat_names: Vec<String>,
    rows: Vec<Quarantined>,
}

/// JSON has no number that is not finite.
pub(super) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// `NAME.quarantine.json` for `NAME.safetensors` or `NAME.npz`.
pub(super) fn path_beside(out: &Path) -> PathBuf {
    out.with_extension("quarantine.json")
}

/// Write the list beside `out`, or remove an old one where there is nothing to list.
pub(super) fn write(out: &Path, family: &str, stat_names: Vec<String>, rows: &[Quarantined]) -> Result<()> {
    let path = path_beside(out);
    if rows.is_empty() {
        return files::remove(&path);
    }
    let text = serde_json::to_string_pretty(&Listing { family: family.to_string(), stat_names, rows: rows.to_vec() });
    files::write_atomic(&path, format!("{}\n", text.map_err(|e| Error::file(format!("JSON: {e}")))?).as_bytes())
}

/// The list beside `out`, which holds `expected` rows.
pub(super) fn read(out: &Path, expected: u64) -> Result<Vec<Quarantined>> {
    if expected == 0 {
        return Ok(vec![]);
    }
    let path = path_beside(out);
    let listing: Result<Listing> = serde_json::from_slice(&files::read(&path)?)
        .map_err(|e| Error::file(format!("'{}' is not a list of rows that were left out: {e}", path.display())));
    let rows = listing?.rows;
    match rows.len() as u64 == expected {
        true => Ok(rows),
        false => Err(Error::file(format!("'{}' lists {} rows, expected {expected}", path.display(), rows.len()))),
    }
}

/// One line for people: how many rows, which gates, the first of them.
pub(super) fn describe(rows: &[Quarantined]) -> String {
    let mut gates: Vec<&str> = rows.iter().map(|r| r.gate.as_str()).collect();
    gates.sort_unstable();
    let counts = gates.chunk_by(|a, b| a == b).map(|same| format!("{} {}", same[0], same.len())).collect::<Vec<_>>().join(", ");
    let first = rows.first().map_or(0, |r| r.row);
    let rows = rows.len();
    format!("{rows} {} failed a test of their quality ({counts}; the first is row {first})", plural(rows, "row"))
}

/// Why the first row without labels was refused, where there is one: `; row 3 was refused: WHY`.
pub(super) fn reason(rows: &[Quarantined]) -> String {
    let first = rows.iter().find_map(|r| r.reason.as_ref().map(|reason| (r.row, reason)));
    first.map_or(String::new(), |(row, reason)| format!("; row {row} was refused: {reason}"))
}
