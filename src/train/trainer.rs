//! [`Trainer`]: the loop, one epoch a step.

use super::evaluation::{Predictions, score};
use super::history::{EpochInfo, History};
use super::learned::{Learned, TrainedNet};
use super::options::{LossType, TrainOptions};
use super::scaling::Scaling;
use crate::data::{Dataset, Split};
use crate::error::{Error, Kind, Result};
use crate::family::{ExpectationMap, Moments, Want};
use crate::nn::{Net, Params};
use crate::num::observe::Monitor;
use crate::num::stream::Stream;
use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use rand::seq::SliceRandom;
use std::sync::Arc;

/// Norm to which a larger gradient is shortened, for a loss that is 1 when every label is predicted by their mean. Small
/// enough to bind through the first epochs, where long gradients would otherwise swell the second moments of AdamW: against 0.1
/// and 1 the rmse of the three maps named in `scaling.rs` is lower by a fifth and by a half.
const LONGEST_GRADIENT: f64 = 0.01;
/// Share of the pooled sd(T_i) below which the Fisher loss does not take the sd of a row.
const FISHER_FLOOR: f64 = 0.05;
/// Backward passes recurse; candle's own threads gain nothing on networks of this size.
const STACK: usize = 64 << 20;

/// Training in progress.
///
/// # Example
/// ```
/// use nnef::{data::Dataset, num::observe::Monitor, train::{TrainOptions, Trainer}};
/// let eta: Vec<f64> = (0..40).map(|i| i as f64 / 20.0 - 1.0).collect();
/// let data = Dataset::new(1, eta.clone(), eta, vec![1.0; 40], vec![1e4; 40], Default::default()).unwrap();
/// let options = TrainOptions { epochs: 3, ..Default::default() };
/// let mut trainer = Trainer::new(&data, &options, None).unwrap();
/// while !trainer.done() {
///     let info = trainer.step(&Monitor::silent()).unwrap();
///     assert!(info.train_loss.is_finite());
/// }
/// assert_eq!(trainer.finish().unwrap().history().len(), 3);
/// ```
pub struct Trainer {
    options: TrainOptions,
    data: Dataset,
    split: Split,
    truth: Option<Moments>,
    scaling: Scaling,
    device: Device,
    pool: Arc<rayon::ThreadPool>,
    stream: Stream,
    params: Params,
    vars: Vec<Var>,
    net: Box<dyn Net>,
    optimizer: AdamW,
    rows: Rows,
    val: Rows,
    best: Option<Best>,
    history: History,
    interrupted: bool,
}

/// Rows on the device: inputs, targets and the weight of each residual, all [n, k].
struct Rows {
    eta: Tensor,
    target: Tensor,
    weight: Tensor,
    /// The loss when every label is predicted by their mean; by one unit of output, where all labels are equal.
    scale: f64,
}

struct Best {
    loss: f64,
    epoch: usize,
    weights: Vec<(String, Tensor)>,
}

impl Trainer {
    /// Split `data`, make the network and, with `truth`, the exact moments of the test rows.
    ///
    /// # Errors
    /// As [`super::train`].
    pub fn new(data: &Dataset, options: &TrainOptions, truth: Option<&dyn ExpectationMap>) -> Result<Self> {
        let options = options.clone().valid()?;
        let k = data.dim();
        if k == 0 {
            return Err(Error::shape("the data have no statistics: there is nothing to learn"));
        }
        Scaling::of(data).map_err(|e| e.context("training data"))?;
        let split = data.split(options.split_seed)?;
        let scaling = Scaling::of(&split.train)?;
        let truth = match truth {
            Some(map) if map.dim() != k => {
                return Err(Error::shape(format!("{} has {} statistics, the data have {k}", map.name(), map.dim())));
            }
            Some(map) => Some(map.moments(split.test.eta(), Want { cov: true, log_normalizer: false })),
            None => None,
        };
        let truth = truth.transpose().map_err(|e| e.context("exact moments of the test rows"))?;
        let device = Device::cuda_if_available(0)?;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).stack_size(STACK).thread_name(|_| "nnef-train".into());
        let pool = Arc::new(pool.build().map_err(|e| Error::numeric(format!("no thread for training: {e}")))?);
        let stream = Stream::new(options.seed).child("train");
        let params = Params::seeded(stream.child("init"));
        let net = options.model.build(k, params.builder(&device))?;
        let vars: Vec<Var> = params.vars().into_iter().map(|(_, var)| var).collect();
        let adam = ParamsAdamW { lr: options.learning_rate, weight_decay: options.weight_decay, ..ParamsAdamW::default() };
        let optimizer = AdamW::new(vars.clone(), adam)?;
        let rows = Rows::new(&split.train, &scaling, options.loss_type, &device)?;
        let val = Rows::new(&split.val, &scaling, options.loss_type, &device)?;
        let (data, history) = (data.clone(), History::default());
        let (best, interrupted) = (None, false);
        Ok(Trainer {
            options,
            data,
            split,
            truth,
            scaling,
            device,
            pool,
            stream,
            params,
            vars,
            net,
            optimizer,
            rows,
            val,
            best,
            history,
            interrupted,
        })
    }
    /// Whether all epochs are finished.
    pub fn done(&self) -> bool {
        self.history.len() >= self.options.epochs
    }
    /// Epochs so far.
    pub fn history(&self) -> &History {
        &self.history
    }
    /// Run one epoch.
    ///
    /// # Errors
    /// [`Kind::Interrupted`] when `monitor` is cancelled between two batches: the trainer stays usable, and [`Trainer::finish`]
    /// gives the network so far. [`Kind::Numeric`] when the loss is not finite. [`Kind::Domain`] when training is done.
    pub fn step(&mut self, monitor: &Monitor) -> Result<EpochInfo> {
        if self.done() {
            return Err(Error::domain(format!("training is done: all {} epochs are finished", self.options.epochs)));
        }
        let result = self.on_pool(|trainer| trainer.epoch(monitor));
        self.interrupted = matches!(&result, Err(e) if e.kind() == Kind::Interrupted);
        let info = result?;
        self.history.push(&info);
        Ok(info)
    }
    /// The network with the best validated weights so far, scored on the test rows. Training can go on afterwards.
    ///
    /// # Errors
    /// When the validation loss of an untrained network is not finite, or the weights cannot be read.
    pub fn finish(&mut self) -> Result<TrainedNet> {
        self.on_pool(|trainer| {
            if trainer.best.is_none() || trainer.history.val_loss.last().is_none_or(|loss| loss.is_nan()) {
                trainer.validate(trainer.history.len())?;
            }
            trainer.assemble()
        })
    }

    /// Run `work` where all tensor work is done: one thread, so the bytes do not depend on the number of cores.
    fn on_pool<T: Send>(&mut self, work: impl FnOnce(&mut Trainer) -> T + Send) -> T {
        let pool = Arc::clone(&self.pool);
        pool.install(|| work(self))
    }

    fn epoch(&mut self, monitor: &Monitor) -> Result<EpochInfo> {
        let epoch = self.history.len();
        let n = self.split.train.len();
        let batches = n.div_ceil(self.options.batch_size);
        let total = (batches * self.options.epochs) as f64;
        let mut order: Vec<u32> = (0..n as u32).collect();
        order.shuffle(&mut self.stream.child("batches").at(epoch as u64).rng());
        let dropout = epoch < self.options.dropout_until();
        let mut masks = dropout.then(|| self.stream.child("dropout").at(epoch as u64).rng());
        let (mut loss_sum, mut norm_sum) = (0.0, 0.0);
        for batch in 0..batches {
            monitor.check()?;
            let (from, to) = (batch * n / batches, (batch + 1) * n / batches);
            let index = Tensor::from_slice(&order[from..to], to - from, &self.device)?;
            let done = (epoch * batches + batch) as f64 / total;
            self.optimizer.set_learning_rate(self.options.learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * done).cos()));
            let loss = self.rows.select(&index)?.loss(self.net.as_ref(), masks.as_mut())?;
            let mut gradients = loss.backward()?;
            let norm = shorten(&mut gradients, &self.vars, LONGEST_GRADIENT * self.rows.scale)?;
            let value = f64::from(loss.to_scalar::<f32>()?);
            if !(value.is_finite() && norm.is_finite()) {
                let message = format!("epoch {}: the loss is {value} and the gradient {norm}", epoch + 1);
                return Err(Error::numeric(message).hint("a smaller learning_rate, or labels without outliers"));
            }
            self.optimizer.step(&gradients)?;
            loss_sum += value * (to - from) as f64;
            norm_sum += norm / batches as f64;
        }
        let due = (epoch + 1).is_multiple_of(self.options.eval_steps) || epoch + 1 == self.options.epochs;
        let val_loss = if due { Some(self.validate(epoch + 1)?) } else { None };
        Ok(EpochInfo {
            epoch: epoch + 1,
            learning_rate: self.optimizer.learning_rate(),
            train_loss: loss_sum / n as f64,
            val_loss,
            gradient_norm: norm_sum,
            dropout,
        })
    }

    /// Loss of the validation rows without dropout; keeps the weights when they are the best so far.
    fn validate(&mut self, epoch: usize) -> Result<f64> {
        let loss = f64::from(self.val.loss(self.net.as_ref(), None)?.to_scalar::<f32>()?);
        if !loss.is_finite() {
            return Err(Error::numeric(format!("epoch {epoch}: the validation loss is {loss}")).hint("a smaller learning_rate"));
        }
        if self.best.as_ref().is_none_or(|best| loss < best.loss) {
            self.best = Some(Best { loss, epoch, weights: self.params.snapshot()? });
        }
        Ok(loss)
    }

    fn assemble(&self) -> Result<TrainedNet> {
        let best = self.best.as_ref().ok_or_else(|| Error::numeric("no state of the network was validated"))?;
        let mut provenance = self.data.provenance().clone();
        provenance.entry("rows".to_string()).or_insert_with(|| self.data.len().to_string());
        let mut learned =
            Learned::new(&self.options, best.weights.clone(), self.scaling.clone(), self.data.stat_names(), provenance)?;
        let val = &self.split.val;
        let (k, mu) = (val.dim(), learned.mean_rows(val.eta()));
        let square = |i: usize| mu.iter().zip(val.mu_t()).skip(i).step_by(k).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        learned.val_rmse = (0..k).map(|i| (square(i) / val.len() as f64).sqrt()).collect();
        let test = &self.split.test;
        let mu = learned.mean_rows(test.eta());
        learned.metrics = Some(score(&mu, test, self.truth.as_ref(), &self.scaling));
        learned.predictions = Some(Predictions {
            eta: test.eta().to_vec(),
            mu_label: test.mu_t().to_vec(),
            mu_predicted: mu,
            mu_truth: self.truth.as_ref().map(|t| t.mu_t.clone()),
        });
        learned.history = self.history.clone();
        learned.best_epoch = best.epoch;
        learned.interrupted = self.interrupted;
        learned.train_rows = self.split.train.len();
        Ok(TrainedNet::from(learned))
    }
}

impl Rows {
    fn new(data: &Dataset, scaling: &Scaling, loss: LossType, device: &Device) -> Result<Self> {
        let k = data.dim();
        let on_device = |values: Vec<f64>| {
            let single: Vec<f32> = values.into_iter().map(|v| v as f32).collect();
            Tensor::from_vec(single, (data.len(), k), device)
        };
        let unit = match loss {
            LossType::Mse => scaling.unit.repeat(data.len()),
            LossType::Fisher => scaling.row_sd(data.cov_tt(), FISHER_FLOOR),
        };
        let weight = unit.iter().enumerate().map(|(at, unit)| scaling.output_unit[at % k] / unit).collect::<Vec<f64>>();
        let target = scaling.standardise_mu(data.mu_t());
        let mean = |squares: f64| squares / weight.len() as f64;
        let spread = mean(weight.iter().zip(&target).map(|(w, t)| (w * t).powi(2)).sum());
        let scale = if spread > 0.0 { spread } else { mean(weight.iter().map(|w| w * w).sum()) };
        Ok(Rows {
            eta: on_device(scaling.standardise_eta(data.eta()))?,
            target: on_device(target)?,
            weight: on_device(weight)?,
            scale,
        })
    }
    fn select(&self, index: &Tensor) -> Result<Rows> {
        let pick = |t: &Tensor| t.index_select(index, 0);
        Ok(Rows { eta: pick(&self.eta)?, target: pick(&self.target)?, weight: pick(&self.weight)?, scale: self.scale })
    }
    /// Mean squared weighted residual.
    fn loss(&self, net: &dyn Net, train: Option<&mut crate::num::stream::Xoshiro>) -> Result<Tensor> {
        let residual = (net.forward(&self.eta, train)? - &self.target)?;
        Ok((residual * &self.weight)?.sqr()?.mean_all()?)
    }
}

/// Norm of all gradients together; they are scaled down where it exceeds `longest`.
fn shorten(gradients: &mut GradStore, vars: &[Var], longest: f64) -> Result<f64> {
    let squares =
        vars.iter().filter_map(|v| gradients.get(v)).map(|g| g.sqr()?.sum_all()).collect::<candle_core::Result<Vec<_>>>()?;
    let norm = Tensor::stack(&squares, 0)?.to_vec1::<f32>()?.into_iter().map(f64::from).sum::<f64>().sqrt();
    if norm.is_finite() && norm > longest {
        for var in vars {
            if let Some(gradient) = gradients.remove(var) {
                gradients.insert(var, (gradient * (longest / norm))?);
            }
        }
    }
    Ok(norm)
}
