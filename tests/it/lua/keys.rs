//! The names of keys.

use super::{Harness, new_deal};

/// Nodes of two schema versions can run concurrently, and neither deletes the other's keys.
#[tokio::test]
async fn each_schema_version_has_its_own_keys() {
    let harness = Harness::start().await;
    let deal = new_deal();
    let keys = &harness.keys;
    let unversioned = |key: String| key.replace(":2:{", ":{");
    let ours =
        [keys.quota(deal), keys.buyers(deal), keys.holds(deal), keys.held(deal), keys.ranges(deal), keys.raising(deal)];
    let theirs = ours.clone().map(unversioned);
    assert!(ours.iter().all(|key| !theirs.contains(key)), "{ours:?}");
    assert_eq!(keys.channel(deal), unversioned(keys.channel(deal)), "the channel has no version");
    assert!(ours.iter().chain(&theirs).all(|key| keys.is_ours(key)), "the audit recognises both");
}
