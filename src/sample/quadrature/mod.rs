//! Moments by quadrature on grids shared by many eta.
//!
//! The exponent falls apart into components (see [`crate::family::Integrand`]); each is integrated on its own, a component of
//! up to three coordinates on one grid, a chain or tree by sum-product. T and b are evaluated once on the nodes; for each eta,
//! L = T eta + b + log w, A = logsumexp(L), p = softmax(L), mu = p T, Cov = T' diag(p) T - mu mu'. The trapezoidal rule on
//! unbounded axes (it converges exponentially for smooth densities), Gauss-Legendre panels on segments and on axes with kinks,
//! split at the kinks; lines split one by one where kinks cut across the axes. Nodes are refined until mu and A stand still.
//!
//! From the outside in: [`scan`] finds the window of an eta by ever nearer looks ([`look`]), with the modes between their nodes
//! ([`summits`], [`others`]); [`component`] puts rows with similar windows on one grid ([`grid`], refined by [`level`]) and sees to those
//! that it does not resolve.
//! Three lines all coupled are laid out in each density's own axes ([`flood`]) from what a [`coarse`] grid shows, or mode by mode
//! ([`basins`]); a narrow [`ridge`] is followed line by line
//! ([`nested`]), and surfaces split the lines ([`crossings`], [`planes`]).
//!
//! # Source
//! Trefethen and Weideman, "The exponentially convergent trapezoidal rule", SIAM Review 56 (2014).

mod basins;
mod coarse;
mod component;
mod crossings;
mod effort;
mod flood;
mod forest;
mod grid;
mod kernels;
mod lattice;
mod level;
mod look;
mod nested;
mod others;
mod planes;
mod ridge;
mod row;
mod rule;
mod scan;
mod split;
mod summits;
mod table;
mod view;
mod window;

use crate::error::{Error, Result};
use crate::family::{Family, Moments, check_batch};
use crate::num::observe::Monitor;
use crate::num::short;
use row::Row;
use std::sync::atomic::AtomicU64;

/// Options of [`quadrature`].
#[derive(Debug, Clone, PartialEq)]
pub struct QuadratureOptions {
    /// Change of mu between two resolutions, in standard deviations of each statistic, at which refinement stops.
    pub tol: f64,
    /// Most nodes of a grid.
    pub max_nodes: usize,
}

impl Default for QuadratureOptions {
    fn default() -> Self {
        QuadratureOptions { tol: 1e-11, max_nodes: 1 << 21 }
    }
}

impl QuadratureOptions {
    /// Check ranges.
    ///
    /// # Errors
    /// When `tol` is not positive, or there are no nodes.
    pub fn check(&self) -> Result<()> {
        if !(self.tol > 0.0 && self.tol < 1.0) {
            return Err(Error::domain(format!("tol is {}; it lies between 0 and 1, in standard deviations", short(self.tol))));
        }
        if self.max_nodes == 0 {
            return Err(Error::domain("max_nodes is 0; at least one node is needed"));
        }
        Ok(())
    }
}

/// Least error of a mean that is claimed, in units of its size and standard deviation, and of A, in units of its size and 1: rounding of the sums, and what lies beyond
/// the windows.
const ROUNDING: f64 = 2e-13;

/// Most coordinates of a clique.
const WIDEST: usize = 3;

/// Whether quadrature can handle a family: its support has axes, and no more than three coordinates hang together directly.
pub(in crate::sample) fn applies(family: &Family) -> bool {
    family.integrand().is_some_and(|i| i.width() <= WIDEST)
}

/// Moments of the rows `eta`, [n, k], with covariance and log-normaliser. `mcse` and `log_normalizer_error` hold the error estimates. Rows of one call
/// share grids.
///
/// # Errors
/// When the support has no axes or more than three coordinates hang together, a density does not decay, or the user interrupts.
pub fn quadrature(family: &Family, eta: &[f64], options: &QuadratureOptions, monitor: &Monitor) -> Result<Moments> {
    counted(family, eta, options, monitor).0
}

/// The same with the work of what was laid out line by line, in units of one to three nanoseconds.
pub(in crate::sample) fn counted(
    family: &Family,
    eta: &[f64],
    options: &QuadratureOptions,
    monitor: &Monitor,
) -> (Result<Moments>, u64) {
    let work = AtomicU64::new(0);
    let found = moments(family, eta, options, monitor, &work);
    (found, work.into_inner())
}

fn moments(family: &Family, eta: &[f64], options: &QuadratureOptions, monitor: &Monitor, work: &AtomicU64) -> Result<Moments> {
    let k = family.dim();
    let n = check_batch(eta, k)?;
    let integrand = family.integrand().filter(|i| i.width() <= WIDEST).ok_or_else(|| {
        Error::name(format!(
            "quadrature needs statistics that couple up to three coordinates at a time, on a support with axes; the family '{}' on {} has others",
            family.name(),
            family.support()
        ))
        .hint("method: \"hmc\" samples any continuous support")
    })?;
    let rows: Vec<&[f64]> = eta.chunks(k).collect();
    let mut whole: Vec<Row> = (0..n).map(|_| Row::nothing(k)).collect();
    for (number, component) in integrand.components().iter().enumerate() {
        let found = component::rows(family, integrand, number, &rows, options, monitor, work)?;
        whole.iter_mut().zip(found).for_each(|(all, part)| all.add(part, &component.statistics));
    }
    let mut out = Moments::with_log_normalizers();
    for (mut row, eta) in whole.into_iter().zip(&rows) {
        let sd = |s: usize| row.cov[s * k + s].max(0.0).sqrt();
        let exponent = row.grain(eta);
        for (s, error) in row.error.iter_mut().enumerate() {
            *error = error.max(ROUNDING * (row.mu[s].abs() + sd(s))).max(exponent * sd(s));
        }
        let ess = (0..k).map(|s| row.cov[s * k + s] / row.error[s].powi(2)).fold(f64::INFINITY, f64::min);
        out.ess.push(ess.min(options.tol.powi(-2)));
        out.mu_t.extend(row.mu);
        out.mcse.extend(row.error);
        out.cov_tt.iter_mut().for_each(|c| c.extend(&row.cov));
        out.push_log_normalizer(
            row.log_normalizer,
            row.log_error.max(ROUNDING * (1.0 + row.log_normalizer.abs())).max(exponent),
        );
        out.rhat.push(1.0);
        out.divergences.push(0);
        out.method.push("quadrature");
        out.gate.push("");
    }
    Ok(out)
}
