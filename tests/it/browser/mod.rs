//! User journeys in Chromium.

mod chromium;
mod joining;
mod painting;
mod scanning;
mod selling;
