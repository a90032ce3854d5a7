//! Regions of eta: draws of every design lie inside, Sobol draws lie evenly, membership is exact at the edges.

use nnef::family::{Block, Design, Region};
use nnef::num::stream::Stream;

fn region() -> Region {
    Region::new(vec![
        ("a".into(), Block::interval(-3.0, 2.0, 2).unwrap()),
        ("b".into(), Block::ranges(&[-8.0, 0.5], &[-0.5, 4.0]).unwrap()),
        ("m".into(), Block::negative_definite(0.5, 3.0, 3).unwrap()),
        ("r".into(), Block::Reparametrised { n: 2 }),
    ])
}

#[test]
fn draws_of_every_design_lie_inside_and_depend_on_their_row_alone() {
    let (region, stream) = (region(), Stream::new(3));
    for design in [Design::Reference, Design::Uniform, Design::Sobol, Design::Eigen] {
        let draws = region.draw_by(300, stream, design).unwrap();
        assert_eq!(draws.len(), 300 * region.dim());
        draws.chunks(region.dim()).for_each(|eta| region.check(eta).unwrap());
        assert_eq!(region.draw_by(100, stream, design).unwrap(), draws[..100 * region.dim()], "{design:?}");
    }
    region.check(&region.center()).unwrap();
}

#[test]
fn sobol_draws_are_even_and_uniform_ones_are_not() {
    let region = Region::new(vec![("a".into(), Block::interval(0.0, 1.0, 5).unwrap())]);
    // Each of 64 cells of each component holds a 64th of 4096 draws, exactly, in any scrambled Sobol sequence.
    let uneven = |design: Design| -> usize {
        let draws = region.draw_by(4096, Stream::new(1), design).unwrap();
        (0..5)
            .map(|j| {
                let mut cells = [0usize; 64];
                draws.chunks(5).for_each(|eta| cells[(eta[j] * 64.0) as usize] += 1);
                cells.iter().map(|c| c.abs_diff(64)).max().unwrap()
            })
            .max()
            .unwrap()
    };
    assert_eq!(uneven(Design::Sobol), 0);
    assert!(uneven(Design::Uniform) > 8);
}

/// Log-uniform and uniform marginals: the share below the middle of the range.
#[test]
fn designs_have_their_marginals() {
    let region = Region::new(vec![("a".into(), Block::interval(0.1, 10.0, 1).unwrap())]);
    let below = |design: Design, at: f64| {
        let draws = region.draw_by(20_000, Stream::new(2), design).unwrap();
        draws.iter().filter(|e| **e < at).count() as f64 / 20_000.0
    };
    // Four standard errors of a share of a half: one false alarm in 16,000.
    for (design, middle) in [(Design::Reference, 1.0), (Design::Sobol, 1.0), (Design::Uniform, 5.05)] {
        assert!((below(design, middle) - 0.5).abs() < 4.0 * 0.5 / 20_000f64.sqrt(), "{design:?}");
    }
}

#[test]
fn membership_is_exact() {
    let boxes = Region::new(vec![("b".into(), Block::ranges(&[-1.0, 0.0], &[1.0, 2.0]).unwrap())]);
    assert!(boxes.contains(&[1.0, 0.0]) && !boxes.contains(&[1.0 + f64::EPSILON, 0.0]) && !boxes.contains(&[0.0, f64::NAN]));
    let matrices = Region::new(vec![("m".into(), Block::negative_definite(1.0, 2.0, 2).unwrap())]);
    assert!(matrices.contains(&[-1.0, 0.0, 0.0, -2.0]) && !matrices.contains(&[-0.99, 0.0, 0.0, -2.0]));
    let error = matrices.check(&[-1.5, 0.1, 0.2, -1.5]).unwrap_err().to_string();
    assert!(error.contains("not symmetric") && error.contains("1.0e-1"), "{error}");
    assert!(matrices.contains(&[-1.5, 0.1, 0.1 + 1e-16, -1.5]));
    let reference = Region::new(vec![("r".into(), Block::Reparametrised { n: 2 })]);
    assert!(reference.contains(&[-0.5, 0.0, 0.0, -70.0]) && !reference.contains(&[-0.49, 0.0, 0.0, -1.0]));
}

/// The eigenvalues of a matrix decide to the rounding of their computation, and a draw at the very end of the range is inside.
#[test]
fn membership_of_matrices_is_exact_to_rounding() {
    for n in [1, 2, 5, 12] {
        for size in [1e-200, 1.0, 1e150] {
            // A range of one step of the numbers: every draw lies at an end.
            let (low, high) = (size, f64::next_up(size));
            let region = Region::new(vec![("m".into(), Block::negative_definite(low, high, n).unwrap())]);
            region.draw(300, Stream::new(4)).chunks(n * n).for_each(|eta| region.check(eta).unwrap());
            let diagonal = |v: f64| (0..n * n).map(|i| if i % (n + 1) == 0 { -v } else { 0.0 }).collect::<Vec<_>>();
            assert!(region.contains(&diagonal(low)) && region.contains(&diagonal(high)));
            for off in [1e-10, 1e-13] {
                assert!(!region.contains(&diagonal(low * (1.0 - off))) && !region.contains(&diagonal(high * (1.0 + off))));
            }
        }
    }
    for code in ["negative_definite(1, 1.0/0.0)", "negative_definite(2, 1)", "negative_definite(0, 1)"] {
        let error = crate::language::eval(code).unwrap_err();
        assert!(error.contains("negative_definite(") && error.contains("hint"), "{error}");
    }
}

#[test]
fn what_is_no_region_is_refused() {
    assert!(Block::ranges(&[0.0, 1.0], &[1.0, 1.0]).is_err());
    assert!(Block::ranges(&[0.0], &[1.0, 1.0]).is_err());
    assert!(Block::negative_definite(0.0, 1.0, 2).is_err());
    let wide = Region::new(vec![("a".into(), Block::interval(0.0, 1.0, 257).unwrap())]);
    assert!(wide.draw_by(3, Stream::new(1), Design::Sobol).unwrap_err().to_string().contains("256"));
    assert!(wide.draw_by(3, Stream::new(1), Design::Eigen).unwrap_err().to_string().contains("matrix"));
}

#[test]
fn regions_are_saved_to_the_bit_and_damage_is_refused() {
    let region = region();
    let text = region.to_json().unwrap();
    assert_eq!(Region::from_json(&text).unwrap(), region);
    let third = Region::new(vec![("a".into(), Block::interval(-1.0 / 3.0, 0.1 + 0.2, 3).unwrap())]);
    assert_eq!(Region::from_json(&third.to_json().unwrap()).unwrap(), third);
    for wrong in ["", "[]x", &text.replace("-8.0", "8.0"), &text.replace("\"low\":0.5", "\"low\":-0.5"), &text[1..]] {
        assert!(Region::from_json(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn loaded_data_and_nets_know_the_exact_region() {
    use nnef::family::ExpectationMap;
    let folder = tempfile::tempdir().unwrap();
    let (path, run) = (folder.path().join("d.npz"), folder.path().join("run"));
    let code = format!(
        "let f = family(#{{ x: real(1), stats: |x| #{{ a: x[0], b: x[0]**2 }}, eta: #{{ a: [-1, 1], b: [-2, -0.5] }} }});
         f.generate(#{{ points: 40, out: \"{}\" }}); train(load_data(\"{0}\"), #{{epochs: 1}}).save(\"{}\");",
        path.display(),
        run.display()
    );
    crate::language::eval(&code).unwrap();
    let expected = Region::new(vec![
        ("a".into(), Block::interval(-1.0, 1.0, 1).unwrap()),
        ("b".into(), Block::interval(-2.0, -0.5, 1).unwrap()),
    ]);
    assert_eq!(nnef::data::Dataset::load(&path).unwrap().region().unwrap().as_ref(), Some(&expected));
    let net = nnef::train::TrainedNet::load(&run).unwrap();
    assert_eq!(net.region(), Some(&expected));
    // The corners, which no training row reaches, are inside; just beyond, where a margin would let eta pass, is outside.
    assert!(net.contains(&[1.0, -0.5]) && net.contains(&[-1.0, -2.0]));
    assert!(!net.contains(&[1.0 + 1e-9, -0.5]) && !net.contains(&[0.0, -0.499]) && !net.contains(&[0.0]));
}

/// An `eta_map` is saved as it was traced: what was loaded draws the same eta and knows the same ones.
#[test]
fn a_region_by_a_map_is_saved_with_data_and_nets() {
    use nnef::family::ExpectationMap;
    let folder = tempfile::tempdir().unwrap();
    let (path, run) = (folder.path().join("d.safetensors"), folder.path().join("run"));
    let code = format!(
        "let net = static_net(#{{inputs: 1, hidden: [4], outputs: 1, seed: 1}});
         let f = family(#{{ x: real(1), stats: |x| #{{ a: x[0], b: x[0]**2 }}, eta: #{{ m: [-1, 1], s: [0.5, 2] }},
             eta_map: |p| #{{ a: p.m / p.s**2 + 0.1 * net.forward([p.m])[0], b: -0.5 / p.s**2 }} }});
         let d = f.generate(#{{ points: 40, out: \"{}\" }}); train(load_data(\"{0}\"), #{{epochs: 1}}).save(\"{}\"); d",
        path.display(),
        run.display()
    );
    let (mut session, _) = crate::language::session();
    let data = session.run("test", &code).unwrap().cast::<nnef::data::Dataset>();
    let here = data.region().unwrap().unwrap();
    let loaded = nnef::data::Dataset::load(&path).unwrap().region().unwrap().unwrap();
    let net = nnef::train::TrainedNet::load(&run).unwrap();
    assert_eq!(loaded, here);
    assert_eq!(net.region(), Some(&here));
    let draws = loaded.draw(200, Stream::new(7));
    assert_eq!(draws, here.draw(200, Stream::new(7)));
    draws.chunks(2).for_each(|eta| assert!(net.contains(eta), "{eta:?}"));
    // s = 3 and s = 0.4.
    assert!(!net.contains(&[0.0, -0.5 / 9.0]) && !net.contains(&[0.0, -0.5 / 0.16]));
    let text = here.to_json().unwrap();
    for wrong in [&text[..text.len() - 1], &text.replace("\"var\":1", "\"var\":2"), &text.replace("\"s\"", "\"s\",3")] {
        assert!(Region::from_json(wrong).is_err(), "{wrong}");
    }
}
