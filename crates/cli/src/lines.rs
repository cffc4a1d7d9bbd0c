//! Images from standard input, one a record: lines, or with `-0` what ends with NUL.

use crate::error::Error;
use crate::operand::Operand;
use crate::stdin::Stdin;
use image_format::Failure;
use std::io::{BufRead, BufReader, Read};

/// A record longer than this is no line of ours.
const LONGEST: u64 = 1 << 20;

/// How many letters of a wrong line an error shows.
const SHOWN: usize = 60;

/// Standard input as images.
#[derive(Debug)]
pub(crate) struct Lines {
    reader: BufReader<Stdin>,
    /// Nobody wrote `-`: then each line must say exactly what it means.
    granted: bool,
    null: bool,
    number: u64,
    found: bool,
    if_any: bool,
    tool: String,
}

impl Lines {
    pub(crate) fn new(stdin: Stdin, tool: &str, granted: bool, null: bool, if_any: bool) -> Lines {
        let reader = BufReader::with_capacity(64 << 10, stdin);
        Lines { reader, granted, null, number: 0, found: false, if_any, tool: tool.to_owned() }
    }

    /// The next image; `None` at the end.
    ///
    /// # Errors
    /// A line that is no image, or not pinned where it has to be; no image at all. Each ends the tool.
    pub(crate) fn try_next(&mut self) -> Result<Option<Operand>, Error> {
        loop {
            let awaited = self.reader.buffer().is_empty();
            let Some(line) = self.record()? else { break };
            let line = if self.null { &line[..] } else { line.trim_ascii() };
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            if line.starts_with(b"[") {
                let error = Error::usage("a JSON array; expected an object a line");
                return Err(self.wrong(line, error).with_hint("jq -c '.[]' prints one a line"));
            }
            let mut operand = Operand::parse_line(line).map_err(|error| self.wrong(line, error))?;
            if self.granted && !line.starts_with(b"{") && !operand.is_pinned() {
                return Err(self.unpinned(line));
            }
            if let Operand::Local(local) = &mut operand {
                local.awaited = awaited && self.reader.get_ref().waited;
            }
            self.found = true;
            return Ok(Some(operand));
        }
        if self.found || self.if_any {
            return Ok(None);
        }
        Err(Error::not_found("no image on standard input; did the command before the pipe fail?"))
    }

    fn record(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let end = if self.null { 0 } else { b'\n' };
        let mut line = Vec::new();
        self.reader.by_ref().take(LONGEST).read_until(end, &mut line).map_err(Failure::from)?;
        self.number += 1;
        if line.len() as u64 == LONGEST {
            return Err(self.wrong(&line, Error::usage("longer than 1 MiB; expected an image")));
        }
        if line.last() == Some(&end) {
            line.pop();
        } else if line.is_empty() {
            return Ok(None);
        }
        Ok(Some(line))
    }

    fn wrong(&self, line: &[u8], error: Error) -> Error {
        let (place, shown) = (self.place(), shown(line));
        let text = error.to_string();
        // most errors name what they are about
        if text.contains(&*String::from_utf8_lossy(line)) {
            error.at(place)
        } else {
            error.at(shown).at(place)
        }
    }

    fn unpinned(&self, line: &[u8]) -> Error {
        let problem =
            format!("{}: {}: not pinned; expected NAME@DIGEST, or write -", self.place(), shown(line));
        Error::usage(problem).with_hint(format_args!("to read names from standard input: {} -", self.tool))
    }

    fn place(&self) -> String {
        format!("standard input, {} {}", if self.null { "record" } else { "line" }, self.number)
    }
}

fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let cut: String = text.chars().take(SHOWN).collect();
    if cut.len() < text.len() { format!("{cut:?}…") } else { format!("{cut:?}") }
}
