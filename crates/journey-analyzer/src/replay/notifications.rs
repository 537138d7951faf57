//! How often people would have been told: Alertmanager's grouping, in event time.
//!
//! A group is what shares an alert's name and a stage. It is told [`GROUP_WAIT_NS`] after its first alert, and from
//! then on every [`GROUP_INTERVAL_NS`], but only if an alert fires that was not told yet. Repeats of what stands, and
//! the news that it is over, are not counted. An alert about many orders hides those about one, as its rules inhibit.

use std::collections::{BTreeMap, BTreeSet};

use journey_detect::{Alert, FindingKey, Nanos};

use super::ledger::Told;

/// Alert name and stage.
type Group = (String, String);

/// From when to when an alert fired.
type Stretch = (Nanos, Nanos);

/// A stretch of time in which one alert fired.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Life<I> {
    group: Group,
    /// What tells it from other alerts of its group.
    identity: I,
    /// When it began to fire.
    from_ns: Nanos,
    /// When it ended.
    to_ns: Option<Nanos>,
}

/// The notifications of everything that was told.
pub(super) fn of(told: &[Told]) -> u64 {
    let many: Vec<&Told> = told.iter().filter(|one| one.finding.key.order.is_empty()).collect();
    count(told.iter().filter_map(|one| life(one, &many)))
}

/// When this one is to be seen: until something hides it.
fn life<'t>(told: &'t Told, many: &[&Told]) -> Option<Life<&'t FindingKey>> {
    let key = &told.finding.key;
    let mut to_ns = told.cleared_ns;
    for other in many.iter().filter(|other| hides(&other.finding.key, key)) {
        let is_over = other.cleared_ns.is_some_and(|cleared_ns| cleared_ns <= told.raised_ns);
        match other.raised_ns.checked_sub(told.raised_ns) {
            _ if is_over => {}
            None | Some(0) => return None,
            Some(_) => to_ns = Some(to_ns.map_or(other.raised_ns, |to_ns| to_ns.min(other.raised_ns))),
        }
    }
    let group = (key.alert.as_str().to_owned(), key.stage.to_string());
    Some(Life { group, identity: key, from_ns: told.raised_ns, to_ns })
}

/// The rules of inhibition of the shipped `alertmanager.yml`.
fn hides(many: &FindingKey, one: &FindingKey) -> bool {
    match many.alert {
        _ if many.hides(one) => true,
        Alert::StageDead => {
            matches!(one.alert, Alert::OrderStuck | Alert::StageSlow) && many.stage == one.stage
        }
        Alert::PipelineSilent => {
            matches!(one.alert, Alert::OrderStuck | Alert::StageDead) && many.instance.is_none()
        }
        _ => false,
    }
}

/// The notifications of all groups.
fn count<I: Ord>(lives: impl IntoIterator<Item = Life<I>>) -> u64 {
    let mut groups: BTreeMap<Group, BTreeMap<I, Vec<Stretch>>> = BTreeMap::new();
    for Life { group, identity, from_ns, to_ns } in lives {
        let alert = groups.entry(group).or_default().entry(identity).or_default();
        alert.push((from_ns, to_ns.unwrap_or(Nanos::MAX)));
    }
    groups.into_values().map(|alerts| of_group(alerts.into_values().flat_map(joined).collect())).sum()
}

/// An alert that goes on for another cause is the same alert to people.
fn joined(mut lives: Vec<Stretch>) -> Vec<Stretch> {
    lives.sort_unstable();
    let mut whole: Vec<Stretch> = Vec::new();
    for (from_ns, to_ns) in lives {
        match whole.last_mut() {
            Some(last) if from_ns <= last.1 => last.1 = last.1.max(to_ns),
            _ => whole.push((from_ns, to_ns)),
        }
    }
    whole
}

fn of_group(mut lives: Vec<Stretch>) -> u64 {
    lives.sort_unstable();
    let mut told = 0;
    let mut next = 0;
    // When the members of the group end; it exists while it has any.
    let mut members: BTreeSet<(Nanos, usize)> = BTreeSet::new();
    let mut flush_ns = 0;
    while next < lives.len() {
        members.retain(|(to_ns, _)| *to_ns > flush_ns);
        let (from_ns, _) = lives[next];
        flush_ns = if members.is_empty() {
            flush_ns.max(from_ns.saturating_add(GROUP_WAIT_NS))
        } else {
            // The ticks of the group go on; the first one that is not before the news.
            let ticks = from_ns.saturating_sub(flush_ns).div_ceil(GROUP_INTERVAL_NS).max(1);
            flush_ns.saturating_add(ticks.saturating_mul(GROUP_INTERVAL_NS))
        };
        let mut has_news = false;
        while next < lives.len() && lives[next].0 <= flush_ns {
            let (_, to_ns) = lives[next];
            // What is over before it is told is never told.
            if to_ns > flush_ns {
                members.insert((to_ns, next));
                has_news = true;
            }
            next += 1;
        }
        told += u64::from(has_news);
    }
    told
}

/// `group_wait` of the shipped `alertmanager.yml`.
const GROUP_WAIT_NS: Nanos = 30 * 1_000_000_000;
/// `group_interval` of the shipped `alertmanager.yml`.
const GROUP_INTERVAL_NS: Nanos = 300 * 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_NS: Nanos = 60 * 1_000_000_000;

    fn life(stage: &str, order: u64, from_min: u64, to_min: Option<u64>) -> Life<u64> {
        let (from_ns, to_ns) = (from_min * MINUTE_NS, to_min.map(|to| to * MINUTE_NS));
        Life { group: ("OrderStuck".into(), stage.into()), identity: order, from_ns, to_ns }
    }

    /// Scenario: a thousand orders stuck at one stage within minutes; one that is over at once; two stages; a second
    /// trouble hours later while the first stands, and after it is over; one that goes on for another cause.
    /// Guarantees: one notification for each time that people learn something new.
    #[test]
    fn groups_are_told_together() {
        let thousand = (0..1_000).map(|at| life("price", at, 10 + at / 400, None));
        assert_eq!(count(thousand), 2, "the first, and five minutes later the rest");
        assert_eq!(count([life("price", 1, 10, Some(10))]), 0);
        assert_eq!(count([life("price", 1, 10, None), life("accept", 1, 10, None)]), 2);
        assert_eq!(count([life("price", 1, 10, None), life("price", 2, 300, None)]), 2);
        assert_eq!(count([life("price", 1, 10, Some(20)), life("price", 1, 300, Some(310))]), 2);
        assert_eq!(count([life("price", 1, 10, Some(300)), life("price", 1, 300, None)]), 1);
    }
}
