//! A bucket that fails as buckets do: a request is refused, or carried out and answered with an error, or carried out
//! late, or answered by the client's own second try, to which the first one looks like another's.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};

#[derive(Debug, Clone)]
pub(crate) struct Flaky {
    inner: Arc<InMemory>,
    state: Arc<AtomicU64>,
    /// Of a thousand requests, so many fail.
    rate: Arc<AtomicU64>,
}

impl Flaky {
    pub(crate) fn new(seed: u64, rate: u64) -> Self {
        let state = AtomicU64::new(seed.wrapping_mul(2).wrapping_add(0x9e37_79b9_7f4a_7c15));
        Self { inner: Arc::default(), state: Arc::new(state), rate: Arc::new(AtomicU64::new(rate)) }
    }

    /// From now on, so many of a thousand requests fail.
    pub(crate) fn fails(&self, rate: u64) {
        self.rate.store(rate, Ordering::Relaxed);
    }

    /// The bucket as it is.
    pub(crate) fn calm(&self) -> Arc<InMemory> {
        self.inner.clone()
    }

    fn random(&self) -> u64 {
        // SplitMix64.
        let mut value = self.state.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    /// A number below a bound.
    pub(crate) fn one_of(&self, bound: u64) -> u64 {
        self.random() % bound
    }

    fn strikes(&self) -> bool {
        self.random() % 1000 < self.rate.load(Ordering::Relaxed)
    }

    async fn gate(&self) -> Result<()> {
        tokio::task::yield_now().await;
        if self.strikes() { Err(down()) } else { Ok(()) }
    }
}

fn down() -> Error {
    Error::Generic { store: "S3", source: "503 SlowDown".into() }
}

impl fmt::Display for Flaky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flaky")
    }
}

#[async_trait]
impl ObjectStore for Flaky {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        tokio::task::yield_now().await;
        if !self.strikes() {
            return self.inner.put_opts(location, payload, options).await;
        }
        match self.random() % 4 {
            0 => Err(down()),
            1 => {
                // Stored, and the answer is lost.
                let _ = self.inner.put_opts(location, payload, options).await;
                Err(down())
            }
            2 => {
                // Stored, the answer is lost, and the client tries again by itself.
                let _ = self.inner.put_opts(location, payload.clone(), options.clone()).await;
                self.inner.put_opts(location, payload, options).await
            }
            _ => {
                // The client gives up, and the request arrives.
                let (inner, location) = (self.inner.clone(), location.clone());
                let late = async move {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    if options.mode == PutMode::Create {
                        let _ = inner.put_opts(&location, payload, options).await;
                    }
                };
                drop(tokio::runtime::Handle::current().spawn(late));
                Err(down())
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.gate().await?;
        let upload = self.inner.put_multipart_opts(location, options).await?;
        Ok(Box::new(FlakyUpload { upload, bucket: self.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.gate().await?;
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let bucket = self.clone();
        locations
            .then(move |location| {
                let bucket = bucket.clone();
                async move {
                    let location = location?;
                    bucket.gate().await?;
                    bucket.inner.delete(&location).await?;
                    Ok(location)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let bucket = self.clone();
        self.inner.list(prefix).map(move |found| if bucket.strikes() { Err(down()) } else { found }).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.gate().await?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.gate().await?;
        self.inner.copy_opts(from, to, options).await
    }
}

#[derive(Debug)]
struct FlakyUpload {
    upload: Box<dyn MultipartUpload>,
    bucket: Flaky,
}

#[async_trait]
impl MultipartUpload for FlakyUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (part, bucket) = (self.upload.put_part(data), self.bucket.clone());
        async move {
            bucket.gate().await?;
            part.await
        }
        .boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.bucket.gate().await?;
        self.upload.complete().await
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}
