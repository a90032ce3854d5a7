//! Cost of plain HMC on three families, against BlackJAX doing the same work (the peer programs print the same keys).
//!
//! 4096 chains, eta drawn per chain, 10 leapfrogs a sample, unit mass, fixed step, momentum refreshed, Metropolis accept,
//! running E[x^2]. One thread. Run as `cargo bench --bench hmc`, under `taskset -c 0` beside the peer.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, dead_code)]

mod shared;

use nnef::family::Family;
use nnef::num::observe::Monitor;
use nnef::num::stream::{Stream, Xoshiro};
use nnef::sample::{Group, Plan};
use rand::Rng;
use rand_distr::StandardNormal;
use shared::{cpu_ns, draw_eta, f1, f2, f3};
use std::time::Instant;

const CHAINS: usize = 4096;
const LEAPFROGS: usize = 10;

fn main() {
    // Names on the command line choose families; cargo adds --bench.
    let chosen: Vec<String> = std::env::args().skip(1).filter(|a| a.starts_with('F')).collect();
    for (family, step, block) in [(f1(), 0.30, 8000), (f2(), 0.20, 800), (f3(), 0.25, 1500)] {
        if !chosen.is_empty() && !chosen.iter().any(|c| c == family.name()) {
            continue;
        }
        let began = Instant::now();
        let density = family.density();
        let compile = began.elapsed().as_secs_f64();
        let plan = Plan { chains: 1, step_size: step, integration_steps: LEAPFROGS, adapt: false, target_accept: 0.8 };
        let mut rng = Stream::new(1).child("eta").rng();
        let together = Group::rows_that_fit(density, 1);
        let mut groups: Vec<Group> = (0..CHAINS / together)
            .map(|g| {
                let eta: Vec<f64> = (0..together).flat_map(|_| draw_eta(family.name(), &mut rng)).collect();
                let streams: Vec<Stream> = (0..together).map(|r| Stream::new(2).at((g * together + r) as u64)).collect();
                let mut group = Group::new(&family, plan.clone(), &eta, &streams);
                group.warm_up(50, &Monitor::silent());
                group.open_window();
                group
            })
            .collect();
        let (mut best, mut best_wall) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..5 {
            let (cpu, wall) = (cpu_ns(began), Instant::now());
            for group in &mut groups {
                for _ in 0..block {
                    group.step();
                    group.watch();
                }
            }
            best = best.min((cpu_ns(began) - cpu) / (block * CHAINS) as f64);
            best_wall = best_wall.min(wall.elapsed().as_nanos() as f64 / (block * CHAINS) as f64);
        }
        let acceptance: f64 = groups
            .iter_mut()
            .map(|g| {
                g.draw();
                (0..g.rows()).map(|r| g.acceptance(r)).sum::<f64>()
            })
            .sum::<f64>()
            / CHAINS as f64;
        let square: f64 = groups.iter().map(Group::window_mean_square).sum::<f64>() / groups.len() as f64;
        println!(
            "{{\"engine\": \"nnef\", \"precision\": \"f64\", \"family\": \"{}\", \"cpu_ns_per_sample\": {best:.2}, \"wall_ns_per_sample\": {best_wall:.2}, \"cpu_ns_per_gradient\": {:.2}, \"compile_s\": {compile:.6}, \"acceptance\": {acceptance:.4}, \"mean_x2\": {square:.4}, \"lanes\": {together}}}",
            family.name(),
            gradient_ns(&family, &mut rng),
        );
    }
}

/// CPU nanoseconds of one gradient of the log density at one point.
fn gradient_ns(family: &Family, rng: &mut Xoshiro) -> f64 {
    let program = family.density().program();
    let mut pool = program.pool();
    for lane in 0..program.lanes() {
        let hoisted = program.hoist(&draw_eta(family.name(), rng));
        program.set_hoisted(&mut pool, lane, &hoisted);
    }
    program.point(&mut pool).iter_mut().for_each(|z| *z = rng.sample(StandardNormal));
    let start = Instant::now();
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let cpu = cpu_ns(start);
        let repeats = 30_000_000 / program.lanes();
        for _ in 0..repeats {
            program.run(&mut pool, nnef::family::Density::GRADIENT);
        }
        best = best.min((cpu_ns(start) - cpu) / (repeats * program.lanes()) as f64);
    }
    best
}
