//! The environment that a run is for.

use std::fmt;

/// The environment that a run is for: it picks `.env.<name>`, and production is protected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Environment {
    /// `dev` or `development`.
    Dev,
    /// `staging`.
    Staging,
    /// `prod` or `production`.
    Prod,
    /// Any other name, as it was given.
    Other(String),
}

impl Environment {
    /// Reads a name in any case, or returns `None` where it could not be part of a file name.
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.trim();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
            return None;
        }
        Some(match name.to_ascii_lowercase().as_str() {
            "dev" | "development" => Environment::Dev,
            "staging" => Environment::Staging,
            "prod" | "production" => Environment::Prod,
            _ => Environment::Other(name.to_owned()),
        })
    }

    /// Returns the short name, which stands for `{env}`.
    pub fn name(&self) -> &str {
        self.spellings()[0]
    }

    /// Returns every spelling, the short one first: each may name a `.env.<spelling>` file.
    pub fn spellings(&self) -> Vec<&str> {
        match self {
            Environment::Dev => vec!["dev", "development"],
            Environment::Staging => vec!["staging"],
            Environment::Prod => vec!["prod", "production"],
            Environment::Other(name) => vec![name],
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
