//! How far a point is from where the condition `where:` holds: what leads a search for a place inside.

use super::Family;
use crate::expr::{Graph, Node, NodeId, Op, Program, gradient};

/// The violation of the condition over the unconstrained coordinates z, compiled: zero where it holds, else what is missing.
#[derive(Debug, Clone)]
pub struct Violation {
    program: Program,
}

impl Violation {
    /// Of the condition of a family; none where it has none.
    pub(super) fn new(family: &Family) -> Option<Violation> {
        let all = family.unconstrained();
        let (mut g, m, inside) = (all.graph, all.z.len(), all.inside?);
        let missing = violation(&mut g, inside, true);
        let slope = gradient(&mut g, missing, m);
        let both: Vec<NodeId> = std::iter::once(missing).chain(slope).collect();
        Some(Violation { program: Program::compile(&g, m, &[&both]) })
    }
    /// What is missing at `z`, `[m]`, and its gradient. Of comparisons it is the difference of their sides, of several the
    /// largest that has to go; of other conditions one, with no gradient.
    pub fn at(&self, z: &[f64]) -> (f64, Vec<f64>) {
        let mut both = self.program.evaluate(0, z, &[]);
        let gradient = both.split_off(1);
        (both[0], gradient)
    }
}

/// What is missing for `condition` to be as `wanted`.
fn violation(g: &mut Graph, condition: NodeId, wanted: bool) -> NodeId {
    match g.node(condition) {
        Node::Apply(Op::Less | Op::LessEqual, [a, b, _]) => {
            let gap = if wanted { g.sub(a, b) } else { g.sub(b, a) };
            g.unary(Op::Relu, gap)
        }
        Node::Apply(op @ (Op::And | Op::Or), [a, b, _]) => {
            let (a, b) = (violation(g, a, wanted), violation(g, b, wanted));
            let both = (op == Op::And) == wanted;
            g.apply(if both { Op::Max } else { Op::Min }, [a, b, b])
        }
        Node::Apply(Op::Not, [a, ..]) => violation(g, a, !wanted),
        _ => {
            let (zero, one) = (g.constant(0.0), g.constant(1.0));
            let (yes, no) = if wanted { (zero, one) } else { (one, zero) };
            g.apply(Op::Select, [condition, yes, no])
        }
    }
}

impl Family {
    /// How far a point is from where the condition `where:` holds; none where there is no condition.
    pub fn violation(&self) -> Option<&Violation> {
        self.violation.get_or_init(|| Violation::new(self)).as_ref()
    }
}
