//! What finished stages of a calculation found: a later attempt goes on behind them.

use std::collections::HashMap;

use journey::sqlx::PgPool;

/// Results of the finished stages of one job, by the name of the stage.
pub(crate) struct Checkpoints(HashMap<String, Vec<u8>>);

impl Checkpoints {
    /// What earlier attempts left for an order.
    pub(crate) async fn of(db: &PgPool, order_id: &str) -> sqlx::Result<Self> {
        let rows = sqlx::query!("SELECT stage, result FROM checkpoints WHERE order_id = $1", order_id)
            .fetch_all(db)
            .await?;
        Ok(Self(rows.into_iter().map(|row| (row.stage, row.result)).collect()))
    }

    /// The result of a stage, if it was finished.
    pub(crate) fn take(&mut self, stage: &str) -> Option<Vec<u8>> {
        self.0.remove(stage)
    }
}
