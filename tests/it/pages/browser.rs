//! A browser without JavaScript: it keeps a cookie, follows redirects only on request, and submits forms.

use muster::domain::AccountId;
use reqwest::StatusCode;
use reqwest::header::{COOKIE, HeaderMap, LOCATION, ORIGIN, SET_COOKIE};
use secrecy::ExposeSecret;

use crate::support::Person;
use crate::support::app::Node;

pub struct Browser {
    client: reqwest::Client,
    base: String,
    cookie: Option<String>,
}

/// A response with its HTML.
pub struct Page {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub html: String,
}

impl Node {
    /// A browser without a session.
    pub fn browser(&self) -> Browser {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Browser { client, base: self.url(""), cookie: None }
    }

    /// A browser in which this person is signed in.
    pub async fn browser_of(&self, person: &Person) -> Browser {
        self.signed_in(person.id).await
    }

    /// A browser whose cookie contains this session.
    pub fn browser_with(&self, session: &str) -> Browser {
        Browser { cookie: Some(format!("muster={session}")), ..self.browser() }
    }

    async fn signed_in(&self, account: AccountId) -> Browser {
        let session = self.auth.start_session(account, None).await.unwrap();
        self.browser_with(session.secret.expose_secret())
    }
}

impl Browser {
    pub async fn get(&mut self, path: &str) -> Page {
        let request = self.client.get(format!("{}{path}", self.base));
        self.send(request).await
    }

    /// Opens a page and follows its redirects.
    pub async fn open(&mut self, path: &str) -> Page {
        let mut page = self.get(path).await;
        for _ in 0..10 {
            let Some(path) = page.location() else { return page };
            page = self.get(&path).await;
        }
        panic!("{path} redirects forever")
    }

    /// Submits fields without having loaded a form.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let body = serde_urlencoded::to_string(fields).unwrap();
        let request = self.client.post(format!("{}{path}", self.base)).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded").header(ORIGIN, &self.base);
        self.send(request).await
    }

    /// Fills in the form with this action, and submits it with its other inputs and text areas as they are.
    pub async fn submit(&mut self, page: &Page, action: &str, typed: &[(&str, &str)]) -> Page {
        let mut fields = page.form(action);
        for (name, value) in typed {
            fields.retain(|(known, _)| known != name);
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.post(action, &fields).await
    }

    /// As [`Self::submit`], and follows redirects.
    pub async fn submit_and_follow(&mut self, page: &Page, action: &str, typed: &[(&str, &str)]) -> Page {
        let answer = self.submit(page, action, typed).await;
        match answer.location() {
            Some(path) => self.open(&path).await,
            None => answer,
        }
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Page {
        let request = match &self.cookie {
            Some(cookie) => request.header(COOKIE, cookie),
            None => request,
        };
        let answer = request.send().await.unwrap();
        if let Some(set) = answer.headers().get(SET_COOKIE) {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            self.cookie = Some(pair.to_owned()).filter(|pair| !pair.ends_with('='));
        }
        Page { status: answer.status(), headers: answer.headers().clone(), html: answer.text().await.unwrap() }
    }
}

impl Page {
    pub fn location(&self) -> Option<String> {
        self.headers.get(LOCATION).map(|path| path.to_str().unwrap().to_owned())
    }

    /// Asserts that the page contains this text.
    pub fn says(&self, sentence: &str) -> &Self {
        assert!(self.text().contains(sentence), "{sentence:?} is not in:\n{}", self.text());
        self
    }

    /// Asserts that the page does not contain this text.
    pub fn does_not_say(&self, sentence: &str) -> &Self {
        assert!(!self.text().contains(sentence), "{sentence:?} is in:\n{}", self.text());
        self
    }

    /// The text outside of tags and scripts, also of hidden elements, with white space collapsed.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut rest = self.html.as_str();
        while let Some((before, tag)) = rest.split_once('<') {
            text.push_str(before);
            text.push(' ');
            let end = if tag.starts_with("script") { "</script>" } else { ">" };
            rest = tag.split_once(end).map_or("", |(_, after)| after);
        }
        text.push_str(rest);
        unescaped(&text).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The names and values of the fields in the form with this action.
    pub fn form(&self, action: &str) -> Vec<(String, String)> {
        let form = self.html.split("<form").find(|form| attribute(form, "action").as_deref() == Some(action));
        let form = form.unwrap_or_else(|| panic!("no form has the action {action} in:\n{}", self.html));
        let form = form.split("</form>").next().unwrap();
        let mut fields: Vec<(String, String)> = Vec::new();
        for input in form.split("<input").skip(1) {
            let input = &input[..input.find('>').unwrap()];
            let chosen = !input.contains("type=\"radio\"") || input.contains(" checked");
            if let Some(name) = attribute(input, "name").filter(|_| chosen) {
                fields.push((name, attribute(input, "value").unwrap_or_default()));
            }
        }
        for area in form.split("<textarea").skip(1) {
            let (tag, text) = area.split_once('>').unwrap();
            // The first line break after the tag is not part of the text.
            let text = text.split("</textarea>").next().unwrap().trim_start_matches('\n');
            fields.push((attribute(tag, "name").unwrap(), unescaped(text)));
        }
        fields
    }

    /// The value of a field in the form with this action.
    pub fn field(&self, action: &str, name: &str) -> String {
        let field = self.form(action).into_iter().find(|(known, _)| known == name);
        field.unwrap_or_else(|| panic!("the form to {action} has no {name}")).1
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = tag.split('>').next()?;
    let value = tag.split_once(&format!(" {name}=\""))?.1;
    Some(unescaped(value.split('"').next()?))
}

fn unescaped(text: &str) -> String {
    let named = [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&nbsp;", " "), ("&#38;", "&")];
    named.iter().fold(text.to_owned(), |text, (escaped, character)| text.replace(escaped, character))
}
