//! The resolved settings of a project: flags, environment, `.env` files and `warden.toml` become one value a database.
//!
//! No process environment is read here: the caller hands it in. Files are read, and a `password_command` is run; nothing
//! else is touched. The contract is `docs/reference/settings.md`.

mod describe;
mod duration;
mod env_file;
mod environment;
mod error;
mod interpolate;
mod keys;
mod layers;
mod load;
mod origin;
mod parts;
mod resolve;
mod safety;
mod settings;
mod settings_file;
mod sources;

pub use self::describe::Entry;
pub(crate) use self::duration::duration_text;
pub use self::duration::{DurationError, parse_duration};
pub use self::environment::Environment;
pub use self::error::{Problem, SettingsError};
pub use self::keys::{keys, variables};
pub use self::load::Project;
pub use self::origin::{Origin, Place, Setting};
pub use self::safety::{Destructive, Safety, Window, WindowError};
pub use self::settings::{DatabaseSettings, Hooks, Tables};
pub use self::sources::{Overrides, Sources};
