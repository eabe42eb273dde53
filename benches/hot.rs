//! Micro-benchmarks of what runs at least once for each request: `cargo bench --bench hot`.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark may panic, and criterion's macros make functions")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use muster::clock::Clock;
use muster::config::{Config, Profile, Sources};
use muster::domain::{
    AccountId, CouponCode, CouponForm, CouponId, DealId, DealState, IdempotencyKey, JoinRequest, Progress, SignupId,
    Units,
};
use muster::engine::CodeKeys;
use muster::limits::{Limit, Limits};
use muster::live::message;
use muster::quota::Quota;
use muster::web::problem::{Code, Problem};

fn progress() -> Progress {
    let closes_at = Clock::new().now();
    Progress {
        deal: DealId::generate(),
        epoch: 1,
        rev: 42,
        state: DealState::Open,
        buyers: 17,
        units: 20,
        tipping_point: 20,
        cap: Some(100),
        closes_at,
    }
}

/// The work for one join: deriving its signup id, parsing its key, writing its frame, and its message on the bus.
fn joining(criterion: &mut Criterion) {
    let (deal, buyer, units) = (DealId::generate(), AccountId::generate(), Units::new(1).unwrap());
    let key = IdempotencyKey::parse("4f1c2a2e-8a52-4a5e-9a43-0f8f3d4e5a6b").unwrap();
    criterion.bench_function("signup id from deal, buyer and key", |bencher| {
        bencher.iter(|| JoinRequest::new(black_box(deal), black_box(buyer), units, black_box(&key)));
    });
    criterion.bench_function("idempotency key parsed", |bencher| {
        bencher.iter(|| IdempotencyKey::parse(black_box("4f1c2a2e-8a52-4a5e-9a43-0f8f3d4e5a6b")));
    });
    let (figures, now) = (progress(), Clock::new().now());
    criterion.bench_function("frame written", |bencher| bencher.iter(|| message::frame(black_box(&figures), now)));
    let text = serde_json::to_string(&figures).unwrap();
    criterion
        .bench_function("bus message written", |bencher| bencher.iter(|| serde_json::to_string(black_box(&figures))));
    criterion.bench_function("bus message read", |bencher| {
        bencher.iter(|| serde_json::from_str::<Progress>(black_box(&text)));
    });
}

/// The arguments of the admission script for 64 requests, in the Redis protocol.
fn script_arguments(criterion: &mut Criterion) {
    let deal = DealId::generate();
    let requests: Vec<JoinRequest> = (0..64)
        .map(|n| {
            let key = IdempotencyKey::parse(&format!("key-{n}")).unwrap();
            JoinRequest::new(deal, AccountId::generate(), Units::new(1).unwrap(), &key)
        })
        .collect();
    let mut group = criterion.benchmark_group("script");
    group.throughput(Throughput::Elements(requests.len() as u64));
    group.bench_function("arguments of 64 requests", |bencher| {
        bencher.iter(|| {
            let mut call = redis::cmd("EVALSHA");
            call.arg("0123456789012345678901234567890123456789").arg(4);
            for request in &requests {
                call.arg(request.id.to_string()).arg(request.buyer.to_string()).arg(request.units.get());
            }
            call.get_packed_command()
        });
    });
    group.finish();
}

/// Writing a problem document.
fn problems(criterion: &mut Criterion) {
    criterion.bench_function("problem as JSON", |bencher| {
        bencher.iter(|| Problem::new(black_box(Code::SoldOut)).detail("Every unit is taken.").to_json());
    });
}

/// Issuing a coupon (its id, its code and its lookup hash) and parsing a code.
fn coupons(criterion: &mut Criterion) {
    let keys = CodeKeys::new(vec![(1, [0x5e; 32])], vec![]);
    let signup = SignupId::from(DealId::generate().as_uuid());
    criterion.bench_function("coupon derived: id, code, lookup hash", |bencher| {
        bencher.iter(|| keys.issue(CouponId::derive(black_box(signup), 1)).unwrap());
    });
    let text = CouponCode::from_bits([0x5e; 10], CouponForm::CURRENT).to_string().to_lowercase();
    criterion.bench_function("coupon code parsed", |bencher| bencher.iter(|| CouponCode::parse(black_box(&text))));
}

/// The rate limits of a join when little of them is used, as in almost every request.
fn limits(criterion: &mut Criterion) {
    rustls::crypto::ring::default_provider().install_default().ok();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sources = Sources { profile: Some(Profile::Load), ..Sources::default() }
        .with("postgres.database_url", "postgres:///nowhere")
        .with("redis.url", "redis+unix:///nowhere/redis.sock?db=0")
        .with("security.coupon_keys", format!("1:{}", "5e".repeat(32)));
    let config = Config::load(&sources).unwrap();
    let quota = runtime.block_on(Quota::connect(muster::quota::Settings {
        url: config.redis.url.clone(),
        prefix: config.redis.prefix.clone(),
        hold_ttl: config.redis.hold_ttl,
        connect_timeout: config.redis.connect_timeout,
        response_timeout: config.redis.response_timeout,
        keep_after_closing: Duration::from_hours(1),
        allow_eviction: false,
    }));
    let limits = Limits::new(config.limits, Clock::new(), quota.unwrap());
    let (buyer, deal) = (AccountId::generate(), DealId::generate());
    criterion.bench_function("rate limits of a join", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                limits.take(Limit::JoinsOf(black_box(buyer))).await.ok();
                limits.take(Limit::JoinsIn(black_box(buyer), deal)).await.ok();
            });
        });
    });
}

criterion_group!(hot, joining, script_arguments, problems, coupons, limits);
criterion_main!(hot);
