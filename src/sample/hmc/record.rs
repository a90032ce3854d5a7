//! Recording the statistics of a group of chains, and what is made of the record: means, covariances, ESS and R-hat.
//!
//! Everything stays in lanes and nothing is kept but a tile of draws: while the tile is in the cache, products of
//! statistics are summed over it (a symmetric rank-k update), and products at the lags that the effective sample size
//! needs (see [`super::lags`]).
#![allow(clippy::needless_range_loop)] // kernels count through several arrays of registers in step

use super::controlled::Controlled;
use super::errors;
use super::group::jump::Probe;
use super::lags::{Level, TILE};
use super::products::{fold, triangle};
use crate::expr::lanes::Aligned;
use crate::expr::lanes::simd::Simd;
use crate::sample::diagnose::{self, Summary};

/// Least standard error of a mean, in standard deviations: what rounding leaves.
const ROUNDING: f64 = 1e-12;
/// Mean acceptance at which a chain counts as one that never moved.
const STILL: f64 = 1e-6;

/// The record of a group: `draws` draws of `statistics` statistics by rows of `chains` chains, in blocks of `w` lanes.
pub(super) struct Record<'a> {
    statistics: usize,
    draws: usize,
    chains: usize,
    w: usize,
    /// Lane vectors of the same row that share their sums of products.
    fold: usize,
    taken: usize,
    open: usize,
    blocks: Vec<Series>,
    controls: Option<Controlled<'a>>,
}

struct Series {
    /// The values, coarser level by level: the first holds the draws less `shift`.
    levels: Vec<Level>,
    /// Near the mean of the row, [statistic, W]; known once the first tile is full.
    shift: Aligned,
    /// The middle draw of an odd number, less `shift`, [statistic, W]: in the moments, in neither half.
    middle: Aligned,
    /// Sums of products of statistics i >= j, [i (i + 1) / 2 + j, W / fold].
    products: Aligned,
    acceptance: Aligned,
    diverged: Aligned,
    /// Divergences that a shorter step would have had too.
    lasting: Aligned,
}

/// What a record says of one row.
pub(super) struct RowSummary {
    /// For each statistic mean, variance, ESS and R-hat.
    pub each: Vec<Summary>,
    /// Least effective sample size of a plain mean.
    pub effective: f64,
    /// Covariances, [statistics, statistics].
    pub cov: Vec<f64>,
    /// Mean acceptance.
    pub acceptance: f64,
    /// Divergent trajectories.
    pub divergences: usize,
    /// Divergent trajectories among as many, had all steps been short: see [`super::Group::lasting`].
    pub lasting: f64,
    /// Chains that never moved.
    pub stuck: usize,
    /// Whether coordinates were stretched.
    pub stretched: bool,
    /// Whether a coordinate that the chains move along by trajectories alone has long tails.
    pub long_tails: bool,
}

impl RowSummary {
    /// The summary of a row over `before` draws a chain, and then `count` more of which `more` tells.
    pub(super) fn join(mut self, before: usize, more: RowSummary, count: usize) -> RowSummary {
        let n = self.each.len();
        let a = before as f64 / (before + count) as f64;
        let b = 1.0 - a;
        let apart: Vec<f64> = self.each.iter().zip(&more.each).map(|(s, m)| m.mean - s.mean).collect();
        for (at, (c, d)) in self.cov.iter_mut().zip(&more.cov).enumerate() {
            *c = a * *c + b * d + a * b * apart[at / n] * apart[at % n];
        }
        for (i, (s, m)) in self.each.iter_mut().zip(&more.each).enumerate() {
            let error = (a * s.mcse()).hypot(b * m.mcse());
            let variance = self.cov[i * n + i];
            let ess = if error > 0.0 { variance / (error * error) } else { s.ess + m.ess };
            *s = Summary { mean: s.mean + b * apart[i], variance, ess, rhat: m.rhat };
        }
        self.effective += more.effective;
        self.acceptance = a * self.acceptance + b * more.acceptance;
        self.divergences += more.divergences;
        self.lasting += more.lasting;
        self.stuck = self.stuck.min(more.stuck);
        self.long_tails |= more.long_tails;
        self
    }
}

impl<'a> Record<'a> {
    pub(super) fn new(statistics: usize, draws: usize, chains: usize, w: usize, blocks: usize) -> Record<'a> {
        let zeros = |n: usize| Aligned::filled(n * w, 0.0);
        let fold = fold(w, chains);
        let series = || Series {
            levels: Level::pyramid(statistics, draws / 2, w),
            shift: zeros(statistics),
            middle: zeros(statistics),
            products: Aligned::filled(statistics * (statistics + 1) / 2 * (w / fold), 0.0),
            acceptance: zeros(1),
            diverged: zeros(1),
            lasting: zeros(1),
        };
        Record {
            statistics,
            draws,
            chains,
            w,
            fold,
            taken: 0,
            open: 0,
            blocks: (0..blocks).map(|_| series()).collect(),
            controls: None,
        }
    }
    /// Also take controls.
    pub(super) fn with_controls(mut self, controls: Option<Controlled<'a>>) -> Self {
        self.controls = controls;
        self
    }
    /// Take the values at `offsets` of the pool of block `b` as its next draw, with the acceptance and divergence of the
    /// transition, `[W]`. After the last block comes [`Record::next`].
    pub(super) fn take(&mut self, b: usize, pool: &[f64], offsets: &[u32], acceptance: &[f64], diverged: &[f64]) {
        let series = &mut self.blocks[b];
        debug_assert!(offsets.len() == self.statistics && self.taken < self.draws);
        debug_assert!(acceptance.len() == self.w && diverged.len() == self.w);
        let (to, stride) = series.levels[0].place(self.taken - self.open);
        debug_assert!(offsets.iter().all(|o| *o as usize + self.w <= pool.len()));
        // `place` has room for [statistics, W] numbers, `stride` apart; the offsets lie in the pool.
        unsafe {
            take(pool.as_ptr(), offsets, series.shift.as_ptr(), to, stride, self.w);
            add(acceptance.as_ptr(), self.w, series.acceptance.as_mut_ptr());
            add(diverged.as_ptr(), self.w, series.diverged.as_mut_ptr());
        }
    }
    /// Of the divergences of block `b` in the draw that comes next, those of `lasting`, `[W]`, would last with shorter steps.
    pub(super) fn take_lasting(&mut self, b: usize, lasting: &[f64]) {
        self.blocks[b].lasting.iter_mut().zip(lasting).for_each(|(sum, l)| *sum += l);
    }
    /// Whether it takes controls.
    pub(super) fn has_controls(&self) -> bool {
        self.controls.is_some()
    }
    /// Take the controls at the positions of block `b`, [m, W], with their log density, `[W]`, for the draw that comes next;
    /// `probes` are places around some of the chains.
    pub(super) fn take_controls(&mut self, b: usize, positions: &[f64], value: &[f64], probes: &[Probe]) {
        if let Some(controls) = &mut self.controls {
            controls.take(b, self.taken - self.open, positions, value, probes);
        }
    }
    /// The draw is complete in all blocks.
    pub(super) fn next(&mut self) {
        self.taken += 1;
        let turn = self.part(self.taken) != self.part(self.open);
        if turn || self.taken - self.open == TILE {
            self.close_tile(turn);
        }
    }
    fn half(&self) -> usize {
        self.draws / 2
    }
    /// The first half, the second, the middle draw of an odd number, and the end.
    fn part(&self, draw: usize) -> usize {
        match draw {
            t if t < self.half() => 0,
            t if t >= self.draws => 3,
            t if t >= self.draws - self.half() => 1,
            _ => 2,
        }
    }
    /// Sum what the tile says; `last` says that it ends its part of the draws.
    fn close_tile(&mut self, last: bool) {
        let (n, w, count, part) = (self.statistics, self.w, self.taken - self.open, self.part(self.open));
        if self.open == 0 {
            self.find_shift(count);
        }
        for (b, series) in self.blocks.iter_mut().enumerate() {
            let (tile, stride) = series.levels[0].tile();
            if let Some(controls) = &mut self.controls {
                controls.close(b, tile, stride, &series.shift, count);
            }
            // The tile holds `count` draws of each statistic; the products have the length of Record::new.
            unsafe { triangle(tile, n, stride, count, w, self.fold, series.products.as_mut_ptr()) };
            if part == 2 {
                (0..n).for_each(|s| series.middle[s * w..(s + 1) * w].copy_from_slice(series.levels[0].value(s, 0)));
            } else {
                Level::close(&mut series.levels, count, last, part);
            }
        }
        self.open = self.taken;
    }
    /// Shift every row by its mean over the first `count` draws.
    fn find_shift(&mut self, count: usize) {
        let (w, chains) = (self.w, self.chains);
        let lanes = self.blocks.len() * w;
        for s in 0..self.statistics {
            for start in (0..lanes).step_by(chains) {
                let members = start..lanes.min(start + chains);
                let total: f64 = (0..count)
                    .flat_map(|t| members.clone().map(move |g| (t, g)))
                    .map(|(t, g)| self.blocks[g / w].levels[0].value(s, t)[g % w])
                    .sum();
                let mean = total / (members.len() * count) as f64;
                let mean = if mean.is_finite() { mean } else { 0.0 };
                for g in members {
                    let series = &mut self.blocks[g / w];
                    series.shift[s * w + g % w] = mean;
                    (0..count).for_each(|t| series.levels[0].value_mut(s, t)[g % w] -= mean);
                }
            }
        }
    }
    /// Sum of a lane array, `[W]`, over the chains of a row.
    fn over(&self, row: usize, pick: impl Fn(&Series) -> &[f64]) -> f64 {
        self.over_folded(row, 1, pick)
    }
    /// Sum over the chains of a row of an array in which `fold` lane vectors share one.
    fn over_folded(&self, row: usize, fold: usize, pick: impl Fn(&Series) -> &[f64]) -> f64 {
        let (w, chains) = (self.w / fold, self.chains / fold);
        let (mut from, end, mut total) = (row * chains, (row + 1) * chains, 0.0);
        while from < end {
            let upto = end.min((from / w + 1) * w);
            total += pick(&self.blocks[from / w])[from % w..from % w + (upto - from)].iter().sum::<f64>();
            from = upto;
        }
        total
    }
    /// What the record says of row `row`.
    pub(super) fn summary(&self, row: usize) -> RowSummary {
        let (n, w, half) = (self.statistics, self.w, self.half() as f64);
        let (count, first) = ((self.chains * self.draws) as f64, row * self.chains);
        // Means relative to the shift.
        let halves = |i: usize| (0..2).map(|p| self.over(row, |s| s.levels[0].mean(p, i))).sum::<f64>() * half;
        let mean: Vec<f64> = (0..n).map(|i| (halves(i) + self.over(row, |s| &s.middle[i * w..(i + 1) * w])) / count).collect();
        let mut cov = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let at = (i * (i + 1) / 2 + j) * (w / self.fold);
                let product = self.over_folded(row, self.fold, |s| &s.products[at..][..w / self.fold]);
                let c = (product - count * mean[i] * mean[j]) / (count - 1.0);
                (cov[i * n + j], cov[j * n + i]) = (c, c);
            }
        }
        let chain_means = self.chain_means(row);
        let of_chains = |means: &[f64], i: usize| means.iter().skip(i).step_by(n).copied().collect::<Vec<f64>>();
        let mut each: Vec<Summary> = (0..n)
            .map(|i| {
                let (ess, rhat) = self.ess_and_rhat(row, i);
                let shift = self.blocks[first / w].shift[i * w + first % w];
                let variance = cov[i * n + i];
                let across = errors::across(of_chains(&chain_means, i).into_iter());
                let error = errors::combine((variance / ess).sqrt(), across, self.chains);
                Summary {
                    mean: shift + mean[i],
                    variance,
                    ess: if variance > 0.0 { variance / (error * error) } else { ess },
                    rhat,
                }
            })
            .collect();
        let effective = each.iter().map(|s| s.ess).fold(f64::INFINITY, f64::min);
        let still = |g: &usize| self.blocks[g / w].acceptance[g % w] <= STILL * self.draws as f64;
        let stuck = (first..first + self.chains).filter(still).count();
        // Chains that do not move agree with anything.
        let adjusted = self.controls.as_ref().filter(|_| stuck == 0);
        let adjusted = adjusted.and_then(|c| c.adjust(row, &chain_means, self.draws, effective));
        if let Some(adjusted) = adjusted {
            for (i, s) in each.iter_mut().enumerate() {
                let values = of_chains(&adjusted.means, i);
                let center = values.iter().sum::<f64>() / self.chains as f64;
                let error = errors::with_unseen(errors::across(values.iter().copied()), center - adjusted.moved[i]);
                // Without gain, and where an adjusted mean is not a number, the plain mean stays.
                if error < s.mcse() {
                    s.mean += center - mean[i];
                    s.ess = s.variance / (error * error).max(ROUNDING * ROUNDING * s.variance);
                }
            }
        }
        RowSummary {
            each,
            effective,
            acceptance: self.over(row, |s| &s.acceptance) / count,
            divergences: self.over(row, |s| &s.diverged) as usize,
            lasting: self.over(row, |s| &s.lasting),
            stuck,
            stretched: false,
            long_tails: false,
            cov,
        }
    }
    /// Means of each chain of a row less the shift, [chains, statistics].
    fn chain_means(&self, row: usize) -> Vec<f64> {
        let (n, w, half) = (self.statistics, self.w, self.half() as f64);
        let chains = row * self.chains..(row + 1) * self.chains;
        let mean = |g: usize, i: usize| {
            let (series, lane) = (&self.blocks[g / w], g % w);
            let halves: f64 = (0..2).map(|p| series.levels[0].mean(p, i)[lane]).sum();
            (halves * half + series.middle[i * w + lane]) / self.draws as f64
        };
        chains.flat_map(|g| (0..n).map(move |i| (g, i))).map(|(g, i)| mean(g, i)).collect()
    }
    /// ESS and R-hat of statistic `i`. The ESS is that of the finest level on which the initial sequence ends.
    fn ess_and_rhat(&self, row: usize, i: usize) -> (f64, f64) {
        let (w, chains) = (self.w, self.chains);
        let (mut rhat, mut scale, mut ess) = (f64::NAN, 1.0, f64::NAN);
        for (depth, level) in self.blocks[0].levels.iter().enumerate() {
            let length = level.length();
            let mean = |part: usize, g: usize| self.blocks[g / w].levels[depth].mean(part, i)[g % w];
            let means: Vec<f64> = (0..2)
                .flat_map(|part| (row * chains..(row + 1) * chains).map(move |g| (part, g)))
                .map(|(p, g)| mean(p, g))
                .collect();
            let size = (means.len() * length) as f64;
            let covariance = |lag: usize| self.over(row, |s| s.levels[depth].lag(i, lag)) / size;
            let variance = covariance(0) + if means.len() > 1 { diagnose::variance(&means) } else { 0.0 };
            if depth == 0 {
                rhat = diagnose::rhat_of(covariance(0) * length as f64 / (length as f64 - 1.0), &means, length as f64);
                scale = variance;
            }
            let (found, ended) = diagnose::ess_of(&means, length, Level::lags(), covariance);
            // The variance of the mean is the same on every level.
            ess = if depth == 0 { found } else { found * scale / variance };
            if ended {
                break;
            }
        }
        (ess, rhat)
    }
}

dispatch! {
    /// Copy the entries at `offsets` of the pool, less `shift` [offsets, W], to `to`, `stride` numbers apart.
    unsafe fn take = take_kernel(pool: *const f64, offsets: &[u32], shift: *const f64, to: *mut f64, stride: usize, w: usize)
}
dispatch! {
    /// Add `values`, `[W]`, to `out`.
    unsafe fn add = add_kernel(values: *const f64, w: usize, out: *mut f64)
}
#[inline(always)]
unsafe fn take_kernel<S: Simd>(pool: *const f64, offsets: &[u32], shift: *const f64, to: *mut f64, stride: usize, w: usize) {
    unsafe {
        for (s, offset) in offsets.iter().enumerate() {
            for i in (0..w).step_by(S::N) {
                let x = S::sub(S::load(pool.add(*offset as usize + i)), S::load(shift.add(s * w + i)));
                S::store(to.add(s * stride + i), x);
            }
        }
    }
}

#[inline(always)]
unsafe fn add_kernel<S: Simd>(values: *const f64, w: usize, out: *mut f64) {
    unsafe {
        for i in (0..w).step_by(S::N) {
            S::store(out.add(i), S::add(S::load(out.add(i)), S::load(values.add(i))));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::num::close::{Tolerance, close};
    use crate::num::stream::Stream;
    use rand::Rng;
    use rand_distr::StandardNormal;

    const W: usize = 32;

    /// Record first-order autoregressions and hand each row's summary with its chains, [statistic][chain][draw], to `look`.
    fn rows(phi: f64, draws: usize, chains: usize, rows: usize, n: usize, mut look: impl FnMut(&RowSummary, &[Vec<&[f64]>])) {
        let blocks = (rows * chains).div_ceil(W);
        let mut rng = Stream::new(5).rng();
        let mut state = vec![0.0; blocks * W * n];
        state.iter_mut().for_each(|x| *x = rng.sample::<f64, _>(StandardNormal) / (1.0 - phi * phi).sqrt());
        let mut record = Record::new(n, draws, chains, W, blocks);
        let mut series = vec![vec![vec![]; blocks * W]; n];
        let offsets: Vec<u32> = (0..n).map(|s| (s * W) as u32).collect();
        for _ in 0..draws {
            state.iter_mut().for_each(|x| *x = phi * *x + rng.sample::<f64, _>(StandardNormal));
            for b in 0..blocks {
                let value = |s: usize, l: usize| 1e3 + (s + 1) as f64 * state[(b * W + l) * n + s] + state[(b * W + l) * n];
                let pool: Vec<f64> = (0..n * W).map(|at| value(at / W, at % W)).collect();
                (0..n * W).for_each(|at| series[at / W][b * W + at % W].push(pool[at]));
                record.take(b, &pool, &offsets, &[0.5; W], &[1.0; W]);
            }
            record.next();
        }
        for row in 0..rows {
            let mine: Vec<Vec<&[f64]>> =
                series.iter().map(|s| s[row * chains..(row + 1) * chains].iter().map(Vec::as_slice).collect()).collect();
            look(&record.summary(row), &mine);
        }
    }

    /// A record says what the diagnostics say of the same chains, for odd and even lengths, rows that share a block and rows
    /// that span several. The ESS is the same where few lags are needed.
    #[test]
    fn a_record_says_what_the_diagnostics_say() {
        let tight = Tolerance { absolute: 1e-9, relative: 1e-9 };
        let (mut equal, mut all) = (0, 0);
        for (draws, chains, number, n) in [(40, 4, 8, 1), (41, 16, 4, 5), (97, 48, 2, 7), (300, 1, 16, 3), (8, 2, 8, 2)] {
            rows(0.0, draws, chains, number, n, |found, mine| {
                assert_eq!((found.acceptance, found.divergences), (0.5, draws * chains));
                for i in 0..n {
                    let (got, expected) = (found.each[i], diagnose::summarize(&mine[i]));
                    for (g, e) in [(got.mean, expected.mean), (got.variance, expected.variance), (got.rhat, expected.rhat)] {
                        assert!(close(g, e, tight), "{draws} draws, statistic {i}: {got:?} and {expected:?}");
                    }
                    let pairs = mine[i].concat().into_iter().zip(mine[0].concat());
                    let product: f64 = pairs.map(|(a, b)| (a - got.mean) * (b - found.each[0].mean)).sum();
                    assert!(close(found.cov[i * n], product / ((chains * draws) as f64 - 1.0), tight));
                    equal += usize::from(close(got.ess, expected.ess, tight));
                    all += 1;
                }
            });
        }
        assert!(equal * 10 > all * 8, "{equal} of {all}");
    }

    /// Long memory is found on the coarser levels: the mean of log(ESS / true ESS) stays within a quarter, of either sign for
    /// this estimate and the classical one, when the chains are a dozen autocorrelation times long; and it vanishes in long chains.
    #[test]
    fn long_memory_is_seen() {
        let cases =
            [(0.5, 125, 16, 0.1), (0.8, 125, 16, 0.25), (0.9, 125, 16, 0.25), (0.95, 400, 16, 0.25), (0.97, 4000, 4, 0.05)];
        for (phi, draws, chains, within) in cases {
            let truth = (draws * chains) as f64 * (1.0 - phi) / (1.0 + phi);
            let (mut mine, mut classical, mut count) = (0.0, 0.0, 0.0);
            rows(phi, draws, chains, 32, 2, |found, chains| {
                for (got, series) in found.each.iter().zip(chains) {
                    mine += (got.ess / truth).ln();
                    classical += (diagnose::summarize(series).ess / truth).ln();
                    count += 1.0;
                }
            });
            let (mine, classical): (f64, f64) = (mine / count, classical / count);
            assert!(mine.abs() < within, "phi {phi}: bias {mine:.3} of log(ESS), the classical estimate {classical:.3}");
        }
    }
}
