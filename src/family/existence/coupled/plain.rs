//! Leading parts whose sign is decided outright.
//!
//! Terms that are all of one sign; quadratic forms, over whole lines by their eigenvalues, over half lines by the least value on
//! each face of a simplex; and what is linear in pieces, by its values along the edges of the pieces.

use super::super::cones::{choices, orthogonal};
use super::leading::{Part, Top};
use super::peak::Peak;
use super::search::MARGIN;
use crate::expr::{Graph, Node, NodeId, Op, kinks};
use crate::num::linalg::{cholesky, cholesky_solve, symmetric_eigen};

/// A value of a quadratic form within this part of its terms, for each coordinate, counts as zero.
const ROUNDING: f64 = 1e-13;
/// Most coordinates on half lines of a quadratic form.
const HALF_LINES: usize = 12;
/// Most hyperplanes between the pieces.
const PLANES: usize = 20;

impl Top<'_> {
    /// The sign, where nothing has to be searched.
    pub(super) fn plain_peak(&self) -> Option<Peak> {
        if self.plainly_negative() {
            return Some(Peak::Negative);
        }
        self.quadratic().or_else(|| self.linear_in_pieces())
    }

    /// Negative term by term: no term is ever positive, and every unbounded side of every member has a negative one.
    fn plainly_negative(&self) -> bool {
        let mut sides: Vec<[bool; 2]> = self
            .bounds
            .iter()
            .zip(&self.compact)
            .map(|(b, c)| if *c { [true; 2] } else { [b[0] == 0.0, b[1] == 0.0] })
            .collect();
        for (c, part) in &self.parts {
            match part {
                Part::Monomial(powers) => {
                    let one_sign = powers.iter().all(|(j, p)| p % 2 == 0 || self.bounds[*j as usize][0] >= 0.0);
                    if *c > 0.0 || !one_sign {
                        return false;
                    }
                    if let [(j, _)] = powers {
                        sides[*j as usize] = [true; 2];
                    }
                }
                Part::Sides { j, plus, minus, .. } => {
                    let [down, up] = [self.bounds[*j][0] < 0.0, self.bounds[*j][1] > 0.0];
                    if up && c * plus > 0.0 || down && c * minus > 0.0 {
                        return false;
                    }
                    sides[*j][0] |= c * minus < 0.0;
                    sides[*j][1] |= c * plus < 0.0;
                }
                Part::Output(_) => return false,
            }
        }
        self.members.iter().all(|j| sides[*j] == [true; 2])
    }

    /// Whether all members are unbounded, with weight 1.
    fn is_uniform(&self) -> bool {
        self.members.iter().all(|j| self.weights[*j] == 1.0 && !self.compact[*j])
    }

    /// A quadratic form.
    fn quadratic(&self) -> Option<Peak> {
        if !self.is_uniform() || self.degree != 2.0 {
            return None;
        }
        let n = self.members.len();
        let mut place = vec![0; self.scale.len()];
        self.members.iter().enumerate().for_each(|(i, j)| place[*j] = i);
        let mut q = vec![0.0; n * n];
        for (c, part) in &self.parts {
            let Part::Monomial(powers) = part else { return None };
            let (a, b) = match powers {
                [(a, _)] => (*a as usize, *a as usize),
                [(a, _), (b, _)] => (*a as usize, *b as usize),
                _ => return None,
            };
            let half = 0.5 * c * self.scale[a] * self.scale[b];
            q[place[a] * n + place[b]] -= half;
            q[place[b] * n + place[a]] -= half;
        }
        // The least value of the form, which is to be positive, and where.
        let size = q.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let margin = ROUNDING * n as f64 * size;
        let (whole, half): (Vec<usize>, Vec<usize>) = (0..n).partition(|i| self.bounds[self.members[*i]] == [-1.0, 1.0]);
        let (least, v) = match half.len() {
            0 => least_on_sphere(&q, n, margin)?,
            1..=HALF_LINES => {
                let signs: Vec<f64> =
                    half.iter().map(|i| if self.bounds[self.members[*i]][0] < 0.0 { -1.0 } else { 1.0 }).collect();
                least_on_simplex(&q, n, &whole, &half, &signs, margin)?
            }
            _ => return None,
        };
        if least > margin {
            return Some(Peak::Negative);
        }
        let direction = self.direction(&v);
        if least < -margin {
            // Its value along the unit vector in x.
            let unscaled: Vec<f64> = self.members.iter().zip(&direction).map(|(j, x)| x / self.scale[*j]).collect();
            return Some(Peak::Positive { value: self.values(&[unscaled])[0].0, direction });
        }
        Some(Peak::Flat(direction))
    }

    /// Linear on each cell of an arrangement of hyperplanes through zero, which include those of the coordinates: cells are cones
    /// without lines, and a point in one is a sum of multiples of its edges, where all but one of the hyperplanes' dimensions meet.
    fn linear_in_pieces(&self) -> Option<Peak> {
        let plain = |part: &Part| match part {
            Part::Monomial(powers) => matches!(powers, [(_, 1)]),
            Part::Sides { p, .. } => *p == 1.0,
            Part::Output(_) => true,
        };
        if !self.is_uniform() || self.degree != 1.0 || !self.parts.iter().all(|(_, part)| plain(part)) {
            return None;
        }
        let edges = self.leads.edges(self.scale.len(), self.members)?;
        let inside = |v: &&Vec<f64>| {
            v.iter().zip(self.members).all(|(v, j)| self.bounds[*j][0] * v.abs() <= *v && *v <= self.bounds[*j][1] * v.abs())
        };
        let unscaled = |v: &Vec<f64>| -> Vec<f64> { v.iter().zip(self.members).map(|(v, j)| v / self.scale[*j]).collect() };
        let points: Vec<Vec<f64>> = edges.iter().filter(inside).map(unscaled).collect();
        let values = self.values(&points);
        let margin = |size: f64| MARGIN * size;
        if values.iter().any(|v| v.0.is_nan()) {
            return None;
        }
        // Where there are no terms at all, nothing decays.
        let part = |i: &usize| if values[*i].1 > 0.0 { values[*i].0 / values[*i].1 } else { 0.0 };
        let most = (0..points.len()).max_by(|a, b| part(a).total_cmp(&part(b)))?;
        let (value, size) = values[most];
        let direction = self.direction(&points[most]);
        Some(match value {
            v if v > margin(size) => Peak::Positive { direction, value },
            v if v < -margin(size) => Peak::Negative,
            _ => Peak::Flat(direction),
        })
    }
}

/// Edges of the cells into which hyperplanes, and those on which a coordinate among `members` is 0, cut the space of the members:
/// `nodes` are linear on each cell. Nothing where they are not, or there are too many.
pub(in super::super) fn edges(graph: &Graph, nodes: &[NodeId], d: usize, members: &[usize]) -> Option<Vec<Vec<f64>>> {
    let n = members.len();
    let mut normals: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|k| f64::from(u8::from(k == i))).collect()).collect();
    if !nodes.is_empty() {
        is_linear_in_pieces(graph, nodes).then_some(())?;
        let mut graph = graph.clone();
        let surfaces = kinks::surfaces(&mut graph, nodes);
        let arguments: Vec<NodeId> = surfaces.iter().map(|s| s.argument).collect();
        for slopes in if arguments.is_empty() { vec![] } else { kinks::affine(&graph, &arguments, d)? } {
            if slopes[d] != 0.0 {
                return None;
            }
            let slopes: Vec<f64> = members.iter().map(|j| slopes[*j]).collect();
            let size = slopes.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
            let same = |w: &Vec<f64>| {
                let dot: f64 = w.iter().zip(&slopes).map(|(w, v)| w * v / size).sum();
                let norms: f64 = w.iter().map(|w| w * w).sum::<f64>() * slopes.iter().map(|v| (v / size).powi(2)).sum::<f64>();
                dot * dot >= norms * (1.0 - 1e-14)
            };
            if size > 0.0 && !normals.iter().any(same) {
                normals.push(slopes.iter().map(|v| v / size).collect());
            }
        }
    }
    if normals.len() > PLANES {
        return None;
    }
    let mut found = Vec::new();
    let complete = choices(normals.len(), n - 1, &mut |chosen| {
        if let Some(v) = orthogonal(chosen.iter().map(|i| normals[*i].clone()).collect(), n) {
            found.push(v.iter().map(|v| -v).collect());
            found.push(v);
        }
    });
    complete.then_some(found)
}

/// Whether nodes are sums of multiples of absolute values, smaller and larger ones, and those nested.
fn is_linear_in_pieces(graph: &Graph, nodes: &[NodeId]) -> bool {
    let needed = graph.reachable(nodes);
    let constant = |id: &NodeId| graph.as_constant(*id).is_some();
    (0..needed.len()).filter(|i| needed[*i]).all(|i| match graph.node(graph.id(i)) {
        Node::Const(_) | Node::Var(_) | Node::Part(..) => true,
        Node::Param(_) => false,
        Node::Apply(Op::Add | Op::Sub | Op::Neg | Op::Abs | Op::Min | Op::Max | Op::Relu, _) => true,
        Node::Apply(Op::Mul, [a, b, _]) => constant(&a) || constant(&b),
        Node::Apply(Op::Div, [_, b, _]) => constant(&b),
        Node::Apply(..) => false,
    })
}

/// The least value of a quadratic form over the unit sphere, or infinity where it is above the margin, and where.
fn least_on_sphere(q: &[f64], n: usize, margin: f64) -> Option<(f64, Vec<f64>)> {
    let mut shifted = q.to_vec();
    (0..n).for_each(|i| shifted[i * n + i] -= margin);
    if cholesky(&shifted, n).is_some() {
        return Some((f64::INFINITY, vec![]));
    }
    let (values, vectors) = symmetric_eigen(q, n);
    let least = (0..n).min_by(|a, b| values[*a].total_cmp(&values[*b]))?;
    Some((values[least], (0..n).map(|i| vectors[i * n + least]).collect()))
}

/// The sign of the least value of a quadratic form where the coordinates `half` have the given signs, and where: over the simplex on
/// which these add up to 1, the others such that the form is least. It lies inside of a face, where all slopes are equal.
fn least_on_simplex(
    q: &[f64],
    n: usize,
    whole: &[usize],
    half: &[usize],
    signs: &[f64],
    margin: f64,
) -> Option<(f64, Vec<f64>)> {
    let (w, h) = (whole.len(), half.len());
    let block = |rows: &[usize], columns: &[usize]| -> Vec<f64> {
        rows.iter().flat_map(|i| columns.iter().map(move |k| q[i * n + k])).collect()
    };
    let spread = |inner: &[f64], outer: &[f64]| {
        let mut v = vec![0.0; n];
        whole.iter().zip(inner).for_each(|(i, x)| v[*i] = *x);
        half.iter().zip(outer).zip(signs).for_each(|((i, x), s)| v[*i] = s * x);
        v
    };
    let (inner, mixed) = (block(whole, whole), block(whole, half));
    let mut schur = block(half, half);
    let mut answers = vec![vec![0.0; w]; h];
    if w > 0 {
        let (least, v) = least_on_sphere(&inner, w, margin)?;
        if least.is_finite() {
            return Some((least, spread(&v, &vec![0.0; h])));
        }
        let l = cholesky(&inner, w)?;
        for (b, answer) in answers.iter_mut().enumerate() {
            *answer = cholesky_solve(&l, w, &(0..w).map(|i| mixed[i * h + b]).collect::<Vec<f64>>());
            (0..h).for_each(|a| schur[a * h + b] -= (0..w).map(|i| mixed[i * h + a] * answer[i]).sum::<f64>());
        }
    }
    (0..h).for_each(|a| (0..h).for_each(|b| schur[a * h + b] *= signs[a] * signs[b]));
    let value = |x: &[f64]| (0..h).map(|a| x[a] * (0..h).map(|b| schur[a * h + b] * x[b]).sum::<f64>()).sum::<f64>();
    let mut best: Option<(f64, Vec<f64>)> = None;
    for face in 1_usize..1 << h {
        let members: Vec<usize> = (0..h).filter(|a| face >> a & 1 == 1).collect();
        let row = |a: &usize| members.iter().map(|b| schur[a * h + b]).collect::<Vec<f64>>();
        let Some(x) = level(&members.iter().flat_map(row).collect::<Vec<f64>>(), members.len()) else { continue };
        if x.iter().any(|x| *x < -1e-9) {
            continue;
        }
        let mut full = vec![0.0; h];
        members.iter().zip(&x).for_each(|(a, x)| full[*a] = x.max(0.0));
        let v = value(&full);
        if best.as_ref().is_none_or(|b| v < b.0) {
            best = Some((v, full));
        }
    }
    let (least, x) = best?;
    let inner: Vec<f64> = (0..w).map(|i| -(0..h).map(|b| answers[b][i] * signs[b] * x[b]).sum::<f64>()).collect();
    Some((least, spread(&inner, &x)))
}

/// Where on the plane on which coordinates add up to 1 the slopes of a quadratic form are equal; nothing where that is no point.
fn level(q: &[f64], m: usize) -> Option<Vec<f64>> {
    // One coordinate is 1 less the others.
    let last = m - 1;
    let at = |a: usize, b: usize| q[a * m + b];
    let mut rows: Vec<Vec<f64>> = (0..last)
        .map(|a| {
            let entry = |b: usize| at(a, b) - at(a, last) - at(last, b) + at(last, last);
            (0..last).map(entry).chain([at(last, last) - at(a, last)]).collect()
        })
        .collect();
    let size = q.iter().fold(0.0_f64, |s, v| s.max(v.abs()));
    for column in 0..last {
        let best = (column..last).max_by(|a, b| rows[*a][column].abs().total_cmp(&rows[*b][column].abs()))?;
        if rows[best][column].abs() <= 1e-13 * size {
            return None;
        }
        rows.swap(column, best);
        let pivot = rows[column].clone();
        for row in rows.iter_mut().skip(column + 1) {
            let factor = row[column] / pivot[column];
            row.iter_mut().zip(&pivot).for_each(|(v, p)| *v -= factor * p);
        }
    }
    let mut x = vec![0.0; m];
    for a in (0..last).rev() {
        x[a] = (rows[a][last] - (a + 1..last).map(|b| rows[a][b] * x[b]).sum::<f64>()) / rows[a][a];
    }
    x[last] = 1.0 - x[..last].iter().sum::<f64>();
    Some(x)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Horn's form is nowhere negative on half lines, though not a sum of squares: zero at some edges, positive with any more.
    #[test]
    fn horns_form_is_copositive() {
        let horn = [[1, -1, 1, 1, -1], [-1, 1, -1, 1, 1], [1, -1, 1, -1, 1], [1, 1, -1, 1, -1], [-1, 1, 1, -1, 1]];
        let q = |more: f64| -> Vec<f64> {
            (0..25).map(|i| f64::from(horn[i / 5][i % 5]) + if i % 6 == 0 { more } else { 0.0 }).collect()
        };
        let least = |q: &[f64]| least_on_simplex(q, 5, &[], &[0, 1, 2, 3, 4], &[1.0; 5], 1e-13).unwrap().0;
        assert!(least(&q(0.0)).abs() < 1e-14, "{}", least(&q(0.0)));
        assert!(least(&q(1e-6)) > 1e-7 && least(&q(-1e-6)) < -1e-7);
        // Coordinates on whole lines and signs: (x0 - x1)^2 + 2 x0 x2 with x2 <= 0 is negative at (1, 1, -1).
        let q = [1.0, -1.0, 1.0, -1.0, 1.0, 0.0, 1.0, 0.0, 0.0];
        let (least, v) = least_on_simplex(&q, 3, &[1], &[0, 2], &[1.0, -1.0], 1e-13).unwrap();
        assert!(least < -0.1 && v[0] > 0.0 && v[2] < 0.0 && (v[1] - v[0]).abs() < 1e-12, "{least} {v:?}");
    }
}
