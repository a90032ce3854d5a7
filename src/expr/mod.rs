//! Expressions: the script builds, Rust runs.
//!
//! A closure is traced once ([`Trace`], [`Expr`]) into a hash-consed [`Graph`] over the operations of [`op::TABLE`],
//! differentiated ([`gradient`]), compiled to a linear [`Program`], and run on lanes of points ([`lanes`]). No
//! interpreter is in any loop after that.

mod affine;
mod diff;
mod factor;
mod formula;
mod graph;
mod interaction;
pub mod kinks;
#[macro_use]
pub mod lanes;
mod matrix;
mod network;
pub mod op;
mod saved;
mod schur;
mod stable;
pub(crate) mod tape;
mod tensor;
mod trace;

pub use affine::{Affine, Block};
pub use diff::{gradient, hessian_product, jacobian};
pub use factor::factor;
pub use formula::formula;
pub use graph::{Graph, NODE_LIMIT, Node, NodeId};
pub use interaction::{Component, Interaction};
pub use network::{Activation, StaticNet};
pub use op::Op;
pub use tape::Program;
pub use tensor::evaluate_tensor;
pub use trace::{Expr, Reduce, Trace};
