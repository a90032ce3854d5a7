//! [`Dataset::summary`]: what is in a dataset, as a table to read.

use super::Dataset;
use std::collections::BTreeMap;
use std::fmt::Write;

impl Dataset {
    /// A table: rows and statistics; per statistic the range of eta, mean and standard deviation of mu_T over the rows,
    /// and the median label noise, in units of the standard deviation of the statistic (mcse / sd(T) where the rows have
    /// notes, 1 / sqrt(ess) otherwise); then rows per method, the worst R-hat, and rows that are not finite.
    ///
    /// # Example
    /// ```
    /// # use nnef::data::Dataset;
    /// let data = Dataset::new(1, vec![0.5, 1.0], vec![0.1, 0.2], vec![1.0, 1.1], vec![50.0, 60.0], Default::default()).unwrap();
    /// assert!(data.summary().starts_with("2 rows, 1 statistic"));
    /// ```
    pub fn summary(&self) -> String {
        let (n, k) = (self.len(), self.dim());
        let mut out = String::new();
        if let Some(family) = self.provenance().get("family") {
            let _ = write!(out, "{family}: ");
        }
        let _ = writeln!(out, "{n} {}, {k} {}", plural(n, "row"), plural(k, "statistic"));
        if n == 0 {
            return out;
        }
        let head = ["statistic", "eta from", "to", "mu_T mean", "mu_T sd", "label noise / sd"].map(str::to_string);
        let names = self.stat_names();
        let (noise, bad) = self.noise();
        let rows: Vec<[String; 6]> = (0..k).map(|j| self.line(&names[j], j, &noise)).collect();
        table(&mut out, &head, &rows);
        if let Some(notes) = self.notes() {
            let mut counts = BTreeMap::new();
            notes.method.iter().for_each(|m| *counts.entry(m.as_str()).or_insert(0_usize) += 1);
            let list: Vec<String> = counts.iter().map(|(method, count)| format!("{method} {count}")).collect();
            let _ = writeln!(out, "methods: {}", list.join(", "));
            let worst = notes.rhat.iter().enumerate().filter(|(_, r)| !r.is_nan()).max_by(|a, b| a.1.total_cmp(b.1));
            if let Some((row, rhat)) = worst {
                let _ = writeln!(out, "worst R-hat: {rhat:.4} (row {row})");
            }
        }
        let worst = noise.iter().enumerate().filter(|(_, v)| !v.is_nan()).max_by(|a, b| a.1.total_cmp(b.1));
        if let Some((at, worst)) = worst {
            let _ = writeln!(out, "worst label noise: {} sd ({} in row {})", number(*worst), names[at % k], at / k);
        }
        if let Some(warning) = self.warning() {
            let _ = writeln!(out, "{warning}");
        }
        match bad {
            0 => {}
            bad => {
                let _ = writeln!(out, "{bad} {} with a value that is not finite", plural(bad, "row"));
            }
        }
        out
    }

    /// A line on rows that were left out because they cannot be labelled, or failed a test of their quality; `None` where there are none.
    pub fn warning(&self) -> Option<String> {
        let count: usize = self.provenance().get(super::assemble::QUARANTINED)?.parse().ok()?;
        match self.quarantined() {
            _ if count == 0 => None,
            [] => Some(format!(
                "{count} {} left out: they cannot be labelled, or failed a test of their quality",
                plural(count, "row")
            )),
            rows => {
                let (what, why) = (super::quarantine::describe(rows), super::quarantine::reason(rows));
                Some(format!("{what}; left out{why}"))
            }
        }
    }

    /// Label noise in units of each statistic's standard deviation, [n, k], and the number of rows with a value that is not
    /// finite.
    pub fn noise(&self) -> (Vec<f64>, usize) {
        let (k, mut noise, mut bad) = (self.dim(), Vec::with_capacity(self.len() * self.dim()), 0);
        let _ = self.each_covariance(|row, cov| {
            let range = row * k..(row + 1) * k;
            noise.extend((0..k).map(|i| match self.notes() {
                Some(notes) => notes.mcse[row * k + i] / cov[i * k + i].sqrt(),
                None => 1.0 / self.ess()[row].sqrt(),
            }));
            let values = self.mu_t()[range.clone()].iter().chain(&self.eta()[range]).chain(cov);
            bad += usize::from(values.into_iter().any(|v| !v.is_finite()) || self.ess()[row].is_nan());
            Ok::<(), std::convert::Infallible>(())
        });
        (noise, bad)
    }

    fn line(&self, name: &str, j: usize, noise: &[f64]) -> [String; 6] {
        let k = self.dim();
        let column = |a: &[f64]| a.iter().skip(j).step_by(k).copied().filter(|v| v.is_finite()).collect::<Vec<f64>>();
        let (eta, mu) = (column(self.eta()), column(self.mu_t()));
        let low = eta.iter().copied().fold(f64::INFINITY, f64::min);
        let high = eta.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mean = mu.iter().sum::<f64>() / mu.len() as f64;
        let variance = mu.iter().map(|m| (m - mean) * (m - mean)).sum::<f64>() / mu.len() as f64;
        let noise = noise.iter().skip(j).step_by(k).copied().collect();
        [name.to_string(), number(low), number(high), number(mean), number(variance.sqrt()), number(median(noise))]
    }
}

/// Median of the values that are numbers; NaN where there is none.
fn median(mut values: Vec<f64>) -> f64 {
    values.retain(|v| !v.is_nan());
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => 0.5 * (values[n / 2 - 1] + values[n / 2]),
    }
}

/// About four figures, short.
fn number(v: f64) -> String {
    let size = v.abs();
    match size {
        _ if !v.is_finite() => if v.is_nan() {
            "-"
        } else if v > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .to_string(),
        _ if size == 0.0 => "0".to_string(),
        _ if !(1e-3..1e5).contains(&size) => format!("{v:.2e}"),
        _ => format!("{v:.*}", (3 - size.log10().floor() as i32).clamp(0, 5) as usize),
    }
}

pub(super) fn plural(count: usize, word: &str) -> String {
    if count == 1 { word.to_string() } else { format!("{word}s") }
}

/// The first column to the left, the others to the right.
fn table(out: &mut String, head: &[String; 6], rows: &[[String; 6]]) {
    let lines: Vec<&[String; 6]> = std::iter::once(head).chain(rows).collect();
    let width = |c: usize| lines.iter().map(|l| l[c].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    for line in lines {
        let _ = write!(out, "  {:<w$}", line[0], w = widths[0]);
        for (cell, w) in line.iter().zip(&widths).skip(1) {
            let _ = write!(out, "  {cell:>w$}");
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use crate::data::{Dataset, RowNotes};
    use std::collections::BTreeMap;

    fn data() -> Dataset {
        let provenance = [("family", "bumpy"), ("stat_names", "lin;quadratic")].map(|(a, b)| (a.to_string(), b.to_string()));
        let eta = vec![-3.0, 1e-9, 3.0, 250_000.0];
        Dataset::new(2, eta, vec![0.5, 2.0, 1.5, f64::NAN], vec![4.0; 8], vec![100.0, 400.0], provenance.into()).unwrap()
    }

    #[test]
    fn without_notes_the_noise_comes_from_the_effective_sample_size() {
        let expected = "bumpy: 2 rows, 2 statistics
  statistic  eta from      to  mu_T mean  mu_T sd  label noise / sd
  lin          -3.000   3.000      1.000   0.5000           0.07500
  quadratic   1.00e-9  2.50e5      2.000        0           0.07500
worst label noise: 0.1000 sd (quadratic in row 0)
1 row with a value that is not finite
";
        assert_eq!(data().summary(), expected);
    }

    #[test]
    fn with_notes_methods_and_worst_rhat() {
        let notes = RowNotes {
            log_normalizer: vec![0.0; 2],
            mcse: vec![0.02, 0.04, 0.02, 0.04],
            rhat: vec![f64::NAN, 1.0123],
            method: vec!["hmc".into(), "quadrature".into()],
        };
        let text = data().with_notes(notes).unwrap().summary();
        assert!(
            text.contains(
                "methods: hmc 1, quadrature 1\nworst R-hat: 1.0123 (row 1)\nworst label noise: 0.02000 sd (quadratic in row 1)"
            ),
            "{text}"
        );
        assert!(text.contains("0.01000") && text.contains("0.02000"), "{text}");
    }

    #[test]
    fn no_rows() {
        let none = Dataset::new(2, vec![], vec![], vec![], vec![], BTreeMap::new()).unwrap();
        assert_eq!(none.summary(), "0 rows, 2 statistics\n");
    }
}
