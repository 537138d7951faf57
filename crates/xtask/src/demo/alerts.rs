//! Watches Alertmanager, and remembers everything that it ever held.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use anyhow::Result;
use reqwest::Client;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

/// One alert from its first sight to its end. The same alert raised again later is another one.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Alert {
    /// Labels, which identify it.
    pub(crate) labels: BTreeMap<String, String>,
    /// Annotations as last seen.
    pub(crate) annotations: BTreeMap<String, String>,
    /// All orders that it ever named.
    #[serde(skip)]
    orders: Vec<String>,
    #[serde(skip)]
    fingerprint: String,
    /// When Alertmanager was first seen to hold it.
    #[serde(serialize_with = "super::report::rfc3339")]
    pub(crate) found_at: SystemTime,
    /// When it was gone again.
    #[serde(serialize_with = "super::report::rfc3339_option")]
    pub(crate) cleared_at: Option<SystemTime>,
}

impl Alert {
    /// Its name.
    pub(crate) fn name(&self) -> &str {
        self.labels.get("alertname").map_or("", String::as_str)
    }

    /// An annotation.
    pub(crate) fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.get(key).map(String::as_str)
    }

    /// Whether label `order_id` or annotation `orders` named the order.
    pub(crate) fn names(&self, order: &str) -> bool {
        self.orders.iter().any(|named| named == order)
    }

    /// The orders that it named.
    pub(crate) fn orders(&self) -> &[String] {
        &self.orders
    }

    fn take(&mut self, held: Held) {
        let label = held.labels.get("order_id").map(String::as_str);
        let listed = held.annotations.get("orders").map_or("", String::as_str);
        // The list is a sentence for people, such as "ORD-1, ORD-2 and 3 more".
        let words = listed.split(|c: char| !(c.is_alphanumeric() || "-_.".contains(c)));
        for order in label.into_iter().chain(words).filter(|word| !word.is_empty()) {
            if !self.names(order) {
                self.orders.push(order.to_owned());
            }
        }
        self.annotations = held.annotations;
    }
}

/// What Alertmanager held so far; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Alerts {
    client: Client,
    url: String,
    environment: String,
    seen: Arc<Mutex<Vec<Alert>>>,
}

impl Alerts {
    /// Alerts of one environment; those of others are none of the demo's business.
    pub(crate) fn of(url: &str, environment: &str) -> Result<Self> {
        let client = Client::builder().timeout(ANSWER_TIME_MAX).build()?;
        let url = format!("{}/api/v2/alerts", url.trim_end_matches('/'));
        Ok(Self { client, url, environment: environment.to_owned(), seen: Arc::default() })
    }

    /// Looks twice a second, for ever. What cannot be read this time is read the next.
    pub(crate) async fn watch(self) {
        loop {
            if let Ok(held) = self.read().await {
                self.note(held);
            }
            sleep(POLL).await;
        }
    }

    /// All alerts so far, without the heartbeat that always fires.
    pub(crate) fn all(&self) -> Vec<Alert> {
        self.seen().iter().filter(|alert| alert.name() != HEARTBEAT).cloned().collect()
    }

    /// Whether the analyzer's heartbeat has arrived: the way from analyzer to Alertmanager is open.
    pub(crate) fn heartbeat(&self) -> bool {
        self.seen().iter().any(|alert| alert.name() == HEARTBEAT)
    }

    async fn read(&self) -> Result<Vec<Held>> {
        Ok(self.client.get(&self.url).send().await?.error_for_status()?.json().await?)
    }

    fn note(&self, held: Vec<Held>) {
        let now = SystemTime::now();
        let held = held.into_iter().filter(|held| held.labels.get("environment") == Some(&self.environment));
        let mut held: BTreeMap<String, Held> = held.map(|held| (held.fingerprint.clone(), held)).collect();
        let mut seen = self.seen();
        for alert in seen.iter_mut().filter(|alert| alert.cleared_at.is_none()) {
            match held.remove(&alert.fingerprint) {
                Some(still) => alert.take(still),
                None => alert.cleared_at = Some(now),
            }
        }
        seen.extend(held.into_values().map(|held| {
            let mut alert = Alert {
                labels: held.labels.clone(),
                annotations: BTreeMap::new(),
                orders: Vec::new(),
                fingerprint: held.fingerprint.clone(),
                found_at: now,
                cleared_at: None,
            };
            alert.take(held);
            alert
        }));
    }

    fn seen(&self) -> MutexGuard<'_, Vec<Alert>> {
        // Each change is one push or one assignment, so a panic elsewhere leaves nothing half done.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An alert as Alertmanager's API v2 gives it; resolved ones are not given.
#[derive(Debug, Deserialize)]
struct Held {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    fingerprint: String,
}

const HEARTBEAT: &str = "JourneyAnalyzerHeartbeat";
const POLL: Duration = Duration::from_millis(500);
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

/// An alert as if it was just found, for the tests of those who judge alerts.
#[cfg(test)]
pub(crate) fn found_now(labels: &[(&str, &str)], annotations: &[(&str, &str)]) -> Alert {
    let texts =
        |pairs: &[(&str, &str)]| pairs.iter().map(|&(key, text)| (key.to_owned(), text.to_owned())).collect();
    let alerts = Alerts::of("http://127.0.0.1:1", "").expect("a client");
    let mut labels: BTreeMap<_, _> = texts(labels);
    labels.insert("environment".to_owned(), String::new());
    alerts.note(vec![Held { labels, annotations: texts(annotations), fingerprint: String::new() }]);
    alerts.all().pop().expect("it was noted")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(labels: &[(&str, &str)], orders: &str) -> Held {
        let text = |&(key, value): &(&str, &str)| (key.to_owned(), value.to_owned());
        let labels: BTreeMap<_, _> = labels.iter().chain(&[("environment", "demo")]).map(text).collect();
        Held {
            fingerprint: format!("{labels:?}"),
            labels,
            annotations: BTreeMap::from([text(&("orders", orders))]),
        }
    }

    /// Scenario: a folded alert lists its orders in a sentence, and later others.
    /// Guarantees: every order it ever listed is found, and no order with a longer id.
    #[test]
    fn listed_orders_are_named() {
        let alerts = Alerts::of("http://127.0.0.1:1", "demo").expect("a client");
        alerts.note(vec![held(&[("alertname", "StageDead")], "ORD-1, ORD-2 and 3 more")]);
        alerts.note(vec![held(&[("alertname", "StageDead")], "ORD-30")]);
        let [alert] = &alerts.all()[..] else { panic!("one alert, seen twice") };
        assert_eq!(
            ["ORD-1", "ORD-2", "ORD-30", "ORD-3"].map(|order| alert.names(order)),
            [true, true, true, false]
        );
    }

    /// Scenario: an alert comes, goes, and comes again; the heartbeat fires all the time.
    /// Guarantees: these are two alerts, the first of them cleared.
    #[test]
    fn raised_twice_is_two_alerts() {
        let alerts = Alerts::of("http://127.0.0.1:1", "demo").expect("a client");
        let both = || {
            vec![
                held(&[("alertname", HEARTBEAT)], ""),
                held(&[("alertname", "OrderStuck"), ("order_id", "A")], ""),
            ]
        };
        alerts.note(both());
        alerts.note(vec![held(&[("alertname", HEARTBEAT)], "")]);
        alerts.note(both());
        let cleared: Vec<_> = alerts.all().iter().map(|alert| alert.cleared_at.is_some()).collect();
        assert_eq!(cleared, [true, false]);
        assert!(alerts.heartbeat());
    }

    /// Scenario: another installation uses the same Alertmanager.
    /// Guarantees: its alerts are not ours.
    #[test]
    fn other_environments_are_ignored() {
        let alerts = Alerts::of("http://127.0.0.1:1", "demo-7").expect("a client");
        alerts.note(vec![held(&[("alertname", "OrderStuck"), ("order_id", "A")], "")]);
        assert!(alerts.all().is_empty());
    }
}
