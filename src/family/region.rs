//! The region of eta over which labels are made and networks learn.

use super::design::{Design, Variates};
use super::eta_map::EtaMap;
use crate::error::{Error, Result};
use crate::num::stream::{Stream, Xoshiro};
use crate::num::{linalg, short};
use rand::Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The region of one statistic: a box, or matrices valid by construction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Block {
    /// Each component between `low` and `high`.
    Box {
        /// Lower ends, one a component.
        low: Vec<f64>,
        /// Upper ends, one a component.
        high: Vec<f64>,
    },
    /// Symmetric n x n matrices whose negative has its eigenvalues between `low` and `high`.
    NegativeDefinite {
        /// Order of the matrix.
        n: usize,
        /// Smallest eigenvalue of -eta.
        low: f64,
        /// Largest eigenvalue of -eta.
        high: f64,
    },
    /// The reference system's reparametrisation of n x n matrices: eta = -E E' / (n |E|) - I / 2 with the Frobenius norm
    /// |E| of an arbitrary E; all symmetric eta for which -eta - I / 2 has no negative eigenvalue. Drawn with normal E.
    Reparametrised {
        /// Order of the matrix.
        n: usize,
    },
}

/// The region of all statistics: a product of blocks, in the order of the statistics; or the image of a product of blocks of
/// parameters.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Region {
    blocks: Vec<(String, Block)>,
    map: Option<Arc<EtaMap>>,
}

/// A region with a map, as it is saved.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mapped {
    parameters: Vec<(String, Block)>,
    map: serde_json::Value,
}

/// Rounding of the eigenvalues of a matrix: so many units in the last place of its norm for each row.
const ULPS: f64 = 8.0;
/// Starts from which parameters of an eta are looked for.
const STARTS: usize = 16;

impl Block {
    /// The same interval for each of `size` components.
    ///
    /// # Errors
    /// When the interval is empty or not finite.
    pub fn interval(low: f64, high: f64, size: usize) -> Result<Self> {
        if low.is_finite() && high.is_finite() && low < high {
            return Ok(Block::Box { low: vec![low; size], high: vec![high; size] });
        }
        Err(Error::domain(format!("the range {} is empty or not finite", range(low, high)))
            .hint("give [low, high] with low < high"))
    }
    /// An interval for each component, from `low[i]` to `high[i]`.
    ///
    /// # Errors
    /// As [`Block::interval`]; also for lengths that differ.
    pub fn ranges(low: &[f64], high: &[f64]) -> Result<Self> {
        if low.len() != high.len() {
            return Err(Error::shape(format!("{} lower ends and {} upper ends", low.len(), high.len())));
        }
        for (l, h) in low.iter().zip(high) {
            Self::interval(*l, *h, 1)?;
        }
        Ok(Block::Box { low: low.to_vec(), high: high.to_vec() })
    }
    /// n x n matrices whose negative has eigenvalues in [low, high].
    ///
    /// # Errors
    /// Unless 0 < low < high.
    pub fn negative_definite(low: f64, high: f64, n: usize) -> Result<Self> {
        if low > 0.0 && low < high && high.is_finite() {
            return Ok(Block::NegativeDefinite { n, low, high });
        }
        let text = format!("negative_definite({}, {})", short(low), short(high));
        Err(match high == f64::INFINITY && low > 0.0 {
            true => Error::domain(format!("{text}: a matrix cannot be drawn from a range without end"))
                .hint("give the largest eigenvalue of -eta that is to be learned, such as negative_definite(0.5, 20)"),
            false => Error::domain(format!("{text}: eigenvalues of -eta need 0 < low < high, both finite"))
                .hint("low and high bound the eigenvalues of -eta, not of eta: negative_definite(0.5, 3)"),
        })
    }
    fn size(&self) -> usize {
        match self {
            Block::Box { low, .. } => low.len(),
            Block::NegativeDefinite { n, .. } | Block::Reparametrised { n } => n * n,
        }
    }
    fn center(&self) -> Vec<f64> {
        match self {
            Block::Box { low, high } => low
                .iter()
                .zip(high)
                .map(|(a, b)| if a * b > 0.0 { a.signum() * (a * b).sqrt() } else { 0.5 * (a + b) })
                .collect(),
            Block::NegativeDefinite { n, low, high } => {
                (0..n * n).map(|i| if i % (n + 1) == 0 { -(low * high).sqrt() } else { 0.0 }).collect()
            }
            // E = I.
            Block::Reparametrised { n } => {
                let diagonal = -0.5 - (*n as f64).powf(-1.5);
                (0..n * n).map(|i| if i % (n + 1) == 0 { diagonal } else { 0.0 }).collect()
            }
        }
    }
    /// One draw of a design.
    fn draw(&self, variates: &mut Variates, out: &mut Vec<f64>) {
        match self {
            Block::Box { low, high } => out.extend(low.iter().zip(high).map(|(a, b)| variates.range(*a, *b))),
            Block::NegativeDefinite { n, low, high } => {
                let n = *n;
                let frame = rotation(n, &mut variates.rng);
                let eigenvalues: Vec<f64> = (0..n).map(|_| variates.eigenvalue(*low, *high)).collect();
                for i in 0..n {
                    for j in 0..n {
                        out.push(-(0..n).map(|l| frame[l * n + i] * eigenvalues[l] * frame[l * n + j]).sum::<f64>());
                    }
                }
            }
            Block::Reparametrised { n } => {
                let n = *n;
                let e: Vec<f64> = (0..n * n).map(|_| variates.rng.sample(StandardNormal)).collect();
                let size = n as f64 * e.iter().map(|v| v * v).sum::<f64>().sqrt();
                for i in 0..n {
                    for j in 0..n {
                        let product: f64 = (0..n).map(|l| e[i * n + l] * e[j * n + l]).sum();
                        out.push(-product / size - if i == j { 0.5 } else { 0.0 });
                    }
                }
            }
        }
    }
    fn complaint(&self, eta: &[f64]) -> Option<String> {
        match self {
            Block::Box { low, high } => (0..eta.len()).find(|i| !(eta[*i] >= low[*i] && eta[*i] <= high[*i])).map(|i| {
                let place = if eta.len() > 1 { format!("[{i}]") } else { String::new() };
                format!("{place} = {} is outside {}", short(eta[i]), range(low[i], high[i]))
            }),
            Block::NegativeDefinite { n, low, high } => spectrum(eta, *n, *low, *high),
            Block::Reparametrised { n } => spectrum(eta, *n, 0.5, f64::INFINITY),
        }
    }
    fn describe(&self) -> String {
        match self {
            Block::Box { low, high } if low.iter().all(|l| *l == low[0]) && high.iter().all(|h| *h == high[0]) => {
                range(low[0], high[0])
            }
            Block::Box { low, high } => format!("[{low:?}, {high:?}]"),
            Block::NegativeDefinite { low, high, .. } => format!("negative_definite({}, {})", short(*low), short(*high)),
            Block::Reparametrised { .. } => "reparametrised()".into(),
        }
    }
}

/// What is wrong with a matrix whose negative should be symmetric with its eigenvalues in [low, high].
fn spectrum(eta: &[f64], n: usize, low: f64, high: f64) -> Option<String> {
    let largest = eta.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    for i in 0..n {
        for j in 0..i {
            let amount = (eta[i * n + j] - eta[j * n + i]).abs();
            if amount > 1e-8 * largest || amount.is_nan() {
                return Some(format!(" is not symmetric: entries [{i},{j}] and [{j},{i}] differ by {amount:.1e}"));
            }
        }
    }
    let negative: Vec<f64> = (0..n * n).map(|i| -0.5 * (eta[i] + eta[(i % n) * n + i / n])).collect();
    let values = linalg::symmetric_eigenvalues(&negative, n);
    let (least, most) = (values[0], values[n - 1]);
    // Rounding of the eigenvalues, and of a matrix with an eigenvalue at an end.
    let slack = ULPS * n as f64 * f64::EPSILON * least.abs().max(most.abs());
    let inside = least >= low - slack && most <= high + slack;
    (!inside).then(|| {
        let [least, most] = [least, most].map(short);
        format!(": the eigenvalues of -eta run from {least} to {most}, outside {}", range(low, high))
    })
}

/// [low, high] as text.
fn range(low: f64, high: f64) -> String {
    format!("[{}, {}]", short(low), short(high))
}

/// Rows of a random orthonormal frame: Gram-Schmidt on normal vectors.
fn rotation(n: usize, rng: &mut Xoshiro) -> Vec<f64> {
    let mut q: Vec<f64> = (0..n * n).map(|_| rng.sample(StandardNormal)).collect();
    for i in 0..n {
        for pass in 0..2 * i {
            let j = pass % i;
            let dot: f64 = (0..n).map(|c| q[i * n + c] * q[j * n + c]).sum();
            (0..n).for_each(|c| q[i * n + c] -= dot * q[j * n + c]);
        }
        let norm = (0..n).map(|c| q[i * n + c] * q[i * n + c]).sum::<f64>().sqrt();
        (0..n).for_each(|c| q[i * n + c] /= norm);
    }
    q
}

impl Region {
    /// A product of blocks, each with the name of its statistic.
    pub fn new(blocks: Vec<(String, Block)>) -> Self {
        Region { blocks, map: None }
    }
    /// The image under `map` of a product of blocks of parameters.
    pub fn mapped(parameters: Vec<(String, Block)>, map: EtaMap) -> Self {
        Region { blocks: parameters, map: Some(Arc::new(map)) }
    }
    /// The blocks with their names as JSON, every bound to the bit, and the map as it was traced; `None` for a map of more
    /// than 131072 nodes.
    pub fn to_json(&self) -> Option<String> {
        let blocks = serde_json::to_string(&self.blocks).ok()?;
        match &self.map {
            None => Some(blocks),
            Some(map) => Some(format!("{{\"parameters\":{blocks},\"map\":{}}}", map.to_json()?)),
        }
    }
    /// The region that [`Region::to_json`] wrote.
    ///
    /// # Errors
    /// Other text, or a block or map that no constructor would make.
    ///
    /// # Example
    /// ```
    /// use nnef::family::{Block, Region};
    /// let region = Region::new(vec![("x".into(), Block::interval(0.1, 0.3, 2).unwrap())]);
    /// assert_eq!(Region::from_json(&region.to_json().unwrap()).unwrap(), region);
    /// ```
    pub fn from_json(text: &str) -> Result<Self> {
        let wrong = |what: String| Error::file(format!("the region of eta is damaged: {what}"));
        let (blocks, map) = match text.starts_with('{') {
            true => serde_json::from_str::<Mapped>(text).map(|m| (m.parameters, Some(m.map))),
            false => serde_json::from_str::<Vec<(String, Block)>>(text).map(|blocks| (blocks, None)),
        }
        .map_err(|e| wrong(e.to_string()))?;
        for (name, block) in &blocks {
            let checked = match block {
                Block::Box { low, high } if low.is_empty() => Err(Error::shape(format!("no components, {} ends", high.len()))),
                Block::Box { low, high } => Block::ranges(low, high),
                Block::NegativeDefinite { n, .. } | Block::Reparametrised { n } if !(1..=256).contains(n) => {
                    Err(Error::shape(format!("a matrix of order {n}")))
                }
                Block::NegativeDefinite { n, low, high } => Block::negative_definite(*low, *high, *n),
                Block::Reparametrised { .. } => Ok(block.clone()),
            };
            checked.map_err(|e| wrong(format!("'{name}': {}", e.message())))?;
        }
        let mut region = Region::new(blocks);
        if let Some(map) = map {
            let map = EtaMap::from_json(&map.to_string(), region.parameters()).map_err(|e| wrong(e.message().to_string()))?;
            region.map = Some(Arc::new(map));
        }
        Ok(region)
    }
    /// eta, [n, k], of parameters of the blocks, [n, m].
    fn image(&self, parameters: Vec<f64>) -> Vec<f64> {
        match &self.map {
            Some(map) => map.apply(&parameters),
            None => parameters,
        }
    }
    /// Number of components.
    pub fn dim(&self) -> usize {
        self.map.as_ref().map_or_else(|| self.parameters(), |m| m.dim())
    }
    /// Number of components of the blocks.
    fn parameters(&self) -> usize {
        self.blocks.iter().map(|(_, b)| b.size()).sum()
    }
    /// `n` draws, [n, k], by the reference design: row i depends on the stream and i alone.
    pub fn draw(&self, n: usize, stream: Stream) -> Vec<f64> {
        self.rows(n, stream, Design::Reference)
    }
    /// `n` draws, [n, k], of a design: row i depends on the stream and i alone.
    ///
    /// # Errors
    /// When the region has too many components for the design, or no matrix where the design asks for one.
    pub fn draw_by(&self, n: usize, stream: Stream, design: Design) -> Result<Vec<f64>> {
        design.check(self.parameters(), self.blocks.iter().any(|(_, b)| !matches!(b, Block::Box { .. })))?;
        Ok(self.rows(n, stream, design))
    }
    fn rows(&self, n: usize, stream: Stream, design: Design) -> Vec<f64> {
        let mut out = Vec::with_capacity(n * self.parameters());
        for i in 0..n {
            let mut variates = design.row(stream, i);
            self.blocks.iter().for_each(|(_, b)| b.draw(&mut variates, &mut out));
        }
        self.image(out)
    }
    /// The centre, `[k]`: geometric where a range has one sign.
    pub fn center(&self) -> Vec<f64> {
        self.image(self.middle())
    }
    fn middle(&self) -> Vec<f64> {
        self.blocks.iter().flat_map(|(_, b)| b.center()).collect()
    }
    /// Corners of the boxes, `[k]` each: all where they are no more than `most`, else as many at random. Matrices stay at
    /// their centre.
    pub fn some_corners(&self, most: usize, stream: Stream) -> Vec<Vec<f64>> {
        let mut ends: Vec<Option<(f64, f64)>> = Vec::new();
        for (_, block) in &self.blocks {
            match block {
                Block::Box { low, high } => ends.extend(low.iter().zip(high).map(|(l, h)| Some((*l, *h)))),
                other => ends.extend(std::iter::repeat_n(None, other.size())),
            }
        }
        let (free, middle) = (ends.iter().flatten().count(), self.middle());
        let all = 1usize.checked_shl(free as u32).filter(|n| *n <= most);
        let mut rng = stream.rng();
        let corner = |number: usize, rng: &mut Xoshiro| {
            let mut bit = 0;
            let mut side = |end: &Option<(f64, f64)>, middle: &f64| {
                let Some((low, high)) = end else { return *middle };
                let up = if all.is_some() { number >> bit & 1 == 1 } else { rng.random() };
                bit += 1;
                if up { *high } else { *low }
            };
            ends.iter().zip(&middle).map(|(e, c)| side(e, c)).collect()
        };
        (0..all.unwrap_or(most)).map(|number| self.image(corner(number, &mut rng))).collect()
    }
    /// The corners, `[k]` each, of a region of boxes, where they are no more than `most`.
    pub fn corners(&self, most: usize) -> Option<Vec<Vec<f64>>> {
        if self.map.is_some() {
            return None; // the image of a box need not lie between the images of its corners
        }
        let mut all: Vec<Vec<f64>> = vec![vec![]];
        for (_, block) in &self.blocks {
            let Block::Box { low, high } = block else { return None };
            for (l, h) in low.iter().zip(high) {
                if 2 * all.len() > most {
                    return None;
                }
                let with = |end: f64| all.iter().map(move |c| [c.as_slice(), &[end]].concat());
                all = with(*l).chain(with(*h)).collect();
            }
        }
        Some(all)
    }
    /// Whether `eta`, `[k]`, lies inside, ends included.
    pub fn contains(&self, eta: &[f64]) -> bool {
        self.check(eta).is_ok()
    }
    /// Say which component of `eta`, `[k]`, lies outside.
    ///
    /// # Errors
    /// A domain error that names the statistic, the value and the bounds.
    pub fn check(&self, eta: &[f64]) -> Result<()> {
        if let Some(map) = &self.map {
            return self.check_image(map, eta);
        }
        self.check_blocks(eta)
    }
    /// Whether some parameters inside the blocks give `eta`: found from their centre and a few draws, to 1e-9.
    fn check_image(&self, map: &EtaMap, eta: &[f64]) -> Result<()> {
        if eta.len() != map.dim() {
            return Err(Error::shape(format!("eta has {} components, the region has {}", eta.len(), map.dim())));
        }
        let draws = Region::new(self.blocks.clone()).draw(STARTS, Stream::new(0).child("starts"));
        let middle = self.middle();
        let starts = std::iter::once(middle.as_slice()).chain(draws.chunks(middle.len()));
        let found = starts.filter_map(|start| map.invert(eta, start)).any(|p| self.check_blocks(&self.nudged(p)).is_ok());
        if found {
            return Ok(());
        }
        Err(Error::domain(format!("eta outside the region of the family: no parameters in {} give {eta:?}", self.describe())))
    }
    /// Parameters that rounding has moved out of a box, at its edge.
    fn nudged(&self, mut parameters: Vec<f64>) -> Vec<f64> {
        let mut at = 0;
        for (_, block) in &self.blocks {
            if let Block::Box { low, high } = block {
                for (p, (l, h)) in parameters[at..].iter_mut().zip(low.iter().zip(high)) {
                    let slack = 1e-9 * (h - l);
                    *p = if *p < *l && *p >= l - slack {
                        *l
                    } else if *p > *h && *p <= h + slack {
                        *h
                    } else {
                        *p
                    };
                }
            }
            at += block.size();
        }
        parameters
    }
    fn check_blocks(&self, eta: &[f64]) -> Result<()> {
        let mut at = 0;
        for (name, block) in &self.blocks {
            let size = block.size();
            let part = eta
                .get(at..at + size)
                .ok_or_else(|| Error::shape(format!("eta has {} components, the region has {}", eta.len(), self.dim())))?;
            if let Some(complaint) = block.complaint(part) {
                return Err(Error::domain(format!("eta outside the region of the family: {name}{complaint}")));
            }
            at += size;
        }
        Ok(())
    }
    /// One line a statistic.
    pub fn describe(&self) -> String {
        let blocks = self.blocks.iter().map(|(name, b)| format!("{name}: {}", b.describe())).collect::<Vec<_>>().join(", ");
        match &self.map {
            Some(map) => format!("{blocks}, mapped to ({})", map.text()),
            None => blocks,
        }
    }
}
