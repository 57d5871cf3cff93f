//! The recipes in `deploy/` are what they say: each file can be read, each command in them is one that the program knows, what they
//! copy is there, no secret is written out, and what can run without a cluster or a builder runs here.
//!
//! No tool is downloaded for it: what linters say of these files is for a person who changes them.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests stop at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use regex::Regex;
use rustix::process::{Pid, Signal, kill_process};
use yaml_rust2::{Yaml, YamlLoader};

const PROGRAM: &str = env!("CARGO_BIN_EXE_dbwarden");

/// The directory that holds the README.
fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the package is in crates/")
}

fn read(path: &str) -> String {
    fs::read_to_string(checkout().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All files below `deploy/`, by their paths in the checkout.
fn recipes() -> Vec<String> {
    fn below(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { below(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    below(&checkout().join("deploy"), &mut found);
    let mut names: Vec<_> = found
        .iter()
        .map(|path| path.strip_prefix(checkout()).unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn is_yaml(name: &str) -> bool {
    name.ends_with(".yml") || name.ends_with(".yaml")
}

/// The one document of a YAML file.
fn yaml(name: &str) -> Yaml {
    let mut documents =
        YamlLoader::load_from_str(&read(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(documents.len(), 1, "{name} is one document");
    documents.remove(0)
}

/// Every text in it that is no key.
fn texts<'a>(value: &'a Yaml, found: &mut Vec<&'a str>) {
    match value {
        Yaml::String(text) => found.push(text),
        Yaml::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Yaml::Hash(fields) => fields.values().for_each(|item| texts(item, found)),
        _ => {}
    }
}

/// Every map in it.
fn maps<'a>(value: &'a Yaml, found: &mut Vec<&'a Yaml>) {
    match value {
        Yaml::Array(items) => items.iter().for_each(|item| maps(item, found)),
        Yaml::Hash(fields) => {
            found.push(value);
            fields.values().for_each(|item| maps(item, found));
        }
        _ => {}
    }
}

fn words(value: &Yaml) -> Vec<String> {
    value.as_vec().map_or_else(Vec::new, |items| {
        items.iter().map(|item| item.as_str().expect("an argument is text").to_owned()).collect()
    })
}

/// What follows `dbwarden` in lines of a shell, as words; nothing where it is only named.
fn commands(script: &str) -> Vec<Vec<String>> {
    let command = Regex::new(r"(?m)(?:^|[\s/(])dbwarden[ \t]+([^\n;|&)]+)").unwrap();
    let given = Regex::new(r#"\$\{\w+:\+"?([^"}]*)"?\}"#).unwrap();
    command
        .captures_iter(script)
        .map(|found| {
            // `${TARGET:+--to-version=…}` is there where TARGET is set: then it must be right.
            let text = given.replace_all(&found[1], "$1");
            text.split_whitespace().map(|word| word.trim_matches(['"', '\'']).to_owned()).collect::<Vec<_>>()
        })
        .filter(|words| !words.is_empty())
        .collect()
}

/// The commands of a YAML file: those of its scripts, the arguments of containers that start the program, and hooks.
fn commands_of_yaml(document: &Yaml) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut scripts = Vec::new();
    texts(document, &mut scripts);
    for script in scripts {
        found.extend(commands(script));
    }
    let mut all = Vec::new();
    maps(document, &mut all);
    for map in all {
        let image = map["image"].as_str().unwrap_or_default();
        if image.starts_with("shop-migrate:") && map["command"].is_badvalue() {
            found.push(words(&map["args"]));
        }
        // pre-commit puts them behind the entry, which is among the scripts without them.
        if let Some(entry) = map["entry"].as_str() {
            found.extend(commands(&whole_entry(entry, &map["args"])));
        }
    }
    found
}

fn whole_entry(entry: &str, args: &Yaml) -> String {
    let mut line = entry.to_owned();
    for word in words(args) {
        line.push(' ');
        line.push_str(&word);
    }
    line
}

fn execution() -> Vec<String> {
    let unit = read("deploy/systemd/dbwarden-migrate.service");
    let mut lines = unit.lines().filter_map(|line| line.strip_prefix("ExecStart="));
    let line = lines.next().expect("the unit starts something");
    assert_eq!(lines.next(), None, "the unit starts one thing");
    let mut words = line.split_whitespace().map(str::to_owned);
    let program = words.next().unwrap();
    assert!(
        program.starts_with('/') && program.ends_with("/dbwarden"),
        "systemd wants a full path: {program}"
    );
    words.collect()
}

/// Sees that the program takes these words: its help lists their options, and it stumbles over something else than them.
fn takes(place: &str, words: &[String], empty: &Path) {
    let shown = format!("{place}: dbwarden {}", words.join(" "));
    let help = run(Command::new(PROGRAM).args([&words[0], "--help"]).env_clear());
    assert!(help.status.success(), "{shown}: there is no such command");
    let help = String::from_utf8(help.stdout).unwrap();
    for option in words.iter().filter(|word| word.starts_with("--")) {
        let name = option.split('=').next().unwrap();
        let listed = Regex::new(&format!(r"(?m)(^|\s){name}(\s|,|=|$)")).unwrap();
        assert!(listed.is_match(&help), "{shown}: its help does not list {name}");
    }
    let ran = run(Command::new(PROGRAM).args(words).current_dir(empty).env_clear());
    let error = String::from_utf8(ran.stderr).unwrap();
    for name in ["usage", "not-yet"] {
        assert!(!error.starts_with(&format!("error[{name}]")), "{shown}\n{error}");
    }
}

fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

#[test]
fn each_command_is_one_that_the_program_takes() {
    let empty = tempfile::tempdir().unwrap();
    let mut seen = Vec::new();
    for name in recipes() {
        let found = match name.as_str() {
            name if is_yaml(name) => commands_of_yaml(&yaml(name)),
            "deploy/Dockerfile" => vec![exec_form("CMD")],
            "deploy/systemd/dbwarden-migrate.service" => vec![execution()],
            name => panic!("{name}: say here what its commands are"),
        };
        assert!(!found.is_empty(), "{name}: no command is found in it");
        for words in found {
            takes(&name, &words, empty.path());
            seen.push(words.join(" "));
        }
    }
    // That what is looked for is found, in each of the ways in which it is written.
    for command in [
        "migrate --lock-wait 10m --to-version=$TARGET --yes",
        "migrate --lock-wait 10m",
        "status --check --quiet",
        "rollback --url env:CHECK_URL --to-version base",
        "verify --url env:CHECK_URL --against origin/$BASE",
        "verify --against origin/main",
        "migrate --sql --quiet",
        "status",
    ] {
        assert!(
            seen.iter().any(|seen| seen == command),
            "`dbwarden {command}` is not among\n{}",
            seen.join("\n")
        );
    }
}

#[test]
fn a_command_is_found_in_a_script() {
    let found = commands(
        "test -x .dbwarden/bin/dbwarden || cargo install dbwarden-cli\nexec dbwarden status ${A:+--check} || code=$?\n(/bin/dbwarden verify)",
    );
    assert_eq!(found, [vec!["status", "--check"], vec!["verify"]]);
}

#[test]
fn each_recipe_is_in_the_guide() {
    let guide = read("docs/guide/deploying.md");
    let names = recipes();
    assert!(names.len() > 8, "the recipes are not found");
    for name in names {
        let folder = name.rsplit_once('/').unwrap().0;
        let named = |text: &str| guide.contains(&format!("`{text}`"));
        // `deploy/` itself names none of its files.
        assert!(
            named(&name) || (folder != "deploy" && named(&format!("{folder}/"))),
            "{name} is not in docs/guide/deploying.md"
        );
    }
}

#[test]
fn no_address_is_written_out() {
    // What a test server has that ends with its job.
    let harmless = Regex::new("^postgresql://postgres:check@(127.0.0.1|postgres):5432/postgres$").unwrap();
    let mut addresses = 0;
    for name in recipes().into_iter().filter(|name| is_yaml(name)) {
        let document = yaml(&name);
        let mut all = Vec::new();
        maps(&document, &mut all);
        for map in all {
            if let Some(text) = map["DATABASE_URL"].as_str() {
                addresses += 1;
                assert_eq!(text, "${{ secrets.DATABASE_URL }}", "{name}");
            }
            if let Some(text) = map["CHECK_URL"].as_str() {
                addresses += 1;
                assert!(harmless.is_match(text), "{name}: {text}");
            }
            if map["name"].as_str() == Some("DATABASE_URL") {
                addresses += 1;
                let reference = &map["valueFrom"]["secretKeyRef"];
                assert!(map["value"].is_badvalue() && reference["key"].as_str() == Some("url"), "{name}");
            }
        }
    }
    assert!(addresses > 6, "only {addresses} addresses are found");
    // Where it is left out, `rollback` meets the database that the settings name.
    for name in ["deploy/github-actions/check.yml", "deploy/gitlab-ci.yml"] {
        for words in commands_of_yaml(&yaml(name)).iter().filter(|words| words[0] == "rollback") {
            assert!(words.join(" ").contains("--url env:CHECK_URL"), "{name}: {}", words.join(" "));
        }
    }
    let unit = read("deploy/systemd/dbwarden-migrate.service");
    assert!(unit.lines().any(|line| line.starts_with("EnvironmentFile=/")));
    let plain = |line: &&str| !line.starts_with('#') && line.contains("DATABASE_URL");
    assert_eq!(unit.lines().find(plain), None);
}

/// The Dockerfile's instructions, each with what follows it, continued lines as one.
fn instructions() -> Vec<(String, String)> {
    let text = read("deploy/Dockerfile");
    let code: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let joined = code.join("\n").replace("\\\n", " ");
    joined
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let (name, rest) = line.split_once(' ').expect("an instruction has arguments");
            (name.to_owned(), rest.split_whitespace().collect::<Vec<_>>().join(" "))
        })
        .collect()
}

/// The words of the last instruction of that name, which is written as JSON: without a shell.
fn exec_form(instruction: &str) -> Vec<String> {
    let all = instructions();
    let (_, text) = all.iter().rfind(|(name, _)| name == instruction).expect("the instruction is there");
    words(&YamlLoader::load_from_str(text).unwrap()[0])
}

/// What `.dockerignore` lets through, at the top.
fn context() -> Vec<String> {
    let text = read(".dockerignore");
    assert!(text.lines().any(|line| line == "*"), "what is not listed stays out");
    text.lines().filter_map(|line| line.strip_prefix('!')).map(str::to_owned).collect()
}

#[test]
fn the_image_copies_what_is_there() {
    let context = context();
    for name in &context {
        assert!(checkout().join(name).exists(), ".dockerignore lets {name} through, which is not there");
    }
    let top = |path: &str| path.split('/').next().unwrap().to_owned();
    // `COPY . .` is a workspace only with all of its members.
    let members = Regex::new(r"(?m)^members = \[(.*)\]$").unwrap();
    let manifest = read("Cargo.toml");
    let members = members.captures(&manifest).expect("the workspace has members")[1].to_owned();
    for member in members.split(',').map(|member| member.trim().trim_matches('"')) {
        assert!(context.contains(&top(member)), ".dockerignore keeps {member} out");
    }
    assert!(context.contains(&"Cargo.lock".to_owned()), "`--locked` wants the lock file");

    let mut stages: Vec<String> = Vec::new();
    let mut copied = 0;
    for (name, rest) in instructions() {
        match name.as_str() {
            "FROM" => {
                let words: Vec<_> = rest.split(' ').collect();
                assert!(words[0] == "scratch" || words[0].contains(':'), "no version: FROM {rest}");
                stages.push(words.get(2).copied().unwrap_or_default().to_owned());
            }
            "COPY" => {
                let (from, paths): (Vec<_>, Vec<_>) =
                    rest.split(' ').partition(|word| word.starts_with("--from="));
                if let Some(from) = from.first() {
                    let stage = from.trim_start_matches("--from=").to_owned();
                    assert!(stages.contains(&stage), "COPY {rest}: there is no stage {stage}");
                    continue;
                }
                for source in &paths[..paths.len() - 1] {
                    assert!(checkout().join(source).exists(), "COPY {rest}: {source} is not there");
                    assert!(
                        *source == "." || context.contains(&top(source)),
                        "COPY {rest}: .dockerignore keeps it out"
                    );
                    copied += 1;
                }
            }
            "RUN" => {
                if let Some((_, path)) = rest.split_once("--path ") {
                    let package = path.split(' ').next().unwrap();
                    assert!(checkout().join(package).join("Cargo.toml").is_file(), "{package} is no package");
                }
            }
            "ARG" | "ENV" => {
                for word in ["URL", "PASSWORD", "SECRET", "TOKEN", "KEY"] {
                    assert!(!rest.to_uppercase().contains(word), "{name} {rest}: who has the image has it");
                }
            }
            _ => {}
        }
    }
    assert_eq!(copied, 3, "the checkout, and the example's settings and migrations");
    assert_eq!(exec_form("ENTRYPOINT"), ["dbwarden"]);
    let all = instructions();
    let (_, user) = all.iter().rfind(|(name, _)| name == "USER").expect("it does not run as root");
    assert!(user.split(':').all(|id| id.parse::<u32>().is_ok_and(|id| id > 0)), "USER {user}");
}

#[test]
fn the_hooks_are_those_of_the_manifest() {
    // As pre-commit finds it, at the root of a repository.
    assert_eq!(read(".pre-commit-hooks.yaml"), read("deploy/pre-commit/.pre-commit-hooks.yaml"));
    let hooks = |hooks: &Yaml| -> Vec<(String, String)> {
        let list = hooks.as_vec().expect("a list of hooks");
        let text = |hook: &Yaml, key: &str| hook[key].as_str().unwrap_or_default().to_owned();
        list.iter().map(|hook| (text(hook, "id"), whole_entry(&text(hook, "entry"), &hook["args"]))).collect()
    };
    let manifest = hooks(&yaml("deploy/pre-commit/.pre-commit-hooks.yaml"));
    assert_eq!(manifest.len(), 2);
    assert_eq!(hooks(&yaml("deploy/pre-commit/pre-commit-config.yaml")["repos"][0]["hooks"]), manifest);
}

/// The example shop, in a directory of its own, with the program on PATH.
struct Shop {
    root: tempfile::TempDir,
}

impl Shop {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let shop = checkout().join("examples/shop");
        fs::create_dir(root.path().join("migrations")).unwrap();
        fs::copy(shop.join("warden.toml"), root.path().join("warden.toml")).unwrap();
        for entry in fs::read_dir(shop.join("migrations")).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, root.path().join("migrations").join(path.file_name().unwrap())).unwrap();
        }
        fs::create_dir(root.path().join("bin")).unwrap();
        std::os::unix::fs::symlink(PROGRAM, root.path().join("bin/dbwarden")).unwrap();
        Self { root }
    }

    fn command(&self, program: &str) -> Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let here = std::iter::once(self.root.path().join("bin"));
        let mut command = Command::new(program);
        command
            .current_dir(self.root.path())
            .env_clear()
            .env("PATH", std::env::join_paths(here.chain(std::env::split_paths(&path))).unwrap())
            .env("DATABASE_URL", "sqlite:///production.db")
            .env("CHECK_URL", "sqlite:///check.db")
            .stdin(Stdio::null());
        command
    }

    #[track_caller]
    fn succeeds(&self, program: &str, words: &[String]) {
        let ran = run(self.command(program).args(words));
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    }

    fn migration(&self, name: &str, text: &str) {
        fs::write(self.root.path().join("migrations").join(name), text).unwrap();
    }

    fn started(&self, program: &str, words: &[String]) -> Child {
        let mut command = self.command(program);
        command.args(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}

/// Its exit code, -1 where a signal ended it, within half a minute.
#[track_caller]
fn ended(child: &mut Child) -> i32 {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap_or(-1);
        }
        if started.elapsed() > Duration::from_secs(30) {
            child.kill().unwrap();
            panic!("it did not end within half a minute");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The step of the check that runs everything.
#[test]
fn the_check_goes_up_down_and_up() {
    let check = yaml("deploy/github-actions/check.yml");
    let steps = check["jobs"]["check"]["steps"].as_vec().expect("the job has steps");
    let step =
        steps.iter().find(|step| step["name"].as_str() == Some("Up, down, up")).expect("the step is there");
    let script = step["run"].as_str().unwrap().to_owned();
    assert_eq!(script.matches("dbwarden ").count(), 4, "{script}");
    let shop = Shop::new();
    shop.succeeds("sh", &["-e".into(), "-c".into(), script]);
    let there = |name: &str| shop.root.path().join(name).exists();
    assert!(there("check.db") && !there("production.db"), "it is another database than production's");
}

#[test]
fn the_pods_wait_until_the_job_has_migrated() {
    let job = yaml("deploy/kubernetes/job.yaml");
    let migrate = words(&job["spec"]["template"]["spec"]["containers"][0]["args"]);
    let deployment = yaml("deploy/kubernetes/init-container.yaml");
    let wait = &deployment["spec"]["template"]["spec"]["initContainers"][0];
    let wait: Vec<_> = words(&wait["command"]).into_iter().chain(words(&wait["args"])).collect();
    let shop = Shop::new();
    let mut pods = [shop.started(&wait[0], &wait[1..]), shop.started(&wait[0], &wait[1..])];
    std::thread::sleep(Duration::from_secs(1));
    for pod in &mut pods {
        assert!(pod.try_wait().unwrap().is_none(), "it does not wait");
    }
    // A pod that is taken away while it waits ends at once.
    kill_process(Pid::from_child(&pods[1]), Signal::TERM).unwrap();
    assert_eq!(ended(&mut pods[1]), 143);
    shop.succeeds("dbwarden", &migrate);
    assert_eq!(ended(&mut pods[0]), 0);
    // What cannot pass by itself is not waited for.
    fs::write(shop.root.path().join("warden.toml"), "no settings").unwrap();
    assert_eq!(ended(&mut shop.started(&wait[0], &wait[1..])), 2);
}

#[test]
fn the_unit_is_stopped_and_goes_on_at_its_next_start() {
    let words = execution();
    let shop = Shop::new();
    shop.succeeds("dbwarden", &words);
    shop.migration(
        "0019_endless.sql",
        "CREATE TABLE slow AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n;\n",
    );
    let mut unit = shop.started("dbwarden", &words);
    let started = Instant::now();
    loop {
        let status = run(shop.command("dbwarden").arg("lock-status"));
        if String::from_utf8_lossy(&status.stdout).contains("held by") {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "it does not begin");
    }
    // What systemd sends at TimeoutStartSec=.
    kill_process(Pid::from_child(&unit), Signal::TERM).unwrap();
    assert_eq!(ended(&mut unit), 130);
    let status = run(shop.command("dbwarden").arg("lock-status"));
    assert!(String::from_utf8_lossy(&status.stdout).contains("lock free"));
    shop.migration("0019_endless.sql", "CREATE TABLE quick (id INTEGER);\n");
    shop.succeeds("dbwarden", &words);
}
