//! The HTTP side: the handshake that makes WebSockets of connections, and the files of a page.
//!
//! In the order that a request meets them: the [`connection`], the application's routes and [`files`], or the
//! [`handshake`], which looks at the [`origin`] and the [`address`] and hands the socket to a session. A [`refusal`] says
//! what is wrong at any of them. A [`backend`] is a listener of its own kind: a message a request, and no WebSocket.

mod address;
mod backend;
mod config;
mod connection;
mod files;
mod handshake;
mod origin;
mod refusal;
mod stall;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use http::header::X_CONTENT_TYPE_OPTIONS;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use tower::ServiceExt as _;
use tower_http::services::ServeDir;

pub(crate) use address::Proxies;
pub(crate) use backend::{Backend, BackendConfig, Key};
pub(crate) use config::HttpConfig;
pub(crate) use connection::Http;
use files::Asset;
pub(crate) use handshake::Encodings;
use handshake::Endpoint;
pub(crate) use origin::Origins;

use crate::listen::Door;
use crate::server::ServerError;

/// Everything that a listener of our own serves: the endpoint, the files, and whatever else the application gave.
///
/// The endpoint, the module and the assets stand at their paths; then come the folders, then the application's own routes.
/// At `/` those are asked first, and the page is given where they have nothing.
pub(crate) fn application(
    door: &Arc<Door>,
    http: &HttpConfig,
    registry: &Arc<str>,
    encodings: Encodings,
) -> Result<Router, ServerError> {
    let mut app = router(door, http, registry, encodings)?;
    let mut rest = http
        .extra
        .clone()
        .unwrap_or_else(|| Router::new().fallback(nothing_here));
    for (path, folder) in &http.folders {
        let folder = ServeDir::new(folder);
        match path.trim_end_matches('/') {
            "" => {
                let behind = rest;
                rest =
                    Router::new().fallback_service(folder.call_fallback_on_method_not_allowed(true).fallback(behind));
            }
            path => app = app.nest_service(path, folder.redirect_path_prefix(path)),
        }
    }
    if let Some(page) = http.page.clone() {
        let own = http.extra.clone();
        app = app.route("/", any(move |request: Request| front(page, own, request)));
    }
    Ok(app
        .fallback_service(rest)
        .layer(axum::middleware::map_response(nosniff)))
}

/// The endpoint, the module and the assets: what an application merges into a router of its own.
pub(crate) fn router(
    door: &Arc<Door>,
    http: &HttpConfig,
    registry: &Arc<str>,
    encodings: Encodings,
) -> Result<Router, ServerError> {
    http.check()?;
    let endpoint = Arc::new(Endpoint {
        door: Arc::clone(door),
        registry: Arc::clone(registry),
        encodings,
    });
    let mut router = Router::new().route(&http.path, any(handshake::handshake).with_state(endpoint));
    for (path, asset) in &http.assets {
        let asset = asset.clone();
        router = router.route(path, get(async move |headers: HeaderMap| asset.respond(&headers)));
    }
    Ok(router)
}

/// What is at `/`: what the application's own routes have there, otherwise the page.
async fn front(page: Asset, own: Option<Router>, request: Request) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let headers = request.headers().clone();
    if let Some(own) = own {
        let response = own.oneshot(request).await.into_response();
        if !is_read || response.status() != StatusCode::NOT_FOUND {
            return response;
        }
    }
    if is_read {
        page.respond(&headers)
    } else {
        (StatusCode::METHOD_NOT_ALLOWED, [(http::header::ALLOW, "GET, HEAD")]).into_response()
    }
}

async fn nothing_here(uri: Uri) -> Response {
    let path: String = uri.path().chars().take(128).collect();
    (StatusCode::NOT_FOUND, format!("there is nothing at {path}\n")).into_response()
}

/// Browsers are not to guess what a file is.
async fn nosniff(mut response: Response) -> Response {
    let (name, value) = NOSNIFF;
    response.headers_mut().entry(name).or_insert(value);
    response
}

/// What is spoken here, as TLS names it.
pub(crate) const ALPN: &[&str] = &["http/1.1"];
const NOSNIFF: (HeaderName, HeaderValue) = (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
