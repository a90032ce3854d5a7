//! The `nnef` program: see `nnef --help`.

fn main() {
    std::process::exit(nnef::front::cli::main());
}
