//! What a condition leaves of a cone on which it is not decided, as parts that are cones of log u far out.
//!
//! Where sum c_i u^(a_i) < sum d_j u^(b_j), all c and d positive, and d_j u^(b_j) is the largest term on the right, each
//! u^(a_i - b_j) is bounded: one part for each j. A bounded power is to a part what a bounded coordinate is to a cone. The
//! parts cover what the condition leaves; if the integral over all of them exists, so does the one sought.

use super::signomial::{Power, Signomial, UNIT, numbers};
use super::walk::Walker;
use crate::expr::{Node, NodeId, Op};

/// Most parts of one cone.
const PARTS: usize = 24;

/// Conjunctions: all signomials of one of them are negative.
pub(super) type Alternatives = Vec<Vec<Signomial>>;

/// What is asked of the alternatives of a condition.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Ask {
    /// Where the condition holds, so does one of them.
    Necessary,
    /// Where one of them holds, so does the condition.
    Sufficient,
}

impl Walker<'_> {
    /// A condition that is not decided on the cone, as signomials that are negative.
    pub(super) fn alternatives(&mut self, id: NodeId, ask: Ask, depth: usize) -> Alternatives {
        let unknown = if ask == Ask::Necessary { vec![vec![]] } else { vec![] };
        match self.holds(id, depth) {
            Some(true) => return vec![vec![]],
            Some(false) => return vec![],
            None => {}
        }
        let Node::Apply(op, [a, b, _]) = self.g.node(id) else { return unknown };
        match op {
            _ if depth > 50 => unknown,
            Op::And | Op::Or => {
                let (a, b) = (self.alternatives(a, ask, depth + 1), self.alternatives(b, ask, depth + 1));
                let both: Alternatives = match op {
                    Op::And => a.iter().flat_map(|a| b.iter().map(move |b| [&a[..], &b[..]].concat())).collect(),
                    _ => [a, b].concat(),
                };
                match ask {
                    _ if both.len() <= PARTS => both,
                    Ask::Necessary => unknown,
                    Ask::Sufficient => both.into_iter().take(PARTS).collect(),
                }
            }
            Op::Less | Op::LessEqual => {
                let found = self.difference(a, b, depth).map(|d| vec![d]);
                found.or_else(|| self.both_sides(a, b, depth)).map_or(unknown, |all| vec![all])
            }
            _ => unknown,
        }
    }
}

impl Walker<'_> {
    /// |p| < b as p - b < 0 and -p - b < 0.
    fn both_sides(&mut self, a: NodeId, b: NodeId, depth: usize) -> Option<Vec<Signomial>> {
        let Node::Apply(Op::Abs, [p, ..]) = self.g.node(a) else { return None };
        let (p, b) = (self.value(p, depth)?, self.value(b, depth)?);
        let side = |s: f64| {
            let mut d = Signomial::default();
            d.add(&p, s)?;
            d.add(&b, -1.0)?;
            Some(d)
        };
        Some(vec![side(1.0)?, side(-1.0)?])
    }
}

/// The bounded powers of each part.
pub(super) fn parts(alternatives: &Alternatives) -> Vec<Vec<Vec<f64>>> {
    let mut out = Vec::new();
    for all in alternatives {
        let mut parts: Vec<Vec<Vec<f64>>> = vec![vec![]];
        for p in all {
            let (up, down): (Vec<_>, Vec<_>) = p.0.iter().partition(|t| *t.1 > 0.0);
            if up.is_empty() || parts.len() * down.len() > PARTS {
                continue;
            }
            let bounds = |b: &Power| -> Vec<Vec<f64>> {
                let below = up.iter().map(|(a, _)| a.iter().zip(b).map(|(a, b)| a - b).collect::<Power>());
                below.map(|difference| numbers(&difference)).collect()
            };
            parts = parts.iter().flat_map(|part| down.iter().map(|t| [&part[..], &bounds(t.0)].concat())).collect();
        }
        out.extend(parts);
    }
    if out.len() > 2 * PARTS { vec![vec![]] } else { out }
}

/// What each u is at most where the condition holds; infinite where nothing is known.
pub(super) fn caps(alternatives: &Alternatives, n: usize) -> Vec<f64> {
    let mut caps = vec![f64::INFINITY; n];
    let [all] = &alternatives[..] else { return caps };
    for p in all {
        let down: Vec<(&Power, &f64)> = p.0.iter().filter(|t| *t.1 < 0.0).collect();
        let [(b, d)] = down[..] else { continue };
        for (a, c) in p.0.iter().filter(|t| *t.1 > 0.0) {
            // c u^a < |d| u^b.
            let difference: Vec<f64> = a.iter().zip(b).map(|(a, b)| (a - b) as f64 / UNIT).collect();
            let moving: Vec<usize> = (0..n).filter(|k| difference[*k] != 0.0).collect();
            if let [k] = moving[..]
                && difference[k] > 0.0
            {
                caps[k] = caps[k].min((d.abs() / c).powf(1.0 / difference[k]));
            }
        }
    }
    caps
}
