//! The images that a tool is asked for: its operands, or standard input in their place (docs/contract.md).

use crate::error::Error;
use crate::io::Io;
use crate::lines::Lines;
use crate::operand::Operand;
use crate::stdin;
use image_format::Class;
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};

/// When standard input is read for images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Where `-` is written, or no operand, and it is a pipe, a socket or a regular file.
    WhenPiped,
    /// Only where `-` is written.
    WhenWritten,
}

/// `--if-any`, for every tool that reads images from standard input.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct IfAnyOption {
    /// No image on standard input is no error
    #[arg(long, help_heading = "Input")]
    pub if_any: bool,
}

/// The images in their order, standard input where it was named.
#[derive(Debug)]
pub struct Operands {
    queue: VecDeque<Item>,
}

#[derive(Debug)]
enum Item {
    Operand(Operand),
    Lines(Box<Lines>),
}

impl Operands {
    /// Reads the operands that were written; nothing is read from standard input yet.
    ///
    /// # Errors
    /// One of them is none, `-` stands twice, or there is none and nothing is given on standard input.
    pub fn new(
        io: &mut Io,
        written: &[OsString],
        grant: Grant,
        if_any: IfAnyOption,
    ) -> Result<Operands, Error> {
        if written.is_empty() && grant == Grant::WhenPiped && stdin::is_given() {
            let lines = io.lines(true, if_any.if_any)?;
            return Ok(Operands { queue: [Item::Lines(Box::new(lines))].into() });
        }
        if written.is_empty() {
            let error = Error::usage("no image; expected IMAGE, or - for images on standard input");
            return Err(error.with_hint(format_args!("{} --help shows examples", io.tool())));
        }
        let mut queue = VecDeque::with_capacity(written.len());
        for text in written {
            queue.push_back(if text == OsStr::new("-") {
                Item::Lines(Box::new(io.lines(false, if_any.if_any)?))
            } else {
                Item::Operand(Operand::parse(text)?)
            });
        }
        Ok(Operands { queue })
    }

    /// The next image, as soon as it is there; `None` at the end.
    ///
    /// # Errors
    /// Standard input holds something else: that ends the tool.
    pub fn try_next(&mut self) -> Result<Option<Operand>, Error> {
        loop {
            match self.queue.pop_front() {
                None => return Ok(None),
                Some(Item::Operand(operand)) => return Ok(Some(operand)),
                Some(Item::Lines(mut lines)) => {
                    if let Some(operand) = lines.try_next()? {
                        self.queue.push_front(Item::Lines(lines));
                        return Ok(Some(operand));
                    }
                }
            }
        }
    }

    /// Is none of them to come from standard input?
    pub fn are_written(&self) -> bool {
        self.queue.iter().all(|item| matches!(item, Item::Operand(_)))
    }

    /// All images, once the last of them is there.
    ///
    /// # Errors
    /// Standard input holds something else.
    pub fn read_to_end(mut self) -> Result<Vec<Operand>, Error> {
        let mut all = Vec::new();
        while let Some(operand) = self.try_next()? {
            all.push(operand);
        }
        Ok(all)
    }

    /// Calls `each` with every image as it comes; all are tried, and errors are printed as they come.
    ///
    /// # Errors
    /// The first failure, as one that is printed already; at once where a reader is gone or a signal came.
    pub fn try_each(
        mut self,
        io: &mut Io,
        mut each: impl FnMut(&Operand, &mut Io) -> Result<(), Error>,
    ) -> Result<(), Error> {
        try_while(io, || self.try_next(), &mut |operand, io| each(&operand, io))
    }
}

/// All of `items` are tried, errors are printed as they come.
///
/// # Errors
/// The first failure, as one that is printed already.
pub fn try_all<T>(
    io: &mut Io,
    items: impl IntoIterator<Item = T>,
    mut each: impl FnMut(T, &mut Io) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut items = items.into_iter();
    try_while(io, || Ok(items.next()), &mut each)
}

/// Prints the errors of what has been tried already, and goes on to the end whatever signal comes.
///
/// # Errors
/// The first of them, as one that is printed already.
pub fn tell_all(io: &Io, outcomes: impl IntoIterator<Item = Result<(), Error>>) -> Result<(), Error> {
    let mut first = Ok(());
    for error in outcomes.into_iter().filter_map(Result::err) {
        io.messages().error(&error);
        first = first.and(Err(error.reported()));
    }
    first
}

fn try_while<T>(
    io: &mut Io,
    mut next: impl FnMut() -> Result<Option<T>, Error>,
    each: &mut impl FnMut(T, &mut Io) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut first: Option<Error> = None;
    loop {
        let item = match next() {
            Ok(Some(item)) => item,
            Ok(None) => return first.map_or(Ok(()), Err),
            Err(error) => return Err(keep_first(io, first, error)),
        };
        // what has been done when there is no next one is done
        io.interrupt().check()?;
        if let Err(error) = each(item, io) {
            if error.is_final() {
                return Err(error);
            }
            io.messages().error(&error);
            first.get_or_insert(error.reported());
        }
    }
}

fn keep_first(io: &Io, first: Option<Error>, error: Error) -> Error {
    if error.class() == Class::Interrupted {
        return error;
    }
    match first {
        Some(first) => {
            io.messages().error(&error);
            first
        }
        None => error,
    }
}
