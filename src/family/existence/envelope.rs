//! Densities under a condition `where:`, which is a conjunction of g < 0.
//!
//! Where the condition holds, 1 <= exp(-n max(g, 0)) <= exp(-n g) for n > 0, and 1 <= (2 b^2 / (a^2 + b^2))^n
//! where 0 < a < b, a a number, and 1 <= exp(n (b^2 - a^2)) where 0 <= a < b, b a number. So the integral of exp(eta . T + b) under the condition is at most that of its product with such functions over the
//! whole support, where they decay; if that exists, so does the one sought. Logarithms of what the condition makes positive
//! are those of the absolute value there. What is asked for its own sake, without such factors, is also refuted.

use super::copy::copy;
use super::form::Expander;
use super::fuel::Fuel;
use super::range::ranges;
use super::{Existence, Tails};
use crate::expr::{Graph, Node, NodeId, Op};

/// Most conjuncts.
const CONJUNCTS: usize = 6;
/// The factors n, which are not those that coefficients of families cancel with.
const FACTORS: [f64; 3] = [1.13, 1.37e3, 1.71e6];

/// The family with functions of its conjuncts as further statistics.
pub(super) struct Envelope {
    tails: Tails,
    /// For each way to decay the coefficients of the further statistics, up to the factor n.
    ways: Vec<Vec<f64>>,
}

/// g < 0, and a number with what has a larger size then.
struct Conjunct {
    g: NodeId,
    above: Option<(f64, NodeId)>,
    /// What is less than a number then.
    below: Option<NodeId>,
}

/// The condition with its comparisons as g < 0; those that are conjuncts go to `out`.
fn conjuncts(g: &mut Graph, id: NodeId, out: &mut Vec<Conjunct>, depth: usize) -> NodeId {
    match g.node(id) {
        Node::Apply(Op::And, [a, b, _]) if depth < 50 => {
            let (a, b) = (conjuncts(g, a, out, depth + 1), conjuncts(g, b, out, depth + 1));
            g.apply(Op::And, [a, b, b])
        }
        Node::Apply(op @ (Op::Less | Op::LessEqual), [a, b, _]) => {
            let above = match (g.as_constant(a), g.as_constant(b)) {
                (Some(c), _) if c > 0.0 => Some((c, b)),
                (_, Some(c)) if c < 0.0 => Some((c, a)),
                _ => None,
            };
            let below = g.as_constant(b).filter(|c| c.is_finite()).map(|_| a);
            let difference = g.sub(a, b);
            out.push(Conjunct { g: difference, above, below });
            let zero = g.constant(0.0);
            g.apply(op, [difference, zero, zero])
        }
        _ => id,
    }
}

impl Tails {
    /// The verdict of substitutions and of larger densities, for a family under a condition.
    pub(super) fn under_condition(&self, eta: &[f64], fuel: &Fuel) -> Option<Existence> {
        if self.depth > 0 {
            let told = |shear: &Tails| Some(shear.existence(eta, fuel)).filter(|e| !matches!(e, Existence::Unproven { .. }));
            return if self.form.axes.len() > 1 { self.sheared(fuel).iter().find_map(told) } else { None };
        }
        let envelope = self.envelope.get_or_init(|| self.enveloped().map(Box::new)).as_ref()?;
        let with = |way: &[f64], n: f64| -> Existence {
            let all: Vec<f64> = eta.iter().copied().chain(way.iter().map(|c| c * n)).collect();
            envelope.tails.existence(&all, fuel)
        };
        let plain = with(envelope.ways.first()?, 0.0);
        if !matches!(plain, Existence::Unproven { .. }) {
            return Some(plain);
        }
        let tries = FACTORS.iter().flat_map(|n| envelope.ways.iter().map(move |way| (way, *n)));
        tries.into_iter().any(|(way, n)| with(way, n) == Existence::Proper).then_some(Existence::Proper)
    }

    fn enveloped(&self) -> Option<Envelope> {
        let source = &self.form.graph;
        let mut with_differences = source.clone();
        let mut found = Vec::new();
        let inside = conjuncts(&mut with_differences, self.inside?, &mut found, 0);
        let (range, _) = ranges(&with_differences, &self.form.axes);
        for c in &mut found {
            c.below = c.below.filter(|b| range.get(b.index()).is_some_and(|r| r.low >= 0.0));
        }
        found.retain(|c| with_differences.varies(c.g));
        if found.is_empty() || found.len() > CONJUNCTS {
            return None;
        }
        let source = &with_differences;
        let mut roots: Vec<NodeId> = self.roots.clone();
        roots.push(inside);
        roots.extend(found.iter().map(|c| c.g));
        roots.extend(found.iter().filter_map(|c| c.above.map(|a| a.1)));
        roots.extend(found.iter().filter_map(|c| c.below));
        let mut expander = Expander::new(source);
        let mut g = Graph::new();
        let moved = copy(source, &mut g, &roots, |id, g, at| {
            let Node::Apply(Op::Log, [a, ..]) = source.node(id) else { return None };
            let positive = found.iter().any(|c| opposite(&mut expander, a, c.g));
            positive.then(|| {
                let size = g.unary(Op::Abs, at(a));
                g.unary(Op::Log, size)
            })
        });
        let (t, rest) = moved.split_at(self.roots.len() - 1);
        let (base, inside) = (rest[0], rest[1]);
        let (differences, others) = rest[2..].split_at(found.len());
        let (above, below) = others.split_at(found.iter().filter(|c| c.above.is_some()).count());
        let m = found.len();
        let mut more: Vec<NodeId> = differences.to_vec();
        more.extend(differences.iter().map(|d| g.unary(Op::Relu, *d)).collect::<Vec<_>>());
        let sizes: Vec<f64> = found.iter().filter_map(|c| c.above.map(|a| a.0)).collect();
        let logs = above.iter().zip(&sizes).map(|(b, c)| {
            let (square, number) = (g.mul(*b, *b), g.constant(c * c));
            let sum = g.add(square, number);
            let (up, down) = (g.unary(Op::Log, square), g.unary(Op::Log, sum));
            g.sub(up, down)
        });
        more.extend(logs.collect::<Vec<_>>());
        let powers = 2 * m..more.len();
        more.extend(below.iter().map(|b| g.mul(*b, *b)).collect::<Vec<_>>());
        let squares = powers.end..more.len();
        let way = |chosen: &dyn Fn(usize) -> f64| (0..more.len()).map(chosen).collect::<Vec<f64>>();
        let soft = |i: usize| (m..2 * m).contains(&i);
        let mut ways = vec![way(&|i| if soft(i) { -1.0 } else { 0.0 }), way(&|i| if i < m { -1.0 } else { 0.0 })];
        if m > 1 {
            ways.extend((0..m).map(|k| way(&|i| if i == k { -1.0 } else { 0.0 })));
        }
        if !squares.is_empty() {
            ways.push(way(&|i| if squares.contains(&i) { -1.0 } else { 0.0 }));
        }
        ways.extend(powers.map(|k| {
            way(&|i| {
                if i == k {
                    1.0
                } else if soft(i) {
                    -1.0
                } else {
                    0.0
                }
            })
        }));
        let statistics: Vec<NodeId> = t.iter().copied().chain(more).collect();
        let tails =
            Tails::build(g, self.form.axes.clone(), &statistics, base, Some(inside), self.names.clone(), self.depth + 1);
        Some(Envelope { tails, ways })
    }
}

/// Whether `a` is a negative multiple of `g`, both polynomials.
fn opposite(expander: &mut Expander, a: NodeId, g: NodeId) -> bool {
    let (Some(a), Some(g)) = (expander.poly(a, 0), expander.poly(g, 0)) else { return false };
    let Some(ratio) = a.iter().next().and_then(|(p, c)| g.get(p).map(|d| c / d)) else { return false };
    ratio < 0.0 && a.len() == g.len() && a.iter().all(|(p, c)| g.get(p).is_some_and(|d| *c == ratio * d))
}
