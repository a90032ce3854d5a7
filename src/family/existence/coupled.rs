//! Coordinates that share pieces: the leading part over all directions, lines, and shears.

use super::form::{Expander, Kind};
use super::lead::{Leads, SAME_DEGREE, directions};
use super::series::{Mono, ROUNDING, Series};
use super::table::{Outcome, Table};
use super::{Existence, Place, Tails, piece_series, places, reach, short};
use crate::domain::Axis;
use crate::expr::{Graph, Node, NodeId, Op};
use crate::num::linalg::{cholesky, symmetric_eigen};
use std::collections::HashMap;
use std::sync::Arc;

/// A maximum within this part of the coefficients counts as zero.
const MARGIN: f64 = 1e-9;
/// Most coordinates for which a search over directions counts as a proof.
const SEARCHED: usize = 8;
/// Points through which lines are taken.
const LINES: usize = 3;
/// Most substitutions that are tried.
const SHEARS: usize = 6;

/// All pieces along one axis at one of its ends, the other coordinates held.
pub(super) struct Lines {
    j: usize,
    place: Place,
    tables: Vec<Table>,
}

/// A term of the leading part.
enum Part<'a> {
    Monomial(&'a [(u32, u32)]),
    Sides { j: usize, p: f64, plus: f64, minus: f64 },
    Output(usize),
}

/// A (quasi-)homogeneous function of the members.
struct Top<'a> {
    parts: Vec<(f64, Part<'a>)>,
    leads: Arc<Leads>,
    degree: f64,
    members: &'a [usize],
    weights: &'a [f64],
    bounds: Vec<[f64; 2]>,
    compact: Vec<bool>,
    scale: Vec<f64>,
}

/// What the leading part says.
enum Peak {
    Negative,
    Positive {
        direction: Vec<f64>,
        value: f64,
    },
    /// Zero within the margin, in this direction.
    Flat(Vec<f64>),
    Unsure(&'static str),
}

impl Tails {
    pub(super) fn coupled(&self, members: &[usize], eta: Option<&[f64]>, coefficients: &[(f64, f64)]) -> Existence {
        let mut member = vec![false; self.form.axes.len()];
        members.iter().for_each(|j| member[*j] = true);
        let inside = |i: usize| self.form.pieces[i].coordinates.first().is_some_and(|j| member[*j]);
        let active: Vec<usize> = (0..coefficients.len()).filter(|i| coefficients[*i].0 != 0.0 && inside(*i)).collect();
        let mut unproven = "the leading terms of the coupled coordinates do not decide".to_string();
        if active
            .iter()
            .any(|i| coefficients[*i].0.abs() <= ROUNDING * coefficients[*i].1 && coefficients[*i].0.abs() < coefficients[*i].1)
        {
            return Existence::unproven("the terms of the coupled coordinates cancel to rounding");
        }
        let mut flat = None;
        let d = self.form.axes.len();
        let mut weightings = vec![vec![1.0; d]];
        weightings.extend(self.pure_weights(members, &active));
        for weights in &weightings {
            let peak = match self.top(members, &active, coefficients, weights) {
                Some(top) if top.parts.is_empty() => Peak::Negative,
                Some(top) => top.peak(),
                None => continue,
            };
            match peak {
                Peak::Positive { direction, value } => {
                    let towards = self.along(members, &direction);
                    let uniform = weights.iter().all(|w| *w == 1.0);
                    let reason = if uniform {
                        format!("its leading part grows there, with {} in that direction", short(value))
                    } else {
                        "its leading quasi-homogeneous part grows there".to_string()
                    };
                    return Existence::Improper { direction: towards, reason };
                }
                Peak::Negative => match self.finite_ends(members, &active, coefficients) {
                    Ok(()) => return Existence::Proper,
                    Err(why) => unproven = why,
                },
                Peak::Flat(v) if weights.iter().all(|w| *w == 1.0) => flat = Some(v),
                Peak::Flat(_) => {}
                Peak::Unsure(why) => unproven = why.to_string(),
            }
        }
        if let Some(found) = self.lines_diverge(members, coefficients) {
            return found;
        }
        if let Some(v) = flat
            && let Some(found) = self.direction_diverges(members, &active, coefficients, &v)
        {
            return found;
        }
        if (2..=6).contains(&members.len()) {
            for i in 0..members.len() {
                for k in 0..i {
                    for sign in [1.0, -1.0] {
                        let mut v = vec![0.0; members.len()];
                        (v[i], v[k]) = (1.0, sign);
                        if let Some(found) = self.direction_diverges(members, &active, coefficients, &v) {
                            return found;
                        }
                    }
                }
            }
        }
        if let Some(found) = self.by_comparison(members, &active, coefficients) {
            return found;
        }
        let Some(eta) = eta else { return Existence::Unproven { reason: unproven } };
        for shear in self.sheared() {
            let found = shear.existence(eta);
            if !matches!(found, Existence::Unproven { .. }) {
                return found;
            }
        }
        Existence::Unproven { reason: unproven }
    }

    /// Without coupled pieces that only lower the density the integral is larger: if it exists, so does the one sought.
    /// Without pieces that only raise it, it is smaller.
    fn by_comparison(&self, members: &[usize], active: &[usize], coefficients: &[(f64, f64)]) -> Option<Existence> {
        for want in [-1.0, 1.0] {
            let coupled = |i: &&usize| self.form.pieces[**i].coordinates.len() > 1;
            let dropped: Vec<usize> = active
                .iter()
                .filter(coupled)
                .copied()
                .filter(|i| coefficients[*i].0.signum() * self.form.pieces[*i].sign == want)
                .collect();
            let single = if dropped.len() > 1 && dropped.len() <= 6 { &dropped[..] } else { &[] };
            for set in std::iter::once(&dropped[..]).chain(single.chunks(1)).filter(|s| !s.is_empty()) {
                let mut rest = vec![(0.0, 0.0); coefficients.len()];
                active.iter().filter(|i| !set.contains(i)).for_each(|i| rest[*i] = coefficients[*i]);
                // Only the members: other coordinates are decided elsewhere.
                match (self.decide_members(members, None, &rest), want) {
                    (Existence::Proper, -1.0) => return Some(Existence::Proper),
                    (found @ Existence::Improper { .. }, 1.0) => return Some(found),
                    _ => {}
                }
            }
        }
        None
    }

    fn along(&self, members: &[usize], v: &[f64]) -> String {
        let size = v.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let moving: Vec<usize> = (0..members.len()).filter(|i| v[*i].abs() > 1e-6 * size).collect();
        if let [i] = moving[..] {
            let place = if v[i] > 0.0 { Place::Up } else { Place::Down };
            return place.describe(&self.names[members[i]]);
        }
        let names: Vec<&str> = moving.iter().take(6).map(|i| self.names[members[*i]].as_str()).collect();
        let numbers: Vec<String> = moving.iter().take(6).map(|i| format!("{:.3}", v[*i])).collect();
        let more = if moving.len() > 6 { ", ..." } else { "" };
        format!("({}{more}) goes to infinity along ({}{more})", names.join(", "), numbers.join(", "))
    }

    /// Weights that give the largest pure powers of all coordinates the same degree.
    fn pure_weights(&self, members: &[usize], active: &[usize]) -> Option<Vec<f64>> {
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
    fn top<'a>(
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

    /// Whether the density is integrable at the finite ends of each member, coupled pieces being bounded there.
    fn finite_ends(&self, members: &[usize], active: &[usize], coefficients: &[(f64, f64)]) -> Result<(), String> {
        for i in active {
            let piece = &self.form.pieces[*i];
            if !piece.regular && (piece.coordinates.len() > 1 || self.lost[*i]) {
                return Err("a statistic may have a pole inside the support".to_string());
            }
            // On compact coordinates the growth of a coupled node was not asked for.
            let bounded = members.iter().any(|j| reach(self.form.axes[*j]) != [false, false])
                || !matches!(piece.kind, Kind::Node(_))
                || piece.coordinates.len() == 1
                || self.leads(&vec![1.0; self.form.axes.len()]).far.get(i).is_some_and(|f| f.is_some_and(|f| f.low <= 0.0));
            if !bounded {
                return Err("a coupled statistic may be unbounded at an end of the support".to_string());
            }
        }
        for j in members {
            for end in self.ends[*j].iter().filter(|e| matches!(e.place, Place::Point { .. })) {
                match end.table.decide(coefficients) {
                    Outcome::Converges => {}
                    Outcome::Diverges(_) => {
                        return Err(format!("as {}: the density does not decay", end.place.describe(&self.names[*j])));
                    }
                    Outcome::Unknown(why) => return Err(format!("as {}: {why}", end.place.describe(&self.names[*j]))),
                }
            }
        }
        Ok(())
    }

    /// A point of generic position.
    fn generic(&self, k: usize) -> Vec<f64> {
        let at = |j: usize| (0.618_033_988_749_894_9 * (j as f64 + 1.0) + 0.377 * k as f64 + 0.13).fract();
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
                        Some(Place::Point { at, .. }) => at + 0.3 + 1.9 * u,
                        _ => 0.4 + 1.7 * u,
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
                        Table::new(piece_series(&self.form, &touching, &vars), place.measure())
                    });
                    out.push(Lines { j, place, tables: tables.collect() });
                }
            }
            out
        })
    }

    fn lines_diverge(&self, members: &[usize], coefficients: &[(f64, f64)]) -> Option<Existence> {
        for line in self.lines().iter().filter(|l| members.contains(&l.j)) {
            let found: Vec<Outcome> = line.tables.iter().map(|t| t.decide(coefficients)).collect();
            if found.iter().all(|f| matches!(f, Outcome::Diverges(_)))
                && let Outcome::Diverges(lead) = found[0]
            {
                return Some(self.improper(line.j, line.place, &line.tables[0], lead));
            }
        }
        None
    }

    /// Lines in the direction `v` of the members, where the leading part is zero.
    fn direction_diverges(
        &self,
        members: &[usize],
        active: &[usize],
        coefficients: &[(f64, f64)],
        v: &[f64],
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
                    let mut vars: Vec<Option<Series>> =
                        self.generic(k).into_iter().map(|v| Some(Series::constant(v))).collect();
                    for (j, v) in members.iter().zip(&snapped).filter(|(_, v)| **v != 0.0) {
                        vars[*j] = vars[*j].as_ref().and_then(|x| x.add(&Series::term(sign * v, Mono::t(1.0))));
                    }
                    let table = Table::new(piece_series(&self.form, active, &vars), 0.0);
                    matches!(table.decide(coefficients), Outcome::Diverges(_))
                })
        };
        let sign = [1.0, -1.0].into_iter().find(|s| along(*s))?;
        let direction = self.along(members, &snapped.iter().map(|v| sign * v).collect::<Vec<_>>());
        Some(Existence::Improper { direction, reason: "it does not decay on the lines in that direction".into() })
    }

    /// Volume-preserving substitutions u = c x_j + h(other coordinates) over whole lines.
    fn sheared(&self) -> &[Tails] {
        self.shears.get_or_init(|| {
            let g = &self.form.graph;
            if self.depth >= 2 || self.restricted || g.len() > 2000 {
                return vec![];
            }
            let mut out = Vec::new();
            let mut expander = Expander::new(g);
            let roots: Vec<NodeId> = self.roots.clone();
            let needed = g.reachable(&roots);
            for i in (0..g.len()).rev().filter(|i| needed[*i]) {
                let id = g.id(i);
                if !matches!(g.node(id), Node::Apply(Op::Add | Op::Sub, _)) || roots.contains(&id) {
                    continue;
                }
                let Some(poly) = expander.poly(id, 0) else { continue };
                // One coordinate that appears alone with power 1 and nowhere else.
                let coordinates = g.coordinates(id);
                if coordinates.len() < 2 {
                    continue;
                }
                for j in coordinates {
                    let c = poly.get(&vec![(j as u32, 1)]).copied().unwrap_or(0.0);
                    let uses = poly.keys().filter(|p| p.iter().any(|p| p.0 as usize == j)).count();
                    if c == 0.0 || uses != 1 || reach(self.form.axes[j]) != [true, true] || self.form.axes[j] != Axis::Line {
                        continue;
                    }
                    out.push(self.shear(id, j, c, &poly));
                    if out.len() >= if self.depth == 0 { SHEARS } else { 2 } {
                        return out;
                    }
                }
            }
            out
        })
    }

    fn shear(&self, node: NodeId, j: usize, c: f64, poly: &super::form::Poly) -> Tails {
        let source = &self.form.graph;
        let mut g = Graph::new();
        let vars: Vec<NodeId> = (0..self.form.axes.len()).map(|j| g.var(j)).collect();
        // x_j = (u - h) / c with u in the place of coordinate j.
        let mut h = g.constant(0.0);
        for (powers, v) in poly.iter().filter(|(p, _)| !p.iter().any(|p| p.0 as usize == j)) {
            let mut term = g.constant(*v);
            for (k, p) in powers {
                for _ in 0..*p {
                    term = g.mul(term, vars[*k as usize]);
                }
            }
            h = g.add(h, term);
        }
        let difference = g.sub(vars[j], h);
        let inverse = g.constant(1.0 / c);
        let back = g.mul(inverse, difference);
        let roots: Vec<NodeId> = self.roots.clone();
        let needed = source.reachable(&roots);
        let mut image: HashMap<NodeId, NodeId> = HashMap::new();
        for i in (0..source.len()).filter(|i| needed[*i]) {
            let id = source.id(i);
            let at = |id: NodeId, image: &HashMap<NodeId, NodeId>| image.get(&id).copied().unwrap_or(NodeId(0));
            let made = match source.node(id) {
                _ if id == node => vars[j],
                Node::Const(bits) => g.constant(f64::from_bits(bits)),
                Node::Var(k) if k as usize == j => back,
                Node::Var(k) => vars[k as usize],
                Node::Param(p) => g.param(p as usize),
                Node::Apply(op, args) => {
                    let args = args.map(|a| at(a, &image));
                    g.apply(op, args)
                }
                Node::Part(b, part) => {
                    let block = source.block(b);
                    let args: Vec<NodeId> = block.args.iter().map(|a| at(*a, &image)).collect();
                    g.affine(&block.map, &args)[part as usize]
                }
            };
            image.insert(id, made);
        }
        let moved: Vec<NodeId> = roots.iter().map(|r| image.get(r).copied().unwrap_or(NodeId(0))).collect();
        let (t, base) = moved.split_at(moved.len() - 1);
        let mut names = self.names.clone();
        let name = |k: usize| self.names[k].clone();
        names[j] = format!("({})", crate::expr::formula(source, node, &name));
        Tails::build(g, self.form.axes.clone(), t, base[0], None, names, self.depth + 1)
    }
}

impl Top<'_> {
    /// The value and the sum of the sizes of the terms at points over the members.
    fn values(&self, points: &[Vec<f64>]) -> Vec<(f64, f64)> {
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

    fn peak(&self) -> Peak {
        if self.plainly_negative() {
            return Peak::Negative;
        }
        self.quadratic().unwrap_or_else(|| self.search())
    }

    /// The direction over the members in x.
    fn direction(&self, v: &[f64]) -> Vec<f64> {
        let x = self.members.iter().zip(v).map(|(j, v)| if self.compact[*j] { 0.0 } else { self.scale[*j] * v });
        let x: Vec<f64> = x.collect();
        let size = x.iter().map(|x| x * x).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
        x.iter().map(|x| x / size).collect()
    }

    /// A quadratic form on whole lines: by its eigenvalues.
    fn quadratic(&self) -> Option<Peak> {
        let plain = self.members.iter().all(|j| self.bounds[*j] == [-1.0, 1.0] && self.weights[*j] == 1.0 && !self.compact[*j]);
        if !plain || self.degree != 2.0 {
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
        let size = q.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let margin = 1e-13 * n as f64 * size;
        let mut shifted = q.clone();
        (0..n).for_each(|i| shifted[i * n + i] -= margin);
        if cholesky(&shifted, n).is_some() {
            return Some(Peak::Negative);
        }
        let (values, vectors) = symmetric_eigen(&q, n);
        let least = (0..n).min_by(|a, b| values[*a].total_cmp(&values[*b]))?;
        let v: Vec<f64> = (0..n).map(|i| vectors[i * n + least]).collect();
        let direction = self.direction(&v);
        if values[least] < -margin {
            // Its value along the unit vector in x.
            let unscaled: Vec<f64> = self.members.iter().zip(&direction).map(|(j, x)| x / self.scale[*j]).collect();
            return Some(Peak::Positive { value: self.values(&[unscaled])[0].0, direction });
        }
        Some(Peak::Flat(direction))
    }

    /// Many directions, the best improved by rotations in coordinate planes.
    fn search(&self) -> Peak {
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
        let values = self.values(&points);
        if values.iter().any(|v| v.0.is_nan()) {
            return Peak::Unsure("the leading part is not a number somewhere");
        }
        let size = values.iter().map(|v| v.1).fold(0.0, f64::max);
        let mut order: Vec<usize> = (0..points.len()).collect();
        order.sort_by(|a, b| values[*b].0.total_cmp(&values[*a].0));
        let Some(first) = order.first() else { return Peak::Unsure("there is no direction") };
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
            for i in chosen {
                let (value, v) = self.climb(points[i].clone(), values[i].0, &free, &fix);
                if value > best {
                    (best, at) = (value, v);
                }
            }
        }
        match best {
            v if v > MARGIN * size => Peak::Positive { direction: self.direction(&at), value: v },
            v if v >= -MARGIN * size => Peak::Flat(self.direction(&at)),
            _ if n <= SEARCHED => Peak::Negative,
            _ => Peak::Unsure("the coupled coordinates are too many for a search over directions"),
        }
    }

    fn climb(&self, start: Vec<f64>, value: f64, free: &[bool], fix: &dyn Fn(Vec<f64>) -> Option<Vec<f64>>) -> (f64, Vec<f64>) {
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
                    let at = |s: f64| moved(s).map_or(f64::NEG_INFINITY, |w| self.values(&[w])[0].0);
                    let (mut a, mut b) = (-width, width);
                    let golden = 0.618_033_988_749_894_9;
                    let (mut x, mut y) = (b - golden * (b - a), a + golden * (b - a));
                    let (mut fx, mut fy) = (at(x), at(y));
                    while b - a > 1e-11 {
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
                        let found = self.values(std::slice::from_ref(&w))[0].0;
                        if found > best {
                            (best, v) = (found, w);
                        }
                    }
                    if !free[i] {
                        break;
                    }
                }
            }
            if best - before <= 1e-15 * best.abs() {
                if width < 1e-3 {
                    break;
                }
                width *= 0.1;
            }
        }
        (best, v)
    }
}
