//! The safetensors format: a JSON header, then the arrays, little-endian.
//!
//! The metadata of a safetensors file is a hash map whose order reaches the bytes, so all of it is one JSON object under
//! one key.

use super::{Array, Head, NAMES, Pieces, assemble, missing_array};
use crate::data::Dataset;
use crate::data::covariances::Covariances;
use crate::error::{Error, Result};
use crate::num::files;
use memmap2::Mmap;
use safetensors::tensor::{Dtype, Metadata, SafeTensors, TensorInfo, View};
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

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
    let mut out = vec![0; 8 * values.len()];
    out.as_chunks_mut::<8>().0.iter_mut().zip(values).for_each(|(bytes, v)| *bytes = v.to_le_bytes());
    out
}

/// Write `values`, little-endian, a piece at a time.
pub(super) fn write_floats(out: &mut dyn Write, values: &[f64]) -> io::Result<()> {
    values.chunks(1 << 14).try_for_each(|piece| out.write_all(&little_endian(piece)))
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

/// Write a dataset, without its row notes.
pub(super) fn write_dataset(out: &mut dyn Write, head: &Head, cov_tt: Pieces) -> io::Result<()> {
    let (n, k) = (head.ess.len(), head.k);
    let (mut end, mut infos) = (0, Vec::new());
    // The order in which the format sorts names.
    for (name, shape) in [("cov_TT", vec![n, k, k]), ("ess", vec![n]), ("eta", vec![n, k]), ("mu_T", vec![n, k])] {
        let start = end;
        end += 8 * shape.iter().product::<usize>();
        infos.push((name.to_string(), TensorInfo { dtype: Dtype::F64, shape, data_offsets: (start, end) }));
    }
    let provenance = to_json(head.provenance).map_err(io::Error::other)?;
    let metadata = Metadata::new(Some(HashMap::from([(PROVENANCE.to_string(), provenance)])), infos);
    let mut header = serde_json::to_vec(&metadata.map_err(io::Error::other)?)?;
    header.resize(header.len().next_multiple_of(8), b' '); // so that the arrays are aligned
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(&header)?;
    cov_tt(&mut |piece| write_floats(out, piece))?;
    [head.ess, head.eta, head.mu_t].into_iter().try_for_each(|values| write_floats(out, values))
}

/// From this size on the covariances stay in the file.
const MAPPED: u64 = 64 << 20;

/// The dataset in the file at `path`, without its row notes.
pub(super) fn read_dataset(path: &Path) -> Result<Dataset> {
    if std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.len() >= MAPPED) {
        let map = Arc::new(files::map(path)?);
        return decode_dataset(&map, Some(&map));
    }
    decode_dataset(&files::read(path)?, None)
}

/// The dataset that `bytes` are; its covariances stay in `map`, where the same bytes are mapped and can be used as they are.
pub(super) fn decode_dataset(bytes: &[u8], map: Option<&Arc<Mmap>>) -> Result<Dataset> {
    let (file, metadata) = open(bytes)?;
    let [eta, mu_t, cov_tt, ess] = NAMES;
    let mapped = map.and_then(|map| {
        let view = file.tensor(cov_tt).ok().filter(|v| v.dtype() == Dtype::F64)?;
        let start = view.data().as_ptr().addr() - bytes.as_ptr().addr();
        let values = Covariances::mapped(map.clone(), start, view.data().len() / 8)?;
        Some((view.shape().to_vec(), values))
    });
    let cov_tt = match mapped {
        Some(found) => found,
        None => floats(&file, cov_tt).map(|a| (a.shape, a.values.into()))?,
    };
    let arrays = [floats(&file, eta)?, floats(&file, mu_t)?, floats(&file, ess)?];
    let provenance = match metadata.get(PROVENANCE) {
        Some(text) => serde_json::from_str(text).map_err(|e| {
            let error = Error::file(format!("the metadata entry '{PROVENANCE}' is not a JSON object of strings: {e}"));
            error.hint("the file is damaged: write it again")
        })?,
        None => metadata.into_iter().collect(), // from another program: its own entries
    };
    assemble(arrays, cov_tt, provenance)
}

/// JSON text of a value; maps that are ordered give ordered text.
pub(super) fn to_json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::file(format!("JSON: {e}")))
}
