//! Seeded initial weights: candle's own generator on a CPU cannot be seeded.

use crate::num::stream::Stream;
use candle_core::{DType, Device, Error, Result, Shape, Var};
use candle_nn::Init;
use candle_nn::init::NormalOrUniform;
use rand_distr::{Distribution, Normal, Uniform};

/// A normal with standard deviation 1 / sqrt(fan_in): keeps the scale of a standardised input.
///
/// # Source
/// LeCun, Bottou, Orr and Müller, "Efficient BackProp" (1998).
pub fn lecun_normal(fan_in: usize) -> Init {
    Init::Randn { mean: 0.0, stdev: 1.0 / (fan_in.max(1) as f64).sqrt() }
}

/// A variable of `shape` drawn as `init` says from the generator of `stream`.
///
/// # Errors
/// When the parameters of `init` describe no distribution, or the device has no room.
pub fn draw(init: Init, shape: &Shape, dtype: DType, device: &Device, stream: Stream) -> Result<Var> {
    let count = shape.elem_count();
    let values = match init {
        Init::Const(value) => vec![value as f32; count],
        Init::Randn { mean, stdev } => normal(mean, stdev, count, stream)?,
        Init::Uniform { lo, up } => uniform(lo, up, count, stream)?,
        Init::Kaiming { dist, fan, non_linearity } => {
            let stdev = non_linearity.gain() / (fan.for_shape(shape).max(1) as f64).sqrt();
            match dist {
                NormalOrUniform::Normal => normal(0.0, stdev, count, stream)?,
                NormalOrUniform::Uniform => uniform(-stdev * 3.0_f64.sqrt(), stdev * 3.0_f64.sqrt(), count, stream)?,
            }
        }
    };
    Var::from_tensor(&candle_core::Tensor::from_vec(values, shape, device)?.to_dtype(dtype)?)
}

fn normal(mean: f64, stdev: f64, count: usize, stream: Stream) -> Result<Vec<f32>> {
    let law = Normal::new(mean, stdev).map_err(|e| Error::Msg(format!("initial weights: {e}")))?;
    Ok(law.sample_iter(stream.rng()).take(count).map(|v| v as f32).collect())
}

fn uniform(low: f64, high: f64, count: usize, stream: Stream) -> Result<Vec<f32>> {
    let law = Uniform::new_inclusive(low, high).map_err(|e| Error::Msg(format!("initial weights: {e}")))?;
    Ok(law.sample_iter(stream.rng()).take(count).map(|v| v as f32).collect())
}
