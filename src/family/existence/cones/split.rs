//! Cones: the support cut where coordinates, arguments of absolute values and conditions change sign.

use super::super::form::Kind;
use super::super::range::ranges;
use super::super::{Tails, place::reach};
use super::Cut;
use super::cone::{Cone, Directions, Exponent, Logarithm};
use super::double_zeros::{of_cone, planes};
use super::parts::{Alternatives, Ask, caps, parts};
use super::rays::rays;
use super::region::hold;
use super::sectors::{Sector, sectors};
use super::signomial::{Power, Signomial, UNIT, numbers};
use super::starts::{around, parts_of};
use super::walk::{Chart, Content, Walker};
use super::zeros::{Zeros, settled, zero_between, zeros};
use crate::domain::Axis;
use crate::expr::{Node, NodeId, Op};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

/// Most coordinates, cones, and nodes of the graph.
const COORDINATES: usize = 7;
const CONES: usize = 400;
const NODES: usize = 3000;
/// Most cuts of one cone where squares are zero.
const SQUARES: usize = 8;

/// Most segments that are seen from all sides.
const SEGMENTS: usize = 2;

/// x_j = from_j + sum_k generator_k[j] u_k over u > 0.
#[derive(Clone)]
struct Shape {
    from: Vec<f64>,
    /// Over the members; nothing for a u whose logarithm is a coordinate.
    generators: Vec<Option<Vec<f64>>>,
    /// Whether u is bounded.
    bounded: Vec<bool>,
    /// The largest size of each member's distance from `from`.
    limits: Vec<f64>,
    /// How often it was cut where a logarithm holds a square.
    squares: usize,
}

impl Tails {
    /// The cones of the members, where there are not too many and all members are on lines. Counts the
    /// shapes that are looked at.
    pub(super) fn cut(&self, cut: &Cut, shapes: &mut u64) -> Option<Vec<Cone>> {
        let form = &self.form;
        let members = &cut.members[..];
        let normals: Vec<Vec<f64>> = cut.planes.iter().map(|p| p.iter().map(|v| f64::from_bits(*v)).collect()).collect();
        let n = members.len();
        if !(1..=COORDINATES).contains(&n) || form.graph.len() > NODES {
            return None;
        }
        let exponential = self.exponential(cut.squares);
        let segments = members.iter().filter(|j| matches!(form.axes[**j], Axis::Segment { .. })).count();
        let pieces = cut.squares && segments <= SEGMENTS;
        let numbers = |p: &Vec<u64>| p.iter().map(|v| f64::from_bits(*v)).collect();
        let points: Vec<Vec<f64>> =
            if cut.points.is_empty() { vec![vec![]; n] } else { cut.points.iter().map(numbers).collect() };
        let mut open = vec![Shape { from: vec![], generators: vec![], bounded: vec![], limits: vec![], squares: 0 }];
        for (k, j) in members.iter().enumerate() {
            // Whether it is a logarithm, where it starts, and the sides with their limits.
            let (log, sides) = match form.axes[*j] {
                Axis::Line if exponential[*j] => (true, vec![(0.0, 1.0, f64::INFINITY)]),
                Axis::Line | Axis::HalfLine { .. } if !points[k].is_empty() => (false, around(form.axes[*j], &points[k])),
                Axis::Line => (false, vec![(0.0, 1.0, f64::INFINITY), (0.0, -1.0, f64::INFINITY)]),
                Axis::HalfLine { from } => (false, vec![(from, 1.0, f64::INFINITY)]),
                Axis::Segment { from, to } if from < 0.0 && to > 0.0 && pieces => {
                    (false, [parts_of(from, 0.0), parts_of(0.0, to)].concat())
                }
                Axis::Segment { from, to } if pieces => (false, parts_of(from, to).to_vec()),
                Axis::Segment { from, to } if from < 0.0 && to > 0.0 => (false, vec![(0.0, 1.0, to), (0.0, -1.0, -from)]),
                Axis::Segment { from, to } => (false, vec![(from, 1.0, to - from)]),
                _ => return None,
            };
            let grow = |shape: &Shape| -> Vec<Shape> {
                let with = |(from, side, limit): &(f64, f64, f64)| {
                    let mut s = shape.clone();
                    s.from.push(*from);
                    s.limits.push(*limit);
                    s.bounded.push(limit.is_finite());
                    let mut generator = vec![0.0; n];
                    generator[k] = *side;
                    s.generators.push((!log).then_some(generator));
                    s
                };
                sides.iter().map(with).collect()
            };
            open = open.iter().flat_map(grow).collect();
            if open.len() > CONES {
                return None;
            }
        }
        let (range, regular) = ranges(&form.graph, &form.axes);
        let mut known = BTreeMap::new();
        let mut done = Vec::new();
        while let Some(mut shape) = open.pop() {
            *shapes += 1;
            if open.len() + done.len() >= CONES {
                return None;
            }
            if let Some(h) = normals.iter().find_map(|normal| of_cone(normal, &shape.generators)) {
                open.extend(shape.split(&h)?);
                continue;
            }
            let chart = shape.chart(members, form.axes.len());
            let mut walker = Walker::new(&form.graph, &chart, &range, &regular, cut.squares);
            let inside = match self.inside {
                None => Some(true),
                Some(id) => walker.holds(id, 0),
            };
            if inside == Some(false) {
                continue;
            }
            let (cover, conditions) = match self.inside.filter(|_| inside.is_none()) {
                Some(id) => (walker.alternatives(id, Ask::Necessary, 0), walker.alternatives(id, Ask::Sufficient, 0)),
                None => (vec![vec![]], vec![]),
            };
            let contents: Vec<Option<Content>> = (0..form.pieces.len())
                .map(|i| {
                    let piece = &form.pieces[i];
                    let mut out = Content { slope: vec![0.0; n], ..Content::default() };
                    match &piece.kind {
                        _ if !piece.coordinates.iter().all(|j| members.contains(j)) => None,
                        Kind::Node(id) => walker.content(*id, 1.0, &mut out, 0).map(|()| out),
                        Kind::Monomial(powers) => shape.monomial(powers, &chart, &mut out).map(|()| out),
                    }
                })
                .collect();
            let split = walker.split.take();
            match split.or_else(|| if cut.squares { shape.square(&contents) } else { None }) {
                Some(h) => open.extend(shape.split(&h)?),
                None => {
                    let made = sectors(&contents, n);
                    done.extend(
                        made.iter().map(|s| shape.cone(members, &contents, s, (inside, &cover, &conditions), &mut known)),
                    );
                }
            }
        }
        Some(done)
    }

    /// Coordinates on whole lines that stand in exponentials that are not bounded; where `soft`, also in softplus and in
    /// exponentials of the condition.
    fn exponential(&self, soft: bool) -> Vec<bool> {
        let g = &self.form.graph;
        let mut found = vec![false; self.form.axes.len()];
        let roots: Vec<NodeId> = self.roots.iter().copied().chain(self.inside.filter(|_| soft)).collect();
        let needed = g.reachable(&roots);
        for i in (0..g.len()).filter(|i| needed[*i]) {
            if let Node::Apply(op, [a, ..]) = g.node(g.id(i))
                && (op == Op::Exp || soft && matches!(op, Op::Softplus | Op::Expm1))
            {
                g.coordinates(a)
                    .into_iter()
                    .filter(|j| reach(self.form.axes[*j]) == [true, true])
                    .for_each(|j| found[j] = true);
            }
        }
        found
    }
}

impl Shape {
    fn chart(&self, members: &[usize], d: usize) -> Chart {
        let n = members.len();
        let mut chart = Chart { n, x: vec![None; d], logarithm: vec![None; d] };
        for (k, j) in members.iter().enumerate() {
            if self.generators[k].is_none() {
                chart.logarithm[*j] = Some(k);
                continue;
            }
            let mut x = Signomial::constant(n, self.from[k]);
            for (i, g) in self.generators.iter().enumerate() {
                let c = g.as_ref().map_or(0.0, |g| g[k]);
                if c != 0.0 {
                    x.0.extend(Signomial::coordinate(n, i).0.into_keys().map(|p| (p, c)));
                }
            }
            chart.x[*j] = Some(x);
        }
        chart
    }

    fn monomial(&self, powers: &[(u32, u32)], chart: &Chart, out: &mut Content) -> Option<()> {
        if let [(j, 1)] = powers
            && let Some(k) = chart.logarithm[*j as usize]
        {
            out.slope[k] += 1.0;
            return Some(());
        }
        let log = |j: &u32| chart.logarithm[*j as usize];
        let pair = match powers {
            [(j, 2)] => log(j).map(|k| (k, k)),
            [(i, 1), (j, 1)] => log(i).zip(log(j)),
            _ => None,
        };
        if let Some((i, k)) = pair {
            *out.products.entry((i.min(k), i.max(k))).or_insert(0.0) += 1.0;
            return Some(());
        }
        let mut product = Signomial::constant(chart.n, 1.0);
        for (j, p) in powers {
            product = product.mul(&chart.x[*j as usize].as_ref()?.pow(f64::from(*p))?)?;
        }
        out.terms.add(&product, 1.0)
    }

    /// Both parts of the cone on the sides of h . u = 0.
    fn split(&self, h: &[f64]) -> Option<[Shape; 2]> {
        let (i, k) = (h.iter().position(|h| *h > 0.0)?, h.iter().position(|h| *h < 0.0)?);
        let (a, b) = (self.generators[i].as_ref()?, self.generators[k].as_ref()?);
        let wall: Vec<f64> = a.iter().zip(b).map(|(a, b)| h[i] * b - h[k] * a).collect();
        let part = |at: usize| {
            let mut s = self.clone();
            s.generators[at] = Some(wall.clone());
            s.bounded[at] = self.bounded[i] || self.bounded[k];
            s
        };
        Some([part(i), part(k)])
    }

    /// Where what stands in a logarithm holds a square that is zero.
    fn square(&mut self, contents: &[Option<Content>]) -> Option<Vec<f64>> {
        let plain: Vec<bool> = self.generators.iter().map(Option::is_some).collect();
        let caps = self.caps();
        let open = contents.iter().flatten().flat_map(|c| &c.logs).map(|l| settled(&l.p, &caps));
        let open = open.filter(|p| zeros(p) == Zeros::Other);
        let found = open.flat_map(|p| planes(&p.0.iter().map(|t| (t.0, *t.1)).collect::<Vec<_>>(), &plain)).next()?;
        self.squares += 1;
        (self.squares <= SQUARES).then_some(found)
    }

    /// What each u is at most; infinite where it may be anything.
    fn caps(&self) -> Vec<f64> {
        let along = |k: usize, j: usize| self.generators[k].as_ref().map_or(0.0, |g| g[j]);
        let n = self.generators.len();
        let cap = |k: usize| {
            let bounds = (0..n).filter(|j| along(k, *j) != 0.0 && (0..n).all(|i| along(i, *j) * along(k, *j) >= 0.0));
            bounds.map(|j| self.limits[j] / along(k, j).abs()).fold(f64::INFINITY, f64::min)
        };
        (0..n).map(cap).collect()
    }

    /// Points of the cone within the support.
    fn points(&self) -> Vec<Vec<f64>> {
        let n = self.generators.len();
        let at = |k: u32, j: usize| (0.5 + f64::from(k) * (0.618_034 + 0.1373 * j as f64) + 0.31 * j as f64).fract();
        let made = (0..240_u32).map(|k| {
            let spread = [1.0, 3.0, 8.0][k as usize % 3];
            let mut u: Vec<f64> = (0..n).map(|j| (spread * (2.0 * at(k, j) - 1.0)).exp()).collect();
            for (j, limit) in self.limits.iter().enumerate().filter(|l| l.1.is_finite()) {
                let x = |(u, g): (&f64, &Option<Vec<f64>>)| g.as_ref().map_or(0.0, |g| u * g[j]);
                let size = u.iter().zip(&self.generators).map(x).sum::<f64>().abs();
                if size > 0.99 * limit {
                    let shrink = (0.01 + 0.98 * at(k + 7, j)) * limit / size;
                    let moving = |g: &Option<Vec<f64>>| g.as_ref().is_some_and(|g| g[j] != 0.0);
                    u.iter_mut().zip(&self.generators).filter(|(_, g)| moving(g)).for_each(|(u, _)| *u *= shrink);
                }
            }
            u
        });
        made.collect()
    }

    fn cone(
        &self,
        members: &[usize],
        contents: &[Option<Content>],
        sector: &Sector,
        (inside, cover, conditions): (Option<bool>, &Alternatives, &Alternatives),
        known: &mut BTreeMap<Vec<Power>, Directions>,
    ) -> Cone {
        let n = members.len();
        let caps: Vec<f64> = self.caps().iter().zip(caps(cover, n)).map(|(a, b)| a.min(b)).collect();
        let parts: Vec<Vec<Vec<f64>>> = parts(cover).iter().map(|part| [&part[..], &sector.bounds[..]].concat()).collect();
        let mut terms: BTreeMap<Power, Vec<(usize, f64)>> = BTreeMap::new();
        let mut slope = vec![vec![]; n];
        let mut products: BTreeMap<(usize, usize), Vec<(usize, f64)>> = BTreeMap::new();
        let mut logs: Vec<Logarithm> = Vec::new();
        for (i, content) in contents.iter().enumerate() {
            let (Some(content), Some(found)) = (content, &sector.terms[i]) else { continue };
            for (power, c) in found.clone().without_constant().0 {
                terms.entry(power).or_default().push((i, c));
            }
            for content in [content, &sector.products[i]] {
                for (slot, c) in slope.iter_mut().zip(&content.slope).filter(|(_, c)| **c != 0.0) {
                    slot.push((i, *c));
                }
                for (pair, c) in content.products.iter().filter(|p| *p.1 != 0.0) {
                    products.entry(*pair).or_default().push((i, *c));
                }
            }
            for log in &content.logs {
                let p = settled(&log.p, &caps);
                match logs.iter_mut().find(|l| l.p == p && l.absolute == log.absolute) {
                    Some(l) => {
                        l.floor |= log.floor;
                        l.row.push((i, log.c));
                    }
                    None => {
                        let kind = zeros(&p);
                        logs.push(Logarithm {
                            zero: None,
                            corners: p.0.keys().map(numbers).collect(),
                            p,
                            absolute: log.absolute,
                            zeros: kind,
                            floor: log.floor,
                            row: vec![(i, log.c)],
                        });
                    }
                }
            }
        }
        if logs.iter().any(|l| l.zeros == Zeros::Simple) {
            let points = self.points();
            let known = conditions.first().map(Vec::as_slice).unwrap_or_default();
            logs.iter_mut().for_each(|l| {
                let within: Vec<Vec<f64>> = points.iter().filter(|u| hold(known, u, Some(&l.p))).cloned().collect();
                l.zero = zero_between(&l.p, &within).or_else(|| zero_between(&l.p, &points));
            });
        }
        let mut normals: Vec<Power> = terms.keys().cloned().collect();
        for log in &logs {
            let powers: Vec<&Power> = log.p.0.keys().collect();
            for (i, a) in powers.iter().enumerate() {
                normals.extend(powers[..i].iter().map(|b| a.iter().zip(*b).map(|(a, b)| a - b).collect()));
            }
        }
        normals.extend((0..n).flat_map(|k| Signomial::coordinate(n, k).0.into_keys()));
        let whole = |b: &Vec<f64>| b.iter().map(|b| (b * UNIT).round() as i64).collect();
        normals.extend(parts.iter().flatten().map(whole));
        normals.sort();
        normals.dedup();
        let planes: Vec<Vec<f64>> = normals.iter().map(numbers).collect();
        let found = known.entry(normals).or_insert_with(|| rays(&planes, n).map(Arc::new));
        Cone {
            from: self.from.clone(),
            members: members.to_vec(),
            generators: self.generators.clone(),
            bounded: self.bounded.clone(),
            inside,
            parts,
            sector: sector.bounds.clone(),
            rests: sector.rests.clone(),
            conditions: conditions.clone(),
            caps: caps.clone(),
            limits: self.limits.clone(),
            edges: OnceLock::new(),
            missing: sector.terms.iter().map(Option::is_none).collect(),
            exponents: terms.into_iter().map(|(power, row)| Exponent { at: numbers(&power), power, row }).collect(),
            slope,
            products: products.into_iter().collect(),
            logs,
            rays: found.clone(),
            normals: planes,
            faces: Mutex::default(),
        }
    }
}
