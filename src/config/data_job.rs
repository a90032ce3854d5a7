//! `generate` from a YAML file.

use super::family_choice::{FamilyChoice, Resolve, region};
use super::place;
use crate::data::{Dataset, GenerateOptions, ParallelStrategy, generate};
use crate::error::{Error, Result, nearest};
use crate::family::{Design, Family};
use crate::num::observe::Monitor;
use crate::num::{files, short};
use crate::sample::Method;
use serde::{Deserialize, Serialize};
use serde_yaml::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A dataset to make: family, region of eta, sampling, seed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataJob {
    /// The family.
    pub ef: FamilyChoice,
    /// The rows.
    pub grid: Grid,
    /// How rows are sampled, where they are.
    #[serde(default)]
    pub sampling: Sampling,
    /// The seed.
    #[serde(default)]
    pub optim: Optim,
    /// Where relative paths start: the folder of the file.
    #[serde(skip)]
    pub folder: PathBuf,
    /// The text, and the name of its file: for errors.
    #[serde(skip)]
    source: (String, Option<PathBuf>),
}

/// The rows of a dataset.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Number of rows.
    pub num_points: usize,
    /// Range of eta of each statistic: `[low, high]`, `[lows, highs]`, `{negative_definite: [low, high]}` or
    /// `reparametrised`; the family's own region where it is left out.
    #[serde(default)]
    pub eta_range: Option<BTreeMap<String, Value>>,
    /// Rows of a chunk.
    #[serde(default = "batch_size")]
    pub batch_size: usize,
    /// How eta are spread over the region.
    #[serde(default)]
    pub design: Design,
}

fn batch_size() -> usize {
    GenerateOptions::default().batch_size
}

/// How rows are sampled.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sampling {
    /// How labels are made.
    pub method: Method,
    /// Kept draws of a row over all chains.
    pub num_samples: usize,
    /// Warm-up iterations of a chain.
    pub num_warmup: usize,
    /// Step size of HMC.
    pub step_size: f64,
    /// Leapfrogs of HMC.
    pub num_integration_steps: usize,
    /// Chains of a row.
    pub num_chains: usize,
    /// Whether HMC adapts.
    pub adapt: bool,
    /// Acceptance that adaptation aims at.
    pub target_accept: f64,
    /// Regress functions of known mean zero out of sampled means.
    pub control_variates: bool,
    /// Standard error in standard deviations at which HMC stops, instead of a number of samples.
    pub target_mcse: Option<f64>,
    /// Doublings of a trajectory of NUTS at most.
    pub max_depth: usize,
    /// Independent scramblings of importance sampling.
    pub replicates: usize,
    /// Particles of tempered sequential Monte Carlo, over all populations.
    pub particles: usize,
    /// Independent populations of particles.
    pub populations: usize,
    /// Where quadrature stops, in standard deviations.
    pub tol: f64,
    /// What works side by side: `sequential`, `vmap` (lanes) or `pmap` (lanes and threads).
    pub parallel_strategy: ParallelStrategy,
    /// Go on with what is there of the same job.
    pub resume: bool,
}

impl Default for Sampling {
    fn default() -> Self {
        let o = GenerateOptions::default();
        Sampling {
            method: o.method,
            num_samples: o.samples,
            num_warmup: o.warmup,
            step_size: o.step_size,
            num_integration_steps: o.integration_steps,
            num_chains: o.chains,
            adapt: o.adapt,
            target_accept: o.target_accept,
            control_variates: o.control_variates,
            target_mcse: o.target_mcse,
            max_depth: o.max_depth,
            replicates: o.replicates,
            particles: o.particles,
            populations: o.populations,
            tol: o.tol,
            parallel_strategy: o.parallel_strategy,
            resume: o.resume,
        }
    }
}

/// The seed, under the reference system's name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Optim {
    /// Seed of eta and chains.
    pub seed: u64,
}

impl DataJob {
    /// Read a job from YAML text.
    ///
    /// # Errors
    /// What YAML or the schema does not allow, or a key that the method does not take: with line and column, and the likely
    /// meant key.
    ///
    /// # Example
    /// ```
    /// let job = nnef::config::DataJob::parse("{ef: {name: gaussian}, grid: {num_points: 10}}").unwrap();
    /// assert_eq!(job.grid.num_points, 10);
    /// ```
    pub fn parse(text: &str) -> Result<Self> {
        Self::named(text, None)
    }
    fn named(text: &str, file: Option<&Path>) -> Result<Self> {
        let mut job: DataJob = serde_yaml::from_str(text).map_err(|e| {
            let error = not_understood(&e.to_string());
            file.map_or(error.clone(), |file| error.context(format_args!("'{}'", file.display())))
        })?;
        job.source = (text.to_string(), file.map(Path::to_path_buf));
        job.folder = file.and_then(Path::parent).map(Path::to_path_buf).unwrap_or_default();
        let given: Value = serde_yaml::from_str(text).unwrap_or_default();
        for (key, value) in given.get("sampling").and_then(Value::as_mapping).into_iter().flatten() {
            let (Some(key), false) = (key.as_str(), value.is_null()) else { continue };
            let option = KEYS.iter().find(|(_, _, path)| *path == ["sampling", key]).map_or(key, |(option, ..)| option);
            GenerateOptions::check_given(job.sampling.method, option, key).map_err(|e| job.at(&["sampling", key], e))?;
        }
        Ok(job)
    }
    /// Read a job from a YAML file.
    ///
    /// # Errors
    /// A file that cannot be read; as [`DataJob::parse`].
    pub fn load(path: &Path) -> Result<Self> {
        let text = String::from_utf8(files::read(path)?)
            .map_err(|_| Error::file(format!("'{}' is not UTF-8 text", path.display())))?;
        Self::named(&text, Some(path))
    }
    /// `error` with the key that `path` leads to, and its place where the text has it.
    fn at(&self, path: &[&str], error: Error) -> Error {
        let (text, file) = &self.source;
        let file = file.as_ref().map_or(String::new(), |f| format!("'{}' ", f.display()));
        match place::of(text, path) {
            Some((line, column)) => error.context(format_args!("{file}line {line} column {column}, {}", path.join("."))),
            None => error.context(path.join(".")),
        }
    }
    /// `error` with the place of the option that it is about: such errors begin "OPTION is VALUE".
    pub fn placed(&self, error: Error) -> Error {
        let about = |(option, value, _): &&(&str, Reading, _)| {
            let rest = error.message().strip_prefix(&format!("{option} is {}", value(&self.options())));
            rest.is_some_and(|rest| rest.starts_with([';', ':']))
        };
        match KEYS.iter().find(about) {
            Some((.., path)) => self.at(path, error),
            None => error,
        }
    }
    /// The family with the job's region; `resolve` runs the script of a job that names one.
    ///
    /// # Errors
    /// An unknown family or statistic, a shape or range that does not fit, a region that leaves the natural space.
    pub fn family(&self, resolve: Resolve) -> Result<Arc<Family>> {
        let family = self.ef.make(&self.folder, resolve).map_err(|e| self.at(&["ef"], e))?;
        let Some(ranges) = &self.grid.eta_range else { return Ok(family) };
        let region = region(&family, ranges).map_err(|(name, e)| match name {
            Some(name) => self.at(&["grid", "eta_range", &name], e),
            None => self.at(&["grid", "eta_range"], e),
        })?;
        let name = family.name().to_string();
        let family = match Arc::try_unwrap(family) {
            Ok(family) => family.with_region(region)?,
            Err(_) => return Err(Error::numeric(format!("the family '{name}' is still in use by its script"))),
        };
        family.check_region().map_err(|e| self.at(&["grid", "eta_range"], e))?;
        Ok(Arc::new(family))
    }
    /// The options of the job, without a file to write.
    pub fn options(&self) -> GenerateOptions {
        let (s, grid) = (&self.sampling, &self.grid);
        GenerateOptions {
            points: grid.num_points,
            design: grid.design,
            method: s.method,
            samples: s.num_samples,
            warmup: s.num_warmup,
            chains: s.num_chains,
            step_size: s.step_size,
            integration_steps: s.num_integration_steps,
            adapt: s.adapt,
            target_accept: s.target_accept,
            control_variates: s.control_variates,
            target_mcse: s.target_mcse,
            max_depth: s.max_depth,
            replicates: s.replicates,
            particles: s.particles,
            populations: s.populations,
            tol: s.tol,
            seed: self.optim.seed,
            resume: s.resume,
            batch_size: grid.batch_size,
            parallel_strategy: s.parallel_strategy,
            ..GenerateOptions::default()
        }
    }
    /// Make the dataset.
    ///
    /// # Errors
    /// As [`DataJob::family`] and [`generate`].
    pub fn run(&self, resolve: Resolve, monitor: &Monitor) -> Result<Dataset> {
        generate(&self.family(resolve)?, &self.options(), monitor).map_err(|e| self.placed(e))
    }
}

/// The value of an option, as its errors show it.
type Reading = fn(&GenerateOptions) -> String;

/// What options of [`generate`] are called in a file.
const KEYS: &[(&str, Reading, [&str; 2])] = &[
    ("points", |o| o.points.to_string(), ["grid", "num_points"]),
    ("batch_size", |o| o.batch_size.to_string(), ["grid", "batch_size"]),
    ("samples", |o| o.samples.to_string(), ["sampling", "num_samples"]),
    ("warmup", |o| o.warmup.to_string(), ["sampling", "num_warmup"]),
    ("chains", |o| o.chains.to_string(), ["sampling", "num_chains"]),
    ("step_size", |o| short(o.step_size), ["sampling", "step_size"]),
    ("integration_steps", |o| o.integration_steps.to_string(), ["sampling", "num_integration_steps"]),
    ("target_accept", |o| short(o.target_accept), ["sampling", "target_accept"]),
    ("target_mcse", |o| short(o.target_mcse.unwrap_or(0.0)), ["sampling", "target_mcse"]),
    ("max_depth", |o| o.max_depth.to_string(), ["sampling", "max_depth"]),
    ("replicates", |o| o.replicates.to_string(), ["sampling", "replicates"]),
    ("particles", |o| o.particles.to_string(), ["sampling", "particles"]),
    ("populations", |o| o.populations.to_string(), ["sampling", "populations"]),
    ("tol", |o| short(o.tol), ["sampling", "tol"]),
];

/// The error for a text that the schema does not allow: with the likely meant one of the words that serde lists.
fn not_understood(message: &str) -> Error {
    let plain = [("usize", "a whole number of at least 0"), ("u64", "a whole number of at least 0"), ("f64", "a number")];
    let plain = plain.iter().fold(message.to_string(), |text, (word, meaning)| {
        text.replace(&format!("expected {word}"), &format!("expected {meaning}"))
    });
    let error = Error::file(format!("the job is not understood: {plain}"));
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let guess = quoted.split_first().and_then(|(found, valid)| nearest(found, valid.iter().copied()));
    match guess {
        Some(guess) if message.contains("unknown") => error.hint(format!("did you mean '{guess}'?")),
        _ if message.contains("invalid ") => error,
        _ => error.hint(
            "keys: ef { name, x_shape } or { script }, grid { num_points, eta_range, batch_size }, sampling, optim { seed }",
        ),
    }
}
