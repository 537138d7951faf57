//! The container that the process runs in.

use journey_model::Attribute;

use super::Root;

/// `container.id`, as the control group has it, or the mounts where the group hides it (version 2).
pub(super) fn detect(root: Root<'_>) -> Option<Attribute<'static>> {
    let of_group = || root.read("/proc/self/cgroup")?.lines().find_map(of_group).map(str::to_owned);
    let of_mount = || root.read("/proc/self/mountinfo")?.lines().find_map(of_mount).map(str::to_owned);
    of_group().or_else(of_mount).map(|id| Attribute::new("container.id", id))
}

/// Such as `5:cpu:/kubepods/pod12/cri-containerd-<id>.scope` or `1:name=systemd:/docker/<id>`.
fn of_group(line: &str) -> Option<&str> {
    let last = line.rsplit('/').next()?;
    let name = last.strip_suffix(".scope").unwrap_or(last);
    id(name.rsplit(['-', ':']).next()?)
}

/// Such as `… /var/lib/docker/containers/<id>/hostname /etc/hostname …`. A path below `sandboxes` has the pod's id, which
/// is another.
fn of_mount(line: &str) -> Option<&str> {
    if !line.contains("/hostname") {
        return None;
    }
    let (_, behind) = line.split_once("containers/")?;
    id(behind.split('/').next()?)
}

/// 64 hexadecimal digits.
fn id(text: &str) -> Option<&str> {
    let is_id = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then_some(text)
}
