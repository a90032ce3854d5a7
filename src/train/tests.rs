//! What training promises.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::family::{Moments, Want};
use crate::num::close::{Tolerance, close};
use crate::num::observe::Observer;
use crate::num::stream::Stream;
use rand::Rng;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A smooth map of two statistics with sd 0.5 and 2, labelled exactly.
fn mu(eta: &[f64]) -> [f64; 2] {
    [(eta[0] + 0.5 * eta[1]).tanh(), 4.0 * (eta[1]).sin() + 10.0 + eta[0] * eta[1]]
}

fn data(n: usize) -> Dataset {
    let mut rng = Stream::new(5).child("eta").rng();
    let eta: Vec<f64> = (0..2 * n).map(|i| rng.random_range(-1.5..1.5) * if i % 2 == 0 { 1.0 } else { 1.2 }).collect();
    let label = eta.chunks_exact(2).flat_map(mu).collect();
    let provenance = [("family", "smooth"), ("stat_names", "a;b")].map(|(k, v)| (k.to_string(), v.to_string()));
    Dataset::new(2, eta, label, [0.25, 0.1, 0.1, 4.0].repeat(n), vec![1e4; n], provenance.into()).unwrap()
}

fn options(value: serde_json::Value) -> TrainOptions {
    TrainOptions::from_map(value.as_object().unwrap()).unwrap()
}

fn quick(n: usize, more: serde_json::Value) -> TrainedNet {
    let mut map = json!({"epochs": 4, "model": {"name": "mlp_et", "hidden": [8, 6]}}).as_object().cloned().unwrap();
    map.extend(more.as_object().cloned().unwrap());
    train(&data(n), &options(map.into()), None, &Monitor::silent()).unwrap()
}

fn bytes(net: &TrainedNet) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    net.save(folder.path()).unwrap();
    std::fs::read(folder.path().join("weights.safetensors")).unwrap()
}

/// A notebook holds trainers and nets across cells and threads.
#[test]
fn can_be_sent() {
    fn send<T: Send + 'static>() {}
    send::<Trainer>();
    send::<TrainedNet>();
}

struct Exact;

impl ExpectationMap for Exact {
    fn dim(&self) -> usize {
        2
    }
    fn moments(&self, eta: &[f64], _: Want) -> Result<Moments> {
        let cov_tt = Some([0.25, 0.1, 0.1, 4.0].repeat(eta.len() / 2));
        Ok(Moments { mu_t: eta.chunks_exact(2).flat_map(mu).collect(), cov_tt, ..Moments::default() })
    }
    fn contains(&self, _: &[f64]) -> bool {
        true
    }
    fn center(&self) -> Vec<f64> {
        vec![0.0; 2]
    }
    fn name(&self) -> String {
        "exact".into()
    }
}

#[test]
fn learns_a_smooth_map_to_a_hundredth_of_an_sd() {
    for loss in ["mse", "fisher"] {
        let options = options(json!({"epochs": 120, "loss_type": loss, "learning_rate": 3e-3, "batch_size": 128,
            "model": {"name": "mlp_et", "dropout": 0}}));
        let net = train(&data(1200), &options, Some(&Exact), &Monitor::silent()).unwrap();
        let metrics = net.metrics().unwrap();
        assert!(metrics.rmse_sd < 0.01, "{loss}: {metrics:?}");
        assert!(metrics.truth_rmse_sd.is_some_and(|e| close(e, metrics.rmse_sd, Tolerance { absolute: 1e-9, relative: 0.0 })));
        assert!(metrics.label_noise_sd.is_some_and(|e| close(e, 0.01, Tolerance { absolute: 1e-12, relative: 0.0 })));
        let worst = net.val_rmse().iter().zip([0.5, 2.0]).map(|(e, sd)| e / sd).fold(0.0, f64::max);
        assert!(worst < 0.02, "{:?}", net.val_rmse());
    }
}

#[test]
fn the_seed_decides_every_byte() {
    let base = bytes(&quick(100, json!({})));
    assert_eq!(base, bytes(&quick(100, json!({}))));
    let elsewhere = tempfile::tempdir().unwrap();
    assert_eq!(base, bytes(&quick(100, json!({"output_dir": elsewhere.path()}))));
    assert_eq!(base, std::fs::read(elsewhere.path().join("weights.safetensors")).unwrap());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    assert_eq!(base, pool.install(|| bytes(&quick(100, json!({})))));
}

/// Every option changes the network.
#[test]
fn every_option_takes_effect() {
    let weights = |more: serde_json::Value| quick(600, more).mean(&[0.3, 0.4]).unwrap();
    let base = weights(json!({}));
    for change in [
        json!({"seed": 1}),
        json!({"split_seed": 1}),
        json!({"epochs": 5}),
        json!({"dropout_epochs": 0}),
        json!({"learning_rate": 2e-3}),
        json!({"weight_decay": 0.5}),
        json!({"batch_size": 100}),
        json!({"eval_steps": 1, "learning_rate": 3.0}),
        json!({"loss_type": "fisher"}),
        json!({"model": {"name": "mlp_et", "hidden": [8, 7]}}),
        json!({"model": {"name": "mlp_et", "hidden": [8, 6], "dropout": 0.5}}),
    ] {
        if change["loss_type"] == "fisher" {
            continue; // the rows of `data` have one covariance: see `fisher_weighs_rows`
        }
        assert_ne!(base, weights(change.clone()), "{change}");
    }
    let history =
        |steps: usize| quick(60, json!({"eval_steps": steps})).history().val_loss.iter().filter(|v| !v.is_nan()).count();
    assert_eq!((history(1), history(2), history(3), history(10)), (4, 2, 2, 1));
}

#[test]
fn fisher_weighs_rows() {
    let plain = data(60);
    let cov = (0..60).flat_map(|i| [1.0 + i as f64, 0.0, 0.0, 1.0]).collect();
    let data = Dataset::new(2, plain.eta().to_vec(), plain.mu_t().to_vec(), cov, vec![1.0; 60], Default::default()).unwrap();
    let run = |loss: &str| {
        let net = train(&data, &options(json!({"epochs": 3, "loss_type": loss})), None, &Monitor::silent()).unwrap();
        net.mean(&[0.1, 0.2]).unwrap()
    };
    assert_ne!(run("mse"), run("fisher"));
}

#[test]
fn fewer_rows_than_a_batch() {
    for n in [3, 4, 20] {
        let net = quick(n, json!({}));
        assert!(net.mean(&[0.0, 0.0]).unwrap().iter().all(|v| v.is_finite()));
    }
    let error = train(&data(2), &TrainOptions::default(), None, &Monitor::silent()).unwrap_err();
    assert!(error.message().contains("2 rows"), "{error}");
}

/// One label for all: nothing has a spread, and nothing is divided by it.
#[test]
fn constant_labels() {
    let d = data(40);
    let constant = Dataset::new(2, d.eta().to_vec(), vec![3.0; 80], vec![0.0; 160], vec![1.0; 40], Default::default()).unwrap();
    for loss in ["mse", "fisher"] {
        let net = train(&constant, &options(json!({"epochs": 60, "loss_type": loss})), None, &Monitor::silent()).unwrap();
        let mean = net.mean(&[0.5, 0.5]).unwrap();
        assert!(mean.iter().all(|m| close(*m, 3.0, Tolerance { absolute: 0.3, relative: 0.0 })), "{mean:?}");
    }
}

#[test]
fn bad_data_are_errors() {
    let d = data(20);
    let with = |eta: f64, mu: f64, var: f64| {
        let (mut e, mut m, mut c) = (d.eta().to_vec(), d.mu_t().to_vec(), d.cov_tt().to_vec());
        (e[3], m[5], c[7]) = (eta, mu, var);
        let bad = Dataset::new(2, e, m, c, vec![1.0; 20], Default::default()).unwrap();
        train(&bad, &TrainOptions::default(), None, &Monitor::silent()).unwrap_err().to_string()
    };
    assert!(with(f64::NAN, 0.0, 1.0).contains("eta"));
    assert!(with(0.0, f64::INFINITY, 1.0).contains("mu_T"));
    assert!(with(0.0, 0.0, -1.0).contains("cov_TT[1, 1]"));
    let far = Dataset::new(1, vec![1.0; 5], vec![1.0; 5], vec![1.0; 5], vec![1.0; 5], Default::default()).unwrap();
    let error = Trainer::new(&far, &TrainOptions::default(), Some(&Exact)).err().unwrap();
    assert!(error.message().contains("2 statistics") && error.message().contains('1'), "{error}");
    let wild = options(json!({"learning_rate": 1e30, "epochs": 20}));
    let error = train(&d, &wild, None, &Monitor::silent()).unwrap_err();
    assert!(error.hint_text().is_some_and(|h| h.contains("learning_rate")), "{error}");
}

#[test]
fn jacobian_is_the_derivative() {
    let net = quick(100, json!({}));
    let eta = [0.4, -0.7];
    let jacobian = net.jacobian(&eta).unwrap();
    for j in 0..2 {
        let moved = |h: f64| net.mean(&[eta[0] + if j == 0 { h } else { 0.0 }, eta[1] + if j == 1 { h } else { 0.0 }]).unwrap();
        let (up, down) = (moved(1e-5), moved(-1e-5));
        for i in 0..2 {
            let difference = (up[i] - down[i]) / 2e-5;
            assert!(close(jacobian[i * 2 + j], difference, Tolerance { absolute: 1e-7, relative: 1e-7 }), "{i} {j}");
        }
    }
    let batch = net.moments(&[eta, [0.1, 0.2]].concat(), Want { cov: true, log_normalizer: false }).unwrap();
    let cov = batch.cov_tt.unwrap();
    assert_eq!((cov.len(), cov[1]), (8, cov[2]));
    assert!(close(cov[1], 0.5 * (jacobian[1] + jacobian[2]), crate::num::close::ROUND));
    let error = net.moments(&eta, Want::ALL).unwrap_err();
    assert!(error.to_string().contains("potential_et"), "{error}");
}

#[test]
fn a_saved_net_is_the_same_net() {
    let folder = tempfile::tempdir().unwrap();
    let net = quick(100, json!({"output_dir": folder.path()}));
    for name in ["config.yaml", "weights.safetensors", "history.csv", "metrics.json"] {
        assert!(folder.path().join(name).is_file(), "{name}");
    }
    let loaded = TrainedNet::load(folder.path()).unwrap();
    let eta = data(20).eta().to_vec();
    assert_eq!(net.mean(&eta).unwrap(), loaded.mean(&eta).unwrap());
    assert_eq!(net.jacobian(&eta).unwrap(), loaded.jacobian(&eta).unwrap());
    assert_eq!((net.scaling(), net.stat_names(), net.val_rmse()), (loaded.scaling(), loaded.stat_names(), loaded.val_rmse()));
    assert_eq!((net.history().to_csv(), net.describe()), (loaded.history().to_csv(), loaded.describe()));
    assert_eq!(bytes(&net), bytes(&loaded));
    assert!(loaded.contains(&loaded.center()) && !loaded.contains(&[0.0, 9.0]) && !loaded.contains(&[0.0]));
    let alone = tempfile::tempdir().unwrap();
    let weights = alone.path().join("w.safetensors");
    std::fs::copy(folder.path().join("weights.safetensors"), &weights).unwrap();
    assert!(TrainedNet::load(&weights).unwrap().metrics().is_none());
}

#[test]
fn broken_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    assert!(TrainedNet::load(&folder.path().join("nowhere")).unwrap_err().message().contains("nowhere"));
    let whole = bytes(&quick(20, json!({})));
    let path = folder.path().join("weights.safetensors");
    for length in (0..whole.len()).step_by(97) {
        std::fs::write(&path, &whole[..length]).unwrap();
        let error = TrainedNet::load(folder.path()).unwrap_err();
        assert_eq!(error.kind(), Kind::File, "{length}: {error}");
        assert!(error.message().contains("weights.safetensors"), "{error}");
    }
    // A byte changed anywhere in the description is an error or another net, never a panic.
    for at in 0..1500.min(whole.len()) {
        let mut changed = whole.clone();
        changed[at] ^= 0x11;
        std::fs::write(&path, &changed).unwrap();
        if let Err(error) = TrainedNet::load(folder.path()) {
            assert_eq!(error.kind(), Kind::File, "{at}: {error}");
        }
    }
    let other = safetensors::serialize(std::iter::empty::<(&str, safetensors::tensor::TensorView)>(), None).unwrap();
    std::fs::write(&path, other).unwrap();
    assert!(TrainedNet::load(folder.path()).unwrap_err().message().contains("no network"));
    std::fs::write(&path, &whole).unwrap();
    std::fs::write(folder.path().join("history.csv"), "nonsense").unwrap();
    assert!(TrainedNet::load(folder.path()).unwrap_err().message().contains("history.csv"));
}

/// Cancels at the third report.
struct Impatient {
    cancel: Arc<AtomicBool>,
    seen: AtomicU64,
}

impl Observer for Impatient {
    fn begin(&self, task: &str, total: u64) {
        assert_eq!((task, total), ("train", 50));
    }
    fn advance(&self, done: u64, note: &str) {
        assert!(note.starts_with("loss ") && note.contains(" lr "), "{note}");
        self.seen.store(done, Ordering::Relaxed);
        self.cancel.store(done == 3, Ordering::Relaxed);
    }
    fn end(&self) {}
}

#[test]
fn an_interruption_leaves_a_net() {
    let cancel = Arc::new(AtomicBool::new(false));
    let observer = Arc::new(Impatient { cancel: cancel.clone(), seen: AtomicU64::new(0) });
    let folder = tempfile::tempdir().unwrap();
    let options = options(json!({"epochs": 50, "output_dir": folder.path()}));
    let net = train(&data(60), &options, None, &Monitor::new(observer.clone(), cancel)).unwrap();
    assert!(net.interrupted() && net.describe().contains("interrupted"));
    assert_eq!((net.history().len(), observer.seen.load(Ordering::Relaxed)), (3, 3));
    assert!(TrainedNet::load(folder.path()).unwrap().interrupted());
}
