//! The family of a job: a named one, or the value of a script; and its region of eta.

use crate::error::{Error, Result, unknown};
use crate::family::named::{self, Make};
use crate::family::{Block, Family, Region, Statistic};
use serde::{Deserialize, Serialize};
use serde_yaml::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Runs a script file whose last value is a family.
pub type Resolve<'a> = &'a dyn Fn(&Path) -> Result<Arc<Family>>;

/// A named family and the shape of a point, or a script.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FamilyChoice {
    /// Name of a family: see `ef::list()`.
    pub name: Option<String>,
    /// Shape of a point, where the family comes in several.
    pub x_shape: Vec<usize>,
    /// Lower ends of the box of `clipped_mvn`.
    pub lower: Option<Vec<f64>>,
    /// Upper ends of the box of `clipped_mvn`.
    pub upper: Option<Vec<f64>>,
    /// A script whose last value is a family; relative to the file of the job.
    pub script: Option<PathBuf>,
}

impl FamilyChoice {
    /// The family.
    ///
    /// # Errors
    /// An unknown name, a shape that does not fit, or what fails in the script.
    pub(super) fn make(&self, folder: &Path, resolve: Resolve) -> Result<Arc<Family>> {
        match (&self.name, &self.script) {
            (Some(name), None) => self.named(name).map(Arc::new),
            (None, Some(script)) => {
                if !self.x_shape.is_empty() || self.lower.is_some() || self.upper.is_some() {
                    return Err(
                        Error::name("ef: a family of a script takes no x_shape, lower or upper").hint("the script says it")
                    );
                }
                resolve(&folder.join(script)).map_err(|e| e.context(format!("ef.script '{}'", script.display())))
            }
            _ => Err(Error::name("ef needs a name or a script, one of them")
                .hint("ef: { name: laplace_product, x_shape: [10] }, or ef: { script: families/bumpy.rhai }")),
        }
    }
    fn named(&self, name: &str) -> Result<Family> {
        let make = named::find(name)?.make;
        if let Make::Bounds(make) = make {
            let (Some(lower), Some(upper)) = (&self.lower, &self.upper) else {
                let error = Error::name(format!("ef: {name} needs the ends of its box, lower and upper"));
                return Err(error.hint(format!("ef: {{ name: {name}, lower: [-1, -1], upper: [1, 1] }}")));
            };
            return make(lower, upper).and_then(|f| self.fitting(f));
        }
        if self.lower.is_some() || self.upper.is_some() {
            return Err(Error::name(format!("ef: {name} has no box; lower and upper belong to clipped_mvn")));
        }
        let family = named::named(name, self.x_shape.first().copied().unwrap_or(1)).map_err(|e| e.context("ef"))?;
        match make {
            Make::Dimension(_) if self.x_shape.len() == 1 => Ok(family),
            _ => self.fitting(family),
        }
    }
    /// `family`, where its points have the shape that was asked for.
    fn fitting(&self, family: Family) -> Result<Family> {
        let shape = family.support().shape();
        let one = self.x_shape == [1] && family.support().dim() == 1;
        if self.x_shape.is_empty() || self.x_shape == shape || self.x_shape == [family.support().dim()] || one {
            return Ok(family);
        }
        let text = format!("ef.x_shape is {:?}, the points of {} have shape {shape:?}", self.x_shape, family.name());
        Err(Error::shape(text).hint("leave x_shape out"))
    }
}

/// The region that `ranges` describe; or the statistic whose range is wrong, where it has one, and why.
pub(super) fn region(
    family: &Family,
    ranges: &BTreeMap<String, Value>,
) -> std::result::Result<Region, (Option<String>, Error)> {
    let names: Vec<&str> = family.statistics().iter().map(|s| s.name.as_str()).collect();
    if let Some(key) = ranges.keys().find(|k| !names.contains(&k.as_str())) {
        return Err((Some(key.clone()), unknown("statistic in grid.eta_range", key, &names)));
    }
    let blocks = family.statistics().iter().map(|s| {
        let range = ranges.get(&s.name).ok_or_else(|| {
            let error = Error::domain(format!("there is no range for '{}'", s.name));
            (None, error.hint(format!("{}: [low, high]", s.name)))
        })?;
        let wrong = |e: Error| (Some(s.name.clone()), e);
        Ok((s.name.clone(), block(s, range).map_err(wrong)?))
    });
    blocks.collect::<std::result::Result<_, _>>().map(Region::new)
}

const FORMS: &str = "[low, high], [lows, highs], { negative_definite: [low, high] } or reparametrised";

fn block(statistic: &Statistic, range: &Value) -> Result<Block> {
    let square = || match statistic.shape[..] {
        [n, m] if n == m => Ok(n),
        _ => Err(Error::shape(format!("matrices are for square statistics; this one has shape {:?}", statistic.shape))),
    };
    let size = statistic.size();
    match range {
        Value::Sequence(ends) => match (numbers(range), &ends[..]) {
            (Some(ends), _) if ends.len() == 2 => Block::interval(ends[0], ends[1], size),
            (None, [low, high]) => match (numbers(low), numbers(high)) {
                (Some(low), Some(high)) if low.len() == size && high.len() == size => Block::ranges(&low, &high),
                (Some(low), Some(high)) => {
                    let text =
                        format!("{} lower and {} upper ends, the statistic has {size} components", low.len(), high.len());
                    Err(Error::shape(text))
                }
                _ => Err(not_a_range(range)),
            },
            _ => Err(not_a_range(range)),
        },
        Value::Mapping(map) => {
            let ends = map.get("negative_definite").and_then(numbers).filter(|e| e.len() == 2 && map.len() == 1);
            let ends = ends.ok_or_else(|| not_a_range(range))?;
            Block::negative_definite(ends[0], ends[1], square()?)
        }
        Value::String(word) if word == "reparametrised" => Ok(Block::Reparametrised { n: square()? }),
        _ => Err(not_a_range(range)),
    }
}

fn numbers(value: &Value) -> Option<Vec<f64>> {
    value.as_sequence()?.iter().map(Value::as_f64).collect()
}

fn not_a_range(value: &Value) -> Error {
    let text = serde_yaml::to_string(value).unwrap_or_default().trim().replace('\n', " ");
    Error::domain(format!("'{text}' is not a range")).hint(FORMS)
}
