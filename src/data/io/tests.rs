#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use crate::data::{Dataset, RowNotes};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

const N: usize = 7;
const K: usize = 3;

fn plain() -> Dataset {
    let wave = |count: usize, shift: f64| (0..count).map(|i| (i as f64 + shift).sin()).collect::<Vec<f64>>();
    let provenance = [("family", "bumpy"), ("stat_names", "lin;quad;wave"), ("seed", "42"), ("note", "\"quoted\" é")];
    let provenance = provenance.map(|(a, b)| (a.to_string(), b.to_string())).into();
    let ess = wave(N, 3.0).into_iter().map(|w| 10.0 + w).collect();
    Dataset::new(K, wave(N * K, 0.0), wave(N * K, 0.5), wave(N * K * K, 0.7), ess, provenance).unwrap()
}

fn noted() -> Dataset {
    let notes = RowNotes {
        log_normalizer: (0..N).map(|i| if i == 2 { f64::NAN } else { i as f64 }).collect(),
        mcse: vec![0.01; N * K],
        rhat: vec![1.002; N],
        method: (0..N).map(|i| if i % 2 == 0 { "quadrature" } else { "hmc" }.to_string()).collect(),
    };
    plain().with_notes(notes).unwrap()
}

fn same(a: &Dataset, b: &Dataset) {
    assert_eq!((a.dim(), a.eta(), a.mu_t(), a.cov_tt(), a.ess()), (b.dim(), b.eta(), b.mu_t(), b.cov_tt(), b.ess()));
    assert_eq!(a.provenance(), b.provenance());
    assert_eq!(a.notes().map(|n| (&n.mcse, &n.rhat, &n.method)), b.notes().map(|n| (&n.mcse, &n.rhat, &n.method)));
    let bits = |d: &Dataset| d.notes().map(|n| n.log_normalizer.iter().map(|v| v.to_bits()).collect::<Vec<_>>());
    assert_eq!(bits(a), bits(b));
}

#[test]
fn both_formats_return_what_was_saved_in_equal_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["d.safetensors", "d.npz", "D.NPZ"] {
        for data in [noted(), plain()] {
            let path = folder.path().join("made/here").join(name);
            data.save(&path).unwrap();
            same(&data, &Dataset::load(&path).unwrap());
            let sidecar = path.with_extension("rows.safetensors");
            let first = (fs::read(&path).unwrap(), fs::read(&sidecar).ok());
            data.save(&path).unwrap();
            assert_eq!(first, (fs::read(&path).unwrap(), fs::read(&sidecar).ok()), "{name}");
        }
    }
}

#[test]
fn labels_that_are_no_numbers_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (mu, ess, words) in
        [(f64::NAN, 5.0, "mu_T[0, 0] is NaN"), (0.1, -1.0, "ess[0] is -1"), (0.1, f64::NAN, "ess[0] is NaN")]
    {
        let data = Dataset::new(1, vec![0.5], vec![mu], vec![1.0], vec![ess], BTreeMap::new()).unwrap();
        for name in ["d.npz", "d.safetensors"] {
            let path = folder.path().join(name);
            data.save(&path).unwrap();
            let error = Dataset::load(&path).unwrap_err();
            assert!(error.message().contains(words), "{error}");
        }
    }
}

#[test]
fn one_dataset_in_both_formats_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("d.npz"), folder.path().join("d.safetensors"));
    for data in [noted(), plain()] {
        for order in [[&a, &b], [&b, &a]] {
            order.iter().for_each(|path| data.save(path).unwrap());
            order.iter().for_each(|path| same(&data, &Dataset::load(path).unwrap()));
        }
    }
}

#[test]
fn other_rows_under_the_same_name_in_the_other_format_keep_their_notes() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("d.npz"), folder.path().join("d.safetensors"));
    let (one, two) = (noted(), noted().select(&[3, 1, 2]).unwrap());
    for order in [[(&a, &one), (&b, &two)], [(&b, &two), (&a, &one)], [(&a, &two), (&b, &one)], [(&b, &two), (&a, &two)]] {
        order.iter().for_each(|(path, data)| data.save(path).unwrap());
        order.iter().for_each(|(path, data)| same(data, &Dataset::load(path).unwrap()));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn no_rows_are_rows_too() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["empty.safetensors", "empty.npz"] {
        let empty = plain().select(&[]).unwrap();
        empty.save(folder.path().join(name)).unwrap();
        let back = Dataset::load(folder.path().join(name)).unwrap();
        assert_eq!((back.len(), back.dim()), (0, K));
    }
}

#[test]
fn notes_of_other_rows_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (path, sidecar) = (folder.path().join("d.npz"), folder.path().join("d.rows.safetensors"));
    noted().save(&path).unwrap();
    let notes = fs::read(&sidecar).unwrap();
    plain().select(&[0, 1]).unwrap().save(&path).unwrap();
    fs::write(&sidecar, &notes).unwrap();
    let error = Dataset::load(&path).unwrap_err();
    assert!(error.message().contains("7 rows") && error.message().contains("d.rows.safetensors"), "{error}");
    let shuffled = plain().select(&[6, 5, 4, 3, 2, 1, 0]).unwrap();
    shuffled.save(&path).unwrap();
    fs::write(&sidecar, &notes).unwrap();
    let error = Dataset::load(&path).unwrap_err();
    assert!(error.message().contains("other rows") && error.hint_text().unwrap().contains("delete"), "{error}");
    shuffled.with_provenance(BTreeMap::new()).save(&path).unwrap();
    assert!(!sidecar.exists());
    assert!(Dataset::load(&sidecar).is_err() && plain().save(&sidecar).is_err());
}

/// Any single damage gives a dataset or an error, never a panic and never more memory than the file holds.
fn survives(path: &Path, bytes: &[u8]) {
    for end in (0..bytes.len()).step_by(37) {
        fs::write(path, &bytes[..end]).unwrap();
        let error = Dataset::load(path).unwrap_err();
        assert!(error.message().contains(&path.file_stem().unwrap().to_string_lossy().replace(".rows", "")), "{error}");
    }
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= flip;
            fs::write(path, &damaged).unwrap();
            let _ = Dataset::load(path).map(|d| d.stat_names());
        }
    }
}

#[test]
fn damaged_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["d.safetensors", "d.npz"] {
        let path = folder.path().join(name);
        plain().select(&[0, 1]).unwrap().with_provenance(BTreeMap::new()).save(&path).unwrap();
        survives(&path, &fs::read(&path).unwrap());
    }
    let path = folder.path().join("packed.npz");
    survives(&path, &archive(&four("<f8", false, 8), true));
}

#[test]
fn damaged_sidecars_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d.safetensors");
    noted().save(&path).unwrap();
    let sidecar = folder.path().join("d.rows.safetensors");
    let bytes = fs::read(&sidecar).unwrap();
    for end in (0..bytes.len()).step_by(37) {
        fs::write(&sidecar, &bytes[..end]).unwrap();
        assert!(Dataset::load(&path).unwrap_err().message().contains("d.rows.safetensors"));
    }
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x11;
        fs::write(&sidecar, &damaged).unwrap();
        let _ = Dataset::load(&path);
    }
}

/// An npy array whose value at index i of row-major order is i / 8, in the given type and order.
fn npy(descr: &str, shape: &[usize], fortran: bool, width: usize) -> Vec<u8> {
    let count: usize = shape.iter().product();
    let mut order: Vec<usize> = (0..count).collect();
    if fortran {
        let position = |flat: usize| {
            let (mut rest, mut at, mut stride) = (flat, 0, count);
            for dim in shape.iter().rev() {
                stride /= dim;
                at += (rest % dim) * stride;
                rest /= dim;
            }
            at
        };
        order.sort_by_key(|flat| position(*flat));
    }
    let tuple: String = shape.iter().map(|d| format!("{d}, ")).collect();
    let order_name = if fortran { "True" } else { "False" };
    let header = format!("{{'descr': '{descr}', 'fortran_order': {order_name}, 'shape': ({tuple}), }}\n");
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend((header.len() as u16).to_le_bytes());
    out.extend(header.as_bytes());
    for i in order {
        let value = i as f64 / 8.0;
        match (width, descr.starts_with('>')) {
            (8, false) => out.extend(value.to_le_bytes()),
            (8, true) => out.extend(value.to_be_bytes()),
            (4, false) => out.extend((value as f32).to_le_bytes()),
            _ => out.extend((value as f32).to_be_bytes()),
        }
    }
    out
}

fn four(descr: &str, fortran: bool, width: usize) -> Vec<(&'static str, Vec<u8>)> {
    let shapes: [(&'static str, &[usize]); 4] = [("eta", &[N, K]), ("mu_T", &[N, K]), ("cov_TT", &[N, K, K]), ("ess", &[N])];
    shapes.into_iter().map(|(name, shape)| (name, npy(descr, shape, fortran, width))).collect()
}

fn archive(arrays: &[(&str, Vec<u8>)], packed: bool) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let method = if packed { zip::CompressionMethod::Deflated } else { zip::CompressionMethod::Stored };
    for (name, bytes) in arrays {
        let options = zip::write::SimpleFileOptions::DEFAULT.compression_method(method);
        writer.start_file(format!("{name}.npy"), options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn npz_of_other_programs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.npz");
    for (descr, width) in [("<f8", 8), (">f8", 8), ("<f4", 4), (">f4", 4)] {
        for (fortran, packed) in [(false, false), (true, false), (false, true), (true, true)] {
            fs::write(&path, archive(&four(descr, fortran, width), packed)).unwrap();
            let data = Dataset::load(&path).unwrap();
            let expected: Vec<f64> = (0..N * K * K).map(|i| i as f64 / 8.0).collect();
            assert_eq!(data.cov_tt(), expected, "{descr} fortran {fortran}");
            assert_eq!(data.eta(), &expected[..N * K]);
        }
    }
}

#[test]
fn wrong_arrays_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wrong.npz");
    let refused = |arrays: Vec<(&'static str, Vec<u8>)>, words: &[&str]| {
        fs::write(&path, archive(&arrays, false)).unwrap();
        let error = Dataset::load(&path).unwrap_err();
        assert!(error.hint_text().is_some() && error.message().contains("wrong.npz"), "{error}");
        assert!(words.iter().all(|w| error.to_string().contains(w)), "{error}");
    };
    let change = |index: usize, name: &'static str, bytes: Vec<u8>| {
        let mut arrays = four("<f8", false, 8);
        arrays[index] = (name, bytes);
        arrays
    };
    refused(change(1, "mu", npy("<f8", &[N, K], false, 8)), &["'mu_T' is missing", "cov_TT, ess", "rename 'mu'"]);
    refused(change(0, "eta", npy("<i8", &[N, K], false, 8)), &["'<i8'", "float64", "astype"]);
    refused(change(1, "mu_T", npy("<f8", &[N, K + 1], false, 8)), &["mu_T has shape [7, 4]", "[7, 3]"]);
    refused(change(2, "cov_TT", npy("<f8", &[N, K], false, 8)), &["cov_TT has shape [7, 3]", "[7, 3, 3]"]);
    refused(change(3, "ess", npy("<f8", &[N, 1], false, 8)), &["ess has shape [7, 1]"]);
    refused(change(0, "eta", npy("<f8", &[N], false, 8)), &["eta has shape [7]", "[n, 1]"]);
    refused(change(0, "eta", npy("<f8", &[0, 1 << 40], false, 8)), &["1099511627776 statistics"]);
    let mut lying = npy("<f8", &[N, K], false, 8);
    lying.truncate(lying.len() - 8);
    refused(change(0, "eta", lying), &["'eta' is damaged", "160 bytes"]);
    let mut not_a_number = npy("<f8", &[N, K], false, 8);
    let end = not_a_number.len();
    not_a_number[end - 8..].copy_from_slice(&f64::NAN.to_le_bytes());
    refused(change(0, "eta", not_a_number), &["eta[6, 2] is NaN"]);
}

#[test]
fn other_names_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["d.csv", "d", ".npz"] {
        let path = folder.path().join(name);
        let (save, load) = (plain().save(&path).unwrap_err(), Dataset::load(&path).unwrap_err());
        assert!(save.message().contains(".safetensors") && load.message().contains(".npz"), "{save} {load}");
    }
    fs::create_dir(folder.path().join("folder.npz")).unwrap();
    assert!(Dataset::load(folder.path().join("folder.npz")).unwrap_err().message().contains("folder"));
    assert!(plain().save(folder.path().join("folder.npz")).is_err());
    assert!(Dataset::load(folder.path().join("none.npz")).unwrap_err().message().contains("no such file"));
    fs::write(folder.path().join("zero.safetensors"), b"").unwrap();
    assert!(Dataset::load(folder.path().join("zero.safetensors")).unwrap_err().message().contains("empty"));
}
