//! The buckets of a project.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use headwater_connect::files::Buckets;
use headwater_plan::Diagnostic;
use object_store::ObjectStore;
use url::Url;

use crate::AwsError;
use crate::bucket::Bucket;
use crate::settings::{Settings, Variables};

/// Gives the store of a bucket by the URL of something in it: `s3://bucket/…`.
#[derive(Debug, Default)]
pub struct S3 {
    variables: Variables,
    /// Those that were asked for: each has its connections, and they are shared.
    known: Mutex<HashMap<String, Bucket>>,
}

impl S3 {
    /// S3 as environment variables describe it. Nothing is asked or checked before a bucket is wanted.
    pub fn new(get: impl Fn(&str) -> Option<String>) -> Self {
        Self { variables: Variables::read(get), known: Mutex::default() }
    }

    /// The store of the bucket that a URL names; its paths are keys.
    ///
    /// # Errors
    /// A URL of something else, and settings that make no sense.
    pub fn bucket_of(&self, url: &str) -> Result<Arc<dyn ObjectStore>, AwsError> {
        let parsed = Url::parse(url).map_err(|_| AwsError::NotABucket { url: url.to_owned() })?;
        Ok(Arc::new(self.store(&parsed)?))
    }

    fn store(&self, url: &Url) -> Result<Bucket, AwsError> {
        let name = url.host_str().filter(|name| !name.is_empty() && url.scheme() == "s3");
        let Some(name) = name else { return Err(AwsError::NotABucket { url: url.to_string() }) };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = known.get(name) {
            return Ok(bucket.clone());
        }
        let bucket = Bucket::new(name.to_owned(), Settings::of(&self.variables)?);
        known.insert(name.to_owned(), bucket.clone());
        Ok(bucket)
    }
}

impl Buckets for S3 {
    fn bucket(&self, url: &Url) -> Result<Arc<dyn ObjectStore>, Diagnostic> {
        Ok(Arc::new(self.store(url)?))
    }
}

#[cfg(test)]
mod tests {
    use headwater_plan::Code;

    use super::*;

    fn bucket(s3: &S3, url: &str) -> Result<String, Diagnostic> {
        s3.bucket(&Url::parse(url).unwrap()).map(|store| store.to_string())
    }

    #[test]
    fn a_bucket_is_named_by_the_host() {
        let s3 = S3::new(|_| None);
        assert_eq!(bucket(&s3, "s3://shop-lake/bronze/x.csv").unwrap(), "s3://shop-lake");
        assert_eq!(bucket(&s3, "s3://shop-lake").unwrap(), "s3://shop-lake");
        assert_eq!(s3.known.lock().unwrap().len(), 1);
        for wrong in ["gs://shop-lake/x", "s3a://shop-lake/x", "s3:///x", "file:///x"] {
            assert_eq!(bucket(&s3, wrong).unwrap_err().code, Code::Unsupported, "{wrong}");
        }
    }

    #[test]
    fn wrong_settings_are_told_when_a_bucket_is_wanted() {
        let s3 = S3::new(|name| (name == "AWS_ENDPOINT_URL").then(|| "http://127.0.0.1:1".to_owned()));
        let told = bucket(&s3, "s3://shop-lake/x").unwrap_err();
        assert_eq!(told.code, Code::InvalidValue);
        assert!(told.help.unwrap().contains("AWS_ALLOW_HTTP=true"));
    }
}
