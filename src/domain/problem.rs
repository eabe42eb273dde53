//! What is wrong with something that a person typed or a program sent.

use serde::Serialize;

/// One thing that is wrong with one field. Forms and API answers carry all of them at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldProblem {
    /// Where it is, as a JSON pointer (RFC 6901): `/price`.
    pub pointer: String,
    /// A stable word for programs: `too_long`.
    pub code: &'static str,
    /// A sentence for people that says what to do.
    pub message: String,
}

impl FieldProblem {
    /// A problem with the field of this name at the top of the document.
    #[must_use]
    pub fn new(field: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self { pointer: format!("/{field}"), code, message: message.into() }
    }
}

/// Collects problems while a form is read, so that all are reported at once.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<FieldProblem>);

impl Problems {
    /// Notes a problem.
    pub(crate) fn add(&mut self, field: &str, code: &'static str, message: impl Into<String>) {
        self.0.push(FieldProblem::new(field, code, message));
    }

    /// Takes the value of a check, or notes its problem.
    pub(crate) fn take<T>(&mut self, checked: Result<T, FieldProblem>) -> Option<T> {
        checked.map_err(|problem| self.0.push(problem)).ok()
    }

    /// What was found: empty if the form is good.
    pub(crate) fn into_vec(self) -> Vec<FieldProblem> {
        self.0
    }
}
