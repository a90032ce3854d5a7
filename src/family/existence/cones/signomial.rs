//! Sums of c u^a over positive u, a real: polynomials with real exponents.

use super::super::series::settled;
use std::collections::BTreeMap;

/// Exponents in parts of [`UNIT`], one for each u, so that equal ones are equal.
pub(super) type Power = Vec<i64>;

/// Exponents are multiples of 1 over this: whole numbers, thirds, sevenths and six decimals among them.
pub(super) const UNIT: f64 = 21_000_000.0;
/// Most terms, and the largest exponent.
const SIZE: usize = 400;
const LARGEST: f64 = 64.0;

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Signomial(pub BTreeMap<Power, f64>);

/// An exponent in parts of [`UNIT`], where it is one.
fn exponent(v: f64) -> Option<i64> {
    let scaled = v * UNIT;
    ((scaled - scaled.round()).abs() < 1e-6 && v.abs() <= LARGEST && v.is_finite()).then(|| scaled.round() as i64)
}

impl Signomial {
    pub fn constant(n: usize, c: f64) -> Signomial {
        Signomial::term(vec![0; n], c)
    }
    pub fn term(power: Power, c: f64) -> Signomial {
        Signomial([(power, c)].into_iter().filter(|t| t.1 != 0.0).collect())
    }
    /// The coordinate u_k.
    pub fn coordinate(n: usize, k: usize) -> Signomial {
        let mut power = vec![0; n];
        power[k] = UNIT as i64;
        Signomial::term(power, 1.0)
    }
    /// Add `c` times `other`; `None` where it cannot be told whether a coefficient is 0, or with too many terms.
    pub fn add(&mut self, other: &Signomial, c: f64) -> Option<()> {
        for (power, v) in &other.0 {
            let slot = self.0.entry(power.clone()).or_insert(0.0);
            *slot = settled(*slot + c * v, slot.abs() + (c * v).abs())?;
        }
        self.0.retain(|_, v| *v != 0.0);
        (self.0.len() <= SIZE && self.0.values().all(|v| v.is_finite())).then_some(())
    }
    pub fn mul(&self, other: &Signomial) -> Option<Signomial> {
        if self.0.len() * other.0.len() > SIZE {
            return None;
        }
        let mut out = Signomial::default();
        for (a, u) in &self.0 {
            for (b, v) in &other.0 {
                let power: Power = a.iter().zip(b).map(|(a, b)| a + b).collect();
                if power.iter().any(|p| p.abs() as f64 > LARGEST * UNIT) {
                    return None;
                }
                out.add(&Signomial::term(power, u * v), 1.0)?;
            }
        }
        Some(out)
    }
    /// The only term.
    pub fn single(&self) -> Option<(&Power, f64)> {
        if self.0.len() == 1 { self.0.iter().next().map(|t| (t.0, *t.1)) } else { None }
    }
    /// To the power `p`, which is a whole number from 0 where there are several terms.
    pub fn pow(&self, p: f64) -> Option<Signomial> {
        if let Some((power, c)) = self.single() {
            if c < 0.0 && p.fract() != 0.0 {
                return None;
            }
            let power = power.iter().map(|a| exponent(*a as f64 / UNIT * p)).collect::<Option<Power>>()?;
            return Some(Signomial::term(power, c.powf(p)));
        }
        if p.fract() != 0.0 || !(1.0..=16.0).contains(&p) {
            return None;
        }
        (1..p as usize).try_fold(self.clone(), |product, _| product.mul(self))
    }
    /// 1 or -1 where all coefficients have that sign, 0 without terms.
    pub fn sign(&self) -> Option<f64> {
        let first = self.0.values().next().map_or(0.0, |v| v.signum());
        self.0.values().all(|v| v.signum() == first).then_some(first)
    }
    /// Coefficients of a linear form without a constant.
    pub fn linear(&self, n: usize) -> Option<Vec<f64>> {
        let mut out = vec![0.0; n];
        for (power, v) in &self.0 {
            let k = power.iter().position(|p| *p != 0)?;
            if power[k] != UNIT as i64 || power[k + 1..].iter().any(|p| *p != 0) {
                return None;
            }
            out[k] = *v;
        }
        Some(out)
    }
    pub fn without_constant(mut self) -> Signomial {
        self.0.retain(|power, _| power.iter().any(|p| *p != 0));
        self
    }
}

/// Exponents as numbers.
pub(super) fn numbers(power: &Power) -> Vec<f64> {
    power.iter().map(|p| *p as f64 / UNIT).collect()
}
