//! Covariances of a dataset: in memory, or in a mapped file.

use memmap2::Mmap;
use std::sync::Arc;

/// The values of cov_TT, [n, k, k].
#[derive(Debug, Clone)]
pub(super) enum Covariances {
    Memory(Vec<f64>),
    Mapped(Window),
}

/// Floats of a mapped file; made by [`Covariances::mapped`] alone, which checks that they are there and aligned.
#[derive(Debug, Clone)]
pub(super) struct Window {
    map: Arc<Mmap>,
    start: usize,
    count: usize,
}

/// Bytes of a mapped file that a pass over it keeps in memory.
const KEPT: usize = 32 << 20;

impl From<Vec<f64>> for Covariances {
    fn from(values: Vec<f64>) -> Self {
        Covariances::Memory(values)
    }
}

impl Covariances {
    /// `count` floats of `map` from byte `start`, where they can be used as they are.
    pub(super) fn mapped(map: Arc<Mmap>, start: usize, count: usize) -> Option<Self> {
        let bytes = map.get(start..start.checked_add(count.checked_mul(8)?)?)?;
        let usable = cfg!(target_endian = "little") && bytes.as_ptr().cast::<f64>().is_aligned();
        usable.then(|| Covariances::Mapped(Window { map, start, count }))
    }
    pub(super) fn values(&self) -> &[f64] {
        match self {
            Covariances::Memory(values) => values,
            // SAFETY: `mapped` has checked bounds and alignment; every bit pattern is a float.
            Covariances::Mapped(w) => unsafe { std::slice::from_raw_parts(w.map.as_ptr().add(w.start).cast(), w.count) },
        }
    }
    /// Give `f` the rows of `width` floats one after the other; pages of a file are let go behind it.
    pub(super) fn each<E>(&self, width: usize, mut f: impl FnMut(usize, &[f64]) -> Result<(), E>) -> Result<(), E> {
        let width = width.max(1);
        let together = (KEPT / (8 * width)).max(1);
        for (i, rows) in self.values().chunks(together * width).enumerate() {
            rows.chunks(width).enumerate().try_for_each(|(j, row)| f(i * together + j, row))?;
            self.release(i * together * width, rows.len());
        }
        Ok(())
    }
    /// Let the pages of `count` floats from float `from` go, where they are a file's.
    fn release(&self, from: usize, count: usize) {
        #[cfg(target_os = "linux")]
        if let Covariances::Mapped(w) = self {
            // SAFETY: the map is read-only and of a file, so that pages come back from it as they were.
            let _ = unsafe { w.map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, w.start + 8 * from, 8 * count) };
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (from, count);
    }
}
