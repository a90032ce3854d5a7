//! Symmetric positive definite matrices.

use super::{Axis, Bijector, outside};
use crate::error::{Error, Result};
use crate::expr::{Graph, NodeId, Op};
use crate::num::linalg;
use std::f64::consts::LN_2;

/// Symmetric positive definite n x n matrices X = L L', all entries row-major, both triangles the same expressions. z is the
/// lower triangle of L row by row, with the logarithms of its diagonal. The measure is Lebesgue on the lower triangle of
/// X: log-Jacobian n log 2 + sum_i (n - i + 2) z_ii, i = 1 .. n.
#[derive(Debug, Clone)]
pub struct Spd {
    n: usize,
}

/// Most rows: the product L L' is written out.
const MOST: usize = 100;
/// How far x_ij and x_ji may differ, relative to sqrt(x_ii x_jj).
const SYMMETRIC: f64 = 1e-9;

/// Position of row i, column j <= i in a lower triangle.
fn at(i: usize, j: usize) -> usize {
    i * (i + 1) / 2 + j
}

impl Spd {
    /// The matrices with n rows.
    ///
    /// # Errors
    /// For n = 0 or n > 100.
    pub fn new(n: usize) -> Result<Self> {
        match n {
            0 => Err(Error::domain("spd(0): a matrix needs at least one row").hint("spd(2) has the points [[a, b], [b, c]]")),
            1..=MOST => Ok(Spd { n }),
            _ => Err(Error::domain(format!("spd({n}): matrices have at most {MOST} rows"))),
        }
    }
}

impl Bijector for Spd {
    fn dim(&self) -> usize {
        self.n * self.n
    }
    fn free(&self) -> usize {
        at(self.n, 0)
    }
    fn coordinate(&self, j: usize) -> usize {
        let (row, column) = (j / self.n, j % self.n);
        row.max(column) * self.n + row.min(column)
    }
    fn forward(&self, g: &mut Graph, z: &[NodeId]) -> (Vec<NodeId>, NodeId) {
        let n = self.n;
        let mut l = z.to_vec();
        let mut terms = vec![g.constant(n as f64 * LN_2)];
        for i in 0..n {
            let power = g.constant((n - i + 1) as f64);
            terms.push(g.mul(power, z[at(i, i)]));
            l[at(i, i)] = g.unary(Op::Exp, z[at(i, i)]);
        }
        let mut x = vec![l[0]; n * n];
        for i in 0..n {
            for j in 0..=i {
                let products: Vec<NodeId> = (0..=j).map(|k| g.mul(l[at(i, k)], l[at(j, k)])).collect();
                x[i * n + j] = g.sum(&products);
                x[j * n + i] = x[i * n + j];
            }
        }
        (x, g.sum(&terms))
    }
    fn inverse(&self, x: &[f64]) -> Result<Vec<f64>> {
        let n = self.n;
        let l = self.contains(x).then(|| linalg::cholesky(x, n)).flatten().ok_or_else(|| outside(self, x))?;
        let entry = |i: usize, j: usize| if i == j { l[i * n + i].ln() } else { l[i * n + j] };
        Ok((0..n).flat_map(|i| (0..=i).map(move |j| (i, j))).map(|(i, j)| entry(i, j)).collect())
    }
    fn contains(&self, x: &[f64]) -> bool {
        let n = self.n;
        let symmetric = |i: usize, j: usize| {
            let (a, b) = (x[i * n + j], x[j * n + i]);
            (a - b).abs() <= SYMMETRIC * x[i * n + i].sqrt() * x[j * n + j].sqrt()
        };
        x.len() == n * n
            && x.iter().all(|v| v.is_finite())
            && (0..n).all(|i| (0..i).all(|j| symmetric(i, j)))
            && linalg::cholesky(x, n).is_some()
    }
    fn axes(&self) -> Option<Vec<Axis>> {
        match self.n {
            1 => Some(vec![Axis::HalfLine { from: 0.0 }]),
            2 => Some(vec![Axis::Line; 3]),
            _ => None,
        }
    }
    fn on_axes(&self, g: &mut Graph, t: &[NodeId]) -> (Vec<NodeId>, NodeId) {
        if self.n == 1 { (t.to_vec(), g.constant(0.0)) } else { self.forward(g, t) }
    }
    fn describe(&self) -> String {
        format!("spd({})", self.n)
    }
}
