//! [`Params`]: the weights of a network by path, in the order in which its layers made them.

use super::init;
use crate::num::stream::Stream;
use candle_core::{DType, Device, Error, Result, Shape, Tensor, Var};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// Ordered store of variables behind a candle [`VarBuilder`]. Cheap to clone; clones share the variables.
///
/// Names are paths (`blocks.0.linear.weight`) and become the keys of a safetensors file. Initial values depend on the
/// seed and the name alone, not on the order; the order is that of creation (candle's own `VarMap` has none).
#[derive(Clone)]
pub struct Params {
    inner: Arc<Inner>,
}

struct Inner {
    vars: Mutex<Vec<(String, Var)>>,
    source: Source,
}

enum Source {
    Seeded(Stream),
    Given(BTreeMap<String, Tensor>),
}

impl Params {
    /// New variables, drawn from `stream` by name.
    pub fn seeded(stream: Stream) -> Self {
        Self::from_source(Source::Seeded(stream))
    }
    /// Variables with the values of `tensors`; a layer that asks for a name or shape that is not there gets an error.
    pub fn given(tensors: BTreeMap<String, Tensor>) -> Self {
        Self::from_source(Source::Given(tensors))
    }
    /// What layers are constructed with: single precision on `device`.
    pub fn builder(&self, device: &Device) -> VarBuilder<'static> {
        VarBuilder::from_backend(Box::new(self.clone()), DType::F32, device.clone())
    }
    /// Names and variables in creation order.
    pub fn vars(&self) -> Vec<(String, Var)> {
        self.lock().clone()
    }
    /// Number of scalar parameters.
    pub fn count(&self) -> usize {
        self.lock().iter().map(|(_, var)| var.elem_count()).sum()
    }
    /// Names of given tensors that no layer has asked for.
    pub fn unused(&self) -> Vec<String> {
        let vars = self.lock();
        match &self.inner.source {
            Source::Seeded(_) => Vec::new(),
            Source::Given(tensors) => tensors.keys().filter(|name| !vars.iter().any(|(n, _)| n == *name)).cloned().collect(),
        }
    }
    /// A deep copy of all values on the CPU, by name, in creation order.
    ///
    /// # Errors
    /// When a device cannot be read.
    pub fn snapshot(&self) -> Result<Vec<(String, Tensor)>> {
        let copy = |(name, var): &(String, Var)| Ok((name.clone(), var.as_detached_tensor().copy()?.to_device(&Device::Cpu)?));
        self.lock().iter().map(copy).collect()
    }
    fn from_source(source: Source) -> Self {
        Params { inner: Arc::new(Inner { vars: Mutex::new(Vec::new()), source }) }
    }
    fn lock(&self) -> MutexGuard<'_, Vec<(String, Var)>> {
        self.inner.vars.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl SimpleBackend for Params {
    fn get(&self, shape: Shape, name: &str, hint: Init, dtype: DType, device: &Device) -> Result<Tensor> {
        let mut vars = self.lock();
        let var = match vars.iter().find(|(n, _)| n == name) {
            Some((_, var)) => var.clone(),
            None => {
                let var = match &self.inner.source {
                    Source::Seeded(stream) => init::draw(hint, &shape, dtype, device, stream.child(name))?,
                    Source::Given(tensors) => {
                        let tensor = tensors.get(name).ok_or_else(|| Error::Msg(format!("there is no tensor '{name}'")))?;
                        Var::from_tensor(&tensor.to_dtype(dtype)?.to_device(device)?.copy()?)?
                    }
                };
                if var.shape() == &shape {
                    vars.push((name.to_string(), var.clone()));
                }
                var
            }
        };
        if var.shape() != &shape {
            return Err(Error::Msg(format!("tensor '{name}' has shape {:?}, expected {:?}", var.dims(), shape.dims())));
        }
        Ok(var.as_tensor().clone())
    }
    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        let found = self.lock().iter().find(|(n, _)| n == name).map(|(_, var)| var.as_tensor().clone());
        found.ok_or_else(|| Error::Msg(format!("there is no tensor '{name}'")))
    }
    fn contains_tensor(&self, name: &str) -> bool {
        self.lock().iter().any(|(n, _)| n == name)
    }
}
