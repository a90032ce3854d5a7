//! From weighted points of one row to the moments of its statistics.

use super::estimate::{Estimate, LogNormalizer, Weighted, effective};
use crate::error::{Error, Result};
use crate::family::{Family, Integrand, Moments};
use crate::sample::control::{Controls, DRAWS_PER_CONTROL};
use crate::sample::rare::RARE;

/// Equal statistics once.
pub(in crate::sample) struct Unique {
    /// For each statistic its place among the distinct ones.
    of: Vec<usize>,
    /// For each distinct one the first statistic that it is.
    first: Vec<usize>,
}

impl Unique {
    /// Of the statistics of a family.
    pub fn new(family: &Family) -> Unique {
        let (_, t, _) = family.graph();
        let mut first: Vec<usize> = Vec::new();
        let of = t
            .iter()
            .enumerate()
            .map(|(i, node)| {
                first.iter().position(|f| t[*f] == *node).unwrap_or_else(|| {
                    first.push(i);
                    first.len() - 1
                })
            })
            .collect();
        Unique { of, first }
    }
}

/// T, [n, k], and the log measure, `[n]`, at `points` over the coordinates of [`Family::terms`].
///
/// # Errors
/// When one is not finite where there is density.
pub(in crate::sample) fn statistics(
    family: &Family,
    whole: &Integrand,
    points: &[f64],
    eta: &[f64],
) -> Result<(Vec<f64>, Vec<f64>)> {
    let k = eta.len();
    let table = whole.program().evaluate(Integrand::STATISTICS, points, &vec![0.0; k]);
    let (mut t, mut measure) = (Vec::with_capacity(table.len()), Vec::with_capacity(table.len() / (k + 1)));
    for row in table.chunks(k + 1) {
        if row[k] != f64::NEG_INFINITY && row.iter().any(|v| !v.is_finite()) {
            return Err(Error::numeric(format!(
                "a statistic or the log density of '{}' is not finite on a point at eta = {eta:?}",
                family.name()
            ))
            .hint("it is NaN or infinite somewhere on the support; choose another support, or restrict it with where:"));
        }
        t.extend_from_slice(&row[..k]);
        measure.push(row[k]);
    }
    Ok((t, measure))
}

/// Standard errors from zero at which the mean of a control is no accident: t with 15 degrees of freedom is beyond once in 4e4.
const SUSPECT: f64 = 6.0;
/// Mean of a control in its own units below which it says nothing: a far tail that few points meet moves it by as much.
const VISIBLE: f64 = 0.1;

/// Weighted points of one row.
pub(in crate::sample) struct Drawn<'a> {
    pub family: &'a Family,
    pub eta: &'a [f64],
    /// Points over the coordinates of [`Family::terms`], [n, m].
    pub points: &'a [f64],
    /// T, [n, k].
    pub t: &'a [f64],
    /// Weights that sum to 1, `[n]`.
    pub weights: &'a [f64],
    /// Independent replicates, equal shares of the points.
    pub replicates: usize,
    pub control_variates: bool,
}

impl Drawn<'_> {
    /// Moments of the distinct statistics.
    /// The second value is a gate that failed: "stein" where the points miss a part of the density, so that functions whose means
    /// are zero under the density have other means over the points, because the density does not end where the points do;
    /// "rare" where a statistic varies on a few points only, or on none.
    pub fn estimate(&self, unique: &Unique) -> Result<(Estimate, &'static str)> {
        let t: Vec<f64> = self.t.chunks(self.eta.len()).flat_map(|t| unique.first.iter().map(|i| t[*i])).collect();
        let (controls, width) = self.controls()?;
        let misses = self.misses(&controls, width);
        let width = if self.control_variates { width } else { 0 };
        let weighted = Weighted {
            t: &t,
            statistics: unique.first.len(),
            weights: self.weights,
            controls: if width == 0 { &[] } else { &controls },
            width,
            replicates: self.replicates,
        };
        let gate = match () {
            () if misses => "stein",
            () if weighted.is_rare() => RARE,
            () => "",
        };
        Ok((weighted.estimate(), gate))
    }
    /// Whether a control, of the first `width`, has another mean than zero: by more than chance, and by more than rounding.
    fn misses(&self, controls: &[f64], width: usize) -> bool {
        let each = self.weights.len() / self.replicates;
        let n = self.replicates as f64;
        (0..width).any(|c| {
            let values = |r: usize| controls[r * each * width..(r + 1) * each * width].iter().skip(c).step_by(width);
            let weights = |r: usize| self.weights[r * each..(r + 1) * each].iter();
            let sum = |r: usize, f: &dyn Fn(f64) -> f64| values(r).zip(weights(r)).map(|(v, w)| w * f(*v)).sum::<f64>();
            let square: f64 = (0..self.replicates).map(|r| sum(r, &|v| v * v)).sum();
            let means: Vec<f64> = (0..self.replicates).map(|r| n * sum(r, &|v| v)).collect();
            let mean = means.iter().sum::<f64>() / n;
            let spread = means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / (n * (n - 1.0));
            mean.abs() > VISIBLE * square.sqrt() && mean.abs() > SUSPECT * spread.sqrt()
        })
    }
    /// Controls at the points, [n, p], and p: those that are finite wherever there is weight, the first ones first.
    fn controls(&self) -> Result<(Vec<f64>, usize)> {
        let Some(controls) = Controls::of(self.family) else {
            return Ok((vec![], 0));
        };
        let (all, p) = (controls.evaluate(self.points, self.eta)?, controls.count());
        let live = |c: &usize| all.chunks(p).zip(self.weights).all(|(row, w)| *w == 0.0 || row[*c].is_finite());
        let most = (effective(self.weights) / DRAWS_PER_CONTROL) as usize;
        let kept: Vec<usize> = (0..p).filter(live).take(most).collect();
        Ok((all.chunks(p).flat_map(|row| kept.iter().map(|c| row[*c])).collect(), kept.len()))
    }
}

impl Estimate {
    /// Append the row, all statistics.
    pub fn append(&self, out: &mut Moments, unique: &Unique, a: LogNormalizer, method: &'static str, gate: &'static str) {
        let d = unique.first.len();
        let ess = (0..d).map(|s| self.cov[s * d + s] / self.mcse[s].powi(2)).fold(f64::INFINITY, f64::min);
        out.mu_t.extend(unique.of.iter().map(|u| self.mean[*u]));
        out.mcse.extend(unique.of.iter().map(|u| self.mcse[*u]));
        out.ess.push(ess);
        out.rhat.push(self.rhat);
        out.divergences.push(0);
        out.method.push(method);
        out.gate.push(gate);
        out.push_log_normalizer(a.value, a.error);
        if let Some(all) = &mut out.cov_tt {
            unique.of.iter().for_each(|i| all.extend(unique.of.iter().map(|j| self.cov[i * d + j])));
        }
    }
}
