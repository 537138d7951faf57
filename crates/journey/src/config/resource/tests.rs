//! Copies of a file system, and what is read from them.

use expect_test::{Expect, expect};

use super::*;

/// What is detected below a root with these files, without what differs from machine to machine.
fn check(files: &[(&str, &str)], variables: &[(&str, &str)], expected: Expect) {
    let root = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = root.path().join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().expect("a path has a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mine = ["host.arch", "os.type", "process.pid"];
    let lines: Vec<String> = place(&Environment::new(variables), Root(root.path()))
        .filter(|attribute| !mine.contains(&&*attribute.key))
        .map(|attribute| format!("{}={:?}", attribute.key, attribute.value))
        .collect();
    expected.assert_eq(&lines.join("\n"));
}

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Scenario: a container of Docker with control groups of version 1.
/// Guarantees: its id is that of the group.
#[test]
fn docker_with_groups_of_version_1() {
    let groups = format!("12:pids:/docker/{ID}\n0::/system.slice/containerd.service");
    check(
        &[("/proc/self/cgroup", &groups), ("/etc/hostname", "0123456789ab\n")],
        &[],
        expect![[r#"
            host.name=Str("0123456789ab")
            container.id=Str("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")"#]],
    );
}

/// Scenario: a container of Docker with control groups of version 2, which say nothing.
/// Guarantees: its id is that of the mounts.
#[test]
fn docker_with_groups_of_version_2() {
    let mounts = format!(
        "471 456 254:1 /docker/volumes/x /data rw - ext4 /dev/vda1 rw\n\
         472 456 254:1 /docker/containers/{ID}/hostname /etc/hostname rw,relatime - ext4 /dev/vda1 rw"
    );
    check(
        &[("/proc/self/cgroup", "0::/\n"), ("/proc/self/mountinfo", &mounts)],
        &[("HOSTNAME", "box")],
        expect![[r#"
            host.name=Str("box")
            container.id=Str("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")"#]],
    );
}

/// Scenario: a pod whose manifest gives the node's name, with containerd.
/// Guarantees: pod, namespace, node and container are known; the id of the pod's sandbox is not taken for the container's.
#[test]
fn a_pod() {
    let groups = format!(
        "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b2c3d_0000_4000_8000_0123456789ab.slice/\
         cri-containerd-{ID}.scope"
    );
    let mounts = "472 456 254:1 /containerd/sandboxes/ffff/hostname /etc/hostname rw - ext4 /dev/vda1 rw";
    check(
        &[
            ("/proc/self/cgroup", &groups),
            ("/proc/self/mountinfo", mounts),
            ("/var/run/secrets/kubernetes.io/serviceaccount/namespace", "shop"),
        ],
        &[("HOSTNAME", "crm-api-7d9"), ("K8S_NODE_NAME", "node-1"), ("KUBERNETES_SERVICE_HOST", "10.0.0.1")],
        expect![[r#"
            host.name=Str("crm-api-7d9")
            container.id=Str("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
            k8s.namespace.name=Str("shop")
            k8s.node.name=Str("node-1")
            k8s.pod.name=Str("crm-api-7d9")
            k8s.pod.uid=Str("0a1b2c3d-0000-4000-8000-0123456789ab")"#]],
    );
}

/// Scenario: a pod in the network of its node, whose host name is the node's.
/// Guarantees: it is not taken for the pod's.
#[test]
fn a_pod_in_the_network_of_its_node() {
    check(
        &[],
        &[("HOSTNAME", "node-1"), ("K8S_NODE_NAME", "node-1"), ("KUBERNETES_SERVICE_HOST", "10.0.0.1")],
        expect![[r#"
            host.name=Str("node-1")
            k8s.node.name=Str("node-1")"#]],
    );
}

/// Scenario: nothing can be read, as in an image without any file.
/// Guarantees: nothing is made up, and nothing fails.
#[test]
fn an_empty_image() {
    check(&[], &[], expect![""]);
}

/// Scenario: the file is endless, or a folder.
/// Guarantees: only its beginning is read, or nothing.
#[test]
fn reads_are_bounded() {
    let root = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(root.path().join("etc/hostname")).expect("a folder");
    std::fs::write(root.path().join("large"), "x".repeat(1 << 20)).expect("a file");
    let root = Root(root.path());
    assert_eq!(root.read("/etc/hostname"), None);
    assert_eq!(root.read("/large").map(|text| text.len() as u64), Some(crate::limits::PLACE_FILE_BYTES_MAX));
}

/// Scenario: the place is told by the user too.
/// Guarantees: the user wins.
#[test]
fn the_user_wins() {
    let variables = [
        ("OTEL_RESOURCE_ATTRIBUTES", "host.name=mine,k8s.pod.name=mine,telemetry.distro.name=mine"),
        ("K8S_POD_NAME", "theirs"),
    ];
    let environment = Environment::new(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let wishes = Wishes { service: "crm-api".into(), ..Wishes::default() };
    let resource = read(&environment, &wishes, Path::new("/")).expect("good variables");
    for key in ["host.name", "k8s.pod.name", "telemetry.distro.name"] {
        assert_eq!(resource.str(key), Some("mine"), "{key}");
        assert_eq!(resource.attributes.iter().filter(|attribute| attribute.key == key).count(), 1);
    }
}
