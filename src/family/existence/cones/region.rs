//! Cones on which the condition of a family is not decided: where a density is infinite within the region all the same.
//!
//! Along u = exp(s v + w), s to infinity, a condition P < 0 has the sign of the terms of P with the largest a . v. Where
//! these are negative for some w, they are so for all w near, and a density whose integral is infinite along v for all w is
//! infinite within the region. The same holds at a zero of what stands in a logarithm.

use super::super::place::short;
use super::cone::{Cone, INSIDE, Logarithm, Verdict, ZERO, dot, doubtful, total};
use super::rays::rays;
use super::signomial::{Signomial, numbers};
use super::zeros::{Zeros, value};

/// Most directions that are looked at, and most shifts of each.
const DIRECTIONS: usize = 4000;
const SHIFTS: u32 = 200;
/// A value below this part of the terms counts as negative.
const MARGIN: f64 = 1e-6;

/// Whether all conditions hold at u, apart from those that are a multiple of `but`, all of one sign.
pub(super) fn hold(conditions: &[Signomial], u: &[f64], but: Option<&Signomial>) -> bool {
    let below = |p: &Signomial| {
        let (v, size) = value(p, u);
        v < -MARGIN * size
    };
    let ratios: Vec<Option<f64>> = conditions.iter().map(|p| but.and_then(|b| multiple(p, b))).collect();
    let mut signs = ratios.iter().flatten().map(|r| r.signum());
    let first = signs.next();
    signs.all(|s| Some(s) == first) && conditions.iter().zip(&ratios).all(|(p, ratio)| ratio.is_some() || below(p))
}

/// The terms that lead along v, where rounding does not blur them.
pub(super) fn front(p: &Signomial, v: &[f64]) -> Option<Signomial> {
    let rates: Vec<f64> = p.0.keys().map(|a| dot(&numbers(a), v)).collect();
    let most = rates.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if rates.iter().any(|r| *r < most - ZERO && *r > most - INSIDE) {
        return None;
    }
    let chosen = p.0.iter().zip(&rates).filter(|(_, r)| **r >= most - ZERO);
    Some(Signomial(chosen.map(|((a, c), _)| (a.clone(), *c)).collect()))
}

/// The number that p is q times.
fn multiple(p: &Signomial, q: &Signomial) -> Option<f64> {
    let ratio = p.0.iter().next().and_then(|(power, c)| q.0.get(power).map(|d| c / d))?;
    let same = p.0.len() == q.0.len() && p.0.iter().all(|(power, c)| q.0.get(power).is_some_and(|d| *c == ratio * d));
    same.then_some(ratio)
}

impl Cone {
    /// Where the density is infinite within the region, if such a place is found.
    pub(super) fn infinite_within(&self, active: &[usize], coefficients: &[(f64, f64)]) -> Option<Verdict> {
        if self.conditions.is_empty() || active.iter().any(|i| self.missing[*i]) {
            return None;
        }
        let sums: Vec<(f64, f64)> = self.exponents.iter().map(|e| total(&e.row, coefficients)).collect();
        let slope: Vec<(f64, f64)> = self.slope.iter().map(|row| total(row, coefficients)).collect();
        let logs: Vec<(f64, f64)> = self.logs.iter().map(|l| total(&l.row, coefficients)).collect();
        let products: Vec<(f64, f64)> = self.products.iter().map(|p| total(&p.1, coefficients)).collect();
        let defined = |l: &Logarithm| l.absolute || l.floor || l.zeros == Zeros::Never(1.0);
        let undefined = self.logs.iter().zip(&logs).any(|(l, c)| c.0 != 0.0 && !defined(l));
        let rests = self.rests.iter().any(|r| coefficients[r.piece].0 != 0.0);
        if undefined || rests || sums.iter().chain(&slope).chain(&logs).chain(&products).any(|s| doubtful(*s)) {
            return None;
        }
        let straight = products.iter().all(|p| p.0 == 0.0);
        let n = self.bounded.len();
        let edges = self.edges.get_or_init(|| {
            let mut normals = self.normals.clone();
            for p in self.conditions.iter().flatten() {
                let powers: Vec<Vec<f64>> = p.0.keys().map(numbers).collect();
                for (i, a) in powers.iter().enumerate() {
                    normals.extend(powers[..i].iter().map(|b| a.iter().zip(b).map(|(a, b)| a - b).collect()));
                }
            }
            let edges = rays(&normals, n).unwrap_or_default();
            let pairs = edges.iter().enumerate().flat_map(|(i, a)| edges[..i].iter().map(move |b| (a, b)));
            let between = pairs.map(|(a, b)| a.iter().zip(b).map(|(a, b)| a + b).collect());
            let all: Vec<Vec<f64>> = edges.iter().cloned().chain(between).take(DIRECTIONS).collect();
            all.into_iter().filter(|v| v.iter().any(|v| v.abs() > INSIDE)).collect()
        });
        let within = |v: &&Vec<f64>| {
            !self.bounded.iter().zip(*v).any(|(b, v)| *b && *v > ZERO) && self.sector.iter().all(|b| dot(b, v) <= ZERO)
        };
        for v in edges.iter().filter(within) {
            let reason = self.grows_along(v, &sums).or_else(|| {
                let found = if straight { self.sum_along(v, &sums, &slope, &logs) } else { None };
                found.map(|sum| {
                    format!("the powers there, the measure among them, add up to {}, and less than 0 is needed", short(sum))
                })
            });
            if let Some(reason) = reason
                && self.conditions.iter().any(|all| self.enters(v, all))
            {
                return Some(Verdict::Infinite { direction: v.clone(), reason });
            }
        }
        self.conditions.iter().find_map(|all| self.infinite_at_zeros(&logs, all))
    }

    /// Whether the terms that are largest along v are all positive and grow.
    fn grows_along(&self, v: &[f64], sums: &[(f64, f64)]) -> Option<String> {
        let rates: Vec<(f64, f64)> =
            self.exponents.iter().zip(sums).filter(|(_, s)| s.0 != 0.0).map(|(e, s)| (dot(&e.at, v), s.0)).collect();
        let most = rates.iter().map(|r| r.0).fold(f64::NEG_INFINITY, f64::max);
        let sure = rates.iter().all(|(rate, c)| *rate < most - INSIDE || *rate >= most - ZERO && *c > 0.0);
        (sure && most > INSIDE).then(|| "its leading terms grow there".to_string())
    }

    /// The sum of the powers along v, where no term grows and it is not negative.
    fn sum_along(&self, v: &[f64], sums: &[(f64, f64)], slope: &[(f64, f64)], logs: &[(f64, f64)]) -> Option<f64> {
        let used: Vec<usize> = (0..sums.len()).filter(|i| sums[*i].0 != 0.0).collect();
        if !self.quiet((&used, &[]), v) {
            return None;
        }
        let (sum, size) = self.powers_along(v, slope, logs);
        (sum >= 0.0 && !doubtful((sum, size))).then_some(sum)
    }

    /// Whether the conditions hold far out along v for some w.
    fn enters(&self, v: &[f64], conditions: &[Signomial]) -> bool {
        let mut fronts = Vec::new();
        for p in conditions {
            let Some(front) = front(p, v) else { return false };
            fronts.push(front);
        }
        let n = v.len();
        let at = |k: u32, j: usize| (0.5 + f64::from(k) * (0.618_034 + 0.1373 * j as f64) + 0.31 * j as f64).fract();
        (0..SHIFTS).any(|k| {
            let spread = [0.1, 1.0, 3.0, 8.0, 20.0][k as usize % 5];
            let shift = |j: usize| {
                let w = spread * (2.0 * at(k, j) - 1.0);
                // Within the support, where it is bounded.
                if self.bounded[j] { self.room(j).ln() - w.abs() } else { w }
            };
            let u: Vec<f64> = (0..n).map(|j| shift(j).exp()).collect();
            u.iter().all(|u| *u > 0.0 && u.is_finite()) && hold(&fronts, &u, None)
        })
    }

    /// A size of u_k at which no coordinate leaves its segment.
    fn room(&self, k: usize) -> f64 {
        let n = self.bounded.len() as f64;
        let Some(g) = &self.generators[k] else { return 1.0 };
        let limits = g.iter().zip(&self.limits).filter(|(g, _)| **g != 0.0);
        limits.map(|(g, limit)| 0.9 * limit / (n * g.abs())).fold(f64::INFINITY, f64::min)
    }

    fn infinite_at_zeros(&self, logs: &[(f64, f64)], conditions: &[Signomial]) -> Option<Verdict> {
        for (i, (log, c)) in self.logs.iter().zip(logs).enumerate() {
            let Some(u) = log.zero.as_ref().filter(|_| c.0 <= -1.0 && log.zeros == Zeros::Simple) else { continue };
            let apart = |(k, (l, c)): (usize, (&Logarithm, &(f64, f64)))| {
                let (v, size) = value(&l.p, u);
                k == i || c.0 <= 0.0 || matches!(l.zeros, Zeros::Never(_)) || v.abs() > MARGIN * size
            };
            if self.logs.iter().zip(logs).enumerate().all(apart) && hold(conditions, u, Some(&log.p)) {
                let place: Vec<String> = self.point(u).iter().map(|x| short(*x)).collect();
                let reason = format!(
                    "a logarithm is infinite at ({}), for one; its factor is {}, and more than -1 is needed",
                    place.join(", "),
                    short(c.0)
                );
                return Some(Verdict::Infinite { direction: vec![0.0; u.len()], reason });
            }
        }
        None
    }
}
