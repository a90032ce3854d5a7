//! Layers on plain f64 slices that carry tangents along: value and exact directional derivatives in one pass. Each traces
//! itself too, so that a trained network can be a statistic.

use crate::error::Result;
use crate::expr::{Affine, Expr, Op, Reduce};
use std::sync::{Arc, OnceLock};

/// A point and `m` tangent vectors at it, all of one width.
///
/// `tangents` is [m, width] row-major; it is empty for a plain evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Dual {
    /// The point, `[width]`.
    pub value: Vec<f64>,
    /// Tangents, [m, width].
    pub tangents: Vec<f64>,
}

impl Dual {
    /// A point without tangents.
    pub fn point(value: &[f64]) -> Self {
        Dual { value: value.to_vec(), tangents: Vec::new() }
    }
    /// A point with the unit vectors scaled by `scale` as tangents: the columns of a Jacobian come out.
    pub fn basis(value: &[f64], scale: &[f64]) -> Self {
        let k = value.len();
        let mut tangents = vec![0.0; k * k];
        for (j, s) in scale.iter().enumerate().take(k) {
            tangents[j * k + j] = *s;
        }
        Dual { value: value.to_vec(), tangents }
    }
    /// Add another of the same width and number of tangents.
    pub fn add(&mut self, other: &Dual) {
        self.value.iter_mut().zip(&other.value).for_each(|(a, b)| *a += b);
        self.tangents.iter_mut().zip(&other.tangents).for_each(|(a, b)| *a += b);
    }
    /// Apply a scalar function to each component, given as value and derivative.
    pub fn map(&mut self, f: impl Fn(f64) -> (f64, f64)) {
        let width = self.value.len();
        let mut slope = vec![0.0; width];
        for (v, s) in self.value.iter_mut().zip(&mut slope) {
            (*v, *s) = f(*v);
        }
        for tangent in self.tangents.chunks_exact_mut(width.max(1)) {
            tangent.iter_mut().zip(&slope).for_each(|(t, s)| *t *= s);
        }
    }
}

/// Affine map x -> W x + b.
#[derive(Debug, Clone)]
pub struct Linear {
    inputs: usize,
    outputs: usize,
    /// W transposed, [inputs, outputs]: the inner loop runs over outputs and vectorises.
    transposed: Vec<f64>,
    bias: Option<Vec<f64>>,
    traced: OnceLock<Arc<Affine>>,
}

impl Linear {
    /// From `weight` [outputs, inputs], row-major, and `bias` `[outputs]`.
    pub fn new(weight: &[f64], inputs: usize, outputs: usize, bias: Option<Vec<f64>>) -> Self {
        Linear {
            inputs,
            outputs,
            transposed: crate::num::linalg::transpose(weight, outputs, inputs),
            bias,
            traced: OnceLock::new(),
        }
    }
    /// The image of a traced vector, as one vector operation.
    ///
    /// # Errors
    /// When its width is not the number of inputs, or a weight is not finite.
    pub fn trace(&self, x: &Expr) -> Result<Expr> {
        let map = match self.traced.get() {
            Some(map) => map.clone(),
            None => {
                let weight = crate::num::linalg::transpose(&self.transposed, self.inputs, self.outputs);
                let map = Affine::new(weight, self.bias.clone().unwrap_or_else(|| vec![0.0; self.outputs]), self.inputs)?;
                self.traced.get_or_init(|| map).clone()
            }
        };
        x.affine(&map)
    }
    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }
    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.outputs
    }
    /// The image of a point and its tangents.
    pub fn apply(&self, x: &Dual) -> Dual {
        let mut value = match &self.bias {
            Some(bias) => bias.clone(),
            None => vec![0.0; self.outputs],
        };
        self.accumulate(&x.value, &mut value);
        let directions = x.tangents.len() / self.inputs.max(1);
        let mut tangents = vec![0.0; directions * self.outputs];
        for (from, to) in x.tangents.chunks_exact(self.inputs.max(1)).zip(tangents.chunks_exact_mut(self.outputs.max(1))) {
            self.accumulate(from, to);
        }
        Dual { value, tangents }
    }
    fn accumulate(&self, x: &[f64], out: &mut [f64]) {
        for (scale, column) in x.iter().zip(self.transposed.chunks_exact(self.outputs.max(1))) {
            out.iter_mut().zip(column).for_each(|(o, w)| *o += scale * w);
        }
    }
}

/// Layer normalisation: each point to mean 0 and variance 1 over its components, then gain and bias.
#[derive(Debug, Clone)]
pub struct LayerNorm {
    /// Gain, `[width]`.
    pub gain: Vec<f64>,
    /// Bias, `[width]`.
    pub bias: Vec<f64>,
    /// Added to the variance.
    pub epsilon: f64,
}

impl LayerNorm {
    /// Normalise in place.
    pub fn apply(&self, x: &mut Dual) {
        let width = x.value.len().max(1);
        let n = width as f64;
        let mean = x.value.iter().sum::<f64>() / n;
        x.value.iter_mut().for_each(|v| *v -= mean);
        let variance = x.value.iter().map(|v| v * v).sum::<f64>() / n;
        let rate = 1.0 / (variance + self.epsilon).sqrt();
        x.value.iter_mut().for_each(|v| *v *= rate);
        for tangent in x.tangents.chunks_exact_mut(width) {
            let mean = tangent.iter().sum::<f64>() / n;
            let along = tangent.iter().zip(&x.value).map(|(t, v)| t * v).sum::<f64>() / n;
            for ((t, v), gain) in tangent.iter_mut().zip(&x.value).zip(&self.gain) {
                *t = gain * rate * (*t - mean - v * along);
            }
        }
        for ((v, gain), bias) in x.value.iter_mut().zip(&self.gain).zip(&self.bias) {
            *v = *v * gain + bias;
        }
    }
}

impl LayerNorm {
    /// Normalise a traced vector.
    ///
    /// # Errors
    /// When its width is another.
    pub fn trace(&self, x: &Expr) -> Result<Expr> {
        let row = |v: &[f64]| x.trace().numbers(&[v.len()], v);
        let centered = x.binary(Op::Sub, &x.reduce(Reduce::Mean)?)?;
        let variance = centered.binary(Op::Mul, &centered)?.reduce(Reduce::Mean)?;
        let sd = variance.binary(Op::Add, &x.number(self.epsilon))?.unary(Op::Sqrt)?;
        centered.binary(Op::Div, &sd)?.binary(Op::Mul, &row(&self.gain))?.binary(Op::Add, &row(&self.bias))
    }
}

/// x sigmoid(x) and its derivative.
pub fn swish(x: f64) -> (f64, f64) {
    let s = crate::num::special::sigmoid(x);
    (x * s, s + x * s * (1.0 - s))
}
