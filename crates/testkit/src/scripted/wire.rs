//! Messages of PostgreSQL's protocol (<https://www.postgresql.org/docs/current/protocol-message-formats.html>).

use std::io::{self, Read, Write};

/// One message: its letter, and what follows its length.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) kind: u8,
    pub(super) body: Vec<u8>,
}

impl Message {
    pub(super) fn new(kind: u8, body: Vec<u8>) -> Self {
        Self { kind, body }
    }

    pub(super) fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut kind = [0];
        from.read_exact(&mut kind)?;
        Ok(Self { kind: kind[0], body: rest(from)? })
    }

    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let mut bytes = vec![self.kind];
        bytes.extend(length(&self.body));
        bytes.extend(&self.body);
        to.write_all(&bytes)
    }

    /// A simple query.
    pub(super) fn query(sql: &str) -> Self {
        Self::new(b'Q', terminated(sql))
    }

    /// The text of a simple query.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(self.body.strip_suffix(&[0]).unwrap_or(&self.body)).into_owned()
    }

    pub(super) fn parameter(name: &str, value: &str) -> Self {
        Self::new(b'S', [terminated(name), terminated(value)].concat())
    }

    pub(super) fn complete(tag: &str) -> Self {
        Self::new(b'C', terminated(tag))
    }

    pub(super) fn ready(state: u8) -> Self {
        Self::new(b'Z', vec![state])
    }

    /// A row of one text, with its description before it.
    pub(super) fn row(name: &str, value: &str) -> [Self; 2] {
        let mut description = vec![0, 1];
        description.extend(terminated(name));
        // No table, no column; the type text, of any length; as text.
        description.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]);
        let mut row = vec![0, 1];
        row.extend(u32::try_from(value.len()).expect("it is short").to_be_bytes());
        row.extend(value.as_bytes());
        [Self::new(b'T', description), Self::new(b'D', row)]
    }

    pub(super) fn error(code: &str, message: &str, hint: Option<&str>) -> Self {
        let mut body = Vec::new();
        let fields = [(b'S', "ERROR"), (b'V', "ERROR"), (b'C', code), (b'M', message)];
        for (field, text) in fields.into_iter().chain(hint.map(|hint| (b'H', hint))) {
            body.push(field);
            body.extend(terminated(text));
        }
        body.push(0);
        Self::new(b'E', body)
    }

    /// The message without the place in the text, which CockroachDB does not tell.
    pub(super) fn without_place(mut self) -> Self {
        if self.kind == b'E' {
            let fields: Vec<_> =
                self.body.split(|byte| *byte == 0).filter(|field| !field.is_empty()).collect();
            let mut body = Vec::new();
            for field in fields.into_iter().filter(|field| !b"PpqW".contains(&field[0])) {
                body.extend(field);
                body.push(0);
            }
            body.push(0);
            self.body = body;
        }
        self
    }
}

/// What a client sends before it has a session: no letter.
pub(super) fn opening(from: &mut impl Read) -> io::Result<Vec<u8>> {
    rest(from)
}

pub(super) fn write_opening(to: &mut impl Write, body: &[u8]) -> io::Result<()> {
    to.write_all(&[length(body).to_vec(), body.to_vec()].concat())
}

fn rest(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(0).saturating_sub(4);
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(body)
}

fn length(body: &[u8]) -> [u8; 4] {
    u32::try_from(body.len() + 4).expect("it is no giant").to_be_bytes()
}

fn terminated(text: &str) -> Vec<u8> {
    [text.as_bytes(), &[0]].concat()
}
