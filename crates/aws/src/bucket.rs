//! A bucket as an object store. It is connected when it is first used: finding out who asks, and where the bucket is,
//! may itself take requests.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder, resolve_bucket_region};
use object_store::path::Path;
use object_store::{
    BackoffConfig, Certificate, ClientOptions, CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    RetryConfig, UploadPart,
};
use tokio::sync::OnceCell;

use crate::AwsError;
use crate::credentials::{self, Found};
use crate::http::{Connector, Refusal};
use crate::settings::{Identity, Settings};

/// How long it may take to reach the server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a request may be made again and again: what it was signed with must not expire.
const RETRY_TIMEOUT: Duration = Duration::from_secs(3 * 60);

/// Between two attempts it waits this long at first, then up to twice as long each time, by chance.
const BACKOFF: BackoffConfig =
    BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(15), base: 2.0 };

/// The region of an S3 that has none.
const NO_REGION: &str = "us-east-1";

/// A bucket. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Bucket(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    settings: Settings,
    store: OnceCell<AmazonS3>,
}

impl Bucket {
    pub(crate) fn new(name: String, settings: Settings) -> Self {
        Self(Arc::new(Inner { name, settings, store: OnceCell::new() }))
    }

    /// The store; a connection that failed is tried again by the next who asks.
    async fn store(&self) -> Result<&AmazonS3> {
        self.0.store.get_or_try_init(|| self.connect()).await
    }

    async fn connect(&self) -> Result<AmazonS3> {
        let Inner { name, settings, .. } = self.0.as_ref();
        let options = self.client_options()?;
        let retry = RetryConfig { backoff: BACKOFF, max_retries: settings.retries, retry_timeout: RETRY_TIMEOUT };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(name)
            .with_client_options(options.clone())
            .with_http_connector(Connector::default())
            .with_virtual_hosted_style_request(settings.virtual_hosted)
            .with_retry(retry);
        let mut region = settings.region.clone();
        match &settings.identity {
            Identity::Anonymous => builder = builder.with_skip_signature(true),
            Identity::Key { id, secret, token } => {
                builder = builder.with_access_key_id(id).with_secret_access_key(secret.expose());
                if let Some(token) = token {
                    builder = builder.with_token(token.expose());
                }
            }
            Identity::Chain { profile } => {
                let found = credentials::find(profile.as_deref(), region.as_deref(), name).await;
                let Found { credentials, region: found } = found;
                region = region.or(found);
                builder = builder.with_credentials(Arc::new(credentials));
            }
        }
        let region = match (region, settings.bucket_endpoint(name)) {
            (region, Some(endpoint)) => {
                builder = builder.with_endpoint(endpoint);
                region.unwrap_or_else(|| NO_REGION.to_owned())
            }
            (Some(region), None) => region,
            (None, None) => resolve_bucket_region(name, &options).await.map_err(|source| self.not_set_up(source))?,
        };
        builder.with_region(region).build().map_err(|source| self.not_set_up(source))
    }

    fn client_options(&self) -> Result<ClientOptions> {
        let settings = &self.0.settings;
        let mut options = ClientOptions::new()
            .with_timeout(settings.timeout)
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_allow_http(settings.allows_http());
        if let Some(path) = &settings.certificates {
            let unreadable = |source| AwsError::UnreadableCertificates { path: path.clone(), source };
            let pem = std::fs::read(path).map_err(unreadable)?;
            for certificate in Certificate::from_pem_bundle(&pem).map_err(|source| self.not_set_up(source))? {
                options = options.with_root_certificate(certificate);
            }
        }
        Ok(options)
    }

    fn not_set_up(&self, source: Error) -> Error {
        AwsError::NotSetUp { bucket: self.0.name.clone(), source }.into()
    }

    /// What the error of a listing is if S3 refused it.
    fn refused(&self, prefix: Option<&Path>) -> impl Fn(Error) -> Error + Send + 'static {
        let path = format!("{self}/{}", prefix.map_or("", Path::as_ref));
        move |error| {
            let Some(refusal) = Refusal::below(&error).cloned() else { return error };
            let path = path.clone();
            match refusal.status {
                401 => Error::Unauthenticated { path, source: Box::new(refusal) },
                403 => Error::PermissionDenied { path, source: Box::new(refusal) },
                _ => Error::NotFound { path, source: Box::new(refusal) },
            }
        }
    }

    /// A stream of the store, which is connected first.
    fn streamed<T: Send + 'static>(
        &self,
        open: impl FnOnce(&AmazonS3) -> BoxStream<'static, Result<T>> + Send + 'static,
    ) -> BoxStream<'static, Result<T>> {
        let bucket = self.clone();
        stream::once(async move { Ok::<_, Error>(open(bucket.store().await?)) }).try_flatten().boxed()
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.0.name)
    }
}

#[async_trait]
impl ObjectStore for Bucket {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.store().await?.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let inner = self.store().await?.put_multipart_opts(location, options).await?;
        Ok(Box::new(Upload { inner, bucket: self.clone(), location: location.clone(), size: 0 }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.store().await?.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.streamed(move |store| store.delete_stream(locations))
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let prefix = prefix.cloned();
        let refused = self.refused(prefix.as_ref());
        self.streamed(move |store| store.list(prefix.as_ref()).map_err(refused).boxed())
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        let (prefix, offset) = (prefix.cloned(), offset.clone());
        let refused = self.refused(prefix.as_ref());
        self.streamed(move |store| store.list_with_offset(prefix.as_ref(), &offset).map_err(refused).boxed())
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store().await?.list_with_delimiter(prefix).await.map_err(self.refused(prefix))
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store().await?.copy_opts(from, to, options).await
    }
}

/// A multipart upload that knows its own object.
#[derive(Debug)]
struct Upload {
    inner: Box<dyn MultipartUpload>,
    bucket: Bucket,
    location: Path,
    size: u64,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.size += data.content_length() as u64;
        self.inner.put_part(data)
    }

    /// An upload is unknown once it is completed. So when the answer to its completion was lost and the client asked
    /// again, the object is looked for.
    async fn complete(&mut self) -> Result<PutResult> {
        let error = match self.inner.complete().await {
            Err(error @ Error::NotFound { .. }) => error,
            answer => return answer,
        };
        match self.bucket.head(&self.location).await {
            Ok(there) if there.size == self.size => Ok(PutResult { e_tag: there.e_tag, version: there.version }),
            _ => Err(error),
        }
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}

#[cfg(test)]
mod tests;
