//! Answers that are errors: the codes of the specification, each with its status.
//!
//! Spec: distribution-spec 1.1, "Error Codes".

use crate::body::Body;
use bytes::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use image_format::{Class, Failure};

/// A code, as clients know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    Denied,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    NoSpace,
    PaginationNumberInvalid,
    RangeInvalid,
    SizeInvalid,
    Unknown,
    Unsupported,
}

impl Code {
    fn as_str(self) -> &'static str {
        match self {
            Code::BlobUnknown => "BLOB_UNKNOWN",
            Code::BlobUploadInvalid | Code::RangeInvalid => "BLOB_UPLOAD_INVALID",
            Code::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Code::Denied => "DENIED",
            Code::DigestInvalid => "DIGEST_INVALID",
            Code::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Code::ManifestInvalid => "MANIFEST_INVALID",
            Code::ManifestUnknown => "MANIFEST_UNKNOWN",
            Code::NameInvalid => "NAME_INVALID",
            Code::NameUnknown => "NAME_UNKNOWN",
            Code::PaginationNumberInvalid => "PAGINATION_NUMBER_INVALID",
            Code::SizeInvalid => "SIZE_INVALID",
            // the specification has no code of its own for it
            Code::NoSpace | Code::Unknown => "UNKNOWN",
            Code::Unsupported => "UNSUPPORTED",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Code::BlobUnknown
            | Code::BlobUploadUnknown
            | Code::ManifestBlobUnknown
            | Code::ManifestUnknown
            | Code::NameUnknown => StatusCode::NOT_FOUND,
            Code::Denied => StatusCode::FORBIDDEN,
            Code::NoSpace => StatusCode::INSUFFICIENT_STORAGE,
            Code::RangeInvalid => StatusCode::RANGE_NOT_SATISFIABLE,
            Code::Unknown => StatusCode::INTERNAL_SERVER_ERROR,
            Code::Unsupported => StatusCode::METHOD_NOT_ALLOWED,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// An answer that is an error.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ApiError {
    code: Code,
    status: StatusCode,
    message: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl ApiError {
    /// An error with the status that its code has.
    pub(crate) fn new(code: Code, message: impl ToString) -> ApiError {
        ApiError { code, status: code.status(), message: message.to_string(), headers: Vec::new() }
    }

    /// The same with another status.
    pub(crate) fn with_status(self, status: StatusCode) -> ApiError {
        ApiError { status, ..self }
    }

    /// The same with a header; a value that cannot be one is left out.
    pub(crate) fn with_header(mut self, name: HeaderName, value: &str) -> ApiError {
        self.headers.extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
        self
    }

    /// The method does nothing here.
    pub(crate) fn method(allowed: &'static str) -> ApiError {
        ApiError::new(Code::Unsupported, format_args!("expected one of {allowed}"))
            .with_header(header::ALLOW, allowed)
    }

    /// Our own fault: said to the log, not to the client.
    pub(crate) fn internal(message: impl ToString) -> ApiError {
        ApiError::new(Code::Unknown, message)
    }

    /// What the access log says beside the status; `None` where the client was told all.
    pub(crate) fn for_log(&self) -> Option<&str> {
        self.told().is_some().then_some(&self.message)
    }

    /// Is there no room for what was to be written?
    pub(crate) fn is_full(&self) -> bool {
        self.code == Code::NoSpace
    }

    /// What the client is told in place of the message, which is about our own disk.
    fn told(&self) -> Option<&'static str> {
        match self.code {
            Code::Unknown => Some("the server failed"),
            Code::NoSpace => Some("no space is left in the registry"),
            _ => None,
        }
    }

    /// The answer.
    pub(crate) fn to_response(&self) -> Response<Body> {
        let message = self.told().unwrap_or(&self.message);
        let json = serde_json::json!({ "errors": [{ "code": self.code.as_str(), "message": message }] });
        let mut response = Response::new(Body::whole(Bytes::from(json.to_string())));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.extend(self.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        response
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> ApiError {
        match failure.class() {
            Class::Integrity => ApiError::new(Code::DigestInvalid, failure),
            Class::NoSpace => ApiError::new(Code::NoSpace, failure),
            _ => ApiError::internal(failure),
        }
    }
}

impl From<layout::Error> for ApiError {
    fn from(error: layout::Error) -> ApiError {
        use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
        match error {
            layout::Error::Io { error, .. }
                if matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem) =>
            {
                ApiError::new(Code::Denied, "this registry cannot be written to")
            }
            error => {
                let failure = Failure::from(error);
                let code = if failure.class() == Class::NoSpace { Code::NoSpace } else { Code::Unknown };
                ApiError::new(code, failure)
            }
        }
    }
}
