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
    /// How a publish or a delivery ended.
    JOURNEY_MESSAGING_OUTCOME = "journey.messaging.outcome";
    /// Whether the broker says that it delivered the message before.
    JOURNEY_MESSAGING_REDELIVERED = "journey.messaging.redelivered";
    /// Ordinal number of the delivery of one message, from 1.
    JOURNEY_MESSAGING_ATTEMPT = "journey.messaging.attempt";
    /// How the response to an HTTP request ended.
    JOURNEY_HTTP_OUTCOME = "journey.http.outcome";
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
