//! Finished rows of a job: in memory, and in an append-only file beside the dataset to be, so that a run that is stopped or
//! killed at any moment goes on where it was.
//!
//! The file starts with the job (JSON with its checksum); then come records, one a chunk of rows, each with a checksum. A
//! record that is not whole was cut off by the end of its writer, or damaged later: it is passed over, and what follows the last
//! whole one is cut away. Records are
//! gathered and written a few times a second, and synced every few seconds.

mod log;
mod record;

pub(super) use record::Rows;

use super::job::Job;
use super::refused::REFUSED;
use crate::error::Result;
use log::Log;
use record::Covariance;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Most bytes, and longest time, that finished rows stay in memory alone.
const PENDING_BYTES: usize = 64 << 20;
const PENDING_TIME: Duration = Duration::from_millis(30);

/// Finished rows by the number of their first row. Without a file all stay in memory.
pub(super) struct Part {
    k: usize,
    chunks: BTreeMap<usize, Rows>,
    log: Option<Log>,
    pending: Vec<usize>,
    pending_bytes: usize,
    written: Instant,
}

/// `NAME.safetensors.part` for `NAME.safetensors`.
pub(super) fn path_beside(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_os_string();
    name.push(".part");
    PathBuf::from(name)
}

impl Part {
    /// Rows of `k` statistics, in memory alone.
    pub(super) fn in_memory(k: usize) -> Self {
        Part { k, chunks: BTreeMap::new(), log: None, pending: vec![], pending_bytes: 0, written: Instant::now() }
    }
    /// Rows of `k` statistics in the file at `path`, with those that are there where `resume` asks for them. The file stays
    /// locked.
    ///
    /// # Errors
    /// A file of another job, or not of this kind; one that another process writes; as writing.
    pub(super) fn open(path: &Path, job: &Job, k: usize, resume: bool) -> Result<Self> {
        let mut log = Log::open(path)?;
        let mut part = Part::in_memory(k);
        if !resume || !log.belongs_to(job)? {
            log.restart(job)?;
        } else {
            for rows in log.records(k)? {
                part.chunks.insert(rows.first, rows);
            }
        }
        part.log = Some(log);
        Ok(part)
    }
    /// Number of statistics.
    pub(super) fn dim(&self) -> usize {
        self.k
    }
    /// Whether the chunk of rows from `first`, `count` of them, is there.
    pub(super) fn has(&self, first: usize, count: usize) -> bool {
        self.chunks.range(..=first).next_back().is_some_and(|(start, rows)| start + rows.len() >= first + count)
    }
    /// All chunks, in the order of rows.
    pub(super) fn chunks(&self) -> impl Iterator<Item = &Rows> {
        self.chunks.values()
    }
    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.chunks.values().map(Rows::len).sum()
    }
    /// Where there are rows and all of them were refused: the first, and its gate with the reason.
    pub(super) fn all_refused(&self) -> Option<(usize, &str)> {
        let labelled = |rows: &Rows| rows.gate.iter().any(|gate| !gate.starts_with(REFUSED));
        let first = self.chunks.values().find(|rows| rows.len() > 0).filter(|_| !self.chunks.values().any(labelled))?;
        first.gate.first().map(|gate| (first.first, gate.as_str()))
    }
    /// How many rows from `first` on are there without a gap and refused.
    pub(super) fn refused_from(&self, first: usize) -> usize {
        let refused = |rows: &&Rows| rows.gate.iter().all(|gate| gate.starts_with(REFUSED));
        let mut end = first;
        for rows in self.chunks.range(first..).map(|(_, rows)| rows).take_while(refused) {
            if rows.first != end {
                break;
            }
            end += rows.len();
        }
        end - first
    }
    /// Number of rows that the file holds.
    pub(super) fn stored(&self) -> usize {
        self.chunks.values().filter(|rows| matches!(rows.cov, Covariance::InFile { .. })).map(Rows::len).sum()
    }
    /// Keep a finished chunk.
    ///
    /// # Errors
    /// When the file cannot be written; the chunks that are in it stay.
    pub(super) fn put(&mut self, rows: Rows) -> Result<()> {
        self.pending_bytes += rows.bytes();
        self.pending.push(rows.first);
        self.chunks.insert(rows.first, rows);
        let due = self.pending_bytes >= PENDING_BYTES || self.written.elapsed() >= PENDING_TIME;
        if due && self.log.is_some() { self.flush() } else { Ok(()) }
    }
    /// Write what is in memory alone.
    ///
    /// # Errors
    /// As [`Part::put`].
    pub(super) fn flush(&mut self) -> Result<()> {
        let Some(log) = &mut self.log else { return Ok(()) };
        for first in std::mem::take(&mut self.pending) {
            if let Some(rows) = self.chunks.get_mut(&first) {
                let offset = log.append(rows)?;
                rows.cov = Covariance::InFile { offset };
            }
        }
        self.pending_bytes = 0;
        log.sync_now_and_then()?;
        self.written = Instant::now();
        Ok(())
    }
    /// The covariances of one of the chunks, `[rows, k, k]`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn covariances<'a>(&self, rows: &'a Rows, buffer: &'a mut Vec<f64>) -> io::Result<&'a [f64]> {
        match (&rows.cov, &self.log) {
            (Covariance::Here(values), _) => Ok(values),
            (Covariance::InFile { offset }, Some(log)) => {
                log.floats(*offset, rows.len() * self.k * self.k, buffer)?;
                Ok(buffer)
            }
            (Covariance::InFile { .. }, None) => Err(io::Error::other("rows without their file")),
        }
    }
    /// Remove the file: the dataset is finished.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub(super) fn remove(mut self) -> Result<()> {
        self.log.take().map_or(Ok(()), Log::remove)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::data::GenerateOptions;
    use crate::family::{Moments, named};

    const K: usize = 2;

    fn job(seed: u64) -> Job {
        let family = named::named("gaussian", 1).unwrap();
        Job::new(&family, &[0.0, -1.0], &GenerateOptions { seed, ..GenerateOptions::default() }, None).unwrap()
    }

    fn rows(first: usize) -> Rows {
        let n = 3;
        let values = |count: usize| (0..count).map(|i| (first * 100 + i) as f64 / 8.0).collect::<Vec<f64>>();
        let moments = Moments {
            mu_t: values(n * K),
            cov_tt: Some(values(n * K * K)),
            log_normalizer: Some(vec![f64::NAN; n]),
            log_normalizer_error: None,
            mcse: values(n * K),
            ess: values(n),
            rhat: values(n),
            divergences: vec![1, 2, 3],
            method: vec!["hmc", "quadrature", "hmc"],
            gate: vec!["", "rhat", ""],
        };
        Rows::new(first, K, moments).unwrap()
    }

    fn contents(part: &Part) -> Vec<String> {
        let mut buffer = Vec::new();
        part.chunks().map(|r| format!("{:?} {:?}", r.shown(), part.covariances(r, &mut buffer).unwrap())).collect()
    }

    #[test]
    fn a_file_cut_or_damaged_anywhere_gives_its_whole_records() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.part");
        let mut part = Part::open(&path, &job(1), K, true).unwrap();
        for first in [6, 0, 3] {
            part.put(rows(first)).unwrap();
        }
        part.flush().unwrap();
        let all = contents(&part);
        assert_eq!((all.len(), part.len(), part.has(3, 3), part.has(3, 7)), (3, 9, true, false));
        assert!(Part::open(&path, &job(1), K, true).err().unwrap().message().contains("another process"));
        drop(part);
        let whole = std::fs::read(&path).unwrap();
        let mut seen = [0; 4];
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let mut part = Part::open(&path, &job(1), K, true).unwrap();
            let found = contents(&part);
            assert!(found.iter().all(|c| all.contains(c)), "cut at {cut}");
            seen[found.len()] += 1;
            if cut % 97 == 0 {
                [0, 3, 6].into_iter().for_each(|first| part.put(rows(first)).unwrap());
                part.flush().unwrap();
                drop(part);
                assert_eq!(contents(&Part::open(&path, &job(1), K, true).unwrap()), all, "gone on at {cut}");
            }
        }
        assert!(seen.iter().all(|s| *s > 0) && seen[3] == 1, "{seen:?}");
        let mut kept = [0; 4];
        for at in (whole.len() / 3..whole.len()).step_by(5) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            std::fs::write(&path, &damaged).unwrap();
            if let Ok(part) = Part::open(&path, &job(1), K, true) {
                let found = contents(&part);
                assert!(found.iter().all(|c| all.contains(c)), "damaged at {at}");
                kept[found.len()] += 1;
            }
        }
        // What follows a damaged record is kept; only where its length is damaged nobody knows where the next one starts.
        assert!(kept[2] > 5 * (kept[0] + kept[1]) && kept[3] == 0, "{kept:?}");
    }

    #[test]
    fn other_jobs_and_other_files_are_refused_unless_started_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.part");
        let mut part = Part::open(&path, &job(1), K, true).unwrap();
        part.put(rows(0)).unwrap();
        part.flush().unwrap();
        drop(part);
        let error = Part::open(&path, &job(2), K, true).err().unwrap();
        assert!(error.message().contains("seed is 1 there and 2 here"), "{error}");
        assert_eq!(Part::open(&path, &job(2), K, false).unwrap().len(), 0);
        std::fs::write(&path, b"my precious notes, which are no rows").unwrap();
        assert!(Part::open(&path, &job(1), K, true).err().unwrap().message().contains("not a file of finished rows"));
        assert!(Part::open(folder.path(), &job(1), K, true).is_err());
    }
}
