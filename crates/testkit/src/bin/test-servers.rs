//! Servers for a test run: prints their variables, an empty line, and ends them at the end of its input.

/// Started by `cargo xtask test`.
#[cfg(unix)]
fn main() -> std::io::Result<()> {
    testkit::server::install_missing();
    testkit::server::lend(std::io::stdin(), std::io::stdout())
}

/// Elsewhere there are none but those that the variables name.
#[cfg(not(unix))]
fn main() {
    println!();
}
