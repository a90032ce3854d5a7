//! Rows that cannot be labelled: one of them does not stop the others.

use super::part::Rows;
use crate::error::{Error, Kind, Result};
use crate::family::{Family, Moments};
use crate::sample::{BLOCK, check_rows};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Labels of rows, [n, k], that start at a row of a job.
pub(super) type Labeller<'a> = &'a (dyn Fn(&[f64], usize) -> Result<Moments> + Sync);

/// The gate of a row that cannot be labelled; the reason follows.
pub(super) const REFUSED: &str = "refused";

/// Rows that are known to have no label before the work, and why.
pub(super) type Wrong = BTreeMap<usize, Error>;

/// So many rows, all of them refused, say that it is not the rows: their job is given up.
pub(super) const HOPELESS: usize = 256;

/// The rows of `eta`, [n, k], that lie outside the natural space.
///
/// # Errors
/// When eta does not fit the family.
pub(super) fn improper(family: &Family, eta: &[f64]) -> Result<Wrong> {
    match check_rows(family, eta) {
        Ok(()) => Ok(Wrong::new()),
        Err(e) if !concerns_rows(&e) => Err(e),
        Err(_) => {
            let rows: Vec<&[f64]> = eta.chunks(family.dim()).collect();
            Ok(rows.par_iter().enumerate().filter_map(|(row, eta)| family.check_eta(eta).err().map(|e| (row, e))).collect())
        }
    }
}

/// The rows of `eta`, [n, k], from the row `first` of their job, by `label`; those that are `wrong`, or that it fails for, are
/// refused with the reason. A block of rows in which one is refused is labelled row by row, whatever chunk it is in.
///
/// # Errors
/// What does not concern single rows: an interruption, files, a method that does not serve the family.
pub(super) fn label_rows(label: Labeller, wrong: &Wrong, eta: &[f64], k: usize, first: usize) -> Result<Rows> {
    let (moments, refused) = label_or_refuse(label, wrong, eta, k, first)?;
    let mut rows = Rows::new(first, k, moments)?;
    refused.iter().for_each(|(row, reason)| rows.gate[row - first] = format!("{REFUSED}: {reason}"));
    Ok(rows)
}

fn label_or_refuse(label: Labeller, wrong: &Wrong, eta: &[f64], k: usize, first: usize) -> Result<(Moments, Wrong)> {
    let n = eta.len() / k;
    if wrong.range(first..first + n).next().is_none() {
        match label(eta, first) {
            Err(e) if concerns_rows(&e) => {}
            done => return done.map(|moments| (moments, Wrong::new())),
        }
    }
    let (mut all, mut refused) = (Moments::default(), Wrong::new());
    if n > BLOCK {
        for (i, block) in eta.chunks(BLOCK * k).enumerate() {
            let (moments, more) = label_or_refuse(label, wrong, block, k, first + i * BLOCK)?;
            all.extend(moments);
            refused.extend(more);
        }
        return Ok((all, refused));
    }
    for (row, eta) in (first..).zip(eta.chunks(k)) {
        let known = wrong.get(&row).cloned();
        match known.map_or_else(|| label(eta, row), Err) {
            Ok(moments) => all.extend(moments),
            Err(e) if concerns_rows(&e) => {
                all.extend(nothing(k));
                refused.insert(row, e);
            }
            Err(e) => return Err(e),
        }
    }
    Ok((all, refused))
}

/// Whether an error may be that of a single row.
fn concerns_rows(error: &Error) -> bool {
    matches!(error.kind(), Kind::Numeric | Kind::Domain)
}

/// What stands for the labels of a row that has none.
fn nothing(k: usize) -> Moments {
    Moments {
        mu_t: vec![f64::NAN; k],
        cov_tt: Some(vec![f64::NAN; k * k]),
        log_normalizer: Some(vec![f64::NAN]),
        log_normalizer_error: Some(vec![f64::NAN]),
        mcse: vec![f64::NAN; k],
        ess: vec![f64::NAN],
        rhat: vec![f64::NAN],
        divergences: vec![0],
        method: vec!["none"],
        gate: vec![REFUSED],
    }
}
