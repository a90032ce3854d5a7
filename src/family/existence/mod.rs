//! Whether a density exists: the integral of exp(eta . T + b) over the support.
//!
//! Symbolic asymptotics. T and b are sums of pieces, monomials and other nodes ([`form`]). In one coordinate each piece
//! is a series at each end of the axis and at each pole inside ([`series`], [`expand`]), and the leading term of their
//! combination decides ([`table`]). Coordinates that share no piece are separate; what is coupled is decided by the
//! maximum of the leading (quasi-)homogeneous part over directions, by lines and by shears ([`coupled`]). Whatever
//! cannot be decided is [`Existence::Unproven`].

mod coupled;
mod expand;
mod form;
mod lead;
mod poles;
mod range;
mod series;
mod table;

use super::Family;
use crate::domain::Axis;
use crate::expr::{Graph, NodeId};
use coupled::Lines;
use expand::expand;
use form::{Form, Kind};
use lead::Leads;
use series::{LOG_DEGREE, Mono, Series};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use table::{Outcome, Table};

/// Whether the integral of exp(eta . T + b) over the support exists.
#[derive(Debug, Clone, PartialEq)]
pub enum Existence {
    /// It does: eta is a natural parameter.
    Proper,
    /// It does not.
    Improper {
        /// Where the density does not decay, such as `x[0] goes to infinity`.
        direction: String,
        /// The leading term there.
        reason: String,
    },
    /// The analysis cannot tell.
    Unproven {
        /// What stands in its way.
        reason: String,
    },
}

impl Existence {
    fn unproven(reason: impl Into<String>) -> Existence {
        Existence::Unproven { reason: reason.into() }
    }
}

/// An end of an axis, or a side of a pole inside.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    Up,
    Down,
    /// From this point on, to the right (1) or left (-1); an end of the support or inside.
    Point {
        at: f64,
        side: f64,
        inside: bool,
    },
}

impl Place {
    /// The coordinate as a series.
    fn coordinate(self) -> Series {
        match self {
            Place::Up => Series::term(1.0, Mono::t(1.0)),
            Place::Down => Series::term(-1.0, Mono::t(1.0)),
            Place::Point { at, side, .. } => {
                let step = Series::term(side, Mono::t(-1.0));
                step.add(&Series::constant(at)).unwrap_or(step)
            }
        }
    }
    fn measure(self) -> f64 {
        if matches!(self, Place::Point { .. }) { -2.0 } else { 0.0 }
    }
    fn describe(self, name: &str) -> String {
        match self {
            Place::Up => format!("{name} goes to infinity"),
            Place::Down => format!("{name} goes to minus infinity"),
            Place::Point { at, inside: false, .. } => format!("{name} approaches {at}, an end of its support"),
            Place::Point { at, .. } => format!("{name} approaches {}, a pole", short(at)),
        }
    }
    /// A leading term in the coordinate.
    fn leading(self, c: f64, m: &Mono, name: &str) -> String {
        let base = match self {
            Place::Up => name.to_string(),
            Place::Down => format!("|{name}|"),
            Place::Point { at: 0.0, side, .. } => {
                if side > 0.0 {
                    name.to_string()
                } else {
                    format!("|{name}|")
                }
            }
            Place::Point { at, .. } => format!("|{name} - {}|", short(at)),
        };
        let turn = if matches!(self, Place::Point { .. }) { -1.0 } else { 1.0 };
        let c = if m.e.is_empty() && m.p[0] == 0.0 && m.p[1].fract() == 0.0 && m.p[1] % 2.0 != 0.0 { turn * c } else { c };
        let mut out = format!("{}{}", if c < 0.0 { "" } else { "+" }, short(c));
        if !m.e.is_empty() {
            out.push_str(" times an exponential of ");
            out.push_str(&base);
            return out;
        }
        let power = |p: f64| if p == 1.0 { String::new() } else { format!("^{}", short(p)) };
        if m.p[0] != 0.0 {
            out.push_str(&format!(" {base}{}", power(turn * m.p[0])));
        }
        if m.p[1] != 0.0 {
            out.push_str(&format!(" log({base}){}", power(m.p[1])));
        }
        if m.p[2] != 0.0 {
            out.push_str(&format!(" log(|log({base})|){}", power(m.p[2])));
        }
        out
    }
}

/// A number in six digits.
fn short(v: f64) -> String {
    let rounded: f64 = format!("{v:.5e}").parse().unwrap_or(v);
    if rounded != 0.0 && !(1e-4..1e7).contains(&rounded.abs()) { format!("{rounded:e}") } else { format!("{rounded}") }
}

/// One place of one coordinate with the pieces of that coordinate alone.
struct End {
    place: Place,
    table: Table,
    /// Whether the condition `where:` holds there; `None` where that is not known.
    inside: Option<bool>,
}

/// Growth of a piece of one coordinate: plus |x|^p to the right, minus |x|^p to the left, and O(|x|^low).
#[derive(Debug, Clone, Copy)]
struct Sides {
    p: f64,
    plus: f64,
    minus: f64,
    low: f64,
}

/// Everything about a family that does not depend on eta.
pub struct Tails {
    form: Form,
    /// The nodes of T and b.
    roots: Vec<NodeId>,
    names: Vec<String>,
    ends: Vec<Vec<End>>,
    /// Pieces of one coordinate with a pole inside that is not located.
    lost: Vec<bool>,
    sides: Vec<Option<Sides>>,
    restricted: bool,
    depth: usize,
    lines: OnceLock<Vec<Lines>>,
    shears: OnceLock<Vec<Tails>>,
    leads: Mutex<HashMap<Vec<u64>, Arc<Leads>>>,
}

/// Whether an axis is unbounded downwards and upwards.
fn reach(axis: Axis) -> [bool; 2] {
    match axis {
        Axis::Line => [true, true],
        Axis::HalfLine { .. } => [false, true],
        Axis::Segment { .. } | Axis::Circle => [false, false],
        Axis::Integers { from, to } => [from == f64::NEG_INFINITY, to == f64::INFINITY],
    }
}

fn places(axis: Axis) -> Vec<Place> {
    let low = |at| Place::Point { at, side: 1.0, inside: false };
    let high = |at| Place::Point { at, side: -1.0, inside: false };
    match axis {
        Axis::Line => vec![Place::Down, Place::Up],
        Axis::HalfLine { from } => vec![low(from), Place::Up],
        Axis::Segment { from, to } => vec![low(from), high(to)],
        Axis::Circle => vec![],
        Axis::Integers { .. } => {
            let [down, up] = reach(axis);
            [down.then_some(Place::Down), up.then_some(Place::Up)].into_iter().flatten().collect()
        }
    }
}

impl Tails {
    fn of(family: &Family) -> Tails {
        let bijector = family.support.bijector();
        let mut g = Graph::new();
        let (axes, t, x, measure, letter) = match bijector.axes() {
            Some(axes) => {
                let t: Vec<NodeId> = (0..axes.len()).map(|j| g.var(j)).collect();
                let (x, measure) = bijector.on_axes(&mut g, &t);
                let letter = if x == t { "x" } else { "t" };
                (axes, t, x, measure, letter)
            }
            None => {
                let z: Vec<NodeId> = (0..bijector.free()).map(|j| g.var(j)).collect();
                let (x, measure) = bijector.forward(&mut g, &z);
                (vec![Axis::Line; z.len()], z, x, measure, "z")
            }
        };
        let image = family.image(&mut g, &x);
        let base = g.add(image.base, measure);
        let names = (0..t.len()).map(|j| format!("{letter}[{j}]")).collect();
        Tails::build(g, axes, &image.t, base, image.inside, names, 0)
    }

    fn build(
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
                depth,
                lines: OnceLock::new(),
                shears: OnceLock::new(),
                leads: Mutex::new(HashMap::new()),
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
                let mut inner: Vec<f64> = Vec::new();
                if !irregular.is_empty() {
                    for i in irregular {
                        let Kind::Node(id) = form.pieces[i].kind else { continue };
                        match poles::poles(&form.graph, &form.axes, id) {
                            Some(found) => inner.extend(found),
                            None => lost[i] = true,
                        }
                    }
                    inner.sort_by(f64::total_cmp);
                    inner.dedup_by(|a, b| (*a - *b).abs() <= 1e-14 * a.abs().max(1e-300));
                }
                for at in inner {
                    where_to.extend([-1.0, 1.0].map(|side| Place::Point { at, side, inside: true }));
                }
                where_to
                    .into_iter()
                    .map(|place| {
                        let mut vars = vec![None; d];
                        vars[j] = Some(place.coordinate());
                        let series = piece_series(&form, &own[j], &vars);
                        for (i, s) in own[j].iter().zip(&series) {
                            note_side(&mut sides[*i], place, s.1.as_ref());
                        }
                        let holds = inside
                            .filter(|_| d == 1)
                            .map(|c| expand(&form.graph, &[c], &vars)[0].as_ref().and_then(Series::number));
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
            depth,
            lines: OnceLock::new(),
            shears: OnceLock::new(),
            leads: Mutex::new(HashMap::new()),
        }
    }

    /// The verdict for one eta.
    fn existence(&self, eta: &[f64]) -> Existence {
        if self.form.too_large {
            return Existence::unproven("the family is too large for the analysis of its tails");
        }
        self.decide(Some(eta), &self.form.coefficients(eta))
    }

    fn decide(&self, eta: Option<&[f64]>, coefficients: &[(f64, f64)]) -> Existence {
        let all: Vec<usize> = (0..self.form.axes.len()).collect();
        self.decide_members(&all, eta, coefficients)
    }

    /// Of the integral over the coordinates `among`, which no active piece ties to others.
    fn decide_members(&self, among: &[usize], eta: Option<&[f64]>, coefficients: &[(f64, f64)]) -> Existence {
        let d = self.form.axes.len();
        let mut unproven = None;
        let mut label: Vec<usize> = (0..d).collect();
        if d > 1 {
            let find = |label: &[usize], mut j: usize| {
                while label[j] != j {
                    j = label[j];
                }
                j
            };
            for (piece, c) in self.form.pieces.iter().zip(coefficients) {
                if c.0 != 0.0
                    && let [first, others @ ..] = &piece.coordinates[..]
                {
                    let root = find(&label, *first);
                    for other in others {
                        let o = find(&label, *other);
                        label[o] = root;
                    }
                }
            }
            for j in 0..d {
                label[j] = find(&label, j);
            }
        }
        for root in 0..d {
            let members: Vec<usize> = among.iter().copied().filter(|j| label[*j] == root).collect();
            let verdict = match members[..] {
                [] => continue,
                [j] => self.single(j, coefficients),
                _ => self.coupled(&members, eta, coefficients),
            };
            match verdict {
                Existence::Proper => {}
                Existence::Improper { direction, .. } if self.restricted && d > 1 => {
                    unproven = Some(format!("the condition may cut off where {direction}"));
                }
                Existence::Improper { .. } => return verdict,
                Existence::Unproven { reason } => unproven = Some(reason),
            }
        }
        unproven.map_or(Existence::Proper, |reason| Existence::Unproven { reason })
    }

    fn single(&self, j: usize, coefficients: &[(f64, f64)]) -> Existence {
        let mut unproven = None;
        for end in &self.ends[j] {
            if end.inside == Some(false) {
                continue;
            }
            match end.table.decide(coefficients) {
                Outcome::Converges => {}
                Outcome::Unknown(why) => unproven = Some(format!("as {}: {why}", end.place.describe(&self.names[j]))),
                Outcome::Diverges(lead) if end.inside == Some(true) || self.form.axes.len() > 1 => {
                    return self.improper(j, end.place, &end.table, lead);
                }
                Outcome::Diverges(_) => unproven = Some("the condition is not known far out".to_string()),
            }
        }
        let lost = |(i, c): (usize, &(f64, f64))| c.0 != 0.0 && self.lost[i] && self.form.pieces[i].coordinates == [j];
        if coefficients.iter().enumerate().any(lost) {
            return Existence::unproven(format!("a statistic may have a pole in {} that is not located", self.names[j]));
        }
        unproven.map_or(Existence::Proper, Existence::unproven)
    }

    fn improper(&self, j: usize, place: Place, table: &Table, lead: Option<(f64, usize)>) -> Existence {
        let reason = match lead {
            None => "it tends to a constant there".to_string(),
            Some((c, i)) => {
                let m = table.mono(i);
                let text = format!("its leading term there is {}", place.leading(c, m, &self.names[j]));
                match (place, *m == Mono::log()) {
                    (Place::Point { .. }, true) => format!("{text}, and more than -1 is needed"),
                    (_, true) => format!("{text}, and less than -1 is needed"),
                    _ => text,
                }
            }
        };
        Existence::Improper { direction: place.describe(&self.names[j]), reason }
    }

    /// The series that the leading (quasi-)homogeneous parts with these weights are made of.
    fn leads(&self, weights: &[f64]) -> Arc<Leads> {
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

/// What is known about the growth of a piece so far.
#[derive(Debug, Clone, Copy)]
enum Growth {
    /// Coefficient and degree to the left and right, and a bound on the rest.
    Known {
        minus: (f64, f64),
        plus: (f64, f64),
        low: f64,
    },
    Unknown,
}

impl Growth {
    fn sides(self) -> Option<Sides> {
        let Growth::Known { minus, plus, mut low } = self else { return None };
        let p = minus.1.max(plus.1);
        let mut at = |(c, q): (f64, f64)| {
            if (q - p).abs() < 1e-9 {
                c
            } else {
                low = low.max(q);
                0.0
            }
        };
        let (minus, plus) = (at(minus), at(plus));
        Some(Sides { p, plus, minus, low })
    }
}

fn note_side(slot: &mut Option<Growth>, place: Place, series: Option<&Series>) {
    if matches!(place, Place::Point { .. }) {
        slot.get_or_insert(Growth::Known { minus: (0.0, 0.0), plus: (0.0, 0.0), low: 0.0 });
        return;
    }
    let (minus, plus, low) = match *slot {
        None => ((0.0, 0.0), (0.0, 0.0), 0.0),
        Some(Growth::Known { minus, plus, low }) => (minus, plus, low),
        Some(Growth::Unknown) => return,
    };
    let growth = series.and_then(|s| {
        let lead = match s.terms.first() {
            Some((c, m)) => (*c, m.degree()?.max(0.0)),
            None => (0.0, 0.0),
        };
        let next = s.terms.get(1).map_or(Some(0.0), |t| t.1.degree())?;
        let rest = s.rest.as_ref().map_or(Some(0.0), Mono::degree)?;
        // Powers of log log t are less than the margin.
        Some((lead, low.max(next).max(rest + LOG_DEGREE * 1e-2)))
    });
    *slot = Some(match growth {
        None => Growth::Unknown,
        Some((lead, low)) if place == Place::Up => Growth::Known { minus, plus: lead, low },
        Some((lead, low)) => Growth::Known { minus: lead, plus, low },
    });
}

/// Series of the chosen pieces.
fn piece_series(form: &Form, chosen: &[usize], vars: &[Option<Series>]) -> Vec<(usize, Option<Series>)> {
    let nodes: Vec<NodeId> =
        chosen.iter().filter_map(|i| if let Kind::Node(id) = form.pieces[*i].kind { Some(id) } else { None }).collect();
    let mut found = if nodes.is_empty() { vec![] } else { expand(&form.graph, &nodes, vars) }.into_iter();
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

impl Family {
    /// Whether the integral of exp(eta . T + b) over the support exists, `eta` of length k. The first call analyses the
    /// family; later ones are fast. Closed forms are not asked.
    ///
    /// # Example
    /// ```
    /// use nnef::{domain::Support, expr::Op, family::{Existence, Family}};
    /// let quartic = Family::trace("quartic", Support::real(1).unwrap(), |x| {
    ///     let x = x.index(0)?;
    ///     let x2 = x.binary(Op::Mul, &x)?;
    ///     Ok(vec![("x".into(), x), ("x4".into(), x2.binary(Op::Mul, &x2)?)])
    /// }, None).unwrap();
    /// assert_eq!(quartic.existence(&[3.0, -1e-300]), Existence::Proper);
    /// assert!(matches!(quartic.existence(&[3.0, 0.0]), Existence::Improper { .. }));
    /// ```
    pub fn existence(&self, eta: &[f64]) -> Existence {
        if eta.len() != self.dim() || eta.iter().any(|e| !e.is_finite()) {
            return Existence::unproven("eta is not a finite vector of the length of T");
        }
        self.tails.get_or_init(|| Tails::of(self)).existence(eta)
    }
}
