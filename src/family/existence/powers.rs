//! Substitutions x_j = s w^p over half-lines and segments that start at 0.
//!
//! There w -> s w^p is one to one, with the derivative s p w^(p - 1): the family in w, with (p - 1) log w in its base measure, has
//! an integral exactly where the one in x has; a condition moves with it. Roots of coordinates become whole powers, whose
//! poles are located, and curves c x_i^a = d x_k^b become lines through 0, at which the cones are cut.

use super::Tails;
use super::copy::copy;
use super::form::{Expander, Kind, Piece, Powers};
use crate::domain::Axis;
use crate::expr::{Graph, Node, NodeId, Op};

/// Largest power, and most substitutions that are tried.
const LARGEST: u32 = 12;
const TRIES: usize = 4;
/// A coordinate, its power p and its scale s.
type Substitution = (usize, u32, f64);

/// A number that is this near to a whole one is one.
const NEAR: f64 = 1e-9;

impl Tails {
    /// The family after substitutions by powers that may help.
    pub(super) fn powered(&self) -> &[Tails] {
        self.powers.get_or_init(|| {
            let d = self.form.axes.len();
            if self.depth > 0 || self.form.graph.len() > 2000 || !(0..d).any(|j| self.starts_at_zero(j)) {
                return vec![];
            }
            let roots = self.whole();
            let roots: Vec<(u32, f64)> = roots.into_iter().map(|p| (p, 1.0)).collect();
            let mut tries = vec![roots.clone()];
            for pair in self.curves() {
                let mut powers = roots.clone();
                pair.iter().for_each(|(j, p, s)| powers[*j] = (powers[*j].0 * p, *s));
                if !tries.contains(&powers) {
                    tries.push(powers);
                }
            }
            tries.retain(|t| t.iter().any(|p| p.0 > 1) && t.iter().all(|p| p.0 <= LARGEST));
            tries.iter().take(TRIES).map(|t| self.with_powers(t)).collect()
        })
    }

    fn starts_at_zero(&self, j: usize) -> bool {
        matches!(self.form.axes[j], Axis::HalfLine { from } | Axis::Segment { from, .. } if from == 0.0)
    }

    /// For each coordinate the least power that makes those whole in which it appears.
    fn whole(&self) -> Vec<u32> {
        let g = &self.form.graph;
        let mut found = vec![1; self.form.axes.len()];
        let needed = g.reachable(&self.all_roots());
        for id in (0..g.len()).filter(|i| needed[*i]).map(|i| g.id(i)) {
            if let Some((j, p)) = power(g, id)
                && self.starts_at_zero(j)
                && let Some(q) = (1..=LARGEST).find(|q| whole(p * f64::from(found[j] * q)).is_some())
            {
                found[j] *= q;
            }
        }
        found
    }

    /// Powers after which sums c x_j^a + d x_k^b are homogeneous.
    fn curves(&self) -> Vec<[Substitution; 2]> {
        let g = &self.form.graph;
        let mut expander = Expander::new(g);
        let needed = g.reachable(&self.all_roots());
        let mut found = Vec::new();
        let mut note = |terms: &[(&Powers, f64)]| {
            let pure = |(p, c): &(&Powers, f64)| if let [(j, a)] = p[..] { Some((j as usize, a, *c)) } else { None };
            let pure: Vec<Substitution> = terms.iter().filter_map(pure).collect();
            for (i, (j, a, c)) in pure.iter().enumerate() {
                for (k, b, d) in pure[..i].iter().filter(|(k, b, _)| k != j && b != a) {
                    let g = gcd(*a, *b);
                    // The scale falls on the smaller power, of which it is the root.
                    let (s, t) = if a < b {
                        ((d / c).abs().powf(1.0 / f64::from(*a)), 1.0)
                    } else {
                        (1.0, (c / d).abs().powf(1.0 / f64::from(*b)))
                    };
                    let pair = [(*j, b / g, s), (*k, a / g, t)];
                    if self.starts_at_zero(*j) && self.starts_at_zero(*k) && !found.contains(&pair) {
                        found.push(pair);
                    }
                }
            }
        };
        for id in (0..g.len()).filter(|i| needed[*i]).map(|i| g.id(i)) {
            if matches!(g.node(id), Node::Apply(Op::Add | Op::Sub, _) | Node::Part(..))
                && let Some(poly) = expander.poly(id, 0)
                && poly.len() < 8
            {
                note(&poly.iter().map(|(p, c)| (p, *c)).collect::<Vec<_>>());
            }
        }
        note(&self.form.pieces.iter().filter_map(monomial).collect::<Vec<_>>());
        found
    }

    fn all_roots(&self) -> Vec<NodeId> {
        self.roots.iter().copied().chain(self.inside).collect()
    }

    /// The family in w, x_j = s_j w_j^(p_j).
    fn with_powers(&self, p: &[(u32, f64)]) -> Tails {
        let source = &self.form.graph;
        let mut g = Graph::new();
        let moved = copy(source, &mut g, &self.all_roots(), |id, g, _| {
            let changed = |(j, _): &(usize, f64)| p[*j] != (1, 1.0);
            if let Some((j, c)) = power(source, id).filter(changed) {
                let (raised, scale) = (raised(g, j, c * f64::from(p[j].0)), g.constant(p[j].1.powf(c)));
                return Some(g.mul(scale, raised));
            }
            let Node::Apply(Op::Log, [a, ..]) = source.node(id) else { return None };
            let (j, c) = power(source, a).filter(changed)?;
            let w = g.var(j);
            let (log, factor) = (g.unary(Op::Log, w), g.constant(c * f64::from(p[j].0)));
            let (moving, shift) = (g.mul(factor, log), g.constant(c * p[j].1.ln()));
            Some(g.add(moving, shift))
        });
        let (t, rest) = moved.split_at(self.roots.len() - 1);
        let mut base = rest[0];
        let (mut axes, mut names) = (self.form.axes.clone(), self.names.clone());
        for (j, (p, s)) in p.iter().enumerate().filter(|p| *p.1 != (1, 1.0)) {
            let w = g.var(j);
            let (log, factor) = (g.unary(Op::Log, w), g.constant(f64::from(p - 1)));
            let slope = g.mul(factor, log);
            base = g.add(base, slope);
            if let Axis::Segment { to, .. } = &mut axes[j] {
                *to = (*to / s).powf(1.0 / f64::from(*p));
            }
            let scaled = if *s == 1.0 { names[j].clone() } else { format!("({} / {s})", names[j]) };
            names[j] = format!("{scaled}^(1/{p})");
        }
        Tails::build(g, axes, t, base, rest.get(1).copied(), names, self.depth + 1)
    }
}

fn monomial(piece: &Piece) -> Option<(&Powers, f64)> {
    match &piece.kind {
        Kind::Monomial(powers) => Some((powers, 1.0)),
        Kind::Node(_) => None,
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The whole number that `v` is, up to rounding.
fn whole(v: f64) -> Option<i32> {
    ((v - v.round()).abs() < NEAR && v.abs() < 100.0).then(|| v.round() as i32)
}

/// A power of one coordinate.
fn power(g: &Graph, id: NodeId) -> Option<(usize, f64)> {
    match g.node(id) {
        Node::Var(j) => Some((j as usize, 1.0)),
        Node::Apply(Op::Sqrt, [a, ..]) => power(g, a).map(|(j, p)| (j, 0.5 * p)),
        Node::Apply(Op::Cbrt, [a, ..]) => power(g, a).map(|(j, p)| (j, p / 3.0)),
        Node::Apply(Op::Pow, [a, c, _]) => power(g, a).zip(g.as_constant(c)).map(|((j, p), c)| (j, p * c)),
        _ => None,
    }
}

/// w_j^c.
fn raised(g: &mut Graph, j: usize, c: f64) -> NodeId {
    let w = g.var(j);
    let Some(n) = whole(c) else {
        let c = g.constant(c);
        return g.apply(Op::Pow, [w, c, c]);
    };
    let one = g.constant(1.0);
    let product = (0..n.unsigned_abs()).fold(one, |product, _| g.mul(product, w));
    if n < 0 { g.div(one, product) } else { product }
}
