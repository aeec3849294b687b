//! Fetching packages over HTTP.

use std::time::Duration;

use headwater_plan::{Code, Diagnostic, Fault};
use reqwest::{Client, StatusCode};
use serde_json::Value;

/// dbt's hub of packages.
pub(super) const HUB: &str = "https://hub.getdbt.com";
/// The environment variable that names another one.
pub(super) const HUB_VARIABLE: &str = "DBT_PACKAGE_HUB_URL";
/// How often a request that may succeed next time is made.
const ATTEMPTS: u32 = 3;
/// The most that a package may weigh.
const MOST_BYTES: u64 = 256 << 20;

/// A client.
pub(super) struct Http {
    client: Client,
    hub: String,
}

impl Http {
    /// A client for a hub; dbt's if none is named.
    pub(super) fn new(hub: Option<&str>) -> Result<Self, Diagnostic> {
        let client = Client::builder()
            .user_agent(concat!("headwater/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(20))
            .timeout(Duration::from_secs(300))
            .build();
        let client = client.map_err(|error| Diagnostic::internal("cannot make an HTTP client").caused_by(&error))?;
        Ok(Self { client, hub: hub.unwrap_or(HUB).trim_end_matches('/').to_owned() })
    }

    /// What the hub knows of a package; `None` if it knows none of that name.
    pub(super) async fn index(&self, package: &str) -> Result<Option<Value>, Diagnostic> {
        let url = format!("{}/api/v1/{package}.json", self.hub);
        let Some(bytes) = self.get(&url, &url).await? else { return Ok(None) };
        let wrong = |error: serde_json::Error| outside(format!("`{url}` did not answer with JSON")).caused_by(&error);
        serde_json::from_slice(&bytes).map(Some).map_err(wrong)
    }

    /// The bytes behind a URL, which is told as `shown`; `None` if there is nothing.
    pub(super) async fn get(&self, url: &str, shown: &str) -> Result<Option<Vec<u8>>, Diagnostic> {
        let mut attempt = 1;
        loop {
            match self.once(url, shown).await {
                Err(failed) if failed.retryable && attempt < ATTEMPTS => {
                    tokio::time::sleep(Duration::from_millis(200 * u64::from(attempt))).await;
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }

    async fn once(&self, url: &str, shown: &str) -> Result<Option<Vec<u8>>, Diagnostic> {
        let failed = |error: reqwest::Error| {
            let failed = outside(format!("cannot fetch `{shown}`")).caused_by(&error.without_url());
            failed.retryable().help("is this machine connected, and the address right?")
        };
        let mut response = self.client.get(url).send().await.map_err(failed)?;
        match response.status() {
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(None),
            status if status.is_success() => {}
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                return Err(outside(format!("`{shown}` answered with {status}")).retryable());
            }
            status => return Err(outside(format!("`{shown}` answered with {status}"))),
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() as u64 > MOST_BYTES {
                return Err(outside(format!("`{shown}` is larger than a package may be: 256 MiB")));
            }
        }
        Ok(Some(bytes))
    }
}

fn outside(message: String) -> Diagnostic {
    Diagnostic::error(Code::PackageUnavailable, message).fault(Fault::Outside)
}
