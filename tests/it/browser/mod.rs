//! Journeys through the pages in real Chromium.

mod chromium;
mod joining;
mod painting;
mod scanning;
mod selling;
