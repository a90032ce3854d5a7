//! The graph on candle tensors: for CUDA and for large batches.
//!
//! Operations that candle has run on the tensor's device; the others go through their canonical value on the CPU, entry by
//! entry. The third evaluator beside the scalar reference and the lanes; a test holds all three together.

use super::graph::{Graph, Node, NodeId};
use super::op::Op;
use crate::error::{Error, Result};
use candle_core::{DType, Device, Tensor};

/// Values of `roots`, one tensor `[n]` each, at the points `x` [n, d] with parameters `eta` [n, k], both f64.
///
/// # Errors
/// When a shape does not fit, or candle fails.
///
/// # Example
/// ```
/// use candle_core::{Device, Tensor};
/// use nnef::expr::{Graph, Op, evaluate_tensor};
/// let mut g = Graph::new();
/// let (x, p) = (g.var(0), g.param(0));
/// let s = g.unary(Op::Sin, x);
/// let y = g.mul(p, s);
/// let points = Tensor::new(&[[0.5f64], [1.0]], &Device::Cpu).unwrap();
/// let eta = Tensor::new(&[[2.0f64], [3.0]], &Device::Cpu).unwrap();
/// let values = evaluate_tensor(&g, &[y], &points, &eta).unwrap()[0].to_vec1::<f64>().unwrap();
/// assert!((values[1] - 3.0 * 1f64.sin()).abs() < 1e-15);
/// ```
pub fn evaluate_tensor(g: &Graph, roots: &[NodeId], x: &Tensor, eta: &Tensor) -> Result<Vec<Tensor>> {
    let (n, d) = x.dims2()?;
    let (m, k) = eta.dims2()?;
    if n != m {
        return Err(Error::shape(format!("{n} points and {m} parameters: equal numbers are needed")));
    }
    let (device, needed) = (x.device(), g.reachable(roots));
    let mut values: Vec<Option<Tensor>> = vec![None; g.len()];
    for i in (0..g.len()).filter(|i| needed[*i]) {
        let column = |t: &Tensor, j: usize, width: usize, what: &str| -> Result<Tensor> {
            if j >= width {
                return Err(Error::shape(format!("{what} {j} is needed, the tensor has {width} columns")));
            }
            Ok(t.narrow(1, j, 1)?.squeeze(1)?.contiguous()?)
        };
        values[i] = Some(match g.node(g.id(i)) {
            Node::Const(bits) => Tensor::full(f64::from_bits(bits), n, device)?,
            Node::Var(j) => column(x, j as usize, d, "coordinate")?,
            Node::Param(p) => column(eta, p as usize, k, "parameter")?,
            Node::Apply(op, args) => {
                let found: Vec<&Tensor> = args[..op.info().arity].iter().filter_map(|a| values[a.index()].as_ref()).collect();
                apply(op, &found)?
            }
            Node::Part(b, 0) => {
                let block = g.block(b);
                let inputs: Vec<&Tensor> = block.args.iter().filter_map(|a| values[a.index()].as_ref()).collect();
                let (rows, columns) = (block.map.outputs(), block.map.inputs());
                let weight = Tensor::from_slice(block.map.weight(), (rows, columns), device)?;
                let bias = Tensor::from_slice(block.map.bias(), (1, rows), device)?;
                let out = Tensor::stack(&inputs, 1)?.matmul(&weight.t()?)?.broadcast_add(&bias)?;
                for part in (1..rows).filter(|p| i + p < g.len()) {
                    values[i + part] = Some(column(&out, part, rows, "output")?);
                }
                column(&out, 0, rows, "output")?
            }
            Node::Part(..) => continue,
        });
    }
    roots.iter().map(|r| values[r.index()].clone().ok_or_else(|| Error::numeric("a root was not evaluated"))).collect()
}

fn flag(t: Tensor) -> Result<Tensor> {
    Ok(t.to_dtype(DType::F64)?)
}

fn apply(op: Op, a: &[&Tensor]) -> Result<Tensor> {
    let zero = |t: &Tensor| t.zeros_like();
    Ok(match (op, a) {
        (Op::Add, [a, b]) => a.add(b)?,
        (Op::Sub, [a, b]) => a.sub(b)?,
        (Op::Mul, [a, b]) => a.mul(b)?,
        (Op::Div, [a, b]) => a.div(b)?,
        (Op::Min, [a, b]) => b.lt(*a)?.where_cond(b, a)?,
        (Op::Max, [a, b]) => a.lt(*b)?.where_cond(b, a)?,
        (Op::Neg, [a]) => a.neg()?,
        (Op::Abs, [a]) => a.abs()?,
        (Op::Floor, [a]) => a.floor()?,
        (Op::Sqrt, [a]) => a.sqrt()?,
        (Op::Exp, [a]) => a.exp()?,
        (Op::Log, [a]) => a.log()?,
        (Op::Sin, [a]) => a.sin()?,
        (Op::Cos, [a]) => a.cos()?,
        (Op::Tanh, [a]) => a.tanh()?,
        (Op::Sigmoid, [a]) => a.neg()?.exp()?.affine(1.0, 1.0)?.recip()?,
        (Op::Relu, [a]) => a.le(&zero(a)?)?.where_cond(&zero(a)?, a)?,
        (Op::Less, [a, b]) => flag(a.lt(*b)?)?,
        (Op::LessEqual, [a, b]) => flag(a.le(*b)?)?,
        (Op::Equal, [a, b]) => flag(a.eq(*b)?)?,
        (Op::And, [a, b]) => flag(a.ne(&zero(a)?)?)?.mul(&flag(b.ne(&zero(b)?)?)?)?,
        (Op::Or, [a, b]) => flag(a.ne(&zero(a)?)?)?.maximum(&flag(b.ne(&zero(b)?)?)?)?,
        (Op::Not, [a]) => flag(a.eq(&zero(a)?)?)?,
        (Op::Select, [c, a, b]) => c.ne(&zero(c)?)?.where_cond(a, b)?,
        _ => on_host(op, a)?,
    })
}

/// Entry by entry through the canonical value.
fn on_host(op: Op, a: &[&Tensor]) -> Result<Tensor> {
    let columns: Vec<Vec<f64>> =
        a.iter().map(|t| t.to_device(&Device::Cpu)?.to_vec1::<f64>()).collect::<candle_core::Result<_>>()?;
    let Some(first) = columns.first() else { return Err(Error::numeric("an operation without arguments")) };
    let at = |position: usize, i: usize| columns.get(position).map_or(columns[columns.len() - 1][i], |c| c[i]);
    let out: Vec<f64> = (0..first.len()).map(|i| (op.info().value)([at(0, i), at(1, i), at(2, i)])).collect();
    Ok(Tensor::from_vec(out, first.len(), a[0].device())?)
}
