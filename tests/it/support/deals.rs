//! Deals for tests, valid in every respect that a test does not change.

use std::time::Duration;

use chrono::TimeDelta;
use muster::domain::{Deal, Terms, TermsForm};
use muster::engine::PublishOutcome;

use super::app::Node;
use super::people::Person;

impl Node {
    /// A deal of this merchant that needs 10 buyers, has no cap, and is open from now on for a day.
    pub fn deal<'a>(&'a self, merchant: &'a Person) -> DealBuilder<'a> {
        let now = self.clock.now();
        let form = TermsForm {
            merchant: None,
            title: "Pottery for beginners".to_owned(),
            description: "Two hours at the wheel, **clay included**.".to_owned(),
            price: "19.00".to_owned(),
            face_value: "38.00".to_owned(),
            currency: "USD".to_owned(),
            tipping_point: Some(10),
            cap: None,
            per_buyer_max: Some(4),
            opens_at: Some(now - TimeDelta::seconds(1)),
            closes_at: Some(now + TimeDelta::days(1)),
            time_zone: "Europe/Berlin".to_owned(),
            coupon_expires_at: Some(now + TimeDelta::days(90)),
            city: Some("Berlin".to_owned()),
            category: Some("workshop".to_owned()),
        };
        DealBuilder { node: self, merchant, form }
    }
}

pub struct DealBuilder<'a> {
    node: &'a Node,
    merchant: &'a Person,
    form: TermsForm,
}

impl DealBuilder<'_> {
    pub fn tipping_point(mut self, buyers: i64) -> Self {
        self.form.tipping_point = Some(buyers);
        self
    }

    pub fn cap(mut self, units: i64) -> Self {
        self.form.cap = Some(units);
        self.form.per_buyer_max = self.form.per_buyer_max.map(|max| max.min(units));
        self
    }

    pub fn per_buyer_max(mut self, units: i64) -> Self {
        self.form.per_buyer_max = Some(units);
        self
    }

    pub fn opens_in(mut self, wait: Duration) -> Self {
        self.form.opens_at = Some(self.node.clock.now() + wait);
        self
    }

    pub fn closes_in(mut self, window: Duration) -> Self {
        self.form.closes_at = Some(self.node.clock.now() + window);
        self
    }

    /// Changes any other field.
    pub fn with(mut self, change: impl FnOnce(&mut TermsForm)) -> Self {
        change(&mut self.form);
        self
    }

    /// Stores the deal as a draft.
    pub async fn draft(self) -> Deal {
        let terms = Terms::parse(&self.form, self.node.clock.now()).unwrap();
        self.node.store.create_deal(self.merchant.merchant_id(), &terms, None).await.unwrap()
    }

    /// Stores and publishes the deal.
    pub async fn publish(self) -> Deal {
        let (node, merchant) = (self.node, self.merchant.merchant_id());
        let draft = self.draft().await;
        match node.engine.publish(merchant, draft.id).await.unwrap() {
            PublishOutcome::Published(deal) => *deal,
            refused => panic!("not published: {refused:?}"),
        }
    }
}
