//! Sum-product and max-product on the cliques of a component.
//!
//! Tables have the last coordinate of their clique fastest. Messages go from the leaves to the root, marginals back. The
//! covariance of two statistics is the sum over pairs of shares; shares in different cliques meet in the first clique that is
//! above both, where each is known through its conditional expectation given what the clique sees of it.
//!
//! # Source
//! Kschischang, Frey and Loeliger, "Factor graphs and the sum-product algorithm", IEEE Trans. Inf. Theory 47 (2001).

use super::scan::advance;
use super::table::{Table, exponentials};
use crate::expr::lanes::Aligned;
use crate::family::Component;

/// How the tables of the cliques hang together, for given numbers of nodes.
pub(super) struct Forest<'a> {
    component: &'a Component,
    /// For each clique, the cell of its separator for each of its own cells.
    to_separator: Vec<Vec<u32>>,
    /// Number of cells of each separator.
    separators: Vec<usize>,
    /// For each clique its children, each with the cell of the child's separator for each cell of the clique.
    children: Vec<Vec<(usize, Vec<u32>)>>,
}

/// Moments of a component under one eta.
pub(super) struct Sums {
    pub log_normalizer: f64,
    pub mu: Vec<f64>,
    pub cov: Option<Vec<f64>>,
    /// Marginal of each coordinate, in the order of the component.
    pub marginals: Vec<Vec<f64>>,
}

impl<'a> Forest<'a> {
    /// For `counts[c]` nodes of coordinate `c` of the component.
    pub(super) fn new(component: &'a Component, counts: &[usize]) -> Forest<'a> {
        let cells = |clique: usize, chosen: &[usize]| {
            let own = &component.cliques[clique].coordinates;
            let sizes: Vec<usize> = own.iter().map(|c| counts[*c]).collect();
            let mut index = vec![0; own.len()];
            let cell = |_| {
                let at = chosen.iter().fold(0, |at, i| at * sizes[*i] + index[*i]) as u32;
                advance(&mut index, |a| sizes[a]);
                at
            };
            (0..sizes.iter().product()).map(cell).collect::<Vec<u32>>()
        };
        let cliques = &component.cliques;
        let to_separator = (0..cliques.len()).map(|i| cells(i, &cliques[i].separator)).collect();
        let shared = |i: usize| cliques[i].separator.iter().map(|s| cliques[i].coordinates[*s]).collect::<Vec<usize>>();
        let separators = (0..cliques.len()).map(|i| shared(i).iter().map(|c| counts[*c]).product()).collect();
        let children = (0..cliques.len())
            .map(|parent| {
                let below = (0..parent).filter(|i| cliques[*i].parent == Some(parent));
                let seen = |child: usize| {
                    let place = |c: &usize| cliques[parent].coordinates.iter().position(|p| p == c).unwrap_or(0);
                    cells(parent, &shared(child).iter().map(place).collect::<Vec<usize>>())
                };
                below.map(|child| (child, seen(child))).collect()
            })
            .collect();
        Forest { component, to_separator, separators, children }
    }
    /// For each coordinate, the maximum over all others of the sum of `tables`, at each of its nodes.
    pub(super) fn profiles(&self, mut tables: Vec<Vec<f64>>, counts: &[usize]) -> Vec<Vec<f64>> {
        let mut up: Vec<Vec<f64>> = Vec::new();
        for i in 0..tables.len() {
            self.add_messages(i, &up, &mut tables[i]);
            up.push(self.reduce(i, &tables[i]));
        }
        for i in (0..tables.len()).rev() {
            for (child, map) in &self.children[i] {
                let mut down = vec![f64::NEG_INFINITY; self.separators[*child]];
                map.iter().zip(&tables[i]).for_each(|(s, v)| down[*s as usize] = down[*s as usize].max(*v));
                for (d, u) in down.iter_mut().zip(&up[*child]) {
                    *d = if *u == f64::NEG_INFINITY { f64::NEG_INFINITY } else { *d - u };
                }
                let (map, table) = (&self.to_separator[*child], &mut tables[*child]);
                table.iter_mut().zip(map).for_each(|(v, s)| *v += down[*s as usize]);
            }
        }
        self.by_coordinate(&tables, counts, f64::NEG_INFINITY, |best, v| *best = best.max(v))
    }
    /// Moments at one eta of the component's statistics; `shares[i]` are those of clique i.
    pub(super) fn moments(&self, tables: &[Table], eta: &[f64], counts: &[usize], covariance: bool) -> Sums {
        let cliques = &self.component.cliques;
        let k = eta.len();
        let (mut up, mut conditional): (Vec<Vec<f64>>, Vec<Vec<f64>>) = Default::default();
        let mut buffer = Aligned::filled(0, 0.0);
        for (i, table) in tables.iter().enumerate() {
            let local: Vec<f64> = cliques[i].statistics.iter().map(|s| eta[*s]).collect();
            table.exponent(&local, &mut buffer);
            let mut log_p = buffer[..table.n].to_vec();
            self.add_messages(i, &up, &mut log_p);
            let (message, p) = self.normalize(i, log_p);
            up.push(message);
            conditional.push(p);
        }
        let log_normalizer: f64 = (0..cliques.len()).filter(|i| cliques[*i].parent.is_none()).map(|i| up[i][0]).sum();
        let joint = self.joints(conditional.clone());
        let mut mu = vec![0.0; k];
        let mut shares: Vec<Vec<Vec<f64>>> = Vec::new();
        for (i, table) in tables.iter().enumerate() {
            let centered = |(local, s): (usize, &usize)| {
                let values = table.share(local);
                let mean: f64 = joint[i].iter().zip(values).map(|(p, t)| p * t).sum();
                mu[*s] += mean;
                values.iter().map(|t| t - mean).collect()
            };
            shares.push(cliques[i].statistics.iter().enumerate().map(centered).collect());
        }
        let cov = covariance.then(|| self.covariance(&shares, &conditional, &joint, k));
        let marginals = self.by_coordinate(&joint, counts, 0.0, |sum, p| *sum += p);
        Sums { log_normalizer, mu, cov, marginals }
    }
    fn add_messages(&self, i: usize, up: &[Vec<f64>], table: &mut [f64]) {
        for (child, map) in &self.children[i] {
            table.iter_mut().zip(map).for_each(|(v, s)| *v += up[*child][*s as usize]);
        }
        table.iter_mut().filter(|v| v.is_nan()).for_each(|v| *v = f64::NEG_INFINITY);
    }
    /// The greatest entry for each cell of the separator.
    fn reduce(&self, i: usize, table: &[f64]) -> Vec<f64> {
        let mut top = vec![f64::NEG_INFINITY; self.separators[i]];
        self.to_separator[i].iter().zip(table).for_each(|(s, v)| top[*s as usize] = top[*s as usize].max(*v));
        top
    }
    /// Logs of the sums for each cell of the separator, and the conditional probabilities given it.
    fn normalize(&self, i: usize, mut log_p: Vec<f64>) -> (Vec<f64>, Vec<f64>) {
        let (map, top) = (&self.to_separator[i], self.reduce(i, &log_p));
        for (v, s) in log_p.iter_mut().zip(map) {
            *v = if top[*s as usize].is_finite() { *v - top[*s as usize] } else { f64::NEG_INFINITY };
        }
        let n = log_p.len();
        let mut p = Aligned::filled(n.next_multiple_of(8), 0.0);
        p[..n].copy_from_slice(&log_p);
        let padded = p.len();
        // The length is a multiple of eight.
        unsafe { exponentials(p.as_mut_ptr(), padded) };
        let mut sums = vec![0.0; self.separators[i]];
        p.iter().zip(map).for_each(|(p, s)| sums[*s as usize] += p);
        let share = |(p, s): (&f64, &u32)| if sums[*s as usize] > 0.0 { p / sums[*s as usize] } else { 0.0 };
        let conditional = p.iter().zip(map).map(share).collect();
        (top.iter().zip(&sums).map(|(t, s)| t + s.ln()).collect(), conditional)
    }
    /// Joint probabilities of each clique from its conditional ones.
    fn joints(&self, mut tables: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
        for i in (0..tables.len()).rev() {
            for (child, map) in &self.children[i] {
                let mut marginal = vec![0.0; self.separators[*child]];
                map.iter().zip(&tables[i]).for_each(|(s, p)| marginal[*s as usize] += p);
                let own = &self.to_separator[*child];
                tables[*child].iter_mut().zip(own).for_each(|(p, s)| *p *= marginal[*s as usize]);
            }
        }
        tables
    }
    /// Centred shares, their conditional and joint probabilities: the covariance, [k, k].
    fn covariance(&self, shares: &[Vec<Vec<f64>>], conditional: &[Vec<f64>], joint: &[Vec<f64>], k: usize) -> Vec<f64> {
        let cliques = &self.component.cliques;
        let mut cov = vec![0.0; k * k];
        // Conditional expectations, given its separator, of what is in or below a clique; nothing for other statistics.
        let mut below: Vec<Vec<Option<Vec<f64>>>> = Vec::new();
        for i in 0..cliques.len() {
            let mut add = |a: usize, b: usize, value: f64| {
                cov[a * k + b] += value;
                if a != b {
                    cov[b * k + a] += value;
                }
            };
            let mine: Vec<(usize, &Vec<f64>)> = cliques[i].statistics.iter().copied().zip(&shares[i]).collect();
            for (at, (a, left)) in mine.iter().enumerate() {
                for (b, right) in &mine[..=at] {
                    add(*a, *b, joint[i].iter().zip(*left).zip(*right).map(|((p, l), r)| p * l * r).sum());
                }
            }
            for (order, (child, map)) in self.children[i].iter().enumerate() {
                let seen = |values: &mut dyn Iterator<Item = f64>| {
                    let mut out = vec![0.0; self.separators[*child]];
                    map.iter().zip(&joint[i]).zip(values).for_each(|((s, p), v)| out[*s as usize] += p * v);
                    out
                };
                let mut others: Vec<(usize, Vec<f64>)> = mine.iter().map(|(a, t)| (*a, seen(&mut t.iter().copied()))).collect();
                for (sibling, theirs) in &self.children[i][..order] {
                    for (a, u) in below[*sibling].iter().enumerate() {
                        if let Some(u) = u {
                            others.push((a, seen(&mut theirs.iter().map(|s| u[*s as usize]))));
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
            let mut expected: Vec<Option<Vec<f64>>> = vec![None; k];
            let mut gather = |a: usize, values: &mut dyn Iterator<Item = f64>| {
                let out = expected[a].get_or_insert_with(|| vec![0.0; self.separators[i]]);
                self.to_separator[i].iter().zip(&conditional[i]).zip(values).for_each(|((s, p), v)| out[*s as usize] += p * v);
            };
            mine.iter().for_each(|(a, t)| gather(*a, &mut t.iter().copied()));
            for (child, map) in &self.children[i] {
                for (a, u) in below[*child].iter().enumerate() {
                    if let Some(u) = u {
                        gather(a, &mut map.iter().map(|s| u[*s as usize]));
                    }
                }
            }
            below.push(expected);
        }
        cov
    }
    /// Fold tables onto the nodes of each coordinate, each from the clique that owns it.
    fn by_coordinate(&self, tables: &[Vec<f64>], counts: &[usize], start: f64, fold: impl Fn(&mut f64, f64)) -> Vec<Vec<f64>> {
        let mut out: Vec<Vec<f64>> = counts.iter().map(|n| vec![start; *n]).collect();
        for (clique, table) in self.component.cliques.iter().zip(tables) {
            for axis in clique.owned() {
                let stride: usize = clique.coordinates[axis + 1..].iter().map(|c| counts[*c]).product();
                let own = &mut out[clique.coordinates[axis]];
                for slabs in table.chunks(stride * own.len()) {
                    for (place, slab) in own.iter_mut().zip(slabs.chunks(stride)) {
                        slab.iter().for_each(|v| fold(place, *v));
                    }
                }
            }
        }
        out
    }
}
