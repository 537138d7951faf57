//! Why a question has no answer.

use std::time::Duration;

use thiserror::Error;

use crate::limits::CALLS_MAX;
use crate::outcome::CallOutcome;

/// Why a call of [`crate::RpcClient`] has no answer.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum RpcError {
    /// The channel failed, or the broker closed it.
    #[error("the channel failed")]
    Channel(#[from] lapin::Error),
    /// So many calls of this client wait already; the question was not sent.
    #[error("{CALLS_MAX} calls wait for their answers already")]
    Full,
    /// The broker refused the question, as a full queue does.
    #[error("the broker refused the question")]
    Nacked,
    /// No queue takes the question.
    #[error("no queue takes the question")]
    Returned,
    /// No answer came in time. The question may be worked on all the same.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
}

impl RpcError {
    /// How such a call is told on its span.
    pub fn outcome(&self) -> CallOutcome {
        match self {
            RpcError::Channel(_) => CallOutcome::ChannelError,
            RpcError::Full => CallOutcome::Full,
            RpcError::Nacked => CallOutcome::Nacked,
            RpcError::Returned => CallOutcome::Returned,
            RpcError::TimedOut(_) => CallOutcome::TimedOut,
        }
    }
}
