//! Networks from standardised vectors [n, k] to vectors [n, k]. Knows no family: what the numbers mean is decided above.
//!
//! A model is one file with an options struct, its layers, and one line in [`registry::MODELS`]. It has two faces: [`Net`]
//! runs on candle tensors and is trained; [`FrozenNet`] is the same function on plain f64 slices, fast for one eta, with
//! exact tangents. The conformance tests hold both together for every registered model.

pub mod frozen;
pub mod init;
mod kernels;
pub mod layers;
pub mod mlp_et;
mod params;
pub mod registry;

pub use params::Params;
pub use registry::{MODELS, Model, ModelChoice};

use crate::error::Result;
use crate::expr::Expr;
use crate::num::stream::Xoshiro;
use candle_core::Tensor;

/// A trainable network.
pub trait Net: Send + Sync {
    /// Outputs [n, k] for standardised inputs `eta` [n, k]. `train` is the generator of dropout masks; `None` in evaluation,
    /// where nothing is dropped.
    ///
    /// # Errors
    /// When `eta` has another width than the network.
    fn forward(&self, eta: &Tensor, train: Option<&mut Xoshiro>) -> Result<Tensor>;
    /// The same function, with the weights of this moment, in f64 on plain slices.
    ///
    /// # Errors
    /// When a weight cannot be read from its device.
    fn freeze(&self) -> Result<Box<dyn FrozenNet>>;
}

/// A network as plain data: value and directional derivatives, in f64, without candle.
pub trait FrozenNet: Send + Sync {
    /// Number of inputs.
    fn inputs(&self) -> usize;
    /// Number of outputs.
    fn outputs(&self) -> usize;
    /// Carry a point and any number of tangents through the network.
    fn apply(&self, point: frozen::Dual) -> frozen::Dual;
    /// Trace the network at traced inputs, `[inputs]`: a network as statistic.
    ///
    /// # Errors
    /// When the number of inputs differs.
    fn trace(&self, x: &Expr) -> Result<Expr>;
}
