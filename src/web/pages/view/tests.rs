use askama::Template;
use chrono::TimeDelta;

use super::deal::DealPage;
use super::drawing::{Drawing, Goods};
use super::join::{JoinAttempt, JoinSection, Visitor};
use super::markdown;
use super::phase::Phase;
use super::progress::{ProgressBlock, Size};
use super::samples::{deal, now};
use crate::domain::{CouponCode, CouponForm, Deal, DealState, FieldProblem, FieldProblemKind};
use crate::web::page::time::{Moment, time_until};
use crate::web::page::{Form, Layout, Viewer};
use crate::web::words::number;

fn layout() -> Layout {
    Layout::new(Some(Viewer { name: "Ann".into(), is_staff: false }), None, "/", now())
}

fn page(deal: &Deal) -> String {
    let phase = Phase::of(&deal.progress, deal.terms.opens_at, now());
    let join = JoinSection::new(deal, phase, Visitor::Buyer, &[], None, "fresh".into());
    DealPage::new(layout(), deal, join, "http://localhost", now()).render().unwrap()
}

#[test]
fn the_phase_follows_from_state_window_and_figures() {
    let phase = |change: fn(&mut Deal)| {
        let mut deal = deal();
        change(&mut deal);
        Phase::of(&deal.progress, deal.terms.opens_at, now())
    };
    assert_eq!(phase(|_| ()), Phase::Open);
    assert_eq!(phase(|d| d.progress.state = DealState::Draft), Phase::Draft);
    assert_eq!(phase(|d| d.terms.opens_at = now() + TimeDelta::hours(1)), Phase::Scheduled);
    assert_eq!(phase(|d| d.progress.buyers = 8), Phase::Almost);
    assert_eq!(phase(|d| d.progress.state = DealState::Tipped), Phase::On);
    assert_eq!(phase(|d| (d.progress.state, d.progress.units) = (DealState::Tipped, 100)), Phase::SoldOut);
    assert_eq!(phase(|d| d.progress.closes_at = now()), Phase::Closing);
    assert_eq!(phase(|d| d.progress.state = DealState::Succeeded), Phase::Happened);
    assert_eq!(phase(|d| d.progress.state = DealState::Failed), Phase::Failed);
    assert_eq!(phase(|d| d.progress.state = DealState::Withdrawn), Phase::Withdrawn);
}

#[test]
fn the_number_of_buyers_takes_singular_or_plural() {
    let block = |buyers| {
        let mut deal = deal();
        deal.progress.buyers = buyers;
        ProgressBlock::new(&deal, now(), Size::Full).to_string()
    };
    assert!(block(9).contains("1 more buyer needed"));
    assert!(block(8).contains("2 more buyers needed"));
}

#[test]
fn the_first_paint_has_the_text_and_the_figures_for_the_script() {
    let html = page(&deal());
    assert!(html.contains("3 more buyers needed") && html.contains("7 of 10 joined"));
    assert!(html.contains(r#"max="10" value="7""#));
    assert!(html.contains("&#34;needed&#34;:3"), "the figures are an attribute");
}

#[test]
fn times_are_shown_in_the_deals_zone_with_its_abbreviation() {
    let moment = Moment::new(now(), "Asia/Jakarta".parse().unwrap());
    assert_eq!(moment.to_string(), r#"<time datetime="2026-11-22T08:00:00Z">Sun 22 Nov 2026, 15:00 WIB</time>"#);
}

#[test]
fn time_left_has_a_single_unit_and_is_never_negative() {
    let left = |seconds| time_until(now() + TimeDelta::seconds(seconds), now());
    assert_eq!(left(3 * 86_400 + 5), "3 days");
    assert_eq!(left(30 * 3_600), "30 hours");
    assert_eq!(left(61), "1 minute");
    assert_eq!(left(1), "1 second");
    assert_eq!(left(-5), "0 seconds");
}

#[test]
fn a_merchants_markdown_cannot_run_load_or_restyle_anything() {
    let html = markdown::to_html(
        "# Big\n\n**bold** <script>alert(1)</script><img src=x onerror=alert(1)><b style='x'>b</b>\n\n\
         [a](javascript:alert(1)) [b](https://example.com) <iframe src=//evil></iframe> <a href='/x' onclick='y'>c</a> \
         [d](https://example.com \"t\") <p lang=xx>e</p>",
    );
    for bad in ["<script", "<img", "onerror", "style", "javascript:", "<iframe", "onclick", "<h1", "title=", "lang="] {
        assert!(!html.contains(bad), "{bad} in {html}");
    }
    assert!(html.contains("<strong>bold</strong>") && html.contains("<h3>Big</h3>"));
    assert!(html.contains(r#"href="https://example.com" rel="nofollow noopener noreferrer ugc""#));
}

#[test]
fn a_title_is_escaped_everywhere_on_the_page() {
    let mut hostile = deal();
    hostile.terms.title = r#"</title></script><script>alert(1)</script>"onload="x"#.into();
    hostile.merchant_name = "<img src=x onerror=alert(1)>".into();
    let html = page(&hostile);
    assert!(!html.contains("<script>alert") && !html.contains("<img src=x"));
    let outside_of_json = html.replace(r#"\""#, "");
    assert!(!outside_of_json.contains(r#""onload="#), "the title stays inside its attribute");
}

#[test]
fn the_summary_of_a_text_ends_at_a_word() {
    assert_eq!(markdown::summary("**Two** flat\n\n- whites", 100), "Two flat whites");
    assert_eq!(markdown::summary("one two three", 9), "one two …");
}

#[test]
fn a_refused_form_keeps_its_key_and_a_new_page_has_a_new_one() {
    let deal = deal();
    let section = |attempt| {
        let join = JoinSection::new(&deal, Phase::Open, Visitor::Buyer, &[], attempt, "fresh".into());
        DealPage::new(layout(), &deal, join, "http://localhost", now()).render().unwrap()
    };
    assert!(section(None).contains(r#"name="idempotency_key" value="fresh""#));
    let again = section(Some(JoinAttempt { key: "sent".into(), units: 2 }));
    assert!(again.contains(r#"name="idempotency_key" value="sent""#) && again.contains(r#"value="2" required"#));
}

#[test]
fn the_merchants_staff_and_anonymous_visitors_get_no_join_form() {
    let deal = deal();
    for visitor in [Visitor::Anonymous, Visitor::Staff] {
        let join = JoinSection::new(&deal, Phase::Open, visitor, &[], None, "fresh".into());
        let html = DealPage::new(layout(), &deal, join, "http://localhost", now()).render().unwrap();
        assert!(!html.contains("idempotency_key"));
    }
}

#[test]
fn a_page_has_no_script_or_style_that_the_policy_blocks() {
    let html = page(&deal());
    assert!(!html.contains(" style=") && !html.contains("<style") && !html.contains(" onclick="));
    let inline = html.split("<script").skip(1).filter(|script| !script.contains("src=\""));
    assert!(inline.into_iter().all(|script| script.starts_with(r#" type="application/"#)));
}

#[test]
fn a_forms_problems_belong_to_their_fields_or_to_the_form() {
    let form = Form::new([("price", "Price", "45")]).with_problems(&[
        FieldProblem::new("price", FieldProblemKind::AmountNotPositive),
        FieldProblem::new("price", FieldProblemKind::NotBelowFaceValue),
        FieldProblem::new("elsewhere", FieldProblemKind::GivenTwice),
    ]);
    assert_eq!(form.field("price").problem.as_deref(), Some("Enter an amount above zero."));
    assert_eq!(form.field("price").value, "45");
    assert_eq!(form.general, ["Give it once."]);
}

#[test]
fn goods_are_recognised_by_words_and_every_name_gets_a_picture() {
    let mut bread = deal();
    bread.terms.title = "Sourdough bread, a loaf a week".into();
    assert!(super::drawing::picture_url(&bread).starts_with("/pictures/bakery/"));
    assert!(super::drawing::picture_url(&deal()).starts_with("/pictures/coffee/"));
    for name in ["bakery", "bicycle", "books", "bowl", "coffee", "plant", "present", "spa", "tickets"] {
        let drawing = Drawing::new(Goods::parse(name).unwrap(), 200).render().unwrap();
        assert!(drawing.contains("<svg") && drawing.len() < 4_000);
    }
}

#[test]
fn numbers_have_grouped_thousands() {
    assert_eq!([0, 999, 1_000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
}

#[test]
fn a_qr_code_is_a_scalable_svg_of_the_coupons_link() {
    let code = CouponCode::from_bits([7; 10], CouponForm::CURRENT);
    let svg = super::coupon::qr("https://muster.example", &code);
    let link = format!("https://muster.example/c#{}", code.to_string().replace('-', ""));
    let square = qrcode::QrCode::with_error_correction_level(&link, qrcode::EcLevel::M).unwrap();
    let drawn = square.render::<qrcode::render::svg::Color<'_>>().min_dimensions(264, 264).build();
    assert!(drawn.ends_with(&svg), "{link}");
    assert!(svg.starts_with("<svg") && svg.contains("viewBox") && !svg.contains("style="));
}
