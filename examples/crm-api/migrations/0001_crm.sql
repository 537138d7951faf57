CREATE TABLE orders (
    order_id      text PRIMARY KEY,
    cart_id       text UNIQUE, -- of an order from the shop
    user_id       text,
    production_id text UNIQUE, -- of a partner's order, which began in MES
    partner       text,
    material      text NOT NULL,
    model_url     text NOT NULL,
    price_cents   bigint,      -- empty until the price is formed
    price_failure text,        -- why there will never be a price
    accepted_at   timestamptz,
    status        text,        -- empty until production begins
    created_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE order_statuses (
    seq        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id   text NOT NULL REFERENCES orders,
    status     text NOT NULL,
    changed_at timestamptz NOT NULL
);

CREATE INDEX order_statuses_order ON order_statuses (order_id, seq);
