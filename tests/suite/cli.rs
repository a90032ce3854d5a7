//! The program as a whole process: exit codes, error reports, reproducible files, interrupts, the quickstart.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn nnef(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nnef")).args(args).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).to_string()
}

#[test]
fn a_line_is_evaluated_and_usage_is_checked() {
    let here = tempfile::tempdir().unwrap();
    let done = nnef(here.path(), &["eval", "1+1"]);
    assert_eq!((done.status.code(), text(&done.stdout).as_str()), (Some(0), "2\n"));
    assert_eq!(nnef(here.path(), &["evil"]).status.code(), Some(2));
    assert_eq!(nnef(here.path(), &["run"]).status.code(), Some(2));
    assert_eq!(nnef(here.path(), &["--version"]).status.code(), Some(0));
    assert!(text(&nnef(here.path(), &["info"]).stdout).contains("threads"));
    assert!(text(&nnef(here.path(), &["doc", "train"]).stdout).contains("epochs"));
    let unknown = nnef(here.path(), &["doc", "genrate"]);
    assert_eq!((unknown.status.code(), text(&unknown.stdout).as_str()), (Some(1), ""));
    assert!(
        text(&unknown.stderr).contains("no help for 'genrate'") && text(&unknown.stderr).contains("did you mean 'generate'?")
    );
}

#[test]
fn an_error_shows_file_line_column_source_caret_calls_and_hint() {
    let here = tempfile::tempdir().unwrap();
    let script = "fn helper(x) {\n    if x[0] > 0 { x } else { -x }\n}\nlet f = family(#{ x: real(1), stats: |x| #{ a: helper(x) } });\n";
    std::fs::write(here.path().join("bad.rhai"), script).unwrap();
    let failed = nnef(here.path(), &["run", "bad.rhai"]);
    let shown = text(&failed.stderr);
    assert_eq!(failed.status.code(), Some(1));
    for part in [
        "bad.rhai:2:13",
        "    if x[0] > 0 { x } else { -x }",
        "            ^",
        "called as helper at bad.rhai:4",
        "select(cond, a, b)",
    ] {
        assert!(shown.contains(part), "{part:?} is missing in\n{shown}");
    }
    let missing = nnef(here.path(), &["run", "none.rhai"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("none.rhai"));
}

#[test]
fn arguments_reach_the_script() {
    let here = tempfile::tempdir().unwrap();
    std::fs::write(here.path().join("a.rhai"), "print(`${ARGS.len()} ${ARGS[1]}`);").unwrap();
    assert_eq!(text(&nnef(here.path(), &["run", "a.rhai", "one", "--two"]).stdout), "2 --two\n");
}

#[test]
fn the_same_seed_gives_the_same_bytes_with_one_thread_and_two() {
    let here = tempfile::tempdir().unwrap();
    let code = "
        let f = family(#{ name: \"q\", x: real(2), stats: |x| #{ a: x, b: x*x, c: abs(x[0]), d: x[0]*x[1] },
            eta: #{ a: [-1, 1], b: [-2, -0.6], c: [-1, 1], d: [-0.5, 0.5] } });
        f.generate(#{ points: 60, method: \"hmc\", samples: 400, seed: 9, out: `${ARGS[0]}.safetensors` });
        f.generate(#{ points: 20, seed: 9, out: `${ARGS[0]}_exact.npz` });";
    std::fs::write(here.path().join("g.rhai"), code).unwrap();
    for threads in ["1", "2"] {
        let done = Command::new(env!("CARGO_BIN_EXE_nnef"))
            .args(["run", "g.rhai", &format!("t{threads}")])
            .env("RAYON_NUM_THREADS", threads)
            .current_dir(here.path())
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", text(&done.stderr));
    }
    for name in [".safetensors", ".rows.safetensors", "_exact.npz", "_exact.rows.safetensors"] {
        let read = |t: &str| std::fs::read(here.path().join(format!("{t}{name}"))).unwrap();
        assert!(read("t1") == read("t2"), "{name} differs between one thread and two");
    }
}

#[test]
#[cfg(unix)]
fn an_interrupt_ends_with_130_and_leaves_no_half_written_file() {
    let here = tempfile::tempdir().unwrap();
    let code = "ef::mvn(4).generate(#{ points: 200000, method: \"hmc\", samples: 20000, out: \"d.safetensors\" })";
    let child = Command::new(env!("CARGO_BIN_EXE_nnef"))
        .args(["eval", code])
        .current_dir(here.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(700));
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let done = child.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(130));
    let left: Vec<_> = std::fs::read_dir(here.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    match &left[..] {
        [] => {}
        [part] => {
            assert_eq!(part, "d.safetensors.part");
            let shown = text(&done.stderr);
            assert!(shown.contains("of 200000 rows are finished and kept") && shown.contains("goes on from there"), "{shown}");
        }
        more => panic!("{more:?}"),
    }
}

#[test]
fn the_prompt_reads_lines_keeps_variables_and_survives_errors() {
    let here = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_nnef"))
        .arg("repl")
        .env("NNEF_HISTORY", here.path().join("history"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = b"let a = 20\nnope(a)\n\xff\xfe\nfn f(x) {\n x + 1 }\nf(a) * 2\n?train\nans\n";
    child.stdin.take().unwrap().write_all(lines).unwrap();
    let done = child.wait_with_output().unwrap();
    let (out, err) = (text(&done.stdout), text(&done.stderr));
    assert_eq!(done.status.code(), Some(0));
    assert!(out.matches("42").count() == 2 && out.contains("train(data"), "{out}");
    assert!(err.contains("unknown function nope") && err.contains("In[2]:1:1"), "{err}");
    assert!(err.contains("not UTF-8"), "{err}");
}

#[test]
fn a_dataset_comes_from_a_yaml_job() {
    let here = tempfile::tempdir().unwrap();
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/configs/laplace_product.yaml");
    let done = nnef(here.path(), &["generate", "--config", config, "--points", "50", "--out", "d.npz"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(nnef_data::load(&here.path().join("d.npz")), (50, 20));
    let again = nnef(here.path(), &["generate", "--config", config, "--points", "50", "--out", "d.npz"]);
    assert!(again.status.success() && text(&again.stdout).contains("finished already"), "{}", text(&again.stderr));
    let other = nnef(here.path(), &["generate", "--config", config, "--points", "51", "--out", "d.npz"]);
    assert_eq!(other.status.code(), Some(1));
    let shown = text(&other.stderr);
    assert!(shown.contains("--force") && shown.contains("points is 50 there and 51 here"), "{shown}");
    let forced = nnef(here.path(), &["generate", "--config", config, "--points", "51", "--out", "d.npz", "--force"]);
    assert!(forced.status.success() && text(&forced.stdout).contains("written"), "{}", text(&forced.stderr));
    assert_eq!(nnef_data::load(&here.path().join("d.npz")), (51, 20));
}

mod nnef_data {
    pub fn load(path: &std::path::Path) -> (usize, usize) {
        let d = nnef::data::Dataset::load(path).unwrap();
        (d.len(), d.dim())
    }
}

#[test]
fn the_quickstart_keeps_what_its_first_lines_promise() {
    let here = tempfile::tempdir().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/quickstart.rhai");
    let done = nnef(here.path(), &["run", script, "out"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let metrics: serde_json::Value =
        serde_json::from_slice(&std::fs::read(here.path().join("out/metrics.json")).unwrap()).unwrap();
    let truth = metrics["truth_rmse_sd"].as_f64().unwrap();
    assert!(truth < 0.1, "network error against truth {truth} sd");
    for name in [
        "config.yaml",
        "weights.safetensors",
        "history.csv",
        "learning_curves.svg",
        "learning_curves.png",
        "predictions.svg",
        "ascent.svg",
    ] {
        assert!(here.path().join("out").join(name).metadata().unwrap().len() > 200, "{name}");
    }
    assert!(text(&done.stdout).contains("converged true"));
}

#[test]
fn every_script_runs() {
    let here = tempfile::tempdir().unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue; // families for jobs
        }
        let done = nnef(here.path(), &["run", path.to_str().unwrap(), "20"]);
        assert!(done.status.success() && !done.stdout.is_empty(), "{}: {}", path.display(), text(&done.stderr));
        count += 1;
    }
    assert!(count > 0);
}
