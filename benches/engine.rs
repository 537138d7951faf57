//! What does a signal cost the analyzer, from the bytes of a body to what changed?
//!
//! Decoded, and followed among so many open orders, each signal of another order, without a store.

use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;

use journey_detect::{Definition, Engine, Outputs, Sight};
use journey_otlp::wire;

use crate::case::{Case, Cases};
use crate::orders::Orders;

/// By the name `engine/{open orders}`; an operation is one signal.
pub fn cases() -> Cases {
    let cases = OPEN_ORDERS.map(|orders| {
        (format!("engine/{orders}"), Box::new(move || following(orders)) as Box<dyn FnOnce() -> Case>)
    });
    cases.into()
}

/// An engine and the orders that it follows.
pub struct Following {
    engine: Engine,
    orders: Orders,
    bodies: Vec<Vec<u8>>,
    now_ns: u64,
}

impl Following {
    /// Nobody has heard of the orders yet.
    pub fn new(orders: u32) -> Self {
        let definition = Definition::parse(DEFINITION).expect("the shipped definition is right");
        let orders = Orders::new(orders);
        let now_ns = orders.now_ns();
        Self { engine: Engine::new(definition), orders, bodies: Vec::new(), now_ns }
    }

    /// Lets every order go as far as `go` says, in batches.
    pub fn grow(&mut self, go: impl FnOnce(&mut Orders, &mut dyn FnMut(&[u8], u64))) {
        let engine = &mut self.engine;
        let mut bodies = 0;
        let mut last_ns = self.now_ns;
        go(&mut self.orders, &mut |body, now_ns| {
            observe(engine, body);
            last_ns = now_ns;
            bodies += 1;
            if bodies % BATCH_BODIES == 0 {
                drop(look(engine, now_ns));
            }
        });
        drop(look(engine, last_ns));
        self.now_ns = last_ns;
    }

    /// Lays the bodies of the next batch ready.
    pub fn prepare(&mut self) {
        self.bodies.clear();
        let bodies = &mut self.bodies;
        self.orders.next(BATCH_SIGNALS, |body, _| bodies.push(body.to_vec()));
        self.now_ns = self.orders.now_ns();
    }

    /// Takes that batch: what is measured.
    pub fn take(&mut self) -> Outputs {
        self.bodies.iter().for_each(|body| observe(&mut self.engine, body));
        look(&mut self.engine, self.now_ns)
    }

    /// The engine itself.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}

fn observe(engine: &mut Engine, body: &[u8]) {
    let walked = wire::walk(body, |resource, read| {
        let span = read.expect("the bench's own spans are whole");
        engine.observe(resource, span).expect("no bound is reached");
    });
    walked.expect("the bench's own bodies are whole");
}

fn look(engine: &mut Engine, now_ns: u64) -> Outputs {
    engine.look(Sight::Seeing { since_ns: 0 }, now_ns)
}

fn following(orders: u32) -> Case {
    let mut following = Following::new(orders);
    following.grow(|orders, take| orders.spread(take));
    let following = Rc::new(RefCell::new(following));
    let prepared = Rc::clone(&following);
    let operation = move || drop(black_box(following.borrow_mut().take()));
    Case {
        per_call: BATCH_SIGNALS as u64,
        prepare: Box::new(move |_| prepared.borrow_mut().prepare()),
        ..Case::bare(operation)
    }
}

const DEFINITION: &str = include_str!("../crates/journey-analyzer/journeys.yaml");

/// Open orders of the cases.
const OPEN_ORDERS: [u32; 3] = [10_000, 100_000, 1_000_000];

/// Signals between two looks: a transaction of the analyzer.
const BATCH_SIGNALS: usize = 2_000;
/// The same in bodies, while the orders grow.
const BATCH_BODIES: u32 = 4;
