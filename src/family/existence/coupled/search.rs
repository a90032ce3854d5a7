//! The largest value of a leading part over directions, by a search.
//!
//! The directions are a sphere (times the coordinates of finite extent), a compact set on which the part is continuous.
//! Many points spread over it, axes and diagonals of all kinds among them, then the best of them climb by rotations in coordinate
//! planes. A value above zero is a proof that the integral does not exist; a maximum below zero is none that it does,
//! and goes on to [`super::proof`].

use super::super::fuel::{Fuel, SPENT};
use super::leading::Top;
use super::proof::Proof;

/// A maximum within this part of the coefficients counts as zero.
pub(super) const MARGIN: f64 = 1e-9;
/// A rough climb that ends this part of the coefficients below zero is not refined.
const FAR: f64 = 0.02;
/// Steps and gains at which a climb is over.
struct Fineness {
    step: f64,
    gain: f64,
    least_width: f64,
}
const ROUGH: Fineness = Fineness { step: 1e-3, gain: 1e-4, least_width: 1.0 };
const FINE: Fineness = Fineness { step: 1e-11, gain: 1e-15, least_width: 1e-3 };
/// Work for a point besides the steps there, and for one whose steps are not known.
const POINT: u64 = 30;
const SLOW: u64 = 2000;
/// Most coordinates of which all diagonals are looked at.
const DIAGONALS: usize = 6;

/// The best direction that was found.
pub(super) struct Best {
    pub value: f64,
    /// Over the members, in the units of [`Top::values`].
    pub at: Vec<f64>,
    /// The largest sum of the sizes of the terms.
    pub size: f64,
}

impl Top<'_> {
    /// Many directions, the best improved by rotations in coordinate planes.
    pub(super) fn search(&self, mut quick: Option<&mut Proof>, fuel: &Fuel) -> Result<Best, &'static str> {
        let n = self.members.len();
        let free: Vec<bool> = self.members.iter().map(|j| !self.compact[*j]).collect();
        let bound = |i: usize| self.bounds[self.members[i]];
        let fix = |v: Vec<f64>| -> Option<Vec<f64>> {
            let mut v = v;
            for i in (0..n).filter(|i| free[*i]) {
                let [low, high] = bound(i);
                if v[i] < 0.0 && low == 0.0 || v[i] > 0.0 && high == 0.0 {
                    v[i] = -v[i];
                }
            }
            let size = (0..n).filter(|i| free[*i]).map(|i| v[i] * v[i]).sum::<f64>().sqrt();
            if size < 1e-12 {
                return None;
            }
            (0..n).filter(|i| free[*i]).for_each(|i| v[i] /= size);
            Some(v)
        };
        let middle = |i: usize, u: f64| if free[i] { 0.0 } else { bound(i)[0] + u * (bound(i)[1] - bound(i)[0]) };
        let mut points: Vec<Vec<f64>> = Vec::new();
        for i in (0..n).filter(|i| free[*i]) {
            for s in [-1.0, 1.0] {
                let mut v: Vec<f64> = (0..n).map(|k| middle(k, 0.5)).collect();
                v[i] = s;
                points.extend(fix(v.clone()));
                for k in (0..i).filter(|k| free[*k] && n <= 40) {
                    for r in [-1.0, 1.0] {
                        let mut v = v.clone();
                        v[k] = r;
                        points.extend(fix(v));
                    }
                }
            }
        }
        if n <= DIAGONALS {
            let digit = |number: usize, i: usize| (number / 3_usize.pow(i as u32) % 3) as f64 - 1.0;
            let diagonal = |number: usize| (0..n).map(|i| if free[i] { digit(number, i) } else { middle(i, 0.5) }).collect();
            points.extend((0..3_usize.pow(n as u32)).filter_map(|number| fix(diagonal(number))));
        }
        let count = match n {
            2 if free.iter().all(|f| *f) => 0,
            2 | 3 => 1200,
            _ => 2500,
        };
        if count == 0 {
            points.extend((0..256).filter_map(|k| {
                let angle = std::f64::consts::TAU * (f64::from(k) + 0.5) / 256.0;
                fix(vec![angle.cos(), angle.sin()])
            }));
        }
        // Additive recurrence in n dimensions, by Box-Muller onto the sphere.
        let root = (0..60).fold(2.0_f64, |x, _| (1.0 + x).powf(1.0 / (2.0 * n as f64 + 1.0)));
        for k in 1..=count {
            let u = |i: usize| (0.5 + f64::from(k) * root.powi(-(i as i32 + 1))).fract();
            let v = (0..n).map(|i| {
                if free[i] {
                    (-2.0 * (1.0 - u(2 * i)).max(1e-300).ln()).sqrt() * (std::f64::consts::TAU * u(2 * i + 1)).cos()
                } else {
                    let edge = if u(2 * i + 1) < 0.2 {
                        0.0
                    } else if u(2 * i + 1) > 0.8 {
                        1.0
                    } else {
                        u(2 * i)
                    };
                    middle(i, edge)
                }
            });
            points.extend(fix(v.collect()));
        }
        let work = quick.as_ref().map_or(SLOW, |q| q.work() + POINT);
        if !fuel.take(work * points.len() as u64) {
            return Err(SPENT);
        }
        let values = self.values(&points);
        if values.iter().any(|v| v.0.is_nan()) {
            return Err("the leading part is not a number somewhere");
        }
        let size = values.iter().map(|v| v.1).fold(0.0, f64::max);
        let mut order: Vec<usize> = (0..points.len()).collect();
        order.sort_by(|a, b| values[*b].0.total_cmp(&values[*a].0));
        let Some(first) = order.first() else { return Err("there is no direction") };
        let (mut best, mut at) = (values[*first].0, points[*first].clone());
        if best <= MARGIN * size {
            let starts = if n <= 3 { 8 } else { 4 };
            // Starts that differ: neighbours of a better one climb to the same place.
            let mut chosen: Vec<usize> = Vec::new();
            for i in order {
                if n <= 3 && values[i].0 < best - 0.2 * size {
                    break;
                }
                let apart = |j: &usize| points[*j].iter().zip(&points[i]).map(|(a, b)| (a - b).powi(2)).sum::<f64>() > 0.05;
                if chosen.iter().all(apart) {
                    chosen.push(i);
                }
                if chosen.len() >= starts {
                    break;
                }
            }
            let mut value_at = |v: &[f64]| {
                if !fuel.take(work) {
                    return f64::NEG_INFINITY;
                }
                match &mut quick {
                    Some(quick) => quick.value(&self.point(v)),
                    None => self.values(&[v.to_vec()])[0].0,
                }
            };
            for i in chosen {
                let (mut value, mut v) = self.climb(points[i].clone(), values[i].0, &free, &fix, &mut value_at, (&ROUGH, size));
                if value > -FAR * size {
                    (value, v) = self.climb(v, value, &free, &fix, &mut value_at, (&FINE, size));
                }
                if value > best {
                    (best, at) = (value, v);
                }
                // A value above zero is a proof.
                if best > MARGIN * size {
                    break;
                }
            }
        }
        if fuel.is_empty() && best <= MARGIN * size {
            return Err(SPENT);
        }
        Ok(Best { value: best, at, size })
    }

    /// The best value and place that rotations (and moves of coordinates of finite extent) reach from `start`.
    fn climb(
        &self,
        start: Vec<f64>,
        value: f64,
        free: &[bool],
        fix: &dyn Fn(Vec<f64>) -> Option<Vec<f64>>,
        value_at: &mut dyn FnMut(&[f64]) -> f64,
        (fineness, size): (&Fineness, f64),
    ) -> (f64, Vec<f64>) {
        let n = start.len();
        let (mut v, mut best, mut width) = (start, value, 0.3);
        for _ in 0..40 {
            let before = best;
            for i in 0..n {
                for k in 0..i.max(1) {
                    if free[i] && (k == i || !free[k]) {
                        continue;
                    }
                    let moved = |s: f64| -> Option<Vec<f64>> {
                        let mut w = v.clone();
                        if free[i] {
                            w[i] = s.cos() * v[i] - s.sin() * v[k];
                            w[k] = s.sin() * v[i] + s.cos() * v[k];
                            fix(w)
                        } else {
                            let [low, high] = self.bounds[self.members[i]];
                            w[i] = (v[i] + s * (high - low)).clamp(low, high);
                            Some(w)
                        }
                    };
                    let mut at = |s: f64| moved(s).map_or(f64::NEG_INFINITY, |w| value_at(&w));
                    let (mut a, mut b) = (-width, width);
                    let golden = 0.618_033_988_749_894_9;
                    let (mut x, mut y) = (b - golden * (b - a), a + golden * (b - a));
                    let (mut fx, mut fy) = (at(x), at(y));
                    while b - a > fineness.step {
                        if fx > fy {
                            (b, y, fy) = (y, x, fx);
                            x = b - golden * (b - a);
                            fx = at(x);
                        } else {
                            (a, x, fx) = (x, y, fy);
                            y = a + golden * (b - a);
                            fy = at(y);
                        }
                    }
                    if let Some(w) = moved(0.5 * (a + b)) {
                        let found = value_at(&w);
                        if found > best {
                            (best, v) = (found, w);
                        }
                    }
                    if !free[i] {
                        break;
                    }
                }
            }
            let unit = if fineness.gain < 1e-10 { best.abs() } else { size };
            if best - before <= fineness.gain * unit {
                if width < fineness.least_width {
                    break;
                }
                width *= 0.1;
            }
        }
        (best, v)
    }
}
