//! Networks as statistics: static ones, and trained ones with their weights as they are.

use super::Entry;
use super::expressions::{is_traced, traced};
use crate::error::{Error, Result};
use crate::expr::{Activation, Expr, StaticNet};
use crate::script::convert::{self, rows, shaped};
use crate::script::fault::{AtCall, Native};
use crate::train::TrainedNet;
use rhai::{Dynamic, Engine, Map, NativeCallContext};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    inputs: usize,
    outputs: usize,
    hidden: Vec<usize>,
    activation: String,
    seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { inputs: 0, outputs: 0, hidden: vec![16], activation: "tanh".into(), seed: 0 }
    }
}

impl Options {
    fn network(&self) -> Result<StaticNet> {
        if self.inputs == 0 || self.outputs == 0 {
            return Err(Error::name("static_net needs its numbers of inputs and outputs")
                .hint("static_net(#{ inputs: 2, hidden: [16], outputs: 3, seed: 1 })"));
        }
        StaticNet::random(self.inputs, &self.hidden, self.outputs, Activation::named(&self.activation)?, self.seed)
    }
}

/// The outputs for `x`: traced values give a traced vector, numbers a tensor.
fn forward(
    x: &Dynamic,
    inputs: usize,
    outputs: usize,
    trace: impl Fn(&Expr) -> Result<Expr>,
    apply: impl Fn(&[f64]) -> Result<Vec<f64>>,
) -> Result<Dynamic> {
    if let Some(like) = super::expressions::first_expr(x).filter(|_| is_traced(x)) {
        return Ok(Dynamic::from(trace(&traced(x, &like)?)?));
    }
    let (numbers, _, single) = rows(x, inputs, "x")?;
    let out: Vec<Vec<f64>> = numbers.chunks_exact(inputs).map(apply).collect::<Result<_>>()?;
    Ok(shaped(out.concat(), outputs, single))
}

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<StaticNet>("StaticNet");
    engine.register_fn("static_net", |ctx: NativeCallContext, map: Map| -> Native<StaticNet> {
        convert::options::<Options>(&ctx, "static_net", &map)?.network().at(&ctx)
    });
    engine.register_fn("forward", |ctx: NativeCallContext, net: &mut StaticNet, x: Dynamic| {
        forward(&x, net.inputs(), net.outputs(), |x| net.forward(x), |x| net.apply(x)).at(&ctx)
    });
    engine.register_fn("forward", |ctx: NativeCallContext, net: &mut TrainedNet, x: Dynamic| {
        let k = net.stat_names().len();
        forward(&x, k, k, |x| net.trace(x), |x| net.mean(x)).at(&ctx)
    });
    engine.register_fn("to_string", |net: &mut StaticNet| show(net));
    engine.register_fn("to_debug", |net: &mut StaticNet| show(net));
}

fn show(net: &StaticNet) -> String {
    let widths: Vec<String> = net.widths().iter().map(usize::to_string).collect();
    format!("static network {}", widths.join(" -> "))
}

pub(super) fn describe(value: &Dynamic) -> Option<Map> {
    let net = value.clone().try_cast::<StaticNet>()?;
    Some(Map::from([("widths".into(), convert::dynamic(net.widths()))]))
}

pub(super) const DOCS: &[Entry] = &[Entry {
    name: "static_net",
    signature: "static_net(#{ inputs: 2, hidden: [16], outputs: 3, activation: \"tanh\", seed: 1 })",
    doc: "A network with random fixed weights, to be used as statistics: g.forward(x) inside stats, or on numbers.\nWeights N(0, 1 / inputs of the layer), biases N(0, 1). activation: tanh, sigmoid, softplus, swish, relu or sin. A trained net has forward too: its weights are frozen as they are.",
    example: "static_net(#{inputs: 2, hidden: [16], outputs: 3, seed: 1}).forward([0.5, 1.0])",
}];
