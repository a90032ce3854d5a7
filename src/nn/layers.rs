//! Layers, and their frozen counterparts.
//!
//! `candle_nn::LayerNorm` has no backward pass and says nothing about it; `candle_nn::Dropout` cannot be seeded; a sum over
//! rows costs more than a matrix product. Hence these. In single precision on a CPU they run the kernels of `kernels.rs`,
//! elsewhere candle's differentiable primitives, with vectors spread over rows by a product with a column of ones.

use super::{frozen, init, kernels};
use crate::error::{Error, Result};
use crate::num::stream::Xoshiro;
use candle_core::{DType, Device, Tensor};
use candle_nn::{Init, VarBuilder};
use rand::RngCore;

/// Affine map of the rows of [n, inputs] to [n, outputs].
#[derive(Debug, Clone)]
pub struct Linear {
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    /// Weight `weight` [outputs, inputs] and, where wanted, `bias` `[outputs]`, under the path of `vb`.
    ///
    /// # Errors
    /// When the builder cannot give a variable of that shape.
    pub fn new(inputs: usize, outputs: usize, bias: bool, vb: VarBuilder<'_>) -> Result<Self> {
        let weight = vb.get_with_hints((outputs, inputs), "weight", init::lecun_normal(inputs))?;
        let bias = if bias { Some(vb.get_with_hints(outputs, "bias", Init::Const(0.0))?) } else { None };
        Ok(Linear { weight, bias })
    }
    /// Number of inputs and outputs.
    pub fn shape(&self) -> (usize, usize) {
        let dims = self.weight.dims();
        (dims.get(1).copied().unwrap_or(0), dims.first().copied().unwrap_or(0))
    }
    /// Images of the rows `x`, [n, inputs].
    ///
    /// # Errors
    /// A shape error naming both widths.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (inputs, outputs) = self.shape();
        let (rows, width) = x.dims2()?;
        if width != inputs {
            return Err(Error::shape(format!("a layer of {inputs} inputs was given rows of {width} numbers")));
        }
        if kernels::apply_to(x) {
            let bias = match &self.bias {
                Some(bias) => bias.clone(),
                None => Tensor::zeros(outputs, x.dtype(), x.device())?,
            };
            return Ok(x.apply_op3(&self.weight, &bias, kernels::Affine)?);
        }
        let image = x.matmul(&self.weight.t()?)?;
        match &self.bias {
            Some(bias) => Ok((image + spread(bias, rows)?)?),
            None => Ok(image),
        }
    }
    /// The layer as plain data.
    ///
    /// # Errors
    /// When the weights cannot be read from their device.
    pub fn freeze(&self) -> Result<frozen::Linear> {
        let (inputs, outputs) = self.shape();
        let bias = self.bias.as_ref().map(plain).transpose()?;
        Ok(frozen::Linear::new(&plain(&self.weight)?, inputs, outputs, bias))
    }
}

/// Layer normalisation with gain and bias.
///
/// # Source
/// Ba, Kiros and Hinton, "Layer normalization", arXiv 1607.06450.
#[derive(Debug, Clone)]
pub struct LayerNorm {
    gain: Tensor,
    bias: Tensor,
    mean: Tensor,
    epsilon: f64,
}

impl LayerNorm {
    /// For rows of `width` numbers: `weight` and `bias`, `[width]`, under the path of `vb`.
    ///
    /// # Errors
    /// When the builder cannot give a variable of that shape.
    pub fn new(width: usize, vb: VarBuilder<'_>) -> Result<Self> {
        let gain = vb.get_with_hints(width, "weight", Init::Const(1.0))?;
        let bias = vb.get_with_hints(width, "bias", Init::Const(0.0))?;
        let mean = (Tensor::ones((width, 1), gain.dtype(), gain.device())? / width as f64)?;
        Ok(LayerNorm { gain, bias, mean, epsilon: 1e-5 })
    }
    /// Normalised rows of `x`, [n, width].
    ///
    /// # Errors
    /// When `x` has another width.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        if kernels::apply_to(x) {
            return Ok(x.apply_op3(&self.gain, &self.bias, kernels::Normalise { epsilon: self.epsilon as f32 })?);
        }
        let (rows, width) = x.dims2()?;
        let across = Tensor::ones((1, width), x.dtype(), x.device())?;
        let centred = (x - x.matmul(&self.mean)?.matmul(&across)?)?;
        let variance = centred.sqr()?.matmul(&self.mean)?;
        let rate = (variance + self.epsilon)?.sqrt()?.recip()?.matmul(&across)?;
        Ok(((centred * rate)? * spread(&self.gain, rows)?)?.add(&spread(&self.bias, rows)?)?)
    }
    /// The layer as plain data.
    ///
    /// # Errors
    /// When the weights cannot be read from their device.
    pub fn freeze(&self) -> Result<frozen::LayerNorm> {
        Ok(frozen::LayerNorm { gain: plain(&self.gain)?, bias: plain(&self.bias)?, epsilon: self.epsilon })
    }
}

/// x sigmoid(x), entry by entry.
///
/// # Errors
/// When the device has no room.
pub fn swish(x: &Tensor) -> Result<Tensor> {
    if kernels::apply_to(x) { Ok(x.apply_op1(kernels::Swish)?) } else { Ok(x.silu()?) }
}

/// Each entry of `x` kept with probability 1 - `rate` and then divided by it, else 0; masks come from `rng`.
///
/// # Errors
/// When the mask does not fit on the device of `x`.
pub fn dropout(x: &Tensor, rate: f64, rng: &mut Xoshiro) -> Result<Tensor> {
    if rate <= 0.0 {
        return Ok(x.clone());
    }
    let (bar, kept) = ((rate.min(1.0) * 4_294_967_296.0) as u64, (1.0 / (1.0 - rate)) as f32);
    let keep = |bits: u64| if bits >= bar { kept } else { 0.0 };
    let mut mask = Vec::with_capacity(x.elem_count() + 1);
    while mask.len() < x.elem_count() {
        let bits = rng.next_u64();
        mask.push(keep(bits >> 32));
        mask.push(keep(bits & 0xffff_ffff));
    }
    mask.truncate(x.elem_count());
    Ok((x * Tensor::from_vec(mask, x.shape(), x.device())?.to_dtype(x.dtype())?)?)
}

/// The vector `v` `[width]` as every one of `rows` rows.
fn spread(v: &Tensor, rows: usize) -> Result<Tensor> {
    Ok(Tensor::ones((rows, 1), v.dtype(), v.device())?.matmul(&v.unsqueeze(0)?)?)
}

fn plain(t: &Tensor) -> Result<Vec<f64>> {
    Ok(t.detach().to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::nn::Params;
    use crate::num::close::{Tolerance, close};
    use crate::num::stream::Stream;
    use candle_core::Var;

    /// The kernels (f32) and candle's primitives (f64) are one function with one gradient.
    #[test]
    fn kernels_agree_with_primitives() {
        let params = Params::seeded(Stream::new(2));
        let single = params.builder(&Device::Cpu);
        let linear = Linear::new(5, 7, true, single.pp("linear")).unwrap();
        let norm = LayerNorm::new(7, single.pp("norm")).unwrap();
        for (i, (_, var)) in params.vars().iter().enumerate() {
            let ramp: Vec<f32> = (0..var.elem_count()).map(|j| ((i + 3 * j) as f32 * 0.37).sin()).collect();
            var.set(&Tensor::from_vec(ramp, var.shape(), &Device::Cpu).unwrap()).unwrap();
        }
        let double = |t: &Tensor| Var::from_tensor(&t.to_dtype(DType::F64).unwrap()).unwrap();
        let vars = [&linear.weight, linear.bias.as_ref().unwrap(), &norm.gain, &norm.bias].map(double);
        let [weight, bias, gain, norm_bias] = vars.each_ref().map(|v| v.as_tensor().clone());
        let linear64 = Linear { weight, bias: Some(bias) };
        let norm64 = LayerNorm { gain, bias: norm_bias, mean: norm.mean.to_dtype(DType::F64).unwrap(), ..norm.clone() };
        let ramp: Vec<f32> = (0..15).map(|j| (j as f32 * 1.7).cos() * 3.0).collect();
        let x = Var::from_vec(ramp, (3, 5), &Device::Cpu).unwrap();
        let x64 = double(x.as_tensor());
        let run = |x: &Tensor, linear: &Linear, norm: &LayerNorm| {
            let h = norm.forward(&swish(&linear.forward(x).unwrap()).unwrap()).unwrap();
            let target = (h.ones_like().unwrap() * 0.3).unwrap();
            (h - target).unwrap().sqr().unwrap().sum_all().unwrap()
        };
        let (a, b) = (run(&x, &linear, &norm), run(&x64, &linear64, &norm64));
        let (grads, grads64) = (a.backward().unwrap(), b.backward().unwrap());
        let mut pairs: Vec<(Tensor, Tensor)> = vec![(a, b)];
        let names = params.vars();
        for ((_, var), var64) in names.iter().zip(&vars) {
            pairs.push((grads.get(var).unwrap().clone(), grads64.get(var64).unwrap().clone()));
        }
        pairs.push((grads.get(&x).unwrap().clone(), grads64.get(&x64).unwrap().clone()));
        for (single, double) in &pairs {
            assert_eq!(single.dims(), double.dims());
            let largest = plain(double).unwrap().iter().fold(0.0_f64, |m, v| m.max(v.abs()));
            let tolerance = Tolerance { absolute: 3e-6 * largest, relative: 1e-5 };
            for (s, d) in plain(single).unwrap().iter().zip(plain(double).unwrap()) {
                assert!(close(*s, d, tolerance), "{s} {d}");
            }
        }
    }

    #[test]
    fn dropout_keeps_the_mean() {
        let ones = Tensor::ones((200, 100), DType::F32, &Device::Cpu).unwrap();
        let out = plain(&dropout(&ones, 0.3, &mut Stream::new(1).rng()).unwrap()).unwrap();
        let kept = out.iter().filter(|v| **v > 0.0).count() as f64 / 20_000.0;
        // One false alarm in 16,000 seeds.
        assert!(close(kept, 0.7, crate::num::close::stat(4.0, (0.3_f64 * 0.7 / 20_000.0).sqrt())), "{kept}");
        assert!(out.iter().all(|v| *v == 0.0 || close(*v, 1.0 / 0.7, crate::num::close::SINGLE)));
    }

    #[test]
    fn widths_are_checked() {
        let linear = Linear::new(5, 7, true, Params::seeded(Stream::new(2)).builder(&Device::Cpu)).unwrap();
        let error = linear.forward(&Tensor::zeros((2, 4), DType::F32, &Device::Cpu).unwrap()).unwrap_err();
        assert!(error.message().contains("5 inputs") && error.message().contains("4 numbers"), "{error}");
    }
}
