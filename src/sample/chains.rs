//! [`Chains`]: draws of a family at one eta, with the diagnostics of its statistics.

use super::diagnose;
use crate::family::Family;
use std::fmt::Write;

/// How chains moved.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Conduct {
    /// Mean acceptance; NaN where nothing is accepted or refused.
    pub acceptance: f64,
    /// Step size after warm-up; NaN where there is none.
    pub step_size: f64,
    /// Leapfrogs of the kept transitions, each with one gradient, over all chains.
    pub gradients: usize,
    /// Mean number of doublings of a trajectory, for NUTS; else NaN.
    pub tree_depth: f64,
    /// Trajectories that diverged.
    pub divergences: usize,
    /// Points from which they went wrong, [divergences, d].
    pub divergent: Vec<f64>,
    /// The test of their quality that the draws failed: "" where none, else "stuck", "rhat", "ess", "divergences", "tails", "poles", "rare".
    pub gate: &'static str,
}

/// Draws of a family at one eta, with diagnostics of its statistics.
#[derive(Debug, Clone)]
pub struct Chains {
    /// How the draws were made: "hmc", "nuts" or "exact".
    pub method: &'static str,
    /// Points, [chains, draws, d].
    pub draws: Vec<f64>,
    /// Number of chains.
    pub chains: usize,
    /// Draws of each chain.
    pub length: usize,
    /// Coordinates d of a point.
    pub dim: usize,
    /// Names of the statistics, `[k]`.
    pub stat_names: Vec<String>,
    /// Mean of each statistic, `[k]`.
    pub mean: Vec<f64>,
    /// Standard deviation of each statistic, `[k]`.
    pub sd: Vec<f64>,
    /// Standard error of each mean, `[k]`.
    pub mcse: Vec<f64>,
    /// Effective sample size of each mean, `[k]`.
    pub ess: Vec<f64>,
    /// Effective sample size of the bulk of each statistic, `[k]`.
    pub ess_bulk: Vec<f64>,
    /// Effective sample size of the tails of each statistic, `[k]`.
    pub ess_tail: Vec<f64>,
    /// Rank-normalised split R-hat of each statistic, `[k]`; NaN for a statistic that is the same everywhere.
    pub rhat: Vec<f64>,
    /// Quantiles of each statistic at 5, 50 and 95 %, `[k]`.
    pub quantiles: Vec<[f64; 3]>,
    /// How the chains moved.
    pub conduct: Conduct,
    /// The distinct statistics, each [chains, draws].
    series: Vec<Vec<f64>>,
    /// For each flattened statistic, `[k]`, the distinct one that it equals.
    unique: Vec<usize>,
}

/// R-hat above which the summary says that chains do not agree (Vehtari et al. 2021).
const RHAT: f64 = 1.01;

impl Chains {
    /// Diagnose `series`, the distinct statistics, each [chains, draws], of which `unique`, `[k]`, says which flattened one is
    /// which; `draws` are the points, [chains, draws, d].
    pub(super) fn new(
        family: &Family,
        method: &'static str,
        draws: Vec<f64>,
        (series, unique): (Vec<Vec<f64>>, Vec<usize>),
        chains: usize,
        conduct: Conduct,
    ) -> Chains {
        let length = series.first().map_or(0, Vec::len) / chains.max(1);
        let parts: Vec<Vec<&[f64]>> = series.iter().map(|s| s.chunks(length.max(1)).collect()).collect();
        let each: Vec<diagnose::Summary> = parts.iter().map(|p| diagnose::summarize(p)).collect();
        let by = |f: &dyn Fn(&[&[f64]]) -> f64| -> Vec<f64> {
            let distinct: Vec<f64> = parts.iter().map(|p| f(p)).collect();
            unique.iter().map(|u| distinct[*u]).collect()
        };
        let of = |f: &dyn Fn(&diagnose::Summary) -> f64| unique.iter().map(|u| f(&each[*u])).collect::<Vec<f64>>();
        let quantiles: Vec<[f64; 3]> = series.iter().map(|s| [0.05, 0.5, 0.95].map(|p| diagnose::quantile(s, p))).collect();
        Chains {
            method,
            draws,
            chains,
            length,
            dim: family.support().dim(),
            stat_names: family.stat_names(),
            mean: of(&|s| s.mean),
            sd: of(&|s| s.variance.sqrt()),
            mcse: of(&|s| s.mcse()),
            ess: of(&|s| s.ess),
            ess_bulk: by(&diagnose::ess_bulk),
            ess_tail: by(&diagnose::ess_tail),
            rhat: by(&diagnose::rhat_rank),
            quantiles: unique.iter().map(|u| quantiles[*u]).collect(),
            conduct,
            series,
            unique,
        }
    }
    /// Statistic `i` on the draws, [chains, draws]; `None` where there is no such statistic.
    pub fn statistic(&self, i: usize) -> Option<&[f64]> {
        self.unique.get(i).and_then(|u| self.series.get(*u)).map(Vec::as_slice)
    }
    /// All statistics on the draws, [chains, draws, k].
    pub fn statistics(&self) -> Vec<f64> {
        (0..self.chains * self.length).flat_map(|i| self.unique.iter().map(move |u| self.series[*u][i])).collect()
    }
    /// A table with mean, sd, standard error, quantiles, effective sample sizes and R-hat of each statistic; then how the
    /// chains moved, and what speaks against them. A dash stands for a number that does not exist.
    pub fn summary(&self) -> String {
        let width = self.stat_names.iter().map(|n| n.chars().count()).max().unwrap_or(0).max(9);
        let mut out = format!("{:<width$}", "statistic");
        for head in ["mean", "mcse", "sd", "5%", "50%", "95%"] {
            let _ = write!(out, " {head:>11}");
        }
        out += "  ess_bulk  ess_tail   R-hat\n";
        for (i, name) in self.stat_names.iter().enumerate() {
            let [low, middle, high] = self.quantiles[i];
            let _ = write!(out, "{name:<width$}");
            for v in [self.mean[i], self.mcse[i], self.sd[i], low, middle, high] {
                let _ = write!(out, " {:>11}", number(v));
            }
            let _ = write!(out, " {:>9} {:>9}", digits(self.ess_bulk[i], 0), digits(self.ess_tail[i], 0));
            let _ = writeln!(out, " {:>7}", digits(self.rhat[i], 3));
        }
        out.push_str(&self.footer());
        out
    }
    fn footer(&self) -> String {
        let c = &self.conduct;
        let mut out = format!("{}: {} chains of {} draws", self.method, self.chains, self.length);
        for (name, value, decimals) in
            [("acceptance", c.acceptance, 2), ("step", c.step_size, 3), ("tree depth", c.tree_depth, 1)]
        {
            if !value.is_nan() {
                let _ = write!(out, ", {name} {value:.decimals$}");
            }
        }
        if c.gradients > 0 {
            let _ = write!(out, ", {} gradients", c.gradients);
        }
        let apart: Vec<&str> =
            (0..self.rhat.len()).filter(|i| self.rhat[*i] > RHAT).map(|i| self.stat_names[i].as_str()).collect();
        match apart.as_slice() {
            [] => {}
            [first, rest @ ..] => {
                let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
                let _ =
                    write!(out, "\nR-hat above {RHAT} for {first}{more}: the chains do not agree yet; more draws or warm-up");
            }
        }
        if c.divergences > 0 {
            let _ = write!(out, "\n{} divergences: a part of the support may be missed; a higher target_accept", c.divergences);
        }
        if !c.gate.is_empty() {
            let _ = write!(out, "\nfailed the gate '{}': the draws are not to be trusted", c.gate);
        }
        out
    }
}

/// About five figures, short.
fn number(v: f64) -> String {
    match v.abs() {
        _ if v.is_nan() => "-".into(),
        size if size == 0.0 || (1e-3..1e5).contains(&size) => {
            format!("{v:.*}", if size < 1.0 { 5 } else { (4 - size.log10().floor() as i32).clamp(0, 5) as usize })
        }
        _ => format!("{v:.2e}"),
    }
}

fn digits(v: f64, decimals: usize) -> String {
    if v.is_nan() { "-".into() } else { format!("{v:.decimals$}") }
}
