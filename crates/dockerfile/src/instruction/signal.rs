//! Signals of `STOPSIGNAL`.

const NAMES: [&str; 36] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE",
    "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU",
    "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX",
];

/// Whether Linux has the signal: a number but 0, or a name with or without `SIG`, in any case.
///
/// <https://docs.docker.com/reference/dockerfile/#stopsignal>
pub fn is_signal(text: &str) -> bool {
    if let Ok(number) = text.parse::<i64>() {
        return number != 0;
    }
    let upper = text.to_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    NAMES.contains(&name) || is_real_time(name)
}

/// `RTMIN+1` to `RTMIN+15`, `RTMAX-1` to `RTMAX-14`.
fn is_real_time(name: &str) -> bool {
    let within = |number: &str, last: u8| {
        let is_plain = !number.starts_with(['0', '+']);
        is_plain && number.parse().is_ok_and(|n: u8| (1..=last).contains(&n))
    };
    let above = name.strip_prefix("RTMIN+").is_some_and(|number| within(number, 15));
    above || name.strip_prefix("RTMAX-").is_some_and(|number| within(number, 14))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_in_any_case_are_signals() {
        for text in ["9", "SIGKILL", "kill", "SigTerm", "RTMIN+3", "sigrtmax-14", "-1", "1000"] {
            assert!(is_signal(text), "{text}");
        }
    }

    #[test]
    fn anything_else_is_none() {
        for text in ["0", "", "SIG", "SIGFOO", "RTMIN+16", "RTMIN+01", "RTMAX-15", "SIGSIGKILL", "9 "] {
            assert!(!is_signal(text), "{text}");
        }
    }
}
