//! Headers: comment lines before the first statement. Only these names mean something; a near miss of one is an error, since
//! a header that silently does nothing is worse than none.

use std::time::Duration;

use serde::Serialize;

use super::error::SourceProblem;
use crate::project::parse_duration;

/// Everything that the headers of a file say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Headers {
    /// `-- revision: ID`.
    pub revision: Option<String>,
    /// `-- down_revision: …`: absent, none, or the parents.
    pub down_revision: Option<Vec<String>>,
    /// `-- depends_on: [..]`.
    pub depends_on: Vec<String>,
    /// `-- branch: NAME`.
    pub branch: Option<String>,
    /// `-- seed`.
    pub seed: bool,
    /// `-- tags: a, b`.
    pub tags: Vec<String>,
    /// `-- environments: dev, staging`.
    pub environments: Vec<String>,
    /// `-- replaces: [..]`.
    pub replaces: Vec<String>,
    /// `-- no-transaction`.
    pub no_transaction: bool,
    /// `-- lock_timeout: 5s`.
    pub lock_timeout: Option<Duration>,
    /// `-- statement_timeout: 15min`.
    pub statement_timeout: Option<Duration>,
    /// `-- retries: 10`.
    pub retries: Option<u32>,
    /// `-- irreversible`.
    pub irreversible: bool,
    /// `-- breaking: TEXT`.
    pub breaking: Option<String>,
    /// `-- created: DATE`.
    pub created: Option<String>,
    /// `-- phase: expand` or `contract`.
    pub phase: Option<Phase>,
}

/// The phase of a change without downtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Adds what the new release needs.
    Expand,
    /// Takes away what the old release needed.
    Contract,
}

/// Headers with a value.
const VALUED: &[&str] = &[
    "revision",
    "down_revision",
    "depends_on",
    "branch",
    "tags",
    "environments",
    "replaces",
    "lock_timeout",
    "statement_timeout",
    "retries",
    "breaking",
    "created",
    "phase",
];

/// Headers without one.
const FLAGS: &[&str] = &["seed", "no-transaction", "irreversible"];

/// Names of directives, which are no near misses of headers.
const DIRECTIVES: &[&str] = &["unless", "only-if", "batch", "dbwarden"];

/// Reads headers, comment by comment.
#[derive(Debug, Default)]
pub(super) struct HeaderReader {
    headers: Headers,
    seen: Vec<&'static str>,
    /// The file's name says that it runs once: words that ask for something else are a mistake, and not a remark.
    once: bool,
}

impl HeaderReader {
    /// The reader for a file of the migration called `name`, which runs outside a transaction already.
    pub(super) fn of(name: &str, no_transaction: bool) -> Self {
        let once = !["RA__", "ROC__"].iter().any(|prefix| name.contains(prefix));
        Self { once, headers: Headers { no_transaction, ..Headers::default() }, ..Self::default() }
    }

    /// Whether `-- no-transaction` was seen.
    pub(super) fn no_transaction(&self) -> bool {
        self.headers.no_transaction
    }

    pub(super) fn finish(self) -> Headers {
        self.headers
    }

    /// Returns the headers of a down file: how it is run it may say itself; all else is said of the `whole` migration.
    pub(super) fn finish_down(self, whole: &Headers) -> Headers {
        let own = self.headers;
        Headers {
            no_transaction: own.no_transaction,
            lock_timeout: own.lock_timeout.or(whole.lock_timeout),
            statement_timeout: own.statement_timeout.or(whole.statement_timeout),
            retries: own.retries.or(whole.retries),
            irreversible: own.irreversible || whole.irreversible,
            ..whole.clone()
        }
    }

    /// Returns the newest header, where it says something else of the migration than its up file's headers, `whole`.
    pub(super) fn disagrees(&self, whole: &Headers) -> Option<&'static str> {
        let (own, header) = (&self.headers, *self.seen.last()?);
        let agrees = match header {
            "revision" => own.revision == whole.revision,
            "down_revision" => own.down_revision == whole.down_revision,
            "depends_on" => own.depends_on == whole.depends_on,
            "branch" => own.branch == whole.branch,
            "seed" => own.seed == whole.seed,
            "tags" => own.tags == whole.tags,
            "environments" => own.environments == whole.environments,
            "replaces" => own.replaces == whole.replaces,
            "breaking" => own.breaking == whole.breaking,
            "phase" => own.phase == whole.phase,
            // How a script is run, and when a file was written, is that file's own.
            _ => true,
        };
        (!agrees).then_some(header)
    }

    /// Takes one line comment, with its dashes.
    pub(super) fn comment(&mut self, comment: &str) -> Result<(), SourceProblem> {
        let text = comment.trim_start_matches('-').trim();
        if let Some((name, value)) = text.split_once(':') {
            let (name, value) = (name.trim(), value.trim());
            if let Some(prefix) = kind_of_name(name).filter(|_| self.once) {
                return Err(SourceProblem::KindByName { found: text.to_owned(), prefix });
            }
            if !is_name(name) {
                // `-- depends on: 0099`: two words that are a header with a space in it.
                return match spaced(name) {
                    Some(known) => Err(SourceProblem::NearMiss { found: name.to_owned(), known }),
                    None => Ok(()),
                };
            }
            let plain = plain(name);
            if let Some(header) = VALUED.iter().find(|header| self::plain(header) == plain) {
                self.once(header)?;
                return self.value(header, value);
            }
            if let Some(header) = FLAGS.iter().find(|header| self::plain(header) == plain) {
                let value = value.to_owned();
                return Err(SourceProblem::HeaderValue { header, value, expected: "no value" });
            }
            if DIRECTIVES.iter().any(|directive| self::plain(directive) == plain) {
                return Ok(());
            }
            // What takes no value is no near miss of a name with a sentence behind it: `-- Speed: how fast it turns`.
            let flags = FLAGS.iter().filter(|_| !value.contains(char::is_whitespace));
            let near = nearest(&plain, VALUED.iter().chain(flags));
            return match near {
                Some(known) => Err(SourceProblem::NearMiss { found: name.to_owned(), known }),
                None => Ok(()),
            };
        }
        if let Some(prefix) = kind_of_name(text).filter(|_| self.once) {
            return Err(SourceProblem::KindByName { found: text.to_owned(), prefix });
        }
        let Some(word) = text.split_whitespace().next() else { return Ok(()) };
        let plain_word = plain(word);
        if let Some(known) = spaced(text).filter(|known| FLAGS.contains(known)) {
            return Err(SourceProblem::NearMiss { found: text.to_owned(), known });
        }
        if word.len() < text.len() && plain_word == "no_transaction" {
            let (header, value) = ("no-transaction", text[word.len()..].trim().to_owned());
            return Err(SourceProblem::HeaderValue { header, value, expected: "no value" });
        }
        if word.len() == text.len() && is_name(word) {
            if let Some(header) = FLAGS.iter().find(|header| plain(header) == plain_word) {
                self.once(header)?;
                self.flag(header);
                return Ok(());
            }
            if let Some(known) = nearest(&plain_word, FLAGS.iter()) {
                return Err(SourceProblem::NearMiss { found: word.to_owned(), known });
            }
        }
        // `-- depends_on ["0001"]`: only names that are no English words are taken for a header without its colon.
        let compound = VALUED.iter().find(|header| header.contains('_') && plain(header) == plain_word);
        match compound {
            Some(header) => Err(SourceProblem::NoColon { header }),
            // Alone, `tags users` may be the heading of a table's part; behind another header it is meant as one.
            None => match without_colon(text).filter(|_| !self.seen.is_empty() || text.contains('[')) {
                Some(header) => Err(SourceProblem::NoColon { header }),
                None => Ok(()),
            },
        }
    }

    fn once(&mut self, header: &'static str) -> Result<(), SourceProblem> {
        if self.seen.contains(&header) {
            return Err(SourceProblem::HeaderTwice { header });
        }
        self.seen.push(header);
        Ok(())
    }

    fn flag(&mut self, header: &str) {
        match header {
            "seed" => self.headers.seed = true,
            "no-transaction" => self.headers.no_transaction = true,
            _ => self.headers.irreversible = true,
        }
    }

    fn value(&mut self, header: &'static str, value: &str) -> Result<(), SourceProblem> {
        let wrong = |expected| SourceProblem::HeaderValue { header, value: value.to_owned(), expected };
        let headers = &mut self.headers;
        let word =
            || Some(unquoted(value)).filter(|word| !word.is_empty() && !word.contains(char::is_whitespace));
        let items = |expected| list(value).filter(|list| !list.is_empty()).ok_or_else(|| wrong(expected));
        let time = || parse_duration(value).map_err(|_| wrong("a time such as 500ms, 5s or 15min"));
        match header {
            "revision" => headers.revision = Some(word().ok_or_else(|| wrong("one id"))?.to_owned()),
            "down_revision" => {
                let none = value.eq_ignore_ascii_case("none") || value.eq_ignore_ascii_case("base");
                headers.down_revision = Some(if none {
                    Vec::new()
                } else {
                    items("an id, a list such as [\"A\", \"B\"], or none")?
                });
            }
            "depends_on" => headers.depends_on = items("a list of ids such as [\"0001\", \"0002\"]")?,
            "replaces" => headers.replaces = items("a list of ids such as [\"0001\", \"0002\"]")?,
            "branch" => headers.branch = Some(word().ok_or_else(|| wrong("one name"))?.to_owned()),
            "tags" => headers.tags = items("names with commas between")?,
            "environments" => headers.environments = items("names with commas between")?,
            "lock_timeout" => headers.lock_timeout = Some(time()?),
            "statement_timeout" => headers.statement_timeout = Some(time()?),
            "retries" => headers.retries = Some(value.parse().map_err(|_| wrong("a whole number"))?),
            "breaking" | "created" if value.is_empty() => return Err(wrong("a text")),
            "breaking" => headers.breaking = Some(value.to_owned()),
            "created" => headers.created = Some(value.to_owned()),
            _ => {
                headers.phase = Some(match value.to_ascii_lowercase().as_str() {
                    "expand" => Phase::Expand,
                    "contract" => Phase::Contract,
                    _ => return Err(wrong("expand or contract")),
                });
            }
        }
        Ok(())
    }
}

/// Returns whether a line comment before the first statement is a header, or would be taken for one.
pub(crate) fn is_header(comment: &str) -> bool {
    let mut reader = HeaderReader::default();
    reader.comment(comment).is_err() || !reader.seen.is_empty()
}

/// The header that a comment behind the first statement is, where it would mean nothing. Words of English need a value that
/// fits, as they begin many a remark; `seed` alone is a remark.
pub(super) fn late(comment: &str) -> Option<&'static str> {
    let text = comment.strip_prefix("--")?.trim();
    if let Some(flag) = ["no-transaction", "irreversible"].into_iter().find(|flag| *flag == text) {
        return Some(flag);
    }
    let (name, value) = text.split_once(':')?;
    let (name, value) = (name.trim_end(), value.trim());
    let header = *VALUED.iter().find(|header| **header == name)?;
    let fits = match header {
        "created" => value.starts_with(|c: char| c.is_ascii_digit()),
        _ => header.contains('_') || HeaderReader::default().value(header, value).is_ok(),
    };
    fits.then_some(header)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// A name in the one spelling in which names are compared.
fn plain(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
}

/// The header that `found` is, but for spaces where it has none.
fn spaced(found: &str) -> Option<&'static str> {
    let joined = plain(&found.split_whitespace().collect::<Vec<_>>().join("_"));
    let known = || VALUED.iter().chain(FLAGS);
    found
        .contains(char::is_whitespace)
        .then(|| known().find(|header| plain(header) == joined).copied())
        .flatten()
}

/// The prefix of the file names whose kind `found` asks for: other tools have a header for that.
fn kind_of_name(found: &str) -> Option<&'static str> {
    let words = plain(&found.split_whitespace().collect::<Vec<_>>().join("_"));
    match words.as_str() {
        "run_on_change" | "runs_on_change" | "runonchange" => Some("ROC__"),
        "run_always" | "runs_always" | "runalways" => Some("RA__"),
        _ => None,
    }
}

/// The header whose colon `text` lacks, where the name is an English word too: what stands behind it must then look like the
/// header's value and not like the rest of a sentence.
fn without_colon(text: &str) -> Option<&'static str> {
    // What `tags table` or `branch names` is about, and no tag of anybody.
    const NOUNS: &[&str] = &[
        "table", "tables", "column", "columns", "index", "indexes", "view", "views", "names", "data", "only",
    ];
    let words: Vec<_> = text.split_whitespace().collect();
    let (first, second) = (*words.first()?, *words.get(1)?);
    let number = |text: &str| text.contains(|c: char| c.is_ascii_digit());
    // `depends on 0001`.
    if let (Some(header), true) = (spaced(&format!("{first} {second}")), words.len() > 2) {
        let value = words[2..].join(" ");
        let items = list(&value).is_some_and(|items| items.iter().all(|item| number(item)));
        return (value.starts_with('[') || items).then_some(header);
    }
    let header = *VALUED.iter().find(|header| **header == first)?;
    let value = words[1..].join(" ");
    let fits = match header {
        "tags" | "environments" | "branch" => {
            list(&value).is_some_and(|items| !items.is_empty() && items.iter().all(|item| is_name(item)))
                && !NOUNS.contains(&value.as_str())
        }
        "revision" => words.len() == 2 && is_name(second) && number(second),
        "retries" => value.parse::<u32>().is_ok(),
        "phase" => ["expand", "contract"].contains(&value.as_str()),
        _ => false,
    };
    fits.then_some(header)
}

/// The known name that `found` is a slip of: one or two keys off, in a word long enough for that to be no accident.
pub(super) fn nearest<'a>(
    found: &str,
    known: impl Iterator<Item = &'a &'static str>,
) -> Option<&'static str> {
    known
        .map(|name| (strsim::damerau_levenshtein(found, &plain(name)), *name))
        .filter(|(distance, name)| {
            let most = if name.len() < 7 { 1 } else { 2 };
            *distance <= most && (found.len() > 3 || *distance == 1 && found.len() == 3)
        })
        .min()
        .map(|(_, name)| name)
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    ['"', '\''].iter().find_map(|&quote| text.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(text)
}

/// `["a", "b"]`, `a, b` or `a`; nothing where brackets do not match or an item is empty.
fn list(text: &str) -> Option<Vec<String>> {
    let text = text.trim();
    let inner = match (text.strip_prefix('['), text.strip_suffix(']')) {
        (Some(_), Some(_)) => text.get(1..text.len() - 1)?,
        (None, None) => text,
        _ => return None,
    };
    if inner.trim().is_empty() {
        return Some(Vec::new());
    }
    inner
        .split(',')
        .map(|item| {
            let item = unquoted(item);
            let plain = !item.is_empty()
                && !item.contains(['"', '\'', '[', ']'])
                && !item.contains(char::is_whitespace);
            plain.then(|| item.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{HeaderReader, SourceProblem};

    #[test]
    fn a_sentence_behind_a_word_like_seed_is_a_remark() {
        let read = |comment: &str| HeaderReader::of("0001_a", false).comment(comment);
        read("-- Speed: arg2 is accepted up to 64").unwrap();
        for comment in ["-- Speed:", "-- seeds: true", "-- irreversibel: yes"] {
            assert!(matches!(read(comment), Err(SourceProblem::NearMiss { .. })), "{comment}");
        }
    }
}
