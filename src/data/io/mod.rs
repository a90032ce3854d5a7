//! Datasets as files: `NAME.safetensors` or `NAME.npz` with exactly the arrays `eta` [n, k], `mu_T` [n, k], `cov_TT`
//! [n, k, k] and `ess` `[n]`, and beside it `NAME.rows.safetensors` with what is known of each row.
//!
//! Equal datasets give equal bytes. Nothing in a file is trusted: sizes are checked against the file before memory is
//! taken, shapes against each other, a sidecar against the rows that it was written for, and covariances against the
//! checksums in it.
//!
//! One file per format: [`tensors`] (safetensors), [`npz`] (with [`npy`]); [`rows`] is the sidecar, with its [`sums`].

mod npy;
mod npz;
mod rows;
mod sums;
mod tensors;
#[cfg(test)]
mod tests;

use super::covariances::Covariances;
use super::{Dataset, RowNotes};
use crate::error::{Error, Result};
use crate::num::files;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use sums::Summing;

/// A dense array read from a file, row-major.
#[derive(Debug, Clone, PartialEq)]
struct Array {
    shape: Vec<usize>,
    values: Vec<f64>,
}

/// A dataset to write, but for its covariances.
pub(super) struct Head<'a> {
    pub k: usize,
    pub eta: &'a [f64],
    pub mu_t: &'a [f64],
    pub ess: &'a [f64],
    pub provenance: &'a BTreeMap<String, String>,
    pub notes: Option<&'a RowNotes>,
}

/// Gives the covariances, [n, k, k], to its argument, piece by piece in the order of rows.
pub(super) type Pieces<'a> = &'a dyn Fn(&mut dyn FnMut(&[f64]) -> io::Result<()>) -> io::Result<()>;

/// Write a dataset and what belongs beside it: see [`Dataset::save`]. The covariances are never in memory together.
pub(super) fn write(path: &Path, head: &Head, cov_tt: Pieces) -> Result<()> {
    Dataset::check_name(path)?;
    let format = Format::of(path)?;
    finite_eta(head.eta, head.k).map_err(|e| e.context(format_args!("cannot save '{}'", path.display())))?;
    // A crash between the steps leaves rows without notes, never notes of other rows.
    let sidecar = rows::make_place(path, head)?;
    let mut sums = Vec::new();
    files::write_with(path, |file| {
        let mut out = BufWriter::with_capacity(1 << 20, file);
        let summing = RefCell::new(Summing::new(head.k));
        let summed: Pieces = &|sink| {
            cov_tt(&mut |piece| {
                summing.borrow_mut().add(piece);
                sink(piece)
            })
        };
        match format {
            Format::Tensors => tensors::write_dataset(&mut out, head, summed)?,
            Format::Npz => npz::write_dataset(&mut out, head, summed)?,
        }
        sums = summing.into_inner().finish();
        out.flush()
    })?;
    // An npz file has no room for its provenance; one beside this file may be of the same rows.
    let npz = path.with_extension("npz");
    match rows::encode(head, sums, format == Format::Npz || npz.exists())? {
        Some(notes) => files::write_atomic(&sidecar, &notes),
        None => Ok(()),
    }
}

/// As [`Dataset::load`], with every covariance checked, also those that stay in their file.
pub(super) fn load_checked(path: &Path) -> Result<Dataset> {
    let data = load(path)?;
    rows::join(data, path, true)
}

/// The files that [`write`] writes for `path`.
pub(super) fn written(path: &Path) -> [PathBuf; 3] {
    [path.to_path_buf(), rows::path_beside(path), rows::path_apart(path)]
}

/// Whether a file holds notes of rows or a list of left out ones, and no dataset.
pub(super) fn is_sidecar(path: &Path) -> bool {
    rows::is_sidecar(path) || path.to_string_lossy().ends_with(".quarantine.json")
}

/// The names and the order of the four arrays.
const NAMES: [&str; 4] = ["eta", "mu_T", "cov_TT", "ess"];

/// More statistics than any dataset has: a larger number is a damaged header.
const MOST_STATISTICS: usize = 65_536;

impl Dataset {
    /// Write the four arrays to `path`, by its extension `.safetensors` (with the provenance in the metadata) or `.npz`
    /// (readable by `numpy.load`); row notes, and the provenance of an npz file, go to `NAME.rows.safetensors` beside
    /// it. Files are written whole or not at all; equal data give equal bytes.
    ///
    /// # Errors
    /// Another extension; eta with an entry that is not finite; a file that cannot be written.
    ///
    /// # Example
    /// ```
    /// use nnef::data::Dataset;
    /// let data = Dataset::new(1, vec![0.5, 1.0], vec![0.1, 0.2], vec![1.0, 1.1], vec![50.0, 60.0], Default::default()).unwrap();
    /// let folder = tempfile::tempdir().unwrap();
    /// let path = folder.path().join("d.npz");
    /// data.save(&path).unwrap();
    /// assert_eq!(Dataset::load(&path).unwrap().mu_t(), data.mu_t());
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let head = Head {
            k: self.dim(),
            eta: self.eta(),
            mu_t: self.mu_t(),
            ess: self.ess(),
            provenance: self.provenance(),
            notes: self.notes(),
        };
        write(path, &head, &|sink| self.each_covariance(|_, row| sink(row)))
    }

    /// Check that a dataset can be saved under this name, before the work that fills it.
    ///
    /// # Errors
    /// An extension other than `.safetensors` and `.npz`, or the name of a sidecar.
    pub fn check_name(path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        Format::of(path)?;
        if rows::is_sidecar(path) {
            let error = Error::file(format!(
                "cannot save a dataset as '{}': names in .rows.safetensors belong to row notes",
                path.display()
            ));
            return Err(error.hint("leave out '.rows'"));
        }
        Ok(())
    }

    /// Read a file of [`Dataset::save`], or one with the same four arrays from another program: safetensors, or npz
    /// (also compressed, also in Fortran order), in float64 or float32. Row notes are read where their file is there.
    ///
    /// # Errors
    /// A file error that names the path, what was found and what was expected: no such file, another kind, cut short, an
    /// array that is missing, of another type or shape, eta that is not finite, notes that belong to other rows, or
    /// covariances without the checksum that the notes have of them (those of a large file, which stay in it, are checked
    /// when a job is resumed or shards are joined).
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        rows::join(load(path)?, path, false)
    }
}

/// The dataset in the file at `path`, without its row notes.
fn load(path: &Path) -> Result<Dataset> {
    let format = Format::of(path)?;
    let at = |e: Error| e.context(format_args!("cannot load '{}'", path.display()));
    if std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.len() == 0) {
        let error = Error::file("the file is empty, expected the arrays eta, mu_T, cov_TT and ess");
        return Err(at(error.hint("write it again with data.save(...)")));
    }
    match format {
        Format::Tensors => tensors::read_dataset(path),
        Format::Npz => files::read(path).and_then(|bytes| npz::decode(&bytes)),
    }
    .map_err(|e| at(sidecar_hint(e, path)))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Tensors,
    Npz,
}

impl Format {
    fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        match extension.as_deref() {
            Some("safetensors") => Ok(Format::Tensors),
            Some("npz") => Ok(Format::Npz),
            other => {
                let found = other.map_or("no extension".to_string(), |e| format!("the extension '.{e}'"));
                let message = format!("'{}' has {found}: a dataset is a .safetensors or a .npz file", path.display());
                Err(Error::file(message).hint("name it NAME.safetensors or NAME.npz"))
            }
        }
    }
}

fn sidecar_hint(error: Error, path: &Path) -> Error {
    if rows::is_sidecar(path) { error.hint("this file holds the notes of rows; load the dataset beside it") } else { error }
}

/// Check the four arrays against each other and join them.
fn assemble(arrays: [Array; 3], cov_tt: (Vec<usize>, Covariances), provenance: BTreeMap<String, String>) -> Result<Dataset> {
    let ([eta, mu_t, ess], (cov_shape, cov_tt)) = (arrays, cov_tt);
    let (n, k) = match eta.shape[..] {
        [n, k] => (n, k),
        _ => {
            return Err(Error::shape(format!("eta has shape {:?}, expected two dimensions [n, k]", eta.shape))
                .hint("for one statistic save eta as [n, 1]"));
        }
    };
    if k == 0 || k > MOST_STATISTICS {
        let error = Error::shape(format!("eta has shape {:?}: {k} statistics, expected 1 to {MOST_STATISTICS}", eta.shape));
        return Err(error.hint("eta is [n, k]: a row for each natural parameter"));
    }
    for (name, shape, expected) in
        [("mu_T", &mu_t.shape, vec![n, k]), ("cov_TT", &cov_shape, vec![n, k, k]), ("ess", &ess.shape, vec![n])]
    {
        if *shape != expected {
            let message = format!("{name} has shape {shape:?}, expected {expected:?} to fit eta {:?}", eta.shape);
            return Err(Error::shape(message).hint("the arrays are eta [n,k], mu_T [n,k], cov_TT [n,k,k], ess [n]"));
        }
    }
    finite_eta(&eta.values, k)?;
    if let Some(i) = mu_t.values.iter().position(|m| !m.is_finite()) {
        return Err(Error::domain(format!("mu_T[{}, {}] is {}: labels must be finite", i / k, i % k, mu_t.values[i]))
            .hint("leave such rows out"));
    }
    if let Some(i) = ess.values.iter().position(|e| e.is_nan() || *e < 0.0) {
        return Err(Error::domain(format!("ess[{i}] is {}: an effective sample size is not negative", ess.values[i]))
            .hint("leave such rows out; rows without error have np.inf or 1e24"));
    }
    Dataset::with_covariances(k, eta.values, mu_t.values, cov_tt, ess.values, provenance)
}

fn finite_eta(eta: &[f64], k: usize) -> Result<()> {
    match eta.iter().position(|e| !e.is_finite()) {
        Some(i) => {
            let error = Error::domain(format!("eta[{}, {}] is {}: natural parameters must be finite", i / k, i % k, eta[i]));
            Err(error.hint("leave such rows out"))
        }
        None => Ok(()),
    }
}

/// The error for an array that is not in the file.
fn missing_array(name: &str, found: &[String]) -> Error {
    let list = if found.is_empty() { "none".to_string() } else { found.join(", ") };
    let others = found.iter().map(String::as_str).filter(|f| !NAMES.contains(f));
    let guess = crate::error::nearest(name, others);
    let error = Error::file(format!("the array '{name}' is missing; found: {list}; expected: {}", NAMES.join(", ")));
    error.hint(match guess {
        Some(near) => format!("rename '{near}' to '{name}'"),
        None if name == "ess" => {
            "ess [n] is the effective sample size of each row, from which label noise is known: save it too, \
            for exact rows np.full(n, 1e24)"
                .to_string()
        }
        None => "the arrays are eta [n,k], mu_T [n,k], cov_TT [n,k,k], ess [n]".to_string(),
    })
}
