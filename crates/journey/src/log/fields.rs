//! The fields of `tracing` spans, in the form that the line needs.

use std::fmt;

use tracing::span::Record;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{DefaultFields, JsonFields, Writer};
use tracing_subscriber::fmt::{FormatFields, FormattedFields};

use super::Format;

/// JSON for lines in JSON, else text. Which one is known only at run time.
#[derive(Debug)]
pub(super) enum Fields {
    Json(JsonFields),
    Text(DefaultFields),
}

impl Fields {
    pub(super) fn for_format(format: &Format) -> Self {
        if format.is_json() { Fields::Json(JsonFields::new()) } else { Fields::Text(DefaultFields::new()) }
    }
}

impl<'writer> FormatFields<'writer> for Fields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        match self {
            Fields::Json(json) => json.format_fields(writer, fields),
            Fields::Text(text) => text.format_fields(writer, fields),
        }
    }

    /// JSON is read and written anew, because appending would end in something else.
    fn add_fields(&self, current: &'writer mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        let written = std::mem::take(&mut current.fields);
        match self {
            Fields::Json(json) => {
                let mut of_json = FormattedFields::new(written);
                let result = json.add_fields(&mut of_json, fields);
                current.fields = of_json.fields;
                result
            }
            Fields::Text(text) => {
                let mut of_text = FormattedFields::new(written);
                let result = text.add_fields(&mut of_text, fields);
                current.fields = of_text.fields;
                result
            }
        }
    }
}
