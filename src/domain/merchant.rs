//! Merchants, and the accounts that are their staff.

use std::sync::Arc;

use super::ids::MerchantId;
use super::problem::{FieldProblem, FieldProblemKind};

/// A shop that offers deals. It is not an account: the accounts that act for it are its staff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merchant {
    pub id: MerchantId,
    /// The name that buyers see.
    pub name: String,
}

/// The merchants that an account is staff of, ordered by id.
///
/// Nearly every account is staff of no merchant. For such accounts, this type allocates nothing and is cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StaffOf(Option<Arc<[Merchant]>>);

impl StaffOf {
    /// The staff membership for these merchants, given in any order.
    #[must_use]
    pub fn new(mut merchants: Vec<Merchant>) -> Self {
        if merchants.is_empty() {
            return Self(None);
        }
        merchants.sort_by_key(|merchant| merchant.id);
        Self(Some(merchants.into()))
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    #[must_use]
    pub fn merchants(&self) -> &[Merchant] {
        self.0.as_deref().unwrap_or_default()
    }

    #[must_use]
    pub fn ids(&self) -> Vec<MerchantId> {
        self.merchants().iter().map(|merchant| merchant.id).collect()
    }

    #[must_use]
    pub fn get(&self, id: MerchantId) -> Option<&Merchant> {
        self.merchants().iter().find(|merchant| merchant.id == id)
    }

    /// The merchant that offers a new deal: the named merchant, or the only one if none is named.
    ///
    /// # Errors
    /// A problem with `/merchant`: the named merchant is not among these, or none is named and there is not exactly
    /// one.
    pub fn choose(&self, id: Option<&str>) -> Result<&Merchant, FieldProblem> {
        let problem = |kind| FieldProblem::new("merchant", kind);
        match id {
            Some(id) => id
                .trim()
                .parse()
                .ok()
                .and_then(|id| self.get(id))
                .ok_or_else(|| problem(FieldProblemKind::NotYourMerchant)),
            None => self.only().ok_or_else(|| problem(FieldProblemKind::MerchantRequired)),
        }
    }

    #[must_use]
    pub fn contains(&self, id: MerchantId) -> bool {
        self.get(id).is_some()
    }

    /// The only merchant, if there is exactly one.
    #[must_use]
    pub fn only(&self) -> Option<&Merchant> {
        match self.merchants() {
            [merchant] => Some(merchant),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merchant(name: &str) -> Merchant {
        Merchant { id: MerchantId::generate(), name: name.to_owned() }
    }

    #[test]
    fn an_account_is_staff_of_its_merchants_and_of_no_other() {
        let (pottery, bakery) = (merchant("Pottery"), merchant("Bakery"));
        let both = StaffOf::new(vec![bakery.clone(), pottery.clone()]);
        assert!(both.contains(pottery.id) && both.contains(bakery.id) && !both.contains(MerchantId::generate()));
        assert_eq!((both.only(), StaffOf::new(vec![bakery.clone()]).only()), (None, Some(&bakery)));
        assert_eq!(both, StaffOf::new(vec![pottery, bakery]), "the order of the rows makes no difference");
    }

    #[test]
    fn one_of_several_merchants_must_be_named() {
        let (pottery, bakery) = (merchant("Pottery"), merchant("Bakery"));
        let only = StaffOf::new(vec![bakery.clone()]);
        let both = StaffOf::new(vec![pottery, bakery.clone()]);
        let (named, unknown) = (bakery.id.to_string(), MerchantId::generate().to_string());
        assert_eq!((only.choose(None), both.choose(Some(&named))), (Ok(&bakery), Ok(&bakery)));
        for (staff_of, id, code) in [
            (&both, None, "required"),
            (&both, Some(&*unknown), "not_yours"),
            (&only, Some(&*unknown), "not_yours"),
            (&only, Some("bakery"), "not_yours"),
        ] {
            let problem = staff_of.choose(id).unwrap_err();
            assert_eq!((&*problem.pointer, problem.code()), ("/merchant", code));
        }
    }

    #[test]
    fn staff_of_no_merchant_allocates_nothing() {
        assert_eq!((StaffOf::new(Vec::new()), StaffOf::default().ids()), (StaffOf(None), Vec::new()));
    }
}
