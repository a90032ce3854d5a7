//! Making a dataset: draw eta, label rows chunk by chunk, keep where they came from.
//!
//! With a file to write, finished chunks go to a [`Part`] beside it, so that nothing is lost when a run is stopped or
//! killed, and the file is put together from them at the end, a chunk at a time.

use super::assemble::{Assembled, QUARANTINED, count};
use super::job::Job;
use super::part::{self, Part};
use super::quarantine::{self, describe};
use super::refused::{HOPELESS, Labeller, Wrong, improper, label_rows};
use super::shard::Shard;
use super::{Dataset, GenerateOptions, ParallelStrategy, io};
use crate::error::{Error, Kind, Result};
use crate::family::{Family, Moments};
use crate::num::files;
use crate::num::observe::Monitor;
use crate::sample::{BLOCK, LabelOptions, Method, label_part, label_unnamed};
use rayon::prelude::*;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Most numbers of a dataset in memory, 16 GB.
const MOST_NUMBERS: usize = 1 << 31;

/// Labelled rows of `family` for eta drawn from its region. The same seed gives the same bytes, whatever the number of
/// threads, and however often the run was stopped and resumed. With `out`, the file is written; a file of the same job that
/// is finished is read instead. Rows that cannot be labelled, or whose labels fail a test of their quality, are left out, and
/// listed beside the file.
///
/// # Errors
/// When the family has no region, an option is out of range, the file cannot be written or
/// belongs to another job, no row is left, or the user interrupts: then the message says where finished rows are.
pub fn generate(family: &Arc<Family>, options: &GenerateOptions, monitor: &Monitor) -> Result<Dataset> {
    let labels = options.labels();
    let quiet = monitor.quiet();
    generate_with(family, options, monitor, &|eta, first| match options.parallel_strategy {
        ParallelStrategy::Sequential => one_by_one(family, eta, first, &labels, &quiet),
        _ => label_unnamed(family, eta, first, &labels, &quiet),
    })
}

/// As [`label_unnamed`], rows that do not share work one after the other.
fn one_by_one(family: &Family, eta: &[f64], first: usize, options: &LabelOptions, monitor: &Monitor) -> Result<Moments> {
    if options.method.resolve(family) != Method::Hmc {
        return label_unnamed(family, eta, first, options, monitor);
    }
    let mut all = Moments::default();
    for (i, row) in eta.chunks(family.dim()).enumerate() {
        all.extend(label_unnamed(family, row, first + i, options, monitor)?);
    }
    Ok(all)
}

fn generate_with(family: &Arc<Family>, options: &GenerateOptions, monitor: &Monitor, label: Labeller) -> Result<Dataset> {
    check(family, options)?;
    let shard = options.shard.map(|[number, count]| Shard::new(number, count)).transpose()?;
    let range = shard.map_or(Ok(0..options.points), |s| s.rows(options.points))?;
    let eta = family.draw_eta_by(options.points, options.seed, options.design)?;
    let job = Job::new(family, &eta, options, shard)?;
    let out = options.out.as_ref().map(|out| shard.map_or(PathBuf::from(out), |s| s.path(Path::new(out))));
    if let Some(out) = &out
        && options.resume
        && let Some(data) = finished(out, &job, range.len())?
    {
        return Ok(data.with_family(family.clone()));
    }
    let wrong = improper(family, &eta)?;
    let part = match &out {
        Some(out) => {
            let part = Part::open(&part::path_beside(out), &job, family.dim(), options.resume)?;
            // The lock says that no other process is writing these.
            io::written(out).iter().chain([&quarantine::path_beside(out)]).for_each(|path| files::sweep(path));
            part
        }
        None => Part::in_memory(family.dim()),
    };
    let part = fill(part, (&eta, &wrong), range, options, monitor, label, out.as_deref())?;
    finish(part, family, &eta, &job, options, out.as_deref())
}

fn check(family: &Family, options: &GenerateOptions) -> Result<()> {
    options.check()?;
    if options.points == 0 {
        return Err(Error::domain("points is 0; at least one row is needed"));
    }
    if options.batch_size == 0 {
        return Err(Error::domain("batch_size is 0; at least one row a chunk is needed"));
    }
    // What is streamed to a file is not in memory.
    let k = family.dim();
    let (width, place) =
        if options.out.is_some() { (8 * k, "fit") } else { (k * (k + 4), "fit in memory; with `out` more do") };
    let limit = MOST_NUMBERS / width;
    if options.points > limit {
        return Err(Error::domain(format!("points is {}: of {k} statistics at most {limit} rows {place}", options.points)));
    }
    options.out.as_ref().map_or(Ok(()), |out| Dataset::check_name(Path::new(out)))?;
    // Of no row: options of the method.
    label_part(family, &[], 0, &options.labels(), &Monitor::silent()).map(drop)
}

/// The dataset in `out`, where it is there, finished, undamaged, and the `rows` rows of this job.
fn finished(out: &Path, job: &Job, rows: usize) -> Result<Option<Dataset>> {
    if !out.is_file() || part::path_beside(out).exists() {
        return Ok(None);
    }
    let anew = "choose another file, or write over it (--force, resume: false)";
    let data = io::load_checked(out).map_err(|e| e.context("a file of this name exists").hint(anew))?;
    let difference = match Job::of(data.provenance()) {
        Some(found) => job.difference(&found),
        None => Some("it does not say how it was made".to_string()),
    };
    match difference {
        None => complete(data, out, rows).map(Some),
        Some(difference) => {
            let error = Error::file(format!("'{}' exists and is of another job: {difference}", out.display()));
            Err(error.hint(anew))
        }
    }
}

/// `data`, where it has its row notes and, with those that were left out, `rows` rows.
fn complete(data: Dataset, out: &Path, rows: usize) -> Result<Dataset> {
    let wrong =
        |what: String, hint: &str| Err(Error::file(format!("'{}' is of this job, but {what}", out.display())).hint(hint));
    if data.notes().is_none() {
        let notes = out.with_extension("rows.safetensors");
        let hint =
            "put them back, choose another file, or make it anew (--force, resume: false); load_data(...) reads it without";
        return wrong(format!("its row notes '{}' are missing", notes.display()), hint);
    }
    let left_out = count(&data, QUARANTINED);
    if data.len() as u64 + left_out != rows as u64 {
        let text = format!("it has {} rows, and {left_out} that were left out, of {rows}: it was selected from", data.len());
        return wrong(text, "choose another file, or write over it (--force, resume: false)");
    }
    // The file says how many; without the list nothing more is known of them.
    let quarantined = quarantine::read(out, left_out).unwrap_or_default();
    Ok(data.with_quarantined(quarantined))
}

/// Label the rows of `range` that are not in `part` yet, but for those that are known to have no label.
fn fill(
    part: Part,
    (eta, wrong): (&[f64], &Wrong),
    range: Range<usize>,
    options: &GenerateOptions,
    monitor: &Monitor,
    label: Labeller,
    out: Option<&Path>,
) -> Result<Part> {
    let (k, total) = (part.dim(), range.len());
    let size = options.batch_size.min(total).next_multiple_of(BLOCK);
    // Block by block against what is there: it may have been made with chunks of another size.
    let blocks = range.clone().step_by(BLOCK).map(|first| first..(first + BLOCK).min(range.end));
    let missing: Vec<Range<usize>> = blocks.filter(|b| !part.has(b.start, b.len())).collect();
    let chunks = joined(&missing, size);
    let task = monitor.task("labels", missing.iter().map(|b| b.len() as u64).sum());
    let part = Mutex::new(part);
    let work = |rows: &Range<usize>| -> Result<()> {
        monitor.check()?;
        let found = label_rows(label, wrong, &eta[rows.start * k..rows.end * k], k, rows.start)?;
        let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
        part.put(found)?;
        task.add(rows.len() as u64, "");
        // A part of a job may be empty; of the whole the rows from the first on decide, whichever are finished first.
        let refused = if options.shard.is_none() { part.refused_from(range.start) } else { 0 };
        match part.all_refused().filter(|_| refused >= HOPELESS) {
            Some((row, gate)) => {
                Err(Error::numeric(format!("none of the first {refused} rows can be labelled (row {row} is {gate})"))
                    .hint("another region, or another method"))
            }
            None => Ok(()),
        }
    };
    let done = match options.parallel_strategy {
        ParallelStrategy::Pmap => chunks.par_iter().with_max_len(1).try_for_each(work),
        _ => alone(|| chunks.iter().try_for_each(work)),
    };
    drop(task);
    let mut part = part.into_inner().unwrap_or_else(PoisonError::into_inner);
    match done {
        Ok(()) => Ok(part),
        Err(e) => {
            let kept = part.flush().is_ok().then(|| if part.all_refused().is_some() { 0 } else { part.len() });
            Err(stopped(e, part, kept, total, out))
        }
    }
}

/// Run `work` on one thread.
fn alone(work: impl FnOnce() -> Result<()> + Send) -> Result<()> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    pool.map_err(|e| Error::numeric(format!("no thread to work in: {e}")))?.install(work)
}

/// Neighbouring blocks together, up to `most` rows.
fn joined(blocks: &[Range<usize>], most: usize) -> Vec<Range<usize>> {
    let mut chunks: Vec<Range<usize>> = Vec::new();
    for block in blocks {
        match chunks.last_mut() {
            Some(last) if last.end == block.start && block.end - last.start <= most => last.end = block.end,
            _ => chunks.push(block.clone()),
        }
    }
    chunks
}

/// `error` with what is kept of the work.
fn stopped(error: Error, part: Part, kept: Option<usize>, total: usize, out: Option<&Path>) -> Error {
    let Some(out) = out else { return error };
    let kept = kept.unwrap_or(part.stored());
    if kept == 0 {
        let _ = part.remove();
        return error;
    }
    let path = part::path_beside(out);
    let state = format!("{kept} of {total} rows are finished and kept in '{}'", path.display());
    let next = "the same call goes on from there";
    match error.kind() {
        Kind::Interrupted => Error::new(Kind::Interrupted, format!("interrupted: {state}")).hint(next),
        _ => {
            let hint = error.hint_text().map_or(next.to_string(), |h| format!("{h}; {next}"));
            Error::new(error.kind(), format!("{} ({state})", error.message())).hint(hint)
        }
    }
}

fn finish(
    mut part: Part,
    family: &Arc<Family>,
    eta: &[f64],
    job: &Job,
    options: &GenerateOptions,
    out: Option<&Path>,
) -> Result<Dataset> {
    let assembled = Assembled::new(&part, eta, job, options.seed);
    // A part of a job may be empty.
    if assembled.is_empty() && options.shard.is_none() {
        let left_out = assembled.quarantined();
        let mut error = Error::numeric(format!("no row is left: {}{}", describe(left_out), quarantine::reason(left_out)));
        let mut hint = "more samples or warmup, or another region".to_string();
        if let Some(out) = out {
            assembled.write_quarantine(out, family)?;
            error = error.context(format!("'{}'", out.display()));
            hint = format!("'{}' lists the rows; {hint}", quarantine::path_beside(out).display());
            part.remove()?;
        }
        return Err(error.hint(hint));
    }
    let Some(out) = out else { return assembled.into_dataset(family) };
    let written = assembled.write(out, family);
    let quarantined = assembled.quarantined().to_vec();
    if let Err(e) = written {
        let kept = part.flush().is_ok().then_some(part.len());
        return Err(stopped(e, part, kept, options.points, Some(out)));
    }
    part.remove()?;
    Ok(Dataset::load(out)?.with_quarantined(quarantined).with_family(family.clone()))
}

#[cfg(test)]
#[path = "generate_tests.rs"]
mod tests;
