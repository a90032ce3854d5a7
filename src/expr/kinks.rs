//! Where an expression is not smooth: the surfaces on which an argument of abs, min, max, relu or select vanishes, and those on
//! which a logarithm is infinite.

use super::graph::{Graph, Node, NodeId};
use super::op::{Op, Smooth};
use std::collections::HashSet;

/// A surface {argument(x) = 0} on which an expression has a kink or a jump.
#[derive(Debug, Clone)]
pub struct Surface {
    /// The expression that vanishes there.
    pub argument: NodeId,
    /// The coordinates it depends on, ascending.
    pub coordinates: Vec<usize>,
    /// Whether the expression jumps there (otherwise it is continuous with a kink).
    pub jumps: bool,
    /// Whether a logarithm is infinite there, on all of it or at points.
    pub pole: bool,
}

/// What stands in a logarithm and is zero at points within its domain.
#[derive(Debug, Clone, PartialEq)]
pub enum Pole {
    /// Logarithms of the absolute value, or of a square, of this node.
    Plane(NodeId),
    /// Logarithms of `sum`, of the squares of some nodes, each times a positive number.
    Point {
        /// The sum.
        sum: NodeId,
        /// The nodes and the numbers.
        squares: Vec<(NodeId, f64)>,
    },
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
        for argument in factors(g, argument) {
            match found.iter_mut().find(|s| s.argument == argument) {
                Some(surface) => surface.jumps |= jumps,
                None => found.push(Surface { argument, coordinates: g.coordinates(argument), jumps, pole: false }),
            }
        }
    }
    for pole in poles(g, roots) {
        let arguments = match pole {
            Pole::Plane(node) => vec![node],
            Pole::Point { squares, .. } => squares.into_iter().map(|(node, _)| node).collect(),
        };
        for argument in arguments.into_iter().filter(|a| g.varies(*a)) {
            match found.iter_mut().find(|s| s.argument == argument) {
                Some(surface) => surface.pole = true,
                None => found.push(Surface { argument, coordinates: g.coordinates(argument), jumps: false, pole: true }),
            }
        }
    }
    found
}

/// The factors that vary of a node: it changes its sign where one of them does.
fn factors(g: &Graph, node: NodeId) -> Vec<NodeId> {
    let (mut open, mut seen, mut found) = (vec![node], HashSet::new(), Vec::new());
    while let Some(node) = open.pop() {
        match g.node(node) {
            _ if !g.varies(node) || !seen.insert(node) => {}
            Node::Apply(Op::Mul | Op::Div, [a, b, _]) => open.extend([b, a]),
            Node::Apply(Op::Neg, [a, ..]) => open.push(a),
            _ => found.push(node),
        }
    }
    found
}

/// Where logarithms in `roots` are infinite, for absolute values, squares and sums of squares and products of these.
///
/// # Example
/// ```
/// use nnef::expr::{Graph, Op, kinks};
/// let mut g = Graph::new();
/// let (x, y) = (g.var(0), g.var(1));
/// let gap = g.sub(x, y);
/// let size = g.unary(Op::Abs, gap);
/// let log = g.unary(Op::Log, size);
/// assert_eq!(kinks::poles(&g, &[log]), [kinks::Pole::Plane(gap)]);
/// ```
pub fn poles(g: &Graph, roots: &[NodeId]) -> Vec<Pole> {
    let needed = g.reachable(roots);
    let mut found: Vec<Pole> = Vec::new();
    for i in (0..needed.len()).filter(|i| needed[*i]) {
        let Node::Apply(Op::Log, [a, ..]) = g.node(NodeId(i as u32)) else { continue };
        // What is left, and whether its absolute value is meant.
        let mut open = vec![(a, false)];
        while let Some((node, signed)) = open.pop() {
            match g.node(node) {
                Node::Apply(Op::Abs | Op::Neg, [a, ..]) if signed => open.push((a, true)),
                Node::Apply(Op::Abs, [a, ..]) => open.push((a, true)),
                Node::Apply(Op::Mul, [a, b, _]) if a == b => open.push((a, true)),
                Node::Apply(Op::Mul, [a, b, _]) => open.extend([(a, signed), (b, signed)]),
                Node::Apply(Op::Div, [a, ..]) => open.push((a, signed)),
                Node::Apply(Op::Sqrt, [a, ..]) => open.push((a, false)),
                _ => match squares(g, node) {
                    Some(squares) => found.push(Pole::Point { sum: node, squares }),
                    None if signed && g.varies(node) => found.push(Pole::Plane(node)),
                    None => {}
                },
            }
        }
    }
    let mut distinct: Vec<Pole> = Vec::new();
    found.into_iter().for_each(|p| {
        if !distinct.contains(&p) {
            distinct.push(p);
        }
    });
    distinct
}

/// Most squares of a sum.
const SQUARES: usize = 16;

/// The nodes of whose squares, times positive numbers, a sum consists.
fn squares(g: &Graph, sum: NodeId) -> Option<Vec<(NodeId, f64)>> {
    let (mut open, mut found) = (vec![(sum, 1.0)], Vec::new());
    while let Some((node, factor)) = open.pop() {
        match g.node(node) {
            Node::Apply(Op::Add, [a, b, _]) if open.len() + found.len() < SQUARES => open.extend([(b, factor), (a, factor)]),
            Node::Apply(Op::Mul, _) => {
                let (mut factors, mut constant, mut parts): (Vec<NodeId>, f64, Vec<NodeId>) = (vec![node], factor, vec![]);
                while let Some(part) = factors.pop() {
                    match (g.node(part), g.as_constant(part)) {
                        (_, Some(c)) => constant *= c,
                        (Node::Apply(Op::Mul, [a, b, _]), _) if parts.len() + factors.len() < SQUARES => factors.extend([a, b]),
                        _ => parts.push(part),
                    }
                }
                match parts[..] {
                    [p, q] if p == q && constant > 0.0 && constant.is_finite() => found.push((p, constant)),
                    _ => return None,
                }
            }
            _ => return None,
        }
    }
    (found.len() > 1).then_some(found)
}

/// The slopes of nodes in `d` coordinates, then their constants; nothing where one is not affine.
pub fn affine(graph: &Graph, roots: &[NodeId], d: usize) -> Option<Vec<Vec<f64>>> {
    let reachable = graph.reachable(roots);
    let last = roots.iter().map(|r| r.index()).max()?;
    let mut known: Vec<Option<Vec<f64>>> = vec![None; last + 1];
    for index in (0..=last).filter(|i| reachable[*i]) {
        let id = graph.id(index);
        let of = |node: &NodeId| known[node.index()].as_ref();
        let times = |v: &[f64], factor: f64| v.iter().map(|v| v * factor).collect::<Vec<f64>>();
        let plus = |a: &[f64], b: &[f64], sign: f64| a.iter().zip(b).map(|(a, b)| a + sign * b).collect::<Vec<f64>>();
        let constant = |node: &NodeId| graph.as_constant(*node);
        let unit = |place: usize, value: f64| {
            let mut v = vec![0.0; d + 1];
            v[place] = value;
            v
        };
        let found = match graph.node(id) {
            Node::Const(bits) => Some(unit(d, f64::from_bits(bits))),
            Node::Var(j) => Some(unit(j as usize, 1.0)),
            Node::Param(_) => None,
            Node::Apply(Op::Add, [a, b, _]) => of(&a).zip(of(&b)).map(|(a, b)| plus(a, b, 1.0)),
            Node::Apply(Op::Sub, [a, b, _]) => of(&a).zip(of(&b)).map(|(a, b)| plus(a, b, -1.0)),
            Node::Apply(Op::Neg, [a, ..]) => of(&a).map(|a| times(a, -1.0)),
            Node::Apply(Op::Mul, [a, b, _]) => match (constant(&a), constant(&b)) {
                (Some(factor), _) => of(&b).map(|b| times(b, factor)),
                (_, Some(factor)) => of(&a).map(|a| times(a, factor)),
                _ => None,
            },
            Node::Apply(Op::Div, [a, b, _]) => constant(&b).zip(of(&a)).map(|(by, a)| times(a, 1.0 / by)),
            Node::Apply(..) => None,
            Node::Part(block, output) => {
                let block = graph.block(block);
                let (weights, bias) = block.map.row(output as usize);
                let terms: Option<Vec<&Vec<f64>>> = block.args.iter().map(of).collect();
                terms.map(|t| t.iter().zip(weights).fold(unit(d, bias), |sum, (v, w)| plus(&sum, v, *w)))
            }
        };
        known[index] = found;
    }
    let slopes: Option<Vec<Vec<f64>>> = roots.iter().map(|r| known[r.index()].clone()).collect();
    slopes.filter(|all| all.iter().flatten().all(|v| v.is_finite()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// |x y (x - y)| has kinks where a factor is zero.
    #[test]
    fn products_are_zero_where_a_factor_is() {
        let mut g = Graph::new();
        let (x, y) = (g.var(0), g.var(1));
        let (gap, product) = (g.sub(x, y), g.mul(x, y));
        let product = g.mul(product, gap);
        let size = g.unary(Op::Abs, product);
        let mut found: Vec<NodeId> = surfaces(&mut g, &[size]).iter().map(|s| s.argument).collect();
        found.sort_by_key(|n| n.index());
        assert_eq!(found, [x, y, gap]);
    }
}
