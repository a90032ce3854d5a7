//! What quadrature integrates: the exponent eta . T + b and the measure over the coordinates t of the support's axes,
//! taken apart into components that do not touch each other, and each component into a forest of small cliques.
//!
//! The exponent is a sum; what counts is which coordinates each summand touches, not how the statistics were written: the one
//! statistic `x0^2 + x1^2` falls apart, and a chain of couplings is a chain of pairs.
//!
//! # Source
//! Lauritzen and Spiegelhalter, "Local computations with probabilities on graphical structures", JRSS B 50 (1988).

use super::Family;
use super::straight::straight;
use crate::domain::Axis;
use crate::expr::kinks::{self, Surface};
use crate::expr::{Graph, Interaction, Node, NodeId, Op, Program};

/// The exponent of a family over the coordinates t of [`crate::domain::Bijector::on_axes`], in components.
pub struct Integrand {
    axes: Vec<Axis>,
    components: Vec<Component>,
    plain: bool,
    program: Program,
}

/// Coordinates that are tied together: a density factorises over components.
pub struct Component {
    /// Coordinates of t, ascending.
    pub coordinates: Vec<usize>,
    /// Their axes.
    pub axes: Vec<Axis>,
    /// Statistics with a part here, ascending.
    pub statistics: Vec<usize>,
    /// Leaves first, every clique before its parent; the last is the root.
    pub cliques: Vec<Clique>,
    /// The same not taken apart, all coordinates in one clique, where they are few and more than that.
    whole: Option<Box<Component>>,
}

/// Most coordinates of a component that is also kept in one piece.
const FEW: usize = 3;

/// A few coordinates that occur together, and the summands over them.
pub struct Clique {
    /// Positions in [`Component::coordinates`], ascending.
    pub coordinates: Vec<usize>,
    /// The clique towards the root.
    pub parent: Option<usize>,
    /// Positions, among `coordinates`, of those that the parent has too.
    pub separator: Vec<usize>,
    /// Positions in [`Component::statistics`] of those with a part here, ascending.
    pub statistics: Vec<usize>,
    program: Program,
    graph: Graph,
    surfaces: Vec<Surface>,
}

impl Clique {
    /// Entry with the clique's share of eta . T + b + log |dx/dt|, one output; minus infinity outside the support.
    pub const LOG_DENSITY: usize = 0;
    /// Entry with the shares of the statistics, then of b + log |dx/dt|.
    pub const STATISTICS: usize = 1;

    /// The compiled program over the clique's coordinates; its parameter is the whole eta.
    pub fn program(&self) -> &Program {
        &self.program
    }
    /// The surfaces on which a share has a kink or a jump, over the clique's coordinates.
    pub fn surfaces(&self) -> (&Graph, &[Surface]) {
        (&self.graph, &self.surfaces)
    }
    /// Positions, among `coordinates`, of those that the parent does not have.
    pub fn owned(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.coordinates.len()).filter(|i| !self.separator.contains(i))
    }
}

/// A summand of the exponent: of a statistic, or of the rest.
struct Summand {
    statistic: Option<usize>,
    node: NodeId,
    touches: Vec<usize>,
}

impl Integrand {
    /// Entry with T, k outputs, then b + log |dx/dt|; minus infinity outside the support.
    pub const STATISTICS: usize = 0;

    pub(super) fn new(family: &Family) -> Option<Integrand> {
        let bijector = family.support.bijector();
        Some(Self::over(family, bijector.axes()?, |g, t| bijector.on_axes(g, t)))
    }
    /// Over the unconstrained coordinates z, each a line: where a density is singular at an end of its support.
    pub(super) fn unconstrained(family: &Family) -> Option<Integrand> {
        let bijector = family.support.bijector();
        let axes = vec![Axis::Line; bijector.free()];
        (!bijector.discrete()).then(|| Self::over(family, axes, |g, z| bijector.forward(g, z)))
    }
    fn over(family: &Family, axes: Vec<Axis>, point: impl FnOnce(&mut Graph, &[NodeId]) -> (Vec<NodeId>, NodeId)) -> Integrand {
        let mut g = Graph::new();
        let t: Vec<NodeId> = (0..axes.len()).map(|j| g.var(j)).collect();
        let (x, measure) = point(&mut g, &t);
        let mut plain = x == t;
        let mut axes = axes;
        let mut image = family.image(&mut g, &x);
        let mut offset = g.add(image.base, measure);
        let mut summands = summands(&mut g, &image.t, offset, image.inside);
        if plain && !axes.iter().any(|a| matches!(a, Axis::Integers { .. })) {
            let touches: Vec<Vec<usize>> = summands.iter().map(|s| s.touches.clone()).collect();
            let roots: Vec<NodeId> = image.t.iter().copied().chain([offset]).chain(image.inside).collect();
            if let Some(straight) = straight(&g, &axes, &touches, &roots) {
                (g, axes, plain) = (straight.graph, straight.axes, false);
                let k = image.t.len();
                image.t = straight.roots[..k].to_vec();
                image.inside = straight.roots.get(k + 1).copied();
                offset = g.add(straight.roots[k], straight.measure);
                summands = self::summands(&mut g, &image.t, offset, image.inside);
            }
        }
        let within = Family::restrict(&mut g, image.inside, offset);
        let whole: Vec<NodeId> = image.t.iter().copied().chain([within]).collect();
        let program = Program::compile(&g, axes.len(), &[&whole]);
        let touches = summands.iter().map(|s| s.touches.clone()).collect();
        let components = Interaction { touches, dim: axes.len() }
            .components()
            .into_iter()
            .map(|c| Component::new(&g, &axes, c.coordinates, &summands))
            .collect();
        Integrand { axes, components, plain, program }
    }
    /// The axes of t.
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }
    /// The compiled program over all of t, not taken apart.
    pub fn program(&self) -> &Program {
        &self.program
    }
    /// Whether t is x itself.
    pub fn is_plain(&self) -> bool {
        self.plain
    }
    /// The parts that do not touch each other, by their first coordinate.
    pub fn components(&self) -> &[Component] {
        &self.components
    }
    /// Most coordinates of a clique.
    pub fn width(&self) -> usize {
        self.components.iter().flat_map(|c| &c.cliques).map(|c| c.coordinates.len()).max().unwrap_or(0)
    }
}

/// The summands of statistics `t`, of the rest, and one for each condition.
fn summands(g: &mut Graph, t: &[NodeId], offset: NodeId, inside: Option<NodeId>) -> Vec<Summand> {
    let mut out = Vec::new();
    let mut put = |g: &Graph, statistic, node| out.push(Summand { statistic, node, touches: g.coordinates(node) });
    for (statistic, root) in t.iter().enumerate().map(|(i, t)| (Some(i), *t)).chain([(None, offset)]) {
        for node in split(g, root) {
            put(g, statistic, node);
        }
    }
    for condition in inside.map_or(vec![], |c| conjuncts(g, c)) {
        let zero = g.constant(0.0);
        let node = Family::restrict(g, Some(condition), zero);
        put(g, None, node);
    }
    out
}

/// The summands of a node: sums, differences and constant factors are taken apart.
fn split(g: &mut Graph, root: NodeId) -> Vec<NodeId> {
    let (mut open, mut found) = (vec![(root, None::<NodeId>)], Vec::new());
    while let Some((node, factor)) = open.pop() {
        match g.node(node) {
            Node::Apply(Op::Add, [a, b, _]) => open.extend([(b, factor), (a, factor)]),
            Node::Apply(Op::Sub, [a, b, _]) => {
                let minus = negated(g, factor);
                open.extend([(b, minus), (a, factor)]);
            }
            Node::Apply(Op::Neg, [a, ..]) => open.push((a, negated(g, factor))),
            Node::Apply(Op::Mul, [c, a, _]) if !g.varies(c) => {
                let factor = factor.map_or(c, |f| g.mul(f, c));
                open.push((a, Some(factor)));
            }
            Node::Apply(Op::Div, [a, c, _]) if !g.varies(c) => {
                let one = factor.unwrap_or_else(|| g.constant(1.0));
                let factor = g.div(one, c);
                open.push((a, Some(factor)));
            }
            _ => found.push(factor.map_or(node, |f| g.mul(f, node))),
        }
    }
    found
}

fn negated(g: &mut Graph, factor: Option<NodeId>) -> Option<NodeId> {
    let factor = factor.unwrap_or_else(|| g.constant(1.0));
    Some(g.neg(factor))
}

/// The conditions that must all hold.
fn conjuncts(g: &Graph, condition: NodeId) -> Vec<NodeId> {
    match g.node(condition) {
        Node::Apply(Op::And, [a, b, _]) => [conjuncts(g, a), conjuncts(g, b)].concat(),
        _ => vec![condition],
    }
}

impl Component {
    fn new(g: &Graph, axes: &[Axis], coordinates: Vec<usize>, summands: &[Summand]) -> Component {
        // What touches no coordinate goes to the first component.
        let first = coordinates.first() == Some(&0);
        let here = |s: &&Summand| s.touches.first().map_or(first, |j| coordinates.contains(j));
        let local: Vec<&Summand> = summands.iter().filter(here).collect();
        let mut statistics: Vec<usize> = local.iter().filter_map(|s| s.statistic).collect();
        statistics.sort_unstable();
        statistics.dedup();
        let plan = eliminate(&coordinates, &local);
        let component = |plan: &[Step]| Component::planned(g, axes, &coordinates, &statistics, local.clone(), plan);
        let whole = (plan.len() > 1 && coordinates.len() <= FEW)
            .then(|| Box::new(component(&[Step { members: coordinates.clone(), shared: vec![], parent: None }])));
        Component { whole, ..component(&plan) }
    }
    fn planned(
        g: &Graph,
        axes: &[Axis],
        coordinates: &[usize],
        statistics: &[usize],
        mut local: Vec<&Summand>,
        plan: &[Step],
    ) -> Component {
        let mut cliques: Vec<Clique> = Vec::new();
        for step in plan {
            let (inside, outside): (Vec<_>, Vec<_>) =
                local.into_iter().partition(|s| s.touches.iter().all(|j| step.members.contains(j)));
            local = outside;
            cliques.push(Clique::new(g, step, coordinates, statistics, &inside));
        }
        Component {
            axes: coordinates.iter().map(|j| axes[*j]).collect(),
            coordinates: coordinates.to_vec(),
            statistics: statistics.to_vec(),
            cliques,
            whole: None,
        }
    }
    /// Most coordinates of a clique, of which quadrature takes three at most.
    pub fn widest(&self) -> usize {
        self.cliques.iter().map(|c| c.coordinates.len()).max().unwrap_or(1).min(FEW)
    }
    /// The component with all coordinates in one clique; none where there are too many.
    pub fn in_one_piece(&self) -> Option<&Component> {
        if self.is_one_clique() { (self.coordinates.len() <= FEW).then_some(self) } else { self.whole.as_deref() }
    }
    /// Whether all coordinates are in one clique.
    pub fn is_one_clique(&self) -> bool {
        self.cliques.len() == 1
    }
}

/// A clique to be: its coordinates, those that it shares with its parent, and the parent.
struct Step {
    members: Vec<usize>,
    shared: Vec<usize>,
    parent: Option<usize>,
}

/// Eliminate coordinates, each time one with the fewest neighbours, until what is left is part of the last clique.
fn eliminate(coordinates: &[usize], summands: &[&Summand]) -> Vec<Step> {
    let mut scopes: Vec<Vec<usize>> = summands.iter().map(|s| s.touches.clone()).collect();
    let mut left: Vec<usize> = coordinates.to_vec();
    let mut steps: Vec<(usize, Step)> = Vec::new();
    while !left.is_empty() {
        let around = |j: usize| {
            let mut all: Vec<usize> = scopes.iter().filter(|s| s.contains(&j)).flatten().copied().chain([j]).collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        let Some((gone, members)) = left.iter().map(|j| (*j, around(*j))).min_by_key(|(_, m)| m.len()) else { break };
        let last = left.iter().all(|j| members.contains(j));
        let shared: Vec<usize> = members.iter().copied().filter(|j| !last && *j != gone).collect();
        scopes.retain(|s| !s.contains(&gone));
        scopes.push(shared.clone());
        left.retain(|j| *j != gone && !last);
        steps.push((gone, Step { members, shared, parent: None }));
    }
    // The parent is where the first of the shared coordinates goes: the next clique that has one as its own.
    let owner = |from: usize, shared: &[usize]| {
        (from + 1..steps.len())
            .find(|i| steps[*i].1.members.iter().any(|j| shared.contains(j) && !steps[*i].1.shared.contains(j)))
    };
    let parents: Vec<Option<usize>> =
        steps.iter().enumerate().map(|(i, (_, s))| if s.shared.is_empty() { None } else { owner(i, &s.shared) }).collect();
    steps.into_iter().zip(parents).map(|((_, s), parent)| Step { parent, ..s }).collect()
}

impl Clique {
    fn new(source: &Graph, step: &Step, coordinates: &[usize], statistics: &[usize], summands: &[&Summand]) -> Clique {
        let position = |j: &usize| coordinates.iter().position(|c| c == j).unwrap_or(0);
        let d = step.members.len();
        let mut g = Graph::new();
        let zero = g.constant(0.0);
        let highest = coordinates.iter().chain(&step.members).max().map_or(0, |j| j + 1);
        let mut vars = vec![zero; highest];
        step.members.iter().enumerate().for_each(|(local, j)| vars[*j] = g.var(local));
        let nodes: Vec<NodeId> = summands.iter().map(|s| s.node).collect();
        // Summands over no coordinate at all may come with any clique; the variables they lack are never read.
        let images = g.import(source, &nodes, &vars);
        let share = |g: &mut Graph, of: Option<usize>| {
            let parts: Vec<NodeId> = summands.iter().zip(&images).filter(|(s, _)| s.statistic == of).map(|(_, n)| *n).collect();
            g.sum(&parts)
        };
        let mut here: Vec<usize> = summands.iter().filter_map(|s| s.statistic).collect();
        here.sort_unstable();
        here.dedup();
        let mut shares: Vec<NodeId> = here.iter().map(|s| share(&mut g, Some(*s))).collect();
        let offset = share(&mut g, None);
        let value = here.iter().zip(&shares).fold(offset, |sum, (s, node)| {
            let p = g.param(*s);
            let term = g.mul(p, *node);
            g.add(sum, term)
        });
        shares.push(offset);
        let program = Program::compile(&g, d, &[&[value], &shares]);
        let surfaces = kinks::surfaces(&mut g, &shares);
        let local = |j: &usize| step.members.iter().position(|m| m == j).unwrap_or(0);
        Clique {
            coordinates: step.members.iter().map(position).collect(),
            parent: step.parent,
            separator: step.shared.iter().map(local).collect(),
            statistics: here.iter().map(|s| statistics.binary_search(s).unwrap_or(0)).collect(),
            program,
            graph: g,
            surfaces,
        }
    }
}
