//! Charts of the axes, and the part of them that an integral covers.

/// How a coordinate x is written as a function of the integration variable t.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Chart {
    /// x = t.
    Identity,
    /// x = center + scale sinh(t): for heavy tails.
    Sinh { center: f64, scale: f64 },
    /// x = from + exp(t).
    Exp { from: f64 },
}

impl Chart {
    pub(super) fn x(self, t: f64) -> f64 {
        match self {
            Chart::Identity => t,
            Chart::Sinh { center, scale } => center + scale * t.sinh(),
            Chart::Exp { from } => from + t.exp(),
        }
    }
    pub(super) fn t(self, x: f64) -> f64 {
        match self {
            Chart::Identity => x,
            Chart::Sinh { center, scale } => ((x - center) / scale).asinh(),
            Chart::Exp { from } => (x - from).ln(),
        }
    }
    /// log |dx/dt|.
    pub(super) fn log_jacobian(self, t: f64) -> f64 {
        match self {
            Chart::Identity => 0.0,
            Chart::Sinh { scale, .. } => scale.ln() + t.cosh().ln(),
            Chart::Exp { .. } => t,
        }
    }
}

/// The window of one eta: for each coordinate a chart and an interval of t.
#[derive(Debug, Clone)]
pub(super) struct Window {
    pub charts: Vec<Chart>,
    pub low: Vec<f64>,
    pub high: Vec<f64>,
    /// For each coordinate whether the density is still noticeable where the window ends, below and above.
    pub cut: Vec<[bool; 2]>,
    /// Places x of maxima that the nodes of a look missed.
    pub summits: Vec<Vec<f64>>,
    /// Whether ridges may lead out of it that the nodes of a look do not meet.
    pub open: bool,
    /// Whether the density changes so fast where it counts that the nodes of a look do not show how.
    pub steep: bool,
}

impl Window {
    /// The window of some of its coordinates.
    pub(super) fn of(&self, coordinates: &[usize]) -> Window {
        let pick = |values: &[f64]| coordinates.iter().map(|c| values[*c]).collect();
        Window {
            charts: coordinates.iter().map(|c| self.charts[*c]).collect(),
            low: pick(&self.low),
            high: pick(&self.high),
            cut: coordinates.iter().map(|c| self.cut[*c]).collect(),
            summits: self.summits.iter().map(|s| pick(s)).collect(),
            open: false,
            steep: self.steep,
        }
    }
    /// The smallest window that holds two with equal charts.
    pub(super) fn union(&self, other: &Window) -> Window {
        let mut all = self.clone();
        for axis in 0..all.low.len() {
            all.low[axis] = all.low[axis].min(other.low[axis]);
            all.high[axis] = all.high[axis].max(other.high[axis]);
            all.cut[axis] = [0, 1].map(|side| all.cut[axis][side] || other.cut[axis][side]);
        }
        all
    }
    /// Wider by a part of its width on either side, between ends that hold where the charts are those of the support.
    pub(super) fn spread(&mut self, part: f64, ends: &[(f64, f64)]) {
        for (axis, (from, to)) in ends.iter().enumerate() {
            let more = part * (self.high[axis] - self.low[axis]);
            let (from, to) = match self.charts[axis] {
                Chart::Sinh { .. } => (f64::NEG_INFINITY, f64::INFINITY),
                Chart::Identity | Chart::Exp { .. } => (*from, *to),
            };
            self.low[axis] = (self.low[axis] - more).max(from);
            self.high[axis] = (self.high[axis] + more).min(to);
        }
    }
    /// Whether the density is still noticeable where it ends somewhere.
    pub(super) fn is_cut(&self) -> bool {
        self.cut.iter().flatten().any(|cut| *cut)
    }
    /// Half as wide again on the sides where the density is still noticeable, between ends.
    pub(super) fn follow_cut(&mut self, ends: &[(f64, f64)]) {
        for (axis, (from, to)) in ends.iter().enumerate() {
            let more = 0.5 * (self.high[axis] - self.low[axis]);
            if self.cut[axis][0] {
                self.low[axis] = (self.low[axis] - more).max(*from);
            }
            if self.cut[axis][1] {
                self.high[axis] = (self.high[axis] + more).min(*to);
            }
        }
    }
    /// Twice as wide in t about its middle, within what doubles can hold; segments stay.
    pub(super) fn widen(&mut self) {
        for axis in 0..self.charts.len() {
            let (low, high) = (self.low[axis], self.high[axis]);
            let half = 0.5 * (high - low);
            let limit = match self.charts[axis] {
                Chart::Identity => f64::INFINITY,
                Chart::Sinh { .. } => 40.0,
                Chart::Exp { .. } => 680.0,
            };
            (self.low[axis], self.high[axis]) = ((low - half).max(-limit), (high + half).min(limit));
        }
    }
}
