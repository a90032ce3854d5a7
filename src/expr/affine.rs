//! Affine maps of many nodes: the vector operation of the graph, for frozen networks.

use super::graph::NodeId;
use crate::error::{Error, Result};
use std::sync::{Arc, OnceLock};

/// y = W x + b with fixed numbers. Maps are compared by identity: share one by its `Arc`.
#[derive(Debug)]
pub struct Affine {
    inputs: usize,
    outputs: usize,
    weight: Vec<f64>,
    bias: Vec<f64>,
    adjoint: OnceLock<Arc<Affine>>,
}

/// An affine map applied to nodes.
#[derive(Debug, Clone)]
pub struct Block {
    /// The map.
    pub map: Arc<Affine>,
    /// Its arguments, `[inputs]`.
    pub args: Arc<[NodeId]>,
}

impl Affine {
    /// From `weight` [outputs, inputs], row-major, and `bias` `[outputs]`.
    ///
    /// # Errors
    /// When a length does not fit, there is no input or output, or a number is not finite.
    ///
    /// # Example
    /// ```
    /// use nnef::expr::{Affine, Graph, gradient};
    /// let map = Affine::new(vec![1.0, 2.0, 3.0, 4.0], vec![0.5, 0.0], 2).unwrap();
    /// let mut g = Graph::new();
    /// let x = [g.var(0), g.var(1)];
    /// let y = g.affine(&map, &x);
    /// assert_eq!(g.evaluate(&y, &[1.0, -1.0], &[]), [-0.5, -1.0]);
    /// let slope = gradient(&mut g, y[1], 2);
    /// assert_eq!(g.evaluate(&slope, &[1.0, -1.0], &[]), [3.0, 4.0]);
    /// ```
    pub fn new(weight: Vec<f64>, bias: Vec<f64>, inputs: usize) -> Result<Arc<Affine>> {
        let outputs = bias.len();
        if inputs == 0 || outputs == 0 || weight.len() != inputs * outputs {
            return Err(Error::shape(format!(
                "{} weights do not make a matrix of {outputs} outputs and {inputs} inputs",
                weight.len()
            )));
        }
        if weight.iter().chain(&bias).any(|w| !w.is_finite()) {
            return Err(Error::numeric("a weight of the affine map is not finite"));
        }
        Ok(Arc::new(Affine { inputs, outputs, weight, bias, adjoint: OnceLock::new() }))
    }
    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }
    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.outputs
    }
    /// W, [outputs, inputs], row-major.
    pub fn weight(&self) -> &[f64] {
        &self.weight
    }
    /// b, `[outputs]`.
    pub fn bias(&self) -> &[f64] {
        &self.bias
    }
    /// Weights `[inputs]` and bias of output `i`.
    pub fn row(&self, i: usize) -> (&[f64], f64) {
        (&self.weight[i * self.inputs..(i + 1) * self.inputs], self.bias[i])
    }
    /// W x + b.
    pub fn apply(&self, x: &[f64]) -> Vec<f64> {
        let row = |(row, b): (&[f64], &f64)| row.iter().zip(x).fold(*b, |s, (w, x)| w.mul_add(*x, s));
        self.weight.chunks_exact(self.inputs).zip(&self.bias).map(row).collect()
    }
    /// x -> W' x, which carries adjoints back.
    pub fn adjoint(&self) -> Arc<Affine> {
        let make = || {
            Arc::new(Affine {
                inputs: self.outputs,
                outputs: self.inputs,
                weight: crate::num::linalg::transpose(&self.weight, self.outputs, self.inputs),
                bias: vec![0.0; self.inputs],
                adjoint: OnceLock::new(),
            })
        };
        self.adjoint.get_or_init(make).clone()
    }
}
