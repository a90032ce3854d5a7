//! Datasets as whole processes make them: killed at any moment and resumed, on a full disk, in shards.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const JOB: &str = "
ef: { name: mvn, x_shape: [2] }
grid: { num_points: 9600, eta_range: { x: [-1, 1], xxT: { negative_definite: [0.5, 2] } } }
sampling: { method: hmc, num_samples: 800, num_warmup: 50 }
optim: { seed: 5 }
";

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nnef"));
    command.args(args).current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn nnef(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().unwrap()
}

fn shown(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn names(folder: &Path) -> Vec<String> {
    let mut all: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    all.sort();
    all
}

fn both(folder: &Path, name: &str) -> [Vec<u8>; 2] {
    ["safetensors", "rows.safetensors"].map(|ending| std::fs::read(folder.join(format!("{name}.{ending}"))).unwrap())
}

fn folder_with_job() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("job.yaml"), JOB).unwrap();
    let path = folder.path().to_path_buf();
    (folder, path)
}

/// Rows that the unfinished file holds, from its records.
fn finished_rows(part: &Path) -> u64 {
    let Ok(bytes) = std::fs::read(part) else { return 0 };
    let word = |at: usize| bytes.get(at..at + 8).map_or(u64::MAX, |b| u64::from_le_bytes(b.try_into().unwrap()));
    let magic = b"nnef finished rows 1\n".len();
    let (mut at, mut rows) = ((magic + 16) as u64 + word(magic).min(1 << 40), 0);
    while at + 32 <= bytes.len() as u64 && at + 32 + word(at as usize + 16) <= bytes.len() as u64 {
        rows += word(at as usize + 8);
        at += 32 + word(at as usize + 16);
    }
    rows
}

/// Wait until `ready`, or until `child` has ended; whether it was in time.
fn wait_until(child: &mut Child, ready: impl Fn() -> bool) -> bool {
    while !ready() {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    true
}

#[test]
#[cfg(unix)]
fn killed_twenty_times_and_resumed_gives_the_bytes_of_an_undisturbed_run() {
    let (_keep, here) = folder_with_job();
    let args = |out: &'static str| ["generate", "--config", "job.yaml", "--out", out];
    assert!(nnef(&here, &args("whole.safetensors")).status.success());
    let expected = both(&here, "whole");
    let size = expected.iter().map(Vec::len).sum::<usize>() as f64;
    let part = here.join("d.safetensors.part");
    let written = || std::fs::metadata(&part).map_or(0.0, |m| m.len() as f64);
    let assembling = || names(&here).iter().any(|n| n.ends_with(".tmp"));
    let (mut kills, mut kept, mut in_assembly, mut round) = (0, 0, 0, 0);
    while kills < 20 {
        round += 1;
        assert!(round < 20, "the runs ended before they could be killed");
        let _ = std::fs::remove_file(here.join("d.safetensors"));
        for step in 0..5 {
            // Anywhere in each fifth of the run, by a Weyl sequence, and while the file is put together.
            let share = (f64::from(step) + (f64::from(kills) * 0.618_033_988_749_895).fract()) / 5.0;
            let mut child = command(&here, &args("d.safetensors")).spawn().unwrap();
            let in_time = match step {
                4 => wait_until(&mut child, assembling),
                _ => wait_until(&mut child, || written() >= share * size),
            };
            std::thread::sleep(Duration::from_micros(if step == 4 { 500 } else { (share * 2e4) as u64 }));
            child.kill().unwrap(); // SIGKILL
            if child.wait().unwrap().success() {
                break;
            }
            kills += 1;
            kept += u32::from(finished_rows(&part) > 0);
            in_assembly += u32::from(in_time && step == 4);
        }
        let done = nnef(&here, &args("d.safetensors"));
        assert!(done.status.success(), "{}", shown(&done));
        assert!(both(&here, "d") == expected, "round {round}: other bytes");
        let left = ["d.rows.safetensors", "d.safetensors", "job.yaml", "whole.rows.safetensors", "whole.safetensors"];
        assert_eq!(names(&here), left);
    }
    assert!(
        kept >= 10 && in_assembly >= 1,
        "of {kills} kills {kept} left rows, {in_assembly} came while the file was put together"
    );
}

/// Files of the program may hold `kilobytes` at most; what goes beyond fails as on a full disk.
#[cfg(unix)]
fn limited(folder: &Path, kilobytes: usize, args: &str) -> Output {
    let code = format!("trap '' XFSZ; ulimit -f {kilobytes}; exec \"$NNEF\" {args}");
    Command::new("bash").args(["-c", &code]).env("NNEF", env!("CARGO_BIN_EXE_nnef")).current_dir(folder).output().unwrap()
}

#[test]
#[cfg(unix)]
fn a_full_disk_is_an_error_that_keeps_finished_rows_and_leaves_nothing_half_written() {
    let (_keep, here) = folder_with_job();
    let args = "generate --config job.yaml --points 1600 --out d.safetensors";
    let failed = limited(&here, 200, args);
    let text = shown(&failed);
    assert_eq!(failed.status.code(), Some(1), "{text}");
    assert!(text.contains("d.safetensors.part") && text.contains("ulimit") && text.contains("goes on from there"), "{text}");
    assert_eq!(names(&here), ["d.safetensors.part", "job.yaml"]);
    let rows = finished_rows(&here.join("d.safetensors.part"));
    assert!(rows > 0 && rows < 1600, "{rows}");
    let args: Vec<&str> = args.split(' ').collect();
    assert!(nnef(&here, &args).status.success());
    let whole: Vec<&str> = args.iter().map(|a| if *a == "d.safetensors" { "e.safetensors" } else { a }).collect();
    assert!(nnef(&here, &whole).status.success());
    assert!(both(&here, "d") == both(&here, "e"));
}

#[test]
#[cfg(unix)]
fn an_archive_on_a_full_disk_is_one_error_without_noise() {
    let (_keep, here) = folder_with_job();
    let code = "let d = ef::mvn(3).generate(#{points: 2000}); d.save(\\\"d.npz\\\")";
    for kilobytes in [1, 40, 300, 1500] {
        let failed = limited(&here, kilobytes, &format!("eval \"{code}\""));
        let text = shown(&failed);
        assert_eq!(failed.status.code(), Some(1), "{text}");
        assert!(text.starts_with("error: cannot write 'd.npz'") && !text.contains("ZipWriter"), "{text}");
        assert_eq!(names(&here), ["job.yaml"]);
    }
}

#[test]
fn shards_of_processes_join_to_the_bytes_of_one_run() {
    let (_keep, here) = folder_with_job();
    let run = |more: &[&str]| {
        let done = nnef(&here, &[&["generate", "--config", "job.yaml", "--points", "200", "--out"], more].concat());
        assert!(done.status.success(), "{}", shown(&done));
    };
    run(&["whole.safetensors"]);
    ["1/3", "2/3", "3/3"].iter().for_each(|shard| run(&["d.safetensors", "--shard", shard]));
    let shards = ["d.shard-2-of-3.safetensors", "d.shard-1-of-3.safetensors", "d.shard-3-of-3.safetensors"];
    let merge = |shards: &[&str]| nnef(&here, &[&["merge", "d.safetensors"], shards].concat());
    let missing = merge(&shards[1..]);
    assert!(missing.status.code() == Some(1) && shown(&missing).contains("no shard holds the rows"), "{}", shown(&missing));
    let done = merge(&shards);
    assert!(done.status.success(), "{}", shown(&done));
    assert!(both(&here, "d") == both(&here, "whole"));
    let wrong = nnef(&here, &["generate", "--config", "job.yaml", "--shard", "4/3"]);
    assert!(wrong.status.code() == Some(2) && shown(&wrong).contains("shard 4 of 3"), "{}", shown(&wrong));
}

#[test]
fn archives_of_numpy_are_datasets() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/golden");
    let eighths = |count: usize| (0..count).map(|i| i as f64 / 8.0).collect::<Vec<f64>>();
    for name in ["stored_f8", "fortran_f8", "packed_f4", "packed_fortran_f4"] {
        let data = nnef::data::Dataset::load(golden.join(format!("{name}.npz"))).unwrap();
        assert_eq!((data.len(), data.dim()), (3, 2));
        assert_eq!((data.eta(), data.mu_t()), (&eighths(6)[..], &eighths(6)[..]), "{name}");
        assert_eq!((data.cov_tt(), data.ess()), (&eighths(12)[..], &eighths(3)[..]), "{name}");
    }
    let error = nnef::data::Dataset::load(golden.join("without_ess.npz")).unwrap_err();
    assert!(error.message().contains("'ess' is missing; found: eta, mu_T, cov_TT"), "{error}");
    assert!(error.hint_text().unwrap().contains("effective sample size"), "{error}");
}

#[test]
fn a_large_file_is_mapped_and_reads_as_one_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.safetensors");
    let (n, k) = (1100, 90); // 71 MB
    let wave = |count: usize| (0..count).map(|i| ((i * 37) % 1009) as f64 / 16.0).collect::<Vec<f64>>();
    let data = nnef::data::Dataset::new(k, wave(n * k), wave(n * k), wave(n * k * k), wave(n), Default::default()).unwrap();
    data.save(&path).unwrap();
    let back = nnef::data::Dataset::load(&path).unwrap();
    assert!(back.cov_tt() == data.cov_tt() && back.ess() == data.ess() && back.variances() == data.variances());
    // Pages that a pass has let go come back as they were.
    assert!(back.summary() == data.summary() && back.cov_tt() == data.cov_tt());
    let some = back.select(&[1099, 0]).unwrap();
    assert!(some.cov_tt() == data.select(&[1099, 0]).unwrap().cov_tt());
    back.save(&path).unwrap(); // over the file that is mapped
    assert!(back.cov_tt() == data.cov_tt() && nnef::data::Dataset::load(&path).unwrap().cov_tt() == data.cov_tt());
}

#[test]
fn mistakes_in_a_job_are_clear_errors() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&str, &[&str]); 18] = [
        ("{ef: {name: gaussian}, grid: {num_pints: 10}}", &["num_pints", "line 1", "did you mean 'num_points'"]),
        ("ef: {name: gaussian}\ngrid: {num_points: 3}\nsampling:\n  num_sampels: 3", &["line 4", "'num_samples'"]),
        ("{ef: {name: gausian}, grid: {num_points: 3}}", &["gausian", "did you mean 'gaussian'"]),
        ("{ef: {name: gaussian}, grid: {num_points: 0}}", &["points is 0"]),
        ("{ef: {name: gaussian}, grid: {num_points: 3, batch_size: 0}}", &["batch_size is 0"]),
        ("{ef: {name: gaussian, x_shape: [3]}, grid: {num_points: 3}}", &["x_shape is [3]"]),
        ("{ef: {}, grid: {num_points: 3}}", &["ef needs a name or a script"]),
        ("{ef: {script: none.rhai}, grid: {num_points: 3}}", &["none.rhai", "no such file"]),
        ("{ef: {script: three.rhai}, grid: {num_points: 3}}", &["three.rhai", "no family but i64"]),
        ("{ef: {name: gaussian}, grid: {num_points: 3, eta_range: {x: [-1, 1], x2: [-1, 0.5]}}}", &["partly improper", "0.5]"]),
        ("{ef: {name: gaussian}, grid: {num_points: 3, eta_range: {x: [-1, 1], y: [-1, 0.5]}}}", &["'y'", "x2"]),
        (
            "{ef: {name: gaussian}, grid: {num_points: 3, eta_range: {x: [-1, 1], x2: 7}}}",
            &["line 1 column", "grid.eta_range.x2", "'7' is not a range"],
        ),
        (
            "ef: {name: gaussian}\ngrid: {num_points: 3}\nsampling: {method: smc, num_samples: 300}",
            &["'job.yaml' line 3 column 38", "num_samples belongs to hmc, nuts and importance", "smc takes", "particles"],
        ),
        (
            "ef: {name: gaussian}\ngrid: {num_points: 3}\nsampling: {method: quadrature, num_chains: 4}",
            &["num_chains belongs to hmc and nuts", "line 3 column 44"],
        ),
        (
            "ef: {name: gaussian}\ngrid: {num_points: 3}\nsampling:\n  method: hmc\n  num_chains: 0",
            &["line 5 column 15, sampling.num_chains: chains is 0"],
        ),
        ("ef: {name: gaussian}\ngrid: {num_points: 3}\nsampling: {tol: 2}", &["line 3 column 17, sampling.tol: tol is 2"]),
        ("ef: {name: gaussian}\ngrid: {num_points: abc}", &["a whole number of at least 0", "line 2 column 20"]),
        ("ef: {name: gaussian}\ngrid:\n  num_points: 3\n  eta_range: {x: [-1, 1]}", &["line 4 column 14", "no range for 'x2'"]),
    ];
    std::fs::write(folder.path().join("three.rhai"), "1 + 2").unwrap();
    for (text, words) in cases {
        std::fs::write(folder.path().join("job.yaml"), text).unwrap();
        let failed = nnef(folder.path(), &["generate", "--config", "job.yaml", "--out", "d.npz"]);
        let found = shown(&failed);
        assert_eq!(failed.status.code(), Some(1), "{text}\n{found}");
        words.iter().for_each(|word| assert!(found.contains(word), "{text}\n{word:?} is missing in\n{found}"));
        assert_eq!(names(folder.path()), ["job.yaml", "three.rhai"], "{text}");
    }
}
