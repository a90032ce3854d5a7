//! A family certifies itself.

use super::Entry;
use super::families::Shared;
use crate::error::Result;
use crate::sample::{CheckOptions, Report, Verdict, check};
use crate::script::convert::{self, rows};
use crate::script::fault::{AtCall, Native};
use crate::script::host::Host;
use rhai::{Array, Dynamic, Engine, Map, NativeCallContext};

fn options(family: &Shared, map: &Map) -> Result<CheckOptions> {
    let mut found = CheckOptions::default();
    for (key, value) in map {
        match key.as_str() {
            "seed" => found.seed = convert::number(value).unwrap_or(0.0) as u64,
            "eta" => found.eta = rows(value, family.dim(), "eta")?.0,
            other => return Err(crate::error::unknown("option of check", other, &["seed", "eta"])),
        }
    }
    Ok(found)
}

pub(super) fn register(engine: &mut Engine, host: &Host) {
    engine.register_type_with_name::<Report>("Report");
    let run = |ctx: &NativeCallContext, host: &Host, family: &Shared, map: &Map| -> Native<Report> {
        let report = options(family, map).and_then(|o| check(family, &o, &host.monitor())).at(ctx)?;
        let failed: Vec<&crate::sample::Line> = report.lines.iter().filter(|l| l.verdict == Verdict::Fail).collect();
        if let [first, ..] = &failed[..] {
            let (n, name) = (failed.len(), family.name());
            let text =
                format!("warning: family '{name}' fails {n} of its checks, the first is {}: {}", first.name, first.detail);
            host.frontend().err(&text);
        }
        Ok(report)
    };
    let h = host.clone();
    engine.register_fn("check", move |ctx: NativeCallContext, f: &mut Shared| run(&ctx, &h, f, &Map::new()));
    let h = host.clone();
    engine.register_fn("check", move |ctx: NativeCallContext, f: &mut Shared, map: Map| run(&ctx, &h, f, &map));
    engine.register_get("passed", |r: &mut Report| r.passed());
    engine.register_get("lines", |r: &mut Report| lines(r));
    engine.register_fn("to_string", |r: &mut Report| r.to_string());
    engine.register_fn("to_debug", |r: &mut Report| r.to_string());
}

fn lines(report: &Report) -> Array {
    let word = |v: Verdict| match v {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Skip => "skip",
    };
    let line = |l: &crate::sample::Line| {
        Dynamic::from(Map::from([
            ("name".into(), l.name.into()),
            ("verdict".into(), word(l.verdict).into()),
            ("detail".into(), l.detail.clone().into()),
        ]))
    };
    report.lines.iter().map(line).collect()
}

pub(super) fn describe(value: &Dynamic) -> Option<Map> {
    let report = value.clone().try_cast::<Report>()?;
    Some(Map::from([
        ("family".into(), report.family.clone().into()),
        ("passed".into(), report.passed().into()),
        ("lines".into(), lines(&report).into()),
    ]))
}

pub(super) const DOCS: &[Entry] = &[Entry {
    name: "check",
    signature: "family.check(#{ seed: 0, eta: [...] })",
    doc: "The family certifies itself over its region: existence, derivatives, measure of the support, minimality, closed forms against integrals, d mu / d eta against Cov(T, T), convexity of A, Stein identities, sampled against exact means, exact draws.\nA Report with .passed and .lines (name, verdict \"pass\", \"fail\" or \"skip\", detail with the numbers); it prints itself, and a failed line is a warning too. A script that must not go on says if !f.check().passed { throw \"...\" }, which ends nnef run with exit code 1. eta checks at given natural parameters in place of the centre and draws of the region.",
    example: "ef::gaussian().check().passed",
}];
