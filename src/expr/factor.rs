//! Factoring sums of products: sum of s_ij x_i x_j as sum of x_i (sum of s_ij x_j).
//!
//! A quadratic form over n coordinates then costs n(n+1)/2 multiply-adds without a product being stored.

use super::graph::{Graph, Node, NodeId};
use super::op::Op;

/// A node equal to `root` in which terms s (u v) of its sum, s free of x, are grouped by their first factor.
pub fn factor(g: &mut Graph, root: NodeId) -> NodeId {
    let (mut groups, mut rest): (Vec<(NodeId, Vec<NodeId>)>, Vec<NodeId>) = (Vec::new(), Vec::new());
    let mut stack = vec![root];
    while let Some(id) = stack.pop() {
        match g.node(id) {
            Node::Apply(Op::Add, [a, b, _]) => stack.extend([b, a]),
            Node::Apply(Op::Mul, [s, product, _]) if !g.varies(s) => match g.node(product) {
                Node::Apply(Op::Mul, [u, v, _]) if g.varies(u) && g.varies(v) => {
                    let term = g.mul(s, v);
                    match groups.iter_mut().find(|(first, _)| *first == u) {
                        Some((_, terms)) => terms.push(term),
                        None => groups.push((u, vec![term])),
                    }
                }
                _ => rest.push(id),
            },
            _ => rest.push(id),
        }
    }
    let mut total = g.sum(&rest);
    for (u, terms) in groups {
        let inner = g.sum(&terms);
        let product = g.mul(u, inner);
        total = g.add(total, product);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_stays() {
        let mut g = Graph::new();
        let x: Vec<NodeId> = (0..3).map(|j| g.var(j)).collect();
        let mut root = g.unary(Op::Sin, x[1]);
        for i in 0..3 {
            for j in 0..3 {
                let (p, t) = (g.param(3 * i + j), g.mul(x[i], x[j]));
                let term = g.mul(p, t);
                root = g.add(root, term);
            }
        }
        let factored = factor(&mut g, root);
        let eta: Vec<f64> = (0..9).map(|i| (i as f64).cos()).collect();
        let values = g.evaluate(&[root, factored], &[0.3, -1.2, 2.0], &eta);
        assert!(crate::num::close::close(values[0], values[1], crate::num::close::ROUND));
    }
}
