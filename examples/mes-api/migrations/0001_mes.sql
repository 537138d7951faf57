-- Price requests of partners; CRM makes an order of each.
CREATE TABLE price_requests (
    production_id text PRIMARY KEY,
    partner       text NOT NULL,
    material      text NOT NULL,
    model_url     text NOT NULL,
    order_id      text UNIQUE, -- empty until CRM has made the order
    created_at    timestamptz NOT NULL DEFAULT now()
);

-- Price calculations. They take minutes, so they wait here and not in a queue.
CREATE TABLE jobs (
    order_id       text PRIMARY KEY,
    material       text NOT NULL,
    model_url      text NOT NULL,
    carrier        text NOT NULL,                   -- the journey that asked for the price
    state          text NOT NULL DEFAULT 'waiting'
                   CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    attempt        integer NOT NULL DEFAULT 0,      -- number of the newest attempt, from 1
    deaths         integer NOT NULL DEFAULT 0,      -- attempts since the last finished stage whose lease ran out
    held_by        uuid,                            -- the process that works on it
    lease_until    timestamptz,                     -- renewed by that process; past: the process is dead
    stage          text,                            -- the stage under way
    stage_began_at timestamptz,
    failure        text,                            -- why there will never be a price
    created_at     timestamptz NOT NULL DEFAULT now(),
    finished_at    timestamptz
);

CREATE INDEX jobs_open ON jobs (created_at) WHERE state IN ('waiting', 'running');

-- What a finished stage found, so that a later attempt need not find it again.
CREATE TABLE checkpoints (
    order_id    text NOT NULL REFERENCES jobs,
    stage       text NOT NULL,
    result      bytea NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (order_id, stage)
);

CREATE TABLE productions (
    order_id      text PRIMARY KEY,
    production_id text NOT NULL UNIQUE,
    status        text, -- empty until the first status
    taken_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE production_statuses (
    seq        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id   text NOT NULL REFERENCES productions,
    status     text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX production_statuses_order ON production_statuses (order_id, seq);
