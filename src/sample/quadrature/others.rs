//! Modes that no node shows: where the density falls much less than the shapes of the modes at hand say.
//!
//! The nodes over whole axes are so far apart that a mode may have none that is higher than those beside it, hidden on the
//! flank of another. But the flank of a mode falls as fast as its top bends; a node that is far higher than that lies on the
//! flank of something else, and a climb from there tells of what. Long tails are far higher, too: a few climbs that lead back end
//! the search.

use super::basins::Hill;
use super::flood::{Basin, D};
use super::window::Chart;
use crate::family::Clique;

/// Part of the fall that the known modes foretell, below which a node is theirs.
const PART: f64 = 0.5;
/// What a node is higher than foretold, in nats, at least.
const HIGHER: f64 = 12.0;
/// Climbs that lead back to known modes, after which the search ends.
const VAIN: usize = 4;
/// Most modes.
const MODES: usize = 16;

/// The log density at places t[0], t[1] and each of `along` by the shape of the modes, to `out`.
fn foretold(modes: &[Basin], t: [f64; 2], along: &[f64], out: &mut [f64]) {
    out.fill(f64::NEG_INFINITY);
    for mode in modes {
        // The last of its coordinates is the only one that changes, and linear.
        let u = mode.own(&[t[0], t[1], 0.0]);
        let (top, slope) = (mode.top - 0.5 * (u[0] * u[0] + u[1] * u[1]), mode.frame[D * D - 1].recip());
        for (out, t) in out.iter_mut().zip(along) {
            let last = u[2] + slope * t;
            *out = out.max(top - 0.5 * last * last);
        }
    }
}

/// Modes beside those near the highest node and near the `known` places t, with their log densities. `values` are those of all
/// combinations of the nodes of three axes, last fastest, of which the middle ones are looked at. The third has one node at 0 where
/// the clique has two coordinates.
pub(super) fn others(
    clique: &Clique,
    charts: &[Chart],
    nodes: &[Vec<f64>],
    eta: &[f64],
    values: &[f64],
    known: &[[f64; D]],
) -> Vec<([f64; D], f64)> {
    let sizes: [usize; D] = std::array::from_fn(|a| nodes[a].len());
    let node = |m: usize| [m / (sizes[1] * sizes[2]), m / sizes[2] % sizes[1], m % sizes[2]];
    let place = |n: [usize; D]| -> [f64; D] { std::array::from_fn(|a| nodes[a][n[a]]) };
    let width = |a: usize, n: usize| match sizes[a] {
        1 => 1.0,
        size => 0.25 * (nodes[a][(n + 1).min(size - 1)] - nodes[a][n.saturating_sub(1)]),
    };
    let widths = |n: [usize; D]| -> [f64; D] { std::array::from_fn(|a| width(a, n[a])) };
    let values = &values[..sizes.iter().product()];
    let most = values.iter().copied().filter(|v| *v < f64::INFINITY).fold(f64::NEG_INFINITY, f64::max);
    let Some(highest) = values.iter().position(|v| *v == most).filter(|_| most.is_finite()) else { return vec![] };
    let mut hill = Hill::new(clique, charts, eta);
    let mut modes: Vec<Basin> = Vec::new();
    let near = widths(node(highest));
    for start in known.iter().copied().chain([place(node(highest))]) {
        modes.extend(hill.climb(start, near).filter(|mode| !modes.iter().any(|m| m.is_at(mode))));
    }
    let best = modes.iter().map(|m| m.top).fold(f64::NEG_INFINITY, f64::max);
    if !best.is_finite() {
        return vec![];
    }
    let strange = |foretold: f64, value: f64| value > foretold + HIGHER && best - value < PART * (best - foretold);
    let mut shape = vec![0.0; sizes[2]];
    let middle = |a: usize| sizes[a] / 4..sizes[a] - sizes[a] / 4;
    let mut open: Vec<([usize; D], f64)> = Vec::new();
    for i in middle(0) {
        for j in middle(1) {
            let line = &values[(i * sizes[1] + j) * sizes[2]..][..sizes[2]];
            foretold(&modes, [nodes[0][i], nodes[1][j]], &nodes[2], &mut shape);
            let here = middle(2).filter(|k| strange(shape[*k], line[*k]) && line[*k].is_finite());
            open.extend(here.map(|k| ([i, j, k], line[k])));
        }
    }
    open.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (mut found, mut vain) = (Vec::new(), 0);
    for (n, value) in open {
        if vain >= VAIN || modes.len() >= MODES {
            break;
        }
        let t = place(n);
        foretold(&modes, [t[0], t[1]], &t[2..], &mut shape[..1]);
        if !strange(shape[0], value) {
            continue;
        }
        match hill.climb(t, widths(n)) {
            Some(mode) if !modes.iter().any(|m| m.is_at(&mode)) => {
                found.push((mode.center, mode.top));
                modes.push(mode);
            }
            _ => vain += 1,
        }
    }
    found
}
