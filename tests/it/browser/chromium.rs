//! Chromium, driven by the `chromedriver` on the path: one driver for each test, one window for each person.

use std::future::Future;
use std::process::Stdio;
use std::time::Duration;

use thirtyfour::prelude::*;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::support::processes::with_death_signal;

/// How long to wait for the browser on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
const STARTS: usize = 5;
const CHECK_EVERY: Duration = Duration::from_millis(50);

/// A running driver. Dropping it closes the driver and its windows.
pub struct Chromium {
    #[expect(dead_code, reason = "dropping it stops the driver")]
    driver: Child,
    url: String,
}

/// One person's browser window.
pub struct Window {
    pub driver: WebDriver,
    base: String,
}

impl Chromium {
    pub async fn start() -> Self {
        for _ in 0..STARTS {
            if let Some(started) = Self::try_start().await {
                return started;
            }
        }
        panic!("chromedriver exited immediately, {STARTS} times");
    }

    /// Starts a driver on a free port, or returns `None` if it exits. It picks a free IPv4 port and also needs the IPv6
    /// port of the same number, which may be in use.
    async fn try_start() -> Option<Self> {
        let mut driver = Command::from(with_death_signal("chromedriver", "TERM"))
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver is missing: run `make setup`");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = loop {
            let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap()?;
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim_end_matches('.').to_owned();
            }
        };
        // Later output must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Some(Self { driver, url: format!("http://127.0.0.1:{port}") })
    }

    /// A new window without cookies.
    pub async fn window(&self, base: &str) -> Window {
        self.open(base, true).await
    }

    /// A new window with JavaScript disabled.
    pub async fn window_without_scripts(&self, base: &str) -> Window {
        self.open(base, false).await
    }

    async fn open(&self, base: &str, scripts: bool) -> Window {
        let mut capabilities = DesiredCapabilities::chrome();
        let flags = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--window-size=1200,1400",
        ];
        for flag in flags {
            capabilities.add_arg(flag).unwrap();
        }
        if !scripts {
            let off = serde_json::json!({ "profile.managed_default_content_settings.javascript": 2 });
            capabilities.add_experimental_option("prefs", off).unwrap();
        }
        let driver = WebDriver::new(&self.url, capabilities).await.expect("Chromium does not start: run `make setup`");
        driver.set_page_load_timeout(PATIENCE).await.unwrap();
        Window { driver, base: base.trim_end_matches('/').to_owned() }
    }
}

impl Window {
    pub async fn open(&self, path: &str) {
        self.driver.goto(format!("{}{path}", self.base)).await.unwrap();
    }

    /// Creates an account through the form and continues to this page.
    pub async fn sign_up(&self, role: &str, name: &str, next: &str) {
        self.open(&format!("/sign-up?next={next}")).await;
        self.click(&format!("input[name=role][value={role}]")).await;
        self.fill("name", name).await;
        self.fill("email", &format!("{}@example.com", name.to_lowercase())).await;
        self.fill("password", "correct horse battery").await;
        self.click("form[action='/sign-up'] button[type=submit]").await;
        self.wait_for_text("header", name).await;
    }

    pub async fn fill(&self, name: &str, value: &str) {
        let field = self.find(&format!("[name='{name}']")).await;
        field.clear().await.unwrap();
        field.send_keys(value).await.unwrap();
    }

    /// Waits until the selector matches something clickable, and clicks it.
    pub async fn click(&self, selector: &str) {
        self.until(&format!("{selector} can be clicked"), || async {
            let found = self.driver.find(By::Css(selector)).await?;
            found.scroll_into_view().await?;
            found.click().await?;
            Ok(true)
        })
        .await;
    }

    pub async fn find(&self, selector: &str) -> WebElement {
        self.until(&format!("{selector} exists"), || async { self.driver.find(By::Css(selector)).await.map(|_| true) })
            .await;
        self.driver.find(By::Css(selector)).await.unwrap()
    }

    /// Waits until the element that the selector matches contains this text.
    pub async fn wait_for_text(&self, selector: &str, text: &str) {
        self.until(&format!("{selector} shows “{text}”"), || async {
            Ok(self.driver.find(By::Css(selector)).await?.text().await?.contains(text))
        })
        .await;
    }

    /// Reloads the page until the selector matches. For pages without live updates.
    pub async fn reload_until(&self, selector: &str) {
        self.until(&format!("{selector} exists after a reload"), || async {
            self.driver.refresh().await?;
            Ok(!self.driver.find_all(By::Css(selector)).await?.is_empty())
        })
        .await;
    }

    async fn until<F, T>(&self, what: &str, mut check: F)
    where
        F: FnMut() -> T,
        T: Future<Output = WebDriverResult<bool>>,
    {
        let mut ticks = interval(CHECK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let awaited = timeout(PATIENCE, async {
            loop {
                ticks.tick().await;
                if matches!(check().await, Ok(true)) {
                    return;
                }
            }
        });
        if awaited.await.is_err() {
            let (at, page) = (self.driver.current_url().await, self.driver.find(By::Css("body")).await);
            let text = match page {
                Ok(body) => body.text().await.unwrap_or_default(),
                Err(error) => error.to_string(),
            };
            panic!("{what}: not within {} s at {at:?}:\n{text}", PATIENCE.as_secs());
        }
    }

    pub async fn close(self) {
        self.driver.quit().await.unwrap();
    }
}
