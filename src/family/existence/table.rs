//! The pieces at one end of one line: for a parameter, whether the integral up to that end exists.

use super::series::{Mono, ROUNDING, Series};
use std::cmp::Ordering;

/// Where the decision about a monomial is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Faster than log t: its sign decides.
    Decides,
    /// log t: the integral of t^c exists for c < -1.
    Log,
    /// Between log t and log log t.
    Between,
    LogLog,
    /// Between log log t and a constant.
    Slow,
}

/// What the pieces are at one end, as t -> infinity.
#[derive(Debug)]
pub(super) struct Table {
    monos: Vec<(Mono, Class)>,
    columns: Vec<Column>,
    measure: f64,
}

#[derive(Debug)]
struct Column {
    piece: usize,
    entries: Vec<(usize, f64)>,
    /// First monomial that what was left out reaches.
    limit: usize,
    known: bool,
}

/// Whether the integral exists.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    Converges,
    /// With the leading coefficient and monomial; none for a constant.
    Diverges(Option<(f64, usize)>),
    Unknown(&'static str),
}

impl Table {
    /// `measure` times log t is the log measure.
    pub fn new(series: Vec<(usize, Option<Series>)>, measure: f64) -> Table {
        let one = Mono::one();
        let mut monos = vec![Mono::log(), Mono::loglog()];
        for (_, s) in &series {
            monos.extend(s.iter().flat_map(|s| &s.terms).map(|t| t.1.clone()).filter(|m| m.order(&one) == Ordering::Greater));
        }
        monos.sort_by(|a, b| b.order(a));
        monos.dedup_by(|a, b| a.order(b) == Ordering::Equal);
        let columns = series
            .into_iter()
            .map(|(piece, s)| {
                let Some(s) = s else { return Column { piece, entries: vec![], limit: 0, known: false } };
                let place = |m: &Mono| monos.iter().position(|n| n.order(m) == Ordering::Equal);
                let entries = s.terms.iter().filter_map(|(c, m)| place(m).map(|i| (i, *c))).collect();
                let limit = s.rest.as_ref().map_or(usize::MAX, |r| {
                    let reached = monos.iter().position(|m| m.order(r) != Ordering::Greater);
                    reached.unwrap_or(if r.order(&one) == Ordering::Greater { monos.len() } else { usize::MAX })
                });
                Column { piece, entries, limit, known: true }
            })
            .collect();
        let class = |m: &Mono| match (m.order(&Mono::log()), m.order(&Mono::loglog())) {
            (Ordering::Greater, _) => Class::Decides,
            (Ordering::Equal, _) => Class::Log,
            (_, Ordering::Greater) => Class::Between,
            (_, Ordering::Equal) => Class::LogLog,
            _ => Class::Slow,
        };
        let monos = monos
            .into_iter()
            .map(|m| {
                let c = class(&m);
                (m, c)
            })
            .collect();
        Table { monos, columns, measure }
    }
    pub fn mono(&self, i: usize) -> &Mono {
        &self.monos[i].0
    }
    /// With the coefficients of the pieces and what they are made of.
    pub fn decide(&self, coefficients: &[(f64, f64)]) -> Outcome {
        let mut sums = vec![(0.0_f64, 0.0_f64); self.monos.len()];
        let mut limit = usize::MAX;
        for column in &self.columns {
            let (c, size) = coefficients[column.piece];
            if c == 0.0 {
                continue;
            }
            if !column.known {
                return Outcome::Unknown("a statistic has no known asymptotic form there");
            }
            limit = limit.min(column.limit);
            for (i, k) in &column.entries {
                sums[*i].0 += c * k;
                sums[*i].1 += size * k.abs();
            }
        }
        for (i, ((_, class), (sum, size))) in self.monos.iter().zip(&sums).enumerate() {
            if i >= limit {
                return Outcome::Unknown("the leading terms are not known precisely enough there");
            }
            let need = match class {
                Class::Log => -1.0 - self.measure,
                Class::LogLog => -1.0,
                _ => 0.0,
            };
            if *sum == need {
                continue;
            }
            if need == 0.0 && sum.abs() <= ROUNDING * size && sum.abs() < *size {
                return Outcome::Unknown("the leading terms cancel to rounding there");
            }
            return if *sum < need { Outcome::Converges } else { Outcome::Diverges((*sum != 0.0).then_some((*sum, i))) };
        }
        if limit == self.monos.len() {
            return Outcome::Unknown("the leading terms are not known precisely enough there");
        }
        Outcome::Diverges(None)
    }
}
