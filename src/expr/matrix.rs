//! Matrices of traced values.

use super::graph::NodeId;
use super::op::Op;
use super::trace::{Expr, dot};
use crate::error::{Error, Result};

impl Expr {
    /// Matrix product; a vector counts as a column on the right and as a row on the left.
    ///
    /// # Errors
    /// When the inner lengths differ.
    pub fn matmul(&self, other: &Expr) -> Result<Expr> {
        self.same_trace(other)?;
        let misfit = || {
            Error::shape(format!("matmul of shapes {:?} and {:?}: inner lengths must be equal", self.shape(), other.shape()))
        };
        let (n, k, left) = match self.shape() {
            [n, k] => (*n, *k, true),
            [k] => (1, *k, false),
            _ => return Err(misfit()),
        };
        let (l, m, right) = match other.shape() {
            [l, m] => (*l, *m, true),
            [l] => (*l, 1, false),
            _ => return Err(misfit()),
        };
        if k != l {
            return Err(misfit());
        }
        if n.saturating_mul(m).saturating_mul(k) > super::graph::NODE_LIMIT {
            return Err(Error::trace(format!(
                "matmul of shapes {:?} and {:?} builds more than {} operations",
                self.shape(),
                other.shape(),
                super::graph::NODE_LIMIT
            )));
        }
        let shape = [(n, left), (m, right)].iter().filter(|(_, keep)| *keep).map(|(s, _)| *s).collect();
        self.make(shape, |g| {
            let mut out = Vec::with_capacity(n * m);
            for i in 0..n {
                for j in 0..m {
                    let column: Vec<NodeId> = (0..k).map(|c| other.nodes()[c * m + j]).collect();
                    out.push(dot(g, &self.nodes()[i * k..(i + 1) * k], &column));
                }
            }
            out
        })
    }
    /// Transpose of a matrix.
    ///
    /// # Errors
    /// When the value is not a matrix.
    pub fn transpose(&self) -> Result<Expr> {
        let [n, m] = self.shape() else {
            return Err(Error::shape(format!("transpose of shape {:?}: a matrix is needed", self.shape())));
        };
        let (n, m) = (*n, *m);
        self.make(vec![m, n], |_| {
            (0..m).flat_map(|j| (0..n).map(move |i| (i, j))).map(|(i, j)| self.nodes()[i * m + j]).collect()
        })
    }
    /// Lower triangle of a square matrix with its diagonal, row by row, as a vector of n(n+1)/2.
    ///
    /// # Errors
    /// When the value is not a square matrix.
    pub fn tril(&self) -> Result<Expr> {
        let n = self.square("tril")?;
        self.make(vec![n * (n + 1) / 2], |_| {
            (0..n).flat_map(|i| (0..=i).map(move |j| (i, j))).map(|(i, j)| self.nodes()[i * n + j]).collect()
        })
    }
    /// Diagonal of a square matrix.
    ///
    /// # Errors
    /// When the value is not a square matrix.
    pub fn diag(&self) -> Result<Expr> {
        let n = self.square("diag")?;
        self.make(vec![n], |_| (0..n).map(|i| self.nodes()[i * n + i]).collect())
    }
    fn square(&self, what: &str) -> Result<usize> {
        match self.shape() {
            [n, m] if n == m => Ok(*n),
            shape => Err(Error::shape(format!("{what} of shape {shape:?}: a square matrix is needed"))),
        }
    }
    /// log det of a symmetric positive definite matrix, from the pivots of its lower triangle.
    ///
    /// # Errors
    /// When the value is not a square matrix, or the graph is full.
    pub fn log_det(&self) -> Result<Expr> {
        let n = self.square("log_det")?;
        let logs = self.make(vec![n], |g| {
            // Schur complements, in place.
            let mut s: Vec<NodeId> = self.nodes().to_vec();
            for p in 0..n {
                if g.is_full() {
                    break;
                }
                for i in p + 1..n {
                    let factor = g.div(s[i * n + p], s[p * n + p]);
                    for j in p + 1..=i {
                        let product = g.mul(factor, s[j * n + p]);
                        s[i * n + j] = g.sub(s[i * n + j], product);
                    }
                }
            }
            (0..n).map(|p| g.unary(Op::Log, s[p * n + p])).collect()
        })?;
        logs.reduce(super::trace::Reduce::Sum)
    }
}
