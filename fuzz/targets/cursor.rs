//! Parses a pagination cursor. A valid cursor has a timestamp that Postgres can represent, has one textual form, and works
//! only for the list that it was made for.
#![no_main]

use chrono::{DateTime, Datelike};
use libfuzzer_sys::fuzz_target;
use muster::store::Cursor;
use muster::web::paging::List;

fuzz_target!(|data: &[u8]| {
    let list = List::new("deals", &["open", ""]);
    let reads = |text: &str| {
        if let Some(cursor) = list.read(text) {
            assert!((1970..=9999).contains(&cursor.at.year()), "{}", cursor.at);
            assert_eq!(list.write(cursor), text, "one place has one text");
            assert!(List::new("signups", &[]).read(text).is_none());
        }
    };
    if let Ok(text) = std::str::from_utf8(data) {
        reads(text);
    }
    // Cursors are not secret: anybody can compute one that passes the check.
    if let Some((micros, rest)) = data.split_first_chunk::<8>()
        && let Some(id) = rest.first_chunk::<16>()
        && let Some(at) = DateTime::from_timestamp_micros(i64::from_be_bytes(*micros))
    {
        reads(&list.write(Cursor { at, id: uuid::Uuid::from_bytes(*id) }));
    }
});
