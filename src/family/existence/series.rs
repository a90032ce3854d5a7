//! Series in t -> infinity over monomials exp(E(t)) t^p (log t)^q (log log t)^r, with a bound on what is left out.

use std::cmp::Ordering;

/// Most terms that a series keeps.
const TERMS: usize = 16;
/// Number of terms of a composed power series.
const ORDER: usize = 9;
/// Exponents nearer than this are the same.
const SAME: f64 = 1e-12;
/// A sum below this part of its summands is 0: decimals that were written to cancel do so up to their rounding.
const CANCELS: f64 = f64::EPSILON;
/// Up to this part it may be rounding or not.
pub(super) const ROUNDING: f64 = 8.0 * f64::EPSILON;

/// A sum of numbers whose sizes add up to `size`, 0 where they cancel; `None` where that cannot be told.
pub(super) fn settled(sum: f64, size: f64) -> Option<f64> {
    match sum.abs() {
        left if left >= size || left > ROUNDING * size || left.is_nan() => Some(sum),
        left if left <= CANCELS * size => Some(0.0),
        _ => None,
    }
}

/// exp(sum of e) t^p0 (log t)^p1 (log log t)^p2; the terms of e grow faster than log t and descend.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mono {
    pub e: Vec<(f64, Mono)>,
    pub p: [f64; 3],
}

impl Mono {
    pub fn powers(p: [f64; 3]) -> Mono {
        Mono { e: vec![], p }
    }
    pub fn one() -> Mono {
        Mono::powers([0.0; 3])
    }
    pub fn t(p: f64) -> Mono {
        Mono::powers([p, 0.0, 0.0])
    }
    pub fn log() -> Mono {
        Mono::powers([0.0, 1.0, 0.0])
    }
    pub fn loglog() -> Mono {
        Mono::powers([0.0, 0.0, 1.0])
    }
    /// Which grows faster.
    pub fn order(&self, other: &Mono) -> Ordering {
        let (mut i, mut j) = (0, 0);
        let sign = |c: f64| if c > 0.0 { Ordering::Greater } else { Ordering::Less };
        while i < self.e.len() || j < other.e.len() {
            let (a, b) = (self.e.get(i), other.e.get(j));
            let which = match (a, b) {
                (Some(a), Some(b)) => a.1.order(&b.1),
                (Some(_), None) => Ordering::Greater,
                _ => Ordering::Less,
            };
            match (which, a, b) {
                (Ordering::Greater, Some(a), _) => return sign(a.0),
                (Ordering::Less, _, Some(b)) => return sign(-b.0),
                (_, Some(a), Some(b)) => {
                    if (a.0 - b.0).abs() > SAME * (a.0.abs() + b.0.abs()) {
                        return sign(a.0 - b.0);
                    }
                    (i, j) = (i + 1, j + 1);
                }
                _ => return Ordering::Equal,
            }
        }
        for (a, b) in self.p.iter().zip(&other.p) {
            if (a - b).abs() > SAME * (1.0 + a.abs() + b.abs()) {
                return sign(a - b);
            }
        }
        Ordering::Equal
    }
    pub fn mul(&self, other: &Mono) -> Mono {
        let p = [self.p[0] + other.p[0], self.p[1] + other.p[1], self.p[2] + other.p[2]];
        if self.e.is_empty() && other.e.is_empty() {
            return Mono::powers(p);
        }
        let e = merge(self.e.iter().chain(&other.e).cloned().collect()).0;
        Mono { e, p }
    }
    pub fn pow(&self, a: f64) -> Mono {
        if a == 0.0 {
            return Mono::one();
        }
        Mono { e: self.e.iter().map(|(c, m)| (a * c, m.clone())).collect(), p: self.p.map(|p| a * p) }
    }
    /// Its logarithm as terms.
    fn logarithm(&self) -> Option<Vec<(f64, Mono)>> {
        if self.p[2] != 0.0 {
            return None;
        }
        let mut terms = self.e.clone();
        terms.extend([(self.p[0], Mono::log()), (self.p[1], Mono::loglog())].into_iter().filter(|t| t.0 != 0.0));
        Some(terms)
    }
    /// Power of t, a logarithm counting as a little; `None` for what grows exponentially.
    pub fn degree(&self) -> Option<f64> {
        match self.e.first() {
            Some((c, _)) if *c > 0.0 => None,
            Some(_) => Some(-1e3),
            None => Some(self.p[0] + LOG_DEGREE * self.p[1]),
        }
    }
}

/// What a logarithm counts in a degree.
pub(super) const LOG_DEGREE: f64 = 1e-6;

/// Descending, equal monomials together, what cancels dropped; and the largest of which that cannot be told.
fn merge(mut terms: Vec<(f64, Mono)>) -> (Vec<(f64, Mono)>, Option<Mono>) {
    terms.sort_by(|a, b| b.1.order(&a.1));
    let mut groups: Vec<(f64, f64, Mono)> = Vec::with_capacity(terms.len());
    for (c, m) in terms {
        match groups.last_mut() {
            Some((sum, size, last)) if last.order(&m) == Ordering::Equal => (*sum, *size) = (*sum + c, *size + c.abs()),
            _ => groups.push((c, c.abs(), m)),
        }
    }
    let mut doubtful = None;
    let mut out = Vec::with_capacity(groups.len());
    for (sum, size, m) in groups {
        match settled(sum, size) {
            Some(0.0) => {}
            Some(c) => out.push((c, m)),
            None => doubtful = doubtful.or(Some(m)),
        }
    }
    (out, doubtful)
}

/// Terms, descending, and O(rest); no rest means exact.
#[derive(Debug, Clone)]
pub(super) struct Series {
    pub terms: Vec<(f64, Mono)>,
    pub rest: Option<Mono>,
}

/// The larger of two bounds.
fn larger(a: Option<Mono>, b: Option<Mono>) -> Option<Mono> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if a.order(&b) == Ordering::Less { b } else { a }),
        (a, b) => a.or(b),
    }
}

impl Series {
    pub fn constant(c: f64) -> Series {
        Series { terms: if c == 0.0 { vec![] } else { vec![(c, Mono::one())] }, rest: None }
    }
    pub fn term(c: f64, m: Mono) -> Series {
        Series { terms: vec![(c, m)], rest: None }
    }
    pub fn bound(m: Mono) -> Series {
        Series { terms: vec![], rest: Some(m) }
    }
    pub fn bounded() -> Series {
        Series::bound(Mono::one())
    }
    fn made(terms: Vec<(f64, Mono)>, rest: Option<Mono>) -> Option<Series> {
        if terms.iter().any(|t| !t.0.is_finite()) {
            return None;
        }
        let (mut terms, doubtful) = merge(terms);
        let mut rest = larger(rest, doubtful);
        if terms.len() > TERMS {
            rest = larger(rest, Some(terms[TERMS].1.clone()));
            terms.truncate(TERMS);
        }
        if let Some(rest) = &rest {
            terms.retain(|t| t.1.order(rest) == Ordering::Greater);
        }
        Some(Series { terms, rest })
    }
    /// The monomial that bounds it; none for 0.
    pub fn size(&self) -> Option<&Mono> {
        self.terms.first().map(|t| &t.1).or(self.rest.as_ref())
    }
    /// Sign of the leading term, 0 for what is exactly 0.
    pub fn sign(&self) -> Option<f64> {
        match (self.terms.first(), &self.rest) {
            (Some(t), _) => Some(t.0.signum()),
            (None, None) => Some(0.0),
            _ => None,
        }
    }
    pub fn number(&self) -> Option<f64> {
        match (self.terms.as_slice(), &self.rest) {
            ([], None) => Some(0.0),
            ([(c, m)], None) if m.order(&Mono::one()) == Ordering::Equal => Some(*c),
            _ => None,
        }
    }
    pub fn scale(&self, c: f64) -> Option<Series> {
        if c == 0.0 {
            return Some(Series::constant(0.0));
        }
        Series::made(self.terms.iter().map(|t| (c * t.0, t.1.clone())).collect(), self.rest.clone())
    }
    pub fn add(&self, other: &Series) -> Option<Series> {
        Series::made(self.terms.iter().chain(&other.terms).cloned().collect(), larger(self.rest.clone(), other.rest.clone()))
    }
    pub fn sub(&self, other: &Series) -> Option<Series> {
        self.add(&other.scale(-1.0)?)
    }
    pub fn mul(&self, other: &Series) -> Option<Series> {
        let terms = self.terms.iter().flat_map(|a| other.terms.iter().map(move |b| (a.0 * b.0, a.1.mul(&b.1)))).collect();
        let cross = |a: Option<&Mono>, b: &Option<Mono>| a.zip(b.as_ref()).map(|(a, b)| a.mul(b));
        Series::made(terms, larger(cross(self.size(), &other.rest), cross(other.size(), &self.rest)))
    }
    /// c m (1 + d) with d small: c, m and d.
    fn unit(&self) -> Option<(f64, Mono, Series)> {
        let (c, m) = self.terms.first()?.clone();
        let inverse = m.pow(-1.0);
        let terms = self.terms[1..].iter().map(|t| (t.0 / c, t.1.mul(&inverse))).collect();
        let d = Series::made(terms, self.rest.as_ref().map(|r| r.mul(&inverse)))?;
        Some((c, m, d))
    }
    /// sum a_k d^k for a small d.
    pub fn compose(a: &[f64], d: &Series) -> Option<Series> {
        if d.size().is_none() {
            return Some(Series::constant(*a.first()?));
        }
        a.iter().rev().try_fold(Series::bounded(), |sum, a| sum.mul(d)?.add(&Series::constant(*a)))
    }
    pub fn log(&self) -> Option<Series> {
        let (c, m, d) = self.unit()?;
        if c <= 0.0 {
            return None;
        }
        let a: Vec<f64> = (0..ORDER).map(|k| if k == 0 { 0.0 } else { -(-1.0_f64).powi(k as i32) / k as f64 }).collect();
        let mut terms = m.logarithm()?;
        terms.push((c.ln(), Mono::one()));
        Series::made(terms, None)?.add(&Series::compose(&a, &d)?)
    }
    pub fn pow(&self, a: f64) -> Option<Series> {
        if let Some(c) = self.number()
            && (c != 0.0 || a > 0.0)
        {
            let value = c.powf(a);
            return value.is_finite().then(|| Series::constant(value));
        }
        if self.terms.is_empty() {
            let rest = self.rest.as_ref().filter(|_| a > 0.0)?;
            return Some(Series::bound(rest.pow(a)));
        }
        let (c, m, d) = self.unit()?;
        let scale = c.powf(a);
        if !scale.is_finite() || scale == 0.0 {
            return None;
        }
        let mut coefficient = 1.0;
        let binomial: Vec<f64> = (0..ORDER)
            .map(|k| {
                let now = coefficient;
                coefficient *= (a - k as f64) / (k as f64 + 1.0);
                now
            })
            .collect();
        Series::compose(&binomial, &d)?.mul(&Series::term(scale, m.pow(a)))
    }
    pub fn exp(&self) -> Option<Series> {
        let one = Mono::one();
        let (mut m, mut factor, mut small) = (Mono::one(), 0.0, Vec::new());
        let bound = self.rest.as_ref().map(|r| r.order(&one)).unwrap_or(Ordering::Less);
        if bound == Ordering::Greater {
            // exp(c m + O(less than m)), c < 0, is below exp(c m / 2).
            let (c, lead) = self.terms.first().filter(|t| t.0 < 0.0)?;
            return match lead.order(&Mono::log()) {
                Ordering::Greater => Some(Series::bound(Mono { e: vec![(c / 2.0, lead.clone())], p: [0.0; 3] })),
                Ordering::Equal => Some(Series::bound(Mono::t(c / 2.0))),
                Ordering::Less => None,
            };
        }
        for (c, t) in &self.terms {
            match (t.order(&Mono::log()), t.order(&Mono::loglog()), t.order(&one)) {
                (Ordering::Greater, ..) => m.e.push((*c, t.clone())),
                (Ordering::Equal, ..) => m.p[0] = *c,
                (_, Ordering::Equal, _) => m.p[1] = *c,
                (_, _, Ordering::Greater) => return None,
                (_, _, Ordering::Equal) => factor = *c,
                _ => small.push((*c, t.clone())),
            }
        }
        if bound == Ordering::Equal {
            return Some(Series::bound(m));
        }
        let factor = factor.exp();
        if factor == 0.0 || !factor.is_finite() {
            return None;
        }
        let mut coefficient = 1.0;
        let taylor: Vec<f64> = (0..ORDER)
            .map(|k| {
                let now = coefficient;
                coefficient /= k as f64 + 1.0;
                now
            })
            .collect();
        let d = Series::made(small, self.rest.clone())?;
        Series::compose(&taylor, &d)?.mul(&Series::term(factor, m))
    }
    /// The limit and the difference from it; none where there is no finite limit.
    pub fn limit(&self) -> Option<(f64, Series)> {
        let one = Mono::one();
        if self.rest.as_ref().is_some_and(|r| r.order(&one) != Ordering::Less) {
            return None;
        }
        match self.terms.first() {
            Some((c, m)) => match m.order(&one) {
                Ordering::Greater => None,
                Ordering::Equal => Some((*c, Series { terms: self.terms[1..].to_vec(), rest: self.rest.clone() })),
                Ordering::Less => Some((0.0, self.clone())),
            },
            None => Some((0.0, self.clone())),
        }
    }
    /// With another limit, where it has one.
    pub fn with_limit(&self, value: f64) -> Option<Series> {
        match self.limit() {
            Some((_, d)) => d.add(&Series::constant(value)),
            None => Some(self.clone()),
        }
    }
    /// Whether it goes to plus (1) or minus (-1) infinity.
    pub fn infinite(&self) -> Option<f64> {
        let (c, m) = self.terms.first()?;
        (m.order(&Mono::one()) == Ordering::Greater).then(|| c.signum())
    }
    /// Whether it stays bounded.
    pub fn is_bounded(&self) -> bool {
        self.size().is_none_or(|m| m.order(&Mono::one()) != Ordering::Greater)
    }
}
