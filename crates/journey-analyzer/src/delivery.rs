//! What crosses the channel into the engine's owner: bytes, and a receipt for whoever sent them.

use bytes::Bytes;
use tokio::sync::oneshot;

/// One assembled body and its receipt.
#[derive(Debug)]
pub struct Delivery {
    /// The body, decompressed, its framing checked.
    pub body: Bytes,
    /// How it is written.
    pub encoding: Encoding,
    /// Where it came from, and how far that source is read with it.
    pub receipt: Receipt,
}

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// OTLP/JSON.
    Json,
    /// OTLP protobuf.
    Protobuf,
}

/// Who waits for the commit.
#[derive(Debug)]
pub enum Receipt {
    /// An OTLP request waits for its answer.
    Request {
        /// The receiver's name.
        source: &'static str,
        /// Told what became of it.
        answer: oneshot::Sender<Outcome>,
    },
    /// The reader of the stream acknowledges messages up to this offset, which is stored with the rows.
    Stream {
        /// Offset of the message in the stream.
        offset: u64,
        /// Told when the offset is durable.
        committed: tokio::sync::mpsc::UnboundedSender<u64>,
    },
}

impl Receipt {
    /// The source's name, as in table `source_offset` and metric label `source`.
    pub fn source(&self) -> &'static str {
        match self {
            Receipt::Request { source, .. } => source,
            Receipt::Stream { .. } => journey_model::stream::EVENTS,
        }
    }
}

/// What became of a delivery.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Spans that could not be taken.
    pub rejected_spans: u64,
    /// Why, if any.
    pub reason: Option<String>,
}
