//! Cost of plain HMC on three families, against BlackJAX doing the same work (the peer programs print the same keys).
//!
//! 4096 chains, eta drawn per chain, 10 leapfrogs a sample, unit mass, fixed step, momentum refreshed, Metropolis accept,
//! running E[x^2]. One thread. Run as `cargo bench --bench hmc`, under `taskset -c 0` beside the peer.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use nnef::domain::Support;
use nnef::expr::{Expr, Op, Reduce};
use nnef::family::Family;
use nnef::num::stream::{Stream, Xoshiro};
use nnef::sample::{Group, Plan};
use rand::Rng;
use rand_distr::StandardNormal;
use std::time::Instant;

const CHAINS: usize = 4096;
const LEAPFROGS: usize = 10;

/// CPU time of this thread in nanoseconds (Linux: updated every few milliseconds, so runs take half a second), or wall time
/// elsewhere.
fn cpu_ns(start: Instant) -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let busy = stat.and_then(|s| s.split_whitespace().next().and_then(|f| f.parse::<f64>().ok()));
    busy.unwrap_or_else(|| start.elapsed().as_nanos() as f64)
}

fn f1() -> Family {
    Family::trace(
        "F1",
        Support::real(1).unwrap(),
        |x| {
            let x = x.index(0)?;
            Ok(vec![("a".into(), x.clone()), ("b".into(), x.binary(Op::Mul, &x)?), ("c".into(), x.unary(Op::Abs)?)])
        },
        None,
    )
    .unwrap()
}

fn f2() -> Family {
    Family::trace("F2", Support::real(10).unwrap(), |x| Ok(vec![("a".into(), x.clone()), ("b".into(), x.outer(x)?)]), None)
        .unwrap()
}

fn f3() -> Family {
    let stats = |x: &Expr| {
        let square = x.binary(Op::Mul, x)?;
        let wave = x.number(3.0).binary(Op::Mul, x)?.unary(Op::Sin)?;
        let (x0, x1, x2) = (x.index(0)?, x.index(1)?, x.index(2)?);
        let twist = x0.binary(Op::Mul, &x1)?.unary(Op::Tanh)?;
        let bend = x2.binary(Op::Mul, &x2)?.binary(Op::Add, &x.number(1.0))?.unary(Op::Log)?;
        let bell = x.number(-0.5).binary(Op::Mul, &square.reduce(Reduce::Sum)?)?.unary(Op::Exp)?;
        Ok(vec![
            ("a".into(), x.clone()),
            ("b".into(), square),
            ("c".into(), wave),
            ("d".into(), twist),
            ("e".into(), bend),
            ("f".into(), bell),
        ])
    };
    Family::trace("F3", Support::real(3).unwrap(), stats, None).unwrap()
}

fn draw_eta(name: &str, rng: &mut Xoshiro) -> Vec<f64> {
    let normal = |rng: &mut Xoshiro| rng.sample::<f64, _>(StandardNormal);
    match name {
        "F1" => vec![0.3 * normal(rng), -(0.3 + rng.random::<f64>()), -rng.random::<f64>()],
        "F2" => {
            let g: Vec<f64> = (0..100).map(|_| normal(rng)).collect();
            let mut eta: Vec<f64> = (0..10).map(|_| 0.5 * normal(rng)).collect();
            for i in 0..10 {
                for j in 0..10 {
                    let s: f64 = (0..10).map(|l| g[i * 10 + l] * g[j * 10 + l]).sum();
                    eta.push(-0.5 * (f64::from(u8::from(i == j)) + 0.05 * s));
                }
            }
            eta
        }
        _ => {
            let mut eta: Vec<f64> = (0..3).map(|_| 0.5 * normal(rng)).collect();
            eta.extend((0..3).map(|_| -(0.5 + 0.5 * rng.random::<f64>())));
            eta.extend((0..3).map(|_| 0.5 * normal(rng)));
            eta.extend([0.3 * normal(rng), -0.3 * rng.random::<f64>(), 0.5 * normal(rng)]);
            eta
        }
    }
}

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
                let mut group = Group::new(density, plan.clone(), &eta, &streams);
                group.warm_up(50);
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
