//! Datasets as whole processes make them: killed at any moment and resumed, on a full disk, in shards.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const JOB: &str = "
ef: { name: mvn, x_shape: [2] }
grid: { num_points: 4000, eta_range: { x: [-1, 1], xxT: { negative_definite: [0.5, 2] } } }
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

#[test]
#[cfg(unix)]
fn killed_twenty_times_and_resumed_gives_the_bytes_of_an_undisturbed_run() {
    let (_keep, here) = folder_with_job();
    let run = |out: &str| -> Child { command(&here, &["generate", "--config", "job.yaml", "--out", out]).spawn().unwrap() };
    let begun = std::time::Instant::now();
    assert!(run("whole.safetensors").wait().unwrap().success());
    let whole = begun.elapsed();
    let expected = both(&here, "whole");
    // Moments spread evenly over the run by a Weyl sequence, and over its resumptions.
    let (mut kills, mut kept, mut round) = (0, 0, 0);
    while kills < 20 {
        round += 1;
        let _ = std::fs::remove_file(here.join("d.safetensors"));
        for _ in 0..5 {
            let mut child = run("d.safetensors");
            let share = (f64::from(kills) * 0.618_033_988_749_895).fract();
            std::thread::sleep(whole.mul_f64(share).max(Duration::from_millis(5)));
            child.kill().unwrap(); // SIGKILL
            let ended = child.wait().unwrap();
            if ended.success() {
                break;
            }
            kills += 1;
            kept += u64::from(finished_rows(&here.join("d.safetensors.part")) > 0);
        }
        let done = nnef(&here, &["generate", "--config", "job.yaml", "--out", "d.safetensors"]);
        assert!(done.status.success(), "{}", shown(&done));
        assert!(both(&here, "d") == expected, "round {round}: other bytes");
        let left = ["d.rows.safetensors", "d.safetensors", "job.yaml", "whole.rows.safetensors", "whole.safetensors"];
        assert_eq!(names(&here), left);
        assert!(round < 40, "the runs ended before they could be killed");
    }
    assert!(kept >= 5, "only {kept} of {kills} kills left finished rows: the test is about those");
}
