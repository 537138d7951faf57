//! A call, as the hooks of a pool see it.

/// What a hook of [`Builder`](crate::Builder) may look at, before the call is made.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    pub(crate) text: &'a str,
    pub(crate) summary: &'a str,
    pub(crate) has_bound_values: bool,
}

impl<'a> Query<'a> {
    /// The text as it was given to sqlx, literals and comments included.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// `db.query.summary`, such as `SELECT orders`. Empty if no operation was found in the text.
    pub fn summary(&self) -> &'a str {
        self.summary
    }

    /// Whether values are bound to it.
    pub fn has_bound_values(&self) -> bool {
        self.has_bound_values
    }
}
