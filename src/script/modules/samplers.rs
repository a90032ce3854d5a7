//! Samplers as values: a method with options of its own, wherever the name of a method may stand.

use super::Entry;
use super::families::{Shared, mean};
use crate::error::{Error, Result, unknown};
use crate::family::Family;
use crate::num::observe::Monitor;
use crate::num::options::parse_options;
use crate::sample::{
    Chains, ExactOptions, HmcOptions, ImportanceOptions, NutsOptions, QuadratureOptions, SmcOptions, sample_exact, sample_hmc,
    sample_nuts,
};
use crate::script::convert;
use crate::script::fault::{AtCall, Native};
use crate::script::host::Host;
use rhai::{Dynamic, Engine, Map, NativeCallContext};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

type Json = serde_json::Map<String, Value>;

/// Chains at one eta, `[k]`, with options.
type Draws = fn(&Family, &[f64], &Json, &Monitor) -> Result<Chains>;

/// A method that a script can configure.
pub(super) struct Kind {
    pub name: &'static str,
    /// Names of its options.
    keys: fn() -> Vec<String>,
    /// Whether a map of options is understood.
    understands: fn(&str, &Json) -> Result<()>,
    /// Draws with the given options; none for a method that gives moments only.
    pub draws: Option<Draws>,
}

/// Every method: to add one is to add a line here and an entry of `DOCS`.
const KINDS: &[Kind] = &[
    Kind::of::<HmcOptions>("hmc", Some(|f, eta, o, m| sample_hmc(f, eta, &parse_options("hmc", o)?, m))),
    Kind::of::<NutsOptions>("nuts", Some(|f, eta, o, m| sample_nuts(f, eta, &parse_options("nuts", o)?, m))),
    Kind::of::<ExactOptions>("exact", Some(|f, eta, o, m| sample_exact(f, eta, &parse_options("exact", o)?, m))),
    Kind::of::<Tolerance>("quadrature", None),
    Kind::of::<ImportanceOptions>("importance", None),
    Kind::of::<SmcOptions>("smc", None),
];

/// What scripts say to quadrature.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Tolerance {
    tol: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Tolerance { tol: QuadratureOptions::default().tol }
    }
}

impl Kind {
    const fn of<T: Default + Serialize + DeserializeOwned>(name: &'static str, draws: Option<Draws>) -> Kind {
        Kind { name, keys: keys::<T>, understands: |what, map| parse_options::<T>(what, map).map(drop), draws }
    }
    /// The kind called `name`, which gives draws.
    pub fn drawing(name: &str) -> Result<&'static Kind> {
        let drawing: Vec<&str> = KINDS.iter().filter(|k| k.draws.is_some()).map(|k| k.name).collect();
        match KINDS.iter().find(|k| k.name == name) {
            Some(kind) if kind.draws.is_some() => Ok(kind),
            Some(_) => Err(Error::name(format!("{name} gives moments, not draws; draws come from {}", drawing.join(", ")))
                .hint(format!("family.mean(eta, #{{method: \"{name}\"}})"))),
            None => Err(unknown("method of sample", name, &drawing)),
        }
    }
    /// Refuse a key that is neither an option of this method nor one of `more`.
    pub fn check_keys(&self, map: &Map, more: &[&str]) -> Result<()> {
        let own = (self.keys)();
        let valid: Vec<&str> = own.iter().map(String::as_str).chain(more.iter().copied()).collect();
        match map.keys().find(|key| !valid.contains(&key.as_str())) {
            Some(key) => Err(unknown(&format!("option of sample with {}", self.name), key, &valid)),
            None => Ok(()),
        }
    }
}

fn keys<T: Default + Serialize>() -> Vec<String> {
    let defaults = serde_json::to_value(T::default()).unwrap_or(Value::Null);
    defaults.as_object().map(|m| m.keys().cloned().collect()).unwrap_or_default()
}

/// A method and the options that differ from its defaults.
#[derive(Clone)]
pub(super) struct Sampler {
    kind: &'static Kind,
    options: Map,
}

impl Sampler {
    fn new(kind: &'static Kind, options: Map) -> Result<Sampler> {
        (kind.understands)(kind.name, &convert::object(&options))?;
        Ok(Sampler { kind, options })
    }
    fn text(&self) -> String {
        let options: Vec<String> = self.options.iter().map(|(k, v)| format!("{k}: {}", convert::json(v))).collect();
        if options.is_empty() {
            format!("{}()", self.kind.name)
        } else {
            format!("{}(#{{{}}})", self.kind.name, options.join(", "))
        }
    }
    /// Its options with those of `map` over them, and its name as the method.
    fn under(&self, map: &Map) -> Map {
        let mut all = self.options.clone();
        if map.contains_key("draws") {
            all.remove("samples");
        }
        all.extend(map.clone());
        all.insert("method".into(), self.kind.name.into());
        all
    }
}

/// `map` with a sampler that stands for its method spelled out: the method's name and the sampler's options, except those that
/// the map gives itself.
pub(super) fn merged(map: &Map) -> Map {
    match map.get("method").and_then(|m| m.clone().try_cast::<Sampler>()) {
        Some(sampler) => sampler.under(map),
        None => map.clone(),
    }
}

fn run(ctx: &NativeCallContext, host: &Host, sampler: &Sampler, family: &Shared, eta: &Dynamic, map: &Map) -> Native<Dynamic> {
    if map.contains_key("method") {
        let text = format!("the sampler {} is the method; run takes its options only", sampler.kind.name);
        return Err(Error::name(text)).at(ctx);
    }
    let map = sampler.under(map);
    match sampler.kind.draws {
        Some(_) => super::chains::draw(ctx, host, family, eta, &map).map(Dynamic::from),
        None => mean(ctx, host, family, eta, &map).map(Dynamic::from),
    }
}

pub(super) fn register(engine: &mut Engine, host: &Host) {
    engine.register_type_with_name::<Sampler>("Sampler");
    for kind in KINDS {
        engine.register_fn(kind.name, move || Sampler { kind, options: Map::new() });
        engine.register_fn(kind.name, move |ctx: NativeCallContext, map: Map| Sampler::new(kind, map).at(&ctx));
    }
    let h = host.clone();
    engine.register_fn("run", move |ctx: NativeCallContext, s: &mut Sampler, f: Shared, eta: Dynamic| {
        run(&ctx, &h, s, &f, &eta, &Map::new())
    });
    let h = host.clone();
    engine.register_fn("run", move |ctx: NativeCallContext, s: &mut Sampler, f: Shared, eta: Dynamic, map: Map| {
        run(&ctx, &h, s, &f, &eta, &map)
    });
    engine.register_get("name", |s: &mut Sampler| s.kind.name);
    engine.register_get("method", |s: &mut Sampler| s.kind.name);
    engine.register_get("options", |s: &mut Sampler| s.options.clone());
    engine.register_fn("to_string", |s: &mut Sampler| s.text());
    engine.register_fn("to_debug", |s: &mut Sampler| s.text());
}

pub(super) fn describe(value: &Dynamic) -> Option<Map> {
    let sampler = value.clone().try_cast::<Sampler>()?;
    let mut map = sampler.options;
    map.insert("method".into(), sampler.kind.name.into());
    Some(map)
}

pub(super) const DOCS: &[Entry] = &[
    Entry {
        name: "hmc",
        signature: "hmc(#{ samples: 2000, warmup: 100, chains: 16, step_size: 0.1, integration_steps: 10, adapt: true, target_accept: 0.8, control_variates: true, seed: 0 })",
        doc: "Hamiltonian Monte Carlo as a value: it stands wherever method: takes a name, and its options hold unless others are given beside it.\n.run(family, eta, #{draws: 1000, ...}) gives Chains; draws counts each chain, samples all of them. .method and .options say what it is. adapt: false is the plain sampler: fixed step, integration_steps leapfrogs, unit mass, no jitter; control_variates acts on means, not on draws. Unknown options are refused here, values out of range when it runs.",
        example: "let s = hmc(#{step_size: 0.2, integration_steps: 8, adapt: false}); s.run(ef::gaussian(), [0, -0.5], #{draws: 200, seed: 1}).mu_T",
    },
    Entry {
        name: "nuts",
        signature: "nuts(#{ samples: 2000, warmup: 200, chains: 16, step_size: 1.0, max_depth: 10, target_accept: 0.8, seed: 0 })",
        doc: "The no-U-turn sampler as a value (multinomial, generalised U-turn criterion, Stan's warm-up windows, diagonal metric).\n.run(family, eta, #{draws: 1000, ...}) gives Chains; works wherever method: takes a name. step_size is where adaptation starts; step size and metric are pooled over the chains of an eta.",
        example: "nuts(#{max_depth: 8}).run(ef::gaussian(), [0, -0.5], #{draws: 200, chains: 4, seed: 1}).ess_bulk",
    },
    Entry {
        name: "exact",
        signature: "exact(#{ samples: 2000, chains: 16, seed: 0 })",
        doc: "Independent draws without error: by the sampler of a named family, or by inverting the distribution function of a single whole number.\n.run(family, eta, #{draws: 1000}) and family.sample(eta, #{method: \"exact\"}) give Chains; the default of sample where coordinates are whole numbers.",
        example: "exact().run(ef::gamma(), [1, -1], #{draws: 100, seed: 2}).mu_T",
    },
    Entry {
        name: "quadrature",
        signature: "quadrature(#{ tol: 1e-11 })",
        doc: "Adaptive quadrature as a value, for up to three coordinates: moments, not draws.\n.run(family, eta) gives what family.mean gives; tol is the change of mu, in standard deviations, at which refinement stops.",
        example: "quadrature(#{tol: 1e-10}).run(ef::gaussian(), [0, -0.5]).mu_T",
    },
    Entry {
        name: "importance",
        signature: "importance(#{ samples: 2048, replicates: 16, control_variates: true, seed: 0 })",
        doc: "Importance sampling from the separable base of a family, with scrambled Sobol points, as a value: moments, not draws.\n.run(family, eta) gives what family.mean gives; samples counts the points of all replicates, from whose scatter the errors come.",
        example: "let f = family(#{x: real(2), stats: |x| #{s: x*x, c: x[0]*x[1]}}); importance(#{samples: 1024}).run(f, [0.3, -1, -1]).mu_T",
    },
    Entry {
        name: "smc",
        signature: "smc(#{ particles: 1024, populations: 16, control_variates: true, seed: 0 })",
        doc: "Tempered sequential Monte Carlo from the separable base of a family, as a value: moments, not draws.\n.run(family, eta) gives what family.mean gives; particles counts those of all populations, from whose scatter the errors come.",
        example: "let f = family(#{x: real(2), stats: |x| #{s: x*x, c: x[0]*x[1]}}); smc(#{particles: 512}).run(f, [0.3, -1, -1]).mu_T",
    },
];
