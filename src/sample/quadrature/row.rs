//! Moments of one eta over a component, and how wrong they are by the changes from level to level.

/// Moments of one eta over a component.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub mu: Vec<f64>,
    pub cov: Vec<f64>,
    pub log_normalizer: f64,
    /// Error estimate of each mean.
    pub error: Vec<f64>,
    /// Error estimate of the log-normaliser.
    pub log_error: f64,
    /// Largest error in standard deviations.
    pub worst: f64,
    /// Whether a statistic is NaN at a node.
    pub undefined: bool,
    /// What the mass beyond the window may add to each statistic; infinite where the density does not decay.
    pub tail: Vec<f64>,
    /// The mass beyond the window.
    pub beyond: f64,
    /// The least number of points, in effect, from which the variance of a statistic comes; infinite where that was not looked at.
    pub spread: f64,
    /// The last changes of the means, then of the log-normaliser, and those before them, where there were such.
    pub changed: [Option<Vec<f64>>; 2],
}

/// Smallest error in standard deviations that is asked of rules in several coordinates.
pub(super) const TOL_WIDE: f64 = 5e-9;
/// Least number of points, in effect, from which the variance of a statistic comes on a grid over one, two or three coordinates: what
/// varies on fewer may be anything between them. Lines have nodes enough.
pub(super) const LEAST_SPREAD: [f64; 3] = [0.0, 8.0, 20.0];
/// Least error that is claimed there.
const LEAST_WIDE: f64 = 3e-10;

/// What the error of a level may be above the geometric extrapolation of the last changes.
pub(super) const SAFETY: f64 = 3.0;
/// How fast changes are believed to shrink from level to level.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// Part of the last change that the next one is taken to be at least.
    pub fastest: f64,
    /// Whether they may shrink by powers only, and not evenly: then one that is small may be so by accident.
    pub uneven: bool,
    /// Whether the nodes may not resolve the density yet: then one that is small is believed only after another one.
    pub steep: bool,
}

/// Part of the last change that the next one is taken to be at least, on a line and in several coordinates.
pub(super) const FASTEST: [f64; 2] = [1e-2, 1e-4];
/// Part of the last change that the next one is taken to be at most.
const SLOWEST: f64 = 0.75;
/// Part of the change before the last that an error is at least where nodes may not resolve the density, or do not.
const REMEMBERED: f64 = 0.25;
/// Part of the change before the last that is no accident.
const SUDDEN: f64 = 1e-3;
/// Power of the ratio of changes that is believed where they are uneven.
const DOUBTED: f64 = 0.75;

impl Row {
    /// The row of no component at all, of `k` statistics.
    pub(super) fn nothing(k: usize) -> Row {
        let zeros = vec![0.0; k];
        let (mu, error, tail) = (zeros.clone(), zeros.clone(), zeros);
        Row {
            mu,
            cov: vec![0.0; k * k],
            log_normalizer: 0.0,
            error,
            log_error: 0.0,
            worst: 0.0,
            undefined: false,
            tail,
            beyond: 0.0,
            spread: f64::INFINITY,
            changed: [None, None],
        }
    }
    /// Of which nothing is known.
    pub(super) fn unknown(k: usize) -> Row {
        let many = vec![f64::INFINITY; k];
        Row { error: many, log_error: f64::INFINITY, worst: f64::INFINITY, cov: vec![f64::INFINITY; k * k], ..Row::nothing(k) }
    }
    /// Add the share of a component with the given statistics.
    pub(super) fn add(&mut self, part: Row, statistics: &[usize]) {
        let (k, local) = (self.mu.len(), statistics.len());
        self.log_normalizer += part.log_normalizer;
        self.log_error += part.log_error;
        for (a, i) in statistics.iter().enumerate() {
            self.mu[*i] += part.mu[a];
            self.error[*i] += part.error[a];
            for (b, j) in statistics.iter().enumerate() {
                self.cov[i * k + j] += part.cov[a * local + b];
            }
        }
    }
    /// What rounding leaves of the density at the component's share of eta, in nats: the exponent is a sum of terms of this size.
    pub(super) fn grain(&self, eta: &[f64]) -> f64 {
        let k = eta.len();
        let sd = |s: usize| self.cov.get(s * k + s).map_or(0.0, |v| v.max(0.0).sqrt());
        let terms: f64 = eta.iter().enumerate().map(|(s, e)| (e * self.mu[s].hypot(sd(s))).abs()).sum();
        if terms.is_finite() { f64::EPSILON * terms } else { 0.0 }
    }
    /// The largest error in standard deviations; infinite where it is not a number.
    pub(super) fn worst_in_sd(&self) -> f64 {
        let k = self.mu.len();
        let in_sd = |s: usize| self.error[s] / self.cov[s * k + s].sqrt();
        (0..k).map(in_sd).fold(0.0, |a: f64, b| if b.is_nan() { f64::INFINITY } else { a.max(b) })
    }
    /// Estimate the error from the change since the last level, and how fast changes have shrunk; `changes` keeps them.
    pub(super) fn judge(&mut self, before: &Row, changes: &mut Vec<f64>, pace: Pace) {
        let k = self.mu.len();
        // What is not a number is not settled.
        let between = |a: f64, b: f64| if a.is_finite() && b.is_finite() { (a - b).abs() } else { f64::INFINITY };
        let change: Vec<f64> = (0..k).map(|s| between(self.mu[s], before.mu[s])).collect();
        self.cov.clone_from(&before.cov);
        let sd = |s: usize| before.cov[s * k + s].max(0.0).sqrt();
        let in_sd = |s: usize, e: f64| if e == 0.0 { 0.0 } else { e / sd(s) };
        let worst = |errors: &[f64]| {
            (0..k).map(|s| in_sd(s, errors[s])).fold(0.0, |a: f64, b| if b.is_nan() { f64::INFINITY } else { a.max(b) })
        };
        // Means alone may stand still where all the mass falls on one node.
        let shift = between(self.log_normalizer, before.log_normalizer);
        let shift = if shift.is_finite() && shift <= 4e-15 * self.log_normalizer.abs() { 0.0 } else { shift };
        let now = worst(&change).max(shift);
        // Levels whose changes shrink geometrically have an error beyond the last of change * ratio / (1 - ratio).
        let ratio = match changes[..] {
            [.., a, b] if pace.uneven => Some((now / b).max(b / a).powf(DOUBTED)),
            [.., b] => Some(now / b),
            [] => None,
        };
        let factor = match ratio.filter(|r| r.is_finite()).map(|r| r.clamp(pace.fastest, SLOWEST)) {
            Some(ratio) => (SAFETY * ratio / (1.0 - ratio)).min(SAFETY),
            None if pace.uneven => SAFETY,
            None => 1.0,
        };
        // Where nothing is known of the change before, the mean may be anywhere.
        let least = |s: usize| match &before.changed[0] {
            _ if !pace.steep => 0.0,
            Some(earlier) => REMEMBERED * earlier[s],
            None if s < k => sd(s),
            None => 1.0,
        };
        changes.push(now);
        self.error = (0..k).map(|s| (factor * change[s]).max(least(s)).max(floor(self.mu[s]))).collect();
        self.log_error = (factor * shift).max(least(k));
        self.worst = worst(&self.error).max(self.log_error);
        self.changed = [Some(change.iter().copied().chain([shift]).collect()), before.changed[0].clone()];
        // What is claimed is not less than what a slower pace would leave, where that is good enough too.
        if pace.fastest < FASTEST[0] {
            let slower = |change: f64, unit: f64| (SAFETY * FASTEST[0] * change).clamp(LEAST_WIDE * unit, TOL_WIDE * unit);
            self.error.iter_mut().enumerate().for_each(|(s, e)| *e = e.max(slower(change[s], sd(s))));
            self.log_error = self.log_error.max(slower(shift, 1.0));
        }
    }
    /// Where the variance of a statistic has changed since the last level, nodes may miss most of where it varies: a rare event
    /// that one node sees, whose mean stands still by accident.
    pub(super) fn waver(&mut self, before: &Row) {
        let k = self.mu.len();
        for s in 0..k {
            let (now, then) = (self.cov[s * k + s].max(0.0), before.cov[s * k + s].max(0.0));
            let change = ((now - then).abs() / now.max(then).max(f64::MIN_POSITIVE)).min(1.0);
            let more = change * change;
            self.error[s] += more * now.max(then).sqrt();
            self.worst = self.worst.max(more);
        }
    }
    /// Where a density has taken many levels, or has not settled, the last of the `changes` may be small by accident, unless it is
    /// much smaller than the one before: then all means stand still.
    pub(super) fn distrust(&mut self, changes: &[f64]) {
        let ([.., before, last], Some(earlier)) = (changes, &self.changed[1]) else { return };
        if *last < SUDDEN * before {
            return;
        }
        let k = self.mu.len();
        self.error.iter_mut().zip(earlier).for_each(|(e, b)| *e = e.max(REMEMBERED * b));
        self.log_error = self.log_error.max(REMEMBERED * earlier[k]);
        self.worst = self.worst.max(self.worst_in_sd()).max(self.log_error);
    }
    /// Take the errors to be this part of what they were judged.
    pub(super) fn believe(&mut self, part: f64) {
        self.error.iter_mut().for_each(|e| *e *= part);
        self.log_error *= part;
        self.worst *= part;
    }
    /// Claim errors of so many standard deviations and nats at least.
    pub(super) fn claim_at_least(&mut self, least: f64) {
        let k = self.mu.len();
        for s in 0..k {
            self.error[s] = self.error[s].max(least * self.cov[s * k + s].max(0.0).sqrt());
        }
        self.log_error = self.log_error.max(least);
    }
    /// Claim so much more, which another level would not change.
    pub(super) fn admit(&mut self, more: f64) {
        let worst = self.worst;
        self.doubt(more);
        self.worst = worst;
    }
    /// Add an error of each mean in standard deviations, and of the log-normaliser.
    pub(super) fn doubt(&mut self, more: f64) {
        let k = self.mu.len();
        self.error.iter_mut().enumerate().for_each(|(s, e)| *e += more * self.cov[s * k + s].max(0.0).sqrt());
        self.log_error += more;
        self.worst += more;
    }
}

/// Largest error, in standard deviations or nats, with which a row is given out.
pub(super) const RESOLVED: f64 = 0.02;

/// What rounding leaves of a mean.
pub(super) fn floor(mean: f64) -> f64 {
    (1e-15 * mean.abs()).max(f64::MIN_POSITIVE)
}
