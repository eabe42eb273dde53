//! Settings of outgoing mail.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::problem::ConfigProblems;
use super::units;

/// Settings of outgoing mail. `config/mail.toml` has the defaults and explains each key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// The From address.
    #[serde(deserialize_with = "units::parsed")]
    pub from: lettre::message::Mailbox,
    /// URL of the SMTP server, which may contain a password. Empty if mails are written to files.
    pub smtp_url: SecretString,
    /// Folder for mails when there is no SMTP server.
    pub folder: PathBuf,
    /// Timeout for delivering one mail.
    #[serde(rename = "timeout_ms", deserialize_with = "units::ms")]
    pub timeout: Duration,
}

impl MailConfig {
    /// The URL of the SMTP server, or `None` if mails are written to files.
    #[must_use]
    pub fn smtp_url(&self) -> Option<&str> {
        Some(self.smtp_url.expose_secret()).filter(|url| !url.is_empty())
    }

    pub(super) fn check(&self, problems: &mut ConfigProblems) {
        if let Some(url) = self.smtp_url() {
            let known = url.starts_with("smtp://") || url.starts_with("smtps://");
            problems.require(known, "mail.smtp_url", "must begin with smtps:// or smtp://");
        } else {
            let given = !self.folder.as_os_str().is_empty();
            problems.require(given, "mail.folder", "is required if mail.smtp_url is empty");
        }
        problems.require(!self.timeout.is_zero(), "mail.timeout_ms", "must be above 0");
    }
}
