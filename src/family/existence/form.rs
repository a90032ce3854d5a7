//! T and b as sums of pieces: monomials of the coordinates, and nodes that are not polynomials.

use super::range::ranges;
use super::series::settled;
use crate::domain::Axis;
use crate::expr::{Graph, Node, NodeId, Op};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// Coordinates with their powers, ascending.
pub(super) type Powers = Vec<(u32, u32)>;
/// Powers and coefficients.
pub(super) type Poly = BTreeMap<Powers, f64>;

/// Largest degree and number of terms of a polynomial that is written out.
const DEGREE: u32 = 64;
const SIZE: usize = 4096;
/// Most summands that are looked at, and most work on the coordinates of nodes.
const STEPS: usize = 100_000;
const WORK: usize = 50_000_000;

/// A summand without its coefficient.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Monomial(Powers),
    Node(NodeId),
}

#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub kind: Kind,
    pub coordinates: Vec<usize>,
    /// No pole inside the support, as far as intervals tell.
    pub regular: bool,
    /// 1 where it is never negative, -1 where it is never positive, else 0.
    pub sign: f64,
}

/// Statistics as combinations of pieces.
pub(super) struct Form {
    pub graph: Graph,
    pub axes: Vec<Axis>,
    pub pieces: Vec<Piece>,
    /// For each statistic its pieces, their coefficients, and the sums of the sizes that these were summed from.
    pub rows: Vec<Vec<(usize, f64, f64)>>,
    pub base: Vec<(usize, f64, f64)>,
    /// Too many nodes for an analysis: the rest is meaningless.
    pub too_large: bool,
}

/// Writes nodes of a graph as polynomials.
pub(super) struct Expander<'a> {
    g: &'a Graph,
    known: HashMap<NodeId, Option<Rc<Poly>>>,
}

fn degree(p: &Powers) -> u32 {
    p.iter().map(|p| p.1).sum()
}

fn times(a: &Powers, b: &Powers) -> Powers {
    let mut out = Powers::with_capacity(a.len() + b.len());
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) if x.0 == y.0 => {
                out.push((x.0, x.1 + y.1));
                (i, j) = (i + 1, j + 1);
            }
            (Some(x), y) if y.is_none_or(|y| x.0 < y.0) => {
                out.push(*x);
                i += 1;
            }
            (_, Some(y)) => {
                out.push(*y);
                j += 1;
            }
            _ => break,
        }
    }
    out
}

/// Add `c` times `p`; `None` where it cannot be told whether a coefficient is 0.
fn accumulate(into: &mut Poly, p: &Powers, c: f64) -> Option<()> {
    let slot = into.entry(p.clone()).or_insert(0.0);
    *slot = settled(*slot + c, slot.abs() + c.abs())?;
    Some(())
}

impl<'a> Expander<'a> {
    pub fn new(g: &'a Graph) -> Self {
        Expander { g, known: HashMap::new() }
    }
    /// The polynomial of a node, where it is one.
    pub fn poly(&mut self, id: NodeId, depth: usize) -> Option<Rc<Poly>> {
        if let Some(known) = self.known.get(&id) {
            return known.clone();
        }
        let found = if depth > 200 { None } else { self.make(id, depth + 1).map(Rc::new) };
        self.known.insert(id, found.clone());
        found
    }
    fn make(&mut self, id: NodeId, depth: usize) -> Option<Poly> {
        let mut out = Poly::new();
        match self.g.node(id) {
            Node::Const(bits) => {
                let c = Some(f64::from_bits(bits)).filter(|c| c.is_finite())?;
                out.insert(vec![], c);
            }
            Node::Var(j) => {
                out.insert(vec![(j, 1)], 1.0);
            }
            Node::Apply(Op::Add | Op::Sub | Op::Neg, _) => {
                // A chain of sums in one go.
                let mut stack = vec![(id, 1.0)];
                let mut steps = 0;
                while let Some((id, c)) = stack.pop() {
                    steps += 1;
                    match self.g.node(id) {
                        Node::Apply(Op::Add, [a, b, _]) => stack.extend([(b, c), (a, c)]),
                        Node::Apply(Op::Sub, [a, b, _]) => stack.extend([(b, -c), (a, c)]),
                        Node::Apply(Op::Neg, [a, ..]) => stack.push((a, -c)),
                        _ => {
                            let part = self.poly(id, depth)?;
                            part.iter().try_for_each(|(p, v)| accumulate(&mut out, p, c * v))?;
                        }
                    }
                    if out.len() > SIZE || steps > STEPS {
                        return None;
                    }
                }
            }
            Node::Apply(Op::Mul, [a, b, _]) => {
                let (a, b) = (self.poly(a, depth)?, self.poly(b, depth)?);
                let top = |p: &Poly| p.keys().map(degree).max().unwrap_or(0);
                if a.len() * b.len() > SIZE || top(&a) + top(&b) > DEGREE {
                    return None;
                }
                for (p, u) in a.iter() {
                    b.iter().try_for_each(|(q, v)| accumulate(&mut out, &times(p, q), u * v))?;
                }
            }
            Node::Apply(Op::Div, [a, b, _]) => {
                let (a, b) = (self.poly(a, depth)?, self.g.as_constant(b)?);
                a.iter().try_for_each(|(p, u)| accumulate(&mut out, p, u / b))?;
            }
            Node::Part(b, part) => {
                let block = self.g.block(b);
                let width = block.map.inputs();
                out.insert(vec![], block.map.bias()[part as usize]);
                let row = &block.map.weight()[part as usize * width..(part as usize + 1) * width];
                for (w, a) in row.iter().zip(block.args.iter()) {
                    let argument = self.poly(*a, depth)?;
                    argument.iter().try_for_each(|(p, v)| accumulate(&mut out, p, w * v))?;
                    if out.len() > SIZE {
                        return None;
                    }
                }
            }
            _ => return None,
        }
        out.retain(|_, c| *c != 0.0);
        out.values().all(|c| c.is_finite()).then_some(out)
    }
}

impl Form {
    pub fn new(mut graph: Graph, axes: Vec<Axis>, t: &[NodeId], base: NodeId) -> Form {
        let logs = logarithms(&mut graph, &axes);
        let (range, regular) = ranges(&graph, &axes);
        let mut pieces: Vec<Piece> = Vec::new();
        let mut index: HashMap<Kind, usize> = HashMap::new();
        let mut expander = Expander::new(&graph);
        let mut work = axes.len() * graph.len();
        let mut split = |root: NodeId| -> Vec<(usize, f64, f64)> {
            let mut row: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
            let mut stack = vec![(root, 1.0)];
            let mut steps = 0;
            let mut put = |kind: Kind, c: f64| {
                let at = *index.entry(kind.clone()).or_insert_with(|| {
                    let (coordinates, regular, sign) = match &kind {
                        Kind::Monomial(p) => (p.iter().map(|p| p.0 as usize).collect(), true, monomial_sign(p, &axes)),
                        Kind::Node(id) => {
                            let r = range[id.index()];
                            let sign = f64::from(u8::from(r.low >= 0.0)) - f64::from(u8::from(r.high <= 0.0));
                            work = work.saturating_add(graph.len());
                            let coordinates = if work > WORK { vec![] } else { graph.coordinates(*id) };
                            (coordinates, regular[id.index()], sign)
                        }
                    };
                    pieces.push(Piece { kind, coordinates, regular, sign });
                    pieces.len() - 1
                });
                let slot = row.entry(at).or_insert((0.0, 0.0));
                *slot = (slot.0 + c, slot.1 + c.abs());
            };
            while let Some((id, c)) = stack.pop() {
                steps += 1;
                match graph.node(id) {
                    _ if steps > STEPS => put(Kind::Node(id), c),
                    _ if !graph.varies(id) => {}
                    Node::Apply(Op::Add, [a, b, _]) => stack.extend([(b, c), (a, c)]),
                    Node::Apply(Op::Sub, [a, b, _]) => stack.extend([(b, -c), (a, c)]),
                    Node::Apply(Op::Neg, [a, ..]) => stack.push((a, -c)),
                    Node::Apply(Op::Mul, [a, b, _]) if finite(&graph, a).is_some() => {
                        stack.push((b, c * finite(&graph, a).unwrap_or(1.0)));
                    }
                    Node::Apply(Op::Div, [a, b, _]) if finite(&graph, b).is_some() => {
                        stack.push((a, c / finite(&graph, b).unwrap_or(1.0)));
                    }
                    Node::Apply(Op::Log, _) if logs.contains_key(&id) => {
                        logs.get(&id).into_iter().flatten().for_each(|(n, f)| stack.push((*n, c * f)));
                    }
                    Node::Var(_) | Node::Apply(Op::Mul | Op::Div, _) | Node::Part(..) => match expander.poly(id, 0) {
                        Some(poly) => {
                            poly.iter().filter(|(p, _)| !p.is_empty()).for_each(|(p, v)| put(Kind::Monomial(p.clone()), c * v))
                        }
                        None => put(Kind::Node(id), c),
                    },
                    _ => put(Kind::Node(id), c),
                }
            }
            // Where decimals cancel, the rest is their rounding; how much more that may be, the verdict asks.
            let left = |c: f64, size: f64| c.abs() == size || c.abs() > f64::EPSILON * size;
            row.into_iter().map(|(i, (c, size))| (i, c, size)).filter(|r| left(r.1, r.2)).collect()
        };
        let rows = t.iter().map(|t| split(*t)).collect();
        let base = split(base);
        Form { axes, pieces, rows, base, too_large: work > WORK, graph }
    }
    /// The coefficient of each piece and the sum of the sizes of what it is made of.
    pub fn coefficients(&self, eta: &[f64]) -> Vec<(f64, f64)> {
        let mut out = vec![(0.0, 0.0); self.pieces.len()];
        let rows = self.rows.iter().zip(eta.iter().copied()).chain([(&self.base, 1.0)]);
        for (row, eta) in rows {
            for (piece, c, size) in row {
                let slot = &mut out[*piece];
                slot.0 += eta * c;
                slot.1 += (eta * size).abs();
            }
        }
        out
    }
}

fn monomial_sign(powers: &Powers, axes: &[Axis]) -> f64 {
    let one = |(j, p): &(u32, u32)| match axes[*j as usize] {
        _ if p % 2 == 0 => 1.0,
        Axis::HalfLine { from } | Axis::Segment { from, .. } | Axis::Integers { from, .. } if from >= 0.0 => 1.0,
        Axis::Segment { to, .. } | Axis::Integers { to, .. } if to <= 0.0 => -1.0,
        _ => 0.0,
    };
    powers.iter().map(one).product()
}

fn finite(g: &Graph, id: NodeId) -> Option<f64> {
    g.as_constant(id).filter(|c| c.is_finite() && *c != 0.0)
}

/// For logarithms of products, quotients and powers of what is positive, and for those of absolute values of such: the
/// logarithms that they are sums of.
fn logarithms(g: &mut Graph, axes: &[Axis]) -> HashMap<NodeId, Vec<(NodeId, f64)>> {
    let mut out = HashMap::new();
    if !(0..g.len()).any(|i| matches!(g.node(g.id(i)), Node::Apply(Op::Log, _))) {
        return out;
    }
    let (range, _) = ranges(g, axes);
    let positive = |a: NodeId| range.get(a.index()).is_some_and(|r| r.above(0.0));
    let mut i = 0;
    while i < g.len() {
        let id = g.id(i);
        i += 1;
        let Node::Apply(Op::Log, [a, ..]) = g.node(id) else { continue };
        let parts = match g.node(a) {
            Node::Apply(Op::Mul, [p, q, _]) if positive(p) && positive(q) => vec![(p, 1.0), (q, 1.0)],
            Node::Apply(Op::Mul, [p, q, _]) if p == q => vec![(g.unary(Op::Abs, p), 2.0)],
            Node::Apply(Op::Abs, [p, ..]) => match g.node(p) {
                Node::Apply(op @ (Op::Mul | Op::Div), [p, q, _]) if p != q => {
                    let sign = if op == Op::Mul { 1.0 } else { -1.0 };
                    vec![(g.unary(Op::Abs, p), 1.0), (g.unary(Op::Abs, q), sign)]
                }
                _ if positive(p) => vec![(p, 1.0)],
                _ => continue,
            },
            Node::Apply(Op::Div, [p, q, _]) if positive(p) && positive(q) => vec![(p, 1.0), (q, -1.0)],
            Node::Apply(Op::Sqrt, [p, ..]) if positive(p) => vec![(p, 0.5)],
            Node::Apply(Op::Pow, [p, c, _]) if positive(p) => match finite(g, c) {
                Some(c) => vec![(p, c)],
                None => continue,
            },
            _ => continue,
        };
        let parts = parts.into_iter().map(|(p, c)| (g.unary(Op::Log, p), c)).collect();
        out.insert(id, parts);
    }
    out
}
