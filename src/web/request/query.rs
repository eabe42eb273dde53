//! Query strings. Every parameter must be known, valid, and given once; all problems are reported together.

use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::domain::problem::Problems;
use crate::domain::{FieldProblem, FieldProblemKind};
use crate::web::problem::{Code, Problem};

/// Maximum characters of a text parameter.
const TEXT_MAX: usize = 200;

/// The parameters that have not been taken yet, and the problems found so far.
pub struct Query {
    pairs: Vec<(String, String)>,
    problems: Problems,
}

impl FromRequest for Query {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let pairs = serde_urlencoded::from_str(request.query_string());
        ready(
            pairs
                .map(|pairs| Self { pairs, problems: Problems::default() })
                .map_err(|error| Problem::new(Code::BadQuery).detail(format!("{error}. Write it as name=value&…"))),
        )
    }
}

impl Query {
    /// Takes a text without control characters. An empty text counts as absent.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let text = self.single(name)?;
        let text = text.trim();
        if text.chars().any(char::is_control) {
            self.problems.add(name, FieldProblemKind::BadCharacter);
        } else if text.chars().count() > TEXT_MAX {
            self.problems.add(name, FieldProblemKind::TooLong { max: TEXT_MAX });
        } else if !text.is_empty() {
            return Some(text.to_owned());
        }
        None
    }

    /// Takes a whole number within these bounds.
    pub fn number(&mut self, name: &str, min: u32, max: u32) -> Option<u32> {
        let text = self.single(name)?;
        let number = u32::from_str(&text).ok().filter(|number| (min..=max).contains(number));
        if number.is_none() {
            self.problems.add(name, FieldProblemKind::ParameterOutOfRange { min, max });
        }
        number
    }

    /// Takes a value and parses it with `read`.
    pub fn value<T>(&mut self, name: &str, read: impl Fn(&str) -> Result<T, FieldProblem>) -> Option<T> {
        let text = self.single(name)?;
        self.problems.take(read(&text))
    }

    /// Takes every value of a parameter that can be given several times.
    pub fn values<T>(&mut self, name: &str, read: impl Fn(&str) -> Result<T, FieldProblem>) -> Vec<T> {
        let texts = self.all(name);
        texts.iter().filter_map(|text| self.problems.take(read(text))).collect()
    }

    /// Ends parsing: parameters that were not taken are unknown.
    ///
    /// # Errors
    /// Every problem found.
    pub fn end(mut self) -> Result<(), Problem> {
        for (name, _) in std::mem::take(&mut self.pairs) {
            self.problems.add(&name, FieldProblemKind::UnknownParameter);
        }
        let problems = self.problems.into_vec();
        if problems.is_empty() { Ok(()) } else { Err(Problem::new(Code::BadQuery).errors(problems)) }
    }

    fn all(&mut self, name: &str) -> Vec<String> {
        self.pairs.extract_if(.., |(given, _)| given == name).map(|(_, value)| value).collect()
    }

    fn single(&mut self, name: &str) -> Option<String> {
        let mut values = self.all(name).into_iter();
        let value = values.next();
        if values.next().is_some() {
            self.problems.add(name, FieldProblemKind::GivenTwice);
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query { pairs: serde_urlencoded::from_str(text).unwrap(), problems: Problems::default() }
    }

    fn problems(query: Query) -> Vec<(String, &'static str)> {
        let problem = query.end().unwrap_err();
        problem.field_problems().iter().map(|field| (field.pointer.clone(), field.code())).collect()
    }

    #[test]
    fn known_and_valid_parameters_are_accepted() {
        let mut query = query("city=Jakarta%20Selatan&limit=20&q=");
        assert_eq!(query.text("city").as_deref(), Some("Jakarta Selatan"));
        assert_eq!(query.number("limit", 1, 100), Some(20));
        assert_eq!(query.text("q"), None);
        assert!(query.end().is_ok());
    }

    #[test]
    fn all_problems_are_reported_together() {
        let mut query = query("limit=0&q=a&q=b&city=%00&page=2");
        query.number("limit", 1, 100);
        query.text("q");
        query.text("city");
        let expected = [
            ("/limit", "out_of_range"),
            ("/q", "given_twice"),
            ("/city", "bad_character"),
            ("/page", "unknown_parameter"),
        ];
        assert_eq!(problems(query), expected.map(|(pointer, code)| (pointer.to_owned(), code)));
    }
}
