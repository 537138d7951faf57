//! Dev only: the real parts that tests, `cargo xtask` and the demo run against.
//!
//! * [`services`]: private RabbitMQ, PostgreSQL and Alertmanager on free loopback ports, from installed binaries;
//! * [`process`]: processes that die with their owner, and can be killed by a later command;
//! * [`packages`]: finds the programs, or installs Debian's packages for them;
//! * [`collector`]: an OTLP collector (HTTP, gRPC, TLS) that keeps what it gets, and fails on demand;
//! * [`conformance`]: judges spans by OpenTelemetry's conventions and by our registry;
//! * [`models`]: 3D models as STL files, of any size;
//! * [`peers`]: services of other languages, and the libraries they are written with;
//! * [`env_url()`]: the URL of a part that is already there, for a test.
//!
//! Nothing here is used by a service in production.

pub mod collector;
pub mod conformance;
mod env_url;
pub mod models;
pub mod packages;
pub mod peers;
pub mod process;
pub mod scenario;
pub mod services;

pub use env_url::{REQUIRE_SERVICES, env_url};
