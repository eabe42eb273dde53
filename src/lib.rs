//! Muster: deals that happen only if enough people want them.
