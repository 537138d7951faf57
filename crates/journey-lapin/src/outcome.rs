//! How publishes, deliveries and calls end: the values of `journey.messaging.outcome`.

use std::fmt;

/// How a publish ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PublishOutcome {
    /// The broker confirmed it.
    Acked,
    /// The channel failed before the confirm.
    ChannelError,
    /// The caller did not await the confirm.
    ConfirmDropped,
    /// The broker refused it.
    Nacked,
    /// The channel has no publisher confirms.
    NotRequested,
    /// No queue was bound; the broker gave the message back.
    Returned,
}

impl PublishOutcome {
    /// The word of the registry.
    pub const fn as_str(self) -> &'static str {
        match self {
            PublishOutcome::Acked => "acked",
            PublishOutcome::ChannelError => "channel_error",
            PublishOutcome::ConfirmDropped => "confirm_dropped",
            PublishOutcome::Nacked => "nacked",
            PublishOutcome::NotRequested => "not_requested",
            PublishOutcome::Returned => "returned",
        }
    }
}

impl fmt::Display for PublishOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConsumeOutcome {
    /// Acknowledged.
    Ack,
    /// The acknowledgement had no effect; the message comes again.
    AckLost,
    /// The broker's acknowledgement timeout closed the channel; the message comes again. Consumers are told the reason, and
    /// calls that wait just then. On a channel without either, which asks for its messages, it is taken for the reason if
    /// nothing else explains the end: the connection lives ([`crate::Channel::on`]), the service did not close or drop the
    /// channel, the broker refused no call on it, and a message was held longer than [`crate::Settings::ack_timeout`], by
    /// not more than [`crate::limits::ACK_TIMEOUT_LATE_MAX`]. Else it is [`ConsumeOutcome::AckLost`].
    AckTimeout,
    /// The consumer runs without acknowledgements.
    AutoAck,
    /// The channel was closed before settlement; the message comes again.
    ChannelClosed,
    /// Dropped without settlement. The broker keeps it until the channel closes.
    DroppedUnsettled,
    /// Negative acknowledgement; dropped or dead-lettered.
    NackDrop,
    /// Negative acknowledgement; back to the queue.
    NackRequeue,
    /// Rejected; dropped or dead-lettered.
    RejectDrop,
    /// Rejected; back to the queue.
    RejectRequeue,
}

impl ConsumeOutcome {
    /// The word of the registry.
    pub const fn as_str(self) -> &'static str {
        match self {
            ConsumeOutcome::Ack => "ack",
            ConsumeOutcome::AckLost => "ack_lost",
            ConsumeOutcome::AckTimeout => "ack_timeout",
            ConsumeOutcome::AutoAck => "auto_ack",
            ConsumeOutcome::ChannelClosed => "channel_closed",
            ConsumeOutcome::DroppedUnsettled => "dropped_unsettled",
            ConsumeOutcome::NackDrop => "nack_drop",
            ConsumeOutcome::NackRequeue => "nack_requeue",
            ConsumeOutcome::RejectDrop => "reject_drop",
            ConsumeOutcome::RejectRequeue => "reject_requeue",
        }
    }

    /// Whether the span has failed. What the handler chose is no failure of the messaging.
    pub const fn is_error(self) -> bool {
        matches!(
            self,
            ConsumeOutcome::AckLost
                | ConsumeOutcome::AckTimeout
                | ConsumeOutcome::ChannelClosed
                | ConsumeOutcome::DroppedUnsettled
        )
    }

    /// Whether the message may be delivered again, from this queue or through a dead-letter exchange.
    pub(crate) const fn may_come_again(self) -> bool {
        !matches!(self, ConsumeOutcome::Ack | ConsumeOutcome::AutoAck)
    }

    /// Of several outcomes, the one with the highest number is told.
    pub(crate) const fn severity(self) -> u8 {
        self.is_error() as u8 * 2 + self.may_come_again() as u8
    }

    pub(crate) const fn of_nack(requeue: bool) -> Self {
        if requeue { ConsumeOutcome::NackRequeue } else { ConsumeOutcome::NackDrop }
    }

    pub(crate) const fn of_reject(requeue: bool) -> Self {
        if requeue { ConsumeOutcome::RejectRequeue } else { ConsumeOutcome::RejectDrop }
    }
}

impl fmt::Display for ConsumeOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a call of [`crate::RpcClient`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallOutcome {
    /// The caller gave up before the answer and before the timeout.
    Abandoned,
    /// The answer came.
    Answered,
    /// The channel failed before the answer.
    ChannelError,
    /// Too many calls wait already; the question was not sent.
    Full,
    /// The answer came when nobody waited any more. Counted only: the span has ended.
    Late,
    /// The broker refused the question.
    Nacked,
    /// No queue took the question.
    Returned,
    /// No answer came in time.
    TimedOut,
}

impl CallOutcome {
    /// The word of the registry.
    pub const fn as_str(self) -> &'static str {
        match self {
            CallOutcome::Abandoned => "abandoned",
            CallOutcome::Answered => "answered",
            CallOutcome::ChannelError => "channel_error",
            CallOutcome::Full => "full",
            CallOutcome::Late => "late",
            CallOutcome::Nacked => "nacked",
            CallOutcome::Returned => "returned",
            CallOutcome::TimedOut => "timed_out",
        }
    }
}

impl fmt::Display for CallOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: an outcome is spelled otherwise than in the registry.
    /// Guarantees: all words are members of `journey.messaging.outcome` there, and all members are words here.
    #[test]
    fn words_are_those_of_the_registry() {
        let publish = [
            PublishOutcome::Acked,
            PublishOutcome::ChannelError,
            PublishOutcome::ConfirmDropped,
            PublishOutcome::Nacked,
            PublishOutcome::NotRequested,
            PublishOutcome::Returned,
        ];
        let consume = [
            ConsumeOutcome::Ack,
            ConsumeOutcome::AckLost,
            ConsumeOutcome::AckTimeout,
            ConsumeOutcome::AutoAck,
            ConsumeOutcome::ChannelClosed,
            ConsumeOutcome::DroppedUnsettled,
            ConsumeOutcome::NackDrop,
            ConsumeOutcome::NackRequeue,
            ConsumeOutcome::RejectDrop,
            ConsumeOutcome::RejectRequeue,
        ];
        let call = [
            CallOutcome::Abandoned,
            CallOutcome::Answered,
            CallOutcome::ChannelError,
            CallOutcome::Full,
            CallOutcome::Late,
            CallOutcome::Nacked,
            CallOutcome::Returned,
            CallOutcome::TimedOut,
        ];
        let mut words: Vec<&str> = publish.map(PublishOutcome::as_str).to_vec();
        words.extend(consume.map(ConsumeOutcome::as_str));
        words.extend(call.map(CallOutcome::as_str));
        words.sort_unstable();
        // Publishes and calls have some in common.
        words.dedup();

        let registry = include_str!("../../journey-model/registry/attributes.yaml");
        let section =
            registry.split("key: journey.messaging.outcome").nth(1).expect("the key is in the registry");
        let section = section.split("- key:").next().expect("a split has a first part");
        let mut members: Vec<&str> =
            section.split("value: \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        members.sort_unstable();
        assert_eq!(words, members);
    }
}
