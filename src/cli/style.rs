//! How progress looks.

use indicatif::ProgressStyle;

/// A bar with a message, counts and the time that is left.
pub fn bar() -> ProgressStyle {
    let style = ProgressStyle::with_template("  {bar:32} {pos}/{len} {msg} ({elapsed}, {eta} left)");
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸ ")
}
