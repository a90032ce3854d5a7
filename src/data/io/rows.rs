//! The sidecar `NAME.rows.safetensors`: what is known of each row beside the four arrays.
//!
//! Arrays `log_normalizer` `[n]`, `mcse` [n, k], `rhat` `[n]`, `method` `[n]` (u8 codes); one metadata entry with the names of
//! the codes, the provenance (for which an npz file has no room), and a fingerprint of the rows, so that notes that
//! were written for other rows are never used.

use super::tensors::{self, Plain};
use super::{Dataset, Head};
use crate::data::RowNotes;
use crate::error::{Error, Result};
use crate::num::files;
use safetensors::tensor::Dtype;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const ENDING: &str = ".rows.safetensors";
const KEY: &str = "rows";

#[derive(Serialize, Deserialize)]
struct Header {
    n: usize,
    k: usize,
    fingerprint: String,
    methods: Vec<String>,
    provenance: BTreeMap<String, String>,
}

/// `NAME.rows.safetensors` for `NAME.safetensors` or `NAME.npz`.
pub(super) fn path_beside(path: &Path) -> PathBuf {
    path.with_extension(&ENDING[1..])
}

/// Whether `path` names a sidecar.
pub(super) fn is_sidecar(path: &Path) -> bool {
    path.file_name().is_some_and(|n| n.to_string_lossy().to_lowercase().ends_with(ENDING))
}

/// The bytes of the sidecar, or `None` where there is nothing to note: no row notes, and no provenance that only the
/// sidecar can hold.
pub(super) fn encode(data: &Head, holds_provenance: bool) -> Result<Option<Vec<u8>>> {
    let provenance = data.provenance.clone();
    if data.notes.is_none() && (provenance.is_empty() || !holds_provenance) {
        return Ok(None);
    }
    let (n, k) = (data.ess.len(), data.k);
    let mut methods: Vec<String> = data.notes.map(|m| m.method.clone()).unwrap_or_default();
    methods.sort();
    methods.dedup();
    if methods.len() > 256 {
        return Err(Error::file(format!("{} names of methods in the row notes, a file has codes for 256", methods.len())));
    }
    let mut arrays = Vec::new();
    if let Some(notes) = data.notes {
        let codes = notes.method.iter().map(|m| methods.binary_search(m).unwrap_or(0) as u8).collect();
        arrays.push(("log_normalizer", Plain::floats(vec![n], &notes.log_normalizer)));
        arrays.push(("mcse", Plain::floats(vec![n, k], &notes.mcse)));
        arrays.push(("rhat", Plain::floats(vec![n], &notes.rhat)));
        arrays.push(("method", Plain::codes(codes)));
    }
    let header = Header { n, k, fingerprint: fingerprint(data.eta, data.mu_t, data.ess), methods, provenance };
    tensors::encode(arrays, KEY, tensors::to_json(&header)?).map(Some)
}

/// `data` with the notes of the sidecar at `path`, where there is one.
pub(super) fn join(data: Dataset, path: &Path) -> Result<Dataset> {
    if !path.exists() {
        return Ok(data);
    }
    let bytes = files::read(path)?;
    decode(data, &bytes).map_err(|e| {
        let hint = format!("delete or move '{}' to load the rows without notes", path.display());
        e.context(format_args!("cannot use the row notes '{}'", path.display())).hint(hint)
    })
}

fn decode(data: Dataset, bytes: &[u8]) -> Result<Dataset> {
    let (file, metadata) = tensors::open(bytes)?;
    let header: Header = match metadata.get(KEY).map(|text| serde_json::from_str(text)) {
        Some(Ok(header)) => header,
        Some(Err(e)) => return Err(Error::file(format!("the metadata entry '{KEY}' is damaged: {e}"))),
        None => return Err(Error::file(format!("the metadata has no entry '{KEY}': it is not a file of row notes"))),
    };
    let (n, k) = (data.len(), data.dim());
    if (header.n, header.k) != (n, k) {
        return Err(Error::shape(format!(
            "they are for {} rows of {} statistics, the dataset has {n} rows of {k}",
            header.n, header.k
        )));
    }
    let found = fingerprint(data.eta(), data.mu_t(), data.ess());
    if header.fingerprint != found {
        let message = format!("they were written for other rows (fingerprint {}, the dataset has {found})", header.fingerprint);
        return Err(Error::file(message));
    }
    let notes = if file.is_empty() { None } else { Some(notes(&file, &header.methods, n, k)?) };
    let data = if header.provenance.is_empty() { data } else { data.with_provenance(header.provenance) };
    match notes {
        Some(notes) => data.with_notes(notes),
        None => Ok(data),
    }
}

fn notes(file: &safetensors::SafeTensors<'_>, methods: &[String], n: usize, k: usize) -> Result<RowNotes> {
    let floats = |name: &str, shape: &[usize]| {
        let array = tensors::floats(file, name)?;
        if array.shape != shape {
            return Err(Error::shape(format!("{name} has shape {:?}, expected {shape:?}", array.shape)));
        }
        Ok(array.values)
    };
    let codes = file.tensor("method").map_err(|e| Error::file(e.to_string()))?;
    if codes.dtype() != Dtype::U8 || codes.shape() != [n] {
        return Err(Error::shape(format!("method is {} {:?}, expected U8 [{n}]", codes.dtype(), codes.shape())));
    }
    let name = |code: &u8| {
        methods
            .get(usize::from(*code))
            .cloned()
            .ok_or_else(|| Error::file(format!("method has the code {code}, the table has {} names", methods.len())))
    };
    Ok(RowNotes {
        log_normalizer: floats("log_normalizer", &[n])?,
        mcse: floats("mcse", &[n, k])?,
        rhat: floats("rhat", &[n])?,
        method: codes.data().iter().map(name).collect::<Result<_>>()?,
    })
}

/// A hash (after FNV-1a, on 64-bit words) of the bits of eta, mu_T and ess, sixteen hexadecimal digits: which rows these are.
fn fingerprint(eta: &[f64], mu_t: &[f64], ess: &[f64]) -> String {
    let words = eta.iter().chain(mu_t).chain(ess);
    let hash = words.fold(0xcbf2_9ce4_8422_2325_u64, |h, v| {
        let mixed = (h ^ v.to_bits()).wrapping_mul(0x100_0000_01b3);
        mixed ^ (mixed >> 29)
    });
    format!("{hash:016x}")
}
