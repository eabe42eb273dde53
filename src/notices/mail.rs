//! E-mail: renders messages and sends them to an SMTP server, or writes them to files if none is configured.

use lettre::message::Mailbox;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::transport::file::AsyncFileTransport;
use lettre::transport::smtp::AsyncSmtpTransport;
use lettre::{AsyncTransport, Message as Email, Tokio1Executor};

use super::store::{Message, MessageKind};
use crate::config::MailConfig;

/// Renders and sends messages.
pub struct Mailer {
    from: Mailbox,
    base_url: String,
    transport: Transport,
}

enum Transport {
    Files(AsyncFileTransport<Tokio1Executor>),
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
}

/// Why a message was not sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The recipient's address is not valid.
    #[error("invalid address: {0}")]
    Address(#[from] lettre::address::AddressError),
    /// The message cannot be assembled.
    #[error("cannot assemble the message: {0}")]
    Message(#[from] lettre::error::Error),
    /// The mail folder cannot be created.
    #[error("cannot create the mail folder: {0}")]
    Folder(std::io::Error),
    /// The message cannot be written to a file.
    #[error("cannot write the message to a file: {0}")]
    File(#[from] lettre::transport::file::Error),
    /// The SMTP server rejected the message or did not answer.
    #[error("the SMTP server did not accept the message: {0}")]
    Smtp(#[from] lettre::transport::smtp::Error),
}

impl Mailer {
    /// A mailer whose messages link to `base_url`.
    ///
    /// # Errors
    /// The SMTP URL is not valid, or the mail folder cannot be created.
    pub fn new(config: &MailConfig, base_url: &str) -> Result<Self, MailError> {
        let transport = if let Some(url) = config.smtp_url() {
            let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)?;
            Transport::Smtp(server.timeout(Some(config.timeout)).build())
        } else {
            std::fs::create_dir_all(&config.folder).map_err(MailError::Folder)?;
            Transport::Files(AsyncFileTransport::new(&config.folder))
        };
        Ok(Self { from: config.from.clone(), base_url: base_url.trim_end_matches('/').to_owned(), transport })
    }

    /// Sends one message. A message to an account that has been erased has no recipient and counts as sent.
    ///
    /// # Errors
    /// The message was not sent, or the server did not answer. The caller retries.
    pub(super) async fn send(&self, message: &Message) -> Result<(), MailError> {
        let Some((address, name)) = &message.to else { return Ok(()) };
        let (subject, body) = self.render(message, name);
        let email = Email::builder()
            .from(self.from.clone())
            .to(Mailbox::new(Some(name.clone()), address.parse()?))
            .subject(subject)
            // Every attempt has the same id, so that recipients can recognise a repeated delivery.
            .message_id(Some(format!("<{}@muster>", message.key.replace(':', "."))))
            .header(AutoSubmitted)
            .body(body)?;
        match &self.transport {
            Transport::Files(files) => drop(files.send(email).await?),
            Transport::Smtp(smtp) => drop(smtp.send(email).await?),
        }
        Ok(())
    }

    fn render(&self, message: &Message, name: &str) -> (String, String) {
        let (title, base) = (&message.title, &self.base_url);
        let deal = format!("{base}/deals/{}", message.deal);
        let (subject, text) = match message.kind {
            MessageKind::DealTipped => (
                format!("It is on: {title}"),
                format!("Enough people joined, so the deal is on. Your coupons are on their way.\n\n{deal}"),
            ),
            MessageKind::DealFailed => (
                format!("It did not happen: {title}"),
                format!(
                    "Not enough people joined in time, so the deal did not happen. Nobody pays anything.\n\n{deal}"
                ),
            ),
            MessageKind::CouponReady => (
                format!("Your coupons: {title}"),
                format!(
                    "Your coupons are ready. Show them at the merchant's, on your phone or on paper.\n\n{base}/my/coupons"
                ),
            ),
        };
        (subject, format!("Hello {name},\n\n{text}\n\nMuster\n"))
    }
}

/// Marks the message as automatic, so that auto-responders do not answer (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
