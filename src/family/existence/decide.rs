//! The verdict for one eta: each set of coordinates that share active pieces by itself.
//!
//! The density is the product of those of the sets, and a product of integrals of positive functions exists exactly where
//! all factors do. One coordinate alone is decided by its ends and poles.

use super::fuel::Fuel;
use super::place::Place;
use super::series::Mono;
use super::table::{Outcome, Table};
use super::{Existence, Tails};

/// Most coordinates under a condition whose cones are asked before all else.
const FEW: usize = 3;

impl Tails {
    /// The verdict for one eta.
    pub(super) fn existence(&self, eta: &[f64], fuel: &Fuel) -> Existence {
        if self.form.too_large {
            return Existence::unproven("the family is too large for the analysis of its tails");
        }
        let coefficients = self.form.coefficients(eta);
        let d = self.form.axes.len();
        let cones = || self.all_cones(&coefficients, fuel);
        if self.restricted
            && (2..=FEW).contains(&d)
            && let Some(found) = cones()
        {
            return found;
        }
        let found = self.decide(Some(eta), &coefficients, fuel);
        if !matches!(found, Existence::Unproven { .. }) {
            return found;
        }
        let late = if self.restricted && d > FEW { cones() } else { None };
        let told = |tails: &Tails| Some(tails.existence(eta, fuel)).filter(|e| !matches!(e, Existence::Unproven { .. }));
        late.or_else(|| if self.restricted { self.under_condition(eta, fuel) } else { None })
            .or_else(|| self.powered().iter().find_map(told))
            .unwrap_or(found)
    }

    fn all_cones(&self, coefficients: &[(f64, f64)], fuel: &Fuel) -> Option<Existence> {
        let all: Vec<usize> = (0..self.form.axes.len()).collect();
        let active: Vec<usize> = (0..coefficients.len()).filter(|i| coefficients[*i].0 != 0.0).collect();
        self.by_cones(&all, &active, coefficients, fuel)
    }

    /// The verdict for coefficients of the pieces that no eta need give.
    pub(super) fn without_substitutions(&self, coefficients: &[(f64, f64)]) -> Existence {
        let fuel = &Fuel::new();
        let cones = if self.restricted && self.form.axes.len() > 1 { self.all_cones(coefficients, fuel) } else { None };
        cones.unwrap_or_else(|| self.decide(None, coefficients, fuel))
    }

    pub(super) fn decide(&self, eta: Option<&[f64]>, coefficients: &[(f64, f64)], fuel: &Fuel) -> Existence {
        let all: Vec<usize> = (0..self.form.axes.len()).collect();
        self.decide_members(&all, eta, coefficients, fuel)
    }

    /// Of the integral over the coordinates `among`, which no active piece ties to others.
    pub(super) fn decide_members(
        &self,
        among: &[usize],
        eta: Option<&[f64]>,
        coefficients: &[(f64, f64)],
        fuel: &Fuel,
    ) -> Existence {
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
                _ => self.coupled(&members, eta, coefficients, fuel),
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

    /// One coordinate that no active piece ties to others.
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

    /// It does not decay at this place of coordinate `j`: in words.
    pub(super) fn improper(&self, j: usize, place: Place, table: &Table, lead: Option<(f64, usize)>) -> Existence {
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
}
