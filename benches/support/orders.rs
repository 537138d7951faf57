//! Orders that go their way at the same time, as the exporters of their services tell it: the load of the engine.
//!
//! Each order has three ids (the anchor and two aliases, which it learns one after the other), two facets, and a script
//! of stages of the shipped definition. In a round every order does the next step of its script, in an order that
//! looks random; a round lasts [`ROUND_NS`]. An order at the end of its script gives its place to a new one, and stays
//! open. All of it depends on nothing but the number of orders.

use std::fmt::Write as _;

use journey_model::{
    Attribute, ProcessState, Resource, Signal, SpanId, SpanKind, SpanRecord, SpanStatus, StageOutcome,
    TraceId, attribute,
};
use journey_otlp::encode::Request;

use crate::script::{STAGES, Step, steps};

/// Orders under way.
pub struct Orders {
    places: Vec<Place>,
    steps: Vec<Step>,
    instances: Vec<Instance>,
    next_number: u32,
    round: Round,
    now_ns: u64,
    texts: Texts,
}

/// An order, and the next step of its script.
#[derive(Debug, Clone, Copy)]
struct Place {
    number: u32,
    step: u8,
}

impl Orders {
    /// So many orders that nobody has heard of.
    pub fn new(orders: u32) -> Self {
        let places = (0..orders).map(|number| Place { number, step: 0 }).collect();
        let instances = (0..INSTANCES).map(Instance::new).collect();
        Self {
            places,
            steps: steps(),
            instances,
            next_number: orders,
            round: Round::new(orders, 0),
            now_ns: BEGIN_NS,
            texts: Texts::default(),
        }
    }

    /// Event time of the last signal, in nanoseconds since the Unix epoch.
    pub fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// The signals of every order up to the end of its stage of this number, in bodies of [`BODY_SPANS`].
    pub fn go_to_stage(&mut self, stage: usize, mut take: impl FnMut(&[u8], u64)) {
        let last = self.steps.iter().rposition(|step| step.stage < stage).map_or(0, |at| at + 1);
        self.go(last, |_| 0, &mut take);
    }

    /// The signals of every order up to a step of its script, each another, in bodies of [`BODY_SPANS`].
    pub fn spread(&mut self, mut take: impl FnMut(&[u8], u64)) {
        let last = self.steps.len();
        self.go(last, |number| mixed(number.into()) as usize % last, &mut take);
    }

    /// The next signals of the orders under way, in bodies of at most [`BODY_SPANS`].
    pub fn next(&mut self, mut signals: usize, mut take: impl FnMut(&[u8], u64)) {
        while signals > 0 {
            let spans = signals.min(BODY_SPANS);
            let mut body = Body::new(&self.instances);
            while body.spans < spans {
                let place = self.next_place();
                self.push(place, &mut body);
            }
            signals -= spans;
            take(&body.finish(), self.now_ns);
        }
    }

    /// What happened in so many rounds, in each of which every order did a step unless it had to wait for as many rounds
    /// as `waits` says. It arrives late, order by order: the engine comes to the same, and looks at each order about once
    /// instead of after each of its steps, which would take most of an hour with a million of them.
    fn go(&mut self, rounds: usize, waits: impl Fn(u32) -> usize, take: &mut impl FnMut(&[u8], u64)) {
        let orders = self.places.len() as u32;
        let over = Round::new(orders, rounds as u32);
        let over_ns = begin_ns(over.number);
        let mut round = Round::new(orders, 0);
        let mut body = Body::new(&self.instances);
        while let Some(place) = round.next() {
            let place = place as usize;
            for number in waits(self.places[place].number)..rounds {
                self.now_ns = begin_ns(number as u32) + round.done_ns();
                self.push(place, &mut body);
            }
            if body.spans >= BODY_SPANS {
                take(&std::mem::replace(&mut body, Body::new(&self.instances)).finish(), over_ns);
            }
        }
        if body.spans > 0 {
            take(&body.finish(), over_ns);
        }
        self.round = over;
        self.now_ns = over_ns;
    }

    fn next_place(&mut self) -> usize {
        let orders = self.places.len() as u32;
        let place = self.round.next().unwrap_or_else(|| {
            self.round = Round::new(orders, self.round.number + 1);
            self.round.next().expect("there is an order")
        });
        self.now_ns = begin_ns(self.round.number) + self.round.done_ns();
        place as usize
    }

    /// What the order in this place says next.
    fn push(&mut self, place: usize, body: &mut Body) {
        let Place { number, step } = self.places[place];
        let Some(step) = self.steps.get(usize::from(step)).copied() else {
            self.places[place] = Place { number: self.next_number, step: 0 };
            self.next_number += 1;
            return self.push(place, body);
        };
        self.places[place].step += 1;
        let of = STAGES[step.stage].service * PER_SERVICE + number as usize % PER_SERVICE;
        let instance = &mut self.instances[of];
        if self.now_ns >= instance.next_process_ns {
            instance.next_process_ns = self.now_ns + PROCESS_NS;
            body.push(of, &process(self.now_ns, number, instance.seq));
        }
        self.texts.write(number);
        body.push(of, &signal(number, step, self.now_ns, &mut instance.seq, &self.texts));
    }
}

/// A body of spans of several services.
struct Body {
    requests: Vec<Request>,
    spans: usize,
}

impl Body {
    fn new(instances: &[Instance]) -> Self {
        let request =
            |instance: &Instance| Request::new(&instance.resource, "journey", attribute::JOURNEY_SCHEMA_URL);
        Self { requests: instances.iter().map(request).collect(), spans: 0 }
    }

    fn push(&mut self, instance: usize, span: &SpanRecord<'_>) {
        self.requests[instance].push(span);
        self.spans += 1;
    }

    /// Requests one after the other are one request of all their spans.
    fn finish(self) -> Vec<u8> {
        let spoke = self.requests.into_iter().filter(|request| request.spans() > 0);
        spoke.flat_map(Request::finish).collect()
    }
}

/// A running service.
struct Instance {
    resource: Resource<'static>,
    /// The last number that it used.
    seq: i64,
    next_process_ns: u64,
}

impl Instance {
    fn new(number: usize) -> Self {
        let service = ["shop-api", "crm-api", "mes-api"][number / PER_SERVICE];
        let id = format!("6f9619ff-8b86-4011-b42d-00c04fc964f{number:x}");
        let attributes = vec![
            Attribute::new(attribute::SERVICE_NAME, service),
            Attribute::new(attribute::SERVICE_VERSION, "1.4.2"),
            Attribute::new(attribute::SERVICE_INSTANCE_ID, id),
            Attribute::new("deployment.environment.name", "production"),
            Attribute::new("telemetry.sdk.language", "rust"),
        ];
        Self { resource: Resource { attributes }, seq: 0, next_process_ns: 0 }
    }
}

/// The ids of an order as texts.
#[derive(Default)]
struct Texts {
    order: String,
    cart: String,
    production: String,
}

impl Texts {
    fn write(&mut self, number: u32) {
        for (text, arguments) in [
            (&mut self.order, format_args!("ORD-2026-{number:07}")),
            (
                &mut self.cart,
                format_args!("{:08x}-8b86-4011-b42d-{:012x}", number, mixed(number.into()) >> 16),
            ),
            (&mut self.production, format_args!("MES-2026-{:02}-{number:07}", number % 12 + 1)),
        ] {
            text.clear();
            text.write_fmt(arguments).expect("a String takes everything");
        }
    }
}

/// The span of one step.
fn signal<'a>(number: u32, step: Step, at_ns: u64, seq: &mut i64, texts: &'a Texts) -> SpanRecord<'a> {
    let stage = &STAGES[step.stage];
    let stage_span = span_id(number, step.stage as u64);
    let is_end = step.signal == Signal::End;
    let mut attributes = Vec::with_capacity(16);
    let mut say =
        |key: &'static str, value: journey_model::Value<'a>| attributes.push(Attribute::new(key, value));
    say(attribute::JOURNEY_SIGNAL, step.signal.as_str().into());
    say(attribute::JOURNEY_STAGE_NAME, stage.name.into());
    say(attribute::JOURNEY_STAGE_ATTEMPT, 1.into());
    say(attribute::JOURNEY_HEAD_SAMPLED, number.is_multiple_of(100).into());
    say(attribute::CART_ID, texts.cart.as_str().into());
    if step.stage >= stage_of("order_create") {
        say(attribute::ORDER_ID, texts.order.as_str().into());
    }
    if step.stage >= stage_of("price.load_model") {
        say(attribute::PRODUCTION_ID, texts.production.as_str().into());
    }
    say("journey.facet.material", MATERIALS[number as usize % MATERIALS.len()].into());
    say("journey.facet.file_size", FILE_SIZES[number as usize / 7 % FILE_SIZES.len()].into());
    match step.signal {
        Signal::Start => say(attribute::JOURNEY_STAGE_HEARTBEAT_SEQUENCE, 0.into()),
        Signal::Beat => {
            say(attribute::JOURNEY_STAGE_HEARTBEAT_SEQUENCE, i64::from(step.beat).into());
            say(attribute::JOURNEY_STAGE_HEARTBEAT_INTERVAL, 15.0.into());
            say(attribute::JOURNEY_STAGE_IDLE, 0.25.into());
        }
        Signal::End => say(attribute::JOURNEY_STAGE_OUTCOME, StageOutcome::Ok.as_str().into()),
        Signal::Process => {}
    }
    if step.signal != Signal::Beat {
        *seq += 1;
        say(attribute::JOURNEY_SEQ, (*seq).into());
    }
    SpanRecord {
        trace_id: trace_id(number, stage.trace),
        span_id: if is_end { stage_span } else { span_id(number, 1_000 + u64::from(step.number)) },
        // What caused a stage is a span of a request or of a delivery, which is not on the lane.
        parent_span_id: Some(if is_end { span_id(number, 2_000 + step.stage as u64) } else { stage_span }),
        name: stage.span_name.into(),
        kind: SpanKind::Internal,
        start_ns: if is_end { at_ns - step.lasted_rounds * ROUND_NS } else { at_ns },
        end_ns: at_ns,
        flags: u8::from(number.is_multiple_of(100)),
        trace_state: "".into(),
        attributes,
        links: Vec::new(),
        status: SpanStatus::Unset,
    }
}

/// The sign of life of an instance.
fn process(at_ns: u64, number: u32, seq: i64) -> SpanRecord<'static> {
    SpanRecord {
        trace_id: trace_id(number, at_ns),
        span_id: span_id(number, at_ns),
        parent_span_id: None,
        name: "process".into(),
        kind: SpanKind::Internal,
        start_ns: at_ns,
        end_ns: at_ns,
        flags: 0,
        trace_state: "".into(),
        attributes: vec![
            Attribute::new(attribute::JOURNEY_SIGNAL, Signal::Process.as_str()),
            Attribute::new(attribute::JOURNEY_PROCESS_STATE, ProcessState::Running.as_str()),
            Attribute::new(attribute::JOURNEY_SEQ, seq),
        ],
        links: Vec::new(),
        status: SpanStatus::Unset,
    }
}

fn trace_id(number: u32, part: u64) -> TraceId {
    let high = mixed(u64::from(number) << 8 ^ part) | 1;
    let bytes = u128::from(high) << 64 | u128::from(mixed(high));
    TraceId::from_bytes(bytes.to_be_bytes()).expect("it is odd in the upper half")
}

fn span_id(number: u32, part: u64) -> SpanId {
    SpanId::from_bytes((mixed(u64::from(number) << 20 ^ part) | 1).to_be_bytes()).expect("it is odd")
}

fn stage_of(name: &str) -> usize {
    STAGES.iter().position(|stage| stage.name == name).expect("it is in the list")
}

/// Every place once, in an order that looks random and has nothing to do with that of the round before: a Feistel network
/// over an even number of bits, which leaves out what is no place.
struct Round {
    number: u32,
    places: u32,
    done: u32,
    next: u32,
    half_bits: u32,
}

impl Round {
    fn new(places: u32, number: u32) -> Self {
        let half_bits = places.next_power_of_two().trailing_zeros().div_ceil(2).max(1);
        Self { number, places, done: 0, next: 0, half_bits }
    }

    fn next(&mut self) -> Option<u32> {
        if self.done == self.places {
            return None;
        }
        self.done += 1;
        loop {
            let place = self.permuted(self.next);
            self.next += 1;
            if place < self.places {
                return Some(place);
            }
        }
    }

    /// How long after its begin the last of its places had its turn.
    fn done_ns(&self) -> u64 {
        u64::from(self.done - 1) * ROUND_NS / u64::from(self.places)
    }

    fn permuted(&self, number: u32) -> u32 {
        let mask = (1 << self.half_bits) - 1;
        let halves = (number >> self.half_bits, number & mask);
        let (left, right) = (0..4).fold(halves, |(left, right), turn| {
            let key = u64::from(self.number) << 34 | turn << 32 | u64::from(right);
            (right, left ^ (mixed(key) as u32 & mask))
        });
        left << self.half_bits | right
    }
}

/// When the round of this number begins.
fn begin_ns(round: u32) -> u64 {
    BEGIN_NS + u64::from(round) * ROUND_NS
}

/// A number that shares nothing visible with its neighbours: the finaliser of SplitMix64.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

/// Spans of one body: a batch of an exporter.
pub(crate) const BODY_SPANS: usize = 512;

/// Instances of each service.
const PER_SERVICE: usize = 2;
const INSTANCES: usize = 3 * PER_SERVICE;

/// 2026-11-02T08:00:00Z, a Monday.
const BEGIN_NS: u64 = 1_793_606_400_000_000_000;

/// How long a round lasts: short enough that nothing becomes overdue.
const ROUND_NS: u64 = 4_000_000_000;

const PROCESS_NS: u64 = 15_000_000_000;

const MATERIALS: [&str; 5] = ["gold-585", "gold-750", "silver-925", "platinum-950", "titanium"];
const FILE_SIZES: [&str; 4] = ["under 1 MB", "1-10 MB", "10-50 MB", "over 50 MB"];
