//! One line in `main`.

mod builder;
mod error;
mod guard;
mod panic_hook;
mod self_check;
#[cfg(unix)]
mod signals;
mod start_line;

#[cfg(feature = "testing")]
pub(crate) use builder::Running;
pub use builder::{Builder, builder};
pub use error::InitError;
pub use guard::Guard;

/// Starts Journey for a service of this name, with the version of the crate that calls it. See [`builder()`].
///
/// The [`Guard`](crate::Guard) it gives must outlive the service's work: it sends what is left when it drops. The git revision is
/// taken from `GIT_REVISION` or `VERGEN_GIT_SHA`, if one of them is set while the service is built.
///
/// ```no_run
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let _journey = journey::init!("crm-api")?;
///     // serve
///     Ok(())
/// }
/// ```
#[macro_export]
macro_rules! init {
    ($service:expr) => {
        $crate::builder($service)
            .version(env!("CARGO_PKG_VERSION"))
            .revision(option_env!("GIT_REVISION").or(option_env!("VERGEN_GIT_SHA")))
            .init()
    };
}
