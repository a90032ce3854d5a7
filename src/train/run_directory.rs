//! A run directory: `config.yaml`, `weights.safetensors`, `history.csv`, `metrics.json`, each written whole or not at all.
//!
//! `weights.safetensors` alone is enough to load the network. Its metadata is one key with JSON in it: safetensors writes
//! several keys in the order of a hash map, which differs from run to run. Numbers that must come back to the bit (units,
//! box, validation error) are f64 tensors under `net.`, beside the f32 weights.

use super::evaluation::TestMetrics;
use super::history::History;
use super::learned::{Learned, TrainedNet};
use super::options::TrainOptions;
use super::scaling::Scaling;
use crate::error::{Error, Result};
use crate::num::files::write_atomic;
use candle_core::{Device, Tensor};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

const WEIGHTS: &str = "weights.safetensors";
const HISTORY: &str = "history.csv";
const METRICS: &str = "metrics.json";
const CONFIG: &str = "config.yaml";
/// The one key of the metadata.
const KEY: &str = "nnef_net";
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    options: TrainOptions,
    stat_names: Vec<String>,
    provenance: BTreeMap<String, String>,
    best_epoch: usize,
    train_rows: usize,
    interrupted: bool,
}

#[derive(Serialize)]
struct Config<'a> {
    train: &'a TrainOptions,
    stat_names: &'a [String],
    data: &'a BTreeMap<String, String>,
}

impl TrainedNet {
    /// Write the run into the folder `directory`, which is made where it is missing.
    ///
    /// # Errors
    /// [`crate::error::Kind::File`] naming the file that cannot be written.
    pub fn save(&self, directory: &Path) -> Result<()> {
        let inner = &self.inner;
        let config = Config { train: &inner.options, stat_names: &inner.stat_names, data: &inner.provenance };
        let config = serde_yaml::to_string(&config).map_err(|e| Error::file(format!("{CONFIG}: {e}")))?;
        write_atomic(&directory.join(CONFIG), config.as_bytes())?;
        write_atomic(&directory.join(HISTORY), inner.history.to_csv().as_bytes())?;
        if let Some(metrics) = &inner.metrics {
            let text = serde_json::to_string_pretty(metrics).map_err(|e| Error::file(format!("{METRICS}: {e}")))?;
            write_atomic(&directory.join(METRICS), format!("{text}\n").as_bytes())?;
        }
        write_atomic(&directory.join(WEIGHTS), &encode(inner)?)
    }
    /// Read a network from the folder of a run, or from its weights file. History and metrics come along where they are
    /// there; predictions of test rows are not kept.
    ///
    /// # Errors
    /// [`crate::error::Kind::File`] when the weights are missing, truncated, of another kind, or do not fit their own
    /// description, or when a history or metrics file beside them is not understood.
    pub fn load(directory: &Path) -> Result<TrainedNet> {
        let path = if directory.is_file() { directory.to_path_buf() } else { directory.join(WEIGHTS) };
        let bytes = std::fs::read(&path).map_err(|e| {
            Error::file(format!("cannot read {}: {e}", path.display())).hint("the folder of a run holds weights.safetensors")
        })?;
        let mut learned = decode(&bytes).map_err(|e| as_file(e, &path))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        if let Some(text) = optional(&folder.join(HISTORY))? {
            learned.history = History::from_csv(&text).map_err(|e| as_file(e, &folder.join(HISTORY)))?;
        }
        if let Some(text) = optional(&folder.join(METRICS))? {
            let metrics = serde_json::from_str::<TestMetrics>(&text);
            learned.metrics = Some(metrics.map_err(|e| as_file(Error::file(e.to_string()), &folder.join(METRICS)))?);
        }
        Ok(TrainedNet::from(learned))
    }
}

/// The bytes of a weights file: the same network gives the same bytes.
fn encode(learned: &Learned) -> Result<Vec<u8>> {
    let header = Header {
        format: FORMAT,
        // Where a run was written is no property of the network.
        options: TrainOptions { output_dir: None, ..learned.options.clone() },
        stat_names: learned.stat_names.clone(),
        provenance: learned.provenance.clone(),
        best_epoch: learned.best_epoch,
        train_rows: learned.train_rows,
        interrupted: learned.interrupted,
    };
    let header = serde_json::to_string(&header).map_err(|e| Error::file(format!("{WEIGHTS}: {e}")))?;
    let mut arrays: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
    for (name, tensor) in &learned.weights {
        let values = tensor.flatten_all()?.to_vec1::<f32>()?;
        arrays.push((name.clone(), Dtype::F32, tensor.dims().to_vec(), values.iter().flat_map(|v| v.to_le_bytes()).collect()));
    }
    let plain = learned.scaling.named().into_iter().chain([("val_rmse", &learned.val_rmse)]);
    for (name, values) in plain {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        arrays.push((format!("net.{name}"), Dtype::F64, vec![values.len()], bytes));
    }
    let fault = |e: safetensors::SafeTensorError| Error::file(format!("{WEIGHTS}: {e}"));
    let views = arrays.iter().map(|(name, dtype, shape, bytes)| Ok((name, TensorView::new(*dtype, shape.clone(), bytes)?)));
    let views = views.collect::<std::result::Result<Vec<_>, _>>().map_err(fault)?;
    serialize(views, Some(HashMap::from([(KEY.to_string(), header)]))).map_err(fault)
}

fn decode(bytes: &[u8]) -> Result<Learned> {
    let broken = |e: safetensors::SafeTensorError| Error::file(format!("it is not a whole safetensors file ({e})"));
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(broken)?;
    let header = metadata.metadata().as_ref().and_then(|m| m.get(KEY));
    let header =
        header.ok_or_else(|| Error::file("it is a safetensors file, but holds no network").hint("load_data reads datasets"))?;
    let header: Header =
        serde_json::from_str(header).map_err(|e| Error::file(format!("its description is not understood: {e}")))?;
    if header.format != FORMAT {
        return Err(Error::file(format!("it has format {}, this program reads {FORMAT}", header.format)));
    }
    let arrays = SafeTensors::deserialize(bytes).map_err(broken)?;
    let k = header.stat_names.len();
    let plain = |name: &str| numbers(&arrays, &format!("net.{name}"), k);
    let scaling = Scaling {
        eta_mean: plain("eta_mean")?,
        eta_sd: plain("eta_sd")?,
        mu_mean: plain("mu_mean")?,
        mu_sd: plain("mu_sd")?,
        output_unit: plain("output_unit")?,
        unit: plain("unit")?,
        low: plain("low")?,
        high: plain("high")?,
    };
    if k == 0
        || [&scaling.eta_sd, &scaling.mu_sd, &scaling.output_unit, &scaling.unit].iter().any(|v| v.iter().any(|s| *s <= 0.0))
    {
        return Err(Error::file("it has no statistics, or a unit that is not positive"));
    }
    let mut weights = Vec::new();
    for (name, view) in arrays.iter().filter(|(name, _)| !name.starts_with("net.")) {
        if view.dtype() != Dtype::F32 {
            return Err(Error::file(format!("tensor '{name}' is {:?}, expected F32", view.dtype())));
        }
        let values: Vec<f32> = view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        if values.iter().any(|v| !v.is_finite()) {
            return Err(Error::file(format!("tensor '{name}' holds a number that is not finite")));
        }
        weights.push((name.to_string(), Tensor::from_vec(values, view.shape(), &Device::Cpu)?));
    }
    let Header { options, stat_names, provenance, best_epoch, train_rows, interrupted, .. } = header;
    let val_rmse = plain("val_rmse")?;
    let learned = Learned::new(&options, weights, scaling, stat_names, provenance)?;
    Ok(Learned { val_rmse, best_epoch, train_rows, interrupted, ..learned })
}

/// The f64 vector `name` of length `k`.
fn numbers(arrays: &SafeTensors<'_>, name: &str, k: usize) -> Result<Vec<f64>> {
    let view = arrays.tensor(name).map_err(|_| Error::file(format!("tensor '{name}' is missing")))?;
    if view.dtype() != Dtype::F64 || view.shape() != [k] {
        let (dtype, shape) = (view.dtype(), view.shape());
        return Err(Error::file(format!("tensor '{name}' is {dtype:?} {shape:?}, expected F64 [{k}]")));
    }
    let values: Vec<f64> = view.data().as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
    match values.iter().all(|v| v.is_finite()) {
        true => Ok(values),
        false => Err(Error::file(format!("tensor '{name}' holds a number that is not finite"))),
    }
}

fn optional(path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(as_file(Error::from(e), path)),
    }
}

/// The error `e`, as one of the file `path`.
fn as_file(e: Error, path: &Path) -> Error {
    let error = Error::file(format!("cannot load {}: {}", path.display(), e.message()));
    match e.hint_text() {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
