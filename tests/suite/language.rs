//! The language through a session: every documented example runs, every config parses, recipes work.

use nnef::num::observe::{Monitor, Observer};
use nnef::plot::Figure;
use nnef::script::{Completeness, Frontend, Host, Session, modules};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

/// A front end that remembers what was printed.
#[derive(Default)]
pub struct Memory {
    lines: Mutex<Vec<String>>,
}

impl Memory {
    /// What was printed so far; "err: " stands before a warning.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

pub struct Quiet;
impl Observer for Quiet {
    fn begin(&self, _: &str, _: u64) {}
    fn advance(&self, _: u64, _: &str) {}
    fn end(&self) {}
}

impl Frontend for Memory {
    fn out(&self, line: &str) {
        self.lines.lock().unwrap().push(line.to_string());
    }
    fn err(&self, line: &str) {
        self.lines.lock().unwrap().push(format!("err: {line}"));
    }
    fn show(&self, _: &Figure) {}
    fn observer(&self) -> Arc<dyn Observer> {
        Arc::new(Quiet)
    }
}

pub fn session() -> (Session, Arc<Memory>) {
    let memory = Arc::new(Memory::default());
    (Session::new(Host::new(memory.clone(), Arc::new(AtomicBool::new(false)))), memory)
}

/// The value of a piece of code, as text; or the failure, as text.
pub fn eval(code: &str) -> Result<String, String> {
    let (mut session, _) = session();
    session.run("test", code).map(|v| session.display(&v).unwrap_or_default()).map_err(|f| f.to_string())
}

#[test]
fn every_documented_example_runs_and_every_name_is_explained_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut names: Vec<&str> = modules::entries().map(|e| e.name).collect();
    for entry in modules::entries() {
        assert!(entry.doc.len() > 20 && !entry.example.is_empty(), "{} is not explained", entry.name);
        // Files of examples are called help.ENDING.
        let code = entry.example.replace("\"help.", &format!("\"{}/help.", folder.path().display()));
        assert!(entry.example != entry.name, "{} has no example", entry.name);
        eval(&code).unwrap_or_else(|e| panic!("example of {}: {e}", entry.name));
    }
    names.sort_unstable();
    let before = names.len();
    names.dedup();
    assert_eq!(names.len(), before, "a name is documented twice");
}

#[test]
fn mathematics_means_mathematics_on_ints_floats_tensors() {
    assert_eq!(
        eval("[1.0/0.0 > 1e300, -1.0/0.0 < 0, 0.0/0.0 == 0.0/0.0, 2 == 2.0, 1.0 < 1.0 + 1e-15]").unwrap(),
        eval("[true, true, false, true, true]").unwrap()
    );
    for (code, value) in [
        ("log(10)", "2.302585092994046"),
        ("exp(1)", "2.718281828459045"),
        ("sqrt(4)", "2.0"),
        ("log(vec([1, 2]))[0]", "0.0"),
        ("dot([1, 2], [3, 4])", "11.0"),
        ("matmul([[1, 2], [3, 4]], [1, 1]).to_array()", "[3.0,7.0]"),
        ("sum(linspace(0, 1, 5))", "2.5"),
        ("(vec([1, 2]) + [1, 1]).to_array()", "[2.0,3.0]"),
        ("eye(2).shape", "[2,2]"),
        ("to_json(#{a: vec([1, 2]), b: \"x\"})", "{\"a\":[1.0,2.0],\"b\":\"x\"}"),
        ("max([1, 5, 2])", "5.0"),
        ("let said = \"\"; try { vec([1, \"a\"]) } catch(e) { said = e.message; } said.contains(\"number\")", "true"),
        ("ef::gamma().log_density([-1], [1, -1])", "-inf"),
        ("ef::mvn(2).sample([0, 0, -1, 0, 0, -1], #{draws: 50, chains: 3}).draws.shape", "[3,50,2]"),
        ("trace([[1, 2], [3, 4]])", "5.0"),
    ] {
        assert_eq!(eval(code).unwrap(), value, "{code}");
    }
}

#[test]
fn a_closure_may_use_loops_maps_arrays_helpers_and_captured_constants() {
    let code = "
        fn bump(v, c) { exp(-(v - c) ** 2) }
        let centers = [0.0, 1.0, 2.0];
        let scale = 2;
        let f = family(#{ x: real(3), stats: |x| {
            let parts = [];
            for c in centers { parts.push(bump(x[0], c)); }
            let total = 0;
            for v in x { total += v * v; }
            let named = #{ a: x[1] };
            #{ bumps: parts, total: total, scaled: scale * named.a, top: x[0..2], pick: select(and(x[0] > 0, x[1] <= 1), x[2], -x[2]) }
        }});
        f.stats([0.5, 0.25, 2.0]).to_array()";
    // -(v - c) ** 2 means (-(v - c)) ** 2 in Rhai: the trap is reported, not computed.
    assert!(eval(code).unwrap_err().contains("even power of a negation"));
    // Whatever the negation is written as once it is traced: -(x - 4) is 4 - x, whose square may be meant.
    for a in ["(x[0]-4.0)", "(x[0]*2.0)", "(x[0]-x[1])", "(2.0-x[0])", "x[0]", "sin(x[0])"] {
        let code = format!("family(#{{ x: real(2), stats: |x| #{{ a: exp(-{a}**2.0*50.0) + x[1] }} }})");
        assert!(eval(&code).unwrap_err().contains("even power of a negation"), "{a}");
    }
    assert!(eval("family(#{ x: real(1), stats: |x| #{ a: -((4.0-x[0])**2), b: (-2.0*x[0])**2 } }).formula").is_ok());
    let code = code.replace("exp(-(v - c) ** 2)", "exp(-((v - c) ** 2))");
    let expected: Vec<f64> =
        vec![(-0.25_f64).exp(), (-0.25_f64).exp(), (-2.25_f64).exp(), 2.0, 0.5, 0.5, 0.25, 0.25 + 0.0625 + 4.0];
    let got: Vec<f64> = serde_json::from_str(&eval(&code).unwrap()).unwrap();
    assert!(nnef::num::close::close_all(&got, &expected, nnef::num::close::EXACT), "{got:?} and {expected:?}");
}

#[test]
fn variables_and_functions_live_on_and_errors_name_their_cell() {
    let (mut s, _) = session();
    let _ = s.run("In[1]", "let a = 2; fn twice(v) { v * 2 }").unwrap();
    let _ = s.run("In[2]", "fn bad(y) {\n    y.nope()\n}").unwrap();
    assert_eq!(s.run("In[3]", "twice(a) + 1").unwrap().as_int().unwrap(), 5);
    assert_eq!(s.run("In[4]", "ans * 2").unwrap().as_int().unwrap(), 10);
    let failure = s.run("In[5]", "\nbad(a)").unwrap_err();
    let place = failure.place.clone().unwrap();
    assert_eq!((place.source.as_str(), place.line), ("In[2]", 2));
    assert_eq!(failure.calls[0].1.as_ref().unwrap().source, "In[5]");
    assert_eq!(s.run("In[6]", "a").unwrap().as_int().unwrap(), 2, "variables are intact after an error");
}

#[test]
fn unfinished_input_asks_for_more() {
    let (s, _) = session();
    for text in ["fn f(", "let x =", "#{a:", "x.", "switch x {1 =>", "`a ${x", "family(#{ x: real(1),", "/* note", "if a {"] {
        assert_eq!(s.completeness(text), Completeness::Incomplete, "{text}");
    }
    for text in ["1 + 1", "let f = |x| x;", "fn f(a) { a }"] {
        assert_eq!(s.completeness(text), Completeness::Complete, "{text}");
    }
    for text in ["let x = 5 5", "fn (", "1 +* 2"] {
        assert_eq!(s.completeness(text), Completeness::Invalid, "{text}");
    }
}

#[test]
fn an_interrupt_stops_a_loop_and_keeps_the_variables() {
    let memory = Arc::new(Memory::default());
    let cancel = Arc::new(AtomicBool::new(false));
    let host = Host::new(memory, cancel.clone());
    let mut s = Session::new(host.clone());
    let _ = s.run("a", "let kept = 41;").unwrap();
    let stopper = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(60));
        cancel.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let failure = s.run("b", "let n = 0; loop { n += 1; }").unwrap_err();
    stopper.join().unwrap();
    assert_eq!(failure.kind, nnef::error::Kind::Interrupted);
    host.reset();
    assert_eq!(s.run("c", "kept + 1").unwrap().as_int().unwrap(), 42);
}

#[test]
fn every_config_parses_and_makes_a_dataset() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let (mut named, mut scripts): (Vec<String>, usize) = (vec![], 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mut job = nnef::config::DataJob::load(&path).unwrap();
        job.grid.num_points = 3;
        let (s, _) = session();
        let resolve = |script: &std::path::Path| nnef::script::family_of_script(s.host(), script);
        let data = job.run(&resolve, &Monitor::silent()).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(data.len(), 3);
        named.extend(job.ef.name);
        scripts += usize::from(job.ef.script.is_some());
    }
    named.sort();
    let all: Vec<&str> = nnef::family::named::LIST.iter().map(|n| n.name).collect();
    assert_eq!((named, scripts), (all.iter().map(|n| n.to_string()).collect(), 1));
    let error = nnef::config::DataJob::parse("{ef: {name: gaussian}, grid: {num_pints: 10}}").unwrap_err();
    assert!(error.to_string().contains("num_pints") && error.to_string().contains("num_points"), "{error}");
}

#[test]
fn recipes_are_importable() {
    let code = "import \"std/recipes\" as recipes; let r = recipes::learn(ef::gaussian(), #{ data: #{points: 40}, train: #{epochs: 2} }); r.net.test.rows";
    assert_eq!(eval(code).unwrap(), "4");
}

#[test]
fn linearly_dependent_statistics_are_reported_and_duplicates_of_an_outer_product_are_not() {
    let (mut s, memory) = session();
    for (stats, relation) in [
        ("#{ a: x[0], b: 2*x[0] + 1 }", "b = 2 a + 1"),
        ("#{ a: x[0]**2, b: x[1]**2, c: dot(x, x) }", "c = a + b"),
        ("#{ a: sin(x[0])**2, b: cos(x[0])**2 }", "b = -a + 1"),
    ] {
        let _ = s.run("test", &format!("family(#{{ x: real(2), stats: |x| {stats} }})")).unwrap();
        let said = memory.lines.lock().unwrap().pop().unwrap();
        assert!(said.contains("linearly dependent") && said.contains(relation), "{stats}: {said}");
    }
    let _ = s.run("test", "family(#{ x: real(3), stats: |x| #{ a: x, b: outer(x, x) } })").unwrap();
    assert!(memory.lines.lock().unwrap().is_empty());
}

/// A static network, and a trained one with its weights frozen, as statistics: numbers and traces agree, quadrature integrates.
#[test]
fn networks_are_statistics() {
    let check = |code: &str| assert_eq!(eval(code).unwrap(), "true", "{code}");
    check(
        "let g = static_net(#{inputs: 2, hidden: [16], outputs: 3, seed: 1});
         let f = family(#{x: real(2), stats: |x| #{ q: x*x, h: g.forward(x) }});
         let t = f.stats([0.5, 1.0]); let h = g.forward([0.5, 1.0]);
         let m = f.mean([0.3, -0.2, 0.1, -0.7, -0.5]);
         abs(t[0] - h[0]) < 1e-14 && abs(t[2] - h[2]) < 1e-14 && m.method == \"quadrature\" && m.ess > 1e16",
    );
    check(
        "let net = train(ef::gaussian().generate(#{points: 50}), #{epochs: 1});
         let f = family(#{x: real(2), stats: |x| #{ h: net.forward(x) }});
         let t = f.stats([0.5, -1.0]); let h = net.mean([0.5, -1.0]);
         abs(t[0] - h[0]) < 1e-12 && abs(t[1] - h[1]) < 1e-12",
    );
    for (code, words) in [
        ("static_net(#{inputs: 2})", "inputs and outputs"),
        ("static_net(#{inputs: 2, outputs: 1, activation: \"tan\"})", "did you mean 'tanh'"),
        ("static_net(#{inputs: 2, outputs: 1}).forward([1, 2, 3])", "expected [2]"),
        ("family(#{x: real(3), stats: |x| #{h: static_net(#{inputs: 2, outputs: 2}).forward(x)}})", "network of 2 inputs"),
    ] {
        let error = eval(code).unwrap_err();
        assert!(error.contains(words), "{code}: {error}");
    }
}

/// A region by parameters of its own: draws are images, membership is by inversion, mistakes are named.
#[test]
fn a_region_may_be_mapped() {
    let family = |map: &str| {
        format!(
            "let f = family(#{{ x: real(1), stats: |x| #{{ x: x[0], x2: x[0]*x[0] }},
               eta: #{{ m: [-2, 2], sd: [0.5, 2] }}, eta_map: |p| #{{ {map} }} }});"
        )
    };
    let normal = family("x: p.m / p.sd**2, x2: -0.5 / p.sd**2");
    let check = |code: &str| assert_eq!(eval(&(normal.clone() + code)).unwrap(), "true", "{code}");
    check("let e = f.draw_eta(50, #{design: \"sobol\"}); let mu = f.mean(e).mu_T; abs(max(mu)) < 8.01");
    check("let mu = f.mean([2 / 0.25, -0.5 / 0.25]).mu_T; abs(mu[0] - 2) < 1e-9 && abs(mu[1] - 4.25) < 1e-9");
    check("f.check().passed");
    for (code, words) in [
        (normal.clone() + "f.mean([10, -0.5])", "no parameters"),
        (family("x: p.m"), "gives nothing for 'x2'"),
        (family("x: p.m, x2: p.m, x3: p.m"), "unknown statistic in eta_map 'x3'"),
        (family("x: [p.m, p.sd], x2: p.m"), "gives 2 numbers for 'x'"),
        (family("x: p.n, x2: p.m"), "n"),
        ("family(#{ x: real(1), stats: |x| #{ x: x }, eta_map: |p| #{ x: p.a } })".to_string(), "needs the ranges"),
    ] {
        let error = eval(&code).unwrap_err();
        assert!(error.contains(words), "{code}: {error}");
    }
}

/// A region of x by a condition: nothing outside, nothing clipped.
#[test]
fn a_support_may_be_cut_by_a_condition() {
    let disk = "let f = family(#{ x: real(2), stats: |x| #{ q: x*x }, where: |x| x[0]*x[0] + x[1]*x[1] < 1.0 });";
    let check = |code: &str| assert_eq!(eval(&(disk.to_string() + code)).unwrap(), "true", "{code}");
    // E[x_0^2] = 1/4 on the disk; four standard errors: one false alarm in 16,000.
    check(
        "let m = f.mean([0, 0], #{method: \"hmc\", samples: 20000, seed: 3}); abs(m.mu_T[0] - 0.25) < 4.0 * m.mcse[0] && m.mcse[0] < 0.01",
    );
    check("f.log_density([1.0, 0.5], [0, 0]) < -1e300");
    let line = "let f = family(#{ x: real(2), stats: |x| #{ q: x*x }, where: |x| x[0] == x[1] }); ";
    for code in ["f.mean([-1, -1], #{method: \"hmc\"})", "f.sample([-1, -1])"] {
        let error = eval(&(line.to_string() + code)).unwrap_err();
        assert!(error.contains("found no point"), "{code}: {error}");
    }
    let error = eval("family(#{ x: real(1), stats: |x| #{ x: x[0] }, where: |x| x[0] })").unwrap_err();
    assert!(error.contains("one condition"), "{error}");
}

/// Points come flat, in the shape of the closure's argument, or by the parts of a product.
#[test]
fn points_come_in_every_shape() {
    for code in [
        "let f = family(#{x: real([2, 2]), stats: |x| #{ t: trace(x), m: x }}); let a = f.stats([[1, 2], [3, 4]]); let b = f.stats([1, 2, 3, 4]); dot(a - b, a - b) == 0.0",
        "let f = family(#{x: spd(2), stats: |W| #{ W: W, l: log_det(W) }}); f.stats([[[2, 0], [0, 2]], [[1, 0], [0, 3]]]).shape == [2, 5]",
        "let f = family(#{x: product(#{u: real(1), s: positive(2)}), stats: |x| #{ a: x.u, b: x.s }}); let t = f.stats(#{u: 1, s: [2, 3]}); t[0] == 1.0 && t[2] == 3.0",
    ] {
        assert_eq!(eval(code).unwrap(), "true", "{code}");
    }
    for (code, words) in [
        (
            "family(#{x: product(#{u: real(1), s: positive(2)}), stats: |x| #{ a: x.u }}).stats(#{u: 1, v: 2})",
            "unknown part of the point 'v'",
        ),
        ("family(#{x: real(1), stats: |x| #{ q: x[0]**2 }, eta: #{ q: [-1, 0.5] }})", "partly improper"),
        ("family(#{x: real(1), stats: |x| #{ q: x[0]**2 }, eta: #{ q: [2, 1] }})", "empty"),
    ] {
        let error = eval(code).unwrap_err();
        assert!(error.contains(words), "{code}: {error}");
    }
}

/// Every name that the vocabulary registers is explained: by an entry of its own, or along with another.
#[test]
fn every_registered_name_has_help() {
    let files = std::fs::read_dir("src/script/modules").unwrap().map(|f| std::fs::read_to_string(f.unwrap().path()).unwrap());
    let text: String = files.collect();
    let calls = ["register_fn(\"", "register_get(\""];
    let quoted = calls.iter().flat_map(|call| text.split(call).skip(1)).filter_map(|rest| rest.split('"').next());
    // Rhai's own protocols, and the parts of an error that catch(e) finds.
    let silent = ["to_string", "to_debug", "describe", "keys", "values", "contains", "hint", "message"];
    let names: std::collections::BTreeSet<&str> =
        quoted.filter(|n| n.starts_with(|c: char| c.is_alphabetic()) && !silent.contains(n)).collect();
    let (session, _) = session();
    let missing: Vec<&&str> = names.iter().filter(|n| session.help(n).starts_with("no help")).collect();
    assert!(names.len() > 60 && missing.is_empty(), "no help for {missing:?}");
}

/// Options, values and the parts of a dataset have help of their own, also where they are not called.
#[test]
fn options_and_parts_have_help() {
    let (session, _) = session();
    let options = serde_json::to_value(nnef::data::GenerateOptions::default()).unwrap();
    let names = options.as_object().unwrap().keys().map(String::as_str);
    for name in names.chain(["where", "eta_map", "base", "merge", "outside", "draws", "Chains", "Dataset"]) {
        let text = session.find_help(name).unwrap_or_else(|e| panic!("{e}"));
        assert!(text.contains(name) && text.contains("\nexample\n"), "{text}");
    }
    for (name, words) in [
        ("data.summary", "A table of a dataset"),
        ("data.summary()", "A table of a dataset"),
        ("data.eta", "natural parameters"),
        ("data.split", "80-10-10"),
        ("chains.rhat", "rhat"),
        ("epochs", "AdamW"),
        ("ef::gamma", "ef::gamma()"),
        ("ef::beta()", "ef::beta()"),
        ("", "target_mcse"),
    ] {
        assert!(session.help(name).contains(words), "{name}: {}", session.help(name));
    }
    for (name, words) in [("target_mcs", "did you mean 'target_mcse'?"), ("zzz", "help() lists")] {
        let error = session.find_help(name).unwrap_err();
        assert!(error.hint_text().unwrap().contains(words), "{name}: {error}");
    }
}

/// Rows of another dataset, or etas that inference gathered, go to the end of a dataset.
#[test]
fn rows_are_appended() {
    let start = "let f = ef::gaussian(); let d = f.generate(#{points: 4}); ";
    let run = |code: &str| eval(&format!("{start}{code}"));
    assert_eq!(run("let e = d.append(f.generate(#{points: 3, seed: 1})); [d.len, e.len]").unwrap(), "[4,7]");
    let code = "let e = d.append([#{factor: \"x\", eta: vec([1, -0.5])}]); [e.mu_T[4].to_array(), e.eta[4].to_array()]";
    assert_eq!(run(code).unwrap(), "[[1.0,2.0],[1.0,-0.5]]");
    for (code, words) in [
        ("d.append(ef::gamma().generate(#{points: 3}))", "the rows have the statistics log_x, x, the dataset has x, x2"),
        ("d.append([#{eta: [1, 2, 3]}])", "rows[0].eta"),
        ("d.append([3])", "rows[0] is an int"),
        ("d.append([#{eta: [1, 2]}])", "eta_x2 < 0"),
    ] {
        let error = run(code).unwrap_err();
        assert!(error.contains(words), "{code}: {error}");
    }
}
