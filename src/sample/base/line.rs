//! A density on one coordinate, tabulated, with draws by its inverse distribution function.
//!
//! Between nodes the tabulated density is linear, and draws follow it exactly: what it misses of the density that it was
//! made from goes into the weights and biases nothing. Nodes are even in v, t = place(center + scale sinh v): fine in the
//! bulk, ever coarser in the tails.

use crate::domain::Axis;
use crate::num::special::{sigmoid, softplus};
use std::f64::consts::PI;

/// A tabulated density on one axis.
#[derive(Debug, Clone)]
pub(in crate::sample) struct Line {
    chart: Chart,
    low: f64,
    step: f64,
    /// Density in v at the nodes; of whole numbers, their probabilities.
    density: Vec<f64>,
    /// Mass below each node, and above it: tails keep their digits.
    below: Vec<f64>,
    above: Vec<f64>,
}

/// How finely a density is tabulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sample) enum Detail {
    /// For weights that stay near 1: cells doubled while neighbours in the bulk differ by more than a quarter.
    Fine,
    /// For proposals, which are accepted or not.
    Coarse,
}

impl Detail {
    /// Cells of a table at first and at most.
    fn cells(self) -> (usize, usize) {
        match self {
            Detail::Fine => (1024, 1 << 15),
            Detail::Coarse => (LOOK - 1, LOOK - 1),
        }
    }
}

/// How a coordinate t is written as a function of v.
#[derive(Debug, Clone, Copy)]
struct Chart {
    axis: Axis,
    center: f64,
    scale: f64,
}

/// Nats below the maximum past which the density is left out.
const REACH: f64 = 90.0;
/// Nats below the maximum of what counts as the bulk.
const BULK: f64 = 2.0;
/// Nats by which the density in v must have fallen at the ends of the first look.
const DECAY: f64 = 3.0;
/// First look: v in plus or minus this, a range of 5e8 scales.
const FIRST: f64 = 20.0;
/// Nodes of a look.
const LOOK: usize = 129;
/// Rounds of zooming in.
const ROUNDS: usize = 60;
/// Most whole numbers in a table.
const NUMBERS: usize = 1 << 20;

impl Chart {
    fn t(self, v: f64) -> f64 {
        let s = self.center + self.scale * v.sinh();
        match self.axis {
            Axis::Line => s,
            Axis::HalfLine { from } => from + s.exp(),
            Axis::Segment { from, to } => from + (to - from) * sigmoid(s),
            Axis::Circle | Axis::Integers { .. } => v,
        }
    }
    fn v(self, t: f64) -> f64 {
        let s = match self.axis {
            Axis::Line => t,
            Axis::HalfLine { from } => (t - from).ln(),
            Axis::Segment { from, to } => ((t - from) / (to - t)).ln(),
            Axis::Circle | Axis::Integers { .. } => return t,
        };
        ((s - self.center) / self.scale).asinh()
    }
    /// log |dt/dv|.
    fn log_slope(self, v: f64) -> f64 {
        let (s, inner) = (self.center + self.scale * v.sinh(), self.scale.ln() + v.cosh().ln());
        match self.axis {
            Axis::Line => inner,
            Axis::HalfLine { .. } => inner + s,
            Axis::Segment { from, to } => inner + (to - from).ln() - softplus(s) - softplus(-s),
            Axis::Circle | Axis::Integers { .. } => 0.0,
        }
    }
    /// log |dt/ds|, without the slope of sinh.
    fn log_density(self, v: f64) -> f64 {
        self.log_slope(v) - if self.bounded() { 0.0 } else { self.scale.ln() + v.cosh().ln() }
    }
    fn bounded(self) -> bool {
        matches!(self.axis, Axis::Circle | Axis::Integers { .. })
    }
}

fn even(low: f64, high: f64, cells: usize) -> Vec<f64> {
    (0..=cells).map(|i| low + (high - low) * i as f64 / cells as f64).collect()
}

/// `exponent` at t, and NaN as no density.
fn values(exponent: &dyn Fn(&[f64]) -> Vec<f64>, t: &[f64]) -> Vec<f64> {
    exponent(t).into_iter().map(|v| if v.is_nan() { f64::NEG_INFINITY } else { v }).collect()
}

fn top(values: &[f64]) -> Option<f64> {
    Some(values.iter().copied().fold(f64::NEG_INFINITY, f64::max)).filter(|t| t.is_finite())
}

/// First and last position with at least `level`.
fn extent(values: &[f64], level: f64) -> (usize, usize) {
    let first = values.iter().position(|v| *v >= level).unwrap_or(0);
    (first, values.iter().rposition(|v| *v >= level).unwrap_or(0))
}

impl Line {
    /// The density proportional to exp(exponent(t)) on `axis`; none where it has no finite integral that a table can hold.
    pub fn new(axis: Axis, detail: Detail, exponent: &dyn Fn(&[f64]) -> Vec<f64>) -> Option<Line> {
        match axis {
            Axis::Integers { from, to } => Self::whole(axis, from, to, exponent),
            Axis::Circle => Self::tabulate(Chart { axis, center: 0.0, scale: 1.0 }, (-PI, PI), detail, exponent),
            _ => {
                let (chart, low, high) = zoom(axis, exponent)?;
                Self::tabulate(chart, (low, high), detail, exponent)
            }
        }
    }
    fn whole(axis: Axis, from: f64, to: f64, exponent: &dyn Fn(&[f64]) -> Vec<f64>) -> Option<Line> {
        let mut last = to;
        if to - from >= NUMBERS as f64 {
            let far = even(0.0, (to - from).min(1e15).ln_1p(), 4096);
            let looks: Vec<f64> = far.iter().map(|v| (from + v.exp_m1()).round()).collect();
            let found = values(exponent, &looks);
            let (_, end) = extent(&found, top(&found)? - REACH);
            last = *looks.get(end + 1)?;
            if last - from >= NUMBERS as f64 {
                return None;
            }
        }
        let numbers: Vec<f64> = (0..=(last - from) as usize).map(|i| from + i as f64).collect();
        let found = values(exponent, &numbers);
        let top = top(&found)?;
        let weights: Vec<f64> = found.iter().map(|v| (v - top).exp()).collect();
        let total: f64 = weights.iter().sum();
        let density: Vec<f64> = weights.iter().map(|w| w / total).collect();
        let chart = Chart { axis, center: 0.0, scale: 1.0 };
        let (below, above) = cumulate(&density);
        Some(Line { chart, low: from, step: 1.0, density, below, above })
    }
    fn tabulate(chart: Chart, (low, high): (f64, f64), detail: Detail, exponent: &dyn Fn(&[f64]) -> Vec<f64>) -> Option<Line> {
        let (mut cells, most) = detail.cells();
        loop {
            let v = even(low, high, cells);
            let t: Vec<f64> = v.iter().map(|v| chart.t(*v)).collect();
            let mut found = values(exponent, &t);
            found.iter_mut().zip(&v).for_each(|(f, v)| *f += chart.log_slope(*v));
            let top = top(&found)?;
            let rough = found
                .windows(2)
                .any(|w| w[0].max(w[1]) > top - 10.0 && w.iter().all(|f| *f > f64::NEG_INFINITY) && (w[1] - w[0]).abs() > 0.25);
            if rough && 2 * cells <= most {
                cells *= 2;
                continue;
            }
            let step = (high - low) / cells as f64;
            let raw: Vec<f64> = found.iter().map(|f| (f - top).exp()).collect();
            let filled: Vec<f64> = (0..raw.len()).map(|i| fill(&raw, i)).collect();
            let masses: Vec<f64> = filled.windows(2).map(|w| 0.5 * step * (w[0] + w[1])).collect();
            let total: f64 = masses.iter().sum();
            let density = filled.iter().map(|d| d / total).collect();
            let (below, above) = cumulate(&masses.iter().map(|m| m / total).collect::<Vec<_>>());
            return Some(Line { chart, low, step, density, below, above });
        }
    }
    /// The point with the mass `p` below it, or above it where `upper`, and the log density there.
    pub fn draw(&self, p: f64, upper: bool) -> (f64, f64) {
        // The cell i with below[i] <= p < below[i + 1].
        let cells = self.below.len() - 1;
        let cell = if upper {
            self.above.partition_point(|a| *a > p).saturating_sub(1)
        } else {
            self.below.partition_point(|b| *b <= p).saturating_sub(1)
        };
        let cell = cell.min(cells - 1);
        if matches!(self.chart.axis, Axis::Integers { .. }) {
            return (self.low + cell as f64, self.density[cell].ln());
        }
        // Solve for the distance from the end of the cell that the mass is counted from.
        let (q, other) =
            if upper { (self.density[cell + 1], self.density[cell]) } else { (self.density[cell], self.density[cell + 1]) };
        let rest = if upper { p - self.above[cell + 1] } else { p - self.below[cell] };
        let slope = (other - q) / self.step;
        let root = (q * q + 2.0 * rest.max(0.0) * slope).max(0.0).sqrt();
        let distance = (2.0 * rest.max(0.0) / (q + root)).min(self.step);
        let distance = if distance.is_nan() { 0.0 } else { distance };
        let v = if upper {
            self.low + (cell + 1) as f64 * self.step - distance
        } else {
            self.low + cell as f64 * self.step + distance
        };
        (self.chart.t(v), (q + slope * distance).ln() - self.chart.log_slope(v))
    }
    /// The point at the part `p` of the way through the table, bulk and tails alike, and the log density of such points for
    /// uniform `p`. Not for whole numbers.
    pub fn spread(&self, p: f64) -> (f64, f64) {
        let range = self.step * (self.density.len() - 1) as f64;
        let v = self.low + p * range;
        (self.chart.t(v), -range.ln() - self.chart.log_slope(v))
    }
    /// The log density at `t`, minus infinity beyond the table. Angles count up to whole turns.
    pub fn log_density(&self, t: f64) -> f64 {
        let t = if self.chart.axis == Axis::Circle { t - 2.0 * PI * (t / (2.0 * PI)).round() } else { t };
        let v = self.chart.v(t);
        let place = (v - self.low) / self.step;
        let last = self.density.len() - 1;
        if !(place >= 0.0 && place <= last as f64) {
            return f64::NEG_INFINITY;
        }
        if matches!(self.chart.axis, Axis::Integers { .. }) {
            return self.density[place as usize].ln();
        }
        let cell = (place as usize).min(last - 1);
        let (a, b) = (self.density[cell], self.density[cell + 1]);
        (a + (place - cell as f64) * (b - a)).ln() - self.chart.log_slope(v)
    }
    /// Nodes t and their weights, which sum to 1: expectations of what is smooth.
    pub fn nodes(&self) -> (Vec<f64>, Vec<f64>) {
        let n = self.density.len();
        let at = |i: usize| self.chart.t(self.low + i as f64 * self.step);
        let whole = matches!(self.chart.axis, Axis::Integers { .. });
        let weight = |i: usize| self.step * self.density[i] * if !whole && (i == 0 || i + 1 == n) { 0.5 } else { 1.0 };
        ((0..n).map(at).collect(), (0..n).map(weight).collect())
    }
}

/// The density at node `i`; where it is zero beside a node where it is not, that of the neighbour, so that the edge of a
/// region that lies within a cell is covered.
fn fill(raw: &[f64], i: usize) -> f64 {
    if raw[i] > 0.0 {
        return raw[i];
    }
    let left = i.checked_sub(1).map_or(0.0, |j| raw[j]);
    left.max(raw.get(i + 1).copied().unwrap_or(0.0))
}

/// Running sums from the left and from the right, one more than masses.
fn cumulate(masses: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (mut below, mut above) = (vec![0.0], vec![0.0]);
    masses.iter().for_each(|m| below.push(below[below.len() - 1] + m));
    masses.iter().rev().for_each(|m| above.push(above[above.len() - 1] + m));
    above.reverse();
    (below, above)
}

/// Chart and window in v that hold all but a negligible part.
fn zoom(axis: Axis, exponent: &dyn Fn(&[f64]) -> Vec<f64>) -> Option<(Chart, f64, f64)> {
    let mut chart = Chart { axis, center: 0.0, scale: 1.0 };
    let (mut low, mut high) = (-FIRST, FIRST);
    for round in 0..ROUNDS {
        let v = even(low, high, LOOK - 1);
        let t: Vec<f64> = v.iter().map(|v| chart.t(*v)).collect();
        let mut found = values(exponent, &t);
        found.iter_mut().zip(&v).for_each(|(f, v)| *f += chart.log_density(*v));
        let highest = top(&found)?;
        if round == 0 {
            let slopes: Vec<f64> = found.iter().zip(&v).map(|(f, v)| f + v.cosh().ln()).collect();
            let level = top(&slopes)? - DECAY;
            if slopes[0] > level || slopes[LOOK - 1] > level {
                return None;
            }
        }
        let ((first, last), (a, b)) = (extent(&found, highest - REACH), extent(&found, highest - BULK));
        let s = |i: usize| chart.center + chart.scale * v[i].sinh();
        let (left, right) = (s(a.saturating_sub(1)), s((b + 1).min(LOOK - 1)));
        let ends = (s(first.saturating_sub(1)), s((last + 1).min(LOOK - 1)));
        let done = b - a >= 6 && last - first >= LOOK / 2;
        chart = Chart { axis, center: 0.5 * (left + right), scale: 0.5 * (right - left) };
        let v = |s: f64| ((s - chart.center) / chart.scale).asinh();
        (low, high) = (v(ends.0), v(ends.1));
        if done {
            break;
        }
    }
    (low < high && chart.scale > 0.0).then_some((chart, low, high))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::num::special::normal_quantile;

    fn gauss(center: f64, sd: f64) -> Line {
        Line::new(Axis::Line, Detail::Fine, &|t| t.iter().map(|t| -0.5 * ((t - center) / sd).powi(2)).collect()).unwrap()
    }

    #[test]
    fn quantiles_and_densities_of_a_normal_are_found_wherever_it_lies() {
        for (center, sd) in [(0.0, 1.0), (1e4, 3e-3), (-7.0, 1e5)] {
            let line = gauss(center, sd);
            for p in [1e-12, 1e-3, 0.3, 0.5] {
                for upper in [false, true] {
                    let (t, log_q) = line.draw(p, upper);
                    let y = normal_quantile(p) * if upper { -1.0 } else { 1.0 };
                    // Cells are coarser where there is next to no mass; nothing is biased by that.
                    let coarse = if p < 1e-9 { 20.0 } else { 1.0 };
                    assert!(((t - center) / sd - y).abs() < 1e-4 * coarse, "{p} {upper}: {t}");
                    let log_p = -0.5 * ((t - center) / sd).powi(2) - (sd * (2.0 * PI).sqrt()).ln();
                    assert!((log_q - log_p).abs() < 1e-3 * coarse, "{p} {upper}: {log_q} for {log_p}");
                }
            }
        }
    }

    #[test]
    fn draws_follow_the_tabulated_density_exactly() {
        // The derivative of the quantile function is the inverse of the density.
        let line =
            Line::new(Axis::HalfLine { from: 2.0 }, Detail::Fine, &|t| t.iter().map(|t| 0.3 * (t - 2.0).ln() - t).collect())
                .unwrap();
        for p in [0.01, 0.1, 0.4, 0.7, 0.95] {
            let h = 1e-7;
            let slope = (line.draw(p + h, false).0 - line.draw(p - h, false).0) / (2.0 * h);
            let (_, log_q) = line.draw(p, false);
            assert!((slope.ln() + log_q).abs() < 1e-4, "{p}: {slope} {log_q}");
            let (t, _) = line.draw(p, false);
            assert!((line.log_density(t) - log_q).abs() < 1e-9, "{p}: {} {log_q}", line.log_density(t));
        }
    }

    #[test]
    fn what_does_not_decay_has_no_table() {
        assert!(Line::new(Axis::Line, Detail::Fine, &|t| t.iter().map(|t| 0.1 * t).collect()).is_none());
        assert!(Line::new(Axis::Line, Detail::Fine, &|t| t.iter().map(|_| 0.0).collect()).is_none());
        assert!(Line::new(Axis::Line, Detail::Fine, &|t| t.iter().map(|t| -2.0 * t.abs().ln_1p()).collect()).is_some());
        let endless = Axis::Integers { from: 0.0, to: f64::INFINITY };
        assert!(Line::new(endless, Detail::Fine, &|t| t.iter().map(|t| -0.5 * t).collect()).is_some());
        assert!(Line::new(endless, Detail::Fine, &|t| t.iter().map(|_| 0.0).collect()).is_none());
    }
}
