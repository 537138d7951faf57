//! One courier for each kind of signal.

use std::sync::Arc;

use crate::config::{Destinations, Endpoint};
use crate::init::InitError;
use crate::limits::{
    LANE_RETRY_FOR, LANE_RETRY_PAUSE_MAX, METRIC_RETRY_FOR, SPAN_RETRY_FOR, SPAN_RETRY_PAUSE_MAX,
};

use super::Tally;
use super::courier::{Courier, Patience};
use super::outage::{Outage, Way};
use super::stop::Stop;
use super::transport::Clients;

/// The couriers of all signals that go somewhere.
pub(super) struct Couriers {
    pub(super) lane: Option<Courier>,
    pub(super) metrics: Option<Courier>,
    pub(super) spans: Option<Courier>,
}

impl Couriers {
    /// # Errors
    /// A client cannot be built, because of a certificate for example.
    pub(super) fn new(
        destinations: &Destinations,
        tally: &Arc<Tally>,
        stop: &Stop,
    ) -> Result<Self, InitError> {
        let mut hiring = Hiring { clients: Clients::default(), outages: vec![], tally, stop };
        Ok(Self {
            lane: hiring.courier(Way::Lane, destinations.lane.as_ref())?,
            metrics: hiring.courier(Way::Metrics, destinations.metrics.as_ref())?,
            spans: hiring.courier(Way::Spans, destinations.traces.as_ref())?,
        })
    }
}

/// What couriers share.
struct Hiring<'a> {
    clients: Clients,
    /// By host and port: one line tells of an outage, whatever is on the way there.
    outages: Vec<(String, Arc<Outage>)>,
    tally: &'a Arc<Tally>,
    stop: &'a Stop,
}

impl Hiring<'_> {
    fn courier(&mut self, way: Way, endpoint: Option<&Endpoint>) -> Result<Option<Courier>, InitError> {
        let Some(endpoint) = endpoint else { return Ok(None) };
        Ok(Some(Courier {
            transport: self.clients.transport(endpoint)?,
            way,
            outage: self.outage(endpoint),
            patience: patience(way),
            stop: self.stop.clone(),
        }))
    }

    fn outage(&mut self, endpoint: &Endpoint) -> Arc<Outage> {
        let origin = endpoint.url.origin().ascii_serialization();
        if let Some((_, outage)) = self.outages.iter().find(|(known, _)| *known == origin) {
            return outage.clone();
        }
        let outage = Outage::new(endpoint.to_string(), self.tally.clone());
        self.outages.push((origin, outage.clone()));
        outage
    }
}

fn patience(way: Way) -> Patience {
    match way {
        Way::Lane => Patience { pause_max: LANE_RETRY_PAUSE_MAX, retry_for: LANE_RETRY_FOR },
        Way::Metrics => Patience { pause_max: SPAN_RETRY_PAUSE_MAX, retry_for: METRIC_RETRY_FOR },
        Way::Spans => Patience { pause_max: SPAN_RETRY_PAUSE_MAX, retry_for: SPAN_RETRY_FOR },
    }
}
