//! Where an expression is not smooth: the surfaces on which an argument of abs, min, max, relu or select vanishes.

use super::graph::{Graph, Node, NodeId};
use super::op::{Op, Smooth};

/// A surface {argument(x) = 0} on which an expression has a kink or a jump.
#[derive(Debug, Clone)]
pub struct Surface {
    /// The expression that vanishes there.
    pub argument: NodeId,
    /// The coordinates it depends on, ascending.
    pub coordinates: Vec<usize>,
    /// Whether the expression jumps there (otherwise it is continuous with a kink).
    pub jumps: bool,
}

/// The surfaces of `roots`, in evaluation order; new nodes are added to the graph for differences of arguments.
/// `floor` jumps on infinitely many parallel surfaces, which are not listed.
///
/// # Example
/// ```
/// use nnef::expr::{Graph, Op, kinks};
/// let mut g = Graph::new();
/// let x = g.var(0);
/// let a = g.unary(Op::Abs, x);
/// assert_eq!(kinks::surfaces(&mut g, &[a]).len(), 1);
/// ```
pub fn surfaces(g: &mut Graph, roots: &[NodeId]) -> Vec<Surface> {
    let needed = g.reachable(roots);
    let mut found: Vec<Surface> = Vec::new();
    for i in (0..needed.len()).filter(|i| needed[*i]) {
        let id = NodeId(i as u32);
        let Node::Apply(op, [a, b, _]) = g.node(id) else { continue };
        let argument = match (op, op.info().smooth) {
            (Op::Select | Op::And | Op::Or | Op::Not | Op::Floor, _) => continue, // the comparisons below them are listed
            (Op::Less | Op::LessEqual | Op::Equal, _) | (_, Smooth::KinkAtEqual) => g.sub(a, b),
            (Op::Sign, _) | (_, Smooth::KinkAtZero) => a,
            _ => continue,
        };
        let jumps = op.info().smooth == Smooth::Jumps;
        if !g.varies(argument) {
            continue;
        }
        match found.iter_mut().find(|s| s.argument == argument) {
            Some(surface) => surface.jumps |= jumps,
            None => found.push(Surface { argument, coordinates: g.coordinates(argument), jumps }),
        }
    }
    found
}
