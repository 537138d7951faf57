//! The pod that the process runs in, as Kubernetes and the pod's manifest say it.
//!
//! The name of pod and namespace are found by themselves. For the node, and for the rest, the manifest sets variables
//! from the downward API: `K8S_NODE_NAME` from `spec.nodeName`, `K8S_POD_UID` from `metadata.uid`, and so on.

use journey_model::Attribute;

use super::{Environment, Root};

/// Attributes `k8s.*`; none outside of Kubernetes, unless a variable says otherwise.
pub(super) fn detect(environment: &Environment, root: Root<'_>) -> impl Iterator<Item = Attribute<'static>> {
    let variable = |names: &[&str]| names.iter().find_map(|name| environment.get(name)).map(str::to_owned);
    let is_inside = environment.get("KUBERNETES_SERVICE_HOST").is_some();
    let inside = |read: &dyn Fn() -> Option<String>| if is_inside { read() } else { None };
    let node = variable(&["K8S_NODE_NAME", "NODE_NAME"]);
    // A pod's host name is its own name, cut to 63 characters, unless the manifest says otherwise. In the network of its
    // node it has the node's.
    let host = inside(&|| variable(&["HOSTNAME"]).or_else(|| root.read("/etc/hostname")));
    let pod_by_host = host.filter(|host| node.as_ref() != Some(host));
    let found = [
        ("k8s.cluster.name", variable(&["K8S_CLUSTER_NAME"])),
        ("k8s.container.name", variable(&["K8S_CONTAINER_NAME"])),
        ("k8s.deployment.name", variable(&["K8S_DEPLOYMENT_NAME"])),
        (
            "k8s.namespace.name",
            variable(&["K8S_NAMESPACE_NAME", "K8S_NAMESPACE", "K8S_POD_NAMESPACE", "POD_NAMESPACE"])
                .or_else(|| root.read("/var/run/secrets/kubernetes.io/serviceaccount/namespace")),
        ),
        ("k8s.node.name", node.filter(|_| is_pod(environment, is_inside))),
        ("k8s.pod.name", variable(&["K8S_POD_NAME", "POD_NAME"]).or(pod_by_host)),
        (
            "k8s.pod.uid",
            variable(&["K8S_POD_UID", "POD_UID"])
                .or_else(|| inside(&|| uid_of_group(&root.read("/proc/self/cgroup")?))),
        ),
    ];
    found.into_iter().filter_map(|(key, value)| Some(Attribute::new(key, value?)))
}

/// `NODE_NAME` is a common word: other schedulers have it too.
fn is_pod(environment: &Environment, is_inside: bool) -> bool {
    is_inside || environment.get("K8S_NODE_NAME").is_some()
}

/// From a group such as `/kubepods/burstable/pod1c8a…` or `…-pod1c8a_….slice`.
fn uid_of_group(groups: &str) -> Option<String> {
    let parts = groups.lines().filter(|line| line.contains("kubepods")).flat_map(|line| line.split('/'));
    parts.into_iter().find_map(|part| {
        let name = part.strip_suffix(".slice").unwrap_or(part);
        let uid = name.rsplit_once("pod")?.1.replace('_', "-");
        uuid::Uuid::parse_str(&uid).ok().map(|uid| uid.to_string())
    })
}
