//! An order's story, built from the rows.

use journey_detect::{Definition, Story};

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
    let standing =
        findings.into_iter().map(|stored| stored.finding).filter(|found| *found.key.order == *journey.name);
    let first_signal_ns = store.first_signal_ns().await?.unwrap_or(0);
    let now_ns = wall_clock_ns();
    let story = Story::tell(
        definition,
        &journey.name,
        journey.verdict,
        attempts,
        [],
        standing.collect(),
        first_signal_ns,
        now_ns,
    );
    Ok(Some(story))
}
