//! Datasets as files: `NAME.safetensors` or `NAME.npz` with exactly the arrays `eta` [n, k], `mu_T` [n, k], `cov_TT`
//! [n, k, k] and `ess` `[n]`, and beside it `NAME.rows.safetensors` with what is known of each row.
//!
//! Equal datasets give equal bytes. Nothing in a file is trusted: sizes are checked against the file before memory is
//! taken, shapes against each other, and a sidecar against the rows that it was written for.
//!
//! One file per format: [`tensors`] (safetensors), [`npz`] (with [`npy`]); [`rows`] is the sidecar.

mod npy;
mod npz;
mod rows;
mod tensors;
#[cfg(test)]
mod tests;

use super::Dataset;
use crate::error::{Error, Result};
use crate::num::files;
use std::collections::BTreeMap;
use std::path::Path;

/// A dense array read from a file, row-major.
#[derive(Debug, Clone, PartialEq)]
struct Array {
    shape: Vec<usize>,
    values: Vec<f64>,
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
        Self::check_name(path)?;
        let format = Format::of(path)?;
        finite_eta(self.eta(), self.dim()).map_err(|e| e.context(format_args!("cannot save '{}'", path.display())))?;
        let bytes = match format {
            Format::Tensors => tensors::encode_dataset(self),
            Format::Npz => npz::encode(self),
        };
        let bytes = bytes.map_err(|e| e.context(format_args!("cannot save '{}'", path.display())))?;
        // A crash between the steps leaves rows without notes, never notes of other rows.
        let sidecar = rows::path_beside(path);
        files::remove(&sidecar)?;
        files::write_atomic(path, &bytes)?;
        // An npz file has no room for its provenance; one beside this file may be of the same rows.
        let npz = path.with_extension("npz");
        match rows::encode(self, format == Format::Npz || npz.exists())? {
            Some(notes) => files::write_atomic(&sidecar, &notes),
            None => Ok(()),
        }
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
    /// array that is missing, of another type or shape, eta that is not finite, or notes that belong to other rows.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let format = Format::of(path)?;
        let bytes = files::read(path)?;
        let at = |e: Error| e.context(format_args!("cannot load '{}'", path.display()));
        if bytes.is_empty() {
            let error = Error::file("the file is empty, expected the arrays eta, mu_T, cov_TT and ess");
            return Err(at(error.hint("write it again with data.save(...)")));
        }
        let (arrays, provenance) = match format {
            Format::Tensors => tensors::decode_dataset(&bytes),
            Format::Npz => npz::decode(&bytes).map(|arrays| (arrays, BTreeMap::new())),
        }
        .map_err(|e| at(sidecar_hint(e, path)))?;
        let data = assemble(arrays, provenance).map_err(at)?;
        rows::join(data, &rows::path_beside(path))
    }
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
fn assemble(arrays: [Array; 4], provenance: BTreeMap<String, String>) -> Result<Dataset> {
    let [eta, mu_t, cov_tt, ess] = arrays;
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
    for (name, array, expected) in [("mu_T", &mu_t, vec![n, k]), ("cov_TT", &cov_tt, vec![n, k, k]), ("ess", &ess, vec![n])] {
        if array.shape != expected {
            let message = format!("{name} has shape {:?}, expected {expected:?} to fit eta {:?}", array.shape, eta.shape);
            return Err(Error::shape(message).hint("the arrays are eta [n,k], mu_T [n,k], cov_TT [n,k,k], ess [n]"));
        }
    }
    finite_eta(&eta.values, k)?;
    Dataset::new(k, eta.values, mu_t.values, cov_tt.values, ess.values, provenance)
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
    let guess = crate::error::nearest(name, found.iter().map(String::as_str));
    let error = Error::file(format!("the array '{name}' is missing; found: {list}; expected: {}", NAMES.join(", ")));
    error.hint(match guess {
        Some(near) => format!("rename '{near}' to '{name}'"),
        None => "the arrays are eta [n,k], mu_T [n,k], cov_TT [n,k,k], ess [n]".to_string(),
    })
}
