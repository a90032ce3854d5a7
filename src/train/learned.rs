//! [`TrainedNet`]: a network that has been trained, as a map from eta to mu_T.

use super::evaluation::{Predictions, TestMetrics};
use super::history::History;
use super::options::TrainOptions;
use super::scaling::Scaling;
use crate::data::region_of;
use crate::error::{Error, Result};
use crate::expr::{Expr, Op};
use crate::family::{ExpectationMap, Family, Moments, Region, Want, check_batch};
use crate::nn::frozen::Dual;
use crate::nn::{FrozenNet, Params};
use candle_core::{Device, Tensor};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// Models whose mu_T is the gradient of a log-normaliser that they hold.
const WITH_LOG_NORMALIZER: &str = "potential_et and lse_quadrature";

/// A trained network. Cheap to clone; all numbers are f64 and in label units.
///
/// Predictions run natively on plain weights, without candle: a few microseconds for one eta.
#[derive(Clone)]
pub struct TrainedNet {
    pub(super) inner: Arc<Learned>,
    family: Option<Arc<Family>>,
}

/// What a trained network consists of.
pub(super) struct Learned {
    pub options: TrainOptions,
    pub weights: Vec<(String, Tensor)>,
    pub frozen: Box<dyn FrozenNet>,
    pub scaling: Scaling,
    /// The region that eta were drawn from, where the data say.
    pub region: Option<Region>,
    pub stat_names: Vec<String>,
    pub provenance: BTreeMap<String, String>,
    pub val_rmse: Vec<f64>,
    pub history: History,
    pub metrics: Option<TestMetrics>,
    pub predictions: Option<Predictions>,
    pub best_epoch: usize,
    pub train_rows: usize,
    pub interrupted: bool,
}

impl Learned {
    /// The network that `options` describe, with `weights` by name.
    pub fn new(
        options: &TrainOptions,
        weights: Vec<(String, Tensor)>,
        scaling: Scaling,
        stat_names: Vec<String>,
        provenance: BTreeMap<String, String>,
    ) -> Result<Self> {
        let params = Params::given(weights.into_iter().collect());
        let k = scaling.dim();
        let frozen = options.model.build(k, params.builder(&Device::Cpu))?.freeze()?;
        if let Some(name) = params.unused().first() {
            return Err(Error::file(format!("{} has no place for tensor '{name}'", options.model.name())));
        }
        let region = region_of(&provenance)?.filter(|r| r.dim() == k);
        Ok(Learned {
            options: options.clone(),
            weights: params.snapshot()?,
            frozen,
            scaling,
            region,
            stat_names,
            provenance,
            val_rmse: vec![0.0; k],
            history: History::default(),
            metrics: None,
            predictions: None,
            best_epoch: 0,
            train_rows: 0,
            interrupted: false,
        })
    }
    /// mu_T for rows of eta [n, k] that have been checked.
    pub fn mean_rows(&self, eta: &[f64]) -> Vec<f64> {
        let inputs = self.scaling.standardise_eta(eta);
        let outputs = inputs.chunks_exact(self.scaling.dim()).flat_map(|row| self.frozen.apply(Dual::point(row)).value);
        self.scaling.restore_mu(&outputs.collect::<Vec<f64>>())
    }
    /// d mu_i / d eta_j, [k, k] with row i, for one eta that has been checked.
    fn jacobian_row(&self, eta: &[f64]) -> Vec<f64> {
        let k = self.scaling.dim();
        let scale: Vec<f64> = self.scaling.eta_sd.iter().map(|sd| 1.0 / sd).collect();
        let dual = self.frozen.apply(Dual::basis(&self.scaling.standardise_eta(eta), &scale));
        (0..k * k).map(|at| dual.tangents[(at % k) * k + at / k] * self.scaling.output_unit[at / k]).collect()
    }
}

impl From<Learned> for TrainedNet {
    fn from(learned: Learned) -> Self {
        TrainedNet { inner: Arc::new(learned), family: None }
    }
}

impl TrainedNet {
    /// `E[T]` for one eta `[k]` or a batch [n, k]; the same shape comes back.
    ///
    /// # Errors
    /// When the length is not a multiple of k, or an entry is not finite.
    pub fn mean(&self, eta: &[f64]) -> Result<Vec<f64>> {
        check_batch(eta, self.inner.scaling.dim())?;
        Ok(self.inner.mean_rows(eta))
    }
    /// The exact derivative of the network, d mu_i / d eta_j: [k, k] with row i for one eta, [n, k, k] for a batch. Not
    /// symmetric in general, as this kind of network is not a gradient.
    ///
    /// # Errors
    /// As [`TrainedNet::mean`].
    pub fn jacobian(&self, eta: &[f64]) -> Result<Vec<f64>> {
        let k = self.inner.scaling.dim();
        check_batch(eta, k)?;
        Ok(eta.chunks_exact(k).flat_map(|row| self.inner.jacobian_row(row)).collect())
    }
    /// The network at traced values `x`, as many as it has statistics: a trained network as statistic T(x).
    ///
    /// # Errors
    /// When the number of values differs, or the graph is full.
    pub fn trace(&self, x: &Expr) -> Result<Expr> {
        let (scaling, k) = (&self.inner.scaling, self.inner.scaling.dim());
        if x.len() != k {
            return Err(Error::shape(format!("this network has {k} inputs, got {} traced values", x.len())));
        }
        let row = |v: &[f64]| x.trace().numbers(&[k], v);
        let input = x.reshape(&[k])?.binary(Op::Sub, &row(&scaling.eta_mean))?.binary(Op::Div, &row(&scaling.eta_sd))?;
        let output = self.inner.frozen.trace(&input)?.binary(Op::Mul, &row(&scaling.output_unit))?;
        output.binary(Op::Add, &row(&scaling.mu_mean))
    }
    /// A(eta): this kind of network has none.
    ///
    /// # Errors
    /// Always, naming the models that do.
    pub fn log_normalizer(&self, _eta: &[f64]) -> Result<Vec<f64>> {
        Err(Error::domain(format!("{} learns mu_T and has no log-normaliser", self.model()))
            .hint(format!("{WITH_LOG_NORMALIZER} have one")))
    }
    /// The same network, knowing the family that it was trained for: who takes over outside its region.
    pub fn with_family(self, family: Option<Arc<Family>>) -> Self {
        TrainedNet { family, ..self }
    }
    /// The family that it was trained for, where that is at hand (a file does not hold it).
    pub fn family(&self) -> Option<&Arc<Family>> {
        self.family.as_ref()
    }
    /// Name of the model.
    pub fn model(&self) -> &str {
        self.inner.options.model.name()
    }
    /// The options of the training, as used.
    pub fn options(&self) -> &TrainOptions {
        &self.inner.options
    }
    /// Losses and learning rates, epoch by epoch.
    pub fn history(&self) -> &History {
        &self.inner.history
    }
    /// Errors on the test rows; absent for a network that was loaded without its metrics.
    pub fn metrics(&self) -> Option<&TestMetrics> {
        self.inner.metrics.as_ref()
    }
    /// The test rows and what the network says of them; absent for a network that was loaded.
    pub fn test_predictions(&self) -> Option<&Predictions> {
        self.inner.predictions.as_ref()
    }
    /// Number of scalar weights.
    pub fn params(&self) -> usize {
        self.inner.weights.iter().map(|(_, tensor)| tensor.elem_count()).sum()
    }
    /// Names of the flattened statistics, `[k]`.
    pub fn stat_names(&self) -> &[String] {
        &self.inner.stat_names
    }
    /// Where the training data came from.
    pub fn provenance(&self) -> &BTreeMap<String, String> {
        &self.inner.provenance
    }
    /// Units of inputs and outputs, and the box of eta that was seen.
    pub fn scaling(&self) -> &Scaling {
        &self.inner.scaling
    }
    /// The region that the training eta were drawn from, where the data said; it is saved with the network.
    pub fn region(&self) -> Option<&Region> {
        self.inner.region.as_ref()
    }
    /// Root mean squared error on the validation rows, `[k]`, in label units: what the network says of its own error.
    pub fn val_rmse(&self) -> &[f64] {
        &self.inner.val_rmse
    }
    /// The epoch whose weights were kept: the best on the validation rows.
    pub fn best_epoch(&self) -> usize {
        self.inner.best_epoch
    }
    /// Whether training was stopped by the user before its last epoch.
    pub fn interrupted(&self) -> bool {
        self.inner.interrupted
    }
    /// A few lines for people.
    pub fn describe(&self) -> String {
        let inner = &self.inner;
        let mut out = format!("{}: {} statistics, {} parameters", self.name(), self.dim(), self.params());
        let (epochs, rows, best) = (inner.history.len(), inner.train_rows, inner.best_epoch);
        let state = if inner.interrupted { ", interrupted" } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "\ntrained {epochs} of {} epochs on {rows} rows{state}; kept the weights of epoch {best}",
            inner.options.epochs
        );
        if let Some(m) = &inner.metrics {
            let _ = write!(out, "\ntest error {:.2e} sd over {} rows, {:.2e} of var(mu_T)", m.rmse_sd, m.rows, m.rel_mse);
            if let Some(noise) = m.label_noise_sd {
                let _ = write!(out, "; the labels themselves {noise:.2e} sd");
            }
            if let Some(truth) = m.truth_rmse_sd {
                let _ = write!(out, "\nagainst exact moments {truth:.2e} sd");
            }
        }
        out
    }
}

impl ExpectationMap for TrainedNet {
    fn dim(&self) -> usize {
        self.inner.scaling.dim()
    }
    /// The covariance is the symmetric part of the Jacobian; the standard error is the validation error of each statistic,
    /// and `ess` counts it against the pooled var(T_i).
    fn moments(&self, eta: &[f64], want: Want) -> Result<Moments> {
        let (k, inner) = (self.dim(), &self.inner);
        let n = check_batch(eta, k)?;
        if want.log_normalizer {
            self.log_normalizer(eta)?;
        }
        let symmetric = |j: Vec<f64>| (0..k * k).map(|at| 0.5 * (j[at] + j[(at % k) * k + at / k])).collect::<Vec<f64>>();
        let cov_tt = want.cov.then(|| eta.chunks_exact(k).flat_map(|row| symmetric(inner.jacobian_row(row))).collect());
        let ess = inner
            .scaling
            .unit
            .iter()
            .zip(&inner.val_rmse)
            .map(|(unit, rmse)| (unit / rmse).powi(2))
            .fold(f64::INFINITY, f64::min);
        Ok(Moments {
            mu_t: inner.mean_rows(eta),
            cov_tt,
            log_normalizer: None,
            log_normalizer_error: None,
            mcse: inner.val_rmse.repeat(n),
            ess: vec![ess; n],
            rhat: vec![1.0; n],
            divergences: vec![0; n],
            method: vec!["network"; n],
            gate: vec![""; n],
        })
    }
    /// Exact where the region of the data is known, else the box of the training rows.
    fn contains(&self, eta: &[f64]) -> bool {
        match &self.inner.region {
            Some(region) => eta.len() == region.dim() && region.contains(eta),
            None => self.inner.scaling.contains(eta),
        }
    }
    fn center(&self) -> Vec<f64> {
        self.inner.region.as_ref().map_or_else(|| self.inner.scaling.center(), Region::center)
    }
    fn name(&self) -> String {
        match self.inner.provenance.get("family") {
            Some(family) => format!("{} for {family}", self.model()),
            None => self.model().to_string(),
        }
    }
}

impl std::fmt::Debug for TrainedNet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.describe())
    }
}
