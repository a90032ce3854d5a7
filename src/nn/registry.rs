//! Models by name: one line each.

use super::{Net, mlp_et};
use crate::error::{Error, Result, unknown};
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Options of a model by name.
pub type Options = Map<String, Value>;

/// A kind of network.
pub struct Model {
    /// Name in scripts and files.
    pub name: &'static str,
    /// One line for `help`.
    pub doc: &'static str,
    /// All options with defaults filled in, or an error that names the option at fault.
    pub complete: fn(&Options) -> Result<Options>,
    /// The network for complete options and `k` statistics, variables from the builder.
    pub build: fn(&Options, usize, VarBuilder<'_>) -> Result<Box<dyn Net>>,
}

/// Every model.
pub const MODELS: &[Model] = &[mlp_et::MODEL];

/// A model and all its options. In files and scripts a name, or a map with `name` and options.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct ModelChoice {
    name: String,
    options: Options,
}

impl Default for ModelChoice {
    fn default() -> Self {
        // The empty map is complete where `new` fails, which the tests exclude.
        let fallback = ModelChoice { name: mlp_et::MODEL.name.to_string(), options: Options::new() };
        Self::new(mlp_et::MODEL.name, &Options::new()).unwrap_or(fallback)
    }
}

impl ModelChoice {
    /// The model `name` with `options`, the rest by default.
    ///
    /// # Errors
    /// An unknown model or option, with the likely meant one; an option outside its range.
    pub fn new(name: &str, options: &Options) -> Result<Self> {
        let options = (find(name)?.complete)(options)?;
        Ok(ModelChoice { name: name.to_string(), options })
    }
    /// From a name, or a map with `name` and options.
    ///
    /// # Errors
    /// As [`ModelChoice::new`]; also when the value is neither, or holds no name.
    pub fn parse(value: &Value) -> Result<Self> {
        match value {
            Value::String(name) => Self::new(name, &Options::new()),
            Value::Object(map) => {
                let mut options = map.clone();
                match options.shift_remove("name") {
                    Some(Value::String(name)) => Self::new(&name, &options),
                    _ => {
                        Err(Error::name("a model given as a map needs its name")
                            .hint("model: #{ name: \"mlp_et\", hidden: [64] }"))
                    }
                }
            }
            other => Err(Error::name(format!("a model is a name or a map with a name, not {other}"))),
        }
    }
    /// Name of the model.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// All its options.
    pub fn options(&self) -> &Options {
        &self.options
    }
    /// The network for `k` statistics with variables from `vb`.
    ///
    /// # Errors
    /// When the builder cannot give a variable of the shape that the options ask for.
    pub fn build(&self, k: usize, vb: VarBuilder<'_>) -> Result<Box<dyn Net>> {
        (find(&self.name)?.build)(&self.options, k, vb)
    }
}

impl TryFrom<Value> for ModelChoice {
    type Error = Error;
    fn try_from(value: Value) -> Result<Self> {
        Self::parse(&value)
    }
}

impl From<ModelChoice> for Value {
    fn from(choice: ModelChoice) -> Value {
        let name = [("name".to_string(), Value::String(choice.name))];
        Value::Object(name.into_iter().chain(choice.options).collect())
    }
}

/// The model called `name`.
///
/// # Errors
/// An unknown name, with the valid ones and the likely meant one.
pub fn find(name: &str) -> Result<&'static Model> {
    let names: Vec<&str> = MODELS.iter().map(|m| m.name).collect();
    MODELS.iter().find(|m| m.name == name).ok_or_else(|| unknown("model", name, &names))
}

/// The fields of an options struct as a map.
///
/// # Errors
/// When the struct does not serialise to a map.
pub fn complete<T: Serialize>(options: &T) -> Result<Options> {
    match serde_json::to_value(options) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(other) => Err(Error::name(format!("options serialise to {other}, not to a map"))),
        Err(e) => Err(Error::name(format!("options do not serialise: {e}"))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::expr::Trace;
    use crate::nn::Params;
    use crate::nn::frozen::Dual;
    use crate::num::close::{ROUND, SINGLE, Tolerance, close, close_all};
    use crate::num::stream::Stream;
    use candle_core::{Device, Tensor};
    use serde_json::json;

    const POINT: [f64; 3] = [0.3, -1.2, 0.7];

    /// Every model: candle and frozen agree, tangents are derivatives, evaluation is deterministic, dropout is seeded.
    #[test]
    fn conformance_of_every_model() {
        for model in MODELS {
            let choice = ModelChoice::new(model.name, &Map::new()).unwrap();
            let params = Params::seeded(Stream::new(7).child("init"));
            let net = choice.build(3, params.builder(&Device::Cpu)).unwrap();
            let frozen = net.freeze().unwrap();
            assert_eq!((frozen.inputs(), frozen.outputs()), (3, 3));
            let eta = Tensor::from_vec(POINT.map(|v| v as f32).to_vec(), (1, 3), &Device::Cpu).unwrap();
            let run = |seed: Option<u64>| -> Vec<f64> {
                let mut rng = seed.map(|s| Stream::new(s).rng());
                let out = net.forward(&eta, rng.as_mut()).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
                out.into_iter().map(f64::from).collect()
            };
            let value = frozen.apply(Dual::point(&POINT)).value;
            assert!(close_all(&run(None), &value, SINGLE), "{}: {:?} and {value:?}", model.name, run(None));
            assert_eq!(run(None), run(None), "{}: evaluation", model.name);
            assert_eq!(run(Some(1)), run(Some(1)), "{}: seeded dropout", model.name);
            let trace = Trace::new();
            let traced = frozen.trace(&trace.point(&[3], 0)).unwrap();
            assert!(close_all(&trace.graph().evaluate(traced.nodes(), &POINT, &[]), &value, ROUND), "{}: traced", model.name);
            let dual = frozen.apply(Dual::basis(&POINT, &[1.0; 3]));
            for j in 0..3 {
                let shifted = |h: f64| {
                    frozen
                        .apply(Dual::point(&std::array::from_fn::<_, 3, _>(|i| POINT[i] + if i == j { h } else { 0.0 })))
                        .value
                };
                let (up, down) = (shifted(1e-5), shifted(-1e-5));
                for i in 0..3 {
                    let difference = (up[i] - down[i]) / 2e-5;
                    assert!(
                        close(dual.tangents[j * 3 + i], difference, Tolerance { absolute: 1e-8, relative: 1e-7 }),
                        "{} {i} {j}",
                        model.name
                    );
                }
            }
            let shape = net.forward(&eta.repeat((5, 1)).unwrap(), None).unwrap();
            assert_eq!(shape.dims(), [5, 3]);
        }
    }

    /// Every variable of every model gets a gradient: none of candle's operations without a backward pass is in the way.
    #[test]
    fn every_variable_gets_its_gradient() {
        for model in MODELS {
            let choice = ModelChoice::new(model.name, &Map::new()).unwrap();
            let params = Params::seeded(Stream::new(3));
            let net = choice.build(2, params.builder(&Device::Cpu)).unwrap();
            let eta = Tensor::from_vec(vec![0.5_f32, -0.4, 1.5, 0.2], (2, 2), &Device::Cpu).unwrap();
            let loss = || net.forward(&eta, None).unwrap().sqr().unwrap().mean_all().unwrap();
            let grads = loss().backward().unwrap();
            for (name, var) in params.vars() {
                let gradient = grads.get(&var).unwrap_or_else(|| panic!("{}: no gradient of {name}", model.name));
                let gradient = gradient.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                let values = var.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                let at = (0..values.len()).max_by(|a, b| gradient[*a].abs().total_cmp(&gradient[*b].abs())).unwrap();
                let moved = |h: f32| {
                    let mut v = values.clone();
                    v[at] += h;
                    var.set(&Tensor::from_vec(v, var.shape(), &Device::Cpu).unwrap()).unwrap();
                    f64::from(loss().to_scalar::<f32>().unwrap())
                };
                let difference = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                moved(0.0);
                let tolerance = Tolerance { absolute: 2e-4, relative: 2e-2 };
                assert!(
                    close(f64::from(gradient[at]), difference, tolerance),
                    "{} {name}: {} and {difference}",
                    model.name,
                    gradient[at]
                );
            }
        }
    }

    #[test]
    fn choices_parse_and_refuse_by_name() {
        let choice = ModelChoice::parse(&json!({"name": "mlp_et", "hidden": [8, 16], "dropout": 0})).unwrap();
        let yaml = serde_yaml::to_string(&choice).unwrap();
        assert_eq!(serde_yaml::from_str::<ModelChoice>(&yaml).unwrap(), choice);
        assert_eq!(ModelChoice::parse(&json!("mlp_et")).unwrap(), ModelChoice::default());
        assert_eq!(ModelChoice::default().options()["hidden"], json!([64, 64, 64]));
        for (bad, word) in [
            (json!("mlp_te"), "mlp_et"),
            (json!({"name": "mlp_et", "hidden": []}), "hidden"),
            (json!({"name": "mlp_et", "hidden": [0]}), "hidden"),
            (json!({"name": "mlp_et", "dropout": 1.0}), "dropout"),
            (json!({"name": "mlp_et", "dropout": "much"}), "dropout"),
            (json!({"hidden": [3]}), "name"),
            (json!(3), "name"),
        ] {
            let error = ModelChoice::parse(&bad).unwrap_err();
            assert!(error.to_string().contains(word), "{bad}: {error}");
        }
    }
}
