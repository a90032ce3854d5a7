//! Derivatives as graphs: reverse mode over the table of operations.

use super::graph::{Graph, Node, NodeId};
use super::op::Op;

/// Gradient of `root` with respect to coordinates 0..d, as nodes of the same graph.
///
/// At kinks the conventions of [`super::op`] hold.
///
/// # Example
/// ```
/// use nnef::expr::{Graph, gradient};
/// let mut g = Graph::new();
/// let x = g.var(0);
/// let y = g.mul(x, x);
/// let dy = gradient(&mut g, y, 1);
/// assert_eq!(g.evaluate(&dy, &[3.0], &[]), vec![6.0]);
/// ```
pub fn gradient(g: &mut Graph, root: NodeId, d: usize) -> Vec<NodeId> {
    let zero = g.constant(0.0);
    let size = root.index() + 1;
    let needed = g.reachable(&[root]);
    let mut adjoint: Vec<Option<NodeId>> = vec![None; size];
    adjoint[root.index()] = Some(g.constant(1.0));
    let mut result = vec![zero; d];
    for i in (0..size).rev() {
        let id = NodeId(i as u32);
        // The parts of a block follow each other: at the first, the adjoints of all are known.
        if let Node::Part(b, 0) = g.node(id) {
            if needed[i] && g.varies(id) {
                let block = g.block(b).clone();
                let seeds: Vec<NodeId> =
                    (0..block.map.outputs()).map(|part| adjoint.get(i + part).copied().flatten().unwrap_or(zero)).collect();
                if seeds.iter().any(|s| *s != zero) {
                    let back = g.affine(&block.map.adjoint(), &seeds);
                    for (argument, part) in block.args.iter().zip(back).filter(|(a, _)| g.varies(**a)).collect::<Vec<_>>() {
                        receive(g, &mut adjoint, *argument, part);
                    }
                }
            }
            continue;
        }
        let Some(seed) = adjoint[i].filter(|_| needed[i] && g.varies(id)) else { continue };
        match g.node(id) {
            Node::Var(j) => {
                if let Some(slot) = result.get_mut(j as usize) {
                    *slot = seed;
                }
            }
            Node::Apply(op, args) => {
                let arity = op.info().arity;
                let partials = if op == Op::Select { None } else { Some((op.info().partials)(g, args, id)) };
                for position in 0..arity {
                    let argument = args[position];
                    if !g.varies(argument) {
                        continue;
                    }
                    let part = match partials {
                        Some(p) => match p[position] {
                            Some(partial) => times(g, seed, partial, 0),
                            None => continue,
                        },
                        // A product with 0 would let an infinite branch through as NaN: select the adjoint instead.
                        None if position == 1 => g.apply(Op::Select, [args[0], seed, zero]),
                        None if position == 2 => g.apply(Op::Select, [args[0], zero, seed]),
                        None => continue,
                    };
                    receive(g, &mut adjoint, argument, part);
                }
            }
            Node::Const(_) | Node::Param(_) | Node::Part(..) => {}
        }
    }
    result
}

/// Selects within selects through which an adjoint stays cut off.
const NESTED: usize = 32;

/// `seed` times `partial`. A seed that a select cuts off stays cut off: a branch that is not taken may have an infinite or
/// undefined partial, and 0 times that is not 0.
fn times(g: &mut Graph, seed: NodeId, partial: NodeId, depth: usize) -> NodeId {
    if depth < NESTED
        && let Node::Apply(Op::Select, [c, a, b]) = g.node(seed)
    {
        if g.as_constant(b) == Some(0.0) {
            let product = times(g, a, partial, depth + 1);
            return g.apply(Op::Select, [c, product, b]);
        }
        if g.as_constant(a) == Some(0.0) {
            let product = times(g, b, partial, depth + 1);
            return g.apply(Op::Select, [c, a, product]);
        }
    }
    g.mul(seed, partial)
}

/// Add `part` to the adjoint of `argument`.
fn receive(g: &mut Graph, adjoint: &mut [Option<NodeId>], argument: NodeId, part: NodeId) {
    let slot = &mut adjoint[argument.index()];
    *slot = Some(match *slot {
        Some(before) => g.add(before, part),
        None => part,
    });
}

/// Jacobian of `roots` with respect to coordinates 0..d: [roots, d] nodes, row by row.
///
/// # Example
/// ```
/// use nnef::expr::{Graph, jacobian};
/// let mut g = Graph::new();
/// let (x, y) = (g.var(0), g.var(1));
/// let (sum, product) = (g.add(x, y), g.mul(x, y));
/// let j = jacobian(&mut g, &[sum, product], 2);
/// assert_eq!(g.evaluate(&j, &[3.0, 5.0], &[]), [1.0, 1.0, 5.0, 3.0]);
/// ```
pub fn jacobian(g: &mut Graph, roots: &[NodeId], d: usize) -> Vec<NodeId> {
    roots.iter().flat_map(|r| gradient(g, *r, d)).collect()
}

/// Product of the Hessian of `root` with the direction `v`, `[d]` nodes: the gradient of gradient . v, with `v` held fixed.
/// `v` must be free of x: numbers or parameters.
///
/// # Example
/// ```
/// use nnef::expr::{Graph, hessian_product};
/// let mut g = Graph::new();
/// let x = g.var(0);
/// let x2 = g.mul(x, x);
/// let x3 = g.mul(x2, x);
/// let one = g.constant(1.0);
/// let h = hessian_product(&mut g, x3, &[one]);
/// assert_eq!(g.evaluate(&h, &[2.0], &[]), [12.0]);
/// ```
pub fn hessian_product(g: &mut Graph, root: NodeId, v: &[NodeId]) -> Vec<NodeId> {
    let slope = gradient(g, root, v.len());
    let terms: Vec<NodeId> = slope.iter().zip(v).map(|(s, v)| g.mul(*s, *v)).collect();
    let along = g.sum(&terms);
    gradient(g, along, v.len())
}
