//! [`TrainOptions`]: one struct for scripts, YAML and Rust.

use crate::error::{Error, Result, unknown};
use crate::nn::ModelChoice;
use crate::num::options::parse_options;
use crate::num::short;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How residuals are measured in the loss.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossType {
    /// Mean squared residual, each statistic in units of its pooled sd(T_i).
    #[default]
    Mse,
    /// Mean squared residual in units of sd(T_i) of the row itself, not below a twentieth of the pooled one.
    Fisher,
}

/// Options of [`super::train`] and [`super::Trainer`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainOptions {
    /// The network: a name, or a map of `name` and its options; default `mlp_et`.
    pub model: ModelChoice,
    /// Passes over the training rows; default 400.
    pub epochs: usize,
    /// Epochs, from the first, in which dropout is on; default three quarters of `epochs`.
    pub dropout_epochs: Option<usize>,
    /// Learning rate of the first step, which falls to 0 along a half cosine; default 1e-3.
    pub learning_rate: f64,
    /// Decoupled weight decay of AdamW; default 1e-4.
    pub weight_decay: f64,
    /// Rows in a batch; an epoch is cut into the fewest nearly equal batches that are no larger. Default 256.
    pub batch_size: usize,
    /// Epochs between validations; the last epoch is always validated. Default 10.
    pub eval_steps: usize,
    /// Units of the residuals; default `mse`.
    pub loss_type: LossType,
    /// Seed of initial weights, batch order and dropout; default 0.
    pub seed: u64,
    /// Seed of the 80-10-10 split; default 101.
    pub split_seed: u64,
    /// Folder for the run; nothing is written without it.
    pub output_dir: Option<String>,
}

impl Default for TrainOptions {
    fn default() -> Self {
        TrainOptions {
            model: ModelChoice::default(),
            epochs: 400,
            dropout_epochs: None,
            learning_rate: 1e-3,
            weight_decay: 1e-4,
            batch_size: 256,
            eval_steps: 10,
            loss_type: LossType::Mse,
            seed: 0,
            split_seed: 101,
            output_dir: None,
        }
    }
}

/// Options of the contract that belong to models or protocols that are not trained here, and to which.
const ELSEWHERE: &[(&str, &str)] = &[
    ("protocol", "flow models"),
    ("reg_weight", "the protocols fm, ct and df"),
    ("noise_schedule", "the protocols ct and df"),
    ("sigma_t", "the protocols fm and df"),
];

impl TrainOptions {
    /// From a map, the rest by default.
    ///
    /// # Errors
    /// An unknown or inapplicable option, by name; a value of the wrong type or out of range, by name.
    ///
    /// # Example
    /// ```
    /// use nnef::train::TrainOptions;
    /// let map = serde_json::json!({"epochs": 20, "learning_rate": 1}).as_object().cloned().unwrap();
    /// assert_eq!(TrainOptions::from_map(&map).unwrap().epochs, 20);
    /// ```
    pub fn from_map(map: &Map<String, Value>) -> Result<Self> {
        let mut rest = map.clone();
        let model = match rest.shift_remove("model") {
            Some(value) => ModelChoice::parse(&value)?,
            None => ModelChoice::default(),
        };
        if let Some((key, owner)) = ELSEWHERE.iter().find(|(key, _)| rest.contains_key(*key)) {
            return Err(Error::name(format!("option '{key}' belongs to {owner}; {} has no use for it", model.name())));
        }
        match rest.get("loss_type").and_then(Value::as_str) {
            Some(loss @ ("sobolev" | "snr_weighted_mse")) => {
                let message = format!("loss_type '{loss}' does not apply to {}", model.name());
                return Err(Error::name(message).hint("mse or fisher"));
            }
            Some(loss) if !["mse", "fisher"].contains(&loss) => return Err(unknown("loss_type", loss, &["mse", "fisher"])),
            _ => {}
        }
        TrainOptions { model, ..parse_options("train", &rest)? }.valid()
    }
    /// These options, when every one is in its range.
    ///
    /// # Errors
    /// A domain error that names the option.
    pub fn valid(self) -> Result<Self> {
        let at_least_one = [("epochs", self.epochs), ("batch_size", self.batch_size), ("eval_steps", self.eval_steps)];
        if let Some((name, _)) = at_least_one.iter().find(|(_, v)| *v == 0) {
            return Err(Error::domain(format!("option '{name}' is 0: it must be at least 1")));
        }
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            return Err(Error::domain(format!("option 'learning_rate' is {}: it must be positive", short(self.learning_rate))));
        }
        if !(self.weight_decay.is_finite() && self.weight_decay >= 0.0) {
            return Err(Error::domain(format!(
                "option 'weight_decay' is {}: it must not be negative",
                short(self.weight_decay)
            )));
        }
        match self.dropout_epochs {
            Some(d) if d > self.epochs => {
                Err(Error::domain(format!("option 'dropout_epochs' is {d}, more than the {} epochs", self.epochs)))
            }
            _ => Ok(self),
        }
    }
    /// Epochs with dropout: `dropout_epochs`, or three quarters of all.
    pub fn dropout_until(&self) -> usize {
        self.dropout_epochs.unwrap_or(self.epochs * 3 / 4)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use serde_json::json;

    fn parse(value: Value) -> Result<TrainOptions> {
        TrainOptions::from_map(value.as_object().unwrap())
    }

    #[test]
    fn integers_stand_for_floats_and_the_rest_is_default() {
        let options = parse(json!({"epochs": 8, "learning_rate": 1, "model": {"name": "mlp_et", "hidden": [4]}})).unwrap();
        assert_eq!((options.epochs, options.learning_rate, options.batch_size), (8, 1.0, 256));
        assert_eq!(options.dropout_until(), 6);
        let yaml = serde_yaml::to_string(&options).unwrap();
        assert_eq!(serde_yaml::from_str::<TrainOptions>(&yaml).unwrap(), options);
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        for (bad, word) in [
            (json!({"epocs": 3}), "did you mean 'epochs'"),
            (json!({"epochs": 0}), "'epochs'"),
            (json!({"epochs": 2.5}), "'epochs'"),
            (json!({"epochs": 5, "dropout_epochs": 6}), "'dropout_epochs'"),
            (json!({"learning_rate": -1e-3}), "'learning_rate'"),
            (json!({"weight_decay": "x"}), "'weight_decay'"),
            (json!({"batch_size": 0}), "'batch_size'"),
            (json!({"eval_steps": 0}), "'eval_steps'"),
            (json!({"noise_schedule": "cosine"}), "'noise_schedule' belongs to the protocols ct and df"),
            (json!({"sigma_t": 0.1}), "'sigma_t'"),
            (json!({"protocol": "fm"}), "'protocol'"),
            (json!({"loss_type": "sobolev"}), "'sobolev' does not apply to mlp_et"),
            (json!({"loss_type": "fischer"}), "did you mean 'fisher'"),
            (json!({"hidden": [3]}), "'hidden'"),
        ] {
            let error = parse(bad.clone()).unwrap_err();
            assert!(error.to_string().contains(word), "{bad}: {error}");
        }
    }
}
