-- Messages that have to leave: written in the transaction of the change they tell, deleted once they are delivered.
CREATE TABLE outbox (
    seq        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- they leave in this order
    message_id uuid NOT NULL DEFAULT gen_random_uuid(),
    receiver   text NOT NULL,  -- `broker` or `shop`
    address    text NOT NULL,  -- routing key or path
    body       jsonb NOT NULL,
    carrier    text NOT NULL,  -- the journey this message belongs to
    tries      integer NOT NULL DEFAULT 0, -- how often the receiver put it off
    not_before timestamptz,    -- of a message that was put off; others to its address wait with it
    refused    text,           -- why the receiver will never take it; people look at these
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX outbox_waiting ON outbox (receiver, seq) WHERE refused IS NULL;
CREATE INDEX outbox_postponed ON outbox (receiver, address) WHERE not_before IS NOT NULL AND refused IS NULL;

-- Messages that have been worked on, so that a redelivery is seen.
CREATE TABLE inbox (
    message_id  uuid PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX inbox_received ON inbox (received_at);
