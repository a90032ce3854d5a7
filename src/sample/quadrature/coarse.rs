//! What a coarse grid over three coordinates says of one density: how far it reaches, and where it is high. Floods start there.

use super::flood::{Basin, D, Flood};
use super::row::Row;
use super::rule::Line;
use super::table::Table;
use super::window::Chart;
use crate::expr::lanes::Aligned;
use crate::family::Clique;
use crate::num::linalg::cholesky;

/// One density on a grid.
pub(super) struct Coarse<'a> {
    pub clique: &'a Clique,
    pub charts: &'a [Chart],
    /// The nodes of each axis.
    pub lines: &'a [Line],
    /// All statistics at their combinations, last fastest.
    pub table: &'a Table,
    /// Probabilities there, up to a factor.
    pub p: &'a [f64],
    /// Maxima at places x that the nodes missed.
    pub summits: &'a [Vec<f64>],
}

/// Part of the greatest probability of a node that makes a place high, where no node beside it has more: in each mode that the
/// nodes have seen there is one.
const HIGH: f64 = 1e-9;

impl<'a> Coarse<'a> {
    /// Moments by floods that start from here, all at once or mode by mode; `first` is the row of this grid.
    pub(super) fn flood(&self, eta: &[f64], first: &Row) -> Option<Row> {
        self.whole().and_then(|basin| Flood::whole(self, basin).settle(eta, first)).or_else(|| {
            let (mut flood, guess) = Flood::of_modes(self, eta)?;
            flood.settle(eta, &guess)
        })
    }
    fn sizes(&self) -> [usize; D] {
        std::array::from_fn(|a| self.lines[a].t.len())
    }
    /// The nodes of all axes in combination `m`.
    fn node(&self, m: usize) -> [usize; D] {
        let [_, j, k] = self.sizes();
        [m / (j * k), m / k % j, m % k]
    }
    fn place(&self, m: usize) -> [f64; D] {
        let node = self.node(m);
        std::array::from_fn(|a| self.lines[a].t[node[a]])
    }
    /// Distances of the nodes of each axis.
    pub(super) fn steps(&self) -> [f64; D] {
        std::array::from_fn(|a| match self.lines[a].t[..] {
            [first, second, ..] => (second - first).abs(),
            _ => 1.0,
        })
    }
    /// All places with the logarithms of their masses at one eta.
    pub(super) fn masses(&self, eta: &[f64]) -> Vec<([f64; D], f64)> {
        let mut logs = Aligned::filled(0, 0.0);
        self.table.exponent(eta, &mut logs);
        (0..self.p.len()).map(|m| (self.place(m), logs[m])).collect()
    }
    /// Where none of `values` beside is greater, and maxima that the nodes missed.
    pub(super) fn high(&self, values: &dyn Fn(usize) -> f64) -> Vec<[f64; D]> {
        let sizes = self.sizes();
        let strides = [sizes[1] * sizes[2], sizes[2], 1];
        let highest = |m: &usize| {
            let (node, below) = (self.node(*m), |n: usize| values(n) <= values(*m));
            let along =
                |a: usize| (node[a] == 0 || below(m - strides[a])) && (node[a] + 1 == sizes[a] || below(m + strides[a]));
            values(*m) > f64::NEG_INFINITY && (0..D).all(along)
        };
        let missed = self.summits.iter().map(|x| std::array::from_fn(|a| self.charts[a].t(x[a])));
        (0..self.p.len()).filter(highest).map(|m| self.place(m)).chain(missed).collect()
    }
    /// All of the density as one basin; none where the nodes with mass are too few to tell the covariance.
    fn whole(&self) -> Option<Basin> {
        let at = |node: [usize; D]| -> [f64; D] { std::array::from_fn(|a| self.lines[a].t[node[a]]) };
        // Sums about the middle of the window.
        let (sizes, lines) = (self.sizes(), self.lines);
        let middle = at(sizes.map(|n| n / 2));
        let (mut total, mut sums, mut squares) = (0.0, [0.0; D], [0.0; D * D]);
        for (i, slab) in self.p.chunks(sizes[1] * sizes[2]).enumerate() {
            for (j, row) in slab.chunks(sizes[2]).enumerate() {
                for (k, p) in row.iter().enumerate().filter(|(_, p)| **p > 0.0) {
                    let off = [lines[0].t[i] - middle[0], lines[1].t[j] - middle[1], lines[2].t[k] - middle[2]];
                    total += p;
                    for a in 0..D {
                        sums[a] += p * off[a];
                        (0..=a).for_each(|b| squares[a * D + b] += p * off[a] * off[b]);
                    }
                }
            }
        }
        let center: [f64; D] = std::array::from_fn(|a| middle[a] + sums[a] / total);
        let mut cov = vec![0.0; D * D];
        for i in 0..D {
            (0..=i).for_each(|j| cov[i * D + j] = squares[i * D + j] / total - sums[i] / total * (sums[j] / total));
        }
        for i in 0..D {
            (0..i).for_each(|j| cov[j * D + i] = cov[i * D + j]);
        }
        let frame = cholesky(&cov, D).filter(|f| f.iter().all(|v| v.is_finite()))?;
        let most = self.p.iter().copied().fold(0.0, f64::max);
        let noticeable = |m: usize| if self.p[m] > HIGH * most { self.p[m] } else { f64::NEG_INFINITY };
        Some(Basin { center, frame, high: self.high(&noticeable) })
    }
}
