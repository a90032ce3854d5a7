//! How a piece of one coordinate grows at both ends of it, in powers.

use super::place::Place;
use super::series::{LOG_DEGREE, Mono, Series};

/// Growth of a piece of one coordinate: plus |x|^p to the right, minus |x|^p to the left, and O(|x|^low).
#[derive(Debug, Clone, Copy)]
pub(super) struct Sides {
    pub p: f64,
    pub plus: f64,
    pub minus: f64,
    pub low: f64,
}

/// What is known about the growth of a piece so far.
#[derive(Debug, Clone, Copy)]
pub(super) enum Growth {
    /// Coefficient and degree to the left and right, and a bound on the rest.
    Known {
        minus: (f64, f64),
        plus: (f64, f64),
        low: f64,
    },
    Unknown,
}

impl Growth {
    /// Nothing where it grows faster than powers, or is not known.
    pub fn sides(self) -> Option<Sides> {
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

/// Takes in the series at one place.
pub(super) fn note_side(slot: &mut Option<Growth>, place: Place, series: Option<&Series>) {
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
