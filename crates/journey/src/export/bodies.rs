//! Request bodies of a bounded size.

use journey_model::{Resource, SpanRecord};
use journey_otlp::encode::Request;
use journey_otlp::{Details, Scope};

use crate::limits::BODY_BYTES_MAX;

/// One finished request body.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    /// Records in it.
    pub(super) records: u64,
}

/// Who sends, and under which scope.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sender<'a> {
    pub(super) resource: &'a Resource<'static>,
    pub(super) scope: Scope<'a>,
}

impl Sender<'_> {
    /// Encodes records into bodies that end with the record that reaches the limit.
    pub(super) fn encode<'r>(
        &self,
        records: impl IntoIterator<Item = (SpanRecord<'r>, Details<'r>)>,
    ) -> Vec<Body> {
        let mut bodies = Vec::new();
        let mut request = self.request();
        for (record, details) in records {
            request.push_with(&record, &details);
            if request.len_bytes() >= BODY_BYTES_MAX {
                bodies.push(finish(std::mem::replace(&mut request, self.request())));
            }
        }
        if request.spans() > 0 {
            bodies.push(finish(request));
        }
        bodies
    }

    fn request(&self) -> Request {
        Request::of_scope(self.resource, self.scope)
    }
}

fn finish(request: Request) -> Body {
    Body { records: request.spans() as u64, bytes: request.finish() }
}
