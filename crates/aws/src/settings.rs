//! Where S3 is and who asks, from the environment variables of AWS's own tools. Pure: nothing is asked or read.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use headwater_plan::Secret;
use url::{Host, Url};

use crate::AwsError;

/// How often a request is made by default.
const ATTEMPTS: usize = 8;

/// How long one attempt may take by default.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The variables that are looked at.
const VARIABLES: [&str; 14] = [
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
    "HEADWATER_S3_TIMEOUT",
];

/// The variables as they are, not looked at yet: a project without S3 may have any nonsense in them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variables(BTreeMap<&'static str, Secret>);

impl Variables {
    /// Takes the variables that say something; an empty one says nothing, as in AWS's own tools.
    pub(crate) fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &'static str| Some((name, get(name).filter(|value| !value.trim().is_empty())?));
        Self(VARIABLES.into_iter().filter_map(set).map(|(name, value)| (name, Secret::new(value))).collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(Secret::expose)
    }

    /// The first that is set, and what it says.
    fn first(&self, names: [&'static str; 2]) -> Option<(&'static str, &str)> {
        names.into_iter().find_map(|name| Some((name, self.get(name)?)))
    }

    fn flag(&self, variable: &'static str) -> Result<bool, AwsError> {
        match self.get(variable).map(str::to_ascii_lowercase).as_deref() {
            None | Some("false" | "0" | "no") => Ok(false),
            Some("true" | "1" | "yes") => Ok(true),
            Some(_) => Err(self.invalid(variable, "`true` or `false`")),
        }
    }

    fn number(&self, variable: &'static str, expected: &'static str) -> Result<Option<u32>, AwsError> {
        let Some(value) = self.get(variable) else { return Ok(None) };
        match value.trim().parse() {
            Ok(number) if number > 0 => Ok(Some(number)),
            _ => Err(self.invalid(variable, expected)),
        }
    }

    fn invalid(&self, variable: &'static str, expected: &'static str) -> AwsError {
        let value = self.get(variable).unwrap_or_default().to_owned();
        AwsError::InvalidVariable { variable, value, expected }
    }
}

/// Where S3 is and who asks.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) identity: Identity,
    pub(crate) region: Option<String>,
    /// Another S3 than AWS's; without a slash at its end.
    pub(crate) endpoint: Option<Url>,
    pub(crate) virtual_hosted: bool,
    /// A PEM file of certificates to trust.
    pub(crate) certificates: Option<PathBuf>,
    /// How often a request is made again.
    pub(crate) retries: usize,
    /// How long one attempt may take.
    pub(crate) timeout: Duration,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Nobody: requests are not signed.
    Anonymous,
    /// A key that the environment holds.
    Key { id: String, secret: Secret, token: Option<Secret> },
    /// Whoever the SDKs' chain finds, by a profile if one is named.
    Chain { profile: Option<String> },
}

impl Settings {
    pub(crate) fn of(variables: &Variables) -> Result<Self, AwsError> {
        Ok(Self {
            identity: identity(variables)?,
            region: variables.first(["AWS_REGION", "AWS_DEFAULT_REGION"]).map(|(_, region)| region.trim().to_owned()),
            endpoint: endpoint(variables)?,
            virtual_hosted: variables.flag("AWS_VIRTUAL_HOSTED_STYLE_REQUEST")?,
            certificates: variables.get("AWS_CA_BUNDLE").map(PathBuf::from),
            retries: variables
                .number("AWS_MAX_ATTEMPTS", "a whole number from 1")?
                .map_or(ATTEMPTS, |attempts| attempts as usize)
                - 1,
            timeout: variables
                .number("HEADWATER_S3_TIMEOUT", "a whole number of seconds from 1")?
                .map_or(TIMEOUT, |seconds| Duration::from_secs(seconds.into())),
        })
    }

    /// The URL below which the objects of a bucket lie. `None`: the one that AWS gives it.
    pub(crate) fn bucket_endpoint(&self, bucket: &str) -> Option<String> {
        let mut endpoint = self.endpoint.clone()?;
        // The client puts the bucket into the path by itself; into the host's name it does not.
        if self.virtual_hosted
            && let Some(Host::Domain(host)) = endpoint.host()
            && !host.starts_with(&format!("{bucket}."))
        {
            let host = format!("{bucket}.{host}");
            // A host before which a name was put is still one.
            let _ = endpoint.set_host(Some(&host));
        }
        Some(endpoint.as_str().trim_end_matches('/').to_owned())
    }

    /// Whether the endpoint may be without encryption; that it was allowed is checked already.
    pub(crate) fn allows_http(&self) -> bool {
        self.endpoint.as_ref().is_some_and(|endpoint| endpoint.scheme() == "http")
    }
}

fn identity(variables: &Variables) -> Result<Identity, AwsError> {
    const ID: &str = "AWS_ACCESS_KEY_ID";
    const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
    if variables.flag("AWS_SKIP_SIGNATURE")? {
        return Ok(Identity::Anonymous);
    }
    match (variables.get(ID), variables.get(SECRET)) {
        (Some(id), Some(secret)) => Ok(Identity::Key {
            id: id.trim().to_owned(),
            secret: Secret::new(secret.trim()),
            token: variables.get("AWS_SESSION_TOKEN").map(|token| Secret::new(token.trim())),
        }),
        (Some(_), None) => Err(AwsError::HalfAKey { there: ID, missing: SECRET }),
        (None, Some(_)) => Err(AwsError::HalfAKey { there: SECRET, missing: ID }),
        (None, None) => Ok(Identity::Chain { profile: variables.get("AWS_PROFILE").map(str::to_owned) }),
    }
}

fn endpoint(variables: &Variables) -> Result<Option<Url>, AwsError> {
    let Some((variable, written)) = variables.first(["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]) else {
        return Ok(None);
    };
    let endpoint = written.trim().to_owned();
    match Url::parse(&endpoint) {
        Ok(url) if url.scheme() == "https" && url.has_host() => Ok(Some(url)),
        Ok(url) if url.scheme() == "http" && url.has_host() => {
            if variables.flag("AWS_ALLOW_HTTP")? {
                Ok(Some(url))
            } else {
                Err(AwsError::HttpNotAllowed { variable, endpoint })
            }
        }
        _ => Err(AwsError::InvalidEndpoint { variable, endpoint }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<Settings, AwsError> {
        let known: BTreeMap<_, _> = variables.iter().copied().collect();
        Settings::of(&Variables::read(|name| known.get(name).map(|value| (*value).to_owned())))
    }

    fn refused(variables: &[(&str, &str)]) -> String {
        settings(variables).unwrap_err().to_string()
    }

    #[test]
    fn nothing_set_is_aws_by_the_chain() {
        let settings = settings(&[("AWS_ENDPOINT_URL", ""), ("AWS_PROFILE", " ")]).unwrap();
        assert_eq!(settings.identity, Identity::Chain { profile: None });
        assert_eq!(settings.bucket_endpoint("b"), None);
        assert_eq!((settings.region.as_deref(), settings.retries), (None, 7));
        assert!(!settings.allows_http());
    }

    #[test]
    fn the_variable_of_s3_comes_before_that_of_all_services() {
        let both = [
            ("AWS_ENDPOINT_URL", "https://all.example.com"),
            ("AWS_ENDPOINT_URL_S3", "https://s3.example.com:9000/"),
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("AWS_REGION", "eu-north-1"),
        ];
        let settings = settings(&both).unwrap();
        assert_eq!(settings.bucket_endpoint("b").as_deref(), Some("https://s3.example.com:9000"));
        assert_eq!(settings.region.as_deref(), Some("eu-north-1"));
    }

    #[test]
    fn a_bucket_goes_into_the_hosts_name_once() {
        let of = |endpoint| {
            let variables = [("AWS_ENDPOINT_URL", endpoint), ("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "true")];
            settings(&variables).unwrap().bucket_endpoint("shop")
        };
        assert_eq!(of("https://s3.example.com").as_deref(), Some("https://shop.s3.example.com"));
        assert_eq!(of("https://shop.s3.example.com").as_deref(), Some("https://shop.s3.example.com"));
    }

    #[test]
    fn a_key_is_whole_and_is_never_shown() {
        let key = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "hush"), ("AWS_SESSION_TOKEN", "hush")];
        let settings = settings(&key).unwrap();
        assert!(matches!(&settings.identity, Identity::Key { secret, .. } if secret.expose() == "hush"));
        assert!(!format!("{settings:?}").contains("hush"));
        assert!(!format!("{:?}", Variables::read(|_| Some("hush".to_owned()))).contains("hush"));
        assert_eq!(
            refused(&key[..1]),
            "the environment variable `AWS_ACCESS_KEY_ID` is set and `AWS_SECRET_ACCESS_KEY` is not"
        );
        assert_eq!(
            refused(&key[1..]),
            "the environment variable `AWS_SECRET_ACCESS_KEY` is set and `AWS_ACCESS_KEY_ID` is not"
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert_eq!(
            refused(&[("AWS_ENDPOINT_URL", "localhost:9000")]),
            "`AWS_ENDPOINT_URL` is `localhost:9000`: expected a URL, such as `https://s3.example.com`"
        );
        let http = ("AWS_ENDPOINT_URL", "http://localhost:9000");
        assert_eq!(
            refused(&[http]),
            "`AWS_ENDPOINT_URL` is `http://localhost:9000`, which sends keys and data in the clear"
        );
        assert!(settings(&[http, ("AWS_ALLOW_HTTP", "TRUE")]).unwrap().allows_http());
        assert_eq!(
            refused(&[("AWS_SKIP_SIGNATURE", "perhaps")]),
            "the environment variable `AWS_SKIP_SIGNATURE` is `perhaps`: expected `true` or `false`"
        );
        for wrong in ["0", "-1", "many"] {
            assert!(refused(&[("AWS_MAX_ATTEMPTS", wrong)]).ends_with("expected a whole number from 1"), "{wrong}");
            assert!(refused(&[("HEADWATER_S3_TIMEOUT", wrong)]).ends_with("of seconds from 1"), "{wrong}");
        }
    }
}
