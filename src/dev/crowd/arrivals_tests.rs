use super::*;

fn problem(csv: &str) -> String {
    Arrivals::parse(csv.as_bytes()).unwrap_err().to_string()
}

#[test]
fn a_recorded_campaign_is_read_with_its_falls() {
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
fn another_header_is_named() {
    assert_eq!(problem("time,backers\n0,1\n"), "line 1: the header must be seconds,joined; it is time,backers");
    assert_eq!(problem("0,1\n60,2\n"), "line 1: the header must be seconds,joined; it is 0,1");
}

#[test]
fn what_is_not_a_number_is_named_with_its_line() {
    let shown = "line 3: joined must be a whole number from 0 to 4294967295; it is \"two\"";
    assert_eq!(problem("seconds,joined\n0,1\n60,two\n"), shown);
    assert!(problem("seconds,joined\n0,-1\n").starts_with("line 2: joined must be"));
    assert!(problem("seconds,joined\n0,1\n1.5,2\n").starts_with("line 3: seconds must be"));
    assert!(problem("seconds,joined\n0,1\n99999999999,2\n").starts_with("line 3: seconds must be"));
}

#[test]
fn time_that_does_not_rise_is_named_with_its_line() {
    assert_eq!(problem("seconds,joined\n0,1\n60,2\n30,3\n"), "line 4: time must rise; 30 does not come after 60");
    assert_eq!(problem("seconds,joined\n0,1\n60,2\n60,3\n"), "line 4: time must rise; 60 does not come after 60");
    assert_eq!(problem("seconds,joined\n5,1\n"), "line 2: the first sample must be at second 0; it is at 5");
}

#[test]
fn a_line_with_other_fields_is_named() {
    assert_eq!(problem("seconds,joined\n0,1\n60\n"), "line 3: expected 2 fields, seconds and joined, and found 1");
    assert_eq!(problem("seconds,joined\n0,1,2\n"), "line 2: expected 2 fields, seconds and joined, and found 3");
}

#[test]
fn a_file_without_samples_is_refused() {
    assert_eq!(problem("seconds,joined\n"), "there is no sample");
    assert_eq!(problem(""), "there is no sample");
}

#[test]
fn bytes_that_are_no_text_are_refused_and_not_taken_for_something() {
    assert!(matches!(Arrivals::parse(b"seconds,joined\n0,\xff\xfe\n"), Err(ArrivalsError::NotCsv { .. })));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let shown = Arrivals::read(Path::new("/nowhere/at/all.csv")).unwrap_err().to_string();
    assert!(shown.starts_with("/nowhere/at/all.csv cannot be read"), "{shown}");
}
