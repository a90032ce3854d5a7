//! A family certifies itself: what `fam.check()` runs.
//!
//! Each line compares two independent ways to one number, over a few eta of the region, and says the worst difference
//! beside its limit. Statistical lines state z-scores; their limit is passed by chance less than once in 100,000 lines.

mod agreement;
mod exact;
mod integrals;
mod pointwise;
mod stein;

use crate::error::{Error, Result};
use crate::family::Family;
use crate::num::observe::Monitor;
use crate::num::special::normal_quantile;
use crate::num::stream::Stream;
use std::fmt;

/// What a line found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Both ways agree.
    Pass,
    /// They do not.
    Fail,
    /// The line does not apply to this family; the detail says why.
    Skip,
}

/// One line of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What was compared.
    pub name: &'static str,
    /// How it went.
    pub verdict: Verdict,
    /// Numbers: the worst difference, where, and the limit.
    pub detail: String,
}

/// What [`check`] says of a family.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Name of the family.
    pub family: String,
    /// The lines.
    pub lines: Vec<Line>,
}

/// Options of [`check`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CheckOptions {
    /// Seed of eta, points and chains.
    pub seed: u64,
    /// Natural parameters to check at, [n, k]; the centre and draws of the region where empty.
    pub eta: Vec<f64>,
}

/// Draws of eta at which a family is checked, beside the centre of its region.
const DRAWS: usize = 3;
/// Chance that a statistical line fails on a family without fault.
const FALSE_ALARM: f64 = 1e-5;
/// R-hat above which chains have nothing to say.
const RHAT: f64 = 1.1;

impl Line {
    fn skip(name: &'static str, why: impl Into<String>) -> Line {
        Line { name, verdict: Verdict::Skip, detail: why.into() }
    }
    /// The same with where it was looked at, where that is not at all eta.
    fn at(mut self, looked: usize, all: usize) -> Line {
        if looked < all && self.verdict != Verdict::Skip {
            self.detail += &format!("; at {looked} of {all} eta: at others there is no integral, or it takes long");
        }
        self
    }
    fn of(name: &'static str, passed: bool, detail: String) -> Line {
        Line { name, verdict: if passed { Verdict::Pass } else { Verdict::Fail }, detail }
    }
}

impl Report {
    /// Whether no line failed.
    pub fn passed(&self) -> bool {
        self.lines.iter().all(|l| l.verdict != Verdict::Fail)
    }
    /// The line called `name`.
    pub fn line(&self, name: &str) -> Option<&Line> {
        self.lines.iter().find(|l| l.name == name)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |v: Verdict| self.lines.iter().filter(|l| l.verdict == v).count();
        let (pass, fail, skip) = (count(Verdict::Pass), count(Verdict::Fail), count(Verdict::Skip));
        write!(f, "family '{}': {pass} checks passed, {fail} failed", self.family)?;
        if skip > 0 {
            write!(f, ", {skip} not made, for the reason in their line")?;
        }
        for line in &self.lines {
            let word = match line.verdict {
                Verdict::Pass => "pass",
                Verdict::Fail => "FAIL",
                Verdict::Skip => "  - ",
            };
            write!(f, "\n  {word}  {:<12} {}", line.name, line.detail)?;
        }
        Ok(())
    }
}

/// The limit of the largest of `tests` z-scores whose standard errors come from `degrees` of freedom: the quantile of
/// Student's t at [`FALSE_ALARM`] shared among them (Cornish and Fisher's expansion).
fn z_limit(tests: usize, degrees: f64) -> f64 {
    let z = normal_quantile(1.0 - FALSE_ALARM / (2.0 * tests.max(1) as f64));
    let (z3, z5, z7) = (z.powi(3), z.powi(5), z.powi(7));
    z + (z3 + z) / (4.0 * degrees)
        + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * degrees.powi(2))
        + (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / (384.0 * degrees.powi(3))
}

/// Check `family`: see the module documentation.
///
/// # Errors
/// When the family has no region and no eta was given, or the user interrupts. What is wrong with the family is not an
/// error but a line.
///
/// # Example
/// ```
/// use nnef::{family::named::gaussian, num::observe::Monitor, sample::{CheckOptions, check}};
/// let report = check(&gaussian().unwrap(), &CheckOptions::default(), &Monitor::silent()).unwrap();
/// assert!(report.passed(), "{report}");
/// ```
pub fn check(family: &Family, options: &CheckOptions, monitor: &Monitor) -> Result<Report> {
    let stream = Stream::new(options.seed).child("check");
    let candidates = match (options.eta.is_empty(), family.region()) {
        (false, _) => options.eta.clone(),
        (true, Some(region)) => [region.center(), region.draw(DRAWS, stream.child("eta"))].concat(),
        (true, None) => {
            return Err(Error::domain(format!("the family '{}' has no region of eta to check over", family.name()))
                .hint("give one, family(#{ ..., eta: #{ name: [low, high], ... } }), or check(#{ eta: [...] })"));
        }
    };
    crate::family::check_batch(&candidates, family.dim())?;
    let quiet = monitor.quiet();
    let mut lines = vec![exact::region(family, &candidates, stream, &quiet)?];
    // The rest is checked where the density exists.
    let etas: Vec<&[f64]> = candidates.chunks(family.dim()).filter(|e| family.check_eta(e).is_ok()).collect();
    let integrals = integrals::Integrals::new(family, &etas, &quiet);
    let checks: [&dyn Fn() -> Vec<Line>; 5] = [
        &|| pointwise::lines(family, &etas, stream, &quiet),
        &|| exact::lines(family, &etas, &integrals, &quiet),
        &|| stein::lines(family, &etas, stream, &quiet),
        &|| agreement::lines(family, &etas, &integrals, stream, &quiet),
        &|| agreement::draws(family, &etas, stream, &quiet),
    ];
    let task = monitor.task("check", checks.len() as u64);
    for run in checks {
        monitor.check()?;
        if !etas.is_empty() {
            lines.extend(run());
        }
        task.add(1, "");
    }
    // What was interrupted says nothing.
    monitor.check()?;
    Ok(Report { family: family.name().to_string(), lines })
}
