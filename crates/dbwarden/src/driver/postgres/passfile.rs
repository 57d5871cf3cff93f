//! Password files, as libpq reads them (<https://www.postgresql.org/docs/current/libpq-pgpass.html>).

use std::path::Path;

use secrecy::SecretString;

use super::failure::open_error;
use crate::driver::DriverError;

/// Returns the password of the first line of `file` that fits; nothing where none does.
///
/// # Errors
/// A file that cannot be read, or that others may read.
pub(super) fn find(
    file: &Path,
    host: &str,
    port: u16,
    name: &str,
    user: &str,
) -> Result<Option<SecretString>, DriverError> {
    let shown = file.display();
    let unreadable = |error| open_error(format!("the passfile {shown} cannot be read: {error}"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(file).map_err(unreadable)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(open_error(format!("others may read the passfile {shown}: chmod 600 it")));
        }
    }
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    let port = port.to_string();
    let wanted = [host, &port, name, user];
    Ok(text.lines().find_map(|line| fits(line, &wanted)).map(SecretString::from))
}

fn fits(line: &str, wanted: &[&str; 4]) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        let count = fields.len();
        let last = fields.last_mut()?;
        match c {
            '\\' => last.extend(characters.next()),
            // The password is the rest, colons and all.
            ':' if count < 5 => fields.push(String::new()),
            c => last.push(c),
        }
    }
    let password = fields.get(4)?.clone();
    let same = |(field, wanted): (&String, &&str)| field == "*" || field == *wanted;
    fields.iter().zip(wanted).all(same).then_some(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_fits_tells() {
        let wanted = ["db", "5432", "shop", "ana"];
        assert_eq!(fits("db:5432:shop:ana:secret", &wanted).as_deref(), Some("secret"));
        assert_eq!(fits("*:*:*:ana:a\\:b\\\\c", &wanted).as_deref(), Some("a:b\\c"));
        assert_eq!(fits("db:5433:shop:ana:secret", &wanted), None);
        assert_eq!(fits("# db:5432:shop:ana:secret", &wanted), None);
        assert_eq!(fits("db:5432:shop", &wanted), None);
    }
}
