-- Times are nanoseconds since the Unix epoch, event time unless said otherwise.

create table meta (
    key   text primary key,
    value text not null
) without rowid;

-- The history: one row an attempt of a stage.
create table order_journey (
    trace_id         text not null,
    span_id          text not null,
    parent_span_id   text,
    stage            text not null,
    service          text not null,
    instance         text not null,
    attempt          integer not null,
    start_ns         integer,
    end_ns           integer,
    outcome          text,
    error_type       text,
    beat_interval_ns integer,
    first_beat_ns    integer,
    last_beat_ns     integer,
    progress         real,
    idle_ns          integer,
    size             real,
    keys             text not null,
    facets           text not null,
    primary key (trace_id, span_id)
) without rowid;

-- Which journeys an attempt belongs to; more than one only after an identity conflict.
create table membership (
    journey  text not null,
    trace_id text not null,
    span_id  text not null,
    primary key (journey, trace_id, span_id)
) without rowid;
create index membership_attempt on membership (trace_id, span_id);

create table journey (
    name        text primary key,
    is_anchored integer not null,
    verdict     text not null,
    is_final    integer not null,
    waits       text not null,
    first_ns    integer not null,
    last_ns     integer not null,
    keys        text not null
) without rowid;
create index journey_last on journey (last_ns);

create table identity_conflict (
    key      text not null,
    value    text not null,
    anchor_a text not null,
    anchor_b text not null,
    at_ns    integer not null,
    primary key (key, value, anchor_a, anchor_b)
) without rowid;

-- Findings and the alert outbox in one: a finding without `cleared_ns` stands. raised_ns and cleared_ns are wall clock.
create table finding (
    id          integer primary key,
    alert       text not null,
    order_id    text not null,
    stage       text not null,
    rule        text,
    service     text,
    cause       text not null,
    reason      text not null,
    summary     text not null,
    waiting_for text,
    evidence    text not null,
    trace_id    text,
    since_ns    integer not null,
    raised_ns   integer not null,
    cleared_ns  integer
);
create index finding_standing on finding (order_id) where cleared_ns is null;
create index finding_cleared on finding (cleared_ns);

create table instance (
    id       text primary key,
    service  text not null,
    first_ns integer not null,
    last_ns  integer not null,
    seq      integer not null,
    stopped  integer not null
) without rowid;

-- How far each source was read, written with the rows that came from it.
create table source_offset (
    source        text primary key,
    stream_offset integer not null
) without rowid;

-- What could not be taken, kept aside; the oldest rows leave when there are too many.
create table rejected (
    id     integer primary key,
    at_ns  integer not null,
    source text not null,
    reason text not null,
    spans  integer not null,
    body   blob
);
