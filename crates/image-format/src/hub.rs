//! Docker Hub, the one registry that has several names.

/// What image names call it.
pub const NAME: &str = "docker.io";
/// Where its API is (containerd, `remotes/docker/registry.go`).
pub const API: &str = "registry-1.docker.io";
/// What image names called it once, and credential files still do.
pub const LEGACY: &str = "index.docker.io";

/// Is this host Docker Hub, by whichever of its names?
pub fn is_hub(host: &str) -> bool {
    [NAME, API, LEGACY].contains(&host)
}
