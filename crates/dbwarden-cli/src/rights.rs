//! Which right is missing, and who may give it, from what the server answered.

use dbwarden::driver::DriverError;

/// What is to be done before the same can be tried again.
pub(crate) fn wanted(error: &DriverError) -> String {
    let said = error.message.as_str();
    of_postgres(said)
        .or_else(|| of_mysql(error.code.as_deref().unwrap_or_default(), said))
        .unwrap_or_else(|| "have an administrator give this user that right".to_owned())
}

/// `permission denied for table orders`, `must be owner of table orders`, `permission denied to create role`.
fn of_postgres(said: &str) -> Option<String> {
    if let Some(what) = said.strip_prefix("must be owner of ") {
        return Some(format!(
            "run it as the owner of {what}, or have that role or a superuser make this one its member (GRANT owner TO role)"
        ));
    }
    if let Some(what) = said.strip_prefix("permission denied for ") {
        return Some(format!("have the owner of {what}, or a superuser, grant this role the right to it"));
    }
    let what = said.strip_prefix("permission denied to ")?;
    Some(format!("have a superuser do that ({what}), or give this role the right to it"))
}

/// `CREATE command denied to user 'a'@'h' for table …` (1142, 1143, 1370), `Access denied for user 'a'@'h' to database 'd'` (1044),
/// `Access denied; you need (at least one of) the SUPER privilege(s) for this operation` (1227).
fn of_mysql(code: &str, said: &str) -> Option<String> {
    let from = "have an administrator, or who has it WITH GRANT OPTION, grant";
    match code {
        "1142" | "1143" | "1370" => {
            let (right, rest) = said.split_once(" command denied to user ")?;
            let (user, on) = rest.split_once(" for ")?;
            Some(format!("{from} {} to {user} on the {on}", right.to_ascii_uppercase()))
        }
        "1044" => {
            let (user, database) =
                said.strip_prefix("Access denied for user ")?.split_once(" to database ")?;
            Some(format!("{from} {user} the right to the database {database}"))
        }
        "1227" => {
            let (_, rest) = said.split_once("the ")?;
            let (rights, _) = rest.split_once(" privilege")?;
            Some(format!("have an administrator grant this user one of: {rights}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use dbwarden::driver::DriverErrorKind;

    use super::*;

    #[test]
    fn the_right_is_named() {
        let wanted = |code: &str, said: &str| {
            let mut error = DriverError::new(DriverErrorKind::Rights, said);
            error.code = Some(code.to_owned());
            wanted(&error)
        };
        let all = [
            wanted("42501", "permission denied for schema ops"),
            wanted("42501", "must be owner of table orders"),
            wanted("42501", "permission denied to create extension \"postgis\""),
            wanted("1142", "CREATE command denied to user 'ana'@'%' for table `shop`.`orders`"),
            wanted("1143", "SELECT command denied to user 'ana'@'%' for column 'x' in table 'orders'"),
            wanted("1370", "alter routine command denied to user 'ana'@'%' for routine 'shop.tidy'"),
            wanted("1044", "Access denied for user 'ana'@'%' to database 'ops'"),
            wanted(
                "1227",
                "Access denied; you need (at least one of) the SUPER, SET USER privilege(s) for this operation",
            ),
            wanted("1419", "You do not have the SUPER privilege and binary logging is enabled"),
        ];
        insta::assert_snapshot!(all.join("\n"));
    }
}
