//! Work of sqlx under the context of a call, marked as ours.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use opentelemetry::{Context, ContextGuard};
use pin_project_lite::pin_project;

/// What holds while sqlx works for a call.
pub(crate) enum Active {
    /// The call is told: this is current, and what sqlx says of the call is not told again.
    Context(Context),
    /// The call is measured only: what is current stays, and what sqlx says of it is not measured again.
    Measured,
    /// Nobody hears of the call: nothing changes.
    Nothing,
}

impl From<Context> for Active {
    fn from(context: Context) -> Self {
        Self::Context(context)
    }
}

/// Lets this hold while `work` is polled and when it is dropped. Events that sqlx emits then are known to belong to a
/// call that has a span already.
pub(crate) fn within<F: Future>(active: impl Into<Active>, work: F) -> Within<F> {
    Within { active: active.into(), work: Some(work) }
}

/// Whether a call of ours is polled or dropped on this thread just now.
#[cfg(feature = "events")]
pub(crate) fn is_within() -> bool {
    IS_WITHIN.get()
}

pin_project! {
    pub(crate) struct Within<F> {
        active: Active,
        #[pin]
        work: Option<F>,
    }

    impl<F> PinnedDrop for Within<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _inside = Inside::of(this.active);
            // sqlx logs a query when it is dropped.
            this.work.set(None);
        }
    }
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _inside = Inside::of(this.active);
        this.work.as_pin_mut().expect("the work is only taken when this drops").poll(task)
    }
}

thread_local! {
    static IS_WITHIN: Cell<bool> = const { Cell::new(false) };
}

/// The mark and the current context. Puts back what was, whatever the work does.
struct Inside {
    was_within: bool,
    _current: Option<ContextGuard>,
}

impl Inside {
    fn of(active: &Active) -> Option<Self> {
        let context = match active {
            Active::Context(context) => Some(context.clone()),
            Active::Measured => None,
            Active::Nothing => return None,
        };
        let current = context.map(Context::attach);
        Some(Self { was_within: IS_WITHIN.replace(true), _current: current })
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        IS_WITHIN.set(self.was_within);
    }
}
