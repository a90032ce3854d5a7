//! How the cells of a clique see what lies on fewer coordinates: messages, and sums the other way round.

/// Which entries of an array each cell sees.
#[derive(Clone)]
pub(super) enum View {
    /// Every cell the only entry.
    One,
    /// The cells of a tensor the entry of their node of one coordinate: `n` nodes, each for `stride` cells in a row.
    Along {
        /// Nodes.
        n: usize,
        /// Cells in a row.
        stride: usize,
    },
    /// Any entry, for each cell.
    Entries(Vec<u32>),
    /// Sums of neighbouring entries.
    Sums {
        /// First entry, for each cell.
        first: Vec<u32>,
        /// Weights of the entries from the first on, [cell, width].
        weights: Vec<f64>,
        /// Entries that a cell sees.
        width: usize,
    },
}

impl View {
    /// Call `slab` with the entry and the cells that see it, or for single cells `cell`, whichever the view is made of.
    fn walk<T>(&self, table: &mut [T], mut slab: impl FnMut(usize, &mut [T]), mut row: impl FnMut(&mut [T])) {
        match self {
            View::One => slab(0, table),
            View::Along { n, stride: 1 } => table.chunks_mut(*n).for_each(&mut row),
            View::Along { n, stride } => table
                .chunks_mut(n * stride)
                .for_each(|block| block.chunks_mut(*stride).enumerate().for_each(|(s, c)| slab(s, c))),
            View::Entries(of) => table.chunks_mut(1).zip(of).for_each(|(cell, s)| slab(*s as usize, cell)),
            View::Sums { .. } => {}
        }
    }
    /// What a cell sees of the values of a view of sums.
    fn seen(first: &[u32], weights: &[f64], width: usize, cell: usize, values: &[f64]) -> f64 {
        weights[cell * width..(cell + 1) * width].iter().zip(&values[first[cell] as usize..]).map(|(w, v)| w * v).sum()
    }
    /// What each of `cells` cells sees of `values`.
    pub fn spread(&self, values: &[f64], cells: usize) -> Vec<f64> {
        let mut out = vec![0.0; cells];
        if let View::Sums { first, weights, width } = self {
            out.iter_mut().enumerate().for_each(|(cell, o)| *o = View::seen(first, weights, *width, cell, values));
        } else {
            self.walk(&mut out, |s, slab| slab.fill(values[s]), |row| row.copy_from_slice(values));
        }
        out
    }
    /// Add to each cell what it sees of logs; minus infinity makes everything so.
    pub fn add_logs(&self, logs: &[f64], table: &mut [f64]) {
        let finite = |v: f64| if v.is_nan() { f64::NEG_INFINITY } else { v };
        if let View::Sums { first, weights, width } = self {
            let seen = |cell: usize| finite(View::seen(first, weights, *width, cell, logs));
            table.iter_mut().enumerate().for_each(|(cell, v)| *v = finite(*v + seen(cell)));
            return;
        }
        self.walk(
            table,
            |s, slab| slab.iter_mut().for_each(|v| *v = finite(*v + logs[s])),
            |row| row.iter_mut().zip(logs).for_each(|(v, l)| *v = finite(*v + l)),
        );
    }
    /// Take from each cell what it sees of `tops`; where that is not finite the cell becomes minus infinity.
    pub fn lower(&self, tops: &[f64], table: &mut [f64]) {
        let lowered = |v: f64, t: f64| if t.is_finite() { v - t } else { f64::NEG_INFINITY };
        self.walk(
            table,
            |s, slab| slab.iter_mut().for_each(|v| *v = lowered(*v, tops[s])),
            |row| row.iter_mut().zip(tops).for_each(|(v, t)| *v = lowered(*v, *t)),
        );
    }
    /// Multiply each cell by what it sees.
    pub fn scale(&self, factors: &[f64], table: &mut [f64]) {
        self.walk(
            table,
            |s, slab| slab.iter_mut().for_each(|v| *v *= factors[s]),
            |row| row.iter_mut().zip(factors).for_each(|(v, f)| *v *= f),
        );
    }
    /// The greatest cell that sees each of `n` entries; not for sums.
    pub fn greatest(&self, table: &mut [f64], n: usize) -> Vec<f64> {
        let mut out = vec![f64::NEG_INFINITY; n];
        match self {
            View::Along { n, stride: 1 } => {
                table.chunks(*n).for_each(|row| out.iter_mut().zip(row).for_each(|(o, v)| *o = if *v > *o { *v } else { *o }));
            }
            _ => self.walk(table, |s, slab| out[s] = slab.iter().fold(out[s], |o, v| if *v > o { *v } else { o }), |_| {}),
        }
        out
    }
    /// The sums of `p`, times `values` where there are any, over the cells that see each of `n` entries.
    pub fn collect(&self, p: &[f64], values: Option<&[f64]>, n: usize) -> Vec<f64> {
        let mut out = vec![0.0; n];
        let product = values.map(|values| p.iter().zip(values).map(|(p, v)| p * v).collect::<Vec<f64>>());
        let amounts = product.as_deref().unwrap_or(p);
        match self {
            View::One => out[0] = total(amounts),
            View::Along { n, stride: 1 } => {
                amounts.chunks(*n).for_each(|row| out.iter_mut().zip(row).for_each(|(o, v)| *o += v));
            }
            View::Along { n, stride } => amounts
                .chunks(n * stride)
                .for_each(|block| out.iter_mut().zip(block.chunks(*stride)).for_each(|(o, slab)| *o += total(slab))),
            View::Entries(of) => of.iter().zip(amounts).for_each(|(s, v)| out[*s as usize] += v),
            View::Sums { first, weights, width } => {
                for (cell, v) in amounts.iter().enumerate() {
                    let weights = &weights[cell * width..(cell + 1) * width];
                    weights.iter().zip(&mut out[first[cell] as usize..]).for_each(|(w, o)| *o += w * v);
                }
            }
        }
        out
    }
}

/// A sum in four parts, which go side by side.
pub(super) fn total(values: &[f64]) -> f64 {
    let (mut parts, mut chunks) = ([0.0; 4], values.chunks_exact(4));
    for chunk in &mut chunks {
        parts.iter_mut().zip(chunk).for_each(|(p, v)| *p += v);
    }
    parts.iter().sum::<f64>() + chunks.remainder().iter().sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The views of a tensor of 2 x 3 x 4 cells are those of lists of entries.
    #[test]
    fn strides_see_what_lists_see() {
        for (n, stride) in [(2, 12), (3, 4), (4, 1)] {
            let list = View::Entries((0..24).map(|cell| (cell / stride % n) as u32).collect());
            let strided = View::Along { n, stride };
            let mut table: Vec<f64> = (0..24).map(|i| f64::from(i).sin()).collect();
            let (values, weights): (Vec<f64>, Vec<f64>) = ((0..n).map(|i| i as f64 - 0.3).collect(), table.clone());
            assert_eq!(strided.spread(&values, 24), list.spread(&values, 24));
            assert_eq!(strided.greatest(&mut table, n), list.greatest(&mut table, n));
            let (a, b) = (strided.collect(&weights, Some(&table), n), list.collect(&weights, Some(&table), n));
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-14));
            for act in [View::add_logs, View::lower, View::scale] {
                let mut other = table.clone();
                act(&strided, &values, &mut table);
                act(&list, &values, &mut other);
                assert_eq!(table, other);
            }
        }
    }
}
