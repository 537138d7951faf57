-- What an attempt is linked to, as a JSON array of `trace_id/span_id`.
alter table order_journey add column links text not null default '[]';

-- Numbers of `journey.seq`: the last process signal, and the runs of numbers that came, as a JSON array of
-- [first, last, first_ns, last_ns].
alter table instance add column said_ns integer;
alter table instance add column runs text not null default '[]';
update instance set said_ns = last_ns where seq > 0 or stopped;

-- Findings that are not about one order have an empty order_id; some are about many.
alter table finding add column from_stage text;
alter table finding add column facet text;
alter table finding add column value text;
alter table finding add column instance text;
alter table finding add column severity text not null default 'warning';
-- Names of some of the orders as a JSON array, and how many there are; null: about one order or none.
alter table finding add column orders text;
alter table finding add column orders_count integer;
