CREATE TABLE migrated_orders (id bigint PRIMARY KEY);
