//! The inbox on a real database.

use super::*;
use crate::test_database::TestDatabase;

/// Scenario: a message is noted and its work is rolled back; it comes again and is committed; it comes a third time.
/// Guarantees: it is new until its work is committed, and never afterwards.
#[tokio::test]
async fn a_redelivery_is_seen() {
    let Some(database) = TestDatabase::create().await else { return };
    let message_id = Uuid::new_v4();
    for (expected, commits) in [(true, false), (true, true), (false, false)] {
        let mut tx = database.pool.begin().await.expect("a transaction");
        assert_eq!(is_new(&mut tx, message_id).await.expect("noted"), expected);
        if commits {
            tx.commit().await.expect("committed")
        } else {
            tx.rollback().await.expect("rolled back")
        }
    }
    wait_for_database(&database.pool).await;
    database.remove().await;
}
