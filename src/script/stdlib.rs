//! The standard library: Rhai modules embedded in the binary, imported as `import "std/NAME"`.
//!
//! `NNEF_STDLIB` names a folder that is read instead, to work on the library without building.

use rhai::{Engine, EvalAltResult, Module, ModuleResolver, Position, Scope, Shared};
use std::path::PathBuf;

macro_rules! module {
    ($path:literal) => {
        ($path, include_str!(concat!("../../stdlib/", $path, ".rhai")))
    };
}

/// The embedded modules, by path below `std/`; a test holds this list to the folder.
pub static MODULES: &[(&str, &str)] = &[
    module!("families/bernoulli"),
    module!("families/beta"),
    module!("families/categorical"),
    module!("families/clipped_mvn"),
    module!("families/dirichlet"),
    module!("families/exponential"),
    module!("families/gamma"),
    module!("families/gaussian"),
    module!("families/inverse_gaussian"),
    module!("families/laplace_product"),
    module!("families/mvn"),
    module!("families/mvn_tril"),
    module!("families/normal_gamma"),
    module!("families/normal_wishart"),
    module!("families/poisson"),
    module!("families/rectified_gaussian"),
    module!("families/von_mises"),
    module!("families/von_mises_fisher"),
    module!("families/wishart"),
    module!("recipes"),
];

/// Resolves `std/...`; other imports are files.
pub(super) struct Library;

impl Library {
    fn text(name: &str) -> Option<String> {
        if let Some(folder) = std::env::var_os("NNEF_STDLIB") {
            return std::fs::read_to_string(PathBuf::from(folder).join(format!("{name}.rhai"))).ok();
        }
        MODULES.iter().find(|(n, _)| *n == name).map(|(_, text)| text.to_string())
    }
}

impl ModuleResolver for Library {
    fn resolve(
        &self,
        engine: &Engine,
        _: Option<&str>,
        path: &str,
        position: Position,
    ) -> Result<Shared<Module>, Box<EvalAltResult>> {
        let missing = || Box::new(EvalAltResult::ErrorModuleNotFound(path.to_string(), position));
        let text = path.strip_prefix("std/").and_then(Library::text).ok_or_else(missing)?;
        let wrap = |e: Box<EvalAltResult>| Box::new(EvalAltResult::ErrorInModule(path.to_string(), e, position));
        let mut ast = engine.compile(text).map_err(|e| wrap(e.into()))?;
        ast.set_source(path);
        Module::eval_ast_as_new(Scope::new(), &ast, engine).map(Into::into).map_err(wrap)
    }
}
