//! What a user sees and does in a tab.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, Locator};
use serde_json::{Value, json};

use helpers::support::eventually_async;
use helpers::test_server::TestServer;

/// Bound from an action to its visible result.
const VISIBLE_BOUND: Duration = Duration::from_secs(30);

/// A tab with the console.
#[derive(Debug, Clone)]
pub struct Tab {
    client: Client,
    base: String,
}

/// A command of the browser's own protocol, for what WebDriver lacks: media, sizes, screenshots of whole pages.
#[derive(Debug)]
struct DevtoolsCommand(Value);

impl WebDriverCompatibleCommand for DevtoolsCommand {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.0.to_string()))
    }
}

impl Tab {
    /// Creates a tab for the console at `address`.
    #[must_use]
    pub fn new(client: Client, address: SocketAddr) -> Self {
        Self { client, base: format!("http://{address}") }
    }

    /// Opens a path of the console, or another site.
    pub async fn goto(&self, path: &str) {
        let url = if path.starts_with('/') { format!("{}{path}", self.base) } else { path.to_owned() };
        self.client.goto(&url).await.unwrap_or_else(|error| panic!("open {url}: {error}"));
    }

    /// Signs in as the operator of this name by typing the operator's token.
    pub async fn sign_in(&self, server: &TestServer, name: &str) {
        self.sign_in_with(server.token_of(name)).await;
    }

    /// Signs in by typing this token.
    pub async fn sign_in_with(&self, token: &str) {
        self.goto("/sign-in").await;
        self.type_into("#token", token).await;
        self.press("Sign in").await;
        self.wait_for_text("API access keys").await;
    }

    /// Returns the path and query of the current address.
    pub async fn path(&self) -> String {
        let url = self.client.current_url().await.expect("a tab has an address");
        url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
    }

    /// Returns the element.
    pub async fn find(&self, css: &str) -> Element {
        self.client.find(Locator::Css(css)).await.unwrap_or_else(|error| panic!("{css}: {error}"))
    }

    /// Returns all matching elements.
    pub async fn all(&self, css: &str) -> Vec<Element> {
        self.client.find_all(Locator::Css(css)).await.expect("elements are found or not")
    }

    /// Scrolls the element to the middle of the screen and clicks it.
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

    /// Empties a field and types into it.
    pub async fn type_into(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.unwrap_or_else(|error| panic!("empty {css}: {error}"));
        field.send_keys(text).await.unwrap_or_else(|error| panic!("type into {css}: {error}"));
    }

    /// Selects a value of a drop-down list.
    pub async fn select(&self, css: &str, value: &str) {
        self.find(css).await.select_by_value(value).await.unwrap_or_else(|error| panic!("select in {css}: {error}"));
    }

    /// Presses keys, one after another, on the focused element.
    pub async fn keys(&self, keys: &str) {
        let pressed = keys.chars().fold(KeyActions::new("keyboard".to_owned()), |actions, value| {
            actions.then(KeyAction::Down { value }).then(KeyAction::Up { value })
        });
        self.client.perform_actions(pressed).await.expect("keys are pressed");
    }

    /// Presses Tab until the focused element matches this selector.
    pub async fn tab_to(&self, css: &str) {
        for _ in 0..200 {
            self.keys(&Key::Tab).await;
            if self.eval(&format!("document.activeElement.matches({css:?})")).await == Value::Bool(true) {
                return;
            }
        }
        panic!("the keyboard does not lead to {css}");
    }

    /// Returns the visible text of an element.
    pub async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await.expect("an element has a text")
    }

    /// Returns the visible text of the page.
    pub async fn screen(&self) -> String {
        self.text("body").await
    }

    /// Returns the value of a field.
    pub async fn value(&self, css: &str) -> String {
        self.find(css).await.prop("value").await.expect("a field is read").unwrap_or_default()
    }

    /// Returns whether a property of an element is true.
    pub async fn is(&self, css: &str, property: &str) -> bool {
        self.find(css).await.prop(property).await.expect("a property is read").as_deref() == Some("true")
    }

    /// Returns the source of the page as the browser has it.
    pub async fn source(&self) -> String {
        self.client.source().await.expect("a page has a source")
    }

    /// Waits until this text is on the screen.
    pub async fn wait_for_text(&self, text: &str) {
        eventually_async(&format!("`{text}` is on the screen"), VISIBLE_BOUND, async || {
            let body = self.client.find(Locator::Css("body")).await.ok()?;
            body.text().await.ok()?.contains(text).then_some(())
        })
        .await;
    }

    /// Waits until this JavaScript expression is true in the page.
    pub async fn wait_until(&self, expression: &str) {
        let script = format!("return Boolean({expression})");
        eventually_async(expression, VISIBLE_BOUND, async || {
            let answer = self.client.execute(&script, Vec::new()).await.ok()?;
            (answer == Value::Bool(true)).then_some(())
        })
        .await;
    }

    /// Evaluates a JavaScript expression and returns its value.
    pub async fn eval(&self, expression: &str) -> Value {
        let answer = self.client.execute(&format!("return {expression}"), Vec::new()).await;
        answer.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Runs a script and returns what it passes to its last argument.
    pub async fn eval_async(&self, script: &str) -> Value {
        self.client.execute_async(script, Vec::new()).await.expect("a script runs")
    }

    /// Runs a script.
    pub async fn run(&self, script: &str) {
        self.client.execute(script, Vec::new()).await.expect("a script runs");
    }

    /// Switches to the first frame of the page.
    pub async fn enter_frame(&self) {
        self.client.enter_frame(0).await.expect("there is a frame");
    }

    /// Switches back to the page.
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

    /// Emulates light or dark mode.
    pub async fn set_color_scheme(&self, scheme: &str) {
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// Emulates this time zone.
    pub async fn set_timezone(&self, name: &str) {
        self.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": name })).await;
    }

    /// Emulates a screen of this size.
    pub async fn resize(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Saves a picture of the page, or of its part down to a height of `most`.
    pub async fn screenshot(&self, width: u32, most: u32, file: &Path) {
        let height = self.eval("document.documentElement.scrollHeight").await.as_u64().unwrap_or(0);
        self.resize(width, u32::try_from(height).unwrap_or(most).clamp(600, most)).await;
        let bytes = self.client.screenshot().await.expect("a picture is taken");
        std::fs::write(file, bytes).unwrap_or_else(|error| panic!("write {}: {error}", file.display()));
    }

    async fn devtools(&self, name: &str, parameters: Value) -> Value {
        let command = DevtoolsCommand(json!({ "cmd": name, "params": parameters }));
        self.client.issue_cmd(command).await.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Closes the browser.
    pub async fn close(self) {
        self.client.close().await.expect("the browser closes");
    }
}
