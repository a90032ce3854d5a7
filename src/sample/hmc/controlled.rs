//! Controls beside the record: sums of products over the draws, and the means with the controls regressed out.
//!
//! The coefficients that adjust a chain come from the chains of the three other groups, so that they do not depend on what
//! they adjust: adjusted means of chains are unbiased, and their spread is an error. It is an honest one only where the
//! residual is as tame between the draws and infinity as on the draws, and least squares sees to the draws alone: with
//! controls that grow, the residual is tiny on them and huge a little further out, in the few places that most runs do not
//! see. So every draw is also moved away from the centre, z' = c + s (z - c), which has the density p(z) / s^m at z'; with
//! weight s^m p(z') / p(z), at most [`HEAVIEST`], those points take part in the regression, and only there. Every other time
//! a chain that jumps gives a [`Probe`] instead, which may lie in a mode that no chain has met.
#![allow(clippy::needless_range_loop)] // arrays of lanes in step

use super::group::jump::Probe;
use super::lags::TILE;
use super::products::{Side, fold, rectangle, triangle};
use crate::expr::lanes::{Aligned, Pool};
use crate::family::Stein;
use crate::num::linalg::dot;
use crate::sample::control::{DRAWS_PER_CONTROL, solve};

/// Groups of chains: chain c belongs to group c mod 4. A divisor of every vector length, so that chains whose sums are shared
/// are of one group.
const GROUPS: usize = 4;
/// Fewer chains have too little spread to show an error.
pub(super) const FEWEST_CHAINS: usize = 8;
/// Standard errors from zero at which the mean of a control is no accident of sixteen chains: it does not take part.
const SUSPECT: f64 = 10.0;
/// A draw is moved to 1 + 2 / sqrt(m) times its distance from the centre.
const STRETCH: f64 = 2.0;
/// Most weight of a moved draw in the regression, where a draw has 1.
const HEAVIEST: f64 = 4.0;

/// Sums over the draws of a group, in lanes.
pub(super) struct Controlled<'a> {
    stein: &'a Stein,
    statistics: usize,
    chains: usize,
    w: usize,
    fold: usize,
    /// s for each coordinate, and log s^m.
    stretch: Vec<f64>,
    log_volume: f64,
    blocks: Vec<Sums>,
}

struct Sums {
    pool: Pool,
    /// The centre c of the row of each lane, [m, W].
    center: Aligned,
    /// The constant 1 and the controls on the draws, [1 + control][TILE, W].
    tile: Aligned,
    /// The same on the moved draws, then the statistics, times the roots of their weights.
    moved: Aligned,
    /// Sums of the controls over the draws, [control, W].
    sums: Aligned,
    /// The constant and the controls by themselves, [i (i + 1) / 2 + j, W / fold].
    cc: Aligned,
    /// The constant and the controls by the statistics, [i, s, W / fold].
    ct: Aligned,
}

/// Sums of products of one group of chains of a row: those of [`Sums`], over its lanes.
struct Totals {
    cc: Vec<f64>,
    ct: Vec<f64>,
}

/// What a regression finds.
struct Fit {
    /// Coefficients, [k, p].
    beta: Vec<f64>,
    /// Intercepts, `[k]`: means over the draws and the moved draws by their weights.
    intercept: Vec<f64>,
}

/// Means of a row with the controls regressed out, less the shift of the record.
pub(super) struct Adjusted {
    /// Of each chain, [chains, k].
    pub means: Vec<f64>,
    /// Of all draws and moved draws by their weights, `[k]`: elsewhere than the chains' only where the moved draws met a part
    /// of the density that the chains did not.
    pub moved: Vec<f64>,
}

impl<'a> Controlled<'a> {
    /// For `chains` chains of each row of `eta`, [rows, k], now at `positions`: for each block [m, W].
    pub(super) fn new(
        stein: &'a Stein,
        statistics: usize,
        chains: usize,
        eta: &[&[f64]],
        positions: &[&[f64]],
    ) -> Controlled<'a> {
        let (program, p, m) = (stein.program(), stein.count(), stein.angles().len());
        let w = program.lanes();
        let fold = fold(w, chains);
        let zeros = |n: usize| Aligned::filled(n, 0.0);
        let hoisted: Vec<Vec<f64>> = eta.iter().map(|e| program.hoist(e)).collect();
        let row = |b: usize, lane: usize| ((b * w + lane) / chains).min(eta.len() - 1);
        let center = |row: usize, j: usize| {
            let members = row * chains..(row + 1) * chains;
            members.map(|g| positions[g / w][j * w + g % w]).sum::<f64>() / chains as f64
        };
        let centers: Vec<Vec<f64>> = (0..eta.len()).map(|r| (0..m).map(|j| center(r, j)).collect()).collect();
        let sums = |b: usize| {
            let (mut pool, mut center) = (program.pool(), zeros(m * w));
            for lane in 0..w {
                program.set_hoisted(&mut pool, lane, &hoisted[row(b, lane)]);
                (0..m).for_each(|j| center[j * w + lane] = centers[row(b, lane)][j]);
            }
            let (cc, ct) = (zeros((p + 1) * (p + 2) / 2 * (w / fold)), zeros((p + 1) * statistics * (w / fold)));
            let mut tile = zeros((p + 1) * TILE * w);
            tile[..TILE * w].fill(1.0);
            Sums { pool, center, tile, moved: zeros((p + 1 + statistics) * TILE * w), sums: zeros(p * w), cc, ct }
        };
        let free = stein.angles().iter().filter(|a| !**a).count() as f64;
        let s = 1.0 + STRETCH / free.max(1.0).sqrt();
        let stretch = stein.angles().iter().map(|angle| if *angle { 1.0 } else { s }).collect();
        let blocks = (0..positions.len()).map(sums).collect();
        Controlled { stein, statistics, chains, w, fold, stretch, log_volume: free * s.ln(), blocks }
    }
    /// Take the positions `z`, [m, W], of block `b`, with the log density `value`, `[W]`, as draw `t` of its tile.
    /// Where there is a probe it stands in for the moved draw.
    pub(super) fn take(&mut self, b: usize, t: usize, z: &[f64], value: &[f64], probes: &[Probe]) {
        let (program, w, p) = (self.stein.program(), self.w, self.stein.count());
        let sums = &mut self.blocks[b];
        program.point(&mut sums.pool).copy_from_slice(z);
        program.run(&mut sums.pool, Stein::CONTROLS);
        for i in 0..p {
            let values = program.output(&sums.pool, Stein::CONTROLS, i);
            sums.tile[((i + 1) * TILE + t) * w..][..w].copy_from_slice(values);
            sums.sums[i * w..(i + 1) * w].iter_mut().zip(values).for_each(|(s, c)| *s += c);
        }
        let point = program.point(&mut sums.pool);
        for (j, s) in self.stretch.iter().enumerate() {
            for at in j * w..(j + 1) * w {
                point[at] = s.mul_add(z[at] - sums.center[at], sums.center[at]);
            }
        }
        let mut log_volumes = vec![self.log_volume; w];
        for probe in probes {
            (0..self.stretch.len()).for_each(|j| point[j * w + probe.lane] = z[j * w + probe.lane]);
            point[probe.coordinate * w + probe.lane] = probe.to;
            log_volumes[probe.lane] = probe.log_weight;
        }
        program.run(&mut sums.pool, Stein::EVERYTHING);
        let outputs = p + self.statistics;
        let mut weight: Vec<f64> = program
            .output(&sums.pool, Stein::EVERYTHING, 0)
            .iter()
            .zip(value)
            .zip(&log_volumes)
            .map(|((there, here), log_volume)| there - here + log_volume)
            .map(|log| if log.is_finite() { log.exp().min(HEAVIEST).sqrt() } else { 0.0 })
            .collect();
        for i in 1..=outputs {
            let values = program.output(&sums.pool, Stein::EVERYTHING, i);
            weight.iter_mut().zip(values).for_each(|(w, v)| *w = if v.is_finite() { *w } else { 0.0 });
        }
        let mut put = |i: usize, values: &[f64]| {
            let to = &mut sums.moved[(i * TILE + t) * w..][..w];
            for lane in 0..w {
                to[lane] = if weight[lane] > 0.0 { weight[lane] * values[lane] } else { 0.0 };
            }
        };
        put(0, &vec![1.0; w]);
        // The statistics come first, and go last.
        (0..p).for_each(|i| put(1 + i, program.output(&sums.pool, Stein::EVERYTHING, 1 + self.statistics + i)));
        (0..self.statistics).for_each(|s| put(1 + p + s, program.output(&sums.pool, Stein::EVERYTHING, 1 + s)));
    }
    /// Add the `count` draws in the tile of block `b`; `t` are the statistics of the same draws less `shift`, [statistic, W],
    /// `stride` numbers apart.
    pub(super) fn close(&mut self, b: usize, t: *const f64, stride: usize, shift: &[f64], count: usize) {
        let (n, w, k) = (self.stein.count() + 1, self.w, self.statistics);
        let sums = &mut self.blocks[b];
        let (weights, rest) = sums.moved.split_at_mut(TILE * w);
        for (s, moved) in rest[(n - 1) * TILE * w..].chunks_mut(TILE * w).enumerate() {
            for (at, x) in moved[..count * w].iter_mut().enumerate() {
                *x -= weights[at] * shift[s * w + at % w];
            }
        }
        let side = |tile: &[f64], n: usize| Side { tile: tile.as_ptr(), n, stride: TILE * w };
        let draws = (side(&sums.tile, n), Side { tile: t, n: k, stride });
        let moved = (side(&sums.moved, n), side(&sums.moved[n * TILE * w..], k));
        for (left, right) in [draws, moved] {
            // All tiles hold `count` draws, and the sums have the lengths of Controlled::new.
            unsafe {
                triangle(left.tile, n, TILE * w, count, w, self.fold, sums.cc.as_mut_ptr());
                rectangle(&left, &right, count, w, self.fold, sums.ct.as_mut_ptr());
            }
        }
    }
    /// The row `row` with the controls regressed out of the means `means` of its chains, [chains, k], over `draws` draws each,
    /// `effective` in all. None where no control takes part.
    pub(super) fn adjust(&self, row: usize, means: &[f64], draws: usize, effective: f64) -> Option<Adjusted> {
        let (k, chains, p) = (self.statistics, self.chains, self.stein.count());
        let share = (GROUPS - 1) as f64 / GROUPS as f64;
        let most = (effective.min((chains * draws) as f64) * share / DRAWS_PER_CONTROL) as usize;
        if chains < FEWEST_CHAINS || most == 0 {
            return None;
        }
        let controls: Vec<Vec<f64>> = (0..chains).map(|c| self.mean(row, c, draws)).collect();
        let usable: Vec<bool> = (0..p).map(|i| is_centered(&controls, i)).collect();
        let groups: Vec<Totals> = (0..GROUPS).map(|g| self.totals(row, g)).collect();
        let mut out = Adjusted { means: means.to_vec(), moved: vec![0.0; k] };
        for g in 0..GROUPS {
            let fit = coefficients(&groups, g, p, k, most, &usable);
            for chain in (g..chains).step_by(GROUPS) {
                for (s, mean) in out.means[chain * k..(chain + 1) * k].iter_mut().enumerate() {
                    *mean -= dot(&fit.beta[s * p..(s + 1) * p], &controls[chain]);
                }
            }
            out.moved.iter_mut().zip(&fit.intercept).for_each(|(m, i)| *m += i / GROUPS as f64);
        }
        Some(out)
    }
    /// Means of the controls over a chain, `[p]`.
    fn mean(&self, row: usize, chain: usize, draws: usize) -> Vec<f64> {
        let global = row * self.chains + chain;
        let sums = &self.blocks[global / self.w].sums;
        sums.chunks(self.w).map(|s| s[global % self.w] / draws as f64).collect()
    }
    /// Sums over the chains of a group.
    fn totals(&self, row: usize, group: usize) -> Totals {
        let (w, chains) = (self.w / self.fold, self.chains / self.fold);
        let lanes: Vec<usize> = (group..chains).step_by(GROUPS).map(|l| row * chains + l).collect();
        let products = |pick: &dyn Fn(&Sums) -> &[f64]| {
            let length = pick(&self.blocks[0]).len() / w;
            let entry = |i: usize| lanes.iter().map(|g| pick(&self.blocks[g / w])[i * w + g % w]).sum::<f64>();
            (0..length).map(entry).collect::<Vec<f64>>()
        };
        Totals { cc: products(&|s| &s.cc), ct: products(&|s| &s.ct) }
    }
}

/// The regression on all groups but one.
fn coefficients(groups: &[Totals], without: usize, p: usize, k: usize, most: usize, usable: &[bool]) -> Fit {
    let others = || groups.iter().enumerate().filter(|(g, _)| *g != without).map(|(_, t)| t);
    let square = |i: usize, j: usize| others().map(|t| t.cc[i * (i + 1) / 2 + j]).sum::<f64>();
    let cross = |i: usize, s: usize| others().map(|t| t.ct[i * k + s]).sum::<f64>();
    let total = square(0, 0);
    let c: Vec<f64> = (0..p).map(|i| square(i + 1, 0)).collect();
    let (mut cc, mut ct) = (vec![0.0; p * p], vec![0.0; p * k]);
    for i in (0..p).filter(|i| usable[*i]) {
        for j in 0..=i {
            let v = square(i + 1, j + 1) - c[i] * c[j] / total;
            (cc[i * p + j], cc[j * p + i]) = (v, v);
        }
        (0..k).for_each(|s| ct[i * k + s] = cross(i + 1, s) - c[i] * cross(0, s) / total);
    }
    let beta = solve(&cc, &ct, p, k, most);
    let beta: Vec<f64> = (0..k * p).map(|n| beta[(n % p) * k + n / p]).collect();
    let intercept = (0..k).map(|s| (cross(0, s) - dot(&beta[s * p..(s + 1) * p], &c)) / total).collect();
    Fit { beta, intercept }
}

/// Whether control `i` has mean zero as far as the chains can tell.
fn is_centered(controls: &[Vec<f64>], i: usize) -> bool {
    let n = controls.len() as f64;
    let mean = controls.iter().map(|c| c[i]).sum::<f64>() / n;
    let square = controls.iter().map(|c| (c[i] - mean).powi(2)).sum::<f64>() / (n - 1.0);
    mean * mean * n <= SUSPECT * SUSPECT * square
}
