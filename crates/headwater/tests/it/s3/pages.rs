//! A double of S3 that knows one thing: to list very many objects that are nowhere, a page at a time.
//!
//! It stands in for a bucket that would take minutes to fill. What it cannot show: that S3 pages as it does, which the
//! other tests show with fewer objects on SeaweedFS.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::http::{self, Request};
use super::proxy::Proxy;

/// Objects of a page, as S3 has it.
const PAGE: u64 = 1000;

/// A bucket full of objects that can be listed.
pub(super) struct Bucket {
    /// Where, behind the faults.
    pub(super) proxy: Proxy,
    /// Pages that were served.
    pages: Arc<AtomicU64>,
}

impl Bucket {
    /// A bucket of so many objects: the n-th, from 0, has n bytes.
    pub(super) fn of(objects: u64, seed: u64) -> Self {
        let pages = Arc::new(AtomicU64::new(0));
        let served = Arc::clone(&pages);
        let proxy = Proxy::answering(seed, move |request| {
            served.fetch_add(1, Ordering::SeqCst);
            Ok(page(request, objects))
        });
        Self { proxy, pages }
    }

    /// Pages that were served.
    pub(super) fn pages(&self) -> u64 {
        self.pages.load(Ordering::SeqCst)
    }
}

fn page(request: &Request, objects: u64) -> Vec<u8> {
    if request.method != "GET" || request.query("list-type").as_deref() != Some("2") {
        return http::answer("501 Not Implemented", "<Error><Code>NotImplemented</Code></Error>");
    }
    assert_eq!(request.query("prefix").as_deref(), Some("events/"));
    let first: u64 = request.query("continuation-token").map_or(0, |token| token.parse().unwrap());
    let end = objects.min(first + PAGE);
    let mut body = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult>");
    for object in first..end {
        write!(
            body,
            "<Contents><Key>events/{:04}/part-{object:07}.csv</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>\
             <ETag>&quot;{object:032x}&quot;</ETag><Size>{object}</Size></Contents>",
            object / PAGE
        )
        .unwrap();
    }
    if end < objects {
        write!(body, "<NextContinuationToken>{end}</NextContinuationToken>").unwrap();
    }
    http::answer("200 OK", &(body + "</ListBucketResult>"))
}
