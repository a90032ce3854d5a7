//! Making a dataset: draw eta, label each row, keep where it came from.

use super::{Dataset, RowNotes};
use crate::error::{Error, Result};
use crate::family::{Design, Family, Moments};
use crate::num::observe::Monitor;
use crate::sample::{HmcOptions, ImportanceOptions, LabelOptions, Method, QuadratureOptions, SmcOptions, labels};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Options of [`generate`]; the same names in scripts and files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GenerateOptions {
    /// Rows.
    pub points: usize,
    /// How eta are spread over the region.
    pub design: Design,
    /// How labels are made.
    pub method: Method,
    /// Kept draws of a row over all its chains, where rows are sampled.
    pub samples: usize,
    /// Warm-up iterations of each chain.
    pub warmup: usize,
    /// Chains of a row.
    pub chains: usize,
    /// Step size of HMC: the fixed one, or where adaptation starts.
    pub step_size: f64,
    /// Leapfrogs of HMC: the fixed number, or the most that adaptation takes.
    pub integration_steps: usize,
    /// Adapt HMC during warm-up.
    pub adapt: bool,
    /// Acceptance that adaptation aims at.
    pub target_accept: f64,
    /// Change of mu between two resolutions at which quadrature stops, in standard deviations.
    pub tol: f64,
    /// Seed of the eta draws and of all chains.
    pub seed: u64,
    /// File to write, .safetensors or .npz.
    pub out: Option<String>,
}

impl Default for GenerateOptions {
    fn default() -> Self {
        let h = HmcOptions::default();
        GenerateOptions {
            points: 1000,
            design: Design::Reference,
            method: Method::Auto,
            samples: h.samples,
            warmup: h.warmup,
            chains: h.chains,
            step_size: h.step_size,
            integration_steps: h.integration_steps,
            adapt: h.adapt,
            target_accept: h.target_accept,
            tol: QuadratureOptions::default().tol,
            seed: 0,
            out: None,
        }
    }
}

impl GenerateOptions {
    /// The part that concerns the labels of a row.
    pub fn labels(&self) -> LabelOptions {
        LabelOptions {
            method: self.method,
            hmc: HmcOptions {
                samples: self.samples,
                warmup: self.warmup,
                chains: self.chains,
                step_size: self.step_size,
                integration_steps: self.integration_steps,
                adapt: self.adapt,
                target_accept: self.target_accept,
                seed: self.seed,
            },
            importance: ImportanceOptions { samples: self.samples, seed: self.seed, ..ImportanceOptions::default() },
            smc: SmcOptions { particles: self.samples, seed: self.seed, ..SmcOptions::default() },
            quadrature: QuadratureOptions { tol: self.tol, ..QuadratureOptions::default() },
        }
    }
}

/// Split R-hat above which a row counts as not converged (Gelman and Rubin 1992; 16 short chains are noisier than the modern 1.01).
pub const RHAT_GATE: f64 = 1.1;

/// Most numbers of a dataset, 16 GB.
const MOST_NUMBERS: usize = 1 << 31;

/// Labelled rows of `family` for eta drawn from its region. The same seed gives the same bytes, whatever the number of threads.
///
/// # Errors
/// When the family has no region, an option is out of range, a density does not decay, the file cannot be written, or
/// the user interrupts.
pub fn generate(family: &Arc<Family>, options: &GenerateOptions, monitor: &Monitor) -> Result<Dataset> {
    if options.points == 0 {
        return Err(Error::domain("points is 0; at least one row is needed"));
    }
    let (k, limit) = (family.dim(), MOST_NUMBERS / (family.dim() * (family.dim() + 4)));
    if options.points > limit {
        return Err(Error::domain(format!(
            "points is {}: with the covariance of {k} statistics at most {limit} rows fit in memory",
            options.points
        )));
    }
    if let Some(out) = &options.out {
        Dataset::check_name(Path::new(out))?;
    }
    let eta = family.draw_eta_by(options.points, options.seed, options.design)?;
    let moments = labels(family, &eta, &options.labels(), monitor)?;
    let data = from_moments(family, eta, moments, options)?;
    if let Some(out) = &options.out {
        data.save(Path::new(out))?;
    }
    Ok(data)
}

fn from_moments(family: &Arc<Family>, eta: Vec<f64>, moments: Moments, options: &GenerateOptions) -> Result<Dataset> {
    let (n, k) = (options.points, family.dim());
    let cov = moments.cov_tt.ok_or_else(|| Error::numeric("labels came without a covariance"))?;
    let unconverged = moments.rhat.iter().filter(|r| r.is_nan() || **r > RHAT_GATE).count();
    let mut provenance = BTreeMap::from([
        ("family".to_string(), family.name().to_string()),
        ("stat_names".to_string(), family.stat_names().join(";")),
        ("formula".to_string(), family.formula()),
        ("support".to_string(), family.support().to_string()),
        ("seed".to_string(), options.seed.to_string()),
        ("method".to_string(), moments.method.first().copied().unwrap_or("none").to_string()),
        ("version".to_string(), env!("CARGO_PKG_VERSION").to_string()),
        ("unconverged_rows".to_string(), unconverged.to_string()),
        ("divergences".to_string(), moments.divergences.iter().sum::<usize>().to_string()),
    ]);
    if let Some(region) = family.region() {
        provenance.insert("region".to_string(), region.describe());
    }
    let kept = GenerateOptions { out: None, ..options.clone() };
    let text = serde_json::to_string(&kept).map_err(|e| Error::file(format!("options cannot be written: {e}")))?;
    provenance.insert("options".to_string(), text);
    let notes = RowNotes {
        log_normalizer: moments.log_normalizer.unwrap_or_else(|| vec![f64::NAN; n]),
        mcse: moments.mcse,
        rhat: moments.rhat,
        method: moments.method.iter().map(|m| m.to_string()).collect(),
    };
    Ok(Dataset::new(k, eta, moments.mu_t, cov, moments.ess, provenance)?.with_notes(notes)?.with_family(family.clone()))
}
