//! The exponent as a sum of terms: what stands in one coordinate alone, and what couples several.
//!
//! eta . T + b + log |dx/dz| is walked through sums, differences, products with what is free of x, and products of sums,
//! which are multiplied out. The terms of one coordinate make its own exponent; a product of functions of one coordinate
//! each is a [`Coupling`]; everything else is tangled and left out: whoever uses the terms weighs with the whole exponent.

use super::stein::angles;
use super::{Family, Integrand};
use crate::domain::Axis;
use crate::expr::{Graph, Node, NodeId, Op, Program};

/// A coefficient times a product of functions of one coordinate each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coupling {
    /// Position of its coefficient in [`Terms::coefficients`].
    pub coefficient: usize,
    /// Coordinate, and number of the function among those of the coordinate.
    pub factors: Vec<(usize, usize)>,
}

/// The terms of a family's exponent over the coordinates of [`Terms::axes`], compiled.
#[derive(Debug, Clone)]
pub struct Terms {
    axes: Vec<Axis>,
    program: Program,
    functions: Vec<usize>,
    couplings: Vec<Coupling>,
    graph: Graph,
    coefficients: Vec<NodeId>,
    tangled: Vec<usize>,
}

/// Most terms that a product of sums is multiplied out to.
const MOST_TERMS: usize = 256;
/// Most products within products that are multiplied out.
const DEPTH: usize = 6;

/// A term: a coefficient free of x, and factors, ascending.
type Term = (NodeId, Vec<NodeId>);

impl Terms {
    pub(super) fn new(family: &Family) -> Option<Terms> {
        let (axes, mut g, value, inside) = exponent(family)?;
        let m = axes.len();
        let mut split = Split::new(m);
        for (coefficient, factors) in terms(&mut g, value) {
            split.place(&mut g, coefficient, &factors);
        }
        let mut entries: Vec<Vec<NodeId>> = Vec::new();
        for j in 0..m {
            let own = g.sum(&split.own[j]);
            let own = inside.iter().filter(|c| g.coordinates(**c) == [j]).copied().collect::<Vec<_>>().into_iter().fold(
                own,
                |own, condition| {
                    let outside = g.constant(f64::NEG_INFINITY);
                    g.apply(Op::Select, [condition, own, outside])
                },
            );
            entries.push(std::iter::once(own).chain(split.functions[j].iter().copied()).collect());
        }
        // Every entry is over one coordinate, whichever it is.
        let mut line = Graph::new();
        let x = line.var(0);
        let entries: Vec<Vec<NodeId>> = entries.iter().map(|e| line.import(&g, e, &vec![x; m])).collect();
        let program = Program::compile(&line, 1, &entries.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let functions = split.functions.iter().map(Vec::len).collect();
        split.tangled.sort_unstable();
        split.tangled.dedup();
        let Split { couplings, coefficients, tangled, .. } = split;
        Some(Terms { axes, program, functions, couplings, graph: g, coefficients, tangled })
    }
    /// The axes of the coordinates: lines, but for angles and, where some coordinates are whole numbers, the axes of
    /// [`Family::integrand`].
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }
    /// Entry j over one coordinate: the own exponent of coordinate j, then its functions.
    pub fn program(&self) -> &Program {
        &self.program
    }
    /// Number of functions of coordinate `j` in couplings.
    pub fn functions(&self, j: usize) -> usize {
        self.functions[j]
    }
    /// The couplings.
    pub fn couplings(&self) -> &[Coupling] {
        &self.couplings
    }
    /// The coefficients of the couplings at `eta`.
    pub fn coefficients(&self, eta: &[f64]) -> Vec<f64> {
        self.graph.evaluate(&self.coefficients, &[], eta)
    }
    /// The coordinates that occur in terms which are neither of one coordinate nor products, ascending.
    pub fn tangled(&self) -> &[usize] {
        &self.tangled
    }
}

impl Family {
    /// The terms of the exponent, where the support has axes or is continuous.
    pub fn terms(&self) -> Option<&Terms> {
        self.terms.get_or_init(|| Terms::new(self)).as_ref()
    }
    /// The whole exponent over the coordinates of [`Family::terms`].
    pub fn over_terms(&self) -> Option<&Integrand> {
        if self.support.bijector().discrete() { self.integrand() } else { self.unconstrained_integrand() }
    }
}

/// Axes, exponent, and the conditions that hold inside.
pub(super) fn exponent(family: &Family) -> Option<(Vec<Axis>, Graph, NodeId, Vec<NodeId>)> {
    let bijector = family.support.bijector();
    if bijector.discrete() {
        let axes = bijector.axes()?;
        let mut g = Graph::new();
        let t: Vec<NodeId> = (0..axes.len()).map(|j| g.var(j)).collect();
        let (x, measure) = bijector.on_axes(&mut g, &t);
        let image = family.image(&mut g, &x);
        let base = g.add(image.base, measure);
        let value = family.log_density_node(&mut g, &image.t, base);
        let inside = conditions(&g, image.inside);
        return Some((axes, g, value, inside));
    }
    let all = family.unconstrained();
    let free = all.z.len();
    let angles = angles(&all);
    let axes = (0..free).map(|j| if angles.contains(&j) { Axis::Circle } else { Axis::Line }).collect();
    let inside = conditions(&all.graph, all.inside);
    Some((axes, all.graph, all.value, inside))
}

/// The conditions that all hold where `root` does.
fn conditions(g: &Graph, root: Option<NodeId>) -> Vec<NodeId> {
    let (mut found, mut stack): (Vec<NodeId>, Vec<NodeId>) = (vec![], root.into_iter().collect());
    while let Some(id) = stack.pop() {
        match g.node(id) {
            Node::Apply(Op::And, [a, b, _]) => stack.extend([b, a]),
            _ => found.push(id),
        }
    }
    found
}

#[derive(Default)]
pub(super) struct Split {
    pub own: Vec<Vec<NodeId>>,
    functions: Vec<Vec<NodeId>>,
    couplings: Vec<Coupling>,
    coefficients: Vec<NodeId>,
    tangled: Vec<usize>,
}

impl Split {
    pub fn new(m: usize) -> Split {
        Split { own: vec![vec![]; m], functions: vec![vec![]; m], ..Split::default() }
    }
    /// Give a term to the coordinate it stands in, to the couplings, or to neither.
    pub fn place(&mut self, g: &mut Graph, coefficient: NodeId, factors: &[NodeId]) {
        let mut by: Vec<(usize, NodeId)> = Vec::new();
        for factor in factors {
            match g.coordinates(*factor)[..] {
                [] => {}
                [j] => match by.iter_mut().find(|(i, _)| *i == j) {
                    Some((_, product)) => *product = g.mul(*product, *factor),
                    None => by.push((j, *factor)),
                },
                ref several => {
                    self.tangled.extend(several);
                    self.tangled.extend(factors.iter().flat_map(|f| g.coordinates(*f)));
                    return;
                }
            }
        }
        match by[..] {
            [] => {}
            [(j, function)] => {
                let term = g.mul(coefficient, function);
                self.own[j].push(term);
            }
            _ => {
                let factors = by.into_iter().map(|(j, f)| (j, number(&mut self.functions[j], f))).collect();
                self.couplings.push(Coupling { coefficient: self.coefficients.len(), factors });
                self.coefficients.push(coefficient);
            }
        }
    }
}

fn number(list: &mut Vec<NodeId>, node: NodeId) -> usize {
    list.iter().position(|n| *n == node).unwrap_or_else(|| {
        list.push(node);
        list.len() - 1
    })
}

/// The terms of `root`. Sums of any length are walked with a stack; products within them recurse to [`DEPTH`].
pub(super) fn terms(g: &mut Graph, root: NodeId) -> Vec<Term> {
    let one = g.constant(1.0);
    let (mut found, mut stack) = (vec![], vec![(one, root)]);
    while let Some((c, id)) = stack.pop() {
        if step(g, c, id, &mut stack) {
            continue;
        }
        match product(g, id, DEPTH) {
            Some(expanded) => found.extend(expanded.into_iter().map(|(s, f)| (g.mul(c, s), f))),
            None => found.push((c, vec![id])),
        }
    }
    found
}

/// Replace `c` times a sum, a negation or a multiple by its parts on the stack; false for anything else.
fn step(g: &mut Graph, c: NodeId, id: NodeId, stack: &mut Vec<(NodeId, NodeId)>) -> bool {
    match g.node(id) {
        Node::Apply(Op::Add, [a, b, _]) => stack.extend([(c, b), (c, a)]),
        Node::Apply(Op::Sub, [a, b, _]) => {
            let minus = g.neg(c);
            stack.extend([(minus, b), (c, a)]);
        }
        Node::Apply(Op::Neg, [a, ..]) => {
            let minus = g.neg(c);
            stack.push((minus, a));
        }
        Node::Apply(Op::Mul, [s, v, _]) if !g.varies(s) => stack.push((g.mul(c, s), v)),
        Node::Apply(Op::Mul, [v, s, _]) if !g.varies(s) => stack.push((g.mul(c, s), v)),
        Node::Apply(Op::Div, [v, s, _]) if !g.varies(s) => stack.push((g.div(c, s), v)),
        _ => return false,
    }
    true
}

/// The terms of a product, multiplied out; none where `id` is no product or the terms are too many.
fn product(g: &mut Graph, id: NodeId, depth: usize) -> Option<Vec<Term>> {
    let Node::Apply(Op::Mul, [a, b, _]) = g.node(id) else { return None };
    let (a, b) = (sum(g, a, depth.checked_sub(1)?)?, sum(g, b, depth - 1)?);
    if a.len() * b.len() > MOST_TERMS {
        return None;
    }
    let mut found = Vec::with_capacity(a.len() * b.len());
    for (s, f) in &a {
        for (t, h) in &b {
            let mut factors = [f.as_slice(), h.as_slice()].concat();
            factors.sort_unstable();
            found.push((g.mul(*s, *t), factors));
        }
    }
    Some(found)
}

/// The terms of a factor; none where they are too many.
fn sum(g: &mut Graph, id: NodeId, depth: usize) -> Option<Vec<Term>> {
    let one = g.constant(1.0);
    let (mut found, mut stack) = (vec![], vec![(one, id)]);
    while let Some((c, id)) = stack.pop() {
        if !g.varies(id) {
            found.push((g.mul(c, id), vec![]));
        } else if !step(g, c, id, &mut stack) {
            match product(g, id, depth) {
                Some(expanded) => found.extend(expanded.into_iter().map(|(s, f)| (g.mul(c, s), f))),
                None => found.push((c, vec![id])),
            }
        }
        if found.len() + stack.len() > MOST_TERMS {
            return None;
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::domain::Support;
    use crate::expr::Trace;

    /// exponent(x) = own terms + couplings, where nothing is tangled.
    #[test]
    fn the_terms_add_up_to_the_exponent() {
        let trace = Trace::new();
        let support = Support::real(3).unwrap();
        let (x, _) = support.trace(&trace);
        let at = |i: i64| x.index(i).unwrap();
        let apart = at(0).binary(Op::Sub, &at(1)).unwrap();
        let square = apart.binary(Op::Mul, &apart).unwrap();
        let fourth = square.binary(Op::Mul, &square).unwrap();
        let wave = at(2).unary(Op::Sin).unwrap().binary(Op::Mul, &at(0)).unwrap();
        let stats = vec![("fourth".into(), fourth), ("square".into(), square), ("wave".into(), wave)];
        let base = trace.numbers(&[], &[0.0]);
        let family = Family::from_trace("t", support, &trace, stats, base, None).unwrap();
        let terms = family.terms().unwrap();
        assert!(terms.tangled().is_empty());
        let (eta, x) = ([-0.3, 0.7, 1.9], [0.4, -1.1, 2.2]);
        let values: Vec<Vec<f64>> = (0..3).map(|j| terms.program().evaluate(j, &[x[j]], &eta)).collect();
        let c = terms.coefficients(&eta);
        let coupled = |k: &Coupling| c[k.coefficient] * k.factors.iter().map(|(j, f)| values[*j][1 + f]).product::<f64>();
        let total = values.iter().map(|v| v[0]).sum::<f64>() + terms.couplings().iter().map(coupled).sum::<f64>();
        let whole = family.log_density_at(&x, 1, &eta).unwrap()[0];
        assert!((total - whole).abs() < 1e-12, "{total} for {whole}");
    }
}
