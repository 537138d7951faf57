//! The file that says which stage span belongs to which orders.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::ledger::Ledger;

/// Writes `{"trace_id", "span_id", "journeys"}` for each stage span, one a line, sorted by ids.
pub(super) fn write(path: &Path, ledger: &Ledger) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut spans: Vec<_> = ledger.spans.iter().collect();
    spans.sort_unstable_by_key(|(id, _)| **id);
    for (id, names) in spans {
        let mut journeys: Vec<&str> = names.iter().map(|name| &**name).collect();
        journeys.retain(|name| ledger.is_order(name));
        journeys.sort_unstable();
        let line = serde_json::json!({
            "trace_id": id.trace_id.to_string(),
            "span_id": id.span_id.to_string(),
            "journeys": journeys,
        });
        writeln!(file, "{line}")?;
    }
    file.flush()
}
