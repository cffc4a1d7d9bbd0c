//! Platforms as `FROM --platform` writes them: `linux/arm64/v8`, `linux`, `arm64`.

/// A platform, spelled as images spell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// `linux`; empty where only the architecture is given: the builder's own.
    pub os: String,
    /// `amd64`; empty where only the system is given: the builder's own.
    pub architecture: String,
    /// `v8`, mostly empty.
    pub variant: String,
}

const SYSTEMS: [&str; 17] = [
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "windows",
    "zos",
];

const ARCHITECTURES: [&str; 24] = [
    "386",
    "amd64",
    "amd64p32",
    "arm",
    "armbe",
    "arm64",
    "arm64be",
    "ppc64",
    "ppc64le",
    "loong64",
    "mips",
    "mipsle",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "ppc",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
];

impl Platform {
    /// The platform that `text` names, by containerd's rules.
    pub fn parse(text: &str) -> Option<Platform> {
        let parts: Vec<&str> = text.split('/').collect();
        let (first, rest) = parts.split_first()?;
        if parts.len() > 3 || !is_system(first) || !rest.iter().all(|part| is_component(part)) {
            return None;
        }
        let system = first.split_once('(').map_or(*first, |(system, _)| system).to_ascii_lowercase();
        let os = if system == "macos" { "darwin".into() } else { system };
        let second = rest.first().copied();
        let Some(architecture) = second else { return Platform::of_one(os, first) };
        let (architecture, variant) = normalized(architecture, rest.get(1).copied().unwrap_or(""));
        let variant = match (architecture.as_str(), variant.as_str(), parts.len()) {
            ("arm", "v7", 2) => String::new(),
            ("arm64", "", 3) => "v8".into(),
            _ => variant,
        };
        Some(Platform { os, architecture, variant })
    }

    /// One word is a system, or else an architecture.
    fn of_one(os: String, word: &str) -> Option<Platform> {
        if SYSTEMS.contains(&os.as_str()) {
            return Some(Platform { os, architecture: String::new(), variant: String::new() });
        }
        let (architecture, variant) = normalized(word, "");
        let variant = if architecture == "arm" && variant == "v7" { String::new() } else { variant };
        let is_known = ARCHITECTURES.contains(&architecture.as_str());
        is_known.then_some(Platform { os: String::new(), architecture, variant })
    }
}

/// A component, or `windows(10.0.17763+win32k)`. An empty one is the builder's own system.
fn is_system(part: &str) -> bool {
    match part.split_once('(') {
        Some((system, options)) => {
            let options = options.strip_suffix(')').unwrap_or("");
            (system.is_empty() || is_component(system))
                && !options.is_empty()
                && !options.contains(['(', ')'])
        }
        None => part.is_empty() || is_component(part),
    }
}

fn is_component(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

fn normalized(architecture: &str, variant: &str) -> (String, String) {
    let (architecture, variant) = (architecture.to_ascii_lowercase(), variant.to_ascii_lowercase());
    let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
        ("i386", _) => ("386", ""),
        ("x86_64" | "x86-64" | "amd64", variant) => ("amd64", if variant == "v1" { "" } else { variant }),
        ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64", ""),
        ("aarch64" | "arm64", "9" | "9.0" | "v9.0") => ("arm64", "v9"),
        ("aarch64", variant) => ("arm64", variant),
        ("armhf", _) => ("arm", "v7"),
        ("armel", _) => ("arm", "v6"),
        ("arm", "" | "7") => ("arm", "v7"),
        ("arm", "5") => ("arm", "v5"),
        ("arm", "6") => ("arm", "v6"),
        ("arm", "8") => ("arm", "v8"),
        other => other,
    };
    (architecture.into(), variant.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<String> {
        Platform::parse(text).map(|p| format!("{}|{}|{}", p.os, p.architecture, p.variant))
    }

    #[test]
    fn platforms_are_spelled_as_images_spell_them() {
        let cases = [
            ("linux/amd64", "linux|amd64|"),
            ("Linux/x86_64/v1", "linux|amd64|"),
            ("linux/arm64/v8", "linux|arm64|v8"),
            ("linux/arm/v7", "linux|arm|v7"),
            ("linux/arm", "linux|arm|"),
            ("linux", "linux||"),
            ("aarch64", "|arm64|"),
            ("armhf", "|arm|"),
            ("macos/arm64", "darwin|arm64|"),
            ("windows(10.0.17763)/amd64", "windows|amd64|"),
            ("any/thing", "any|thing|"),
        ];
        for (text, expected) in cases {
            assert_eq!(of(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_platform_is_refused() {
        for text in ["", "foo", "linux/*", "linux/", "a/b/c/d", "linux/amd 64", "li(x/y", "linux//v8"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
