//! The append-only file of a [`super::Part`].

use super::super::job::Job;
use super::record::Rows;
use crate::error::{Error, Result};
use crate::num::{checksum, files};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const MAGIC: &[u8] = b"nnef finished rows 1\n";
/// A record is a head of four words: first row, rows, bytes, checksum of the three and of the bytes; then the bytes.
const HEAD: usize = 32;
/// What a power failure may cost.
const SYNC: Duration = Duration::from_secs(2);

pub(super) struct Log {
    path: PathBuf,
    file: File,
    /// End of the last whole record.
    end: u64,
    synced: Instant,
}

impl Log {
    /// The file at `path`, made where it is missing, locked.
    pub(super) fn open(path: &Path) -> Result<Log> {
        if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|e| files::failure(path, "making its folder", &e))?;
        }
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let file = file.map_err(|e| files::failure(path, "opening", &e))?;
        if !file.metadata().is_ok_and(|m| m.is_file()) {
            return Err(Error::file(format!("cannot write '{}': it is not a regular file", path.display())));
        }
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let error = Error::file(format!("another process is writing '{}'", path.display()));
                return Err(error.hint("wait for it, or choose another file"));
            }
            // A file system without locks: nobody else is assumed.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        Ok(Log { path: path.to_path_buf(), file, end: 0, synced: Instant::now() })
    }
    /// Whether the file holds rows of `job`; false where nothing was written yet.
    ///
    /// # Errors
    /// When it is of another kind or of another job.
    pub(super) fn belongs_to(&mut self, job: &Job) -> Result<bool> {
        let length = self.length()?;
        let mut start = vec![0; MAGIC.len() + 16];
        let got = self.read_start(&mut start)?;
        if got < MAGIC.len() || start[..MAGIC.len()] != *MAGIC {
            if MAGIC.starts_with(&start[..got.min(MAGIC.len())]) && got < MAGIC.len() {
                return Ok(false);
            }
            let error = Error::file(format!("'{}' is not a file of finished rows", self.path.display()));
            return Err(error.hint("move it away, or start anew (--force, resume: false)"));
        }
        let (Some(size), Some(expected)) = (word(&start, MAGIC.len()), word(&start, MAGIC.len() + 8)) else {
            return Ok(false);
        };
        let at = (MAGIC.len() + 16) as u64;
        if got < start.len() || size > length - at {
            return Ok(false); // its writer ended before the first row
        }
        let mut text = vec![0; size as usize];
        self.read_at(at, &mut text)?;
        if checksum::continued(checksum::START, &text) != expected {
            return Ok(false);
        }
        let found = serde_json::from_slice(&text).ok().and_then(|entries| Job::of(&entries));
        let found = found.ok_or_else(|| Error::file(format!("'{}' does not say which job it is of", self.path.display())))?;
        if let Some(difference) = job.difference(&found) {
            let error = Error::file(format!("'{}' holds rows of another job: {difference}", self.path.display()));
            return Err(error.hint("finish that job, choose another file, or start anew (--force, resume: false)"));
        }
        self.end = at + size;
        Ok(true)
    }
    /// Empty the file and write its start.
    pub(super) fn restart(&mut self, job: &Job) -> Result<()> {
        let text = serde_json::to_vec(job.entries()).map_err(|e| Error::file(format!("JSON: {e}")))?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(checksum::continued(checksum::START, &text).to_le_bytes());
        bytes.extend(text);
        self.end = 0;
        self.cut()?;
        self.write(&bytes)
    }
    /// The whole records, their covariances left in the file; a damaged one is passed over, and what follows the last whole
    /// one is cut away.
    pub(super) fn records(&mut self, k: usize) -> Result<Vec<Rows>> {
        let (length, mut found, mut bytes) = (self.length()?, Vec::new(), Vec::new());
        let mut next = self.end;
        while length - next >= HEAD as u64 {
            let mut head = [0; HEAD];
            self.read_at(next, &mut head)?;
            let [Some(first), Some(n), Some(size), Some(expected)] = [0, 8, 16, 24].map(|at| word(&head, at)) else { break };
            let at = next + HEAD as u64;
            if size > length - at {
                break;
            }
            bytes.resize(size as usize, 0);
            self.read_at(at, &mut bytes)?;
            next = at + size;
            if record_sum(&head[..24], &bytes) == expected
                && let Some(rows) = Rows::decode(&bytes, at, first as usize, n as usize, k)
            {
                found.push(rows);
                self.end = next;
            }
        }
        self.cut()?;
        Ok(found)
    }
    /// Append `rows`; the byte where their covariances start.
    ///
    /// # Errors
    /// When they cannot be written; the records before stay whole.
    pub(super) fn append(&mut self, rows: &Rows) -> Result<u64> {
        let (bytes, covariances) = rows.encode()?;
        let mut head = Vec::with_capacity(HEAD);
        for value in [rows.first, rows.len(), bytes.len()] {
            head.extend((value as u64).to_le_bytes());
        }
        head.extend(record_sum(&head, &bytes).to_le_bytes());
        let start = self.end + HEAD as u64 + covariances as u64;
        self.write(&head)?;
        match self.write(&bytes) {
            Ok(()) => Ok(start),
            Err(e) => {
                self.end -= HEAD as u64;
                let _ = self.cut();
                Err(e)
            }
        }
    }
    /// Sync, where the last time is long enough ago.
    pub(super) fn sync_now_and_then(&mut self) -> Result<()> {
        if self.synced.elapsed() >= SYNC {
            self.file.sync_data().map_err(|e| files::failure(&self.path, "syncing", &e))?;
            self.synced = Instant::now();
        }
        Ok(())
    }
    /// `count` floats from byte `offset`.
    pub(super) fn floats(&self, offset: u64, count: usize, out: &mut Vec<f64>) -> io::Result<()> {
        let mut bytes = vec![0; count * 8];
        let mut file = &self.file;
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut bytes)?;
        out.clear();
        out.extend(bytes.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)));
        Ok(())
    }
    pub(super) fn remove(self) -> Result<()> {
        files::remove(&self.path)
    }
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let done = self.file.seek(SeekFrom::Start(self.end)).and_then(|_| self.file.write_all(bytes));
        if let Err(e) = done {
            let _ = self.cut();
            return Err(files::failure(&self.path, "adding finished rows", &e));
        }
        self.end += bytes.len() as u64;
        Ok(())
    }
    fn cut(&mut self) -> Result<()> {
        self.file.set_len(self.end).map_err(|e| files::failure(&self.path, "cutting off its torn end", &e))
    }
    fn length(&self) -> Result<u64> {
        self.file.metadata().map(|m| m.len()).map_err(|e| self.unreadable(&e))
    }
    fn read_start(&mut self, out: &mut [u8]) -> Result<usize> {
        self.file.seek(SeekFrom::Start(0)).map_err(|e| self.unreadable(&e))?;
        let mut got = 0;
        loop {
            match self.file.read(&mut out[got..]).map_err(|e| self.unreadable(&e))? {
                0 => return Ok(got),
                more => got += more,
            }
        }
    }
    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> Result<()> {
        let done = self.file.seek(SeekFrom::Start(offset)).and_then(|_| self.file.read_exact(out));
        done.map_err(|e| self.unreadable(&e))
    }
    fn unreadable(&self, e: &io::Error) -> Error {
        Error::file(format!("cannot read '{}': {e}", self.path.display()))
    }
}

fn record_sum(head: &[u8], bytes: &[u8]) -> u64 {
    checksum::continued(checksum::continued(checksum::START, head), bytes)
}

/// The 64-bit word at byte `at`.
fn word(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk::<8>().map(|b| u64::from_le_bytes(*b))
}
