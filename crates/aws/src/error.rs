//! What can be wrong before S3 is asked anything, and how the user is told.

use std::io;
use std::path::PathBuf;

use aws_credential_types::provider::error::CredentialsError;
use headwater_plan::{Code, Diagnostic};

/// Why a bucket cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// A URL of something else.
    #[error("`{url}` does not name a bucket: expected `s3://bucket/…`")]
    NotABucket {
        /// The URL.
        url: String,
    },
    /// An endpoint that is no URL.
    #[error("`{variable}` is `{endpoint}`: expected a URL, such as `https://s3.example.com`")]
    InvalidEndpoint {
        /// The environment variable.
        variable: &'static str,
        /// What it says.
        endpoint: String,
    },
    /// An endpoint without encryption, and nobody said that this is meant.
    #[error("`{variable}` is `{endpoint}`, which sends keys and data in the clear")]
    HttpNotAllowed {
        /// The environment variable.
        variable: &'static str,
        /// What it says.
        endpoint: String,
    },
    /// Half of a key.
    #[error("the environment variable `{there}` is set and `{missing}` is not")]
    HalfAKey {
        /// The variable that is set.
        there: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// A variable that is not what it should be.
    #[error("the environment variable `{variable}` is `{value}`: expected {expected}")]
    InvalidVariable {
        /// The variable.
        variable: &'static str,
        /// What it says; never that of a secret one.
        value: String,
        /// What it may say.
        expected: &'static str,
    },
    /// The file of `AWS_CA_BUNDLE`.
    #[error("cannot read the certificates of `AWS_CA_BUNDLE` from `{}`", path.display())]
    UnreadableCertificates {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A store that cannot be set up.
    #[error("cannot set up access to the bucket `{bucket}`")]
    NotSetUp {
        /// The bucket.
        bucket: String,
        /// What the client says.
        source: object_store::Error,
    },
    /// Nobody in the chain has credentials.
    #[error("no AWS credentials for the bucket `{bucket}`")]
    NoCredentials {
        /// The bucket.
        bucket: String,
        /// What the chain says.
        source: CredentialsError,
    },
}

impl AwsError {
    /// The message to the user.
    pub fn diagnostic(&self) -> Diagnostic {
        let error = |code| Diagnostic::error(code, self.to_string());
        match self {
            Self::NotABucket { .. } => error(Code::Unsupported),
            Self::InvalidEndpoint { .. } | Self::InvalidVariable { .. } => error(Code::InvalidValue),
            Self::HttpNotAllowed { .. } => error(Code::InvalidValue)
                .help("use `https://`, or set `AWS_ALLOW_HTTP=true` for a store on this machine or a network of yours"),
            Self::HalfAKey { .. } => {
                error(Code::MissingEnvironmentVariable).help("set both, in the environment or in `.env`, or neither")
            }
            Self::UnreadableCertificates { source, .. } => error(Code::UnreadableFile).caused_by(source),
            Self::NotSetUp { source, .. } => error(Code::StorageUnavailable).caused_by(source),
            Self::NoCredentials { source, .. } => error(Code::StorageDenied).caused_by(source).help(
                "set `AWS_PROFILE`, or `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, in the environment or in `.env`",
            ),
        }
    }
}

impl From<AwsError> for Diagnostic {
    fn from(error: AwsError) -> Self {
        error.diagnostic()
    }
}

impl From<AwsError> for object_store::Error {
    /// For what is found out only while a request is made.
    fn from(error: AwsError) -> Self {
        match &error {
            AwsError::NoCredentials { bucket, .. } => {
                Self::Unauthenticated { path: bucket.clone(), source: Box::new(error) }
            }
            _ => Self::Generic { store: "S3", source: Box::new(error) },
        }
    }
}
