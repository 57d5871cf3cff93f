//! Whether the files of this branch go behind those of a base branch, as continuous integration wants to know before a merge. Asks
//! git, and no database.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use serde::Serialize;

use super::verify::Finding;
use super::{Deployment, files};
use crate::error::{Error, ErrorKind};
use crate::migration::plan::clashes;
use crate::migration::set::MigrationSet;
use crate::migration::source::Source;
use crate::migration::{Kind, Migration, RevisionId};

/// What was compared and found.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// The base, as it was named.
    pub base: String,
    /// Its commit.
    pub commit: String,
    /// The commit in which this branch left it.
    pub fork: String,
    /// How many migrations the base has.
    pub files: usize,
    /// The migrations that this branch adds.
    pub added: Vec<RevisionId>,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Comparison {
    /// Returns whether nothing stands in the way.
    pub fn holds(&self) -> bool {
        !self.findings.iter().any(|finding| finding.problem)
    }
}

/// Why git could not be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// There is no git.
    #[error("git cannot be run: {error}")]
    NoGit {
        /// Why not.
        error: std::io::Error,
    },
    /// The directory is in no repository.
    #[error("{} is in no git repository", directory.display())]
    NoRepository {
        /// The directory.
        directory: PathBuf,
    },
    /// There is no such commit.
    #[error("git knows no commit {name:?}")]
    NoCommit {
        /// How it was named.
        name: String,
    },
    /// The two have no commit in common, as in a clone that was cut off.
    #[error("{name} and this branch have no commit in common")]
    NoFork {
        /// The base.
        name: String,
    },
    /// Git failed.
    #[error("git {command} failed: {said}")]
    Failed {
        /// What it was asked.
        command: String,
        /// What it said.
        said: String,
    },
}

impl GitError {
    fn said(command: &str, said: &str) -> Self {
        let said = said.lines().next().unwrap_or("it said nothing").to_owned();
        Self::Failed { command: command.to_owned(), said }
    }

    pub(crate) fn code(&self) -> &'static str {
        match self {
            GitError::NoGit { .. } => "no-git",
            GitError::NoRepository { .. } => "no-repository",
            GitError::NoCommit { .. } => "unknown-commit",
            GitError::NoFork { .. } => "no-fork",
            GitError::Failed { .. } => "git",
        }
    }
}

/// Compares the files as they are here with those of `base`, a branch, tag or commit.
///
/// # Errors
/// Git, or a base that it does not know; a file of either side that is no migration.
pub fn against(deployment: &Deployment<'_>, base: &str) -> Result<Comparison, Error> {
    let Source::Directory(directory) = &deployment.source else {
        let message = "migrations that are part of the program are in no git repository".to_owned();
        return Err(ErrorKind::Usage { message }.into());
    };
    let ours = files(deployment)?;
    let git = Git::of(directory)?;
    let commit = git.commit(base)?;
    let fork = git.fork(&commit, base)?;
    let options = deployment.read_options()?;
    let read = |commit: &str| -> Result<Vec<Migration>, Error> {
        Ok(Source::Texts(git.files(commit, base)?).read(&options)?)
    };
    let theirs = read(&commit)?;
    let before = if fork == commit { theirs.clone() } else { read(&fork)? };

    let sides = Sides { ours: &ours, theirs: by_id(&theirs), before: by_id(&before) };
    let mut findings = Vec::new();
    sides.changed(base, &mut findings);
    let added: Vec<&Migration> = ours
        .iter()
        .filter(|it| it.code.is_none() && !sides.before.contains_key(&it.id) && !sides.has_same(it))
        .collect();
    let taken = sides.taken(&added, base, &mut findings);
    if !taken {
        sides.order(deployment, &theirs, &added, base, &mut findings)?;
    }
    Ok(Comparison {
        base: base.to_owned(),
        commit,
        fork,
        files: theirs.len(),
        added: added.iter().map(|it| it.id.clone()).collect(),
        findings,
    })
}

fn by_id(all: &[Migration]) -> BTreeMap<RevisionId, Migration> {
    all.iter().map(|it| (it.id.clone(), it.clone())).collect()
}

fn finding(code: &'static str, problem: bool, migration: Option<&Migration>, message: String) -> Finding {
    Finding {
        code,
        problem,
        version: migration.map(|it| it.id.clone()),
        file: migration.map(|it| it.file.name.clone()),
        message,
        direction: None,
        stuck: false,
    }
}

/// The files here, those of the base, and those where the two parted.
struct Sides<'a> {
    ours: &'a MigrationSet,
    theirs: BTreeMap<RevisionId, Migration>,
    before: BTreeMap<RevisionId, Migration>,
}

impl Sides<'_> {
    /// Whether the base has this very migration, which both sides brought.
    fn has_same(&self, migration: &Migration) -> bool {
        self.theirs.get(&migration.id).is_some_and(|theirs| theirs.checksum() == migration.checksum())
    }

    /// What this branch did to files that the base has.
    fn changed(&self, base: &str, findings: &mut Vec<Finding>) {
        for (id, theirs) in &self.theirs {
            let Some(before) = self.before.get(id) else { continue };
            // What stood there before a squash under the same id.
            let same = |edition: &&Migration| edition.checksum() == theirs.checksum();
            let ours = self.ours.editions(id).into_iter().find(same).or_else(|| self.ours.get(id));
            match ours {
                // Those that run again may change at any time.
                _ if theirs.kind != Kind::Versioned => {}
                // A squash under the id of the first that it replaces, whose old file was thrown away.
                Some(ours) if ours.replaces_itself() && ours.headers.replaces != theirs.headers.replaces => {}
                Some(ours)
                    if ours.checksum() != before.checksum() && ours.checksum() != theirs.checksum() =>
                {
                    let (was, now) = (theirs.checksum().short(), ours.checksum().short());
                    let message = format!("the SQL is not that of {base}: {was} is there, {now} is here");
                    findings.push(finding("changed", true, Some(ours), message));
                }
                Some(ours) if ours.file_hash != before.file_hash && ours.file_hash != theirs.file_hash => {
                    let message = format!(
                        "comments, layout, headers or the rollback section are not those of {base}; the SQL is"
                    );
                    findings.push(finding("reformatted", false, Some(ours), message));
                }
                Some(_) => {}
                // A squash counts as what it replaces.
                None if self.ours.graph().replaced_by(id).is_some() => {}
                None => {
                    let renamed = self.ours.versioned().find(|ours| {
                        ours.up.statements > 0
                            && ours.checksum() == before.checksum()
                            && !self.before.contains_key(&ours.id)
                    });
                    findings.push(match renamed {
                        Some(ours) => {
                            let message = format!("{base} has it as {id}, in {}", theirs.file.name);
                            finding("renamed", true, Some(ours), message)
                        }
                        None => {
                            let message = format!("{base} has it, and no file here has that id");
                            finding("deleted", true, Some(theirs), message)
                        }
                    });
                }
            }
        }
    }

    /// Which numbers both sides took. Returns whether there are some.
    fn taken(&self, added: &[&Migration], base: &str, findings: &mut Vec<Finding>) -> bool {
        let mut any = false;
        for ours in added {
            let twin = self.theirs.values().find(|theirs| {
                theirs.kind == ours.kind
                    && theirs.id.version_cmp(&ours.id).is_eq()
                    && !self.before.contains_key(&theirs.id)
            });
            if let Some(theirs) = twin {
                any = true;
                let message = format!("{base} has taken that number since, for {}", theirs.file.name);
                findings.push(finding("duplicate-id", true, Some(ours), message));
            }
        }
        any
    }

    /// Where the files of this branch come to stand when it is merged.
    fn order(
        &self,
        deployment: &Deployment<'_>,
        theirs: &[Migration],
        added: &[&Migration],
        base: &str,
        findings: &mut Vec<Finding>,
    ) -> Result<(), Error> {
        // What this branch took away is gone, what the base brought is there.
        let brought =
            theirs.iter().filter(|it| !self.before.contains_key(&it.id) && self.ours.get(&it.id).is_none());
        let together: Vec<Migration> = self.ours.iter().chain(brought).cloned().collect();
        let joined = match MigrationSet::new(together) {
            Ok(joined) => joined,
            Err(error) => {
                findings.push(finding("graph", true, None, format!("with the files of {base}: {error}")));
                return Ok(());
            }
        };
        let graph = joined.graph();
        let new: Vec<RevisionId> =
            added.iter().filter(|it| it.kind == Kind::Versioned).map(|it| it.id.clone()).collect();
        let there: BTreeSet<RevisionId> =
            self.theirs.values().filter(|it| it.kind == Kind::Versioned).map(|it| it.id.clone()).collect();
        for id in graph.late(&new, &there) {
            let newest = graph.order().iter().rfind(|above| there.contains(*above));
            let newest = newest.map_or("", RevisionId::as_str);
            let message =
                format!("it sorts before {newest}, which {base} has and its databases may have applied");
            findings.push(finding("late", true, joined.get(&id), message));
        }
        let heads: Vec<RevisionId> = graph.heads().into_iter().cloned().collect();
        let base_heads = MigrationSet::new(theirs.to_vec()).map_or(1, |set| set.graph().heads().len().max(1));
        if heads.len() > 1 && (heads.len() > base_heads || heads.iter().any(|head| new.contains(head))) {
            let names = heads.iter().map(RevisionId::as_str).collect::<Vec<_>>().join(", ");
            let clashes = clashes(&joined, deployment.dialect()?, &heads);
            let grown = heads.len() > base_heads;
            findings.push(match clashes.first() {
                Some(clash) => finding("heads", grown, None, format!("there will be several heads: {names}; {clash}")),
                None => {
                    let message = format!("there will be several heads: {names}; they touch different objects, so no merge is needed");
                    finding("heads", false, None, message)
                }
            });
        }
        Ok(())
    }
}

/// Git, in the repository of a directory.
struct Git {
    directory: PathBuf,
    /// The directory's path below the repository, with `/` at its end.
    prefix: String,
}

impl Git {
    fn of(directory: &Path) -> Result<Self, Error> {
        let mut git = Self { directory: directory.to_owned(), prefix: String::new() };
        let output = git.run(&["rev-parse", "--show-prefix"], None)?;
        if !output.status.success() {
            let said = text(&output.stderr);
            return Err(ErrorKind::Git(if said.contains("not a git repository") {
                GitError::NoRepository { directory: directory.to_owned() }
            } else {
                // Such as a checkout that belongs to somebody else.
                GitError::said("rev-parse", &said)
            })
            .into());
        }
        git.prefix = text(&output.stdout).trim_end_matches(['\n', '\r']).to_owned();
        Ok(git)
    }

    fn run(&self, arguments: &[&str], input: Option<&str>) -> Result<Output, Error> {
        let mut command = Command::new("git");
        command
            .arg("-C")
            .arg(&self.directory)
            .args(arguments)
            .env("LC_ALL", "C")
            .env("GIT_OPTIONAL_LOCKS", "0");
        // In a hook, git says by these where the repository is, as seen from elsewhere.
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
            command.env_remove(name);
        }
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let no_git = |error| ErrorKind::Git(GitError::NoGit { error });
        let mut child = command.spawn().map_err(no_git)?;
        let mut stdin = child.stdin.take();
        // It answers while it is asked, and both are longer than a pipe.
        std::thread::scope(|scope| {
            if let (Some(mut stdin), Some(input)) = (stdin.take(), input) {
                scope.spawn(move || stdin.write_all(input.as_bytes()).ok());
            }
            child.wait_with_output()
        })
        .map_err(|error| no_git(error).into())
    }

    fn ask(&self, arguments: &[&str], input: Option<&str>) -> Result<Vec<u8>, Error> {
        let output = self.run(arguments, input)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let command = arguments.first().copied().unwrap_or_default().to_owned();
        Err(ErrorKind::Git(GitError::said(&command, &text(&output.stderr))).into())
    }

    /// The commit that `name` means.
    fn commit(&self, name: &str) -> Result<String, Error> {
        let unknown = || ErrorKind::Git(GitError::NoCommit { name: name.to_owned() });
        // What begins with a dash would be an option.
        if name.is_empty() || name.starts_with('-') {
            return Err(unknown().into());
        }
        let output = self.run(&["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")], None)?;
        let commit = text(&output.stdout).trim().to_owned();
        if output.status.success() && !commit.is_empty() { Ok(commit) } else { Err(unknown().into()) }
    }

    /// The commit in which the branch that is checked out left `commit`.
    fn fork(&self, commit: &str, name: &str) -> Result<String, Error> {
        let output = self.run(&["merge-base", commit, "HEAD"], None)?;
        let fork = text(&output.stdout).trim().to_owned();
        if output.status.success() && !fork.is_empty() {
            return Ok(fork);
        }
        Err(ErrorKind::Git(GitError::NoFork { name: name.to_owned() }).into())
    }

    /// The files of the directory in `commit`, by their paths as git shows them: `main:migrations/0001_x.sql`.
    fn files(&self, commit: &str, label: &str) -> Result<Vec<(String, Arc<str>)>, Error> {
        let listed = self.ask(
            &["ls-tree", "-r", "-z", "--full-tree", commit, "--", self.prefix.as_str()]
                .map(|it| if it.is_empty() { "." } else { it }),
            None,
        )?;
        let mut found = Vec::new();
        for entry in listed.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
            // `100644 blob <sum>\t<path>`.
            let entry = text(entry);
            let Some((what, path)) = entry.split_once('\t') else { continue };
            let mut words = what.split(' ');
            let (mode, kind, sum) = (words.next(), words.next(), words.next().unwrap_or_default());
            let below = path.strip_prefix(&self.prefix).unwrap_or(path);
            let hidden = below.split('/').any(|part| part.starts_with('.'));
            let lower = below.to_ascii_lowercase();
            let is_read = lower.ends_with(".sql") || lower.rsplit('/').next() == Some("metadata.toml");
            if kind == Some("blob") && mode != Some("120000") && is_read && !hidden {
                found.push((format!("{label}:{path}"), sum.to_owned()));
            }
        }
        found.sort();
        let sums: String = found.iter().map(|(_, sum)| format!("{sum}\n")).collect();
        let blobs = self.ask(&["cat-file", "--batch"], Some(&sums))?;
        let mut rest = blobs.as_slice();
        let mut files = Vec::with_capacity(found.len());
        for (name, _) in found {
            // `<sum> blob <length>\n<bytes>\n`.
            let cut = || {
                ErrorKind::Git(GitError::Failed {
                    command: "cat-file".to_owned(),
                    said: "its answer ends too early".to_owned(),
                })
            };
            let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(cut)?;
            let length: usize =
                text(&rest[..end]).rsplit(' ').next().and_then(|it| it.parse().ok()).ok_or_else(cut)?;
            let bytes = rest.get(end + 1..end + 1 + length).ok_or_else(cut)?;
            files.push((name, Arc::from(text(bytes))));
            rest = rest.get(end + length + 2..).unwrap_or_default();
        }
        Ok(files)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
