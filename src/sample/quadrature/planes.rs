//! Affine surfaces: where lines meet them, and where the pattern of what lines further inside meet changes, both known from
//! coefficients alone.
//!
//! Two planes that end at the same coordinate meet in a plane over the coordinates further out: there their order changes. These
//! meet in turn, down to the outermost coordinate (Fourier's elimination). A meeting counts where it lies inside the window.

use crate::expr::kinks::affine;
use crate::expr::{Graph, NodeId};

/// The planes of a clique, by the place of the last coordinate in the order that they touch.
pub(super) struct Planes {
    planes: Vec<Plane>,
    ending: Vec<Vec<usize>>,
    /// Ends of the window, as x, by place in the order.
    ends: Vec<(f64, f64)>,
}

/// slopes . x + constant = 0.
#[derive(Debug, Clone, PartialEq)]
struct Plane {
    /// By place in the order.
    slopes: Vec<f64>,
    constant: f64,
    /// The planes further inside that meet here.
    of: Option<(usize, usize)>,
}

/// Most planes, meetings included.
const MOST: usize = 256;
/// What is left of coefficients that cancel.
const CANCELLED: f64 = 1e-13;
/// What lies no further beyond the window than this part of it is inside.
const HAIR: f64 = 1e-12;

impl Plane {
    /// The place of the last coordinate that it touches.
    fn last(&self) -> Option<usize> {
        self.slopes.iter().rposition(|s| *s != 0.0)
    }
    /// Where the line behind `point` meets it.
    fn root(&self, point: &[f64]) -> f64 {
        let rest: f64 = self.slopes.iter().zip(point).map(|(s, x)| s * x).sum();
        -(rest + self.constant) / self.slopes[point.len()]
    }
    /// What does not depend on coordinate `place`, where both are zero.
    fn meeting(&self, other: &Plane, place: usize, of: (usize, usize)) -> Plane {
        let (a, b) = (1.0 / self.slopes[place], 1.0 / other.slopes[place]);
        let difference = |p: f64, q: f64| {
            let d = p * a - q * b;
            if d.abs() <= CANCELLED * ((p * a).abs() + (q * b).abs()) { 0.0 } else { d }
        };
        let mut slopes: Vec<f64> = self.slopes.iter().zip(&other.slopes).map(|(p, q)| difference(*p, *q)).collect();
        slopes[place] = 0.0;
        Plane { slopes, constant: difference(self.constant, other.constant), of: Some(of) }
    }
    /// Whether both are zero at the same points.
    fn equals(&self, other: &Plane) -> bool {
        let Some(last) = self.last().filter(|l| other.last() == Some(*l)) else { return false };
        let scale = self.slopes[last] / other.slopes[last];
        let near = |(p, q): (&f64, &f64)| (p - q * scale).abs() <= CANCELLED * (p.abs() + (q * scale).abs());
        self.slopes.iter().zip(&other.slopes).all(near) && near((&self.constant, &other.constant))
    }
}

impl Planes {
    /// From the arguments of the surfaces, over the clique's coordinates; nothing where one is not affine, or meetings are too many.
    /// `ends` are those of the window, as x, by coordinate; a line that leaves it at a `noticeable` one counts as a meeting too.
    pub(super) fn new(
        graph: &Graph,
        arguments: &[NodeId],
        order: &[usize],
        ends: &[(f64, f64)],
        noticeable: &[[bool; 2]],
    ) -> Option<Planes> {
        let affine = affine(graph, arguments, order.len())?;
        let along = |v: &Vec<f64>| Plane { slopes: order.iter().map(|c| v[*c]).collect(), constant: v[order.len()], of: None };
        let mut planes: Vec<Plane> = affine.iter().map(along).filter(|p| p.last().is_some()).collect();
        let ends: Vec<(f64, f64)> = order.iter().map(|c| ends[*c]).collect();
        for (place, coordinate) in order.iter().enumerate().skip(1) {
            for (end, _) in [ends[place].0, ends[place].1].iter().zip(noticeable[*coordinate]).filter(|(_, n)| *n) {
                let slopes = (0..order.len()).map(|p| f64::from(u8::from(p == place))).collect();
                planes.push(Plane { slopes, constant: -end, of: None });
            }
        }
        let mut ending = vec![Vec::new(); order.len()];
        planes.iter().enumerate().for_each(|(i, p)| ending[p.last().unwrap_or(0)].push(i));
        for place in (1..order.len()).rev() {
            let here = ending[place].clone();
            for (n, i) in here.iter().enumerate() {
                for j in &here[..n] {
                    let both = planes[*i].meeting(&planes[*j], place, (*i, *j));
                    let Some(last) = both.last() else { continue };
                    if planes.iter().any(|p| p.of.is_none() && p.equals(&both)) {
                        continue;
                    }
                    ending[last].push(planes.len());
                    planes.push(both);
                    if planes.len() > MOST {
                        return None;
                    }
                }
            }
        }
        Some(Planes { planes, ending, ends })
    }
    /// Where the line behind `prefix`, by place in the order, is to be split, ascending.
    pub(super) fn cuts(&self, prefix: &[f64]) -> Vec<f64> {
        let mut point = prefix.to_vec();
        let mut found = Vec::new();
        for i in &self.ending[prefix.len()] {
            let root = self.planes[*i].root(prefix);
            if self.inside(prefix.len(), root) {
                point.push(root);
                if self.counts(*i, &mut point) {
                    found.push(root);
                }
                point.pop();
            }
        }
        found.sort_by(f64::total_cmp);
        found.dedup();
        found
    }
    /// Whether x lies in the window.
    fn inside(&self, place: usize, x: f64) -> bool {
        let (low, high) = self.ends[place];
        let hair = HAIR * (high - low);
        (low - hair..=high + hair).contains(&x)
    }
    /// Whether plane `i`, on which `point` lies, is a surface, or a meeting inside the window of two that count.
    fn counts(&self, i: usize, point: &mut Vec<f64>) -> bool {
        let Some((one, other)) = self.planes[i].of else { return true };
        let place = point.len();
        if self.planes[one].last() != Some(place) {
            // What lies between is not known.
            return true;
        }
        let root = self.planes[one].root(point);
        if !self.inside(place, root) {
            return false;
        }
        point.push(root);
        let both = self.counts(one, point) && self.counts(other, point);
        point.pop();
        both
    }
}
