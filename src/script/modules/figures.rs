//! Figures of plain vectors and of every result.

use super::Entry;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::plot::{self, Figure, LogY, Series};
use crate::sample::Chains;
use crate::script::convert;
use crate::script::fault::{AtCall, Native};
use crate::script::host::Host;
use crate::train::TrainedNet;
use rhai::{Dynamic, Engine, Map, NativeCallContext};

/// The figure that shows a value best.
fn figure(value: &Dynamic) -> Result<Figure> {
    if let Some(f) = value.clone().try_cast::<Figure>() {
        return Ok(f);
    }
    if let Some(d) = value.clone().try_cast::<Dataset>() {
        return Ok(plot::eta_histograms(&d.stat_names(), d.eta()));
    }
    if let Some(net) = value.clone().try_cast::<TrainedNet>() {
        return Ok(net.figure());
    }
    if let Some(c) = value.clone().try_cast::<Chains>() {
        return super::chains::figure(&c, &Map::new());
    }
    if let Some(figure) = super::inference::figure(value) {
        return Ok(figure);
    }
    let y = convert::tensor(value, "plot")?;
    let x = (0..y.data().len()).map(|i| i as f64).collect();
    Ok(Figure::lines("", "index", "", vec![Series::new("", x, y.data().to_vec())], LogY(false)))
}

pub(super) fn register(engine: &mut Engine, host: &Host) {
    engine.register_type_with_name::<Figure>("Figure");
    let shown = |host: &Host, f: Result<Figure>| f.inspect(|f| host.frontend().show(f));
    let h = host.clone();
    engine.register_fn("plot", move |ctx: NativeCallContext, v: Dynamic| -> Native<Figure> { shown(&h, figure(&v)).at(&ctx) });
    let h = host.clone();
    engine.register_fn("plot", move |ctx: NativeCallContext, x: Dynamic, y: Dynamic| -> Native<Figure> {
        if let (Some(c), Some(map)) = (x.clone().try_cast::<Chains>(), y.clone().try_cast::<Map>()) {
            return shown(&h, super::chains::figure(&c, &map)).at(&ctx);
        }
        let pair = convert::tensor(&x, "x").and_then(|x| Ok((x, convert::tensor(&y, "y")?)));
        let made = pair.and_then(|(x, y)| {
            if x.data().len() != y.data().len() {
                return Err(Error::shape(format!("x has {} numbers, y has {}", x.data().len(), y.data().len())));
            }
            Ok(Figure::lines("", "x", "y", vec![Series::new("", x.data().to_vec(), y.data().to_vec())], LogY(false)))
        });
        shown(&h, made).at(&ctx)
    });
    engine.register_fn("save", |ctx: NativeCallContext, f: &mut Figure, path: &str| f.save(path).at(&ctx));
    engine.register_get("svg", |ctx: NativeCallContext, f: &mut Figure| f.svg().at(&ctx));
    engine.register_fn("to_string", |_: &mut Figure| "figure: .save(\"a.svg\"), .save(\"a.png\")".to_string());
    engine.register_fn("to_debug", |_: &mut Figure| "figure".to_string());
}

pub(super) fn describe(value: &Dynamic) -> Option<Map> {
    let f = value.clone().try_cast::<Figure>()?;
    Some(Map::from([("svg".into(), f.svg().unwrap_or_default().into())]))
}

pub(super) const DOCS: &[Entry] = &[Entry {
    name: "plot",
    signature: "plot(y); plot(x, y); plot(data | net | chains | result); plot(chains, #{kind: \"trace\" | \"rank\"})",
    doc: "A figure of plain vectors or of a result; of chains the traces of the statistics, or their ranks (flat for every chain where chains agree); .save(\"a.svg\") or .save(\"a.png\") writes it.",
    example: "plot([1, 4, 9]).svg.len() > 0",
}];
