//! Parallel lines on which the integral does not exist.
//!
//! Lines through a few points of generic position stand for almost all lines: coefficients of a series that do not
//! vanish at these points vanish on a null set only. Lines along axes are kept; others are taken when asked for.

use super::super::fuel::{Fuel, SERIES};
use super::super::place::{Place, places, reach};
use super::super::series::{Mono, Series};
use super::super::table::{Outcome, Table};
use super::super::{Existence, Tails, piece_series};
use crate::domain::Axis;
use std::sync::Arc;

/// Points through which lines are taken.
const LINES: usize = 3;

/// All pieces along one axis at one of its ends, the other coordinates held.
pub(in super::super) struct Lines {
    j: usize,
    place: Place,
    tables: Vec<Table>,
}

/// A line through generic point `point` in a direction, and the pieces along it.
#[derive(PartialEq, Eq, Hash)]
pub(in super::super) struct Direction {
    point: usize,
    /// Bits of the direction over all coordinates.
    along: Vec<u64>,
    pieces: Vec<usize>,
}

/// Most directions that are remembered.
const REMEMBERED: usize = 512;

impl Tails {
    /// A point of generic position, with coordinates of few digits on lines: what cancels there, cancels exactly.
    fn generic(&self, k: usize) -> Vec<f64> {
        let at = |j: usize| (0.618_033_988_749_894_9 * (j as f64 + 1.0) + 0.377 * k as f64 + 0.13).fract();
        let short = |v: f64| (1024.0 * v).round() / 1024.0;
        self.form
            .axes
            .iter()
            .enumerate()
            .map(|(j, axis)| {
                let u = at(j);
                match axis.ends() {
                    Some((a, b)) => a + (0.1 + 0.8 * u) * (b - a),
                    None if matches!(axis, Axis::Integers { .. }) => match *axis {
                        Axis::Integers { from, .. } if from.is_finite() => from + (4.0 * u).floor() + 1.0,
                        Axis::Integers { to, .. } if to.is_finite() => to - (4.0 * u).floor() - 1.0,
                        _ => (4.0 * u).floor() + 1.0,
                    },
                    None => match places(*axis).first() {
                        Some(Place::Point { at, .. }) => at + short(0.3 + 1.9 * u),
                        _ => short(0.4 + 1.7 * u),
                    },
                }
            })
            .collect()
    }

    fn lines(&self) -> &[Lines] {
        self.lines.get_or_init(|| {
            let d = self.form.axes.len();
            let mut out = Vec::new();
            for j in 0..d {
                let touching: Vec<usize> =
                    (0..self.form.pieces.len()).filter(|i| self.form.pieces[*i].coordinates.contains(&j)).collect();
                if touching.len() * d > 4000 || self.form.graph.len() > 4000 {
                    continue;
                }
                for place in places(self.form.axes[j]) {
                    let tables = (0..LINES).map(|k| {
                        let mut vars: Vec<Option<Series>> =
                            self.generic(k).into_iter().map(|v| Some(Series::constant(v))).collect();
                        vars[j] = Some(place.coordinate());
                        Table::new(piece_series(&self.form, &touching, &vars, None), place.measure())
                    });
                    out.push(Lines { j, place, tables: tables.collect() });
                }
            }
            out
        })
    }

    /// Lines along axes.
    pub(super) fn lines_diverge(&self, members: &[usize], coefficients: &[(f64, f64)], fuel: &Fuel) -> Option<Existence> {
        if fuel.is_empty() {
            return None;
        }
        let lines = self.lines();
        let tables = (lines.len() * LINES) as u64;
        if !fuel.once(&self.lines, &(), tables * self.series_work(self.form.pieces.len())) || !fuel.take(tables * SERIES) {
            return None;
        }
        for line in lines.iter().filter(|l| members.contains(&l.j)) {
            let found: Vec<Outcome> = line.tables.iter().map(|t| t.decide(coefficients)).collect();
            if found.iter().all(|f| matches!(f, Outcome::Diverges(_)))
                && let Outcome::Diverges(lead) = found[0]
            {
                return Some(self.improper(line.j, line.place, &line.tables[0], lead));
            }
        }
        None
    }

    /// Work for pieces as series.
    fn series_work(&self, pieces: usize) -> u64 {
        (self.form.graph.len() + pieces) as u64 * SERIES
    }

    /// The pieces `active` along the line in the direction `way` through generic point `k`.
    fn along_line(&self, k: usize, way: &[f64], active: &[usize]) -> Arc<Table> {
        let key = Direction { point: k, along: way.iter().map(|v| v.to_bits()).collect(), pieces: active.to_vec() };
        let known = || self.directions.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(found) = known().get(&key) {
            return found.clone();
        }
        let mut vars: Vec<Option<Series>> = self.generic(k).into_iter().map(|v| Some(Series::constant(v))).collect();
        for (x, v) in vars.iter_mut().zip(way).filter(|(_, v)| **v != 0.0) {
            *x = x.as_ref().and_then(|x| x.add(&Series::term(*v, Mono::t(1.0))));
        }
        let made = Arc::new(Table::new(piece_series(&self.form, active, &vars, None), 0.0));
        let mut known = known();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(key, made.clone());
        made
    }

    /// Lines in the direction `v` of the members, where the leading part is zero.
    pub(super) fn direction_diverges(
        &self,
        members: &[usize],
        active: &[usize],
        coefficients: &[(f64, f64)],
        v: &[f64],
        fuel: &Fuel,
    ) -> Option<Existence> {
        let size = v.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let snapped: Vec<f64> = v
            .iter()
            .map(|v| {
                let (v, near) = (v / size, (v / size * 12.0).round() / 12.0);
                if (v - near).abs() < 1e-6 { near } else { v }
            })
            .collect();
        let along = |sign: f64| {
            let possible = members.iter().zip(&snapped).all(|(j, v)| {
                let [down, up] = reach(self.form.axes[*j]);
                *v == 0.0 || if sign * v > 0.0 { up } else { down }
            });
            possible
                && (0..LINES).all(|k| {
                    if !fuel.take(self.series_work(active.len())) {
                        return false;
                    }
                    let mut way = vec![0.0; self.form.axes.len()];
                    members.iter().zip(&snapped).for_each(|(j, v)| way[*j] = sign * v);
                    matches!(self.along_line(k, &way, active).decide(coefficients), Outcome::Diverges(_))
                })
        };
        let sign = [1.0, -1.0].into_iter().find(|s| along(*s))?;
        let direction = self.along(members, &snapped.iter().map(|v| sign * v).collect::<Vec<_>>());
        Some(Existence::Improper { direction, reason: "it does not decay on the lines in that direction".into() })
    }
}
