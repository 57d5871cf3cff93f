//! A document taken apart: its fenced blocks, and the markers that only a reader of the source sees.
//!
//! | marker | says |
//! | --- | --- |
//! | `<!-- not run: reason -->` before a fence | this `console` block is not run, and why |
//! | `<!-- exits: 1 -->` before a fence | the last command of the block ends with this code, not with 0 |
//! | `<!-- file: path -->` before a fence | the block is what a reader saves there |
//! | `<!-- fresh -->` | an empty directory from here on |
//! | `<!-- run`, lines, `-->` | commands that nobody is shown; they must succeed |

use std::ops::Range;

/// What a document makes a reader do, in its order.
pub(crate) struct Document {
    /// Its path in the checkout.
    pub(crate) name: String,
    pub(crate) lines: Vec<String>,
    pub(crate) steps: Vec<Step>,
}

pub(crate) struct Step {
    /// Where it begins, counted from 1.
    pub(crate) line: usize,
    pub(crate) what: What,
}

pub(crate) enum What {
    Fresh,
    Run(String),
    Block(Block),
}

/// What stands between two fences.
pub(crate) struct Block {
    pub(crate) language: String,
    pub(crate) text: String,
    pub(crate) markers: Markers,
    /// Empty where the block is no `console` block.
    pub(crate) commands: Vec<Typed>,
}

/// What the lines right before a fence say about it.
#[derive(Default)]
pub(crate) struct Markers {
    pub(crate) not_run: Option<String>,
    pub(crate) file: Option<String>,
    pub(crate) exits: i32,
}

/// A command, and the lines below it.
pub(crate) struct Typed {
    /// Where it stands, counted from 1.
    pub(crate) line: usize,
    pub(crate) command: String,
    /// The lines of the document that show what it prints, counted from 0.
    pub(crate) shown: Range<usize>,
}

impl Document {
    /// Takes `text` apart.
    ///
    /// # Panics
    /// Where a marker is unknown or stands where it means nothing: it would be passed over in silence otherwise.
    pub(crate) fn parse(name: &str, text: &str) -> Self {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut steps = Vec::new();
        let mut pending: Option<Markers> = None;
        let mut at = 0;
        while at < lines.len() {
            let place = format!("{name}:{}", at + 1);
            let line = lines[at].trim_end();
            if let Some(language) = line.strip_prefix("```") {
                let end = closed(&lines, at + 1, "```").unwrap_or_else(|| panic!("{place}: is not closed"));
                let block =
                    Block::new(&place, language, &lines, at + 1..end, pending.take().unwrap_or_default());
                steps.push(Step { line: at + 1, what: What::Block(block) });
                at = end + 1;
                continue;
            }
            if line == "<!-- run" {
                let end = closed(&lines, at + 1, "-->").unwrap_or_else(|| panic!("{place}: is not closed"));
                steps.push(Step { line: at + 1, what: What::Run(lines[at + 1..end].join("\n")) });
                at = end;
            } else if line == "<!-- fresh -->" {
                steps.push(Step { line: at + 1, what: What::Fresh });
            } else if line.contains("<!--") {
                pending.get_or_insert_default().read(&place, line);
                at += 1;
                continue;
            }
            assert!(pending.is_none(), "{place}: the marker before this line belongs right before a fence");
            at += 1;
        }
        assert!(pending.is_none(), "{name}: ends with a marker");
        Self { name: name.to_owned(), lines, steps }
    }

    pub(crate) fn blocks(&self) -> impl Iterator<Item = (usize, &Block)> {
        self.steps.iter().filter_map(|step| match &step.what {
            What::Block(block) => Some((step.line, block)),
            _ => None,
        })
    }
}

fn closed(lines: &[String], from: usize, end: &str) -> Option<usize> {
    (from..lines.len()).find(|&at| lines[at].trim_end() == end)
}

impl Markers {
    fn read(&mut self, place: &str, line: &str) {
        let inside = line.strip_prefix("<!-- ").and_then(|line| line.strip_suffix(" -->"));
        match inside.and_then(|inside| inside.split_once(": ")) {
            Some(("not run", reason)) => self.not_run = Some(reason.to_owned()),
            Some(("file", path)) => self.file = Some(path.to_owned()),
            Some(("exits", code)) => self.exits = code.parse().expect("an exit code is a number"),
            _ => panic!("{place}: no known marker: {line}"),
        }
    }
}

impl Block {
    fn new(place: &str, language: &str, lines: &[String], range: Range<usize>, markers: Markers) -> Self {
        let console = language == "console";
        let mut commands: Vec<Typed> = Vec::new();
        for at in range.clone() {
            let prompt = lines[at].strip_prefix("$ ");
            // It would look like a block that is run, and rot.
            assert!(console || prompt.is_none(), "{place}: a block with commands is marked `console`");
            match (prompt, commands.last_mut()) {
                (Some(command), _) => {
                    commands.push(Typed { line: at + 1, command: command.to_owned(), shown: at + 1..at + 1 });
                }
                (None, Some(typed)) => typed.shown.end = at + 1,
                (None, None) => assert!(!console, "{place}: the block begins with a command"),
            }
        }
        assert!(
            console || (markers.not_run.is_none() && markers.exits == 0),
            "{place}: is no `console` block"
        );
        assert!(!console || markers.file.is_none(), "{place}: commands are no file");
        let text = lines[range].iter().flat_map(|line| [line, "\n"]).collect();
        Self { language: language.to_owned(), text, markers, commands }
    }
}
