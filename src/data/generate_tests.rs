#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use crate::data::merge;
use crate::family::named;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

fn family() -> Arc<Family> {
    Arc::new(named::named("mvn", 2).unwrap())
}

fn options(points: usize) -> GenerateOptions {
    GenerateOptions { points, seed: 3, method: Method::Hmc, samples: 256, warmup: 20, ..GenerateOptions::default() }
}

fn into(out: &Path, options: &GenerateOptions) -> GenerateOptions {
    GenerateOptions { out: Some(out.display().to_string()), ..options.clone() }
}

fn files_of(out: &Path) -> Vec<Vec<u8>> {
    let all = io::written(out).into_iter().chain([quarantine::path_beside(out)]);
    all.map(|path| fs::read(path).unwrap_or_default()).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let mut all: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    all.sort();
    all
}

/// Labels of which only the rows with a number divisible by `every` fail a gate.
fn gated<'a>(
    family: &'a Family,
    options: &GenerateOptions,
    every: usize,
) -> impl Fn(&[f64], usize) -> Result<Moments> + Sync + 'a {
    let labels = options.labels();
    move |eta, first| {
        let mut found = label_part(family, eta, first, &labels, &Monitor::silent())?;
        found.gate.fill("");
        found.gate.iter_mut().enumerate().filter(|(i, _)| (first + i).is_multiple_of(every)).for_each(|(_, g)| *g = "rhat");
        Ok(found)
    }
}

#[test]
fn chunks_strategies_and_streaming_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (family, base) = (family(), options(100));
    let memory = generate(&family, &base, &Monitor::silent()).unwrap();
    let saved = folder.path().join("saved.safetensors");
    memory.save(&saved).unwrap();
    let expected = files_of(&saved);
    let strategies = [ParallelStrategy::Sequential, ParallelStrategy::Vmap, ParallelStrategy::Pmap];
    for (strategy, batch_size) in strategies.into_iter().zip([1, 64, 1000]) {
        let out = folder.path().join(format!("{strategy:?}.safetensors"));
        let options = GenerateOptions { parallel_strategy: strategy, batch_size, ..into(&out, &base) };
        let data = generate(&family, &options, &Monitor::silent()).unwrap();
        assert_eq!(data.cov_tt(), memory.cov_tt());
        assert!(files_of(&out) == expected, "{strategy:?}");
    }
    let npz = folder.path().join("d.npz");
    generate(&family, &into(&npz, &base), &Monitor::silent()).unwrap();
    assert_eq!(Dataset::load(&npz).unwrap().mu_t(), memory.mu_t());
}

#[test]
fn a_run_that_fails_keeps_its_rows_and_goes_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (family, out) = (family(), folder.path().join("d.safetensors"));
    let base = GenerateOptions { parallel_strategy: ParallelStrategy::Vmap, ..options(160) };
    let whole = folder.path().join("whole.safetensors");
    generate(&family, &into(&whole, &base), &Monitor::silent()).unwrap();
    let options = into(&out, &base);
    let (labels, seen, counted) = (base.labels(), AtomicUsize::new(0), AtomicUsize::new(0));
    let good = |eta: &[f64], first: usize| label_part(&family, eta, first, &labels, &Monitor::silent());
    let breaks = |eta: &[f64], first: usize| match seen.fetch_add(1, Ordering::Relaxed) {
        2 => Err(Error::file("struck by lightning").hint("stay inside")),
        _ => good(eta, first),
    };
    let rest = |eta: &[f64], first: usize| {
        counted.fetch_add(eta.len() / family.dim(), Ordering::Relaxed);
        good(eta, first)
    };
    let error = generate_with(&family, &options, &Monitor::silent(), &breaks).unwrap_err();
    assert!(error.message().contains("64 of 160 rows are finished and kept"), "{error}");
    assert!(error.message().contains("lightning") && error.hint_text().unwrap().contains("stay inside; the same"), "{error}");
    assert!(names(folder.path()).contains(&"d.safetensors.part".to_string()) && !out.exists());
    generate_with(&family, &options, &Monitor::silent(), &rest).unwrap();
    assert_eq!(counted.into_inner(), 96);
    assert!(files_of(&out) == files_of(&whole));
    assert_eq!(names(folder.path()).iter().filter(|n| n.ends_with(".part")).count(), 0);
}

#[test]
fn finished_files_are_read_and_other_jobs_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (family, out) = (family(), folder.path().join("d.npz"));
    let options = into(&out, &options(40));
    generate(&family, &options, &Monitor::silent()).unwrap();
    let never = |_: &[f64], _: usize| -> Result<Moments> { panic!("labelled again") };
    assert_eq!(generate_with(&family, &options, &Monitor::silent(), &never).unwrap().len(), 40);
    let other = GenerateOptions { samples: 512, ..options.clone() };
    let error = generate_with(&family, &other, &Monitor::silent(), &never).unwrap_err();
    assert!(error.message().contains("samples is 256 there and 512 here"), "{error}");
    let gamma = Arc::new(named::named("gamma", 1).unwrap());
    let error = generate_with(&gamma, &options, &Monitor::silent(), &never).unwrap_err();
    assert!(error.message().contains("family is mvn there and gamma here"), "{error}");
    generate(&family, &GenerateOptions { resume: false, ..other.clone() }, &Monitor::silent()).unwrap();
    assert_eq!(generate_with(&family, &other, &Monitor::silent(), &never).unwrap().len(), 40);
    fs::write(&out, b"something else").unwrap();
    let error = generate_with(&family, &other, &Monitor::silent(), &never).unwrap_err();
    assert!(error.hint_text().unwrap().contains("--force"), "{error}");
}

#[test]
fn rows_that_fail_their_gate_are_left_out_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let (family, out) = (family(), folder.path().join("d.safetensors"));
    let options = into(&out, &options(100));
    let data = generate_with(&family, &options, &Monitor::silent(), &gated(&family, &options, 7)).unwrap();
    let plain = generate(&family, &self::options(100), &Monitor::silent()).unwrap();
    let kept: Vec<usize> = (0..100).filter(|r| r % 7 != 0).collect();
    let expected = plain.select(&kept).unwrap();
    assert!((data.eta(), data.cov_tt()) == (expected.eta(), expected.cov_tt()));
    let mcse = |d: &Dataset| d.notes().unwrap().mcse.clone();
    assert!(mcse(&data) == mcse(&expected));
    assert_eq!(data.provenance()["quarantined_rows"], "15");
    assert!(data.summary().contains("15 rows failed") && data.warning().unwrap().contains("rhat 15"), "{}", data.summary());
    let listed = quarantine::read(&out, 15).unwrap();
    assert_eq!((listed[1].row, &listed[1].gate[..], &listed[1].eta[..]), (7, "rhat", &plain.eta()[7 * 6..8 * 6]));
    assert!(Dataset::load(&out).unwrap().summary().contains("15 rows left out"));
    // Anew without failures: the old list goes.
    let anew = GenerateOptions { resume: false, ..options.clone() };
    generate(&family, &anew, &Monitor::silent()).unwrap();
    assert_eq!(names(folder.path()), ["d.rows.safetensors", "d.safetensors"]);
    let error = generate_with(&family, &anew, &Monitor::silent(), &gated(&family, &options, 1)).unwrap_err();
    assert!(error.message().contains("no row is left: 100 rows failed"), "{error}");
    assert!(error.hint_text().unwrap().contains("d.quarantine.json"), "{error}");
}

#[test]
fn shards_join_to_the_bytes_of_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let (family, out) = (family(), folder.path().join("d.safetensors"));
    let base = options(150);
    let label = gated(&family, &base, 40);
    let whole = folder.path().join("whole.safetensors");
    generate_with(&family, &into(&whole, &base), &Monitor::silent(), &label).unwrap();
    let shards: Vec<PathBuf> = [3, 1, 2]
        .into_iter()
        .map(|i| {
            let options = GenerateOptions { shard: Some([i, 3]), ..into(&out, &base) };
            generate_with(&family, &options, &Monitor::silent(), &label).unwrap();
            folder.path().join(format!("d.shard-{i}-of-3.safetensors"))
        })
        .collect();
    assert_eq!(merge(&out, &shards, false).unwrap().len(), 146);
    assert!(files_of(&out) == files_of(&whole));
    let refused = |shards: &[PathBuf], word: &str| {
        let error = merge(&out, shards, false).unwrap_err();
        assert!(error.message().contains(word), "{error}");
    };
    refused(&shards[..2], "no shard holds the rows 32 to 95");
    refused(&[shards.clone(), vec![shards[1].clone()]].concat(), "both hold row 0");
    refused(std::slice::from_ref(&whole), "is no shard");
    refused(&[], "no shards");
    let other = GenerateOptions { shard: Some([2, 3]), seed: 4, ..into(&folder.path().join("e.npz"), &base) };
    generate(&family, &other, &Monitor::silent()).unwrap();
    let mixed = [shards[0].clone(), shards[1].clone(), folder.path().join("e.shard-2-of-3.npz")];
    refused(&mixed, "different jobs");
    fs::remove_file(folder.path().join("d.shard-1-of-3.quarantine.json")).unwrap();
    refused(&shards, "quarantine.json");
    let few = GenerateOptions { shard: Some([1, 9]), ..into(&out, &base) };
    assert!(generate(&family, &few, &Monitor::silent()).unwrap_err().message().contains("5 blocks"));
}

#[test]
fn a_finished_file_that_is_damaged_or_without_its_notes_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let (family, out) = (family(), folder.path().join("d.safetensors"));
    let options = into(&out, &GenerateOptions { method: Method::Auto, ..options(40) });
    generate(&family, &options, &Monitor::silent()).unwrap();
    let (whole, notes) = (fs::read(&out).unwrap(), folder.path().join("d.rows.safetensors"));
    let again = || generate(&family, &options, &Monitor::silent());
    let says = |error: Error, word: &str| assert!(error.message().contains(word), "{error}");
    let start = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    for at in [start, start + 8 * 40 * 36 - 1, start + 4000] {
        let mut damaged = whole.clone();
        damaged[at] ^= 4;
        fs::write(&out, &damaged).unwrap();
        says(again().unwrap_err(), "cov_TT of the rows 0 to 39 is not what was written");
        says(Dataset::load(&out).unwrap_err(), "is damaged");
        says(merge(&folder.path().join("m.npz"), std::slice::from_ref(&out), false).unwrap_err(), "is damaged");
    }
    fs::write(&out, &whole).unwrap();
    assert_eq!(again().unwrap().len(), 40);
    let kept = fs::read(&notes).unwrap();
    fs::remove_file(&notes).unwrap();
    says(again().unwrap_err(), "d.rows.safetensors' are missing");
    assert!(fs::read(&out).unwrap() == whole && Dataset::load(&out).unwrap().notes().is_none());
    fs::write(&notes, kept).unwrap();
    again().unwrap().split(1).unwrap().train.save(&out).unwrap();
    says(again().unwrap_err(), "it has 32 rows, and 0 that were left out, of 40");
}

/// Labels, but for rows whose number is divisible by 7.
fn refusing<'a>(family: &'a Family, options: &GenerateOptions) -> impl Fn(&[f64], usize) -> Result<Moments> + Sync + 'a {
    let labels = options.labels();
    move |eta, first| match (first..first + eta.len() / family.dim()).find(|row| row.is_multiple_of(7)) {
        Some(row) => Err(Error::numeric(format!("row {row}: no integral at {:?}", &eta[..1])).hint("move away")),
        None => label_part(family, eta, first, &labels, &Monitor::silent()),
    }
}

#[test]
fn a_row_that_cannot_be_labelled_is_left_out_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (family, out) = (family(), folder.path().join("d.safetensors"));
    let base = GenerateOptions { method: Method::Auto, ..options(100) };
    let label = refusing(&family, &base);
    let data = generate_with(&family, &into(&out, &base), &Monitor::silent(), &label).unwrap();
    let listed = quarantine::read(&out, 15).unwrap();
    assert!(listed.iter().all(|r| r.gate == "refused" && r.row % 7 == 0 && r.ess.is_none() && r.mcse == vec![None; 6]));
    let reason = listed[1].reason.clone().unwrap();
    assert!(reason.starts_with("row 7: no integral") && reason.ends_with("(hint: move away)"), "{reason}");
    let plain = generate(&family, &base, &Monitor::silent()).unwrap();
    let kept: Vec<usize> = (0..100).filter(|r| r % 7 != 0).collect();
    let plain = plain.select(&kept).unwrap();
    assert!((data.eta(), data.mu_t(), data.cov_tt()) == (plain.eta(), plain.mu_t(), plain.cov_tt()));
    let warning = data.warning().unwrap();
    assert!(warning.contains("refused 15; the first is row 0); left out; row 0 was refused: row 0: no integral"), "{warning}");
    assert_eq!(generate(&family, &into(&out, &base), &Monitor::silent()).unwrap().quarantined(), data.quarantined());
    // In chunks of every size, and in parts.
    let expected = files_of(&out);
    let wide = folder.path().join("wide.safetensors");
    let options = GenerateOptions { batch_size: 96, parallel_strategy: ParallelStrategy::Vmap, ..into(&wide, &base) };
    generate_with(&family, &options, &Monitor::silent(), &label).unwrap();
    assert!(files_of(&wide) == expected);
    let shards = [1, 2].map(|i| {
        let options = GenerateOptions { shard: Some([i, 2]), ..into(&out, &base) };
        generate_with(&family, &options, &Monitor::silent(), &label).unwrap();
        folder.path().join(format!("d.shard-{i}-of-2.safetensors"))
    });
    merge(&out, &shards, false).unwrap();
    assert!(files_of(&out) == expected);
}

#[test]
fn what_no_row_can_do_stops_the_job() {
    let folder = tempfile::tempdir().unwrap();
    let (family, out) = (family(), folder.path().join("d.safetensors"));
    let options = into(&out, &GenerateOptions { parallel_strategy: ParallelStrategy::Vmap, ..options(1000) });
    // The same for all: not a matter of rows.
    let alike = |_: &[f64], _: usize| -> Result<Moments> { Err(Error::name("not for matrices")) };
    let error = generate_with(&family, &options, &Monitor::silent(), &alike).unwrap_err();
    assert!(error.message() == "not for matrices" && names(folder.path()).is_empty(), "{error}");
    let seen = AtomicUsize::new(0);
    let each = |eta: &[f64], _: usize| -> Result<Moments> {
        seen.fetch_add(1, Ordering::Relaxed);
        Err(Error::numeric(format!("no integral at {eta:?}")))
    };
    let error = generate_with(&family, &options, &Monitor::silent(), &each).unwrap_err();
    assert!(error.message().starts_with("none of the first 256 rows can be labelled (row 0 is refused: no int"), "{error}");
    assert!(names(folder.path()).is_empty() && seen.into_inner() < 300);
}
