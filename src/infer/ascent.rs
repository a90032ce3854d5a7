//! Coordinate ascent for two factors: [`Ascent`] is the state, [`Ascent::step`] a sweep, [`Step`] what it did.
//!
//! # Source
//! Wainwright and Jordan, "Graphical models, exponential families, and variational inference" (2008), section 5; the
//! acceleration is that of `anderson`, accepted only where the bound does not drop, in the spirit of Zhang, O'Donoghue
//! and Boyd, "Globally convergent type-I Anderson acceleration", SIAM J. Optim. 30 (2020).

use super::anderson::Anderson;
use super::factor::{Evaluator, Factor, Source};
use super::options::CaviOptions;
use super::place::{Place, explain, floor, norm, place};
use super::problem::{Problem, add};
use super::result::{Cavi, NewRow, Step};
use crate::error::{Error, Kind, Result};
use crate::num::observe::Monitor;
use std::sync::Arc;

/// A fixed point that a sweep leaves faster than this is a saddle.
const SADDLE: f64 = 1.0 + 1e-6;
/// Sweeps in a row, each with a larger step than the last, that make an ascent suspect of running away.
const STREAK: usize = 5;
/// Change in standard deviations, or growth of the step, at which a suspect is stopped.
const RUNAWAY: (f64, f64) = (1e3, 1e6);

/// A coordinate ascent that is under way. A sweep moves y to prior_y + A' E\[T\] (or to an accelerated point), then x to
/// prior_x + A E\[S\], so that x is always up to date with y.
pub struct Ascent {
    problem: Arc<Problem>,
    options: CaviOptions,
    evaluators: (Evaluator, Evaluator),
    /// Where the ascent stands; see [`Place`].
    place: Place,
    history: Anderson,
    trace: Vec<Step>,
    new_rows: Vec<NewRow>,
    converged: bool,
    /// Sweeps before the polish, once that has begun.
    polish_from: Option<usize>,
    saddle: Option<usize>,
    elbo_drops: usize,
    /// Sweeps in a row with growing steps.
    streak: usize,
    /// Length of the first step of eta_y.
    first_step: f64,
    pub(super) interrupted: bool,
}

impl Ascent {
    /// Start: y at its start (the centre of its map, or its prior where there are no moments at the centre), x at the message
    /// from it.
    ///
    /// # Errors
    /// Shapes that do not fit, numbers that are not finite, options out of range, a start outside what a map knows, or a
    /// polish without exact moments.
    pub fn new(x: Factor, y: Factor, coupling: &[f64], options: &CaviOptions) -> Result<Self> {
        let problem = Problem::new(x, y, coupling)?;
        let options = options.clone().valid()?;
        let mut evaluators = (Evaluator::default(), Evaluator::default());
        let place = match (&problem.y.start, &problem.x.start) {
            (Some(start), _) => place(&problem, &mut evaluators, start.clone(), 0, false)?,
            (None, Some(from)) => {
                let x = evaluators.0.point(&problem.x, "x", from.clone());
                let start = problem.message_y(&x.map_err(|e| explain(e, &problem, "x", 0))?.mu);
                place(&problem, &mut evaluators, start, 0, false)?
            }
            // A family without a region has no centre worth the name: the evidence is the next best.
            (None, None) => {
                let center = problem.y.map.center();
                let good = evaluators.1.point(&problem.y, "y", center.clone()).is_ok();
                let start = if good { center } else { problem.y.prior.clone() };
                place(&problem, &mut evaluators, start, 0, false)?
            }
        };
        for (evaluator, factor, name) in [(&evaluators.0, &problem.x, "x"), (&evaluators.1, &problem.y, "y")] {
            if options.polish > 0 && !evaluator.has_exact(factor) {
                let message = format!(
                    "option 'polish' of cavi is {}, but factor {name} ('{}') has no exact moments",
                    options.polish,
                    factor.map.name()
                );
                return Err(Error::domain(message).hint("give the factor the family, to fall back on, or polish: 0"));
            }
        }
        let converged = place.change <= options.tol;
        let mut ascent = Ascent {
            problem: Arc::new(problem),
            options,
            evaluators,
            history: Anderson::default(),
            trace: Vec::new(),
            new_rows: Vec::new(),
            converged,
            polish_from: None,
            saddle: None,
            elbo_drops: 0,
            streak: 0,
            first_step: place.size(),
            interrupted: false,
            place,
        };
        ascent.record(false);
        Ok(ascent)
    }
    /// Whether nothing is left to do: converged or at `max_iter`, and polished.
    pub fn done(&self) -> bool {
        match self.polish_from {
            Some(from) => self.place.change <= self.options.tol || self.iterations() >= from + self.options.polish,
            None => self.climbed() && self.options.polish == 0,
        }
    }
    /// Sweeps so far.
    pub fn iterations(&self) -> usize {
        self.trace.len().saturating_sub(1)
    }
    /// Where the ascent stands.
    pub fn last(&self) -> Option<&Step> {
        self.trace.last()
    }
    fn climbed(&self) -> bool {
        (self.converged && !self.at_saddle()) || self.iterations() >= self.options.max_iter
    }
    fn at_saddle(&self) -> bool {
        self.saddle.is_none() && self.problem.condition(&self.place.x, &self.place.y).is_some_and(|rho| rho > SADDLE)
    }
    /// One sweep over both factors: accelerated where the guard lets it, plain elsewhere. After [`Ascent::done`], nothing.
    ///
    /// # Errors
    /// An eta outside what a map knows, without exact moments to take over; an eta where a density does not integrate; an
    /// ascent that runs away. Each names the sweep and the factor. The state stays that before the sweep.
    pub fn step(&mut self) -> Result<Step> {
        if !self.done() {
            if self.climbed() && self.polish_from.is_none() {
                self.begin_polish()?;
            }
            if !self.done() {
                self.sweep()?;
            }
        }
        self.trace.last().cloned().ok_or_else(|| Error::numeric("cavi has no start"))
    }
    fn begin_polish(&mut self) -> Result<()> {
        let at = self.iterations();
        self.place = place(&self.problem, &mut self.evaluators, self.place.y.eta.clone(), at, true)?;
        self.history.clear();
        self.polish_from = Some(at);
        Ok(())
    }
    fn sweep(&mut self) -> Result<()> {
        let n = self.iterations() + 1;
        let exact = self.polish_from.is_some();
        let kick = if self.converged && !exact { self.problem.kick(&self.place.x, &self.place.y) } else { None };
        let plain = add(&self.place.y.eta, &self.place.step);
        self.history.push(&self.place.y.eta, &plain);
        let (next, accelerated) = match (&kick, self.accelerated(n, exact)?) {
            (Some(kick), _) => (place(&self.problem, &mut self.evaluators, add(&self.place.y.eta, kick), n, exact)?, false),
            (None, Some(next)) => (next, true),
            (None, None) => (place(&self.problem, &mut self.evaluators, plain, n, exact)?, false),
        };
        if kick.is_some() {
            self.saddle = Some(n);
            self.history.clear();
        } else if next.gain(&self.place).is_some_and(|gain| gain < -next.slack()) {
            self.elbo_drops += 1;
        }
        self.streak = if next.size() > self.place.size() { self.streak + 1 } else { 0 };
        self.place = next;
        self.converged |= self.place.change <= self.options.tol;
        if kick.is_some() {
            self.converged = false;
        }
        self.record(accelerated);
        self.check_runaway()
    }
    /// The accelerated place, where the guard accepts it: every eta known, the bound not lower, and, where the bound does
    /// not tell, a smaller step left.
    fn accelerated(&mut self, n: usize, exact: bool) -> Result<Option<Place>> {
        // Without a bound nothing keeps acceleration from returning to a saddle that the ascent was pushed off.
        if !self.options.accelerate || (self.converged && !exact) || (self.saddle.is_some() && self.place.elbo.is_none()) {
            return Ok(None);
        }
        let unit = self.place.y.sd().map_or_else(|| vec![1.0; self.place.y.eta.len()], floor);
        let Some(eta) = self.history.candidate(&unit) else { return Ok(None) };
        if !exact && !self.evaluators.1.knows(&self.problem.y, &eta) {
            return Ok(None);
        }
        let next = match place(&self.problem, &mut self.evaluators, eta, n, exact) {
            Ok(next) if next.inside() => next,
            Err(e) if e.kind() == Kind::Interrupted => return Err(e),
            _ => return Ok(None),
        };
        let shorter = norm(&next.step, &unit) < norm(&self.place.step, &unit);
        let good = match next.gain(&self.place) {
            Some(gain) if gain.abs() > next.slack() => gain > 0.0,
            _ => shorter,
        };
        Ok(good.then_some(next))
    }
    fn record(&mut self, accelerated: bool) {
        let place = &self.place;
        let polish = self.polish_from.is_some();
        let iteration = self.trace.len();
        let (elbo, change) = (place.elbo, place.change);
        for (name, p) in [("x", &place.x), ("y", &place.y)] {
            if p.source == Source::Exact && !polish {
                let row = NewRow { iteration, factor: name, eta: p.eta.clone(), mu_t: p.mu.clone(), method: p.method };
                self.new_rows.push(row);
            }
        }
        self.trace.push(Step { iteration, elbo, change, inside: place.inside(), accelerated, polish });
    }
    fn check_runaway(&self) -> Result<()> {
        if self.streak < STREAK || self.converged {
            return Ok(());
        }
        let grown = self.place.size() / (1.0 + self.first_step);
        let last = self.iterations() >= self.options.max_iter;
        if !(self.place.change > RUNAWAY.0 || grown > RUNAWAY.1 || last) {
            return Ok(());
        }
        let rho = self.problem.condition(&self.place.x, &self.place.y);
        let rho = rho.map_or(String::new(), |rho| format!(" (contraction rho = {rho:.3})"));
        let message = format!(
            "cavi: iteration {}: the ascent runs away: each of the last {} steps was larger than the one before{rho}; the next would move mu by {:.3e} sd",
            self.iterations(),
            self.streak,
            self.place.change
        );
        Err(Error::numeric(message).hint(
            "the joint density may have no finite integral: weaken the coupling or strengthen the priors; else raise max_iter",
        ))
    }
    /// The result as it stands.
    pub fn finish(self) -> Cavi {
        let condition = self.problem.condition(&self.place.x, &self.place.y);
        let iterations = self.iterations();
        Cavi::new(
            self.problem,
            (self.place.x, self.place.y),
            super::result::Course {
                polish_sweeps: self.polish_from.map(|from| iterations - from),
                converged: self.converged && condition.is_none_or(|rho| rho <= SADDLE),
                elbo: self.place.elbo,
                change: self.place.change,
                interrupted: self.interrupted,
                saddle: self.saddle,
                elbo_drops: self.elbo_drops,
                trace: self.trace,
                new_rows: self.new_rows,
                tol: self.options.tol,
                condition,
            },
        )
    }
}

/// Coordinate-ascent variational inference for log p(x, y) = T(x)' A S(y) + prior_x . T + prior_y . S + base measures,
/// with `coupling` A, [kx, ky] row-major. Stops when a sweep would change mu by at most `tol` standard deviations. A user
/// who interrupts gets what there is, with `converged` false and `interrupted` true.
///
/// A fixed point from which sweeps lead away (`condition` above 1: the symmetric point between two modes) is left once by
/// a step of 0.05 standard deviations. That each factor's density integrates is checked at every iterate; that the joint
/// one does is not in the factors' moments, but a joint density that does not integrate shows as an ascent that runs away.
///
/// # Errors
/// As [`Ascent::new`] and [`Ascent::step`].
///
/// # Example
/// ```
/// use nnef::family::{ExpectationMap, named::gaussian};
/// use nnef::infer::{CaviOptions, Factor, cavi};
/// use nnef::{num::observe::Monitor, sample::exact};
/// use std::sync::Arc;
/// let map: Arc<dyn ExpectationMap> = Arc::new(exact(&Arc::new(gaussian().unwrap())).unwrap());
/// // x and y normal with precision 1, coupled by 0.5 x y, and x pulled by 1: the means solve m_x = 1 + m_y / 2, m_y = m_x / 2.
/// let x = Factor::new(map.clone()).with_prior(&[1.0, -0.5]);
/// let y = Factor::new(map).with_prior(&[0.0, -0.5]);
/// let r = cavi(x, y, &[0.5, 0.0, 0.0, 0.0], &CaviOptions::default(), &Monitor::silent()).unwrap();
/// assert!(r.converged && (r.mu_x[0] - 4.0 / 3.0).abs() < 1e-5);
/// ```
pub fn cavi(x: Factor, y: Factor, coupling: &[f64], options: &CaviOptions, monitor: &Monitor) -> Result<Cavi> {
    let task = monitor.task("cavi", options.max_iter.saturating_add(options.polish) as u64);
    let mut ascent = Ascent::new(x, y, coupling, options)?;
    while !ascent.done() {
        if monitor.cancelled() {
            ascent.interrupted = true;
            break;
        }
        match ascent.step() {
            Ok(step) => task.add(1, &step.to_string()),
            Err(e) if e.kind() == Kind::Interrupted => {
                ascent.interrupted = true;
                break;
            }
            Err(e) => return Err(e),
        }
    }
    Ok(ascent.finish())
}
