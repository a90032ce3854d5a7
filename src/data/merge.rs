//! Joining the shards of a job: the bytes of one run.

use super::assemble::{DIVERGENCES, QUARANTINED, UNCONVERGED, count};
use super::io::{self, Head};
use super::job::{Job, SHARD};
use super::quarantine::{self, Quarantined};
use super::shard::Shard;
use super::{Dataset, GenerateOptions, RowNotes};
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One shard, read.
struct Piece {
    path: PathBuf,
    data: Dataset,
    job: Job,
    points: usize,
    shard: Shard,
    rows: Range<usize>,
    quarantined: Vec<Quarantined>,
}

/// Join the files `shards`, all parts of one job in any order, into `out`: the same bytes as one run writes, its row notes
/// and the list of rows that were left out included. An existing file of another job is written over only with `force`.
///
/// # Errors
/// A file that is no shard or not whole; shards of different jobs; rows that two shards hold, or none; files that cannot be
/// read or written; covariances that are damaged.
pub fn merge(out: &Path, shards: &[PathBuf], force: bool) -> Result<Dataset> {
    Dataset::check_name(out)?;
    // A pattern such as NAME.shard-* also meets the notes beside the shards.
    let shards = shards.iter().filter(|path| !io::is_sidecar(path));
    let mut pieces: Vec<Piece> = shards.map(|path| Piece::read(path)).collect::<Result<_>>()?;
    pieces.sort_by_key(|p| (p.rows.start, p.rows.end));
    let Some(first) = pieces.first() else {
        return Err(Error::domain("no shards to join").hint("nnef merge OUT SHARD..."));
    };
    for piece in &pieces {
        if let Some(difference) = first.job.difference(&piece.job) {
            let (a, b) = (first.path.display(), piece.path.display());
            return Err(Error::file(format!("'{a}' and '{b}' are of different jobs: in the second, {difference} (the first)")));
        }
    }
    check_cover(&pieces)?;
    if !force && out.is_file() {
        check_replaceable(out, &first.job)?;
    }
    let joined = join(&pieces)?;
    let family = first.data.provenance().get("family").map_or("", String::as_str);
    quarantine::write(out, family, first.data.stat_names(), &joined.quarantined)?;
    let head = Head {
        k: first.data.dim(),
        eta: &joined.eta,
        mu_t: &joined.mu_t,
        ess: &joined.ess,
        provenance: &joined.provenance,
        notes: Some(&joined.notes),
    };
    io::write(out, &head, &|sink| pieces.iter().try_for_each(|p| p.data.each_covariance(|_, row| sink(row))))?;
    Ok(Dataset::load(out)?.with_quarantined(joined.quarantined))
}

impl Piece {
    fn read(path: &Path) -> Result<Piece> {
        let data = io::load_checked(path)?;
        let wrong = |what: &str| {
            let error = Error::file(format!("'{}' {what}", path.display()));
            error.hint("shards are made by nnef generate --shard i/N, or generate with shard: [i, N]")
        };
        let entries = data.provenance();
        let job = Job::of(entries).ok_or_else(|| wrong("does not say how it was made"))?;
        let shard: Shard = entries.get(SHARD).ok_or_else(|| wrong("is no shard"))?.parse()?;
        let options = entries.get("options").and_then(|text| serde_json::from_str::<GenerateOptions>(text).ok());
        let points = options.ok_or_else(|| wrong("does not say of how many rows it is a part"))?.points;
        let rows = shard.rows(points)?;
        if data.notes().is_none() {
            return Err(wrong("is without its row notes (NAME.rows.safetensors)"));
        }
        let quarantined = quarantine::read(path, count(&data, QUARANTINED))?;
        if data.len() + quarantined.len() != rows.len() {
            let (n, q) = (data.len(), quarantined.len());
            return Err(wrong(&format!("is not whole: {n} rows and {q} that were left out, of {}", rows.len())));
        }
        Ok(Piece { path: path.to_path_buf(), job: job.whole(), points, shard, rows, quarantined, data })
    }
}

/// Check that the rows follow each other from the first to the last.
fn check_cover(pieces: &[Piece]) -> Result<()> {
    let mut end = 0;
    for (i, piece) in pieces.iter().enumerate() {
        if piece.rows.start < end {
            let before = &pieces[i.saturating_sub(1)];
            let (a, b) = (before.path.display(), piece.path.display());
            return Err(Error::domain(format!(
                "'{a}' (shard {}) and '{b}' (shard {}) both hold row {}",
                before.shard, piece.shard, piece.rows.start
            ))
            .hint("give each shard once, all of one split"));
        }
        if piece.rows.start > end {
            return Err(missing(end, piece.rows.start));
        }
        end = piece.rows.end;
    }
    match pieces.first() {
        Some(piece) if end < piece.points => Err(missing(end, piece.points)),
        _ => Ok(()),
    }
}

fn missing(from: usize, to: usize) -> Error {
    Error::domain(format!("no shard holds the rows {from} to {}", to - 1)).hint("make the missing shard, and give all of them")
}

fn check_replaceable(out: &Path, job: &Job) -> Result<()> {
    let hint = "choose another file, or write over it with --force";
    let data = Dataset::load(out).map_err(|e| e.context("a file of this name exists").hint(hint))?;
    match Job::of(data.provenance()).map_or(Some("it does not say how it was made".to_string()), |found| job.difference(&found))
    {
        None => Ok(()),
        Some(difference) => {
            Err(Error::file(format!("'{}' exists and is of another job: {difference}", out.display())).hint(hint))
        }
    }
}

/// All rows, but for the covariances.
struct Joined {
    eta: Vec<f64>,
    mu_t: Vec<f64>,
    ess: Vec<f64>,
    notes: RowNotes,
    provenance: BTreeMap<String, String>,
    quarantined: Vec<Quarantined>,
}

fn join(pieces: &[Piece]) -> Result<Joined> {
    let (mut eta, mut mu_t, mut ess, mut notes) = (vec![], vec![], vec![], RowNotes::default());
    for piece in pieces {
        eta.extend_from_slice(piece.data.eta());
        mu_t.extend_from_slice(piece.data.mu_t());
        ess.extend_from_slice(piece.data.ess());
        if let Some(more) = piece.data.notes() {
            notes.log_normalizer.extend_from_slice(&more.log_normalizer);
            notes.mcse.extend_from_slice(&more.mcse);
            notes.rhat.extend_from_slice(&more.rhat);
            notes.method.extend_from_slice(&more.method);
        }
    }
    if ess.is_empty() {
        return Err(Error::numeric("no row is left: every row of every shard failed a test of its quality"));
    }
    let mut provenance = pieces.first().map(|p| p.data.provenance().clone()).unwrap_or_default();
    provenance.remove(SHARD);
    provenance.insert("method".to_string(), notes.method.first().cloned().unwrap_or_default());
    for key in [UNCONVERGED, DIVERGENCES, QUARANTINED] {
        provenance.insert(key.to_string(), pieces.iter().map(|p| count(&p.data, key)).sum::<u64>().to_string());
    }
    let quarantined = pieces.iter().flat_map(|p| p.quarantined.clone()).collect();
    Ok(Joined { eta, mu_t, ess, notes, provenance, quarantined })
}
