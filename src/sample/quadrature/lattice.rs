//! The combinations of the nodes of several axes, tile by tile: points of a tile lie close to each other, so that whole tiles
//! are negligible where the density is.

use super::rule::Line;
use super::table::Points;

/// Points that come in tiles.
pub(super) enum Tiles<'a> {
    /// All combinations of nodes.
    Lattice(Lattice),
    /// Points in the order in which they are.
    Points(&'a Points),
}

impl Tiles<'_> {
    /// Number of tiles.
    pub(super) fn count(&self) -> usize {
        match self {
            Tiles::Lattice(lattice) => lattice.tiles(),
            Tiles::Points(points) => points.log_weights.len().div_ceil(TILE),
        }
    }
    /// Write the coordinates, `[d][TILE]`, and log weights of tile `number` from place `at` on.
    pub(super) fn write(&self, number: usize, at: usize, x: &mut [Vec<f64>], log_weights: &mut [f64]) {
        match self {
            Tiles::Lattice(lattice) => lattice.write(number, at, x, log_weights),
            Tiles::Points(points) => {
                let last = points.log_weights.len() - 1;
                for m in 0..TILE {
                    let from = number * TILE + m;
                    log_weights[at + m] = points.log_weights.get(from).copied().unwrap_or(f64::NEG_INFINITY);
                    x.iter_mut().zip(&points.x).for_each(|(x, all)| x[at + m] = all[from.min(last)]);
                }
            }
        }
    }
}

/// Points of a tile.
pub(super) const TILE: usize = 64;

/// Nodes of one, two or three axes, and how they are cut into tiles.
pub(super) struct Lattice {
    axes: Vec<Axis>,
    /// Nodes of a tile along each axis.
    side: usize,
}

/// Nodes of an axis with their log weights, up to a whole number of tiles; what was added has no weight.
struct Axis {
    x: Vec<f64>,
    log_weights: Vec<f64>,
}

/// Nodes of a tile along each of `d` axes; whole numbers of them waste nothing.
pub(super) fn side(d: usize) -> usize {
    match d {
        1 => TILE,
        2 => 8,
        _ => 4,
    }
}

impl Lattice {
    /// Of at most three lines.
    pub(super) fn new<'a>(lines: impl ExactSizeIterator<Item = &'a Line>) -> Lattice {
        let side = side(lines.len());
        let padded = |line: &Line| {
            let (mut x, mut log_weights) = (line.x.clone(), line.log_weights.clone());
            let n = x.len().next_multiple_of(side);
            x.resize(n, line.x[line.x.len() - 1]);
            log_weights.resize(n, f64::NEG_INFINITY);
            Axis { x, log_weights }
        };
        Lattice { axes: lines.map(padded).collect(), side }
    }
    fn tiles(&self) -> usize {
        self.axes.iter().map(|a| a.x.len() / self.side).product()
    }
    fn write(&self, number: usize, at: usize, x: &mut [Vec<f64>], log_weights: &mut [f64]) {
        let (mut rest, mut stride) = (number, 1);
        log_weights[at..at + TILE].fill(0.0);
        for (axis, x) in self.axes.iter().zip(x).rev() {
            let tiles = axis.x.len() / self.side;
            let first = rest % tiles * self.side;
            rest /= tiles;
            for (m, (x, w)) in x[at..at + TILE].iter_mut().zip(&mut log_weights[at..at + TILE]).enumerate() {
                let node = first + m / stride % self.side;
                *x = axis.x[node];
                *w += axis.log_weights[node];
            }
            stride *= self.side;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::window::Chart;
    use super::*;

    /// Every combination comes once, with its weight; what fills up the tiles has none.
    #[test]
    fn tiles_hold_every_combination_once() {
        for counts in [vec![70], vec![9, 13], vec![5, 8, 3]] {
            let line = |n: usize| Line::new((0..n).map(|i| i as f64).collect(), &vec![1.0 / n as f64; n], Chart::Identity);
            let lines: Vec<Line> = counts.iter().map(|n| line(*n)).collect();
            let lattice = Lattice::new(lines.iter());
            let (mut x, mut w) = (vec![vec![0.0; TILE]; counts.len()], vec![0.0; TILE]);
            let (mut seen, mut total) = (std::collections::HashSet::new(), 0.0);
            for tile in 0..lattice.tiles() {
                lattice.write(tile, 0, &mut x, &mut w);
                for m in (0..TILE).filter(|m| w[*m] > f64::NEG_INFINITY) {
                    assert!(seen.insert(x.iter().map(|x| x[m] as usize).collect::<Vec<_>>()));
                    total += w[m].exp();
                }
            }
            assert_eq!(seen.len(), counts.iter().product::<usize>());
            assert!((total - 1.0).abs() < 1e-12, "{total}");
        }
    }
}
