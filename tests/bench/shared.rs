//! The three families of the benchmarks, with the draws of eta of the peer programs, and the CPU clock.

use nnef::domain::Support;
use nnef::expr::{Expr, Op, Reduce};
use nnef::family::Family;
use nnef::num::stream::Xoshiro;
use rand::Rng;
use rand_distr::StandardNormal;
use std::time::Instant;

/// CPU time of this thread in nanoseconds (Linux: updated every few milliseconds, so runs take half a second), or wall time
/// elsewhere.
pub fn cpu_ns(start: Instant) -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let busy = stat.and_then(|s| s.split_whitespace().next().and_then(|f| f.parse::<f64>().ok()));
    busy.unwrap_or_else(|| start.elapsed().as_nanos() as f64)
}

pub fn f1() -> Family {
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

pub fn f2() -> Family {
    Family::trace("F2", Support::real(10).unwrap(), |x| Ok(vec![("a".into(), x.clone()), ("b".into(), x.outer(x)?)]), None)
        .unwrap()
}

pub fn f3() -> Family {
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

pub fn draw_eta(name: &str, rng: &mut Xoshiro) -> Vec<f64> {
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
