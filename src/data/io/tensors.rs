//! The safetensors format: a JSON header, then the arrays, little-endian.
//!
//! The metadata of a safetensors file is a hash map whose order reaches the bytes, so all of it is one JSON object under
//! one key.

use super::{Array, NAMES, missing_array};
use crate::data::Dataset;
use crate::error::{Error, Result};
use safetensors::tensor::{Dtype, SafeTensors, View};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// The key of the metadata entry that holds the provenance as one JSON object.
const PROVENANCE: &str = "provenance";

/// An array to write: type, shape, bytes.
pub(super) struct Plain {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Plain {
    /// An array of f64.
    pub(super) fn floats(shape: Vec<usize>, values: &[f64]) -> Self {
        Plain { dtype: Dtype::F64, shape, bytes: little_endian(values) }
    }
    /// A vector of u8.
    pub(super) fn codes(values: Vec<u8>) -> Self {
        Plain { dtype: Dtype::U8, shape: vec![values.len()], bytes: values }
    }
}

impl View for Plain {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// The bytes of `values`, little-endian.
pub(super) fn little_endian(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// A file of `arrays` with one metadata entry.
pub(super) fn encode(arrays: Vec<(&str, Plain)>, key: &str, value: String) -> Result<Vec<u8>> {
    let metadata = HashMap::from([(key.to_string(), value)]);
    safetensors::serialize(arrays, Some(metadata)).map_err(|e| Error::file(format!("safetensors: {e}")))
}

/// The views and the metadata of a file.
pub(super) fn open(bytes: &[u8]) -> Result<(SafeTensors<'_>, HashMap<String, String>)> {
    let wrong = |e: &dyn std::fmt::Display| {
        let message = format!("not a whole safetensors file ({} bytes): {e}", bytes.len());
        Error::file(message).hint("the file was cut short, damaged or is of another kind: write it again")
    };
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| wrong(&e))?;
    let metadata = header.metadata().clone().unwrap_or_default();
    Ok((SafeTensors::deserialize(bytes).map_err(|e| wrong(&e))?, metadata))
}

/// The floats of the array `name`, which is in f64 or f32.
pub(super) fn floats(file: &SafeTensors<'_>, name: &str) -> Result<Array> {
    let Ok(view) = file.tensor(name) else {
        let mut found: Vec<String> = file.names().into_iter().map(str::to_string).collect();
        found.sort();
        return Err(missing_array(name, &found));
    };
    let data = view.data();
    let values = match view.dtype() {
        Dtype::F64 => data.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
        Dtype::F32 => data.as_chunks::<4>().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect(),
        other => {
            let error = Error::file(format!("the array '{name}' has type {other}, expected F64 or F32"));
            return Err(error.hint("convert it to float64"));
        }
    };
    Ok(Array { shape: view.shape().to_vec(), values })
}

/// The bytes of a dataset, without its row notes.
pub(super) fn encode_dataset(data: &Dataset) -> Result<Vec<u8>> {
    let (n, k) = (data.len(), data.dim());
    let arrays = vec![
        ("eta", Plain::floats(vec![n, k], data.eta())),
        ("mu_T", Plain::floats(vec![n, k], data.mu_t())),
        ("cov_TT", Plain::floats(vec![n, k, k], data.cov_tt())),
        ("ess", Plain::floats(vec![n], data.ess())),
    ];
    encode(arrays, PROVENANCE, to_json(data.provenance())?)
}

/// The four arrays, in the order of [`NAMES`], and the provenance.
pub(super) fn decode_dataset(bytes: &[u8]) -> Result<([Array; 4], BTreeMap<String, String>)> {
    let (file, metadata) = open(bytes)?;
    let [eta, mu_t, cov_tt, ess] = NAMES;
    let arrays = [floats(&file, eta)?, floats(&file, mu_t)?, floats(&file, cov_tt)?, floats(&file, ess)?];
    let provenance = match metadata.get(PROVENANCE) {
        Some(text) => serde_json::from_str(text).map_err(|e| {
            let error = Error::file(format!("the metadata entry '{PROVENANCE}' is not a JSON object of strings: {e}"));
            error.hint("the file is damaged: write it again")
        })?,
        None => metadata.into_iter().collect(), // from another program: its own entries
    };
    Ok((arrays, provenance))
}

/// JSON text of a value; maps that are ordered give ordered text.
pub(super) fn to_json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::file(format!("JSON: {e}")))
}
