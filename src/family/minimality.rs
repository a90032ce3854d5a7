//! Whether the statistics are linearly independent: if not, eta is not identified.

use super::{Family, Pointwise};
use crate::domain::Axis;
use crate::error::{Error, Result};
use crate::expr::{Graph, NodeId, Program, formula};
use crate::num::special::sigmoid;
use crate::num::stream::Stream;
use rand::Rng;
use rand_distr::StandardNormal;
use std::f64::consts::PI;

/// Most distinct statistics that are looked at: the test costs k^3.
const MOST: usize = 128;
/// Part of a column that is left after the others are projected out, below which it counts as their combination.
const DEPENDENT: f64 = 1e-9;

impl Family {
    /// Linear relations among the statistics, such as `b = 2 a + 1`, found on random points of the support. Components that
    /// are the same expression (x_i x_j and x_j x_i in an outer product) are not listed; more than 128 distinct statistics
    /// are not looked at.
    ///
    /// # Example
    /// ```
    /// use nnef::{domain::Support, expr::Op, family::Family};
    /// let twice = Family::trace("twice", Support::real(1).unwrap(), |x| {
    ///     let x = x.index(0)?;
    ///     Ok(vec![("a".into(), x.clone()), ("b".into(), x.number(2.0).binary(Op::Mul, &x)?)])
    /// }, None).unwrap();
    /// assert_eq!(twice.linear_relations(), ["b = 2 a"]);
    /// ```
    pub fn linear_relations(&self) -> Vec<String> {
        let distinct = self.distinct();
        let k = distinct.len();
        if k > MOST {
            return vec![];
        }
        let n = 3 * k + 32;
        let Some(columns) = self.columns(&distinct, n) else { return vec![] };
        let names = self.stat_names();
        let name = |i: usize| names[distinct[i]].clone();
        // Gram-Schmidt, twice for accuracy; the constant comes first. `basis` holds orthonormal vectors, `weights` how each
        // is made of the statistics before it.
        let mut basis: Vec<Vec<f64>> = vec![vec![1.0 / (n as f64).sqrt(); n]];
        let mut weights: Vec<Vec<f64>> = vec![[vec![0.0; k], vec![1.0 / (n as f64).sqrt()]].concat()];
        let mut relations = Vec::new();
        for (i, column) in columns.iter().enumerate() {
            let size = norm(column);
            let mut rest = column.clone();
            let mut made = vec![0.0; k + 1];
            for _ in 0..2 {
                for (q, w) in basis.iter().zip(&weights) {
                    let part: f64 = q.iter().zip(&rest).map(|(a, b)| a * b).sum();
                    rest.iter_mut().zip(q).for_each(|(r, q)| *r -= part * q);
                    made.iter_mut().zip(w).for_each(|(m, w)| *m += part * w);
                }
            }
            let left = norm(&rest);
            if left <= DEPENDENT * size {
                let terms: Vec<String> =
                    (0..=k).filter(|j| made[*j].abs() > 1e-7).map(|j| term(made[j], (j < k).then(|| name(j)))).collect();
                // Nothing but zeros on all points: a rare event, not a combination of others.
                if terms.is_empty() {
                    continue;
                }
                relations.push(format!("{} = {}", name(i), terms.join(" + ").replace("+ -", "- ")));
                continue;
            }
            let mut weight: Vec<f64> = made.iter().map(|m| -m / left).collect();
            weight[i] += 1.0 / left;
            basis.push(rest.iter().map(|r| r / left).collect());
            weights.push(weight);
        }
        relations
    }
    /// Check that no statistic, nor the log base measure, is without a finite value at every one of some hundred random points
    /// where the condition `where:` holds.
    ///
    /// # Errors
    /// The first that is, with its formula.
    pub fn check_defined(&self) -> Result<()> {
        const POINTS: usize = 512;
        let points = self.scatter(POINTS, Stream::new(1).child("defined"));
        let (k, d) = (self.dim(), self.support.dim());
        let program = self.pointwise();
        let height = program.evaluate(Pointwise::LogDensity as usize, &points, &vec![0.0; k]);
        let rows = program.evaluate(Pointwise::Statistics as usize, &points, &vec![0.0; k]);
        let within = |row: &usize| !self.is_restricted() || height[*row] != f64::NEG_INFINITY;
        let inside: Vec<usize> = (0..points.len() / d).filter(within).collect();
        let nowhere = |i: usize| !inside.is_empty() && inside.iter().all(|row| !rows[row * (k + 1) + i].is_finite());
        let Some(i) = (0..=k).find(|i| nowhere(*i)) else { return Ok(()) };
        let (what, node) = match self.stat_names().get(i) {
            Some(name) => (format!("statistic '{name}'"), self.t[i]),
            None => ("the log base measure".to_string(), self.base),
        };
        let text = formula(&self.graph, node, &|j| self.support.name_of(j));
        let value = rows[inside[0] * (k + 1) + i];
        Err(Error::domain(format!("{what} is nowhere a finite number: {text} is {value} at all of {} points", inside.len()))
            .hint("look for a division by zero, or a log or sqrt of what is negative"))
    }
    /// Positions of the first component of each distinct expression.
    fn distinct(&self) -> Vec<usize> {
        let mut seen = std::collections::HashSet::new();
        (0..self.dim()).filter(|i| seen.insert(self.t[*i])).collect()
    }
    /// `n` random points of the support, [n, d]: images of normal draws, or whole numbers near the first.
    pub fn scatter(&self, n: usize, stream: Stream) -> Vec<f64> {
        let bijector = self.support.bijector();
        let axes = bijector.axes().filter(|_| bijector.discrete());
        let free = axes.as_ref().map_or(bijector.free(), Vec::len);
        let mut g = Graph::new();
        let z: Vec<NodeId> = (0..free).map(|j| g.var(j)).collect();
        let (x, _) = if axes.is_some() { bijector.on_axes(&mut g, &z) } else { bijector.forward(&mut g, &z) };
        let mut rng = stream.rng();
        let mut draws: Vec<f64> = (0..n * free).map(|_| 1.3 * rng.sample::<f64, _>(StandardNormal)).collect();
        if let Some(axes) = axes {
            draws.iter_mut().zip(axes.iter().cycle()).for_each(|(d, axis)| *d = on_axis(*axis, *d));
        }
        Program::compile(&g, free, &[&x]).evaluate(0, &draws, &[])
    }
    /// The chosen statistics on `n` random points, column by column; `None` where they are not finite.
    fn columns(&self, chosen: &[usize], n: usize) -> Option<Vec<Vec<f64>>> {
        let points = self.scatter(n, Stream::new(1).child("minimality"));
        let t = self.statistics_at(&points, n).ok()?;
        let columns: Vec<Vec<f64>> = chosen.iter().map(|i| t.iter().skip(*i).step_by(self.dim()).copied().collect()).collect();
        columns.iter().flatten().all(|v| v.is_finite() && v.abs() < 1e100).then_some(columns)
    }
}

/// Something of the size of 1 on the axis, from a normal number.
fn on_axis(axis: Axis, normal: f64) -> f64 {
    match axis {
        Axis::Line => normal,
        Axis::HalfLine { from } => from + normal.exp(),
        Axis::Segment { from, to } => from + (to - from) * sigmoid(normal),
        Axis::Circle => PI * normal.tanh(),
        Axis::Integers { from, to } => from + ((to - from + 1.0).min(64.0) * sigmoid(normal)).floor(),
    }
}

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn term(coefficient: f64, name: Option<String>) -> String {
    let rounded = (coefficient * 1e6).round() / 1e6;
    match name {
        Some(name) if rounded == 1.0 => name,
        Some(name) if rounded == -1.0 => format!("-{name}"),
        Some(name) => format!("{rounded} {name}"),
        None => format!("{rounded}"),
    }
}
