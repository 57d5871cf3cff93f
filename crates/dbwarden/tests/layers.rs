//! The layers of the library: every path in its sources against the table in ARCHITECTURE.md.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests stop at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The line above the table.
const MARK: &str = "<!-- layers: read by crates/dbwarden/tests/layers.rs -->";

/// One row of the table: a module, and what it uses although it stands below.
#[derive(Debug)]
struct Layer {
    module: String,
    also: BTreeSet<String>,
}

/// A source file: its path below `src`, its module and its text.
struct Source {
    file: String,
    module: Vec<String>,
    text: String,
}

impl Source {
    fn new(file: &str, text: &str) -> Self {
        let stem = file.strip_suffix(".rs").unwrap();
        let mut module: Vec<_> = stem.split('/').map(str::to_owned).collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
            module.pop();
        }
        Self { file: file.to_owned(), module, text: text.to_owned() }
    }
}

#[test]
fn no_module_uses_what_stands_below_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let layers = table(&fs::read_to_string(root.join("../../ARCHITECTURE.md")).unwrap());
    let sources = sources(&root.join("src"));
    assert!(layers.len() > 10 && sources.len() > 10, "too little was found to mean anything");
    let found = breaches(&layers, &sources);
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn every_row_is_a_module() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for layer in table(&fs::read_to_string(root.join("../../ARCHITECTURE.md")).unwrap()) {
        let path = root.join("src").join(layer.module.replace("::", "/"));
        assert!(path.is_dir() || path.with_extension("rs").is_file(), "{} is no module", layer.module);
    }
}

/// The test must be able to fail: one breach of each sort, made up.
#[test]
fn breaches_are_found() {
    let layers = table(
        "<!-- layers: read by crates/dbwarden/tests/layers.rs -->\n\n| layer | holds | also uses |\n| --- | --- | --- |\n\
         | `sql` | text | |\n| `migration` | files | `migration::plan` |\n| `migration::plan` | plans | |\n| `ops` | verbs | |\n\nAfter it.\n",
    );
    let check = |file: &str, text: &str| breaches(&layers, &[Source::new(file, text)]);
    let clean = [
        (
            "ops/migrate.rs",
            "use crate::sql::Rules;\nuse super::report;\nuse crate::migration::plan::{self, Plan};",
        ),
        ("sql/lexer.rs", "use super::Syntax; // not crate::ops\n/// See [`crate::ops`].\nstruct A;"),
        ("sql/lexer.rs", "fn a() {}\n\n#[cfg(test)]\nmod tests {\n    use crate::ops::migrate;\n}"),
        ("sql/lexer.rs", "#[cfg(test)]\nmod tests;\nuse crate::sql::Rules;"),
        ("lib.rs", "pub mod ops;\npub use ops::migrate;"),
    ];
    for (file, text) in clean {
        let found = check(file, text);
        assert!(found.iter().all(|found| found.contains("no longer")), "{file}: {found:?}");
    }
    let breached = [
        (
            "sql/lexer.rs",
            "use crate::ops::migrate;",
            "sql/lexer.rs:1: `sql` uses crate::ops::migrate of `ops`",
        ),
        (
            "migration/plan.rs",
            "\nfn a() -> crate::ops::Report {}",
            "migration/plan.rs:2: `migration::plan` uses crate::ops::Report of `ops`",
        ),
        (
            "sql/mod.rs",
            "use super::{\n    migration::{Kind, plan::Plan},\n    sql,\n};",
            "sql/mod.rs:1: `sql` uses crate::migration::Kind of `migration`",
        ),
        (
            "sql/reader/copy.rs",
            "use super::super::super::ops;",
            "sql/reader/copy.rs:1: `sql` uses crate::ops of `ops`",
        ),
        (
            "sql/mod.rs",
            "mod lexer;\n#[cfg(test)]\nmod tests;\nuse crate::ops;",
            "sql/mod.rs:4: `sql` uses crate::ops of `ops`",
        ),
        ("newroom.rs", "struct A;", "newroom.rs: the module newroom has no row in ARCHITECTURE.md"),
    ];
    for (file, text, expected) in breached {
        assert_eq!(check(file, text).first().map(String::as_str), Some(expected), "{file}");
    }
    // A parent that uses its own child by its bare name.
    let own = table(
        "<!-- layers: read by crates/dbwarden/tests/layers.rs -->\n| layer | holds | also uses |\n| --- | --- | --- |\n\
         | `apply` | | |\n| `apply::lock` | | |\n",
    );
    let found = breaches(&own, &[Source::new("apply/mod.rs", "pub mod lock;\nuse lock::Guard;")]);
    assert_eq!(found, ["apply/mod.rs:2: `apply` uses crate::apply::lock::Guard of `apply::lock`"]);
    // An exception that nothing needs any more is one too many.
    let found = check("migration/mod.rs", "use crate::sql::Position;");
    assert_eq!(
        found,
        ["ARCHITECTURE.md: `migration` no longer uses `migration::plan`; take it out of the table"]
    );
    assert_eq!(check("migration/mod.rs", "mod plan;\nuse plan::Plan;"), [""; 0]);
}

/// Reads the table below the mark.
fn table(text: &str) -> Vec<Layer> {
    let (_, below) = text.split_once(MARK).expect("ARCHITECTURE.md has the mark of the table");
    let names =
        |cell: &str| -> Vec<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    below
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| {
            let mut cells = line.trim_matches('|').split('|');
            let module = names(cells.next().unwrap_or_default()).pop().expect("a row begins with its module");
            let also = names(cells.nth(1).unwrap_or_default()).into_iter().collect();
            Layer { module, also }
        })
        .collect()
}

/// Every source file below `root`, without those that hold tests alone.
fn sources(root: &Path) -> Vec<Source> {
    fn walk(folder: &Path, to: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, to);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                to.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    walk(root, &mut paths);
    paths.sort();
    let all: Vec<_> = paths
        .iter()
        .map(|path| {
            let below = path.strip_prefix(root).unwrap();
            let name = below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
            Source::new(&name, &fs::read_to_string(path).unwrap())
        })
        .collect();
    let tests: BTreeSet<Vec<String>> = all
        .iter()
        .flat_map(|source| {
            let modules = test_modules(&source.text);
            modules.into_iter().map(|name| [source.module.clone(), vec![name]].concat()).collect::<Vec<_>>()
        })
        .collect();
    all.into_iter().filter(|source| !tests.iter().any(|test| source.module.starts_with(test))).collect()
}

/// The names of modules that are declared for tests alone and lie in a file of their own.
fn test_modules(text: &str) -> Vec<String> {
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let declared = |pair: &[&str]| {
        let name = pair[1].strip_suffix(';')?.rsplit(' ').next()?;
        (pair[0] == "#[cfg(test)]" && pair[1].contains("mod ")).then(|| name.to_owned())
    };
    lines.windows(2).filter_map(declared).collect()
}

/// Every use of what stands below, every module without a row, every exception that nothing needs.
fn breaches(layers: &[Layer], sources: &[Source]) -> Vec<String> {
    let row = |module: &[String]| {
        let fits = |layer: &Layer| {
            let parts: Vec<_> = layer.module.split("::").collect();
            (module.len() >= parts.len() && parts.iter().zip(module).all(|(a, b)| a == b))
                .then_some(parts.len())
        };
        let rows = layers.iter().enumerate().filter_map(|(index, layer)| Some((fits(layer)?, index)));
        rows.max().map(|(_, index)| index)
    };
    let (mut found, mut needed) = (Vec::new(), BTreeSet::new());
    for source in sources.iter().filter(|source| !source.module.is_empty()) {
        let Some(own) = row(&source.module) else {
            let module = source.module.join("::");
            found.push(format!("{}: the module {module} has no row in ARCHITECTURE.md", source.file));
            continue;
        };
        for (line, path) in paths(source) {
            let Some(used) = row(&path).filter(|used| *used > own) else { continue };
            let (own, used) = (&layers[own], &layers[used].module);
            if own.also.contains(used) {
                needed.insert((own.module.clone(), used.clone()));
                continue;
            }
            let (file, path) = (&source.file, path.join("::"));
            found.push(format!("{file}:{line}: `{}` uses crate::{path} of `{used}`", own.module));
        }
    }
    for layer in layers {
        for also in
            layer.also.iter().filter(|also| !needed.contains(&(layer.module.clone(), (*also).clone())))
        {
            let module = &layer.module;
            found.push(format!(
                "ARCHITECTURE.md: `{module}` no longer uses `{also}`; take it out of the table"
            ));
        }
    }
    found
}

/// Every path of the crate that the code of `source` names, with its line, from the crate's root on.
fn paths(source: &Source) -> Vec<(usize, Vec<String>)> {
    let text = code(&source.text);
    let children: Vec<_> = text.lines().filter_map(declared).collect();
    let mut found = Vec::new();
    for (at, _) in text.match_indices("::") {
        let start = text[..at].rfind(|c: char| !is_word(c)).map_or(0, |end| end + 1);
        // Inside a longer path, which is read from its start.
        if text[..start].ends_with("::") || start == at {
            continue;
        }
        let base = match &text[start..at] {
            "crate" => Vec::new(),
            "self" => source.module.clone(),
            "super" => source.module[..source.module.len() - 1].to_vec(),
            child if children.contains(&child) => [source.module.clone(), vec![child.to_owned()]].concat(),
            _ => continue,
        };
        let line = text[..start].matches('\n').count() + 1;
        let mut ends = Vec::new();
        tree(&text[at + 2..], base, &mut ends);
        found.extend(ends.into_iter().map(|path| (line, path)));
    }
    found
}

/// Reads what stands behind `::`: one path, or a group of them. Returns what is left of `text`.
fn tree<'a>(text: &'a str, mut base: Vec<String>, to: &mut Vec<Vec<String>>) -> &'a str {
    let mut rest = text.trim_start();
    if let Some(mut group) = rest.strip_prefix('{') {
        loop {
            group = group.trim_start().trim_start_matches(',').trim_start();
            if let Some(behind) = group.strip_prefix('}') {
                return behind;
            }
            let before = group.len();
            group = tree(group, base.clone(), to);
            if let Some(renamed) = group.trim_start().strip_prefix("as ") {
                group = renamed.trim_start().trim_start_matches(is_word);
            }
            if group.len() == before {
                return group;
            }
        }
    }
    let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
    let name = &rest[..end];
    rest = &rest[end..];
    match name {
        "" => {
            to.push(base);
            return rest.strip_prefix('*').unwrap_or(rest);
        }
        "self" => {}
        "super" => drop(base.pop()),
        name => base.push(name.to_owned()),
    }
    match rest.strip_prefix("::") {
        Some(behind) => tree(behind, base, to),
        None => {
            to.push(base);
            rest
        }
    }
}

/// The text without comments and without what is compiled for tests alone; lines keep their numbers.
fn code(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    let mut code = String::new();
    let mut index = 0;
    while index < lines.len() {
        let next = lines.get(index + 1).map_or("", |line| line.trim());
        if lines[index].trim() == "#[cfg(test)]" && next.starts_with("mod ") {
            if next.ends_with('{') {
                // Tests stand at the foot of a file.
                break;
            }
            code.push_str("\n\n");
            index += 2;
            continue;
        }
        let line = lines[index];
        code.push_str(line.find("//").map_or(line, |comment| &line[..comment]));
        code.push('\n');
        index += 1;
    }
    code
}

/// The module that a line declares in another file.
fn declared(line: &str) -> Option<&str> {
    let name = line.trim().strip_suffix(';')?;
    let (before, name) = name.rsplit_once("mod ")?;
    (before.is_empty() || before.starts_with("pub")).then_some(name)
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
