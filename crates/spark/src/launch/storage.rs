//! What Spark must be told of the lake's storage: the same variables describe S3 to it as to the embedded engine.

use crate::doctor::Machine;

const S3A: &str = "org.apache.hadoop.fs.s3a.S3AFileSystem";

/// The variables of AWS that a job inherits, those of the project's `.env` included.
pub(super) const VARIABLES: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL",
    "AWS_ALLOW_HTTP",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
    "AWS_SKIP_SIGNATURE",
    "AWS_CA_BUNDLE",
    "AWS_MAX_ATTEMPTS",
];

/// The settings by which `s3://` means the same as everywhere else in the project; none for a folder.
pub(super) fn settings(lake: &str, machine: &Machine) -> Vec<(String, String)> {
    if !lake.starts_with("s3://") {
        return Vec::new();
    }
    let mut settings = vec![("spark.hadoop.fs.s3.impl".to_owned(), S3A.to_owned())];
    let mut set = |name: &str, value: String| settings.push((format!("spark.hadoop.fs.s3a.{name}"), value));
    if let Some(region) = machine.variable("AWS_REGION").or_else(|| machine.variable("AWS_DEFAULT_REGION")) {
        set("endpoint.region", region);
    }
    if let Some(endpoint) = machine.variable("AWS_ENDPOINT_URL_S3").or_else(|| machine.variable("AWS_ENDPOINT_URL")) {
        set("connection.ssl.enabled", (!endpoint.starts_with("http://")).to_string());
        set("endpoint", endpoint);
        let by_host = machine.variable("AWS_VIRTUAL_HOSTED_STYLE_REQUEST").is_some_and(|value| value == "true");
        set("path.style.access", (!by_host).to_string());
    }
    if machine.variable("AWS_SKIP_SIGNATURE").is_some_and(|value| value == "true") {
        let nobody = "org.apache.hadoop.fs.s3a.AnonymousAWSCredentialsProvider";
        set("aws.credentials.provider", nobody.to_owned());
    }
    settings
}
