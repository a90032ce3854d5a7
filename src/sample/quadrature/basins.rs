//! Floods of several modes, each in coordinates of its own.
//!
//! Where modes lie many of their widths apart, or are narrower than the cells of a grid, the covariance of the whole says nothing
//! of the shape of any. Each mode is climbed by Newton's method and measured by how the density falls around its top. Together they
//! are a mixture of normal densities, of which each has its part everywhere: a partition of unity, by which the density falls into
//! shares that are as smooth as it is and lie around one mode each. What the
//! nodes of the grid hold outside of all basins tells whether one was missed.

use super::coarse::Coarse;
use super::flood::{Basin, D, Flood, Node};
use super::row::Row;
use super::table::{Points, Table};
use super::window::Chart;
use crate::expr::lanes::{Aligned, Pool};
use crate::family::Clique;
use crate::num::linalg::{cholesky, cholesky_inverse, cholesky_solve, dot};
use std::f64::consts::TAU;

/// Most places that are climbed from: a density with more has other troubles.
const PLACES: usize = 64;
/// Most steps of a climb.
const STEPS: usize = 80;
/// Fall along a coordinate, in nats, over which the shape of a mode is measured, and the factor within which that is good enough.
const FALL: f64 = 0.5;
const ABOUT: f64 = 1.5;
/// Gain that a step promises, in nats, below which a climb is at the top.
const TOP: f64 = 1e-2;
/// Longest step at first, in distances over which the shape is measured, and the least that it may become.
const LEAP: f64 = 2.0;
const SHORTEST: f64 = 0.05;
/// Distance in standard deviations within which two climbs have reached the same mode.
const SAME: f64 = 0.3;

/// The log density of a clique at one eta, with the log-Jacobian of its charts. One over two coordinates has a third one, in which
/// it is normal about 0.
pub(super) struct Hill<'a> {
    clique: &'a Clique,
    charts: &'a [Chart],
    eta: &'a [f64],
    pool: Pool,
    points: Points,
    table: Table,
    values: Aligned,
}

impl Basin {
    /// The log of what a normal density of its shape holds.
    fn mass(&self) -> f64 {
        self.top + (0..D).map(|i| self.frame[i * D + i].ln()).sum::<f64>() + 0.5 * D as f64 * TAU.ln()
    }
    pub(super) fn is_at(&self, other: &Basin) -> bool {
        self.own(&other.center).iter().all(|u| u.abs() < SAME)
    }
}

impl<'a> Flood<'a> {
    /// Of the modes that the nodes of a grid or the maxima between them hint at, however low they are there; and what the shapes of
    /// the modes say of the moments.
    pub(super) fn of_modes(grid: &Coarse<'a>, eta: &[f64]) -> Option<(Flood<'a>, Row)> {
        let mut logs = Aligned::filled(0, 0.0);
        grid.table.exponent(eta, &mut logs);
        let high = grid.high(&logs);
        if high.len() > PLACES {
            return None;
        }
        let mut hill = Hill::new(grid.clique, grid.charts, eta);
        let mut modes: Vec<Basin> = Vec::new();
        for t in high {
            if let Some(mode) = hill.climb(t, grid.steps())
                && !modes.iter().any(|m| m.is_at(&mode))
            {
                modes.push(mode);
            }
        }
        modes.sort_by(|a, b| b.top.total_cmp(&a.top));
        let most = modes.iter().map(Basin::mass).fold(f64::NEG_INFINITY, f64::max);
        let log_normalizer = most + modes.iter().map(|m| (m.mass() - most).exp()).sum::<f64>().ln();
        let mu = hill.statistics(&modes.first()?.center);
        let guess = Row { log_normalizer, mu, ..Row::nothing(eta.len()) };
        let elsewhere = grid.places().zip(logs.iter()).map(|(t, mass)| Node { t, mass: *mass, left: 1.0 }).collect();
        Some((Flood { clique: grid.clique, charts: grid.charts, basins: modes, elsewhere: Some(elsewhere) }, guess))
    }
}

/// Places around one that tell the shape there: itself, both sides along each axis, and a corner of each pair.
const AROUND: usize = 1 + 2 * D + D * (D - 1) / 2;

impl<'a> Hill<'a> {
    pub(super) fn new(clique: &'a Clique, charts: &'a [Chart], eta: &'a [f64]) -> Hill<'a> {
        let pool = clique.program().pool();
        let points = Points { x: vec![vec![0.0; AROUND]; charts.len()], log_weights: vec![0.0; AROUND] };
        Hill { clique, charts, eta, pool, points, table: Table::empty(clique, AROUND), values: Aligned::filled(0, 0.0) }
    }
    /// The log density at no more than [`AROUND`] places.
    fn values(&mut self, places: &[[f64; D]]) -> &[f64] {
        for (m, t) in places.iter().enumerate() {
            let charts = self.charts;
            let normal: f64 = t[charts.len()..].iter().map(|t| -0.5 * t * t).sum();
            self.points.log_weights[m] = charts.iter().zip(t).map(|(c, t)| c.log_jacobian(*t)).sum::<f64>() + normal;
            self.points.x.iter_mut().enumerate().for_each(|(a, x)| x[m] = charts[a].x(t[a]));
        }
        self.table.fill(self.clique, &mut self.pool, &self.points, 0..places.len());
        self.table.exponent(self.eta, &mut self.values);
        &self.values[..places.len()]
    }
    fn statistics(&mut self, t: &[f64; D]) -> Vec<f64> {
        self.values(&[*t]);
        (0..self.eta.len()).map(|s| self.table.share(s)[0]).collect()
    }
    /// Up from a place to a top around which the density falls like a normal one; at first its shape is looked at over `widths`.
    pub(super) fn climb(&mut self, start: [f64; D], mut widths: [f64; D]) -> Option<Basin> {
        let (mut t, mut leap) = (start, LEAP);
        for _ in 0..STEPS {
            let around = around(&t, &widths);
            let f: [f64; AROUND] = self.values(&around).try_into().ok()?;
            if f.iter().any(|f| !f.is_finite()) {
                widths = widths.map(|w| 0.25 * w);
                continue;
            }
            let (slope, bend) = shape(&f);
            let best = (0..AROUND).max_by(|a, b| f[*a].total_cmp(&f[*b])).unwrap_or(0);
            let mut next = (around[best], f[best]);
            let good = |a: usize| (FALL / ABOUT..=FALL * ABOUT).contains(&(0.5 * bend[a * D + a]));
            if let Some(factor) = cholesky(&bend, D)
                && (0..D).all(good)
                && 0.5 * dot(&slope, &cholesky_solve(&factor, D, &slope)) < TOP
            {
                let cov = cholesky_inverse(&factor, D);
                let scaled: Vec<f64> = (0..D * D).map(|i| cov[i] * widths[i / D] * widths[i % D]).collect();
                let frame = cholesky(&scaled, D).filter(|f| f.iter().all(|v| v.is_finite()))?;
                return Some(Basin { center: t, frame, high: vec![t], top: f[0] });
            }
            if let Some(step) = uphill(&slope, &bend) {
                let longest = step.iter().fold(0.0_f64, |m, s| m.max(s.abs()));
                let part = (leap / longest).min(1.0);
                let there = std::array::from_fn(|a| t[a] + widths[a] * part * step[a]);
                let value = self.values(&[there])[0];
                let better = value > next.1;
                leap = if better { 2.0 * leap } else { (0.5 * leap).max(SHORTEST) };
                if better {
                    next = (there, value);
                }
            }
            // Where nothing is higher the distances may be too long to see the top.
            let stuck = next.1 <= f[0];
            for (a, w) in widths.iter_mut().enumerate() {
                let fall = 0.5 * bend[a * D + a];
                *w *= if fall > 0.0 {
                    (FALL / fall).sqrt().clamp(0.1, 2.0)
                } else if stuck {
                    0.5
                } else {
                    1.0
                };
            }
            t = next.0;
        }
        None
    }
}

/// Newton's step; where the Hessian has directions of ascent, with its diagonal raised until it has none.
fn uphill(slope: &[f64; D], bend: &[f64; D * D]) -> Option<Vec<f64>> {
    const TRIES: i32 = 12;
    let size = bend.iter().fold(0.0_f64, |m, b| m.max(b.abs()));
    let raised = |n: i32| {
        let mut bend = bend.to_vec();
        let more = if n == 0 { 0.0 } else { size * 1e-3 * 3.0_f64.powi(n) };
        (0..D).for_each(|a| bend[a * D + a] += more);
        bend
    };
    let factor = (0..TRIES).find_map(|n| cholesky(&raised(n), D))?;
    Some(cholesky_solve(&factor, D, slope)).filter(|s| s.iter().all(|s| s.is_finite()))
}

fn around(t: &[f64; D], widths: &[f64; D]) -> [[f64; D]; AROUND] {
    let mut all = [*t; AROUND];
    let mut corner = 1 + 2 * D;
    for a in 0..D {
        all[1 + 2 * a][a] += widths[a];
        all[2 + 2 * a][a] -= widths[a];
        for b in 0..a {
            all[corner][a] += widths[a];
            all[corner][b] += widths[b];
            corner += 1;
        }
    }
    all
}

/// The gradient and the Hessian with its sign turned, in units of the widths, from values at the places of [`around`].
fn shape(f: &[f64; AROUND]) -> ([f64; D], [f64; D * D]) {
    let (mut slope, mut bend) = ([0.0; D], [0.0; D * D]);
    let mut corner = 1 + 2 * D;
    for a in 0..D {
        let (up, down) = (f[1 + 2 * a], f[2 + 2 * a]);
        slope[a] = 0.5 * (up - down);
        bend[a * D + a] = 2.0 * f[0] - up - down;
        for b in 0..a {
            let mixed = up + f[1 + 2 * b] - f[0] - f[corner];
            (bend[a * D + b], bend[b * D + a]) = (mixed, mixed);
            corner += 1;
        }
    }
    (slope, bend)
}
