//! A store and a table that are in memory.

use std::fmt;
use std::task::Poll;

use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use object_store::memory::InMemory;
use object_store::path::Path as StorePath;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result as StoreResult,
};

use super::*;

/// A future that lets the others go on first.
pub(super) async fn give_way() {
    let mut asked = false;
    let asks = std::future::poll_fn(|context| {
        if std::mem::replace(&mut asked, true) {
            return Poll::Ready(());
        }
        // Streams of many futures poll only those that woke them.
        context.waker().wake_by_ref();
        Poll::Pending
    });
    asks.await;
}

/// A store before whose every request others may go on.
#[derive(Debug, Default)]
pub(super) struct Patient(InMemory);

impl fmt::Display for Patient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Patient")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Patient {
    async fn put_opts(&self, path: &StorePath, payload: PutPayload, options: PutOptions) -> StoreResult<PutResult> {
        give_way().await;
        self.0.put_opts(path, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        path: &StorePath,
        options: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        self.0.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &StorePath, options: GetOptions) -> StoreResult<GetResult> {
        give_way().await;
        self.0.get_opts(path, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, StoreResult<StorePath>>,
    ) -> BoxStream<'static, StoreResult<StorePath>> {
        self.0.delete_stream(paths.then(|path| give_way().map(|()| path)).boxed())
    }

    fn list(&self, prefix: Option<&StorePath>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        let listed = self.0.list(prefix);
        give_way().into_stream().flat_map(|()| futures::stream::empty()).chain(listed).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&StorePath>) -> StoreResult<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &StorePath, to: &StorePath, options: CopyOptions) -> StoreResult<()> {
        self.0.copy_opts(from, to, options).await
    }
}

/// A table: rows and transactions change together or not at all.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    /// Which table it is: one that is lost is another when it comes back.
    pub(super) id: u32,
    pub(super) rows: Vec<Record>,
    pub(super) transactions: BTreeMap<String, i64>,
    pub(super) attempts: BTreeMap<(String, i64), Uuid>,
}

impl Table {
    pub(super) fn stands(&self, app_id: &str) -> i64 {
        self.transactions.get(app_id).copied().unwrap_or(0)
    }
}

impl Transactions for Table {
    async fn version(&self, app_id: &str) -> Result<i64, LakeError> {
        Ok(self.stands(app_id))
    }

    async fn attempt(&self, app_id: &str, version: i64) -> Result<Option<Uuid>, LakeError> {
        Ok(self.attempts.get(&(app_id.to_string(), version)).copied())
    }
}
