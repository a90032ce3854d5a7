//! Step-size adaptation by dual averaging.

/// Dual averaging of log step size towards a target acceptance.
///
/// # Source
/// Hoffman and Gelman, "The No-U-Turn Sampler", JMLR 15 (2014), section 3.2, with its constants.
#[derive(Debug, Clone)]
pub(in crate::sample) struct DualAveraging {
    target: f64,
    anchor: f64,
    count: f64,
    error: f64,
    log_step: f64,
    average: f64,
}

const GAMMA: f64 = 0.05;
const DELAY: f64 = 10.0;
const FORGETTING: f64 = 0.75;

impl DualAveraging {
    pub(in crate::sample) fn new(step: f64, target: f64) -> Self {
        DualAveraging { target, anchor: (10.0 * step).ln(), count: 0.0, error: 0.0, log_step: step.ln(), average: 0.0 }
    }
    /// Take in the mean acceptance of the chains that share the step.
    pub(in crate::sample) fn update(&mut self, acceptance: f64) {
        self.count += 1.0;
        let weight = 1.0 / (self.count + DELAY);
        self.error += weight * (self.target - acceptance - self.error);
        self.log_step = self.anchor - self.count.sqrt() / GAMMA * self.error;
        let forget = self.count.powf(-FORGETTING);
        self.average += forget * (self.log_step - self.average);
    }
    /// The step to try next.
    pub(in crate::sample) fn step(&self) -> f64 {
        self.log_step.exp().clamp(1e-12, 1e12)
    }
    /// The averaged step, for sampling.
    pub(in crate::sample) fn settled(&self) -> f64 {
        if self.count == 0.0 { self.step() } else { self.average.exp().clamp(1e-12, 1e12) }
    }
}
