//! The gate of draws from a density with poles inside the support, which draws do not see.

use crate::family::Family;

/// Its name.
pub(super) const POLES: &str = "poles";

/// `gate`, or that of poles where no other failed.
pub(super) fn gate(gate: &'static str, family: &Family, eta: &[f64]) -> &'static str {
    if gate.is_empty() && family.has_sharp_poles(eta) { POLES } else { gate }
}
