//! Idempotency keys.

/// An idempotency key, 1 to 255 visible ASCII characters: requests with the same key are one request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// Why a text is not an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdempotencyKeyError {
    /// The key is empty.
    #[error("the key is empty")]
    Empty,
    /// The key has more than 255 characters.
    #[error("the key is longer than 255 characters")]
    TooLong,
    /// The key has a space, a control character or a non-ASCII character.
    #[error("the key has a character that is not visible ASCII")]
    NotVisible,
}

impl IdempotencyKey {
    /// Checks length and characters.
    ///
    /// # Errors
    /// The first of the three reasons that applies.
    pub fn parse(text: &str) -> Result<Self, IdempotencyKeyError> {
        match text.len() {
            0 => Err(IdempotencyKeyError::Empty),
            256.. => Err(IdempotencyKeyError::TooLong),
            _ if !text.bytes().all(|b| b.is_ascii_graphic()) => Err(IdempotencyKeyError::NotVisible),
            _ => Ok(Self(text.to_owned())),
        }
    }

    /// The key as it was sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
