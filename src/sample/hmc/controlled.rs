//! Controls beside the record: sums of products over the draws, and the means with the controls regressed out.
//!
//! The coefficients that adjust a chain come from the chains of the three other groups, so that they do not depend on what
//! they adjust: adjusted means of chains are unbiased, and their spread is an honest error.

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

/// Sums over the draws of a group, in lanes.
pub(super) struct Controlled<'a> {
    stein: &'a Stein,
    statistics: usize,
    chains: usize,
    w: usize,
    fold: usize,
    blocks: Vec<Sums>,
}

struct Sums {
    pool: Pool,
    /// [control][TILE, W].
    tile: Aligned,
    /// [control, W].
    sums: Aligned,
    /// Controls by controls, [i (i + 1) / 2 + j, W / fold].
    cc: Aligned,
    /// Controls by statistics, [i, s, W / fold].
    ct: Aligned,
}

/// Sums of one group of chains of a row.
#[derive(Clone)]
struct Totals {
    draws: f64,
    c: Vec<f64>,
    t: Vec<f64>,
    cc: Vec<f64>,
    ct: Vec<f64>,
}

impl<'a> Controlled<'a> {
    /// For `chains` chains of each row of `eta`, [rows, k], in `blocks` blocks.
    pub(super) fn new(stein: &'a Stein, statistics: usize, chains: usize, eta: &[&[f64]], blocks: usize) -> Controlled<'a> {
        let (program, p) = (stein.program(), stein.count());
        let w = program.lanes();
        let fold = fold(w, chains);
        let zeros = |n: usize| Aligned::filled(n, 0.0);
        let hoisted: Vec<Vec<f64>> = eta.iter().map(|e| program.hoist(e)).collect();
        let sums = |b: usize| {
            let mut pool = program.pool();
            for lane in 0..w {
                program.set_hoisted(&mut pool, lane, &hoisted[((b * w + lane) / chains).min(eta.len() - 1)]);
            }
            let (cc, ct) = (zeros(p * (p + 1) / 2 * (w / fold)), zeros(p * statistics * (w / fold)));
            Sums { pool, tile: zeros(p * TILE * w), sums: zeros(p * w), cc, ct }
        };
        Controlled { stein, statistics, chains, w, fold, blocks: (0..blocks).map(sums).collect() }
    }
    /// Evaluate the controls at the positions `z`, [m, W], of block `b`, as draw `t` of its tile.
    pub(super) fn take(&mut self, b: usize, t: usize, z: &[f64]) {
        let (program, w) = (self.stein.program(), self.w);
        let sums = &mut self.blocks[b];
        program.point(&mut sums.pool).copy_from_slice(z);
        program.run(&mut sums.pool, Stein::CONTROLS);
        for i in 0..self.stein.count() {
            let to = &mut sums.tile[(i * TILE + t) * w..][..w];
            to.copy_from_slice(program.output(&sums.pool, Stein::CONTROLS, i));
        }
    }
    /// Add the `count` draws in the tile of block `b`; `t` are the statistics of the same draws, `stride` numbers apart.
    pub(super) fn close(&mut self, b: usize, t: *const f64, stride: usize, count: usize) {
        let (p, w, k) = (self.stein.count(), self.w, self.statistics);
        let sums = &mut self.blocks[b];
        for (total, tile) in sums.sums.chunks_mut(w).zip(sums.tile.chunks(TILE * w)) {
            for draw in tile.chunks(w).take(count) {
                total.iter_mut().zip(draw).for_each(|(s, c)| *s += c);
            }
        }
        let tile = sums.tile.as_ptr();
        let (left, right) = (Side { tile, n: p, stride: TILE * w }, Side { tile: t, n: k, stride });
        // Both tiles hold `count` draws, and the sums have the lengths of Controlled::new.
        unsafe {
            triangle(tile, p, TILE * w, count, w, self.fold, sums.cc.as_mut_ptr());
            rectangle(&left, &right, count, w, self.fold, sums.ct.as_mut_ptr());
        }
    }
    /// Means of each chain of row `row` with the controls regressed out, [chains, k], from the plain ones `means`, over
    /// `draws` draws each, `effective` in all. None where no control takes part.
    pub(super) fn adjust(&self, row: usize, means: &[f64], draws: usize, effective: f64) -> Option<Vec<f64>> {
        let (k, chains, p) = (self.statistics, self.chains, self.stein.count());
        let share = (GROUPS - 1) as f64 / GROUPS as f64;
        let most = (effective.min((chains * draws) as f64) * share / DRAWS_PER_CONTROL) as usize;
        if chains < FEWEST_CHAINS || most == 0 {
            return None;
        }
        let controls: Vec<Vec<f64>> = (0..chains).map(|c| self.mean(row, c, draws)).collect();
        let usable: Vec<bool> = (0..p).map(|i| is_centered(&controls, i)).collect();
        let groups: Vec<Totals> = (0..GROUPS).map(|g| self.totals(row, g, means, &controls, draws)).collect();
        let mut out = means.to_vec();
        for g in 0..GROUPS {
            let beta = coefficients(&groups, g, p, k, most, &usable);
            for chain in (g..chains).step_by(GROUPS) {
                for (s, mean) in out[chain * k..(chain + 1) * k].iter_mut().enumerate() {
                    *mean -= dot(&beta[s * p..(s + 1) * p], &controls[chain]);
                }
            }
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
    fn totals(&self, row: usize, group: usize, means: &[f64], controls: &[Vec<f64>], draws: usize) -> Totals {
        let (k, members) = (self.statistics, (group..self.chains).step_by(GROUPS));
        let sum = |of: &dyn Fn(usize) -> f64| members.clone().map(of).sum::<f64>() * draws as f64;
        let (w, chains) = (self.w / self.fold, self.chains / self.fold);
        let lanes: Vec<usize> = (group..chains).step_by(GROUPS).map(|l| row * chains + l).collect();
        let products = |pick: &dyn Fn(&Sums) -> &[f64]| {
            let length = pick(&self.blocks[0]).len() / w;
            let entry = |i: usize| lanes.iter().map(|g| pick(&self.blocks[g / w])[i * w + g % w]).sum::<f64>();
            (0..length).map(entry).collect::<Vec<f64>>()
        };
        Totals {
            draws: (members.clone().count() * draws) as f64,
            c: (0..self.stein.count()).map(|i| sum(&|chain| controls[chain][i])).collect(),
            t: (0..k).map(|s| sum(&|chain| means[chain * k + s])).collect(),
            cc: products(&|s| &s.cc),
            ct: products(&|s| &s.ct),
        }
    }
}

/// Coefficients, [k, p], from all groups but one.
fn coefficients(groups: &[Totals], without: usize, p: usize, k: usize, most: usize, usable: &[bool]) -> Vec<f64> {
    let others = || groups.iter().enumerate().filter(|(g, _)| *g != without).map(|(_, t)| t);
    let sum = |of: &dyn Fn(&Totals) -> f64| others().map(of).sum::<f64>();
    let draws = sum(&|t| t.draws);
    let c: Vec<f64> = (0..p).map(|i| sum(&|t| t.c[i])).collect();
    let t: Vec<f64> = (0..k).map(|s| sum(&|g| g.t[s])).collect();
    let (mut cc, mut ct) = (vec![0.0; p * p], vec![0.0; p * k]);
    for i in (0..p).filter(|i| usable[*i]) {
        for j in 0..=i {
            let v = sum(&|g| g.cc[i * (i + 1) / 2 + j]) - c[i] * c[j] / draws;
            (cc[i * p + j], cc[j * p + i]) = (v, v);
        }
        (0..k).for_each(|s| ct[i * k + s] = sum(&|g| g.ct[i * k + s]) - c[i] * t[s] / draws);
    }
    let beta = solve(&cc, &ct, p, k, most);
    (0..k * p).map(|n| beta[(n % p) * k + n / p]).collect()
}

/// Whether control `i` has mean zero as far as the chains can tell.
fn is_centered(controls: &[Vec<f64>], i: usize) -> bool {
    let n = controls.len() as f64;
    let mean = controls.iter().map(|c| c[i]).sum::<f64>() / n;
    let square = controls.iter().map(|c| (c[i] - mean).powi(2)).sum::<f64>() / (n - 1.0);
    mean * mean * n <= SUSPECT * SUSPECT * square
}
