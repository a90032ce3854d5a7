//! `generate` from a YAML file.

use crate::data::{Dataset, GenerateOptions, generate};
use crate::error::{Error, Result, unknown};
use crate::family::{Block, Family, Region, named};
use crate::num::files;
use crate::num::observe::Monitor;
use crate::sample::Method;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
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
}

/// A named family and the shape of a point.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FamilyChoice {
    /// Name of a family: see `ef::list()`.
    pub name: String,
    /// Shape of a point; its only entry is the dimension of families that take one.
    #[serde(default)]
    pub x_shape: Vec<usize>,
}

/// The rows of a dataset.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Number of rows.
    pub num_points: usize,
    /// Range of eta of each statistic; the family's own region where it is left out.
    #[serde(default)]
    pub eta_range: Option<BTreeMap<String, [f64; 2]>>,
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
    /// What YAML or the schema does not allow, with line and column.
    ///
    /// # Example
    /// ```
    /// let job = nnef::config::DataJob::parse("{ef: {name: gaussian}, grid: {num_points: 10}}").unwrap();
    /// assert_eq!(job.grid.num_points, 10);
    /// ```
    pub fn parse(text: &str) -> Result<Self> {
        serde_yaml::from_str(text)
            .map_err(|e| Error::file(format!("the job is not understood: {e}")).hint("keys: ef, grid, sampling, optim"))
    }
    /// Read a job from a YAML file.
    ///
    /// # Errors
    /// A file that cannot be read; as [`DataJob::parse`].
    pub fn load(path: &Path) -> Result<Self> {
        let text = String::from_utf8(files::read(path)?)
            .map_err(|_| Error::file(format!("'{}' is not UTF-8 text", path.display())))?;
        Self::parse(&text).map_err(|e| e.context(format!("'{}'", path.display())))
    }
    /// The family with the job's region.
    ///
    /// # Errors
    /// An unknown family or statistic, a shape or range that does not fit.
    pub fn family(&self) -> Result<Arc<Family>> {
        let d = match self.ef.x_shape[..] {
            [] => 1,
            [d] => d,
            _ => return Err(Error::shape(format!("x_shape {:?}: named families take one dimension", self.ef.x_shape))),
        };
        let family = named::named(&self.ef.name, d)?;
        let Some(ranges) = &self.grid.eta_range else { return Ok(Arc::new(family)) };
        let names: Vec<&str> = family.statistics().iter().map(|s| s.name.as_str()).collect();
        if let Some(key) = ranges.keys().find(|k| !names.contains(&k.as_str())) {
            return Err(unknown("statistic in eta_range", key, &names));
        }
        let blocks: Result<Vec<(String, Block)>> = family
            .statistics()
            .iter()
            .map(|s| {
                let [low, high] =
                    ranges.get(&s.name).ok_or_else(|| Error::domain(format!("eta_range has no range for '{}'", s.name)))?;
                Ok((
                    s.name.clone(),
                    Block::interval(*low, *high, s.size()).map_err(|e| e.context(format!("eta_range of '{}'", s.name)))?,
                ))
            })
            .collect();
        Ok(Arc::new(family.with_region(Region::new(blocks?))?))
    }
    /// Make the dataset.
    ///
    /// # Errors
    /// As [`DataJob::family`] and [`generate`].
    pub fn run(&self, monitor: &Monitor) -> Result<Dataset> {
        let s = &self.sampling;
        let options = GenerateOptions {
            points: self.grid.num_points,
            method: s.method,
            samples: s.num_samples,
            warmup: s.num_warmup,
            chains: s.num_chains,
            step_size: s.step_size,
            integration_steps: s.num_integration_steps,
            adapt: s.adapt,
            seed: self.optim.seed,
            ..GenerateOptions::default()
        };
        generate(&self.family()?, &options, monitor)
    }
}
