//! What the evaluation engine costs beside the bare work: moments beside transitions, two threads beside one, a network as
//! statistic beside its matrix products. One JSON object a line. Run as `cargo bench --bench engine`.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, dead_code)]

mod shared;

use nnef::expr::{Activation, Graph, NodeId, Program, StaticNet, Trace};
use nnef::family::Family;
use nnef::num::observe::Monitor;
use nnef::num::stream::Stream;
use nnef::sample::{Group, HmcOptions, LabelOptions, Method, Plan, labels};
use rand::Rng;
use rand_distr::StandardNormal;
use shared::{cpu_ns, draw_eta, f1, f2, f3};
use std::time::Instant;

const CHAINS: usize = 16;
const DRAWS: usize = 1000;

fn main() {
    // Names on the command line choose families; cargo adds --bench.
    let chosen: Vec<String> = std::env::args().skip(1).filter(|a| a.starts_with('F')).collect();
    let here = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build().unwrap();
    for (family, step, rows) in [(f1(), 0.30, 512), (f2(), 0.20, 32), (f3(), 0.25, 64)] {
        if chosen.is_empty() || chosen.iter().any(|c| c == family.name()) {
            moments(&family, step, rows, &here);
        }
    }
    if chosen.is_empty() {
        network();
    }
}

/// Nanoseconds of the fastest of several runs: CPU time of this thread.
fn best<R>(repeats: usize, mut run: impl FnMut() -> R) -> f64 {
    let start = Instant::now();
    let mut once = || {
        let before = cpu_ns(start);
        std::hint::black_box(run());
        cpu_ns(start) - before
    };
    (0..repeats).map(|_| once()).fold(f64::INFINITY, f64::min)
}

/// Nanoseconds of the fastest of several runs: wall time.
fn best_wall<R>(repeats: usize, mut run: impl FnMut() -> R) -> f64 {
    let once = |run: &mut dyn FnMut() -> R| {
        let start = Instant::now();
        std::hint::black_box(run());
        start.elapsed().as_nanos() as f64
    };
    (0..repeats).map(|_| once(&mut run)).fold(f64::INFINITY, f64::min)
}

/// A transition alone, and with mu_T, cov_TT, ESS and R-hat of every row; then the same on two threads.
fn moments(family: &Family, step_size: f64, rows: usize, here: &rayon::ThreadPool) {
    let mut rng = Stream::new(1).child("eta").rng();
    let eta: Vec<f64> = (0..rows).flat_map(|_| draw_eta(family.name(), &mut rng)).collect();
    let hmc = HmcOptions {
        samples: CHAINS * DRAWS,
        warmup: 1,
        chains: CHAINS,
        step_size,
        integration_steps: 10,
        adapt: false,
        control_variates: false,
        ..HmcOptions::default()
    };
    let options = LabelOptions { method: Method::Hmc, hmc, ..LabelOptions::default() };
    let plan = Plan { chains: CHAINS, step_size, integration_steps: 10, adapt: false, target_accept: 0.8 };
    let density = family.density();
    let together = Group::rows_that_fit(density, CHAINS);
    let count = (rows * CHAINS * DRAWS) as f64;
    let bare = || {
        for (g, part) in eta.chunks(together * family.dim()).enumerate() {
            let streams: Vec<Stream> =
                (0..part.len() / family.dim()).map(|r| Stream::new(2).at((g * together + r) as u64)).collect();
            let mut group = Group::new(family, plan.clone(), part, &streams);
            (0..=DRAWS).for_each(|_| group.step());
        }
    };
    let label = || labels(family, &eta, &options, &Monitor::silent()).unwrap();
    let pool = |threads: usize| rayon::ThreadPoolBuilder::new().num_threads(threads);
    let (bare, one) = (best(9, bare) / count, best(9, || here.install(label)) / count);
    let wall = |threads: usize| {
        let pool = pool(threads).build().unwrap();
        best_wall(9, || pool.install(label)) / count
    };
    let (wall_one, wall_two) = (wall(1), wall(2));
    println!(
        "{{\"engine\": \"nnef\", \"precision\": \"f64\", \"family\": \"{}\", \"work\": \"moments\", \"cpu_ns_per_sample\": {one:.2}, \"bare_ns_per_sample\": {bare:.2}, \"ratio\": {:.2}, \"wall_ns_per_sample\": {wall_one:.2}, \"two_threads_ns_per_sample\": {wall_two:.2}, \"speedup\": {:.2}}}",
        family.name(),
        one / bare,
        wall_one / wall_two
    );
}

/// A frozen network 10 -> 64 -> 8 as statistic, value and gradient, beside its matrix products by the gemm crate.
fn network() {
    let net = StaticNet::random(10, &[64], 8, Activation::Tanh, 1).unwrap();
    let trace = Trace::new();
    let out = net.forward(&trace.point(&[10], 0)).unwrap();
    let mut g: Graph = trace.graph();
    let terms: Vec<NodeId> = out.nodes().to_vec();
    let weighted: Vec<NodeId> = terms
        .iter()
        .enumerate()
        .map(|(i, t)| {
            let p = g.param(i);
            g.mul(p, *t)
        })
        .collect();
    let root = g.sum(&weighted);
    let slope = nnef::expr::gradient(&mut g, root, 10);
    let program = Program::compile(&g, 10, &[&slope, &terms]);
    let mut pool = program.pool();
    let mut rng = Stream::new(3).rng();
    for lane in 0..program.lanes() {
        let eta: Vec<f64> = (0..8).map(|_| rng.sample(StandardNormal)).collect();
        program.set_hoisted(&mut pool, lane, &program.hoist(&eta));
    }
    program.point(&mut pool).iter_mut().for_each(|z| *z = rng.sample(StandardNormal));
    let repeats = 3_000_000 / program.lanes();
    let mut time = |entry: usize| {
        best(9, || (0..repeats).for_each(|_| program.run(&mut pool, entry))) / (repeats * program.lanes()) as f64
    };
    let (gradient, value) = (time(0), time(1));
    let n = 256;
    let forward = product(64, 10, n) + product(8, 64, n);
    let back = product(64, 8, n) + product(10, 64, n);
    println!(
        "{{\"engine\": \"nnef\", \"precision\": \"f64\", \"work\": \"network 10-64-8\", \"value_ns\": {value:.1}, \"products_ns\": {forward:.1}, \"value_ratio\": {:.2}, \"gradient_ns\": {gradient:.1}, \"gradient_products_ns\": {:.1}, \"gradient_ratio\": {:.2}, \"lanes\": {}}}",
        value / forward,
        forward + back,
        gradient / (forward + back),
        program.lanes()
    );
}

/// Nanoseconds a point of a matrix [m, k] times [k, n], by the gemm crate.
fn product(m: usize, k: usize, n: usize) -> f64 {
    let (a, b) = (vec![0.37; m * k], vec![0.73; k * n]);
    let mut c = vec![0.0; m * n];
    let repeats = 2000;
    best(5, || {
        for _ in 0..repeats {
            // Row-major matrices of the stated sizes.
            unsafe {
                gemm::gemm(
                    m,
                    n,
                    k,
                    c.as_mut_ptr(),
                    1,
                    n as isize,
                    false,
                    a.as_ptr(),
                    1,
                    k as isize,
                    b.as_ptr(),
                    1,
                    n as isize,
                    0.0,
                    1.0,
                    false,
                    false,
                    false,
                    gemm::Parallelism::None,
                );
            }
        }
    }) / (repeats * n) as f64
}
