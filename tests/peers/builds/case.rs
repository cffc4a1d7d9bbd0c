//! The Dockerfiles that are built twice, as the files `*.cases` hold them.

/// The files of them. A case begins with a line `=== name`; lines `? option` follow, then its Dockerfile.
const FILES: [&str; 6] = [
    include_str!("from.cases"),
    include_str!("config.cases"),
    include_str!("forms.cases"),
    include_str!("copy.cases"),
    include_str!("sources.cases"),
    include_str!("odd.cases"),
];

/// A Dockerfile, and how it is built.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) dockerfile: String,
    /// Both refuse it.
    pub(crate) refused: bool,
    pub(crate) target: Option<String>,
    pub(crate) platform: Option<String>,
    /// `NAME=VALUE`.
    pub(crate) build_args: Vec<String>,
    /// `NAME=DIRECTORY`, or `NAME=image:BASE`.
    pub(crate) build_contexts: Vec<String>,
    /// The directory of its context.
    pub(crate) context: String,
    /// The lines of its own ignore file.
    pub(crate) ignore: Vec<String>,
}

/// All of them.
pub(crate) fn cases() -> Vec<Case> {
    FILES.iter().flat_map(|file| parse(file)).collect()
}

/// The cases of one file.
pub(crate) fn parse(file: &str) -> Vec<Case> {
    let file = format!("\n{file}");
    file.split("\n=== ").skip(1).map(Case::parse).collect()
}

impl Case {
    fn parse(text: &str) -> Case {
        let (name, mut rest) = text.split_once('\n').expect("a name has its line");
        let mut case = Case {
            name: name.to_owned(),
            dockerfile: String::new(),
            refused: false,
            target: None,
            platform: None,
            build_args: Vec::new(),
            build_contexts: Vec::new(),
            context: "context".to_owned(),
            ignore: Vec::new(),
        };
        while let Some((option, after)) = rest.strip_prefix("? ").and_then(|rest| rest.split_once('\n')) {
            case.set(option);
            rest = after;
        }
        case.dockerfile = format!("{rest}\n");
        case
    }

    fn set(&mut self, option: &str) {
        let (key, value) = option.split_once(' ').unwrap_or((option, ""));
        let value = value.to_owned();
        match key {
            "refused" => self.refused = true,
            "target" => self.target = Some(value),
            "platform" => self.platform = Some(value),
            "build-arg" => self.build_args.push(value),
            "build-context" => self.build_contexts.push(value),
            "context" => self.context = value,
            "ignore" => self.ignore.push(value),
            other => panic!("{}: no option is called {other}", self.name),
        }
    }
}
