//! Which variables an instruction sees.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::expand::cannot;
use crate::expansion::{Expander, Names, Variables};
use crate::instruction::{Arg, Declaration};
use crate::span::Word;

/// What `--build-arg` gives.
pub type BuildArgs = BTreeMap<String, String>;

/// `PATH` where neither the image nor the Dockerfile sets it, but on Windows.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Build arguments that every `RUN` sees without an `ARG`. Unless declared they are neither in the history nor
/// part of a step's key. Lower case means the same.
///
/// <https://docs.docker.com/reference/dockerfile/#predefined-args>
pub const PROXY_ARGS: [&str; 5] = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];

/// Arguments that speak to the builder and never become variables.
const NOT_VARIABLES: [&str; 2] = ["BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"];

/// A platform for the arguments that name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlatformArgs {
    /// `linux`.
    pub os: String,
    /// Windows' own, else empty.
    pub os_version: String,
    /// `arm64`.
    pub architecture: String,
    /// `v8`, mostly empty.
    pub variant: String,
}

/// Variables and their values, oldest first, and which of them an `ARG` declared.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// What the stage it is built on saw at its end.
    base: Option<Arc<Scope>>,
    variables: Vec<(String, String)>,
    index: HashMap<String, usize>,
    declared: Vec<(String, Option<String>)>,
    declared_names: HashSet<String>,
}

/// What an `ARG` made of one of its declarations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgValue {
    /// The argument's name.
    pub name: String,
    /// Its value, if it has one.
    pub value: Option<String>,
}

/// What an `ARG` came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// Its arguments, in order.
    pub args: Vec<ArgValue>,
    /// What their defaults named.
    pub names: Names,
    /// What of that has no value, where it stands.
    pub undefined: Vec<Word>,
}

impl Variables for Scope {
    fn get(&self, name: &str) -> Option<&str> {
        self.layers().find_map(|scope| scope.index.get(name).map(|at| scope.variables[*at].1.as_str()))
    }

    fn names(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        let layers: Vec<&Scope> = self.layers().collect();
        let all = layers.into_iter().rev().flat_map(|scope| &scope.variables);
        all.map(|(name, _)| name.as_str()).filter(|name| seen.insert(*name)).collect()
    }
}

impl Scope {
    /// What `FROM` sees before any `ARG`: the platforms and the target stage, unless `build_args` say otherwise.
    ///
    /// <https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope>
    pub fn global(build: &PlatformArgs, target: &PlatformArgs, stage: &str, build_args: &BuildArgs) -> Scope {
        let mut scope = Scope::default();
        let mut set = |name: String, value: &str| {
            let given = build_args.get(&name).map_or(value, String::as_str).to_owned();
            scope.set(&name, given);
        };
        for (side, platform) in [("BUILD", build), ("TARGET", target)] {
            set(format!("{side}PLATFORM"), &platform.to_string());
            set(format!("{side}OS"), &platform.os);
            set(format!("{side}OSVERSION"), &platform.os_version);
            set(format!("{side}ARCH"), &platform.architecture);
            set(format!("{side}VARIANT"), &platform.variant);
        }
        set("TARGETSTAGE".into(), if stage.is_empty() { "default" } else { stage });
        scope
    }

    /// What a stage sees at its beginning that is built on another stage: all that the other saw at its end, its
    /// `ARG`s too.
    pub fn of_stage(base: Arc<Scope>) -> Scope {
        Scope { base: Some(base), ..Scope::default() }
    }

    /// What a stage sees at its beginning that is built on an image with this environment, on `os`.
    pub fn of_image<'e>(environment: impl IntoIterator<Item = (&'e str, &'e str)>, os: &str) -> Scope {
        let mut scope = Scope::default();
        for (name, value) in environment {
            scope.set(name, value.to_owned());
        }
        if os != "windows" && scope.get("PATH").is_none() {
            scope.set("PATH", DEFAULT_PATH.to_owned());
        }
        scope
    }

    /// Sets a variable, as `ENV` does.
    pub fn set(&mut self, name: &str, value: String) {
        match self.index.get(name) {
            Some(at) => self.variables[*at].1 = value,
            None => {
                self.index.insert(name.to_owned(), self.variables.len());
                self.variables.push((name.to_owned(), value));
            }
        }
    }

    /// An `ARG` before the first `FROM`, in the scope that [`Scope::global`] began. A default sees the arguments
    /// before it, those of its own instruction too.
    ///
    /// # Errors
    /// A default cannot be expanded.
    pub fn declare_global(
        &mut self,
        arg: &Arg,
        build_args: &BuildArgs,
        expander: &Expander,
    ) -> Result<Declared, Diagnostic> {
        self.declare_each(arg, None, build_args, expander)
    }

    /// An `ARG` in a stage: the user's value, else its default, else the value that `globals` has.
    ///
    /// <https://docs.docker.com/reference/dockerfile/#scope>
    ///
    /// # Errors
    /// A default cannot be expanded.
    pub fn declare(
        &mut self,
        arg: &Arg,
        globals: &Scope,
        build_args: &BuildArgs,
        expander: &Expander,
    ) -> Result<Declared, Diagnostic> {
        self.declare_each(arg, Some(globals), build_args, expander)
    }

    /// The arguments declared so far and their values, as the history of a `RUN` names them: `a=1`, each once.
    pub fn arguments(&self) -> Vec<String> {
        let mut seen: HashMap<&str, usize> = HashMap::new();
        let mut arguments = Vec::new();
        let layers: Vec<&Scope> = self.layers().collect();
        for (name, value) in layers.into_iter().rev().flat_map(|scope| &scope.declared) {
            let value = self.get(name).or(value.as_deref()).unwrap_or_default();
            let argument = format!("{name}={value}");
            match seen.get(name.as_str()) {
                Some(at) => arguments[*at] = argument,
                None => {
                    seen.insert(name, arguments.len());
                    arguments.push(argument);
                }
            }
        }
        arguments
    }

    /// Whether an `ARG` declared `name`, with a value or without.
    pub fn is_declared(&self, name: &str) -> bool {
        self.layers().any(|scope| scope.declared_names.contains(name)) || NOT_VARIABLES.contains(&name)
    }

    /// All variables, oldest first: the environment of a `RUN`.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.names().into_iter().filter_map(|name| Some((name, self.get(name)?)))
    }

    /// This, and what it is built on.
    fn layers(&self) -> impl Iterator<Item = &Scope> {
        std::iter::successors(Some(self), |scope| scope.base.as_deref())
    }

    fn declare_each(
        &mut self,
        arg: &Arg,
        globals: Option<&Scope>,
        build_args: &BuildArgs,
        expander: &Expander,
    ) -> Result<Declared, Diagnostic> {
        let mut declared = Declared::default();
        for declaration in &arg.declarations {
            let name = declaration.name.text.as_str();
            let value = match (build_args.get(name), &declaration.default) {
                (Some(given), _) => Some(given.clone()),
                (None, Some(default)) => Some(self.default_value(default, expander, &mut declared)?),
                (None, None) => globals.and_then(|globals| globals.get(name)).map(str::to_owned),
            };
            self.declare_one(declaration, value.clone());
            declared.args.push(ArgValue { name: name.to_owned(), value });
        }
        Ok(declared)
    }

    fn default_value(
        &self,
        default: &Word,
        expander: &Expander,
        declared: &mut Declared,
    ) -> Result<String, Diagnostic> {
        let mut names = Names::default();
        let value = expander.word(default, self, &mut names);
        declared.undefined.extend(names.unmatched.iter().map(|name| default.with(name.as_str())));
        declared.names.matched.extend(names.matched);
        declared.names.unmatched.extend(names.unmatched);
        value.map_err(|error| cannot(default, &error))
    }

    fn declare_one(&mut self, declaration: &Declaration, value: Option<String>) {
        let name = &declaration.name.text;
        self.declared.push((name.clone(), value.clone()));
        self.declared_names.insert(name.clone());
        if let Some(value) = value.filter(|_| !NOT_VARIABLES.contains(&name.as_str())) {
            self.set(name, value);
        }
    }
}

/// `linux/arm64/v8`.
impl std::fmt::Display for PlatformArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.os.is_empty() {
            return f.write_str("unknown");
        }
        f.write_str(&self.os)?;
        if !self.os_version.is_empty() {
            write!(f, "({})", self.os_version)?;
        }
        let parts = [&self.architecture, &self.variant];
        parts.into_iter().filter(|part| !part.is_empty()).try_for_each(|part| write!(f, "/{part}"))
    }
}

/// Whether every `RUN` sees this build argument, declared or not.
pub fn is_proxy_arg(name: &str) -> bool {
    PROXY_ARGS.iter().any(|proxy| proxy.eq_ignore_ascii_case(name))
}

/// Whether this build argument is used without an `ARG`: proxies, and what speaks to the builder.
///
/// <https://docs.docker.com/build/building/variables/>
pub(crate) fn is_predefined(name: &str) -> bool {
    is_proxy_arg(name) || name == "SOURCE_DATE_EPOCH" || name.starts_with("BUILDKIT_")
}

#[cfg(test)]
mod tests;
