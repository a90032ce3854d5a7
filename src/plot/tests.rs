#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::{Figure, LogY, Series, eta_histograms, learning_curves, predictions};
use crate::num::stream::Stream;
use rand::Rng;

fn draws(figure: &Figure) {
    let svg = figure.svg().unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    assert_eq!(svg, figure.svg().unwrap());
    assert!(figure.terminal(60).unwrap().lines().count() >= 12);
}

fn rasters(figure: &Figure) {
    assert_eq!(&figure.png().unwrap()[..8], b"\x89PNG\r\n\x1a\n");
}

#[test]
fn every_input_gives_a_figure() {
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    let inputs: Vec<Vec<f64>> = vec![
        vec![],
        vec![1.0],
        vec![0.0],
        vec![nan],
        vec![inf, -inf, nan],
        vec![2.0; 50],
        vec![0.0; 5],
        vec![-1.0, -2.0, -3.0],
        vec![0.0, 1e-300, 1e300],
        vec![f64::MAX, f64::MIN],
        vec![5e-324, 1e-320],
        vec![1e9, 1e9 + 1e-6],
        vec![1.0, nan, 3.0, 4.0, inf, 6.0],
        vec![1e-20, 3e-20, 2e-20],
        (0..20_000).map(|i| f64::from(i).sin()).collect(),
    ];
    for y in &inputs {
        for x in [(0..y.len()).map(|i| i as f64).collect::<Vec<_>>(), y.clone()] {
            let series = vec![Series::new("a", x.clone(), y.clone()), Series::new("b", vec![], vec![])];
            let panels = [
                Figure::lines("t", "x", "y", series.clone(), LogY(false)),
                Figure::lines("t", "x", "y", series.clone(), LogY(true)),
                Figure::scatter("t", "x", "y", series.clone()),
                Figure::points("t", "x", "y", series.clone()),
                Figure::histogram("t", "x", y),
            ];
            panels.iter().for_each(draws);
            if y.len() < 100 {
                panels.iter().for_each(rasters);
            }
            draws(&Figure::grid(panels.to_vec(), 2));
        }
    }
}

#[test]
fn random_numbers_of_all_sizes() {
    let mut rng = Stream::new(1).child("plot").rng();
    for _ in 0..300 {
        let count = rng.random_range(0..6);
        let mut values = || (0..count).map(|_| f64::from_bits(rng.random())).collect::<Vec<f64>>();
        let series = vec![Series::new("a", values(), values())];
        let log = LogY(count % 2 == 0);
        for figure in [Figure::lines("", "", "", series.clone(), log), Figure::scatter("", "", "", series)] {
            draws(&figure);
            figure.terminal(40).unwrap();
        }
    }
}

#[test]
fn strange_words_are_only_words() {
    for word in ["", "<b>&\"'", "\u{0}\u{1b}[31m\n", "$\\frac{1}$", "$$", "\\", "$\\mu_{T}$", "é漢字🙂", &"long ".repeat(100)]
    {
        let series = vec![Series::new(word, vec![0.0, 1.0], vec![1.0, 2.0]), Series::new(word, vec![0.0, 1.0], vec![2.0, 1.0])];
        let figure = Figure::lines(word, word, word, series, LogY(false));
        let grid = Figure::grid(vec![figure.clone(), figure.clone()], 2).with_title(word);
        for f in [figure, grid] {
            let svg = f.svg().unwrap();
            assert!(!svg.contains('\u{0}') && !svg.contains('\u{1b}') && !svg.contains("<b>"));
            rasters(&f);
            for width in [0, 1, 20, 80, 10_000] {
                f.terminal(width).unwrap();
            }
        }
    }
}

#[test]
fn what_is_left_out_is_said() {
    let series = |y: Vec<f64>| vec![Series::new("", (0..y.len()).map(|i| i as f64).collect(), y)];
    let svg = Figure::lines("", "", "", series(vec![1.0, 0.0, -1.0, 2.0]), LogY(true)).svg().unwrap();
    assert!(svg.contains("2 values left out: not finite or not positive"));
    assert!(Figure::histogram("", "", &[f64::NAN]).svg().unwrap().contains("nothing to draw"));
    assert!(Figure::lines("", "", "", vec![], LogY(true)).svg().unwrap().contains("nothing to draw"));
}

#[test]
fn errors_are_clear() {
    let uneven = Figure::lines("losses", "", "", vec![Series::new("a", vec![1.0], vec![])], LogY(false));
    assert!(uneven.svg().unwrap_err().message().contains("'a' of the figure 'losses' has 1 x and 0 y"));
    assert!(Figure::grid(vec![], 3).png().is_err());
    assert!(Figure::grid(vec![Figure::histogram("", "", &[1.0]); 101], 3).svg().is_err());
    let error = Figure::histogram("", "", &[1.0]).save("figure.pdf").unwrap_err();
    assert!(error.message().contains(".svg") && error.message().contains(".png"), "{error}");
}

#[test]
fn figures_of_a_run() {
    let names: Vec<String> = (0..14).map(|i| format!("T{i}")).collect();
    let values: Vec<f64> = (0..14 * 30).map(|i| f64::from(i).sin()).collect();
    let figure = predictions(&names, &values, &values);
    assert!(figure.svg().unwrap().contains("the first 12 of 14 statistics"));
    draws(&eta_histograms(&names, &values));
    for figure in [predictions(&[], &[], &[]), eta_histograms(&[], &[]), learning_curves(&[], &[], &[])] {
        draws(&figure);
    }
    assert!(predictions(&names[..1], &[1.0, 2.0], &[1.0]).svg().is_err());
    let folder = tempfile::tempdir().unwrap();
    let figure = learning_curves(&[0.0, 1.0], &[1.0, 0.1], &[(1.0, 0.2)]);
    for name in ["a.svg", "b.PNG"] {
        figure.save(folder.path().join(name)).unwrap();
    }
}

/// `NNEF_PICS=folder cargo test --release --lib plot::tests::pictures` writes figures to look at.
#[test]
fn pictures() {
    let Some(folder) = std::env::var_os("NNEF_PICS").map(std::path::PathBuf::from) else { return };
    let mut rng = Stream::new(2).child("pictures").rng();
    let mut noise = |scale: f64| scale * (0..6).map(|_| rng.random::<f64>() - 0.5).sum::<f64>();
    let epochs: Vec<f64> = (0..200).map(f64::from).collect();
    let train: Vec<f64> = epochs.iter().map(|e| (-0.04 * e).exp() + 2e-4 * (1.0 + noise(0.3))).collect();
    let val: Vec<(f64, f64)> =
        (0..20).map(|i| (10.0 * f64::from(i), (-0.4 * f64::from(i)).exp() + 4e-4 * (1.0 + noise(0.3)))).collect();
    learning_curves(&epochs, &train, &val).save(folder.join("learning.png")).unwrap();
    let tiny: Vec<f64> = train.iter().map(|t| t * t * t * 1e-9).collect();
    learning_curves(&epochs, &tiny, &[]).save(folder.join("tiny.png")).unwrap();
    let names: Vec<String> =
        ["lin[0]", "lin[1]", "quad[0]", "quad[1]", "wave[0]", "xxT[1,1]", "tiny"].map(str::to_string).to_vec();
    let scale = [1.0, 3.0, 250.0, 1e4, 0.02, 1e7, 1e-9];
    let truth: Vec<f64> = (0..7 * 2000).map(|i| scale[i % 7] * (1.0 + noise(1.0))).collect();
    let predicted: Vec<f64> = truth.iter().enumerate().map(|(i, t)| t + scale[i % 7] * noise(0.05)).collect();
    predictions(&names, &truth, &predicted).save(folder.join("predictions.png")).unwrap();
    predictions(&names[..1], &truth, &predicted).save(folder.join("one.png")).unwrap();
    eta_histograms(&names, &truth).save(folder.join("eta.png")).unwrap();
    let curve = |p: f64| Series::new(format!("z{p}"), epochs.clone(), epochs.iter().map(|e| (0.01 * e * p).sin()).collect());
    let many: Vec<Series> = (1..=9).map(|p| curve(f64::from(p))).collect();
    Figure::lines("Trajectories", "t", "z(t)", many.clone(), LogY(false)).save(folder.join("many.png")).unwrap();
    Figure::lines("Trajectories", "t", "z(t)", many[..3].to_vec(), LogY(false)).save(folder.join("three.png")).unwrap();
    let cloud = Series::new("draws", (0..3000).map(|_| noise(1.0)).collect(), (0..3000).map(|_| noise(1.0)).collect());
    Figure::points("Draws", "x0", "x1", vec![cloud]).save(folder.join("draws.png")).unwrap();
    Figure::lines("Empty", "t", "z", vec![], LogY(true)).save(folder.join("empty.png")).unwrap();
    let gaps = Series::new(
        "gaps",
        (0..12).map(f64::from).collect(),
        vec![1.0, 2.0, f64::NAN, 3.0, f64::NAN, 1.0, 1.5, 2.0, 0.0, -1.0, 5.0, 6.0],
    );
    Figure::lines("Gaps", "t", "z", vec![gaps], LogY(true)).save(folder.join("gaps.png")).unwrap();
    let text = [learning_curves(&epochs, &train, &val), Figure::histogram("eta", "eta", &truth[..700])]
        .map(|f| f.terminal(80).unwrap());
    std::fs::write(folder.join("terminal.txt"), text.concat()).unwrap();
}
