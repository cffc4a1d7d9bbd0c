//! An image's config as a runtime's. image-spec, conversion.md; runtime-spec, config.md.

use crate::User;
use image_format::{Class, ExecConfig, Failure, ImageConfig};
use layer::{Privilege, TreePath};
use serde_json::{Map, Value, json};

/// The search path where the image sets none, as docker.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// What docker leaves to the root of a container.
const CAPABILITIES: [&str; 14] = [
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];
/// What docker hides, and what it lets nobody write.
const MASKED: [&str; 12] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// What the image does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpecOptions {
    /// What whoever starts the runtime may do.
    pub privilege: Privilege,
    /// Who unpacks: without privileges, the only user that the container has.
    pub owner: (u32, u32),
}

/// The `config.json` of a bundle whose tree is in `rootfs`, and whose process is `user`. Keys are sorted: the same image
/// gives the same bytes.
///
/// As docker runs it: its capabilities, masked paths and mounts, namespaces of its own, but no terminal, no network
/// (without privileges: the host's) and no seccomp filter. Volumes are plain directories of the tree. An image without
/// a command gets `sh`.
///
/// # Errors
/// The config asks for what no runtime can do, or must not: a working directory in `/proc`, text with a zero byte.
pub fn runtime_spec(config: &ImageConfig, user: &User, options: SpecOptions) -> Result<Value, Failure> {
    let exec = config.config.clone().unwrap_or_default();
    let rootless = options.privilege == Privilege::Rootless;
    let user =
        if rootless { User { uid: 0, gid: 0, groups: Vec::new(), ..user.clone() } } else { user.clone() };
    let mut identity = json!({ "uid": user.uid, "gid": user.gid });
    if !user.groups.is_empty() {
        identity["additionalGids"] = json!(user.groups);
    }
    Ok(json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": identity,
            "args": arguments(&exec)?,
            "env": environment(&exec, &user),
            "cwd": working_directory(&exec)?,
            "capabilities": capabilities(),
            "noNewPrivileges": false,
        },
        "root": { "path": "rootfs", "readonly": false },
        "mounts": mounts(rootless),
        "annotations": annotations(config, &exec),
        "linux": linux(rootless, options.owner),
    }))
}

fn arguments(exec: &ExecConfig) -> Result<Vec<String>, Failure> {
    let lists = [&exec.entrypoint, &exec.cmd];
    let words: Vec<String> = lists.into_iter().flatten().flatten().cloned().collect();
    if words.iter().any(|word| word.contains('\0')) {
        return Err(Failure::new(Class::Integrity, "the image's command holds a zero byte"));
    }
    Ok(if words.is_empty() { vec!["sh".to_owned()] } else { words })
}

/// What is no `NAME=VALUE` no process can have.
fn environment(exec: &ExecConfig, user: &User) -> Vec<String> {
    let valid = |variable: &&String| variable.find('=').is_some_and(|at| at > 0) && !variable.contains('\0');
    let mut all: Vec<String> = exec.env.iter().flatten().filter(valid).cloned().collect();
    let has = |all: &[String], name: &str| all.iter().any(|variable| variable.starts_with(name));
    if !has(&all, "PATH=") {
        all.insert(0, PATH.to_owned());
    }
    if !has(&all, "HOME=") {
        all.push(format!("HOME={}", user.home.as_deref().unwrap_or("/")));
    }
    all
}

/// Absolute and in one spelling. A process that starts in `/proc` may start in a directory of the host's
/// (CVE-2024-21626).
fn working_directory(exec: &ExecConfig) -> Result<String, Failure> {
    let written = exec.working_dir.as_deref().unwrap_or_default();
    let path = TreePath::of(written.as_bytes());
    let first = path.parts().next();
    if written.contains('\0') || first == Some(b"proc") {
        let shown: String = written.chars().take(100).collect();
        let message = format!("working directory {shown:?}: expected a directory of the image");
        return Err(Failure::new(Class::Integrity, message));
    }
    Ok(format!("/{}", String::from_utf8_lossy(path.as_bytes())))
}

fn capabilities() -> Value {
    json!({ "bounding": CAPABILITIES, "effective": CAPABILITIES, "permitted": CAPABILITIES })
}

fn mounts(rootless: bool) -> Value {
    let mount = |destination: &str, kind: &str, source: &str, options: &[&str]| json!({ "destination": destination, "type": kind, "source": source, "options": options });
    let sys = if rootless {
        // who has no network of his own cannot mount one
        mount("/sys", "none", "/sys", &["rbind", "nosuid", "noexec", "nodev", "ro"])
    } else {
        mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", "ro"])
    };
    let mut terminals = vec!["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"];
    if !rootless {
        terminals.push("gid=5");
    }
    let mut all = vec![
        mount("/proc", "proc", "proc", &["nosuid", "noexec", "nodev"]),
        mount("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        mount("/dev/pts", "devpts", "devpts", &terminals),
        mount("/dev/shm", "tmpfs", "shm", &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
        mount("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        sys,
    ];
    if !rootless {
        all.push(mount(
            "/sys/fs/cgroup",
            "cgroup",
            "cgroup",
            &["nosuid", "noexec", "nodev", "relatime", "ro"],
        ));
    }
    Value::Array(all)
}

fn annotations(config: &ImageConfig, exec: &ExecConfig) -> Value {
    let mut all = Map::new();
    let ports = exec.exposed_ports.as_ref().map(|ports| ports.keys().cloned().collect::<Vec<_>>().join(","));
    let implied = [
        ("os", Some(config.os.clone())),
        ("architecture", Some(config.architecture.clone())),
        ("variant", config.variant.clone()),
        ("author", config.author.clone()),
        ("created", config.created.clone()),
        ("stopSignal", exec.stop_signal.clone()),
        ("exposedPorts", ports),
    ];
    for (key, value) in implied {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            all.insert(format!("org.opencontainers.image.{key}"), value.into());
        }
    }
    // what the image says itself counts
    for (key, value) in exec.labels.iter().flatten().filter(|(key, _)| !key.is_empty()) {
        all.insert(key.clone(), value.clone().into());
    }
    Value::Object(all)
}

fn linux(rootless: bool, (uid, gid): (u32, u32)) -> Value {
    let mut namespaces = vec!["pid", "ipc", "uts", "mount"];
    namespaces.push(if rootless { "user" } else { "network" });
    let namespaces: Vec<Value> = namespaces.into_iter().map(|kind| json!({ "type": kind })).collect();
    let mut linux = json!({ "namespaces": namespaces, "maskedPaths": MASKED, "readonlyPaths": READ_ONLY });
    if rootless {
        linux["uidMappings"] = json!([{ "containerID": 0, "hostID": uid, "size": 1 }]);
        linux["gidMappings"] = json!([{ "containerID": 0, "hostID": gid, "size": 1 }]);
    } else {
        linux["resources"] = json!({ "devices": [{ "allow": false, "access": "rwm" }] });
    }
    linux
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const ROOT: SpecOptions = SpecOptions { privilege: Privilege::Root, owner: (0, 0) };

    fn spec(exec: ExecConfig) -> Result<Value, Failure> {
        let config = ImageConfig { os: "linux".into(), config: Some(exec), ..ImageConfig::default() };
        runtime_spec(&config, &User { home: Some("/root".into()), ..User::default() }, ROOT)
    }

    fn words(words: &[&str]) -> Option<Vec<String>> {
        Some(words.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn the_process_is_what_the_image_says() {
        let exec = ExecConfig {
            entrypoint: words(&["/init", "--"]),
            cmd: words(&["serve"]),
            env: words(&["A=1", "none", "=x", "B=\0"]),
            working_dir: Some("../srv//app/".into()),
            ..ExecConfig::default()
        };
        let process = &spec(exec).unwrap()["process"];
        assert_eq!(process["args"], json!(["/init", "--", "serve"]));
        assert_eq!(process["env"], json!([PATH, "A=1", "HOME=/root"]));
        assert_eq!(process["cwd"], "/srv/app");
        assert!(process["capabilities"].get("inheritable").is_none());
    }

    #[test]
    fn an_image_that_says_nothing_runs_a_shell_as_root_in_its_root() {
        let process = &spec(ExecConfig::default()).unwrap()["process"];
        assert_eq!((&process["args"], &process["cwd"]), (&json!(["sh"]), &json!("/")));
        assert_eq!(process["user"], json!({ "uid": 0, "gid": 0 }));
    }

    #[test]
    fn what_would_lead_to_the_host_is_refused() {
        for directory in ["/proc/self/fd/8", "x/../proc/1/cwd", "/a\0b"] {
            let exec = ExecConfig { working_dir: Some(directory.into()), ..ExecConfig::default() };
            assert_eq!(spec(exec).unwrap_err().class(), Class::Integrity, "{directory}");
        }
        let exec = ExecConfig { cmd: words(&["a\0b"]), ..ExecConfig::default() };
        assert_eq!(spec(exec).unwrap_err().class(), Class::Integrity);
    }

    #[test]
    fn labels_stand_before_what_is_implied() {
        let labels = [("org.opencontainers.image.os", "mine"), ("", "x"), ("k", "v")];
        let labels: BTreeMap<String, String> = labels.map(|(k, v)| (k.into(), v.into())).into();
        let exec =
            ExecConfig { labels: Some(labels), stop_signal: Some("SIGQUIT".into()), ..ExecConfig::default() };
        let expected = json!({
            "k": "v", "org.opencontainers.image.os": "mine", "org.opencontainers.image.stopSignal": "SIGQUIT",
        });
        assert_eq!(spec(exec).unwrap()["annotations"], expected);
    }

    #[test]
    fn without_privileges_there_is_one_user_in_a_namespace_of_its_own() {
        let options = SpecOptions { privilege: Privilege::Rootless, owner: (1000, 100) };
        let user = User { uid: 33, gid: 33, groups: vec![4], home: None };
        let spec = runtime_spec(&ImageConfig::default(), &user, options).unwrap();
        assert_eq!(spec["process"]["user"], json!({ "uid": 0, "gid": 0 }));
        assert_eq!(spec["linux"]["uidMappings"], json!([{ "containerID": 0, "hostID": 1000, "size": 1 }]));
        assert!(spec["linux"].get("resources").is_none());
        assert!(!spec["mounts"].to_string().contains("gid="));
    }
}
