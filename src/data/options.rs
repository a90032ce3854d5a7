//! Options of [`super::generate`].

use crate::error::{Error, Result};
use crate::family::Design;
use crate::sample::{BLOCK, HmcOptions, ImportanceOptions, LabelOptions, Method, NutsOptions, QuadratureOptions, SmcOptions};
use serde::{Deserialize, Serialize};

/// Options of [`super::generate`]; the same names in scripts and files.
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
    /// Regress functions of known mean zero out of sampled means.
    pub control_variates: bool,
    /// Standard error in standard deviations at which sampling stops, instead of a number of samples.
    pub target_mcse: Option<f64>,
    /// Doublings of a trajectory of NUTS at most.
    pub max_depth: usize,
    /// Independent scramblings of the points of importance sampling.
    pub replicates: usize,
    /// Particles of tempered sequential Monte Carlo, over all populations.
    pub particles: usize,
    /// Independent populations of particles.
    pub populations: usize,
    /// Change of mu between two resolutions at which quadrature stops, in standard deviations.
    pub tol: f64,
    /// Seed of the eta draws and of all chains.
    pub seed: u64,
    /// File to write, .safetensors or .npz.
    pub out: Option<String>,
    /// Go on with what is there of the same job: finished rows in `OUT.part`, or the finished file. Otherwise start anew and
    /// write over it.
    pub resume: bool,
    /// Rows of a chunk: what is lost of each thread's work when a run is killed. Taken in whole blocks of [`BLOCK`].
    pub batch_size: usize,
    /// What works side by side; the bytes are the same.
    pub parallel_strategy: ParallelStrategy,
    /// Make only part i of N, `[i, N]`, into `NAME.shard-i-of-N`.
    pub shard: Option<[usize; 2]>,
}

/// What works side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParallelStrategy {
    /// One row after the other, on one thread.
    Sequential,
    /// Many rows or chains in the lanes of one thread.
    Vmap,
    /// Lanes, and all threads.
    #[default]
    Pmap,
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
            control_variates: h.control_variates,
            target_mcse: h.target_mcse,
            max_depth: NutsOptions::default().max_depth,
            replicates: ImportanceOptions::default().replicates,
            particles: SmcOptions::default().particles,
            populations: SmcOptions::default().populations,
            tol: QuadratureOptions::default().tol,
            seed: 0,
            out: None,
            resume: true,
            batch_size: BLOCK,
            parallel_strategy: ParallelStrategy::default(),
            shard: None,
        }
    }
}

/// Options of sampling, and the methods that each belongs to; `auto` may go every way but that of nuts.
const BELONGS: [(&str, &[Method]); 14] = {
    use Method::{Hmc, Importance, Nuts, Quadrature, Smc};
    [
        ("samples", &[Hmc, Nuts, Importance]),
        ("warmup", &[Hmc, Nuts]),
        ("chains", &[Hmc, Nuts]),
        ("step_size", &[Hmc, Nuts]),
        ("integration_steps", &[Hmc]),
        ("adapt", &[Hmc]),
        ("target_accept", &[Hmc, Nuts]),
        ("control_variates", &[Hmc, Importance, Smc]),
        ("target_mcse", &[Hmc]),
        ("max_depth", &[Nuts]),
        ("replicates", &[Importance]),
        ("particles", &[Smc]),
        ("populations", &[Smc]),
        ("tol", &[Quadrature]),
    ]
};

impl GenerateOptions {
    /// Refuse an option that has no effect with `method`; `shown` is how its user calls it.
    ///
    /// # Errors
    /// The option, the methods that it belongs to, and what `method` takes.
    ///
    /// # Example
    /// ```
    /// use nnef::{data::GenerateOptions, sample::Method};
    /// let error = GenerateOptions::check_given(Method::Smc, "samples", "num_samples").unwrap_err();
    /// assert!(error.message().contains("num_samples belongs to hmc, nuts and importance"));
    /// assert!(GenerateOptions::check_given(Method::Auto, "samples", "samples").is_ok());
    /// ```
    pub fn check_given(method: Method, option: &str, shown: &str) -> Result<()> {
        let Some((_, methods)) = BELONGS.iter().find(|(name, _)| *name == option) else { return Ok(()) };
        let taken = |methods: &[Method]| match method {
            Method::Auto => methods.iter().any(|m| *m != Method::Nuts),
            forced => methods.contains(&forced),
        };
        if taken(methods) {
            return Ok(());
        }
        let text = format!(
            "{shown} belongs to {} and has no effect with method {}",
            listed(methods.iter().map(|m| name(*m))),
            name(method)
        );
        let own: Vec<String> = BELONGS.iter().filter(|(_, m)| taken(m)).map(|(name, _)| name.to_string()).collect();
        Err(Error::name(text).hint(match (method, &own[..]) {
            (Method::Auto, _) => format!("leave {shown} out, or choose method {}", listed(methods.iter().map(|m| name(*m)))),
            (_, []) => format!("leave {shown} out: {} takes no options", name(method)),
            _ => format!("leave {shown} out; {} takes {}", name(method), listed(own)),
        }))
    }
    /// Check what holds for every method.
    ///
    /// # Errors
    /// When `tol` is not between 0 and 1.
    pub fn check(&self) -> Result<()> {
        self.labels().quadrature.check()
    }
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
                control_variates: self.control_variates,
                target_mcse: self.target_mcse,
                seed: self.seed,
            },
            importance: ImportanceOptions {
                samples: self.samples,
                replicates: self.replicates,
                control_variates: self.control_variates,
                seed: self.seed,
            },
            nuts: NutsOptions {
                samples: self.samples,
                warmup: self.warmup,
                chains: self.chains,
                step_size: self.step_size,
                max_depth: self.max_depth,
                target_accept: self.target_accept,
                seed: self.seed,
            },
            quadrature: QuadratureOptions { tol: self.tol, ..QuadratureOptions::default() },
            smc: SmcOptions {
                particles: self.particles,
                populations: self.populations,
                control_variates: self.control_variates,
                seed: self.seed,
            },
        }
    }
}

/// What scripts and files call a method.
fn name(method: Method) -> String {
    serde_json::to_value(method).ok().and_then(|v| v.as_str().map(str::to_string)).unwrap_or_default()
}

/// `a, b and c`.
fn listed(words: impl IntoIterator<Item = String>) -> String {
    let words: Vec<String> = words.into_iter().collect();
    match &words[..] {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Split R-hat above which a row counts as not converged (Gelman and Rubin 1992; 16 short chains are noisier than the modern 1.01).
pub const RHAT_GATE: f64 = 1.1;
