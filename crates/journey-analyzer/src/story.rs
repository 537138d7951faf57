//! An order's story, built from the rows.

use journey_detect::{Definition, Finding, Story};

use crate::owner::wall_clock_ns;
use crate::store::Store;

/// Tells the story of the journey that has this name, or this value under any key; `None` if there is none.
///
/// # Errors
/// The store cannot be read.
pub async fn tell(
    store: &Store,
    definition: &Definition,
    name_or_key: &str,
) -> anyhow::Result<Option<Story>> {
    let Some(journey) = store.find_journey(name_or_key).await? else { return Ok(None) };
    let attempts = store.attempts(&journey.name).await?;
    let findings = store.findings(true, 0).await?;
    // What is slow for all is news to an order that is there now.
    let is_here = |found: &Finding| {
        attempts.iter().any(|attempt| attempt.is_open() && *attempt.stage == *found.key.stage)
            || journey.waits_for.iter().any(|stage| **stage == *found.key.stage)
    };
    let is_of_it =
        |found: &Finding| *found.key.order == *journey.name || (found.is_trend() && is_here(found));
    let standing: Vec<Finding> = findings.into_iter().map(|stored| stored.finding).filter(is_of_it).collect();
    let first_signal_ns = store.first_signal_ns().await?.unwrap_or(0);
    let now_ns = wall_clock_ns();
    let story = Story::tell(
        definition,
        &journey.name,
        journey.verdict,
        attempts,
        [],
        standing,
        first_signal_ns,
        now_ns,
    );
    Ok(Some(story))
}
