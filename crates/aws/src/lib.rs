//! Everything AWS. Today that is S3, as the place of sources and of lakes; any store that speaks S3 will do.
//!
//! | module | owns |
//! |---|---|
//! | [`s3`] | [`S3`]: the buckets of a project, each connected when it is first used |
//! | `settings` | where S3 is and who asks, from the environment variables of AWS's own tools |
//! | `credentials` | the chain of AWS's SDKs: profiles, SSO, processes, roles of containers and machines |
//! | `bucket` | a bucket as an object store |
//! | `http` | what of S3's answers may be asked for again |
//! | [`error`] | [`AwsError`] |
//!
//! # Environment variables
//! Of the process, over those of the project's `.env`:
//!
//! | variable | what |
//! |---|---|
//! | `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` | who asks; without them the SDKs' chain is asked |
//! | `AWS_PROFILE` | the profile of the SDKs' files; what else their chain reads is of the process alone |
//! | `AWS_REGION`, `AWS_DEFAULT_REGION` | the region; without it the profile's, then the one that S3 names for the bucket |
//! | `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL` | another S3 than AWS's |
//! | `AWS_ALLOW_HTTP` | `true`: the endpoint may be `http://`, which sends everything in the clear |
//! | `AWS_VIRTUAL_HOSTED_STYLE_REQUEST` | `true`: the bucket is part of the host's name, not of the path |
//! | `AWS_SKIP_SIGNATURE` | `true`: requests name nobody; for public buckets |
//! | `AWS_CA_BUNDLE` | a PEM file of certificates to trust beside the system's |
//! | `AWS_MAX_ATTEMPTS` | how often a request is made before it fails; 8 by default |
//! | `HEADWATER_S3_TIMEOUT` | how many seconds one attempt may take; 30 by default |
//!
//! Does not belong here: what lies in a bucket (`lake`, `connect`), and when it is looked at.
//! Files on disk: none; AWS's own configuration is only read.

mod bucket;
mod credentials;
pub mod error;
mod http;
pub mod s3;
mod settings;

pub use error::AwsError;
pub use s3::S3;
