//! Attribute keys, each written once.
//!
//! Own keys are declared in `registry/attributes.yaml`; a test compares the two lists. Official keys follow
//! [OpenTelemetry semantic conventions 1.44.0](https://opentelemetry.io/schemas/1.44.0).

/// Schema URL of the official conventions that our spans follow.
pub const SEMCONV_SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

/// Schema URL of our own span types, as named in `registry/manifest.yaml`.
pub const JOURNEY_SCHEMA_URL: &str = "https://schemas.example.internal/order-journey/0.1.0";

macro_rules! keys {
    ($(#[$list_doc:meta])* $list:ident; $($(#[$doc:meta])* $name:ident = $key:literal;)+) => {
        $($(#[$doc])* pub const $name: &str = $key;)+
        $(#[$list_doc])*
        pub const $list: &[&str] = &[$($key),+];
    };
}

keys! {
    /// All own keys, in the order of the registry. Facets carry one key each, under [`JOURNEY_FACET`].
    OWN;
    /// Identifier of the order in CRM: the anchor of a journey.
    ORDER_ID = "order.id";
    /// Identifier of the cart the order was made from.
    CART_ID = "cart.id";
    /// Identifier of the production job in MES.
    PRODUCTION_ID = "production.id";
    /// What a span of the journey lane reports: [`crate::Signal`].
    JOURNEY_SIGNAL = "journey.signal";
    /// Ordinal number of a `start` or `end` within one service instance, from 1.
    JOURNEY_SEQ = "journey.seq";
    /// What the instance is doing: [`crate::ProcessState`].
    JOURNEY_PROCESS_STATE = "journey.process.state";
    /// A second, different value of a business id was refused.
    JOURNEY_CONFLICT = "journey.conflict";
    /// Asks the tail sampler to keep the whole trace.
    JOURNEY_KEEP = "journey.keep";
    /// Whether the trace of the stage was kept by head sampling.
    JOURNEY_HEAD_SAMPLED = "journey.head_sampled";
    /// Prefix of facets: `journey.facet.material = "gold"`.
    JOURNEY_FACET = "journey.facet";
    /// Order status before a status change.
    JOURNEY_STATUS_FROM = "journey.status.from";
    /// Order status after a status change.
    JOURNEY_STATUS_TO = "journey.status.to";
    /// Stage of the order journey, as named in the journey definition.
    JOURNEY_STAGE_NAME = "journey.stage.name";
    /// How one attempt of a stage ended: [`crate::StageOutcome`].
    JOURNEY_STAGE_OUTCOME = "journey.stage.outcome";
    /// Ordinal number of the attempt of a stage, from 1. Shown, never trusted.
    JOURNEY_STAGE_ATTEMPT = "journey.stage.attempt";
    /// Ordinal number of a marker of a running stage; the start marker is 0.
    JOURNEY_STAGE_HEARTBEAT_SEQUENCE = "journey.stage.heartbeat.sequence";
    /// Seconds after which the next beat is due.
    JOURNEY_STAGE_HEARTBEAT_INTERVAL = "journey.stage.heartbeat.interval";
    /// Part of the stage that is done, 0.0 to 1.0.
    JOURNEY_STAGE_PROGRESS = "journey.stage.progress";
    /// Seconds since the last sign of life of the stage's own work.
    JOURNEY_STAGE_IDLE = "journey.stage.idle";
    /// Amount of work of the stage, such as triangles or bytes.
    JOURNEY_STAGE_SIZE = "journey.stage.size";
    /// How a query or transaction ended, where the conventions have no name for it.
    JOURNEY_DB_OUTCOME = "journey.db.outcome";
    /// Seconds a query waited for a connection of the pool.
    JOURNEY_DB_POOL_WAIT = "journey.db.pool_wait";
    /// Why a query waited before it could run.
    JOURNEY_DB_WAIT_REASON = "journey.db.wait_reason";
    /// Seconds from the start of a query to its first row.
    JOURNEY_DB_TIME_TO_FIRST_ROW = "journey.db.time_to_first_row";
    /// Seconds in which a stream of rows waited for the server, and not the server for its reader.
    JOURNEY_DB_SERVER_WAIT = "journey.db.server_wait";
    /// Rows that a statement changed.
    JOURNEY_DB_AFFECTED_ROWS = "journey.db.affected_rows";
    /// The same transaction may well succeed if it is tried again.
    JOURNEY_DB_RETRYABLE = "journey.db.retryable";
    /// Name of the constraint that a statement violated.
    JOURNEY_DB_CONSTRAINT = "journey.db.constraint";
    /// Statements of a transaction, without those that begin and end it.
    JOURNEY_DB_STATEMENTS = "journey.db.statements";
    /// Seconds in which a transaction was open and no statement ran in it.
    JOURNEY_DB_IDLE_IN_TRANSACTION = "journey.db.idle_in_transaction";
    /// How a publish or a delivery ended.
    JOURNEY_MESSAGING_OUTCOME = "journey.messaging.outcome";
    /// Whether the broker says that it delivered the message before.
    JOURNEY_MESSAGING_REDELIVERED = "journey.messaging.redelivered";
    /// Ordinal number of the delivery of one message, from 1.
    JOURNEY_MESSAGING_ATTEMPT = "journey.messaging.attempt";
    /// Why a delivery is linked to a span that did not create its message.
    JOURNEY_MESSAGING_LINK = "journey.messaging.link";
    /// How a delivery belongs to the span that created its message, if it is not its child.
    JOURNEY_MESSAGING_PROPAGATION = "journey.messaging.propagation";
    /// Seconds between publish and hand-over of a message.
    JOURNEY_MESSAGING_QUEUE_TIME = "journey.messaging.queue_time";
    /// Who said when the message was published.
    JOURNEY_MESSAGING_QUEUE_TIME_SOURCE = "journey.messaging.queue_time_source";
    /// Offset of a message in its stream.
    JOURNEY_MESSAGING_STREAM_OFFSET = "journey.messaging.stream_offset";
    /// How often a message went through a dead-letter exchange.
    JOURNEY_MESSAGING_DEAD_LETTER_COUNT = "journey.messaging.dead_letter.count";
    /// The queue in which a message was dead-lettered first.
    JOURNEY_MESSAGING_DEAD_LETTER_QUEUE = "journey.messaging.dead_letter.queue";
    /// Why a message was dead-lettered first.
    JOURNEY_MESSAGING_DEAD_LETTER_REASON = "journey.messaging.dead_letter.reason";
    /// Seconds since a message was dead-lettered last.
    JOURNEY_MESSAGING_DEAD_LETTER_AGE = "journey.messaging.dead_letter.age";
    /// Seconds a publish waited for the broker's confirm.
    JOURNEY_MESSAGING_CONFIRM_WAIT = "journey.messaging.confirm_wait";
    /// Whether the broker took no messages during a publish.
    JOURNEY_MESSAGING_BLOCKED = "journey.messaging.blocked";
    /// Whether a delivery came near the broker's acknowledgement timeout.
    JOURNEY_MESSAGING_OVERDUE = "journey.messaging.overdue";
    /// How the response to an HTTP request ended.
    JOURNEY_HTTP_OUTCOME = "journey.http.outcome";
    /// Seconds from the head of an HTTP request to the head of its response.
    JOURNEY_HTTP_TIME_TO_HEAD = "journey.http.time_to_head";
    /// The response was a stream of events: its length says nothing of the service's speed.
    JOURNEY_HTTP_STREAMED = "journey.http.streamed";
}

/// Official: identifier of the user.
pub const USER_ID: &str = "user.id";
/// Official: class of the error, low cardinality.
pub const ERROR_TYPE: &str = "error.type";
/// Official: name of the service.
pub const SERVICE_NAME: &str = "service.name";
/// Official: unique per process start, a UUID v4.
pub const SERVICE_INSTANCE_ID: &str = "service.instance.id";
/// Official: version of the service.
pub const SERVICE_VERSION: &str = "service.version";

#[cfg(test)]
mod tests {
    use super::OWN;

    /// Scenario: an own key exists in code or in the registry only.
    /// Guarantees: both lists are the same, in the same order.
    #[test]
    fn own_keys_are_those_of_the_registry() {
        let registry = include_str!("../registry/attributes.yaml");
        let declared: Vec<&str> =
            registry.lines().filter_map(|line| line.strip_prefix("  - key: ")).collect();
        assert_eq!(declared, OWN);
    }
}
