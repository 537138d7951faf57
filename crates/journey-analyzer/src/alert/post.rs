//! The requests of Alertmanager's API v2.

use anyhow::{Context, bail};
use chrono::{DateTime, SecondsFormat, Utc};
use journey_detect::Nanos;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::StatusCode;
use serde_json::{Map, Value, json};

use crate::config::Config;
use crate::limits::{ALERT_TIMEOUT, ALERT_VALID, ALERTS_PER_POST_MAX};
use crate::store::StoredFinding;

/// One member of the Alertmanager set.
pub(super) struct Target {
    client: reqwest::Client,
    url: String,
    environment: String,
    journey_url: String,
    runbook_url: Option<String>,
}

impl Target {
    pub(super) fn new(url: &str, config: &Config) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().timeout(ALERT_TIMEOUT).build().context("no HTTP client")?;
        let journey_url = config.journey_url.clone().unwrap_or_else(|| format!("http://{}", config.api));
        Ok(Self {
            client,
            url: url.to_owned(),
            environment: config.environment.clone(),
            journey_url,
            runbook_url: config.runbook_url.clone(),
        })
    }

    /// The address for the log: a URL may hold a password.
    pub(super) fn address(&self) -> &str {
        self.url.rsplit_once('@').map_or(&self.url, |(_, address)| address)
    }

    /// Sends these findings as alerts, and the heartbeat if it is due.
    pub(super) async fn post(
        &self,
        findings: &[&StoredFinding],
        with_heartbeat: bool,
        now_ns: Nanos,
    ) -> anyhow::Result<()> {
        let heartbeat = with_heartbeat.then(|| self.heartbeat(now_ns));
        let alerts: Vec<Value> =
            heartbeat.into_iter().chain(findings.iter().map(|stored| self.alert(stored, now_ns))).collect();
        for chunk in alerts.chunks(ALERTS_PER_POST_MAX) {
            if self.send(chunk).await? {
                continue;
            }
            // The valid ones of a refused request are stored; find the one that is not.
            for alert in chunk {
                if !self.send(std::slice::from_ref(alert)).await? {
                    tracing::error!("{} refuses the alert {alert}", self.address());
                }
            }
        }
        Ok(())
    }

    /// `false`: the request was refused as invalid, and sending it again would not help.
    async fn send(&self, alerts: &[Value]) -> anyhow::Result<bool> {
        let url = format!("{}/api/v2/alerts", self.url);
        let response = self.client.post(url).json(alerts).send().await?;
        match response.status() {
            status if status.is_success() => Ok(true),
            status @ (StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS) => {
                bail!("it answered {status}")
            }
            status if status.is_client_error() => Ok(false),
            status => bail!("it answered {status}"),
        }
    }

    fn alert(&self, stored: &StoredFinding, now_ns: Nanos) -> Value {
        let finding = &stored.finding;
        let key = &finding.key;
        let mut labels = self.labels(key.alert.as_str(), key.severity.as_str());
        let optional = [
            ("order_id", Some(&key.order)),
            ("journey_stage", Some(&key.stage)),
            ("rule", key.rule.as_ref()),
            ("service", key.service.as_ref()),
            ("from_stage", key.from_stage.as_ref()),
            ("facet", key.facet.as_ref()),
            ("value", key.value.as_ref()),
            ("service_instance", key.instance.as_ref()),
        ];
        for (name, value) in optional {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                labels.insert(name.into(), json!(value));
            }
        }
        let mut annotations = Map::new();
        let mut annotate = |name: &str, value: String| annotations.insert(name.to_owned(), value.into());
        annotate("summary", finding.summary.to_string());
        annotate("reason", finding.reason.to_string());
        annotate("evidence", finding.evidence.to_string());
        let orders = finding.orders.as_ref().map_or_else(|| key.order.to_string(), ToString::to_string);
        annotate("orders", orders);
        // About many orders: the first of them tells the story.
        let some = finding.orders.as_ref().and_then(|orders| orders.some.first());
        let order = some.unwrap_or(&key.order);
        let order_url = if order.is_empty() { self.journey_url.clone() } else { self.order_url(order) };
        annotate("journey_url", order_url.clone());
        if let Some(stage) = &finding.waiting_for {
            annotate("waiting_for", stage.to_string());
        }
        if let Some(trace_id) = finding.trace_id {
            annotate("trace_id", trace_id.to_string());
        }
        if let Some(url) = &self.runbook_url {
            annotate("runbook_url", format!("{url}#{}", key.alert));
        }
        // A resolved alert ends after it starts, even if both happened within one tick.
        let ends_ns = stored
            .cleared_ns
            .map_or_else(|| valid_until(now_ns), |cleared| cleared.max(stored.raised_ns + 1));
        json!({
            "labels": labels,
            "annotations": annotations,
            "startsAt": rfc3339(stored.raised_ns),
            "endsAt": rfc3339(ends_ns),
            "generatorURL": order_url,
        })
    }

    /// Where the order's story is. An id may hold anything; Alertmanager refuses what is no URL.
    fn order_url(&self, order: &str) -> String {
        format!("{}/api/v1/orders/{}", self.journey_url, utf8_percent_encode(order, NON_ALPHANUMERIC))
    }

    /// The dead man's switch: it fires as long as the analyzer works.
    fn heartbeat(&self, now_ns: Nanos) -> Value {
        json!({
            "labels": self.labels("JourneyAnalyzerHeartbeat", "info"),
            "annotations": { "summary": "The journey analyzer is at work." },
            "startsAt": rfc3339(now_ns),
            "endsAt": rfc3339(valid_until(now_ns)),
        })
    }

    fn labels(&self, alert: &str, severity: &str) -> Map<String, Value> {
        let pairs = [
            ("alertname", alert),
            ("source", "journey-analyzer"),
            ("environment", &self.environment),
            ("severity", severity),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
    }
}

fn valid_until(now_ns: Nanos) -> Nanos {
    now_ns.saturating_add(u64::try_from(ALERT_VALID.as_nanos()).unwrap_or(u64::MAX))
}

fn rfc3339(at_ns: Nanos) -> String {
    let at = i64::try_from(at_ns).unwrap_or(i64::MAX);
    DateTime::<Utc>::from_timestamp_nanos(at).to_rfc3339_opts(SecondsFormat::Millis, true)
}
