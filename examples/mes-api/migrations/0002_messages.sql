-- Messages that have to leave: written in the transaction of the change they tell, deleted once they are delivered.
CREATE TABLE outbox (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- they leave in this order
    message_id  uuid NOT NULL DEFAULT gen_random_uuid(),
    routing_key text NOT NULL,
    body        jsonb NOT NULL,
    carrier     text NOT NULL,  -- the journey this message belongs to
    created_at  timestamptz NOT NULL DEFAULT now()
);

-- Messages that have been worked on, so that a redelivery is seen.
CREATE TABLE inbox (
    message_id  uuid PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX inbox_received ON inbox (received_at);
