//! `POST /deals/{id}/publish`

use actix_web::{HttpResponse, web};

use super::{DealView, view};
use crate::App;
use crate::domain::DealId;
use crate::engine::PublishOutcome;
use crate::limits::Limit;
use crate::web::error::Code;
use crate::web::extract::{Id, Merchant, needs};
use crate::web::problem::Problem;

/// `POST /deals/{id}/publish`
#[utoipa::path(
    post, path = "/deals/{id}/publish", tag = "deals", operation_id = "publish_deal",
    summary = "Publish a deal",
    description = "From now on everybody sees it, and its terms stay. Buyers join from its `opens_at`.",
    params(("id" = uuid::Uuid, Path, description = "The deal's id.")),
    responses((
        status = 200, description = "The deal, open.", body = DealView,
        headers(("ETag" = String, description = "Its new version.")),
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
    match app.engine.publish(merchant.account, id.0).await? {
        PublishOutcome::Published(deal) => Ok(view::ok(&deal)),
        PublishOutcome::NoSuchDeal => Err(Problem::new(Code::NoSuchDeal)),
        PublishOutcome::NotDraft => Err(Problem::new(Code::NotDraft)),
        PublishOutcome::WindowOver => Err(Problem::new(Code::WindowOver)),
    }
}
