//! The sidecar `NAME.rows.safetensors`: what is known of each row beside the four arrays.
//!
//! Arrays `log_normalizer` `[n]`, `mcse` [n, k], `rhat` `[n]`, `method` `[n]` (u8 codes); one metadata entry with the names of
//! the codes, the provenance (for which an npz file has no room), a fingerprint of the rows, so that notes that
//! were written for other rows are never used, and checksums of their covariances.

use super::tensors::{self, Plain};
use super::{Dataset, Format, Head, sums};
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
    /// Checksums of the covariances: see [`sums`]. Older files have none.
    #[serde(default)]
    cov_sums: Option<Vec<u64>>,
}

/// `NAME.rows.safetensors` for `NAME.safetensors` or `NAME.npz`.
pub(super) fn path_beside(path: &Path) -> PathBuf {
    path.with_extension(&ENDING[1..])
}

/// `NAME.npz.rows.safetensors`: the sidecar of an npz file beside a `NAME.safetensors` with other rows.
pub(super) fn path_apart(path: &Path) -> PathBuf {
    path.with_extension(format!("npz{ENDING}"))
}

/// Whether the sidecar at `path` is of other rows than the one with this fingerprint.
fn is_of_others(path: &Path, fingerprint: &str) -> bool {
    let bytes = std::fs::read(path).unwrap_or_default();
    let header = tensors::open(&bytes).ok().and_then(|(_, metadata)| metadata.get(KEY).cloned());
    let header: Option<Header> = header.and_then(|text| serde_json::from_str(&text).ok());
    header.is_some_and(|h| h.fingerprint != fingerprint)
}

/// Where the sidecar of the rows `data` in `path` goes, with the way made free: a `NAME.npz` and a `NAME.safetensors` share
/// one while their rows are the same; where they are not, that of the npz file has a name of its own.
pub(super) fn make_place(path: &Path, data: &Head) -> Result<PathBuf> {
    let (shared, apart) = (path_beside(path), path_apart(path));
    let foreign = is_of_others(&shared, &fingerprint(data.eta, data.mu_t, data.ess));
    let is_npz = Format::of(path)? == Format::Npz;
    if is_npz {
        files::remove(&apart)?;
    }
    let partner = path.with_extension(if is_npz { "safetensors" } else { "npz" });
    if foreign && partner.exists() {
        if is_npz {
            return Ok(apart);
        }
        if !apart.exists() {
            std::fs::rename(&shared, &apart).map_err(|e| files::failure(&apart, "renaming its row notes", &e))?;
        }
    }
    files::remove(&shared)?;
    Ok(shared)
}

/// Whether `path` names a sidecar.
pub(super) fn is_sidecar(path: &Path) -> bool {
    path.file_name().is_some_and(|n| n.to_string_lossy().to_lowercase().ends_with(ENDING))
}

/// The bytes of the sidecar, or `None` where there is nothing to note: no row notes, and no provenance that only the
/// sidecar can hold. `cov_sums` are the checksums of the covariances.
pub(super) fn encode(data: &Head, cov_sums: Vec<u64>, holds_provenance: bool) -> Result<Option<Vec<u8>>> {
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
    let header =
        Header { n, k, fingerprint: fingerprint(data.eta, data.mu_t, data.ess), methods, provenance, cov_sums: Some(cov_sums) };
    tensors::encode(arrays, KEY, tensors::to_json(&header)?).map(Some)
}

/// `data`, the rows in the file `of`, with the notes of its sidecar, where there is one. Covariances in memory are checked
/// against their checksums, those that stay in their file with `all`.
pub(super) fn join(data: Dataset, of: &Path, all: bool) -> Result<Dataset> {
    let is_npz = Format::of(of)? == Format::Npz;
    let (shared, apart) = (path_beside(of), path_apart(of));
    let path = if is_npz && apart.exists() { &apart } else { &shared };
    let partner = of.with_extension(if is_npz { "safetensors" } else { "npz" });
    let theirs = || partner.exists() && is_of_others(path, &fingerprint(data.eta(), data.mu_t(), data.ess()));
    if !path.exists() || theirs() {
        return Ok(data);
    }
    let bytes = files::read(path)?;
    let (data, expected) = decode(data, &bytes).map_err(|e| {
        let hint = format!("delete or move '{}' to load the rows without notes", path.display());
        e.context(format_args!("cannot use the row notes '{}'", path.display())).hint(hint)
    })?;
    let expected = expected.filter(|_| all || data.holds_covariances());
    match expected.and_then(|expected| sums::damaged(&data, &expected)) {
        None => Ok(data),
        Some(rows) => Err(Error::file(format!(
            "'{}' is damaged: cov_TT of the rows {} to {} is not what was written there, by the checksums in '{}'",
            of.display(),
            rows.start,
            rows.end.saturating_sub(1),
            path.display()
        ))
        .hint("take a copy of the file, or make it anew (--force, resume: false)")),
    }
}

/// `data` with the notes in `bytes`, and the checksums of its covariances.
fn decode(data: Dataset, bytes: &[u8]) -> Result<(Dataset, Option<Vec<u64>>)> {
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
    let data = match notes {
        Some(notes) => data.with_notes(notes)?,
        None => data,
    };
    Ok((data, header.cov_sums))
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
