//! From durable findings to Alertmanager.
//!
//! Reads only rows that are committed. What stands is sent at once, again every minute with an end a few minutes
//! ahead, and after it was cleared as resolved for a quarter of an hour: a lost request, or a restart of either side,
//! changes nothing. Identity is the label set, so texts and times are annotations.

mod post;

use std::collections::HashMap;
use std::time::Duration;

use journey_detect::{FindingKey, Nanos};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::config::Config;
use crate::limits::{ALERT_RESEND, ALERT_RESOLVED_RETENTION, TICK};
use crate::owner::wall_clock_ns;
use crate::store::{Store, StoredFinding};

/// Sends alerts to one member of the Alertmanager set, for ever.
pub struct Sender {
    target: post::Target,
    store: Store,
    changed: watch::Receiver<u64>,
    /// When each alert was last sent, and whether as resolved.
    sent: HashMap<FindingKey, Sent>,
    heartbeat_at: Option<Instant>,
    is_away: bool,
}

#[derive(Clone, Copy)]
struct Sent {
    at: Instant,
    row: i64,
    as_resolved: bool,
}

impl Sender {
    /// A sender to this Alertmanager.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn new(
        url: &str,
        config: &Config,
        store: Store,
        changed: watch::Receiver<u64>,
    ) -> anyhow::Result<Self> {
        let target = post::Target::new(url, config)?;
        Ok(Self { target, store, changed, sent: HashMap::new(), heartbeat_at: None, is_away: false })
    }

    /// Sends until the owner of the engine is gone.
    pub async fn run(mut self) {
        loop {
            if let Err(error) = self.send_due().await {
                metrics::counter!(crate::telemetry::ALERTS_FAILED).increment(1);
                if !self.is_away {
                    tracing::warn!("alerts do not reach {}, trying again: {error:#}", self.target.address());
                }
                self.is_away = true;
            } else if std::mem::take(&mut self.is_away) {
                tracing::info!("alerts reach {} again", self.target.address());
            }
            // A finding wakes it at once, the clock for what is due again.
            let pause = if self.is_away { RETRY_PAUSE } else { TICK * 4 };
            if let Ok(Err(_)) = timeout(pause, self.changed.changed()).await {
                return;
            }
        }
    }

    async fn send_due(&mut self) -> anyhow::Result<()> {
        let now_ns = wall_clock_ns();
        let retention_ns = u64::try_from(ALERT_RESOLVED_RETENTION.as_nanos()).unwrap_or(u64::MAX);
        let found = self.store.findings(false, now_ns.saturating_sub(retention_ns)).await?;
        let current = without_hidden(newest_by_key(found));
        self.sent.retain(|key, _| current.contains_key(key));
        let due: Vec<&StoredFinding> = current.values().filter(|stored| self.is_due(stored)).collect();
        let is_heartbeat_due = self.heartbeat_at.is_none_or(|at| at.elapsed() >= ALERT_RESEND);
        if due.is_empty() && !is_heartbeat_due {
            return Ok(());
        }
        self.target.post(&due, is_heartbeat_due, now_ns).await?;
        let at = Instant::now();
        for stored in due {
            let sent = Sent { at, row: stored.id, as_resolved: stored.cleared_ns.is_some() };
            self.sent.insert(stored.finding.key.clone(), sent);
        }
        if is_heartbeat_due {
            self.heartbeat_at = Some(at);
        }
        Ok(())
    }

    fn is_due(&self, stored: &StoredFinding) -> bool {
        self.sent.get(&stored.finding.key).is_none_or(|sent| {
            sent.row != stored.id
                || sent.as_resolved != stored.cleared_ns.is_some()
                || sent.at.elapsed() >= ALERT_RESEND
        })
    }
}

/// One row a label set: what stands wins over what was cleared, the newest over older ones.
fn newest_by_key(found: Vec<StoredFinding>) -> HashMap<FindingKey, StoredFinding> {
    let mut newest: HashMap<FindingKey, StoredFinding> = HashMap::new();
    let rank = |stored: &StoredFinding| -> (bool, Nanos, i64) {
        (stored.cleared_ns.is_none(), stored.raised_ns, stored.id)
    };
    for stored in found {
        match newest.get(&stored.finding.key) {
            Some(known) if rank(known) >= rank(&stored) => {}
            _ => drop(newest.insert(stored.finding.key.clone(), stored)),
        }
    }
    newest
}

/// What an alert about many orders hides is not sent once that one stands; what was sent before goes on, and
/// Alertmanager's own inhibition hides it.
fn without_hidden(current: HashMap<FindingKey, StoredFinding>) -> HashMap<FindingKey, StoredFinding> {
    let many = |stored: &&StoredFinding| stored.finding.orders.is_some() && stored.cleared_ns.is_none();
    let many: Vec<(FindingKey, Nanos)> =
        current.values().filter(many).map(|stored| (stored.finding.key.clone(), stored.raised_ns)).collect();
    let is_hidden = |key: &FindingKey, stored: &StoredFinding| {
        many.iter().any(|(hiding, since_ns)| hiding.hides(key) && stored.raised_ns >= *since_ns)
    };
    current.into_iter().filter(|(key, stored)| !is_hidden(key, stored)).collect()
}

/// How long an Alertmanager that does not answer is left alone.
const RETRY_PAUSE: Duration = Duration::from_secs(2);
