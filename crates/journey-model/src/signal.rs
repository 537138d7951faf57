//! The closed lists of values of the journey lane.

use std::fmt;

macro_rules! closed_list {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $value:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// Every value, in the order of the registry.
            pub const ALL: &[$name] = &[$($name::$variant),+];

            /// The value on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $value,)+ }
            }

            /// The value that this text names, if it names one.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($value => Some($name::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

closed_list! {
    /// What a span of the journey lane reports: attribute `journey.signal`.
    Signal {
        /// Zero-length marker: a stage has started. Parent: the stage span.
        Start = "start",
        /// Zero-length marker: a stage is still running. Parent: the stage span.
        Beat = "beat",
        /// The ended stage span itself.
        End = "end",
        /// Zero-length span: the service instance runs or stops.
        Process = "process",
    }
}

closed_list! {
    /// What a service instance is doing: attribute `journey.process.state`.
    ProcessState {
        /// Sent every interval while the process lives.
        Running = "running",
        /// The last word of an instance, at a clean shutdown.
        Stopping = "stopping",
    }
}

closed_list! {
    /// How one attempt of a stage ended: attribute `journey.stage.outcome`.
    StageOutcome {
        /// Done.
        Ok = "ok",
        /// Ended with an error; the attempt is no step.
        Failed = "failed",
        /// The caller gave up, or the future was dropped.
        Cancelled = "cancelled",
        /// The code panicked.
        Panicked = "panicked",
        /// A deadline passed.
        TimedOut = "timed_out",
    }
}
