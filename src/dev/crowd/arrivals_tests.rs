use super::*;

fn problem(csv: &str) -> String {
    Arrivals::parse(csv.as_bytes()).unwrap_err().to_string()
}

#[test]
fn a_recorded_campaign_may_have_falling_counts() {
    let arrivals = Arrivals::parse(b"seconds,joined\n0,126\n2468,130\n6075,128\n").unwrap();
    let sample = |seconds, joined| Sample { at: Duration::from_secs(seconds), joined };
    assert_eq!(arrivals.samples(), [sample(0, 126), sample(2468, 130), sample(6075, 128)]);
    assert_eq!((arrivals.at_the_end(), arrivals.length().as_secs()), (128, 6075));
}

#[test]
fn spaces_and_windows_line_ends_do_not_matter() {
    let arrivals = Arrivals::parse(b"seconds, joined\r\n0, 1\r\n60, 2\r\n").unwrap();
    assert_eq!(arrivals.at_the_end(), 2);
}

#[test]
fn a_wrong_header_is_reported() {
    assert_eq!(problem("time,backers\n0,1\n"), "line 1: the header must be seconds,joined; it is time,backers");
    assert_eq!(problem("0,1\n60,2\n"), "line 1: the header must be seconds,joined; it is 0,1");
}

#[test]
fn a_field_that_is_not_a_number_is_reported_with_its_line() {
    let shown = "line 3: joined must be a whole number from 0 to 4294967295; it is \"two\"";
    assert_eq!(problem("seconds,joined\n0,1\n60,two\n"), shown);
    assert!(problem("seconds,joined\n0,-1\n").starts_with("line 2: joined must be"));
    assert!(problem("seconds,joined\n0,1\n1.5,2\n").starts_with("line 3: seconds must be"));
    assert!(problem("seconds,joined\n0,1\n99999999999,2\n").starts_with("line 3: seconds must be"));
}

#[test]
fn time_that_does_not_increase_is_reported_with_its_line() {
    assert_eq!(
        problem("seconds,joined\n0,1\n60,2\n30,3\n"),
        "line 4: seconds must increase; 30 does not come after 60"
    );
    assert_eq!(
        problem("seconds,joined\n0,1\n60,2\n60,3\n"),
        "line 4: seconds must increase; 60 does not come after 60"
    );
    assert_eq!(problem("seconds,joined\n5,1\n"), "line 2: the first sample must be at second 0; it is at 5");
}

#[test]
fn a_line_with_too_many_or_too_few_fields_is_reported() {
    assert_eq!(problem("seconds,joined\n0,1\n60\n"), "line 3: expected the 2 fields seconds and joined, found 1");
    assert_eq!(problem("seconds,joined\n0,1,2\n"), "line 2: expected the 2 fields seconds and joined, found 3");
}

#[test]
fn a_file_without_samples_is_refused() {
    assert_eq!(problem("seconds,joined\n"), "the file has no samples");
    assert_eq!(problem(""), "the file has no samples");
}

#[test]
fn bytes_that_are_not_utf_8_are_refused() {
    assert!(matches!(Arrivals::parse(b"seconds,joined\n0,\xff\xfe\n"), Err(ArrivalsError::NotCsv { .. })));
}

#[test]
fn a_missing_file_is_reported_by_path() {
    let shown = Arrivals::read(Path::new("/nowhere/at/all.csv")).unwrap_err().to_string();
    assert!(shown.starts_with("cannot read /nowhere/at/all.csv"), "{shown}");
}
