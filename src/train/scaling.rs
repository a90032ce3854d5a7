//! Units: inputs per component of eta, outputs per statistic, and the box of eta that was seen.

use crate::data::Dataset;
use crate::error::{Error, Result};

/// Share of sd(mu_i) that is one unit of the network's output.
///
/// Not the pooled sd(T_i): where eta concentrates the law, mu_i spreads over hundreds of those and the network never gets
/// there. Measured on three maps (smooth in 2, smooth in 7, gamma), 200 epochs, share 1 / 0.3 / 0.1 / 0.03: rmse 0.013, 0.082,
/// 0.034 / 0.007, 0.053, 0.021 / 0.006, 0.043, 0.023 / 0.010, 0.155, 0.114 sd without dropout.
const OUTPUT_SHARE: f64 = 0.3;

/// Affine units between the numbers of a dataset and those of a network. Every array is `[k]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    /// Mean of each component of eta over the training rows.
    pub eta_mean: Vec<f64>,
    /// Standard deviation of each component of eta over the training rows; 1 where it is constant.
    pub eta_sd: Vec<f64>,
    /// Mean of each mu_i over the training rows.
    pub mu_mean: Vec<f64>,
    /// Standard deviation of each mu_i over the training rows: `unit` where mu_i is constant.
    pub mu_sd: Vec<f64>,
    /// One unit of the network's output.
    pub output_unit: Vec<f64>,
    /// Pooled sd(T_i), the root of the mean variance in cov_TT: the unit of errors. `mu_sd` where cov_TT says 0, and 1
    /// where mu_i is constant too.
    pub unit: Vec<f64>,
    /// Smallest training value of each component of eta.
    pub low: Vec<f64>,
    /// Largest training value of each component of eta.
    pub high: Vec<f64>,
}

impl Scaling {
    /// The units of `data`.
    ///
    /// # Errors
    /// When a row holds a number that is not finite, or a negative variance.
    pub fn of(data: &Dataset) -> Result<Self> {
        let k = data.dim();
        check(data)?;
        let (eta_mean, eta_sd) = mean_and_sd(data.eta(), k);
        let eta_sd = eta_sd.into_iter().map(|sd| if sd > 0.0 { sd } else { 1.0 }).collect();
        let (mu_mean, mut mu_sd) = mean_and_sd(data.mu_t(), k);
        let mut unit: Vec<f64> = (0..k).map(|i| (diagonal(data, i).sum::<f64>() / data.len() as f64).sqrt()).collect();
        for (unit, sd) in unit.iter_mut().zip(&mut mu_sd) {
            *unit = [*unit, *sd, 1.0].into_iter().find(|u| *u > 0.0).unwrap_or(1.0);
            *sd = if *sd > 0.0 { *sd } else { *unit };
        }
        let output_unit = mu_sd.iter().map(|sd| OUTPUT_SHARE * sd).collect();
        let edge = |i: usize, f: fn(f64, f64) -> f64| data.eta().iter().skip(i).step_by(k).copied().reduce(f).unwrap_or(0.0);
        let low = (0..k).map(|i| edge(i, f64::min)).collect();
        let high = (0..k).map(|i| edge(i, f64::max)).collect();
        Ok(Scaling { eta_mean, eta_sd, mu_mean, mu_sd, output_unit, unit, low, high })
    }
    /// Number of statistics k.
    pub fn dim(&self) -> usize {
        self.unit.len()
    }
    /// The arrays by name, for files.
    pub fn named(&self) -> [(&'static str, &Vec<f64>); 8] {
        [
            ("eta_mean", &self.eta_mean),
            ("eta_sd", &self.eta_sd),
            ("mu_mean", &self.mu_mean),
            ("mu_sd", &self.mu_sd),
            ("output_unit", &self.output_unit),
            ("unit", &self.unit),
            ("low", &self.low),
            ("high", &self.high),
        ]
    }
    /// Standardised eta, for one row or many.
    pub fn standardise_eta(&self, eta: &[f64]) -> Vec<f64> {
        affine(eta, |v, i| (v - self.eta_mean[i]) / self.eta_sd[i], self.dim())
    }
    /// Mean parameters in the network's units, for one row or many.
    pub fn standardise_mu(&self, mu: &[f64]) -> Vec<f64> {
        affine(mu, |v, i| (v - self.mu_mean[i]) / self.output_unit[i], self.dim())
    }
    /// Mean parameters from the network's output, for one row or many.
    pub fn restore_mu(&self, output: &[f64]) -> Vec<f64> {
        affine(output, |v, i| v * self.output_unit[i] + self.mu_mean[i], self.dim())
    }
    /// Whether `eta`, `[k]`, lies in the box of the training rows, widened by a twentieth of its width on each side.
    pub fn contains(&self, eta: &[f64]) -> bool {
        eta.len() == self.dim()
            && eta.iter().zip(self.low.iter().zip(&self.high)).all(|(e, (low, high))| {
                let margin = 0.05 * (high - low) + 1e-9 * low.abs().max(high.abs());
                (low - margin..=high + margin).contains(e)
            })
    }
    /// Centre of the box, `[k]`.
    pub fn center(&self) -> Vec<f64> {
        self.low.iter().zip(&self.high).map(|(low, high)| 0.5 * (low + high)).collect()
    }
    /// Rows [n, k] of sd(T_i) from covariances [n, k, k], not below `floor` times the pooled unit.
    pub fn row_sd(&self, cov_tt: &[f64], floor: f64) -> Vec<f64> {
        let k = self.dim();
        let sd = |row: &[f64], i: usize| row[i * k + i].max(0.0).sqrt().max(floor * self.unit[i]);
        cov_tt.chunks_exact(k * k).flat_map(|row| (0..k).map(move |i| sd(row, i))).collect()
    }
}

/// Variance of statistic `i`, row by row.
fn diagonal(data: &Dataset, i: usize) -> impl Iterator<Item = f64> {
    let k = data.dim();
    data.cov_tt().iter().skip(i * k + i).step_by(k * k).copied()
}

fn affine(values: &[f64], f: impl Fn(f64, usize) -> f64, k: usize) -> Vec<f64> {
    values.iter().enumerate().map(|(at, v)| f(*v, at % k)).collect()
}

/// Column means and standard deviations of [n, k]; 0 for a column that is constant to rounding.
fn mean_and_sd(rows: &[f64], k: usize) -> (Vec<f64>, Vec<f64>) {
    let n = (rows.len() / k) as f64;
    let column = |i: usize| rows.iter().skip(i).step_by(k);
    let mean: Vec<f64> = (0..k).map(|i| column(i).sum::<f64>() / n).collect();
    let sd = |i: usize| (column(i).map(|v| (v - mean[i]).powi(2)).sum::<f64>() / n).sqrt();
    let sd = (0..k).map(|i| if sd(i) > 1e-12 * mean[i].abs() { sd(i) } else { 0.0 }).collect();
    (mean, sd)
}

fn check(data: &Dataset) -> Result<()> {
    let k = data.dim();
    for (name, values) in [("eta", data.eta()), ("mu_T", data.mu_t())] {
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            return Err(Error::domain(format!("{name} of statistic {} is {} in a row of the data", at % k, values[at])));
        }
    }
    for i in 0..k {
        if let Some(bad) = diagonal(data, i).find(|v| !v.is_finite() || *v < 0.0) {
            return Err(Error::domain(format!("cov_TT[{i}, {i}] is {bad} in a row of the data: it is a variance")));
        }
    }
    Ok(())
}
