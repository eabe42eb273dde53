//! The style of progress bars.

use indicatif::ProgressStyle;

/// A bar with counts, a message, the elapsed time and an estimate of the time left.
pub fn bar() -> ProgressStyle {
    let style = ProgressStyle::with_template("  {bar:32} {pos}/{len} {msg} ({elapsed}, {eta} left)");
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸ ")
}
