//! Nodes of the graph as series.

use super::poles::Pin;
use super::series::Series;
use crate::expr::{Graph, Node, NodeId, Op, gradient};
use std::f64::consts::{FRAC_PI_2, PI};

/// The series of `roots` with those of the coordinates given; `None` where it is not known. `pins` are what is known of
/// nodes at the place, with the step away from it.
pub(super) fn expand(
    g: &Graph,
    roots: &[NodeId],
    vars: &[Option<Series>],
    pins: Option<(&[Pin], &Series)>,
) -> Vec<Option<Series>> {
    let needed = g.reachable(roots);
    let mut found: Vec<Option<Series>> = vec![None; g.len()];
    for i in (0..g.len()).filter(|i| needed[*i]) {
        let at = |id: NodeId| found[id.index()].as_ref();
        found[i] = match g.node(g.id(i)) {
            Node::Const(bits) => Some(f64::from_bits(bits)).filter(|c| c.is_finite()).map(Series::constant),
            Node::Var(j) => vars[j as usize].clone(),
            Node::Param(_) => None,
            Node::Apply(op, [a, b, c]) => apply(op, [at(a), at(b), at(c)], a == b),
            Node::Part(b, part) => {
                let block = g.block(b);
                let width = block.map.inputs();
                let row = &block.map.weight()[part as usize * width..(part as usize + 1) * width];
                let start = Some(Series::constant(block.map.bias()[part as usize]));
                row.iter()
                    .zip(block.args.iter())
                    .filter(|(w, _)| **w != 0.0)
                    .fold(start, |sum, (w, a)| sum?.add(&at(*a)?.scale(*w)?))
            }
        };
        if let Some((pins, step)) = pins
            && let Some(pin) = pins.iter().find(|p| p.node == g.id(i))
        {
            found[i] = match &pin.taylor {
                Some(taylor) => {
                    taylor.iter().rev().try_fold(Series::constant(0.0), |sum, c| sum.mul(step)?.add(&Series::constant(*c)))
                }
                None => found[i].take().and_then(|s| s.with_limit(pin.value)),
            };
        }
    }
    roots.iter().map(|r| found[r.index()].clone()).collect()
}

fn flag(b: bool) -> Option<Series> {
    Some(Series::constant(f64::from(u8::from(b))))
}

/// The larger of both bounds.
fn either(a: &Series, b: &Series) -> Option<Series> {
    let one = |s: &Series| s.size().cloned().map(Series::bound).unwrap_or_else(|| Series::constant(0.0));
    one(a).add(&one(b))
}

fn apply(op: Op, [a, b, c]: [Option<&Series>; 3], same: bool) -> Option<Series> {
    match op {
        Op::Add => a?.add(b?),
        Op::Sub => a?.sub(b?),
        Op::Mul => a?.mul(b?),
        Op::Div => a?.mul(&b?.pow(-1.0)?),
        Op::Pow => match b?.number() {
            Some(p) => power(a?, p),
            None => a?.log()?.mul(b?)?.exp(),
        },
        Op::Neg => a?.scale(-1.0),
        Op::Abs => {
            let a = a?;
            match a.sign() {
                Some(s) if s < 0.0 => a.scale(-1.0),
                _ => Some(a.clone()),
            }
        }
        Op::Min | Op::Max => {
            let (a, b) = (a?, b?);
            match a.sub(b)?.sign() {
                Some(s) => Some(if (s > 0.0) == (op == Op::Max) { a.clone() } else { b.clone() }),
                None => either(a, b),
            }
        }
        Op::Relu => match a?.sign() {
            Some(s) if s <= 0.0 => Some(Series::constant(0.0)),
            _ => a.cloned(),
        },
        Op::Sign => match a.and_then(Series::sign) {
            Some(s) => Some(Series::constant(s)),
            None => Some(Series::bounded()),
        },
        Op::Less | Op::LessEqual | Op::Equal => {
            if same {
                return flag(op != Op::Less);
            }
            match a.zip(b).and_then(|(a, b)| a.sub(b)).and_then(|d| d.sign()) {
                Some(s) => flag(match op {
                    Op::Less => s < 0.0,
                    Op::LessEqual => s <= 0.0,
                    _ => s == 0.0,
                }),
                None => Some(Series::bounded()),
            }
        }
        Op::And | Op::Or | Op::Not => {
            let truth = |s: Option<&Series>| s.and_then(Series::number).map(|v| v != 0.0);
            match (op, truth(a), truth(b)) {
                (Op::Not, Some(a), _) => flag(!a),
                (Op::And, Some(false), _) | (Op::And, _, Some(false)) => flag(false),
                (Op::Or, Some(true), _) | (Op::Or, _, Some(true)) => flag(true),
                (Op::And | Op::Or, Some(_), Some(b)) => flag(b),
                _ => Some(Series::bounded()),
            }
        }
        Op::Select => match a?.number() {
            Some(v) => if v != 0.0 { b } else { c }.cloned(),
            None => either(b?, c?),
        },
        Op::Floor => a?.add(&Series::bounded()),
        Op::Sqrt => power(a?, 0.5),
        Op::Cbrt => match a?.sign() {
            Some(s) if s < 0.0 => a?.scale(-1.0)?.pow(1.0 / 3.0)?.scale(-1.0),
            _ => a?.pow(1.0 / 3.0),
        },
        Op::Exp => a?.exp(),
        Op::Expm1 => a?.exp()?.sub(&Series::constant(1.0)),
        Op::Log => a?.log(),
        Op::Log1p => a?.add(&Series::constant(1.0))?.log(),
        Op::Polygamma => match a?.number()? {
            0.0 => unary(Op::Digamma, b?),
            1.0 => unary(Op::Trigamma, b?),
            _ => None,
        },
        Op::Sin | Op::Cos | Op::Asin | Op::Acos | Op::Tanh | Op::Sigmoid | Op::Erf | Op::Erfc | Op::Atan => {
            a.and_then(|a| unary(op, a)).or_else(|| Some(Series::bounded()))
        }
        Op::Atan2 => Some(Series::bounded()),
        Op::Tan | Op::Sinh | Op::Cosh | Op::Softplus | Op::ExpQuotient | Op::Lgamma | Op::Digamma | Op::Trigamma => {
            unary(op, a?)
        }
    }
}

fn power(a: &Series, p: f64) -> Option<Series> {
    if p.fract() != 0.0 && a.terms.first().is_some_and(|t| t.0 < 0.0) {
        return None;
    }
    a.pow(p)
}

/// Taylor coefficients of a smooth operation at a point.
fn taylor(op: Op, at: f64) -> Option<Vec<f64>> {
    let mut g = Graph::new();
    let x = g.var(0);
    let mut node = g.unary(op, x);
    let (mut found, mut factorial) = (Vec::new(), 1.0);
    for k in 0..5 {
        let value = g.evaluate(&[node], &[at], &[])[0] / factorial;
        if !value.is_finite() {
            return None;
        }
        // sin(pi) is 1.2e-16 in double precision; the tails of the others are small in earnest.
        let rounded = matches!(op, Op::Sin | Op::Cos | Op::Tan | Op::Lgamma | Op::Digamma);
        found.push(if rounded && value.abs() < 1e-15 * (1.0 + at.abs()) { 0.0 } else { value });
        node = gradient(&mut g, node, 1)[0];
        factorial *= f64::from(k + 1);
    }
    Some(found)
}

fn unary(op: Op, u: &Series) -> Option<Series> {
    let one = Series::constant(1.0);
    if let Some((at, d)) = u.limit() {
        let pole = at == 0.0 && matches!(op, Op::Lgamma | Op::Digamma | Op::Trigamma);
        let edge = matches!(op, Op::Asin | Op::Acos) && at.abs() > 1.0 - 1e-12;
        if pole {
            if d.sign()? <= 0.0 {
                return None;
            }
            return match op {
                Op::Lgamma => d.log()?.scale(-1.0)?.add(&Series::bound(d.size()?.clone())),
                Op::Digamma => d.pow(-1.0)?.scale(-1.0)?.add(&Series::bounded()),
                _ => d.pow(-2.0)?.add(&Series::bounded()),
            };
        }
        if edge {
            return Some(Series::bounded());
        }
        if matches!(op, Op::Lgamma | Op::Digamma | Op::Trigamma) && at < 0.0 || op == Op::Tan && at.cos().abs() < 1e-12 {
            return None;
        }
        return Series::compose(&taylor(op, at)?, &d);
    }
    let Some(s) = u.infinite() else {
        // Bounded without a limit, or of unknown sign.
        let continuous = matches!(op, Op::Sinh | Op::Cosh | Op::Softplus | Op::ExpQuotient);
        return match op {
            Op::Sin | Op::Cos | Op::Asin | Op::Acos | Op::Tanh | Op::Sigmoid | Op::Erf | Op::Erfc | Op::Atan => {
                Some(Series::bounded())
            }
            _ if continuous && u.is_bounded() => Some(Series::bounded()),
            Op::Softplus | Op::ExpQuotient => u.rest.clone().map(Series::bound),
            _ => None,
        };
    };
    let size = u.scale(s)?; // to plus infinity
    let decay = || size.scale(-1.0)?.exp();
    match op {
        Op::Sin | Op::Cos | Op::Asin | Op::Acos => Some(Series::bounded()),
        Op::Tanh => {
            let e = size.scale(-2.0)?.exp()?;
            one.sub(&e)?.mul(&one.add(&e)?.pow(-1.0)?)?.scale(s)
        }
        Op::Sigmoid => {
            let e = decay()?;
            let up = one.add(&e)?.pow(-1.0)?;
            if s > 0.0 { Some(up) } else { e.mul(&up) }
        }
        Op::Softplus => {
            let tail = one.add(&decay()?)?.log()?;
            if s > 0.0 { size.add(&tail) } else { Some(tail) }
        }
        Op::Sinh | Op::Cosh => {
            let (up, down) = (size.exp()?, decay()?);
            if op == Op::Cosh { up.add(&down)?.scale(0.5) } else { up.sub(&down)?.scale(0.5 * s) }
        }
        Op::Erf | Op::Erfc => {
            let square = size.mul(&size)?;
            let correction = one.add(&Series::bound(square.size()?.pow(-1.0)))?;
            let tail = square.scale(-1.0)?.exp()?.mul(&size.pow(-1.0)?)?.scale(1.0 / PI.sqrt())?.mul(&correction)?;
            match (op, s > 0.0) {
                (Op::Erf, _) => one.sub(&tail)?.scale(s),
                (_, true) => Some(tail),
                _ => Series::constant(2.0).sub(&tail),
            }
        }
        Op::Atan => {
            let inverse = size.pow(-1.0)?;
            let cube = Series::bound(inverse.size()?.pow(3.0));
            Series::constant(FRAC_PI_2).sub(&inverse)?.add(&cube)?.scale(s)
        }
        Op::ExpQuotient => {
            let e = decay()?;
            let rest = size.mul(&one.sub(&e)?.pow(-1.0)?)?;
            if s > 0.0 { rest.mul(&e) } else { Some(rest) }
        }
        Op::Lgamma if s > 0.0 => {
            let log = u.log()?;
            let main = u.sub(&Series::constant(0.5))?.mul(&log)?.sub(u)?;
            main.add(&Series::constant(0.5 * (2.0 * PI).ln()))?.add(&Series::bound(u.size()?.pow(-1.0)))
        }
        Op::Digamma if s > 0.0 => {
            let half = u.pow(-1.0)?.scale(0.5)?;
            u.log()?.sub(&half)?.add(&Series::bound(u.size()?.pow(-2.0)))
        }
        Op::Trigamma if s > 0.0 => u.pow(-1.0)?.add(&Series::bound(u.size()?.pow(-2.0))),
        _ => None,
    }
}
