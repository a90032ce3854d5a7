//! `mlp_et`: a residual multilayer perceptron.
//!
//! Dense to the first width; one residual block for each entry of `hidden`, h + dropout(LayerNorm(swish(Dense h))); Dense to k.

use super::frozen::{self, Dual};
use super::layers::{LayerNorm, Linear, dropout, swish};
use super::{FrozenNet, Model, Net};
use crate::error::{Error, Result};
use crate::expr::{Expr, Op};
use crate::num::options::parse_options;
use crate::num::short;
use crate::num::stream::Xoshiro;
use candle_core::Tensor;
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

/// The registry line.
pub const MODEL: Model = Model {
    name: "mlp_et",
    doc: "residual multilayer perceptron eta -> mu_T; options hidden (widths of the blocks), dropout",
    complete: |map| super::registry::complete(&parse_options::<MlpEtOptions>(MODEL.name, map)?.valid()?),
    build: |map, k, vb| Ok(Box::new(MlpEt::new(&parse_options(MODEL.name, map)?, k, vb)?)),
};

/// Options of [`MlpEt`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MlpEtOptions {
    /// Width of each residual block; default three of 64. Where two neighbours differ, the skip is a matrix.
    pub hidden: Vec<usize>,
    /// Probability that an entry of a block's output is dropped while training, in [0, 1); default 0.1.
    pub dropout: f64,
}

impl Default for MlpEtOptions {
    fn default() -> Self {
        MlpEtOptions { hidden: vec![64, 64, 64], dropout: 0.1 }
    }
}

impl MlpEtOptions {
    /// These options, when they describe a network.
    ///
    /// # Errors
    /// When there is no block, a width is not in [2, 65536], or dropout is not in [0, 1).
    pub fn valid(self) -> Result<Self> {
        if self.hidden.is_empty() {
            return Err(Error::domain("option 'hidden' of mlp_et is empty: it needs the width of at least one block"));
        }
        if let Some(width) = self.hidden.iter().find(|w| !(2..=65536).contains(*w)) {
            return Err(Error::domain(format!("option 'hidden' of mlp_et holds {width}: widths lie between 2 and 65536")));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(Error::domain(format!("option 'dropout' of mlp_et is {}: it lies in [0, 1)", short(self.dropout))));
        }
        Ok(self)
    }
}

/// The trainable network.
#[derive(Debug)]
pub struct MlpEt {
    input: Linear,
    blocks: Vec<Block>,
    output: Linear,
    dropout: f64,
}

#[derive(Debug)]
struct Block {
    linear: Linear,
    norm: LayerNorm,
    skip: Option<Linear>,
}

impl MlpEt {
    /// From `k` inputs to `k` outputs, variables under the path of `vb`.
    ///
    /// # Errors
    /// When the options are not valid, or the builder cannot give a variable.
    pub fn new(options: &MlpEtOptions, k: usize, vb: VarBuilder<'_>) -> Result<Self> {
        let MlpEtOptions { hidden, dropout } = options.clone().valid()?;
        let mut width = hidden[0];
        let input = Linear::new(k, width, true, vb.pp("input"))?;
        let mut blocks = Vec::with_capacity(hidden.len());
        for (i, next) in hidden.into_iter().enumerate() {
            let vb = vb.pp("blocks").pp(i);
            let skip = if next == width { None } else { Some(Linear::new(width, next, false, vb.pp("skip"))?) };
            blocks.push(Block {
                linear: Linear::new(width, next, true, vb.pp("linear"))?,
                norm: LayerNorm::new(next, vb.pp("norm"))?,
                skip,
            });
            width = next;
        }
        Ok(MlpEt { input, blocks, output: Linear::new(width, k, true, vb.pp("output"))?, dropout })
    }
}

impl Net for MlpEt {
    fn forward(&self, eta: &Tensor, mut train: Option<&mut Xoshiro>) -> Result<Tensor> {
        let mut h = self.input.forward(eta)?;
        for block in &self.blocks {
            let mut branch = block.norm.forward(&swish(&block.linear.forward(&h)?)?)?;
            if let Some(rng) = train.as_deref_mut() {
                branch = dropout(&branch, self.dropout, rng)?;
            }
            let skip = match &block.skip {
                Some(skip) => skip.forward(&h)?,
                None => h,
            };
            h = (skip + branch)?;
        }
        self.output.forward(&h)
    }
    fn freeze(&self) -> Result<Box<dyn FrozenNet>> {
        let freeze = |b: &Block| {
            let skip = b.skip.as_ref().map(Linear::freeze).transpose()?;
            Ok(FrozenBlock { linear: b.linear.freeze()?, norm: b.norm.freeze()?, skip })
        };
        let blocks = self.blocks.iter().map(freeze).collect::<Result<Vec<_>>>()?;
        Ok(Box::new(FrozenMlpEt { input: self.input.freeze()?, blocks, output: self.output.freeze()? }))
    }
}

struct FrozenMlpEt {
    input: frozen::Linear,
    blocks: Vec<FrozenBlock>,
    output: frozen::Linear,
}

struct FrozenBlock {
    linear: frozen::Linear,
    norm: frozen::LayerNorm,
    skip: Option<frozen::Linear>,
}

impl FrozenNet for FrozenMlpEt {
    fn inputs(&self) -> usize {
        self.input.inputs()
    }
    fn outputs(&self) -> usize {
        self.output.outputs()
    }
    fn apply(&self, point: Dual) -> Dual {
        let mut h = self.input.apply(&point);
        for block in &self.blocks {
            let mut branch = block.linear.apply(&h);
            branch.map(frozen::swish);
            block.norm.apply(&mut branch);
            if let Some(skip) = &block.skip {
                h = skip.apply(&h);
            }
            h.add(&branch);
        }
        self.output.apply(&h)
    }
    fn trace(&self, x: &Expr) -> Result<Expr> {
        let mut h = self.input.trace(x)?;
        for block in &self.blocks {
            let branch = block.linear.trace(&h)?;
            let branch = block.norm.trace(&branch.binary(Op::Mul, &branch.unary(Op::Sigmoid)?)?)?;
            if let Some(skip) = &block.skip {
                h = skip.trace(&h)?;
            }
            h = h.binary(Op::Add, &branch)?;
        }
        self.output.trace(&h)
    }
}
