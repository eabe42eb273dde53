//! Forms that come back with what was typed and what is wrong with it.

use crate::domain::FieldProblem;
use crate::web::words::number;

/// One field of a form.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name, and its element's id.
    pub name: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// What was typed.
    pub value: String,
    /// What is wrong with it.
    pub problem: Option<String>,
}

/// A form with what was typed.
#[derive(Clone, Debug, Default)]
pub struct Form {
    fields: Vec<Field>,
    /// What is wrong with the whole.
    pub general: Vec<String>,
}

impl Form {
    /// A form of these fields: name, label, value.
    #[must_use]
    pub fn new<V: Into<String>>(fields: impl IntoIterator<Item = (&'static str, &'static str, V)>) -> Self {
        let fields =
            fields.into_iter().map(|(name, label, value)| Field { name, label, value: value.into(), problem: None });
        Self { fields: fields.collect(), general: Vec::new() }
    }

    /// The same form with its problems, each at its field; those of no field stand above it.
    #[must_use]
    pub fn with_problems(mut self, problems: &[FieldProblem]) -> Self {
        for problem in problems {
            let field = self.fields.iter_mut().find(|field| problem.pointer.strip_prefix('/') == Some(field.name));
            match field {
                Some(field) => {
                    field.problem.get_or_insert_with(|| problem.message.clone());
                }
                None => self.general.push(problem.message.clone()),
            }
        }
        self
    }

    /// The same form with something wrong that is no field's fault.
    #[must_use]
    pub fn with_general(mut self, problem: impl Into<String>) -> Self {
        self.general.push(problem.into());
        self
    }

    /// The field of this name. Templates name only fields that their form has; another name is an empty field.
    #[must_use]
    pub fn field(&self, name: &'static str) -> Field {
        let found = self.fields.iter().find(|field| field.name == name).cloned();
        found.unwrap_or(Field { name, label: name, value: String::new(), problem: None })
    }

    /// Whether anything is wrong.
    #[must_use]
    pub fn has_problems(&self) -> bool {
        !self.general.is_empty() || self.fields.iter().any(|field| field.problem.is_some())
    }

    pub(super) fn wrong(&self) -> impl Iterator<Item = (&Field, &str)> {
        self.fields.iter().filter_map(|field| Some((field, field.problem.as_deref()?)))
    }

    pub(super) fn problem_count(&self) -> String {
        let n = self.general.len() + self.wrong().count();
        match u32::try_from(n).unwrap_or(u32::MAX) {
            1 => "Something is not right yet".to_owned(),
            n => format!("{} things are not right yet", number(n)),
        }
    }
}
