//! Means that do not exist are refused, and variances that do not are infinite.
//!
//! Both happen on the boundary of the natural space alone, where no neighbour on one side of an eta is proper. That is where a
//! component of eta is 0, but for coincidences; eta that are drawn from a region with an inside do not lie there.

use crate::error::{Error, Result};
use crate::family::{Existence, Family, Moments};

/// The variances, by row and statistic, that are infinite at `rows`, [n, k].
///
/// # Errors
/// The first row with a mean that does not exist, by its number where there are several, counted from `first`.
pub(super) fn infinite_variances(family: &Family, rows: &[f64], first: Option<usize>) -> Result<Vec<(usize, usize)>> {
    let mut found = Vec::new();
    if family.closed_form().is_some() {
        return Ok(found);
    }
    for (row, eta) in rows.chunks(family.dim()).enumerate() {
        for s in (0..eta.len()).filter(|s| eta[*s] == 0.0) {
            if let Existence::Improper { direction, reason } = family.moment(eta, s, 1) {
                let error = no_mean(family, eta, s, &direction, &reason);
                return Err(first.map_or(error.clone(), |first| error.in_row(first + row)));
            }
            if let Existence::Improper { .. } = family.moment(eta, s, 2) {
                found.push((row, s));
            }
        }
    }
    Ok(found)
}

fn no_mean(family: &Family, eta: &[f64], s: usize, direction: &str, reason: &str) -> Error {
    let name = &family.stat_names()[s];
    Error::domain(format!(
        "the mean of '{name}' does not exist in '{}' at eta = {eta:?}: its size times the density is not integrable as {direction}: {reason}",
        family.name()
    ))
    .hint(format!(
        "eta lies on the boundary of the natural space, where the density is proper but '{name}' has no mean; sample(...) and log_normalizer(...) serve there, mean(...) only without this statistic"
    ))
}

/// Put infinity where a variance of `found` is infinite.
pub(super) fn mark(moments: &mut Moments, k: usize, found: &[(usize, usize)]) {
    if let Some(cov) = &mut moments.cov_tt {
        found.iter().for_each(|(row, s)| cov[(row * k + s) * k + s] = f64::INFINITY);
    }
}
