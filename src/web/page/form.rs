//! Forms that are shown again with the submitted values and their problems.

use crate::domain::FieldProblem;
use crate::web::problem::sentence;
use crate::web::words::number;

/// One field of a form.
#[derive(Clone, Debug)]
pub struct Field {
    /// The name, which is also the element's id.
    pub name: &'static str,
    /// The label that people read.
    pub label: &'static str,
    /// The submitted value.
    pub value: String,
    /// The field's first problem.
    pub problem: Option<String>,
}

/// A form with its fields and problems.
#[derive(Clone, Debug, Default)]
pub struct Form {
    fields: Vec<Field>,
    /// The problems that belong to no field.
    pub general: Vec<String>,
}

impl Form {
    /// A form with these fields, each as (name, label, value).
    #[must_use]
    pub fn new<V: Into<String>>(fields: impl IntoIterator<Item = (&'static str, &'static str, V)>) -> Self {
        let fields =
            fields.into_iter().map(|(name, label, value)| Field { name, label, value: value.into(), problem: None });
        Self { fields: fields.collect(), general: Vec::new() }
    }

    /// Adds problems, each to the field that it names, or else to the general ones.
    #[must_use]
    pub fn with_problems(mut self, problems: &[FieldProblem]) -> Self {
        for problem in problems {
            let field = self.fields.iter_mut().find(|field| problem.pointer.strip_prefix('/') == Some(field.name));
            match field {
                Some(field) => {
                    field.problem.get_or_insert_with(|| sentence(&problem.kind));
                }
                None => self.general.push(sentence(&problem.kind)),
            }
        }
        self
    }

    /// Adds a problem that belongs to no field.
    #[must_use]
    pub fn with_general(mut self, problem: impl Into<String>) -> Self {
        self.general.push(problem.into());
        self
    }

    /// The field with this name. An unknown name, which would be a mistake in a template, yields an empty field.
    #[must_use]
    pub fn field(&self, name: &'static str) -> Field {
        let found = self.fields.iter().find(|field| field.name == name).cloned();
        found.unwrap_or(Field { name, label: name, value: String::new(), problem: None })
    }

    /// Whether the form has any problem.
    #[must_use]
    pub fn has_problems(&self) -> bool {
        !self.general.is_empty() || self.fields.iter().any(|field| field.problem.is_some())
    }

    /// The fields that have a problem.
    pub(crate) fn invalid_fields(&self) -> impl Iterator<Item = (&Field, &str)> {
        self.fields.iter().filter_map(|field| Some((field, field.problem.as_deref()?)))
    }

    pub(crate) fn problem_count(&self) -> String {
        let n = self.general.len() + self.invalid_fields().count();
        match u32::try_from(n).unwrap_or(u32::MAX) {
            1 => "Something is not right yet".to_owned(),
            n => format!("{} things are not right yet", number(n)),
        }
    }
}
