//! E-mail.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::problem::ConfigProblems;
use super::units;

/// See `config/mail.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// Who mails come from.
    #[serde(deserialize_with = "units::parsed")]
    pub from: lettre::message::Mailbox,
    /// The server that takes mails; empty if they are written to files. It may hold a password.
    pub smtp_url: SecretString,
    /// Where mails are written without a server.
    pub folder: PathBuf,
    /// How long handing over one mail may take.
    #[serde(rename = "timeout_ms", deserialize_with = "units::ms")]
    pub timeout: Duration,
}

impl MailConfig {
    /// The server that takes mails, if there is one.
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
            problems.require(given, "mail.folder", "is required without mail.smtp_url");
        }
        problems.require(!self.timeout.is_zero(), "mail.timeout_ms", "must be above 0");
    }
}
