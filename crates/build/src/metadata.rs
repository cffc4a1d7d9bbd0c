//! Instructions that edit the config, and nothing else.
//!
//! What each does to the config, and to the history, is BuildKit's `dockerfile2llb/convert.go`.

use crate::created_by;
use crate::draft::Draft;
use dockerfile::{CommandLine, Expose, Healthcheck, Pair, Word};
use std::time::Duration;

/// What runs commands in shell form, where no `SHELL` says otherwise.
const SHELL: [&str; 2] = ["/bin/sh", "-c"];

impl Draft<'_> {
    /// <https://docs.docker.com/reference/dockerfile/#env>
    pub(crate) fn env(&mut self, pairs: &[Pair]) {
        for Pair { name, value, .. } in pairs {
            let env = self.exec().env.get_or_insert_default();
            let variable = format!("{}={}", name.text, value.text);
            let is_it = |old: &&mut String| old.split('=').next() == Some(&name.text);
            match env.iter_mut().find(is_it) {
                Some(old) => *old = variable,
                None => env.push(variable),
            }
            self.scope.set(&name.text, value.text.clone());
        }
        self.note(created_by::pairs("ENV", pairs));
    }

    /// <https://docs.docker.com/reference/dockerfile/#label>
    pub(crate) fn label(&mut self, pairs: &[Pair]) {
        let labels = self.exec().labels.get_or_insert_default();
        labels.extend(pairs.iter().map(|pair| (pair.name.text.clone(), pair.value.text.clone())));
        self.note(created_by::pairs("LABEL", pairs));
    }

    /// <https://docs.docker.com/reference/dockerfile/#expose>
    pub(crate) fn expose(&mut self, expose: &Expose) -> Result<(), dockerfile::Diagnostic> {
        let ports = expose.ports()?;
        let all = self.exec().exposed_ports.get_or_insert_default();
        all.extend(ports.iter().map(|port| (port.to_string(), serde_json::json!({}))));
        self.note(created_by::expose(&ports));
        Ok(())
    }

    /// <https://docs.docker.com/reference/dockerfile/#volume>
    pub(crate) fn volume(&mut self, paths: &[Word]) {
        let volumes = self.exec().volumes.get_or_insert_default();
        volumes.extend(paths.iter().map(|path| (path.text.clone(), serde_json::json!({}))));
        self.note(created_by::list("VOLUME", paths));
    }

    /// <https://docs.docker.com/reference/dockerfile/#user>
    pub(crate) fn set_user(&mut self, user: &Word) {
        self.exec().user = Some(user.text.clone()).filter(|user| !user.is_empty());
        self.note(format!("USER {}", user.text));
    }

    /// <https://docs.docker.com/reference/dockerfile/#cmd>
    pub(crate) fn cmd(&mut self, command: &CommandLine) {
        let arguments = command.arguments(&self.shell());
        self.note(created_by::command("CMD", &arguments));
        self.exec().cmd = Some(arguments).filter(|arguments| !arguments.is_empty());
        // deprecated, but BuildKit sets it, and who compares configs sees it
        self.exec().args_escaped = Some(true);
        self.sets_command = true;
    }

    /// A command that was inherited is none of this entry point's.
    ///
    /// <https://docs.docker.com/reference/dockerfile/#understand-how-cmd-and-entrypoint-interact>
    pub(crate) fn entrypoint(&mut self, command: &CommandLine) {
        let arguments = command.arguments(&self.shell());
        self.note(created_by::command("ENTRYPOINT", &arguments));
        if !self.sets_command {
            self.exec().cmd = None;
        }
        self.exec().entrypoint = Some(arguments).filter(|arguments| !arguments.is_empty());
    }

    /// <https://docs.docker.com/reference/dockerfile/#healthcheck>
    pub(crate) fn healthcheck(&mut self, check: &Healthcheck) {
        let check = config_check(check);
        self.note(created_by::healthcheck(&check));
        self.exec().healthcheck = Some(check);
    }

    /// <https://docs.docker.com/reference/dockerfile/#stopsignal>
    pub(crate) fn stopsignal(&mut self, signal: &Word) {
        self.exec().stop_signal = Some(signal.text.clone());
        self.note(format!("STOPSIGNAL {}", signal.text));
    }

    /// <https://docs.docker.com/reference/dockerfile/#shell>
    pub(crate) fn set_shell(&mut self, words: &[Word]) {
        self.exec().shell = Some(words.iter().map(|word| word.text.clone()).collect());
        self.note(created_by::list("SHELL", words));
    }

    /// BuildKit leaves no line of history for it.
    ///
    /// <https://docs.docker.com/reference/dockerfile/#onbuild>
    pub(crate) fn onbuild(&mut self, expression: &str) {
        self.exec().on_build.get_or_insert_default().push(expression.to_owned());
    }

    /// <https://docs.docker.com/reference/dockerfile/#maintainer-deprecated>
    pub(crate) fn maintainer(&mut self, name: &Word) {
        self.config.author = Some(name.text.clone());
        self.note(format!("MAINTAINER {}", name.text));
    }

    fn shell(&self) -> Vec<String> {
        let set = self.config.config.as_ref().and_then(|exec| exec.shell.clone());
        set.filter(|shell| !shell.is_empty()).unwrap_or_else(|| SHELL.map(str::to_owned).to_vec())
    }
}

fn config_check(check: &Healthcheck) -> image_format::Healthcheck {
    let Healthcheck::Command { command, interval, timeout, start_period, start_interval, retries } = check
    else {
        let test = Some(vec!["NONE".to_owned()]);
        return image_format::Healthcheck { test, ..image_format::Healthcheck::default() };
    };
    let first = match command {
        CommandLine::Exec(_) => "CMD",
        CommandLine::Shell(_) => "CMD-SHELL",
    };
    let test = std::iter::once(first.to_owned()).chain(command.arguments(&[])).collect();
    image_format::Healthcheck {
        test: Some(test),
        interval: nanoseconds(*interval),
        timeout: nanoseconds(*timeout),
        start_period: nanoseconds(*start_period),
        start_interval: nanoseconds(*start_interval),
        retries: Some(i64::from(*retries)).filter(|retries| *retries != 0),
    }
}

fn nanoseconds(time: Option<Duration>) -> Option<i64> {
    i64::try_from(time?.as_nanos()).ok().filter(|nanoseconds| *nanoseconds != 0)
}
