//! The binary: hands over to the command line.

/// The hot path allocates many small rows, which this allocator does in less time and memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    switchboard::cli::run()
}
