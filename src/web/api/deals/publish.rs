//! `POST /deals/{id}/publish`: publishes a draft.

use actix_web::{HttpResponse, web};

use super::{DealView, view};
use crate::App;
use crate::domain::DealId;
use crate::engine::PublishOutcome;
use crate::limits::Limit;
use crate::web::problem::{Code, Problem};
use crate::web::request::{Id, Merchant, needs};

/// `POST /deals/{id}/publish`
#[utoipa::path(
    post, path = "/deals/{id}/publish", tag = "deals", operation_id = "publish_deal",
    summary = "Publish a deal",
    description = "Everybody can now see the deal, and its terms can no longer change. Buyers can join from its `opens_at`.",
    params(("id" = uuid::Uuid, Path, description = "The deal's id.")),
    responses((
        status = 200, description = "The published deal.", body = DealView,
        headers(("ETag" = String, description = "The deal's new version.")),
    )),
    security(("token" = ["deals"]), ("session" = [])),
    extensions(
        ("x-role" = json!("merchant")),
        ("x-problems" = json!(["no_such_deal", "not_draft", "window_over"])),
    ),
)]
pub async fn publish(
    app: web::Data<App>,
    merchant: Merchant<needs::Deals>,
    id: Id<DealId>,
) -> Result<HttpResponse, Problem> {
    app.limits.take(Limit::WritesOf(merchant.account)).await?;
    let deal = merchant.deal(&app, id.0).await?;
    match app.engine.publish(deal.merchant, deal.id).await? {
        PublishOutcome::Published(deal) => Ok(view::ok(&deal)),
        PublishOutcome::NoSuchDeal => Err(Problem::new(Code::NoSuchDeal)),
        PublishOutcome::NotDraft => Err(Problem::new(Code::NotDraft)),
        PublishOutcome::WindowOver => Err(Problem::new(Code::WindowOver)),
    }
}
