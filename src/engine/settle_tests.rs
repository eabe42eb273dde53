use super::*;
use crate::domain::{AccountId, SignupId};

fn waiting(deal: DealId, after: i64, rev: i64, units: u32) -> Unsettled {
    Unsettled { deal, signup: SignupId::generate(), buyer: AccountId::generate(), units, rev, after }
}

fn keys() -> CodeKeys {
    CodeKeys::new(vec![(1, [1; 32])], vec![])
}

#[test]
fn a_chunk_settles_each_of_its_deals_from_its_first_signup_to_its_last() {
    let [one, other] = [DealId::generate(), DealId::generate()];
    let chunk = prepare(&[waiting(one, 7, 9, 2), waiting(one, 9, 12, 1), waiting(other, 0, 3, 1)], &keys());
    let steps: HashMap<_, _> = chunk.settling.iter().map(|s| (s.deal, (s.from, s.to))).collect();
    assert_eq!(steps, HashMap::from([(one, (7, 12)), (other, (0, 3))]));
    assert_eq!(chunk.coupons.iter().map(|c| c.ordinal).collect::<Vec<_>>(), [1, 2, 1, 1]);
}

#[test]
fn a_deal_is_settled_only_up_to_a_gap_in_the_chunk() {
    let deal = DealId::generate();
    let chunk = prepare(&[waiting(deal, 0, 1, 1), waiting(deal, 2, 3, 1)], &keys());
    assert_eq!(chunk.settling, [Settling { deal, from: 0, to: 1 }]);
    assert_eq!(chunk.coupons.len(), 1);
}

#[test]
fn without_a_key_nothing_is_settled() {
    let chunk = prepare(&[waiting(DealId::generate(), 0, 1, 1)], &CodeKeys::new(vec![], vec![]));
    assert!(chunk.coupons.is_empty());
}
