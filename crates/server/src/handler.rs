//! From a request to its answer: which function serves which method of which endpoint.

use crate::arriving::Arriving;
use crate::body::Body;
use crate::error::{ApiError, Code};
use crate::query::Query;
use crate::route::{self, Endpoint};
use crate::service::Service;
use crate::{blobs, manifests, tags, uploads};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use std::sync::Arc;

/// What a function that serves an endpoint gets.
pub(crate) struct Asked {
    pub(crate) service: Arc<Service>,
    pub(crate) method: Method,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Arriving,
}

impl Asked {
    /// A header as text; what is no text is not there.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

pub(crate) type Answer = Result<Response<Body>, ApiError>;

/// Serves one request.
pub(crate) async fn serve(service: Arc<Service>, request: Request<Incoming>) -> Answer {
    let (parts, body) = request.into_parts();
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let endpoint = route::parse(parts.uri.path(), &query)?;
    let body = Arriving::new(body, service.settings.patience, service.room.clone());
    let asked = Asked { service, method: parts.method, query, headers: parts.headers, body };
    dispatch(endpoint, asked).await
}

async fn dispatch(endpoint: Endpoint, asked: Asked) -> Answer {
    match (endpoint, asked.method.as_str()) {
        (Endpoint::Base, "GET" | "HEAD") => Ok(json(&serde_json::json!({}))),
        (Endpoint::Blob(_, digest), "GET" | "HEAD") => blobs::get(asked, digest).await,
        (Endpoint::Blob(_, digest), "DELETE") => blobs::delete(asked, digest).await,
        (Endpoint::Uploads(name), "POST") => uploads::begin(asked, name).await,
        (Endpoint::Upload(name, id), "GET" | "HEAD") => uploads::status(asked, name, id).await,
        (Endpoint::Upload(name, id), "PATCH") => uploads::append(asked, name, id).await,
        (Endpoint::Upload(name, id), "PUT") => uploads::finish(asked, name, id).await,
        (Endpoint::Upload(_, id), "DELETE") => uploads::cancel(asked, id).await,
        (Endpoint::Manifest(name, reference), "GET" | "HEAD") => manifests::get(asked, name, reference).await,
        (Endpoint::Manifest(name, reference), "PUT") => manifests::put(asked, name, reference).await,
        (Endpoint::Manifest(name, reference), "DELETE") => manifests::delete(asked, name, reference).await,
        (Endpoint::Tags(name), "GET" | "HEAD") => tags::list(asked, name).await,
        (Endpoint::Catalog | Endpoint::Referrers(..), "GET" | "HEAD") => {
            Err(ApiError::new(Code::Unsupported, "not served here").with_status(StatusCode::NOT_FOUND))
        }
        (endpoint, _) => Err(ApiError::method(allowed(&endpoint))),
    }
}

fn allowed(endpoint: &Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Base | Endpoint::Catalog | Endpoint::Tags(_) | Endpoint::Referrers(..) => "GET, HEAD",
        Endpoint::Blob(..) => "GET, HEAD, DELETE",
        Endpoint::Uploads(_) => "POST",
        Endpoint::Upload(..) => "GET, HEAD, PATCH, PUT, DELETE",
        Endpoint::Manifest(..) => "GET, HEAD, PUT, DELETE",
    }
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// An answer of JSON.
pub(crate) fn json(value: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(Body::whole(Bytes::from(value.to_string())));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Sets a header of an answer; every value that is set here is ASCII.
pub(crate) fn set(response: &mut Response<Body>, name: HeaderName, value: impl ToString) {
    if let Ok(value) = HeaderValue::from_str(&value.to_string()) {
        response.headers_mut().insert(name, value);
    }
}

/// The digest of what is answered.
pub(crate) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
