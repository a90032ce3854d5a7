//! Defining a family: the closures that are traced, and the region of eta.

use super::families::Shared;
use super::supports::{Definite, Reparametrised};
use super::tracing;
use crate::domain::Support;
use crate::error::{Error, Result, unknown};
use crate::expr::{Expr, Trace};
use crate::family::{Block, EtaMap, Family, Region};
use crate::script::convert;
use crate::script::fault::{AtCall, Native, raise};
use crate::script::host::Host;
use rhai::{Dynamic, Engine, EvalAltResult, FnPtr, Map, NativeCallContext};
use std::sync::Arc;

const OPTIONS: [&str; 8] = ["name", "x", "stats", "base", "where", "eta", "eta_map", "overcomplete"];

/// The traced point, as an array of all coordinates and as the closure gets it: a map for a product with named parts.
fn point(trace: &Trace, support: &Support) -> (Expr, Dynamic) {
    let (x, parts) = support.trace(trace);
    if parts.is_empty() {
        return (x.clone(), Dynamic::from(x));
    }
    let parts = support.parts().iter().zip(parts).map(|(p, value)| (p.name.as_str().into(), Dynamic::from(value)));
    (x, Dynamic::from(Parts(parts.collect())))
}

/// What a closure gets for a product, or for the parameters of `eta_map`: a map that knows when a name is misspelt.
#[derive(Clone)]
struct Parts(Map);

impl Parts {
    fn names(&self) -> Vec<&str> {
        self.0.keys().map(rhai::Identifier::as_str).collect()
    }
    fn part(&self, name: &str) -> Result<Dynamic> {
        self.0.get(name).cloned().ok_or_else(|| unknown("part", name, &self.names()))
    }
    fn number(&self, i: i64) -> Error {
        let names = self.names();
        Error::name(format!("[{i}] of a value with named parts: {}", names.join(", ")))
            .hint(format!("x.{0} is a part, x.{0}[0] its first coordinate", names.first().unwrap_or(&"u")))
    }
}

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Parts>("Parts");
    engine.register_indexer_get(|ctx: NativeCallContext, p: &mut Parts, name: &str| p.part(name).at(&ctx));
    engine.register_indexer_get(|ctx: NativeCallContext, p: &mut Parts, i: i64| -> Native<Dynamic> {
        Err(raise(&ctx, p.number(i)))
    });
    engine.register_fn("keys", |p: &mut Parts| convert::names(p.names()));
    engine.register_fn("values", |p: &mut Parts| p.0.values().cloned().collect::<rhai::Array>());
    engine.register_fn("contains", |p: &mut Parts, name: &str| p.0.contains_key(name));
}

/// The family that the options of `family(#{...})` describe.
pub(super) fn family(ctx: &NativeCallContext, host: &Host, map: &Map) -> Native<Shared> {
    if let Some(key) = map.keys().find(|k| !OPTIONS.contains(&k.as_str())) {
        return Err(raise(ctx, unknown("option of family", key, &OPTIONS)));
    }
    let need = |key: &str, hint: &str| {
        map.get(key).ok_or_else(|| raise(ctx, Error::name(format!("family needs '{key}'")).hint(hint.to_string())))
    };
    let support = need("x", "x: real(2)")?;
    let support = support.clone().try_cast::<Support>().ok_or_else(|| {
        raise(
            ctx,
            Error::domain(format!("x must be a support, got {}", convert::type_name(support)))
                .hint("real(n), positive(n), interval(a, b, n), simplex(n), circle(n), sphere(n), integers(a, b), ordered(n), spd(n), product(#{..})"),
        )
    })?;
    let stats = closure(ctx, need("stats", "stats: |x| #{ x: x[0], x2: x[0]*x[0] }")?, "stats")?;
    let name = match map.get("name") {
        Some(name) => {
            name.clone().into_string().map_err(|t| raise(ctx, Error::name(format!("name must be a string, got {t}"))))?
        }
        None => "family".to_string(),
    };
    let trace = Trace::new();
    let (x, point) = point(&trace, &support);
    let found = call(ctx, host, &stats, &point, "stats")?;
    let Some(found) = found.clone().try_cast::<Map>() else {
        return Err(raise(
            ctx,
            Error::trace(format!("stats must return a map of statistics, got {}", convert::type_name(&found)))
                .hint("stats: |x| #{ x: x[0], x2: x[0]*x[0] }"),
        ));
    };
    let found: Vec<(String, Expr)> = found
        .iter()
        .map(|(k, v)| {
            super::expressions::traced(v, &x).map(|e| (k.to_string(), e)).map_err(|e| e.context(format!("statistic '{k}'")))
        })
        .collect::<Result<_>>()
        .at(ctx)?;
    let base = match map.get("base") {
        Some(base) => {
            let value = call(ctx, host, &closure(ctx, base, "base")?, &point, "base")?;
            super::expressions::traced(&value, &x).map_err(|e| e.context("base")).at(ctx)?
        }
        None => x.number(0.0),
    };
    let inside = match map.get("where") {
        Some(inside) => {
            let value = call(ctx, host, &closure(ctx, inside, "where")?, &point, "where")?;
            if !value.clone().try_cast::<Expr>().is_some_and(|e| e.len() == 1 && e.is_condition()) {
                let text = format!("where must give one condition on x, not {}", what_it_is(&value));
                return Err(raise(
                    ctx,
                    Error::trace(text).hint("where: |x| x[0]*x[0] < 1.0; join conditions with and(a, b), or(a, b)"),
                ));
            }
            Some(super::expressions::traced(&value, &x).map_err(|e| e.context("where")).at(ctx)?)
        }
        None => None,
    };
    let made = Family::from_trace(&name, support, &trace, found, base, inside).at(ctx)?;
    made.check_defined().at(ctx)?;
    let made = match map.get("overcomplete").map(Dynamic::as_bool) {
        None | Some(Ok(false)) => made,
        Some(Ok(true)) => made.with_overcomplete_statistics(),
        Some(Err(kind)) => return Err(raise(ctx, Error::domain(format!("overcomplete must be true or false, got {kind}")))),
    };
    let relations = if made.is_overcomplete() { vec![] } else { made.linear_relations() };
    for relation in relations {
        let note = format!(
            "warning: the statistics of '{name}' are linearly dependent, {relation}: eta is not identified; drop one of them, \
             or say overcomplete: true where that is meant"
        );
        host.frontend().err(&note);
    }
    let made = match (map.get("eta"), map.get("eta_map")) {
        (Some(eta), Some(to)) => {
            let to = closure(ctx, to, "eta_map")?;
            let region = mapped_region(ctx, host, &made, eta, &to)?;
            made.with_region(region).at(ctx)?
        }
        (Some(eta), None) => region(&made, eta).and_then(|r| made.with_region(r)).at(ctx)?,
        (None, Some(_)) => {
            let hint = "eta: #{ mean: [-2, 2], sd: [0.5, 2] }, eta_map: |p| #{ x: p.mean / p.sd**2, x2: -0.5 / p.sd**2 }";
            return Err(raise(ctx, Error::name("eta_map needs the ranges of its parameters in eta").hint(hint)));
        }
        (None, None) => made,
    };
    made.check_region().at(ctx)?;
    Ok(Arc::new(made))
}

/// A value that is not what a closure should give, in words.
fn what_it_is(value: &Dynamic) -> String {
    match value.clone().try_cast::<Expr>() {
        Some(e) if e.len() == 1 => format!("the value {}", e.formulas().concat()),
        Some(e) => format!("an array of shape {:?}", e.shape()),
        None => format!("{value} ({})", convert::type_name(value)),
    }
}

fn closure(ctx: &NativeCallContext, value: &Dynamic, what: &str) -> Native<FnPtr> {
    value.clone().try_cast::<FnPtr>().ok_or_else(|| {
        raise(
            ctx,
            Error::trace(format!("{what} must be a closure, got {}", convert::type_name(value)))
                .hint(format!("{what}: |x| ...")),
        )
    })
}

/// Run a closure on the traced point.
fn call(ctx: &NativeCallContext, host: &Host, f: &FnPtr, x: &Dynamic, what: &str) -> Native<Dynamic> {
    if let Some(position) = host.functions().switch_in(f.fn_name()) {
        let error = Error::trace("a switch inside a traced closure: it would silently take its '_' branch")
            .hint("use select(cond, a, b), or if on plain values");
        return Err(Box::new(EvalAltResult::ErrorRuntime(Dynamic::from(error), position)));
    }
    tracing(|| f.call_within_context::<Dynamic>(ctx, (x.clone(),))).map_err(|e| match e.as_ref() {
        EvalAltResult::ErrorFunctionNotFound(name, _) if name.starts_with(f.fn_name()) => raise(
            ctx,
            Error::trace(format!("{what} must be a closure of one argument, the point x")).hint(format!("{what}: |x| ...")),
        ),
        _ => e,
    })
}

/// The region from ranges of parameters and a closure that gives the statistics' eta from them.
fn mapped_region(ctx: &NativeCallContext, host: &Host, family: &Family, ranges: &Dynamic, to: &FnPtr) -> Native<Region> {
    let ranges = ranges.clone().try_cast::<Map>().ok_or_else(|| {
        raise(ctx, Error::domain("eta must be a map of ranges of parameters").hint("eta: #{ mean: [-2, 2], sd: [0.5, 2] }"))
    })?;
    let (trace, mut first, mut blocks, mut parameters) = (Trace::new(), 0, Vec::new(), Map::new());
    for (name, range) in &ranges {
        let ends = convert::tensor(range, &format!("the range of '{name}'")).at(ctx)?;
        let (shape, block) = match (ends.shape(), ends.data()) {
            ([2], [low, high]) => (vec![], Block::interval(*low, *high, 1)),
            ([2, n], ends) => (vec![*n], Block::ranges(&ends[..*n], &ends[*n..])),
            (shape, _) => {
                let text = format!("the range of '{name}' has shape {shape:?}, expected [low, high] or [lows, highs]");
                return Err(raise(ctx, Error::shape(text)));
            }
        };
        let value = trace.point(&shape, first);
        first += value.len();
        parameters.insert(name.clone(), Dynamic::from(value));
        blocks.push((name.to_string(), block.map_err(|e| e.context(format!("parameter '{name}'"))).at(ctx)?));
    }
    let like = trace.numbers(&[], &[0.0]);
    let found = call(ctx, host, to, &Dynamic::from(Parts(parameters)), "eta_map")?;
    let found =
        found.try_cast::<Map>().ok_or_else(|| raise(ctx, Error::trace("eta_map must return a map, one entry a statistic")))?;
    let names: Vec<&str> = family.statistics().iter().map(|s| s.name.as_str()).collect();
    if let Some(key) = found.keys().find(|k| !names.contains(&k.as_str())) {
        return Err(raise(ctx, unknown("statistic in eta_map", key, &names)));
    }
    let mut outputs = Vec::new();
    for statistic in family.statistics() {
        let value = found.get(statistic.name.as_str());
        let value =
            value.ok_or_else(|| raise(ctx, Error::domain(format!("eta_map gives nothing for '{}'", statistic.name))))?;
        let value = super::expressions::traced(value, &like)
            .map_err(|e| e.context(format!("eta_map, '{}'", statistic.name)))
            .at(ctx)?;
        if value.len() != statistic.size() {
            let text =
                format!("eta_map gives {} numbers for '{}', which has {}", value.len(), statistic.name, statistic.size());
            return Err(raise(ctx, Error::shape(text)));
        }
        outputs.extend_from_slice(value.nodes());
    }
    EtaMap::new(&trace.graph(), first, &outputs).map(|m| Region::mapped(blocks, m)).at(ctx)
}

/// The region from a map of ranges: one for each statistic.
fn region(family: &Family, value: &Dynamic) -> Result<Region> {
    let Some(map) = value.clone().try_cast::<Map>() else {
        return Err(Error::domain(format!("eta must be a map of ranges, got {}", convert::type_name(value)))
            .hint("eta: #{ x: [-3, 3], x2: [-5, -0.5] }"));
    };
    let names: Vec<&str> = family.statistics().iter().map(|s| s.name.as_str()).collect();
    if let Some(key) = map.keys().find(|k| !names.contains(&k.as_str())) {
        return Err(unknown("statistic in eta", key, &names));
    }
    let mut blocks = Vec::new();
    for statistic in family.statistics() {
        let name = &statistic.name;
        let range = map.get(name.as_str()).ok_or_else(|| {
            Error::domain(format!("eta has no range for the statistic '{name}'")).hint(format!("{name}: [low, high]"))
        })?;
        let square = |what: &str| match statistic.shape[..] {
            [n, m] if n == m => Ok(n),
            _ => Err(Error::shape(format!("{what} is for square matrices; '{name}' has shape {:?}", statistic.shape))),
        };
        let block = if range.is::<Reparametrised>() {
            Block::Reparametrised { n: square("reparametrised")? }
        } else if let Some(d) = range.clone().try_cast::<Definite>() {
            Block::negative_definite(d.low, d.high, square("negative_definite")?)?
        } else {
            let ends = convert::tensor(range, &format!("the range of '{name}'"))?;
            match (ends.shape(), ends.data()) {
                ([2], [low, high]) => {
                    Block::interval(*low, *high, statistic.size()).map_err(|e| e.context(format!("statistic '{name}'")))?
                }
                ([2, n], ends) if *n == statistic.size() => {
                    Block::ranges(&ends[..*n], &ends[*n..]).map_err(|e| e.context(format!("statistic '{name}'")))?
                }
                (shape, _) => {
                    return Err(Error::shape(format!(
                        "the range of '{name}' has shape {shape:?}, expected [low, high], or [lows, highs] with {} of each",
                        statistic.size()
                    )));
                }
            }
        };
        blocks.push((name.clone(), block));
    }
    Ok(Region::new(blocks))
}
