//! What single bytes can be, as tables.

/// UTF-8's byte order mark.
pub(crate) const BOM: &[u8] = b"\xEF\xBB\xBF";
/// What a byte can begin. One table for all dialects: the rare classes ask for the dialect.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Symbol,
    Space,
    /// A letter that may also be the prefix of a string.
    Prefix,
    Letter,
    Digit,
    Quote,
    Dash,
    Slash,
    Dollar,
    Hash,
    Bracket,
    Variable,
}

pub(super) const CLASS: [Class; 256] = {
    let mut table = [Class::Symbol; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = match i as u8 {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0B | 0x0C => Class::Space,
            b'e' | b'E' | b'x' | b'X' | b'b' | b'B' | b'n' | b'N' | b'u' | b'U' => Class::Prefix,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80..=0xFF => Class::Letter,
            b'0'..=b'9' => Class::Digit,
            b'\'' | b'"' | b'`' => Class::Quote,
            b'-' => Class::Dash,
            b'/' => Class::Slash,
            b'$' => Class::Dollar,
            b'#' => Class::Hash,
            b'[' => Class::Bracket,
            b':' | b'@' | b'?' => Class::Variable,
            _ => Class::Symbol,
        };
        i += 1;
    }
    table
};

/// What may go on a name. `$` may in all four dialects.
pub(crate) const NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = matches!(i as u8, b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' | b'0'..=b'9' | 0x80..=0xFF);
        i += 1;
    }
    table
};

/// White space of all dialects.
pub(crate) fn is_space(byte: u8) -> bool {
    CLASS[usize::from(byte)] == Class::Space
}
