//! Adaptation during warm-up: step size by dual averaging, trajectory length by ChEES.

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

/// Ascent of the log trajectory length on the log change of the squared distance from the centre, less its price, by Adam
/// without momentum.
///
/// # Source
/// Hoffman, Radul and Sountsov, "An adaptive-MCMC scheme for setting trajectory lengths in Hamiltonian Monte Carlo",
/// AISTATS 2021, algorithm 1, in units of the adapted standard deviations.
#[derive(Debug, Clone)]
pub(super) struct Chees {
    log_length: f64,
    average: f64,
    square: f64,
    count: f64,
}

/// A trajectory as the criterion sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ride {
    /// Acceptance probability.
    pub acceptance: f64,
    /// Its length: step times leapfrogs.
    pub time: f64,
    /// Squared distance from the centre after it less that before.
    pub gain: f64,
    /// Distance from the centre times velocity at the end.
    pub pull: f64,
}

/// Where it starts: about a quarter period of a standardised Gaussian, nearly independent proposals.
const QUARTER: f64 = 1.5;
/// Power of the length, which is what a trajectory costs, that the change has to pay for. Measured: without a price (0) gradients
/// an effective sample rise by half on smooth families and treble on heavy tails.
const PRICE: f64 = 0.6;
const RATE: f64 = 0.05;
const MEMORY: f64 = 0.95;
/// Lengths between which it stays.
const BETWEEN: (f64, f64) = (0.7, 30.0);

impl Chees {
    pub(super) fn new() -> Self {
        Chees { log_length: QUARTER.ln(), average: QUARTER.ln(), square: 0.0, count: 0.0 }
    }
    /// Take in the trajectories of the chains that share the length.
    pub(super) fn update(&mut self, rides: &[Ride]) {
        let change = rides.iter().map(|r| r.acceptance * r.gain * r.gain / 4.0).sum::<f64>();
        let along = rides.iter().map(|r| r.acceptance * r.time * r.gain * r.pull).sum::<f64>();
        let slope = along / change - PRICE;
        if !slope.is_finite() {
            return;
        }
        self.count += 1.0;
        self.square += (1.0 - MEMORY) * (slope * slope - self.square);
        let size = (self.square / (1.0 - MEMORY.powf(self.count))).sqrt();
        if size > 0.0 {
            self.log_length = (self.log_length + RATE * slope / size).clamp(BETWEEN.0.ln(), BETWEEN.1.ln());
        }
        let forget = self.count.powf(-0.5);
        self.average += forget * (self.log_length - self.average);
    }
    /// The length to try next.
    pub(super) fn length(&self) -> f64 {
        self.log_length.exp()
    }
    /// The averaged length, for sampling.
    pub(super) fn settled(&self) -> f64 {
        self.average.exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Harmonic motion of many chains, four times as wide as it is thought to be: sin^2(t / 4) / t^0.6 is largest where
    /// tan(t / 4) = t / 1.2.
    #[test]
    fn chees_finds_the_length_of_harmonic_motion() {
        let mut chees = Chees::new();
        for i in 0..400 {
            let rides: Vec<Ride> = (0..16)
                .map(|c| {
                    let (angle, time) = ((i * 16 + c) as f64 * 2.4, chees.length());
                    let (z, p) = (4.0 * angle.cos(), 4.0 * angle.sin());
                    let (s, c) = (time / 4.0).sin_cos();
                    let (end, speed) = (z * c + p * s, (p * c - z * s) / 4.0);
                    Ride { acceptance: 1.0, time, gain: end * end - z * z, pull: end * speed }
                })
                .collect();
            chees.update(&rides);
        }
        let best = 5.41;
        assert!((best / 4.0_f64).tan() - best / 1.2 < 0.1);
        assert!((chees.settled() / best).ln().abs() < 0.15, "{} for {best}", chees.settled());
    }
}
