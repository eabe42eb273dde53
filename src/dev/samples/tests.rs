use std::collections::HashSet;
use std::path::Path;

use super::figures::{DISCOUNT_PERMILLE, PRICE_CENTS, Quantiles, UNITS_SOLD};
use super::shops::SHOPS;
use super::{Sample, Size, Stage, all};

/// Tolerance for the distribution of a sample of twenty deals, in percentage points.
const TOLERANCE_PERCENT: u64 = 13;

/// Asserts that the values follow the distribution. Where a value is repeated, its rank may be anywhere in the range
/// that the repetition spans.
fn assert_follows(what: &str, values: &[u64], table: &Quantiles) {
    let total = values.len() as u64;
    let known: Vec<_> = table.known().collect();
    for &(_, value) in &known {
        let of_table: Vec<u64> = known.iter().filter(|(_, v)| *v == value).map(|(p, _)| u64::from(*p)).collect();
        let (least, most) = (of_table[0], of_table[of_table.len() - 1]);
        let below = values.iter().filter(|v| **v < value).count() as u64 * 100 / total;
        let at_most = values.iter().filter(|v| **v <= value).count() as u64 * 100 / total;
        assert!(
            below <= most + TOLERANCE_PERCENT && at_most + TOLERANCE_PERCENT >= least,
            "{what}: {below} to {at_most} % of the samples are at most {value}, but {least} to {most} % of the real deals"
        );
    }
}

fn price_cents(sample: &Sample) -> u64 {
    let money = sample.shop.money;
    money.price(sample.price_rank) * 10_000 / money.per_hundred_dollars
}

fn discount_permille(sample: &Sample) -> u64 {
    let money = sample.shop.money;
    let price = money.price(sample.price_rank);
    1_000 - price * 1_000 / money.face_value(price, sample.discount_rank)
}

#[test]
fn prices_discounts_and_sizes_follow_those_of_real_deals() {
    let prices: Vec<u64> = all().map(price_cents).collect();
    assert_follows("prices", &prices, &PRICE_CENTS);
    // Small prices in whole units cannot express a discount to a tenth of a percent.
    let discounts: Vec<u64> = all().map(|s| discount_permille(s).max(431)).collect();
    let rounded: Vec<u64> = discounts.iter().map(|d| if d.abs_diff(500) <= 15 { 500 } else { *d }).collect();
    assert_follows("discounts", &rounded, &DISCOUNT_PERMILLE);
    let sizes = all().filter_map(|sample| match sample.size {
        Size::Like { rank, .. } => Some(UNITS_SOLD.at(rank)),
        Size::Few { .. } => None,
    });
    assert_follows("sizes", &sizes.collect::<Vec<_>>(), &UNITS_SOLD);
}

#[test]
fn prices_that_are_too_low_fail_the_comparison() {
    let cheap: Vec<u64> = all().map(|sample| price_cents(sample) / 3).collect();
    assert!(std::panic::catch_unwind(|| assert_follows("prices", &cheap, &PRICE_CENTS)).is_err());
}

#[test]
fn the_tables_match_the_data_set_where_it_is_available() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/groupon_2009_2011.csv");
    let Ok(mut rows) = csv::Reader::from_path(&file) else { return };
    let (mut prices, mut discounts, mut sold) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows.records() {
        let row = row.unwrap();
        let number = |column: usize| row[column].parse::<rust_decimal::Decimal>().unwrap();
        if &row[3] == "$" && !number(5).is_zero() {
            let hundred = rust_decimal::Decimal::ONE_HUNDRED;
            let kept = number(4) * hundred / number(5);
            prices.push(u64::try_from(number(4) * hundred).unwrap());
            discounts.push(u64::try_from(((hundred - kept) * rust_decimal::Decimal::TEN).round()).unwrap());
            sold.push(u64::try_from(number(2)).unwrap());
        }
    }
    for (values, table) in [(prices, PRICE_CENTS), (discounts, DISCOUNT_PERMILLE), (sold, UNITS_SOLD)] {
        let mut values = values;
        values.sort_unstable();
        for (percent, value) in table.known() {
            let recorded = values[(values.len() - 1) * percent as usize / 100];
            assert!(
                value.abs_diff(recorded) * 100 <= recorded * 2,
                "{percent} %: {value}, but {recorded} was recorded"
            );
        }
    }
}

#[test]
fn quantiles_are_interpolated_between_the_known_ones() {
    assert_eq!(PRICE_CENTS.at(0), 400);
    assert_eq!(PRICE_CENTS.at(50), 1_700);
    assert_eq!(PRICE_CENTS.at(55), 1_850);
    assert_eq!(PRICE_CENTS.at(100), 15_000);
}

#[test]
fn every_state_that_a_page_can_show_has_a_sample() {
    let words: HashSet<&str> = all().map(|sample| sample.stage.words()).collect();
    let expected = [
        "a draft",
        "opens later",
        "open",
        "almost there",
        "open, for the crowd to tip",
        "on",
        "sold out",
        "ended, on",
        "ended, not enough buyers",
        "withdrawn",
    ];
    assert_eq!(words, HashSet::from(expected));
}

#[test]
fn samples_are_many_and_varied() {
    let different = |of: fn(&Sample) -> &str| all().map(of).collect::<HashSet<_>>().len();
    assert_eq!(all().count(), 21);
    assert_eq!(different(|s| s.name), 21);
    assert_eq!(different(|s| s.title), 21);
    assert!(different(|s| s.shop.city) >= 15);
    assert!(different(|s| s.shop.time_zone) >= 14);
    assert!(different(|s| s.shop.money.currency) >= 8);
    assert!(different(|s| s.category) >= 6);
    assert!(SHOPS.iter().all(|shop| all().any(|sample| sample.shop.handle == shop.handle)));
}

#[test]
fn every_picture_is_a_small_svg_without_text_or_scripts() {
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/static/pictures");
    let named: HashSet<String> = all().filter_map(|s| s.picture).map(|name| format!("{name}.svg")).collect();
    let drawn: HashSet<String> =
        pictures.read_dir().unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(named, drawn);
    for name in named {
        let svg = std::fs::read_to_string(pictures.join(&name)).unwrap();
        assert!(svg.len() < 6_000, "{name} has {} bytes", svg.len());
        assert!(svg.contains(r#"viewBox="0 0 800 500""#), "{name}");
        for unwanted in ["<text", "<script", "<style", "href=\"http", "href=\"data", " on"] {
            assert!(!svg.contains(unwanted), "{name} has {unwanted}");
        }
    }
}

#[test]
fn showcase_deals_are_small() {
    let points: HashSet<u32> = super::showcase()
        .filter_map(|sample| match (sample.size, sample.stage) {
            (Size::Few { tipping_point, .. }, Stage::Showcase { joined }) if joined * 3 < tipping_point => {
                Some(tipping_point)
            }
            _ => None,
        })
        .collect();
    assert_eq!(points, HashSet::from([12, 25, 40]));
}
