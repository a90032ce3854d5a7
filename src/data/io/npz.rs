//! The npz format: a zip archive of npy arrays, as `numpy.savez` and `numpy.savez_compressed` write it.
//!
//! Written uncompressed, in a fixed order, with the time stamp 1980-01-01, so that equal data give equal bytes.

use super::{Array, NAMES, missing_array, npy};
use crate::data::Dataset;
use crate::error::{Error, Result};
use std::io::{Cursor, Read, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// Deflate cannot do better than 1032 to 1: a header that claims more lies.
const MOST_DEFLATION: u64 = 1032;

/// The bytes of a dataset, without provenance and row notes.
pub(super) fn encode(data: &Dataset) -> Result<Vec<u8>> {
    let (n, k) = (data.len(), data.dim());
    let arrays: [(&[usize], &[f64]); 4] =
        [(&[n, k], data.eta()), (&[n, k], data.mu_t()), (&[n, k, k], data.cov_tt()), (&[n], data.ess())];
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let wrong = |e: &dyn std::fmt::Display| Error::file(format!("npz: {e}"));
    for (name, (shape, values)) in NAMES.iter().zip(arrays) {
        let bytes = npy::encode(shape, values);
        let options = SimpleFileOptions::DEFAULT
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::DEFAULT)
            .unix_permissions(0o644)
            .large_file(bytes.len() >= u32::MAX as usize);
        writer.start_file(format!("{name}.npy"), options).map_err(|e| wrong(&e))?;
        writer.write_all(&bytes).map_err(|e| wrong(&e))?;
    }
    Ok(writer.finish().map_err(|e| wrong(&e))?.into_inner())
}

/// The four arrays, in the order of [`NAMES`].
pub(super) fn decode(bytes: &[u8]) -> Result<[Array; 4]> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| {
        let error = Error::file(format!("not a whole npz file ({} bytes): {e}", bytes.len()));
        error.hint("the file was cut short, damaged or is of another kind: write it again with np.savez or data.save(...)")
    })?;
    let length = bytes.len() as u64;
    let [eta, mu_t, cov_tt, ess] = NAMES;
    Ok([
        array(&mut archive, length, eta)?,
        array(&mut archive, length, mu_t)?,
        array(&mut archive, length, cov_tt)?,
        array(&mut archive, length, ess)?,
    ])
}

fn array(archive: &mut ZipArchive<Cursor<&[u8]>>, length: u64, name: &str) -> Result<Array> {
    let Some(index) = archive.index_for_name(&format!("{name}.npy")) else {
        let found: Vec<String> = archive.file_names().flatten().map(|f| f.trim_end_matches(".npy").to_string()).collect();
        return Err(missing_array(name, &found));
    };
    let damaged = |e: &dyn std::fmt::Display| {
        Error::file(format!("the array '{name}' cannot be unpacked: {e}")).hint("the file is damaged: write it again")
    };
    let mut entry = archive.by_index(index).map_err(|e| damaged(&e))?;
    let claimed = entry.size();
    let most = match entry.compression() {
        CompressionMethod::Stored => length,
        _ => length.saturating_mul(MOST_DEFLATION).saturating_add(1024),
    };
    if claimed > most {
        return Err(damaged(&format_args!("it claims {claimed} bytes in a file of {length} bytes")));
    }
    let mut bytes = Vec::new(); // grows with what is really there
    entry.by_ref().take(claimed.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| damaged(&e))?;
    npy::decode(name, &bytes)
}
