//! Why a request was not taken just now. The client may send it again.

use thiserror::Error;

/// Why a request was not taken just now. The text of [`Refusal::as_str`] is also the label `reason` of the counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The broker is out of memory or disk and takes nothing.
    #[error("RabbitMQ has blocked publishers: it is short of memory or disk")]
    Blocked,
    /// As many requests are in flight as may be.
    #[error("too many requests are in flight")]
    Busy,
    /// The channel failed before the confirm.
    #[error("the channel to RabbitMQ failed before the confirm")]
    ChannelFailed,
    /// No confirm within the time for it. The message may be there all the same.
    #[error("RabbitMQ did not confirm in time")]
    ConfirmTimeout,
    /// The broker said no.
    #[error("RabbitMQ refused the message")]
    Nacked,
    /// There is no connection, or the stream is not declared yet.
    #[error("there is no connection to RabbitMQ")]
    NotConnected,
    /// The message reached no stream: the binding is gone. The relay connects anew and declares it again.
    #[error("RabbitMQ returned the message: no stream is bound")]
    Returned,
}

impl Refusal {
    /// All reasons.
    pub const ALL: [Refusal; 7] = [
        Refusal::Blocked,
        Refusal::Busy,
        Refusal::ChannelFailed,
        Refusal::ConfirmTimeout,
        Refusal::Nacked,
        Refusal::NotConnected,
        Refusal::Returned,
    ];

    /// The reason as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Refusal::Blocked => "blocked",
            Refusal::Busy => "busy",
            Refusal::ChannelFailed => "channel_failed",
            Refusal::ConfirmTimeout => "confirm_timeout",
            Refusal::Nacked => "nacked",
            Refusal::NotConnected => "not_connected",
            Refusal::Returned => "returned",
        }
    }
}
