//! Compiles the migrations into the program.

fn main() {
    dbwarden_build::embed("migrations");
}
