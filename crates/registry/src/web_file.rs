//! A file behind a URL that is no registry's: `ADD`'s.

use crate::body::Pace;
use crate::client::{Client, Inner};
use crate::pipe::{Closed, Pipe};
use crate::pipe_reader::PipeReader;
use crate::transport::{Weight, unreachable};
use crate::{Error, runtime};
use reqwest::header::{LAST_MODIFIED, LOCATION};
use reqwest::{Response, Url};
use std::io::Read;
use std::sync::Arc;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// As curl follows with `-L`, more or less.
const MAX_REDIRECTS: usize = 10;

/// A file that is on its way.
pub struct WebFile {
    /// Its bytes; reading fails where the connection ends too early.
    pub content: Box<dyn Read + Send>,
    /// When it changed last, in seconds since 1970, where the server says that.
    pub modified: Option<i64>,
}

impl Client {
    /// Begins to fetch the file at `url`, http or https. Redirects are followed, never from https to http; nobody is told a
    /// credential.
    ///
    /// # Errors
    /// It is not there, or cannot be reached.
    pub fn web_file(&self, url: &str) -> Result<WebFile, Error> {
        let (inner, object) = (self.0.clone(), url.to_owned());
        runtime::wait(async move { start(inner, object).await })
    }
}

async fn start(inner: Arc<Inner>, object: String) -> Result<WebFile, Error> {
    let url = Url::parse(&object).map_err(|_| Error::protocol(&object, "not a URL"))?;
    let response = answer(&inner, url, &object).await?;
    let modified = response.headers().get(LAST_MODIFIED).and_then(|value| seconds(value.to_str().ok()?));
    let pipe = Pipe::new();
    let content = Box::new(PipeReader::new(pipe.clone()));
    let task_end = pipe.task_end();
    tokio::spawn(async move {
        let _task_end = task_end;
        receive(&inner, response, &pipe).await;
    });
    Ok(WebFile { content, modified })
}

/// The answer that is no redirect.
async fn answer(inner: &Inner, mut url: Url, object: &str) -> Result<Response, Error> {
    for _ in 0..=MAX_REDIRECTS {
        let host = url.host_str().unwrap_or_default().to_owned();
        let sent = inner.transport.client(&url, Weight::Heavy)?.get(url.clone()).send();
        let response = match tokio::time::timeout(inner.settings.read_timeout, sent).await {
            Ok(response) => response.map_err(|error| unreachable(&host, &error))?,
            Err(_) => return Err(Error::unreachable(&host, "no answer")),
        };
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let location = response.headers().get(LOCATION).filter(|_| status.is_redirection());
        let Some(location) = location.and_then(|location| location.to_str().ok()) else {
            return Err(Error::of_status(object, &host, status.as_u16(), b""));
        };
        let next = url.join(location).ok().filter(|next| matches!(next.scheme(), "http" | "https"));
        let next =
            next.ok_or_else(|| Error::protocol(object, "redirected to what is no URL of http or https"))?;
        if url.scheme() == "https" && next.scheme() == "http" {
            return Err(Error::protocol(object, "redirected from https to http"));
        }
        url = next;
    }
    Err(Error::protocol(object, format!("redirected more than {MAX_REDIRECTS} times")))
}

async fn receive(inner: &Inner, mut response: Response, pipe: &Pipe) {
    let host = response.url().host_str().unwrap_or_default().to_owned();
    let mut pace = Pace::new(&inner.settings);
    loop {
        match pace.next(&mut response).await {
            Ok(Some(bytes)) => {
                if let Err(Closed) = pipe.send(bytes).await {
                    return;
                }
            }
            Ok(None) => return pipe.finish(Ok(())),
            Err(reason) => return pipe.finish(Err(Error::unreachable(&host, reason).into())),
        }
    }
}

/// A date of HTTP, `Wed, 21 Oct 2015 07:28:00 GMT`.
fn seconds(date: &str) -> Option<i64> {
    let date = OffsetDateTime::parse(&date.replace("GMT", "+0000"), &Rfc2822).ok()?;
    Some(date.unix_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Environment, Settings};
    use std::io::Write as _;
    use std::net::TcpListener;

    /// Answers one request after the other with these bytes.
    fn served(answers: Vec<String>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut asked = [0; 4096];
                let _ = stream.read(&mut asked).unwrap();
                stream.write_all(answer.replace("HERE", &format!("http://{address}")).as_bytes()).unwrap();
            }
        });
        format!("http://{address}")
    }

    fn fetched(url: &str) -> Result<(String, Option<i64>), String> {
        let client = Client::new(Settings::new(&Environment::from_lookup(|_| None)));
        let mut file = client.web_file(url).map_err(|error| error.to_string())?;
        let mut text = String::new();
        file.content.read_to_string(&mut text).map_err(|error| error.to_string())?;
        Ok((text, file.modified))
    }

    fn answer_of(status: &str, headers: &str, body: &str) -> String {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
    }

    #[test]
    fn a_file_is_fetched_through_redirects_and_with_its_time() {
        let found = answer_of("200 OK", "Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n", "hi");
        let host = served(vec![answer_of("302 Found", "Location: HERE/b\r\n", ""), found]);
        assert_eq!(fetched(&format!("{host}/a")), Ok(("hi".to_owned(), Some(1_445_412_480))));
    }

    #[test]
    fn what_is_not_there_or_ends_too_early_is_an_error() {
        let host = served(vec![answer_of("404 Not Found", "", "no")]);
        assert!(fetched(&format!("{host}/a")).unwrap_err().contains("not found"));
        let cut = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nhi".to_owned();
        let host = served(vec![cut]);
        assert!(fetched(&format!("{host}/a")).unwrap_err().contains("ended in the middle"));
    }

    #[test]
    fn redirects_in_a_circle_end() {
        let around = answer_of("302 Found", "Location: HERE/a\r\n", "");
        let host = served(vec![around; MAX_REDIRECTS + 1]);
        assert!(fetched(&format!("{host}/a")).unwrap_err().contains("redirected more than"));
    }
}
