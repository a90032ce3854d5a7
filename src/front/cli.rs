//! The command line.
//!
//! Exit codes: 0 done; 1 the program or its data failed; 2 wrong usage; 130 interrupted.

use super::generate::{self, GenerateArguments};
use super::{Terminal, repl};
use crate::error::Kind;
use crate::expr::lanes::Isa;
use crate::script::{Failure, Frontend, Host, Session};
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Exponential families without a name: type T(x), get moments, networks and variational inference.
#[derive(Parser)]
#[command(name = "nnef", version, about, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a script; ARGS is an array in it.
    Run {
        /// The script.
        file: PathBuf,
        /// What the script finds in ARGS.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run a line of code and print its value.
    Eval {
        /// The code.
        code: String,
    },
    /// Interactive session.
    Repl,
    /// Make a dataset from a YAML job.
    Generate {
        #[command(flatten)]
        arguments: GenerateArguments,
    },
    /// Join the shards of a dataset: the bytes of one run.
    Merge {
        /// The file to write.
        out: PathBuf,
        /// The shards, in any order.
        #[arg(required = true)]
        shards: Vec<PathBuf>,
        /// Write over a file of another job.
        #[arg(long)]
        force: bool,
    },
    /// Reference of a name, or of the language.
    Doc {
        /// The name.
        name: Option<String>,
    },
    /// Version, devices, features and processor.
    Info,
}

/// Stack of the thread that runs scripts: deep recursion must meet the language's limit first.
const STACK: usize = 256 << 20;

pub(super) const FAILED: i32 = 1;
pub(super) const INTERRUPTED: i32 = 130;

/// Run the command line of this process; the exit code.
pub fn main() -> i32 {
    let arguments = Arguments::parse();
    let worker = std::thread::Builder::new().name("nnef".into()).stack_size(STACK).spawn(move || run(arguments.command));
    match worker.map(std::thread::JoinHandle::join) {
        Ok(Ok(code)) => code,
        Ok(Err(_)) => FAILED,
        Err(e) => {
            eprintln!("error: no thread to run in: {e}");
            FAILED
        }
    }
}

/// A host on this terminal whose Ctrl-C sets the cancel flag.
fn host(pictures: bool) -> Host {
    let cancel = Arc::new(AtomicBool::new(false));
    let (flag, presses) = (cancel.clone(), AtomicUsize::new(0));
    // Three presses with nothing listening in between end the process.
    let handler = ctrlc::set_handler(move || {
        if !flag.swap(true, Ordering::Relaxed) {
            presses.store(0, Ordering::Relaxed);
        }
        if presses.fetch_add(1, Ordering::Relaxed) >= 2 {
            std::process::exit(INTERRUPTED);
        }
    });
    let terminal = Terminal::new(pictures);
    if let Err(e) = handler {
        terminal.err(&format!("Ctrl-C cannot be caught: {e}"));
    }
    Host::new(Arc::new(terminal), cancel)
}

fn code_of(failure: &Failure) -> i32 {
    if failure.kind == Kind::Interrupted { INTERRUPTED } else { FAILED }
}

fn report(session: &Session, failure: &Failure) -> i32 {
    session.host().frontend().err(&failure.to_string());
    code_of(failure)
}

fn run(command: Command) -> i32 {
    match command {
        Command::Run { file, args } => {
            let mut session = Session::new(host(false));
            session.set("ARGS", args);
            match session.run_file(&file) {
                Ok(_) => 0,
                Err(failure) => report(&session, &failure),
            }
        }
        Command::Eval { code } => {
            let mut session = Session::new(host(false));
            match session.run("<eval>", &code) {
                Ok(value) => {
                    if let Some(text) = session.display(&value) {
                        session.host().frontend().out(&text);
                    }
                    0
                }
                Err(failure) => report(&session, &failure),
            }
        }
        Command::Repl => repl::run(Session::new(host(true))),
        Command::Generate { arguments } => generate::run(&host(false), arguments),
        Command::Merge { out, shards, force } => generate::merge(&host(false), &out, &shards, force),
        Command::Doc { name } => {
            let host = host(false);
            match Session::new(host.clone()).find_help(&name.unwrap_or_default()) {
                Ok(text) => {
                    host.frontend().out(&text);
                    0
                }
                Err(e) => generate::complain(&host, &e),
            }
        }
        Command::Info => {
            host(false).frontend().out(&info());
            0
        }
    }
}

/// What `nnef info` prints.
fn info() -> String {
    let cuda = if cfg!(feature = "cuda") { "on" } else { "off" };
    let device = match candle_core::Device::cuda_if_available(0) {
        Ok(d) if d.is_cuda() => "CUDA device 0",
        _ => "CPU",
    };
    format!(
        "nnef {}\nprocessor  {}\nthreads    {}\nnetworks   {device} (feature cuda: {cuda})",
        env!("CARGO_PKG_VERSION"),
        Isa::detect().name(),
        rayon::current_num_threads()
    )
}
