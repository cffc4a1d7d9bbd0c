//! What a name says about the layers below. image-spec, layer.md, "Whiteouts".

/// What begins the name of a whiteout.
const PREFIX: &[u8] = b".wh.";
/// What begins the names that AUFS keeps for itself; all but one mean nothing to anybody else.
const RESERVED: &[u8] = b".wh..wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// An entry that is no file of the layer, but a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whiteout<'a> {
    /// The file of this name, in the same directory of the layers below, is gone.
    Gone(&'a [u8]),
    /// Nothing that the layers below have in this directory shows.
    Opaque,
    /// What AUFS kept for itself; it means nothing.
    Reserved,
    /// It would remove nothing, `.` or `..`; no honest writer makes it.
    Malformed,
}

impl<'a> Whiteout<'a> {
    /// What `name`, the last part of an entry's path, marks; `None` where it is a file's own name.
    pub fn of(name: &'a [u8]) -> Option<Whiteout<'a>> {
        let gone = name.strip_prefix(PREFIX)?;
        Some(match gone {
            _ if name == OPAQUE => Whiteout::Opaque,
            _ if name.starts_with(RESERVED) => Whiteout::Reserved,
            b"" | b"." | b".." => Whiteout::Malformed,
            gone => Whiteout::Gone(gone),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_told_from_names() {
        for (name, expected) in [
            (&b".wh.a"[..], Some(Whiteout::Gone(b"a"))),
            (b".wh.\xff", Some(Whiteout::Gone(b"\xff"))),
            (b".wh..hidden", Some(Whiteout::Gone(b".hidden"))),
            (b".wh..wh..opq", Some(Whiteout::Opaque)),
            (b".wh..wh.plnk", Some(Whiteout::Reserved)),
            (b".wh..wh.a", Some(Whiteout::Reserved)),
            (b".wh.", Some(Whiteout::Malformed)),
            (b".wh..", Some(Whiteout::Malformed)),
            (b".wh...", Some(Whiteout::Malformed)),
            (b".wh", None),
            (b"a.wh.b", None),
        ] {
            assert_eq!(Whiteout::of(name), expected, "{name:?}");
        }
    }
}
