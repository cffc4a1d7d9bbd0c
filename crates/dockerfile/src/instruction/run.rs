//! `RUN`.

use super::{CommandLine, Mount, MountFlag};
use crate::diagnostic::Diagnostic;
use crate::expand::Expansion;
use crate::flag::Flags;
use crate::heredoc::Heredoc;
use crate::span::Word;
use crate::statement::Statement;

/// A command whose changes become a layer.
///
/// <https://docs.docker.com/reference/dockerfile/#run>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The command; its variables are the shell's to expand.
    pub command: CommandLine,
    /// What is written below it. See [`Run::script`].
    pub heredocs: Vec<Heredoc>,
    /// `--mount`, as often as given.
    pub mount_flags: Vec<MountFlag>,
    /// What they mount: filled by [`crate::Step::expand`], which expands them.
    pub mounts: Vec<Mount>,
    /// `--network`.
    pub network: Network,
    /// `--security`.
    pub security: Security,
}

/// The network that a command has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the mode of its name")]
pub enum Network {
    #[default]
    Default,
    None,
    Host,
}

/// What a command may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// What a container may.
    #[default]
    Sandbox,
    /// Everything.
    Insecure,
}

impl Run {
    pub(crate) fn new(statement: Statement, flags: &Flags) -> Result<Run, Diagnostic> {
        if let Some(device) = flags.value("device") {
            return Err(Diagnostic::new(device.span, "RUN --device is not supported: builds get no devices")
                .hint("run the command in a container that has the device, and commit it"));
        }
        let mount_flags: Result<Vec<MountFlag>, Diagnostic> =
            flags.values("mount").map(MountFlag::new).collect();
        let network = match flags.value("network") {
            Some(mode) => network(mode)?,
            None => Network::Default,
        };
        let security = match flags.value("security") {
            Some(mode) => security(mode)?,
            None => Security::Sandbox,
        };
        Ok(Run {
            command: CommandLine::new(&statement.arguments, statement.place),
            heredocs: statement.heredocs,
            mount_flags: mount_flags?,
            mounts: Vec::new(),
            network,
            security,
        })
    }

    pub(super) fn expanded(&self, expansion: &mut Expansion<'_>) -> Result<Run, Diagnostic> {
        let mounts: Result<Vec<Mount>, Diagnostic> =
            self.mount_flags.iter().map(|flag| flag.resolve(expansion)).collect();
        Ok(Run { mounts: mounts?, ..self.clone() })
    }
}

fn network(mode: &Word) -> Result<Network, Diagnostic> {
    match mode.text.as_str() {
        "default" => Ok(Network::Default),
        "none" => Ok(Network::None),
        "host" => Ok(Network::Host),
        other => Err(Diagnostic::new(mode.span, format!("invalid network mode {other:?}"))
            .expected("default, none or host")),
    }
}

fn security(mode: &Word) -> Result<Security, Diagnostic> {
    match mode.text.as_str() {
        "sandbox" => Ok(Security::Sandbox),
        "insecure" => Ok(Security::Insecure),
        other => Err(Diagnostic::new(mode.span, format!("security {other:?} is not valid"))
            .expected("sandbox or insecure")),
    }
}
