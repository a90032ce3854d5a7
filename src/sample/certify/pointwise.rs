//! What can be checked point by point: derivatives, the measure of the support, independence of the statistics.

use super::Line;
use crate::expr::{Graph, NodeId, Program, jacobian};
use crate::family::{Density, Family};
use crate::num::observe::Monitor;
use crate::num::stream::Stream;
use rand::Rng;
use rand_distr::StandardNormal;

/// Points at which derivatives are compared, for each eta.
const POINTS: usize = 32;
/// Largest difference of derivatives, relative to the larger of the gradient and 1.
const DERIVATIVE: f64 = 1e-6;
/// Coordinates beyond which the determinant of the map is not looked at.
const MOST: usize = 60;

pub(super) fn lines(family: &Family, etas: &[&[f64]], stream: Stream, _monitor: &Monitor) -> Vec<Line> {
    vec![derivatives(family, etas, stream), measure(family, stream), independence(family)]
}

/// The gradient of the log density against differences, in unconstrained coordinates.
fn derivatives(family: &Family, etas: &[&[f64]], stream: Stream) -> Line {
    const NAME: &str = "derivatives";
    let m = family.support().bijector().free();
    if family.support().bijector().discrete() {
        return Line::skip(NAME, "the support is discrete");
    }
    let program = family.density().program();
    let mut rng = stream.child("points").rng();
    let (mut worst, mut looked, mut place) = (0.0, 0, String::new());
    for eta in etas {
        let points: Vec<f64> = (0..POINTS * m).map(|_| rng.sample::<f64, _>(StandardNormal)).collect();
        let slopes = program.evaluate(Density::GRADIENT, &points, eta);
        for j in 0..m {
            let value = |h: f64| {
                let moved: Vec<f64> = points.iter().enumerate().map(|(i, z)| if i % m == j { z + h } else { *z }).collect();
                program.evaluate(Density::VALUE_AND_GRADIENT, &moved, eta)
            };
            let central = |h: f64| -> Vec<f64> {
                value(h).chunks(m + 1).zip(value(-h).chunks(m + 1)).map(|(a, b)| (a[0] - b[0]) / (2.0 * h)).collect()
            };
            let (coarse, fine) = (central(2e-4), central(1e-4));
            for i in 0..POINTS {
                let (slope, difference) = (slopes[i * m + j], (4.0 * fine[i] - coarse[i]) / 3.0);
                let scale = 1.0 + slope.abs().max(difference.abs());
                // Differences that disagree among themselves meet a kink, or rounding of a huge value.
                if !difference.is_finite() || (coarse[i] - fine[i]).abs() > 1e-2 * DERIVATIVE.sqrt() * scale {
                    continue;
                }
                looked += 1;
                let error = (slope - difference).abs() / scale;
                if error > worst || error.is_nan() {
                    (worst, place) = (error, format!(" at coordinate {j}: {slope:.9} and {difference:.9}"));
                }
            }
        }
    }
    if looked == 0 {
        return Line::skip(NAME, "no point at which differences settle");
    }
    let place = if worst < DERIVATIVE { String::new() } else { place };
    Line::of(
        NAME,
        worst < DERIVATIVE,
        format!("gradient against differences {worst:.1e}{place} ({looked} points, limit {DERIVATIVE:.0e})"),
    )
}

/// log |dx/dz| of the support against the determinant of the derivative of x(z).
fn measure(family: &Family, stream: Stream) -> Line {
    const NAME: &str = "measure";
    let bijector = family.support().bijector();
    let (m, measured) = (bijector.free(), bijector.measured());
    if bijector.discrete() || m > MOST || measured.len() != m {
        return Line::skip(NAME, format!("no Lebesgue coordinates to compare with on {}", family.support()));
    }
    let mut g = Graph::new();
    let z: Vec<NodeId> = (0..m).map(|j| g.var(j)).collect();
    let (x, log_jacobian) = bijector.forward(&mut g, &z);
    let rows: Vec<NodeId> = measured.iter().map(|i| x[*i]).collect();
    let mut outputs = jacobian(&mut g, &rows, m);
    outputs.push(log_jacobian);
    let program = Program::compile(&g, m, &[&outputs]);
    let mut rng = stream.child("measure").rng();
    let points: Vec<f64> = (0..POINTS * m).map(|_| rng.sample::<f64, _>(StandardNormal)).collect();
    let worst = program.evaluate(0, &points, &[]).chunks(m * m + 1).fold(0.0f64, |worst, row| {
        let error = (log_determinant(row[..m * m].to_vec(), m) - row[m * m]).abs() / (1.0 + row[m * m].abs());
        if error.is_nan() { f64::INFINITY } else { worst.max(error) }
    });
    Line::of(NAME, worst < 1e-9, format!("log |dx/dz| against the determinant {worst:.1e} (limit 1e-9)"))
}

/// log |det a| by elimination with pivots.
fn log_determinant(mut a: Vec<f64>, n: usize) -> f64 {
    let mut total = 0.0;
    for c in 0..n {
        let pivot = (c..n).max_by(|i, j| a[i * n + c].abs().total_cmp(&a[j * n + c].abs())).unwrap_or(c);
        (0..n).for_each(|j| a.swap(c * n + j, pivot * n + j));
        total += a[c * n + c].abs().ln();
        for i in c + 1..n {
            let factor = a[i * n + c] / a[c * n + c];
            (c..n).for_each(|j| a[i * n + j] -= factor * a[c * n + j]);
        }
    }
    total
}

fn independence(family: &Family) -> Line {
    const NAME: &str = "minimality";
    let relations = family.linear_relations();
    if relations.is_empty() {
        return Line::of(NAME, true, "the statistics are linearly independent".into());
    }
    let text = relations.join("; ");
    match family.is_overcomplete() {
        true => Line::skip(NAME, format!("overcomplete on purpose: {text}")),
        false => Line::of(NAME, false, format!("linearly dependent statistics: {text}; eta is not identified")),
    }
}
