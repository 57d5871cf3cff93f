//! SQLite itself as judge: it prepares one statement of a script and says where the rest begins.

use dbwarden::sql::{Rules, Syntax, keywords, split};
use proptest::prelude::*;
use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::{Batch, Connection};

use super::golden::scripts;

const RULES: Rules = Rules::new(Syntax::Sqlite);

/// The tokens of each statement, as SQLite cuts the script, up to the first that it refuses.
fn judged(script: &str) -> (Vec<Vec<String>>, bool) {
    let connection = Connection::open_in_memory().unwrap();
    let mut batch = Batch::new(&connection, script);
    let mut statements = Vec::new();
    loop {
        match batch.next() {
            Ok(None) => return (statements, true),
            Err(_) => return (statements, false),
            Ok(Some(mut statement)) => {
                let text = statement.expanded_sql().unwrap();
                let mut tokens: Vec<String> = keywords(&text, RULES).map(str::to_owned).collect();
                tokens.pop_if(|token| token == ";");
                // The `;` of an empty statement stands before the next one.
                let empty = tokens.iter().take_while(|token| *token == ";").count();
                statements.push(tokens.split_off(empty));
                let mut rows = statement.raw_query();
                while let Ok(Some(_)) = rows.next() {}
            }
        }
    }
}

fn ours(script: &str) -> Vec<Vec<String>> {
    let statements = split(script, RULES).unwrap();
    statements.iter().map(|s| keywords(&s.text, RULES).map(str::to_owned).collect()).collect()
}

#[test]
fn sqlite_cuts_the_golden_scripts_where_we_do() {
    let (mut whole, mut statements) = (0, 0);
    for path in scripts("sqlite") {
        let Ok(script) = std::fs::read_to_string(&path) else { continue };
        // A bound value stands in SQLite's text where the parameter was.
        if split(&script, RULES).is_err() || script.contains("?1") {
            continue;
        }
        let script = script.trim_start_matches('\u{feff}');
        let (judged, complete) = judged(script);
        let ours = ours(script);
        assert_eq!(judged[..], ours[..judged.len().min(ours.len())], "{}", path.display());
        whole += usize::from(complete && judged.len() == ours.len());
        statements += judged.len();
    }
    assert!(whole >= 14, "SQLite took only {whole} scripts whole");
    assert!(statements >= 50, "SQLite took only {statements} statements");
}

fn statement() -> impl Strategy<Value = String> {
    let literal = prop::sample::select(vec![
        "1",
        "';'",
        "'it''s;'",
        "x'3b'",
        "\"a\"",
        "[a]",
        "`a`",
        "a",
        "(SELECT ';')",
        "CASE a WHEN 1 THEN ';' END",
        "'--'",
        "'/*'",
        "CASE WHEN a THEN CASE b WHEN 2 THEN 3 END ELSE 4 END",
        "t.\"a\"",
        "begin",
        "end",
        "'\\'",
        "-/* ; */1",
        "- -- ;\n 1",
        "\"end\"",
    ]);
    let select = prop::collection::vec(literal, 1..4)
        .prop_map(|values| format!("SELECT {} FROM t", values.join(", ")));
    let inner = prop_oneof![
        select.clone(),
        Just("UPDATE t SET a = CASE WHEN a THEN 1 END, end = 2 WHERE b = 'END;'".to_owned()),
        Just("INSERT INTO t(a, b) SELECT end, begin FROM t /* END; */".to_owned()),
        Just("DELETE FROM t -- END;\n".to_owned()),
    ];
    let head = prop::sample::select(vec![
        "CREATE TRIGGER IF NOT EXISTS x AFTER INSERT ON t BEGIN ",
        "create temp trigger if not exists begin before update of a on t\nbegin\n",
        "CREATE TEMPORARY/**/TRIGGER IF NOT EXISTS \"end\" DELETE ON t FOR EACH ROW WHEN old.end > old.begin BEGIN -- x\n",
        "EXPLAIN CREATE TRIGGER y AFTER INSERT ON t BEGIN ",
    ]);
    let trigger = (
        head,
        prop::collection::vec(inner.clone(), 1..4),
        prop::sample::select(vec!["; END", ";\nend ", "; /* END; */ End -- ;\n"]),
    )
        .prop_map(|(head, inner, end)| format!("{head}{}{end}", inner.join("; ")));
    prop_oneof![4 => inner, 4 => trigger, 1 => Just("BEGIN".to_owned()), 1 => Just("END".to_owned()), 1 => Just("COMMIT".to_owned()),
        1 => Just("SAVEPOINT begin".to_owned())]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_cuts_random_scripts_where_we_do(
        statements in prop::collection::vec(statement(), 1..8),
        between in prop::sample::select(vec!["; ", ";\n-- note; here\n", ";;\r\n", "; /* ; */ ;", ";\u{feff}"]),
    ) {
        let script = format!("CREATE TABLE t (a, b, begin, end);{}", statements.join(between));
        let (mut judged, _) = judged(&script);
        // An engine that refuses a statement (COMMIT without BEGIN) does so when it runs, so all are prepared.
        judged.retain(|tokens| !tokens.is_empty());
        prop_assert_eq!(judged, ours(&script));
    }
}
