//! The ports of EXPOSE.

use super::Parsed;
use super::word::{Piece, Word};

/// A variable may hold anything; what is written out must be a port.
pub(super) fn checked_ports(ports: Vec<Word>) -> Parsed<Vec<Word>> {
    let is_port = |text: &str| {
        let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
        ["tcp", "udp", "sctp"].contains(&protocol.to_ascii_lowercase().as_str())
            && matches!((first.parse::<u16>(), last.parse::<u16>()), (Ok(first), Ok(last)) if first <= last)
    };
    let right = |word: &Word| match &word.0[..] {
        [Piece::Text(text)] => is_port(text),
        pieces => pieces.iter().any(|piece| matches!(piece, Piece::Variable(_))),
    };
    if ports.iter().all(right) { Ok(ports) } else { Err("PORT[-PORT][/tcp, /udp or /sctp] …") }
}

/// `80` is `80/tcp`, `80-82/udp` three ports.
pub(super) fn port_names(text: &str) -> Vec<String> {
    let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let range =
        ports.split_once('-').and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    match range {
        Some((first, last)) => (first..=last).map(|port: u16| format!("{port}/{protocol}")).collect(),
        None => vec![format!("{ports}/{protocol}")],
    }
}
