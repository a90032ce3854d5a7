//! One chain of NUTS as a machine that asks for one gradient at a time.
//!
//! [`Chain::advance`] gives the point where the density is wanted next, [`Chain::take`] takes the answer and says whether
//! the transition is complete. The tree of a doubling grows leaf by leaf: spans of leaves lie on a stack, and two of the
//! same depth on its top are joined, as the recursion of the paper does, whose order of leaves and checks is kept.

use crate::num::stream::Xoshiro;
use rand::Rng;
use rand_distr::StandardNormal;

/// Loss of energy beyond which a trajectory counts as divergent.
const DIVERGENCE: f64 = 1000.0;

/// A position z with log density and gradient there.
#[derive(Debug, Clone, Default)]
pub(super) struct Point {
    pub z: Vec<f64>,
    pub gradient: Vec<f64>,
    pub value: f64,
}

impl Point {
    fn copy(&mut self, other: &Point) {
        self.z.clone_from(&other.z);
        self.gradient.clone_from(&other.gradient);
        self.value = other.value;
    }
}

/// Neighbouring leaves of a trajectory: momenta at both ends in the order they were reached, their sum over all leaves,
/// the log of the total weight, and a leaf drawn by weight.
#[derive(Debug, Clone, Default)]
struct Span {
    depth: usize,
    first: Vec<f64>,
    last: Vec<f64>,
    sum: Vec<f64>,
    log_weight: f64,
    drawn: Point,
}

impl Span {
    fn leaf(&mut self, point: &Point, momentum: &[f64], log_weight: f64) {
        for to in [&mut self.first, &mut self.last, &mut self.sum] {
            to.clear();
            to.extend_from_slice(momentum);
        }
        self.drawn.copy(point);
        (self.depth, self.log_weight) = (0, log_weight);
    }
    /// Lengthen by `next`, which follows; whether the whole makes no U-turn. `draw` chooses between the drawn leaves, given
    /// the log weights of this, of `next`, and of both.
    fn join(&mut self, next: &mut Span, inverse_mass: &[f64], draw: impl FnOnce(f64, f64, f64) -> bool) -> bool {
        let total = log_add(self.log_weight, next.log_weight);
        if draw(self.log_weight, next.log_weight, total) {
            std::mem::swap(&mut self.drawn, &mut next.drawn);
        }
        let goes_on = !self.turns(next, inverse_mass);
        (self.depth, self.log_weight) = (self.depth + 1, total);
        self.sum.iter_mut().zip(&next.sum).for_each(|(s, n)| *s += n);
        std::mem::swap(&mut self.last, &mut next.last);
        goes_on
    }
    /// Whether this and `next` together turn back: over their whole length, or over either with the nearest leaf of the other.
    fn turns(&self, next: &Span, inverse_mass: &[f64]) -> bool {
        let outward = |start: &[f64], end: &[f64], a: &[f64], b: &[f64]| {
            let (mut at_start, mut at_end) = (0.0, 0.0);
            for j in 0..inverse_mass.len() {
                let along = inverse_mass[j] * (a[j] + b[j]);
                at_start += start[j] * along;
                at_end += end[j] * along;
            }
            at_start > 0.0 && at_end > 0.0
        };
        !(outward(&self.first, &next.last, &self.sum, &next.sum)
            && outward(&self.first, &next.first, &self.sum, &next.first)
            && outward(&self.last, &next.last, &self.last, &next.sum))
    }
}

/// log(e^a + e^b).
fn log_add(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if high == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
}

/// What happened in a transition.
#[derive(Debug, Clone, Default)]
pub(super) struct Outcome {
    /// Mean over all leaves of min(1, e^(-energy error)).
    pub acceptance: f64,
    /// Doublings that were completed.
    pub depth: usize,
    /// Gradients that were asked for.
    pub leapfrogs: usize,
    /// The position before the leapfrog that diverged.
    pub divergence: Option<Vec<f64>>,
}

/// Step size, inverse mass and depth that the chains of a row share.
#[derive(Debug, Clone)]
pub(super) struct Tuning {
    pub step: f64,
    pub inverse_mass: Vec<f64>,
    pub max_depth: usize,
}

/// A chain: its state, and the trajectory that is being built.
pub(super) struct Chain {
    pub rng: Xoshiro,
    pub state: Point,
    /// Ends of the trajectory: the one that moves, the other; and the momenta there.
    moving: Point,
    resting: Point,
    momentum: Vec<f64>,
    rest_momentum: Vec<f64>,
    before: Vec<f64>,
    forward: bool,
    tree: Span,
    stack: Vec<Span>,
    spare: Vec<Span>,
    joint: f64,
    accepted: f64,
    outcome: Outcome,
}

impl Chain {
    pub(super) fn new(z: Vec<f64>, rng: Xoshiro) -> Chain {
        Chain {
            rng,
            state: Point { gradient: vec![0.0; z.len()], z, value: f64::NEG_INFINITY },
            moving: Point::default(),
            resting: Point::default(),
            momentum: Vec::new(),
            rest_momentum: Vec::new(),
            before: Vec::new(),
            forward: true,
            tree: Span::default(),
            stack: Vec::new(),
            spare: Vec::new(),
            joint: 0.0,
            accepted: 0.0,
            outcome: Outcome::default(),
        }
    }
    /// Begin a transition from the present state.
    pub(super) fn start(&mut self, tuning: &Tuning) {
        let rng = &mut self.rng;
        self.momentum.clear();
        self.momentum.extend(tuning.inverse_mass.iter().map(|v| rng.sample::<f64, _>(StandardNormal) / v.sqrt()));
        self.rest_momentum.clone_from(&self.momentum);
        self.moving.copy(&self.state);
        self.resting.copy(&self.state);
        self.tree.leaf(&self.state, &self.momentum, 0.0);
        self.joint = self.state.value - kinetic(&self.momentum, &tuning.inverse_mass);
        (self.forward, self.accepted, self.outcome) = (true, 0.0, Outcome::default());
        self.spare.append(&mut self.stack);
        self.choose_direction();
    }
    fn choose_direction(&mut self) {
        if self.rng.random::<f64>() < 0.5 {
            self.forward = !self.forward;
            std::mem::swap(&mut self.moving, &mut self.resting);
            std::mem::swap(&mut self.momentum, &mut self.rest_momentum);
            std::mem::swap(&mut self.tree.first, &mut self.tree.last);
        }
    }
    fn signed_step(&self, tuning: &Tuning) -> f64 {
        if self.forward { tuning.step } else { -tuning.step }
    }
    /// First half of a leapfrog: the point where value and gradient are wanted.
    pub(super) fn advance(&mut self, tuning: &Tuning) -> &[f64] {
        let step = self.signed_step(tuning);
        self.before.clone_from(&self.moving.z);
        for j in 0..self.momentum.len() {
            self.momentum[j] += 0.5 * step * self.moving.gradient[j];
            self.moving.z[j] += step * tuning.inverse_mass[j] * self.momentum[j];
        }
        &self.moving.z
    }
    /// Second half of a leapfrog, with `value` and `gradient` at the point of [`Chain::advance`]: the energy it gained.
    fn finish_step(&mut self, value: f64, gradient: &[f64], tuning: &Tuning) -> f64 {
        let step = self.signed_step(tuning);
        self.moving.value = value;
        self.moving.gradient.copy_from_slice(gradient);
        self.momentum.iter_mut().zip(gradient).for_each(|(p, g)| *p += 0.5 * step * g);
        let gain = value - kinetic(&self.momentum, &tuning.inverse_mass) - self.joint;
        if gain.is_nan() { f64::NEG_INFINITY } else { gain }
    }
    /// Acceptance probability of a single leapfrog, for the choice of a first step size.
    pub(super) fn probe(&mut self, value: f64, gradient: &[f64], tuning: &Tuning) -> f64 {
        self.finish_step(value, gradient, tuning).min(0.0).exp()
    }
    /// Take value and gradient at the point that was asked for; the outcome, where the transition is complete.
    pub(super) fn take(&mut self, value: f64, gradient: &[f64], tuning: &Tuning) -> Option<Outcome> {
        let gain = self.finish_step(value, gradient, tuning);
        self.outcome.leapfrogs += 1;
        self.accepted += gain.min(0.0).exp();
        if gain < -DIVERGENCE {
            // Where the density is zero the support ends; nothing went wrong with the integration.
            if value != f64::NEG_INFINITY {
                self.outcome.divergence = Some(self.before.clone());
            }
            return Some(self.finish());
        }
        let mut leaf = self.spare.pop().unwrap_or_default();
        leaf.leaf(&self.moving, &self.momentum, gain);
        if !self.push(leaf, tuning) {
            return Some(self.finish());
        }
        if self.stack.len() == 1 && self.stack[0].depth == self.outcome.depth {
            return self.double(tuning);
        }
        None
    }
    /// Put a leaf on the stack and join spans of equal depth; whether none of them turned.
    fn push(&mut self, leaf: Span, tuning: &Tuning) -> bool {
        let mut next = leaf;
        while let Some(mut span) = self.stack.pop_if(|s| s.depth == next.depth) {
            let rng = &mut self.rng;
            let by_weight = |_, b: f64, total: f64| rng.random::<f64>() < (b - total).exp();
            let goes_on = span.join(&mut next, &tuning.inverse_mass, by_weight);
            self.spare.push(next);
            next = span;
            if !goes_on {
                self.spare.push(next);
                return false;
            }
        }
        self.stack.push(next);
        true
    }
    /// The subtree is complete and joins the tree; the new leaf is preferred (biased progressive sampling).
    fn double(&mut self, tuning: &Tuning) -> Option<Outcome> {
        let mut subtree = self.stack.pop()?;
        let rng = &mut self.rng;
        let biased = |a: f64, b: f64, _| rng.random::<f64>() < (b - a).exp();
        let goes_on = self.tree.join(&mut subtree, &tuning.inverse_mass, biased);
        self.spare.push(subtree);
        self.outcome.depth += 1;
        if !goes_on || self.outcome.depth >= tuning.max_depth {
            return Some(self.finish());
        }
        self.choose_direction();
        None
    }
    fn finish(&mut self) -> Outcome {
        std::mem::swap(&mut self.state, &mut self.tree.drawn);
        self.outcome.acceptance = self.accepted / self.outcome.leapfrogs as f64;
        std::mem::take(&mut self.outcome)
    }
}

fn kinetic(momentum: &[f64], inverse_mass: &[f64]) -> f64 {
    0.5 * momentum.iter().zip(inverse_mass).map(|(p, v)| p * p * v).sum::<f64>()
}
