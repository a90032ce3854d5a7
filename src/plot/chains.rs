//! The figures of a sampler: traces, and ranks chain by chain.

use super::curves::many;
use super::figure::{Figure, LogY, Series};

/// Most panels in one figure: more cannot be read.
const MOST_PANELS: usize = 12;
/// Most chains in one panel, and most points of one line.
const MOST_CHAINS: usize = 8;
const MOST_POINTS: usize = 500;
/// Bins of a rank plot.
const BINS: usize = 20;

/// Each of the first 12 quantities over the draws, one line for each of the first 8 chains; `series` has for each of `names`
/// its draws, [chains, draws]. Of more than 500 draws, evenly spaced ones are drawn.
///
/// # Example
/// ```
/// let draws: Vec<f64> = (0..40).map(|i| f64::from(i * 7 % 11)).collect();
/// assert!(nnef::plot::traces(&["x".into()], &[&draws], 2).svg().unwrap().contains("chain 1"));
/// ```
pub fn traces(names: &[String], series: &[&[f64]], chains: usize) -> Figure {
    let panel = |(name, draws): (&String, &&[f64])| {
        let length = draws.len() / chains.max(1);
        let step = length.div_ceil(MOST_POINTS).max(1);
        let line = |(chain, values): (usize, &[f64])| {
            let (x, y) = values.iter().enumerate().step_by(step).map(|(i, v)| (i as f64, *v)).unzip();
            Series::new(format!("chain {chain}"), x, y)
        };
        let lines = draws.chunks(length.max(1)).take(chains.min(MOST_CHAINS)).enumerate().map(line);
        Figure::lines(name, "draw", "", lines.collect(), LogY(false))
    };
    many(names.iter().zip(series).take(MOST_PANELS).map(panel).collect(), "Traces", names.len())
}

/// How often each of the first 8 chains has ranks in each twentieth of all draws; flat, up to chance, where chains agree.
/// Arguments as for [`traces`].
///
/// # Source
/// Vehtari, Gelman, Simpson, Carpenter and Buerkner, Bayesian Analysis 16 (2021), section 5.
pub fn ranks(names: &[String], series: &[&[f64]], chains: usize) -> Figure {
    let panel = |(name, draws): (&String, &&[f64])| {
        let (counts, even) = rank_counts(draws, chains);
        let line = |(chain, bins): (usize, &Vec<f64>)| {
            let x = (0..BINS).map(|b| (b as f64 + 0.5) / BINS as f64).collect();
            Series::new(format!("chain {chain}"), x, bins.clone())
        };
        let mut lines: Vec<Series> = counts.iter().take(MOST_CHAINS).enumerate().map(line).collect();
        lines.push(Series::new("even", vec![0.0, 1.0], vec![even; 2]));
        Figure::lines(name, "rank among all draws", "draws", lines, LogY(false))
    };
    many(names.iter().zip(series).take(MOST_PANELS).map(panel).collect(), "Ranks", names.len())
}

/// Draws of each chain in each twentieth of the ranks, [chains][20], and how many there would be if all were alike. Ties share
/// their mean rank; NaN has none.
fn rank_counts(draws: &[f64], chains: usize) -> (Vec<Vec<f64>>, f64) {
    let length = (draws.len() / chains.max(1)).max(1);
    let mut order: Vec<usize> = (0..draws.len()).filter(|i| !draws[*i].is_nan()).collect();
    order.sort_unstable_by(|a, b| draws[*a].total_cmp(&draws[*b]));
    let mut counts = vec![vec![0.0; BINS]; chains];
    let mut before = 0;
    for tied in order.chunk_by(|a, b| draws[*a] == draws[*b]) {
        let rank = before as f64 + tied.len() as f64 / 2.0;
        let bin = ((rank / order.len() as f64 * BINS as f64) as usize).min(BINS - 1);
        for i in tied {
            if let Some(chain) = counts.get_mut(i / length) {
                chain[bin] += 1.0;
            }
        }
        before += tied.len();
    }
    (counts, length as f64 / BINS as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_of_equal_chains_are_even_and_of_unequal_ones_are_not() {
        let alike: Vec<f64> = (0..80).map(|i| f64::from(i % 40)).collect();
        let (counts, even) = rank_counts(&alike, 2);
        assert_eq!(even, 2.0);
        assert!(counts.iter().flatten().all(|c| *c == 2.0), "{counts:?}");
        let apart: Vec<f64> = (0..80).map(f64::from).collect();
        let (counts, _) = rank_counts(&apart, 2);
        assert!(counts[0][10..].iter().chain(&counts[1][..10]).all(|c| *c == 0.0), "{counts:?}");
        assert_eq!(rank_counts(&[f64::NAN, 1.0], 2).0[0].iter().sum::<f64>(), 0.0);
        assert!(ranks(&["x".into()], &[&[]], 0).svg().is_ok() && traces(&[], &[], 3).svg().is_ok());
    }
}
