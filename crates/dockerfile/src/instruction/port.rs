//! Ports of `EXPOSE`: `80`, `53/udp`, `8000-8010/tcp`, and the forms of `docker run -p` that older builders let in.

use std::fmt;
use std::net::IpAddr;

use crate::diagnostic::Diagnostic;
use crate::span::Word;

/// All ports of all protocols: more in one instruction are the same ones again.
const MOST: usize = 3 * 65_536;

/// A port that a container listens on. `Display` is the form of the config, `80/tcp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port {
    /// Its number.
    pub number: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: &'static str,
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.protocol)
    }
}

/// What the linter says of a port that is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    ProtocolCasing,
    HostPart,
}

/// What is to be said of which word.
pub(crate) type Findings = Vec<(Finding, String)>;

/// The ports that `words` name, and what is to be said of which word.
pub(crate) fn ports(words: &[Word]) -> Result<(Vec<Port>, Findings), Diagnostic> {
    let (mut ports, mut findings) = (Vec::new(), Findings::new());
    for word in words {
        let (range, protocol) = parse(word, &mut findings).map_err(|problem| {
            let message = format!("invalid port {:?}: {problem}", word.text);
            Diagnostic::new(word.span, message)
                .expected("a port or a range of ports, such as 80/tcp or 8000-8010")
        })?;
        ports.extend(range.map(|number| Port { number, protocol }));
        if ports.len() > MOST {
            return Err(Diagnostic::new(word.span, "EXPOSE names more ports than there are"));
        }
    }
    Ok((ports, findings))
}

type Range = std::ops::RangeInclusive<u16>;

fn parse(word: &Word, findings: &mut Findings) -> Result<(Range, &'static str), String> {
    let parts: Vec<&str> = word.text.rsplitn(3, ':').collect();
    let (container, host, address) =
        (parts[0], parts.get(1).copied().unwrap_or(""), parts.get(2).copied().unwrap_or(""));
    let (range, written) = container.split_once('/').unwrap_or((container, ""));
    if range.is_empty() {
        return Err("no port specified".into());
    }
    let protocol = protocol(written)?;
    if written.chars().any(|letter| letter.is_ascii_uppercase()) {
        findings.push((Finding::ProtocolCasing, word.text.clone()));
    }
    if !host.is_empty() || !address.is_empty() {
        findings.push((Finding::HostPart, word.text.clone()));
    }
    check_address(address)?;
    let ports = port_range(range)?;
    check_host(host, &ports)?;
    Ok((ports, protocol))
}

fn protocol(written: &str) -> Result<&'static str, String> {
    match written.to_ascii_lowercase().as_str() {
        "" | "tcp" => Ok("tcp"),
        "udp" => Ok("udp"),
        "sctp" => Ok("sctp"),
        _ => Err(format!("invalid proto: {written}")),
    }
}

fn check_address(address: &str) -> Result<(), String> {
    let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
    let is_good = address.is_empty() || bare.parse::<IpAddr>().is_ok();
    if is_good { Ok(()) } else { Err(format!("invalid IP address: {address}")) }
}

fn check_host(host: &str, ports: &Range) -> Result<(), String> {
    if host.is_empty() {
        return Ok(());
    }
    let range = port_range(host).map_err(|_| format!("invalid hostPort: {host}"))?;
    let width = |range: &Range| range.end() - range.start();
    if width(&range) != width(ports) && width(ports) != 0 {
        return Err(format!("invalid ranges specified for container and host ports: {host}"));
    }
    Ok(())
}

fn port_range(text: &str) -> Result<Range, String> {
    let (start, end) = text.split_once('-').unwrap_or((text, text));
    let (start, end) = (number(start)?, number(end)?);
    if end < start {
        return Err(format!("invalid port range: {text}"));
    }
    Ok(start..=end)
}

fn number(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("{text:?} is no number from 0 to 65535"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::Span;

    fn of(text: &str) -> Result<(String, Vec<Finding>), Diagnostic> {
        let (ports, findings) = ports(&[Word::new(text, Span::default())])?;
        let ports: Vec<String> = ports.iter().map(Port::to_string).collect();
        Ok((ports.join(" "), findings.into_iter().map(|(finding, _)| finding).collect()))
    }

    #[test]
    fn ports_ranges_and_protocols() {
        assert_eq!(of("80"), Ok(("80/tcp".into(), vec![])));
        assert_eq!(of("53/udp"), Ok(("53/udp".into(), vec![])));
        assert_eq!(of("8000-8002/sctp"), Ok(("8000/sctp 8001/sctp 8002/sctp".into(), vec![])));
        assert_eq!(of("5-5"), Ok(("5/tcp".into(), vec![])));
    }

    #[test]
    fn upper_case_and_host_parts_are_let_in_and_told() {
        assert_eq!(of("80/TCP"), Ok(("80/tcp".into(), vec![Finding::ProtocolCasing])));
        assert_eq!(of("127.0.0.1:80:8080/udp"), Ok(("8080/udp".into(), vec![Finding::HostPart])));
        assert_eq!(of("[::1]:80:81"), Ok(("81/tcp".into(), vec![Finding::HostPart])));
        assert_eq!(of("5000-5010:90"), Ok(("90/tcp".into(), vec![Finding::HostPart])));
    }

    #[test]
    fn what_is_no_port_is_refused() {
        for text in ["a", "", "/tcp", "80/foo", "65536", "-1", "9-8", "1.2.3:80:80", "a:80", "1-2:3-5", "80-"]
        {
            assert!(of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ranges_cannot_be_multiplied_without_end() {
        let words = vec![Word::new("0-65535", Span::default()); 100_000];
        assert!(ports(&words).unwrap_err().message.contains("more ports than there are"));
    }
}
