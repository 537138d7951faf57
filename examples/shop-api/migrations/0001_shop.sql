CREATE TABLE carts (
    cart_id    text PRIMARY KEY,
    user_id    text NOT NULL,
    material   text,
    model_url  text, -- name of the uploaded model in the files folder
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE orders (
    order_id   text PRIMARY KEY,
    cart_id    text UNIQUE REFERENCES carts, -- a partner's order has no cart
    status     text,                         -- empty until production begins
    shown_at   timestamptz,                  -- when the customer saw the confirmation
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The same change told twice is one row.
CREATE TABLE order_statuses (
    order_id    text NOT NULL REFERENCES orders,
    status      text NOT NULL,
    changed_at  timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (order_id, status, changed_at)
);
