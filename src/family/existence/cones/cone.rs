//! One cone: whether the integral over it exists.
//!
//! Let u = exp(y). The density is exp of a signomial, of logarithms of signomials and of a linear form in y, up to a
//! bounded factor. Where the signomial is negative on every face of its Newton polyhedron without 0, it is below
//! -delta sum exp(a . y) far out; then the integral exists exactly where the rest, piecewise linear in y up to a bounded
//! amount, is negative in every direction v with a . v <= 0 for all exponents a (by the distance of y to that cone, which is
//! bounded by the largest a . y). Its pieces are cones as well, and their edges suffice.

use super::super::place::short;
use super::super::series::ROUNDING;
use super::faces::{Face, faces};
use super::parts::Alternatives;
use super::quadratic::Beside;
use super::region::front;
use super::rests::Rest;
use super::sign::{Sign, sign, somewhere_positive};
use super::signomial::{Power, Signomial};
use super::zeros::{Zeros, independent, settled, value};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// What counts as zero in a product of an exponent and a direction.
pub(super) const ZERO: f64 = 1e-9;
/// What is surely not zero there.
pub(super) const INSIDE: f64 = 1e-6;
/// Most remembered sets of exponents.
const REMEMBERED: usize = 64;

/// Faces of the hull of some exponents, where they are not too many.
type Faces = Option<Arc<Vec<Face>>>;
/// Directions of log u, where they are not too many.
pub(super) type Directions = Option<Arc<Vec<Vec<f64>>>>;

/// A product of log u_i and log u_k; its factor as pieces with theirs.
pub(super) type Product = ((usize, usize), Vec<(usize, f64)>);

/// Exponents of terms, by number, and those that a part bounds.
pub(super) type Within<'a> = (&'a [usize], &'a [Vec<f64>]);

/// A term c u^a; c as pieces with their factors.
pub(super) struct Exponent {
    pub power: Power,
    pub at: Vec<f64>,
    pub row: Vec<(usize, f64)>,
}

/// c log P or c log|P|.
pub(super) struct Logarithm {
    pub p: Signomial,
    pub corners: Vec<Vec<f64>>,
    pub absolute: bool,
    pub zeros: Zeros,
    /// P is above some positive number, as far as intervals tell.
    pub floor: bool,
    /// A zero of P inside.
    pub zero: Option<Vec<f64>>,
    pub row: Vec<(usize, f64)>,
}

pub(in super::super) struct Cone {
    pub(super) members: Vec<usize>,
    pub(super) from: Vec<f64>,
    pub(super) generators: Vec<Option<Vec<f64>>>,
    pub(super) bounded: Vec<bool>,
    /// Whether the condition of the family holds on it.
    pub(super) inside: Option<bool>,
    /// Parts that cover what the condition leaves of it: on each, u^b is bounded for all of these b.
    pub(super) parts: Vec<Vec<Vec<f64>>>,
    /// Powers that are bounded on the sector.
    pub(super) sector: Vec<Vec<f64>>,
    pub(super) rests: Vec<Rest>,
    /// Where the condition is not decided: it holds where all of one of these are negative.
    pub(super) conditions: Alternatives,
    /// What each u is at most; infinite where nothing is known.
    pub(super) caps: Vec<f64>,
    /// The largest size of each member's distance from `from`.
    pub(super) limits: Vec<f64>,
    /// Directions of log u in which the density is looked at within the region.
    pub(super) edges: OnceLock<Vec<Vec<f64>>>,
    /// Pieces that have no such form here.
    pub(super) missing: Vec<bool>,
    pub(super) exponents: Vec<Exponent>,
    pub(super) slope: Vec<Vec<(usize, f64)>>,
    /// Products of log u_i and log u_k.
    pub(super) products: Vec<Product>,
    pub(super) logs: Vec<Logarithm>,
    /// Planes between which all parts are linear in log u far out.
    pub(super) normals: Vec<Vec<f64>>,
    pub(super) rays: Directions,
    /// By the exponents and the number of the part.
    pub(super) faces: Mutex<HashMap<(Vec<usize>, usize), Faces>>,
}

/// The sums over pieces of what is linear in log u, of the logarithms and of the products of log u.
type Sums<'a> = (&'a [(f64, f64)], &'a [(f64, f64)], &'a [(f64, f64)]);

/// The integral over one cone.
pub(super) enum Verdict {
    Finite,
    Infinite {
        /// Of log u; zero at a pole.
        direction: Vec<f64>,
        reason: String,
    },
    Unknown,
}

/// The sum over pieces and the sum of sizes.
pub(super) fn total(row: &[(usize, f64)], coefficients: &[(f64, f64)]) -> (f64, f64) {
    row.iter().fold((0.0, 0.0), |(s, size), (i, c)| (s + coefficients[*i].0 * c, size + coefficients[*i].1 * c.abs()))
}

/// Not zero, but rounding may have made it so.
pub(super) fn doubtful((sum, size): (f64, f64)) -> bool {
    sum != 0.0 && sum.abs() <= ROUNDING * size && sum.abs() < size
}

pub(super) fn dot(a: &[f64], v: &[f64]) -> f64 {
    a.iter().zip(v).map(|(a, v)| a * v).sum()
}

impl Cone {
    /// Of the integral over all parts; where the condition is not decided, they may be larger than the region.
    pub(super) fn decide(&self, active: &[usize], coefficients: &[(f64, f64)]) -> Verdict {
        let mut sure = true;
        for part in 0..self.parts.len() {
            match self.decide_part(part, active, coefficients) {
                Verdict::Finite => {}
                Verdict::Unknown => sure = false,
                found => return found,
            }
        }
        if sure { Verdict::Finite } else { Verdict::Unknown }
    }

    fn decide_part(&self, part: usize, active: &[usize], coefficients: &[(f64, f64)]) -> Verdict {
        let bounds = &self.parts[part][..];
        if active.iter().any(|i| self.missing[*i]) {
            return Verdict::Unknown;
        }
        let sums: Vec<(f64, f64)> = self.exponents.iter().map(|e| total(&e.row, coefficients)).collect();
        let slope: Vec<(f64, f64)> = self.slope.iter().map(|row| total(row, coefficients)).collect();
        let logs: Vec<(f64, f64)> = self.logs.iter().map(|l| total(&l.row, coefficients)).collect();
        let undefined =
            |(l, c): (&Logarithm, &(f64, f64))| c.0 != 0.0 && !l.absolute && l.zeros != Zeros::Never(1.0) && !l.floor;
        let products: Vec<(f64, f64)> = self.products.iter().map(|p| total(&p.1, coefficients)).collect();
        if sums.iter().chain(&slope).chain(&logs).chain(&products).any(|s| doubtful(*s))
            || self.logs.iter().zip(&logs).any(undefined)
        {
            return Verdict::Unknown;
        }
        let used: Vec<usize> = (0..sums.len()).filter(|i| sums[*i].0 != 0.0).collect();
        let mut sure = true;
        let rays = match &self.rays {
            None => Beside::Open,
            Some(rays) => self.beside_products(rays, (&used, bounds), &products),
        };
        let linear = match &rays {
            Beside::Linear(rays) => self.along_rays((rays, false), (&used, bounds), (&slope, &logs, &products), coefficients),
            Beside::Touches(rays) => self.along_rays((rays, true), (&used, bounds), (&slope, &logs, &products), coefficients),
            Beside::Grows(v) => {
                let reason = "products of logarithms grow there".to_string();
                Verdict::Infinite { direction: v.clone(), reason }
            }
            Beside::Open => Verdict::Unknown,
        };
        for found in [linear, self.at_zeros((&used, bounds), &logs), self.far_out((&used, part), &sums)] {
            match found {
                Verdict::Finite => {}
                Verdict::Infinite { .. } => return found,
                Verdict::Unknown => sure = false,
            }
        }
        if sure { Verdict::Finite } else { Verdict::Unknown }
    }

    /// The part that is linear in log u, in directions in which no term grows; where `strictly`, it has to be above 0 for the
    /// integral not to exist.
    fn along_rays(
        &self,
        (rays, strictly): (&[Vec<f64>], bool),
        what: Within,
        (slope, logs, products): Sums,
        coefficients: &[(f64, f64)],
    ) -> Verdict {
        let all = self.rays.as_ref().map_or(&[][..], |r| &r[..]);
        let Some(rests) = self.rests(all, what.1, coefficients) else { return Verdict::Unknown };
        let mut sure = true;
        for v in rays.iter().filter(|v| self.quiet(what, v)) {
            let (sum, size) = self.powers_along(v, slope, logs);
            let most = sum + rests.most(v);
            if most < 0.0 && !doubtful((most, size + rests.most(v))) {
                continue;
            }
            let grows = || rests.harmless(v) || sum > 0.0 && self.leads_inside(v, all, what, &self.form(products));
            if sum < 0.0 || strictly && sum == 0.0 || doubtful((sum, size)) || !grows() {
                sure = false;
                continue;
            }
            let reason =
                format!("the powers there, the measure among them, add up to {}, and less than 0 is needed", short(sum));
            return Verdict::Infinite { direction: v.clone(), reason };
        }
        if sure { Verdict::Finite } else { Verdict::Unknown }
    }

    /// The part that is linear in log u, the measure with it, along v, and the sum of sizes.
    pub(super) fn powers_along(&self, v: &[f64], slope: &[(f64, f64)], logs: &[(f64, f64)]) -> (f64, f64) {
        let (mut sum, mut size) = (0.0, 0.0);
        for ((s, v), generator) in slope.iter().zip(v).zip(&self.generators) {
            let measure = if generator.is_some() { 1.0 } else { 0.0 };
            sum += (s.0 + measure) * v;
            size += (s.1 + measure) * v.abs();
        }
        for (log, c) in self.logs.iter().zip(logs).filter(|(_, c)| c.0 != 0.0) {
            let top = log.corners.iter().map(|a| dot(a, v)).fold(f64::NEG_INFINITY, f64::max);
            sum += c.0 * top;
            size += c.1 * top.abs();
        }
        (sum, size)
    }

    /// Whether no term grows in a direction of log u that the part has.
    pub(super) fn quiet(&self, (used, bounds): Within, v: &[f64]) -> bool {
        let off = self.bounded.iter().zip(v).any(|(b, v)| *b && *v > 0.0);
        !off && bounds.iter().all(|b| dot(b, v) <= ZERO) && used.iter().all(|i| dot(&self.exponents[*i].at, v) <= ZERO)
    }

    /// As `quiet`, and all directions near.
    pub(super) fn well_inside(&self, (used, bounds): Within, v: &[f64]) -> bool {
        let off = self.bounded.iter().zip(v).any(|(b, v)| *b && *v > -INSIDE);
        !off && bounds.iter().all(|b| dot(b, v) < -INSIDE) && used.iter().all(|i| dot(&self.exponents[*i].at, v) < -INSIDE)
    }

    /// Negative multiples of log|P| where P is 0.
    fn at_zeros(&self, what: Within, logs: &[(f64, f64)]) -> Verdict {
        let may_vanish = |l: &Logarithm| !matches!(l.zeros, Zeros::Never(_)) && !self.clear_of_zeros(l, what);
        let negative: Vec<usize> = (0..logs.len()).filter(|i| logs[*i].0 < 0.0 && may_vanish(&self.logs[*i])).collect();
        let mut sure = true;
        for i in &negative {
            let log = &self.logs[*i];
            if log.zeros == Zeros::Other {
                sure = false;
            } else if logs[*i].0 <= -1.0 {
                sure = false;
                let Some(u) = &log.zero else { continue };
                let others = self.logs.iter().zip(logs).enumerate().filter(|(k, (_, c))| k != i && c.0 > 0.0);
                let apart = |l: &Logarithm| {
                    let (v, size) = value(&l.p, u);
                    v.abs() > 1e-6 * size
                };
                if others.into_iter().all(|(_, (l, _))| matches!(l.zeros, Zeros::Never(_)) || apart(l)) {
                    let place: Vec<String> = self.point(u).iter().map(|x| short(*x)).collect();
                    let reason = format!(
                        "a logarithm is infinite at ({}), for one; its factor is {}, and more than -1 is needed",
                        place.join(", "),
                        short(logs[*i].0)
                    );
                    return Verdict::Infinite { direction: vec![0.0; self.bounded.len()], reason };
                }
            }
        }
        let simple: Vec<&Signomial> = negative.iter().map(|i| &self.logs[*i].p).collect();
        if sure && independent(&simple) { Verdict::Finite } else { Verdict::Unknown }
    }

    /// Whether P is above a positive number, and near the directions K in which no term grows above a positive part of its
    /// terms. At a distance d from K the terms are below -delta exp(delta d) and P is above its terms times exp(-c d), so that
    /// what stands in a negative power there is made up for.
    fn clear_of_zeros(&self, log: &Logarithm, what: Within) -> bool {
        let positive = |p: &Signomial| {
            let terms: Vec<(&Power, f64)> = p.0.iter().map(|(power, c)| (power, -c)).collect();
            sign(&terms) == Sign::Definite
        };
        let Some(rays) = self.rays.as_ref().filter(|_| log.floor) else { return false };
        rays.iter().filter(|v| self.quiet(what, v)).all(|v| front(&log.p, v).is_some_and(|p| positive(&p)))
    }

    /// The signs of the leading terms far out.
    fn far_out(&self, (used, part): (&[usize], usize), sums: &[(f64, f64)]) -> Verdict {
        if used.is_empty() {
            return Verdict::Finite;
        }
        let Some(faces) = self.faces(used, part) else { return Verdict::Unknown };
        // Directions of bounded coordinates and of conditions come first: what is positive beyond them is not in the region.
        let firm = self.bounded.iter().filter(|b| **b).count() + self.parts[part].len() - self.sector.len();
        let mut sure = true;
        let (mut below, mut tried): (Vec<&Face>, Vec<&Face>) = Default::default();
        for face in faces.iter() {
            let inside = |larger: &[&Face]| larger.iter().any(|s| face.points.iter().all(|p| s.points.contains(p)));
            if inside(&below) {
                continue;
            }
            let leading = face.points.iter().map(|i| (self.exponents[used[*i]].power.clone(), sums[used[*i]].0));
            let leading = settled(&Signomial(leading.collect()), &self.caps);
            let terms: Vec<(&Power, f64)> = leading.0.iter().map(|t| (t.0, *t.1)).collect();
            match sign(&terms) {
                Sign::Definite => below.push(face),
                // Of an unbounded face not all faces of the hull are asked for.
                Sign::Negative if !face.reaches(usize::MAX) => {}
                Sign::Positive if terms.len() == 1 || !face.reaches(firm) => return grows(face),
                // What is positive on a face is so on those that it is a face of.
                Sign::Unknown if !face.reaches(firm) && !inside(&tried) => {
                    if somewhere_positive(&terms) {
                        return grows(face);
                    }
                    tried.push(face);
                    sure = false;
                }
                _ => sure = false,
            }
        }
        if sure { Verdict::Finite } else { Verdict::Unknown }
    }

    fn faces(&self, used: &[usize], part: usize) -> Faces {
        let mut known = self.faces.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (used.to_vec(), part);
        if let Some(found) = known.get(&key) {
            return found.clone();
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        let n = self.bounded.len();
        let points: Vec<Vec<f64>> = used.iter().map(|i| self.exponents[*i].at.clone()).collect();
        let unit = |k: usize| (0..n).map(|i| if i == k { 1.0 } else { 0.0 }).collect();
        let mut directions: Vec<Vec<f64>> = (0..n).filter(|k| self.bounded[*k]).map(unit).collect();
        directions.extend(self.parts[part].iter().cloned());
        let found = faces(&points, &directions, n).map(Arc::new);
        known.insert(key, found.clone());
        found
    }

    /// The members at u.
    pub(super) fn point(&self, u: &[f64]) -> Vec<f64> {
        let at = |k: usize| match self.generators[k] {
            None => u[k].ln(),
            Some(_) => {
                self.from[k] + self.generators.iter().zip(u).map(|(g, u)| g.as_ref().map_or(0.0, |g| g[k] * u)).sum::<f64>()
            }
        };
        (0..u.len()).map(at).collect()
    }

    /// How the members move in a direction of log u, in words.
    pub(super) fn describe(&self, v: &[f64], names: &[String]) -> String {
        let mut moves = Vec::new();
        for (k, j) in self.members.iter().enumerate() {
            let name = &names[*j];
            let rate = match &self.generators[k] {
                None => Some((v[k], 1.0)),
                Some(_) => self
                    .generators
                    .iter()
                    .zip(v)
                    .filter_map(|(g, v)| g.as_ref().filter(|g| g[k] != 0.0).map(|g| (*v, g[k].signum())))
                    .max_by(|a, b| a.0.total_cmp(&b.0)),
            };
            match rate {
                Some((r, s)) if r > 0.0 && s > 0.0 => moves.push(format!("{name} goes to infinity")),
                Some((r, _)) if r > 0.0 => moves.push(format!("{name} goes to minus infinity")),
                Some((r, _)) if r < 0.0 && self.generators[k].is_none() => moves.push(format!("{name} goes to minus infinity")),
                Some((r, _)) if r < 0.0 => moves.push(format!("{name} approaches {}", self.from[k])),
                _ => {}
            }
        }
        if !moves.is_empty() {
            return moves.join(" and ");
        }
        let names: Vec<&str> = self.members.iter().map(|j| names[*j].as_str()).collect();
        let left: Vec<&Vec<f64>> =
            self.generators.iter().zip(v).filter(|(_, v)| **v == 0.0).filter_map(|(g, _)| g.as_ref()).collect();
        match left[..] {
            [line] => {
                let line: Vec<String> = line.iter().map(|v| short(*v)).collect();
                format!("({}) approaches the line along ({})", names.join(", "), line.join(", "))
            }
            _ => format!("({}) approaches a pole", names.join(", ")),
        }
    }
}

fn grows(face: &Face) -> Verdict {
    Verdict::Infinite { direction: face.outward.clone(), reason: "its leading terms grow there".into() }
}
