//! Static networks: fixed weights and activations, traced as vector operations. A statistic may be one.

use super::affine::Affine;
use super::op::Op;
use super::trace::Expr;
use crate::error::{Error, Result, unknown};
use crate::num::stream::Stream;
use rand::Rng;
use rand_distr::StandardNormal;
use std::sync::Arc;

/// What a hidden unit does with its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// Hyperbolic tangent.
    Tanh,
    /// 1 / (1 + exp(-x)).
    Sigmoid,
    /// log(1 + exp(x)).
    Softplus,
    /// x sigmoid(x).
    Swish,
    /// max(x, 0).
    Relu,
    /// Sine.
    Sin,
}

/// Names of the activations.
const ACTIVATIONS: [(&str, Activation); 6] = [
    ("tanh", Activation::Tanh),
    ("sigmoid", Activation::Sigmoid),
    ("softplus", Activation::Softplus),
    ("swish", Activation::Swish),
    ("relu", Activation::Relu),
    ("sin", Activation::Sin),
];

impl Activation {
    /// By its name.
    ///
    /// # Errors
    /// An unknown name, with the valid ones.
    pub fn named(name: &str) -> Result<Activation> {
        let names = ACTIVATIONS.map(|(n, _)| n);
        ACTIVATIONS.iter().find(|(n, _)| *n == name).map(|(_, a)| *a).ok_or_else(|| unknown("activation", name, &names))
    }
    fn op(self) -> Op {
        match self {
            Activation::Tanh => Op::Tanh,
            Activation::Sigmoid | Activation::Swish => Op::Sigmoid,
            Activation::Softplus => Op::Softplus,
            Activation::Relu => Op::Relu,
            Activation::Sin => Op::Sin,
        }
    }
    fn trace(self, x: &Expr) -> Result<Expr> {
        let y = x.unary(self.op())?;
        if self == Activation::Swish { y.binary(Op::Mul, x) } else { Ok(y) }
    }
    fn value(self, x: f64) -> f64 {
        let y = (self.op().info().value)([x; 3]);
        if self == Activation::Swish { x * y } else { y }
    }
}

/// A network with fixed weights: affine maps with an activation between them, none after the last.
#[derive(Debug, Clone)]
pub struct StaticNet {
    layers: Arc<[Arc<Affine>]>,
    activation: Activation,
}

impl StaticNet {
    /// From its affine maps, first to last.
    ///
    /// # Errors
    /// When there is none, or the outputs of one are not the inputs of the next.
    pub fn new(layers: Vec<Arc<Affine>>, activation: Activation) -> Result<StaticNet> {
        if layers.is_empty() {
            return Err(Error::shape("a network needs at least one layer"));
        }
        if let Some(i) = layers.windows(2).position(|w| w[0].outputs() != w[1].inputs()) {
            return Err(Error::shape(format!(
                "layer {i} has {} outputs, the next takes {} inputs",
                layers[i].outputs(),
                layers[i + 1].inputs()
            )));
        }
        Ok(StaticNet { layers: layers.into(), activation })
    }
    /// Random weights N(0, 1 / inputs of the layer) and biases N(0, 1): random features of inputs of order one.
    ///
    /// # Errors
    /// When a width is 0 or above 65536, or there would be more than 2^24 weights.
    ///
    /// # Example
    /// ```
    /// use nnef::expr::{Activation, StaticNet};
    /// let net = StaticNet::random(2, &[16], 3, Activation::Tanh, 1).unwrap();
    /// assert_eq!(net.apply(&[0.5, -1.0]).unwrap().len(), 3);
    /// ```
    pub fn random(inputs: usize, hidden: &[usize], outputs: usize, activation: Activation, seed: u64) -> Result<StaticNet> {
        let widths: Vec<usize> = [inputs].iter().chain(hidden).chain(&[outputs]).copied().collect();
        if let Some(w) = widths.iter().find(|w| !(1..=65536).contains(*w)) {
            return Err(Error::domain(format!("a width of the network is {w}: widths lie between 1 and 65536")));
        }
        if widths.windows(2).map(|w| w[0] * w[1]).sum::<usize>() > 1 << 24 {
            return Err(Error::domain(format!("widths {widths:?} need more than 2^24 weights")));
        }
        let layer = |(i, w): (usize, &[usize])| {
            let mut rng = Stream::new(seed).child("static_net").at(i as u64).rng();
            let scale = (w[0] as f64).sqrt().recip();
            let mut normals = |n: usize, s: f64| (0..n).map(|_| s * rng.sample::<f64, _>(StandardNormal)).collect::<Vec<f64>>();
            let (weight, bias) = (normals(w[0] * w[1], scale), normals(w[1], 1.0));
            Affine::new(weight, bias, w[0])
        };
        StaticNet::new(widths.windows(2).enumerate().map(layer).collect::<Result<_>>()?, activation)
    }
    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.layers.first().map_or(0, |l| l.inputs())
    }
    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.layers.last().map_or(0, |l| l.outputs())
    }
    /// Widths from inputs to outputs.
    pub fn widths(&self) -> Vec<usize> {
        [self.inputs()].into_iter().chain(self.layers.iter().map(|l| l.outputs())).collect()
    }
    /// The outputs for traced inputs of any shape with as many entries as the network has inputs; a vector.
    ///
    /// # Errors
    /// When the number of inputs differs, or the graph is full.
    pub fn forward(&self, x: &Expr) -> Result<Expr> {
        let mut h = x.clone();
        for (i, layer) in self.layers.iter().enumerate() {
            if i > 0 {
                h = self.activation.trace(&h)?;
            }
            h = h.affine(layer)?;
        }
        Ok(h)
    }
    /// The outputs for numbers, `[inputs]`; `[outputs]`.
    ///
    /// # Errors
    /// When the number of inputs differs.
    pub fn apply(&self, x: &[f64]) -> Result<Vec<f64>> {
        if x.len() != self.inputs() {
            return Err(Error::shape(format!("the network has {} inputs, got {} numbers", self.inputs(), x.len())));
        }
        let mut h = x.to_vec();
        for (i, layer) in self.layers.iter().enumerate() {
            if i > 0 {
                h.iter_mut().for_each(|v| *v = self.activation.value(*v));
            }
            h = layer.apply(&h);
        }
        Ok(h)
    }
}
