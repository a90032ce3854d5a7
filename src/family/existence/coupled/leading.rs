//! The leading part: what the pieces add up to along x_j = s^(w_j) v_j as s goes to infinity, uniformly in v.
//!
//! With all weights 1 these are rays; weights that give the largest pure powers of the coordinates one degree reach
//! families such as -x^4 - y^2, whose leading homogeneous part says nothing. Coordinates of finite extent keep their
//! values. A leading part is only formed where every piece has one or is of lower degree.

use super::super::Tails;
use super::super::form::Kind;
use super::super::lead::{Leads, SAME_DEGREE, directions};
use super::super::place::reach;
use std::sync::Arc;

/// A term of the leading part.
pub(super) enum Part<'a> {
    Monomial(&'a [(u32, u32)]),
    Sides { j: usize, p: f64, plus: f64, minus: f64 },
    Output(usize),
}

/// A (quasi-)homogeneous function of the members.
pub(super) struct Top<'a> {
    pub parts: Vec<(f64, Part<'a>)>,
    pub leads: Arc<Leads>,
    pub degree: f64,
    pub members: &'a [usize],
    pub weights: &'a [f64],
    pub bounds: Vec<[f64; 2]>,
    pub compact: Vec<bool>,
    pub scale: Vec<f64>,
}

impl Tails {
    /// Weights that give the largest pure powers of all coordinates the same degree.
    pub(super) fn pure_weights(&self, members: &[usize], active: &[usize]) -> Option<Vec<f64>> {
        let mut weights = vec![1.0; self.form.axes.len()];
        let mut degrees = Vec::new();
        for j in members {
            if reach(self.form.axes[*j]) == [false, false] {
                continue;
            }
            let pure = active.iter().filter(|i| self.form.pieces[**i].coordinates == [*j]);
            let degree = pure.map(|i| self.sides[*i].map(|s| s.p)).try_fold(0.0_f64, |m, p| Some(m.max(p?)))?;
            if degree < 1e-3 {
                return None;
            }
            weights[*j] = 1.0 / degree;
            degrees.push(degree);
        }
        let most = degrees.iter().copied().fold(0.0, f64::max);
        weights.iter_mut().for_each(|w| *w *= most);
        degrees.iter().any(|d| (d - most).abs() > SAME_DEGREE).then_some(weights)
    }

    /// The leading part, where every active piece has one.
    pub(super) fn top<'a>(
        &'a self,
        members: &'a [usize],
        active: &[usize],
        coefficients: &[(f64, f64)],
        weights: &'a [f64],
    ) -> Option<Top<'a>> {
        let leads = self.leads(weights);
        let compact: Vec<bool> = self.form.axes.iter().map(|a| reach(*a) == [false, false]).collect();
        let mut found: Vec<(f64, f64, Part)> = Vec::new();
        let mut low = 0.0_f64;
        for i in active {
            let (piece, c) = (&self.form.pieces[*i], coefficients[*i].0);
            match (&piece.kind, &piece.coordinates[..]) {
                (Kind::Monomial(powers), _) => {
                    let degree =
                        powers.iter().filter(|p| !compact[p.0 as usize]).map(|p| weights[p.0 as usize] * f64::from(p.1));
                    found.push((degree.sum(), c, Part::Monomial(powers)));
                }
                (_, [j]) if compact[*j] => {}
                (_, [j]) => {
                    let s = self.sides[*i]?;
                    low = low.max(weights[*j] * s.low);
                    if s.p > s.low + SAME_DEGREE {
                        found.push((weights[*j] * s.p, c, Part::Sides { j: *j, p: s.p, plus: s.plus, minus: s.minus }));
                    } else {
                        low = low.max(weights[*j] * s.p);
                    }
                }
                _ => {
                    let far = (*leads.far.get(i)?)?;
                    low = low.max(far.low);
                    if let Some((output, degree)) = far.output {
                        found.push((degree, c, Part::Output(output)));
                    }
                }
            }
        }
        let degree = found.iter().map(|f| f.0).fold(0.0, f64::max);
        let noncompact = members.iter().any(|j| !compact[*j]);
        if noncompact && degree <= low + SAME_DEGREE {
            return None;
        }
        let parts: Vec<(f64, Part)> = if noncompact {
            found.into_iter().filter(|f| (f.0 - degree).abs() <= SAME_DEGREE).map(|f| (f.1, f.2)).collect()
        } else {
            vec![]
        };
        // Coordinates in units in which the pure powers have coefficient 1.
        let mut scale = vec![1.0; self.form.axes.len()];
        for (c, part) in &parts {
            let (j, p, c) = match part {
                Part::Monomial([(j, p)]) => (*j as usize, f64::from(*p), *c),
                Part::Sides { j, p, plus, minus } => (*j, *p, c * plus.abs().max(minus.abs())),
                _ => continue,
            };
            let s = c.abs().powf(-1.0 / p);
            if !compact[j] && s > 1e-100 && s < 1e100 {
                scale[j] = s;
            }
        }
        let bounds = directions(&self.form.axes);
        Some(Top { parts, leads, degree, members, weights, bounds, compact, scale })
    }
}

impl Top<'_> {
    /// The value and the sum of the sizes of the terms at points over the members.
    pub(super) fn values(&self, points: &[Vec<f64>]) -> Vec<(f64, f64)> {
        let d = self.scale.len();
        let mut x = vec![0.0; d * points.len()];
        for (row, point) in x.chunks_mut(d).zip(points) {
            for (j, v) in self.members.iter().zip(point) {
                row[*j] = if self.compact[*j] { *v } else { self.scale[*j] * v };
            }
        }
        let outputs = self.leads.outputs();
        let wanted = self.parts.iter().any(|p| matches!(p.1, Part::Output(_)));
        let far = if wanted { self.leads.evaluate(&x) } else { vec![] };
        x.chunks(d)
            .enumerate()
            .map(|(n, x)| {
                let term = |(c, part): &(f64, Part)| {
                    c * match part {
                        Part::Monomial(p) => p.iter().map(|(j, p)| x[*j as usize].powi(*p as i32)).product::<f64>(),
                        Part::Sides { j, p, plus, minus } => (if x[*j] < 0.0 { minus } else { plus }) * x[*j].abs().powf(*p),
                        Part::Output(i) => far[n * outputs + i],
                    }
                };
                self.parts.iter().map(term).fold((0.0, 0.0), |(s, size), t| (s + t, size + t.abs()))
            })
            .collect()
    }

    /// The point over the members in x, of one in the units of [`Top::values`].
    pub(super) fn point(&self, v: &[f64]) -> Vec<f64> {
        self.members.iter().zip(v).map(|(j, v)| if self.compact[*j] { *v } else { self.scale[*j] * v }).collect()
    }

    /// The direction over the members in x.
    pub(super) fn direction(&self, v: &[f64]) -> Vec<f64> {
        self.unit(&self.point(v))
    }

    /// The direction of a point in x.
    pub(super) fn unit(&self, x: &[f64]) -> Vec<f64> {
        let x: Vec<f64> = self.members.iter().zip(x).map(|(j, x)| if self.compact[*j] { 0.0 } else { *x }).collect();
        let size = x.iter().map(|x| x * x).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
        x.iter().map(|x| x / size).collect()
    }
}
