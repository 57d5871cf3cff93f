//! What a statement leaves in its session, and whether another session can have it.

use super::words::{Words, first_word, is};
use super::{creates_temporary, sets_global};
use crate::dialect::SessionTrace;
use crate::sql::{Token, TokenKind};

/// What stands before a parenthesis and calls nothing, or gives the same answer in every session and at any time. A function that is
/// not known here may be a stored one, or one of rows or of the time.
const SAME: &str = "ALL AND ANY AS BETWEEN BY CASE DECIMAL DISTINCT DIV ELSE EXISTS FROM HAVING IN INTERVAL IS JOIN LIKE NOT ON OR OVER \
    PARTITION REGEXP RLIKE SELECT SOME THEN UNION USING VALUES VARCHAR WHEN WHERE XOR ABS ADDDATE ASCII AVG BIN BINARY \
    BIT_AND BIT_OR BIT_XOR CAST CEIL CEILING CHAR CHAR_LENGTH CHARACTER_LENGTH COALESCE CONCAT CONCAT_WS CONV CONVERT COUNT \
    CRC32 CURRENT_ROLE CURRENT_USER DATABASE DATE DATE_ADD DATE_FORMAT DATE_SUB DATEDIFF DAY ELT EXP EXTRACT FIELD \
    FIND_IN_SET FLOOR FORMAT FROM_BASE64 GREATEST GROUP_CONCAT HEX IF IFNULL INSTR ISNULL JSON_ARRAY JSON_EXTRACT \
    JSON_OBJECT JSON_QUOTE JSON_UNQUOTE JSON_VALUE LAST_DAY LCASE LEAST LEFT LENGTH LOCATE LOWER LPAD LTRIM MAX MD5 MID MIN \
    MOD MONTH NULLIF OCT ORD POSITION POW POWER QUOTE REGEXP_INSTR REGEXP_REPLACE REGEXP_SUBSTR REPEAT REPLACE REVERSE RIGHT \
    ROUND RPAD RTRIM SCHEMA SESSION_USER SHA SHA1 SHA2 SIGN SPACE SQRT STR_TO_DATE SUBDATE SUBSTR SUBSTRING SUBSTRING_INDEX \
    SUM SYSTEM_USER TIMESTAMPADD TIMESTAMPDIFF TO_BASE64 TRIM TRUNCATE UCASE UNHEX UPPER USER VERSION YEAR";

/// What tells the time without a parenthesis.
const CLOCKS: &[&str] = &[
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "UTC_DATE",
    "UTC_TIME",
    "UTC_TIMESTAMP",
];

/// Variables of the session that say what happened in it, or when.
const TOLD: &[&str] = &[
    "ERROR_COUNT",
    "IDENTITY",
    "INSERT_ID",
    "LAST_INSERT_ID",
    "PSEUDO_THREAD_ID",
    "TIMESTAMP",
    "WARNING_COUNT",
];

pub(super) fn session_trace(statement: &str) -> SessionTrace {
    let first = first_word(statement).to_ascii_uppercase();
    let temporary = |made: bool| if made { SessionTrace::Temporary } else { SessionTrace::None };
    match first.as_str() {
        "USE" | "PREPARE" | "DEALLOCATE" => SessionTrace::Setting,
        "SET" => set(statement),
        "CREATE" => {
            let mut words = Words::of(statement);
            words.next();
            // What stands in a routine is not run yet; CREATE TABLE … SELECT is.
            temporary(creates_temporary(&mut words) || (words.is("TABLE") && assigns(&words)))
        }
        "ALTER" | "DROP" => SessionTrace::None,
        _ if !statement.contains('@') => SessionTrace::None,
        // Parameters that are given a value, what a diagnostic says, a block that may hold anything.
        "BEGIN" | "CALL" | "EXECUTE" | "GET" => temporary(names_variable(&Words::of(statement))),
        // SELECT … INTO @name, @name := …
        _ => temporary(assigns(&Words::of(statement))),
    }
}

fn set(statement: &str) -> SessionTrace {
    let mut words = Words::of(statement);
    words.next();
    // https://mariadb.com/kb/en/set-statement/: what stands behind FOR is the statement.
    if words.accept("STATEMENT") {
        let inner = words.skip_to(&["FOR"]).and_then(|_| words.rest_text());
        return inner.map_or(SessionTrace::None, session_trace);
    }
    let global = ["GLOBAL", "PERSIST", "PERSIST_ONLY", "PASSWORD", "DEFAULT"];
    if global.iter().any(|word| words.is(word)) || sets_global(&words) {
        SessionTrace::None
    } else if is_fleeting(&words) {
        SessionTrace::Temporary
    } else {
        SessionTrace::Setting
    }
}

/// Whether a variable of the user's is named, as `@name`; in a text too, which EXECUTE IMMEDIATE would run.
fn names_variable(words: &Words<'_>) -> bool {
    let immediate = words.has(&["EXECUTE", "IMMEDIATE"]);
    let mut system = false;
    words.rest().iter().zip(words.rest().iter().skip(1)).any(|(token, next)| {
        let second = std::mem::take(&mut system);
        system = is(token, "@") && is(next, "@");
        (is(token, "@") && !system && !second)
            || (immediate && next.kind == TokenKind::String && next.text.contains('@'))
    })
}

/// Whether a variable is given a value in passing.
fn assigns(words: &Words<'_>) -> bool {
    words.rest().windows(2).any(|pair| {
        let adjacent = pair[0].start + pair[0].text.len() == pair[1].start;
        (is(&pair[0], "INTO") && is(&pair[1], "@")) || (is(&pair[0], ":") && is(&pair[1], "=") && adjacent)
    })
}

/// Whether a value would be another one when it is computed again: by a function, or by rows that were changed meanwhile. What the
/// catalogue says is asked again.
fn is_fleeting(words: &Words<'_>) -> bool {
    let tokens = words.rest();
    let any = |token: &Token<'_>, names: &[&str]| names.iter().any(|name| is(token, name));
    let called = (0..tokens.len().saturating_sub(1)).any(|at| {
        if !is(&tokens[at + 1], "(") || !matches!(tokens[at].kind, TokenKind::Word | TokenKind::Identifier) {
            return false;
        }
        // A stored function may be called with its database; those of `sys` are the server's own.
        let qualified = at >= 2 && is(&tokens[at - 1], ".");
        if qualified {
            !is(&tokens[at - 2], "SYS")
        } else {
            !SAME.split(' ').any(|same| is(&tokens[at], same))
        }
    });
    let clock = tokens.iter().enumerate().any(|(at, token)| {
        // A variable of the user's may have such a name.
        any(token, CLOCKS) && !at.checked_sub(1).is_some_and(|before| is(&tokens[before], "@"))
    });
    let told = (0..tokens.len()).any(|at| {
        let mut rest = tokens[at..].iter();
        if ![rest.next(), rest.next()].iter().all(|token| token.is_some_and(|token| is(token, "@"))) {
            return false;
        }
        let mut name = rest.next();
        if name.is_some_and(|name| any(name, &["SESSION", "LOCAL"])) {
            name = rest.nth(1);
        }
        let given = rest.next().is_some_and(|next| any(next, &["=", ":"]));
        name.is_some_and(|name| any(name, TOLD)) && !given
    });
    called
        || clock
        || told
        || words.has(&["VALUE", "FOR"])
        || (words.any("FROM") && !words.any("INFORMATION_SCHEMA"))
}
