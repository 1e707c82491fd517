//! What a server offers over HTTP, as it is put together.

use std::collections::BTreeMap;
use std::path::PathBuf;

use axum::Router;
use bytes::Bytes;
use http::HeaderValue;

use super::address::Proxies;
use super::files::Asset;
use super::origin::Origins;
use crate::server::ServerError;

/// The paths that a server answers, and whom. What cannot be used is kept, to be told with everything else.
#[derive(Debug)]
pub(crate) struct HttpConfig {
    pub(super) path: String,
    pub(crate) origins: Origins,
    pub(crate) proxies: Proxies,
    pub(super) page: Option<Asset>,
    pub(super) assets: Vec<(String, Asset)>,
    pub(super) folders: Vec<(String, PathBuf)>,
    pub(super) extra: Option<Router>,
    problems: Vec<String>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            path: "/switchboard".to_owned(),
            origins: Origins::default(),
            proxies: Proxies::default(),
            page: None,
            assets: vec![
                module(MODULE, switchboard_javascript::MODULE),
                module(MESSAGE_PACK_MODULE, switchboard_javascript::MESSAGE_PACK),
            ],
            folders: Vec::new(),
            extra: None,
            problems: Vec::new(),
        }
    }
}

impl HttpConfig {
    pub(crate) fn path(&mut self, path: impl Into<String>) {
        self.path = path.into();
    }

    pub(crate) fn allow_origin(&mut self, origin: impl Into<String>) {
        let added = self.origins.add(&origin.into());
        self.problems.extend(added.err());
    }

    pub(crate) fn trust_proxy(&mut self, proxy: impl Into<String>) {
        let added = self.proxies.add(&proxy.into());
        self.problems.extend(added.err());
    }

    pub(crate) fn page(&mut self, html: impl Into<Bytes>) {
        let html_type = HeaderValue::from_static("text/html; charset=utf-8");
        self.page = Some(Asset::new(html_type, html.into()));
    }

    pub(crate) fn asset(&mut self, path: impl Into<String>, content_type: &'static str, bytes: impl Into<Bytes>) {
        let path = path.into();
        match HeaderValue::try_from(content_type) {
            Ok(content_type) => self.assets.push((path, Asset::new(content_type, bytes.into()))),
            Err(_) => self
                .problems
                .push(format!("asset({path:?}): {content_type:?} cannot be a Content-Type")),
        }
    }

    pub(crate) fn files(&mut self, path: impl Into<String>, folder: impl Into<PathBuf>) {
        self.folders.push((path.into(), folder.into()));
    }

    pub(crate) fn extra(&mut self, router: Router) {
        self.extra = Some(match self.extra.take() {
            Some(before) => before.merge(router),
            None => router,
        });
    }

    /// What only a listener of our own serves, by the names of the setters.
    pub(crate) fn beside_messages(&self) -> Vec<&'static str> {
        let page = self.page.as_ref().map(|_| "page");
        let files = self.folders.first().map(|_| "files");
        let extra = self.extra.as_ref().map(|_| "http");
        [page, files, extra].into_iter().flatten().collect()
    }

    /// Names everything that cannot be served.
    pub(crate) fn check(&self) -> Result<(), ServerError> {
        let mut problems = self.problems.clone();
        let mut taken = BTreeMap::new();
        let page = self.page.iter().map(|_| ("/", "the page"));
        let endpoint = [(self.path.as_str(), "the WebSocket endpoint")];
        let assets = self.assets.iter().map(|(path, _)| match path.as_str() {
            MODULE => (MODULE, "the browser's module"),
            MESSAGE_PACK_MODULE => (MESSAGE_PACK_MODULE, "the browser's module for MessagePack"),
            path => (path, "an asset"),
        });
        for (path, what) in page.chain(endpoint).chain(assets) {
            problems.extend(unusable(path, what));
            if let Some(other) = taken.insert(path, what) {
                problems.push(format!("{path} is given twice: {other} and {what}; move one"));
            }
        }
        let mut mounted = BTreeMap::new();
        for (path, folder) in &self.folders {
            let prefix = path.trim_end_matches('/');
            if !prefix.is_empty() {
                problems.extend(unusable(prefix, "a folder"));
                if let Some(other) = taken.get(prefix) {
                    problems.push(format!("{prefix} is given twice: {other} and a folder; move one"));
                }
            }
            if let Some(other) = mounted.insert(prefix, folder) {
                problems.push(format!(
                    "{path} is given twice: the folders {} and {}; move one",
                    other.display(),
                    folder.display()
                ));
            }
            if !folder.is_dir() {
                problems.push(format!(
                    "files({path:?}): there is no folder {}; paths are taken from where the program is started",
                    folder.display()
                ));
            }
        }
        if problems.is_empty() {
            return Ok(());
        }
        Err(ServerError::Config(problems.join("\n")))
    }
}

fn module(path: &str, text: &'static str) -> (String, Asset) {
    let content_type = HeaderValue::from_static("text/javascript; charset=utf-8");
    (
        path.to_owned(),
        Asset::new(content_type, Bytes::from_static(text.as_bytes())),
    )
}

/// What is wrong with a path, if something is.
pub(super) fn unusable(path: &str, what: &str) -> Option<String> {
    let is_plain = path
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"/-._~!$&'()+,;=:@".contains(&byte));
    let is_reachable = path == "/"
        || path
            .strip_prefix('/')
            .is_some_and(|path| path.split('/').all(|segment| !["", ".", ".."].contains(&segment)));
    (!is_plain || !is_reachable).then(|| {
        format!(
            "{path:?} cannot be the path of {what}: one begins with a slash, as /a/b, has no empty segment, no dots alone, \
             and no characters that a browser would escape"
        )
    })
}

/// Where the browser's modules are. Relative imports between them, and import maps, find the same files in the npm package.
const MODULE: &str = "/switchboard.js";
const MESSAGE_PACK_MODULE: &str = "/switchboard/msgpack.js";
