//! Lists the tags of a repository: `tags REF`.
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "an example")]

use image_format::{Class, ImageName};
use ociutils_registry::{Client, Environment, Settings};
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(Ok(name)) = std::env::args().nth(1).map(|text| text.parse::<ImageName>()) else {
        return ExitCode::from(2);
    };
    match Client::new(Settings::new(&Environment::from_env())).repository(&name).tags() {
        Ok(tags) => {
            for tag in tags {
                println!("{tag}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("tags: {error}");
            ExitCode::from(match error.class() {
                Class::NotFound => 3,
                Class::NotAuthorised => 4,
                Class::Unavailable => 5,
                Class::Integrity => 6,
                _ => 1,
            })
        }
    }
}
