//! Coordinates in which the poles of a density lie where a coordinate is 0.
//!
//! Next to the plane x0 = x1 the difference x0 - x1 has few digits, and nodes on the axes come near it by chance only. Where a
//! statistic is log |x0 - x1|, the difference is a coordinate instead, beside those across; where it is log (x0^2 + x1^2), the
//! coordinates are polar, and it is twice the logarithm of the first. Only for whole lines, three that hang together at most,
//! whose planes are independent.

use super::existence::copy::copy;
use crate::domain::Axis;
use crate::expr::kinks::{self, Pole, affine};
use crate::expr::{Component, Graph, Interaction, Node, NodeId, Op};

/// Nodes over other coordinates, with log |dx/dy|.
pub(super) struct Straight {
    pub graph: Graph,
    pub axes: Vec<Axis>,
    pub roots: Vec<NodeId>,
    pub measure: NodeId,
}

/// Most coordinates that hang together.
const MOST: usize = 3;
/// Least size of a pivot, as a part of its row: planes that are nearly parallel have no coordinates of their own.
const PIVOT: f64 = 1e-3;

/// New coordinates of one component.
struct Change {
    members: Vec<usize>,
    /// The members are this matrix, row by row, times the new coordinates less `shift`.
    inverse: Vec<Vec<f64>>,
    shift: Vec<f64>,
    log_det: f64,
    /// Nodes that are multiples of a new coordinate: its place and the factor.
    planes: Vec<(NodeId, usize, f64)>,
    /// The sum of the squares of this many new coordinates, which are polar.
    point: Option<(NodeId, usize)>,
}

/// The same nodes in straight coordinates; `None` where they are straight, or cannot be. `touches` are the coordinates of each
/// summand.
pub(super) fn straight(g: &Graph, axes: &[Axis], touches: &[Vec<usize>], roots: &[NodeId]) -> Option<Straight> {
    let poles = kinks::poles(g, roots);
    if poles.is_empty() {
        return None;
    }
    let mut scratch = g.clone();
    let surfaces = kinks::surfaces(&mut scratch, roots);
    let parts = Interaction { touches: touches.to_vec(), dim: axes.len() }.components();
    let change = |part: &Component| {
        let members = &part.coordinates;
        let inside = |node: NodeId| scratch.coordinates(node).iter().any(|j| members.contains(j));
        // A kink elsewhere is straight in one coordinate, or in those that there are.
        let kinked = members.len() > 1 && surfaces.iter().any(|s| !s.pole && inside(s.argument));
        let fits = members.len() <= MOST && members.iter().all(|j| axes[*j] == Axis::Line) && !kinked;
        fits.then(|| Change::new(g, axes.len(), members, &poles)).flatten()
    };
    let changes: Vec<Change> = parts.iter().filter_map(change).collect();
    (!changes.is_empty()).then(|| build(g, axes, roots, &changes))
}

impl Change {
    fn new(g: &Graph, d: usize, members: &[usize], poles: &[Pole]) -> Option<Change> {
        let (mut planes, mut points) = (Vec::new(), Vec::new());
        for pole in poles {
            match pole {
                Pole::Plane(node) if touches(g, *node, members) => planes.push(*node),
                Pole::Point { sum, squares } if touches(g, *sum, members) => points.push((*sum, squares)),
                _ => {}
            }
        }
        let nodes: Vec<(NodeId, f64)> = match &points[..] {
            [] => planes.iter().map(|p| (*p, 1.0)).collect(),
            [(_, squares)] if planes.is_empty() => squares.iter().map(|(p, w)| (*p, w.sqrt())).collect(),
            _ => return None,
        };
        let arguments: Vec<NodeId> = nodes.iter().map(|n| n.0).collect();
        let all = affine(g, &arguments, d)?;
        let mut rows: Vec<(Vec<f64>, f64)> = Vec::new();
        let mut multiples: Vec<(NodeId, usize, f64)> = Vec::new();
        for (row, (node, factor)) in all.iter().zip(&nodes) {
            let slopes: Vec<f64> = members.iter().map(|j| factor * row[*j]).collect();
            let shift = factor * row[d];
            let known = rows.iter().position(|(known, at)| multiple(known, *at, &slopes, shift).is_some());
            match known {
                Some(_) if !points.is_empty() => return None,
                Some(place) => multiples.push((*node, place, multiple(&rows[place].0, rows[place].1, &slopes, shift)?)),
                None => {
                    multiples.push((*node, rows.len(), 1.0));
                    rows.push((slopes, shift));
                }
            }
        }
        let n = members.len();
        let unit = |k: usize| (0..n).map(|i| f64::from(u8::from(i == k))).collect::<Vec<f64>>();
        let plain = points.is_empty() && rows.iter().all(|r| r.1 == 0.0 && (0..n).any(|k| r.0 == unit(k)));
        if rows.is_empty() || rows.len() > n || plain {
            return None;
        }
        let count = rows.len();
        // Beside them what is orthogonal to all.
        let mut matrix: Vec<Vec<f64>> = rows.iter().map(|r| r.0.clone()).collect();
        let mut frame: Vec<Vec<f64>> = Vec::new();
        for row in &matrix {
            frame.push(left(row, &frame).map(normal)?);
        }
        while matrix.len() < n {
            let candidates = (0..n).filter_map(|k| left(&unit(k), &frame));
            let best = candidates.max_by(|a, b| size(a).total_cmp(&size(b)))?;
            frame.push(normal(best.clone()));
            matrix.push(normal(best));
        }
        let (inverse, det) = inverted(&matrix)?;
        let shift = (0..n).map(|k| rows.get(k).map_or(0.0, |r| r.1)).collect();
        let point = points.first().map(|(sum, _)| (*sum, count));
        let planes = if point.is_some() { vec![] } else { multiples };
        Some(Change { members: members.to_vec(), inverse, shift, log_det: -det.abs().ln(), planes, point })
    }
}

fn touches(g: &Graph, node: NodeId, members: &[usize]) -> bool {
    g.coordinates(node).iter().any(|j| members.contains(j))
}

fn size(v: &[f64]) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn normal(v: Vec<f64>) -> Vec<f64> {
    let s = size(&v);
    v.into_iter().map(|x| x / s).collect()
}

/// What is left of a vector without its parts along orthonormal others.
fn left(v: &[f64], frame: &[Vec<f64>]) -> Option<Vec<f64>> {
    let mut out = v.to_vec();
    for e in frame.iter().chain(frame) {
        let along: f64 = out.iter().zip(e).map(|(a, b)| a * b).sum();
        out.iter_mut().zip(e).for_each(|(o, b)| *o -= along * b);
    }
    (size(&out) > PIVOT * size(v)).then_some(out)
}

/// How many times the first form the second is.
fn multiple(a: &[f64], at: f64, b: &[f64], bt: f64) -> Option<f64> {
    let k = a.iter().position(|v| *v != 0.0)?;
    let factor = b[k] / a[k];
    let same = |(p, q): (f64, f64)| (p * factor - q).abs() <= 4.0 * f64::EPSILON * q.abs().max((p * factor).abs());
    (factor != 0.0 && a.iter().copied().zip(b.iter().copied()).chain([(at, bt)]).all(same)).then_some(factor)
}

/// The inverse of a small matrix and its determinant.
fn inverted(matrix: &[Vec<f64>]) -> Option<(Vec<Vec<f64>>, f64)> {
    let n = matrix.len();
    let mut rows: Vec<Vec<f64>> = matrix
        .iter()
        .enumerate()
        .map(|(i, row)| row.iter().copied().chain((0..n).map(|k| f64::from(u8::from(k == i)))).collect())
        .collect();
    let mut det = 1.0;
    for k in 0..n {
        let best = (k..n).max_by(|a, b| rows[*a][k].abs().total_cmp(&rows[*b][k].abs()))?;
        rows.swap(k, best);
        let pivot = rows[k][k];
        det *= if best == k { pivot } else { -pivot };
        if pivot == 0.0 {
            return None;
        }
        rows[k].iter_mut().for_each(|v| *v /= pivot);
        let row = rows[k].clone();
        for (_, other) in rows.iter_mut().enumerate().filter(|(i, _)| *i != k) {
            let factor = other[k];
            other.iter_mut().zip(&row).for_each(|(o, v)| *o -= factor * v);
        }
    }
    let inverse: Vec<Vec<f64>> = rows.into_iter().map(|r| r[n..].to_vec()).collect();
    (det.is_finite() && inverse.iter().flatten().all(|v| v.is_finite())).then_some((inverse, det))
}

fn build(source: &Graph, axes: &[Axis], roots: &[NodeId], changes: &[Change]) -> Straight {
    let mut g = Graph::new();
    let mut axes = axes.to_vec();
    let mut x: Vec<NodeId> = (0..axes.len()).map(|j| g.var(j)).collect();
    let mut measure = g.constant(changes.iter().map(|c| c.log_det).sum());
    // What stands for nodes of the source, and for logarithms of sums of squares.
    let mut known: Vec<(NodeId, NodeId)> = Vec::new();
    let mut logs: Vec<(NodeId, NodeId)> = Vec::new();
    for change in changes {
        let mut y: Vec<NodeId> = change.members.iter().map(|j| g.var(*j)).collect();
        for (node, place, factor) in &change.planes {
            let factor = g.constant(*factor);
            let image = if g.as_constant(factor) == Some(1.0) { y[*place] } else { g.mul(factor, y[*place]) };
            known.push((*node, image));
        }
        if let Some((sum, count)) = change.point {
            let (r, angle) = (y[0], y[1]);
            let log = g.unary(Op::Log, r);
            known.push((sum, g.mul(r, r)));
            let double = g.constant(2.0);
            logs.push((sum, g.mul(double, log)));
            axes[change.members[0]] = Axis::HalfLine { from: 0.0 };
            axes[change.members[1]] = Axis::Circle;
            let mut flat = r;
            if count == 3 {
                axes[change.members[2]] = Axis::Segment { from: -1.0, to: 1.0 };
                let (z, one) = (y[2], g.constant(1.0));
                let square = g.mul(z, z);
                let rest = g.sub(one, square);
                let side = g.unary(Op::Sqrt, rest);
                flat = g.mul(r, side);
                y[2] = g.mul(r, z);
            }
            let (cos, sin) = (g.unary(Op::Cos, angle), g.unary(Op::Sin, angle));
            (y[0], y[1]) = (g.mul(flat, cos), g.mul(flat, sin));
            let power = g.constant(count as f64 - 1.0);
            let of_radius = g.mul(power, log);
            measure = g.add(measure, of_radius);
        }
        for (j, row) in change.members.iter().zip(&change.inverse) {
            let shift: f64 = -row.iter().zip(&change.shift).map(|(a, b)| a * b).sum::<f64>();
            let mut terms: Vec<NodeId> = Vec::new();
            for (a, y) in row.iter().zip(&y).filter(|(a, _)| a.abs() > 1e-15) {
                let a = g.constant(*a);
                terms.push(if g.as_constant(a) == Some(1.0) { *y } else { g.mul(a, *y) });
            }
            if shift != 0.0 {
                terms.push(g.constant(shift));
            }
            x[*j] = g.sum(&terms);
        }
    }
    let of = |list: &[(NodeId, NodeId)], id: NodeId| list.iter().find(|(node, _)| *node == id).map(|(_, image)| *image);
    let roots = copy(source, &mut g, roots, |id, _, _| match source.node(id) {
        Node::Apply(Op::Log, [a, ..]) if of(&logs, a).is_some() => of(&logs, a),
        Node::Var(j) => of(&known, id).or_else(|| x.get(j as usize).copied()),
        _ => of(&known, id),
    });
    Straight { graph: g, axes, roots, measure }
}
