//! One level of refinement of a grid: the nodes of all axes, the tables of the cliques on them, and what they say of an eta.

use super::forest::{Forest, Sums};
use super::lattice::{Lattice, Tiles};
use super::row::{LEAST_SPREAD, Row};
use super::rule::{Line, tensor};
use super::table::{Points, Sweep, Table, Work};
use crate::family::{Clique, Component};
use std::cell::{Cell, OnceCell};

/// A level of refinement: the tables of the cliques, and how many nodes each axis has where it has its own.
pub(super) struct Level<'a> {
    pub(super) component: &'a Component,
    /// The nodes of each axis, where they are combined in all ways over one clique.
    pub(super) lines: Vec<Line>,
    /// The points of each clique, and their tables, once they are needed.
    pub(super) points: OnceCell<Vec<Points>>,
    pub(super) tables: OnceCell<Vec<Table>>,
    pub(super) counts: Vec<usize>,
    pub(super) forest: Option<Forest<'a>>,
    /// How far out the nearest point lies at which a statistic is not a number, of those seen.
    pub(super) undefined: Cell<f64>,
    /// The work that it took to lay out its lines one by one.
    pub(super) work: u64,
    /// Whether curved surfaces at which something jumps cut three coordinates: where they close, lines may miss the last of what is
    /// inside, at all levels alike.
    pub(super) tips: bool,
}

/// Points from which on a table is read once for all rows.
const LARGE: usize = 4096;

/// What the means at one eta leave for its covariance.
pub(super) struct Fresh {
    pub(super) work: Work,
    pub(super) sums: Option<Sums>,
}

/// Part of the greatest probability of a slab of cells below which a cell says nothing of it.
const IMPROBABLE: f64 = 1e-6;

impl<'a> Level<'a> {
    pub(super) fn new(component: &'a Component, lines: Vec<Line>, counts: Vec<usize>) -> Level<'a> {
        let (points, tables, undefined) = (OnceCell::new(), OnceCell::new(), Cell::new(f64::INFINITY));
        Level { component, lines, points, tables, counts, forest: None, undefined, work: 0, tips: false }
    }
    /// Number of points of the first clique.
    pub(super) fn size(&self) -> usize {
        if self.lines.is_empty() { self.points()[0].log_weights.len() } else { self.counts.iter().product() }
    }
    pub(super) fn points(&self) -> &[Points] {
        self.points.get_or_init(|| self.component.cliques.iter().map(|c| tensor(c, &self.lines)).collect())
    }
    pub(super) fn tables(&self) -> &[Table] {
        self.tables.get_or_init(|| {
            let tables: Vec<Table> = self.component.cliques.iter().zip(self.points()).map(|(c, p)| Table::new(c, p)).collect();
            tables.iter().for_each(|t| self.undefined.set(self.undefined.get().min(t.undefined)));
            tables
        })
    }
    /// The log-normaliser and the means; what the covariance needs is left in `fresh`.
    pub(super) fn mean(&self, eta: &[f64], fresh: &mut Fresh) -> Row {
        let (log_normalizer, mu) = match &self.forest {
            Some(forest) => {
                let sums = forest.moments(self.tables(), eta);
                let found = (sums.log_normalizer, sums.mu.clone());
                fresh.sums = Some(sums);
                found
            }
            None => self.tables()[0].mean(eta, &mut fresh.work),
        };
        self.row(log_normalizer, mu)
    }
    /// Rows of eta over one large table, all at once, with covariances where these are likely to be needed; nothing where the
    /// table is small, or a coarser level gave no start.
    pub(super) fn sweep(
        &self,
        pending: &[usize],
        etas: &[Vec<f64>],
        before: &[Option<Row>],
        number: u32,
        covariance: bool,
    ) -> Vec<(Row, Option<Vec<f64>>)> {
        if number == 0 || self.forest.is_some() || self.size() < LARGE {
            return vec![];
        }
        let start = |i: &usize| {
            let row = before[*i].as_ref().filter(|r| r.log_normalizer.is_finite() && r.mu.iter().all(|m| m.is_finite()))?;
            Some(Sweep::new(&etas[*i], row.log_normalizer, &row.mu, covariance, self.size()))
        };
        let Some(mut sums) = pending.iter().map(start).collect::<Option<Vec<Sweep>>>() else { return vec![] };
        let clique = &self.component.cliques[0];
        let source = match self.lines[..] {
            [] => Tiles::Points(&self.points()[0]),
            _ => Tiles::Lattice(Lattice::new(clique.coordinates.iter().map(|c| &self.lines[*c]))),
        };
        let undefined = Table::stream(clique, &source, &mut sums);
        self.undefined.set(self.undefined.get().min(undefined));
        let found: Vec<_> = sums.iter().map(|s| (s.moments(), s.spread())).collect();
        // A start that was far off overflows.
        if found.iter().any(|((a, mu, _), _)| !a.is_finite() || mu.iter().any(|m| !m.is_finite())) {
            return vec![];
        }
        found.into_iter().map(|((a, mu, cov), spread)| (Row { spread, ..self.row(a, mu) }, cov)).collect()
    }
    /// A row with a log-normaliser and means.
    pub(super) fn row(&self, log_normalizer: f64, mu: Vec<f64>) -> Row {
        // Far out infinity less infinity is no wonder; nearer it is a statistic without a value.
        let undefined = self.undefined.get() < 1e30;
        let k = mu.len();
        Row {
            mu,
            cov: vec![],
            log_normalizer,
            error: vec![f64::INFINITY; k],
            log_error: f64::INFINITY,
            worst: f64::INFINITY,
            undefined,
            tail: vec![0.0; k],
            beyond: 0.0,
            spread: f64::INFINITY,
            changed: [None, None],
        }
    }
    /// The covariance of the row whose means were computed last.
    pub(super) fn covariance(&self, row: &mut Row, fresh: &Fresh) {
        row.cov = match (&self.forest, &fresh.sums) {
            (Some(forest), Some(sums)) => forest.covariance(self.tables(), sums),
            _ => self.tables()[0].covariance(&fresh.work, &row.mu),
        };
    }
    /// Whether the variance of a statistic comes from too few points of a table; `looked` says whether that was counted with its sums.
    pub(super) fn is_thin(&self, row: &mut Row, looked: bool, fresh: &Fresh) -> bool {
        let least = LEAST_SPREAD[self.component.axes.len().min(3) - 1];
        if self.forest.is_some() || least == 0.0 {
            return false;
        }
        if !looked {
            row.spread = self.tables()[0].spread(&fresh.work, &row.mu, &row.cov);
        }
        row.spread < least
    }
    /// Only its diagonal, where that is cheaper: the unit of errors.
    pub(super) fn variances(&self, row: &mut Row, fresh: &Fresh) {
        if self.forest.is_some() {
            return self.covariance(row, fresh);
        }
        row.cov = self.tables()[0].variances(&fresh.work, &row.mu);
    }
    /// The probability of node `at` of an axis, and how far each statistic gets there from its mean, in one clique where that
    /// is not improbable by itself.
    pub(super) fn slab(&self, component: &Component, axis: usize, at: usize, eta: &[f64], row: &Row) -> (f64, Vec<f64>) {
        let mut far = vec![0.0f64; eta.len()];
        if let Some(forest) = &self.forest {
            let sums = forest.moments(self.tables(), eta);
            let owner = component.cliques.iter().position(|c| c.owned().any(|place| c.coordinates[place] == axis)).unwrap_or(0);
            let place = component.cliques[owner].coordinates.iter().position(|c| *c == axis).unwrap_or(0);
            let mass = self.cells(&component.cliques[owner], place, at).map(|m| sums.joint[owner][m]).sum();
            for (clique, table) in component.cliques.iter().zip(self.tables()) {
                let Some(place) = clique.coordinates.iter().position(|c| *c == axis) else { continue };
                for (local, s) in clique.statistics.iter().enumerate() {
                    let values = table.share(local);
                    let mean = values.iter().sum::<f64>() / values.len() as f64;
                    for m in self.cells(clique, place, at) {
                        far[*s] = far[*s].max((values[m] - mean).abs());
                    }
                }
            }
            return (mass, far);
        }
        let (clique, table) = (&component.cliques[0], &self.tables()[0]);
        let density = |m: usize| (m, (table.at(m, eta) - row.log_normalizer).exp());
        let cells: Vec<(usize, f64)> = self.cells(clique, axis, at).map(density).collect();
        let most = cells.iter().map(|(_, p)| *p).fold(0.0, f64::max);
        for (m, _) in cells.iter().filter(|(_, p)| *p > IMPROBABLE * most) {
            far.iter_mut().enumerate().for_each(|(s, f)| *f = f.max((table.share(s)[*m] - row.mu[s]).abs()));
        }
        (cells.iter().map(|(_, p)| p).sum(), far)
    }
    /// The cells of a clique at node `at` of its coordinate `place`.
    pub(super) fn cells(&self, clique: &Clique, place: usize, at: usize) -> impl Iterator<Item = usize> {
        let sizes: Vec<usize> = clique.coordinates.iter().map(|c| self.counts[*c]).collect();
        let stride: usize = sizes[place + 1..].iter().product();
        let (n, outer): (usize, usize) = (sizes[place], sizes[..place].iter().product());
        (0..outer).flat_map(move |o| (0..stride).map(move |i| (o * n + at) * stride + i))
    }
}
