//! The merchant's pages: dashboard, editor, console and till.

pub mod console;
pub mod dashboard;
mod deal_form;
pub mod edit_deal;
pub mod new_deal;
pub mod publish;
pub mod redeem;
pub mod withdraw;

use crate::domain::{Deal, DealId};
use crate::web::page::Context;
use crate::web::page::PageError;

/// The deal with this id, if the visitor is staff of its merchant.
async fn own_deal(context: &Context, id: &str) -> Result<Deal, PageError> {
    let staff_of = &context.merchant()?.staff_of;
    let id: DealId = id.parse().map_err(|_| context.not_found())?;
    let deal = context.app.store.deal(id).await?.filter(|deal| staff_of.contains(deal.merchant));
    deal.ok_or_else(|| context.not_found())
}
