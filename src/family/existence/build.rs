//! The part that does not depend on eta: pieces, ends, poles and series there.

use super::expand::expand;
use super::form::{Form, Kind};
use super::growth::{Growth, note_side};
use super::lead::Leads;
use super::place::{Place, places};
use super::poles::{Pin, Pole, poles, same};
use super::series::Series;
use super::table::Table;
use super::{End, Tails};
use crate::domain::Axis;
use crate::expr::{Graph, NodeId};
use crate::family::Family;
use std::collections::HashMap;
use std::f64::consts::PI;
use std::sync::{Arc, Mutex, OnceLock};

impl Tails {
    /// On the axes of the support where it has some, else in unconstrained coordinates.
    pub(super) fn of(family: &Family) -> Tails {
        Tails::with(family, |_, _| vec![])
    }
    /// The same with further statistics, made from the nodes of T.
    pub(super) fn with(family: &Family, more: impl Fn(&mut Graph, &[NodeId]) -> Vec<NodeId>) -> Tails {
        let bijector = family.support.bijector();
        let mut g = Graph::new();
        let (axes, t, x, measure, letter) = match bijector.axes() {
            Some(axes) => {
                let t: Vec<NodeId> = (0..axes.len()).map(|j| g.var(j)).collect();
                let (x, measure) = bijector.on_axes(&mut g, &t);
                (axes, t, x, measure, "t")
            }
            None => {
                let z: Vec<NodeId> = (0..bijector.free()).map(|j| g.var(j)).collect();
                let (x, measure) = bijector.forward(&mut g, &z);
                (vec![Axis::Line; z.len()], z, x, measure, "z")
            }
        };
        let mut image = family.image(&mut g, &x);
        let more = more(&mut g, &image.t);
        image.t.extend(more);
        let base = g.add(image.base, measure);
        // A coordinate that is one of x bears its name.
        let name = |(j, t): (usize, &NodeId)| match x.iter().position(|x| x == t) {
            Some(i) => family.support.name_of(i),
            None => format!("{letter}[{j}]"),
        };
        let names = t.iter().enumerate().map(name).collect();
        Tails::build(g, axes, &image.t, base, image.inside, names, 0)
    }

    /// Of statistics `t` and a base measure over `axes`, where `inside` holds.
    pub(super) fn build(
        g: Graph,
        axes: Vec<Axis>,
        t: &[NodeId],
        base: NodeId,
        inside: Option<NodeId>,
        names: Vec<String>,
        depth: usize,
    ) -> Tails {
        let form = Form::new(g, axes, t, base);
        let d = form.axes.len();
        if form.too_large {
            return Tails {
                form,
                roots: vec![],
                names,
                ends: vec![],
                lost: vec![],
                sides: vec![],
                restricted: false,
                inside: None,
                depth,
                lines: OnceLock::new(),
                shears: OnceLock::new(),
                powers: OnceLock::new(),
                envelope: OnceLock::new(),
                leads: Mutex::new(HashMap::new()),
                directions: Mutex::new(HashMap::new()),
                cones: Mutex::new(HashMap::new()),
            };
        }
        let mut lost = vec![false; form.pieces.len()];
        let mut sides = vec![None; form.pieces.len()];
        let mut own: Vec<Vec<usize>> = vec![vec![]; d];
        for (i, piece) in form.pieces.iter().enumerate() {
            if let [j] = piece.coordinates[..] {
                own[j].push(i);
            }
        }
        let ends = (0..d)
            .map(|j| {
                let nodes: Vec<usize> =
                    own[j].iter().copied().filter(|i| matches!(form.pieces[*i].kind, Kind::Node(_))).collect();
                let mut where_to = places(form.axes[j]);
                let irregular: Vec<usize> = nodes.iter().copied().filter(|i| !form.pieces[*i].regular).collect();
                let mut inner: Vec<Pole> = Vec::new();
                if !irregular.is_empty() {
                    for i in irregular.iter().copied() {
                        let Kind::Node(id) = form.pieces[i].kind else { continue };
                        match poles(&form.graph, &form.axes, id) {
                            Some(found) => inner.extend(found),
                            None => lost[i] = true,
                        }
                    }
                    if !merge(&mut inner) {
                        irregular.iter().for_each(|i| lost[*i] = true);
                    }
                }
                for at in inner.iter().map(|p| p.at) {
                    if where_to.iter().all(|place| place.at() != Some(at)) {
                        // Not out of the interval of the angles.
                        let sides =
                            [-1.0, 1.0].into_iter().filter(|s| form.axes[j] != Axis::Circle || (at + s * 1e-9).abs() <= PI);
                        where_to.extend(sides.map(|side| Place::Point { at, side, inside: true }));
                    }
                }
                where_to
                    .into_iter()
                    .map(|place| {
                        let mut vars = vec![None; d];
                        vars[j] = Some(place.coordinate());
                        let step = place.step();
                        let pole = inner.iter().find(|p| place.at() == Some(p.at));
                        let pins = pole.zip(step.as_ref()).map(|(pole, step)| (&pole.pins[..], step));
                        let series = piece_series(&form, &own[j], &vars, pins);
                        for (i, s) in own[j].iter().zip(&series) {
                            note_side(&mut sides[*i], place, s.1.as_ref());
                        }
                        let holds = inside
                            .filter(|_| d == 1)
                            .map(|c| expand(&form.graph, &[c], &vars, pins)[0].as_ref().and_then(Series::number));
                        let inside = match holds {
                            None => {
                                if inside.is_some() {
                                    None
                                } else {
                                    Some(true)
                                }
                            }
                            Some(v) => v.map(|v| v != 0.0),
                        };
                        End { place, table: Table::new(series, place.measure()), inside }
                    })
                    .collect()
            })
            .collect();
        Tails {
            form,
            roots: t.iter().copied().chain([base]).collect(),
            names,
            ends,
            lost,
            sides: sides.into_iter().map(|s| s.and_then(Growth::sides)).collect(),
            restricted: inside.is_some(),
            inside,
            depth,
            lines: OnceLock::new(),
            shears: OnceLock::new(),
            powers: OnceLock::new(),
            envelope: OnceLock::new(),
            leads: Mutex::new(HashMap::new()),
            directions: Mutex::new(HashMap::new()),
            cones: Mutex::new(HashMap::new()),
        }
    }

    /// The series that the leading (quasi-)homogeneous parts with these weights are made of.
    pub(super) fn leads(&self, weights: &[f64]) -> Arc<Leads> {
        let key: Vec<u64> = weights.iter().map(|w| w.to_bits()).collect();
        let mut known = self.leads.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(found) = known.get(&key) {
            return found.clone();
        }
        if known.len() >= 64 {
            known.clear();
        }
        let made = Arc::new(Leads::new(&self.form, weights));
        known.insert(key, made.clone());
        made
    }
}

/// Ascending, equal ones together. False where two are too near each other to tell whether they are equal.
fn merge(poles: &mut Vec<Pole>) -> bool {
    let one = |a: &Pole, b: &Pole| same(a, (b.at, b.error));
    poles.sort_by(|a, b| a.at.total_cmp(&b.at));
    poles.dedup_by(|b, a| {
        let same = one(a, b) == Some(true);
        if same {
            a.pins.append(&mut b.pins);
            a.error = a.error.min(b.error);
        }
        same
    });
    (0..poles.len()).all(|i| poles[..i].iter().all(|p| one(p, &poles[i]).is_some()))
}

/// Series of the chosen pieces; `pins` as in [`expand`].
pub(super) fn piece_series(
    form: &Form,
    chosen: &[usize],
    vars: &[Option<Series>],
    pins: Option<(&[Pin], &Series)>,
) -> Vec<(usize, Option<Series>)> {
    let nodes: Vec<NodeId> =
        chosen.iter().filter_map(|i| if let Kind::Node(id) = form.pieces[*i].kind { Some(id) } else { None }).collect();
    let mut found = if nodes.is_empty() { vec![] } else { expand(&form.graph, &nodes, vars, pins) }.into_iter();
    let series = |i: &usize| match &form.pieces[*i].kind {
        Kind::Node(_) => found.next().flatten(),
        Kind::Monomial(powers) => powers.iter().try_fold(Series::constant(1.0), |product, (j, p)| {
            let x = vars[*j as usize].as_ref()?;
            (0..*p).try_fold(product, |product, _| product.mul(x))
        }),
    };
    let series: Vec<Option<Series>> = chosen.iter().map(series).collect();
    chosen.iter().copied().zip(series).collect()
}
