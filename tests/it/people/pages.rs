//! Signing up, signing in and signing out.

use crate::support::app;

const ANN: [(&str, &str); 4] =
    [("role", "buyer"), ("name", "Ann"), ("email", "ann@example.com"), ("password", "correct horse battery")];

#[actix_web::test]
async fn an_account_can_sign_up_sign_out_and_sign_in() {
    let app = app().start().await;
    let mut ann = app.browser();
    let form = ann.get("/sign-up").await;
    let home = ann.submit_and_follow(&form, "/sign-up", &ANN).await;
    home.says("Ann").does_not_say("Sign in");
    let account = ann.get("/account").await;
    account.says("ann@example.com").says("buy");
    ann.submit_and_follow(&account, "/sign-out", &[]).await.says("Sign in").does_not_say("Ann");
    assert_eq!(ann.get("/account").await.status, 303);

    let form = ann.get("/sign-in?next=/my/deals").await;
    let typed = [("email", "Ann@Example.com"), ("password", "correct horse battery")];
    let signed_in = ann.submit(&form, "/sign-in", &typed).await;
    assert_eq!(signed_in.location().as_deref(), Some("/my/deals"));
    assert!(signed_in.header("set-cookie").contains("HttpOnly; SameSite=Lax"));
    ann.get("/my/deals").await.says("You have not joined a deal yet");
}

#[actix_web::test]
async fn a_new_merchant_lands_on_the_dashboard() {
    let app = app().start().await;
    let mut mo = app.browser();
    let form = mo.get("/sign-up?role=merchant").await;
    assert_eq!(form.field("/sign-up", "role"), "merchant");
    let typed = [("name", "Mo"), ("email", "mo@example.com"), ("password", "correct horse battery")];
    mo.submit_and_follow(&form, "/sign-up", &typed).await.says("My stall").says("Redeem");
}

#[actix_web::test]
async fn a_wrong_password_and_an_unknown_address_get_the_same_message() {
    let app = app().start().await;
    let mut ann = app.browser();
    let form = ann.get("/sign-up").await;
    ann.submit(&form, "/sign-up", &ANN).await;
    for email in ["ann@example.com", "bob@example.com"] {
        let mut browser = app.browser();
        let form = browser.get("/sign-in").await;
        let refused = browser.submit(&form, "/sign-in", &[("email", email), ("password", "wrong horse")]).await;
        assert_eq!(refused.status, 401);
        refused.says("The e-mail address or the password is wrong.");
        assert_eq!(refused.field("/sign-in", "email"), email);
        assert_eq!(refused.field("/sign-in", "password"), "", "the form does not return the password");
    }
}

#[actix_web::test]
async fn the_sign_up_form_shows_all_its_problems_together() {
    let app = app().start().await;
    let mut browser = app.browser();
    let form = browser.get("/sign-up?next=/deals/1").await;
    let typed = [("name", " "), ("email", "ann@"), ("password", "short"), ("role", "operator")];
    let refused = browser.submit(&form, "/sign-up", &typed).await;
    assert_eq!(refused.status, 422);
    refused.says("4 things are not right yet").says("Name: Enter a name.").says("Password: Use at least 8 characters.");
    assert_eq!(refused.field("/sign-up", "email"), "ann@");
    assert_eq!(refused.field("/sign-up", "next"), "/deals/1");
}

#[actix_web::test]
async fn signing_up_with_a_taken_address_is_refused() {
    let app = app().start().await;
    for status in [303, 409] {
        let mut browser = app.browser();
        let form = browser.get("/sign-up").await;
        assert_eq!(browser.submit(&form, "/sign-up", &ANN).await.status, status);
    }
}

#[actix_web::test]
async fn signing_in_never_redirects_to_another_site() {
    let app = app().start().await;
    let mut ann = app.browser();
    let form = ann.get("/sign-up?next=//evil.example").await;
    let typed: Vec<_> = ANN.into_iter().chain([("next", "https://evil.example")]).collect();
    assert_eq!(ann.submit(&form, "/sign-up", &typed).await.location().as_deref(), Some("/"));
    assert_eq!(ann.get("/sign-in?next=//evil.example").await.location().as_deref(), Some("/"));
}
