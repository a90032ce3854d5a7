//! The standard library: Rhai modules embedded in the binary, imported as `import "std/NAME"`.
//!
//! `NNEF_STDLIB` names a folder that is read instead, to work on the library without building.

use rhai::{Engine, EvalAltResult, Module, ModuleResolver, Position, Scope, Shared};
use std::path::PathBuf;

/// The embedded modules, by path below `std/`; a test holds this list to the folder.
pub static MODULES: &[(&str, &str)] = &[("recipes", include_str!("../../stdlib/recipes.rhai"))];

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
