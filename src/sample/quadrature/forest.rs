//! Sum-product and max-product on the cliques of a component.
//!
//! Tables have the last coordinate of their clique fastest. Messages go from the leaves to the root, marginals back. The
//! covariance of two statistics is the sum over pairs of shares; shares in different cliques meet in the first clique that is
//! above both, where each is known through its conditional expectation given what the clique sees of it.
//!
//! # Source
//! Kschischang, Frey and Loeliger, "Factor graphs and the sum-product algorithm", IEEE Trans. Inf. Theory 47 (2001).

use super::kernels::exponentials;
use super::scan::advance;
use super::table::Table;
use super::view::View;
use crate::expr::lanes::Aligned;
use crate::family::Component;

/// How the tables of the cliques hang together, for given numbers of nodes.
pub(super) struct Forest<'a> {
    component: &'a Component,
    /// For each clique, how its cells see those of its separator.
    to_separator: Vec<View>,
    /// Number of cells of each separator.
    separators: Vec<usize>,
    /// For each clique its children, each with how the cells of the clique see those of the child's separator.
    children: Vec<Vec<(usize, View)>>,
}

/// Where the cells of a clique lie.
pub(super) enum Cells {
    /// All combinations of the nodes, last coordinate fastest.
    Tensor,
    /// On lines of two coordinates: at a node of the coordinate in place `outer`, and between the nodes of the other one.
    Lines {
        /// Place of the coordinate.
        outer: usize,
        /// Its node, for each cell.
        node: Vec<u32>,
        /// The nodes of the other coordinate around each cell.
        between: View,
    },
}

/// Moments of a component under one eta.
pub(super) struct Sums {
    pub log_normalizer: f64,
    pub mu: Vec<f64>,
    /// Mean of each share of each clique.
    means: Vec<Vec<f64>>,
    /// Probabilities of the cells of each clique, given those of its separator.
    conditional: Vec<Vec<f64>>,
    /// Joint probabilities of the cells of each clique.
    pub joint: Vec<Vec<f64>>,
}

impl<'a> Forest<'a> {
    /// For `counts[c]` nodes of coordinate `c` of the component, and `places[i]` of the cells of clique i.
    pub(super) fn new(component: &'a Component, counts: &[usize], places: Vec<Cells>) -> Forest<'a> {
        let cliques = &component.cliques;
        let shared = |i: usize| cliques[i].separator.iter().map(|s| cliques[i].coordinates[*s]).collect::<Vec<usize>>();
        let separators = (0..cliques.len()).map(|i| shared(i).iter().map(|c| counts[*c]).product()).collect();
        let (mut to_separator, mut children) = (Vec::new(), Vec::new());
        for (i, mut place) in places.into_iter().enumerate() {
            let cells = |place: &Cells, chosen: &[usize]| match place {
                Cells::Tensor => view_of_tensor(component, i, counts, chosen),
                Cells::Lines { .. } if chosen.is_empty() => View::One,
                Cells::Lines { node, .. } => View::Entries(node.clone()),
            };
            to_separator.push(cells(&place, &cliques[i].separator));
            let below: Vec<usize> = (0..i).filter(|c| cliques[*c].parent == Some(i)).collect();
            let mut seen = |child: usize| {
                let find = |c: &usize| cliques[i].coordinates.iter().position(|p| p == c).unwrap_or(0);
                let chosen: Vec<usize> = shared(child).iter().map(find).collect();
                match &mut place {
                    Cells::Lines { outer, between, .. } if chosen != [*outer] => between.clone(),
                    place => cells(place, &chosen),
                }
            };
            children.push(below.into_iter().map(|child| (child, seen(child))).collect());
        }
        Forest { component, to_separator, separators, children }
    }
    /// For each coordinate, the maximum over all others of the log of the weighted density at each of its nodes; and for each
    /// clique the same at each of its cells. Tensors only.
    pub(super) fn profiles(
        &self,
        shares: &[Table],
        eta: &[f64],
        counts: &[usize],
        buffer: &mut Aligned,
    ) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
        let (mut up, mut tables): (Vec<Vec<f64>>, Vec<Vec<f64>>) = Default::default();
        for (i, share) in shares.iter().enumerate() {
            let mut table = self.exponent(i, share, eta, buffer);
            self.add_messages(i, &up, &mut table);
            if self.component.cliques[i].parent.is_some() {
                up.push(self.to_separator[i].greatest(&mut table, self.separators[i]));
            }
            tables.push(table);
        }
        for i in (0..tables.len()).rev() {
            for (child, view) in &self.children[i] {
                let mut down = view.greatest(&mut tables[i], self.separators[*child]);
                for (d, u) in down.iter_mut().zip(&up[*child]) {
                    *d = if *u == f64::NEG_INFINITY { f64::NEG_INFINITY } else { *d - u };
                }
                self.to_separator[*child].add_logs(&down, &mut tables[*child]);
            }
        }
        (self.by_coordinate(&tables, counts), tables)
    }
    /// The nodes of all coordinates at which the density is greatest where coordinate `axis` is at its node `at`; `tables` are
    /// the greatest values at the cells of [`Forest::profiles`].
    pub(super) fn place(&self, tables: &[Vec<f64>], counts: &[usize], axis: usize, at: usize) -> Vec<usize> {
        let cliques = &self.component.cliques;
        let mut found: Vec<Option<usize>> = vec![None; counts.len()];
        found[axis] = Some(at);
        let mut open: Vec<usize> = (0..cliques.len()).collect();
        // Always a clique of which something is known, so that what follows agrees with it.
        while let Some(next) = open.iter().position(|i| cliques[*i].coordinates.iter().any(|c| found[*c].is_some())) {
            let i = open.swap_remove(next);
            let sizes: Vec<usize> = cliques[i].coordinates.iter().map(|c| counts[*c]).collect();
            let known: Vec<Option<usize>> = cliques[i].coordinates.iter().map(|c| found[*c]).collect();
            // All cells that agree with what is known.
            let mut index: Vec<usize> = known.iter().map(|k| k.unwrap_or(0)).collect();
            let agreeing: usize = sizes.iter().zip(&known).filter(|(_, k)| k.is_none()).map(|(n, _)| n).product();
            let mut best = (f64::NEG_INFINITY, index.clone());
            for _ in 0..agreeing {
                let v = tables[i][index.iter().zip(&sizes).fold(0, |at, (n, size)| at * size + n)];
                if v > best.0 {
                    best = (v, index.clone());
                }
                for a in (0..sizes.len()).rev().filter(|a| known[*a].is_none()) {
                    index[a] += 1;
                    if index[a] < sizes[a] {
                        break;
                    }
                    index[a] = 0;
                }
            }
            for (c, n) in cliques[i].coordinates.iter().zip(best.1) {
                found[*c] = Some(n);
            }
        }
        found.into_iter().map(|n| n.unwrap_or(0)).collect()
    }
    /// Moments at one eta of the component's statistics, but for the covariance.
    pub(super) fn moments(&self, tables: &[Table], eta: &[f64]) -> Sums {
        let cliques = &self.component.cliques;
        let (mut up, mut conditional): (Vec<Vec<f64>>, Vec<Vec<f64>>) = Default::default();
        let mut buffer = Aligned::filled(0, 0.0);
        for (i, table) in tables.iter().enumerate() {
            let mut log_p = self.exponent(i, table, eta, &mut buffer);
            self.add_messages(i, &up, &mut log_p);
            let (message, p) = self.normalize(i, log_p);
            up.push(message);
            conditional.push(p);
        }
        let log_normalizer: f64 = (0..cliques.len()).filter(|i| cliques[*i].parent.is_none()).map(|i| up[i][0]).sum();
        let joint = self.joints(conditional.clone());
        let mean = |i: usize, local: usize| View::One.collect(&joint[i], Some(tables[i].share(local)), 1)[0];
        let means: Vec<Vec<f64>> =
            (0..cliques.len()).map(|i| (0..cliques[i].statistics.len()).map(|local| mean(i, local)).collect()).collect();
        let mut mu = vec![0.0; eta.len()];
        for (clique, means) in cliques.iter().zip(&means) {
            clique.statistics.iter().zip(means).for_each(|(s, m)| mu[*s] += m);
        }
        Sums { log_normalizer, mu, means, conditional, joint }
    }
    fn exponent(&self, i: usize, table: &Table, eta: &[f64], buffer: &mut Aligned) -> Vec<f64> {
        let local: Vec<f64> = self.component.cliques[i].statistics.iter().map(|s| eta[*s]).collect();
        table.exponent(&local, buffer);
        buffer[..table.n].to_vec()
    }
    fn add_messages(&self, i: usize, up: &[Vec<f64>], table: &mut [f64]) {
        self.children[i].iter().for_each(|(child, view)| view.add_logs(&up[*child], table));
    }
    /// Logs of the sums for each cell of the separator, and the conditional probabilities given it.
    fn normalize(&self, i: usize, mut p: Vec<f64>) -> (Vec<f64>, Vec<f64>) {
        let (view, n, cells) = (&self.to_separator[i], self.separators[i], p.len());
        let top = view.greatest(&mut p, n);
        view.lower(&top, &mut p);
        p.resize(cells.next_multiple_of(8), f64::NEG_INFINITY);
        let padded = p.len();
        // The length is a multiple of eight.
        unsafe { exponentials(p.as_mut_ptr(), padded) };
        p.truncate(cells);
        let sums = view.collect(&p, None, n);
        let inverse: Vec<f64> = sums.iter().map(|s| if *s > 0.0 { s.recip() } else { 0.0 }).collect();
        view.scale(&inverse, &mut p);
        (top.iter().zip(&sums).map(|(t, s)| t + s.ln()).collect(), p)
    }
    /// Joint probabilities of each clique from its conditional ones.
    fn joints(&self, mut tables: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
        for i in (0..tables.len()).rev() {
            for (child, view) in &self.children[i] {
                let marginal = view.collect(&tables[i], None, self.separators[*child]);
                self.to_separator[*child].scale(&marginal, &mut tables[*child]);
            }
        }
        tables
    }
    /// The covariance, [k, k], at the eta of `sums`.
    pub(super) fn covariance(&self, tables: &[Table], sums: &Sums) -> Vec<f64> {
        let (cliques, k) = (&self.component.cliques, sums.mu.len());
        let mut cov = vec![0.0; k * k];
        // Conditional expectations, given its separator, of what is in or below a clique; nothing for other statistics.
        let mut below: Vec<Vec<Option<Vec<f64>>>> = Vec::new();
        for i in 0..cliques.len() {
            let joint = &sums.joint[i];
            let mut add = |a: usize, b: usize, value: f64| {
                cov[a * k + b] += value;
                if a != b {
                    cov[b * k + a] += value;
                }
            };
            let centered = |local: usize| tables[i].share(local).iter().map(|t| t - sums.means[i][local]).collect();
            let mine: Vec<(usize, Vec<f64>)> =
                cliques[i].statistics.iter().enumerate().map(|(l, s)| (*s, centered(l))).collect();
            let own = tables[i].products(joint, &sums.means[i]);
            for (at, (a, ..)) in mine.iter().enumerate() {
                for (with, (b, ..)) in mine[..=at].iter().enumerate() {
                    add(*a, *b, own[at * mine.len() + with]);
                }
            }
            for (order, (child, view)) in self.children[i].iter().enumerate() {
                let cells = self.separators[*child];
                let mut others: Vec<(usize, Vec<f64>)> =
                    mine.iter().map(|(a, t)| (*a, view.collect(joint, Some(t), cells))).collect();
                for (sibling, theirs) in &self.children[i][..order] {
                    for (a, u) in below[*sibling].iter().enumerate() {
                        if let Some(u) = u {
                            others.push((a, view.collect(joint, Some(&theirs.spread(u, joint.len())), cells)));
                        }
                    }
                }
                for (a, left) in &others {
                    for (b, right) in below[*child].iter().enumerate() {
                        if let Some(right) = right {
                            let value: f64 = left.iter().zip(right).map(|(l, r)| l * r).sum();
                            // A share of the same statistic on both sides counts twice.
                            add(*a, b, if *a == b { 2.0 * value } else { value });
                        }
                    }
                }
            }
            if cliques[i].parent.is_none() {
                below.push(vec![None; k]);
                continue;
            }
            let mut expected: Vec<Option<Vec<f64>>> = vec![None; k];
            let (own, p) = (&self.to_separator[i], &sums.conditional[i]);
            let mut expect = |a: usize, values: &[f64]| {
                let part = own.collect(p, Some(values), self.separators[i]);
                match &mut expected[a] {
                    Some(sum) => sum.iter_mut().zip(&part).for_each(|(s, p)| *s += p),
                    none => *none = Some(part),
                }
            };
            mine.iter().for_each(|(a, t)| expect(*a, t));
            for (child, view) in &self.children[i] {
                for (a, u) in below[*child].iter().enumerate() {
                    if let Some(u) = u {
                        expect(a, &view.spread(u, p.len()));
                    }
                }
            }
            below.push(expected);
        }
        cov
    }
    /// The greatest entry at each node of each coordinate, from the clique that owns it, of tensors.
    fn by_coordinate(&self, tables: &[Vec<f64>], counts: &[usize]) -> Vec<Vec<f64>> {
        let mut out: Vec<Vec<f64>> = counts.iter().map(|n| vec![f64::NEG_INFINITY; *n]).collect();
        for (clique, table) in self.component.cliques.iter().zip(tables) {
            for axis in clique.owned() {
                let stride: usize = clique.coordinates[axis + 1..].iter().map(|c| counts[*c]).product();
                let own = &mut out[clique.coordinates[axis]];
                let greater = |best: f64, v: &f64| if *v > best { *v } else { best };
                if stride == 1 {
                    table.chunks(own.len()).for_each(|row| own.iter_mut().zip(row).for_each(|(o, v)| *o = greater(*o, v)));
                    continue;
                }
                for slabs in table.chunks(stride * own.len()) {
                    for (best, slab) in own.iter_mut().zip(slabs.chunks(stride)) {
                        *best = greatest(slab, *best);
                    }
                }
            }
        }
        out
    }
}

/// The greatest of some values and one more, which need not be compared in turn.
fn greatest(values: &[f64], start: f64) -> f64 {
    let greater = |best: f64, v: f64| if v > best { v } else { best };
    let mut lanes = [f64::NEG_INFINITY; 8];
    let (whole, rest) = values.as_chunks::<8>();
    whole.iter().for_each(|w| lanes.iter_mut().zip(w).for_each(|(l, v)| *l = greater(*l, *v)));
    lanes.iter().chain(rest).fold(start, |best, v| greater(best, *v))
}

/// How the cells of the tensor of clique `i` see those of the tensor of its `chosen` coordinates.
fn view_of_tensor(component: &Component, i: usize, counts: &[usize], chosen: &[usize]) -> View {
    let sizes: Vec<usize> = component.cliques[i].coordinates.iter().map(|c| counts[*c]).collect();
    match chosen {
        [] => View::One,
        [place] => View::Along { n: sizes[*place], stride: sizes[place + 1..].iter().product() },
        _ => {
            let mut index = vec![0; sizes.len()];
            let cell = |_| {
                let at = chosen.iter().fold(0, |at, i| at * sizes[*i] + index[*i]) as u32;
                advance(&mut index, |a| sizes[a]);
                at
            };
            View::Entries((0..sizes.iter().product()).map(cell).collect())
        }
    }
}
