//! What a trained network is worth: errors on rows that nothing was chosen by.

use super::scaling::Scaling;
use crate::data::Dataset;
use crate::family::Moments;
use serde::{Deserialize, Serialize};

/// Share of the pooled sd(T_i) below which the sd of a row is not taken, only to keep a division finite.
const TINY: f64 = 1e-6;

/// Errors on the test rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestMetrics {
    /// Number of test rows.
    pub rows: usize,
    /// Mean squared error against the labels, in label units, over rows and statistics.
    pub mse: f64,
    /// Squared error over var(mu_T) among the training rows, averaged over the statistics (a constant one counts
    /// over its pooled var(T_i)).
    pub rel_mse: f64,
    /// Root mean squared error against the labels in units of sd(T_i) of each row.
    pub rmse_sd: f64,
    /// The same for each statistic, `[k]`.
    pub rmse_sd_by_stat: Vec<f64>,
    /// Root mean squared error against exact moments in units of their own sd(T_i), where there were exact moments.
    pub truth_rmse_sd: Option<f64>,
    /// Root mean squared standard error of the labels in units of sd(T_i): from the notes of the rows, else from `ess`.
    pub label_noise_sd: Option<f64>,
}

/// Test rows beside what the network says of them; all [rows, k].
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    /// Natural parameters.
    pub eta: Vec<f64>,
    /// Labels.
    pub mu_label: Vec<f64>,
    /// Predicted mean parameters.
    pub mu_predicted: Vec<f64>,
    /// Exact mean parameters, where they were to be had.
    pub mu_truth: Option<Vec<f64>>,
}

/// Score predictions `mu` [n, k] for the rows of `test`; `truth` holds exact moments with covariances.
pub(super) fn score(mu: &[f64], test: &Dataset, truth: Option<&Moments>, scaling: &Scaling) -> TestMetrics {
    let k = test.dim();
    let sd = scaling.row_sd(test.cov_tt(), TINY);
    let square = |at: usize| (mu[at] - test.mu_t()[at]).powi(2);
    let column =
        |i: usize, f: &dyn Fn(usize) -> f64| (0..test.len()).map(|row| f(row * k + i)).sum::<f64>() / test.len() as f64;
    let relative = (0..k).map(|i| column(i, &square) / scaling.mu_sd[i].powi(2)).sum::<f64>();
    let by_stat: Vec<f64> = (0..k).map(|i| column(i, &|at| square(at) / sd[at].powi(2)).sqrt()).collect();
    let truth_rmse_sd = truth.and_then(|exact| {
        let sd = scaling.row_sd(exact.cov_tt.as_deref()?, TINY);
        Some(root_mean((0..mu.len()).map(|at| ((mu[at] - exact.mu_t[at]) / sd[at]).powi(2))))
    });
    TestMetrics {
        rows: test.len(),
        mse: (0..mu.len()).map(square).sum::<f64>() / mu.len().max(1) as f64,
        rel_mse: relative / k as f64,
        rmse_sd: root_mean(by_stat.iter().map(|e| e * e)),
        rmse_sd_by_stat: by_stat,
        truth_rmse_sd,
        label_noise_sd: label_noise(test, &sd),
    }
}

fn label_noise(test: &Dataset, sd: &[f64]) -> Option<f64> {
    let noise = match test.notes() {
        Some(notes) => root_mean(notes.mcse.iter().zip(sd).map(|(m, s)| (m / s).powi(2))),
        None => root_mean(test.ess().iter().map(|ess| 1.0 / ess)),
    };
    noise.is_finite().then_some(noise)
}

fn root_mean(squares: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = squares.len().max(1) as f64;
    (squares.sum::<f64>() / n).sqrt()
}
