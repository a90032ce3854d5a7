//! The house as drawn: layers, file sizes, top-level folders, indexes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Module -> layer, from the table of src/README.md.
fn table() -> BTreeMap<String, u32> {
    let text = std::fs::read_to_string(root().join("src/README.md")).unwrap();
    let rows = text.lines().filter(|l| l.starts_with("| ") && l.contains('`'));
    rows.map(|l| {
        let cells: Vec<&str> = l.split('|').map(str::trim).collect();
        (cells[2].trim_matches('`').to_string(), cells[1].parse().unwrap())
    })
    .collect()
}

/// Imports of `text` that the layers forbid, for a file of `module`.
fn forbidden(module: &str, text: &str, layers: &BTreeMap<String, u32>) -> Vec<String> {
    let code = text.split("#[cfg(test)]\nmod").next().unwrap_or_default();
    let mut bad = Vec::new();
    for line in code.lines().filter(|l| !l.trim_start().starts_with("//")) {
        for part in line.split("crate::").skip(1) {
            let target: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let Some(layer) = layers.get(&target) else { continue };
            if target != module && target != "error" && *layer >= layers[module] {
                bad.push(format!("{module} (layer {}) imports {target} (layer {layer}): {}", layers[module], line.trim()));
            }
        }
    }
    bad
}

#[test]
fn modules_import_from_strictly_lower_layers() {
    let layers = table();
    let mut bad = Vec::new();
    for path in files_below(&root().join("src"), "rs") {
        let inside = path.strip_prefix(root().join("src")).unwrap().to_path_buf();
        let module = inside.iter().next().unwrap().to_string_lossy().trim_end_matches(".rs").to_string();
        if module == "lib" || module == "main" || path.file_name().unwrap() == "tests.rs" {
            continue;
        }
        assert!(layers.contains_key(&module), "src/README.md has no row for `{module}`");
        bad.extend(forbidden(&module, &std::fs::read_to_string(&path).unwrap(), &layers));
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    for module in layers.keys() {
        let here = root().join("src").join(module);
        assert!(here.is_dir() || here.with_extension("rs").is_file(), "src/README.md lists `{module}`, which is not there");
    }
}

#[test]
fn the_layer_test_sees_an_upward_import() {
    let layers = table();
    assert_eq!(forbidden("expr", "use crate::train::Trainer;\n", &layers).len(), 1);
    assert_eq!(forbidden("domain", "    let n = crate::nn::Params::new();\n", &layers).len(), 1, "same layer, other folder");
    assert!(forbidden("train", "use crate::expr::Graph;\nuse crate::error::Error;\n", &layers).is_empty());
}

#[test]
fn files_stay_readable() {
    let mut long = Vec::new();
    for folder in ["src", "tests", "stdlib", "examples"] {
        for extension in ["rs", "rhai"] {
            for path in files_below(&root().join(folder), extension) {
                let lines = std::fs::read_to_string(&path).unwrap().lines().count();
                if lines > 800 {
                    long.push(format!("{}: {lines} lines", path.display()));
                }
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn the_top_level_is_the_frame() {
    let frame = ["src", "scripts", "stdlib", "configs", "tests", "examples"];
    for entry in std::fs::read_dir(root()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().to_string();
        let built = ["target", "artifacts", "data"].contains(&name.as_str());
        if entry.path().is_dir() && !name.starts_with('.') && !built {
            assert!(frame.contains(&name.as_str()), "top-level folder '{name}' is outside the frame");
        }
    }
}

#[test]
fn the_standard_library_is_listed_and_embedded() {
    let folder = root().join("stdlib");
    let names: Vec<String> = files_below(&folder, "rhai")
        .iter()
        .map(|p| p.strip_prefix(&folder).unwrap().with_extension("").to_string_lossy().replace('\\', "/"))
        .collect();
    let embedded: Vec<&str> = nnef::script::stdlib::MODULES.iter().map(|(n, _)| *n).collect();
    assert_eq!(names, embedded);
    let index = std::fs::read_to_string(folder.join("README.md")).unwrap();
    for name in names {
        assert!(index.contains(&format!("`{name}`")), "stdlib/README.md does not list {name}");
    }
}
