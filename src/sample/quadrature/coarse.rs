//! What a coarse grid over three coordinates says of one density: how far it reaches, and where it is high. Floods start there.

use super::flood::{Basin, D, Flood};
use super::row::Row;
use super::rule::Line;
use super::summits::peaks;
use super::table::Table;
use super::window::Chart;
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
        self.whole().and_then(|basin| Flood::whole(self, basin).settle(eta, first)).or_else(|| self.by_modes(eta))
    }
    /// Mode by mode.
    pub(super) fn by_modes(&self, eta: &[f64]) -> Option<Row> {
        let (mut flood, guess) = Flood::of_modes(self, eta)?;
        flood.settle(eta, &guess)
    }
    fn sizes(&self) -> [usize; D] {
        std::array::from_fn(|a| self.lines[a].t.len())
    }
    fn place(&self, node: [usize; D]) -> [f64; D] {
        std::array::from_fn(|a| self.lines[a].t[node[a]])
    }
    /// Distances of the nodes of each axis.
    pub(super) fn steps(&self) -> [f64; D] {
        std::array::from_fn(|a| match self.lines[a].t[..] {
            [first, second, ..] => (second - first).abs(),
            _ => 1.0,
        })
    }
    /// All places, last fastest.
    pub(super) fn places(&self) -> impl Iterator<Item = [f64; D]> {
        let [_, j, k] = self.sizes();
        (0..self.p.len()).map(move |m| self.place([m / (j * k), m / k % j, m % k]))
    }
    /// Places beside which none has greater `values`, and maxima that the nodes missed.
    pub(super) fn high(&self, values: &[f64]) -> Vec<[f64; D]> {
        let seen = peaks(&self.sizes(), values).into_iter().map(|node| self.place([node[0], node[1], node[2]]));
        let missed = self.summits.iter().map(|x| std::array::from_fn(|a| self.charts[a].t(x[a])));
        seen.chain(missed).collect()
    }
    /// All of the density as one basin; none where the nodes with mass are too few to tell the covariance.
    fn whole(&self) -> Option<Basin> {
        // Sums about the middle of the window.
        let (sizes, lines) = (self.sizes(), self.lines);
        let middle = self.place(sizes.map(|n| n / 2));
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
        let noticeable: Vec<f64> = self.p.iter().map(|p| if *p > HIGH * most { *p } else { f64::NAN }).collect();
        Some(Basin { center, frame, high: self.high(&noticeable), top: 0.0 })
    }
}
