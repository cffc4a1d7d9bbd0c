//! Around each request: what every answer has, the access log, and a handler that panics.

use crate::body::Body;
use crate::error::ApiError;
use crate::handler;
use crate::service::Service;
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Request, Response};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// Answers a request, whatever happens.
pub(crate) async fn answer(
    service: Arc<Service>,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let begun = Instant::now();
    let head =
        service.settings.log.as_ref().map(|_| format!("{peer} {} {}", request.method(), request.uri()));
    // in a task of its own a panic ends this request and nothing else
    let serving = tokio::spawn(handler::serve(service.clone(), request));
    let answer = serving.await.unwrap_or_else(|panic| Err(ApiError::internal(panic)));
    let (mut response, problem) = match answer {
        Ok(response) => (response, None),
        Err(error) => (error.to_response(), error.for_log().map(str::to_owned)),
    };
    if let (Some(errors), Some(problem)) = (&service.settings.errors, &problem) {
        errors(problem);
    }
    response.headers_mut().insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    if let (Some(log), Some(head)) = (&service.settings.log, head) {
        let (status, milliseconds) = (response.status().as_u16(), begun.elapsed().as_millis());
        let problem = problem.map(|text| format!(" {text}")).unwrap_or_default();
        log(&format!("{head} {status} {milliseconds}ms{problem}"));
    }
    Ok(response)
}
