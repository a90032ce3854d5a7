//! A proof that a leading part is negative in every direction, by branch and bound.
//!
//! A (quasi-)homogeneous function is negative everywhere where it is so on the faces of a cube around zero, times the intervals of
//! coordinates of finite extent. Boxes cover them: one in which an upper bound is negative is done, one in which the
//! function rises along a coordinate is as good as the face at which it is largest, others are cut in two. No maximum
//! over a face of the cube lies in a box with a slope that is nowhere zero, unless it ends where the face does. A box in
//! whose middle the function is positive is a proof of the contrary.
//!
//! Bounds are rounded outwards, so that a sign that is told is right for the numbers in the graph; the margin is for those
//! numbers.

use super::super::fuel::Fuel;
use super::bounds::Bounds;
use super::interval::Interval;
use super::leading::{Part, Top};
use super::steps::Steps;
use crate::expr::{Graph, NodeId, Op};

/// Most work for one proof: steps of boxes, times coordinates where slopes are asked.
pub(super) const WORK: u64 = 6_000_000;
/// Work for a step and a coordinate.
const STEP: u64 = 3;
/// Most work before a search.
pub(super) const FIRST: u64 = 150_000;
/// Boxes are not cut below this part of their cube.
const NARROW: f64 = 1e-12;

/// What a proof needs besides its budget.
pub(super) struct Proof {
    bounds: Bounds,
    /// The values of each member that are looked at.
    domain: Vec<Interval>,
    free: Vec<bool>,
    /// Whether opposite directions have the same value.
    even: bool,
    /// Boxes that are not done, side by side.
    stack: Vec<Interval>,
}

impl Top<'_> {
    /// The leading part as a node of the coordinates.
    fn node(&self) -> (Graph, NodeId) {
        let mut g = Graph::new();
        let x: Vec<NodeId> = (0..self.scale.len()).map(|j| g.var(j)).collect();
        let outputs = self.leads.nodes_in(&mut g, &x);
        let mut sum = g.constant(0.0);
        for (c, part) in &self.parts {
            let term = match part {
                Part::Monomial(powers) => {
                    let one = g.constant(1.0);
                    powers.iter().fold(one, |product, (j, p)| {
                        let power = power(&mut g, x[*j as usize], f64::from(*p));
                        g.mul(product, power)
                    })
                }
                Part::Sides { j, p, plus, minus } => {
                    let [low, high] = self.bounds[*j];
                    if plus == minus || low == 0.0 || high == 0.0 {
                        let size = g.unary(Op::Abs, x[*j]);
                        let power = power(&mut g, size, *p);
                        let c = g.constant(if high == 0.0 { *minus } else { *plus });
                        g.mul(c, power)
                    } else {
                        let down = g.neg(x[*j]);
                        let sides = [(x[*j], plus), (down, minus)].map(|(x, c)| {
                            let size = g.unary(Op::Relu, x);
                            let (power, c) = (power(&mut g, size, *p), g.constant(*c));
                            g.mul(c, power)
                        });
                        g.add(sides[0], sides[1])
                    }
                }
                Part::Output(i) => outputs[*i],
            };
            let c = g.constant(*c);
            let term = g.mul(c, term);
            sum = g.add(sum, term);
        }
        (g, sum)
    }

    /// The proof, where the leading part has bounds.
    pub(super) fn proof(&self) -> Option<Proof> {
        let (g, root) = self.node();
        let n = self.members.len();
        let mut place = vec![0; self.scale.len()];
        self.members.iter().enumerate().for_each(|(i, j)| place[*j] = i);
        let steps = Steps::new(&g, root, &place, n)?;
        let free: Vec<bool> = self.members.iter().map(|j| !self.compact[*j]).collect();
        let mut turned = 0_u64;
        let domain = self.members.iter().enumerate().map(|(i, j)| {
            let [low, high] = self.bounds[*j];
            if !free[i] {
                return Interval { low, high };
            }
            let s = self.scale[*j];
            if low < 0.0 && high > 0.0 {
                if steps.even(1 << i) {
                    return Interval { low: 0.0, high: s };
                }
                turned |= 1 << i;
            }
            Interval { low: low * s, high: high * s }
        });
        let domain: Vec<Interval> = domain.collect();
        let even = steps.even(turned);
        Some(Proof { bounds: Bounds::new(steps, n), domain, free, even, stack: vec![] })
    }
}

fn power(g: &mut Graph, x: NodeId, p: f64) -> NodeId {
    let p = g.constant(p);
    g.pow(x, p)
}

/// What a proof ends with.
pub(super) enum Proven {
    Negative,
    /// Positive at this point, with the value.
    Positive(Vec<f64>, f64),
    /// Zero up to the margin.
    Flat(Vec<f64>),
    /// The budget is used up.
    Open,
    /// The bounds do not tell in boxes that are too narrow to be cut.
    Narrow,
}

impl Proof {
    /// The value at a point in x, and what one more costs.
    pub fn value(&mut self, x: &[f64]) -> f64 {
        self.bounds.value(x)
    }
    pub fn work(&self) -> u64 {
        self.bounds.work()
    }

    /// The interval of values at one point.
    pub fn at(&mut self, x: &[f64]) -> Interval {
        let point: Vec<Interval> = x.iter().map(|v| Interval::point(*v)).collect();
        self.bounds.values(&point)
    }

    /// Whether the function is negative by more than `margin` in every direction; at most `most` work.
    pub fn run(&mut self, margin: f64, most: u64, fuel: &Fuel) -> Proven {
        let most = most.min(fuel.left());
        let mut left = most;
        let found = self.faces(margin, &mut left);
        if fuel.take(most - left) { found } else { Proven::Open }
    }

    fn faces(&mut self, margin: f64, work: &mut u64) -> Proven {
        let n = self.domain.len();
        for i in 0..n {
            let d = self.domain[i];
            if !self.free[i] {
                continue;
            }
            for side in [d.high, d.low] {
                if side == 0.0 || side < 0.0 && self.even && d.high > 0.0 {
                    continue;
                }
                self.stack.clear();
                self.stack.extend(&self.domain);
                self.stack[i] = Interval::point(side);
                match self.face(margin, work) {
                    Proven::Negative => {}
                    other => return other,
                }
            }
        }
        Proven::Negative
    }

    /// The boxes of one face.
    fn face(&mut self, margin: f64, work: &mut u64) -> Proven {
        let n = self.domain.len();
        let rough = self.bounds.work() * STEP;
        let fine = rough * (n as u64 + 2);
        let mut sides = vec![Interval::point(0.0); n];
        let mut middle = sides.clone();
        while self.stack.len() >= n {
            let from = self.stack.len() - n;
            sides.copy_from_slice(&self.stack[from..]);
            self.stack.truncate(from);
            if *work < rough + fine {
                return Proven::Open;
            }
            *work -= rough;
            if self.bounds.values(&sides).high < -margin {
                continue;
            }
            *work -= fine;
            for (m, s) in middle.iter_mut().zip(&sides) {
                *m = Interval::point((0.5 * s.low + 0.5 * s.high).clamp(s.low, s.high));
            }
            let found = self.bounds.slopes(&sides, &middle);
            if found.values.high < -margin {
                continue;
            }
            let center = found.center;
            if center.is_finite() && center.low > -margin {
                let x = middle.iter().map(|m| m.low).collect();
                return if center.low > margin { Proven::Positive(x, center.low) } else { Proven::Flat(x) };
            }
            // Boxes without a maximum, and those whose maximum is at an end of the face.
            let (mut done, mut changed) = (false, false);
            for ((s, slope), d) in sides.iter_mut().zip(found.slopes).zip(&self.domain).filter(|t| t.0.0.low < t.0.0.high) {
                let (rises, falls) = (slope.low > 0.0, slope.high < 0.0);
                if rises && s.high < d.high || falls && s.low > d.low {
                    done = true;
                } else if rises || falls {
                    *s = Interval::point(if rises { s.high } else { s.low });
                    changed = true;
                }
            }
            if done {
                continue;
            }
            if changed {
                self.stack.extend(&sides);
                continue;
            }
            // The side to which the bound owes most.
            let mut cut: Option<(usize, f64)> = None;
            for (j, s) in sides.iter().enumerate() {
                let (width, whole) = (s.high - s.low, self.domain[j].high - self.domain[j].low);
                if width <= NARROW * whole {
                    continue;
                }
                let share = found.slopes[j].size() * width;
                let share = if share.is_finite() { share } else { 1e300 * (width / whole) };
                if cut.is_none_or(|c| share > c.1) {
                    cut = Some((j, share));
                }
            }
            let Some((j, _)) = cut else { return Proven::Narrow };
            let (s, m) = (sides[j], middle[j].low);
            for half in [Interval { low: s.low, high: m }, Interval { low: m, high: s.high }] {
                sides[j] = half;
                self.stack.extend(&sides);
            }
        }
        Proven::Negative
    }
}
