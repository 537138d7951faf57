//! The machine and the process. Keys: [resource conventions](https://opentelemetry.io/docs/specs/semconv/resource/).

use std::env::consts::{ARCH, OS};

use journey_model::Attribute;

use super::{Environment, Root};

/// Name and kind of the host, and the number of the process.
pub(super) fn detect(environment: &Environment, root: Root<'_>) -> impl Iterator<Item = Attribute<'static>> {
    let name = root
        .read("/proc/sys/kernel/hostname")
        .or_else(|| root.read("/etc/hostname"))
        .or_else(|| environment.get("HOSTNAME").map(str::to_owned));
    let name = name.map(|name| Attribute::new("host.name", name));
    let kind = [
        Attribute::new("host.arch", architecture()),
        Attribute::new("os.type", system()),
        Attribute::new("process.pid", i64::from(std::process::id())),
    ];
    name.into_iter().chain(kind)
}

/// In the words of the convention, which has its own for the common ones.
fn architecture() -> &'static str {
    match ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "arm32",
        other => other,
    }
}

fn system() -> &'static str {
    match OS {
        "macos" => "darwin",
        other => other,
    }
}
