//! E-mail: what a message says, and how it is sent. To files while developing, to an SMTP server otherwise.

use lettre::message::Mailbox;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::transport::file::AsyncFileTransport;
use lettre::transport::smtp::AsyncSmtpTransport;
use lettre::{AsyncTransport, Message as Email, Tokio1Executor};

use crate::config::MailConfig;
use crate::store::{Message, MessageKind};

/// Sends messages.
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
    /// The address cannot be written to.
    #[error("the address cannot be written to: {0}")]
    Address(#[from] lettre::address::AddressError),
    /// The message cannot be put together.
    #[error("the message cannot be put together: {0}")]
    Message(#[from] lettre::error::Error),
    /// The folder cannot be made.
    #[error("the folder for mails cannot be made: {0}")]
    Folder(std::io::Error),
    /// It cannot be written to a file.
    #[error("the file cannot be written: {0}")]
    File(#[from] lettre::transport::file::Error),
    /// The server did not take it.
    #[error("the mail server did not take it: {0}")]
    Smtp(#[from] lettre::transport::smtp::Error),
}

impl Mailer {
    /// A mailer that writes links to this address.
    ///
    /// # Errors
    /// The SMTP URL cannot be read, or the folder cannot be made.
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

    /// Sends one message. An account that was erased meanwhile is nobody to write to: that counts as sent.
    ///
    /// # Errors
    /// It was not sent, or not answered: it will be tried again.
    pub async fn send(&self, message: &Message) -> Result<(), MailError> {
        let Some((address, name)) = &message.to else { return Ok(()) };
        let (subject, body) = self.words(message, name);
        let email = Email::builder()
            .from(self.from.clone())
            .to(Mailbox::new(Some(name.clone()), address.parse()?))
            .subject(subject)
            // The same for every attempt, so that a repetition can be told from a second message.
            .message_id(Some(format!("<{}@muster>", message.key.replace(':', "."))))
            .header(AutoSubmitted)
            .body(body)?;
        match &self.transport {
            Transport::Files(files) => drop(files.send(email).await?),
            Transport::Smtp(smtp) => drop(smtp.send(email).await?),
        }
        Ok(())
    }

    fn words(&self, message: &Message, name: &str) -> (String, String) {
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

/// Tells other programs that no person wrote this, so that none answers (RFC 3834).
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
