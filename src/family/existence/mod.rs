//! Whether a density exists: the integral of exp(eta . T + b) over the support.
//!
//! Symbolic asymptotics. T and b are sums of pieces, monomials and other nodes. In one coordinate each piece is a series at
//! each end of the axis and at each pole inside, and the leading term of their combination decides. All of that is found
//! once per family; an eta is then a matter of sums. Coordinates that share no piece are separate. Whatever cannot be decided
//! is [`Existence::Unproven`].
//!
//! Once per family:
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`build`] | makes [`Tails`] of a family: calls all others of this table |
//! | [`form`] | T and b as combinations of pieces |
//! | [`range`] | intervals of the values of nodes, and where there is no pole |
//! | [`place`] | ends of axes and sides of poles |
//! | [`poles`] | finds the poles inside the support |
//! | [`roots`] | roots of polynomials and their multiplicity |
//! | [`expand`], [`series`] | nodes as series at a place, and the arithmetic of series |
//! | [`growth`] | the growth of a piece of one coordinate at both ends, as powers |
//! | [`lead`] | leading homogeneous parts of nodes of several coordinates |
//! | [`table`] | the series at one place side by side: for coefficients, whether the integral up to there exists |
//! | [`powers`] | the family after substitutions x_j = w^p |
//! | [`rational`] | circles and spheres in coordinates of which points are quotients of polynomials |
//! | [`copy`] | copies of a graph in which nodes are replaced, for substitutions |
//!
//! For each eta:
//!
//! | file | which argument |
//! | --- | --- |
//! | [`decide`] | starts here: splits the coordinates into sets that share pieces; one alone by its [`table`]s, the rest by: |
//! | [`coupled`] | leading parts over directions, lines, comparison, shears; asks the cones in between |
//! | [`cones`] | powers, logarithms and absolute values, exactly |
//! | [`fuel`] | how much work a verdict may take |
//! | [`sharp`] | whether poles inside the support are too sharp for sampling |
//! | [`moments`] | whether the means and variances of T exist, by the same family with one more statistic |
//! | [`envelope`] | under a condition `where:` that the cones leave open, larger densities without it |

mod build;
mod cones;
pub(super) mod copy;
mod coupled;
mod decide;
mod envelope;
mod expand;
mod form;
mod fuel;
mod growth;
mod lead;
mod moments;
mod place;
mod poles;
mod powers;
mod range;
mod rational;
mod roots;
mod series;
mod sharp;
mod table;

use super::Family;
use crate::expr::NodeId;
use build::piece_series;
use cones::{Cones, Cut};
use coupled::{Direction, Lines};
use envelope::Envelope;
use form::Form;
use fuel::Fuel;
use growth::Sides;
use lead::Leads;
use place::Place;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use table::Table;

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

/// One place of one coordinate with the pieces of that coordinate alone.
struct End {
    place: Place,
    table: Table,
    /// Whether the condition `where:` holds there; `None` where that is not known.
    inside: Option<bool>,
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
    /// The condition `where:`.
    inside: Option<NodeId>,
    depth: usize,
    lines: OnceLock<Vec<Lines>>,
    shears: OnceLock<Vec<Tails>>,
    powers: OnceLock<Vec<Tails>>,
    /// Larger densities where the condition is not asked.
    envelope: OnceLock<Option<Box<Envelope>>>,
    leads: Mutex<HashMap<Vec<u64>, Arc<Leads>>>,
    /// Lines in directions that were asked for.
    directions: Mutex<HashMap<Direction, Arc<Table>>>,
    /// Cones of members that were asked for.
    cones: Mutex<HashMap<Cut, (Cones, u64)>>,
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
        self.existence_and_work(eta).0
    }
    /// The same with the work that it took, in units of a few nanoseconds: what is remembered of other eta counts in full.
    pub(crate) fn existence_and_work(&self, eta: &[f64]) -> (Existence, u64) {
        if eta.len() != self.dim() || eta.iter().any(|e| !e.is_finite()) {
            return (Existence::unproven("eta is not a finite vector of the length of T"), 0);
        }
        let fuel = Fuel::new();
        let found = self.tails.get_or_init(|| Tails::of(self)).existence(eta, &fuel);
        if !matches!(found, Existence::Unproven { .. }) {
            return (found, fuel.taken());
        }
        let again = Fuel::new();
        let other = self.rational.get_or_init(|| Tails::rational(self)).as_ref().map(|tails| tails.existence(eta, &again));
        let told = other.filter(|e| !matches!(e, Existence::Unproven { .. })).unwrap_or(found);
        (told, fuel.taken() + again.taken())
    }
}
