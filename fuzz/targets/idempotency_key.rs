//! Parses the `Idempotency-Key` header. It is kept unchanged if it has 1 to 255 visible ASCII characters; otherwise the answer
//! is a client error.
#![no_main]

use actix_web::FromRequest;
use actix_web::dev::Payload;
use actix_web::http::header::HeaderValue;
use actix_web::test::TestRequest;
use libfuzzer_sys::fuzz_target;
use muster::domain::IdempotencyKey;
use muster::web::IdempotencyHeader;

mod problem;

fuzz_target!(|sent: &[u8]| {
    let is_one = (1..=255).contains(&sent.len()) && sent.iter().all(u8::is_ascii_graphic);
    if let Ok(text) = std::str::from_utf8(sent) {
        assert_eq!(IdempotencyKey::parse(text).is_ok(), is_one);
    }
    // The HTTP parser rejects other bytes before this code runs.
    let Ok(value) = HeaderValue::from_bytes(sent) else { return };
    let request = TestRequest::default().insert_header(("Idempotency-Key", value)).to_http_request();
    match IdempotencyHeader::from_request(&request, &mut Payload::None).into_inner() {
        Ok(header) => assert!(is_one && header.0.as_str().as_bytes() == sent),
        Err(problem) => {
            assert!(!is_one);
            problem::is_the_clients(&problem);
        }
    }
});
