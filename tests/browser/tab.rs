//! What a person sees and does in a tab.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, Locator};
use serde_json::{Value, json};

use crate::support::eventually_async;
use crate::world::World;

/// From doing something to seeing what came of it.
const SEEN_BOUND: Duration = Duration::from_secs(30);

/// A tab on the console.
#[derive(Debug, Clone)]
pub struct Tab {
    client: Client,
    base: String,
}

/// A command of the browser's own protocol, which WebDriver has no words for: media, sizes, screenshots of whole pages.
#[derive(Debug)]
struct Native(Value);

impl WebDriverCompatibleCommand for Native {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.0.to_string()))
    }
}

impl Tab {
    /// A tab on the console at `address`.
    #[must_use]
    pub fn new(client: Client, address: SocketAddr) -> Self {
        Self { client, base: format!("http://{address}") }
    }

    /// Opens a path of the console, or another site.
    pub async fn go(&self, path: &str) {
        let url = if path.starts_with('/') { format!("{}{path}", self.base) } else { path.to_owned() };
        self.client.goto(&url).await.unwrap_or_else(|error| panic!("open {url}: {error}"));
    }

    /// Signs in as the operator of this name by typing its token.
    pub async fn sign_in(&self, world: &World, name: &str) {
        self.sign_in_with(world.token_of(name)).await;
    }

    /// Signs in by typing this token.
    pub async fn sign_in_with(&self, token: &str) {
        self.go("/sign-in").await;
        self.type_into("#token", token).await;
        self.press("Sign in").await;
        self.sees("API access keys").await;
    }

    /// Path and query of the address.
    pub async fn path(&self) -> String {
        let url = self.client.current_url().await.expect("a tab has an address");
        url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
    }

    /// The element.
    pub async fn find(&self, css: &str) -> Element {
        self.client.find(Locator::Css(css)).await.unwrap_or_else(|error| panic!("{css}: {error}"))
    }

    /// All such elements.
    pub async fn all(&self, css: &str) -> Vec<Element> {
        self.client.find_all(Locator::Css(css)).await.expect("elements are found or not")
    }

    /// Clicks on it, in the middle of the screen.
    pub async fn click(&self, css: &str) {
        self.run(&format!("document.querySelector({css:?}).scrollIntoView({{ block: 'center' }})")).await;
        self.find(css).await.click().await.unwrap_or_else(|error| panic!("click on {css}: {error}"));
    }

    /// Clicks on the link with this text.
    pub async fn follow(&self, text: &str) {
        let link = self.client.find(Locator::LinkText(text)).await;
        link.unwrap_or_else(|error| panic!("link {text}: {error}")).click().await.expect("a link is clicked");
    }

    /// Presses the button with this text.
    pub async fn press(&self, text: &str) {
        let path = format!("//button[normalize-space()='{text}']");
        let button = self.client.find(Locator::XPath(&path)).await;
        button.unwrap_or_else(|error| panic!("button {text}: {error}")).click().await.expect("a button is pressed");
    }

    /// Chooses the box or button whose label begins with this text.
    pub async fn choose(&self, text: &str) {
        let path = format!("//label[starts-with(normalize-space(), '{text}')]");
        let label = self.client.find(Locator::XPath(&path)).await;
        label.unwrap_or_else(|error| panic!("label {text}: {error}")).click().await.expect("a label is clicked");
    }

    /// Empties a field and types into it.
    pub async fn type_into(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.unwrap_or_else(|error| panic!("empty {css}: {error}"));
        field.send_keys(text).await.unwrap_or_else(|error| panic!("type into {css}: {error}"));
    }

    /// Chooses a value of a list to choose from.
    pub async fn select(&self, css: &str, value: &str) {
        self.find(css).await.select_by_value(value).await.unwrap_or_else(|error| panic!("select in {css}: {error}"));
    }

    /// Presses keys, one after the other, on whatever has the focus.
    pub async fn keys(&self, keys: &str) {
        let pressed = keys.chars().fold(KeyActions::new("keyboard".to_owned()), |actions, value| {
            actions.then(KeyAction::Down { value }).then(KeyAction::Up { value })
        });
        self.client.perform_actions(pressed).await.expect("keys are pressed");
    }

    /// Presses the tabulator until what has the focus fits this selector.
    pub async fn tab_to(&self, css: &str) {
        for _ in 0..200 {
            self.keys(&Key::Tab).await;
            if self.eval(&format!("document.activeElement.matches({css:?})")).await == Value::Bool(true) {
                return;
            }
        }
        panic!("the keyboard does not lead to {css}");
    }

    /// The text that is seen of an element.
    pub async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await.expect("an element has a text")
    }

    /// The text that is seen.
    pub async fn screen(&self) -> String {
        self.text("body").await
    }

    /// What is in a field.
    pub async fn value(&self, css: &str) -> String {
        self.find(css).await.prop("value").await.expect("a field is read").unwrap_or_default()
    }

    /// A property of an element as text.
    pub async fn is(&self, css: &str, property: &str) -> bool {
        self.find(css).await.prop(property).await.expect("a property is read").as_deref() == Some("true")
    }

    /// The page as the browser has it.
    pub async fn source(&self) -> String {
        self.client.source().await.expect("a page has a source")
    }

    /// Waits until this text is on the screen.
    pub async fn sees(&self, text: &str) {
        eventually_async(&format!("`{text}` is on the screen"), SEEN_BOUND, async || {
            let body = self.client.find(Locator::Css("body")).await.ok()?;
            body.text().await.ok()?.contains(text).then_some(())
        })
        .await;
    }

    /// Waits until the page says that this holds: an expression of JavaScript.
    pub async fn holds(&self, expression: &str) {
        let script = format!("return Boolean({expression})");
        eventually_async(expression, SEEN_BOUND, async || {
            let answer = self.client.execute(&script, Vec::new()).await.ok()?;
            (answer == Value::Bool(true)).then_some(())
        })
        .await;
    }

    /// What an expression of JavaScript comes to.
    pub async fn eval(&self, expression: &str) -> Value {
        let answer = self.client.execute(&format!("return {expression}"), Vec::new()).await;
        answer.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Runs a script and waits for what it gives to its last argument.
    pub async fn eval_async(&self, script: &str) -> Value {
        self.client.execute_async(script, Vec::new()).await.expect("a script runs")
    }

    /// Runs a script as it is.
    pub async fn run(&self, script: &str) {
        self.client.execute(script, Vec::new()).await.expect("a script runs");
    }

    /// Looks into the first frame of the page.
    pub async fn enter_frame(&self) {
        self.client.enter_frame(0).await.expect("there is a frame");
    }

    /// Looks at the page again.
    pub async fn leave_frame(&self) {
        self.client.enter_parent_frame().await.expect("there is a page around the frame");
    }

    /// Goes back.
    pub async fn back(&self) {
        self.client.back().await.expect("there is a page to go back to");
    }

    /// Loads the page again.
    pub async fn reload(&self) {
        self.client.refresh().await.expect("the page is there again");
    }

    /// Shows pages in light or dark colours.
    pub async fn colours(&self, scheme: &str) {
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.native("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// Shows pages to somebody who lives in this time zone.
    pub async fn zone(&self, name: &str) {
        self.native("Emulation.setTimezoneOverride", json!({ "timezoneId": name })).await;
    }

    /// Shows pages on a screen of this size.
    pub async fn size(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.native("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Keeps a picture of the page, or of its part within this height.
    pub async fn picture(&self, width: u32, most: u32, file: &Path) {
        let height = self.eval("document.documentElement.scrollHeight").await.as_u64().unwrap_or(0);
        self.size(width, u32::try_from(height).unwrap_or(most).clamp(600, most)).await;
        let bytes = self.client.screenshot().await.expect("a picture is taken");
        std::fs::write(file, bytes).unwrap_or_else(|error| panic!("write {}: {error}", file.display()));
    }

    async fn native(&self, name: &str, parameters: Value) -> Value {
        let command = Native(json!({ "cmd": name, "params": parameters }));
        self.client.issue_cmd(command).await.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Closes the browser.
    pub async fn close(self) {
        self.client.close().await.expect("the browser closes");
    }
}
