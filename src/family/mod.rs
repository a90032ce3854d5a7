//! Exponential families: statistics, support, base measure, region of eta, and closed forms where they exist.
//!
//! p(x | eta) = exp(eta . T(x) + b(x) - A(eta)). A [`Family`] is traced once and immutable; everything else takes it by
//! `Arc`. Named families with closed forms are in [`named`]; [`ExpectationMap`] is the seam to whoever computes moments.

mod closed_form;
mod density;
mod design;
mod eta_map;
mod existence;
mod expectation;
mod integrand;
mod minimality;
pub mod named;
mod region;
mod stein;
mod straight;
mod tempered;
mod terms;
mod violation;

pub use closed_form::{ClosedForm, require};
pub use density::Density;
pub use design::Design;
pub use eta_map::EtaMap;
pub use existence::{Existence, Tails};
pub use expectation::{ExpectationMap, Moments, Want, check_batch};
pub use integrand::{Clique, Component, Integrand};
pub use region::{Block, Region};
pub use stein::Stein;
pub use tempered::Tempered;
pub use terms::{Coupling, Terms};
pub use violation::Violation;

use crate::domain::Support;
use crate::error::{Error, Result};
use crate::expr::{Expr, Graph, NodeId, Program, Trace, formula, gradient};
use crate::num::checksum;
use crate::num::stream::Stream;
use rayon::prelude::*;
use std::sync::{Arc, OnceLock};

/// One named statistic: a scalar or an array of components.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistic {
    /// Name in scripts and files.
    pub name: String,
    /// Shape; empty for a scalar.
    pub shape: Vec<usize>,
}

impl Statistic {
    /// Number of components.
    pub fn size(&self) -> usize {
        self.shape.iter().product()
    }
    fn component_names(&self) -> Vec<String> {
        (0..self.size())
            .map(|i| match self.shape.as_slice() {
                [] => self.name.clone(),
                shape => {
                    let (mut rest, mut index) = (i, vec![0; shape.len()]);
                    for axis in (0..shape.len()).rev() {
                        index[axis] = rest % shape[axis];
                        rest /= shape[axis];
                    }
                    format!("{}[{}]", self.name, index.iter().map(usize::to_string).collect::<Vec<_>>().join(","))
                }
            })
            .collect()
    }
}

/// An exponential family. Shapes: a point x is `[d]`, T(x) and eta are `[k]`.
pub struct Family {
    name: String,
    support: Support,
    statistics: Vec<Statistic>,
    graph: Graph,
    t: Vec<NodeId>,
    base: NodeId,
    /// The condition `where:`, outside which the density is zero.
    inside: Option<NodeId>,
    region: Option<Region>,
    /// Whether the region is only where eta are drawn, not where they must lie.
    suggested: bool,
    closed: Option<Arc<dyn ClosedForm>>,
    condition: Option<Condition>,
    /// Whether the statistics are linearly dependent on purpose.
    overcomplete: bool,
    pointwise: OnceLock<Program>,
    density: OnceLock<Density>,
    stretched: OnceLock<Density>,
    stein: OnceLock<Option<Stein>>,
    integrand: OnceLock<Option<Integrand>>,
    unconstrained: OnceLock<Option<Integrand>>,
    terms: OnceLock<Option<Terms>>,
    tempered: OnceLock<Option<Tempered>>,
    violation: OnceLock<Option<Violation>>,
    tails: OnceLock<Tails>,
    /// Tails in other coordinates, where there are such.
    rational: OnceLock<Option<Tails>>,
    /// Tails that are as much longer as a statistic grows, for each.
    grown: OnceLock<Vec<OnceLock<Tails>>>,
    proven: OnceLock<bool>,
}

/// What an eta must satisfy beside a finite integral.
type Condition = Box<dyn Fn(&[f64]) -> Result<()> + Send + Sync>;

/// The nodes of a family in another graph.
struct Image {
    t: Vec<NodeId>,
    base: NodeId,
    inside: Option<NodeId>,
}

impl std::fmt::Debug for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Family({}, {})", self.name, self.formula())
    }
}

/// A family over the unconstrained coordinates z of its support, as nodes of one graph.
pub struct Unconstrained {
    /// The graph.
    pub graph: Graph,
    /// The coordinates z, `[m]`.
    pub z: Vec<NodeId>,
    /// The point x(z), `[d]`.
    pub x: Vec<NodeId>,
    /// The statistics, `[k]`.
    pub t: Vec<NodeId>,
    /// eta . T + b + log |dx/dz|, whether the condition holds or not.
    pub value: NodeId,
    /// The condition `where:`.
    pub inside: Option<NodeId>,
}

/// Most corners of a region that are looked at to prove the whole.
const CORNERS: usize = 1024;

/// Corners of a region that are looked at when it is given.
const LOOKED: usize = 64;
/// Work that the look at a region may take where a family is defined, in units of a few nanoseconds: a second or so.
const DEFINITION: u64 = 300_000_000;

/// A log base measure to be traced.
pub type TracedBase<'a> = &'a dyn Fn(&Expr) -> Result<Expr>;

/// Entries of [`Family::pointwise`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pointwise {
    /// eta . T(x) + b(x), one output.
    LogDensity = 0,
    /// Its gradient with respect to x, d outputs.
    Gradient = 1,
    /// T(x), k outputs, then b(x).
    Statistics = 2,
}

impl Family {
    /// Trace T (and a log base measure) on `support`. Statistics are laid out in byte order of their names.
    ///
    /// # Errors
    /// When the closure fails, there is no statistic, or a statistic does not depend on x.
    ///
    /// # Example
    /// ```
    /// use nnef::{domain::Support, family::Family};
    /// let quartic = Family::trace("quartic", Support::real(1).unwrap(), |x| {
    ///     let x = x.index(0)?;
    ///     let x2 = x.binary(nnef::expr::Op::Mul, &x)?;
    ///     let x4 = x2.binary(nnef::expr::Op::Mul, &x2)?;
    ///     Ok(vec![("x".into(), x), ("x2".into(), x2), ("x4".into(), x4)])
    /// }, None).unwrap();
    /// assert_eq!(quartic.stat_names(), ["x", "x2", "x4"]);
    /// assert_eq!(quartic.statistics_at(&[2.0], 1).unwrap(), [2.0, 4.0, 16.0]);
    /// ```
    pub fn trace(
        name: &str,
        support: Support,
        stats: impl FnOnce(&Expr) -> Result<Vec<(String, Expr)>>,
        base: Option<TracedBase>,
    ) -> Result<Family> {
        let trace = Trace::new();
        let (x, _) = support.trace(&trace);
        let mut found = stats(&x)?;
        found.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
        let base = match base {
            Some(base) => base(&x)?,
            None => trace.numbers(&[], &[0.0]),
        };
        Self::from_trace(name, support, &trace, found, base, None)
    }

    /// A family from statistics, a log base measure and a condition `inside` that were traced in `trace`. The density is
    /// zero where the condition does not hold.
    ///
    /// # Errors
    /// As [`Family::trace`]; also when `inside` is not one condition.
    pub fn from_trace(
        name: &str,
        support: Support,
        trace: &Trace,
        stats: Vec<(String, Expr)>,
        base: Expr,
        inside: Option<Expr>,
    ) -> Result<Family> {
        if stats.is_empty() {
            return Err(Error::trace("T(x) has no statistics").hint("return a map such as #{ x: x[0], x2: x[0]*x[0] }"));
        }
        if base.len() != 1 {
            return Err(Error::shape(format!("the log base measure has shape {:?}, a scalar is needed", base.shape())));
        }
        let graph = trace.graph();
        let mut t = Vec::new();
        let mut statistics = Vec::new();
        for (stat, value) in &stats {
            if !trace.owns(value) || !trace.owns(&base) {
                return Err(Error::trace(format!("statistic '{stat}' was traced in another closure")));
            }
            let statistic = Statistic { name: stat.clone(), shape: value.shape().to_vec() };
            for (component, node) in statistic.component_names().iter().zip(value.nodes()) {
                if !graph.varies(*node) {
                    return Err(Error::trace(format!(
                        "statistic '{component}' does not depend on x: it is {}",
                        formula(&graph, *node, &|j| support.name_of(j))
                    ))
                    .hint("a constant statistic leaves eta undetermined; remove it"));
                }
            }
            if value.is_empty() {
                return Err(Error::shape(format!("statistic '{stat}' is an empty array")));
            }
            t.extend_from_slice(value.nodes());
            statistics.push(statistic);
        }
        let base = base.nodes()[0];
        let inside = match inside {
            Some(c) if c.len() != 1 || !c.is_condition() || !trace.owns(&c) => {
                return Err(Error::trace("where must be one condition on x").hint("where: |x| x[0]*x[0] + x[1]*x[1] < 1.0"));
            }
            inside => inside.map(|c| c.nodes()[0]),
        };
        let family = Family {
            name: name.to_string(),
            support,
            statistics,
            graph,
            t,
            base,
            inside,
            region: None,
            suggested: false,
            closed: None,
            condition: None,
            overcomplete: false,
            pointwise: OnceLock::new(),
            density: OnceLock::new(),
            stretched: OnceLock::new(),
            stein: OnceLock::new(),
            integrand: OnceLock::new(),
            unconstrained: OnceLock::new(),
            terms: OnceLock::new(),
            tempered: OnceLock::new(),
            violation: OnceLock::new(),
            tails: OnceLock::new(),
            rational: OnceLock::new(),
            grown: OnceLock::new(),
            proven: OnceLock::new(),
        };
        Ok(family)
    }
    /// The same family with a region of eta.
    ///
    /// # Errors
    /// When the region has another number of components.
    pub fn with_region(mut self, region: Region) -> Result<Self> {
        if region.dim() != self.dim() {
            return Err(Error::shape(format!("the eta region has {} components, the family has {}", region.dim(), self.dim())));
        }
        self.region = Some(region);
        Ok(self)
    }
    /// The same family with closed forms, which are exact in the whole natural space: the region becomes a suggestion.
    pub fn with_closed_form(mut self, closed: impl ClosedForm + 'static) -> Self {
        self.closed = Some(Arc::new(closed));
        self.with_suggested_region()
    }
    /// The same family with its region as a suggestion of where to draw eta, not a bound on them.
    pub fn with_suggested_region(mut self) -> Self {
        self.suggested = true;
        self
    }
    /// The same family with a condition on eta, `[k]`, beside that of a finite integral, such as the symmetry of a matrix.
    pub fn with_condition(mut self, condition: impl Fn(&[f64]) -> Result<()> + Send + Sync + 'static) -> Self {
        self.condition = Some(Box::new(condition));
        self
    }
    /// The same family, whose statistics are linearly dependent on purpose, as all indicators of a category are: eta is known
    /// up to what the relations between them leave open.
    pub fn with_overcomplete_statistics(mut self) -> Self {
        self.overcomplete = true;
        self
    }
    /// Whether the statistics are linearly dependent on purpose.
    pub fn is_overcomplete(&self) -> bool {
        self.overcomplete || self.closed_form().is_some_and(ClosedForm::overcomplete)
    }
    /// Name.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Number of flattened statistics k.
    pub fn dim(&self) -> usize {
        self.t.len()
    }
    /// The support.
    pub fn support(&self) -> &Support {
        &self.support
    }
    /// Whether a condition `where:` restricts the support.
    pub fn is_restricted(&self) -> bool {
        self.inside.is_some()
    }
    /// The statistics, in layout order.
    pub fn statistics(&self) -> &[Statistic] {
        &self.statistics
    }
    /// Names of the flattened statistics, `[k]`.
    pub fn stat_names(&self) -> Vec<String> {
        self.statistics.iter().flat_map(Statistic::component_names).collect()
    }
    /// The region of eta, where one was given.
    pub fn region(&self) -> Option<&Region> {
        self.region.as_ref()
    }
    /// The region where it is a bound on eta: given with a traced family, not that of a named one.
    pub fn bound(&self) -> Option<&Region> {
        self.region().filter(|_| !self.suggested)
    }
    /// The closed forms, where they exist.
    pub fn closed_form(&self) -> Option<&dyn ClosedForm> {
        self.closed.as_deref()
    }
    /// The traced graph over x, with the nodes of T, `[k]`, and of the log base measure.
    pub fn graph(&self) -> (&Graph, &[NodeId], NodeId) {
        (&self.graph, &self.t, self.base)
    }
    /// T and b as readable text.
    pub fn formula(&self) -> String {
        let name = |j: usize| self.support.name_of(j);
        let stats =
            self.stat_names().into_iter().zip(&self.t).map(|(n, t)| format!("{n} = {}", formula(&self.graph, *t, &name)));
        let mut lines: Vec<String> = stats.collect();
        if self.graph.as_constant(self.base) != Some(0.0) {
            lines.push(format!("base = {}", formula(&self.graph, self.base, &name)));
        }
        if let Some(inside) = self.inside {
            lines.push(format!("where {}", formula(&self.graph, inside, &name)));
        }
        lines.join("\n")
    }
    /// A checksum of T, b and the condition, where [`Family::formula`] leaves something of them out: long formulas, weights of
    /// networks. Of any size: two networks are two families.
    pub fn formula_hash(&self) -> Option<String> {
        let roots: Vec<NodeId> = self.t.iter().copied().chain([self.base]).chain(self.inside).collect();
        let partly = self.formula().lines().any(|line| line.ends_with(" ...") || line.contains("affine"));
        let text = partly.then(|| self.graph.to_text(&roots, usize::MAX)).flatten()?;
        Some(format!("{:016x}", checksum::continued(checksum::START, text.as_bytes())))
    }
    /// T, b and the condition as nodes of `g`, with the nodes `x` for the coordinates.
    fn image(&self, g: &mut Graph, x: &[NodeId]) -> Image {
        let roots: Vec<NodeId> = self.t.iter().copied().chain([self.base]).chain(self.inside).collect();
        let mut t = g.import(&self.graph, &roots, x);
        let rest = t.split_off(self.t.len());
        Image { t, base: rest[0], inside: rest.get(1).copied() }
    }
    /// `value` where the condition holds, else minus infinity.
    fn restrict(g: &mut Graph, inside: Option<NodeId>, value: NodeId) -> NodeId {
        let outside = g.constant(f64::NEG_INFINITY);
        inside.map_or(value, |c| g.apply(crate::expr::Op::Select, [c, value, outside]))
    }
    /// The family over unconstrained coordinates, before it is compiled.
    pub fn unconstrained(&self) -> Unconstrained {
        let mut g = Graph::new();
        let z = (0..self.support.bijector().free()).map(|j| g.var(j)).collect();
        let flat = g.constant(0.0);
        self.unconstrained_at(g, z, flat)
    }
    /// The same at nodes `z` of a graph, which are functions of others with this log-Jacobian.
    fn unconstrained_at(&self, mut g: Graph, z: Vec<NodeId>, log_jacobian: NodeId) -> Unconstrained {
        let (x, of_support) = self.support.bijector().forward(&mut g, &z);
        let log_jacobian = g.add(of_support, log_jacobian);
        let image = self.image(&mut g, &x);
        let measure = g.add(image.base, log_jacobian);
        let value = self.log_density_node(&mut g, &image.t, measure);
        Unconstrained { graph: g, z, x, t: image.t, value, inside: image.inside }
    }
    /// What quadrature integrates, where the support has axes.
    pub fn integrand(&self) -> Option<&Integrand> {
        self.integrand.get_or_init(|| Integrand::new(self)).as_ref()
    }
    /// The same over unconstrained coordinates, where the support is continuous: for singular ends.
    pub fn unconstrained_integrand(&self) -> Option<&Integrand> {
        self.unconstrained.get_or_init(|| Integrand::unconstrained(self)).as_ref()
    }
    /// The compiled program over x; see [`Pointwise`] for its entries.
    pub fn pointwise(&self) -> &Program {
        self.pointwise.get_or_init(|| {
            let mut g = self.graph.clone();
            let value = self.log_density_node(&mut g, &self.t, self.base);
            let slope = gradient(&mut g, value, self.support.dim());
            let value = Self::restrict(&mut g, self.inside, value);
            let stats: Vec<NodeId> = self.t.iter().copied().chain([self.base]).collect();
            Program::compile(&g, self.support.dim(), &[&[value], &slope, &stats])
        })
    }
    /// The density in unconstrained coordinates, compiled for samplers.
    pub fn density(&self) -> &Density {
        self.density.get_or_init(|| Density::new(self))
    }
    /// Functions of known mean zero, compiled for samplers, where the density allows them.
    pub fn stein(&self) -> Option<&Stein> {
        self.stein.get_or_init(|| Stein::new(self)).as_ref()
    }
    /// eta . T + b as a node, equal statistics merged.
    fn log_density_node(&self, g: &mut Graph, t: &[NodeId], base: NodeId) -> NodeId {
        let mut merged: Vec<(NodeId, NodeId)> = Vec::new();
        for (i, node) in t.iter().enumerate() {
            let p = g.param(i);
            match merged.iter_mut().find(|(n, _)| n == node) {
                Some((_, coefficient)) => *coefficient = g.add(*coefficient, p),
                None => merged.push((*node, p)),
            }
        }
        merged.into_iter().fold(base, |sum, (node, coefficient)| {
            let term = g.mul(coefficient, node);
            g.add(sum, term)
        })
    }
    /// T at `n` points `x`, [n, d]; [n, k].
    ///
    /// # Errors
    /// When `x` has another length.
    pub fn statistics_at(&self, x: &[f64], n: usize) -> Result<Vec<f64>> {
        self.check_points(x, n)?;
        let rows = self.pointwise().evaluate(Pointwise::Statistics as usize, x, &vec![0.0; self.dim()]);
        Ok(rows.chunks(self.dim() + 1).flat_map(|r| r[..self.dim()].to_vec()).collect())
    }
    /// eta . T(x) + b(x), unnormalised, at `n` points with one eta, `[n]`; minus infinity outside the support.
    ///
    /// # Errors
    /// When a length does not fit.
    pub fn log_density_at(&self, x: &[f64], n: usize, eta: &[f64]) -> Result<Vec<f64>> {
        self.check_points(x, n)?;
        self.check_length(eta)?;
        let mut values = self.pointwise().evaluate(Pointwise::LogDensity as usize, x, eta);
        for (value, x) in values.iter_mut().zip(x.chunks(self.support.dim())) {
            if !self.support.bijector().contains(x) {
                *value = f64::NEG_INFINITY;
            }
        }
        Ok(values)
    }
    /// Gradient of the log density with respect to x at `n` points with one eta, [n, d].
    ///
    /// # Errors
    /// When a length does not fit, or where a component is no number, as so near to the edge of the support that a term is
    /// infinite.
    pub fn grad_log_density_at(&self, x: &[f64], n: usize, eta: &[f64]) -> Result<Vec<f64>> {
        self.check_points(x, n)?;
        self.check_length(eta)?;
        let gradient = self.pointwise().evaluate(Pointwise::Gradient as usize, x, eta);
        match gradient.iter().position(|v| v.is_nan()) {
            None => Ok(gradient),
            Some(at) => {
                let (d, name) = (self.support.dim(), &self.name);
                let (row, i) = (at / d, at % d);
                Err(Error::domain(format!(
                    "the gradient of the log density of '{name}' at x = {:?} is no number in component {i}: terms there are \
                     beyond the range of numbers, or undefined",
                    &x[row * d..(row + 1) * d]
                ))
                .hint("ask at a point inside the support, farther from its edge"))
            }
        }
    }
    fn check_points(&self, x: &[f64], n: usize) -> Result<()> {
        let d = self.support.dim();
        if x.len() == n * d {
            Ok(())
        } else {
            Err(Error::shape(format!("x has {} numbers, expected {n} points of {d} coordinates", x.len())))
        }
    }
    fn check_length(&self, eta: &[f64]) -> Result<()> {
        if eta.len() != self.dim() {
            return Err(Error::shape(format!(
                "eta has {} components, the family '{}' has {}",
                eta.len(),
                self.name,
                self.dim()
            ))
            .hint(format!("the statistics are {}", self.stat_names().join(", "))));
        }
        if let Some(i) = eta.iter().position(|e| !e.is_finite()) {
            return Err(Error::domain(format!(
                "eta[{i}] ({}) is {}: natural parameters must be finite",
                self.stat_names()[i],
                eta[i]
            )));
        }
        Ok(())
    }
    /// Check length, finiteness and, where it is known, the natural parameter space of one eta, `[k]`.
    ///
    /// # Errors
    /// Which of these is violated, with both sides.
    pub fn check_eta(&self, eta: &[f64]) -> Result<()> {
        self.check_length(eta)?;
        if let Some(condition) = &self.condition {
            condition(eta)?;
        }
        if let Some(closed) = self.closed_form() {
            return closed.natural(eta);
        }
        self.judge(self.existence(eta)).map(|_| ())
    }
    /// As [`Family::check_eta`]; where that finds nothing, why it is not known whether the density has a finite integral, if so.
    /// And the work that it took, in units of a few nanoseconds.
    pub(crate) fn look_at(&self, eta: &[f64]) -> (Result<Option<String>>, u64) {
        if self.closed_form().is_some() || self.check_length(eta).is_err() {
            return (self.check_eta(eta).map(|()| None), 0);
        }
        if let Some(Err(e)) = self.condition.as_ref().map(|condition| condition(eta)) {
            return (Err(e), 0);
        }
        let (found, work) = self.existence_and_work(eta);
        (self.judge(found), work)
    }
    fn judge(&self, found: Existence) -> Result<Option<String>> {
        match found {
            Existence::Improper { direction, reason } => Err(Error::domain(format!(
                "eta outside the natural parameter space of '{}': the density does not decay as {direction}: {reason}{}",
                self.name,
                self.chart_note(&direction)
            ))
            .hint("outside this space the density has no finite integral")),
            Existence::Proper => Ok(None),
            Existence::Unproven { reason } => Ok(Some(reason)),
        }
    }
    /// What `t[0]` or `z[0]` in a direction means.
    fn chart_note(&self, direction: &str) -> String {
        let alone = |at: usize| direction[..at].chars().next_back().is_none_or(|c| c != '.' && !c.is_alphanumeric());
        let letter = ["t", "z"].into_iter().find(|l| direction.match_indices(&format!("{l}[")).any(|(at, _)| alone(at)));
        letter.map_or(String::new(), |l| format!("; {l}[0], ... are the free coordinates of {}", self.support))
    }
    /// Whether every eta of the region is known to be proper: the natural parameter space is convex, so that the corners of
    /// a box decide. False where they are too many, or the region holds matrices.
    pub fn region_is_proper(&self) -> bool {
        *self.proven.get_or_init(|| {
            let corners = self.region.as_ref().and_then(|r| r.corners(CORNERS));
            corners.is_some_and(|all| all.par_iter().all(|eta| matches!(self.existence(eta), Existence::Proper)))
        })
    }
    /// Refuse a region whose centre or some of whose corners are improper; fewer are looked at where that is much work.
    ///
    /// # Errors
    /// The point, and why its density has no finite integral.
    pub fn check_region(&self) -> Result<()> {
        let Some(region) = self.region() else { return Ok(()) };
        let corners = region.some_corners(LOOKED, Stream::new(0).child("corners"));
        let mut work = 0;
        for eta in std::iter::once(region.center()).chain(corners) {
            let (found, more) = self.look_at(&eta);
            found.map_err(|e| {
                let text = format!("the eta region of '{}' is partly improper: at {eta:?}: {}", self.name(), e.message());
                Error::domain(text).hint("narrow the ranges until every corner has a finite integral, or leave eta out")
            })?;
            work += more;
            if work > DEFINITION {
                break;
            }
        }
        Ok(())
    }
    /// Why it is not known whether the density has a finite integral at `eta`, where that is so.
    pub fn unproven(&self, eta: &[f64]) -> Option<String> {
        // Closed forms know their natural space.
        if self.closed_form().is_some() {
            return None;
        }
        match self.existence(eta) {
            Existence::Unproven { reason } => Some(reason),
            _ => None,
        }
    }
    /// `n` natural parameters from the region, [n, k], by the reference design; the same seed gives the same rows.
    ///
    /// # Errors
    /// When the family has no region.
    pub fn draw_eta(&self, n: usize, seed: u64) -> Result<Vec<f64>> {
        self.draw_eta_by(n, seed, Design::Reference)
    }
    /// As [`Family::draw_eta`], by another design.
    ///
    /// # Errors
    /// When the family has no region, or the design does not fit it.
    pub fn draw_eta_by(&self, n: usize, seed: u64, design: Design) -> Result<Vec<f64>> {
        let region = self.region.as_ref().ok_or_else(|| {
            Error::domain(format!("the family '{}' has no region of eta to draw from", self.name))
                .hint("give one: family(#{ ..., eta: #{ name: [low, high], ... } })")
        })?;
        region.draw_by(n, Stream::new(seed).child("eta"), design)
    }
}
