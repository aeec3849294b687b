//! What of S3's answers may be asked for again.
//!
//! The client under this repeats a request that the server refused (500, 503) and reads on where the body of an object
//! broke off. Three things it gives up on, although asking again is right:
//!
//! - An answer in XML (a page of a listing, a multipart upload begun or completed, a deletion) that breaks off; or one that
//!   says no, of which the client wants to read the reason as well.
//! - A conditional put that nobody answers. Whether it was done is unknown; when it is made again, 'already exists' says
//!   that somebody did it, and everybody who puts so reads back what is there and finds its own work.
//! - A conditional put that met another one (409, `ConditionalRequestConflict`), which S3 asks to repeat. As it is, it
//!   would be told as 'already exists' where nothing need exist.
//!
//! So whole answers in XML are read here, and these situations handed on as ones that the client repeats, with its own
//! backoff and limits.
//!
//! And a listing that is refused (403, 404) the client tells as it tells a network that is down. [`Refusal`] keeps what
//! S3 said, so that who lists can tell the one from the other.

use std::error::Error;

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};

/// 'Service unavailable': the client repeats the request.
const ASK_AGAIN: u16 = 503;

/// 'Conflict'.
const CONFLICT: u16 = 409;

/// 'Unauthorised', 'forbidden', 'not found'.
const REFUSED: [u16; 3] = [401, 403, 404];

/// Makes clients that ask again.
#[derive(Debug, Default)]
pub(crate) struct Connector {
    inner: ReqwestConnector,
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Asking { inner: self.inner.connect(options)? }))
    }
}

/// A listing that S3 refuses, and will refuse again.
#[derive(Debug, Clone, thiserror::Error)]
#[error("S3 answered {status}: {said}")]
pub(crate) struct Refusal {
    /// The status.
    pub(crate) status: u16,
    /// The code and the message of the answer.
    said: String,
}

impl Refusal {
    fn new(status: u16, body: &[u8]) -> Self {
        let body = String::from_utf8_lossy(body);
        let element = |name: &str| {
            let (_, rest) = body.split_once(&format!("<{name}>"))?;
            rest.split_once(&format!("</{name}>")).map(|(text, _)| text.to_owned())
        };
        let said: Vec<String> = ["Code", "Message"].into_iter().filter_map(element).collect();
        Self { status, said: if said.is_empty() { "no reason".to_owned() } else { said.join(", ") } }
    }

    /// The refusal below an error, if that is what it is about.
    pub(crate) fn below<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(refusal) = error.downcast_ref() {
                return Some(refusal);
            }
            cause = error.source();
        }
        None
    }
}

#[derive(Debug)]
struct Asking {
    inner: HttpClient,
}

/// What kind of request it is, as far as asking again goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// An object's bytes or description: the client knows how to ask again for those.
    Object,
    /// A put that is done only if there is nothing.
    PutIfAbsent,
    /// A page of a listing.
    Listing,
    /// Anything else that is answered in XML, or not at all, and may be done twice.
    Repeatable,
}

impl Kind {
    fn of(request: &HttpRequest) -> Self {
        let is_listing = request.uri().query().is_some_and(|query| query.contains("list-type="));
        match request.method().as_str() {
            "GET" if is_listing => Self::Listing,
            "GET" | "HEAD" => Self::Object,
            "PUT" if request.headers().contains_key("if-none-match") => Self::PutIfAbsent,
            // Depends on what is there: the client must not do it twice unasked.
            "PUT" if request.headers().contains_key("if-match") => Self::Object,
            _ => Self::Repeatable,
        }
    }

    /// The error, as one after which the client asks again if that is right.
    fn asked_again(self, error: HttpError) -> HttpError {
        match error.kind() {
            HttpErrorKind::Timeout | HttpErrorKind::Interrupted | HttpErrorKind::Unknown if self != Self::Object => {
                HttpError::new(HttpErrorKind::Request, error)
            }
            _ => error,
        }
    }
}

#[async_trait]
impl HttpService for Asking {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let kind = Kind::of(&request);
        let response = self.inner.execute(request).await.map_err(|error| kind.asked_again(error))?;
        if kind == Kind::Object && response.status().is_success() {
            return Ok(response);
        }
        let (mut parts, body) = response.into_parts();
        let body = match body.bytes().await {
            Ok(body) => body,
            Err(error) if parts.status.is_success() => return Err(HttpError::new(HttpErrorKind::Request, error)),
            // What went wrong is in the status; the rest only explains it.
            Err(_) => Default::default(),
        };
        if kind == Kind::PutIfAbsent
            && parts.status.as_u16() == CONFLICT
            && let Ok(status) = ASK_AGAIN.try_into()
        {
            parts.status = status;
        }
        // Those are for good; anything else the client judges by itself.
        if kind == Kind::Listing && REFUSED.contains(&parts.status.as_u16()) {
            let refusal = Refusal::new(parts.status.as_u16(), &body);
            return Err(HttpError::new(HttpErrorKind::Decode, refusal));
        }
        Ok(HttpResponse::from_parts(parts, body.into()))
    }
}
