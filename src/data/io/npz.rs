//! The npz format: a zip archive of npy arrays, as `numpy.savez` and `numpy.savez_compressed` write it.
//!
//! Written uncompressed, in a fixed order, with the time stamp 1980-01-01, so that equal data give equal bytes.

use super::tensors::write_floats;
use super::{Array, Head, NAMES, Pieces, assemble, missing_array, npy};
use crate::data::Dataset;
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// Deflate cannot do better than 1032 to 1: a header that claims more lies.
const MOST_DEFLATION: u64 = 1032;

/// Write a dataset, without provenance and row notes.
pub(super) fn write_dataset(out: &mut (impl Write + Seek), head: &Head, cov_tt: Pieces) -> io::Result<()> {
    let (n, k) = (head.ess.len(), head.k);
    let mut writer = ZipWriter::new(Once { out, at: 0, failed: false });
    let [eta, mu, cov, ess] = NAMES;
    start(&mut writer, eta, &[n, k])?;
    write_floats(&mut writer, head.eta)?;
    start(&mut writer, mu, &[n, k])?;
    write_floats(&mut writer, head.mu_t)?;
    start(&mut writer, cov, &[n, k, k])?;
    cov_tt(&mut |piece| write_floats(&mut writer, piece))?;
    start(&mut writer, ess, &[n])?;
    write_floats(&mut writer, head.ess)?;
    writer.finish()?;
    Ok(())
}

/// A writer that fails once and then takes everything: a [`ZipWriter`] that is dropped after an error goes on writing, and
/// complains on stderr where it cannot.
struct Once<W> {
    out: W,
    /// Where the next byte goes, or would go.
    at: u64,
    failed: bool,
}

impl<W> Once<W> {
    fn tried<T>(&mut self, work: impl FnOnce(&mut W) -> io::Result<T>, otherwise: T) -> io::Result<T> {
        if self.failed {
            return Ok(otherwise);
        }
        let done = work(&mut self.out);
        self.failed = done.as_ref().is_err_and(|e| e.kind() != io::ErrorKind::Interrupted);
        done
    }
}

impl<W: Write> Write for Once<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.tried(|out| out.write(bytes), bytes.len())?;
        self.at += written as u64;
        Ok(written)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.tried(Write::flush, ())
    }
}

impl<W: Seek> Seek for Once<W> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let otherwise = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::Current(by) | SeekFrom::End(by) => self.at.saturating_add_signed(by),
        };
        self.at = self.tried(|out| out.seek(to), otherwise)?;
        Ok(self.at)
    }
}

/// Begin the array called `name`.
fn start(writer: &mut ZipWriter<impl Write + Seek>, name: &str, shape: &[usize]) -> io::Result<()> {
    let header = npy::header(shape);
    let length = header.len() + 8 * shape.iter().product::<usize>();
    let options = SimpleFileOptions::DEFAULT
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::DEFAULT)
        .unix_permissions(0o644)
        .large_file(length >= u32::MAX as usize);
    writer.start_file(format!("{name}.npy"), options)?;
    writer.write_all(&header)
}

/// The dataset that `bytes` are.
pub(super) fn decode(bytes: &[u8]) -> Result<Dataset> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| {
        let error = Error::file(format!("not a whole npz file ({} bytes): {e}", bytes.len()));
        error.hint("the file was cut short, damaged or is of another kind: write it again with np.savez or data.save(...)")
    })?;
    let length = bytes.len() as u64;
    let [eta, mu_t, cov_tt, ess] = NAMES;
    let mut array = |name: &str| array(&mut archive, length, name);
    let (eta, mu_t, cov_tt) = (array(eta)?, array(mu_t)?, array(cov_tt)?);
    assemble([eta, mu_t, array(ess)?], (cov_tt.shape, cov_tt.values.into()), BTreeMap::new())
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
