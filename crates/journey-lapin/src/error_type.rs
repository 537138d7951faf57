//! lapin's errors as the low-cardinality words of `error.type`.

use std::borrow::Cow;

use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::{Error, ErrorKind};

use crate::limits::DESCRIPTION_BYTES_MAX;

/// `amqp:not-found` and the like for what the broker said, else which part failed.
pub(crate) fn of(error: &Error) -> Cow<'static, str> {
    match error.kind() {
        ErrorKind::ProtocolError(said) => of_amqp(said.kind()),
        ErrorKind::InvalidChannel(_) | ErrorKind::InvalidChannelState(..) => "channel-error".into(),
        ErrorKind::IOError(_)
        | ErrorKind::InvalidConnectionState(_)
        | ErrorKind::MissingHeartbeatError
        | ErrorKind::RuntimeShutdownError(_) => "connection-error".into(),
        _ => "_OTHER".into(),
    }
}

/// The broker's error by the name AMQP gives it.
pub(crate) fn of_amqp(kind: &AMQPErrorKind) -> Cow<'static, str> {
    let name = match kind {
        AMQPErrorKind::Soft(error) => error.to_string(),
        AMQPErrorKind::Hard(error) => error.to_string(),
    };
    format!("amqp:{}", name.to_ascii_lowercase()).into()
}

/// Whether the broker closed the channel because an acknowledgement did not come in time. It does so with 406, as for other
/// faults; only the text tells them apart.
pub(crate) fn is_ack_timeout(error: &Error) -> bool {
    let ErrorKind::ProtocolError(said) = error.kind() else { return false };
    let is_precondition = *said.kind() == AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED);
    is_precondition && said.get_message().as_str().contains("timed out")
}

/// A text for the span's status, cut to the limit.
pub(crate) fn description(error: &impl ToString) -> String {
    let mut text = error.to_string();
    text.truncate(text.floor_char_boundary(DESCRIPTION_BYTES_MAX));
    text
}

#[cfg(test)]
mod tests {
    use lapin::ChannelState;
    use lapin::protocol::AMQPError;

    use super::*;

    /// Scenario: errors of the broker, of the channel and of the connection.
    /// Guarantees: a few stable words, none with a name or number of the case in it.
    #[test]
    fn words_are_few() {
        let missing = AMQPError::new(AMQPSoftError::NOTFOUND.into(), "no exchange 'x' in vhost '/'".into());
        assert_eq!(of(&ErrorKind::ProtocolError(missing).into()), "amqp:not-found");
        let closed = ErrorKind::InvalidChannelState(ChannelState::Closed, "basic.publish");
        assert_eq!(of(&closed.into()), "channel-error");
        assert_eq!(of(&ErrorKind::MissingHeartbeatError.into()), "connection-error");
        assert_eq!(of(&ErrorKind::FutureCompleted.into()), "_OTHER");
    }
}
