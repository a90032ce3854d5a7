//! Everything a user can get wrong: a clear error with its position, never a panic, never something silently else.

use crate::language::eval;

/// Code, and what its error must mention.
const CASES: &[(&str, &[&str])] = &[
    (
        "family(#{ x: real(1), stats: |x| if x[0] > 0 { #{a: x} } else { #{a: -x} } })",
        &["traced", "select(cond, a, b)", "1:42"],
    ),
    ("family(#{ x: real(1), stats: |x| #{a: if x[0] > 0 && x[0] < 1 { 1 } else { 0 }} })", &["traced"]),
    ("family(#{ x: real(1), stats: |x| { let n = 0; while x[0] > n { n += 1; } #{a: x} } })", &["traced"]),
    ("family(#{ x: real(1), stats: |x| #{a: sine(x)} })", &["unknown function sine"]),
    ("family(#{ x: real(3), stats: |x| #{a: outer(x, x) + x} })", &["[3, 3]", "[3]"]),
    ("family(#{ x: real(3), stats: |x| #{a: dot(x, x[0..2])} })", &["[3]", "[2]"]),
    ("family(#{ x: real(3), stats: |x| #{a: x[3]} })", &["out of range"]),
    ("family(#{ x: real(1), stats: |x| #{a: x[0], one: 1.0} })", &["'one'", "does not depend on x"]),
    ("family(#{ x: real(1), stats: |x| #{a: 1/2 * x[0]} })", &["remainder", "1.0 / 2"]),
    ("family(#{ x: real(1), stats: |x| #{a: -x[0] ** 2} })", &["negation"]),
    ("family(#{ x: real(1), stats: |x| #{a: [x[0], 1] + [1, 2]} })", &["joins arrays"]),
    ("family(#{ x: real(1), stats: |x| #{a: x[0] in [1, 2]} })", &["'in'"]),
    ("family(#{ x: real(1), stats: |x| #{a: log(-1.0) * x[0]} }).mean([1])", &["finite"]),
    ("family(#{ x: real(1), stats: |x| #{a: switch x[0] { 1 => x[0], _ => 2 * x[0] }} })", &["switch", "select"]),
    (
        "fn pick(v) { switch v { 1 => v, _ => 2 * v } } family(#{ x: real(1), stats: |x| #{a: pick(x[0])} })",
        &["switch", "1:14"],
    ),
    ("family(#{ x: real(1), stats: |x, y| #{a: x} })", &["closure of one argument"]),
    ("ef::gaussian().generate(#{points: 1000000000000})", &["points", "fit in memory"]),
    ("ef::gaussian().mean([0, -1], #{method: \"hmc\", samples: 1000000000000})", &["samples"]),
    ("family(#{ x: real(1), stats: |x| x })", &["map of statistics"]),
    ("family(#{ x: real(1), stats: |x| #{} })", &["no statistics"]),
    ("family(#{ x: real(1), stats: 3 })", &["closure"]),
    ("family(#{ x: 3, stats: |x| #{a: x} })", &["support"]),
    ("family(#{ x: real(1), stat: |x| #{a: x} })", &["'stat'", "did you mean 'stats'"]),
    ("real(0)", &["at least one"]),
    ("real([])", &["real(n)", "[]", "[2, 3]"]),
    ("positive([])", &["positive(n)", "[]"]),
    ("family(#{x: real([2, 3]), stats: |x| #{x: x}}).stats([1, 2])", &["[2]", "[2, 3] or [n, 2, 3]", "[6] or [n, 6]"]),
    ("ef::poisson().mean([800])", &["eta_x is 800", "beyond the range of numbers", "eta_x < 709"]),
    ("interval(2, 1)", &["empty"]),
    ("family(#{ x: real(1), stats: |x| #{a: x}, eta: #{a: [2, 1]} })", &["'a'", "[2, 1]"]),
    ("family(#{ x: real(1), stats: |x| #{a: x}, eta: #{b: [1, 2]} })", &["'b'", "a"]),
    (
        "family(#{ x: real(1), stats: |x| #{a: x[0], b: x[0]**2}, eta: #{a: [-1, 1], b: [-2, -1]} }).mean([3, -1])",
        &["a = 3", "[-1, 1]", "outside: true"],
    ),
    ("ef::gaussian().mean([1, 2, 3])", &["[3]", "[2]"]),
    ("ef::gaussian().mean([])", &["eta"]),
    ("ef::gaussian().mean([0, -1], #{out: \"d.npz\"})", &["'out'", "generate"]),
    ("ef::gaussian().mean([0.0/0.0, -1])", &["NaN", "finite"]),
    ("ef::gaussian().mean([1, 0.5])", &["eta_x2 < 0", "0.5"]),
    ("ef::gaussian().generate(#{pionts: 3})", &["'pionts'", "did you mean 'points'"]),
    ("ef::gaussian().generate(#{points: 0})", &["points"]),
    ("ef::gaussian().generate(#{points: -3})", &["points"]),
    ("ef::gaussian().generate(#{points: 3, method: \"hcm\"})", &["method"]),
    ("ef::gaussian().generate(#{points: 3, method: \"hmc\", chains: 0})", &["chains"]),
    ("ef::gaussian().generate(#{points: 3, method: \"hmc\", step_size: -1})", &["step_size"]),
    ("ef::gaussian().generate(#{points: 3, out: \"d.csv\"})", &[".safetensors", ".npz"]),
    ("ef::gaussian().generate(#{points: 3, out: \"/proc/nowhere/d.npz\"})", &["/proc/nowhere"]),
    ("ef::mvn(5).mean(ef::mvn(5).draw_eta(1)[0], #{method: \"quadrature\"})", &["three"]),
    ("family(#{ x: real(1), stats: |x| #{a: x} }).generate()", &["region"]),
    ("load_data(\"nowhere.npz\")", &["nowhere.npz"]),
    ("load_net(\"nowhere\")", &["nowhere"]),
    ("train(ef::gaussian().generate(#{points: 20}), #{epocs: 3})", &["did you mean 'epochs'"]),
    ("train(ef::gaussian().generate(#{points: 2}))", &["2 rows"]),
    ("train(ef::gaussian().generate(#{points: 20}), #{model: \"mlp\"})", &["mlp_et"]),
    ("cavi(#{ x: ef::gaussian(), y: ef::gaussian(), coupling: [[1]] })", &["[1, 1]", "[2, 2]"]),
    ("cavi(#{ x: ef::gaussian(), coupling: [[1]] })", &["'y'"]),
    (
        "cavi(#{ x: ef::gaussian(), y: ef::gaussian(), coupling: [[0, 0], [0, 3]], prior_x: [0, -1], prior_y: [0, -1] })",
        &["natural"],
    ),
    ("fn f(n) { f(n + 1) } f(0)", &["too deeply"]),
    ("let x = ", &["syntax"]),
    ("linspace(0, 1, 1000000000000)", &["n is"]),
    ("matrix([[1, 2], [3]])", &["rows must be equally long"]),
    ("vec([1, \"a\"])", &["number"]),
    ("nope", &["unknown variable"]),
    ("plot([1, 2], [1])", &["x has 2"]),
    ("family(#{ x: real(3), stats: |x| #{a: log(x), q: x*x} }).mean([1, 1, 1, -1, -1, -1])", &["not a number"]),
    ("real([100000, 100000])", &["at most"]),
    ("family(#{ name: 3, x: real(1), stats: |x| #{a: x} })", &["name must be a string"]),
];

#[test]
fn every_mistake_is_a_clear_error_with_its_position() {
    for (code, words) in CASES {
        let error = match eval(code) {
            Ok(value) => panic!("{code}\ngave {value}"),
            Err(error) => error,
        };
        for word in *words {
            assert!(error.contains(word), "{code}\n{word:?} is missing in\n{error}");
        }
        assert!(error.contains("--> test:1:") && error.contains('^'), "{code}\nhas no position in\n{error}");
    }
}

#[test]
fn damaged_data_files_are_errors() {
    let here = tempfile::tempdir().unwrap();
    let path = here.path().join("d.safetensors").display().to_string();
    eval(&format!("ef::gaussian().generate(#{{points: 5, out: \"{path}\"}})")).unwrap();
    let whole = std::fs::read(&path).unwrap();
    for cut in [0, 7, 40, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let error = eval(&format!("load_data(\"{path}\")")).unwrap_err();
        assert!(error.contains("d.safetensors") && error.contains("--> test:1:1"), "cut at {cut}: {error}");
    }
}

#[test]
fn a_closure_that_builds_without_end_is_stopped() {
    // Products of sums of products: more than two million distinct nodes.
    let code = "family(#{ x: real(1), stats: |x| { let s = x[0]; for i in 0..3000000 { s = sin(s + i); } #{a: s} } })";
    let error = eval(code).unwrap_err();
    assert!(error.contains("operations"), "{error}");
}

/// Whether each of `words` is in the text of the failure of `code`.
fn says(code: &str, words: &[&str]) {
    let text = match crate::language::eval(code) {
        Ok(value) => panic!("{code} gives {value}"),
        Err(text) => text,
    };
    words.iter().for_each(|word| assert!(text.contains(word), "{code}: '{word}' is missing in\n{text}"));
}

#[test]
fn a_wrong_choice_or_number_of_an_option_says_what_is_needed() {
    says("ef::gaussian().draw_eta(3, #{design: \"sobl\"})", &["unknown design of draw_eta 'sobl'", "did you mean 'sobol'?"]);
    says("ef::gaussian().mean([1, -1], #{method: \"quadratur\"})", &["did you mean 'quadrature'?"]);
    says("ef::gaussian().mean([1, -1], #{smaples: 3})", &["did you mean 'samples'?", "outside"]);
    says(
        "ef::gaussian().mean([1, -1], #{method: \"smc\", samples: 99})",
        &["samples belongs to hmc", "smc takes", "particles"],
    );
    says("ef::gaussian().generate(#{max_depth: 3})", &["max_depth belongs to nuts", "method auto", "choose method nuts"]);
    says("ef::gaussian().mean([1, -1], #{method: hmc(#{warmup: 30}), tol: 1e-3})", &["tol belongs to quadrature"]);
    says("ef::gaussian().mean([1, -1], #{design: \"sobol\"})", &["belongs to generate"]);
    says("ef::gaussian().mean([1, -1], #{tol: -1})", &["tol is -1", "between 0 and 1"]);
    says("ef::gaussian().mean([1, -1], #{samples: -1})", &["samples", "is -1; a whole number of at least 0"]);
    says("ef::von_mises().sample([1, 1], #{warmup: 100000000000})", &["warmup is 100000000000; at most"]);
    says("ef::gaussian().mean([1, -1], #{outside: 3})", &["outside must be true or false"]);
    says("ef::gaussian().mean([1e200, -1])", &["beyond the range of numbers"]);
    says("ef::gausian()", &["did you mean 'ef::gaussian'?"]);
    for far in ["foo(1)", "zz(3)", "banana(2)"] {
        assert!(!crate::language::eval(far).unwrap_err().contains("did you mean"), "{far}");
    }
}

#[test]
fn a_point_with_parts_says_which_it_has() {
    let of = |t: &str| format!("family(#{{x: product(#{{mean: real(1), s: positive(1)}}), stats: |x| #{{ a: {t} }} }})");
    says(&of("x.maen[0]"), &["unknown part 'maen'; valid: mean, s", "did you mean 'mean'?"]);
    says(&of("x[0]*x[0]"), &["named parts: mean, s", "x.mean[0]"]);
    let formula = crate::language::eval(&format!("{}.formula", of("x.mean[0]*log(x.s[0])"))).unwrap();
    assert_eq!(formula, "a = x.mean[0] log(x.s[0])");
    says(&format!("{}.mean([1])", of("x.mean[0]")), &["as x.mean[0] goes to infinity"]);
}

#[test]
fn what_is_no_family_is_refused_where_it_is_defined() {
    let with = |rest: &str| format!("family(#{{ x: real(1), {rest} }})");
    says(&with("stats: |x| #{ a: x[0] }, where: |x| true"), &["one condition on x, not true"]);
    says(&with("stats: |x| #{ a: x[0] }, where: |x| 2*x[0]"), &["one condition on x, not the value 2 x[0]"]);
    says(&with("stats: |x| #{ a: x[0], b: (0.0/0.0)*x[0] }"), &["statistic 'b' is nowhere a finite number"]);
    says(&with("stats: |x| #{ a: x[0]/0.0 }"), &["nowhere a finite number"]);
    says(&with("stats: |x| #{ a: x[0] }, base: |x| log(-1 - x[0]*x[0])"), &["the log base measure is nowhere a finite number"]);
    // Finite where the condition holds is enough.
    assert!(crate::language::eval(&with("stats: |x| #{ a: log(x[0] - 1) }, where: |x| x[0] > 1.0")).is_ok());
}

#[test]
fn what_may_not_exist_is_not_sampled_without_a_word() {
    let code = "family(#{ x: interval(0, 1, 2), stats: |x| #{ a: log(abs(sin(x[0]) - x[1])) } }).mean([-1])";
    says(code, &["not proven", "quadrature does not resolve it", "at your own risk"]);
    // Of a batch the row is named, and a dataset says how many and why.
    let two = code.replace("[-1]", "[[-1], [-2]]");
    says(&two, &["row 0: it is not proven", "eta = [-1.0]", "leave the row out of the batch", "generate(...)"]);
    let with_region = code.replace(" }).mean([-1])", ", eta: #{ a: [-2, -1] } }).generate(#{points: 3})");
    says(
        &with_region,
        &["no row is left: 3 rows failed", "refused 3", "row 0 was refused: it is not proven", "another region"],
    );
}

/// Whatever is wrong with one row of a batch, and whoever finds it, the error names the row; for a single eta there is none.
#[test]
fn an_error_of_a_batch_names_its_row() {
    let f = "let f = family(#{ x: real(1), stats: |x| #{a: x[0], b: x[0]**2}, eta: #{a: [-1, 1], b: [-2, -1]} });";
    let w = "let w = family(#{ x: real(2), stats: |x| #{a: exp(-(x[0]**2) - x[1]**2) / (x[0]**2 + x[1]**2), b: x*x} });";
    for code in [
        "ef::gaussian().mean([[0, -1], [0, 1]])",
        "ef::gaussian().log_normalizer([[0, -1], [0, 1]])",
        "ef::gaussian().mean([[0, -1], [0.0/0.0, -1]])",
        "ef::gaussian().mean([[0, -1], [1e300, -1e-300]])",
        "ef::gaussian().mean([[0, -1], [1e300, -1e-300]], #{method: \"closed_form\"})",
        "ef::gaussian().log_normalizer([[0, -1], [1e300, -1e-300]])",
        "ef::gaussian().log_density(0, [[0, -1], [1.0/0.0, -1]])",
        "ef::gaussian().grad_log_density([[0], [1]], [[0, -1], [0, -1.0/0.0]])",
        "ef::mvn(2).mean([[0, 0, -1, 0, 0, -1], [0, 0, -1, 0.5, 0, -1]])",
        "ef::poisson().mean([[1], [800]])",
        &format!("{f} f.mean([[0, -1], [0, -3]])"),
        &format!("{f} f.mean([[0, -1], [0, 3]], #{{outside: true}})"),
        &format!("{f} f.log_normalizer([[0, -1], [2, -1]])"),
        &format!("{w} w.mean([[-1, -1, -1], [1, -1, -1]], #{{method: \"quadrature\"}})"),
        &format!("{w} w.mean([[-1, -1, -1], [1, -1, -1]])"),
    ] {
        let error = eval(code).unwrap_err();
        assert!(error.starts_with("error: row 1: ") || error.starts_with("row 1: "), "{code}: {error}");
        assert_eq!(error.matches("row 1").count(), 1, "{code}: {error}");
        assert!(!error.contains("row 0"), "{code}: {error}");
    }
    for code in ["ef::gaussian().mean([0, 1])", "ef::gaussian().mean([0.0/0.0, -1])", &format!("{f} f.mean([0, -3])")] {
        let error = eval(code).unwrap_err();
        assert!(!error.contains("row"), "{code}: {error}");
    }
}

/// Messages write large and small numbers with an exponent.
#[test]
fn numbers_in_messages_are_short() {
    for (code, said) in [
        ("integers(-9223372036854775808, 3)", "integers(-9.223372036854776e18, 3): the ends must be whole numbers between"),
        ("integers(0, 1e300)", "integers(0, 1e300)"),
        ("interval(1e300, -1e300)", "interval(1e300, -1e300) is empty"),
        ("ef::gaussian().mean([0, 1e300])", "got 1e300"),
        ("negative_definite(1e300, 1e-300)", "negative_definite(1e300, 1e-300)"),
        ("family(#{x: real(1), stats: |x| #{x: x}, eta: #{x: [1e300, -1e-300]}})", "[1e300, -1e-300]"),
        ("family(#{x: interval(0, 1), stats: |x| #{x: x}, eta: #{x: [0, 1e200]}}).mean([-1e-300])", "[0, 1e200]"),
        ("ef::clipped_mvn([0, 1e300], [1, 1e299])", "from 1e300 to 1e299"),
        ("ef::mvn(1).mean([0, 1e300])", "eigenvalue is 1e300"),
        ("ef::gaussian().mean([0, -1], #{method: \"hmc\", step_size: -1e300})", "step_size is -1e300"),
        ("ef::gaussian().mean([0, -1], #{method: \"quadrature\", tol: 1e300})", "tol is 1e300"),
    ] {
        let error = eval(code).unwrap_err();
        assert!(error.contains(said), "{code}: {error}");
    }
    assert_eq!(eval("family(#{x: interval(-1e300, 2), stats: |x| #{x: 1e-300*x}}).formula").unwrap(), "x[0] = 1e-300 x[0]");
}
